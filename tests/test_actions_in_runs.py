"""What actions do to a run: who starts, joins and waits, through the engine that defines it, on small borders."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from portsim import clock
from portsim.border.model import PortModel, build
from portsim.border.records import CROSSED, INSIDE, NONE, TURNED_AWAY, Crossings
from portsim.border.workload import Workload, draw
from portsim.language import changes, scenario
from portsim.language.schema import Change, DemandChange, Network

TWIN_PORTS = Path(__file__).parent / "networks" / "twin-ports.yaml"
CHANGE: TypeAdapter[Any] = TypeAdapter(Change)
SEED = 2029
Words = dict[str, Any]
Simulate = Callable[[PortModel, Workload], Crossings]


def changed(network: Network, *words: Words) -> tuple[Network, list[DemandChange]]:
    """Make changes in order, as a scenario does; those of demand are for the model."""
    made: list[Change] = []
    for change in map(CHANGE.validate_python, words):
        network = changes.apply(network, change, made)
        made.append(change)
    return network, [change for change in made if changes.concerns_demand(change)]


Run = Callable[[PortModel], Crossings]


@pytest.fixture(scope="session")
def run(simulate: Simulate) -> Run:
    """Return how to simulate one replication on each engine in turn."""
    return lambda model: simulate(model, draw(model, SEED, 0))


Option = Callable[..., tuple[Crossings, PortModel]]  # of a network, and changes of it


@pytest.fixture(scope="session")
def run_of(run: Run) -> Option:
    """Return how to run a network with changes made, on each engine in turn."""

    def one(network: Network, *words: Words, **more: Any) -> tuple[Crossings, PortModel]:
        after, demand = changed(network, *words)
        model = build(after, demand, before=network, **more)
        return run(model), model

    return one


# --- every action on the twin ports --------------------------------------------------------------

EAST = {"port": "east", "mode": "vehicle"}
GENERAL = {**EAST, "lane_type": "general"}
SPAN = {"from": "mon 08:00", "to": "mon 14:00"}
NORTH = {"action": "open_port", "port": "north", "officers": "added"}
ADMIT = {"action": "admit", **EAST, "lane_type": "ready", "classes": ["visitor"]}
SHIFT = {"action": "shift_classes", "from": "local", "to": "visitor", "share": 0.4}

ACTIONS: dict[str, tuple[Words, ...]] = {
    "nothing": (),
    "open_port": (NORTH,),
    "close_port": ({"action": "close_port", "port": "west"},),
    "set_hours shorter": ({"action": "set_hours", **EAST, "hours": [{"opens": "06:00", "closes": "20:00"}]},),
    "set_hours longer": (
        {"action": "set_hours", "port": "east", "mode": "truck", "hours": "24h", "booths": 1, "officers": "added"},
    ),
    "set_booths": ({"action": "set_booths", **GENERAL, "booths": {"06:00": 2.5, "20:00": 0}, "officers": "added"},),
    "add_booths": ({"action": "add_booths", **GENERAL, "booths": 1.5, "officers": "added"},),
    "set_service_time": ({"action": "set_service_time", **EAST, "classes": ["visitor"], "factor": 0.5},),
    "set_service_time of a stage": ({"action": "set_service_time", **EAST, "stage": "secondary", "factor": 2},),
    "set_lane_types": ({"action": "set_lane_types", **EAST, "lane_type": "general", "to": "ready", "booths": 2},),
    "admit": (ADMIT,),
    "pool": (ADMIT, {"action": "set_lane_types", **EAST, "lane_type": "general", "to": "ready"}),
    "set_referral_share": ({"action": "set_referral_share", **EAST, "stage": "secondary", "share": 0.3},),
    "set_toll": ({"action": "set_toll", **EAST, "toll_usd": {"00:00": 0, "07:00": 9, "10:00": 0}},),
    "respond_booths": (
        {
            "action": "respond_booths",
            **EAST,
            "lines": {"ready": {"open_above_min": 18, "close_below_min": 12}},
            "swap_with": "general",
            "every_min": 30,
            "reads": "informed",
        },
    ),
    "respond_booths and more officers": (
        {
            "action": "respond_booths",
            **EAST,
            "lines": {"general": {"open_above_min": 10, "close_below_min": 5}},
            "balance": {"keep": "ready", "below": "general"},
            "officers_added": 2,
        },
    ),
    "stack_booths": ({"action": "stack_booths", **EAST, "lane_types": ["general"], "officers": "added"},),
    "respond_toll": ({"action": "respond_toll", **EAST, "target_min": 5, "cap_usd": 10},),
    "set_choice": ({"action": "set_choice", "line": "preferred", "taste_scale_min": 5},),
    "scale_demand": ({"action": "scale_demand", "factor": 1.2},),
    "shift_classes": (SHIFT, {"action": "scale_demand", "factor": 1.3, "classes": ["visitor"]}),
    "smooth_arrivals": ({"action": "smooth_arrivals", "share": 0.5, "from": "20:00", "to": "24:00"},),
    "closure": ({"action": "event", "kind": "closure", "port": "east", **SPAN},),
    "closure over the week's end": (
        {"action": "event", "kind": "closure", "port": "west", "from": "sun 20:00", "to": "mon 04:00"},
    ),
    "closure past closing": (
        {
            "action": "event",
            "kind": "closure",
            "port": "east",
            "modes": ["truck"],
            "from": "mon 20:00",
            "to": "tue 02:00",
        },
    ),
    "lost_booths": ({"action": "event", "kind": "lost_booths", "port": "east", "share": 1, **SPAN},),
    "surge": ({"action": "event", "kind": "surge", "factor": 3, **SPAN},),
}


@pytest.fixture(scope="module")
def slow_twins(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Read the twin ports, inspections twenty times as long: with as many fewer travellers they are as busy."""
    path = tmp_path_factory.mktemp("case") / "case.yaml"
    path.write_text(f"scenario: case\nnetwork: {TWIN_PORTS.as_posix()}\n")
    slower = [
        {"action": "set_service_time", "port": port, "mode": mode, "factor": factor}
        for port, mode in (("east", "vehicle"), ("east", "truck"), ("west", "vehicle"))
        for factor in (10, 2)
    ]
    return changed(scenario.load(path).network, *slower)[0]


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_leaves_a_run_that_keeps_the_invariants(run_of: Option, slow_twins: Network, name: str) -> None:
    """Nobody lost or overtaken, no booth idle beside a line, none at work that is not open."""
    fewer = {"action": "scale_demand", "factor": 0.05}
    crossings, model = run_of(slow_twins, *ACTIONS[name], fewer)
    assert (crossings.outcome == CROSSED).sum() > 1_500
    assert (crossings.outcome != INSIDE).all()
    assert crossings.queue_area[: len(model.lines)].any()


