"""Every file of scenarios/: it checks, runs, moves what it should move, and nothing it cannot reach."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jsonschema
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from portsim.language import scenario
from portsim.measure.inference import BETTER, IDENTICAL, WORSE, estimate
from portsim.measure.measures import ALL, HOURLY_METRICS, Measures
from portsim.pages import report
from portsim.results import tables
from portsim.runs import experiment

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"), key=lambda path: path.stem)
NAMES = [path.stem for path in FILES]
OPTIONS = [name for name in NAMES if name != "baseline"]
REPLICATIONS, SEED = 6, 31
SAN_DIEGO = ("san-ysidro", "otay-mesa", "tecate")
IMPERIAL = ("calexico-west", "calexico-east", "andrade")
BRIDGE = ("cross-border-xpress",)
WAIT, CROSSINGS, LOST = "wait_mean_min", "crossings_per_day", "lost_trips_per_day"


# --- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_scenario_fits_the_editors_schema_and_says_what_it_is(path: Path) -> None:
    """Completion in an editor works from schema.json; name, title, about and source are there."""
    schema = json.loads((FOLDER / "schema.json").read_text())
    text = path.read_text()
    data = YAML(typ="safe", pure=True).load(text)
    jsonschema.Draft202012Validator(schema).validate(data)
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert data["scenario"] == path.stem
    assert all(data.get(key) for key in ("title", "about", "source"))
    assert "extends" in data or path.stem == "baseline"


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_a_few_lines_over_its_parent(name: str) -> None:
    """What a file changes can be read at a glance."""
    changes = scenario.load(FOLDER / f"{name}.yaml")
    assert changes.network != changes.before or changes.demand
    text = (FOLDER / f"{name}.yaml").read_text()
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) <= 36


def test_the_library_page_has_every_scenario() -> None:
    """docs/scenario-library.md is written by tools/library_runs.py, one entry a file."""
    page = (FOLDER.parent / "docs" / "scenario-library.md").read_text()
    assert [line[4:].split("]")[0] for line in page.splitlines() if line.startswith("## [")] == OPTIONS


def test_the_list_of_scenarios_says_what_the_library_page_says() -> None:
    """docs/scenarios.md repeats the first change of each entry, word for word."""
    docs = FOLDER.parent / "docs"
    page, entries = (docs / "scenarios.md").read_text(), (docs / "scenario-library.md").read_text().split("\n## [")[1:]
    for entry in entries:
        name, first = entry.split("]")[0], entry.split("\n- ")[1].split("\n")[0]
        assert f"| [{name}](scenario-library.md#{name}) | " in page
        assert f"| {first} |" in page


# --- what they move ----------------------------------------------------------------------------


class Effect(NamedTuple):
    """A verdict that a paired interval must carry."""

    port: str
    mode: str
    verdict: str
    lane_type: str = ALL
    metric: str = WAIT


def better(port: str, mode: str, lane_type: str = ALL) -> Effect:
    return Effect(port, mode, BETTER, lane_type)


def worse(port: str, mode: str, lane_type: str = ALL) -> Effect:
    return Effect(port, mode, WORSE, lane_type)


TRUCKS_BETTER = (better("otay-mesa", "truck"), better("calexico-east", "truck"))
NEW_PORT = (
    better("san-ysidro", "vehicle"),
    better("otay-mesa", "vehicle"),
    better("otay-mesa", "truck"),
    better("tecate", "vehicle"),
)
MOVES: dict[str, tuple[Effect, ...]] = {
    "calexico-east-bridge": (
        better("calexico-east", "truck"),
        better("calexico-east", "vehicle"),
        better("calexico-west", "vehicle"),
    ),
    "fast-lane-shared": (better("calexico-east", "truck"),),
    "h1-2025-dip": (
        better("san-ysidro", "vehicle"),
        better("calexico-west", "vehicle"),
        better("otay-mesa", "truck"),
        better("otay-mesa", "pedestrian"),
        Effect(ALL, ALL, WORSE, metric=CROSSINGS),
    ),
    "longer-cargo-hours": (better("otay-mesa", "truck"),),
    "migration-surge-staffing": (
        worse("san-ysidro", "vehicle"),
        worse("san-ysidro", "pedestrian"),
        worse("otay-mesa", "vehicle"),
        worse("otay-mesa", "truck"),
    ),
    "nearshoring-growth": (worse("otay-mesa", "truck"), worse("calexico-east", "truck")),
    "otay-mesa-east": NEW_PORT,
    "otay-mesa-east-10x10": NEW_PORT,
    "otay-mesa-east-3x3": NEW_PORT,
    "otay-mesa-east-dynamic-toll": NEW_PORT,
    "otay-mesa-east-moved-officers": (better("otay-mesa", "truck"), worse("san-ysidro", "pedestrian")),
    "otay-mesa-east-toll-free": NEW_PORT,
    "otay-mesa-truck-booths": (better("otay-mesa", "truck"), better("tecate", "truck")),
    "produce-season": (worse("calexico-east", "truck"),),
    "ready-lane-conversion": (better("san-ysidro", "vehicle", "ready"), better("otay-mesa", "vehicle", "ready")),
    "responsive-booths": (
        better("san-ysidro", "vehicle", "sentri"),
        better("otay-mesa", "vehicle", "sentri"),
        worse("san-ysidro", "vehicle", "ready"),
    ),
    "san-ysidro-all-lanes": (better("san-ysidro", "vehicle"), better("otay-mesa", "vehicle")),
    "san-ysidro-closure": (
        worse("otay-mesa", "vehicle"),
        worse("otay-mesa", "pedestrian"),
        Effect(ALL, ALL, WORSE, metric=LOST),
        Effect(ALL, ALL, WORSE, metric=CROSSINGS),
    ),
    "san-ysidro-rail-export": (better("otay-mesa", "truck"),),
    "san-ysidro-stacked": (),  # the same capacity by another road: see its own test
    "sentri-uptake": (better("san-ysidro", "vehicle", "ready"), better("otay-mesa", "vehicle", "ready")),
    "tariff-shock": TRUCKS_BETTER,
    "truck-appointments": (better("otay-mesa", "truck"),),
    "unified-cargo-processing": (
        better("calexico-east", "truck"),
        Effect("calexico-east", "truck", BETTER, metric="crossing_time_mean_min"),
        Effect("otay-mesa", "truck", BETTER, metric="crossing_time_mean_min"),
    ),
    "usmca-review": TRUCKS_BETTER,
}
# (ports, modes) that an option cannot reach: no traveller of theirs could choose otherwise.
NOT_TRUCKS = ("vehicle", "bus", "pedestrian")
OUT_OF_REACH: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "calexico-east-bridge": (((*SAN_DIEGO, *BRIDGE), (ALL,)), (IMPERIAL, ("pedestrian",))),
    "fast-lane-shared": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), NOT_TRUCKS),),
    "h1-2025-dip": (),
    "longer-cargo-hours": ((IMPERIAL, (ALL,)), (SAN_DIEGO, NOT_TRUCKS)),
    "migration-surge-staffing": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "nearshoring-growth": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), NOT_TRUCKS),),
    "otay-mesa-east": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("pedestrian", "bus"))),
    "otay-mesa-east-10x10": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "otay-mesa-east-3x3": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "otay-mesa-east-dynamic-toll": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "otay-mesa-east-moved-officers": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "otay-mesa-east-toll-free": (((*IMPERIAL, *BRIDGE), (ALL,)),),
    "otay-mesa-truck-booths": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, NOT_TRUCKS)),
    "produce-season": (((*SAN_DIEGO, *BRIDGE), (ALL,)), (IMPERIAL, NOT_TRUCKS)),
    "ready-lane-conversion": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("truck", "pedestrian", "bus"))),
    "responsive-booths": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("truck", "pedestrian", "bus"))),
    "san-ysidro-all-lanes": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("truck", "pedestrian", "bus"))),
    "san-ysidro-closure": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("truck",))),
    "san-ysidro-rail-export": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, NOT_TRUCKS)),
    "san-ysidro-stacked": (((*IMPERIAL, *BRIDGE), (ALL,)), (SAN_DIEGO, ("truck", "pedestrian", "bus"))),
    "sentri-uptake": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), ("truck", "pedestrian", "bus")),),
    "tariff-shock": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), NOT_TRUCKS),),
    "truck-appointments": ((IMPERIAL, (ALL,)), (SAN_DIEGO, NOT_TRUCKS)),
    "unified-cargo-processing": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), NOT_TRUCKS),),
    "usmca-review": (((*SAN_DIEGO, *IMPERIAL, *BRIDGE), NOT_TRUCKS),),
}


@pytest.mark.slow
def test_options_that_scale_truck_demand_are_known_as_such() -> None:
    """Their cargo value is flagged: a tariff is not worth the minutes it saves those who still come."""
    base = scenario.load(FOLDER / "baseline.yaml")
    loaded = {name: scenario.load(FOLDER / f"{name}.yaml") for name in OPTIONS}
    scaling = {name for name, option in loaded.items() if report.demand_differs(base, option, "truck")}
    assert scaling == {
        *("h1-2025-dip", "nearshoring-growth", "produce-season", "san-ysidro-rail-export", "tariff-shock"),
        "usmca-review",
    }


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep finished replications: the base is run once."""
    return tmp_path_factory.mktemp("parts")


