"""Policies that answer the wait: responsive booths and tolls, as the whole numbers that engines see; stacked booths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.language.schema import Crossing, LaneType, Reads, ResponsiveBooths, ResponsiveToll, Service

Ints = npt.NDArray[np.int64]

MILLI = 1_000  # tolls and factors are in thousandths
NO_PLACE = -1
FIXED, RESPONDS, RESERVE = range(3)  # how a line takes part in a crossing's responsive booths
_NEVER_OPENS = 1 << 62
_NEVER_CLOSES = 0


@dataclass(frozen=True)
class BoothRule:
    """Responsive booths of one crossing. `lines` are all its lines, those that respond first; columns are by line.

    `part`: FIXED, RESPONDS or RESERVE. `open_above`, `close_below`: waits in ticks. `least`, `most`: booths.
    `one_booth`, shape (lines, 168): thousandths of a traveller an hour. From each `tick` of the week on, officers
    are shared out anew. `low`, `high`: places in `lines` of the two in balance, or NO_PLACE.
    """

    lines: tuple[int, ...]
    part: Ints
    open_above: Ints
    close_below: Ints
    least: Ints
    most: Ints
    one_booth: Ints
    tick: Ints
    positions: int
    interval: int
    added: int = 0
    posted: bool = False
    low: int = NO_PLACE
    high: int = NO_PLACE
    factor: int = MILLI
    until: int = 0


@dataclass(frozen=True)
class TollRule:
    """One toll of several lines, from step 0, the floor, to step `most`. `step`: thousandths of a dollar."""

    lines: tuple[int, ...]
    target: int
    step: int
    most: int
    interval: int
    posted: bool = False


@dataclass(frozen=True)
class LineOfCrossing:
    """What a rule needs to know of one line: its number, its timetable's ticks, and its capacities by hour."""

    number: int
    tick: Ints
    capacity: Ints
    one_booth: Ints


def booth_rule(crossing: Crossing, lines: dict[str, LineOfCrossing]) -> BoothRule:
    """Return the responsive booths of a crossing that has them."""
    rule = crossing.responsive_booths
    assert rule is not None, "asked only where there is one"
    concerned = [name for name in rule.concerned() if name in lines]
    names = [*concerned, *(name for name in lines if name not in concerned)]
    limits = [rule.lines.get(name) for name in names]
    two = (rule.balance.keep, rule.balance.below) if rule.balance else ()
    places = [names.index(name) for name in two if name in names]
    low, high = places if len(places) == len(two) == 2 else (NO_PLACE, NO_PLACE)  # noqa: PLR2004 - a pair
    return BoothRule(
        lines=tuple(lines[name].number for name in names),
        part=np.array([_part(rule, name) for name in names], np.int64),
        open_above=np.array([_ticks(limit.open_above_min) if limit else _NEVER_OPENS for limit in limits], np.int64),
        close_below=np.array([_ticks(limit.close_below_min) if limit else _NEVER_CLOSES for limit in limits], np.int64),
        least=np.array([rule.at_least.get(name, 1) for name in names], np.int64),
        most=np.array([_most(crossing, crossing.lane_types[name]) for name in names], np.int64),
        one_booth=np.stack([lines[name].one_booth for name in names]),
        tick=_ticks_of_change([lines[name] for name in names]),
        positions=math.floor(crossing.lane_positions.value),
        interval=_ticks(rule.every_min),
        added=rule.officers_added,
        posted=_is_posted(rule.reads),
        low=low,
        high=high,
        factor=round(rule.balance.factor * MILLI) if rule.balance else MILLI,
        until=_ticks(rule.balance.until_min) if rule.balance else 0,
    )


def toll_rule(rule: ResponsiveToll, lines: dict[str, LineOfCrossing]) -> TollRule:
    """Return the responsive toll of a crossing."""
    return TollRule(
        lines=tuple(lines[name].number for name in rule.lane_types if name in lines),
        target=_ticks(rule.target_min),
        step=round(rule.step_usd * MILLI),
        most=math.floor((rule.cap_usd - rule.floor_usd) / rule.step_usd + 1e-9),
        interval=_ticks(rule.every_min),
        posted=_is_posted(rule.reads),
    )


def _ticks(minutes: float) -> int:
    return round(minutes * clock.MINUTE)


def _is_posted(reads: Reads) -> bool:
    return reads == "posted"


def _part(rule: ResponsiveBooths, name: str) -> int:
    if name == rule.swap_with:
        return RESERVE
    return RESPONDS if name in rule.concerned() else FIXED


def _most(crossing: Crossing, lane: LaneType) -> int:
    built = crossing.lane_positions if lane.booths_built is None else lane.booths_built
    return math.ceil(built.value)


def _ticks_of_change(lines: Sequence[LineOfCrossing]) -> Ints:
    """Return when a timetable steps, or a line begins or ends the hours in which it has booths."""
    ticks = [np.zeros(1, np.int64)]
    for line in lines:
        works = line.capacity > 0
        ticks += [line.tick, np.flatnonzero(works != np.roll(works, 1)) * clock.HOUR]
    return np.unique(np.concatenate(ticks))


# --- stacked booths ----------------------------------------------------------------------------


def stacking_gain(service: Service) -> float:
    """Return how many times one booth's a stacked lane serves when the line never ends: 2 E[S] / E[max(S1, S2)].

    Both cars have gone when the slower inspection has ended, and E[max] is 1 + Gini's index of the times.
    """
    return 2 / (1 + _gini(service))


def _gini(service: Service) -> float:
    """Return half the mean difference of two inspection times, over their mean."""
    cv = 0.0 if service.cv is None else service.cv.value
    if service.kind == "deterministic":
        return 0.0
    if service.kind == "exponential":
        return 0.5
    if service.kind == "lognormal":
        return math.erf(math.sqrt(math.log(1 + cv**2)) / 2)
    if service.kind == "clipped_exponential":
        assert service.clip is not None, "the schema sees to it"
        return _clipped(service.clip.value)
    shape = max(1, round(1 / cv**2)) if service.kind == "erlang" else 1 / cv**2
    return math.exp(math.lgamma(shape + 0.5) - math.lgamma(shape + 1)) / math.sqrt(math.pi)


def _clipped(clip: float) -> float:
    """Return the index of an exponential cut at `clip` times the mean of what is left."""
    low, high = 1.0, 1e6  # the exponential's mean
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * -math.expm1(-clip / middle) < 1 else (low, middle)
    return low * -2 * math.expm1(-clip / low) + low / 2 * math.expm1(-2 * clip / low) - 1
