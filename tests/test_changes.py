"""Each action does to the network what it says, refuses what cannot be, and never passes without effect."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from portsim import clock
from portsim.border.model import build
from portsim.errors import ScenarioError
from portsim.language import changes, opening, scenario
from portsim.language.schema import Change, LaneType, Mode, Network, ScenarioFile

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


def moved(**line: object) -> dict[str, object]:
    return {"moved": [line]}


def test_moved_officers_leave_their_booths_whenever_these_are_staffed(network: Network) -> None:
    """The giving line loses the booths in every staffed hour, and never falls below none."""
    officers = moved(**TRUCKS, booths=2.5) | {"added": 2.5}
    after = applied(network, action="open_port", port="north", officers=officers)
    before, left = booths(network, **TRUCKS), booths(after, **TRUCKS)
    assert np.array_equal(left, np.maximum(before - 2.5, 0))
    assert after.port("north").open


def test_moved_officers_free_their_lane_position_first(network: Network) -> None:
    """Two officers who change lane type within a full crossing find their positions free."""
    full = applied(network, action="set_booths", **GENERAL, officers="added", booths=8)
    after = applied(full, action="add_booths", **READY, booths=2, officers=moved(**GENERAL, booths=2))
    assert (booths(after, **GENERAL)[0], booths(after, **READY)[0]) == (6, 4)


REFUSED_MOVES = {
    "more than are there": (
        dict(**READY, booths=3),
        "booths",
        "moved, but at east vehicle ready 2 are open on mon 00:00",
    ),
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


def test_as_many_officers_move_or_are_added_as_booths_open(network: Network) -> None:
    """Nobody is at two booths: what is given and what is added together make what opens, in every hour."""
    change = {"action": "add_booths", **GENERAL, "booths": 2, "from": "06:00", "to": "09:30"}
    ((path, message),) = refused(network, **change, officers=moved(**READY, booths=1))
    assert path == ("officers",)
    assert message.startswith("2 booths open, but the officers of 1 are moved and of 0 added")
    after = applied(network, **change, officers=moved(**READY, booths=1) | {"added": 1})
    opened = booths(after, **GENERAL) - booths(network, **GENERAL)
    assert np.allclose(opened, 2 * (booths(network, **READY) - booths(after, **READY)))
    assert opened[6:11].tolist() == [2, 2, 2, 1, 0]


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


# --- a gate with three lane types ----------------------------------------------------------------

GATE: dict[str, Any] = {
    "network": "gate",
    "about": "One town; a gate with three lane types, a hill with one, and a pier that is closed.",
    "classes": {
        "plain": {"mode": "vehicle", "lane_types": ["general"]},
        "card": {"mode": "vehicle", "lane_types": ["ready"]},
        "pass": {"mode": "vehicle", "lane_types": ["fast"]},
        "ghost": {"mode": "vehicle", "lane_types": ["ghost"]},
        "freight": {"mode": "truck", "lane_types": ["standard"]},
        "walker": {"mode": "pedestrian", "lane_types": ["foot"]},
    },
    "catchments": [
        {"id": "town", "name": "Town", "cluster": "valley", "access_min": {"gate": 5, "hill": 9, "pier": 9}},
        {"id": "farm", "name": "Farm", "cluster": "valley", "access_min": {"hill": 5}},
    ],
    "segments": [
        {"id": "farmers", "catchment": "farm", "traveller_class": "pass", "per_hour": {"08:00": 5, "18:00": 0}},
        {"id": "walkers", "catchment": "town", "traveller_class": "walker", "per_hour": 5},
    ],
    "ports": [
        {
            "id": "gate",
            "name": "Gate",
            "vehicle": {
                "lane_positions": 12,
                "lane_types": {
                    "general": {
                        "booths_open": {"06:00": 4, "22:00": 2},
                        "booths_built": 8,
                        "service": {"mean_s": 60, "cv": 0.6},
                        "referral_share": {"secondary": 0.1},
                        "observed": {"per_hour": 100, "wait_min": 10, "origins": {"town": 1}},
                    },
                    "ready": {
                        "booths_open": {"06:00": 2.5, "22:00": 1},
                        "service": {"mean_s": {"hours": [50] * 24}, "cv": 0.6},
                        "observed": {"per_hour": 60, "wait_min": 10, "origins": {"town": 1}},
                    },
                    "fast": {
                        "hours": [{"opens": "06:00", "closes": "22:00", "line_opens": "05:30"}],
                        "booths_open": 2,
                        "booths_built": 3,
                        "service": {"mean_s": {"pass": 20}, "cv": 0.6},
                        "observed": {"per_hour": {"06:00": 60, "22:00": 0}, "origins": {"town": 1}},
                    },
                },
                "stages": [
                    {"id": "secondary", "stations": 3, "service": {"kind": "exponential", "mean_s": 900}},
                    {"id": "scale", "stations": 0, "service": {"kind": "exponential", "mean_s": 900}},
                ],
            },
            "pedestrian": {
                "lane_positions": 4,
                "lane_types": {"foot": {"booths_open": 2, "service": {"mean_s": 30, "cv": 0.6}}},
            },
        },
        {
            "id": "hill",
            "name": "Hill",
            "vehicle": {
                "lane_positions": 2,
                "lane_types": {"fast": {"booths_open": 1, "service": {"mean_s": 30, "cv": 0.6}}},
                "stages": [
                    {
                        "id": "secondary",
                        "stations": 1,
                        "service": {"kind": "exponential", "mean_s": {"pass": 600}},
                    }
                ],
            },
        },
        {
            "id": "pier",
            "name": "Pier",
            "open": False,
            "vehicle": {
                "lane_positions": 2,
                "lane_types": {"general": {"booths_open": 1, "service": {"mean_s": 60, "cv": 0.6}, "toll_usd": 2}},
            },
            "truck": {
                "lane_positions": 2,
                "lane_types": {"standard": {"booths_open": 1, "service": {"mean_s": 60, "cv": 0.6}}},
            },
        },
    ],
}
VEHICLES = {"port": "gate", "mode": "vehicle"}


@pytest.fixture(scope="module")
def gate() -> Network:
    return Network.model_validate(GATE)


def lane(network: Network, lane_type: str, port: str = "gate", mode: Mode = "vehicle") -> LaneType:
    crossing = network.port(port).crossing(mode)
    assert crossing is not None
    return crossing.lane_types[lane_type]


def at_gate(network: Network, lane_type: str) -> np.ndarray:
    return booths(network, "gate", "vehicle", lane_type)


def gate_hours(network: Network, lane_type: str) -> np.ndarray:
    crossing = network.port("gate").crossing("vehicle")
    assert crossing is not None
    return opening.gate_of(crossing, crossing.lane_types[lane_type])


def means(network: Network, lane_type: str, port: str = "gate") -> dict[str, float] | float:
    """Return the mean seconds of a line: one number, or one by class."""
    mean = lane(network, lane_type, port).service.mean_s
    if isinstance(mean, dict):
        return {name: float(series.slots().mean()) for name, series in mean.items()}
    return float(mean.slots().mean())


DAYTIME = [{"opens": "06:00", "closes": "22:00"}]
NIGHT = np.tile([True] * 6 + [False] * 16 + [True] * 2, 7)

# --- opening hours -------------------------------------------------------------------------------


def test_set_hours_shortens_a_crossing_and_leaves_the_timetable(gate: Network) -> None:
    """Lines open around the clock keep the hours; one with hours of its own takes them too."""
    after = applied(gate, action="set_hours", **VEHICLES, hours=[{"opens": "08:00", "closes": "20:00"}])
    for name in ("general", "ready", "fast"):
        mask = gate_hours(after, name).reshape(7, 24, 12)
        assert mask[:, 8:20].all()
        assert mask.sum() == 7 * 12 * 12
        assert np.array_equal(at_gate(after, name), at_gate(gate, name))


def test_set_hours_opens_booths_where_hours_are_new(network: Network) -> None:
    """Saturday is staffed, with one booth; weekdays stay as they are, to the half hour."""
    hours = [
        {"days": "mon-fri", "opens": "06:00", "closes": "22:00"},
        {"days": "sat", "opens": "08:00", "closes": "14:00"},
    ]
    change = {"action": "set_hours", "port": "east", "mode": "truck", "hours": hours, "booths": 1}
    after = applied(network, **change, officers="added")
    difference = booths(after, **TRUCKS) - booths(network, **TRUCKS)
    assert np.flatnonzero(difference).tolist() == [5 * 24 + hour for hour in range(8, 14)]
    assert set(difference[difference != 0]) == {1}


def test_set_hours_of_some_lane_types_leaves_the_others(gate: Network) -> None:
    """The line gets hours of its own."""
    after = applied(gate, action="set_hours", **VEHICLES, lane_types=["ready"], hours=DAYTIME)
    assert np.array_equal(~gate_hours(after, "ready")[::12], NIGHT)
    assert gate_hours(after, "general").all()
    assert lane(after, "fast") == lane(gate, "fast")


def test_a_line_that_may_form_earlier_needs_no_officer(gate: Network) -> None:
    """Only the gate opens; booths work when they did."""
    hours = [{"opens": "06:00", "closes": "22:00", "line_opens": "04:30"}]
    after = applied(gate, action="set_hours", **VEHICLES, lane_types=["fast"], hours=hours)
    assert gate_hours(after, "fast").sum() - gate_hours(gate, "fast").sum() == 7 * 12
    assert np.array_equal(at_gate(after, "fast"), at_gate(gate, "fast"))


def test_officers_leave_for_every_new_hour_that_is_staffed(gate: Network) -> None:
    """Also where the timetable had booths all along, which the closed gate kept from working."""
    change = {"action": "set_hours", **VEHICLES, "lane_types": ["fast"], "hours": "24h", "booths": 1}
    after = applied(gate, **change, officers=moved(**VEHICLES, lane_type="general", booths=2))
    assert np.array_equal(at_gate(after, "fast"), at_gate(gate, "fast"))
    assert np.array_equal(at_gate(gate, "general") - at_gate(after, "general"), 2 * NIGHT.astype(float))


def test_what_is_built_bounds_what_may_open(gate: Network) -> None:
    """Lanes and booths are built first, then opened."""
    fourth = {"action": "set_booths", **VEHICLES, "lane_type": "fast", "booths": 4, "officers": "added"}
    ((path, message),) = refused(gate, **fourth)
    assert path == ("booths",)
    assert message == "4 would be open on mon 00:00, but 3 fast booths are built"
    built = applied(gate, action="build", **VEHICLES, lane_positions=14, booths_built={"fast": 5})
    assert at_gate(applied(built, **fourth), "fast").max() == 4
    assert at_gate(built, "fast").max() == 2


# --- lanes that become others --------------------------------------------------------------------


def test_converted_booths_keep_their_hours_and_their_number(gate: Network) -> None:
    """One booth of each hour changes sides; what is built follows."""
    after = applied(gate, action="set_lane_types", **VEHICLES, lane_type="general", to="fast", booths=1)
    for name, sign in (("general", -1), ("fast", 1)):
        assert np.array_equal(at_gate(after, name), at_gate(gate, name) + sign)
        built, before = lane(after, name).booths_built, lane(gate, name).booths_built
        assert built is not None
        assert before is not None
        assert built.value == before.value + sign


def test_half_a_booth_converted_leaves_room_for_the_half_that_stays() -> None:
    """Of eight built and open, 1.5 converted leave 6.5 open: seven stay built, not six."""
    full = copy.deepcopy(GATE)
    full["ports"][0]["vehicle"]["lane_types"]["general"]["booths_open"] = 8
    whole = Network.model_validate(full)
    after = applied(whole, action="set_lane_types", **VEHICLES, lane_type="general", to="ready", booths=1.5)
    built = lane(after, "general").booths_built
    assert built is not None
    assert built.value == 7
    assert at_gate(after, "general").max() == 6.5
    model = build(after)
    line = next(line for line in model.lines if line.name == "gate/vehicle/general")
    assert line.timetable.booths.max() == 7


def test_all_booths_convert_only_after_another_line_admits_their_users(gate: Network) -> None:
    """Who could use that lane type alone would be stranded."""
    everything = {"action": "set_lane_types", **VEHICLES, "lane_type": "ready", "to": "general"}
    ((path, message),) = refused(gate, **everything)
    assert path == ("lane_type",)
    assert message == "'card' would have no line at gate: first let another lane type admit it"
    ((path, _),) = refused(gate, **everything, booths=99)
    assert path == ("lane_type",)
    after = applied(applied(gate, action="admit", **VEHICLES, lane_type="general", classes=["card"]), **everything)
    assert not at_gate(after, "ready").any()
    assert np.array_equal(at_gate(after, "general"), at_gate(gate, "general") + at_gate(gate, "ready"))
    [segment] = [segment for segment in build(after).segments if segment.name == "town/card"]
    assert len(segment.alternatives) == 1


def test_a_line_without_booths_is_no_way_out() -> None:
    """Admitted to a line that nobody staffs, they are stranded all the same."""
    idle = copy.deepcopy(GATE)
    idle["ports"][0]["vehicle"]["lane_types"]["fast"]["booths_open"] = 0
    admitted = applied(Network.model_validate(idle), action="admit", **VEHICLES, lane_type="fast", classes=["card"])
    ((path, message),) = refused(admitted, action="set_lane_types", **VEHICLES, lane_type="ready", to="general")
    assert path == ("lane_type",)
    assert "'card' would have no line" in message


def test_nobody_stands_at_the_start_in_a_line_that_was_converted_away(gate: Network) -> None:
    """They would stand there for ever."""
    admitted = applied(gate, action="admit", **VEHICLES, lane_type="general", classes=["card"])
    after = applied(admitted, action="set_lane_types", **VEHICLES, lane_type="ready", to="general")
    standing = {segment.name for segment in build(gate).segments if segment.initial}
    assert standing == {"in-line/gate/vehicle/general/plain", "in-line/gate/vehicle/ready/card"}
    assert {segment.name for segment in build(after, before=gate).segments if segment.initial} == {
        "in-line/gate/vehicle/general/plain"
    }


# --- who may join, and how long it takes ---------------------------------------------------------


def test_admitted_classes_bring_the_time_of_their_own_inspection(gate: Network) -> None:
    """A line with one mean, or means by class, gets one for each who may use it."""
    after = applied(gate, action="admit", **VEHICLES, lane_type="fast", classes=["card", "plain"])
    assert lane(after, "fast").admits == ("card", "plain")
    assert means(after, "fast") == {"pass": 20, "card": 50, "plain": 60}
    after = applied(after, action="admit", **VEHICLES, lane_type="general", classes=["pass"])
    assert means(after, "general") == {"plain": 60, "pass": 20}


def test_admitted_twice_in_parts_is_admitted_once_each(gate: Network) -> None:
    """The second change adds the one who is new."""
    after = applied(gate, action="admit", **VEHICLES, lane_type="fast", classes=["card"])
    after = applied(after, action="admit", **VEHICLES, lane_type="fast", classes=["card", "plain"])
    assert lane(after, "fast").admits == ("card", "plain")
    found = refused(after, action="admit", **VEHICLES, lane_type="fast", classes=["plain", "pass"])
    assert found == ((("classes",), "fast may be used by these classes already, so this changes nothing"),)


def test_the_time_of_an_admitted_class_can_be_set(gate: Network) -> None:
    """By class: the others' times stay."""
    after = applied(gate, action="admit", **VEHICLES, lane_type="general", classes=["card"])
    after = applied(after, action="set_service_time", **VEHICLES, lane_types=["general"], classes=["card"], mean_s=40)
    assert means(after, "general") == {"plain": 60, "card": 40}


