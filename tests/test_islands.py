"""A model falls into islands that run alone, and what runs alone is what runs together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from portsim.border import islands
from portsim.border.islands import alike
from portsim.border.model import Alternative, Line, PortModel, Segment
from portsim.border.workload import draw
from portsim.engines import reference
from portsim.language import scenario
from portsim.measure.measures import Measures, Tally, measure, together
from portsim.runs import experiment

pytest.importorskip("portsim.engines.compiled", reason="numba is not installed")

SCENARIOS = Path(__file__).parents[1] / "scenarios"

NETWORK = """
network: three-ports
about: for tests
classes:
  local: {mode: vehicle, lane_types: [general, ready]}
  freight: {mode: truck, lane_types: [general]}
catchments:
  - {id: town, name: Town, cluster: valley, access_min: {east: 5, west: 9}}
  - {id: village, name: Village, cluster: desert, access_min: {far: 5}}
ports:
  - {id: east, name: East, vehicle: &cars {lane_positions: 4, lane_types: {
      general: {booths_open: 2, service: {mean_s: 200, cv: 0.5}, referral_share: {secondary: 0.2}},
      ready: {booths_open: 1, service: {mean_s: 90, cv: 0.7}}},
      stages: [{id: secondary, stations: 1, service: {mean_s: 300, cv: 0.5}}]}}
  - {id: west, name: West, vehicle: *cars}
  - {id: far, name: Far, vehicle: *cars, truck: {lane_positions: 1, lane_types: {
      general: {booths_open: 1, service: {kind: exponential, mean_s: 60}}}}}
segments:
  - {id: drivers, catchment: town, traveller_class: local, per_hour: {"00:00": 0, "06:00": 90, "12:00": 30}}
  - {id: villagers, catchment: village, traveller_class: local, per_hour: {"00:00": 9, "06:00": 40, "12:00": 0}}
  - {id: carriers, catchment: village, traveller_class: freight, per_hour: {"00:00": 0, "06:00": 30, "12:00": 0}}
patience_pct_per_min: {vehicle: 0.5}
"""
RUN = "scenario: base\nnetwork: network.yaml\nrun: {weeks: 2, warm_up_weeks: 1, replications: 2, seed: 7}\n"
BUSIER_IN_TOWN = "changes: [{action: scale_demand, catchments: [town], factor: 1.2}]\n"


def case(folder: Path, more: str = "") -> scenario.Scenario:
    (folder / "network.yaml").write_text(NETWORK)
    (folder / "case.yaml").write_text(RUN + more)
    return scenario.load(folder / "case.yaml")


def border(name: str) -> PortModel:
    return experiment.build_model(scenario.load(SCENARIOS / f"{name}.yaml"))


def names(model: PortModel) -> list[str]:
    return [line.name for line in model.lines]


def assert_same(one: Measures, other: Measures) -> None:
    """Assert that all measures are equal to the last bit; trucks are in no order."""
    assert (one.groups, one.lines) == (other.groups, other.lines)
    for name in ("summary", "hourly", "daily"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    trucks = [[sorted(zip(week.key, week.port, week.wait, strict=True)) for week in m.trucks] for m in (one, other)]
    assert trucks[0] == trucks[1]


# --- what is an island -------------------------------------------------------------------------


def test_who_shares_travellers_or_a_later_stage_is_of_one_island(tmp_path: Path) -> None:
    """The two ports of the town, the cars of the village, its trucks: each with the stages they are sent to."""
    model = experiment.build_model(case(tmp_path))
    found = islands.islands(model)
    assert [names(island.model) for island in found] == [
        ["east/vehicle/general", "east/vehicle/ready", "west/vehicle/general", "west/vehicle/ready"],
        ["far/truck/general"],
        ["far/vehicle/general", "far/vehicle/ready"],
    ]
    assert [[station.name for station in island.model.later] for island in found] == [
        ["east/vehicle/secondary", "west/vehicle/secondary"],
        [],
        ["far/vehicle/secondary"],
    ]


@pytest.mark.parametrize("name", ["baseline", "otay-mesa-east", "san-ysidro-closure"])
def test_the_islands_are_all_of_the_border(name: str) -> None:
    """Every line, later stage and segment stands in one of them, as it is in the whole."""
    model = border(name)
    found = islands.islands(model)
    assert sorted(line for island in found for line in island.lines) == list(range(len(model.lines)))
    assert sorted(number for island in found for number in island.segments) == list(range(len(model.segments)))
    assert sum(len(island.model.later) for island in found) == len(model.later)
    for island in found:
        assert names(island.model) == [model.lines[line].name for line in island.lines]
        for own, number in zip(island.model.segments, island.segments, strict=True):
            chosen = [island.lines[list(option.lines)].tolist() for option in own.alternatives]
            assert chosen == [list(option.lines) for option in model.segments[number].alternatives]
        for own, number in zip(island.model.lines, island.lines, strict=True):
            assert described(own, island.model) == described(model.lines[number], model)


def described(line: Line, model: PortModel) -> tuple[object, ...]:
    """Return what a line is, and what it refers to, without numbers that an island counts anew."""
    sent = [(model.later[r.station].name, r.stage, r.share) for r in line.referrals]
    return line.name, line.port, model.multipliers[line.multiplier], sent


def test_lines_that_nobody_may_use_and_travellers_without_a_port_belong_somewhere(tmp_path: Path) -> None:
    """They are kept, so that the measures have their rows."""
    model = experiment.build_model(case(tmp_path))
    lost, idle = model.segments[2], model.segments[1]
    first_line = idle.alternatives[0]
    model = replace(
        model,
        segments=(
            model.segments[0],
            replace(idle, alternatives=(replace(first_line, lines=first_line.lines[:1], toll=first_line.toll[:1]),)),
            replace(lost, alternatives=()),
        ),
    )
    found = islands.islands(model)
    assert sum(len(island.lines) for island in found) == len(model.lines)
    assert_same(experiment.replicate(model, 7, 0, engine="compiled"), experiment.replicate(model, 7, 0, engine="simpy"))


# --- what runs alone is what runs together -----------------------------------------------------


def test_islands_put_together_measure_as_the_whole(tmp_path: Path) -> None:
    """Every number to the last bit, against SimPy running the whole model at once."""
    model = experiment.build_model(case(tmp_path))
    workload = draw(model, 7, 0)
    tallies = []
    for island in islands.islands(model):
        tally = Tally(island.model)
        tally.add(reference.simulate(island.model, draw(island.model, 7, 0)))
        tallies.append((island, tally))
    whole = measure(reference.simulate(model, workload), model)
    assert_same(together(model, tallies), whole)
    assert_same(experiment.replicate(model, 7, 0, engine="compiled"), whole)


def test_an_island_that_two_scenarios_have_is_simulated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More travellers in the town leave the village as it is; each scenario measures as if it had run alone."""
    models = [experiment.build_model(case(tmp_path, more)) for more in ("", BUSIER_IN_TOWN, "")]
    alone = [experiment.replicate(model, 7, 1, engine="compiled") for model in models]
    simulated = []
    by_week = experiment._tally_by_week
    monkeypatch.setattr(
        experiment, "_tally_by_week", lambda model, workload: simulated.append(model) or by_week(model, workload)
    )
    found = list(experiment.replicate_together(models, 7, 1))
    assert [model.lines[0].name.split("/")[0] for model in simulated] == ["east", "far", "far", "east"]
    for one, other in zip(found, alone, strict=True):
        assert_same(one, other)


