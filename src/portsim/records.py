"""Crossings: one row a traveller, int64 ticks; the invariants every run must keep."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from portsim.model import PortModel

Ints = npt.NDArray[np.int64]

NONE = -1  # did not happen
CROSSED, LOST, TURNED_AWAY, INSIDE = range(4)
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
    traveller-ticks in each station's line, accumulated by the engine; `ended`, the tick of the last event.
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

    def __len__(self) -> int:
        return len(self.key)

    @property
    def joined(self) -> npt.NDArray[np.bool_]:
        """Return who joined a line."""
        joined: npt.NDArray[np.bool_] = (self.outcome == CROSSED) | (self.outcome == INSIDE)
        return joined


def broken_invariants(crossings: Crossings, model: PortModel) -> list[str]:
    """Return what does not hold of a run: an empty list, or a bug.

    Conservation, order of events, first come first served, Little's law in ticks, no more in service than open
    booths allow, and no open booth idle beside a line.
    """
    faults = _row_faults(crossings)
    joins, starts, ends = _visits(crossings, model)
    for station in range(len(model.lines) + len(model.later)):
        name = [*model.lines, *model.later][station].name
        faults += [
            f"{name}: {fault}"
            for fault in _station_faults(joins[station], starts[station], ends[station], crossings, station)
        ]
    return faults


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
    if np.any(c.depart[crossed] < c.end[crossed]) or np.any(c.end[crossed] <= c.start[crossed]):
        faults.append("a crossing ends before its last stage")
    if np.any(c.depart[~crossed] != NONE):
        faults.append("someone departed who had not crossed")
    if np.any(c.line[joined] < 0):
        faults.append("joined no line")
    return faults


def _visits(c: Crossings, model: PortModel) -> tuple[list[Ints], list[Ints], list[Ints]]:
    """Return joins, starts and ends of each station, in the order they joined."""
    joins, starts, ends = [], [], []
    joined = c.joined
    for line in range(len(model.lines)):
        rows = np.flatnonzero(joined & (c.line == line))
        joins.append(c.tick[rows])
        starts.append(c.start[rows])
        ends.append(c.end[rows])
    for station in range(len(model.later)):
        rows, stage, came = _came_to(c, model, station)
        order = np.lexsort((rows, came))
        joins.append(came[order])
        starts.append(c.stage_start[stage, rows][order])
        ends.append(c.stage_end[stage, rows][order])
    return joins, starts, ends


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


def _station_faults(joins: Ints, starts: Ints, ends: Ints, c: Crossings, station: int) -> list[str]:
    faults = []
    served = starts != NONE
    if np.any(np.diff(starts[served]) < 0) or np.any(~served[:-1] & served[1:]):
        faults.append("not first come first served")
    left_line = np.where(served, starts, c.ended)
    if int((left_line - joins).sum()) != int(c.queue_area[station]):
        faults.append("Little's law: the queue's area is not the sum of the waits")
    return faults + _booth_faults(joins, left_line, starts[served], ends[served], c, station)


def _booth_faults(joins: Ints, left_line: Ints, starts: Ints, ends: Ints, c: Crossings, station: int) -> list[str]:
    """Compare queue and booths at every tick at which either changed, after everything of that tick."""
    opened = c.opened[c.opened[:, 1] == station]
    ended = ends[ends != NONE]
    ticks = np.unique(np.concatenate([joins, left_line, ended, opened[:, 0]]))
    ticks = ticks[ticks < c.ended]
    waiting = _count_until(joins, ticks) - _count_until(left_line, ticks)
    busy = _count_until(starts, ticks) - _count_until(ended, ticks)
    before, after = (
        opened[np.maximum(np.searchsorted(opened[:, 0], ticks, side=side) - 1, 0), 2] for side in ("left", "right")
    )
    most = np.maximum(before, after)  # within the tick: the last booth may start and close in one
    changed = opened[opened[:, 0] < c.ended]
    np.maximum.at(most, np.searchsorted(ticks, changed[:, 0]), changed[:, 2])
    faults = []
    if np.any((waiting > 0) & (busy < after)):
        faults.append("an open booth was idle beside a line")
    if np.any(np.isin(ticks, starts) & (busy > most)):
        faults.append("service began at a booth that was not open")
    return faults


def _count_until(events: Ints, ticks: Ints) -> Ints:
    return np.searchsorted(np.sort(events), ticks, side="right")
