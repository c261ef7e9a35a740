"""Changes that open and close booths: timetables, opening hours, converted lanes, events, and whose officers work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.errors import KeyPath
from portsim.language.edits import (
    NOTE,
    TOLERANCE,
    Booths,
    ChangeFault,
    LineAt,
    booths_by_hour,
    find_crossing,
    find_line,
    lines_named,
    nothing,
    with_booths,
    with_crossing,
    with_line,
)
from portsim.language.opening import booth_slots, gate_of, gate_slots, hours_of, working_of
from portsim.language.schema import (
    MODES,
    AddBooths,
    Build,
    Crossing,
    Event,
    Figure,
    Hours,
    LaneType,
    Mode,
    Moved,
    Network,
    Officers,
    OpenPort,
    RespondBooths,
    ResponsiveBooths,
    SetBooths,
    SetHours,
    SetLaneTypes,
    Span,
    StackBooths,
    Transfer,
)
from portsim.language.windows import overlaps

Bools = npt.NDArray[np.bool_]


def build(network: Network, change: Build) -> Network:
    """Set how many lanes a crossing has, and how many booths its lane types."""
    before = network
    if change.lane_positions is not None:
        update = {"lane_positions": Figure(value=change.lane_positions, note=NOTE)}
        network = with_crossing(network, change.port, change.mode, update)
    for name, built in (change.booths_built or {}).items():
        at = LineAt(change.port, change.mode, name)
        _check_room(network, at, built)
        network = with_line(network, at, {"booths_built": Figure(value=built, note=NOTE)})
    _check_enough(network, change)
    if _built(network, change) == _built(before, change):
        raise nothing(because="this is what is built already")
    return network


def _check_room(network: Network, at: LineAt, built: float) -> None:
    positions = _positions(network, at)
    if built > positions:
        message = f"{built:g} booths built, but the crossing has {positions:g} lane positions"
        raise ChangeFault((("booths_built", at.lane_type), message))


def _check_enough(network: Network, change: Build) -> None:
    """Refuse to leave fewer lanes or booths than are open."""
    _, crossing = find_crossing(network, change.port, change.mode)
    total = np.zeros(clock.HOURS_PER_WEEK)
    for name, lane in crossing.lane_types.items():
        booths = booths_by_hour(lane)
        total += booths
        if lane.booths_built is not None:
            _check_built(booths, booths > 0, lane.booths_built.value, f"{name} booths", "booths_built")
    what = f"lane positions for all {change.mode} lane types"
    _check_built(total, total > 0, crossing.lane_positions.value, what, "lane_positions")


def _built(network: Network, change: Build) -> tuple[float | None, ...]:
    _, crossing = find_crossing(network, change.port, change.mode)
    booths = (lane.booths_built for lane in crossing.lane_types.values())
    return crossing.lane_positions.value, *(figure.value if figure else None for figure in booths)


def set_booths(network: Network, change: SetBooths) -> Network:
    """Replace a line's timetable."""
    at = LineAt(change.port, change.mode, change.lane_type)
    lane = find_line(network, at)
    before, after = booths_by_hour(lane), clock.hourly(change.booths.slots())
    if np.allclose(after, before, atol=TOLERANCE):
        raise nothing("booths", because="the line has these booths already")
    _, crossing = find_crossing(network, change.port, change.mode)
    working = clock.hourly(working_of(crossing, lane).astype(float))
    if np.allclose(after * working, before * working, atol=TOLERANCE):
        raise nothing("booths", because="the line has these booths already within its opening hours")
    network = _move_officers(network, change.officers, np.maximum(after - before, 0) * working, at)
    return _rebuilt(network, at, after, "booths")


def add_booths(network: Network, change: AddBooths) -> Network:
    """Open more booths, or fewer, where a line is staffed."""
    at = LineAt(change.port, change.mode, change.lane_type)
    if change.booths == 0:
        raise nothing("booths", what="0 booths more")
    if change.booths < 0 and change.officers != "added":
        raise ChangeFault((("officers",), "fewer booths need no officers from elsewhere: write added"))
    _, crossing = find_crossing(network, change.port, change.mode)
    lane = find_line(network, at)
    slots = lane.booths_open.slots()
    staffed = _window(change) & (slots > 0) & working_of(crossing, lane)
    if not staffed.any():
        raise nothing(because="the line has no booth open on these days and hours")
    mean = float(slots[staffed].mean())
    if mean + change.booths < 0:
        raise ChangeFault((("booths",), f"{-change.booths:g} booths fewer, but {mean:.3g} are open on average"))
    opened = clock.hourly(staffed.astype(float)) * max(change.booths, 0)
    network = _move_officers(network, change.officers, opened, at)
    after = np.where(staffed, np.maximum(slots + change.booths, 0), slots)
    return _rebuilt(network, at, clock.hourly(after), "booths")


