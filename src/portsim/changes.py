"""What a scenario's changes do to a network: one short function an action.

A change names a port, a line or travellers of the network, and must change something. Officers that are moved
leave their booths first; then the change is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.errors import nearest
from portsim.opening import booth_slots, hours_of
from portsim.schema import (
    MODES,
    AddBooths,
    Change,
    ClosePort,
    Crossing,
    Figure,
    LaneType,
    Mode,
    Moved,
    Network,
    OpenPort,
    Port,
    ScaleDemand,
    Series,
    SetBooths,
    SetToll,
    Staffed,
    Transfer,
)

NOTE = "set by the scenario"
TOLERANCE = 1e-9
"""Booths that differ by less are the same."""

KeyPath = tuple[int | str, ...]
Found = tuple[KeyPath, str]
Hours = npt.NDArray[np.float64]


class ChangeFault(Exception):  # noqa: N818  (it carries faults; `scenario` gives them their place)
    """A change cannot be made: what is wrong, and where in the change."""

    def __init__(self, *found: Found) -> None:
        super().__init__("; ".join(message for _, message in found))
        self.found = found


def apply(network: Network, change: Change) -> Network:
    """Return the network after one change.

    Raises ChangeFault for a name the network lacks, for more booths than are built, and for a change that
    changes nothing.
    """
    if found := tuple(_unknown_names(network, change)):
        raise ChangeFault(*found)
    if isinstance(change, SetBooths | AddBooths) and not network.port(change.port).open:
        raise ChangeFault((("port",), f"{change.port} is closed: open it first, with open_port"))
    if isinstance(change, Staffed):
        network = _move_officers(network, change)
    match change:
        case OpenPort():
            return _open_port(network, change)
        case ClosePort():
            return _close_port(network, change)
        case SetBooths():
            return _set_booths(network, change)
        case AddBooths():
            return _add_booths(network, change)
        case SetToll():
            return _set_toll(network, change)
        case ScaleDemand():
            return _scale_demand(network, change)


# --- one function an action --------------------------------------------------------------------


def _open_port(network: Network, change: OpenPort) -> Network:
    port = network.port(change.port)
    if port.open:
        raise ChangeFault((("port",), f"{port.id} is open already, so this changes nothing"))
    return _with_port(network, port.model_copy(update={"open": True}))


def _close_port(network: Network, change: ClosePort) -> Network:
    port = network.port(change.port)
    if not port.open:
        raise ChangeFault((("port",), f"{port.id} is closed already, so this changes nothing"))
    if not any(other.open for other in network.ports if other.id != port.id):
        raise ChangeFault((("port",), f"{port.id} is the last open port: travellers need one"))
    return _with_port(network, port.model_copy(update={"open": False}))


def _set_booths(network: Network, change: SetBooths) -> Network:
    before = _booths(_line(network, change))
    after = clock.hourly(change.booths.slots())
    if np.allclose(after, before, atol=TOLERANCE):
        raise ChangeFault((("booths",), "the line has these booths already, so this changes nothing"))
    _, crossing = _crossing(network, change.port, change.mode)
    working = clock.hourly(booth_slots(hours_of(crossing, _line(network, change))).astype(float))
    if np.allclose(after * working, before * working, atol=TOLERANCE):
        message = "the line has these booths already within its opening hours, so this changes nothing"
        raise ChangeFault((("booths",), message))
    return _with_booths(network, change, before, after)


def _add_booths(network: Network, change: AddBooths) -> Network:
    if change.booths == 0:
        raise ChangeFault((("booths",), "0 booths more changes nothing"))
    if change.booths < 0 and change.officers != "added":
        raise ChangeFault((("officers",), "fewer booths need no officers from elsewhere: write added"))
    slots = _line(network, change).booths_open.slots()
    staffed = _window(change) & (slots > 0)
    if not staffed.any():
        raise ChangeFault(((), "the line has no booth open on these days and hours, so this changes nothing"))
    mean = float(slots[staffed].mean())
    if mean + change.booths < 0:
        raise ChangeFault((("booths",), f"{-change.booths:g} booths fewer, but {mean:.3g} are open on average"))
    after = np.where(staffed, np.maximum(slots + change.booths, 0), slots)
    return _with_booths(network, change, clock.hourly(slots), clock.hourly(after))


def _set_toll(network: Network, change: SetToll) -> Network:
    port, crossing = _crossing(network, change.port, change.mode)
    named = change.lane_types or tuple(crossing.lane_types)
    charged = {name: (lane.toll_usd.value if lane.toll_usd else 0.0) for name, lane in crossing.lane_types.items()}
    if all(charged[name] == change.toll_usd for name in named):
        raise ChangeFault((("toll_usd",), f"the toll is {change.toll_usd:g} already, so this changes nothing"))
    toll = Figure(value=change.toll_usd, note=NOTE)
    lanes = {
        name: lane.model_copy(update={"toll_usd": toll}) if name in named else lane
        for name, lane in crossing.lane_types.items()
    }
    return _with_lanes(network, port, change.mode, lanes)


def _scale_demand(network: Network, change: ScaleDemand) -> Network:
    """Check only: the model scales demand, so that a layer's travellers stay the same ones."""
    if change.factor == 1:
        raise ChangeFault((("factor",), "a factor of 1 changes nothing"))
    modes = change.modes or MODES
    classes = change.classes or tuple(network.classes)
    if not any(network.classes[name].mode in modes for name in classes):
        raise ChangeFault(((), "no traveller is of these modes and classes, so this changes nothing"))
    return network


