"""Crossings -> Measures: waits, queues, throughput and utilisation of one replication.

A `Tally` takes the rows a week-block at a time and keeps counts by line and hour, and of each wait eight bytes.

Only the measured weeks count: a traveller by when it joined, a crossing by the end of primary, queues and booths
by the clock. `wait` is joining the line to start of primary (CBP's and GAO's sense), `crossing time` joining to
leaving the last stage (FHWA's). All arrays are float64; a value that does not exist is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.model import MILLI, NEVER, PortModel
from portsim.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Group = tuple[str, str, str]

_NOT_YET = 1 << 62  # the start of who is still in line
ALL = "all"
THRESHOLDS_MIN = (20, 40, 60, 120)
TOLL_REVENUE = "toll_revenue_usd_per_day"
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
    TOLL_REVENUE,
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


_WAIT_BITS = 40
_WAIT_MASK = (1 << _WAIT_BITS) - 1
_PERCENTILES = (0.5, 0.9, 0.95)


def measure(crossings: Crossings, model: PortModel) -> Measures:
    """Measure one replication."""
    tally = Tally(model)
    tally.add(crossings)
    return tally.measures()


class Tally:
    """What is counted of one replication's rows, block by block.

    A traveller still inside at a block's end is in the next one again, and counted there. Arrays by hour have shape
    (lines, hours from the start of the run); waits of the measured weeks are kept packed with line and hour of the
    week, so that percentiles are exact.
    """

    def __init__(self, model: PortModel) -> None:
        self.model = model
        self.window = (model.warm_up_weeks * clock.WEEK, model.horizon)
        lines, hours = len(model.lines), model.horizon // clock.HOUR
        self.shape = (lines, hours)
        self.standing = np.array([segment.initial > 0 for segment in model.segments])
        self.is_truck = np.array([line.mode == "truck" for line in model.lines])
        self.joined, self.began, self.ended = _Passing(lines, hours), _Passing(lines, hours), _Passing(lines, hours)
        self.arrivals, self.served = np.zeros(self.shape), np.zeros(self.shape)
        self.wait = np.zeros(self.shape)
        self.crossed, self.crossing_time = np.zeros(lines), np.zeros(lines)
        self.lost = np.zeros(lines)
        self.turned_away = np.zeros(len(model.segments))
        self.longest = np.zeros(lines)
        self.has_toll = np.array([bool(line.toll.any()) for line in model.lines])
        for rule in model.toll_rules:
            self.has_toll[list(rule.lines)] = True
        self.revenue = np.zeros(lines)
        self.tolls: list[Ints] = []
        self.packed: list[Ints] = []
        self.trucks: list[TruckWaits] = []
        self.opened: list[Ints] = []
        self.posted: list[Ints] = []

    def add(self, crossings: Crossings, carried: int = 0, *, last: bool = True) -> None:
        """Count a block: the first `carried` rows are travellers of earlier blocks who were still inside.

        Who is inside at its end is left for the next block, unless this is the `last`.
        """
        self.opened.append(crossings.opened)
        self.posted.append(crossings.posted)
        self.tolls.append(crossings.tolls)
        self._see_longest_queues(crossings, carried)
        done = None if last else np.flatnonzero(crossings.outcome != INSIDE)
        self._count(_Rows(*(_chosen(getattr(crossings, name), done) for name in _Rows._fields)))

    def _count(self, c: _Rows) -> None:
        first, last = self.window
        decided = (c.tick >= first) & (c.tick < last) & ~self.standing[c.segment]
        lost = decided & (c.outcome == LOST)
        self.lost += np.bincount(c.line[lost], minlength=len(self.lost))
        away = decided & (c.outcome == TURNED_AWAY)
        self.turned_away += np.bincount(c.segment[away], minlength=len(self.turned_away))
        joined = np.flatnonzero((c.outcome == CROSSED) | (c.outcome == INSIDE))
        line = c.line[joined]
        self.joined.add(line, c.tick[joined])
        self.began.add(line, c.start[joined])
        self.ended.add(line, c.end[joined])
        measured = np.flatnonzero(decided[joined])
        self._add_measured(c, joined[measured])

    def _add_measured(self, c: _Rows, rows: Ints) -> None:
        """Count those who joined in the measured weeks."""
        lines = len(self.lost)
        line, tick, start, depart = (column[rows] for column in (c.line, c.tick, c.start, c.depart))
        cell = line * self.shape[1] + tick // clock.HOUR
        self.arrivals += np.bincount(cell, minlength=self.arrivals.size).reshape(self.shape)
        self._add_revenue(line, tick)
        served = start != NONE
        if not served.all():
            rows, line, tick, start, depart, cell = (x[served] for x in (rows, line, tick, start, depart, cell))
        wait = start - tick
        self.served += np.bincount(cell, minlength=self.served.size).reshape(self.shape)
        self.wait += np.bincount(cell, weights=wait, minlength=self.wait.size).reshape(self.shape)
        week_cell = line * clock.HOURS_PER_WEEK + tick // clock.HOUR % clock.HOURS_PER_WEEK
        self.packed.append(week_cell << _WAIT_BITS | wait)
        through = depart != NONE
        self.crossed += np.bincount(line[through], minlength=lines)
        self.crossing_time += np.bincount(line[through], weights=(depart - tick)[through], minlength=lines)
        trucks = np.flatnonzero(self.is_truck[line])
        port_of_line = np.array([found.port for found in self.model.lines], np.int64)
        self.trucks.append(TruckWaits(c.key[rows[trucks]], port_of_line[line[trucks]], wait[trucks]))

    def _add_revenue(self, line: Ints, tick: Ints) -> None:
        """Count what those who joined were charged: the toll of their decision, in thousandths of a dollar."""
        paid = np.flatnonzero(self.has_toll[line])
        if not paid.size:
            return
        line, tick = line[paid], tick[paid]
        charged = np.array([of.toll for of in self.model.lines])[line, _week_hour(tick)]
        changes = np.concatenate(self.tolls)
        for number, rule in enumerate(self.model.toll_rules):
            on_rule = np.isin(line, rule.lines)
            moved = changes[changes[:, 1] == number]
            steps = np.concatenate([[0], moved[:, 2]])
            charged[on_rule] += rule.step * steps[np.searchsorted(moved[:, 0], tick[on_rule], side="right")]
        self.revenue += np.bincount(line, weights=charged, minlength=len(self.revenue))

    def _see_longest_queues(self, c: Crossings, carried: int) -> None:
        """Note the longest queue of each line, as those of the measured weeks found it with themselves behind it.

        A line is first come first served, so its starts rise as its joins do.
        """
        joined = np.flatnonzero(c.joined)
        line = c.line[joined]
        order = joined[np.argsort(line, kind="stable")]
        edges = np.searchsorted(c.line[order], np.arange(len(self.longest) + 1))
        for number in range(len(self.longest)):
            rows = order[edges[number] : edges[number + 1]]
            joins, starts = c.tick[rows], c.start[rows]
            begun = np.searchsorted(np.where(starts == NONE, _NOT_YET, starts), joins, side="right")
            queue = np.arange(1, len(rows) + 1) - begun
            counted = (rows >= carried) & (joins >= self.window[0])
            self.longest[number] = max(self.longest[number], queue[counted].max(initial=0))

    def measures(self) -> Measures:
        """Return the measures of all that was added."""
        model = self.model
        opened, posted = np.concatenate(self.opened), np.concatenate(self.posted)
        names = tuple((model.ports[line.port], str(line.mode), line.lane_type) for line in model.lines)
        groups = tuple(_groups(names))
        waits = _Waits(self.packed, len(names))
        summary = np.array([self._summarise(group, names, waits) for group in groups])
        return Measures(
            groups=groups,
            summary=summary,
            lines=names,
            hourly=self._hourly(waits, opened, posted),
            daily=self._daily(),
            trucks=TruckWaits(*(np.concatenate(parts) for parts in zip(*map(_columns, self.trucks), strict=True))),
        )

    def _measured(self, by_hour: Floats) -> Floats:
        """Return the hours of the measured weeks."""
        return by_hour[:, self.window[0] // clock.HOUR :]

    def _summarise(self, group: Group, names: tuple[Group, ...], waits: _Waits) -> list[float]:
        members = np.array(
            [all(want in {ALL, has} for want, has in zip(group, name, strict=True)) for name in names], bool
        )
        days = (self.window[1] - self.window[0]) / clock.DAY
        through = self._measured(self.ended.count).sum(axis=1)[members]
        people = np.array([line.people for line in self.model.lines])[members]
        served = self._measured(self.served)[members].sum()
        mean = _ratio(self._measured(self.wait)[members].sum() / clock.MINUTE, served)
        p50, p90, p95 = waits.percentiles(np.flatnonzero(members))
        lost = self.lost[members].sum() + self._turned_away(group)
        return [
            through.sum() / days,
            (through * people).sum() / days,
            mean,
            p50,
            p90,
            p95,
            *(_ratio(waits.over[members, number].sum(), served) for number in range(len(THRESHOLDS_MIN))),
            (p95 - mean) / mean if mean > 0 else np.nan,
            _ratio(self.crossing_time[members].sum() / clock.MINUTE, self.crossed[members].sum()),
            lost / days,
            self.longest[members].max(initial=0),
            self.revenue[members].sum() / MILLI / days if self.has_toll[members].any() else np.nan,
        ]

    def _turned_away(self, group: Group) -> float:
        """Return who found no open port: they count in the totals over ports only."""
        port, mode, _ = group
        if port != ALL:
            return 0.0
        concerned = np.array([mode in {ALL, segment.mode} for segment in self.model.segments], bool)
        return float(self.turned_away[concerned].sum())

    # --- by hour ---

    def _hourly(self, waits: _Waits, opened: Ints, posted: Ints) -> Floats:
        weeks = (self.window[1] - self.window[0]) / clock.WEEK
        queue, queue_end = self.joined.level(self.began)
        busy, _ = self.began.level(self.ended)
        booths = np.stack([_booths_by_hour(opened[opened[:, 1] == n], self.window) for n in range(self.shape[0])])
        busy, booths = _by_week_hour(self._measured(busy)), _by_week_hour(booths)
        per_lane = np.array([1 + line.stacked for line in self.model.lines])
        staffed = np.maximum(booths * per_lane[:, None], busy)  # a booth that closes finishes its vehicle first
        served = _by_week_hour(self._measured(self.served)) * weeks
        total = _by_week_hour(self._measured(self.wait)) * weeks
        columns = (
            _by_week_hour(self._measured(self.arrivals)),
            _ratios(total / clock.MINUTE, served),
            waits.by_hour_p95(),
            np.stack([_posted_by_hour(posted[:, n], self.model, self.window) for n in range(self.shape[0])]),
            _by_week_hour(self._measured(queue)),
            _by_week_hour(self._measured(queue_end)),
            _by_week_hour(self._measured(self.ended.count)),
            booths,
            _ratios(busy, staffed),
        )
        return np.stack(columns, axis=2)

    def _daily(self) -> Floats:
        """Return joins and mean wait of every line in every hour of every measured day."""
        served, wait = self._measured(self.served), self._measured(self.wait)
        both = np.stack([served, _ratios(wait / clock.MINUTE, served)], axis=-1)
        return both.reshape(self.shape[0], -1, clock.HOURS_PER_DAY, 2)


class _Rows(NamedTuple):
    """Columns of travellers."""

    key: Ints
    tick: Ints
    segment: Ints
    line: Ints
    start: Ints
    end: Ints
    depart: Ints
    outcome: Ints


def _chosen(column: Ints, rows: Ints | None) -> Ints:
    return column if rows is None else column[rows]


class _Passing:
    """How many passed a point by line and hour of the run, and how long before the hour's end, in hours together."""

    def __init__(self, lines: int, hours: int) -> None:
        self.count, self.early = np.zeros((lines, hours)), np.zeros((lines, hours))

    def add(self, line: Ints, tick: Ints) -> None:
        """Count those who passed within the run; NONE has not."""
        hours = self.count.shape[1]
        within = (tick != NONE) & (tick < hours * clock.HOUR)
        if not within.all():
            line, tick = line[within], tick[within]
        hour = tick // clock.HOUR
        cell = line * hours + hour
        self.count += np.bincount(cell, minlength=self.count.size).reshape(self.count.shape)
        left = (hour + 1) * clock.HOUR - tick
        self.early += np.bincount(cell, weights=left, minlength=self.count.size).reshape(self.count.shape) / clock.HOUR

    def level(self, after: _Passing) -> tuple[Floats, Floats]:
        """Return how many had passed here and not the point after: the mean of each hour, and at its end."""
        at_end = np.cumsum(self.count - after.count, axis=1)
        before = at_end - (self.count - after.count)
        return np.maximum(before + self.early - after.early, 0.0), at_end  # rounding may leave -1e-12


