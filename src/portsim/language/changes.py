"""What a scenario's changes do to a network: every action has one short function.

A change names a port, a line or travellers of the network, and must change something. Officers that are moved
leave their booths first; then the change is made. Changes of demand are only looked at here: the model makes them,
so that a layer's travellers stay the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from portsim import clock
from portsim.errors import Found, KeyPath, nearest
from portsim.language import staffing, treatment
from portsim.language.edits import NOTE, ChangeFault, nothing, with_port
from portsim.language.schema import (
    MODES,
    AddBooths,
    Admit,
    Build,
    Change,
    ClosePort,
    DemandChange,
    Event,
    Figure,
    Mode,
    Moved,
    Network,
    OpenPort,
    Port,
    RespondBooths,
    ScaleDemand,
    SetBooths,
    SetChoice,
    SetHours,
    SetLaneTypes,
    SetReferralShare,
    SetServiceTime,
    ShiftClasses,
    SmoothArrivals,
    StackBooths,
)

__all__ = ["NOTE", "ChangeFault", "apply", "concerns_demand", "overfull"]


def apply(network: Network, change: Change, earlier: Sequence[Change] = ()) -> Network:
    """Return the network after one change; `earlier` are the scenario's changes before it.

    Raises ChangeFault for a name the network lacks, for more booths than are built, for two events of one kind at
    one time and place, and for a change that changes nothing.
    """
    if found := tuple(_unknown_names(network, change)):
        raise ChangeFault(*found)
    if isinstance(change, _OF_OPEN_PORTS) and change.port and not network.port(change.port).open:
        raise ChangeFault((("port",), f"{change.port} is closed: open it first, with open_port"))
    if isinstance(change, Event):
        _check_overlap(network, change, earlier)
    after = _MAKE[change.action](network, change)
    if concerns_demand(change):
        _check_anyone(network, change, earlier)
    return after


def overfull(network: Network, made: Sequence[Change]) -> Iterator[tuple[int, Found]]:
    """Yield the crossings left with more booths open than lanes, each with the number of the last change of them.

    `network` is that after all of `made`, one file's changes, none of which had a fault.
    """
    last = {
        (c.port, c.mode): number for number, c in enumerate(made) if isinstance(c, SetBooths | AddBooths | SetHours)
    }
    for (port_id, mode), number in last.items():
        try:
            staffing.check_positions(network, port_id, mode)
        except ChangeFault as fault:
            yield from ((number, found) for found in fault.found)


def concerns_demand(change: Change) -> TypeGuard[DemandChange]:
    """Say whether a change is of who comes and when, which the model makes."""
    return isinstance(change, ScaleDemand | ShiftClasses | SmoothArrivals) or (
        isinstance(change, Event) and change.kind == "surge"
    )


# --- ports and choice --------------------------------------------------------------------------


def _open_port(network: Network, change: OpenPort) -> Network:
    port = network.port(change.port)
    if port.open:
        raise nothing("port", because=f"{port.id} is open already")
    return with_port(staffing.staff_port(network, change), port.model_copy(update={"open": True}))


def _close_port(network: Network, change: ClosePort) -> Network:
    port = network.port(change.port)
    if not port.open:
        raise nothing("port", because=f"{port.id} is closed already")
    if not any(other.open for other in network.ports if other.id != port.id):
        raise ChangeFault((("port",), f"{port.id} is the last open port: travellers need one"))
    return with_port(network, port.model_copy(update={"open": False}))


def _set_choice(network: Network, change: SetChoice) -> Network:
    update: dict[str, Any] = {
        key: value if isinstance(value, str) else Figure(value=value, note=NOTE)
        for key, value in change.settings().items()
    }
    for key, value in change.settings().items():
        before = getattr(network.choice, key)
        if value == (before.value if isinstance(before, Figure) else before):
            shown = value if isinstance(value, str) else f"{value:g}"
            raise nothing(key, because=f"{key} is {shown} already")
    return network.model_copy(update={"choice": network.choice.model_copy(update=update)})


# --- demand: looked at here, made by the model -------------------------------------------------


def _scale_demand(network: Network, change: ScaleDemand) -> Network:
    if change.factor == 1:
        raise nothing("factor", what="a factor of 1")
    return network


def _shift_classes(network: Network, change: ShiftClasses) -> Network:
    if change.from_ == change.to:
        raise nothing("to", because=f"'{change.to}' is the class they have")
    before, after = network.classes[change.from_], network.classes[change.to]
    if before.mode != after.mode:
        same = [name for name, other in network.classes.items() if other.mode == before.mode and name != change.from_]
        message = f"'{change.to}' is of mode {after.mode}, '{change.from_}' of mode {before.mode}: "
        raise ChangeFault((("to",), message + nearest("", same)))
    reached = {
        name for place in network.catchments if _meet((place.id,), change.catchments) for name in place.access_min
    }
    if not any(_has_line(port, before.mode, network, change.to) for port in network.ports if port.id in reached):
        raise nothing("to", because=f"no port within their reach has a lane type for '{change.to}'")
    return network


def _has_line(port: Port, mode: Mode, network: Network, name: str) -> bool:
    crossing = port.crossing(mode)
    lanes = crossing.lane_types.items() if crossing else ()
    return any(name in network.users_of(mode, lane_type, lane) for lane_type, lane in lanes)


def _smooth_arrivals(network: Network, change: SmoothArrivals) -> Network:
    for key, time in (("from", change.from_), ("to", change.to)):
        if clock.minutes(time) % clock.SLOT_MIN:
            raise ChangeFault(((key,), f"must be a multiple of {clock.SLOT_MIN} minutes"))
    if change.from_ >= change.to:
        raise ChangeFault((("from",), f"from ({change.from_}) must be before to ({change.to})"))
    return network


def _event(network: Network, change: Event) -> Network:
    if change.kind == "closure":
        return staffing.close_for(network, change)
    if change.kind == "lost_booths":
        return staffing.lose_booths(network, change)
    if change.factor == 1:
        raise nothing("factor", what="a factor of 1")
    return network


def _check_anyone(network: Network, change: DemandChange, earlier: Sequence[Change]) -> None:
    """Refuse a change of travellers who are not there: of these catchments and classes, or at this time."""
    when = np.ones(clock.SLOTS_PER_WEEK, bool)
    if isinstance(change, Event) and not any(isinstance(other, SmoothArrivals) for other in earlier):
        when = change.slots()
    elif isinstance(change, SmoothArrivals):
        when = np.isin(np.arange(clock.SLOTS_PER_WEEK) // clock.SLOTS_PER_DAY, clock.days_of(change.days))
    there = {who for who, per_hour in _travellers(network) if per_hour[when].any()}
    for other in earlier:
        if isinstance(other, ShiftClasses):
            there |= {Who(who.catchment, other.to) for who in there if _concerned(network, other, who)}
    if not any(_concerned(network, change, who) for who in there):
        found = "no traveller is of these modes, catchments and classes"
        raise nothing(because=found if when.all() else f"{found} then")


class Who(NamedTuple):
    """Travellers of one catchment and class."""

    catchment: str
    class_name: str


def _travellers(network: Network) -> Iterator[tuple[Who, clock.Slots]]:
    """Yield who comes to each line, or is stated outright, with an hourly rate by slot, shape (2016,)."""
    for segment in network.segments:
        yield Who(segment.catchment, segment.traveller_class), segment.per_hour.slots()
    for port in network.ports:
        for mode in MODES:
            crossing = port.crossing(mode)
            for lane_type, lane in crossing.lane_types.items() if crossing else ():
                if lane.observed is None:
                    continue
                own = [name for name, traveller in network.classes.items() if lane_type in traveller.lane_types]
                shares = lane.observed.classes or dict.fromkeys(own, Figure(value=1))
                for catchment, name in product(lane.observed.origins, shares):
                    if network.classes[name].mode == mode:
                        part = lane.observed.origins[catchment].value * shares[name].value
                        yield Who(catchment, name), part * lane.observed.per_hour.slots()


def _concerned(network: Network, change: DemandChange, who: Who) -> bool:
    """Say whether travellers are of all that a change of demand names."""
    if isinstance(change, ShiftClasses):
        return who.class_name == change.from_ and _meet((who.catchment,), change.catchments)
    return (
        _meet((network.classes[who.class_name].mode,), change.modes)
        and _meet((who.catchment,), change.catchments)
        and _meet((who.class_name,), change.classes)
    )


def _meet(one: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Say whether two lists of names have one in common; none given is all."""
    return one is None or other is None or bool(set(one) & set(other))


