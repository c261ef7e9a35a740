"""The week: ticks of one millisecond from Monday 00:00 local time, hours, and five-minute slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
HOURS_PER_DAY = 24
DAYS_PER_WEEK = 7
HOURS_PER_WEEK = 168
SLOT_MIN = 5
SLOT = SLOT_MIN * MINUTE
SLOTS_PER_HOUR = 60 // SLOT_MIN
SLOTS_PER_DAY = 24 * SLOTS_PER_HOUR
SLOTS_PER_WEEK = 7 * SLOTS_PER_DAY

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
DAYS_PATTERN = rf"^(daily|{_DAY}(-{_DAY})?)$"
TIME_PATTERN = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
WEEK_TIME_PATTERN = rf"^{_DAY} (([01][0-9]|2[0-3]):00|24:00)$"

Slots = npt.NDArray[np.float64]


def minutes(time: str) -> int:
    """Return the minutes from midnight of a time "HH:MM"."""
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)


def hour_of(week_time: str) -> int:
    """Return the hour of the week, 0 to 168, of a time such as "sun 11:00"."""
    day, time = week_time.split(" ")
    return DAY_NAMES.index(day) * HOURS_PER_DAY + minutes(time) // 60


def between(first: str, last: str) -> npt.NDArray[np.bool_]:
    """Return which slots lie between two times of the week, shape (2016,); the end may lie in the next week.

    Raises ValueError where the two are the same time.
    """
    start, end = hour_of(first), hour_of(last)
    length = end - start if end > start else end - start + HOURS_PER_WEEK
    if length <= 0 or start == end:
        raise ValueError(f"no time lies between {first} and {last}")
    hours = np.zeros(HOURS_PER_WEEK, bool)
    hours[np.arange(start, start + length) % HOURS_PER_WEEK] = True
    return np.repeat(hours, SLOTS_PER_HOUR)


def days_of(days: str) -> tuple[int, ...]:
    """Return the day numbers (0 = Monday) named by `daily`, `sat` or `mon-fri`; a range may wrap."""
    if days == "daily":
        return tuple(range(7))
    first, _, last = days.partition("-")
    start = DAY_NAMES.index(first)
    length = (DAY_NAMES.index(last or first) - start) % 7 + 1
    return tuple((start + step) % 7 for step in range(length))


def constant(value: float) -> Slots:
    """Return a week that is the same throughout, shape (2016,)."""
    return np.full(SLOTS_PER_WEEK, float(value))


def from_hours(hours: Sequence[float]) -> Slots:
    """Spread 24 hourly values over each day, or 168 over the week, shape (2016,)."""
    if len(hours) not in {HOURS_PER_DAY, HOURS_PER_WEEK}:
        raise ValueError(f"{len(hours)} hourly values: give 24 (each day) or 168 (the week)")
    week = np.tile(np.asarray(hours, float), HOURS_PER_WEEK // len(hours))
    return np.repeat(week, SLOTS_PER_HOUR)


def from_days(days: Mapping[str, float | Mapping[str, float] | Sequence[float]]) -> Slots:
    """Lay daily patterns (a number, 24 numbers, or steps by time of day) over the days named."""
    week = np.full(SLOTS_PER_WEEK, np.nan)
    for name, pattern in days.items():
        one_day = _day(pattern)
        for day in days_of(name):
            part = slice(day * SLOTS_PER_DAY, (day + 1) * SLOTS_PER_DAY)
            if not np.isnan(week[part.start]):
                raise ValueError(f"{DAY_NAMES[day]} is given twice")
            week[part] = one_day
    missing = [DAY_NAMES[day] for day in range(7) if np.isnan(week[day * SLOTS_PER_DAY])]
    if missing:
        raise ValueError(f"no values for {', '.join(missing)}")
    return week


def _day(pattern: float | Mapping[str, float] | Sequence[float]) -> Slots:
    if isinstance(pattern, int | float):
        return np.full(SLOTS_PER_DAY, float(pattern))
    if not isinstance(pattern, Mapping):
        if len(pattern) != HOURS_PER_DAY:
            raise ValueError(f"{len(pattern)} values for a day: give 24")
        return np.repeat(np.asarray(pattern, float), SLOTS_PER_HOUR)
    if not pattern:
        raise ValueError("no steps given")
    steps = sorted((minutes(time), value) for time, value in pattern.items())
    values = np.full(SLOTS_PER_DAY, steps[-1][1])  # before the first step, the last one holds
    for start, value in steps:
        if start % SLOT_MIN:
            raise ValueError(f'"{start // 60:02d}:{start % 60:02d}" is not a multiple of {SLOT_MIN} minutes')
        values[start // SLOT_MIN :] = value
    return values


def hourly(slots: Slots) -> npt.NDArray[np.float64]:
    """Average the slots of each hour, shape (168,)."""
    means: npt.NDArray[np.float64] = slots.reshape(HOURS_PER_WEEK, SLOTS_PER_HOUR).mean(axis=1)
    return means


def hour_label(hour: int) -> str:
    """Name an hour of the week, as `mon 06:00`."""
    return f"{DAY_NAMES[hour // 24]} {hour % 24:02d}:00"