# --- small borders -------------------------------------------------------------------------------


def lane(booths: object, mean_s: float = 600, **more: object) -> Words:
    return {"booths_open": booths, "service": {"mean_s": mean_s, "cv": 0.6}, **more}


def border(ports: Words, segments: Sequence[Words], **more: object) -> Network:
    """Describe ports of one vehicle crossing; `plain` uses general, `pass` fast, `both` ready before general."""
    return Network.model_validate(
        {
            "network": "small",
            "about": "A border for tests.",
            "classes": {
                "plain": {"mode": "vehicle", "lane_types": ["general"]},
                "pass": {"mode": "vehicle", "lane_types": ["fast"]},
                "both": {"mode": "vehicle", "lane_types": ["ready", "general"]},
            },
            "catchments": [{"id": "town", "name": "Town", "cluster": "valley", "access_min": dict.fromkeys(ports, 5)}],
            "ports": [
                {"id": name, "name": name.title(), "vehicle": {"lane_positions": 20, **crossing}}
                for name, crossing in ports.items()
            ],
            "segments": [{"catchment": "town", "id": s["traveller_class"], **s} for s in segments],
            **more,
        }
    )


def hour_of(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return ticks // clock.HOUR % clock.HOURS_PER_WEEK


def line_number(model: PortModel, name: str) -> int:
    return [line.name for line in model.lines].index(name)


# --- closures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "span", "closed"),
    [
        ("24h", ("tue 10:00", "tue 14:00"), {34, 35, 36, 37}),
        ([{"opens": "06:00", "closes": "22:00"}], ("tue 20:00", "wed 07:00"), set(range(44, 55))),
        ("24h", ("sun 21:00", "mon 02:00"), {0, 1, 165, 166, 167}),
    ],
    ids=["by day", "past closing", "over the week's end"],
)
def test_a_closure_stops_inspection_and_who_is_in_line_waits_on(
    run_of: Option, hours: object, span: tuple[str, str], closed: set[int]
) -> None:
    """Nobody joins, nobody starts; the line stands still, and is served when it is over, first come first served."""
    network = border(
        {"gate": {"hours": hours, "lane_types": {"general": lane(2)}}},
        [{"traveller_class": "plain", "per_hour": {"00:00": 11.5}}],
    )
    closure = {"action": "event", "kind": "closure", "port": "gate", "from": span[0], "to": span[1]}
    crossings, _ = run_of(network, closure, weeks=2)
    joined = crossings.joined
    assert not set(hour_of(crossings.tick[joined]).tolist()) & closed
    assert not set(hour_of(crossings.start[joined]).tolist()) & closed
    outside = np.isin(hour_of(crossings.tick), list(closed))
    assert (crossings.outcome[outside] == TURNED_AWAY).all()
    first = clock.hour_of(span[0]) * clock.HOUR
    last = clock.hour_of(span[1]) * clock.HOUR
    last += clock.WEEK * (last < first)
    stood = joined & (crossings.tick < first) & (crossings.start >= first)
    assert stood.any()
    assert (crossings.start[stood] >= last).all()
    assert (crossings.outcome[stood] == CROSSED).all()