def _check_overlap(network: Network, change: Event, earlier: Sequence[Change]) -> None:
    """Refuse an event at the time and place of an earlier one of its kind: which of them holds is anyone's guess."""
    for other in earlier:
        if not isinstance(other, Event) or other.kind != change.kind or other.port != change.port:
            continue
        meets = bool(_scope(network, change) & _scope(network, other))
        if meets and (change.slots() & other.slots()).any():
            message = f"overlaps another {change.kind} of this place, {other.from_} to {other.to}: make it one event"
            raise ChangeFault((("from",), message))


def _scope(network: Network, change: Event) -> set[tuple[str, ...]]:
    """Return the lines an event concerns; of a surge, the catchments and classes."""
    if change.kind != "surge":
        return {at for at, _ in staffing.lines_of_event(network, change)}
    everybody = product((catchment.id for catchment in network.catchments), network.classes)
    return {who for who in everybody if _concerned(network, change, Who(*who))}


# --- which function makes which change ---------------------------------------------------------

_OF_OPEN_PORTS = (
    SetHours
    | SetBooths
    | AddBooths
    | RespondBooths
    | StackBooths
    | SetServiceTime
    | SetLaneTypes
    | Admit
    | SetReferralShare
    | Event
)
_MAKE: dict[str, Callable[[Network, Any], Network]] = {
    "open_port": _open_port,
    "close_port": _close_port,
    "build": staffing.build,
    "set_hours": staffing.set_hours,
    "set_booths": staffing.set_booths,
    "add_booths": staffing.add_booths,
    "respond_booths": staffing.respond,
    "stack_booths": staffing.stack,
    "set_service_time": treatment.set_service_time,
    "set_lane_types": staffing.convert,
    "admit": treatment.admit,
    "set_referral_share": treatment.set_referral_share,
    "set_toll": treatment.set_toll,
    "respond_toll": treatment.respond_toll,
    "set_choice": _set_choice,
    "scale_demand": _scale_demand,
    "shift_classes": _shift_classes,
    "smooth_arrivals": _smooth_arrivals,
    "event": _event,
}


