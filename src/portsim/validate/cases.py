"""The cases of the validation: files that say what to simulate, what to read off it, and what it must be.

A file holds a network (absent is the packaged one), how often and how long to simulate it, perhaps options (changes,
as in a scenario), and checks. A check has a value (a quantity of the simulation, a comparison, or a formula alone)
and an oracle: a formula of `oracles`, a printed number with its source, what was observed of the line, or bounds. A
check without oracle is reported, not judged. A reader adds a case by adding a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from portsim.errors import Fault, KeyPath, PortsimError, ScenarioError, nearest
from portsim.language import changes, checks, scenario
from portsim.language.documents import Document, Reader
from portsim.language.scenario import Scenario
from portsim.language.schema import Change, DemandChange, Figure, Identifier, Mode, Network, Real, Run, Strict
from portsim.language.windows import overlapping
from portsim.packaged import DATA
from portsim.validate import oracles
from portsim.validate.comparisons import COMPARISONS
from portsim.validate.oracles import FormulaName, Given
from portsim.validate.quantities import NAMES, ROWS, Where

PACKAGED = DATA / "validation"
Level = Literal["theory", "engine", "field"]
LEVELS: tuple[Level, ...] = ("theory", "engine", "field")
Statistic = Literal[
    "mean", "each_hour", "mean_absolute_error", "coverage", "share_of_variance", "share_saved", "error_off_observed"
]
Text = Annotated[str, Field(min_length=1)]


def as_level(word: str) -> Level:
    """Return a word as a level. Raises PortsimError for another."""
    for level in LEVELS:
        if word == level:
            return level
    raise PortsimError(f"unknown level '{word}': {nearest(word, LEVELS)}")


def _as_given(raw: object) -> object:
    if isinstance(raw, list | tuple) and all(isinstance(one, int | float) for one in raw):
        return tuple(raw)
    if isinstance(raw, bool | int | float | str):
        return raw
    raise ValueError("expected a number, a list of numbers, true, false or a word")


def _known(name: str) -> str:
    known = (*NAMES, *COMPARISONS)
    if name not in known:
        raise ValueError(f"unknown quantity '{name}': {nearest(name, known)}")
    return name


Argument = Annotated[Given, BeforeValidator(_as_given)]
Quantity = Annotated[str, AfterValidator(_known)]


class Formula(Strict):
    """A closed form by name, with its numbers, and which of its answers is meant where it has several."""

    name: FormulaName
    given: dict[str, Argument]
    answer: Text | None = Field(default=None, description="such as wait_mean_min, or 0 for the first of a list")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        oracles.check_arguments(self.name, self.given)
        return self

    def numbers(self) -> oracles.Floats:
        """Return the answer: one number, or one an hour."""
        return oracles.evaluate(self.name, self.given, self.answer)


class Oracle(Strict):
    """What a value must be: the answer of a formula, a printed number, what was observed, or bounds."""

    formula: Formula | None = None
    printed: Real | None = None
    standard_error: Annotated[Real, Field(ge=0)] = Field(
        default=0.0, description="of the printed number, if it has one"
    )
    observed: Literal["wait_min", "per_hour", "posted_min", "crossings_per_day"] | None = Field(
        default=None,
        description="of the line, in the network: the mean over travellers, or joins an hour; of the packaged network "
        "also the smoothed posted wait it was fitted to, or, by crossing, the crossings that were counted",
    )
    at_least: Real | None = None
    at_most: Real | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.formula is not None, self.printed is not None, self.observed is not None, self.is_bound]
        if sum(kinds) != 1:
            raise ValueError("give exactly one of formula, printed, observed, or bounds (at_least, at_most)")
        return self

    @property
    def is_bound(self) -> bool:
        """Say whether it is bounds, not a number."""
        return self.at_least is not None or self.at_most is not None


class Tolerance(Strict):
    """How far a value may be from the oracle's, beside 3.3 standard errors; at most one of the two where both are."""

    relative: Annotated[Real, Field(gt=0, le=1)] | None = None
    absolute: Annotated[Real, Field(ge=0)] | None = None
    asymptotic: bool = Field(
        default=False, description="the oracle is a limit or a target, met nearly: no word of standard errors"
    )

    or_errors: bool = Field(default=False, description="3.3 standard errors will do, where they are wider")

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.relative is None) == (self.absolute is None):
            raise ValueError("give exactly one of relative, absolute")
        return self

    def width(self, oracle: float) -> float:
        """Return the tolerance in the unit of the value."""
        return self.absolute if self.absolute is not None else (self.relative or 0.0) * abs(oracle)


