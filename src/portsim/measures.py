"""Crossings -> Measures: waits, queues, throughput and utilisation of one replication.

Only the measured weeks count: a traveller by when it joined, a crossing by the end of primary, queues and booths
by the clock. `wait` is joining the line to start of primary (CBP's and GAO's sense), `crossing time` joining to
leaving the last stage (FHWA's). All arrays are float64; a value that does not exist is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.model import NEVER, PortModel
from portsim.records import LOST, NONE, TURNED_AWAY, Crossings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ALL = "all"
THRESHOLDS_MIN = (20, 40, 60, 120)
SUMMARY_METRICS = (
    "crossings_per_day",
    "people_per_day",
    "wait_mean_min",
    "wait_p50_min",
    "wait_p90_min",
    "wait_p95_min",
    *(f"share_over_{minutes}min" for minutes in THRESHOLDS_MIN),
    "buffer_index",
    "crossing_time_mean_min",
    "lost_trips_per_day",
    "queue_longest",
)
HOURLY_METRICS = (
    "arrivals_per_hour",
    "wait_mean_min",
    "wait_p95_min",
    "posted_wait_min",
    "queue_mean",
    "queue_end",
    "throughput_per_hour",
    "booths_open",
    "utilisation",
)


@dataclass(frozen=True)
class TruckWaits:
    """The waits of single trucks, to pair the same trucks between scenarios: key, port index, wait in ticks."""

    key: Ints
    port: Ints
    wait: Ints


@dataclass(frozen=True)
class Measures:
    """One replication, measured.

    `groups`: (port, mode, lane type) with `all` for totals; `summary`, shape (groups, SUMMARY_METRICS). `lines`:
    (port, mode, lane type); `hourly`, shape (lines, 168, HOURLY_METRICS), means over the measured weeks.
    `daily`, shape (lines, measured days, 24, 2): of each single hour the joins and their mean wait, minutes.
    """

    groups: tuple[tuple[str, str, str], ...]
    summary: Floats
    lines: tuple[tuple[str, str, str], ...]
    hourly: Floats
    daily: Floats
    trucks: TruckWaits


def measure(crossings: Crossings, model: PortModel) -> Measures:
    """Measure one replication."""
    window = (model.warm_up_weeks * clock.WEEK, model.horizon)
    names = tuple((model.ports[line.port], str(line.mode), line.lane_type) for line in model.lines)
    groups = tuple(_groups(names))
    rows = _Rows(crossings, model, window)
    longest = _longest_queues(rows, len(model.lines))
    summary = np.array([_summarise(rows, group, names, longest, model) for group in groups])
    return Measures(
        groups=groups,
        summary=summary,
        lines=names,
        hourly=_hourly(rows, crossings, model, window),
        daily=_daily(rows, len(model.lines), window),
        trucks=_trucks(rows, model),
    )


class _Rows:
    """The travellers of the measured weeks: who decided then, who joined then, who was through primary then."""

    def __init__(self, crossings: Crossings, model: PortModel, window: tuple[int, int]) -> None:
        first, last = window
        standing = np.array([segment.initial > 0 for segment in model.segments])
        self.crossings = crossings
        self.line = crossings.line
        self.mode = np.array([segment.mode for segment in model.segments])[crossings.segment]
        self.decided = (crossings.tick >= first) & (crossings.tick < last) & ~standing[crossings.segment]
        self.joined = self.decided & crossings.joined
        self.served = self.joined & (crossings.start != NONE)
        self.through = (crossings.end >= first) & (crossings.end < last)
        self.lost = self.decided & ((crossings.outcome == LOST) | (crossings.outcome == TURNED_AWAY))
        self.wait = crossings.start - crossings.tick
        self.days = (last - first) / clock.DAY


def _groups(names: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, str, str]]:
    """Yield every line, then each port and mode, each port, each mode, and all."""
    yield from names
    yield from dict.fromkeys((port, mode, ALL) for port, mode, _ in names)
    yield from dict.fromkeys((port, ALL, ALL) for port, _, _ in names)
    yield from dict.fromkeys((ALL, mode, ALL) for _, mode, _ in names)
    yield ALL, ALL, ALL


def _summarise(
    rows: _Rows,
    group: tuple[str, str, str],
    names: tuple[tuple[str, str, str], ...],
    longest: Ints,
    model: PortModel,
) -> list[float]:
    in_group = np.array([all(want in {ALL, has} for want, has in zip(group, name, strict=True)) for name in names])
    of_line = np.append(in_group, False)  # line -1, "none was open", is the last
    members = of_line[rows.line]
    wait = np.sort(rows.wait[members & rows.served]) / clock.MINUTE
    through = members & rows.through
    people = np.array([line.people for line in model.lines])
    crossed = members & rows.served & (rows.crossings.depart != NONE)
    crossing_time = (rows.crossings.depart[crossed] - rows.crossings.tick[crossed]) / clock.MINUTE
    mean = _mean(wait)
    p50, p90, p95 = (_quantile(wait, q) for q in (0.5, 0.9, 0.95))
    return [
        through.sum() / rows.days,
        people[rows.line[through]].sum() / rows.days,
        mean,
        p50,
        p90,
        p95,
        *(_mean(wait > minutes) for minutes in THRESHOLDS_MIN),
        (p95 - mean) / mean if mean > 0 else np.nan,
        _mean(crossing_time),
        (rows.lost & (members | _turned_away(rows, group))).sum() / rows.days,
        longest[in_group].max(initial=0),
    ]


def _turned_away(rows: _Rows, group: tuple[str, str, str]) -> Bools:
    """Return who found no open port: they count in the totals over ports only."""
    port, mode, _ = group
    nowhere = rows.line == NONE
    found: Bools = nowhere & (port == ALL) & ((mode == ALL) | (rows.mode == mode))
    return found


def _mean(values: npt.NDArray[np.floating] | Bools) -> float:
    return float(values.mean()) if values.size else float("nan")


def _quantile(ordered: Floats, share: float) -> float:
    """Return a quantile of ordered values, by linear interpolation as numpy's default does."""
    if not ordered.size:
        return float("nan")
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _longest_queues(rows: _Rows, lines: int) -> Ints:
    """Return the longest queue of each line within the measured weeks' joins."""
    longest = np.zeros(lines, np.int64)
    joined = rows.crossings.joined
    for line in range(lines):
        on_line = joined & (rows.line == line)
        joins, starts = rows.crossings.tick[on_line], rows.crossings.start[on_line]
        begun = np.searchsorted(np.sort(starts[starts != NONE]), joins, side="right")
        ahead = np.arange(1, len(joins) + 1) - begun
        measured = rows.joined[on_line]
        longest[line] = ahead[measured].max(initial=0)
    return longest


