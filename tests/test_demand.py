"""Potential travellers and choice constants are such that today's waits give today's flows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from portsim import clock
from portsim.border import demand
from portsim.clock import HOURS_PER_WEEK, SLOTS_PER_HOUR
from portsim.language.schema import Network

BETA = 0.0028
SCALE = 16.0
ACCESS_WEIGHT = 0.4
ACCESS = {"town": {"east": 10, "west": 15, "new": 20}, "hills": {"east": 40, "west": 12, "new": 20}}

# A day as at a real port: joins and waits rise to noon, and at the two ports at different hours.
DAY = np.arange(24) / 24 * 2 * np.pi
EAST_JOINS, WEST_JOINS = 200 - 120 * np.cos(DAY), 150 - 60 * np.cos(DAY - 0.5)
EAST_WAIT, WEST_WAIT = 45 - 35 * np.cos(DAY - 0.3), 20 - 15 * np.cos(DAY + 0.4)


def port(port_id: str, per_hour: Any = None, wait_min: Any = 0, **more: Any) -> dict[str, Any]:
    lane: dict[str, Any] = {"booths_open": 3, "service": {"kind": "exponential", "mean_s": 60}}
    if per_hour is not None:
        joins, wait = np.asarray(per_hour, float), np.asarray(wait_min, float)
        lane["observed"] = {
            "per_hour": joins.tolist(),
            "wait_min": wait.tolist(),
            "origins": more.pop("origins", {"town": 1.0}),
            "classes": more.pop("classes", {"local": 1.0}),
        }
    hours = more.pop("hours", "24h")
    crossing = {"lane_positions": 5, "hours": hours, "lane_types": {"general": lane}}
    return {"id": port_id, "name": port_id, "vehicle": crossing, **more}


def network(*ports: dict[str, Any], **more: Any) -> Network:
    reach = {one["id"] for one in ports}
    return Network.model_validate(
        {
            "network": "small",
            "about": "for tests",
            "classes": {
                "local": {"mode": "vehicle", "lane_types": ["general"]},
                "visitor": {"mode": "vehicle", "lane_types": ["general"]},
            },
            "catchments": [
                {
                    "id": name,
                    "name": name,
                    "cluster": "valley",
                    "access_min": {p: minutes for p, minutes in access.items() if p in reach},
                }
                for name, access in ACCESS.items()
            ],
            "patience_pct_per_min": {"vehicle": 100 * BETA},
            "ports": ports,
            **more,
        }
    )


EAST = port("east", EAST_JOINS, EAST_WAIT, origins={"town": 0.7, "hills": 0.3})
WEST = port("west", WEST_JOINS, WEST_WAIT, origins={"town": 0.2, "hills": 0.8})


def hourly(flow: demand.Flow) -> np.ndarray:
    return clock.hourly(flow.per_hour)


def of_week(day: np.ndarray) -> np.ndarray:
    return np.tile(day, 7)


def joins_at_observed_waits(derived: demand.Demand) -> dict[str, np.ndarray]:
    """Let the potential travellers choose by the logit, and lose those without patience: joins by hour."""
    joins = {"east": np.zeros(HOURS_PER_WEEK), "west": np.zeros(HOURS_PER_WEEK)}
    waits = {"east": of_week(EAST_WAIT), "west": of_week(WEST_WAIT)}
    for flow in derived.flows:
        cost = {
            name: ACCESS_WEIGHT * ACCESS[flow.catchment][name] + wait + derived.constants["local", name]
            for name, wait in waits.items()
        }
        weight = {name: np.exp(-value / SCALE) for name, value in cost.items()}
        for name in joins:
            share = weight[name] / sum(weight.values())
            joins[name] += hourly(flow) * share * np.exp(-BETA * waits[name])
    return joins


# --- potential travellers ----------------------------------------------------------------------


def test_potential_is_observed_times_the_exponential_of_patience_and_wait() -> None:
    """At 45 minutes and 0.28% a minute an eighth more would like to cross than do."""
    derived = demand.derive(network(EAST))
    total = sum(hourly(flow) for flow in derived.flows)
    assert total == pytest.approx(of_week(EAST_JOINS * np.exp(BETA * EAST_WAIT)), rel=1e-12)


def test_without_patience_potential_is_what_was_observed() -> None:
    """Who is sure to come whatever the wait has all come already."""
    derived = demand.derive(network(EAST, patience_pct_per_min={}))
    assert sum(hourly(flow) for flow in derived.flows) == pytest.approx(of_week(EAST_JOINS), rel=1e-12)


def test_origins_divide_the_potential_of_all_ports() -> None:
    """A catchment's travellers are its part of each port's."""
    derived = demand.derive(network(EAST, WEST))
    east, west = (EAST_JOINS * np.exp(BETA * EAST_WAIT), WEST_JOINS * np.exp(BETA * WEST_WAIT))
    flows = {flow.name: hourly(flow) for flow in derived.flows}
    assert flows["town/local"] == pytest.approx(of_week(0.7 * east + 0.2 * west), rel=1e-12)
    assert flows["hills/local"] == pytest.approx(of_week(0.3 * east + 0.8 * west), rel=1e-12)
    assert {flow.port for flow in derived.flows} == {None}


def test_classes_divide_a_lines_travellers() -> None:
    """A tenth are visitors: a flow, and constants, of their own."""
    derived = demand.derive(network(port("east", 100, classes={"local": 0.9, "visitor": 0.1})))
    assert {flow.traveller_class: set(hourly(flow).round(9)) for flow in derived.flows} == {
        "local": {90.0},
        "visitor": {10.0},
    }


def test_fixed_choice_sends_everyone_where_they_went() -> None:
    """A flow for each port and origin; the flows of a port sum to its potential."""
    derived = demand.derive(network(EAST, WEST, choice={"kind": "fixed"}))
    assert {(flow.name, flow.port) for flow in derived.flows} == {
        (f"{origin}/local/{name}", name) for origin in ("town", "hills") for name in ("east", "west")
    }
    west = sum(hourly(flow) for flow in derived.flows if flow.port == "west")
    assert west == pytest.approx(of_week(WEST_JOINS * np.exp(BETA * WEST_WAIT)), rel=1e-12)


def test_segments_stated_outright_are_taken_as_they_are() -> None:
    """Patience and constants are not for them to change."""
    stated = {"id": "s", "catchment": "town", "traveller_class": "local", "per_hour": 12, "port": "east"}
    derived = demand.derive(network(port("east"), segments=[stated]))
    assert [(flow.name, flow.port, set(hourly(flow))) for flow in derived.flows] == [("s", "east", {12.0})]
    assert derived.constants == {}


# --- gates -------------------------------------------------------------------------------------

DAYTIME = [{"opens": "06:00", "closes": "22:00", "line_opens": "05:30"}]


def test_joins_are_moved_into_the_open_part_of_the_hour_and_none_is_lost() -> None:
    """From 5:00 to 5:30 nobody can join: all of that hour's join from 5:30 on."""
    derived = demand.derive(network(port("east", [0.0] * 5 + [60.0] * 17 + [0.0] * 2, hours=DAYTIME)))
    half_open = derived.flows[0].per_hour.reshape(HOURS_PER_WEEK, SLOTS_PER_HOUR)[5]
    assert half_open.tolist() == [0.0] * 6 + [120.0] * 6
    assert hourly(derived.flows[0])[:24].tolist() == [0.0] * 5 + [60.0] * 17 + [0.0] * 2