def test_a_class_new_to_a_port_takes_as_long_as_its_users_at_every_stage(gate: Network) -> None:
    """The hill knows passes only: plain cars have no time of their own there, at booth or secondary."""
    after = applied(gate, action="admit", port="hill", mode="vehicle", lane_type="fast", classes=["plain"])
    assert means(after, "fast", "hill") == {"pass": 30, "plain": 30}
    hill = after.port("hill").crossing("vehicle")
    assert hill is not None
    assert isinstance(hill.stages[0].service.mean_s, dict)
    assert sorted(hill.stages[0].service.mean_s) == ["pass", "plain"]
    names = {segment.name: segment for segment in build(after).segments}
    assert [option.port for option in names["town/plain"].alternatives] == [0, 1]


def test_set_service_time_by_factor_or_to_seconds(gate: Network) -> None:
    """Of all lines or those named; a series by the hour stays one."""
    assert means(applied(gate, action="set_service_time", **VEHICLES, factor=0.5), "general") == 30
    halved = applied(gate, action="set_service_time", **VEHICLES, factor=0.5)
    assert means(halved, "ready") == 25
    assert means(halved, "fast") == {"pass": 10}
    named = applied(gate, action="set_service_time", **VEHICLES, lane_types=["ready"], mean_s=40)
    assert (means(named, "general"), means(named, "ready")) == (60, 40)
    stage = applied(gate, action="set_service_time", **VEHICLES, stage="secondary", classes=["card"], factor=2)
    crossing = stage.port("gate").crossing("vehicle")
    assert crossing is not None
    assert isinstance(crossing.stages[0].service.mean_s, dict)
    assert {name: mean.value for name, mean in crossing.stages[0].service.mean_s.items()} == {
        "card": 1800,
        "pass": 900,
        "plain": 900,
    }