class _Waits:
    """The waits of the measured weeks, sorted by line, hour of the week and length."""

    def __init__(self, packed: list[Ints], lines: int) -> None:
        both = np.sort(np.concatenate(packed)) if packed else np.zeros(0, np.int64)
        cells = np.arange(lines * clock.HOURS_PER_WEEK + 1) << _WAIT_BITS
        self.edges = np.searchsorted(both, cells)
        self.wait = both & _WAIT_MASK
        self.lines = lines
        limits = np.array(THRESHOLDS_MIN) * clock.MINUTE
        self.over = np.array([(self.of(line)[:, None] > limits).sum(axis=0) for line in range(lines)]).reshape(
            lines, -1
        )

    def of(self, line: int) -> Ints:
        """Return the waits of a line, ticks."""
        first, last = (self.edges[(line + step) * clock.HOURS_PER_WEEK] for step in (0, 1))
        return self.wait[first:last]

    def percentiles(self, lines: Ints) -> list[float]:
        """Return the median, 90th and 95th percentile of several lines' waits together, minutes."""
        parts = [self.of(int(line)) for line in lines]
        wait = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        places = sorted({place for share in _PERCENTILES for place in _neighbours(share, len(wait))})
        if len(wait):
            wait = np.partition(wait, places)
        return [_quantile(wait, share) for share in _PERCENTILES]

    def by_hour_p95(self) -> Floats:
        """Return the 95th percentile of each line and hour of the week, minutes, shape (lines, 168)."""
        cells = zip(self.edges[:-1], self.edges[1:], strict=True)
        p95 = np.array([_quantile(self.wait[first:last], 0.95) for first, last in cells])
        return p95.reshape(self.lines, clock.HOURS_PER_WEEK)