def test_travellers_of_a_closed_port_take_another_or_are_turned_away(run_of: Option) -> None:
    """They see no line at the port, and do not wait outside for it."""
    lanes = {"lane_types": {"general": lane(3)}}
    network = border({"gate": lanes, "hill": lanes}, [{"traveller_class": "plain", "per_hour": 20}])
    closure = {"action": "event", "kind": "closure", "port": "gate", "from": "tue 10:00", "to": "tue 14:00"}
    base, _ = run_of(network)
    option, _ = run_of(network, closure)
    during = np.isin(hour_of(base.tick), range(34, 38))
    assert set(base.line[during].tolist()) == {0, 1}
    assert set(option.line[during].tolist()) == {1}
    before = base.start < 34 * clock.HOUR
    assert np.array_equal(base.start[before], option.start[before])


def test_lost_booths_serve_fewer_and_the_line_may_still_be_joined(run_of: Option) -> None:
    """All of them lost: nobody starts, but people join and wait."""
    network = border({"gate": {"lane_types": {"general": lane(3)}}}, [{"traveller_class": "plain", "per_hour": 15}])
    lost = {
        "action": "event",
        "kind": "lost_booths",
        "port": "gate",
        "share": 1,
        "from": "tue 10:00",
        "to": "tue 12:00",
    }
    crossings, _ = run_of(network, lost)
    during = np.isin(hour_of(crossings.tick), (34, 35))
    assert crossings.joined[during].all()
    assert not np.isin(hour_of(crossings.start[crossings.joined]), (34, 35)).any()


# --- lanes that open to others -------------------------------------------------------------------

TWO_LINES = border(
    {"gate": {"lane_types": {"general": lane(2), "fast": lane(2)}}},
    [{"traveller_class": "plain", "per_hour": 14}, {"traveller_class": "pass", "per_hour": 8}],
)
GATE = {"port": "gate", "mode": "vehicle"}
OPEN_FAST = {"action": "admit", **GATE, "lane_type": "fast", "classes": ["plain"]}
OPEN_BOTH = (OPEN_FAST, {"action": "admit", **GATE, "lane_type": "general", "classes": ["pass"]})
POOL = (*OPEN_BOTH, {"action": "set_lane_types", **GATE, "lane_type": "fast", "to": "general"})


def mean_wait(crossings: Crossings, who: npt.NDArray[np.bool_] | None = None) -> float:
    """Return the mean wait in minutes."""
    joined = crossings.joined if who is None else crossings.joined & who
    return float((crossings.start - crossings.tick)[joined].mean() / clock.MINUTE)


def work(crossings: Crossings) -> int:
    return int((crossings.end - crossings.start)[crossings.joined].sum())


@pytest.mark.parametrize("fast_s", [600, 300])
def test_a_lane_that_opens_to_all_leaves_the_work_as_it_was(run_of: Option, fast_s: float) -> None:
    """As with a FAST booth that any truck may use: an inspection takes as long as on the line of one's own."""
    two = border(
        {"gate": {"lane_types": {"general": lane(2), "fast": lane(2, fast_s)}}},
        [{"traveller_class": "plain", "per_hour": 11}, {"traveller_class": "pass", "per_hour": 8}],
    )
    base, _ = run_of(two)
    option, _ = run_of(two, OPEN_FAST)
    assert (base.key == option.key).all()
    assert np.array_equal(base.end - base.start, option.end - option.start)  # one by one
    assert (option.outcome == CROSSED).all()
    assert ((option.line == 1) & (base.line == 0)).mean() > 0.1


def test_a_lane_that_opens_to_all_brings_the_waits_of_two_lines_together(run_of: Option) -> None:
    """As with a FAST booth that any truck may use: the same inspections, and no line much longer than the other."""
    base, _ = run_of(TWO_LINES, weeks=2)
    option, _ = run_of(TWO_LINES, OPEN_FAST, weeks=2)
    assert (base.key == option.key).all()
    assert work(base) == work(option)
    apart, together = (abs(mean_wait(c, c.line == 0) - mean_wait(c, c.line == 1)) for c in (base, option))
    assert apart > 20
    assert together < apart / 5
    plain = base.segment == 0
    assert mean_wait(option, plain) < mean_wait(base, plain) - 20
    assert mean_wait(option, ~plain) > mean_wait(base, ~plain)
    assert set(option.line[~plain].tolist()) == {1}