def measured(name: str, parts: Path) -> list[Measures]:
    """Run one week of a scenario, from the lines that usually stand on Monday."""
    settings = {"replications": REPLICATIONS, "warm_up_weeks": 0, "seed": SEED}
    return _run(name, parts, tuple(settings.items()))


@cache
def _run(name: str, parts: Path, settings: tuple[tuple[str, int], ...]) -> list[Measures]:
    loaded = scenario.load(FOLDER / f"{name}.yaml", dict(settings))
    (found,) = experiment.run([loaded], parts, engine="compiled")
    return found


def compared(option: str, parts: Path, base: str = "baseline") -> pd.DataFrame:
    table = tables.comparison(base, option, measured(base, parts), measured(option, parts))
    return table.set_index(["port", "mode", "lane_type", "metric"]).sort_index()


def test_every_option_has_its_effects_listed() -> None:
    """None is forgotten."""
    assert sorted(MOVES) == sorted(OUT_OF_REACH) == OPTIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_moves_what_it_should_and_nothing_out_of_its_reach(name: str, parts: Path) -> None:
    """Verdicts of paired 95% intervals over six replications of a week; identical is to the last digit."""
    table = compared(name, parts)
    for effect in MOVES[name]:
        verdict = table.loc[(effect.port, effect.mode, effect.lane_type, effect.metric), "verdict"]
        assert verdict == effect.verdict, f"{name}: {effect}"
    for ports, modes in OUT_OF_REACH[name]:
        for port in ports:
            for mode in modes:
                rows = table[
                    (table.index.get_level_values("port") == port)
                    & ((table.index.get_level_values("mode") == mode) | (mode == ALL))
                ]
                assert set(rows["verdict"]) <= {IDENTICAL}, f"{name}: {port} {mode}"


