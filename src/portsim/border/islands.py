"""PortModel -> its islands: parts between which nobody chooses and nobody is referred, so that each runs alone.

A scenario that changes one part of the border leaves the others as they are. Draws are keyed by name, so such an
island is the same in base and option, traveller for traveller, and need be simulated once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
import numpy.typing as npt

from portsim.border.model import Line, PortModel, Referral, Segment

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Island:
    """A part of a model as a model of its own; `lines` and `segments` are the numbers of its own in the whole."""

    model: PortModel
    lines: Ints
    segments: Ints


def islands(model: PortModel) -> list[Island]:
    """Return the islands of a model, together all of it; with policies, whose reviews read many lines, it is one."""
    if model.booth_rules or model.toll_rules:
        return [Island(model, np.arange(len(model.lines)), np.arange(len(model.segments)))]
    island_of = _island_of_stations(model)
    first = island_of[0]
    of_segment = np.array([island_of[lines[0]] if (lines := _lines(s)) else first for s in model.segments], np.int64)
    return [_island(model, island_of == number, of_segment == number) for number in dict.fromkeys(island_of.tolist())]


def shared(models: Sequence[PortModel]) -> list[list[Island]]:
    """Return the islands of each model; where two are alike in everything, both have the very same model."""
    known: list[PortModel] = []
    found = []
    for model in models:
        found.append([replace(island, model=_known(island.model, known)) for island in islands(model)])
        known += [island.model for island in found[-1]]
    return found


def _known(model: PortModel, known: Sequence[PortModel]) -> PortModel:
    return next((other for other in known if alike(model, other)), model)


def alike(one: object, other: object) -> bool:
    """Say whether two models, or parts of them, are equal, arrays and all."""
    if one is other:
        return True
    if isinstance(one, np.ndarray):
        return np.array_equal(one, np.asarray(other))
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return type(one) is type(other) and all(alike(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def _lines(segment: Segment) -> list[int]:
    return [line for alternative in segment.alternatives for line in alternative.lines]


def _island_of_stations(model: PortModel) -> Ints:
    """Return the island of each line, then of each later stage. What nobody uses belongs to that of the first line."""
    island_of = np.arange(len(model.lines) + len(model.later))
    for together in _linked(model):
        island_of[np.isin(island_of, island_of[together])] = island_of[together[0]]
    return island_of


def _linked(model: PortModel) -> Iterator[list[int]]:
    """Yield stations that are of one island: those a segment may use, and those a line refers to."""
    for segment in model.segments:
        if segment.alternatives:
            yield _lines(segment)
    for number, line in enumerate(model.lines):
        yield [number, *(len(model.lines) + referral.station for referral in line.referrals)]
    used = {line for segment in model.segments for line in _lines(segment)}
    referred = {referral.station for line in model.lines for referral in line.referrals}
    idle = [number for number in range(len(model.lines)) if number not in used]
    yield [0, *idle, *(len(model.lines) + number for number in range(len(model.later)) if number not in referred)]


def _island(model: PortModel, stations: npt.NDArray[np.bool_], segments: npt.NDArray[np.bool_]) -> Island:
    """Return the part of a model with these stations and segments, numbered anew."""
    lines, later = np.flatnonzero(stations[: len(model.lines)]), np.flatnonzero(stations[len(model.lines) :])
    own = np.flatnonzero(segments)
    kept = [model.lines[line] for line in lines], [model.later[station] for station in later]
    rows = sorted({station.multiplier for stations_of in kept for station in stations_of})
    return Island(
        replace(
            model,
            lines=tuple(_line(line, later, rows) for line in kept[0]),
            later=tuple(replace(station, multiplier=rows.index(station.multiplier)) for station in kept[1]),
            segments=tuple(_segment(model.segments[number], lines) for number in own),
            multipliers=tuple(model.multipliers[row] for row in rows),
        ),
        lines,
        own,
    )


def _line(line: Line, later: Ints, rows: Sequence[int]) -> Line:
    referrals = tuple(Referral(int(np.searchsorted(later, r.station)), r.stage, r.share) for r in line.referrals)
    return replace(line, referrals=referrals, multiplier=rows.index(line.multiplier))


def _segment(segment: Segment, lines: Ints) -> Segment:
    alternatives = (
        replace(option, lines=tuple(np.searchsorted(lines, option.lines).tolist())) for option in segment.alternatives
    )
    return replace(segment, alternatives=tuple(alternatives))