def test_one_pooled_line_is_no_worse_than_two_of_which_the_shorter_is_taken(run_of: Option) -> None:
    """In the mean, within noise: of the same travellers with the same inspections."""
    separate, _ = run_of(TWO_LINES, *OPEN_BOTH, weeks=4)
    pooled, model = run_of(TWO_LINES, *POOL, weeks=4)
    assert work(separate) == work(pooled)
    assert set(pooled.line.tolist()) == {line_number(model, "gate/vehicle/general")}
    gain = (separate.start - separate.tick) - (pooled.start - pooled.tick)
    days = np.array([gain[separate.tick // clock.DAY == day].mean() for day in range(28)]) / clock.MINUTE
    assert days.mean() > -2 * days.std(ddof=1) / math.sqrt(28)


def test_those_in_line_when_a_lane_type_goes_do_not_stand_there_for_ever(run_of: Option) -> None:
    """At the start the lines are as long as observed; one that no booth serves any more has none."""
    seen = {"per_hour": 10, "wait_min": 40, "origins": {"town": 1}}
    network = border({"gate": {"lane_types": {"general": lane(2, observed=seen), "fast": lane(2, observed=seen)}}}, [])
    crossings, _ = run_of(network, *POOL)
    assert (crossings.outcome == CROSSED).all()


# --- choice of a line, and tolls -----------------------------------------------------------------


def test_preferred_is_the_first_open_line_however_long(run_of: Option) -> None:
    """Ready while it is open, else general; the shortest otherwise."""
    lanes = {"ready": lane(1, hours=[{"opens": "08:00", "closes": "20:00"}]), "general": lane(4)}
    network = border({"gate": {"lane_types": lanes}}, [{"traveller_class": "both", "per_hour": 7}])
    preferred, model = run_of(network, {"action": "set_choice", "line": "preferred"})
    ready, general = (line_number(model, f"gate/vehicle/{name}") for name in ("ready", "general"))
    day = hour_of(preferred.tick) % 24
    assert np.array_equal(preferred.line, np.where((day >= 8) & (day < 20), ready, general))
    shortest, _ = run_of(network)
    assert {ready, general} == set(shortest.line[(day >= 8) & (day < 20)].tolist())
    assert mean_wait(shortest) < mean_wait(preferred)


def test_a_toll_by_the_hour_diverts_travellers_in_its_hours_only(run_of: Option) -> None:
    """The same travellers choose as before while there is none: no line forms here that could tell them otherwise."""
    lanes = {"lane_types": {"general": lane(19, mean_s=60)}}
    network = border({"gate": lanes, "hill": lanes}, [{"traveller_class": "plain", "per_hour": 40}])
    toll = {"action": "set_toll", **GATE, "toll_usd": {"00:00": 0, "07:00": 5, "10:00": 0}}
    base, _ = run_of(network)
    option, _ = run_of(network, toll)
    assert (base.key == option.key).all()
    hour = hour_of(base.tick) % 24
    charged = (hour >= 7) & (hour < 10)
    assert np.array_equal(base.line[~charged], option.line[~charged])
    before, after = ((c.line[charged] == 0).mean() for c in (base, option))
    expected = 1 / (1 + math.exp(15 / 16))  # $5 at $20 an hour weigh 15 minutes, of tastes of 16
    assert before == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(charged.sum()))
    assert after == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(charged.sum()))
    assert not ((option.line == 0) & (base.line == 1)).any()


def test_set_choice_leaves_todays_shares_as_observed(run_of: Option) -> None:
    """Constants are solved anew: travellers who mind access more still choose as they were seen to."""

    def observed(per_hour: float) -> Words:
        return {"lane_types": {"general": lane(19, 60, observed={"per_hour": per_hour, "origins": {"town": 1}})}}

    town = {"id": "town", "name": "Town", "cluster": "valley", "access_min": {"gate": 5, "hill": 45}}
    network = border({"gate": observed(20), "hill": observed(10)}, [], catchments=[town])
    for setting in ({"access_weight": 2}, {"taste_scale_min": 4}, {"access_weight": 0, "wait_weight": 0.5}):
        crossings, _ = run_of(network, {"action": "set_choice", **setting})
        share = (crossings.line[crossings.line != NONE] == 0).mean()
        assert share == pytest.approx(2 / 3, abs=4 * 0.47 / math.sqrt(len(crossings)))
