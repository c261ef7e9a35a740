"""Changes that open and close booths: timetables, opening hours, converted lanes, events, and whose officers work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.edits import (
    NOTE,
    TOLERANCE,
    Booths,
    ChangeFault,
    KeyPath,
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
from portsim.opening import booth_slots, gate_slots, hours_of
from portsim.schema import (
    MODES,
    AddBooths,
    Event,
    Figure,
    Hours,
    LaneType,
    Moved,
    Network,
    Officers,
    OpenPort,
    SetBooths,
    SetHours,
    SetLaneTypes,
    Span,
    Transfer,
)

Bools = npt.NDArray[np.bool_]


def set_booths(network: Network, change: SetBooths) -> Network:
    """Replace a line's timetable."""
    at = LineAt(change.port, change.mode, change.lane_type)
    lane = find_line(network, at)
    before, after = booths_by_hour(lane), clock.hourly(change.booths.slots())
    if np.allclose(after, before, atol=TOLERANCE):
        raise nothing("booths", because="the line has these booths already")
    _, crossing = find_crossing(network, change.port, change.mode)
    working = clock.hourly(booth_slots(hours_of(crossing, lane)).astype(float))
    if np.allclose(after * working, before * working, atol=TOLERANCE):
        raise nothing("booths", because="the line has these booths already within its opening hours")
    needed = (after > before + TOLERANCE).astype(float)
    network = _move_officers(network, change.officers, needed, at)
    return _rebuilt(network, at, after, "booths")


def add_booths(network: Network, change: AddBooths) -> Network:
    """Open more booths, or fewer, where a line is staffed."""
    at = LineAt(change.port, change.mode, change.lane_type)
    if change.booths == 0:
        raise ChangeFault((("booths",), "0 booths more changes nothing"))
    if change.booths < 0 and change.officers != "added":
        raise ChangeFault((("officers",), "fewer booths need no officers from elsewhere: write added"))
    slots = find_line(network, at).booths_open.slots()
    staffed = _window(change) & (slots > 0)
    if not staffed.any():
        raise nothing(because="the line has no booth open on these days and hours")
    mean = float(slots[staffed].mean())
    if mean + change.booths < 0:
        raise ChangeFault((("booths",), f"{-change.booths:g} booths fewer, but {mean:.3g} are open on average"))
    network = _move_officers(network, change.officers, clock.hourly(staffed.astype(float)), at)
    after = np.where(staffed, np.maximum(slots + change.booths, 0), slots)
    return _rebuilt(network, at, clock.hourly(after), "booths")


def set_hours(network: Network, change: SetHours) -> Network:
    """Replace opening hours; where they are new and the timetable has no booth, open those the change states."""
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
        for key in ("booths", "officers"):
            if getattr(change, key) is not None:
                raise ChangeFault(((key,), f"no hour is added, so no {key} are needed"))
        return network
    if change.booths is None or change.officers is None:
        raise ChangeFault((("hours",), "longer hours need booths (open in each hour that is new) and officers"))
    added = {at: opened[at] & (lane.booths_open.slots() == 0) for at, lane in lines}
    anywhere = np.logical_or.reduce(list(added.values())).astype(float)
    network = _move_officers(network, change.officers, clock.hourly(anywhere), None)
    for at, slots in added.items():
        after = booths_by_hour(find_line(network, at)) + clock.hourly(slots.astype(float)) * change.booths
        network = _rebuilt(network, at, after, "booths")
    return network


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
    if not (before - moved > TOLERANCE).any():
        _refuse_stranded(network, origin)
    most = float(np.ceil(moved.max() - TOLERANCE))
    for at, sign in ((origin, -1), (target, 1)):
        lane = find_line(network, at)
        network = with_booths(network, at, np.maximum(booths_by_hour(lane) + sign * moved, 0))
        if lane.booths_built is not None:
            built = min(max(lane.booths_built.value + sign * most, 0), _positions(network, at))
            network = with_line(network, at, {"booths_built": Figure(value=built, note=NOTE)})
    return network


def _refuse_stranded(network: Network, origin: LineAt) -> None:
    """Refuse to leave a class with no line: one whose only lane type at the port would have no booth."""
    _, crossing = find_crossing(network, origin.port, origin.mode)
    usable: dict[str, set[str]] = {}
    for lane_type, lane in crossing.lane_types.items():
        for name in network.users_of(origin.mode, lane_type, lane):
            usable.setdefault(name, set()).add(lane_type)
    for name, lane_types in usable.items():
        if lane_types == {origin.lane_type}:
            message = f"'{name}' would have no line at {origin.port}: first let another lane type admit it"
            raise ChangeFault((("lane_type",), message))


