"""What an engine must do is stated once, and tested on each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portsim import experiment
from portsim.experiment import Engine
from portsim.model import PortModel
from portsim.records import Crossings, broken_invariants
from portsim.workload import Workload

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
