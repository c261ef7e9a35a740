"""What is finished is kept, never run again, and the same whoever runs it and in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from portsim.errors import PortsimError
from portsim.language import scenario
from portsim.language.scenario import Scenario
from portsim.measure.measures import Measures
from portsim.runs import experiment, parts

NETWORK = """
network: one-port
about: for tests
classes: {local: {mode: vehicle, lane_types: [general]}, freight: {mode: truck, lane_types: [general]}}
catchments: [{id: town, name: Town, cluster: valley, access_min: {east: 5}}]
ports:
  - id: east
    name: East
    vehicle:
      lane_positions: 3
      lane_types: {general: {booths_open: 2, service: {mean_s: 200, cv: 0.5}}}
    truck:
      lane_positions: 1
      lane_types: {general: {booths_open: 1, service: {kind: exponential, mean_s: 60}}}
segments:
  - {id: drivers, catchment: town, traveller_class: local, per_hour: {"00:00": 0, "06:00": 20, "12:00": 0}}
  - {id: carriers, catchment: town, traveller_class: freight, per_hour: {"00:00": 0, "06:00": 3, "12:00": 0}}
"""
RUN = "scenario: base\nnetwork: network.yaml\nrun: {weeks: 1, warm_up_weeks: 0, replications: 3, seed: 7}\n"
BUSIER = "changes: [{action: scale_demand, factor: 1.2}]\n"


@pytest.fixture
def base(tmp_path: Path) -> Scenario:
    """Return a scenario of three short replications."""
    return read(tmp_path)


def read(folder: Path, more: str = "", **run: object) -> Scenario:
    (folder / "network.yaml").write_text(NETWORK)
    (folder / "case.yaml").write_text(RUN + more)
    return scenario.load(folder / "case.yaml", run)


def same(one: Measures, other: Measures) -> bool:
    """Say whether two measures are the same to the last bit, blanks included."""
    arrays = [
        (m.summary, m.hourly, m.daily, *(column for week in m.trucks for column in (week.key, week.port, week.wait)))
        for m in (one, other)
    ]
    return (one.groups, one.lines) == (other.groups, other.lines) and all(
        (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in zip(*arrays, strict=True)
    )


def all_same(one: Sequence[Sequence[Measures]], other: Sequence[Sequence[Measures]]) -> bool:
    return all(same(a, b) for ones, others in zip(one, other, strict=True) for a, b in zip(ones, others, strict=True))


def count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that will hold the number of every replication that is simulated."""
    ran: list[int] = []
    replicate = experiment.replicate

    def counting(*given: object, **options: object) -> Measures:
        ran.append(given[2])  # type: ignore[arg-type]
        return replicate(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(experiment, "replicate", counting)
    return ran


# --- parts -------------------------------------------------------------------------------------


def test_measures_are_saved_and_loaded_exactly(base: Scenario, tmp_path: Path) -> None:
    """Every number to the last bit, blanks and names too; and no temporary file is left."""
    measures = experiment.replicate(experiment.build_model(base), 7, 0)
    assert np.isnan(measures.hourly).any()
    assert all(len(week.key) for week in measures.trucks)
    parts.save(measures, tmp_path / "part.npz")
    assert same(parts.load(tmp_path / "part.npz"), measures)
    assert [path.name for path in tmp_path.glob("part*")] == ["part.npz"]


def test_a_part_is_named_by_all_it_depends_on(base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, seed, number and version change the name; titles and the count of replications do not."""
    name = parts.part_name(base, 0)
    others = {
        parts.part_name(base, 1),
        parts.part_name(read(tmp_path, seed=8), 0),
        parts.part_name(read(tmp_path, weeks=2), 0),
        parts.part_name(read(tmp_path, BUSIER), 0),
        parts.part_name(read(tmp_path, "patience_pct_per_min: {vehicle: 0.1}\n"), 0),
    }
    assert len(others | {name}) == 6
    assert parts.part_name(read(tmp_path, "title: Today\nabout: words\n", replications=9), 0) == name
    monkeypatch.setattr(parts, "__version__", "99.0")
    assert parts.part_name(base, 0) != name


# --- runs --------------------------------------------------------------------------------------


def test_every_replication_of_every_scenario_is_run_once(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order of scenarios and numbers, with progress from nothing to all."""
    ran, steps = count_runs(monkeypatch), []
    busier = read(tmp_path, BUSIER, replications=2)
    found = experiment.run([base, busier], tmp_path, jobs=1, progress=lambda *step: steps.append(step))
    assert [len(replications) for replications in found] == [3, 2]
    assert ran == [0, 1, 2, 0, 1]
    assert steps == [(done, 5) for done in range(6)]
    assert same(found[1][1], experiment.replicate(experiment.build_model(busier), 7, 1))


def test_a_finished_part_is_never_run_again(base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run simulates nothing, touches no file, and returns the same."""
    first = experiment.run([base], tmp_path, jobs=1)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    ran, steps = count_runs(monkeypatch), []
    second = experiment.run([base], tmp_path, jobs=1, progress=lambda *step: steps.append(step))
    assert (ran, steps) == ([], [(3, 3)])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")} == written
    assert all_same(first, second)


def test_a_resumed_run_is_the_same_as_a_fresh_one(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the second replication, it goes on with the third, to the same bits."""
    fresh = experiment.run([base], tmp_path / "fresh", jobs=1)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run([base], tmp_path / "resumed", jobs=1, progress=stop)
    ran = count_runs(monkeypatch)
    resumed = experiment.run([base], tmp_path / "resumed", jobs=1)
    assert ran == [2]
    assert all_same(fresh, resumed)


def test_more_replications_keep_those_there_are(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replication k is the same alone and among more."""
    three = experiment.run([base], tmp_path, jobs=1)
    ran = count_runs(monkeypatch)
    five = experiment.run([read(tmp_path, replications=5)], tmp_path, jobs=1)
    assert ran == [3, 4]
    assert all_same(three, [five[0][:3]])


def test_processes_do_not_change_the_results(base: Scenario, tmp_path: Path) -> None:
    """One process or two, bit for bit."""
    alone = experiment.run([base], tmp_path / "alone", jobs=1)
    assert all_same(alone, experiment.run([base], tmp_path / "together", jobs=2))


def test_replications_differ(base: Scenario, tmp_path: Path) -> None:
    """Three of one would be one."""
    first, second, third = experiment.run([base], tmp_path, jobs=1)[0]
    assert not same(first, second)
    assert not same(second, third)


# --- invariants --------------------------------------------------------------------------------


def test_verify_passes_a_sound_run_and_runs_what_was_finished_again(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not checked then is checked now."""
    first = experiment.run([base], tmp_path, jobs=1)
    ran = count_runs(monkeypatch)
    assert all_same(first, experiment.run([base], tmp_path, jobs=1, verify=True))
    assert ran == [0, 1, 2]


def test_verify_stops_at_a_broken_invariant_and_keeps_nothing_of_it(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which replication, and everything that does not hold."""
    monkeypatch.setattr(experiment, "broken_invariants", lambda *_: ["east: queue jumped", "west: a ghost"])
    with pytest.raises(PortsimError, match="replication 0 broke an invariant: east: queue jumped; west: a ghost"):
        experiment.run([base], tmp_path, jobs=1, verify=True)
    assert list(tmp_path.glob("*.npz")) == []


def test_without_verify_invariants_are_not_looked_at(
    base: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take time, and the tests look at them."""
    monkeypatch.setattr(experiment, "broken_invariants", lambda *_: pytest.fail("looked"))
    assert len(experiment.run([base], tmp_path, jobs=1)[0]) == 3


def test_a_part_of_another_numpy_is_another_part(base: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its draws may be others."""
    name = parts.part_name(base, 0)
    monkeypatch.setattr(np, "__version__", "9.9.9")
    assert parts.part_name(base, 0) != name


def test_more_than_the_compiled_engine_holds_is_said_in_words(base: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with a traceback, whether a run is measured week by week or kept whole."""
    compiled = pytest.importorskip("portsim.engines.compiled", reason="numba is not installed")
    monkeypatch.setattr(compiled, "_ROW", 1)
    chosen = experiment.build_model(base)
    for verify in (False, True):
        with pytest.raises(PortsimError, match="travellers a week are more than the compiled engine can hold"):
            experiment.replicate(chosen, 7, 0, engine="compiled", verify=verify)
