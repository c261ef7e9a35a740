"""portsim in Python: the same folder and the same numbers as from the command line, and errors that say what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import portsim
from desk import lay_out
from portsim import api, cli

NETWORK = Path(__file__).parent / "networks" / "two-ports.yaml"
BASE = """
scenario: now
title: Now
network: two-ports.yaml
run: {weeks: 1, warm_up_weeks: 0, replications: 2, seed: 5}
"""
BOOTHS = "network.ports[left].truck.standard.booths_open"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network, a base and an option."""
    return lay_out(tmp_path_factory.mktemp("desk"), BASE)


@pytest.fixture(scope="module")
def results(desk: Path) -> portsim.Results:
    """Return the comparison of the two."""
    return portsim.compare(desk / "now.yaml", desk / "opened.yaml", jobs=1, out=desk / "compared")


@pytest.fixture(scope="module")
def alone(desk: Path) -> portsim.Results:
    """Return one replication of the base."""
    return portsim.run(str(desk / "now.yaml"), replications=1, seed=9, jobs=1, out=str(desk / "alone"))


def test_the_public_names_are_those_that_can_be_imported() -> None:
    """A dozen, sorted, and each is there."""
    assert portsim.__all__ == api.__all__
    assert list(portsim.__all__) == sorted(portsim.__all__)
    assert len(portsim.__all__) == 12
    assert set(portsim.__all__) <= set(dir(portsim))
    assert all(getattr(portsim, name) is getattr(api, name) for name in portsim.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'comprae'"):
        portsim.comprae  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.slow
@pytest.mark.drawn
def test_python_and_the_command_line_write_the_same(
    desk: Path, results: portsim.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, tables and figures."""
    words = ["portsim", "compare", desk / "now.yaml", desk / "opened.yaml", "--out", desk / "by-hand", "-j", 1, "-q"]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    with pytest.raises(SystemExit):
        cli.main()
    for folder in ("tables", "figures", "resolved"):
        made = {path.name: path.read_bytes() for path in (results.folder / folder).iterdir()}
        assert made == {path.name: path.read_bytes() for path in (desk / "by-hand" / folder).iterdir()}


def test_tables_are_data_frames(results: portsim.Results, alone: portsim.Results) -> None:
    """All six, read once; what a study does not have has columns and no rows."""
    assert set(results.summary["scenario"]) == {"now", "opened"}
    assert len(results.hourly) == (4 + 6) * 168
    assert results.hourly is results.hourly
    assert "" in set(results.hourly_comparison["verdict"])
    assert set(results.comparison["option"]) == {"opened"}
    assert len(results.weekday_profile) == (4 + 6) * 24
    assert list(alone.comparison.columns) == list(results.comparison.columns)
    assert alone.comparison.empty
    assert alone.hourly_comparison.empty
    assert alone.cargo_value.empty
    assert "usd_per_month" in alone.cargo_value.columns


def test_waits_and_changes_have_their_intervals(results: portsim.Results) -> None:
    """Of the base and the first option where none is named."""
    now, opened = (results.wait("left", "truck", scenario=name) for name in ("now", "opened"))
    change = results.change("left", "truck")
    assert results.wait("left", "truck") == now
    assert change.mean == pytest.approx(opened.mean - now.mean, abs=1e-3)
    assert change.half_width > 0
    assert results.wait().mean < now.mean
    with pytest.raises(portsim.ResultsError, match="no row of scenario 'now', port 'lfet', mode 'truck'"):
        results.wait("lfet", "truck")
    with pytest.raises(portsim.ResultsError, match="no row of option 'closed'"):
        results.change(option="closed")


def test_results_say_what_they_are(results: portsim.Results, alone: portsim.Results) -> None:
    """Name, folder, scenarios, run, and what was found."""
    said = repr(results).splitlines()
    assert said[0] == "Results: opened"
    assert str(results.folder) in said[1]
    assert "Now (now), New opens (opened)" in said[2]
    assert "2 replications of 0 + 1 weeks, seed 5" in said[3]
    assert [line.split()[0] for line in said[4:]] == ["found", "New"]
    assert said[5].strip() == results.findings["waits-truck"]
    assert "1 replication of 0 + 1 weeks, seed 9" in repr(alone)
    assert set(results.findings) == set(results.figures)
    assert all(path.suffix == ".png" and path.is_file() for path in results.figures.values())


def test_a_finished_folder_is_loaded(results: portsim.Results, tmp_path: Path) -> None:
    """Wherever it is now, and without its replications."""
    shutil.copytree(results.folder, tmp_path / "sent")
    shutil.rmtree(tmp_path / "sent" / "parts")
    found = portsim.load(str(tmp_path / "sent"))
    pd.testing.assert_frame_equal(found.comparison, results.comparison)
    assert found.manifest == results.manifest
    assert found.scenarios == {"now": "Now", "opened": "New opens"}


def test_what_cannot_be_loaded_is_said(results: portsim.Results, tmp_path: Path) -> None:
    """Nothing there, something else, unfinished, of another's making, incomplete."""

    def refusal(folder: Path) -> str:
        with pytest.raises(portsim.ResultsError) as raised:
            portsim.load(folder)
        return str(raised.value)

    assert "no such folder" in refusal(tmp_path / "nowhere")
    assert "is no results folder" in refusal(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "another tool"}')
    assert "was not made by portsim" in refusal(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    assert "cannot be read" in refusal(tmp_path)
    shutil.copytree(results.folder, tmp_path / "half")
    (tmp_path / "half" / "tables" / "hourly.csv").unlink()
    assert "tables/hourly.csv is missing" in refusal(tmp_path / "half")
    (tmp_path / "half" / "manifest.json").unlink()
    assert "is not finished: the same run again" in refusal(tmp_path / "half")


def test_nothing_is_printed_unless_asked_for(desk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The log is written all the same."""
    run = {"replications": 1, "jobs": 1, "out": desk / "silent"}
    portsim.run(desk / "now.yaml", **run)  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")
    assert "1 of 1 replications" in (desk / "silent" / "run.log").read_text()
    portsim.run(desk / "now.yaml", quiet=False, **run)  # type: ignore[arg-type]
    assert "Mean wait, minutes" in capfd.readouterr().out


@pytest.mark.slow
def test_a_script_needs_no_guard_to_run_in_parallel(desk: Path, tmp_path: Path) -> None:
    """Two processes, no `if __name__ == "__main__"`, no warning; results/NAME-DIGEST below the working folder."""
    script = tmp_path / "script.py"
    script.write_text(f"import portsim\nprint(portsim.run({str(desk / 'now.yaml')!r}, jobs=2).folder)\n")
    ran = subprocess.run(
        [sys.executable, "-W", "error", script.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    folder = Path(ran.stdout.strip())
    assert folder.parts[0] == "results"
    assert folder.name.startswith("now-")
    assert (tmp_path / folder / "manifest.json").is_file()


def test_single_values_are_set_by_their_path(desk: Path, alone: portsim.Results) -> None:
    """As text for the command line's `--set`: numbers, texts and lists alike."""
    scenario = portsim.read(desk / "now.yaml", seed=9, replications=1, sets={BOOTHS: 2})
    assert scenario.run.seed == 9
    found = portsim.run(scenario, jobs=1, out=desk / "two-booths")
    assert found.wait("left", "truck").mean < alone.wait("left", "truck").mean
    assert found.manifest["scenarios"][0]["sets"] == [f"{BOOTHS}=2"]
    with pytest.raises(portsim.ScenarioError, match="bths"):
        portsim.run(desk / "now.yaml", sets={"network.ports[left].truck.bths": 2})


def test_settings_belong_to_the_reading(desk: Path) -> None:
    """A scenario that was read is complete; a comparison has an option."""
    scenario = portsim.read(desk / "now.yaml")
    with pytest.raises(portsim.PortsimError, match="settings are given where a scenario is read"):
        portsim.run(scenario, weeks=2)
    with pytest.raises(portsim.PortsimError, match="at least one option"):
        portsim.compare(scenario)


def test_every_fault_of_all_files_is_in_one_error(desk: Path) -> None:
    """As on the command line."""
    (desk / "bad.yaml").write_text("scenario: bad\nextends: now.yaml\ntitel: x\n")
    with pytest.raises(portsim.ScenarioError) as raised:
        portsim.compare(desk / "bad.yaml", desk / "nowhere.yaml")
    assert {Path(fault.file).name for fault in raised.value.faults} == {"bad.yaml", "nowhere.yaml"}


def test_a_traveller_is_a_row(desk: Path, alone: portsim.Results) -> None:
    """Whose mean wait is that of the tables."""
    rows = portsim.simulate(portsim.read(desk / "now.yaml", seed=9))
    again = portsim.simulate(portsim.read(desk / "now.yaml", seed=9), replication=1)
    assert len(rows) != len(again)
    trucks = rows[(rows["port"] == "left") & (rows["mode"] == "truck") & ~rows["warm_up"]]
    assert set(trucks["lane_type"]) == {"standard"}
    assert {"crossed", "lost"} <= set(rows["outcome"])
    assert trucks["wait_min"].mean() == pytest.approx(alone.wait("left", "truck").mean, rel=1e-5)
    crossed = rows[(rows["outcome"] == "crossed") & (rows["decided_min"] > 0)]
    assert (crossed["crossing_time_min"] >= crossed["wait_min"] + crossed["primary_min"] - 1e-6).all()
    standing = rows[rows["decided_min"] == 0]
    assert standing["wait_min"].isna().all()  # they joined before the start
    assert rows[rows["outcome"] == "lost"]["wait_min"].isna().all()
    assert np.all(np.diff(rows["decided_min"]) >= 0)


def test_numpys_numbers_can_be_set_and_what_is_no_path_is_said(desk: Path) -> None:
    """A loop over `np.arange` sets numpy's integers."""
    assert portsim.read(desk / "now.yaml", sets={BOOTHS: np.int64(2)}).sets == (f"{BOOTHS}=2",)
    with pytest.raises(portsim.PortsimError, match="5 is no scenario file: give its path"):
        portsim.read(5)  # type: ignore[arg-type]
    with pytest.raises(portsim.PortsimError, match="cannot be set"):
        portsim.read(desk / "now.yaml", sets={BOOTHS: object()})