# --- by hour -----------------------------------------------------------------------------------


def _hourly(rows: _Rows, c: Crossings, model: PortModel, window: tuple[int, int]) -> Floats:
    table = np.full((len(model.lines), clock.HOURS_PER_WEEK, len(HOURLY_METRICS)), np.nan)
    for line in range(len(model.lines)):
        on_line = rows.line == line
        came, wait, p95 = _waits_by_hour(rows, on_line, window)
        queue, queue_end = _level_by_hour(c.tick, c.start, on_line & c.joined, window)
        busy, _ = _level_by_hour(c.start, c.end, on_line & (c.start != NONE), window)
        booths = _booths_by_hour(c.opened[c.opened[:, 1] == line], window)
        staffed = np.maximum(booths, busy)  # a booth that closes finishes its vehicle first
        ended, _ = np.histogram(c.end[on_line], bins=_edges(window))
        columns = (
            came,
            wait,
            p95,
            _posted_by_hour(c.posted[:, line], model, window),
            _by_week_hour(queue),
            _by_week_hour(queue_end),
            _by_week_hour(ended.astype(float)),
            _by_week_hour(booths),
            _by_week_hour(busy) / np.where(_by_week_hour(staffed) > 0, _by_week_hour(staffed), np.nan),
        )
        table[line] = np.stack(columns, axis=1)
    return table