# --- tolls, referral, choice ---------------------------------------------------------------------


def test_a_toll_by_the_hour_stays_one(gate: Network) -> None:
    """Rush hours of weekdays; the port need not be open, and what it charged is replaced."""
    toll = {"days": {"mon-fri": {"00:00": 0, "07:00": 5, "09:00": 0}, "sat-sun": 0}}
    for port, lane_type in (("gate", "general"), ("pier", "general")):
        after = applied(gate, action="set_toll", port=port, mode="vehicle", lane_types=[lane_type], toll_usd=toll)
        series = lane(after, lane_type, port).toll_usd
        assert series is not None
        hours = clock.hourly(series.slots())
        assert np.flatnonzero(hours).tolist() == [day * 24 + hour for day in range(5) for hour in (7, 8)]
        assert series.note == changes.NOTE
        ((path, message),) = refused(
            after, action="set_toll", port=port, mode="vehicle", lane_types=[lane_type], toll_usd=toll
        )
        assert path == ("toll_usd",)
        assert "as stated already" in message


def test_a_toll_at_a_new_port_is_paid_once_it_opens(gate: Network) -> None:
    """Set before or after opening, it is the same border."""
    toll = {"action": "set_toll", "port": "pier", "mode": "vehicle", "toll_usd": 4}
    opened = {"action": "open_port", "port": "pier", "officers": "added"}
    before = applied(applied(gate, **toll), **opened)
    assert before == applied(applied(gate, **opened), **toll)
    [segment] = [segment for segment in build(before).segments if segment.name == "town/plain"]
    assert [int(option.toll.max()) for option in segment.alternatives] == [0, 4 * clock.HOUR // 20]


def test_a_referral_share_can_be_set_to_a_stage_nobody_went_to(gate: Network) -> None:
    """On the lane types named or on all; none is zero."""
    after = applied(gate, action="set_referral_share", **VEHICLES, stage="secondary", share=0.1)
    shares = [lane(after, name).referral_share["secondary"].value for name in ("general", "ready", "fast")]
    assert shares == [0.1, 0.1, 0.1]
    ((path, _),) = refused(after, action="set_referral_share", **VEHICLES, stage="secondary", share=0.1)
    assert path == ("share",)


def test_set_choice_changes_what_it_names(gate: Network) -> None:
    """The rest of choice stays."""
    after = applied(gate, action="set_choice", line="preferred", wait_weight=2)
    assert (after.choice.line, after.choice.wait_weight.value) == ("preferred", 2)
    assert after.choice.model_copy(update={"line": "shortest", "wait_weight": gate.choice.wait_weight}) == gate.choice


# --- events --------------------------------------------------------------------------------------


def test_a_closure_shuts_the_lines_named_over_the_end_of_the_week(gate: Network) -> None:
    """From Sunday night to Monday morning; other lines, and the timetables, stay."""
    span = {"from": "sun 22:00", "to": "mon 03:00"}
    after = applied(gate, action="event", kind="closure", port="gate", lane_types=["ready"], **span)
    shut = np.flatnonzero(~gate_hours(after, "ready")[::12]).tolist()
    assert shut == [0, 1, 2, 166, 167]
    assert lane(after, "general") == lane(gate, "general")
    assert np.array_equal(at_gate(after, "ready"), at_gate(gate, "ready"))
    model = build(after)
    line = next(line for line in model.lines if line.name == "gate/vehicle/ready")
    assert line.timetable.booths[0] == 0
    assert (line.capacity[shut] == 0).all()


def test_a_closure_of_the_whole_week_shuts_a_port_for_good(gate: Network) -> None:
    """From Monday 00:00 to Sunday 24:00; nobody stands in line there, and nobody ever joins."""
    span = {"from": "mon 00:00", "to": "sun 24:00"}
    model = build(applied(gate, action="event", kind="closure", port="gate", **span), before=gate)
    lines = [line for line in model.lines if line.name.startswith("gate/")]
    assert not any(line.gate_open.any() or line.timetable.booths.any() for line in lines)
    assert not any(segment.initial for segment in model.segments)


def test_a_closure_of_a_port_is_of_all_its_modes_unless_some_are_named(gate: Network) -> None:
    """Walkers are shut out with the cars, or not."""
    span = {"from": "tue 10:00", "to": "tue 12:00"}
    for modes, expected in ((None, 1), (["vehicle"], 0)):
        after = applied(
            gate, action="event", kind="closure", port="gate", **span, **({"modes": modes} if modes else {})
        )
        assert len(lane(after, "foot", mode="pedestrian").closures) == expected
        assert len(lane(after, "fast").closures) == 1


def test_closures_of_one_line_may_follow_each_other(gate: Network) -> None:
    """They touch, and do not overlap."""
    after = gate
    for span in ({"from": "tue 10:00", "to": "tue 12:00"}, {"from": "tue 12:00", "to": "tue 13:00"}):
        after = applied(after, action="event", kind="closure", port="gate", **span)
    assert np.flatnonzero(~gate_hours(after, "general")[::12]).tolist() == [34, 35, 36]


@pytest.mark.parametrize(("lost", "left"), [({"booths": 3}, (1, 0)), ({"share": 0.5}, (2, 1.25))])
def test_lost_booths_close_some_on_every_line_named_and_never_more_than_there_are(
    gate: Network, lost: dict[str, float], left: tuple[float, float]
) -> None:
    """In its hours only."""
    event = {"action": "event", "kind": "lost_booths", "port": "gate", "modes": ["vehicle"]}
    after = applied(gate, **event, **lost, **{"from": "wed 08:00", "to": "wed 09:00"})
    assert (at_gate(after, "general")[56], at_gate(after, "ready")[56]) == left
    for name in ("general", "ready", "fast"):
        assert np.flatnonzero(at_gate(after, name) - at_gate(gate, name)).tolist() == [56]
    assert booths(after, "gate", "pedestrian", "foot")[56] == 2


OVERLAPS = {
    "the same lines": ({"kind": "closure", "port": "gate"}, {"kind": "closure", "port": "gate"}, True),
    "one of the lines": (
        {"kind": "closure", "port": "gate"},
        {"kind": "closure", "port": "gate", "lane_types": ["fast"]},
        True,
    ),
    "other lines": (
        {"kind": "closure", "port": "gate", "lane_types": ["ready"]},
        {"kind": "closure", "port": "gate", "lane_types": ["fast"]},
        False,
    ),
    "lines of another mode": (
        {"kind": "lost_booths", "share": 0.5, "port": "gate", "modes": ["pedestrian"]},
        {"kind": "lost_booths", "share": 0.5, "port": "gate", "lane_types": ["fast"]},
        False,
    ),
    "another port": ({"kind": "closure", "port": "gate"}, {"kind": "closure", "port": "hill"}, False),
    "another kind": (
        {"kind": "closure", "port": "gate"},
        {"kind": "surge", "factor": 2},
        False,
    ),
    "the same travellers": ({"kind": "surge", "factor": 2}, {"kind": "surge", "factor": 3}, True),
    "travellers of another mode": (
        {"kind": "surge", "factor": 2, "modes": ["pedestrian"]},
        {"kind": "surge", "factor": 3, "classes": ["plain"]},
        False,
    ),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_events_of_one_kind_at_one_time_and_place_are_refused(gate: Network, name: str) -> None:
    """What they would do together is anyone's guess; over the end of the week too."""
    first, second, meets = OVERLAPS[name]
    earlier = CHANGE.validate_python({"action": "event", **first, "from": "sun 20:00", "to": "mon 10:00"})
    second = {"action": "event", **second, "from": "mon 09:00", "to": "mon 12:00"}
    after = changes.apply(gate, earlier)
    if not meets:
        changes.apply(after, CHANGE.validate_python(second), [earlier])
        return
    with pytest.raises(changes.ChangeFault) as raised:
        changes.apply(after, CHANGE.validate_python(second), [earlier])
    ((path, message),) = raised.value.found
    assert path == ("from",)
    assert message.endswith("of this place, sun 20:00 to mon 10:00: make it one event")


# --- demand: who is there ------------------------------------------------------------------------


def test_a_class_that_only_a_shift_makes_can_be_scaled_after_it(gate: Network) -> None:
    """Nobody of the farm has a card until some who have a pass take one."""
    scaled = {"action": "scale_demand", "factor": 2, "classes": ["card"], "catchments": ["farm"]}
    ((path, message),) = refused(gate, **scaled)
    assert path == ()
    assert message == "no traveller is of these modes, catchments and classes, so this changes nothing"
    wide = applied(gate, action="admit", port="hill", mode="vehicle", lane_type="fast", classes=["card"])
    shift = CHANGE.validate_python({"action": "shift_classes", "from": "pass", "to": "card", "share": 0.5})
    assert changes.apply(wide, CHANGE.validate_python(scaled), [shift]) is wide


# --- refusals of every action --------------------------------------------------------------------

SPAN = {"from": "mon 08:00", "to": "mon 10:00"}
BUILD = {"action": "build", **VEHICLES}
HOURS = {"action": "set_hours", **VEHICLES, "hours": DAYTIME}
SERVICE = {"action": "set_service_time", **VEHICLES}
CONVERT = {"action": "set_lane_types", **VEHICLES}
ADMIT = {"action": "admit", **VEHICLES, "lane_type": "fast", "classes": ["card"]}
REFER = {"action": "set_referral_share", **VEHICLES, "stage": "secondary", "share": 0.1}
TOLL = {"action": "set_toll", **VEHICLES, "toll_usd": 3}
SHIFT = {"action": "shift_classes", "from": "card", "to": "pass", "share": 0.2}
SMOOTH = {"action": "smooth_arrivals", "share": 0.5, "from": "08:00", "to": "16:00"}
CLOSURE = {"action": "event", "kind": "closure", "port": "gate", **SPAN}
LOST = {"action": "event", "kind": "lost_booths", "port": "gate", "booths": 1, **SPAN}
SURGE = {"action": "event", "kind": "surge", "factor": 2, **SPAN}
PIER = {"port": "pier", "mode": "vehicle"}

REFUSED_AT: dict[str, tuple[dict[str, object], tuple[int | str, ...], str]] = {
    # set_hours
    "the same hours": (HOURS | {"lane_types": ["general"], "hours": "24h"}, ("hours",), "opening hours already"),
    "the same hours in parts": (
        HOURS
        | {
            "lane_types": ["fast"],
            "hours": [
                {"opens": "06:00", "closes": "12:00", "line_opens": "05:30"},
                {"opens": "12:00", "closes": "22:00"},
            ],
        },
        ("hours",),
        "changes nothing",
    ),
    "longer hours without booths": (
        HOURS | {"lane_types": ["fast"], "hours": "24h", "officers": "added"},
        ("hours",),
        "need booths",
    ),
    "longer hours without officers": (
        HOURS | {"lane_types": ["fast"], "hours": "24h", "booths": 1},
        ("hours",),
        "and officers",
    ),
    "booths for shorter hours": (HOURS | {"booths": 1}, ("booths",), "no hour is added"),
    "officers for shorter hours": (HOURS | {"officers": "added"}, ("officers",), "no hour is added"),
    "no window": (HOURS | {"hours": []}, ("hours",), "would never open"),
    "windows that overlap": (
        HOURS | {"hours": [*DAYTIME, {"days": "sat", "opens": "21:00", "closes": "23:00"}]},
        ("hours", 1),
        "sat 21:00 to 23:00 overlaps daily 06:00 to 22:00 on sat: windows may touch",
    ),
    "hours of an unknown line": (HOURS | {"lane_types": ["general", "fats"]}, ("lane_types", 1), "mean 'fast'?"),
    "hours of a closed port": (HOURS | {"port": "pier"}, ("port",), "open it first, with open_port"),
    # build
    "what is built": (BUILD | {"lane_positions": 12, "booths_built": {"fast": 3}}, (), "is built already"),
    "fewer lanes than are open": (BUILD | {"lane_positions": 8}, ("lane_positions",), "8.5 would be open on mon 06:00"),
    "fewer booths than are open": (BUILD | {"booths_built": {"fast": 1}}, ("booths_built",), "1 fast booths are built"),
    "more booths than lanes": (
        BUILD | {"booths_built": {"fast": 13}},
        ("booths_built", "fast"),
        "the crossing has 12 lane positions",
    ),
    # set_booths and add_booths
    "booths while the gate is shut": (
        {
            "action": "add_booths",
            **VEHICLES,
            "lane_type": "fast",
            "booths": 1,
            "officers": "added",
            "from": "23:00",
            "to": "24:00",
        },
        (),
        "no booth open",
    ),
    "officers from a line that is shut": (
        {
            "action": "add_booths",
            **VEHICLES,
            "lane_type": "general",
            "booths": 1,
            "officers": moved(**VEHICLES, lane_type="fast", booths=1),
            "from": "02:00",
            "to": "05:00",
        },
        ("officers", "moved", 0, "booths"),
        "fast 0 are open on mon 02:00",
    ),
    # set_lane_types
    "to what they are": (CONVERT | {"lane_type": "fast", "to": "fast"}, ("to",), "changes nothing"),
    "to an unknown type": (CONVERT | {"lane_type": "fast", "to": "redy"}, ("to",), "did you mean 'ready'?"),
    "from an unknown type": (CONVERT | {"lane_type": "redy", "to": "fast"}, ("lane_type",), "mean 'ready'?"),
    "lanes of a closed port": (CONVERT | PIER | {"lane_type": "general", "to": "general"}, ("port",), "pier is closed"),
    # set_service_time
    "a factor of one": (SERVICE | {"factor": 1}, ("factor",), "takes this long already"),
    "the same seconds": (SERVICE | {"mean_s": 60, "lane_types": ["general"]}, ("mean_s",), "this long already"),
    "the same seconds by the hour": (SERVICE | {"mean_s": 50, "lane_types": ["ready"]}, ("mean_s",), "already"),
    "the same seconds of a class": (
        SERVICE | {"mean_s": 20, "lane_types": ["fast"], "classes": ["pass"]},
        ("mean_s",),
        "this long already",
    ),
    "a class that never comes": (
        SERVICE | {"factor": 2, "lane_types": ["fast"], "classes": ["plain"]},
        ("classes",),
        "none of these classes uses these lane types",
    ),
    "an unknown stage": (SERVICE | {"factor": 2, "stage": "secundary"}, ("stage",), "mean 'secondary'?"),
    "an unknown class": (SERVICE | {"factor": 2, "classes": ["plane"]}, ("classes", 0), "did you mean 'plain'?"),
    "a class of another mode": (SERVICE | {"factor": 2, "classes": ["walker"]}, ("classes", 0), "vehicle class"),
    # admit
    "its own users": (ADMIT | {"classes": ["pass"]}, ("classes",), "already, so this changes nothing"),
    "admitted of another mode": (ADMIT | {"classes": ["card", "walker"]}, ("classes", 1), "unknown vehicle class"),
    "admitted to a closed port": (ADMIT | PIER | {"lane_type": "general"}, ("port",), "pier is closed"),
    # set_referral_share
    "the same share": (REFER | {"lane_types": ["general"]}, ("share",), "0.1 already"),
    "none where none is": (REFER | {"lane_types": ["fast"], "share": 0}, ("share",), "0 already"),
    "to a stage without stations": (REFER | {"stage": "scale"}, ("stage",), "would never leave"),
    "to a stage there is not": (
        REFER | {"mode": "pedestrian", "stage": "secondary"},
        ("stage",),
        "unknown stage 'secondary': none is defined",
    ),
    # set_toll
    "the same toll by the hour": (
        TOLL | PIER | {"toll_usd": {"00:00": 2, "06:00": 2}},
        ("toll_usd",),
        "changes nothing",
    ),
    "a toll at an unknown port": (TOLL | {"port": "geat"}, ("port",), "did you mean 'gate'?"),
    # set_choice
    "the same line": ({"action": "set_choice", "line": "shortest"}, ("line",), "shortest already"),
    "the same kind": ({"action": "set_choice", "kind": "ports"}, ("kind",), "ports already"),
    "the same weight": ({"action": "set_choice", "access_weight": 0.4}, ("access_weight",), "0.4 already"),
    # demand
    "nobody of this catchment": (
        {"action": "scale_demand", "factor": 2, "catchments": ["farm"], "modes": ["truck"]},
        (),
        "no traveller is of these modes, catchments and classes, so",
    ),
    "nobody of this class": ({"action": "scale_demand", "factor": 2, "classes": ["freight"]}, (), "no traveller"),
    "to the class they have": (SHIFT | {"to": "card"}, ("to",), "changes nothing"),
    "to a class of another mode": (SHIFT | {"to": "walker"}, ("to",), "allowed: plain, pass, ghost"),
    "from an unknown class": (SHIFT | {"from": "crad"}, ("from",), "did you mean 'card'?"),
    "to an unknown class": (SHIFT | {"to": "pas"}, ("to",), "did you mean 'pass'?"),
    "from a class nobody has": (SHIFT | {"from": "ghost", "to": "plain"}, (), "no traveller"),
    "from a catchment without them": (SHIFT | {"catchments": ["farm"]}, (), "no traveller"),
    "to a class without a lane": (SHIFT | {"to": "ghost"}, ("to",), "no port within their reach has a lane type"),
    "to a class without a lane there": (
        SHIFT | {"from": "pass", "to": "plain", "catchments": ["farm"]},
        ("to",),
        "no port within their reach",
    ),
    "smoothed backwards": (SMOOTH | {"from": "20:00", "to": "06:00"}, ("from",), "must be before to (06:00)"),
    "smoothed off the five minutes": (SMOOTH | {"from": "08:01", "to": "08:04"}, ("from",), "multiple of 5 minutes"),
    "smoothed to off the five minutes": (SMOOTH | {"to": "16:01"}, ("to",), "multiple of 5 minutes"),
    "smoothed nobody": (SMOOTH | {"classes": ["freight"]}, (), "no traveller"),
    "surge of nothing": (SURGE | {"factor": 1}, ("factor",), "changes nothing"),
    "surge while nobody comes": (
        SURGE | {"catchments": ["farm"], "from": "mon 20:00", "to": "mon 23:00"},
        (),
        "no traveller is of these modes, catchments and classes then",
    ),
    # events
    "closure while it is shut": (
        CLOSURE | {"lane_types": ["fast"], "from": "mon 23:00", "to": "tue 02:00"},
        ("from",),
        "every line named is shut then",
    ),
    "closure of a closed port": (CLOSURE | {"port": "pier"}, ("port",), "open it first"),
    "closure of an unknown mode": (
        CLOSURE | {"modes": ["vehicle", "truck"]},
        ("modes", 1),
        "unknown mode of gate 'truck': allowed: vehicle, pedestrian",
    ),
    "closure of a line of another mode": (
        CLOSURE | {"modes": ["pedestrian"], "lane_types": ["fast"]},
        ("lane_types", 0),
        "allowed: foot",
    ),
    "booths lost while it is shut": (
        LOST | {"lane_types": ["fast"], "from": "mon 23:00", "to": "tue 02:00"},
        ("from",),
        "no line named has a booth open then",
    ),
}


@pytest.mark.parametrize("name", REFUSED_AT)
def test_every_action_is_refused_where_it_cannot_be_or_does_nothing(gate: Network, name: str) -> None:
    """The fault stands at the key to look at, and says why."""
    change, path, words = REFUSED_AT[name]
    ((found, message),) = refused(gate, **change)
    assert found == path
    assert words in message


def test_new_hours_open_no_more_booths_than_are_built(network: Network) -> None:
    """Four are built for trucks."""
    change = {"action": "set_hours", "port": "east", "mode": "truck", "hours": "24h", "officers": "added"}
    ((path, message),) = refused(network, **change, booths=5)
    assert path == ("booths",)
    assert message == "5 would be open on mon 00:00, but 4 standard booths are built"


def test_nobody_is_admitted_where_travellers_take_their_preferred_line(gate: Network) -> None:
    """They would never leave their own."""
    preferred = applied(gate, action="set_choice", line="preferred")
    ((path, message),) = refused(preferred, **ADMIT)
    assert path == ("classes",)
    assert "choice.line is preferred" in message


def test_hours_without_any_booth_are_refused(network: Network) -> None:
    """Trucks are staffed on weekdays: a gate that opens on Sunday would serve nobody."""
    ghost = applied(
        network,
        action="set_booths",
        **TRUCKS,
        officers="added",
        booths={"days": {"mon-fri": {"06:00": 0, "08:00": 3, "22:00": 0}, "sat-sun": 0}},
    )
    hours = [{"days": "mon-fri", "opens": "06:00", "closes": "08:00"}]
    ((path, message),) = refused(ghost, action="set_hours", port="east", mode="truck", hours=hours)
    assert path == ("hours",)
    assert message == "standard has no booth open in these hours"


# --- the form of a change ------------------------------------------------------------------------

MALFORMED: dict[str, tuple[dict[str, object], tuple[int | str, ...], str]] = {
    "build nothing": (BUILD, (), "give lane_positions, booths_built or both"),
    "neither factor nor seconds": (SERVICE, (), "give exactly one of factor, mean_s"),
    "factor and seconds": (SERVICE | {"factor": 2, "mean_s": 60}, (), "give exactly one of factor, mean_s"),
    "booths and a stage": (
        SERVICE | {"factor": 2, "stage": "secondary", "lane_types": ["fast"]},
        (),
        "give lane_types or stage, not both",
    ),
    "a factor of none": (SERVICE | {"factor": 0}, ("factor",), "greater than 0"),
    "no choice": ({"action": "set_choice"}, (), "give at least one of kind, line, information_interval_min"),
    "no such line": ({"action": "set_choice", "line": "longest"}, ("line",), "'shortest' or 'preferred'"),
    "no seconds of news": (
        {"action": "set_choice", "information_interval_min": 0},
        ("information_interval_min",),
        "greater than or equal to 0.1",
    ),
    "a toll beyond reason": (TOLL | {"toll_usd": 1001}, (), "1001 is out of range: must be at most 1,000"),
    "a toll beyond reason at times": (TOLL | {"toll_usd": {"06:00": 1, "08:00": 2000}}, (), "a toll of 2000"),
    "a toll below zero": (TOLL | {"toll_usd": -1}, ("toll_usd",), "-1 is out of range"),
    "admit nobody": (ADMIT | {"classes": []}, ("classes",), "at least 1"),
    "convert no booth": (CONVERT | {"lane_type": "fast", "to": "ready", "booths": 0}, ("booths",), "greater than 0"),
    "more than all refer": (REFER | {"share": 1.1}, ("share",), "less than or equal to 1"),
    "shift nobody": (SHIFT | {"share": 0}, ("share",), "greater than 0"),
    "smooth more than all": (SMOOTH | {"share": 1.5}, ("share",), "less than or equal to 1"),
    "hours at half past": (HOURS | {"hours": [{"opens": "06:30", "closes": "22:00"}]}, ("hours", "list", 0), "hour"),
    "hours backwards": (
        HOURS | {"hours": [{"opens": "22:00", "closes": "06:00"}]},
        ("hours", "list", 0),
        "split at midnight",
    ),
    "a closure of nowhere": ({"action": "event", "kind": "closure", **SPAN}, (), "kind closure needs port"),
    "a closure by a factor": (CLOSURE | {"factor": 2}, (), "kind closure has no factor: allowed: port, modes"),
    "lost booths without a number": (
        {"action": "event", "kind": "lost_booths", "port": "gate", **SPAN},
        (),
        "needs exactly one of booths, share",
    ),
    "lost booths and a share": (LOST | {"share": 0.5}, (), "needs exactly one of booths, share"),
    "lost booths of a class": (LOST | {"classes": ["card"]}, (), "kind lost_booths has no classes"),
    "a surge without a factor": ({"action": "event", "kind": "surge", **SPAN}, (), "kind surge needs factor"),
    "a surge at a port": (SURGE | {"port": "gate"}, (), "kind surge has no port: allowed: factor, modes"),
    "no time at all": (SURGE | {"to": "mon 08:00"}, (), "no time lies between mon 08:00 and mon 08:00"),
    "half past": (SURGE | {"from": "mon 08:30"}, ("from",), "pattern"),
    "no day": (SURGE | {"from": "08:00"}, ("from",), "pattern"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_change_of_wrong_form_is_refused_at_its_key(name: str) -> None:
    """Before any network is looked at."""
    change, path, words = MALFORMED[name]
    with pytest.raises(ValidationError) as raised:
        CHANGE.validate_python(change)
    (error,) = raised.value.errors()
    assert error["loc"][1:] == path
    assert words in error["msg"]


# --- the page that documents them ----------------------------------------------------------------

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "scenarios.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```yaml\n(.*?)```(?:\n\n(?:gives\n\n)?```text\n(.*?)```)?", re.DOTALL)
EXAMPLES = [yaml for yaml, _ in BLOCK.findall(PAGE) if yaml.startswith("changes:")]
FAULTY = [(yaml, text) for yaml, text in BLOCK.findall(PAGE) if text]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current directory with the baseline below it."""
    (tmp_path / "scenarios").mkdir()
    baseline = (REPOSITORY / "scenarios" / "baseline.yaml").read_text(encoding="utf-8")
    (tmp_path / "scenarios" / "baseline.yaml").write_text(baseline, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_action_has_an_example_that_is_valid_for_the_packaged_network(desk: Path) -> None:
    """Each alone, on top of the baseline."""
    base = scenario.load(desk / "scenarios" / "baseline.yaml").network
    path, shown = desk / "example.yaml", set()
    for example in EXAMPLES:
        path.write_text(f"scenario: example\n{example}", encoding="utf-8")
        network, made = base, scenario.read_yaml(path, ScenarioFile).changes
        for number, change in enumerate(made):
            network = changes.apply(network, change, made[:number])
        assert not list(changes.overfull(network, made))
        shown |= set(re.findall(r"action: (\w+)", example)) | set(re.findall(r"kind: (\w+)", example))
    actions = {get_args(model.model_fields["action"].annotation)[0] for model in get_args(get_args(Change)[0])}
    assert actions <= shown
    assert {"closure", "lost_booths", "surge"} <= shown


@pytest.mark.parametrize(("yaml", "text"), FAULTY, ids=["form", "network"])
def test_the_faults_shown_are_those_that_are_told(desk: Path, yaml: str, text: str) -> None:
    """Word for word."""
    (desk / "scenarios" / "more-booths.yaml").write_text(yaml, encoding="utf-8")
    with pytest.raises(ScenarioError) as raised:
        scenario.load(Path("scenarios/more-booths.yaml"))
    assert str(raised.value) == text.strip()