def test_joins_in_an_hour_that_is_shut_throughout_are_left_out() -> None:
    """Nobody can have joined then: a count there is a slip of the data."""
    derived = demand.derive(network(port("east", 60, hours=DAYTIME)))
    assert hourly(derived.flows[0])[:6].tolist() == [0, 0, 0, 0, 0, 60]
    assert hourly(derived.flows[0])[22:24].tolist() == [0, 0]


# --- constants ---------------------------------------------------------------------------------


def test_before_smoothing_constants_reproduce_the_observed_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the observed waits the logit gives each port what it had, in every hour."""
    monkeypatch.setattr(demand, "_smooth", lambda constants, _: constants)
    joins = joins_at_observed_waits(demand.derive(network(EAST, WEST)))
    assert joins["east"] == pytest.approx(of_week(EAST_JOINS), rel=1e-6)
    assert joins["west"] == pytest.approx(of_week(WEST_JOINS), rel=1e-6)


def test_smoothed_constants_reproduce_the_observed_joins_nearly() -> None:
    """On a smooth day three hours' averages cost under 5% in any hour, under 1% in all."""
    joins = joins_at_observed_waits(demand.derive(network(EAST, WEST)))
    for found, observed in ((joins["east"], EAST_JOINS), (joins["west"], WEST_JOINS)):
        assert found == pytest.approx(of_week(observed), rel=0.05)
        assert found.sum() == pytest.approx(7 * observed.sum(), rel=0.01)


