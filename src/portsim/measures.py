"""Crossings -> Measures: waits, queues, throughput and utilisation of one replication.

A `Tally` takes the rows a week-block at a time and keeps counts by line and hour, and of each wait eight bytes.
All it keeps is by line, so that the tallies of a model's islands put together are that of the model.

Only the measured weeks count: a traveller by when it joined, a crossing by the end of primary, queues and booths
by the clock. `wait` is joining the line to start of primary (CBP's and GAO's sense), `crossing time` joining to
leaving the last stage (FHWA's). All arrays are float64; a value that does not exist is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.islands import Island
from portsim.model import MILLI, NEVER, PortModel
from portsim.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Waits = npt.NDArray[np.int64 | np.uint32]  # ticks
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


class Trucks(Protocol):
    """Single trucks, to pair the same ones between scenarios: key, port index, wait in ticks."""

    @property
    def key(self) -> Ints: ...  # noqa: D102
    @property
    def port(self) -> Ints: ...  # noqa: D102
    @property
    def wait(self) -> Ints: ...  # noqa: D102


@dataclass(frozen=True)
class TruckWaits:
    """The waits of single trucks, in no order: see Trucks."""

    key: Ints
    port: Ints
    wait: Ints


@dataclass(frozen=True)
class Measures:
    """One replication, measured.

    `groups`: (port, mode, lane type) with `all` for totals; `summary`, shape (groups, SUMMARY_METRICS). `lines`:
    (port, mode, lane type); `hourly`, shape (lines, 168, HOURLY_METRICS), means over the measured weeks.
    `daily`, shape (lines, measured days, 24, 2): of each single hour the joins and their mean wait, minutes.
    `queue_10min`, shape (lines, 1008): travellers in line at the end of each ten minutes of the week, a mean.
    """

    groups: tuple[tuple[str, str, str], ...]
    summary: Floats
    lines: tuple[tuple[str, str, str], ...]
    hourly: Floats
    daily: Floats
    trucks: Trucks
    queue_10min: Floats


_WAIT_BITS = 40
_WAIT_MASK = (1 << _WAIT_BITS) - 1
_SHORT = np.iinfo(np.uint32).max  # waits up to 49 days are kept in four bytes each
_PERCENTILES = (0.5, 0.9, 0.95)


def measure(crossings: Crossings, model: PortModel) -> Measures:
    """Measure one replication."""
    tally = Tally(model)
    tally.add(crossings)
    return tally.measures()


def together(model: PortModel, tallies: Sequence[tuple[Island, Tally]]) -> Measures:
    """Measure a replication whose islands were tallied one by one."""
    whole = Tally(model)
    for island, tally in tallies:
        whole.take(island, tally)
    return whole.measures()


_BY_LINE = (
    *("arrivals", "served", "wait", "crossed", "crossing_time", "lost", "longest"),
    *("posted", "booths", "hourly_p95", "revenue", "grown"),
)
QUEUE_STEP = 10 * clock.MINUTE
QUEUE_STEPS_PER_WEEK = clock.WEEK // QUEUE_STEP


class Tally:
    """What is counted of one replication's rows, block by block.

    A traveller still inside at a block's end is in the next one again, and counted there. Arrays by hour have shape
    (lines, hours from the start of the run); waits of the measured weeks are kept, first packed with line and hour
    of the week, in the end by line and in order, so that percentiles are exact.
    """

    def __init__(self, model: PortModel) -> None:
        self.model = model
        self.window = (model.warm_up_weeks * clock.WEEK, model.horizon)
        lines, hours = len(model.lines), model.horizon // clock.HOUR
        self.shape = (lines, hours)
        self.standing = np.array([segment.initial > 0 for segment in model.segments])
        self.port_of_line = np.array([line.port for line in model.lines], np.int64)
        self.is_truck = np.array([line.mode == "truck" for line in model.lines])
        self.joined, self.began, self.ended = _Passing(lines, hours), _Passing(lines, hours), _Passing(lines, hours)
        self.grown = np.zeros((lines, model.horizon // QUEUE_STEP), np.int32)  # joins less starts
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
        self.waits: list[Waits] = [np.zeros(0, np.int64)] * lines
        self.hourly_p95 = np.full((lines, clock.HOURS_PER_WEEK), np.nan)
        self.trucks: list[TruckWaits] = []
        self.changes: list[Ints] = []
        self.booths = np.zeros((lines, (self.window[1] - self.window[0]) // clock.HOUR))
        self.readings: list[Ints] = []
        self.posted = np.full((lines, clock.HOURS_PER_WEEK), np.nan)

    def add(self, crossings: Crossings, carried: int = 0, *, last: bool = True) -> None:
        """Count a block: the first `carried` rows are travellers of earlier blocks who were still inside.

        Who is inside at its end is left for the next block, unless this is the `last`.
        """
        self.changes.append(crossings.opened)
        self.readings.append(crossings.posted)
        self.tolls.append(crossings.tolls)
        self._see_longest_queues(crossings, carried)
        self._count_lost(crossings)
        ready = (crossings.outcome == CROSSED) | (last & (crossings.outcome == INSIDE))
        self._count(_Rows(*(getattr(crossings, name) for name in _Rows._fields)).of(np.flatnonzero(ready)))
        if last:
            self._close()

    def take(self, island: Island, tally: Tally) -> None:
        """Take over what was counted of an island of the model."""
        for name in _BY_LINE:
            getattr(self, name)[island.lines] = getattr(tally, name)
        for name in ("joined", "began", "ended"):
            getattr(self, name).take(island.lines, getattr(tally, name))
        for line, waits in zip(island.lines, tally.waits, strict=True):
            self.waits[line] = waits
        self.turned_away[island.segments] = tally.turned_away
        self.trucks += tally.trucks

    def _count_lost(self, c: Crossings) -> None:
        """Count those who decided to stay away, or found no open port, in the measured weeks."""
        lost, away = (self._measured_with(outcome, c) for outcome in (LOST, TURNED_AWAY))
        self.lost += np.bincount(c.line[lost], minlength=len(self.lost))
        self.turned_away += np.bincount(c.segment[away], minlength=len(self.turned_away))

    def _measured_with(self, outcome: int, c: Crossings) -> Ints:
        rows = np.flatnonzero(c.outcome == outcome)
        return rows[self._is_measured(c.tick[rows], c.segment[rows])]

    def _is_measured(self, tick: Ints, segment: Ints) -> Bools:
        first, last = self.window
        measured: Bools = (tick >= first) & (tick < last) & ~self.standing[segment]
        return measured

    def _count(self, c: _Rows) -> None:
        """Count those who joined a line and will not be in another block."""
        self.joined.add(c.line, c.tick)
        self.began.add(c.line, c.start)
        self.ended.add(c.line, c.end)
        self.grown += self._by_queue_step(c.line, c.tick) - self._by_queue_step(c.line, c.start)
        c = c.where(self._is_measured(c.tick, c.segment))
        self.arrivals += self._by_hour(c)
        self._add_revenue(c.line, c.tick)
        c = c.where(c.start != NONE)
        wait = c.start - c.tick
        self.served += self._by_hour(c)
        self.wait += self._by_hour(c, wait)
        week_cell = c.line * clock.HOURS_PER_WEEK + c.tick // clock.HOUR % clock.HOURS_PER_WEEK
        self.packed.append(week_cell << _WAIT_BITS | wait)
        trucks = np.flatnonzero(self.is_truck[c.line])
        self.trucks.append(TruckWaits(c.key[trucks], self.port_of_line[c.line[trucks]], wait[trucks]))
        c = c.where(c.depart != NONE)
        lines = len(self.lost)
        self.crossed += np.bincount(c.line, minlength=lines)
        self.crossing_time += np.bincount(c.line, weights=c.depart - c.tick, minlength=lines)

    def _by_hour(self, c: _Rows, weights: Ints | None = None) -> Floats:
        """Return the number of rows, or the sum of weights, by line and hour of joining."""
        cell = c.line * self.shape[1] + c.tick // clock.HOUR
        found = np.bincount(cell, weights=weights, minlength=self.served.size)
        return found.astype(np.float64, copy=False).reshape(self.shape)

    def _by_queue_step(self, line: Ints, tick: Ints) -> npt.NDArray[np.int32]:
        """Return how many passed a point by line and ten minutes of the run; NONE has not."""
        within = np.flatnonzero((tick != NONE) & (tick < self.model.horizon))
        cell = line[within] * self.grown.shape[1] + tick[within] // QUEUE_STEP
        return np.bincount(cell, minlength=self.grown.size).astype(np.int32).reshape(self.grown.shape)

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
        lines = len(self.longest)
        line = np.where(c.joined, c.line, lines).astype(np.int16)  # numpy sorts short numbers by counting them
        by_line = np.split(np.argsort(line, kind="stable"), np.cumsum(np.bincount(line, minlength=lines)))
        for number, rows in enumerate(by_line[:lines]):
            joins, starts = c.tick[rows], c.start[rows]
            begun = np.searchsorted(np.where(starts == NONE, _NOT_YET, starts), joins, side="right")
            queue = np.arange(1, len(rows) + 1) - begun
            counted = (rows >= carried) & (joins >= self.window[0])
            self.longest[number] = max(self.longest[number], queue[counted].max(initial=0))

    def _close(self) -> None:
        """Work out by line what is known in the end only."""
        opened, posted = np.concatenate(self.changes), np.concatenate(self.readings)
        for line in range(len(self.waits)):
            self.booths[line] = _booths_by_hour(opened[opened[:, 1] == line], self.window)
            self.posted[line] = _posted_by_hour(posted[:, line], self.model, self.window)
        both = np.zeros(sum(map(len, self.packed)), np.int64)
        for end in np.cumsum([len(part) for part in self.packed]):
            part = self.packed.pop(0)  # and is forgotten: of a long run, all waits twice would be too much
            both[end - len(part) : end] = part
        both.sort()
        cells = np.arange(len(self.waits) * clock.HOURS_PER_WEEK + 1) << _WAIT_BITS
        edges = np.searchsorted(both, cells).tolist()
        both &= _WAIT_MASK
        p95 = [_quantile(both[first:last], 0.95) for first, last in pairwise(edges)]
        self.hourly_p95 = np.array(p95).reshape(self.hourly_p95.shape)
        kind = np.uint32 if both.max(initial=0) <= _SHORT else np.int64
        for line, (first, last) in enumerate(pairwise(edges[:: clock.HOURS_PER_WEEK])):
            self.waits[line] = np.sort(both[first:last].astype(kind))

    def measures(self) -> Measures:
        """Return the measures of all that was added."""
        model = self.model
        names = tuple((model.ports[line.port], str(line.mode), line.lane_type) for line in model.lines)
        groups = tuple(_groups(names))
        over = np.array([_over(waits) for waits in self.waits])
        summary = np.array([self._summarise(group, names, over) for group in groups])
        return Measures(
            groups=groups,
            summary=summary,
            lines=names,
            hourly=self._hourly(),
            daily=self._daily(),
            trucks=TruckWaits(*(np.concatenate(parts) for parts in zip(*map(_columns, self.trucks), strict=True))),
            queue_10min=self._queue_10min(),
        )

    def _measured(self, by_hour: Floats) -> Floats:
        """Return the hours of the measured weeks."""
        return by_hour[:, self.window[0] // clock.HOUR :]

    def _summarise(self, group: Group, names: tuple[Group, ...], over: Ints) -> list[float]:
        members = np.array(
            [all(want in {ALL, has} for want, has in zip(group, name, strict=True)) for name in names], bool
        )
        days = (self.window[1] - self.window[0]) / clock.DAY
        through = self._measured(self.ended.count).sum(axis=1)[members]
        people = np.array([line.people for line in self.model.lines])[members]
        served = self._measured(self.served)[members].sum()
        mean = _ratio(self._measured(self.wait)[members].sum() / clock.MINUTE, served)
        waits = [self.waits[line] for line in np.flatnonzero(members)]
        p50, p90, p95 = (_quantile_of_all(waits, share) for share in _PERCENTILES)
        lost = self.lost[members].sum() + self._turned_away(group)
        return [
            through.sum() / days,
            (through * people).sum() / days,
            mean,
            p50,
            p90,
            p95,
            *(_ratio(count, served) for count in over[members].sum(axis=0)),
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

    def _hourly(self) -> Floats:
        weeks = (self.window[1] - self.window[0]) / clock.WEEK
        queue, queue_end = self.joined.level(self.began)
        busy, _ = self.began.level(self.ended)
        busy, booths = _by_week_hour(self._measured(busy)), _by_week_hour(self.booths)
        per_lane = np.array([1 + line.stacked for line in self.model.lines])
        staffed = np.maximum(booths * per_lane[:, None], busy)  # a booth that closes finishes its vehicle first
        served = _by_week_hour(self._measured(self.served)) * weeks
        total = _by_week_hour(self._measured(self.wait)) * weeks
        columns = (
            _by_week_hour(self._measured(self.arrivals)),
            _ratios(total / clock.MINUTE, served),
            self.hourly_p95,
            self.posted,
            _by_week_hour(self._measured(queue)),
            _by_week_hour(self._measured(queue_end)),
            _by_week_hour(self._measured(self.ended.count)),
            booths,
            _ratios(busy, staffed),
        )
        return np.stack(columns, axis=2)

    def _queue_10min(self) -> Floats:
        """Return how many stand in line at the end of each ten minutes of the week, a mean of the measured weeks."""
        standing = np.cumsum(self.grown, axis=1)[:, self.window[0] // QUEUE_STEP :]
        means: Floats = standing.reshape(len(standing), -1, QUEUE_STEPS_PER_WEEK).mean(axis=1)
        return means

    def _daily(self) -> Floats:
        """Return joins and mean wait of every line in every hour of every measured day."""
        served, wait = self._measured(self.served), self._measured(self.wait)
        both = np.stack([served, _ratios(wait / clock.MINUTE, served)], axis=-1)
        return both.reshape(self.shape[0], -1, clock.HOURS_PER_DAY, 2)


class _Rows(NamedTuple):
    """Columns of travellers who joined a line."""

    key: Ints
    tick: Ints
    segment: Ints
    line: Ints
    start: Ints
    end: Ints
    depart: Ints

    def of(self, rows: Ints) -> _Rows:
        """Return some of the rows."""
        return _Rows(*(column[rows] for column in self))

    def where(self, chosen: Bools) -> _Rows:
        """Return the rows that are chosen; most often that is all of them."""
        return self if chosen.all() else self.of(np.flatnonzero(chosen))


class _Passing:
    """How many passed a point by line and hour of the run, and how long before the hour's end, in ticks together.

    Whole numbers, so that the sum is the same whatever the blocks.
    """

    def __init__(self, lines: int, hours: int) -> None:
        self.count, self.early = np.zeros((lines, hours)), np.zeros((lines, hours), np.int64)

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
        early = np.bincount(cell, weights=left, minlength=self.count.size).reshape(self.count.shape)
        self.early += early.astype(np.int64)  # exact: far below 2**53

    def take(self, lines: Ints, other: _Passing) -> None:
        """Take over what was counted of these lines."""
        self.count[lines], self.early[lines] = other.count, other.early

    def level(self, after: _Passing) -> tuple[Floats, Floats]:
        """Return how many had passed here and not the point after: the mean of each hour, and at its end."""
        at_end = np.cumsum(self.count - after.count, axis=1)
        before = at_end - (self.count - after.count)
        return (before * clock.HOUR + self.early - after.early) / clock.HOUR, at_end


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


def _over(waits: Waits) -> Ints:
    """Return how many of ordered waits are longer than each threshold."""
    limits = (np.array(THRESHOLDS_MIN) * clock.MINUTE).astype(waits.dtype)
    return len(waits) - np.searchsorted(waits, limits, side="right")


def _quantile(waits: Waits, share: float) -> float:
    """Return a quantile of ordered waits, minutes."""
    return _quantile_of_all([waits], share)


def _quantile_of_all(parts: Sequence[Waits], share: float) -> float:
    """Return a quantile of all waits together, each part in order; interpolated as numpy's default is, minutes."""
    count = sum(map(len, parts))
    if not count:
        return float("nan")
    place = share * (count - 1)
    low = int(place)
    shorter, longer = (_in_place(parts, number) for number in (low, min(low + 1, count - 1)))
    return float((shorter + (place - low) * (longer - shorter)) / clock.MINUTE)


def _in_place(parts: Sequence[Waits], place: int) -> int:
    """Return the wait that would stand in a place, from 0, if all parts were put in one order; by halving."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return int(parts[0][place])
    low, high = 0, max(int(part[-1]) for part in parts)
    while low < high:
        middle = (low + high) // 2
        if sum(int(part.searchsorted(part.dtype.type(middle), "right")) for part in parts) > place:
            high = middle
        else:
            low = middle + 1
    return low


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