def _groups(names: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, str, str]]:
    """Yield every line, then each port and mode, each port, each mode, and all."""
    yield from names
    yield from dict.fromkeys((port, mode, ALL) for port, mode, _ in names)
    yield from dict.fromkeys((port, ALL, ALL) for port, _, _ in names)
    yield from dict.fromkeys((ALL, mode, ALL) for _, mode, _ in names)
    yield ALL, ALL, ALL


def _columns(trucks: TruckWaits) -> tuple[Ints, Ints, Ints]:
    return trucks.key, trucks.port, trucks.wait


def _ratio(total: float, count: float) -> float:
    return float(total / count) if count else float("nan")


def _ratios(total: Floats, count: Floats) -> Floats:
    return total / np.where(count > 0, count, np.nan)


def _neighbours(share: float, count: int) -> tuple[int, int]:
    """Return the places, among ordered values, of the two that a quantile lies between."""
    low = int(share * (count - 1)) if count else 0
    return low, min(low + 1, max(count - 1, 0))


def _quantile(wait: Ints, share: float) -> float:
    """Return a quantile in minutes, by linear interpolation as numpy's default does, of ticks in their places."""
    if not wait.size:
        return float("nan")
    low, high = _neighbours(share, len(wait))
    place = share * (len(wait) - 1)
    ticks = wait[low] + (place - low) * (wait[high] - wait[low])
    return float(ticks / clock.MINUTE)


# --- by hour -----------------------------------------------------------------------------------


def _edges(window: tuple[int, int]) -> Ints:
    return np.arange(window[0], window[1] + 1, clock.HOUR)


def _by_week_hour(hours: Floats) -> Floats:
    """Average the hours of all weeks by hour of the week, shape (lines, 168)."""
    means: Floats = hours.reshape(len(hours), -1, clock.HOURS_PER_WEEK).mean(axis=1)
    return means


def _week_hour(tick: Ints) -> Ints:
    return tick // clock.HOUR % clock.HOURS_PER_WEEK


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
