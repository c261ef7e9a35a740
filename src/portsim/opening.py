"""Opening hours: when a line may be joined, and when booths work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.schema import Crossing, Hours, LaneType

Bools = npt.NDArray[np.bool_]


def hours_of(crossing: Crossing, lane: LaneType) -> Hours:
    """Return the opening hours a line keeps: its own, or its crossing's."""
    return crossing.hours if lane.hours is None else lane.hours


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
