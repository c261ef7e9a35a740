"""Derive the baseline tables of the CaliBaja network from public observations.

    python tools/baseline_tables.py DATA_DIR [--out DIR]

DATA_DIR holds `cbp_waits_2026_apr_jun.csv` (waits and open lanes from the CBP feed, by local date and hour)
and `bts_crossings_2015_2025.csv` (BTS monthly crossings, tidy). Written are `booths_open.csv`,
`joining_per_hour.csv` and `wait_min.csv`: 168 rows from Monday 00:00, one column a line. Printed are the
service times to enter in `network.yaml`, and a check that runs each line forward as a fluid.

Method. Open booths and waits come from the feed by day type (Monday to Thursday, Friday, Saturday, Sunday)
and hour. Booth-hours times relative service rates, times one factor for each port and mode, serve the
crossings that BTS counts. Where a line stands, what it serves is its capacity; where the wait is short, less,
as queueing theory has it. A traveller who joins at t is served at t + W(t), so the number joined by t is the
number served by t + W(t): joining follows from serving, without an assumed profile of arrivals.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Hours = dict[int, tuple[float, int, int]]  # weekday -> the line opens, booths open, the gate closes

HOURS_PER_WEEK = 168
STEPS_PER_HOUR = 12
DAY_TYPE = (0, 0, 0, 0, 1, 2, 3)  # of Monday to Sunday
PRIOR_READINGS = 2.0  # a cell leans on its hour's mean over all days as if it had so many more readings
STANDING_MIN = 20.0  # at this wait and above, a line never runs dry
LEAST_USED = 0.5  # share of capacity in use where the feed reports no wait; unknown, and assumed
SPREAD = (1 + 0.6**2) / 2  # of service times with a coefficient of variation of 0.6
ROUNDS = 20  # the service time and the share of capacity in use settle together
STEEPEST_FALL_MIN = 50.0  # minutes of wait a line can lose in an hour; 60 would mean that nobody joins
LONGEST_WAIT_MIN = 480
BUSIEST_SHARE = 0.9  # of capacity, in the busiest hour of a line that does not stand
FIRST_MONTH, LAST_MONTH, DAYS_OF_YEAR = (2024, 3), (2025, 2), 365

DAILY: Hours = dict.fromkeys(range(7), (0.0, 0, 24))


def daily(opens: int, closes: int, before: float = 0.0) -> Hours:
    """Return the same hours on all days, the line forming `before` hours earlier."""
    return dict.fromkeys(range(7), (opens - before, opens, closes))


@dataclass(frozen=True)
class Line:
    """One line: its feed, its hours, and how fast its booths work against the others of the port."""

    name: str
    feed: tuple[str, str, str] | None = None
    relative_s: float = 60.0
    hours: Hours = field(default_factory=lambda: DAILY)
    most_booths: int = 40
    extra_booths: tuple[range, range, float] | None = None  # days, hours, booths beside those of the feed
    booths: Array | None = None  # assumed, where there is no feed
    wait_min: Array | None = None  # assumed, where there is no feed

    def open_hours(self) -> npt.NDArray[np.bool_]:
        """Mark the hours of the week in which the booths work."""
        mask = np.zeros(HOURS_PER_WEEK, bool)
        for day, (_, opens, closes) in self.hours.items():
            mask[24 * day + opens : 24 * day + closes] = True
        return mask

    def always_open(self) -> bool:
        """Tell whether the line never closes."""
        return bool(self.open_hours().all())


@dataclass(frozen=True)
class Group:
    """The lines of one port and mode, which share the volume that BTS counts."""

    bts_code: int
    measure: str
    lines: tuple[Line, ...]
    day_profile: tuple[float, ...] = ()  # for lines that do not stand: the day that joining follows
    shares: tuple[float, ...] = (1.0,)  # of the volume by line, with a day profile only
    mean_s: float | None = None  # with a day profile only; else the busiest hour fills nine tenths


@dataclass(frozen=True)
class Fitted:
    """A line's week: open booths, capacity, joining and wait by hour, and its mean service time."""

    line: Line
    booths: Array
    capacity_per_hour: Array
    joining_per_hour: Array
    wait_min: Array
    mean_s: float
    target_wait: Array


# --- observations --------------------------------------------------------------------------------


