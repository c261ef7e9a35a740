"""The shared policies: plain functions of whole numbers, the same for every engine."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from portsim.border.model import CLEARING, FRACTION_BITS, MILLI, NEVER
from portsim.border.policies import FIXED, RESERVE, RESPONDS
from portsim.clock import HOUR, HOURS_PER_WEEK

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


# --- responsive booths -------------------------------------------------------------------------


class Crew(NamedTuple):
    """The lines of one crossing, side by side, those with the first right to an officer first.

    `part`: how a line takes part now. `waits`: as read, NEVER where none is known. `base`: the booths of the
    timetable. `shift`: how many more the last review gave. `booths`: open now, or from now on.
    """

    part: MutableSequence[int]
    open_above: Sequence[int]
    close_below: Sequence[int]
    least: Sequence[int]
    most: Sequence[int]
    waits: MutableSequence[int]
    base: MutableSequence[int]
    shift: MutableSequence[int]
    booths: MutableSequence[int]


def on_shift(crew: Crew, added: int, positions: int) -> int:
    """Return how many officers can work: those of the timetables and those added, one a lane position."""
    officers = added
    for i in range(len(crew.base)):
        officers += crew.base[i]
    return min(officers, positions)


def allot(crew: Crew, officers: int) -> None:
    """Share out the officers on shift: a line that responds has the timetable's booths and its shift, within bounds.

    A fixed line has the timetable's, the reserve all that are left, within bounds.
    """
    left = officers
    for i in range(len(crew.part)):
        crew.booths[i] = crew.base[i]
        if crew.part[i] == RESPONDS:
            crew.booths[i] = max(crew.least[i], min(crew.most[i], crew.base[i] + crew.shift[i]))
        if crew.part[i] != RESERVE:
            left -= crew.booths[i]
    for i in range(len(crew.part)):
        if crew.part[i] == RESERVE:
            crew.booths[i] = max(crew.least[i], min(crew.most[i], left))
            left -= crew.booths[i]
    if left < 0:
        close_beyond(crew, -left)


def close_beyond(crew: Crew, missing: int) -> None:
    """Close booths that lack an officer, from the last line back: first those beyond the least, then those too."""
    for keep in (1, 0):
        for i in range(len(crew.part) - 1, -1, -1):
            if crew.part[i] != FIXED:
                closed = max(0, min(missing, crew.booths[i] - keep * crew.least[i]))
                crew.booths[i] -= closed
                missing -= closed


def respond(crew: Crew, officers: int) -> None:
    """Close one booth of each line whose wait is short; then open one where it is long, if there is an officer.

    An officer is one who is free, or one of the reserve's beyond its least. Both in the order of the lines.
    """
    free, reserve = officers, NO_LINE
    for i in range(len(crew.part)):
        if crew.part[i] == RESERVE:
            reserve = i
        elif crew.part[i] == RESPONDS and is_short(crew, i):
            crew.booths[i] -= 1
        free -= crew.booths[i]
    for i in range(len(crew.part)):
        if crew.part[i] == RESPONDS and crew.waits[i] > crew.open_above[i] and crew.booths[i] < crew.most[i]:
            if free <= 0 and reserve != NO_LINE and crew.booths[reserve] > crew.least[reserve]:
                crew.booths[reserve] -= 1
                free += 1
            if free > 0:
                crew.booths[i] += 1
                free -= 1


def is_short(crew: Crew, i: int) -> bool:
    """Say whether a line should close a booth, and can."""
    return crew.waits[i] != NEVER and crew.waits[i] < crew.close_below[i] and crew.booths[i] > crew.least[i]


def balance(crew: Crew, low: int, high: int, factor: int, until: int) -> None:
    """Move a booth from the line `high` to `low` while the wait of `low`, times a factor, is not below that of `high`.

    Not while the latter is `until` or more. One that `low` has beyond its timetable goes back where its wait, times
    the factor twice, is below. `factor` is in thousandths.
    """
    if low == NO_LINE or crew.waits[low] == NEVER or crew.waits[high] == NEVER:
        return
    kept = factor * crew.waits[low]
    giving, taking = NO_LINE, NO_LINE
    if kept > MILLI * crew.waits[high]:
        if crew.waits[high] < until:
            giving, taking = high, low
    elif factor * kept < MILLI * MILLI * crew.waits[high] and crew.booths[low] > crew.base[low]:
        giving, taking = low, high
    if giving != NO_LINE and crew.booths[giving] > crew.least[giving] and crew.booths[taking] < crew.most[taking]:
        crew.booths[giving] -= 1
        crew.booths[taking] += 1


def expected_capacity(capacity: int, one_booth: int, extra: int, least: int, most: int) -> int:
    """Return what a responsive line can be expected to serve in an hour: the timetable, and as many more as now.

    All in thousandths of a traveller an hour. An hour in which no booth is meant to open stays one.
    """
    if capacity <= 0:
        return capacity
    return max(min(capacity + extra * one_booth, most * one_booth), min(capacity, least * one_booth))


# --- responsive tolls --------------------------------------------------------------------------


def next_toll(step: int, wait: int, target: int, most: int) -> int:
    """Return the step of a toll after a review: one up above the target, one down below it, from 0 to `most`.

    Where no wait is known (NEVER) it stays.
    """
    if wait > target:
        return min(step + 1, most)
    return max(step - 1, 0) if NEVER < wait < target else step