# --- names -------------------------------------------------------------------------------------


def _unknown_names(network: Network, change: Change) -> Iterator[Found]:
    """Yield what a change names that the network lacks, with the nearest name it has."""
    port_id, mode = getattr(change, "port", None), getattr(change, "mode", None)
    if port_id is not None:
        unknown = list(_unknown_port(network, port_id) if mode is None else _unknown_crossing(network, port_id, mode))
        yield from unknown
        if not unknown:
            yield from _unknown_of_port(network, change, port_id, (mode,) if mode else None)
    yield from _unknown_travellers(network, change, mode)
    officers = getattr(change, "officers", None)
    if isinstance(officers, Moved):
        for number, transfer in enumerate(officers.moved):
            for path, message in _unknown_line(network, transfer.port, transfer.mode, transfer.lane_type):
                yield ("officers", "moved", number, *path), message


def _unknown_port(network: Network, port_id: str) -> Iterator[Found]:
    ports = [port.id for port in network.ports]
    if port_id not in ports:
        yield ("port",), f"unknown port '{port_id}': {nearest(port_id, ports)}"


def _unknown_crossing(network: Network, port_id: str, mode: Mode) -> Iterator[Found]:
    unknown_port = list(_unknown_port(network, port_id))
    yield from unknown_port
    if not unknown_port and network.port(port_id).crossing(mode) is None:
        yield ("mode",), f"{port_id} has no {mode} crossing: allowed: {', '.join(_modes_of(network, port_id))}"