def set_hours(network: Network, change: SetHours) -> Network:
    """Replace opening hours; where they are new and the timetable has no booth, open those the change states."""
    _check_windows(change.hours)
    lines = list(lines_named(network, change.port, change.mode, change.lane_types))
    _, crossing = find_crossing(network, change.port, change.mode)
    if all(_same_hours(hours_of(crossing, lane), change.hours) for _, lane in lines):
        raise nothing("hours", because="these are the opening hours already")
    opened = {at: booth_slots(change.hours) & ~booth_slots(hours_of(crossing, lane)) for at, lane in lines}
    if change.lane_types is None:
        network = with_crossing(network, change.port, change.mode, {"hours": change.hours})
    for at, lane in lines:
        if change.lane_types is not None or lane.hours is not None:
            network = with_line(network, at, {"hours": change.hours})
    if all(not slots.any() for slots in opened.values()):
        _check_shorter(change, lines)
        return network
    if change.booths is None or change.officers is None:
        raise ChangeFault((("hours",), "longer hours need booths (open in each hour that is new) and officers"))
    added = {at: opened[at] & (lane.booths_open.slots() == 0) for at, lane in lines}
    opens = np.zeros(clock.SLOTS_PER_WEEK)
    for at, lane in lines:
        opens += opened[at] * np.where(added[at], change.booths, lane.booths_open.slots())
    network = _move_officers(network, change.officers, clock.hourly(opens), None)
    for at, slots in added.items():
        after = booths_by_hour(find_line(network, at)) + clock.hourly(slots.astype(float)) * change.booths
        network = _rebuilt(network, at, after, "booths")
    return network


def _check_shorter(change: SetHours, lines: Sequence[tuple[LineAt, LaneType]]) -> None:
    """Refuse booths and officers where no hour is added, and hours that leave a line without any booth."""
    for key in ("booths", "officers"):
        if getattr(change, key) is not None:
            raise ChangeFault(((key,), f"no hour is added, so no {key} are needed"))
    for at, lane in lines:
        if not (lane.booths_open.slots() * booth_slots(change.hours)).any():
            raise ChangeFault((("hours",), f"{at.lane_type} has no booth open in these hours"))


def convert(network: Network, change: SetLaneTypes) -> Network:
    """Turn booths of one lane type into another's."""
    origin = LineAt(change.port, change.mode, change.lane_type)
    target = LineAt(change.port, change.mode, change.to)
    if origin == target:
        raise nothing("to", because=f"{change.to} is the lane type they have")
    before = booths_by_hour(find_line(network, origin))
    moved = before if change.booths is None else np.minimum(before, change.booths)
    if not moved.any():
        raise nothing("lane_type", because=f"{change.lane_type} has no booth open")
    most = float(np.ceil(moved.max() - TOLERANCE))
    users = _served_users(network, origin)
    for at, sign in ((origin, -1), (target, 1)):
        lane = find_line(network, at)
        after = np.maximum(booths_by_hour(lane) + sign * moved, 0)
        network = with_booths(network, at, after)
        if lane.booths_built is not None:
            needed = float(np.ceil(after.max() - TOLERANCE))
            built = min(max(lane.booths_built.value + sign * most, needed), _positions(network, at))
            network = with_line(network, at, {"booths_built": Figure(value=built, note=NOTE)})
    for name in sorted(users - _served_users(network, origin)):
        message = f"'{name}' would have no line at {origin.port}: first let another lane type admit it"
        raise ChangeFault((("lane_type",), message))
    return network


def _served_users(network: Network, at: LineAt) -> set[str]:
    """Return the classes that find, at some time of the week, an open booth at the crossing of a line."""
    _, crossing = find_crossing(network, at.port, at.mode)
    return {
        user
        for name, lane in crossing.lane_types.items()
        if (lane.booths_open.slots() * working_of(crossing, lane)).any()
        for user in network.users_of(at.mode, name, lane)
    }


# --- booths that respond, and stacked ones -----------------------------------------------------


def respond(network: Network, change: RespondBooths) -> Network:
    """Let booths of a crossing answer the wait."""
    _, crossing = find_crossing(network, change.port, change.mode)
    _check_concerned(crossing, change)
    stated = change.model_dump(exclude={"action", "port", "mode"})
    rule = ResponsiveBooths.model_validate(stated)
    if rule == crossing.responsive_booths:
        raise nothing(because="booths respond like this already")
    forgotten = set(crossing.responsive_booths.concerned() if crossing.responsive_booths else ()) - {*rule.concerned()}
    if forgotten:
        message = f"the booths of a crossing have one rule, and those of {', '.join(sorted(forgotten))} respond already"
        raise ChangeFault((("lines",), f"{message}: name all its lane types in one change"))
    return with_crossing(network, change.port, change.mode, {"responsive_booths": rule})


