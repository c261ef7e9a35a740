"""Find and replace parts of a network: the small steps that changes are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.errors import Found
from portsim.language.schema import Crossing, LaneType, Mode, Network, Port, Series

NOTE = "set by the scenario"
TOLERANCE = 1e-9
"""Booths that differ by less are the same."""

Booths = npt.NDArray[np.float64]


class ChangeFault(Exception):  # noqa: N818  (it carries faults; `scenario` gives them their place)
    """A change cannot be made: what is wrong, and where in the change."""

    def __init__(self, *found: Found) -> None:
        super().__init__("; ".join(message for _, message in found))
        self.found = found


class LineAt(NamedTuple):
    """One line of a network: its port, mode and lane type by name."""

    port: str
    mode: Mode
    lane_type: str


def find_crossing(network: Network, port_id: str, mode: Mode) -> tuple[Port, Crossing]:
    """Return a port and its crossing of a mode. Raises KeyError where there is none."""
    port = network.port(port_id)
    crossing = port.crossing(mode)
    if crossing is None:
        raise KeyError(f"{port_id} has no {mode} crossing")
    return port, crossing


def find_line(network: Network, at: LineAt) -> LaneType:
    """Return a line. Raises KeyError where there is none."""
    return find_crossing(network, at.port, at.mode)[1].lane_types[at.lane_type]


def lines_named(
    network: Network, port_id: str, mode: Mode, lane_types: tuple[str, ...] | None
) -> Iterator[tuple[LineAt, LaneType]]:
    """Yield the lines of a crossing that are named; all where none is."""
    _, crossing = find_crossing(network, port_id, mode)
    for name in lane_types or crossing.lane_types:
        yield LineAt(port_id, mode, name), crossing.lane_types[name]


def with_line(network: Network, at: LineAt, update: Mapping[str, Any]) -> Network:
    """Return the network with fields of one line replaced."""
    _, crossing = find_crossing(network, at.port, at.mode)
    lane = crossing.lane_types[at.lane_type].model_copy(update=dict(update))
    return with_crossing(network, at.port, at.mode, {"lane_types": {**crossing.lane_types, at.lane_type: lane}})


def with_crossing(network: Network, port_id: str, mode: Mode, update: Mapping[str, Any]) -> Network:
    """Return the network with fields of one crossing replaced."""
    port, crossing = find_crossing(network, port_id, mode)
    return with_port(network, port.model_copy(update={mode: crossing.model_copy(update=dict(update))}))


def with_port(network: Network, port: Port) -> Network:
    """Return the network with the port of that id replaced."""
    ports = tuple(port if other.id == port.id else other for other in network.ports)
    return network.model_copy(update={"ports": ports})


def booths_by_hour(lane: LaneType) -> Booths:
    """Return a line's mean open booths by hour of the week, shape (168,), before its opening hours."""
    return clock.hourly(lane.booths_open.slots())


def with_booths(network: Network, at: LineAt, booths: Booths) -> Network:
    """Return the network with a line's timetable of open booths replaced; `booths` has shape (168,)."""
    return with_line(network, at, {"booths_open": Series(hours=tuple(booths.tolist()), note=NOTE)})


def nothing(*at: int | str, because: str = "", what: str = "this") -> ChangeFault:
    """Return the fault of a change that changes nothing."""
    return ChangeFault((at, f"{because}, so {what} changes nothing" if because else f"{what} changes nothing"))
