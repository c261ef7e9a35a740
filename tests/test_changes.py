"""Each action does to the network what it says, refuses what cannot be, and never passes without effect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from portsim import changes, clock, scenario
from portsim.schema import Change, Mode, Network

TWIN_PORTS = Path(__file__).parent / "networks" / "twin-ports.yaml"
CHANGE: TypeAdapter[Change] = TypeAdapter(Change)
GENERAL = {"port": "east", "mode": "vehicle", "lane_type": "general"}
READY = {"port": "east", "mode": "vehicle", "lane_type": "ready"}
TRUCKS = {"port": "east", "mode": "truck", "lane_type": "standard"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Read the twin ports: east (vehicles and trucks), west (vehicles), and north, closed."""
    path = tmp_path_factory.mktemp("case") / "case.yaml"
    path.write_text(f"scenario: case\nnetwork: {TWIN_PORTS.as_posix()}\n")
    return scenario.load(path).network


def applied(network: Network, **change: object) -> Network:
    return changes.apply(network, CHANGE.validate_python(change))


def refused(network: Network, **change: object) -> tuple[changes.Found, ...]:
    with pytest.raises(changes.ChangeFault) as raised:
        applied(network, **change)
    return raised.value.found


def booths(network: Network, port: str, mode: Mode, lane_type: str) -> np.ndarray:
    crossing = network.port(port).crossing(mode)
    assert crossing is not None
    return clock.hourly(crossing.lane_types[lane_type].booths_open.slots())


# --- ports -------------------------------------------------------------------------------------


def test_open_port_opens_it_and_touches_nothing_else(network: Network) -> None:
    """Only `open` of that port changes."""
    after = applied(network, action="open_port", port="north", officers="added")
    assert after.port("north") == network.port("north").model_copy(update={"open": True})
    assert after.ports[:2] == network.ports[:2]


def test_close_port_undoes_open_port(network: Network) -> None:
    """Opened and closed again, the network is as it was."""
    opened = applied(network, action="open_port", port="north", officers="added")
    assert applied(opened, action="close_port", port="north") == network


def test_the_last_open_port_cannot_close(network: Network) -> None:
    """Travellers need somewhere to go."""
    alone = applied(network, action="close_port", port="west")
    ((path, message),) = refused(alone, action="close_port", port="east")
    assert path == ("port",)
    assert "last open port" in message


# --- booths ------------------------------------------------------------------------------------


def test_set_booths_replaces_the_timetable_by_hourly_means(network: Network) -> None:
    """A step inside an hour becomes that hour's mean; the new series is assumed, and says so."""
    after = applied(network, action="set_booths", **READY, officers="added", booths={"00:00": 1, "06:30": 3})
    hours = booths(after, **READY)
    assert hours[5:8].tolist() == [1, 2, 3]
    series = after.port("east").vehicle.lane_types["ready"].booths_open  # type: ignore[union-attr]
    assert (series.class_, series.source, series.note) == ("assumed", None, changes.NOTE)


def test_add_booths_adds_in_staffed_hours_only(network: Network) -> None:
    """A line that is closed at night and at weekends stays closed."""
    before = booths(network, **TRUCKS)
    after = booths(applied(network, action="add_booths", **TRUCKS, booths=1, officers="added"), **TRUCKS)
    assert np.array_equal(after - before, np.where(before > 0, 1, 0))
    assert (before == 0).any()


def test_add_booths_keeps_to_its_days_and_times(network: Network) -> None:
    """`days`, `from` and `to` narrow the hours."""
    change = {"days": "sat-sun", "from": "06:00", "to": "12:00"}
    after = applied(network, action="add_booths", **GENERAL, booths=1, officers="added", **change)
    added = booths(after, **GENERAL) - booths(network, **GENERAL)
    assert np.flatnonzero(added).tolist() == [day * 24 + hour for day in (5, 6) for hour in range(6, 12)]


def test_half_an_hour_of_a_booth_is_half_a_booth(network: Network) -> None:
    """Booths are counted by the hour, as means."""
    change = {"from": "06:30", "to": "07:00"}
    after = applied(network, action="add_booths", **GENERAL, booths=1, officers="added", **change)
    assert (booths(after, **GENERAL) - booths(network, **GENERAL))[6] == 0.5


def test_fewer_booths_stop_at_none(network: Network) -> None:
    """Four booths fewer of five by day and three by night leaves one and none."""
    hours = booths(applied(network, action="add_booths", **GENERAL, booths=-4, officers="added"), **GENERAL)
    assert (hours[3], hours[12]) == (0, 1)


