"""Opening hours: when a line may be joined, and when booths work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.language.schema import Crossing, Hours, LaneType

Bools = npt.NDArray[np.bool_]


def hours_of(crossing: Crossing, lane: LaneType) -> Hours:
    """Return the opening hours a line keeps: its own, or its crossing's."""
    return crossing.hours if lane.hours is None else lane.hours


def gate_of(crossing: Crossing, lane: LaneType) -> Bools:
    """Return in which slots of the week a line may be joined: within its hours, outside its closures."""
    return gate_slots(hours_of(crossing, lane)) & ~stopped(lane)


def working_of(crossing: Crossing, lane: LaneType) -> Bools:
    """Return in which slots of the week a line's booths may work: within its hours, outside its closures."""
    return booth_slots(hours_of(crossing, lane)) & ~stopped(lane)


def stopped(lane: LaneType) -> Bools:
    """Return in which slots of the week a closure stops a line, those in it too, shape (2016,)."""
    mask = np.zeros(clock.SLOTS_PER_WEEK, bool)
    for span in lane.closures:
        mask |= span.slots()
    return mask


def gate_slots(hours: Hours) -> Bools:
    """Return in which five-minute slots of the week the line may be joined, shape (2016,)."""
    return _mask(hours, from_line=True)


def booth_slots(hours: Hours) -> Bools:
    """Return in which five-minute slots of the week booths work, shape (2016,)."""
    return _mask(hours, from_line=False)


def _mask(hours: Hours, *, from_line: bool) -> Bools:
    if hours == "24h":
        return np.ones(clock.SLOTS_PER_WEEK, bool)
    mask = np.zeros(clock.SLOTS_PER_WEEK, bool)
    for window in hours:
        opens = (window.line_opens or window.opens) if from_line else window.opens
        first, last = clock.minutes(opens) // clock.SLOT_MIN, clock.minutes(window.closes) // clock.SLOT_MIN
        for day in clock.days_of(window.days):
            mask[day * clock.SLOTS_PER_DAY + first : day * clock.SLOTS_PER_DAY + last] = True
    return mask
