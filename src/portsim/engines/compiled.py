"""The same engine compiled: one calendar, written to be fast; equal to the reference row for row.

The week's timetable is a sorted list, reviews come at fixed ticks, decisions in the order of the rows. Only the ends
of services are not known beforehand: they stand in a binary heap, as numbers that sort by (tick, rank, row). So
everything up to a tick happens in the order of `_advance`: timetable, ends, review; and then the decisions.

Travellers stand in rows: first those still inside from earlier weeks, then those who decide this week, so that the
order of the rows is that of the travellers' numbers. What happens to them stands in `book`, a column a traveller; what
the calendar must find of those inside, who come in no order, in `trips`, side by side. Only the travellers
of one week and those then inside are held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from portsim import clock
from portsim.border import model, policies, records
from portsim.border.model import NEVER, Line, PortModel, Station
from portsim.border.policies import FIXED
from portsim.border.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, WAITING, Crossings
from portsim.border.workload import WeekBlock, Workload
from portsim.clock import HOUR, HOURS_PER_WEEK, WEEK
from portsim.engines import rules

Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]
Row = np.uint64  # of the book, as the kernel counts them: an index that may be negative costs a test each time
At = np.uint64  # a place in any table, for the same reason
Compiled = TypeVar("Compiled", bound=Callable[..., Any])

LINE, OUTCOME, DEPART, FIRST_START = range(4)  # rows of the book; then starts and ends by stage (primary is 0)
TRIP = np.dtype([("behind", np.int32), ("visit", np.int32), ("traveller_class", np.int32)])
LASTING = ("key", "tick", "segment", "multiplier", "referral")  # what travellers carry to the end; see WeekBlock

_ROW_BITS = 24
_ROW = (1 << _ROW_BITS) - 1
_LATER = 1 << _ROW_BITS  # ends of primary, then ends of later stages, each in the order of rows
_TICK_BITS = _ROW_BITS + 1
_NO_END = np.iinfo(np.int64).max
_CLOSED = 1 << 62  # the cost of a port that is not open: no taste makes up for half of it
_COLUMNS = ("key", "tick", "segment", "line", "start", "end", "stage_start", "stage_end", "depart", "outcome")


def _table(*fields: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields])


# A line and its booths. `first`, `last`: in line, by row, linked by `behind`. `first_visit`: where the
# travellers of a line begin. The gate and what is known of the wait are lines' only.
STATION = _table(
    *("waiting", "first", "last", "in_service", "open", "clearing", "queue_area", "area_until", "multiplier"),
    *("first_visit", "gate_open", "informed_wait", "posted_wait"),
    *("place", "stacked", "first_lane", "last_lane", "lanes_used", "singles"),
)
STEP = _table("tick", "station", "booths", "clearing", "gate")  # of a timetable; or of a gate, unless that is NONE
OFFICERS = -2  # instead of a gate: officers are shared out anew, by the rule of this number
VISIT_OF_LINE = _table("station", "stage", "share", "last")  # primary first, then referrals, up to not with `last`
SEGMENT_OF_TRAVELLERS = _table("traveller_class", "standing_in", "first_option", "last_option", "as_of")
OPTION = _table("first_line", "last_line", "line", "cost", "toll")  # a port; the line preferred as things are known
CALENDAR = _table(
    *("now", "week", "next_step", "step_tick", "next_review", "next_posting", "next_policy", "coming"),
    *("hour", "hour_end", "news", "ends", "reached", "inside", "changes", "readings", "toll_changes"),
    *("lines", "stages", "wait_weight", "shortest_line"),
    *("information_interval", "posting_interval", "posting_step"),
)
# Responsive booths of a crossing: its lines are columns `first`..`last` of the crew; rows of the crew, by line.
BOOTH_RULE = _table(
    *("first", "last", "next_review", "interval", "posted", "added", "positions", "low", "high", "factor", "until"),
)
PART, ABOVE, BELOW, LEAST, MOST, WAIT, BASE, SHIFT, BOOTHS, STATED_PART, LINE_OF, CLEARS, RESPONDED = range(13)
TOLL_RULE = _table("first", "last", "next_review", "interval", "posted", "target", "most", "step")
FRONT, REAR, HELD_UP = range(3)  # rows of the lanes of stacked booths: who is there, and whether the rear one is done


class Border(NamedTuple):
    """The whole state of a run: what the model says, as tables, and how things stand."""

    calendar: Table
    stations: Table
    mean_service: Ints  # station, class, hour
    capacity: Ints  # line, hour
    steps: Table
    visits: Table
    segments: Table
    options: Table
    lines: Ints  # of all options
    toll: Ints  # hour, position in `lines`
    cost: Ints  # hour, option
    waits: Ints  # of the lines of one option, while a traveller compares them
    ends: Ints
    lanes: Ints  # of stacked booths
    booth_rules: Table
    crew: Ints  # rows as named above, a column a line of a rule
    one_booth: Ints  # column of the crew, hour
    timetabled: Ints  # column of the crew, hour: what `capacity` is without a rule
    toll_rules: Table
    tolled: Ints  # lines of toll rules
    toll_step: Ints  # position in `lines`


class Week(NamedTuple):
    """What travellers carry and what happens to them, by row; and what is written down about one call of the kernel."""

    key: Ints
    tick: Ints
    segment: Ints
    multiplier: Ints
    referral: Ints
    book: Ints
    trips: Table
    patience: Ints  # of those who decide, as are tastes
    taste: Ints
    opened: Ints
    posted: Ints
    tolls: Ints


class Carried(NamedTuple):
    """Travellers still inside at a week's end: their numbers, what they carry, and their part of book and trips."""

    number: Ints
    lasting: dict[str, Ints]
    book: Ints
    trips: Table


