"""Who takes part: each is given a workload, runs against the clock, and afterwards says how long everybody waited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

import plain_simpy as plain
import workloads
from portsim.border.model import PortModel
from portsim.border.records import NONE, Crossings
from portsim.engines import compiled, reference
from workloads import Drawn

Ints = npt.NDArray[np.int64]

COMPILED, REFERENCE, PLAIN, CIW = "portsim compiled", "portsim SimPy", "plain SimPy", "Ciw"
CONTESTANTS = (COMPILED, REFERENCE, PLAIN, CIW)
CASES = ("mmc", "border")
CIW_TRAVELLERS = {"mmc": 24_000, "border": 6_000}  # it is slow: the first of them have to do


class Attempt(Protocol):
    """One run of one contestant; what it takes to set up is not timed."""

    def run(self) -> None:
        """Do what is timed."""
        ...

    def waits(self) -> Ints:
        """Return the waits in order of arrival, ms, shape (travellers,); NONE of those who did not start."""
        ...


class Compiled:
    """The compiled engine: the rows of the one week stand in its book when it is done."""

    def __init__(self, model: PortModel, workload: Drawn) -> None:
        self.model, self.workload = model, workload
        self.crossings: Crossings

    def run(self) -> None:
        """Simulate the week."""
        (block,) = compiled.blocks(self.model, self.workload)
        self.crossings = block.crossings

    def waits(self) -> Ints:
        """Return the waits."""
        return _waits(self.crossings.tick, self.crossings.start)


class Reference(Compiled):
    """The SimPy engine."""

    def run(self) -> None:
        """Simulate the week."""
        self.crossings = reference.simulate(self.model, self.workload)


class PlainLine:
    """The line in plain SimPy."""

    def __init__(self, model: PortModel, workload: Drawn) -> None:
        self.given = workloads.plain_line(model, workload)
        self.start: list[int] = []

    def run(self) -> None:
        """Simulate the line."""
        self.start = plain.simulate_line(self.given)

    def waits(self) -> Ints:
        """Return the waits."""
        return _waits(np.array(self.given.arrival), np.array(self.start))


class CiwLine(PlainLine):
    """The line in Ciw, for the first travellers."""

    def __init__(self, model: PortModel, workload: Drawn) -> None:
        super().__init__(model, workloads.first(workload, CIW_TRAVELLERS["mmc"]))

    def run(self) -> None:
        """Simulate the line."""
        import ciw_models  # noqa: PLC0415 - Ciw is an extra

        self.start = ciw_models.simulate_line(self.given)


class PlainBorder:
    """The border in plain SimPy."""

    def __init__(self, model: PortModel, workload: Drawn) -> None:
        self.border = workloads.plain_border(model)
        self.travellers = workloads.plain_travellers(model, workload, self.border)

    def run(self) -> None:
        """Simulate the border."""
        plain.BorderSimulation(self.border).run(self.travellers)

    def waits(self) -> Ints:
        """Return the waits."""
        return _waits(
            np.array([traveller.arrival for traveller in self.travellers]),
            np.array([traveller.start for traveller in self.travellers]),
        )


class CiwBorder(PlainBorder):
    """The border in Ciw, for the first travellers."""

    def __init__(self, model: PortModel, workload: Drawn) -> None:
        super().__init__(model, workloads.first(workload, CIW_TRAVELLERS["border"]))

    def run(self) -> None:
        """Simulate the border."""
        import ciw_models  # noqa: PLC0415 - Ciw is an extra

        ciw_models.BorderSimulation(self.border).run(self.travellers)


_KINDS: dict[tuple[str, str], Callable[[PortModel, Drawn], Attempt]] = {
    (COMPILED, "mmc"): Compiled,
    (COMPILED, "border"): Compiled,
    (REFERENCE, "mmc"): Reference,
    (REFERENCE, "border"): Reference,
    (PLAIN, "mmc"): PlainLine,
    (PLAIN, "border"): PlainBorder,
    (CIW, "mmc"): CiwLine,
    (CIW, "border"): CiwBorder,
}


def attempt(name: str, case: str, model: PortModel, workload: Drawn) -> Attempt:
    """Set up a contestant's run of a case."""
    return _KINDS[name, case](model, workload)


def must_agree(name: str, case: str) -> bool:
    """Say whether a contestant means the same by everything: Ciw's timetables are others."""
    return (name, case) != (CIW, "border")


def _waits(arrival: Ints, start: Ints) -> Ints:
    return np.where(start == NONE, NONE, start - arrival)