@pytest.mark.slow
def test_a_larger_port_takes_more_and_helps_more(parts: Path) -> None:
    """From 3 and 3 to 5 and 5 to 10 and 10 lanes, Otay Mesa's vehicles wait less each time."""
    sizes = ("otay-mesa-east-3x3", "otay-mesa-east", "otay-mesa-east-10x10")
    for smaller, larger in pairwise(sizes):
        table = compared(larger, parts, base=smaller)
        assert table.loc[("otay-mesa", "vehicle", ALL, WAIT), "verdict"] == BETTER
        assert table.loc[("otay-mesa-east", "vehicle", ALL, CROSSINGS), "difference"] > 0


@pytest.mark.slow
def test_without_tolls_more_come_to_the_new_port(parts: Path) -> None:
    """And wait longer there."""
    table = compared("otay-mesa-east-toll-free", parts, base="otay-mesa-east")
    row = table.loc[("otay-mesa-east", "vehicle", ALL, CROSSINGS)]
    assert row["difference"] - row["half_width"] > 0
    assert table.loc[("otay-mesa-east", "vehicle", ALL, WAIT), "verdict"] == WORSE


@pytest.mark.slow
def test_crossings_fall_by_less_than_demand_as_lines_shorten(parts: Path) -> None:
    """With 4.75% fewer who would like to cross, some who had stayed away come back."""
    row = compared("h1-2025-dip", parts).loc[(ALL, ALL, ALL, CROSSINGS)]
    assert (row["difference"] - row["half_width"]) / row["base_value"] > -0.0475
    assert (row["difference"] + row["half_width"]) / row["base_value"] < -0.01


