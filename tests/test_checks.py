"""A network whose parts contradict each other is refused, each contradiction where it stands."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from portsim.errors import KeyPath
from portsim.language import checks
from portsim.language.schema import CargoRule, Network

TWIN_PORTS = Path(__file__).parent / "networks" / "twin-ports.yaml"


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    """Read the twin ports as plain data, their one table replaced by a number."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(TWIN_PORTS.read_text())
    data["ports"][0]["truck"]["lane_types"]["standard"]["observed"]["wait_min"] = 20
    return data


EAST: KeyPath = ("ports", 0, "vehicle")
LANE: KeyPath = (*EAST, "lane_types", "general")
REMOVE = object()
SECOND = {"general": {"booths_open": 1, "service": {"mean_s": 50, "cv": 1}}}

CONTRADICTIONS: dict[str, tuple[KeyPath, object, KeyPath, str]] = {
    # what is wrong: where, what is put there, where the fault is found, what it says
    "port id twice": (("ports", 1, "id"), "east", ("ports", 1, "id"), "id of another"),
    "catchment id twice": (("catchments", 1, "id"), "town", ("catchments", 1, "id"), "id of another"),
    "access to no port": (
        ("catchments", 0, "access_min", "nrth"),
        5,
        ("catchments", 0, "access_min", "nrth"),
        "did you mean 'north'?",
    ),
    "lane type nowhere": (
        ("classes", "freight", "lane_types"),
        ["standard", "fast"],
        ("classes", "freight", "lane_types", 1),
        "no port has a truck lane type 'fast'",
    ),
    "lane type of another mode": (
        ("classes", "freight", "mode"),
        "bus",
        ("classes", "freight", "lane_types", 0),
        "no port has a bus lane type",
    ),
    "lane type twice": (
        ("classes", "visitor", "lane_types"),
        ["general", "general"],
        ("classes", "visitor", "lane_types", 1),
        "twice",
    ),
    "origin unknown": (
        (*LANE, "observed", "origins"),
        {"town": 0.5, "hils": 0.5},
        (*LANE, "observed", "origins", "hils"),
        "did you mean 'hills'?",
    ),
    "origin out of reach": (
        ("catchments", 1, "access_min"),
        {"west": 30},
        (*LANE, "observed", "origins", "hills"),
        "hills has no access_min to east",
    ),
    "origins sum": (
        (*LANE, "observed", "origins", "town"),
        0.6,
        (*LANE, "observed", "origins"),
        "sum to 0.9",
    ),
    "class unknown": (
        (*LANE, "observed", "classes"),
        {"local": 0.8, "visitors": 0.2},
        (*LANE, "observed", "classes", "visitors"),
        "did you mean 'visitor'?",
    ),
    "class of another lane type": (
        (*LANE, "observed", "classes"),
        {"local": 0.8, "freight": 0.2},
        (*LANE, "observed", "classes", "freight"),
        "allowed: local, visitor",
    ),
    "classes sum": (
        (*LANE, "observed", "classes", "local"),
        0.7,
        (*LANE, "observed", "classes"),
        "sum to 0.9",
    ),
    "classes unsaid": ((*LANE, "observed", "classes"), REMOVE, (*LANE, "observed"), "several classes"),
    "nobody's lane type": (
        ("classes", "freight", "lane_types"),
        ["general"],
        ("ports", 0, "truck", "lane_types", "standard", "observed"),
        "no class of travellers",
    ),
    "one class seen on two lane types": (
        (*EAST, "lane_types", "ready", "observed"),
        {"per_hour": 90, "origins": {"town": 1.0}},
        (*EAST, "lane_types", "ready", "observed"),
        "make it two classes",
    ),
    "a stage without stations": (
        (*EAST, "stages", 0, "stations"),
        0,
        (*LANE, "referral_share", "secondary"),
        "never leave",
    ),
    "a toll on an observed line": (
        (*LANE, "toll_usd"),
        5,
        (*LANE, "toll_usd"),
        "count twice",
    ),
    "nobody joined": (
        (*LANE, "observed", "per_hour"),
        0,
        (*LANE, "observed", "per_hour"),
        "leave `observed` out",
    ),
    "no booth ever": ((*LANE, "booths_open"), 0, (*LANE, "booths_open"), "no booth ever opens"),
    "mean for no class": (
        (*LANE, "service", "mean_s", "freight"),
        30,
        (*LANE, "service", "mean_s", "freight"),
        "unknown class",
    ),
    "class without a mean": (
        (*LANE, "service", "mean_s"),
        {"local": 45},
        (*LANE, "service", "mean_s"),
        "no mean for visitor",
    ),
    "no time at all": (
        (*LANE, "service", "mean_s", "local"),
        0,
        (*LANE, "service", "mean_s", "local"),
        "0.001 s",
    ),
    "no time at a stage": (
        (*EAST, "stages", 0, "service", "mean_s"),
        {"00:00": 60, "06:00": 0},
        (*EAST, "stages", 0, "service", "mean_s"),
        "in every hour",
    ),
    "stage unknown": (
        (*LANE, "referral_share", "secundary"),
        0.1,
        (*LANE, "referral_share", "secundary"),
        "did you mean 'secondary'?",
    ),
    "donor unknown": (("ports", 2, "constants_from"), "eas", ("ports", 2, "constants_from"), "mean 'east'?"),
    "donor of itself": (
        ("ports", 0, "constants_from"),
        "east",
        ("ports", 0, "constants_from"),
        "allowed: west",
    ),
    "more open than built": (
        (*LANE, "booths_built"),
        4,
        (*LANE, "booths_open"),
        "5 booths open on mon 06:00",
    ),
    "more built than positions": ((*LANE, "booths_built"), 12, (*LANE, "booths_built"), "10 lane positions"),
    "more open than positions": (
        (*EAST, "lane_types", "ready", "booths_open"),
        {"00:00": 2, "08:00": 4, "09:00": 2},
        (*EAST, "lane_positions"),
        "9 booths open on mon 08:00, but 8 lane positions",
    ),
    "eleven months": (("month_factors", "truck"), [1] * 11, ("month_factors", "truck"), "11 factors"),
    "source unknown": (
        (*EAST, "lane_positions", "source"),
        "survy",
        (*EAST, "lane_positions", "source"),
        "did you mean 'survey'?",
    ),
    "published by nobody": (
        (*EAST, "lane_positions"),
        {"value": 10, "class": "published"},
        (*EAST, "lane_positions", "class"),
        "must name its source",
    ),
    "series from nobody": (
        (*LANE, "booths_open"),
        {"value": 3, "class": "derived"},
        (*LANE, "booths_open", "class"),
        "must name its source",
    ),
}