class Block(NamedTuple):
    """What a week left behind: rows of those inside from earlier weeks, with their numbers, then of its own.

    Who is inside at its end is there again in the next block. `queue_area` and `ended` are of the run so far.
    """

    carried: Ints
    crossings: Crossings


def simulate(port_model: PortModel, workload: Workload) -> Crossings:
    """Simulate one replication. A pure function: nothing is drawn, nothing is kept."""
    return _joined([_without_book(block) for block in blocks(port_model, workload)])


def blocks(port_model: PortModel, workload: Workload) -> Iterator[Block]:
    """Simulate week by week; the last block has run on, without new decisions, until the lines then there are served.

    The reference engine says in words what happens; here it is the same, tick by tick. A block's columns hold until
    the next is asked for, which is written over them; those of the last until another run begins.
    """
    with _lent_shelf() as shelf:
        yield from _blocks(port_model, workload, shelf)


def _blocks(port_model: PortModel, workload: Workload, shelf: _Shelf) -> Iterator[Block]:
    border = _border(port_model)
    week: Week | None = None
    numbers = np.zeros(0, np.int64)  # of the travellers in the rows of the week
    numbered = 0
    for number, drawn in enumerate(workload.weeks()):
        start, end = number * WEEK, (number + 1) * WEEK
        carried = _nobody(port_model) if week is None else _carry_over(border, week, numbers, start)
        numbers = np.concatenate([carried.number, np.arange(numbered, numbered + len(drawn))])
        numbered += len(drawn)
        week = _week(border, shelf, carried, drawn)
        _RUN_WEEK(border, week, len(carried.number), end)
        if end == port_model.horizon:
            _RUN_ON(border, week, end + WEEK)
        yield Block(carried.number, _crossings(border, week))


# --- compilation -------------------------------------------------------------------------------

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "_nrt": False,  # the kernel makes no arrays; counting references to those it is given took most of its time
}

for _rule in (
    rules.service_ticks,
    rules.informed_wait,
    rules.posted_wait,
    rules.choose_line,
    rules.generalised_wait,
    rules.has_patience,
    rules.on_shift,
    rules.allot,
    rules.close_beyond,
    rules.respond,
    rules.is_short,
    rules.balance,
    rules.expected_capacity,
    rules.next_toll,
):
    register_jitable(_rule)  # the very functions of the reference: called as they are, compiled on the way


def _jit(function: Compiled) -> Compiled:
    """Compile a part of the kernel."""
    part: Compiled = numba.njit(forceinline=True, **_OPTIONS)(function)
    return part


def _copied(function: Compiled) -> Compiled:
    """Compile a part with its only caller: by itself it would take as long once more."""
    part: Compiled = numba.njit(inline="always", **_OPTIONS)(function)
    return part


def _on_disk(function: Compiled) -> Compiled:
    """Compile an entry of the kernel and keep it on disk, if there is a place."""
    try:
        entry: Compiled = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return _jit(function)
    return entry


# --- booths ------------------------------------------------------------------------------------


@_jit
def _join(border: Border, week: Week, row: Row, visit: int) -> None:
    """Let a traveller join the line of a visit."""
    number = border.visits[At(visit)].station
    station = border.stations[At(number)]
    trip = week.trips[row]
    trip.visit, trip.behind = visit, NONE
    if _has_room(station):
        _start(border, week, number, row)
        return
    _account(border, station)
    if station.waiting:
        week.trips[Row(station.last)].behind = row
    else:
        station.first = row
    station.last = row
    station.waiting += 1
    stage = border.visits[At(visit)].stage
    if stage:
        week.book[At(FIRST_START + stage), row] = WAITING


@_jit
def _has_room(station: Any) -> bool:
    """Say whether somebody could start now."""
    if not station.stacked:
        return bool(station.in_service < station.open)
    return bool(station.lanes_used < station.open or (station.lanes_used == station.open and station.singles > 0))


@_jit
def _serve(border: Border, week: Week, number: int) -> None:
    """Let the head of the line start while a booth is free; close the booths that cleared the line."""
    station = border.stations[At(number)]
    while station.waiting and _has_room(station):
        _account(border, station)
        row = Row(station.first)
        station.first = week.trips[row].behind
        station.waiting -= 1
        _start(border, week, number, row)
    if station.clearing and not station.waiting:
        station.clearing = 0
        _note_open(border, week, number, 0)


@_jit
def _start(border: Border, week: Week, number: int, row: Row) -> None:
    """Let a service start, and put its end on the calendar."""
    calendar = border.calendar[0]
    now = calendar.now
    station = border.stations[At(number)]
    if station.stacked:
        _enter_lane(border, station, row)
    station.in_service += 1
    trip = week.trips[row]
    stage = border.visits[At(trip.visit)].stage
    week.book[At(FIRST_START + stage), row] = now
    mean = border.mean_service[At(number), At(trip.traveller_class), At(_hour_of_week(calendar))]
    end = now + rules.service_ticks(mean, week.multiplier[At(station.multiplier), row])
    _push(border.ends, calendar, (end - calendar.week) << _TICK_BITS | (_LATER if stage else 0) | np.int64(row))


@_jit
def _account(border: Border, station: Any) -> None:
    """Add to the area under the queue's length, before it changes."""
    now = border.calendar[0].now
    station.queue_area += station.waiting * (now - station.area_until)
    station.area_until = now


@_jit
def _set_open(border: Border, week: Week, number: int, booths: int, clearing: int) -> None:
    """Open and close booths; without any, those that clear the line stay while somebody waits."""
    station = border.stations[number]
    station.clearing = booths == 0 and clearing > 0 and station.waiting > 0
    _note_open(border, week, number, clearing if station.clearing else booths)
    _serve(border, week, number)