def _check_concerned(crossing: Crossing, change: RespondBooths) -> None:
    """Refuse a line that has no booth to move, bounds that no line can keep, and a rule that can never act."""
    for name in change.concerned():
        lane = crossing.lane_types[name]
        if not (lane.booths_open.slots() * working_of(crossing, lane)).any():
            raise nothing("lines", name, because=f"{name} has no booth open at any time: it stays closed")
        built = (lane.booths_built or crossing.lane_positions).value
        if change.at_least.get(name, 1) > built:
            message = f"at least {change.at_least.get(name, 1)} {name} booths, but {built:g} are built"
            raise ChangeFault((("at_least", name), message))
    if len(change.concerned()) == 1 and not change.officers_added:
        message = f"{change.concerned()[0]} alone has no officer but those of its timetable"
        raise ChangeFault((("lines",), f"{message}: add swap_with, officers_added or another lane type"))


def stack(network: Network, change: StackBooths) -> Network:
    """Put a second booth into every lane of the lines named."""
    lines = list(lines_named(network, change.port, change.mode, change.lane_types))
    if all(lane.stacked for _, lane in lines):
        raise nothing("lane_types", because="these lanes have two booths already")
    open_then = sum((booths_by_hour(lane) for _, lane in lines), np.zeros(clock.HOURS_PER_WEEK)) > 0
    network = _move_officers(network, change.officers, open_then.astype(float), None)
    for at, _ in lines:
        network = with_line(network, at, {"stacked": True})
    return network


# --- events ------------------------------------------------------------------------------------


def close_for(network: Network, change: Event) -> Network:
    """Shut gates and booths of a port between two times of the week."""
    span = Span.model_validate({"from": change.from_, "to": change.to})
    open_then = False
    for at, lane in lines_of_event(network, change):
        _, crossing = find_crossing(network, at.port, at.mode)
        open_then |= bool((gate_of(crossing, lane) & span.slots()).any())
        network = with_line(network, at, {"closures": (*lane.closures, span)})
    if not open_then:
        raise nothing("from", because="every line named is shut then")
    return network


def lose_booths(network: Network, change: Event) -> Network:
    """Close some of the booths of a port between two times of the week."""
    during = clock.hourly(change.slots().astype(float)) > 0
    lost = 0.0
    for at, lane in lines_of_event(network, change):
        _, crossing = find_crossing(network, at.port, at.mode)
        before = booths_by_hour(lane)
        fewer = before * change.share if change.share is not None else np.minimum(before, change.booths or 0)
        after = np.where(during, before - fewer, before)
        lost += float((before - after) @ clock.hourly(working_of(crossing, lane).astype(float)))
        network = with_booths(network, at, after)
    if lost <= TOLERANCE:
        raise nothing("from", because="no line named has a booth open then")
    return network


def lines_of_event(network: Network, change: Event) -> Iterator[tuple[LineAt, LaneType]]:
    """Yield the lines of the port that an event concerns."""
    assert change.port is not None, "the schema sees to it"
    port = network.port(change.port)
    for mode in change.modes or MODES:
        crossing = port.crossing(mode)
        for name, lane in crossing.lane_types.items() if crossing else ():
            if change.lane_types is None or name in change.lane_types:
                yield LineAt(port.id, mode, name), lane


# --- officers ----------------------------------------------------------------------------------


def staff_port(network: Network, change: OpenPort) -> Network:
    """Move the officers that a port which opens takes from elsewhere, in all hours.

    A line that has fewer at night than are taken gives what it has.
    """
    port = network.port(change.port)
    opened = np.zeros(clock.HOURS_PER_WEEK)
    for crossing in filter(None, map(port.crossing, MODES)):
        for lane in crossing.lane_types.values():
            opened += clock.hourly(lane.booths_open.slots() * booth_slots(hours_of(crossing, lane)))
    return _move_officers(network, change.officers, opened, None, gives_what_it_has=True)