class Lines(Strict):
    """All observed lines of the network, one check each; narrowed to some ports, modes or lane types."""

    ports: tuple[Identifier, ...] | None = None
    modes: tuple[Mode, ...] | None = None
    lane_types: tuple[Identifier, ...] | None = None
    by: Literal["line", "crossing", "all"] = Field(
        default="line", description="one check a line, one a port and mode, or one of all"
    )
    except_ports: tuple[Identifier, ...] = ()
    except_lane_types: tuple[Identifier, ...] = ()

    def __contains__(self, line: object) -> bool:
        """Say whether a (port, mode, lane type) is one of them."""
        if not isinstance(line, tuple):
            return False
        port, mode, lane_type = line
        wanted = zip(line, (self.ports, self.modes, self.lane_types), strict=True)
        return (
            all(words is None or word in words for word, words in wanted)
            and port not in self.except_ports
            and lane_type not in self.except_lane_types
            and bool(mode)
        )


class Check(Where):
    """One value held against its oracle."""

    what: Text = Field(description="in a few words, with the unit")
    quantity: Quantity | None = None
    formula: Formula | None = Field(default=None, description="the value itself, where nothing is simulated")
    statistic: Statistic = "mean"
    option: Identifier | None = Field(default=None, description="the option it is of; absent is the base")
    saved_by: Identifier | None = Field(default=None, description="base less this option, replication by replication")
    each_line: Lines | None = None
    against: tuple[Real, ...] | None = Field(default=None, description="24 numbers, for the mean absolute error")
    from_oracle: Real = Field(default=0.0, description="only the hours whose oracle is at least this, of each_hour")
    truth: Formula | None = Field(default=None, description="what intervals are to cover")
    less: Formula | None = Field(default=None, description="taken off the oracle's or the truth's formula")
    oracle: Oracle | None = None
    tolerance: Tolerance | None = None
    judged: bool = Field(default=True, description="false: the oracle is shown beside the value, and decides nothing")
    source: Text | None = Field(default=None, description="of the oracle, where it is not the case's")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.quantity is None) == (self.formula is None):
            raise ValueError("give either quantity or formula")
        if self.option is not None and self.saved_by is not None:
            raise ValueError("give option or saved_by, not both")
        for key, needed in (("against", "mean_absolute_error"), ("truth", "coverage")):
            if (getattr(self, key) is not None) != (self.statistic == needed):
                raise ValueError(f"{key} goes with statistic {needed}, and only with it")
        if self.against is not None and len(self.against) != 24:  # noqa: PLR2004 - hours of a day
            raise ValueError(f"against: {len(self.against)} numbers: give 24")
        if self.statistic == "error_off_observed" and (self.each_line is None or self.each_line.by != "all"):
            raise ValueError("error_off_observed is of all lines together: each_line: {by: all}")
        if self.statistic in {"share_of_variance", "share_saved"} and self.saved_by is None:
            raise ValueError(f"{self.statistic} needs saved_by")
        if self.oracle is not None and self.judged and self.oracle.is_bound == (self.tolerance is not None):
            raise ValueError("an oracle that is a number needs a tolerance; one of bounds has none")
        return self


class Case(Strict):
    """One file of the validation."""

    case: Identifier = Field(description="its name, which is the file's")
    title: Text
    level: Level
    group: Text = Field(description="the table of the page it stands in")
    about: Text | None = None
    source: Text = Field(description="where the oracle comes from")
    quick: bool = Field(default=False, description="takes a second or two, and is part of --quick")
    network: Network | None = Field(default=None, description="absent is the packaged CaliBaja network")
    patience_pct_per_min: dict[Mode, Annotated[Real, Field(ge=0)]] | None = None
    run: Run = Run()
    options: dict[Identifier, tuple[Change, ...]] = Field(default_factory=dict)
    checks: tuple[Check, ...] = Field(min_length=1)

    @property
    def simulated(self) -> bool:
        """Say whether anything is simulated."""
        return any(check.quantity is not None for check in self.checks)

    @property
    def needs_rows(self) -> bool:
        """Say whether a quantity looks at single travellers."""
        return any(check.quantity in ROWS for check in self.checks)