@_jit
def _note_open(border: Border, week: Week, number: int, booths: int) -> None:
    station, calendar = border.stations[number], border.calendar[0]
    if station.open != booths:
        station.open = booths
        week.opened[calendar.changes, 0] = calendar.now
        week.opened[calendar.changes, 1] = number
        week.opened[calendar.changes, 2] = booths
        calendar.changes += 1


# --- stacked booths ----------------------------------------------------------------------------


@_jit
def _enter_lane(border: Border, station: Any, row: Row) -> None:
    """Take the first empty lane, or the rear booth of the first lane whose front one alone is at work."""
    lanes = border.lanes
    empty = station.lanes_used < station.open
    for lane in range(station.first_lane, station.last_lane):
        if lanes[REAR, lane] == NONE and (lanes[FRONT, lane] == NONE) == empty:
            lanes[FRONT if empty else REAR, lane] = row
            break
    station.lanes_used += 1 if empty else 0
    station.singles += 1 if empty else -1


@_jit
def _leave_lane(border: Border, number: int, row: np.int64) -> bool:
    """Leave a lane, unless held up by the car in front; who is held up behind goes next, at the same tick."""
    lanes, station, calendar = border.lanes, border.stations[number], border.calendar[0]
    lane = station.first_lane
    while lanes[FRONT, lane] != row and lanes[REAR, lane] != row:
        lane += 1
    if lanes[FRONT, lane] != row:
        if lanes[FRONT, lane] != NONE:
            lanes[HELD_UP, lane] = 1
            return False
        lanes[REAR, lane] = NONE
        station.lanes_used -= 1
        return True
    lanes[FRONT, lane] = NONE
    if lanes[REAR, lane] == NONE:
        station.lanes_used -= 1
        station.singles -= 1
    elif lanes[HELD_UP, lane]:
        lanes[HELD_UP, lane] = 0
        _push(border.ends, calendar, (calendar.now - calendar.week) << _TICK_BITS | lanes[REAR, lane])
    return True


# --- policies ----------------------------------------------------------------------------------


@_jit
def _keep_step(border: Border, week: Week, step: Any) -> None:
    """Take a step of a timetable; a line that responds only notes it."""
    place = border.stations[step.station].place
    if place != NONE:
        border.crew[BASE, place], border.crew[CLEARS, place] = step.booths, step.clearing
        if border.crew[STATED_PART, place] != FIXED and _is_staffed(border, place):
            return
    _set_open(border, week, step.station, step.booths, step.clearing)


