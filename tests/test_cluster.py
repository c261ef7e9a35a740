"""The workers of a Dask cluster give the numbers of one machine; what is wrong with a cluster is said in words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import portsim
from portsim.errors import PortsimError
from portsim.runs import execution, experiment
from portsim.runs.parts import versions

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

NETWORK = Path(__file__).parent / "networks" / "two-ports.yaml"
NOW = f"scenario: now\nnetwork: {NETWORK}\nrun: {{weeks: 1, warm_up_weeks: 0, replications: 3, seed: 5}}\n"
OPENED = "scenario: opened\nextends: now.yaml\nchanges: [{action: open_port, port: new, officers: added}]\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a scheduler with two workers, processes of this machine."""
    with distributed.LocalCluster(
        processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=False
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def scenarios(tmp_path: Path) -> list[Path]:
    """Return a base and an option."""
    (tmp_path / "now.yaml").write_text(NOW)
    (tmp_path / "opened.yaml").write_text(OPENED)
    return [tmp_path / "now.yaml", tmp_path / "opened.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", experiment.ENGINES)
def test_a_cluster_gives_the_numbers_of_one_machine(
    engine: str, address: str, scenarios: list[Path], tmp_path: Path
) -> None:
    """Every table and every part byte for byte; single travellers, which are kept on this machine, too."""
    here = portsim.compare(*scenarios, out=tmp_path / "here", jobs=1, engine=engine, keep_rows=1)
    there = portsim.compare(*scenarios, out=tmp_path / "there", cluster=address, engine=engine, keep_rows=1)
    for files in ("tables/*.csv", "parts/*.npz", "rows/*.parquet"):
        paths = sorted(here.folder.glob(files))
        assert paths
        for path in paths:
            assert (there.folder / path.relative_to(here.folder)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_workers_of_other_versions_are_refused(
    address: str, scenarios: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they make would be filed under a name that is not theirs."""
    monkeypatch.setattr(np, "__version__", "9.9.9")
    with pytest.raises(PortsimError, match=r"tcp://.* has numpy [\d.]+, and this machine numpy 9.9.9"):
        portsim.run(scenarios[0], out=tmp_path / "there", cluster=address)
    assert list((tmp_path / "there" / "parts").glob("*.npz")) == []


@pytest.mark.slow
def test_what_goes_wrong_on_a_worker_is_told_here(address: str) -> None:
    """The error of the work itself."""
    with execution.cluster(address, versions) as place, pytest.raises(PortsimError, match="no address of a Dask"):
        list(place.results([partial(execution._check, "nowhere")]))


@pytest.mark.slow
def test_a_cluster_without_workers_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, not never."""
    monkeypatch.setattr(execution, "_PATIENCE_S", 1)
    with (
        distributed.LocalCluster(processes=True, n_workers=0, dashboard_address=":0", silence_logs=False) as empty,
        pytest.raises(PortsimError, match=r"has no workers: start some with `dask worker tcp://"),
        execution.cluster(empty.scheduler_address, versions),
    ):
        pass


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the seconds that it says."""
    monkeypatch.setattr(execution, "_PATIENCE_S", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with (
            pytest.raises(PortsimError, match=f"no Dask scheduler answers at {address} within 1 s"),
            execution.cluster(address, versions),
        ):
            pass


@pytest.mark.parametrize("word", ["", "scheduler", "http://10.0.0.5:80", "tcp://10.0.0.5", "tcp://10.0.0.5:many"])
def test_what_is_no_address_is_said_to_be_none(word: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(PortsimError, match=f"'{word}' is no address"), execution.cluster(word, versions):
        pass


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""
    monkeypatch.setattr(execution, "find_spec", lambda _: None)
    with pytest.raises(PortsimError, match=r"pip install 'portsim\[cluster\]'"), execution.cluster("a:1", versions):
        pass


def test_a_worker_that_came_late_with_other_versions_does_no_work() -> None:
    """It was not there when all were asked."""
    work = pytest.fail
    with pytest.raises(PortsimError, match="a worker has numpy 1, and this machine numpy 2"):
        execution._where_alike({"numpy": "2"}, lambda: {"numpy": "1"}, work)
    assert execution._where_alike({"numpy": "2"}, lambda: {"numpy": "2"}, lambda: 3) == 3
