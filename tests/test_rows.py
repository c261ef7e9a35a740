"""Single travellers in parquet files: one row each, the same from both engines, and of the waits in the tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import portsim
from portsim.errors import PortsimError
from portsim.runs import experiment, rows

pytest.importorskip("numba", reason="numba is not installed")
pytest.importorskip("pyarrow", reason="the extra `rows` is not installed")

NETWORK = Path(__file__).parent / "networks" / "two-ports.yaml"
NOW = f"scenario: now\nnetwork: {NETWORK}\nrun: {{weeks: 2, warm_up_weeks: 1, replications: 2, seed: 5}}\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scenario, and its results with the rows of both replications."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "now.yaml").write_text(NOW)
    portsim.run(folder / "now.yaml", out=folder / "kept", keep_rows=2, jobs=1)
    return folder


@pytest.fixture(scope="module")
def kept(desk: Path) -> portsim.Results:
    """Return the results with rows."""
    return portsim.load(desk / "kept")


def times(folder: Path, kind: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder / kind).iterdir()}


def test_the_mean_wait_of_the_rows_is_that_of_the_tables(kept: portsim.Results) -> None:
    """Of every lane type and in all; and so are crossings, of all who left primary in the measured weeks."""
    assert list(kept.rows) == ["now-0000", "now-0001"]
    frames = [pd.read_parquet(path) for path in kept.rows.values()]
    measured = [frame[~frame["warm_up"]] for frame in frames]
    for port, mode, lane_type in [("left", "truck", "standard"), ("right", "vehicle", "general")]:
        chosen = [f[(f["port"] == port) & (f["mode"] == mode) & (f["lane_type"] == lane_type)] for f in measured]
        mean = sum(f["wait_min"].mean() for f in chosen) / 2
        assert kept.wait(port, mode, lane_type).mean == pytest.approx(mean, rel=1e-5)
    assert kept.wait().mean == pytest.approx(sum(f["wait_min"].mean() for f in measured) / 2, rel=1e-5)
    ended = [f["decided_min"] + f["wait_min"] + f["primary_min"] for f in frames]
    through = sum(((end >= 10_080) & (end < 30_240)).sum() for end in ended) / 2 / 14
    total = kept.summary[(kept.summary["port"] == "all") & (kept.summary["mode"] == "all")]
    assert total["crossings_per_day"].item() == pytest.approx(through, rel=1e-5)


def test_the_rows_are_those_of_simulate(desk: Path, kept: portsim.Results) -> None:
    """One for each traveller, carried over the end of a week or not, every column."""
    simulated = portsim.simulate(desk / "now.yaml", replication=1)
    read = pd.read_parquet(kept.rows["now-0001"])
    assert read["traveller"].is_unique
    assert list(read.columns) == list(simulated.columns)
    ordered = [frame.sort_values("traveller", ignore_index=True).astype(object) for frame in (read, simulated)]
    pd.testing.assert_frame_equal(*(frame.where(frame.notna(), None) for frame in ordered))
    assert {"crossed", "lost"} <= set(read["outcome"])


def run(desk: Path, out: Path, keep_rows: int, engine: experiment.Engine = "compiled", **how: bool) -> None:
    """Run the replications alone, without tables and figures."""
    keep = experiment.Kept(out / "rows", keep_rows)
    experiment.run([portsim.read(desk / "now.yaml")], out / "parts", engine=engine, jobs=1, keep=keep, **how)


def test_both_engines_write_the_same_file(desk: Path, kept: portsim.Results, tmp_path: Path) -> None:
    """Byte for byte, one handing over weeks and the other the whole run; and the same measures."""
    run(desk, tmp_path, keep_rows=1, engine="simpy")
    for written in (*(tmp_path / "rows").iterdir(), *(tmp_path / "parts").glob("*-0001.npz")):
        assert (kept.folder / written.relative_to(tmp_path)).read_bytes() == written.read_bytes(), written.name


def test_a_finished_replication_is_run_again_for_its_rows_only(
    desk: Path, kept: portsim.Results, tmp_path: Path
) -> None:
    """Rows can be asked for later; measures stay as they are, and rows that are there too."""
    run(desk, tmp_path, keep_rows=0)
    assert not (tmp_path / "rows").exists()
    finished = times(tmp_path, "parts")
    assert len(finished) == 2
    run(desk, tmp_path, keep_rows=1)
    first = times(tmp_path, "rows")
    assert [path.name for path in first] == ["now-0000.parquet"]
    run(desk, tmp_path, keep_rows=9)
    both = times(tmp_path, "rows")
    assert sorted(path.name for path in both) == ["now-0000.parquet", "now-0001.parquet"]
    assert first.items() <= both.items()
    assert times(tmp_path, "parts") == finished
    for path in both:
        assert path.read_bytes() == (kept.folder / "rows" / path.name).read_bytes()


def test_damaged_rows_and_those_of_another_replication_are_written_anew(desk: Path, tmp_path: Path) -> None:
    """A file is believed if it says whose rows it holds."""
    run(desk, tmp_path, keep_rows=2)
    first, second = sorted((tmp_path / "rows").iterdir())
    whole = first.read_bytes()
    for wrong in (whole[:-9], second.read_bytes(), b""):
        first.write_bytes(wrong)
        run(desk, tmp_path, keep_rows=1)
        assert first.read_bytes() == whole


def test_rows_of_a_replication_that_fails_are_not_kept(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a half, and no temporary file."""
    monkeypatch.setattr(experiment, "broken_invariants", lambda *_: ["a ghost"])
    with pytest.raises(PortsimError, match="a ghost"):
        run(desk, tmp_path, keep_rows=1, verify=True)
    assert list((tmp_path / "rows").iterdir()) == []


def test_what_cannot_be_kept_is_said_before_anything_runs(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer than none; and any without pyarrow, with what installs it."""
    with pytest.raises(PortsimError, match="rows of -1 replications cannot be kept"):
        portsim.run(desk / "now.yaml", out=tmp_path / "out", keep_rows=-1)
    monkeypatch.setattr(rows, "find_spec", lambda _: None)
    with pytest.raises(PortsimError, match=r"pip install 'portsim\[rows\]'"):
        portsim.run(desk / "now.yaml", out=tmp_path / "out", keep_rows=1)
    assert not (tmp_path / "out").exists()
