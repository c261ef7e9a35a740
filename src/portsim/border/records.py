"""Crossings: one row a traveller, int64 ticks; the invariants every run must keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from portsim.border.model import Line, PortModel

Ints = npt.NDArray[np.int64]

NONE = -1  # did not happen
WAITING = -2  # the start of a later stage whose line was joined, and not left when the run ended
CROSSED, LOST, TURNED_AWAY, INSIDE = range(4)
_COLUMNS = ("key", "tick", "segment", "line", "outcome", "start", "end", "depart")
OUTCOMES = ("crossed", "lost", "turned_away", "inside")


@dataclass(frozen=True)
class Crossings:
    """What happened to each traveller, in order of decision; -1 is "did not happen".

    `key`: the traveller. `tick`: of decision, and of joining where it joined. `line`: chosen (-1: none was open).
    `start`, `end`: of primary. `stage_start`, `stage_end`, shape (stages, n). `depart`: leaving the last stage.
    `outcome`: index in OUTCOMES; lost travellers found the wait too long, those turned away no open port, those
    inside were not through when the run ended.

    Beside the rows: `opened` rows (tick, station, booths) for every change of open booths, stations numbered as
    lines, then later stages; `posted`, shape (readings, lines), ticks, every posting interval; `queue_area`,
    traveller-ticks in each station's line, accumulated by the engine; `ended`, the tick of the last event; `tolls`
    rows (tick, toll rule, step) for every change of a responsive toll, which begins at step 0.
    """

    key: Ints
    tick: Ints
    segment: Ints
    line: Ints
    start: Ints
    end: Ints
    stage_start: Ints
    stage_end: Ints
    depart: Ints
    outcome: Ints
    opened: Ints
    posted: Ints
    queue_area: Ints
    ended: int = field(default=0)
    tolls: Ints = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    def __len__(self) -> int:
        return len(self.key)

    @property
    def joined(self) -> npt.NDArray[np.bool_]:
        """Return who joined a line."""
        joined: npt.NDArray[np.bool_] = (self.outcome == CROSSED) | (self.outcome == INSIDE)
        return joined


def first_difference(a: Crossings, b: Crossings) -> str | None:
    """Say in words where two runs first differ: the earliest traveller, then what stands beside the rows.

    None if they are equal in everything.
    """
    if len(a) != len(b):
        return f"{len(a)} travellers, and {len(b)}"
    columns = {name: (getattr(a, name), getattr(b, name)) for name in (*_COLUMNS, "stage_start", "stage_end")}
    differing = [(_first_row(one, other), name) for name, (one, other) in columns.items()]
    differing = [(row, name) for row, name in differing if row != NONE]
    if differing:
        row, name = min(differing, key=lambda found: found[0])
        one, other = columns[name]
        return f"traveller {row}: {name} is {one[..., row].tolist()}, and {other[..., row].tolist()}"
    for name in ("opened", "posted", "queue_area", "tolls"):
        one, other = getattr(a, name), getattr(b, name)
        if one.shape != other.shape:
            return f"{name} has shape {one.shape}, and {other.shape}"
        row = _first_row(one.T, other.T)
        if row != NONE:
            return f"{name}, row {row}: {one[row].tolist()}, and {other[row].tolist()}"
    return None if a.ended == b.ended else f"ended at {a.ended}, and at {b.ended}"


def _first_row(one: Ints, other: Ints) -> int:
    """Return the first place along the last axis at which two arrays differ, NONE if they are equal."""
    if one.shape != other.shape:
        return 0
    rows = np.flatnonzero(np.any(np.atleast_2d(one != other), axis=0))
    return int(rows[0]) if rows.size else NONE


def broken_invariants(crossings: Crossings, model: PortModel) -> list[str]:
    """Return what does not hold of a run: an empty list, or a bug.

    Conservation, order of events, first come first served, Little's law in ticks, no more in service than open
    booths allow, and no open booth idle beside a line.
    """
    faults = _row_faults(crossings)
    stations = [*model.lines, *model.later]
    for number, (station, visits) in enumerate(zip(stations, _all_visits(crossings, model), strict=True)):
        opened = crossings.opened[crossings.opened[:, 1] == number]
        found = _line_faults(visits, int(crossings.queue_area[number]), crossings.ended)
        per_lane = 2 if isinstance(station, Line) and station.stacked else 1
        found += _booth_faults(visits, opened, crossings.ended, per_lane)
        faults += [f"{station.name}: {fault}" for fault in found]
    return faults


class _Visits(NamedTuple):
    """The visits of one station, in the order of joining; start and end are negative where not reached."""

    join: Ints
    start: Ints
    end: Ints


def _row_faults(c: Crossings) -> list[str]:
    faults = []
    joined = c.joined
    if np.any(np.diff(c.tick) < 0):
        faults.append("decisions are out of order")
    if np.any((c.start[joined] != NONE) & (c.start[joined] < c.tick[joined])):
        faults.append("service before joining")
    if np.any(c.start[~joined] != NONE):
        faults.append("service of someone who never joined")
    crossed = c.outcome == CROSSED
    if np.any(c.end[crossed] <= c.start[crossed]):
        faults.append("primary ends before it starts")
    if np.any((c.stage_end != NONE) & ((c.stage_start < 0) | (c.stage_end <= c.stage_start))):
        faults.append("a later stage ends before it starts")
    last_end = np.vstack([c.end, c.stage_end]).max(axis=0)
    if np.any(c.depart[crossed] != last_end[crossed]):
        faults.append("a crossing does not end with its last stage")
    if np.any(c.depart[~crossed] != NONE):
        faults.append("someone departed who had not crossed")
    if np.any(c.line[joined] < 0):
        faults.append("joined no line")
    return faults


def _all_visits(c: Crossings, model: PortModel) -> Iterator[_Visits]:
    """Yield the visits of each line, then of each later station."""
    for line in range(len(model.lines)):
        rows = np.flatnonzero(c.joined & (c.line == line))
        yield _Visits(c.tick[rows], c.start[rows], c.end[rows])
    for station in range(len(model.later)):
        rows, stage, came = _came_to(c, model, station)
        order = np.lexsort((rows, came > c.end[rows], came))  # at one tick, ends of primary come first
        yield _Visits(came[order], c.stage_start[stage, rows][order], c.stage_end[stage, rows][order])


def _came_to(c: Crossings, model: PortModel, station: int) -> tuple[Ints, Ints, Ints]:
    """Return who joined a later station: rows, stage numbers, and when: the end of what they did before."""
    all_rows, all_stages, all_came = [], [], []
    for number, line in enumerate(model.lines):
        for referral in line.referrals:
            if referral.station != station:
                continue
            on_line = np.flatnonzero(c.joined & (c.line == number))
            before = c.end[on_line]
            for earlier in range(referral.stage):
                before = np.maximum(before, c.stage_end[earlier, on_line])
            visited = c.stage_start[referral.stage, on_line] != NONE
            all_rows.append(on_line[visited])
            all_stages.append(np.full(int(visited.sum()), referral.stage))
            all_came.append(before[visited])
    if not all_rows:
        none = np.zeros(0, np.int64)
        return none, none, none
    return np.concatenate(all_rows), np.concatenate(all_stages), np.concatenate(all_came)


def _line_faults(visits: _Visits, queue_area: int, run_ended: int) -> list[str]:
    faults = []
    served = visits.start >= 0
    if np.any(np.diff(visits.start[served]) < 0) or np.any(~served[:-1] & served[1:]):
        faults.append("not first come first served")
    left_line = np.where(served, visits.start, run_ended)
    if int((left_line - visits.join).sum()) != queue_area:
        faults.append("Little's law: the queue's area is not the sum of the waits")
    return faults


def _booth_faults(visits: _Visits, opened: Ints, run_ended: int, per_lane: int) -> list[str]:
    """Compare queue and booths at every tick at which either changed, after everything of that tick.

    `per_lane`: how many work in an open lane at most; each lane in use has one at least.
    """
    start, end = visits.start[visits.start >= 0], visits.end[visits.end != NONE]
    ticks = np.unique(np.concatenate([visits.join, start, end, opened[:, 0]]))
    ticks = ticks[ticks < run_ended]
    waiting = _count_until(visits.join, ticks) - _count_until(start, ticks)
    busy = _count_until(start, ticks) - _count_until(end, ticks)
    before, after = (
        opened[np.maximum(np.searchsorted(opened[:, 0], ticks, side=side) - 1, 0), 2] for side in ("left", "right")
    )
    most = np.maximum(before, after)  # within the tick: the last booth may start and close in one
    changed = opened[opened[:, 0] < run_ended]
    np.maximum.at(most, np.searchsorted(ticks, changed[:, 0]), changed[:, 2])
    faults = []
    if np.any((waiting > 0) & (busy < after)):
        faults.append("an open booth was idle beside a line")
    if np.any(np.isin(ticks, start) & (busy > per_lane * most)):
        faults.append("service began at a booth that was not open")
    return faults


def _count_until(events: Ints, ticks: Ints) -> Ints:
    return np.searchsorted(np.sort(events), ticks, side="right")