def test_booths_above_those_built_are_refused_with_the_number_built(network: Network) -> None:
    """The line's own booths, and the crossing's lane positions, bound what can open."""
    ((path, message),) = refused(network, action="set_booths", **READY, officers="added", booths=5)
    assert path == ("booths",)
    assert message == "5 would be open on mon 00:00, but 4 ready booths are built"
    west = {"port": "west", "mode": "vehicle", "lane_type": "general"}
    ((_, message),) = refused(network, action="add_booths", **west, officers="added", booths=3)
    assert message == "7 would be open on mon 00:00, but 6 lane positions for all vehicle lane types are built"


def test_lane_positions_are_shared_by_the_lane_types(network: Network) -> None:
    """General may not open eight beside three ready booths where ten positions are built."""
    more = applied(network, action="add_booths", **READY, officers="added", booths=1)
    change = {"action": "set_booths", **GENERAL, "officers": "added", "booths": 8}
    after = applied(more, **change)  # on the way there may be too many: a later change may close some
    ((number, (path, message)),) = changes.overfull(after, [CHANGE.validate_python(change)])
    assert (number, path) == (0, ("booths",))
    assert message == "11 would be open on mon 00:00, but 10 lane positions for all vehicle lane types are built"


# --- officers ----------------------------------------------------------------------------------


def moved(**line: object) -> dict[str, list[dict[str, object]]]:
    return {"moved": [line]}


def test_moved_officers_leave_their_booths_whenever_these_are_staffed(network: Network) -> None:
    """The giving line loses the booths in every staffed hour, and never falls below none."""
    after = applied(network, action="open_port", port="north", officers=moved(**TRUCKS, booths=2.5))
    before, left = booths(network, **TRUCKS), booths(after, **TRUCKS)
    assert np.array_equal(left, np.maximum(before - 2.5, 0))
    assert after.port("north").open


def test_moved_officers_free_their_lane_position_first(network: Network) -> None:
    """Two officers who change lane type within a full crossing find their positions free."""
    full = applied(network, action="set_booths", **GENERAL, officers="added", booths=8)
    after = applied(full, action="add_booths", **READY, booths=2, officers=moved(**GENERAL, booths=2))
    assert (booths(after, **GENERAL)[0], booths(after, **READY)[0]) == (6, 4)


REFUSED_MOVES = {
    "more than are there": (dict(**READY, booths=3), "booths", "3 booths' officers moved, but 2 are open"),
    "from a closed port": (
        {"port": "north", "mode": "vehicle", "lane_type": "ready", "booths": 1},
        "port",
        "north is closed",
    ),
    "an unknown port": (dict(TRUCKS, port="eats", booths=1), "port", "did you mean 'east'?"),
    "a mode it lacks": (dict(TRUCKS, port="west", booths=1), "mode", "west has no truck crossing"),
    "an unknown line": (dict(GENERAL, lane_type="redy", booths=1), "lane_type", "did you mean 'ready'?"),
    "to where they are": (dict(**GENERAL, booths=1), "lane_type", "moved to where they are"),
}


@pytest.mark.parametrize("name", REFUSED_MOVES)
def test_impossible_moves_are_refused_where_they_are_stated(network: Network, name: str) -> None:
    """The fault points at the one transfer, and the one key, that is wrong."""
    transfer, key, words = REFUSED_MOVES[name]
    ((path, message),) = refused(network, action="add_booths", **GENERAL, booths=1, officers={"moved": [transfer]})
    assert path == ("officers", "moved", 0, key)
    assert words in message


# --- tolls and demand --------------------------------------------------------------------------


def test_set_toll_charges_the_lane_types_named_or_all(network: Network) -> None:
    """Without lane types named, the whole crossing charges."""

    def tolls(after: Network) -> list[float | None]:
        lanes = after.port("east").vehicle.lane_types.values()  # type: ignore[union-attr]
        return [lane.toll_usd.value if lane.toll_usd else None for lane in lanes]

    toll = {"action": "set_toll", "port": "east", "mode": "vehicle", "toll_usd": 3}
    assert tolls(applied(network, **toll)) == [3, 3]
    assert tolls(applied(network, **toll, lane_types=["ready"])) == [None, 3]


def test_scale_demand_is_checked_here_and_applied_by_the_model(network: Network) -> None:
    """The network stays as it is."""
    assert applied(network, action="scale_demand", factor=1.1, modes=["truck"]) is network


# --- refusals ----------------------------------------------------------------------------------