def _daily(rows: _Rows, lines: int, window: tuple[int, int]) -> Floats:
    """Return joins and mean wait of every line in every hour of every measured day."""
    hours = (window[1] - window[0]) // clock.HOUR
    served = rows.served
    cell = rows.line[served] * hours + (rows.crossings.tick[served] - window[0]) // clock.HOUR
    count = np.bincount(cell, minlength=lines * hours).astype(float)
    total = np.bincount(cell, weights=rows.wait[served] / clock.MINUTE, minlength=lines * hours)
    both = np.stack([count, total / np.where(count > 0, count, np.nan)], axis=-1)
    return both.reshape(lines, hours // clock.HOURS_PER_DAY, clock.HOURS_PER_DAY, 2)


def _edges(window: tuple[int, int]) -> Ints:
    return np.arange(window[0], window[1] + 1, clock.HOUR)


def _by_week_hour(hours: Floats) -> Floats:
    """Average the hours of all weeks by hour of the week, shape (168,)."""
    means: Floats = hours.reshape(-1, clock.HOURS_PER_WEEK).mean(axis=0)
    return means


def _waits_by_hour(rows: _Rows, on_line: Bools, window: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Return joins an hour, mean wait and 95th percentile, by hour of the week of joining."""
    weeks = (window[1] - window[0]) / clock.WEEK
    joined = on_line & rows.joined
    came = np.bincount(_week_hour(rows.crossings.tick[joined]), minlength=clock.HOURS_PER_WEEK) / weeks
    served = on_line & rows.served
    hour, wait = _week_hour(rows.crossings.tick[served]), rows.wait[served]
    order = np.lexsort((wait, hour))
    hour, wait = hour[order], wait[order] / clock.MINUTE
    starts = np.searchsorted(hour, np.arange(clock.HOURS_PER_WEEK + 1))
    parts = [wait[a:b] for a, b in pairwise(starts)]
    mean = np.array([_mean(part) for part in parts])
    p95 = np.array([_quantile(part, 0.95) for part in parts])
    return came, mean, p95


def _week_hour(tick: Ints) -> Ints:
    return tick // clock.HOUR % clock.HOURS_PER_WEEK


def _level_by_hour(came: Ints, left: Ints, members: Bools, window: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return, for each hour of the window, the mean of how many had come and not left, and how many at its end."""
    edges = _edges(window)
    mean, at_end = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    left_ticks = left[members]
    for ticks, sign in ((came[members], 1), (left_ticks[left_ticks != NONE], -1)):
        before = np.searchsorted(np.sort(ticks), edges)
        inside = ticks[(ticks >= window[0]) & (ticks < window[1])]
        hour = (inside - window[0]) // clock.HOUR
        part = np.bincount(hour, weights=clock.HOUR - inside % clock.HOUR, minlength=len(edges) - 1)
        mean += sign * (before[:-1] + part / clock.HOUR)
        at_end += sign * before[1:]
    return np.maximum(mean, 0.0), at_end  # rounding may leave -1e-12


def _booths_by_hour(opened: Ints, window: tuple[int, int]) -> Floats:
    """Return the mean open booths of each hour of the window, from the changes (tick, station, booths)."""
    edges = _edges(window)
    if not len(opened):
        return np.zeros(len(edges) - 1)
    ticks = np.unique(np.concatenate([edges, opened[:, 0].clip(*window)]))
    booths = opened[np.searchsorted(opened[:, 0], ticks[:-1], side="right") - 1, 2]
    hour = (ticks[:-1] - window[0]) // clock.HOUR
    return np.bincount(hour, weights=booths * np.diff(ticks), minlength=len(edges) - 1) / clock.HOUR


def _posted_by_hour(posted: Ints, model: PortModel, window: tuple[int, int]) -> Floats:
    """Return the mean of the posted waits of each hour of the week, minutes."""
    ticks = np.arange(len(posted)) * model.posting_interval
    measured = (ticks >= window[0]) & (ticks < window[1]) & (posted != NEVER)
    hour = _week_hour(ticks[measured])
    count = np.bincount(hour, minlength=clock.HOURS_PER_WEEK)
    total = np.bincount(hour, weights=posted[measured] / clock.MINUTE, minlength=clock.HOURS_PER_WEEK)
    means: Floats = total / np.where(count > 0, count, np.nan)
    return means


def _trucks(rows: _Rows, model: PortModel) -> TruckWaits:
    chosen = np.flatnonzero(rows.served & (rows.mode == "truck"))
    port_of_line = np.array([line.port for line in model.lines], np.int64)
    c = rows.crossings
    return TruckWaits(c.key[chosen], port_of_line[c.line[chosen]], rows.wait[chosen])