# --- officers ----------------------------------------------------------------------------------


def _move_officers(network: Network, change: Staffed) -> Network:
    """Close the booths that moved officers leave, in the hours they are needed elsewhere, never below none."""
    if not isinstance(change.officers, Moved):
        return network
    needed = _hours_needed(network, change)
    for number, transfer in enumerate(change.officers.moved):
        at: KeyPath = ("officers", "moved", number)
        if isinstance(change, SetBooths | AddBooths) and _same_line(change, transfer):
            raise ChangeFault(((*at, "lane_type"), "these officers would be moved to where they are"))
        if not network.port(transfer.port).open:
            raise ChangeFault(((*at, "port"), f"{transfer.port} is closed: it has no officers to move"))
        lane = _line(network, transfer)
        before = _booths(lane)
        mean = float(before[before > 0].mean()) if before.any() else 0.0
        if mean < transfer.booths - TOLERANCE:
            message = f"{transfer.booths:g} booths' officers moved, but {mean:.3g} are open on average"
            raise ChangeFault(((*at, "booths"), message))
        network = _with_line(network, transfer, np.maximum(before - needed * transfer.booths, 0))
    return network


def _hours_needed(network: Network, change: Staffed) -> Hours:
    """Return the part of each hour in which a change opens booths: always, for a port that opens."""
    if isinstance(change, AddBooths):
        return clock.hourly((_window(change) & (_line(network, change).booths_open.slots() > 0)).astype(float))
    if isinstance(change, SetBooths):
        return (clock.hourly(change.booths.slots()) > _booths(_line(network, change)) + TOLERANCE).astype(float)
    return np.ones(clock.HOURS_PER_WEEK)


def _same_line(change: SetBooths | AddBooths, transfer: Transfer) -> bool:
    def line(named: SetBooths | AddBooths | Transfer) -> tuple[str, str, str]:
        return named.port, named.mode, named.lane_type

    return line(change) == line(transfer)


# --- lines and booths --------------------------------------------------------------------------


def _crossing(network: Network, port_id: str, mode: Mode) -> tuple[Port, Crossing]:
    port = network.port(port_id)
    crossing = port.crossing(mode)
    if crossing is None:
        raise KeyError(f"{port_id} has no {mode} crossing")
    return port, crossing


def _line(network: Network, named: SetBooths | AddBooths | Transfer) -> LaneType:
    return _crossing(network, named.port, named.mode)[1].lane_types[named.lane_type]


def _booths(lane: LaneType) -> Hours:
    return clock.hourly(lane.booths_open.slots())


def _window(change: AddBooths) -> npt.NDArray[np.bool_]:
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


