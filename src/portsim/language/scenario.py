"""Files to a Scenario: read, inherit, override, check; every fault with its file, line and column.

Faults of shape (a key, a word, a number) are looked for in all files first. What names refer to, and what the
changes do, is looked at once every file reads well; what `--set` says comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from portsim.errors import Fault, KeyPath, PortsimError, ScenarioError
from portsim.language import changes, checks, settings
from portsim.language.documents import Document, Model, Reader, read_yaml, write_yaml
from portsim.language.messages import human
from portsim.language.paths import Leaf, changed, leaves
from portsim.language.schema import (
    MODES,
    Appraisal,
    CargoRule,
    Change,
    DemandChange,
    Figure,
    Network,
    Provenance,
    Run,
    ScaleDemand,
    ScenarioFile,
    SourceClass,
)
from portsim.language.windows import overlapping
from portsim.packaged import DATA

__all__ = [
    "Scenario",
    "assumed",
    "at_low_patience",
    "count_by_class",
    "figures",
    "load",
    "packaged",
    "read_yaml",
    "resolved_yaml",
]

PACKAGED_NETWORK = DATA / "calibaja" / "network.yaml"
CARGO_RULE_FILE = "cargo_rule.yaml"
DEFAULT = "default"
LOW_PATIENCE = "low figure"
MOST_WARM_UP = 1
"""Weeks by which the warm-up may be longer than what is measured: 2 + 1 is needed where patience is low."""


@dataclass(frozen=True)
class Scenario:
    """One scenario, complete: everything a simulation needs, and the files it was read from.

    `network` has its tables read, and the scenario's settings and changes applied; `demand` is left for the
    model to apply, in order. `sets` are what the command line set, already applied.
    """

    name: str
    title: str
    about: str
    path: Path
    network: Network
    demand: tuple[DemandChange, ...]
    run: Run
    cargo_rule: CargoRule | None
    files: tuple[Path, ...]
    before: Network
    """The network with the scenario's settings, before its changes."""
    sets: tuple[str, ...] = ()
    appraisal: Appraisal | None = None
    """What the scenario costs; of the youngest file that says so, whole."""
    idle: Mapping[str, Fault] = field(default_factory=dict, compare=False, repr=False)
    """What the command line would have set, but is of nothing in this scenario, and why; see `load`."""
    origins: Mapping[KeyPath, str] = field(default_factory=dict, compare=False, repr=False)
    """Where each value comes from: `file:line`, `table:column`, the command line; absent is a default."""

    @property
    def digest(self) -> str:
        """SHA-256 of what determines the results: not title or files, not the number of replications."""
        content = {
            "network": self.network.model_dump(mode="json"),
            "before": self.before.model_dump(mode="json") if self.before != self.network else None,
            "demand": [change.model_dump(mode="json") for change in self.demand],
            "run": self.run.model_dump(mode="json", exclude={"replications"}),
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def leaves(self) -> Iterator[Leaf]:
        """Yield every value with its path, as `--set` takes it: run, demand, cargo rule, appraisal, network."""
        for root in ("run", "demand", "cargo_rule", "appraisal", "network"):
            held = getattr(self, root)
            if held is not None and held != ():
                yield from leaves(held, (root,), root)

    def origin(self, at: KeyPath) -> str:
        """Say where the value at a location comes from."""
        return next((self.origins[at[:end]] for end in range(len(at), 0, -1) if at[:end] in self.origins), DEFAULT)


def load(
    path: str | Path,
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    *,
    all_sets: bool = True,
) -> Scenario:
    """Read a scenario with its parents, its network and its tables.

    `overrides` are keys of `run` from the command line; one that is None leaves the file's. `sets` are
    `path=value`, as `--set` takes them, applied last. Raises ScenarioError with every fault found. Without `all_sets`,
    one whose path is not here, or that changes nothing, is no fault: it is left out, and among the scenario's `idle`.
    """
    if not isinstance(path, str | Path):
        raise PortsimError(f"{path!r} is no scenario file: give its path")
    reading = _Reading(roots=(Path(path).resolve().parent, Path.cwd().resolve()))
    chain = reading.chain(Path(path))
    parts = [reading.parse(document, ScenarioFile) for document in chain]
    network_document = reading.network(chain)
    network = reading.parse(network_document, Network)
    rule = reading.cargo_rule(chain, network_document)
    run = reading.run(chain, parts, overrides or {})
    if reading.faults or network_document is None or network is None or run is None:
        raise ScenarioError(reading.faults)

    files = [part for part in parts if part is not None]
    reading.note(network_document, [*checks.cross_check(network), *overlapping(network)])
    if rule is not None:
        reading.note(rule.document, checks.cross_check_cargo_rule(rule.rule, network), rule.at)
        reading.trace(rule.rule, ("cargo_rule",), rule.document, rule.at)
    reading.trace(network, ("network",), network_document, ())
    before = reading.settle(network, chain, files)
    network, demand = reading.make_changes(before, chain, files)
    if reading.faults:
        raise ScenarioError(reading.faults)
    plan = reading.appraisal(chain, parts)
    given = settings.Parts(network, run, rule.rule if rule else None, demand, plan)
    applied = reading.set_values(given, sets, all_sets)
    made = applied.parts
    reading.check_warm_up(made.run, chain)
    if reading.faults:
        raise ScenarioError(reading.faults)

    own = files[-1]
    return Scenario(
        name=own.scenario,
        title=own.title or own.scenario,
        about=own.about or "",
        path=Path(path),
        network=made.network,
        demand=made.demand,
        run=made.run,
        cargo_rule=made.cargo_rule,
        files=tuple(reading.files),
        before=before,
        sets=tuple(text for text in sets if text not in applied.idle),
        appraisal=made.appraisal,
        idle=applied.idle,
        origins=reading.origins,
    )


def packaged() -> Scenario:
    """Return the packaged network as a scenario without changes."""
    return of_network(PACKAGED_NETWORK)


def of_network(path: Path) -> Scenario:
    """Return a network as a scenario without changes. Raises ScenarioError with every fault found."""
    reading = _Reading(roots=(path.resolve().parent,))
    document = reading.document(path.resolve(), None)
    network = reading.parse(document, Network)
    rule = reading.cargo_rule((), document)
    if reading.faults or document is None or network is None:
        raise ScenarioError(reading.faults)
    reading.trace(network, ("network",), document, ())
    if rule is not None:
        reading.trace(rule.rule, ("cargo_rule",), rule.document, rule.at)
    return Scenario(
        name=network.network,
        title=network.network,
        about=network.about,
        path=path,
        network=network,
        demand=(),
        run=Run(),
        cargo_rule=rule.rule if rule else None,
        files=tuple(reading.files),
        before=network,
        origins=reading.origins,
    )


def at_low_patience(scenario: Scenario) -> Scenario | None:
    """Return the scenario at the low figure of patience of its network, None where no mode has one.

    Lines answer slower then, so two weeks warm up.
    """
    patience = {
        mode: figure if figure.low is None else figure.model_copy(update={"value": figure.low})
        for mode, figure in scenario.network.patience_pct_per_min.items()
    }
    if patience == scenario.network.patience_pct_per_min:
        return None
    warm_up_weeks = max(2, scenario.run.warm_up_weeks)
    stated = scenario.network.patience_pct_per_min
    set_here: list[KeyPath] = [
        ("network", "patience_pct_per_min", mode) for mode, figure in patience.items() if figure != stated[mode]
    ]
    if warm_up_weeks != scenario.run.warm_up_weeks:
        set_here.append(("run", "warm_up_weeks"))
    return replace(
        scenario,
        name=f"{scenario.name}-low-patience",
        title=f"{scenario.title}, low patience",
        network=scenario.network.model_copy(update={"patience_pct_per_min": patience}),
        before=scenario.before.model_copy(update={"patience_pct_per_min": patience}),
        run=scenario.run.model_copy(update={"warm_up_weeks": warm_up_weeks}),
        origins={**scenario.origins, **dict.fromkeys(set_here, LOW_PATIENCE)},
    )


def in_year(scenario: Scenario, year: int, appraisal: Appraisal) -> Scenario:
    """Return a scenario with the demand of a later year, grown by mode as an appraisal says from its counts' year.

    Growth is one more layer of demand, so that the travellers of the earlier year are all there.
    """
    grown = tuple(
        ScaleDemand(action="scale_demand", factor=appraisal.growth_factor(mode, year), modes=(mode,))
        for mode in MODES
        if mode in appraisal.growth_pct_per_year
    )
    return replace(
        scenario,
        name=f"{scenario.name}-{year}",
        title=f"{scenario.title}, {year}",
        demand=(*scenario.demand, *grown),
        appraisal=None,
    )


def resolved_yaml(scenario: Scenario) -> str:
    """Return the scenario with everything inherited, read and changed written out, as YAML."""
    return write_yaml(
        {
            "scenario": scenario.name,
            "title": scenario.title,
            "about": scenario.about,
            "run": scenario.run.model_dump(),
            "demand": [_plain_data(change) for change in scenario.demand],
            "cargo_rule": _plain_data(scenario.cargo_rule),
            "appraisal": _plain_data(scenario.appraisal),
            "network": _plain_data(scenario.network),
        }
    )


def _plain_data(model: BaseModel | None) -> object:
    return None if model is None else model.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- where the numbers come from ---------------------------------------------------------------


def figures(scenario: Scenario) -> Iterator[tuple[str, Provenance]]:
    """Yield every figure and series with its dotted path, ids in brackets; defaults count too."""
    for leaf in scenario.leaves():
        if isinstance(leaf.value, Provenance):
            yield leaf.path, leaf.value


def count_by_class(scenario: Scenario) -> dict[SourceClass, int]:
    """Count the figures that are measured, published, derived and assumed; a series counts once."""
    count = Counter(number.class_ for _, number in figures(scenario))
    classes: tuple[SourceClass, ...] = ("measured", "published", "derived", "assumed")
    return {name: count[name] for name in classes}


def assumed(scenario: Scenario) -> tuple[str, ...]:
    """Return the dotted paths of the figures that are assumed."""
    return tuple(path for path, number in figures(scenario) if number.class_ == "assumed")


# --- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PlacedRule:
    rule: CargoRule
    document: Document
    at: KeyPath


@dataclass
class _Reading(Reader):
    """A scenario as it is being read: its files, its faults, and where each value came from."""

    origins: dict[KeyPath, str] = field(default_factory=dict)

    def chain(self, path: Path) -> list[Document]:
        """Read a scenario and its parents, oldest first."""
        documents: list[Document] = []
        following: Path | None = path.resolve()
        asked: tuple[Document, str] | None = None
        while following is not None:
            document = self.document(following, asked)
            if document is None:
                break
            documents.append(document)
            asked, following = (document, "extends"), self._parent(documents)
        return documents[::-1]

    def _parent(self, documents: Sequence[Document]) -> Path | None:
        youngest = documents[-1]
        stated = youngest.data.get("extends")
        if not isinstance(stated, str):
            return None
        parent = (youngest.path.parent / stated).resolve()
        seen = [document.path for document in documents]
        if parent not in seen:
            return parent
        circle = " -> ".join(path.name for path in (*seen[seen.index(parent) :], parent))
        self.faults.append(youngest.fault(("extends",), f"scenarios extend each other in a circle: {circle}"))
        return None

    def network(self, chain: Sequence[Document]) -> Document | None:
        """Read the network the youngest scenario states, or the packaged one."""
        for document in reversed(chain):
            if "network" in document.data:
                stated = document.data["network"]
                if not isinstance(stated, str):
                    return None
                return self.document((document.path.parent / stated).resolve(), (document, "network"))
        if self.faults and not (chain and "extends" not in chain[0].data):
            return None  # a parent that could not be read may state it
        return self.document(PACKAGED_NETWORK, None)

    def cargo_rule(self, chain: Sequence[Document], network: Document | None) -> _PlacedRule | None:
        """Take the cargo rule of the youngest scenario that states one, or the file beside the network."""
        for document in reversed(chain):
            if "cargo_rule" in document.data:
                rule = self._valid(document.data["cargo_rule"], CargoRule)
                return _PlacedRule(rule, document, ("cargo_rule",)) if rule else None
        if network is None or not (beside := network.path.parent / CARGO_RULE_FILE).exists():
            return None
        placed = self.document(beside, None)
        rule = self.parse(placed, CargoRule)
        return _PlacedRule(rule, placed, ()) if rule and placed else None

    def appraisal(self, chain: Sequence[Document], parts: Sequence[ScenarioFile | None]) -> Appraisal | None:
        """Take the appraisal of the youngest scenario that states one, whole."""
        for document, part in zip(reversed(chain), reversed(parts), strict=True):
            if part is not None and part.appraisal is not None:
                self.trace(part.appraisal, ("appraisal",), document, ("appraisal",))
                return part.appraisal
        return None

    @staticmethod
    def _valid(data: object, model: type[Model]) -> Model | None:
        """Return the model, None where it has faults: those were noted when its whole file was parsed."""
        try:
            return model.model_validate(data)
        except ValidationError:
            return None

    def run(
        self, chain: Sequence[Document], parts: Sequence[ScenarioFile | None], overrides: Mapping[str, object]
    ) -> Run | None:
        """Merge `run` key by key: parents, then the scenario, then the command line."""
        merged: dict[str, object] = {}
        for document, part in zip(chain, parts, strict=True):
            if part is not None:
                merged |= part.run.model_dump(include=part.run.model_fields_set)
                self._from(document, [("run", key) for key in part.run.model_fields_set], ())
        given = {key: value for key, value in overrides.items() if value is not None}
        self.origins |= {("run", key): settings.COMMAND_LINE for key in given}
        try:
            return Run.model_validate(merged | given)
        except ValidationError as invalid:
            for error in invalid.errors():
                key = ".".join(str(part) for part in ("run", *error["loc"]))
                self.faults.append(Fault(settings.COMMAND_LINE, 0, 0, f"{key}: {human(error, Run)}"))
            return None

    def settle(self, network: Network, chain: Sequence[Document], files: Sequence[ScenarioFile]) -> Network:
        """Lay the scenarios' `choice` and `patience_pct_per_min` over the network's; the youngest file wins."""
        patience, kind = dict(network.patience_pct_per_min), network.choice.kind
        for document, file in zip(chain, files, strict=True):
            if file.choice is not None:
                kind = file.choice
                self.origins["network", "choice", "kind"] = document.origin(("choice",)) or DEFAULT
            for mode, value in (file.patience_pct_per_min or {}).items():
                patience[mode] = Figure(value=value, note=changes.NOTE)
                self._from(document, [("patience_pct_per_min", mode)], ("network",))
        choice = network.choice.model_copy(update={"kind": kind})
        return network.model_copy(update={"choice": choice, "patience_pct_per_min": patience})

    def make_changes(
        self, network: Network, chain: Sequence[Document], files: Sequence[ScenarioFile]
    ) -> tuple[Network, tuple[DemandChange, ...]]:
        """Make all changes in order, parents' first; one with a fault is left out, to look at the others."""
        earlier: list[Change] = []
        demand: list[DemandChange] = []
        for document, file in zip(chain, files, strict=True):
            for number, change in enumerate(file.changes):
                at: KeyPath = ("changes", number)
                try:
                    after = changes.apply(network, change, earlier)
                except changes.ChangeFault as fault:
                    self.note(document, fault.found, at)
                    continue
                origin = document.origin(at) or DEFAULT
                self.origins |= {("network", *place): origin for place in changed(network, after)}
                if changes.concerns_demand(change):
                    self.trace(change, ("demand", len(demand)), document, at)
                    demand.append(change)
                network = after
                earlier.append(change)
            if not self.faults:
                for number, found in changes.overfull(network, file.changes):
                    self.note(document, [found], ("changes", number))
        return network, tuple(demand)

    def set_values(self, parts: settings.Parts, sets: Sequence[str], all_sets: bool) -> settings.Applied:
        """Set what the command line says."""
        applied = settings.apply(parts, sets)
        self.faults += [*applied.faults, *(applied.idle.values() if all_sets else ())]
        for setting in applied.settings:
            at = setting.leaf
            if self.origins.get(at) == settings.COMMAND_LINE:
                self.faults.append(setting.fault(f"this value is set twice: by --{at[-1]} too"))
            if setting.of_number:
                self.origins = {place: origin for place, origin in self.origins.items() if place[: len(at)] != at}
                self.origins[at] = settings.COMMAND_LINE
        return applied

    def check_warm_up(self, run: Run, chain: Sequence[Document]) -> None:
        """Refuse a warm-up so long that little is left to measure: it is usually a slip."""
        most = run.weeks + MOST_WARM_UP
        if run.warm_up_weeks <= most:
            return
        message = (
            f"warm_up_weeks ({run.warm_up_weeks}) is longer than the run: at most {most}, "
            f"one more than weeks ({run.weeks})"
        )
        for key in ("warm_up_weeks", "weeks"):
            if self.origins.get(("run", key)) == settings.COMMAND_LINE:
                self.faults.append(Fault(settings.COMMAND_LINE, 0, 0, message))
                return
        stating = [document for document in chain if document.origin(("run", "warm_up_weeks"))]
        self.faults.append(stating[-1].fault(("run", "warm_up_weeks"), message))

    def trace(self, held: object, root: KeyPath, document: Document, at: KeyPath) -> None:
        """Remember where each value of what was read stands."""
        for leaf in leaves(held, (), ""):
            if origin := document.origin((*at, *leaf.at)):
                self.origins[*root, *leaf.at] = origin

    def _from(self, document: Document, places: Iterable[KeyPath], root: KeyPath) -> None:
        self.origins |= {(*root, *at): origin for at in places if (origin := document.origin(at))}