def _move_officers(
    network: Network, officers: Officers, opened: Booths, to: LineAt | None, *, gives_what_it_has: bool = False
) -> Network:
    """Close the booths that moved officers leave, in the hours they are needed elsewhere, never below none.

    `opened`, shape (168,): how many booths they open. As many must be moved, and be there in those hours.
    """
    if not isinstance(officers, Moved):
        return network
    most, moved = float(opened.max()), sum(transfer.booths for transfer in officers.moved)
    if most > moved + officers.added + TOLERANCE:
        message = (
            f"{most:g} booths open, but the officers of {moved:g} are moved and of {officers.added:g} added: "
            "move more, or write beside `moved` how many are `added`"
        )
        raise ChangeFault((("officers",), message))
    part = opened / most if most else opened
    for number, transfer in enumerate(officers.moved):
        at: KeyPath = ("officers", "moved", number)
        line = LineAt(transfer.port, transfer.mode, transfer.lane_type)
        if line == to:
            raise ChangeFault(((*at, "lane_type"), "these officers would be moved to where they are"))
        if not network.port(transfer.port).open:
            raise ChangeFault(((*at, "port"), f"{transfer.port} is closed: it has no officers to move"))
        before = booths_by_hour(find_line(network, line))
        _check_there(network, line, transfer, part, at, any_hour=gives_what_it_has)
        network = with_booths(network, line, np.maximum(before - part * transfer.booths, 0))
    return network


def _check_there(
    network: Network, line: LineAt, transfer: Transfer, part: Booths, at: KeyPath, *, any_hour: bool
) -> None:
    """Refuse to move officers who are not there, in each hour they are needed or, of a port that opens, on average."""
    _, crossing = find_crossing(network, line.port, line.mode)
    lane = find_line(network, line)
    there = clock.hourly(lane.booths_open.slots() * working_of(crossing, lane))
    where = f"at {line.port} {line.mode} {line.lane_type}"
    if any_hour:
        mean = float(there[there > 0].mean()) if there.any() else 0.0
        if mean < transfer.booths - TOLERANCE:
            message = f"{transfer.booths:g} booths' officers moved, but {where} {mean:.3g} are open on average"
            raise ChangeFault(((*at, "booths"), message))
        return
    short = part * transfer.booths > there + TOLERANCE
    if short.any():
        hour = int(np.argmax(short))
        message = (
            f"{part[hour] * transfer.booths:g} booths' officers moved, but {where} {there[hour]:.3g} are open on "
            f"{clock.hour_label(hour)}"
        )
        raise ChangeFault(((*at, "booths"), message))


# --- what is built -----------------------------------------------------------------------------


def _rebuilt(network: Network, at: LineAt, after: Booths, key: str) -> Network:
    """Return the network with a line's booths replaced, where as many are built."""
    lane = find_line(network, at)
    grows = after > booths_by_hour(lane) + TOLERANCE
    if lane.booths_built is not None:
        _check_built(after, grows, lane.booths_built.value, f"{at.lane_type} booths", key)
    _check_built(after, grows, _positions(network, at), f"lane positions for all {at.mode} lane types", key)
    return with_booths(network, at, after)


def check_positions(network: Network, port_id: str, mode: Mode) -> None:
    """Refuse more booths open on all lane types of a crossing than it has lanes.

    For the end of a scenario's changes: on the way from one timetable to another the sum may be more.
    """
    _, crossing = find_crossing(network, port_id, mode)
    total = sum((booths_by_hour(lane) for lane in crossing.lane_types.values()), np.zeros(clock.HOURS_PER_WEEK))
    what = f"lane positions for all {mode} lane types"
    _check_built(total, total > 0, crossing.lane_positions.value, what, "booths")


def _check_built(booths: Booths, grows: Bools, built: float, what: str, key: str) -> None:
    over = grows & (booths > built + TOLERANCE)
    if over.any():
        hour = int(np.argmax(np.where(over, booths, 0)))
        said = f"{booths[hour]:g} would be open on {clock.hour_label(hour)}, but {built:g} {what} are built"
        raise ChangeFault(((key,), said))


def _positions(network: Network, at: LineAt) -> float:
    return find_crossing(network, at.port, at.mode)[1].lane_positions.value


def _check_windows(hours: Hours) -> None:
    """Refuse hours without a window, and two windows that open the same hour."""
    for loc, message in overlaps(hours):
        raise ChangeFault((("hours", *loc), message))


def _same_hours(one: Hours, other: Hours) -> bool:
    masks = ((gate_slots(one), gate_slots(other)), (booth_slots(one), booth_slots(other)))
    return all(np.array_equal(before, after) for before, after in masks)


def _window(change: AddBooths) -> Bools:
    """Return which of the week's slots lie on the days and between the times of a change."""
    first, last = clock.minutes(change.from_), clock.minutes(change.to)
    for key, minute in (("from", first), ("to", last)):
        if minute % clock.SLOT_MIN:
            raise ChangeFault(((key,), f"must be a multiple of {clock.SLOT_MIN} minutes"))
    if first >= last:
        message = f"from ({change.from_}) must be before to ({change.to}); split at midnight"
        raise ChangeFault((("from",), message))
    week = np.zeros((7, clock.SLOTS_PER_DAY), bool)
    week[list(clock.days_of(change.days)), first // clock.SLOT_MIN : last // clock.SLOT_MIN] = True
    return week.ravel()
