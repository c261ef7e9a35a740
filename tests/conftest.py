"""What all tests share: what an engine must do is tested on each; the moving picture, by its own tests only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portsim.border.model import PortModel
from portsim.border.records import Crossings, broken_invariants
from portsim.border.workload import Workload
from portsim.drawing import queue_map
from portsim.pages import publish
from portsim.runs import experiment
from portsim.runs.experiment import Engine

DRAWN_BY = ("test_report", "test_report_in_browser")  # the moving picture takes seconds
Simulate = Callable[[PortModel, Workload], Crossings]


def _simulate_on(engine: Engine) -> Simulate:
    def simulate(model: PortModel, workload: Workload) -> Crossings:
        crossings = experiment.simulate(model, workload, engine)
        assert broken_invariants(crossings, model) == []
        return crossings

    return simulate


@pytest.fixture(scope="session", params=experiment.ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Name each engine in turn; the compiled one where numba is installed."""
    if request.param == "compiled":
        pytest.importorskip("portsim.engines.compiled", reason="numba is not installed")
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def simulate(engine: Engine) -> Simulate:
    """Simulate on each engine in turn; every run must keep the invariants."""
    return _simulate_on(engine)


@pytest.fixture(scope="session")
def simulate_long() -> Simulate:
    """Simulate what would take SimPy too long, on the engine people use; test_agreement.py speaks for the other."""
    return _simulate_on(experiment.default_engine())


@pytest.fixture(scope="module", autouse=True)
def still(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the moving picture out, but where it is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in DRAWN_BY:
            patch.setattr(queue_map, "write_gif", lambda *_: False)
        yield


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave figures and pages of what a test runs itself undrawn, seconds each, unless it is marked `drawn`.

    What the fixtures of a module run is drawn: they come before this one.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("drawn") is None:
            patch.setattr(publish, "write", lambda _: publish.Published({}, ""))
        yield
