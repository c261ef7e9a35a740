"""The shared policies: plain functions of whole numbers, the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence

from portsim.clock import HOUR, HOURS_PER_WEEK
from portsim.model import CLEARING, FRACTION_BITS, MILLI, NEVER

NO_LINE = -1


def service_ticks(mean: int, multiplier: int) -> int:
    """Return a service time, at least one tick, from a mean in ticks and a fixed-point factor."""
    return max(1, (mean * multiplier) >> FRACTION_BITS)


def informed_wait(waiting: int, capacity: Sequence[int], now: int) -> int:
    """Return the ticks in which the coming timetable serves those waiting now; NEVER if no booth will open.

    `capacity` is in thousandths of a traveller an hour, by hour of the week. Hours without booths are waited out;
    but where the gate is shut (CLEARING), booths that have begun go on at the last rate until the line is empty.
    """
    work = waiting * MILLI * HOUR
    tick, rate = now, 0
    for hour in range(now // HOUR, now // HOUR + HOURS_PER_WEEK + 1):
        coming = capacity[hour % HOURS_PER_WEEK]
        end = (hour + 1) * HOUR
        if coming == CLEARING and rate > 0:
            break
        if coming > 0:
            rate = coming
            if rate * (end - tick) >= work:
                break
            work -= rate * (end - tick)
        tick = end
    return tick + work // rate - now if rate > 0 else NEVER


def posted_wait(wait: int, step: int) -> int:
    """Return what would be written down of a wait: rounded down to a step."""
    return wait if wait == NEVER else wait - wait % step


def choose_line(waits: Sequence[int], tolls: Sequence[int], weight: int, shortest: bool) -> int:
    """Return the position, among a port's lines, of the one a traveller takes; NO_LINE if it may join none.

    Lines stand in order of preference; a wait is NEVER where none may be joined. It is the first line that may be
    joined, or, with `shortest`, the one of least wait and toll, of equals the first.
    """
    best, best_cost = NO_LINE, 0
    for position in range(len(waits)):
        if waits[position] != NEVER:
            cost = generalised_wait(waits[position], weight, tolls[position], 0, 0)
            if best == NO_LINE or cost < best_cost:
                best, best_cost = position, cost
            if not shortest:
                break
    return best


def generalised_wait(wait: int, weight: int, toll: int, cost: int, taste: int) -> int:
    """Return what a traveller compares between ports, in ticks: lower is better. `weight` is in thousandths."""
    return weight * wait // MILLI + toll + cost - taste


def has_patience(wait: int, toll: int, patience: int) -> bool:
    """Say whether a traveller goes: wait and toll together are at most its patience."""
    return wait + toll <= patience
