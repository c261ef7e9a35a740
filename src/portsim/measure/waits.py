"""Waits of a replication by line and hour of the week: exact percentiles in memory that the weeks do not fill.

Each week's waits go to disk as a run in order of (line, hour of the week, wait), four bytes each; in memory stay their
counts, by line, in steps of four seconds. A percentile of an hour is read off that hour's segments of the runs. One of
a group of lines is found in two looks: the counts say in which step it lies, and one reading of the runs counts the
waits of that step tick by tick. No percentile is an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.measure.spool import Kept, Spool

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.integer]

_WAIT_BITS = 40
_WAIT_MASK = (1 << _WAIT_BITS) - 1
_SHORT = np.iinfo(np.uint32).max  # waits up to 49 days are kept in four bytes each
_STEP_BITS = 12  # a step of the counts is 4.096 s
_STEP = 1 << _STEP_BITS
_AT_ONCE = 1 << 20  # waits put in order together


@dataclass(frozen=True)
class _Run:
    """Waits in order of cell and wait; those of cell k stand from edges[k] up to edges[k + 1]."""

    waits: Kept
    edges: npt.NDArray[np.uint32]

    def of(self, first: int, last: int) -> Ticks:
        """Return the waits of the cells from `first` up to `last`."""
        return self.waits.part(int(self.edges[first]), int(self.edges[last]))


class Waits:
    """The waits, in ticks, of so many lines. A cell is a line and an hour of the week."""

    def __init__(self, lines: int) -> None:
        self._cells = lines * clock.HOURS_PER_WEEK
        self._spool = Spool()
        self._runs: list[_Run] = []
        self._counts = [np.zeros(0, np.int64)] * lines

    @staticmethod
    def packed(line: Ints, week_hour: Ints, wait: Ints) -> Ints:
        """Return waits packed with their line and hour of the week, 0 to 167, as they are taken up."""
        packed: Ints = (line * clock.HOURS_PER_WEEK + week_hour) << _WAIT_BITS | wait
        return packed

    def add(self, parts: Sequence[Ints]) -> None:
        """Take up packed waits, as one run."""
        packed = np.concatenate([np.zeros(0, np.int64), *parts])
        if not packed.size:
            return
        packed.sort()
        edges = np.searchsorted(packed, np.arange(self._cells + 1) << _WAIT_BITS)
        packed &= _WAIT_MASK
        waits: Ticks = packed.astype(np.uint32) if packed.max(initial=0) <= _SHORT else packed
        self._runs.append(_Run(self._spool.keep(waits), edges.astype(np.uint32)))
        for number, (first, last) in enumerate(pairwise(edges[:: clock.HOURS_PER_WEEK].tolist())):
            self._counts[number] = _sum(self._counts[number], np.bincount(waits[first:last] >> _STEP_BITS))

    def lines(self) -> list[LineWaits]:
        """Return the waits of each line."""
        return [LineWaits(self, number) for number in range(len(self._counts))]

    def counts(self, line: int) -> Ints:
        """Return how many waits of a line are in each step."""
        return self._counts[line]

    def parts(self, line: int) -> Iterator[Ticks]:
        """Yield the waits of a line, run by run, in no order."""
        first = line * clock.HOURS_PER_WEEK
        for run in self._runs:
            yield run.of(first, first + clock.HOURS_PER_WEEK)

    def by_hour(self, share: float) -> Floats:
        """Return a quantile of each line and hour of the week, shape (lines, 168), minutes; NaN where none waited."""
        edges = sum((run.edges for run in self._runs), np.zeros(self._cells + 1, np.int64))
        found, first = [], 0
        while first < self._cells:
            last = max(first + 1, int(np.searchsorted(edges, edges[first] + _AT_ONCE, "right")) - 1)
            found.append(self._of_cells(first, last, share))
            first = last
        return np.concatenate(found).reshape(-1, clock.HOURS_PER_WEEK)

    def _of_cells(self, first: int, last: int, share: float) -> Floats:
        """Return a quantile of each of some cells, all runs together."""
        cells = np.arange(last - first) << _WAIT_BITS
        parts = [np.repeat(cells, np.diff(run.edges[first : last + 1])) | run.of(first, last) for run in self._runs]
        together = np.concatenate([np.zeros(0, np.int64), *parts])
        if len(parts) > 1:
            together.sort()
        edges = np.searchsorted(together, np.arange(last - first + 1) << _WAIT_BITS)
        together &= _WAIT_MASK
        return _in_order(together, edges, share)


@dataclass(frozen=True)
class LineWaits:
    """The waits of one line."""

    of: Waits
    line: int

    @property
    def counts(self) -> Ints:
        """Return how many are in each step."""
        return self.of.counts(self.line)

    def parts(self) -> Iterator[Ticks]:
        """Yield them, in no order."""
        return self.of.parts(self.line)


def _in_order(waits: Ints, edges: Ints, share: float) -> Floats:
    """Return a quantile of each stretch of ordered waits, minutes."""
    count = np.diff(edges)
    place = share * (count - 1)
    low = place.astype(np.int64)
    some = count > 0
    first, low, place = edges[:-1][some], low[some], place[some]
    shorter, longer = waits[first + low], waits[first + np.minimum(low + 1, count[some] - 1)]
    found = np.full(len(count), np.nan)
    found[some] = _between(shorter, longer, place - low)
    return found


def _between(shorter: Ints, longer: Ints, part: Floats) -> Floats:
    """Return what lies a part of the way from one wait to the next longer, minutes, as numpy's quantiles do."""
    minutes: Floats = (shorter + part * (longer - shorter)) / clock.MINUTE
    return minutes