def read_feed(path: Path) -> pd.DataFrame:
    """Read the feed, mending records whose wait and lanes are swapped, and dropping impossible ones.

    Posted waits are multiples of five minutes. Some records of Ready pedestrian lines say `wait 2, lanes 45`:
    there the two fields have changed places.
    """
    feed = pd.read_csv(path)
    wait, lanes = feed["wait_min"], feed["lanes_open"]
    swapped = (wait % 5 != 0) & (lanes % 5 == 0) & (lanes > 0)
    feed.loc[swapped, ["wait_min", "lanes_open"]] = feed.loc[swapped, ["lanes_open", "wait_min"]].to_numpy()
    return feed[feed["wait_min"] <= LONGEST_WAIT_MIN]


def daily_crossings(path: Path) -> dict[tuple[int, str], float]:
    """Return mean crossings a day by BTS port code and measure, over the last twelve months without a gap."""
    bts = pd.read_csv(path)
    month = bts["year"] * 12 + bts["month"]
    first, last = (12 * year + number for year, number in (FIRST_MONTH, LAST_MONTH))
    year = bts[(month >= first) & (month <= last)]
    totals: dict[tuple[int, str], float] = {}
    for code, measure, value in zip(year["port_code"], year["measure"], year["value"], strict=True):
        key = int(code), str(measure)
        totals[key] = totals.get(key, 0.0) + float(value) / DAYS_OF_YEAR
    return totals


def readings(feed: pd.DataFrame, line: Line) -> pd.DataFrame:
    """Return the feed's readings of a line in its opening hours, without impossible lane counts."""
    if line.feed is None:
        return feed.iloc[:0]
    port, mode, lane_type = line.feed
    rows = feed[(feed["port"] == port) & (feed["mode"] == mode) & (feed["lane_type"] == lane_type)]
    is_open = line.open_hours()[24 * rows["weekday"].to_numpy() + rows["hour"].to_numpy()]
    return pd.DataFrame(rows[is_open & (rows["lanes_open"] <= line.most_booths)])