def _with_booths(network: Network, change: SetBooths | AddBooths, before: Hours, after: Hours) -> Network:
    """Return the network with a line's booths replaced, where the built lanes allow them."""
    _, crossing = _crossing(network, change.port, change.mode)
    grows = after > before + TOLERANCE
    built = crossing.lane_types[change.lane_type].booths_built
    if built is not None:
        _check_built(after, grows, built.value, f"{change.lane_type} booths")
    others = [_booths(lane) for name, lane in crossing.lane_types.items() if name != change.lane_type]
    positions = crossing.lane_positions.value
    _check_built(after + sum(others), grows, positions, f"lane positions for all {change.mode} lane types")
    return _with_line(network, change, after)


def _check_built(booths: Hours, grows: npt.NDArray[np.bool_], built: float, what: str) -> None:
    over = grows & (booths > built + TOLERANCE)
    if over.any():
        hour = int(np.argmax(np.where(over, booths, 0)))
        said = f"{booths[hour]:g} would be open on {clock.hour_label(hour)}, but {built:g} {what} are built"
        raise ChangeFault((("booths",), said))


def _with_line(network: Network, named: SetBooths | AddBooths | Transfer, booths: Hours) -> Network:
    port, crossing = _crossing(network, named.port, named.mode)
    series = Series(hours=tuple(booths.tolist()), note=NOTE)
    lane = crossing.lane_types[named.lane_type].model_copy(update={"booths_open": series})
    return _with_lanes(network, port, named.mode, {**crossing.lane_types, named.lane_type: lane})


def _with_lanes(network: Network, port: Port, mode: Mode, lanes: dict[str, LaneType]) -> Network:
    _, crossing = _crossing(network, port.id, mode)
    changed = crossing.model_copy(update={"lane_types": lanes})
    return _with_port(network, port.model_copy(update={mode: changed}))


def _with_port(network: Network, port: Port) -> Network:
    ports = tuple(port if other.id == port.id else other for other in network.ports)
    return network.model_copy(update={"ports": ports})


# --- names -------------------------------------------------------------------------------------


def _unknown_names(network: Network, change: Change) -> Iterator[Found]:
    """Yield what a change names that the network lacks, with the nearest name it has."""
    match change:
        case ScaleDemand():
            catchments = [catchment.id for catchment in network.catchments]
            yield from _unknown(change.catchments or (), catchments, ("catchments",), "catchment")
            yield from _unknown(change.classes or (), list(network.classes), ("classes",), "class")
        case SetToll():
            yield from _unknown_line(network, change.port, change.mode, change.lane_types or ())
        case SetBooths() | AddBooths():
            yield from _unknown_line(network, change.port, change.mode, change.lane_type)
        case OpenPort() | ClosePort():
            yield from _unknown_port(network, change.port)
    if isinstance(change, Staffed) and isinstance(change.officers, Moved):
        for number, transfer in enumerate(change.officers.moved):
            for path, message in _unknown_line(network, transfer.port, transfer.mode, transfer.lane_type):
                yield ("officers", "moved", number, *path), message


def _unknown_port(network: Network, port_id: str) -> Iterator[Found]:
    ports = [port.id for port in network.ports]
    if port_id not in ports:
        yield ("port",), f"unknown port '{port_id}': {nearest(port_id, ports)}"


def _unknown_line(network: Network, port_id: str, mode: Mode, lane_types: str | Sequence[str]) -> Iterator[Found]:
    unknown_port = list(_unknown_port(network, port_id))
    if unknown_port:
        yield from unknown_port
        return
    port = network.port(port_id)
    crossing = port.crossing(mode)
    if crossing is None:
        modes = [other for other in MODES if port.crossing(other)]
        yield ("mode",), f"{port_id} has no {mode} crossing: allowed: {', '.join(modes)}"
        return
    allowed = list(crossing.lane_types)
    if isinstance(lane_types, str):
        if lane_types not in allowed:
            yield ("lane_type",), f"unknown lane type '{lane_types}': {nearest(lane_types, allowed)}"
        return
    yield from _unknown(lane_types, allowed, ("lane_types",), "lane type")


def _unknown(words: Sequence[str], allowed: list[str], at: KeyPath, what: str) -> Iterator[Found]:
    for number, word in enumerate(words):
        if word not in allowed:
            yield (*at, number), f"unknown {what} '{word}': {nearest(word, allowed)}"