def quantiles(groups: Sequence[Sequence[LineWaits]], shares: Sequence[float]) -> Floats:
    """Return quantiles of the waits of groups of lines, shape (groups, shares), minutes; NaN where none waited."""
    sought = [_Sought(group, shares) for group in groups]
    for line in dict.fromkeys(line for group in groups for line in group):
        _look_closely(line, [one for one, group in zip(sought, groups, strict=True) if line in group])
    return np.array([one.found() for one in sought]).reshape(len(groups), len(shares))


class _Sought:
    """Quantiles of a group of lines: the steps they lie in, and how many waits are at each tick of those steps."""

    def __init__(self, group: Sequence[LineWaits], shares: Sequence[float]) -> None:
        counts = np.zeros(0, np.int64)
        for line in group:
            counts = _sum(counts, line.counts)
        self._until = np.cumsum(counts)
        self._count = int(counts.sum())
        self._place = np.array(shares) * (self._count - 1)
        places = self._places() if self._count else np.zeros(0, np.int64)
        self.steps = np.unique(np.searchsorted(self._until, places, "right"))
        self.at_tick = np.zeros((len(self.steps), _STEP), np.int64)

    def found(self) -> Floats:
        """Return the quantiles, once all the waits of the steps are counted."""
        if not self._count:
            return np.full(len(self._place), np.nan)
        shorter, longer = (np.array([self._wait_in(place) for place in places]) for places in self._places())
        return _between(shorter, longer, self._place - self._places()[0])

    def _places(self) -> Ints:
        """Return between which waits in order, counted from 0, each quantile lies, shape (2, shares)."""
        low = self._place.astype(np.int64)
        return np.stack([low, np.minimum(low + 1, self._count - 1)])

    def _wait_in(self, place: int) -> int:
        """Return the wait that would stand in a place if all were put in order."""
        step = int(np.searchsorted(self._until, place, "right"))
        at_tick = self.at_tick[np.searchsorted(self.steps, step)]
        before = self._until[step] - at_tick.sum()
        return step << _STEP_BITS | int(np.searchsorted(before + np.cumsum(at_tick), place, "right"))


def _look_closely(line: LineWaits, sought: Sequence[_Sought]) -> None:
    """Count the waits of a line at each tick of the steps that are sought."""
    steps = np.unique(np.concatenate([one.steps for one in sought]))
    known = steps[steps < len(line.counts)]
    if not line.counts[known].any():
        return
    row = np.full(len(line.counts), -1)
    row[known] = np.arange(len(known))
    at_tick = np.zeros(len(steps) * _STEP, np.int64)
    for waits in line.parts():
        row_of = row[waits >> _STEP_BITS]
        within = np.flatnonzero(row_of >= 0)
        ticks = row_of[within] << _STEP_BITS | waits[within] & (_STEP - 1)
        at_tick += np.bincount(ticks, minlength=len(at_tick))
    by_step = at_tick.reshape(-1, _STEP)
    for one in sought:
        one.at_tick += by_step[np.searchsorted(steps, one.steps)]


def _sum(one: Ints, other: Ints) -> Ints:
    """Add counts of which one goes on longer than the other."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total