@pytest.mark.slow
def test_shared_fast_lanes_bring_the_two_waits_together(parts: Path) -> None:
    """Standard and FAST trucks then wait about alike at Calexico East, closer than today."""

    def gap(name: str) -> np.ndarray:
        runs = measured(name, parts)
        waits = [[m.summary[m.groups.index(("calexico-east", "truck", lane)), 2] for m in runs] for lane in LANES]
        return np.abs(np.subtract(*waits))

    today, shared = gap("baseline"), gap("fast-lane-shared")
    closer = estimate(today - shared)
    assert closer.mean - closer.half_width > 0


LANES = ("standard", "fast")


@pytest.mark.slow
def test_a_toll_that_follows_the_wait_holds_it_nearer_its_target(parts: Path) -> None:
    """Above the floor, fewer vehicles take the new port than at the fixed toll, wait less and pay more."""
    table = compared("otay-mesa-east-dynamic-toll", parts, base="otay-mesa-east").loc["otay-mesa-east", "vehicle", ALL]
    for metric, sign in ((CROSSINGS, -1), (WAIT, -1), ("toll_revenue_usd_per_day", 1)):
        row = table.loc[metric]
        assert sign * row["difference"] - row["half_width"] > 0, metric


@pytest.mark.slow
def test_stacked_booths_of_the_same_capacity_wait_about_as_their_average(parts: Path) -> None:
    """Seconds of a lane, or two booths in tandem with 1.511 times as many: the wait is the same within a twentieth."""
    row = compared("san-ysidro-stacked", parts).loc[("san-ysidro", "vehicle", ALL, WAIT)]
    assert abs(row["difference"]) + row["half_width"] < 0.05 * row["base_value"]


@pytest.mark.slow
def test_sentri_members_cross_on_sentri_lanes(parts: Path) -> None:
    """More of them, and fewer on the Ready lanes they left."""
    table = compared("sentri-uptake", parts)
    for lane_type, sign in (("sentri", 1), ("ready", -1)):
        row = table.loc[("san-ysidro", "vehicle", lane_type, CROSSINGS)]
        assert sign * row["difference"] - row["half_width"] > 0


@pytest.mark.slow
def test_appointments_make_weekday_arrivals_more_even(parts: Path) -> None:
    """The hours of a weekday at Otay Mesa's standard line differ less from their mean."""

    def unevenness(name: str) -> np.ndarray:
        runs = measured(name, parts)
        line = runs[0].lines.index(("otay-mesa", "truck", "standard"))
        hours = np.stack([m.hourly[line, :, HOURLY_METRICS.index("arrivals_per_hour")] for m in runs])
        by_day = hours[:, : 5 * 24].reshape(len(runs), 5, 24)[:, :, 6:21]
        return (by_day.std(axis=2) / by_day.mean(axis=2)).mean(axis=1)

    less = estimate(unevenness("baseline") - unevenness("truck-appointments"))
    assert less.mean - less.half_width > 0


@pytest.mark.slow
def test_trucks_come_in_the_added_hours(parts: Path) -> None:
    """15% of a weekday's trucks of Tijuana, where nobody came before 24:00 today."""
    runs = {name: measured(name, parts) for name in ("baseline", "longer-cargo-hours")}
    column = HOURLY_METRICS.index("throughput_per_hour")
    line = runs["baseline"][0].lines.index(("otay-mesa", "truck", "standard"))
    late = {name: np.mean([m.hourly[line, 23, column] for m in found]) for name, found in runs.items()}
    assert late["longer-cargo-hours"] > 50
    assert late["baseline"] < 20