def test_opening_otay_mesa_east_leaves_half_of_the_border_as_it_is() -> None:
    """All on foot, by bus, and the whole of Imperial County."""
    base, option = islands.shared([border("baseline"), border("otay-mesa-east")])
    same = [names(one.model) for one, other in zip(base, option, strict=True) if one.model is other.model]
    changed = [names(one.model) for one, other in zip(base, option, strict=True) if one.model is not other.model]
    assert len(same) == 7
    assert {name.rsplit("/", 1)[0] for lines in changed for name in lines} == {
        *("san-ysidro/vehicle", "otay-mesa/vehicle", "tecate/vehicle", "otay-mesa/truck", "tecate/truck")
    }


def test_scenarios_run_together_are_those_run_one_by_one(tmp_path: Path) -> None:
    """On one thread or two, and whichever is finished already."""
    both = [case(tmp_path), case(tmp_path, BUSIER_IN_TOWN)]
    at_once = experiment.run(both, tmp_path / "both", engine="compiled", jobs=2)
    experiment.run(both[:1], tmp_path / "one", engine="compiled", jobs=1)
    after = experiment.run(both, tmp_path / "one", engine="compiled", jobs=1)
    for ones, others in zip(at_once, after, strict=True):
        for one, other in zip(ones, others, strict=True):
            assert_same(one, other)


# --- alike -------------------------------------------------------------------------------------


def segment(**more: object) -> Segment:
    flat = np.ones(3)
    option = Alternative(0, (0,), np.zeros((1, 2), np.int64), np.zeros(2, np.int64))
    given: dict[str, object] = {"patience": 5, "per_hour": flat, "factor": flat, "alternatives": (option,)}
    return Segment(**({"name": "a", "catchment": "b", "mode": "truck", "traveller_class": 0} | given | more))


@pytest.mark.parametrize(
    "change",
    [
        {"patience": 6},
        {"factor": np.array([1.0, 1.0, 1.1])},
        {"factor": np.ones(4)},
        {"alternatives": ()},
        {"alternatives": (Alternative(0, (0,), np.zeros((1, 2), np.int64), np.ones(2, np.int64)),)},
    ],
)
def test_parts_that_differ_in_one_number_are_not_alike(change: dict[str, object]) -> None:
    """Deep inside or not."""
    assert alike(segment(), segment())
    assert not alike(segment(), segment(**change))