def weekly_means(feed: pd.DataFrame, line: Line, column: str) -> Array:
    """Return the mean of a column by day type for each hour of the week, NaN where the line is closed."""
    rows = readings(feed, line)
    value, hour = rows[column].to_numpy(float), rows["hour"].to_numpy()
    day_type = np.array(DAY_TYPE)[rows["weekday"].to_numpy()]
    week = np.full(HOURS_PER_WEEK, np.nan)
    for slot in np.flatnonzero(line.open_hours()):
        all_days = value[hour == slot % 24]
        if all_days.size:
            cell = value[(hour == slot % 24) & (day_type == DAY_TYPE[slot // 24])]
            week[slot] = (cell.sum() + PRIOR_READINGS * all_days.mean()) / (cell.size + PRIOR_READINGS)
    return fill(week, line)


def fill(week: Array, line: Line) -> Array:
    """Interpolate missing hours within the opening hours of each day."""
    filled = week.copy()
    for day, (_, opens, closes) in line.hours.items():
        part = filled[24 * day + opens : 24 * day + closes]
        known = np.flatnonzero(~np.isnan(part))
        part[:] = np.interp(np.arange(part.size), known, part[known])
    return filled


def smooth(week: Array, line: Line) -> Array:
    """Average over three hours, round the week or within each day's hours; the mean does not move."""
    if line.always_open():
        return (np.roll(week, 1) + week + np.roll(week, -1)) / 3
    smoothed = week.copy()
    for day, (_, opens, closes) in line.hours.items():
        part = slice(24 * day + opens, 24 * day + closes)
        padded = np.pad(week[part], 1, mode="edge")
        smoothed[part] = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smoothed


def limit_falls(wait: Array, line: Line) -> Array:
    """Flatten falls too steep for a queue: half by lowering what precedes, half by raising what follows."""
    raised, lowered = wait.copy(), wait.copy()
    hours = list(range(HOURS_PER_WEEK)) * 2 if line.always_open() else list(range(HOURS_PER_WEEK))
    for before, after in itertools.pairwise(hours):
        if not np.isnan(wait[before] + wait[after]):
            raised[after] = max(raised[after], raised[before] - STEEPEST_FALL_MIN)
    for after, before in zip(hours[::-1], hours[-2::-1], strict=False):
        if not np.isnan(wait[before] + wait[after]):
            lowered[before] = min(lowered[before], lowered[after] + STEEPEST_FALL_MIN)
    return (raised + lowered) / 2


def target_wait(feed: pd.DataFrame, line: Line) -> Array:
    """Return the wait to reproduce by hour of the week, NaN where closed."""
    if line.wait_min is not None:
        return np.where(line.open_hours(), line.wait_min, np.nan)
    return limit_falls(smooth(weekly_means(feed, line, "wait_min"), line), line)


def booth_week(feed: pd.DataFrame, line: Line) -> Array:
    """Return mean open booths by hour of the week, 0 where closed."""
    if line.booths is not None:
        return np.where(line.open_hours(), line.booths, 0.0)
    week = np.nan_to_num(weekly_means(feed, line, "lanes_open"))
    if line.extra_booths:
        days, hours, booths = line.extra_booths
        for day in days:
            week[24 * day + hours.start : 24 * day + hours.stop] += booths
    return np.round(week, 2)


# --- inversion -----------------------------------------------------------------------------------


def used_share(wait: Array, booths: Array, mean_s: float) -> Array:
    """Return the share of capacity in use at a wait, minutes.

    Where a line comes and goes, a wait W says how busy its booths are: busy / (1 - busy) = W / scale, with a
    scale of the service time a booth, times the spread. A line of 20 minutes stands, and uses all of it.
    """
    scale = mean_s / 60 / np.maximum(booths, 0.5) * SPREAD
    idle = scale / (scale + np.nan_to_num(wait)) * np.maximum(0.0, 1 - np.nan_to_num(wait) / STANDING_MIN)
    return np.where(np.isnan(wait), 0.0, np.maximum(LEAST_USED, 1 - idle))


def weekly_served(line: Line, served_per_hour: Array, wait: Array) -> float:
    """Return those served in a week, with those after closing until the line is empty."""
    last = [] if line.always_open() else [24 * day + closes - 1 for day, (_, _, closes) in line.hours.items()]
    return float(served_per_hour.sum() + (served_per_hour[last] * wait[last] / 60).sum())


def always_open_joins(served_per_hour: Array, wait: Array) -> Array:
    """Invert a line that never closes: joined by t = served by t + W(t), round the week."""
    hour = np.arange(HOURS_PER_WEEK + 1, dtype=float)
    return np.diff(_served_by(served_per_hour, hour + _wait_at(wait, hour) / 60))


def _wait_at(wait: Array, hour: Array) -> Array:
    """Return the wait at moments of a periodic week: hourly means stand at the middle of their hour."""
    return np.interp(hour, np.arange(HOURS_PER_WEEK) + 0.5, wait, period=HOURS_PER_WEEK)


def _served_by(served_per_hour: Array, time: Array) -> Array:
    """Return cumulative service by times of a periodic week, which may run into the next."""
    knots = np.concatenate([[0.0], np.cumsum(np.tile(served_per_hour, 2))])
    return np.asarray(np.interp(time, np.arange(knots.size), knots))


def day_joins(served_per_hour: Array, wait: Array, times: tuple[float, int, int]) -> Array:
    """Invert one day of a line that closes; `served_per_hour` and `wait` are those of its 24 hours.

    The line is empty when it opens; after closing, booths go on at the last hour's rate until it is empty.
    """
    line_opens, opens, closes = times
    knots = np.arange(opens, closes + 9)
    rates = np.concatenate([served_per_hour[opens:closes], np.full(8, served_per_hour[closes - 1])])
    served = np.concatenate([[0.0], np.cumsum(rates)])
    hour = np.arange(opens, closes + 1, dtype=float)
    middle = np.arange(opens, closes) + 0.5
    wait_h = np.interp(hour, middle, wait[opens:closes] / 60)
    if line_opens == opens:
        wait_h[0] = 0.0
    joined = np.interp(hour + wait_h, knots, served)
    if line_opens < opens:
        hour, joined = np.append(line_opens, hour), np.append(0.0, joined)
    return np.diff(np.interp(np.arange(25.0), hour, joined))


def joins(line: Line, served_per_hour: Array, wait: Array) -> Array:
    """Return travellers joining in each hour of the week."""
    if line.always_open():
        return always_open_joins(served_per_hour, wait)
    week = np.zeros(HOURS_PER_WEEK)
    for day, times in line.hours.items():
        part = slice(24 * day, 24 * day + 24)
        week[part] = day_joins(served_per_hour[part], wait[part], times)
    return week


def waits_of_joins(line: Line, wait: Array) -> Array:
    """Return the mean wait of those who join in each hour: also of those who come before the booths open."""
    week = np.nan_to_num(wait)
    for day, (line_opens, opens, _) in line.hours.items():
        for hour in range(int(line_opens), opens):
            first = max(line_opens, float(hour))
            at_opening = week[24 * day + opens]
            fully = 60 * (opens - line_opens)
            way = ((first + hour + 1) / 2 - line_opens) / (opens - line_opens)
            week[24 * day + hour] = fully * (1 - way) + at_opening * way
    return week


def fit_group(group: Group, feed: pd.DataFrame, daily_volume: float) -> list[Fitted]:
    """Fit the lines of one port and mode: one factor on all service times meets the volume."""
    weekly = 7 * daily_volume
    booths = [booth_week(feed, line) for line in group.lines]
    waits = [target_wait(feed, line) for line in group.lines]
    if group.day_profile:
        return [
            fit_short_line(line, open_booths, wait, weekly * share, group)
            for line, open_booths, wait, share in zip(group.lines, booths, waits, group.shares, strict=True)
        ]
    factor = 1.0
    for _ in range(ROUNDS):
        served = [
            open_booths * 3600 / line.relative_s * used_share(wait, open_booths, line.relative_s / factor)
            for line, open_booths, wait in zip(group.lines, booths, waits, strict=True)
        ]
        total = sum(map(weekly_served, group.lines, served, waits))
        factor = weekly / total
    return [
        Fitted(
            line,
            open_booths,
            open_booths * 3600 / line.relative_s * factor,
            joins(line, rate * factor, wait),
            waits_of_joins(line, wait),
            round(line.relative_s / factor, 1),
            wait,
        )
        for line, open_booths, wait, rate in zip(group.lines, booths, waits, served, strict=True)
    ]


def fit_short_line(line: Line, booths: Array, wait: Array, weekly: float, group: Group) -> Fitted:
    """Fit a line without standing queues: an assumed day, and booths used nine tenths in the busiest hour."""
    profile = _by_day(group.day_profile) * line.open_hours()
    joining = weekly * profile / profile.sum()
    busy = joining > 0
    mean_s = group.mean_s or round(BUSIEST_SHARE * 3600 * float((booths[busy] / joining[busy]).min()), 1)
    return Fitted(line, booths, booths * 3600 / mean_s, joining, np.nan_to_num(wait), mean_s, wait)


# --- lines ---------------------------------------------------------------------------------------


def _mean_service(by_class: dict[str, float], shares: dict[str, float]) -> float:
    return sum(by_class[name] * share for name, share in shares.items())


# Loaded, empty and FAST trucks, seconds: one structure fits both big truck ports; only ratios matter here.
TRUCK_S = {"loaded": 115.0, "empty": 50.0, "fast": 95.0}
# Loaded share of all trucks, from BTS containers of 2022, the last year before their definition moved.
LOADED = {"otay-mesa": 0.764, "calexico-east": 0.528, "tecate": 0.656}
FAST = {"otay-mesa": 0.325, "calexico-east": 0.273, "tecate": 0.0}


def loaded_on_standard(port: str) -> float:
    """Return the loaded share on standard lanes, all FAST trucks being loaded."""
    return (LOADED[port] - FAST[port]) / (1 - FAST[port])


def standard_truck_s(port: str) -> float:
    """Return the relative mean service time on a port's standard truck lanes."""
    loaded = loaded_on_standard(port)
    return _mean_service(TRUCK_S, {"loaded": loaded, "empty": 1 - loaded})


def weekdays_and_weekend(weekday: Sequence[float], start: int, saturday: float, sunday: float) -> Array:
    """Lay hourly values over Monday to Friday from `start`, and a number over each weekend day."""
    week = np.zeros((7, 24))
    week[:5, start : start + len(weekday)] = weekday
    week[5], week[6] = saturday, sunday
    return week.ravel()


OTAY_CARGO: Hours = dict.fromkeys(range(5), (6.0, 6, 21)) | {5: (8.0, 8, 16), 6: (8.0, 8, 14)}
CALEXICO_CARGO: Hours = dict.fromkeys(range(5), (6.0, 6, 20)) | {5: (10.0, 10, 18)}
TECATE_CARGO: Hours = dict.fromkeys(range(5), (7.5, 8, 16))

# Otay Mesa's truck waits are not observed: Calexico East's shape of the day, lifted to 40 minutes on weekdays
# (low 20, high 120), and 20 at the weekend.
OTAY_TRUCK_SHAPE = np.array([10, 14, 20, 26, 32, 38, 42, 46, 50, 54, 58, 60, 58, 50, 42], float)
OTAY_TRUCK_WAIT_MIN = 40.0
FAST_WAIT_RATIO = 1 / 1.22
OTAY_WAIT = weekdays_and_weekend(tuple(OTAY_TRUCK_SHAPE * OTAY_TRUCK_WAIT_MIN / OTAY_TRUCK_SHAPE.mean()), 6, 20.0, 20.0)

VEHICLE_S = {
    "san-ysidro": (67.0, 65.0, 34.0),
    "otay-mesa": (73.0, 47.0, 30.0),
    "calexico": (69.9, 54.1, 31.6),  # the mean rates of the two
}
LANE_NAMES = (("general", "standard"), ("ready", "ready"), ("sentri", "sentri"))


def vehicle_lines(
    port: str, feed: str, seconds: tuple[float, ...], hours: Hours = DAILY, sentri: Hours | None = None
) -> tuple[Line, ...]:
    """Return the passenger vehicle lines of a port, as many as there are service times."""
    return tuple(
        Line(
            f"{port}/vehicle/{name}",
            (feed, "passenger", theirs),
            relative_s,
            hours=sentri or hours if name == "sentri" else hours,
        )
        for (name, theirs), relative_s in zip(LANE_NAMES, seconds, strict=False)
    )


def pedestrian_line(port: str, feed: str, hours: Hours = DAILY, most_booths: int = 40) -> Line:
    """Return a port's general pedestrian line."""
    return Line(f"{port}/pedestrian/general", (feed, "pedestrian", "standard"), hours=hours, most_booths=most_booths)


def ready_pedestrian_line(port: str, feed: str) -> Line:
    """Return a port's Ready pedestrian line."""
    return Line(f"{port}/pedestrian/ready", (feed, "pedestrian", "ready"), most_booths=4)


def _flat(value: float) -> Array:
    return np.full(HOURS_PER_WEEK, value)


def _by_day(hours: Sequence[float]) -> Array:
    return np.tile(np.asarray(hours, float), 7)


# Coaches and the airport bridge have no hourly count: assumed days, per mille of the day's volume.
COACH_DAY = (12, 8, 8, 12, 25, 45, 60, 65, 62, 58, 55, 52, 50, 48, 48, 50, 52, 55, 55, 50, 45, 38, 28, 19)
BRIDGE_DAY = (45, 22, 10, 8, 12, 30, 46, 48, 46, 48, 50, 50, 50, 48, 48, 50, 50, 52, 54, 54, 52, 50, 44, 43)
COACH_S = 240.0
SMALL_BUS_DAY = (0,) * 6 + (10, 12, 12, 10, 8, 8, 6, 6, 6, 6, 6, 4, 2, 2, 1, 1, 0, 0)


def groups() -> list[Group]:
    """Return every port and mode of the baseline, with what is known and assumed of each line."""
    vehicles, walkers, trucks, buses = "Personal Vehicles", "Pedestrians", "Trucks", "Buses"
    otay, east, west = "Otay Mesa Passenger", "Calexico East", "Calexico West"
    pedwest = (range(5), range(6, 14), 4.0)
    return [
        Group(2504, vehicles, vehicle_lines("san-ysidro", "San Ysidro", VEHICLE_S["san-ysidro"])),
        Group(
            2504,
            walkers,
            (
                Line(
                    "san-ysidro/pedestrian/general",
                    ("San Ysidro", "pedestrian", "standard"),
                    extra_booths=pedwest,
                ),
                ready_pedestrian_line("san-ysidro", "San Ysidro"),
            ),
        ),
        Group(
            2504,
            buses,
            (Line("san-ysidro/bus/general", booths=_flat(1.0), wait_min=_flat(2.0)),),
            day_profile=COACH_DAY,
            mean_s=COACH_S,
        ),
        Group(2506, vehicles, vehicle_lines("otay-mesa", otay, VEHICLE_S["otay-mesa"], sentri=daily(4, 24))),
        Group(2506, walkers, (pedestrian_line("otay-mesa", otay),)),
        Group(2506, trucks, otay_truck_lines()),
        Group(2505, vehicles, vehicle_lines("tecate", "Tecate", (60.0,), daily(6, 22, 1.5))),
        Group(2505, walkers, (pedestrian_line("tecate", "Tecate", daily(6, 22, 0.5)),)),
        Group(
            2505,
            trucks,
            (
                Line(
                    "tecate/truck/standard",
                    ("Tecate", "commercial", "standard"),
                    standard_truck_s("tecate"),
                    hours=TECATE_CARGO,
                ),
            ),
        ),
        Group(2503, vehicles, vehicle_lines("calexico-west", west, VEHICLE_S["calexico"])),
        Group(
            2503,
            walkers,
            (pedestrian_line("calexico-west", west), ready_pedestrian_line("calexico-west", west)),
        ),
        Group(2507, vehicles, vehicle_lines("calexico-east", east, VEHICLE_S["calexico"], daily(6, 22, 0.5))),
        Group(2507, walkers, (pedestrian_line("calexico-east", east, daily(6, 22)),)),
        Group(2507, trucks, calexico_truck_lines()),
        Group(
            2507,
            buses,
            (Line("calexico-east/bus/general", hours=daily(6, 22), booths=_flat(1.0), wait_min=_flat(2.0)),),
            day_profile=SMALL_BUS_DAY,
            mean_s=COACH_S,
        ),
        Group(2502, vehicles, vehicle_lines("andrade", "Andrade", (60.0,), daily(6, 22, 0.5))),
        Group(2502, walkers, (pedestrian_line("andrade", "Andrade", daily(6, 22)),)),
        Group(2582, walkers, bridge_lines(), day_profile=BRIDGE_DAY, shares=(0.75, 0.25)),
    ]


def otay_truck_lines() -> tuple[Line, ...]:
    """Return Otay Mesa's truck lines; booths are assumed within the range that the feed shows."""
    standard = weekdays_and_weekend((4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 5, 5, 5, 4), 6, 3.0, 2.0)
    fast = weekdays_and_weekend((2, 2, *(3,) * 9, 2, 2, 2, 2), 6, 2.0, 1.0)
    return (
        Line(
            "otay-mesa/truck/standard",
            relative_s=standard_truck_s("otay-mesa"),
            hours=OTAY_CARGO,
            booths=standard,
            wait_min=OTAY_WAIT,
        ),
        Line(
            "otay-mesa/truck/fast",
            relative_s=TRUCK_S["fast"],
            hours=OTAY_CARGO,
            booths=fast,
            wait_min=OTAY_WAIT * FAST_WAIT_RATIO,
        ),
    )


def calexico_truck_lines() -> tuple[Line, ...]:
    """Return Calexico East's truck lines, which the feed covers."""
    return (
        Line(
            "calexico-east/truck/standard",
            ("Calexico East", "commercial", "standard"),
            standard_truck_s("calexico-east"),
            hours=CALEXICO_CARGO,
        ),
        Line(
            "calexico-east/truck/fast",
            ("Calexico East", "commercial", "fast"),
            TRUCK_S["fast"],
            hours=CALEXICO_CARGO,
        ),
    )


def bridge_lines() -> tuple[Line, ...]:
    """Return the airport bridge's lines; the feed holds four readings, none with a wait."""
    general = _by_day((5.0, *(3.0,) * 4, *(5.5,) * 19))
    ready = _by_day((1.5, *(1.0,) * 4, *(2.0,) * 19))
    return (
        Line("cross-border-xpress/pedestrian/general", booths=general, wait_min=_flat(0.0)),
        Line("cross-border-xpress/pedestrian/ready", booths=ready, wait_min=_flat(0.0)),
    )


# --- output --------------------------------------------------------------------------------------


def fluid_wait(fit: Fitted) -> float:
    """Run a line forward for two weeks as a fluid; return the second week's mean wait, minutes."""
    steps = np.repeat(fit.joining_per_hour, STEPS_PER_HOUR) / STEPS_PER_HOUR
    _spread_early_joins(fit.line, steps)
    rates = np.repeat(fit.capacity_per_hour, STEPS_PER_HOUR) / STEPS_PER_HOUR
    queue = 0.0
    if fit.line.always_open():
        queue = float(_served_by(fit.capacity_per_hour, _wait_at(fit.wait_min, np.zeros(1)) / 60)[0])
    queues, last = [], 0.0
    for step, joined in enumerate(np.tile(steps, 2)):
        rate = rates[step % rates.size]
        last = rate or last
        gate_shut = rate == 0 and joined == 0  # what is left in line is served at the last hour's rate
        queue = max(0.0, queue + joined - (last if gate_shut else rate))
        queues.append(queue)
    return float(60 * sum(queues[steps.size :]) / STEPS_PER_HOUR / steps.sum())


def _spread_early_joins(line: Line, steps: Array) -> None:
    for day, (line_opens, _, _) in line.hours.items():
        part = steps[(24 * day + int(line_opens)) * STEPS_PER_HOUR :][:STEPS_PER_HOUR]
        skipped = round((line_opens % 1) * STEPS_PER_HOUR)
        part[skipped:], part[:skipped] = part.sum() / (STEPS_PER_HOUR - skipped), 0.0


def table(fits: Sequence[Fitted], values: Sequence[Array], decimals: int) -> pd.DataFrame:
    """Lay one column a line over the 168 hours."""
    columns = {fit.line.name: np.round(value, decimals) + 0.0 for fit, value in zip(fits, values, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(HOURS_PER_WEEK, name="hour"))


def write_tables(fits: Sequence[Fitted], out: Path) -> None:
    """Write the three tables."""
    table(fits, [fit.booths for fit in fits], 2).to_csv(out / "booths_open.csv")
    table(fits, [fit.joining_per_hour for fit in fits], 2).to_csv(out / "joining_per_hour.csv")
    table(fits, [fit.wait_min for fit in fits], 1).to_csv(out / "wait_min.csv")


def summary(fits: Sequence[Fitted], feed: pd.DataFrame) -> pd.DataFrame:
    """Return one row a line: volume, booths, service time, and observed, tabled and fluid waits."""
    rows = []
    for fit in fits:
        open_hours = fit.line.open_hours()
        volume = fit.joining_per_hour.sum()
        rows.append(
            {
                "line": fit.line.name,
                "per_day": volume / 7,
                "mean_booths": fit.booths[open_hours].mean(),
                "mean_s": fit.mean_s,
                "feed_wait": readings(feed, fit.line)["wait_min"].mean(),
                "target_wait": float(np.nanmean(fit.target_wait)),
                "joined_wait": float((fit.wait_min * fit.joining_per_hour).sum() / volume),
                "fluid_wait": fluid_wait(fit),
                "least_join": float(fit.joining_per_hour.min()),
                "peak_join": float(fit.joining_per_hour.max()),
            }
        )
    return pd.DataFrame(rows).set_index("line")


def main() -> None:
    """Derive the tables, write them and print the check."""
    parser = argparse.ArgumentParser(description="Derive the baseline tables of the CaliBaja network.")
    parser.add_argument("data_dir", type=Path, help="holds the CBP feed and the BTS counts")
    parser.add_argument("--out", type=Path, default=Path("src/portsim/data/calibaja"))
    arguments = parser.parse_args()
    feed = read_feed(arguments.data_dir / "cbp_waits_2026_apr_jun.csv")
    crossings = daily_crossings(arguments.data_dir / "bts_crossings_2015_2025.csv")
    fits: list[Fitted] = []
    for group in groups():
        volume = crossings[group.bts_code, group.measure]
        fitted = fit_group(group, feed, volume)
        joined = sum(float(fit.joining_per_hour.sum()) for fit in fitted)
        print(f"{group.bts_code} {group.measure}: {volume:,.1f} a day, joins {joined / 7 / volume - 1:+.3%}")
        fits += fitted
    write_tables(fits, arguments.out)
    print(summary(fits, feed).round(1).to_string())


if __name__ == "__main__":
    main()