@dataclass(frozen=True)
class ReadCase:
    """A case and the scenarios it simulates, the base first, under the names of its options."""

    case: Case
    document: Document
    scenarios: Mapping[str, Scenario]

    @property
    def base(self) -> Scenario:
        """Return the scenario without option."""
        return self.scenarios[BASE]

    @cached_property
    def name(self) -> str:
        """Return the case's name."""
        return self.case.case

    def refuse(self, check: int, message: str) -> ScenarioError:
        """Return the error that a check cannot be made, at its place in the file."""
        return ScenarioError([self.document.fault(("checks", check), message)])


BASE = "base"


def read(path: Path) -> ReadCase:
    """Read one case. Raises ScenarioError with every fault found, each with its place."""
    reader = Reader(roots=(path.resolve().parent,))
    document = reader.document(path.resolve(), None)
    case = reader.parse(document, Case)
    if reader.faults or case is None or document is None:
        raise ScenarioError(reader.faults)
    reader.note(document, _names(case, path))
    network = _network(reader, document, case)
    scenarios = _scenarios(reader, document, case, network)
    if reader.faults:
        raise ScenarioError(reader.faults)
    return ReadCase(case, document, scenarios)


def read_all(folder: Path = PACKAGED, level: Level | None = None, *, quick: bool = False) -> list[ReadCase]:
    """Read the cases of a folder, or the one of a file, those of a level or all.

    They come level by level, in the order of their files' names. Raises ScenarioError with the faults of all files,
    PortsimError where there is no case: nothing would be validated.
    """
    found: list[ReadCase] = []
    faults: list[Fault] = []
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*.yaml")):
        try:
            found.append(read(path))
        except ScenarioError as error:
            faults += error.faults
    if faults:
        raise ScenarioError(faults)
    chosen = [one for one in found if level in {None, one.case.level} and (one.case.quick or not quick)]
    if not chosen:
        raise PortsimError(f"{folder}: no case to run there")
    return sorted(chosen, key=lambda one: (LEVELS.index(one.case.level), one.name))


def _names(case: Case, path: Path) -> Iterator[tuple[KeyPath, str]]:
    if case.case != path.stem:
        yield ("case",), f"'{case.case}' is not the file's name: {path.stem}"
    for number, check in enumerate(case.checks):
        for key in ("option", "saved_by"):
            word = getattr(check, key)
            if word is not None and word not in case.options:
                yield ("checks", number, key), f"unknown option '{word}': {nearest(word, list(case.options))}"


@cache
def _packaged() -> Network:
    """Return the packaged network, which many cases are about."""
    return scenario.packaged().network


def _network(reader: Reader, document: Document, case: Case) -> Network:
    """Return the case's network with its patience."""
    network = case.network
    if network is None:
        network = _packaged()
    else:
        reader.note(document, [*checks.cross_check(network), *overlapping(network)], ("network",))
    if case.patience_pct_per_min is None:
        return network
    patience = {**network.patience_pct_per_min}
    for mode, value in case.patience_pct_per_min.items():
        patience[mode] = Figure(value=value, note="of the case")
    return network.model_copy(update={"patience_pct_per_min": patience})


def _scenarios(reader: Reader, document: Document, case: Case, network: Network) -> dict[str, Scenario]:
    """Return the base and each option, its changes made; faults of them are noted at their place."""
    base = Scenario(
        name=case.case,
        title=case.title,
        about=case.about or "",
        path=document.path,
        network=network,
        demand=(),
        run=case.run,
        cargo_rule=None,
        files=(document.path,),
        before=network,
    )
    found = {BASE: base}
    if reader.faults:
        return found
    for name, made in case.options.items():
        after, demand = _changed(reader, document, network, name, made)
        found[name] = replace(base, name=f"{case.case}-{name}", title=name, network=after, demand=demand)
    return found


def _changed(
    reader: Reader, document: Document, network: Network, name: str, made: Sequence[Change]
) -> tuple[Network, tuple[DemandChange, ...]]:
    earlier: list[Change] = []
    demand: list[DemandChange] = []
    for number, change in enumerate(made):
        try:
            network = changes.apply(network, change, earlier)
        except changes.ChangeFault as fault:
            reader.note(document, fault.found, ("options", name, number))
            continue
        if changes.concerns_demand(change):
            demand.append(change)
        earlier.append(change)
    return network, tuple(demand)