def test_constants_of_a_steady_week_are_exact() -> None:
    """Where no hour differs from its neighbours smoothing does nothing: 4 to 1 is 16 ln 4 minutes."""
    derived = demand.derive(network(port("east", 400), port("west", 100)))
    gap = derived.constants["local", "west"] - derived.constants["local", "east"]
    access = ACCESS_WEIGHT * (ACCESS["town"]["west"] - ACCESS["town"]["east"])
    assert gap == pytest.approx(np.full(HOURS_PER_WEEK, SCALE * np.log(4) - access), abs=1e-5)


def test_constants_are_told_from_the_port_open_longest() -> None:
    """Only differences count, so one port has none; here the first of two that never close."""
    derived = demand.derive(network(port("east", 400), port("west", 100)))
    assert not derived.constants["local", "east"].any()
    assert derived.constants["local", "west"].all()


def test_a_port_alone_has_constant_zero() -> None:
    """There is nothing to explain."""
    assert not demand.derive(network(EAST)).constants["local", "east"].any()


def test_a_longer_observed_wait_means_a_port_is_liked_more() -> None:
    """Who stands for thirty minutes more, in like numbers, has thirty minutes of reasons."""
    derived = demand.derive(network(port("east", 100, 30), port("west", 100, 0), patience_pct_per_min={}))
    gap = derived.constants["local", "west"] - derived.constants["local", "east"]
    assert gap == pytest.approx(np.full(HOURS_PER_WEEK, 30 - ACCESS_WEIGHT * 5), abs=1e-5)


def test_hours_in_which_a_port_is_shut_are_filled_from_its_open_hours() -> None:
    """A port that opens at other hours in a scenario has a constant there, between its neighbours'."""
    day = [0.0] * 6 + [100.0] * 16 + [0.0] * 2
    derived = demand.derive(network(port("east", 400), port("west", day, hours=DAYTIME)))
    west = derived.constants["local", "west"]
    assert np.isfinite(west).all()
    assert west[:6] == pytest.approx(np.full(6, west[12]), abs=1e-5)


def test_a_port_without_history_takes_its_donors_constants() -> None:
    """Named donors only: without one a port has none."""
    derived = demand.derive(network(EAST, WEST, port("new", constants_from="west")))
    assert np.array_equal(derived.constants["local", "new"], derived.constants["local", "west"])
    assert ("local", "new") not in demand.derive(network(EAST, WEST, port("new"))).constants


def test_patience_leaves_what_is_to_be_explained_as_it_is() -> None:
    """Another beta has other potential travellers, and starts from the same joins at the same waits."""
    patient = demand.derive(network(EAST, WEST, patience_pct_per_min={"vehicle": 0.1}))
    impatient = demand.derive(network(EAST, WEST))
    assert sum(hourly(f).sum() for f in patient.flows) < sum(hourly(f).sum() for f in impatient.flows)
    joins = joins_at_observed_waits(impatient)
    assert joins["east"].sum() == pytest.approx(7 * EAST_JOINS.sum(), rel=0.01)