REFUSED = {
    "open an open port": (
        {"action": "open_port", "port": "east", "officers": "added"},
        "port",
        "open already",
    ),
    "close a closed port": ({"action": "close_port", "port": "north"}, "port", "closed already"),
    "set the same booths": (
        {"action": "set_booths", **READY, "officers": "added", "booths": {"00:00": 2}},
        "booths",
        "already",
    ),
    "add no booth": (
        {"action": "add_booths", **READY, "officers": "added", "booths": 0},
        "booths",
        "nothing",
    ),
    "add where nobody works": (
        {"action": "add_booths", **TRUCKS, "officers": "added", "booths": 1, "days": "sat"},
        None,
        "no booth open",
    ),
    "take more than there are": (
        {"action": "add_booths", **READY, "officers": "added", "booths": -3},
        "booths",
        "2 are open on average",
    ),
    "move officers to fewer booths": (
        {"action": "add_booths", **READY, "officers": moved(**TRUCKS, booths=1), "booths": -1},
        "officers",
        "write added",
    ),
    "end before the start": (
        {"action": "add_booths", **READY, "officers": "added", "booths": 1, "from": "22:00", "to": "06:00"},
        "from",
        "split at midnight",
    ),
    "off the five minutes": (
        {"action": "add_booths", **READY, "officers": "added", "booths": 1, "to": "06:01"},
        "to",
        "multiple of 5 minutes",
    ),
    "the same toll": (
        {"action": "set_toll", "port": "east", "mode": "truck", "toll_usd": 0},
        "toll_usd",
        "0 already",
    ),
    "no toll where none is": (
        {"action": "set_toll", "port": "east", "mode": "vehicle", "toll_usd": 0},
        "toll_usd",
        "already",
    ),
    "a factor of one": ({"action": "scale_demand", "factor": 1}, "factor", "changes nothing"),
    "nobody": (
        {"action": "scale_demand", "factor": 2, "modes": ["truck"], "classes": ["local"]},
        None,
        "no traveller",
    ),
    "an unknown mode": (
        {"action": "set_toll", "port": "west", "mode": "bus", "toll_usd": 1},
        "mode",
        "vehicle",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_cannot_be_or_does_nothing_is_refused(network: Network, name: str) -> None:
    """The fault names the key to look at, and why."""
    change, key, words = REFUSED[name]
    ((path, message),) = refused(network, **change)
    assert path == ((key,) if key else ())
    assert words in message


def test_every_unknown_name_of_a_change_is_found_at_once(network: Network) -> None:
    """Two wrong words are two faults, each with the nearest right one."""
    found = refused(network, action="scale_demand", factor=2, catchments=["town", "hill"], classes=["vistor"])
    assert [path for path, _ in found] == [("catchments", 1), ("classes", 0)]
    assert [message.split("'")[3] for _, message in found] == ["hills", "visitor"]
    found = refused(network, action="open_port", port="nrth", officers=moved(**dict(TRUCKS, port="x"), booths=1))
    assert [path for path, _ in found] == [("port",), ("officers", "moved", 0, "port")]


def test_moved_officers_leave_only_while_they_are_needed(network: Network) -> None:
    """Two booths more on Monday morning take two booths' officers on Monday morning, not all week."""
    before = booths(network, "east", "vehicle", "general")
    after = booths(
        applied(
            network,
            action="add_booths",
            **TRUCKS,
            booths=1,
            days="mon",
            **{"from": "06:00", "to": "12:00"},
            officers={"moved": [{**GENERAL, "booths": 1}]},
        ),
        "east",
        "vehicle",
        "general",
    )
    assert np.flatnonzero(before - after).tolist() == list(range(6, 12))


def test_booths_of_a_closed_port_wait_for_it_to_open(network: Network) -> None:
    """A closed port has no line to staff."""
    [(where, message)] = refused(
        network, action="add_booths", port="north", mode="vehicle", lane_type="general", booths=1, officers="added"
    )
    assert where == ("port",)
    assert "open_port" in message


def test_booths_outside_opening_hours_change_nothing(network: Network) -> None:
    """Trucks cross on weekdays from 6 to 22: booths on a Sunday would serve nobody."""
    now = booths(network, "east", "truck", "standard")
    sunday = now.copy()
    sunday[6 * 24 + 8 : 6 * 24 + 12] = 1
    [(where, message)] = refused(
        network, action="set_booths", **TRUCKS, booths={"hours": sunday.tolist()}, officers="added"
    )
    assert where == ("booths",)
    assert "opening hours" in message
