"""The figures of the source documents, and where the product uses each: read, listed, and held against the files.

A fact that is used names the place: a dotted path in the baseline as read, a place in a scenario's file, or a
quantity computed from the baseline. What stands there is the fact's value times a factor, plus an offset. Any
other fact is context.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from portsim.errors import nearest
from portsim.language import documents, scenario
from portsim.language.schema import MODES, Figure, Identifier, Network, Real, ScenarioFile, Source, Strict, Whole
from portsim.packaged import DATA

PACKAGED = DATA / "facts.yaml"
ECONOMICS = PACKAGED.with_name("economics.yaml")
BASELINE = "baseline"
CONTEXT = "context"
COLUMNS = ("id", "value", "unit", "year", "used_in", "source", "statement")
HOURS_A_DAY = 24

Text = Annotated[str, Field(min_length=1)]


class Use(Strict):
    """One place where the product holds a fact: `value x factor + offset` of it.

    `path` alone stands in the baseline as read; with `scenario`, in the file of that scenario. `quantity` is
    computed from the baseline. `parameter` is a figure of economics.yaml that takes its number from the fact.
    `relation`: what is held equals the figure, is above it, or is a text that tells it.
    """

    path: Text | None = Field(default=None, description="a dotted path, ids in brackets")
    scenario: Identifier | None = Field(default=None, description="the name of a scenario's file")
    quantity: Literal["people_per_day", "open_ports"] | None = None
    parameter: Identifier | None = Field(default=None, description="a figure of economics.yaml that refers to it")
    relation: Literal["equals", "above", "told"] = "equals"
    factor: Real = Field(default=1.0, description="from the fact's unit to the product's")
    offset: Real = 0.0

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.path, self.quantity, self.parameter)) != 1:
            raise ValueError("give exactly one of path, quantity, parameter")
        if self.scenario is not None and self.path is None:
            raise ValueError("a scenario needs a path in its file")
        return self

    def __str__(self) -> str:
        """Name the place in a few words."""
        if self.scenario is not None:
            return f"{self.scenario}: {self.path}"
        if self.parameter is not None:
            return f"economics: {self.parameter}"
        return self.path or (self.quantity or "").replace("_", " ")

    def expected(self, value: float) -> float:
        """Return what the product should hold for a fact's value."""
        return value * self.factor + self.offset


class Fact(Strict):
    """One figure of the documents, with its source; `note` says what to beware of."""

    value: Real
    unit: Text
    year: Whole | None = Field(default=None, description="the year it speaks of, where the documents say")
    statement: Text = Field(description="what it says, in one sentence")
    source: Identifier = Field(description="an id under `sources`")
    class_: Literal["published"] = Field(alias="class")
    note: Text | None = None
    used_in: tuple[Use, ...] = ()


class Facts(Strict):
    """All facts by id, and the documents they come from."""

    sources: dict[Identifier, Source]
    facts: dict[Identifier, Fact]

    @model_validator(mode="after")
    def _sources_known(self) -> Self:
        for name, fact in self.facts.items():
            if fact.source not in self.sources:
                raise ValueError(
                    f"fact {name}: unknown source '{fact.source}': {nearest(fact.source, [*self.sources])}"
                )
        return self


@dataclass(frozen=True)
class Verdict:
    """One use held against the product: what was expected, what was found, and whether they agree."""

    use: Use
    expected: float
    found: float | str
    holds: bool


def load(path: Path = PACKAGED) -> Facts:
    """Read the facts. Raises ScenarioError with every fault found, each with its place."""
    return documents.read_yaml(path, Facts)


def uses(fact: Fact) -> str:
    """Say where the product uses a fact; `context` where it does not."""
    return "; ".join(str(use) for use in fact.used_in) or CONTEXT


