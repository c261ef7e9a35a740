"""Crossings -> Measures: waits, queues, throughput and utilisation of one replication.

A `Tally` takes the rows a week-block at a time and keeps counts by line and hour; single waits go to disk (waits.py).
All it keeps is by line, so that the tallies of a model's islands put together are that of the model.

Only the measured weeks count: a traveller by when it joined, a crossing by the end of primary, queues and booths
by the clock. `wait` is joining the line to start of primary (CBP's and GAO's sense), `crossing time` joining to
leaving the last stage (FHWA's). All arrays are float64; a value that does not exist is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.border.islands import Island
from portsim.border.model import MILLI, NEVER, PortModel
from portsim.border.policies import TollRule
from portsim.border.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings
from portsim.measure.spool import Kept, Spool
from portsim.measure.waits import Waits, quantiles

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Group = tuple[str, str, str]

_NOT_YET = 1 << 62  # the start of who is still in line
_SOME = 64  # one row in so many
_AT_ONCE = 1 << 15  # rows counted together: what is worked out of them stays in the processor's cache
ALL = "all"
THRESHOLDS_MIN = (20, 40, 60, 120)
TOLL_REVENUE = "toll_revenue_usd_per_day"
TOLL = "toll_usd"
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
    TOLL,
)


@dataclass(frozen=True)
class TruckWaits:
    """Single trucks, to pair the same ones between scenarios, in no order: key, port index, wait in ticks."""

    key: Ints
    port: Ints
    wait: Ints


@dataclass(frozen=True)
class Measures:
    """One replication, measured.

    `groups`: (port, mode, lane type) with `all` for totals; `summary`, shape (groups, SUMMARY_METRICS). `lines`:
    (port, mode, lane type); `hourly`, shape (lines, 168, HOURLY_METRICS), means over the measured weeks.
    `daily`, shape (lines, measured days, 24, 2): of each single hour the joins and their mean wait, minutes. `trucks`:
    those served, of one measured week after the other, by joining; to be read a week at a time, as they may be many.
    `queue_10min`, shape (lines, 1008): travellers in line at the end of each ten minutes of the week, a mean.
    """

    groups: tuple[tuple[str, str, str], ...]
    summary: Floats
    lines: tuple[tuple[str, str, str], ...]
    hourly: Floats
    daily: Floats
    trucks: Iterable[TruckWaits]
    queue_10min: Floats


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
    *("arrivals", "served", "wait", "over", "crossed", "crossing_time", "lost", "longest", "revenue"),
    *("posted", "readings", "open_time", "hourly_p95", "toll"),
)
_STEP = 10 * clock.MINUTE
_STEPS_PER_HOUR = clock.HOUR // _STEP
_STEPS_PER_WEEK = clock.WEEK // _STEP


class Tally:
    """What is counted of one replication's rows, block by block: weeks, or the whole run as one.

    A traveller still inside at a block's end is in the next one again, and counted there. What is kept by line is
    counted in whole numbers, so that the blocks do not show. What grows with the weeks in memory are joins and waits of
    single hours, where each hour's waits stand on disk, and the changes of responsive tolls.
    """

    def __init__(self, model: PortModel) -> None:
        self.model = model
        self.window = (model.warm_up_weeks * clock.WEEK, model.horizon)
        lines = len(model.lines)
        hours = (self.window[1] - self.window[0]) // clock.HOUR
        by_line, by_week_hour, by_hour = (lines,), (lines, clock.HOURS_PER_WEEK), (lines, hours)
        self.standing = np.array([segment.initial > 0 for segment in model.segments])
        self.port_of_line = np.array([line.port for line in model.lines], np.int64)
        self.is_truck = np.array([line.mode == "truck" for line in model.lines])
        self.joined, self.began, self.ended = (_Passing(lines, self.window) for _ in range(3))
        self.arrivals = np.zeros(by_week_hour, np.int64)
        self.served, self.wait = np.zeros(by_hour), np.zeros(by_hour)
        self.over = np.zeros((lines, len(THRESHOLDS_MIN)), np.int64)
        self.crossed, self.crossing_time = np.zeros(by_line), np.zeros(by_line)
        self.lost = np.zeros(by_line)
        self.turned_away = np.zeros(len(model.segments))
        self.longest = np.zeros(by_line)
        self.has_toll = np.array([bool(line.toll.any()) for line in model.lines])
        for rule in model.toll_rules:
            self.has_toll[list(rule.lines)] = True
        self.revenue = np.zeros(by_line)
        self.tolls: list[Ints] = []
        self.toll = np.full(by_week_hour, np.nan)
        self.waits = Waits(lines)
        self.waits_of_lines = self.waits.lines()
        self.hourly_p95 = np.full(by_week_hour, np.nan)
        self.spool = Spool()
        self.trucks: list[list[Kept]] = [[] for _ in range(model.weeks)]
        self.until = 0  # the tick up to which blocks were added
        self.open, self.open_time = np.zeros(by_line, np.int64), np.zeros(by_week_hour, np.int64)
        self.read = 0  # how many times the posted waits were
        self.posted, self.readings = np.zeros(by_week_hour, np.int64), np.zeros(by_week_hour, np.int64)

    def add(self, crossings: Crossings, carried: int = 0, *, last: bool = True) -> None:
        """Count a block: the first `carried` rows are travellers of earlier blocks who were still inside.

        Who is inside at its end is left for the next block, unless this is the `last`. A block that is not is a week.
        """
        self.tolls.append(crossings.tolls)
        self._see_longest_queues(crossings, carried)
        self._count_lost(crossings)
        self._read_posted(crossings.posted)
        self._see_booths(crossings.opened, self.window[1] if last else self.until + clock.WEEK)
        ready = (crossings.outcome == CROSSED) | (last & (crossings.outcome == INSIDE))
        rows = _Rows(*(getattr(crossings, name) for name in _Rows._fields))
        self.waits.add([self._count(some.where(ready[place])) for place, some in rows.some_at_once()])
        if last:
            self.hourly_p95 = self.waits.by_hour(0.95)
            self.toll = self._mean_toll()

    def take(self, island: Island, tally: Tally) -> None:
        """Take over what was counted of an island of the model."""
        for name in _BY_LINE:
            getattr(self, name)[island.lines] = getattr(tally, name)
        for name in ("joined", "began", "ended"):
            getattr(self, name).take(island.lines, getattr(tally, name))
        for line, waits in zip(island.lines, tally.waits_of_lines, strict=True):
            self.waits_of_lines[line] = waits
        self.turned_away[island.segments] = tally.turned_away
        for own, trucks in zip(self.trucks, tally.trucks, strict=True):
            own.extend(trucks)

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

    def _count(self, c: _Rows) -> Ints:
        """Count some who joined a line and will not be in another block; return their waits, packed."""
        self.joined.add(c.line, c.tick)
        self.began.add(c.line, c.start)
        self.ended.add(c.line, c.end)
        c = c.where(self._is_measured(c.tick, c.segment))
        joins = _Cells.of(c.line, c.tick, len(self.lost), clock.HOUR)
        _add_by_week(self.arrivals, joins.times, joins.counts())
        self._add_revenue(c.line, c.tick)
        c = c.where(c.start != NONE)
        wait = c.start - c.tick
        self._add_waits(c.line, c.tick, wait)
        self._keep_trucks(c, wait)
        packed = self.waits.packed(c.line, _week_hour(c.tick), wait)
        c = c.where(c.depart != NONE)
        lines = len(self.lost)
        self.crossed += np.bincount(c.line, minlength=lines)
        self.crossing_time += np.bincount(c.line, weights=c.depart - c.tick, minlength=lines)
        return packed

    def _add_waits(self, line: Ints, tick: Ints, wait: Ints) -> None:
        """Add up waits by hour of joining, and count the long ones."""
        joins = _Cells.of(line, tick, len(self.lost), clock.HOUR)
        hours = joins.times - self.window[0] // clock.HOUR
        self.served[:, hours] += joins.counts()
        self.wait[:, hours] += joins.sum_of(wait)
        for number, minutes in enumerate(THRESHOLDS_MIN):
            longer = np.flatnonzero(wait > minutes * clock.MINUTE)
            line, wait = line[longer], wait[longer]
            self.over[:, number] += np.bincount(line, minlength=len(self.lost))

    def _keep_trucks(self, c: _Rows, wait: Ints) -> None:
        """Keep key, port and wait of single trucks by the week in which they joined."""
        trucks = np.flatnonzero(self.is_truck[c.line])
        of_week = (c.tick[trucks] - self.window[0]) // clock.WEEK
        columns = np.stack([c.key[trucks], self.port_of_line[c.line[trucks]], wait[trucks]])
        for week in np.unique(of_week):
            self.trucks[week].append(self.spool.keep(columns[:, of_week == week]))

    def _add_revenue(self, line: Ints, tick: Ints) -> None:
        """Count what those who joined were charged: the toll of their decision, in thousandths of a dollar."""
        paid = np.flatnonzero(self.has_toll[line])
        if not paid.size:
            return
        line, tick = line[paid], tick[paid]
        charged = np.array([of.toll for of in self.model.lines])[line, _week_hour(tick)]
        for rule, since, steps in self._toll_steps():
            on_rule = np.isin(line, rule.lines)
            charged[on_rule] += rule.step * steps[np.searchsorted(since, tick[on_rule], side="right") - 1]
        self.revenue += np.bincount(line, weights=charged, minlength=len(self.revenue))

    def _mean_toll(self) -> Floats:
        """Return the mean toll of the measured weeks by line and hour of the week, dollars; NaN where none is."""
        toll = np.array([line.toll for line in self.model.lines], np.float64)
        edges = np.arange(self.window[0], self.window[1] + 1, clock.HOUR)
        for rule, since, steps in self._toll_steps():
            by_hour = _areas(since, steps, edges).reshape(-1, clock.HOURS_PER_WEEK).sum(axis=0)
            toll[list(rule.lines)] += rule.step * by_hour / (clock.HOUR * self.model.weeks)
        toll[~self.has_toll] = np.nan
        dollars: Floats = toll / MILLI
        return dollars

    def _toll_steps(self) -> Iterator[tuple[TollRule, Ints, Ints]]:
        """Yield each responsive toll with the ticks since which it has stood at a step, and the steps."""
        changes = np.concatenate(self.tolls)
        for number, rule in enumerate(self.model.toll_rules):
            moved = changes[changes[:, 1] == number]
            yield rule, np.concatenate([[0], moved[:, 0]]), np.concatenate([[0], moved[:, 2]])

    def _see_longest_queues(self, c: Crossings, carried: int) -> None:
        """Note the longest queue of each line, as those of the measured weeks found it with themselves behind it.

        A line is first come first served, so its starts rise as its joins do.
        """
        lines = len(self.longest)
        line = np.where(c.joined, c.line, lines).astype(np.int16)  # numpy sorts short numbers by counting them
        by_line = np.split(np.argsort(line, kind="stable"), np.cumsum(np.bincount(line, minlength=lines)))
        for number, rows in enumerate(by_line[:lines]):
            joins, starts = c.tick[rows], c.start[rows]
            starts[starts == NONE] = _NOT_YET
            first = max(np.searchsorted(rows, carried), np.searchsorted(joins, self.window[0]))
            self.longest[number] = _longest_queue(joins, starts, int(first), int(self.longest[number]))

    def _read_posted(self, posted: Ints) -> None:
        """Add up the posted waits of a block's readings, ticks, and count them, where a gate was open."""
        ticks = (self.read + np.arange(len(posted))) * self.model.posting_interval
        self.read += len(posted)
        within = (ticks >= self.window[0]) & (ticks < self.window[1])
        hour, posted = _week_hour(ticks[within]), posted[within]
        for line, of_line in enumerate(posted.T):
            open_ = of_line != NEVER
            self.readings[line] += np.bincount(hour[open_], minlength=clock.HOURS_PER_WEEK)
            np.add.at(self.posted[line], hour[open_], of_line[open_])

    def _see_booths(self, opened: Ints, until: int) -> None:
        """Add up, in ticks, how long booths were open in a block, from its changes (tick, station, booths)."""
        edges = np.arange(max(self.until, self.window[0]), until + 1, clock.HOUR)
        for line in range(len(self.open)):
            changes = opened[opened[:, 1] == line]
            tick = np.concatenate([[self.until], changes[:, 0]])
            booths = np.concatenate([[self.open[line]], changes[:, 2]])
            self.open[line] = booths[-1]
            if len(edges):
                self.open_time[line] += _areas(tick, booths, edges).reshape(-1, clock.HOURS_PER_WEEK).sum(axis=0)
        self.until = until

    def measures(self) -> Measures:
        """Return the measures of all that was added."""
        model = self.model
        names = tuple((model.ports[line.port], str(line.mode), line.lane_type) for line in model.lines)
        groups = tuple(_groups(names))
        members = [
            [all(want in {ALL, has} for want, has in zip(group, name, strict=True)) for name in names]
            for group in groups
        ]
        waits = [[line for line, is_in in zip(self.waits_of_lines, of, strict=True) if is_in] for of in members]
        percentiles = quantiles(waits, _PERCENTILES).tolist()
        summary = np.array(
            [self._summarise(*of) for of in zip(groups, map(np.array, members), percentiles, strict=True)]
        )
        return Measures(
            groups=groups,
            summary=summary,
            lines=names,
            hourly=self._hourly(),
            daily=self._daily(),
            trucks=_KeptTrucks(self.trucks),
            queue_10min=self.joined.level_by_step(self.began),
        )

    def _summarise(self, group: Group, members: Bools, percentiles: Sequence[float]) -> list[float]:
        days = (self.window[1] - self.window[0]) / clock.DAY
        through = self.ended.count.sum(axis=1)[members]
        people = np.array([line.people for line in self.model.lines])[members]
        served = self.served[members].sum()
        mean = _ratio(self.wait[members].sum() / clock.MINUTE, served)
        p50, p90, p95 = percentiles
        lost = self.lost[members].sum() + self._turned_away(group)
        return [
            through.sum() / days,
            (through * people).sum() / days,
            mean,
            p50,
            p90,
            p95,
            *(_ratio(count, served) for count in self.over[members].sum(axis=0)),
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
        weeks = self.model.weeks
        queue, queue_end = self.joined.level(self.began)
        busy, _ = self.began.level(self.ended)
        booths = self.open_time / (clock.HOUR * weeks)
        per_lane = np.array([1 + line.stacked for line in self.model.lines])
        staffed = np.maximum(booths * per_lane[:, None], busy)  # a booth that closes finishes its vehicle first
        wait, served = _over_weeks(self.wait), _over_weeks(self.served)
        columns = (
            self.arrivals / weeks,
            _ratios(wait / clock.MINUTE, served),
            self.hourly_p95,
            _ratios(self.posted / clock.MINUTE, self.readings),
            queue,
            queue_end,
            self.ended.count / weeks,
            booths,
            _ratios(busy, staffed),
            self.toll,
        )
        return np.stack(columns, axis=2)

    def _daily(self) -> Floats:
        """Return joins and mean wait of every line in every hour of every measured day."""
        both = np.stack([self.served, _ratios(self.wait / clock.MINUTE, self.served)], axis=-1)
        return both.reshape(len(self.served), -1, clock.HOURS_PER_DAY, 2)


@dataclass(frozen=True)
class _KeptTrucks:
    """The trucks of the measured weeks, on disk until they are asked for."""

    of_week: Sequence[Sequence[Kept]]

    def __iter__(self) -> Iterator[TruckWaits]:
        for parts in self.of_week:
            columns = [np.zeros((3, 0), np.int64), *(part.read() for part in parts)]
            yield TruckWaits(*np.concatenate(columns, axis=1))

    def __reduce__(self) -> tuple[type[list[TruckWaits]], tuple[list[TruckWaits]]]:
        """Go to another process as they are: the file is this one's."""
        return list, (list(self),)


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

    def some_at_once(self) -> Iterator[tuple[slice, _Rows]]:
        """Yield the rows some at a time, and where they stand."""
        for first in range(0, len(self.tick), _AT_ONCE):
            place = slice(first, first + _AT_ONCE)
            yield place, _Rows(*(column[place] for column in self))

    def where(self, chosen: Bools) -> _Rows:
        """Return the rows that are chosen; most often that is all of them."""
        return self if chosen.all() else self.of(np.flatnonzero(chosen))


class _Passing:
    """How many passed a point, by line.

    Of the measured weeks: `steps`, how many passed in each ten minutes of the week, and `early`, by hour of the week,
    how long before the hour's end, in ticks together. `before` adds up, over all who passed, how many measured weeks
    began after.
    """

    def __init__(self, lines: int, window: tuple[int, int]) -> None:
        self.window = window
        self.steps = np.zeros((lines, _STEPS_PER_WEEK), np.int64)
        self.early = np.zeros((lines, clock.HOURS_PER_WEEK), np.int64)
        self.before = np.zeros(lines, np.int64)

    @property
    def count(self) -> Ints:
        """Return how many passed, by hour of the week."""
        found: Ints = self.steps.reshape(len(self.steps), clock.HOURS_PER_WEEK, -1).sum(axis=2)
        return found

    def add(self, line: Ints, tick: Ints) -> None:
        """Count those who passed within the run; NONE has not."""
        first, end = self.window
        within = (tick != NONE) & (tick < end)
        if not within.all():
            line, tick = line[within], tick[within]
        cells = _Cells.of(line, tick, len(self.before), _STEP)
        steps, count, since = cells.times, cells.counts(), cells.sum_of(cells.since)
        weeks_after = (end - np.maximum((steps // _STEPS_PER_WEEK + 1) * clock.WEEK, first)) // clock.WEEK
        self.before += count @ weeks_after
        measured = steps * _STEP >= first
        steps, count, since = steps[measured], count[:, measured], since[:, measured]
        _add_by_week(self.steps, steps, count)
        hours = steps[::_STEPS_PER_HOUR] // _STEPS_PER_HOUR
        hour_ends = (hours + 1) * clock.HOUR - cells.begin
        by_hour = len(count), len(hours), _STEPS_PER_HOUR
        early = hour_ends * count.reshape(by_hour).sum(axis=2) - since.reshape(by_hour).sum(axis=2)
        _add_by_week(self.early, hours, early)

    def take(self, lines: Ints, other: _Passing) -> None:
        """Take over what was counted of these lines."""
        self.steps[lines], self.early[lines], self.before[lines] = other.steps, other.early, other.before

    def level(self, after: _Passing) -> tuple[Floats, Floats]:
        """Return how many had passed here and not the point after: means of hours of the week, and of their ends."""
        weeks = (self.window[1] - self.window[0]) // clock.WEEK
        passed = self.count - after.count
        at_end = (self.before - after.before)[:, None] + np.cumsum(passed, axis=1)
        area = (at_end - passed) * clock.HOUR + self.early - after.early
        return area / (clock.HOUR * weeks), at_end / weeks

    def level_by_step(self, after: _Passing) -> Floats:
        """Return how many had passed here and not the point after: means of the ends of ten minutes of the week."""
        weeks = (self.window[1] - self.window[0]) // clock.WEEK
        at_end = (self.before - after.before)[:, None] + np.cumsum(self.steps - after.steps, axis=1)
        means: Floats = at_end / weeks
        return means


def _areas(since: Ints, level: Ints, edges: Ints) -> Ints:
    """Return the area, in ticks, below a level from one edge to the next; each level holds until the next begins."""
    before = np.searchsorted(since, edges, side="right") - 1
    area = np.concatenate([[0], np.cumsum(level[:-1] * np.diff(since))])
    return np.diff(area[before] + level[before] * (edges - since[before]))


class _Cells(NamedTuple):
    """Rows in a table of lines by times of `width` ticks, as many whole hours as the rows take up.

    `begin`: the tick at which its first hour begins; `since`: each row's ticks since then.
    """

    shape: tuple[int, int]
    begin: int
    width: int
    since: Ints
    cell: Ints

    @classmethod
    def of(cls, line: Ints, tick: Ints, lines: int, width: int) -> _Cells:
        """Find the cells of rows."""
        first, end = (int(tick.min()), int(tick.max()) + 1) if tick.size else (0, 0)
        begin = first - first % clock.HOUR
        times = -(-(end - begin) // clock.HOUR) * (clock.HOUR // width)
        since = tick - begin
        return cls((lines, times), begin, width, since, line * times + since // width)

    @property
    def times(self) -> Ints:
        """Return the numbers of the times, counted from tick 0."""
        return self.begin // self.width + np.arange(self.shape[1])

    def counts(self) -> Ints:
        """Return how many rows are in each cell."""
        return np.bincount(self.cell, minlength=self.shape[0] * self.shape[1]).reshape(self.shape)

    def sum_of(self, weights: Ints) -> Ints:
        """Return the sums of weights of the rows of each cell."""
        sums = np.bincount(self.cell, weights=weights, minlength=self.shape[0] * self.shape[1])
        return _whole(sums).reshape(self.shape)


def _add_by_week(table: Ints, times: Ints, found: Ints) -> None:
    """Add what was found in times, one after the other, to a table of the times of the week."""
    week, of_week = np.divmod(times, table.shape[1])
    for number in np.unique(week):
        table[:, of_week[week == number]] += found[:, week == number]


def _whole(sums: npt.NDArray[np.float64 | np.int64]) -> Ints:
    """Return sums of whole numbers as such: below 2**53 they are exact."""
    return sums.astype(np.int64, copy=False)


def _longest_queue(joins: Ints, starts: Ints, first: int, known: int) -> int:
    """Return the longest queue that those from `first` on found with themselves behind it, or `known` if none longer.

    Both are in order. Who stands behind more than so many finds the one so many places ahead not begun: that is asked
    of all. How many exactly takes a search: that is asked of a few at first, and then of those with more than any of
    them.
    """
    longest = known
    rows = np.arange(first, len(joins), _SOME)
    for _ in range(2):
        queues = rows + 1 - np.searchsorted(starts, joins[rows], side="right")
        longest = int(queues.max(initial=longest))
        behind = max(first, longest)
        ahead = starts[behind - longest :][: len(joins[behind:])]
        rows = behind + np.flatnonzero(ahead > joins[behind:])
    return longest


def _groups(names: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, str, str]]:
    """Yield every line, then each port and mode, each port, each mode, and all."""
    yield from names
    yield from dict.fromkeys((port, mode, ALL) for port, mode, _ in names)
    yield from dict.fromkeys((port, ALL, ALL) for port, _, _ in names)
    yield from dict.fromkeys((ALL, mode, ALL) for _, mode, _ in names)
    yield ALL, ALL, ALL


def _ratio(total: float, count: float) -> float:
    return float(total / count) if count else float("nan")


def _ratios(total: Floats, count: Floats | Ints) -> Floats:
    return total / np.where(count > 0, count, np.nan)


def _over_weeks(hours: Floats) -> Floats:
    """Add up the hours of all weeks by hour of the week, shape (lines, 168)."""
    sums: Floats = hours.reshape(len(hours), -1, clock.HOURS_PER_WEEK).sum(axis=1)
    return sums


def _week_hour(tick: Ints) -> Ints:
    hour = tick // clock.HOUR
    return hour - hour // clock.HOURS_PER_WEEK * clock.HOURS_PER_WEEK  # numpy's % takes several times as long