def _modes_of(network: Network, port_id: str) -> list[Mode]:
    return [mode for mode in MODES if network.port(port_id).crossing(mode)]


def _unknown_of_port(network: Network, change: Change, port_id: str, modes: tuple[Mode, ...] | None) -> Iterator[Found]:
    """Yield the lane types, modes and stages of a port that a change names and the port lacks."""
    exist = _modes_of(network, port_id)
    named = modes or getattr(change, "modes", None)
    yield from _unknown(getattr(change, "modes", None) or (), list(exist), ("modes",), f"mode of {port_id}")
    crossings = [network.port(port_id).crossing(mode) for mode in named or exist]
    lane_types = list(dict.fromkeys(name for crossing in crossings if crossing for name in crossing.lane_types))
    for key in ("lane_type", "to"):
        name = getattr(change, key, None)
        is_lane_type = key == "lane_type" or isinstance(change, SetLaneTypes)
        if is_lane_type and name is not None and name not in lane_types:
            yield (key,), f"unknown lane type '{name}': {nearest(name, lane_types)}"
    yield from _unknown(getattr(change, "lane_types", None) or (), lane_types, ("lane_types",), "lane type")
    for path, name in _lane_types_inside(change):
        if name not in lane_types:
            yield path, f"unknown lane type '{name}': {nearest(name, lane_types)}"
    stage = getattr(change, "stage", None)
    stages = [stage.id for crossing in crossings if crossing for stage in crossing.stages]
    if stage is not None and stage not in stages:
        yield ("stage",), f"unknown stage '{stage}': {nearest(stage, stages)}"


def _lane_types_inside(change: Change) -> Iterator[tuple[KeyPath, str]]:
    """Yield the lane types that a change names in places of its own."""
    if isinstance(change, Build):
        yield from ((("booths_built", name), name) for name in change.booths_built or {})
    if isinstance(change, RespondBooths):
        yield from ((("lines", name), name) for name in change.lines)
        if change.swap_with is not None:
            yield ("swap_with",), change.swap_with
        if change.balance is not None:
            yield ("balance", "keep"), change.balance.keep
            yield ("balance", "below"), change.balance.below


def _unknown_travellers(network: Network, change: Change, mode: Mode | None) -> Iterator[Found]:
    """Yield the catchments and classes that a change names and the network lacks."""
    catchments = [catchment.id for catchment in network.catchments]
    classes = [name for name, traveller in network.classes.items() if mode in {None, traveller.mode}]
    what = "class" if mode is None else f"{mode} class"
    yield from _unknown(getattr(change, "catchments", None) or (), catchments, ("catchments",), "catchment")
    yield from _unknown(getattr(change, "classes", None) or (), classes, ("classes",), what)
    if isinstance(change, ShiftClasses):
        for key, name in (("from", change.from_), ("to", change.to)):
            if name not in classes:
                yield (key,), f"unknown class '{name}': {nearest(name, classes)}"


def _unknown_line(network: Network, port_id: str, mode: Mode, lane_type: str) -> Iterator[Found]:
    unknown = list(_unknown_crossing(network, port_id, mode))
    yield from unknown
    crossing = None if unknown else network.port(port_id).crossing(mode)
    if crossing is not None and lane_type not in crossing.lane_types:
        yield ("lane_type",), f"unknown lane type '{lane_type}': {nearest(lane_type, list(crossing.lane_types))}"


def _unknown(words: Sequence[str], allowed: list[str], at: KeyPath, what: str) -> Iterator[Found]:
    for number, word in enumerate(words):
        if word not in allowed:
            yield (*at, number), f"unknown {what} '{word}': {nearest(word, allowed)}"