def verify(fact: Fact, folder: Path) -> tuple[Verdict, ...]:
    """Hold each use of a fact against the scenarios in a folder, its baseline among them.

    Raises ScenarioError for a scenario that cannot be read, KeyError for a path that leads nowhere.
    """
    here = [use for use in fact.used_in if use.parameter is None]
    read = {name: _read(name, folder) for name in {use.scenario for use in here}}
    return tuple(
        _referred(fact, use) if use.parameter is not None else _verdict(fact, use, _found(use, read[use.scenario]))
        for use in fact.used_in
    )


def table() -> pd.DataFrame:
    """Return the packaged facts, a row each: id, value, unit, year, used_in, source, statement."""
    rows = [
        (name, fact.value, fact.unit, fact.year, uses(fact), fact.source, fact.statement)
        for name, fact in load().facts.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"year": "Int64"})


# --- what the product holds --------------------------------------------------------------------


def _read(name: str | None, folder: Path) -> scenario.Scenario | ScenarioFile:
    """Return a scenario's file as it is written, or the baseline with all it inherits."""
    if name is None:
        return scenario.load(folder / f"{BASELINE}.yaml")
    return documents.read_yaml(folder / f"{name}.yaml", ScenarioFile)


def _referred(fact: Fact, use: Use) -> Verdict:
    """Say whether a figure of economics.yaml takes its number from a fact: it names the fact and holds no copy."""
    document = documents.Reader().document(ECONOMICS, None)
    held = document.data["parameters"].get(use.parameter, {}) if document else {}
    names = [held.get("fact", ""), *held.get("over", ())]
    known = load().facts
    holds = any(known.get(str(name)) == fact for name in names)
    return Verdict(use, fact.value, ", ".join(map(str, filter(None, names))) or "nothing", holds)


def _found(use: Use, held: scenario.Scenario | ScenarioFile) -> float | str:
    if use.quantity is not None and isinstance(held, scenario.Scenario):
        return _QUANTITIES[use.quantity](held.network)
    return _plain(_at(held, use.path or ""))


def _verdict(fact: Fact, use: Use, found: float | str) -> Verdict:
    expected = use.expected(fact.value)
    if use.relation == "told":
        holds = re.search(rf"(?<![\d.]){expected:.12g}(?!\d|\.\d)", str(found)) is not None
    elif isinstance(found, str):
        holds = False
    elif use.relation == "above":
        holds = found > expected
    else:
        holds = math.isclose(found, expected, rel_tol=1e-9)
    return Verdict(use, expected, found, holds)


def _plain(held: object) -> float | str:
    if isinstance(held, Figure):
        return held.value
    if isinstance(held, str):
        return held
    if isinstance(held, int | float) and not isinstance(held, bool):
        return float(held)
    raise KeyError(f"expected a number or a text, found {type(held).__name__}")


def _at(root: object, path: str) -> object:
    """Follow a dotted path; `[x]` picks an item by its id, key or position."""
    held: Any = root
    for step in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        name = step.strip("[]")
        if isinstance(held, Mapping):
            found = held.get(name)
        elif isinstance(held, tuple):
            items = {str(getattr(item, "id", number)): item for number, item in enumerate(held)}
            found = items.get(name)
        else:
            found = getattr(held, name, None)
        if found is None:
            raise KeyError(f"{path}: nothing at '{name}'")
        held = found
    return held


def _people_per_day(network: Network) -> float:
    """Return the observed people a day, drivers of vehicles included, trucks apart."""
    people = 0.0
    for port in network.ports:
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is None or mode == "truck" or not port.open:
                continue
            lines = [lane.observed for lane in crossing.lane_types.values() if lane.observed is not None]
            per_hour = sum(float(line.per_hour.slots().mean()) for line in lines)
            people += per_hour * HOURS_A_DAY * crossing.people_per_crossing.value
    return people


def _open_ports(network: Network) -> float:
    return float(sum(port.open for port in network.ports))


_QUANTITIES = {"people_per_day": _people_per_day, "open_ports": _open_ports}