# --- events ------------------------------------------------------------------------------------


def close_for(network: Network, change: Event) -> Network:
    """Shut gates and booths of a port between two times of the week."""
    span = Span.model_validate({"from": change.from_, "to": change.to})
    open_then = False
    for at, lane in _lines_of_event(network, change):
        _, crossing = find_crossing(network, at.port, at.mode)
        open_then |= bool((gate_slots(hours_of(crossing, lane)) & span.slots()).any())
        network = with_line(network, at, {"closures": (*lane.closures, span)})
    if not open_then:
        raise nothing("from", because="every line named is shut then")
    return network


def lose_booths(network: Network, change: Event) -> Network:
    """Close some of the booths of a port between two times of the week."""
    during = clock.hourly(change.slots().astype(float)) > 0
    lost = 0.0
    for at, lane in _lines_of_event(network, change):
        before = booths_by_hour(lane)
        fewer = before * change.share if change.share is not None else np.minimum(before, change.booths or 0)
        after = np.where(during, before - fewer, before)
        lost += float((before - after).sum())
        network = with_booths(network, at, after)
    if lost <= TOLERANCE:
        raise nothing("from", because="no line named has a booth open then")
    return network


def _lines_of_event(network: Network, change: Event) -> Iterator[tuple[LineAt, LaneType]]:
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
    """Move the officers that a port which opens takes from elsewhere, in all hours."""
    return _move_officers(network, change.officers, np.ones(clock.HOURS_PER_WEEK), None)


def _move_officers(network: Network, officers: Officers, needed: Booths, to: LineAt | None) -> Network:
    """Close the booths that moved officers leave, in the hours they are needed elsewhere, never below none."""
    if not isinstance(officers, Moved):
        return network
    for number, transfer in enumerate(officers.moved):
        at: KeyPath = ("officers", "moved", number)
        line = LineAt(transfer.port, transfer.mode, transfer.lane_type)
        if line == to:
            raise ChangeFault(((*at, "lane_type"), "these officers would be moved to where they are"))
        if not network.port(transfer.port).open:
            raise ChangeFault(((*at, "port"), f"{transfer.port} is closed: it has no officers to move"))
        before = booths_by_hour(find_line(network, line))
        _check_staffed(before, transfer, at)
        network = with_booths(network, line, np.maximum(before - needed * transfer.booths, 0))
    return network


def _check_staffed(before: Booths, transfer: Transfer, at: KeyPath) -> None:
    mean = float(before[before > 0].mean()) if before.any() else 0.0
    if mean < transfer.booths - TOLERANCE:
        message = f"{transfer.booths:g} booths' officers moved, but {mean:.3g} are open on average"
        raise ChangeFault(((*at, "booths"), message))


# --- what is built -----------------------------------------------------------------------------


def _rebuilt(network: Network, at: LineAt, after: Booths, key: str) -> Network:
    """Return the network with a line's booths replaced, where the built lanes allow them."""
    _, crossing = find_crossing(network, at.port, at.mode)
    lane = crossing.lane_types[at.lane_type]
    grows = after > booths_by_hour(lane) + TOLERANCE
    if lane.booths_built is not None:
        _check_built(after, grows, lane.booths_built.value, f"{at.lane_type} booths", key)
    others = [booths_by_hour(other) for name, other in crossing.lane_types.items() if name != at.lane_type]
    positions = crossing.lane_positions.value
    total = after + sum(others, np.zeros(1))
    _check_built(total, grows, positions, f"lane positions for all {at.mode} lane types", key)
    return with_booths(network, at, after)


def _check_built(booths: Booths, grows: Bools, built: float, what: str, key: str) -> None:
    over = grows & (booths > built + TOLERANCE)
    if over.any():
        hour = int(np.argmax(np.where(over, booths, 0)))
        said = f"{booths[hour]:g} would be open on {clock.hour_label(hour)}, but {built:g} {what} are built"
        raise ChangeFault(((key,), said))


def _positions(network: Network, at: LineAt) -> float:
    return find_crossing(network, at.port, at.mode)[1].lane_positions.value


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