@_jit
def _is_staffed(border: Border, place: int) -> bool:
    """Say whether a line's booths are meant to be open in this hour."""
    return bool(border.timetabled[place, border.calendar[0].now // HOUR % HOURS_PER_WEEK] > 0)


@_jit
def _crew(border: Border, rule: Any) -> rules.Crew:
    """Return the columns of a crossing; a line without booths in this hour takes no part, and begins anew."""
    crew = border.crew
    first, last = rule.first, rule.last
    for place in range(first, last):
        crew[PART, place] = crew[STATED_PART, place] if _is_staffed(border, place) else FIXED
        if crew[PART, place] == FIXED:
            crew[SHIFT, place] = 0
    rows: Any = crew
    return rules.Crew(
        rows[PART, first:last],
        rows[ABOVE, first:last],
        rows[BELOW, first:last],
        rows[LEAST, first:last],
        rows[MOST, first:last],
        rows[WAIT, first:last],
        rows[BASE, first:last],
        rows[SHIFT, first:last],
        rows[BOOTHS, first:last],
    )


@_jit
def _share_out(border: Border, week: Week, number: int) -> None:
    """Share out the officers of a crossing."""
    rule, crew = border.booth_rules[number], border.crew
    lines = _crew(border, rule)
    rules.allot(lines, rules.on_shift(lines, rule.added, rule.positions))
    for place in range(rule.first, rule.last):
        responds = crew[PART, place] != FIXED
        if responds:
            _set_open(border, week, crew[LINE_OF, place], crew[BOOTHS, place], 0)
        elif crew[RESPONDED, place]:
            _set_open(border, week, crew[LINE_OF, place], crew[BASE, place], crew[CLEARS, place])
        crew[RESPONDED, place] = responds


@_jit
def _review_booths(border: Border, week: Week, number: int) -> None:
    """Read the waits of a crossing, open and close booths, and let travellers expect as many."""
    rule, crew = border.booth_rules[number], border.crew
    lines = _crew(border, rule)
    for place in range(rule.first, rule.last):
        crew[WAIT, place] = _wait_read(border, crew[LINE_OF, place], rule) if _is_staffed(border, place) else NEVER
    rules.respond(lines, rules.on_shift(lines, rule.added, rule.positions))
    rules.balance(lines, rule.low, rule.high, rule.factor, rule.until)
    for place in range(rule.first, rule.last):
        crew[SHIFT, place] = crew[BOOTHS, place] - crew[BASE, place]
    _share_out(border, week, number)
    for place in range(rule.first, rule.last):
        extra = crew[BOOTHS, place] - crew[BASE, place]
        for hour in range(HOURS_PER_WEEK):
            border.capacity[crew[LINE_OF, place], hour] = rules.expected_capacity(
                border.timetabled[place, hour],
                border.one_booth[place, hour],
                extra,
                crew[LEAST, place],
                crew[MOST, place],
            )


@_jit
def _wait_read(border: Border, line: int, rule: Any) -> int:
    """Return the last posted or informed wait of a line."""
    station = border.stations[line]
    return int(station.posted_wait if rule.posted else station.informed_wait)


@_jit
def _review_toll(border: Border, week: Week, number: int) -> None:
    """Read the longest wait, and move a toll by a step: travellers find it in the table of tolls."""
    rule, calendar = border.toll_rules[number], border.calendar[0]
    wait = NEVER
    for place in range(rule.first, rule.last):
        wait = max(wait, _wait_read(border, border.tolled[place], rule))
    step = rules.next_toll(rule.step, wait, rule.target, rule.most)
    if step == rule.step:
        return
    for place in range(rule.first, rule.last):
        for position in range(len(border.lines)):
            if border.lines[position] == border.tolled[place]:
                for hour in range(HOURS_PER_WEEK):
                    border.toll[hour, position] += (step - rule.step) * border.toll_step[position]
    rule.step = step
    week.tolls[calendar.toll_changes, 0] = calendar.now
    week.tolls[calendar.toll_changes, 1] = number
    week.tolls[calendar.toll_changes, 2] = step
    calendar.toll_changes += 1
    calendar.news += 1


@_jit
def _review_policies(border: Border, week: Week) -> None:
    """Let the policies review whose time it is: booths, then tolls."""
    calendar = border.calendar[0]
    now, coming = calendar.now, _NO_END
    for number in range(len(border.booth_rules)):
        rule = border.booth_rules[number]
        if rule.next_review == now:
            _review_booths(border, week, number)
            rule.next_review += rule.interval
        coming = min(coming, rule.next_review)
    for number in range(len(border.toll_rules)):
        toll = border.toll_rules[number]
        if toll.next_review == now:
            _review_toll(border, week, number)
            toll.next_review += toll.interval
        coming = min(coming, toll.next_review)
    calendar.next_policy = coming


# --- the calendar ------------------------------------------------------------------------------


@_jit
def _push(ends: Ints, calendar: Any, end: int) -> None:
    """Put an end into the heap: first of all, instead of one just reached, or up until its parent is earlier."""
    if calendar.reached:
        calendar.reached = 0
        _sift(ends, At(calendar.ends), end)
        return
    place = At(calendar.ends)
    calendar.ends += 1
    while place > At(0):
        parent = (place - At(1)) >> At(1)
        if ends[parent] < end:
            break
        ends[place] = ends[parent]
        place = parent
    ends[place] = end


@_jit
def _drop(ends: Ints, calendar: Any) -> None:
    """Take the end just reached out of the heap: the last one takes its place."""
    calendar.reached = 0
    calendar.ends -= 1
    count = At(calendar.ends)
    _sift(ends, count, ends[count])


@_jit
def _sift(ends: Ints, count: At, end: int) -> None:
    """Put an end in the place of the first of so many, down until both children are later.

    Where there is one child, an end that is never reached makes the second. Which child is the earlier is a coin's
    toss, so it is added, not branched on.
    """
    place, child = At(0), At(1)
    ends[count] = _NO_END
    while child < count:
        child += At(ends[child + At(1)] < ends[child])
        if end < ends[child]:
            break
        ends[place] = ends[child]
        place, child = child, (child << At(1)) + At(1)
    ends[place] = end


@_jit
def _first_end(border: Border) -> int:
    """Return the tick of the earliest end of a service."""
    calendar = border.calendar[0]
    if calendar.ends == 0:
        return _NO_END
    return int(calendar.week + (border.ends[0] >> _TICK_BITS))


@_jit
def _end_services(border: Border, week: Week, until: int) -> None:
    """End all services up to a tick."""
    while _first_end(border) <= until:
        _end_service(border, week)


@_jit
def _end_service(border: Border, week: Week) -> None:
    """End the earliest service. Most often the next of the line starts, whose end takes its place in the heap."""
    calendar = border.calendar[0]
    calendar.now = _first_end(border)
    calendar.reached = 1
    _leave_booth(border, week, Row(border.ends[0] & _ROW))
    if calendar.reached:
        _drop(border.ends, calendar)


@_jit
def _leave_booth(border: Border, week: Week, row: Row) -> None:
    """Let the booth take the head of its line, and the traveller go on or leave."""
    calendar = border.calendar[0]
    ended = week.trips[row].visit
    visit = border.visits[At(ended)]
    station = border.stations[At(visit.station)]
    if station.stacked and not _leave_lane(border, visit.station, np.int64(row)):
        return
    week.book[At(FIRST_START + 1 + calendar.stages + visit.stage), row] = calendar.now
    station.in_service -= 1
    _serve(border, week, visit.station)
    for coming in range(ended + 1, visit.last):
        referral = border.visits[At(coming)]
        if week.referral[At(referral.stage - 1), row] < referral.share:
            _join(border, week, row, coming)
            return
    week.book[At(DEPART), row] = calendar.now
    week.book[At(OUTCOME), row] = CROSSED
    calendar.inside -= 1


@_jit
def _advance(border: Border, week: Week, until: int) -> None:
    """Let everything but decisions happen, up to and with a tick: timetable, ends, review."""
    calendar = border.calendar[0]
    while calendar.coming <= until:
        _end_services(border, week, calendar.coming - 1)
        calendar.now = calendar.coming
        _keep_timetable(border, week)
        _end_services(border, week, calendar.now)
        if calendar.next_review == calendar.now:
            _inform(border)
        if calendar.next_posting == calendar.now:
            _post(border, week)
        if calendar.next_policy == calendar.now:
            _review_policies(border, week)
        calendar.coming = min(calendar.step_tick, calendar.next_review, calendar.next_posting, calendar.next_policy)
    _end_services(border, week, until)
    calendar.now = until


@_jit
def _hour_of_week(calendar: Any) -> int:
    """Return the hour of the week now; a new one is news, as tolls and costs go by the hour."""
    if calendar.now >= calendar.hour_end:
        hours = calendar.now // HOUR
        calendar.hour = hours % HOURS_PER_WEEK
        calendar.hour_end = (hours + 1) * HOUR
        calendar.news += 1
    return int(calendar.hour)


@_jit
def _keep_timetable(border: Border, week: Week) -> None:
    """Take the steps of this tick, of booths and gates; after the last, the week begins again."""
    calendar = border.calendar[0]
    while calendar.step_tick == calendar.now:
        step = border.steps[calendar.next_step]
        if step.gate == NONE:
            _keep_step(border, week, step)
        elif step.gate == OFFICERS:
            _share_out(border, week, step.station)
        else:
            border.stations[step.station].gate_open = step.gate
            calendar.news += 1
        calendar.next_step += 1
        if calendar.next_step == len(border.steps):
            calendar.next_step = 0
            calendar.step_tick += WEEK - step.tick
            calendar.step_tick += border.steps[0].tick
        else:
            calendar.step_tick += border.steps[calendar.next_step].tick - step.tick


@_jit
def _inform(border: Border) -> None:
    """Refresh what travellers know."""
    calendar = border.calendar[0]
    for line in range(calendar.lines):
        border.stations[line].informed_wait = _current_wait(border, line)
    calendar.news += 1
    calendar.next_review += calendar.information_interval


@_jit
def _post(border: Border, week: Week) -> None:
    """Write waits down; of a line whose gate is shut there is none."""
    calendar = border.calendar[0]
    for line in range(calendar.lines):
        station = border.stations[line]
        station.posted_wait = (
            rules.posted_wait(_current_wait(border, line), calendar.posting_step) if station.gate_open else NEVER
        )
        week.posted[calendar.readings, line] = station.posted_wait
    calendar.readings += 1
    calendar.next_posting += calendar.posting_interval


@_jit
def _current_wait(border: Border, line: int) -> int:
    return rules.informed_wait(border.stations[line].waiting, border.capacity[line], border.calendar[0].now)


# --- decisions ---------------------------------------------------------------------------------


@_jit
def _decide(border: Border, week: Week, row: Row, newcomer: Row) -> None:
    """Choose the port, whether to go at all, and the line; and join it."""
    calendar, book = border.calendar[0], week.book
    segment = border.segments[At(week.segment[row])]
    line = segment.standing_in
    if line == NONE:
        _keep_up(border, segment)
        chosen = _choose_port(border, week, segment, newcomer)
        if chosen == NONE:
            book[At(OUTCOME), row] = TURNED_AWAY
            return
        option = border.options[At(chosen)]
        book[At(LINE), row] = option.line
        if not rules.has_patience(border.stations[At(option.line)].informed_wait, option.toll, week.patience[newcomer]):
            book[At(OUTCOME), row] = LOST
            return
        line = _line_as_seen(border, option)
    book[At(LINE), row] = line
    book[At(OUTCOME), row] = INSIDE
    week.trips[row].traveller_class = segment.traveller_class
    calendar.inside += 1
    _join(border, week, row, border.stations[At(line)].first_visit)


@_jit
def _choose_port(border: Border, week: Week, segment: Any, newcomer: Row) -> int:
    """Return the option of least generalised wait, of equals the first; NONE if no port is open.

    Nobody can foretell which it is: a comparison that only picks numbers is compiled without a branch.
    """
    best, best_cost = NONE, _CLOSED // 2
    for chosen in range(segment.first_option, segment.last_option):
        cost = border.options[At(chosen)].cost - week.taste[At(chosen - segment.first_option), newcomer]
        better = cost < best_cost
        best = chosen if better else best
        best_cost = cost if better else best_cost
    return best


@_jit
def _keep_up(border: Border, segment: Any) -> None:
    """Work out a segment's options anew if a review, a gate or the hour has changed since the last time.

    All but taste is the same for all its travellers in between.
    """
    calendar = border.calendar[0]
    hour = _hour_of_week(calendar)
    if segment.as_of == calendar.news:
        return
    segment.as_of = calendar.news
    for number in range(segment.first_option, segment.last_option):
        option = border.options[number]
        count = option.last_line - option.first_line
        for position in range(count):
            line = border.stations[border.lines[option.first_line + position]]
            border.waits[position] = line.informed_wait if line.gate_open else NEVER
        position = _choose_line(border, option, count)
        option.line, option.cost = NONE, _CLOSED
        if position != rules.NO_LINE:
            option.line = border.lines[option.first_line + position]
            option.toll = border.toll[hour, option.first_line + position]
            option.cost = rules.generalised_wait(
                border.waits[position], calendar.wait_weight, option.toll, border.cost[hour, number], 0
            )


@_jit
def _line_as_seen(border: Border, option: Any) -> int:
    """Return the line of the chosen port that a traveller joins, who sees them as they are now."""
    count = option.last_line - option.first_line
    if border.calendar[0].shortest_line and count > 1:
        for position in range(count):
            line = border.lines[option.first_line + position]
            border.waits[position] = _wait_on_arrival(border, line) if border.stations[line].gate_open else NEVER
        position = _choose_line(border, option, count)
        if position != rules.NO_LINE:
            return int(border.lines[option.first_line + position])
    return int(option.line)


@_jit
def _wait_on_arrival(border: Border, line: int) -> int:
    """Return the wait a traveller sees who stands before the line; none, where a booth is free."""
    station = border.stations[line]
    ahead = station.waiting + (0 if _has_room(station) else 1)
    return rules.informed_wait(ahead, border.capacity[line], border.calendar[0].now)


@_jit
def _choose_line(border: Border, option: Any, count: int) -> int:
    calendar = border.calendar[0]
    waits: Any = border.waits[:count]
    tolls: Any = border.toll[calendar.hour, option.first_line : option.last_line]
    return rules.choose_line(waits, tolls, calendar.wait_weight, calendar.shortest_line != 0)


# --- entries -----------------------------------------------------------------------------------


@_copied
def _run_week(border: Border, week: Week, first: int, until: int) -> None:
    """Let the travellers from `first` on decide, and everything happen up to, but not at, a tick."""
    for place in range(first, len(week.tick)):
        row, newcomer = Row(place), Row(place - first)
        for column in range(len(week.book)):
            week.book[At(column), row] = NONE
        if border.segments[At(week.segment[row])].standing_in == NONE:  # who stands in line is there before all
            _advance(border, week, week.tick[row])
        _decide(border, week, row, newcomer)
    _advance(border, week, until - 1)
    border.calendar[0].now = until


@_copied
def _run_on(border: Border, week: Week, until: int) -> None:
    """Without decisions or reviews, go on until nobody is inside any more, or up to, but not at, a tick."""
    calendar = border.calendar[0]
    while calendar.inside:
        coming = min(calendar.step_tick, _first_end(border))
        if coming >= until:
            break
        calendar.now = coming
        if calendar.step_tick == coming:
            _keep_timetable(border, week)
        else:
            _end_service(border, week)


def _kernel(sources: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile the entries, or load them. Numba keeps them by the date of this file and by what they close over.

    So they close over the other sources that are compiled in: a changed rule never meets an old kernel.
    """

    @_on_disk
    def run_week(border: Border, week: Week, first: int, until: int) -> None:
        sources  # noqa: B018
        _run_week(border, week, first, until)

    @_on_disk
    def run_on(border: Border, week: Week, until: int) -> None:
        sources  # noqa: B018
        _run_on(border, week, until)

    return run_week, run_on


def _digest() -> str:
    """SHA-256 of the other modules that hold rules or numbers of the kernel."""
    files = [Path(str(module.__file__)) for module in (clock, model, policies, records, rules)]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


_RUN_WEEK, _RUN_ON = _kernel(_digest())


# --- from model and workload to tables, and back -----------------------------------------------


def _border(port_model: PortModel) -> Border:
    """Lay the model out in tables, with nobody inside and nothing open yet."""
    lines, stations = port_model.lines, (*port_model.lines, *port_model.later)
    options = [option for segment in port_model.segments for option in segment.alternatives]
    calendar = np.zeros(1, CALENDAR)
    for name, value in {
        "step_tick": 0,
        "lines": len(lines),
        "stages": port_model.stages,
        "wait_weight": port_model.wait_weight,
        "shortest_line": int(port_model.shortest_line),
        "information_interval": port_model.information_interval,
        "posting_interval": port_model.posting_interval,
        "posting_step": port_model.posting_step,
        "next_policy": 0 if port_model.booth_rules or port_model.toll_rules else _NO_END,
    }.items():
        calendar[name] = value
    steps = _steps(port_model)
    calendar["step_tick"] = steps["tick"][0]
    table, lanes = _stations(port_model)
    capacity = np.array([line.capacity for line in lines], np.int64)
    columns = [line for rule in port_model.booth_rules for line in rule.lines]
    one_booth = [rule.one_booth for rule in port_model.booth_rules]
    return Border(
        calendar=calendar,
        stations=table,
        mean_service=np.array([station.mean_service for station in stations], np.int64),
        capacity=capacity,
        steps=steps,
        visits=_visits(port_model),
        segments=_segments(port_model),
        options=_options(port_model),
        lines=np.array([line for option in options for line in option.lines], np.int64),
        toll=np.ascontiguousarray(np.concatenate([option.toll for option in options]).T),
        cost=np.ascontiguousarray(np.array([option.cost for option in options], np.int64).T),
        waits=np.zeros(max(len(option.lines) for option in options), np.int64),
        ends=np.zeros(sum(_most_open(port_model)) + lanes + 1, np.int64),
        lanes=np.repeat([[NONE], [NONE], [0]], lanes, axis=1),
        booth_rules=_booth_rules(port_model),
        crew=_crews(port_model),
        one_booth=np.concatenate([np.zeros((0, HOURS_PER_WEEK), np.int64), *one_booth]),
        timetabled=capacity[columns],
        toll_rules=_toll_rules(port_model),
        tolled=np.array([line for rule in port_model.toll_rules for line in rule.lines], np.int64),
        toll_step=np.array([step for o in options for step in (o.toll_step or [0] * len(o.lines))], np.int64),
    )


def _rows(rows: Sequence[tuple[int, ...]], kind: np.dtype[np.void]) -> Table:
    return np.array([tuple(map(int, row)) for row in rows], kind)


def _most_open(port_model: PortModel) -> list[int]:
    """Return how many booths of each station may be open at once, at most."""
    stations = (*port_model.lines, *port_model.later)
    most = [int(max(s.timetable.booths.max(), s.timetable.clearing.max())) for s in stations]
    for rule in port_model.booth_rules:
        for line, booths in zip(rule.lines, rule.most.tolist(), strict=True):
            most[line] = max(most[line], booths)
    return most


def _stations(port_model: PortModel) -> tuple[Table, int]:
    """Return all stations, and how many lanes of stacked booths they have."""
    stations = (*port_model.lines, *port_model.later)
    table = np.zeros(len(stations), STATION)
    table["open"] = NONE  # so that the first step is noted, though it may open none
    table["informed_wait"] = table["posted_wait"] = NEVER
    table["place"] = NONE
    columns = [line for rule in port_model.booth_rules for line in rule.lines]
    table["place"][columns] = np.arange(len(columns))
    table["stacked"] = [isinstance(station, Line) and station.stacked for station in stations]
    lanes = np.array(_most_open(port_model), np.int64) * table["stacked"]
    table["last_lane"] = np.cumsum(lanes)
    table["first_lane"] = table["last_lane"] - lanes
    table["multiplier"] = [station.multiplier for station in stations]
    visits = [1 + len(line.referrals) for line in port_model.lines]
    table["first_visit"][: len(visits)] = np.cumsum(visits) - visits
    return table, int(lanes.sum())


def _booth_rules(port_model: PortModel) -> Table:
    found, last = [], 0
    for rule in port_model.booth_rules:
        first, last = last, last + len(rule.lines)
        bounds = (rule.posted, rule.added, rule.positions, rule.low, rule.high, rule.factor, rule.until)
        found.append((first, last, 0, rule.interval, *bounds))
    return _rows(found, BOOTH_RULE)


def _crews(port_model: PortModel) -> Ints:
    """Return the columns of all booth rules side by side; none has responded yet."""
    columns = [line for rule in port_model.booth_rules for line in rule.lines]
    crew = np.zeros((RESPONDED + 1, len(columns)), np.int64)
    crew[LINE_OF] = columns
    bounds = [(r.part, r.open_above, r.close_below, r.least, r.most) for r in port_model.booth_rules]
    if bounds:
        crew[[STATED_PART, ABOVE, BELOW, LEAST, MOST]] = np.concatenate([np.stack(b) for b in bounds], axis=1)
    return crew


def _toll_rules(port_model: PortModel) -> Table:
    found, last = [], 0
    for rule in port_model.toll_rules:
        first, last = last, last + len(rule.lines)
        found.append((first, last, 0, rule.interval, rule.posted, rule.target, rule.most, 0))
    return _rows(found, TOLL_RULE)


def _visits(port_model: PortModel) -> Table:
    found: list[tuple[int, ...]] = []
    for number, line in enumerate(port_model.lines):
        last = len(found) + 1 + len(line.referrals)
        found.append((number, 0, 0, last))
        found += [(len(port_model.lines) + r.station, r.stage + 1, r.share, last) for r in line.referrals]
    return _rows(found, VISIT_OF_LINE)


def _steps(port_model: PortModel) -> Table:
    """Return a week of all timetables and gates in order of tick: at one tick, no station minds another's.

    Officers of responsive booths are shared out after all of them.
    """
    found: list[tuple[int, ...]] = []
    stations: tuple[Station, ...] = (*port_model.lines, *port_model.later)
    for number, station in enumerate(stations):
        timetable = station.timetable
        found += [
            (tick, number, booths, clearing, NONE)
            for tick, booths, clearing in zip(timetable.tick, timetable.booths, timetable.clearing, strict=True)
        ]
        if isinstance(station, Line):
            found += [
                (tick, number, 0, 0, gate) for tick, gate in zip(station.gate_tick, station.gate_open, strict=True)
            ]
    for number, rule in enumerate(port_model.booth_rules):
        found += [(tick, number, 0, 0, OFFICERS) for tick in rule.tick]
    return _rows(sorted(found, key=lambda step: step[0]), STEP)


def _segments(port_model: PortModel) -> Table:
    found, last = [], 0
    for segment in port_model.segments:
        first, last = last, last + len(segment.alternatives)
        standing_in = segment.alternatives[0].lines[0] if segment.initial else NONE
        found.append((segment.traveller_class, standing_in, first, last, NONE))
    return _rows(found, SEGMENT_OF_TRAVELLERS)


def _options(port_model: PortModel) -> Table:
    found, last = [], 0
    for option in (option for segment in port_model.segments for option in segment.alternatives):
        first, last = last, last + len(option.lines)
        found.append((first, last, NONE, 0, 0))
    return _rows(found, OPTION)


class _Shelf:
    """Memory for the columns of a run's weeks, by name: to ask the system for it takes as long as to fill it."""

    def __init__(self) -> None:
        self.memory: dict[str, npt.NDArray[Any]] = {}

    def columns(self, name: str, rows: tuple[int, ...], travellers: int, kind: Any = np.int64) -> npt.NDArray[Any]:
        """Return columns with whatever stands in them, shape (*rows, travellers)."""
        size = math.prod(rows) * travellers
        if name not in self.memory or self.memory[name].size < size:
            self.memory[name] = np.empty(size * 5 // 4, kind)
        return self.memory[name][:size].reshape(*rows, travellers)

    def together(self, name: str, carried: Ints, drawn: Ints) -> Ints:
        """Return columns of those carried over and of those drawn; where nobody is, what was drawn as it is."""
        if not carried.shape[-1]:
            return np.ascontiguousarray(drawn)
        both = self.columns(name, carried.shape[:-1], carried.shape[-1] + drawn.shape[-1])
        return np.concatenate([carried, drawn], axis=-1, out=both)


_FREE_SHELVES: list[_Shelf] = []  # of runs that are over


@contextmanager
def _lent_shelf() -> Iterator[_Shelf]:
    """Lend a run a shelf nobody uses: there are as many as runs at a time, however many runs there are."""
    try:
        shelf = _FREE_SHELVES.pop()
    except IndexError:
        shelf = _Shelf()
    try:
        yield shelf
    finally:
        _FREE_SHELVES.append(shelf)


def _nobody(port_model: PortModel) -> Carried:
    """Return those who are carried over into the first week."""
    none = np.zeros(0, np.int64)
    stages, multipliers = port_model.stages, len(port_model.multipliers)
    lasting = dict.fromkeys(LASTING, none) | {
        "multiplier": np.zeros((multipliers, 0), np.int64),
        "referral": np.zeros((stages, 0), np.int64),
    }
    return Carried(none, lasting, np.zeros((FIRST_START + 2 * (1 + stages), 0), np.int64), np.zeros(0, TRIP))


def _carry_over(border: Border, week: Week, numbers: Ints, start: int) -> Carried:
    """Return the travellers still inside, and let queues and calendar call them by their new rows."""
    inside = np.flatnonzero(week.book[OUTCOME] == INSIDE)
    new_row = np.full(len(numbers) + 1, NONE)  # the last is that of NONE
    new_row[inside] = np.arange(len(inside))
    trips = week.trips[inside]
    trips["behind"] = new_row[trips["behind"]]
    stations, calendar = border.stations, border.calendar
    waiting = stations["waiting"] > 0
    for place in ("first", "last"):
        stations[place][waiting] = new_row[stations[place][waiting]]
    border.lanes[:HELD_UP] = new_row[border.lanes[:HELD_UP]]
    ends = border.ends[: calendar["ends"][0]]
    ends[:] = (ends & ~_ROW | new_row[ends & _ROW]) - (start - calendar["week"] << _TICK_BITS)
    calendar["week"] = start
    lasting = {name: getattr(week, name)[..., inside] for name in LASTING}
    return Carried(numbers[inside], lasting, week.book[:, inside], trips)


def _week(border: Border, shelf: _Shelf, carried: Carried, drawn: WeekBlock) -> Week:
    """Return a week to be run: those carried over, then its own, and room for what will be written down of it."""
    first, travellers = len(carried.number), len(carried.number) + len(drawn)
    if travellers > _ROW:
        raise OverflowError(f"{travellers:,} travellers a week are more than the compiled engine can hold")
    book = shelf.columns("book", (len(carried.book),), travellers)
    trips = shelf.columns("trips", (), travellers, TRIP)
    book[:, :first], trips[:first] = carried.book, carried.trips
    return Week(
        **{name: shelf.together(name, of, getattr(drawn, name)) for name, of in carried.lasting.items()},
        book=book,
        trips=trips,
        patience=np.ascontiguousarray(drawn.patience),
        taste=np.ascontiguousarray(drawn.taste),
        **_room(border),
    )


def _room(border: Border) -> dict[str, Ints]:
    """Return room for what a week, and the week after, writes down apart from its travellers."""
    calendar = border.calendar[0]
    calendar["changes"] = calendar["readings"] = calendar["toll_changes"] = 0
    readings = -(-(calendar["week"] + WEEK - calendar["next_posting"]) // calendar["posting_interval"])
    changes = 2 * (2 * len(border.steps)) + len(border.stations)  # a step may open booths, and its line close them
    for rule in border.booth_rules:  # so may each step of the officers, and each review, on every line
        steps = 2 * (border.steps["gate"] == OFFICERS).sum() + WEEK // rule["interval"] + 1
        changes += 2 * (rule["last"] - rule["first"]) * steps
    return {
        "opened": np.zeros((changes, 3), np.int64),
        "posted": np.zeros((max(readings, 0), calendar["lines"]), np.int64),
        "tolls": np.zeros((int((WEEK // border.toll_rules["interval"] + 1).sum()), 3), np.int64),
    }


def _crossings(border: Border, week: Week) -> Crossings:
    """Return how things stand: views of the book, and what was written down in the week."""
    calendar, stations, book = border.calendar[0], border.stations, week.book
    starts, ends = FIRST_START, FIRST_START + 1 + calendar["stages"]
    return Crossings(
        key=week.key,
        tick=week.tick,
        segment=week.segment,
        line=book[LINE],
        start=book[starts],
        end=book[ends],
        stage_start=book[starts + 1 : ends],
        stage_end=book[ends + 1 : ends + 1 + calendar["stages"]],
        depart=book[DEPART],
        outcome=book[OUTCOME],
        opened=week.opened[: calendar["changes"]],
        posted=week.posted,
        queue_area=stations["queue_area"] + stations["waiting"] * (calendar["now"] - stations["area_until"]),
        ended=int(calendar["now"]),
        tolls=week.tolls[: calendar["toll_changes"]],
    )


def _without_book(block: Block) -> Block:
    """Return a block with columns of its own, so that the book, which also holds what was drawn, can go."""
    columns = {name: getattr(block.crossings, name).copy() for name in _COLUMNS}
    return Block(block.carried, replace(block.crossings, **columns))


def _joined(weeks: Sequence[Block]) -> Crossings:
    """Put weeks together: each traveller as the last week it was in left it."""
    own = [len(week.crossings) - len(week.carried) for week in weeks]
    columns = {}
    for name in _COLUMNS:
        parts = [getattr(week.crossings, name) for week in weeks]
        column = np.concatenate([part[..., part.shape[-1] - n :] for part, n in zip(parts, own, strict=True)], axis=-1)
        for part, week in zip(parts, weeks, strict=True):
            column[..., week.carried] = part[..., : len(week.carried)]
        columns[name] = column
    opened, tolls = (np.concatenate([getattr(week.crossings, name) for week in weeks]) for name in ("opened", "tolls"))
    last = weeks[-1].crossings
    return Crossings(
        **columns,
        opened=opened[np.argsort(opened[:, 1], kind="stable")],
        posted=np.concatenate([week.crossings.posted for week in weeks]),
        queue_area=last.queue_area,
        ended=last.ended,
        tolls=tolls[np.argsort(tolls[:, 1], kind="stable")],
    )