def changed(raw: dict[str, Any], path: KeyPath, value: object) -> dict[str, Any]:
    data = copy.deepcopy(raw)
    held: Any = data
    for part in path[:-1]:
        held = held.setdefault(part, {}) if isinstance(held, dict) else held[part]
    if value is REMOVE:
        del held[path[-1]]
    else:
        held[path[-1]] = value
    return data


def test_the_twin_ports_agree_with_themselves(raw: dict[str, Any]) -> None:
    """The network the contradictions start from has none."""
    assert checks.cross_check(Network.model_validate(raw)) == []


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_is_found_where_it_stands(raw: dict[str, Any], name: str) -> None:
    """One change to a sound network gives a fault at the path that names it, in plain words."""
    path, value, place, words = CONTRADICTIONS[name]
    data = changed(raw, path, value)
    if name == "more open than positions":
        data["ports"][0]["vehicle"]["lane_positions"]["value"] = 8
    found = checks.cross_check(Network.model_validate(data))
    assert place in [where for where, _ in found]
    assert any(words in message for where, message in found if where == place), found


SEGMENT = {"id": "all", "catchment": "hills", "traveller_class": "local", "per_hour": 10}
SEGMENTS = {
    "no such catchment": ({"catchment": "hils"}, "catchment", "did you mean 'hills'?"),
    "no such class": ({"traveller_class": "locl"}, "traveller_class", "did you mean 'local'?"),
    "no such port": ({"port": "est"}, "port", "unknown port"),
    "out of reach": ({"port": "north"}, "port", "hills has no access_min to north"),
    "not served": (
        {"port": "west", "traveller_class": "freight"},
        "port",
        "no lane type that freight may use",
    ),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_segment_refers_to_what_exists(raw: dict[str, Any], name: str) -> None:
    """Catchment, class and port of a segment exist and fit each other."""
    change, key, words = SEGMENTS[name]
    data = raw | {"segments": [SEGMENT | change]}
    ((path, message),) = checks.cross_check(Network.model_validate(data))
    assert path == ("segments", 0, key)
    assert words in message


def test_a_border_needs_travellers_and_an_open_port(raw: dict[str, Any]) -> None:
    """Without observed lines or segments nobody crosses; with every port closed nobody can."""
    data = copy.deepcopy(raw)
    for port in data["ports"]:
        port["open"] = False
        port.pop("constants_from", None)
        for mode in ("vehicle", "truck"):
            for lane in port.get(mode, {}).get("lane_types", {}).values():
                lane.pop("observed", None)
    found = checks.cross_check(Network.model_validate(data))
    assert [path for path, _ in found] == [("ports",), ()]


def test_booths_open_outside_opening_hours_are_no_contradiction(raw: dict[str, Any]) -> None:
    """They are masked: booths work within the opening hours only."""
    data = changed(raw, ("ports", 0, "truck", "lane_types", "standard", "booths_open"), 3)
    assert checks.cross_check(Network.model_validate(data)) == []


def test_a_cargo_rule_speaks_of_the_networks_ports_and_sources(raw: dict[str, Any]) -> None:
    """Unknown ports and sources, and ports that import more than the border, are found."""
    rule = CargoRule.model_validate(
        {
            "usd_per_month_per_10_min": {"value": 1, "source": "nobody"},
            "border_truck_imports_usd_bn": 3,
            "truck_imports_usd_bn": {"east": 2, "wst": 2},
        }
    )
    found = checks.cross_check_cargo_rule(rule, Network.model_validate(raw))
    assert [path for path, _ in found] == [
        ("truck_imports_usd_bn", "wst"),
        ("truck_imports_usd_bn",),
        ("usd_per_month_per_10_min", "source"),
    ]


def test_every_number_of_a_network_is_counted_once(raw: dict[str, Any]) -> None:
    """A figure or a series is one number wherever it stands, and defaults are numbers too."""
    paths = [path for path, _ in checks.provenances(Network.model_validate(raw))]
    assert len(paths) == len(set(paths))
    assert {("choice", "taste_scale_min"), (*LANE, "service", "mean_s", "local")} < set(paths)
