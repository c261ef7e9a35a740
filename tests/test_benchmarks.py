"""The benchmark compares programs that compute the same: every contestant gives every traveller the same wait."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from portsim.border.records import NONE
from portsim.clock import DAY

pytest.importorskip("numba")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TRAVELLERS = {"mmc": 10_000, "border": 25_000}  # on the border: until the morning's lines are long


@pytest.fixture(scope="module")
def contestants() -> Iterator[ModuleType]:
    """Give the module, whose scripts find each other where they stand."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("contestants")
    sys.path.remove(str(BENCHMARKS))


def waits_of(contestants: ModuleType, name: str, case: str) -> npt.NDArray[np.int64]:
    """Run a contestant on the first travellers of a case."""
    workloads = contestants.workloads
    model = workloads.model_of(case)
    attempt = contestants.attempt(name, case, model, workloads.first(workloads.drawn(model), TRAVELLERS[case]))
    attempt.run()
    return attempt.waits()


@pytest.mark.parametrize("case", ["mmc", "border"])
def test_plain_simpy_and_both_engines_agree_on_every_traveller(contestants: ModuleType, case: str) -> None:
    """Without a tolerance; and there is something to agree on: lines, and on the border people who give up."""
    waits = waits_of(contestants, contestants.COMPILED, case)
    assert len(waits) == TRAVELLERS[case]
    assert (waits > 0).mean() > 0.3
    assert (waits == NONE).any() == (case == "border")
    for name in (contestants.REFERENCE, contestants.PLAIN):
        assert np.array_equal(waits_of(contestants, name, case), waits)


def test_ciw_agrees_on_the_line(contestants: ModuleType) -> None:
    """It is given the same arrivals and services."""
    pytest.importorskip("ciw", reason="the extra [bench] is not installed")
    waits = waits_of(contestants, contestants.CIW, "mmc")
    assert np.array_equal(waits, waits_of(contestants, contestants.COMPILED, "mmc")[: len(waits)])


@pytest.mark.slow
def test_plain_simpy_that_draws_for_itself_has_the_same_border(contestants: ModuleType) -> None:
    """By chance other travellers, about as many, with about the same waits: two days' mean varies by 6%."""
    workloads, plain = contestants.workloads, contestants.plain
    model, until = workloads.model_of("border"), 2 * DAY
    drawn = workloads.drawn(model)
    given = workloads.first(drawn, int((drawn.blocks[0].tick < until).sum()))
    attempt = contestants.attempt(contestants.COMPILED, "border", model, given)
    attempt.run()
    waits = attempt.waits()
    travellers = plain.BorderSimulation(replace(workloads.plain_border(model), horizon=until)).run_drawing(1)
    own = np.array([one.start - one.arrival for one in travellers if one.start != NONE])
    assert len(travellers) == pytest.approx(len(waits), rel=0.02)
    assert own.mean() == pytest.approx(waits[waits != NONE].mean(), rel=0.15)
    assert (own == 0).mean() == pytest.approx((waits[waits != NONE] == 0).mean(), abs=0.03)
