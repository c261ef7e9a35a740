"""A study's folder: results/<name>-<digest8>/ with tables, figures, resolved scenarios, log and manifest.

`manifest.json` is written last: a folder without it can be resumed. A folder of another study is never written to.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from portsim import __version__
from portsim.border.demand import lanes_of, patience_per_min
from portsim.errors import PortsimError, ResultsError
from portsim.language.scenario import Scenario, assumed, count_by_class, in_year, resolved_yaml
from portsim.language.schema import MODES, DemandChange, Event, Figure, Mode, Observed, ScaleDemand, as_mode
from portsim.measure.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, Measures
from portsim.pages import index, publish
from portsim.results import grounds, tables
from portsim.results.findings import Context
from portsim.results.finished import MANIFEST, OWNER, PARTS, Finished
from portsim.valuation import parameters, valuing
from portsim.valuation.economics import Saving

_PACKAGES = ("numpy", "scipy", "simpy", "pandas", "pydantic", "matplotlib", "joblib")
_KEEPS_UP = 0.98  # of those who join in the measured weeks; below, a line is growing
_EXACT = ("replications", "truck_savings")  # they are read again: valuing a run anew gives the same dollars
Run = Sequence[Sequence[Measures]]


class Later(NamedTuple):
    """A base and an option with the demand of a later year; `of` names the option of today."""

    of: str
    year: int
    base: Scenario
    option: Scenario


@dataclass(frozen=True)
class Study:
    """One scenario, or a base and its options.

    `companions` are the same scenarios at the low figure of patience, for comparisons that rest on it.
    """

    scenarios: tuple[Scenario, ...]
    companions: tuple[Scenario, ...] = ()

    @property
    def name(self) -> str:
        """Name the study by what is new in it."""
        if len(self.scenarios) == 1:
            return self.scenarios[0].name
        return "-".join(scenario.name for scenario in self.scenarios[1:])

    def with_replications(self, count: int) -> Study:
        """Return the study with so many replications of each scenario."""
        settings = {"replications": count}
        groups = (
            tuple(replace(s, run=s.run.model_copy(update=settings)) for s in group)
            for group in (self.scenarios, self.companions)
        )
        return Study(*groups)

    @property
    def later(self) -> tuple[Later, ...]:
        """Return base and option in the years that an option's appraisal asks for."""
        base, *options = self.scenarios
        return tuple(
            Later(option.name, year, in_year(base, year, plan), in_year(option, year, plan))
            for option in options
            if (plan := option.appraisal) is not None
            for year in plan.years
        )

    @property
    def shown(self) -> tuple[Scenario, ...]:
        """Return what has rows in every table: the scenarios and their companions."""
        return self.scenarios + self.companions

    @property
    def runs(self) -> tuple[Scenario, ...]:
        """Return all that is simulated: what is shown, then later years, a base that several options share once."""
        years = {scenario.name: scenario for pair in self.later for scenario in (pair.base, pair.option)}
        return (*self.shown, *years.values())

    @property
    def digest(self) -> str:
        """SHA-256 of what determines the tables, except the number of replications."""
        content = [
            [s.name, s.title, s.digest, s.cargo_rule.model_dump(mode="json") if s.cargo_rule else None]
            for s in self.runs
        ] + [[s.name, s.appraisal.model_dump(mode="json")] for s in self.scenarios if s.appraisal is not None]
        return hashlib.sha256(json.dumps([__version__, content]).encode()).hexdigest()

    def problems(self) -> list[str]:
        """Return why the scenarios cannot be compared: an empty list where they can."""
        base, *options = self.scenarios
        found: list[str] = []
        names = [scenario.name for scenario in self.scenarios]
        found += [
            f"two scenarios of this comparison are named '{name}': each needs a name of its own"
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        found += [
            f"{option.path}: its cargo_rule is not that of {base.path}: a comparison has one rule"
            for option in options
            if option.cargo_rule != base.cargo_rule
        ]
        found += self._unlike_years()
        found += self._unknown_dollars()
        for option in options:
            for key, value in base.run.model_dump().items():
                other = getattr(option.run, key)
                if other != value:
                    found.append(
                        f"{option.path}: run.{key} is {other}, but {value} in {base.path}: "
                        "a fair comparison runs both alike"
                    )
        return found

    def _unlike_years(self) -> list[str]:
        """Return which options would have the base of one year grow otherwise than others."""
        seen: dict[str, str] = {}
        return list(
            dict.fromkeys(
                f"{pair.of}: its appraisal grows the demand of {pair.year} otherwise than another option's does: "
                "a comparison has one future; state growth_pct_per_year and counts_year alike"
                for pair in self.later
                if seen.setdefault(pair.base.name, pair.base.digest) != pair.base.digest
            )
        )

    def _unknown_dollars(self) -> list[str]:
        """Return which appraisals are in dollars of a year without a price index."""
        known = parameters.load().price_index.by_year if any(s.appraisal for s in self.scenarios) else {}
        return [
            f"{s.path}: appraisal.dollar_year is {s.appraisal.dollar_year}, a year without a price index: "
            f"known: {', '.join(map(str, known))}"
            for s in self.scenarios[1:]
            if s.appraisal is not None and str(s.appraisal.dollar_year) not in known
        ]

    def folder(self, results: Path) -> Path:
        """Return the folder of this study below `results`."""
        return results / f"{self.name}-{self.digest[:8]}"


@dataclass(frozen=True)
class Tables:
    """The tables of a study, columns as in docs/results.md."""

    summary: pd.DataFrame
    hourly: pd.DataFrame
    weekday_profile: pd.DataFrame
    comparison: pd.DataFrame
    hourly_comparison: pd.DataFrame
    cargo_value: pd.DataFrame
    replications: pd.DataFrame = field(default_factory=pd.DataFrame)
    truck_savings: pd.DataFrame = field(default_factory=pd.DataFrame)
    worth: valuing.Worth = field(default_factory=lambda: valuing.Worth(parameters.load(), {}, {}))
    queues: pd.DataFrame = field(default_factory=pd.DataFrame)
    booths: pd.DataFrame = field(default_factory=pd.DataFrame)
    observed_waits: pd.DataFrame = field(default_factory=pd.DataFrame)
    observed_crossings: pd.DataFrame = field(default_factory=pd.DataFrame)
    inputs: pd.DataFrame = field(default_factory=pd.DataFrame)
    savings: Mapping[str, Saving] = field(default_factory=dict)
    growing: Sequence[GrowingLine] = ()

    @cached_property
    def worth_tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the valuation by name."""
        return self.worth.tables()

    def items(self) -> Sequence[tuple[str, pd.DataFrame]]:
        """Return the tables by name, those that the study has."""
        named = (
            ("summary", self.summary),
            ("hourly", self.hourly),
            ("weekday_profile", self.weekday_profile),
            ("queues", self.queues),
            ("comparison", self.comparison),
            ("hourly_comparison", self.hourly_comparison),
            ("cargo_value", self.cargo_value),
            *self.worth_tables.items(),
            ("replications", self.replications),
            ("truck_savings", self.truck_savings),
            ("booths", self.booths),
            ("observed_waits", self.observed_waits),
            ("observed_crossings", self.observed_crossings),
            ("inputs", self.inputs),
        )
        return [(name, table) for name, table in named if not table.empty]


def claim(folder: Path, study: Study) -> None:
    """Make the folder of a study, or take it up again. Raises ResultsError where it holds something else."""
    owner = folder / PARTS / OWNER
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{folder} is a file: choose another --out")
    if owner.exists():
        if owner.read_text(encoding="utf-8").strip() != study.digest:
            raise ResultsError(f"{folder} holds another study, or one of other inputs: choose another --out")
        return
    if folder.exists() and any(folder.iterdir()):
        raise ResultsError(f"{folder} is not empty, and not of portsim's making: choose another --out")
    try:
        owner.parent.mkdir(parents=True, exist_ok=True)
        _replace(owner, study.digest + "\n")
    except OSError as error:
        raise ResultsError(f"{folder} cannot be written: {error.strerror}") from error


def build_tables(study: Study, measures: Run) -> Tables:
    """Return the tables of a study from the measures of its runs' replications, in the order of `study.runs`."""
    comparisons, of_hours, values, savings, trucks = [], [], [], {}, []
    measured = dict(zip((s.name for s in study.runs), measures, strict=True))
    for base, option in _pairs(study):
        pair = (base.name, option.name, measured[base.name], measured[option.name])
        comparisons.append(tables.comparison(*pair))
        of_hours.append(tables.hourly_comparison(*pair))
        cargo, saving = cargo_table(base, option, *pair[2:])
        if saving is not None:
            values.append(cargo)
            savings[option.name] = saving
            trucks.append(tables.truck_savings(base.name, option.name, saving))
    run = valuing.Finished(
        basis(study),
        replications=_stack([tables.replications(name, m) for name, m in measured.items()]),
        truck_savings=_stack(trucks),
        cargo_value=_stack(values),
    )
    shown = {scenario.name: measured[scenario.name] for scenario in study.shown}
    summary = _stack([tables.summary(name, m) for name, m in measured.items()])
    first = study.scenarios[0]
    return Tables(
        summary=summary,
        hourly=_stack([tables.hourly(name, m) for name, m in shown.items()]),
        weekday_profile=_stack([tables.weekday_profile(name, m) for name, m in shown.items()]),
        queues=_stack([tables.queues(name, m) for name, m in shown.items()]),
        comparison=_stack(comparisons),
        hourly_comparison=_stack(of_hours),
        cargo_value=run.cargo_value,
        replications=run.replications,
        truck_savings=run.truck_savings,
        worth=valuing.worth(run, parameters.load()),
        booths=_rows(grounds.Booths, (row for s in study.scenarios for row in grounds.booths(s))),
        observed_waits=_rows(grounds.ObservedWait, grounds.observed_waits(first)),
        observed_crossings=_rows(grounds.ObservedCrossings, grounds.observed_crossings(first, summary)),
        inputs=_rows(grounds.Input, grounds.inputs({s.name: s for s in study.scenarios})),
        savings=savings,
        growing=[one for one in growing_lines(study, measures) if one.scenario in study.shown],
    )


def cargo_table(
    base: Scenario, option: Scenario, before: Sequence[Measures], after: Sequence[Measures]
) -> tuple[pd.DataFrame, Saving | None]:
    """Return the rows of cargo_value.csv of one pair and the minutes they rest on; none without a rule."""
    if base.cargo_rule is None:
        return pd.DataFrame(), None
    return tables.cargo_value(
        base.name,
        option.name,
        before,
        after,
        ports=[port.id for port in base.network.ports],
        rule=base.cargo_rule,
        assumed=frozenset(port for port, mode in resting_on_assumed(base) if mode == "truck"),
        demand_differs=demand_differs(base, option, "truck"),
    )


def _pairs(study: Study) -> Iterator[tuple[Scenario, Scenario]]:
    """Yield (base, option), companions with their companions."""
    for group in (study.scenarios, study.companions):
        for option in group[1:]:
            yield group[0], option


def basis(study: Study) -> valuing.Basis:
    """Return what a valuation of the study takes beside its tables."""
    later = [valuing.LaterPair(of=o.of, year=o.year, base=o.base.name, option=o.option.name) for o in study.later]
    plans = {s.name: s.appraisal for s in study.scenarios[1:] if s.appraisal is not None}
    held = basis_of(list(_pairs(study)), study.scenarios[0])
    return held.model_copy(update={"appraisals": plans, "later": tuple(later)})


def basis_of(pairs: Sequence[tuple[Scenario, Scenario]], base: Scenario) -> valuing.Basis:
    """Return what a valuation of some pairs takes beside their tables."""
    ports = {port.id: port for pair in pairs for scenario in pair for port in scenario.network.ports}
    regions = {port.id: port.region for port in base.network.ports}
    return valuing.Basis(
        pairs=tuple(
            valuing.Pair(
                base=one.name,
                option=other.name,
                demand_differs=tuple(mode for mode in MODES if demand_differs(one, other, mode)),
            )
            for one, other in pairs
        ),
        region={**{name: port.region for name, port in ports.items()}, **regions},
        taste_scale_min=base.network.choice.taste_scale_min.value,
        cargo_rule=base.cargo_rule,
        assumed_waits=tuple(sorted(resting_on_assumed(base))),
        choice_times=tuple(
            valuing.ChoiceTime(
                mode=one.mode,
                name=name,
                usd_per_hour=one.value_of_time_usd_per_hour.value,
                year=one.value_of_time_usd_per_hour.year,
                source=_source_of(base, one.value_of_time_usd_per_hour),
            )
            for name, one in base.network.classes.items()
        ),
    )


def _source_of(scenario: Scenario, figure: Figure) -> str:
    source = scenario.network.sources.get(figure.source or "")
    return f"{figure.class_}: {source.title}" if source else figure.class_


def demand_differs(base: Scenario, option: Scenario, mode: Mode) -> bool:
    """Say whether one of two scenarios scales how many of a mode would like to cross."""

    def scaling(scenario: Scenario) -> list[DemandChange]:
        return [change for change in scenario.demand if _scales(scenario, change, mode)]

    return scaling(base) != scaling(option)


def _scales(scenario: Scenario, change: DemandChange, mode: Mode) -> bool:
    if not isinstance(change, ScaleDemand | Event):
        return False
    classes = change.classes or scenario.network.classes
    of_mode = any(scenario.network.classes[name].mode == mode for name in classes)
    return of_mode and (change.modes is None or mode in change.modes)


def _stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _rows(kind: type[grounds.Row], rows: Iterable[grounds.Row]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(grounds.columns(kind)))


class GrowingLine(NamedTuple):
    """A line that serves clearly fewer than join it: its wait says how long was simulated."""

    scenario: Scenario
    line: tuple[str, str, str]
    joined: float
    served: float

    def __str__(self) -> str:
        name = "/".join(self.line)
        return f"{self.scenario.name}: {name} serves {self.served:,.0f} of the {self.joined:,.0f} who join in a week"


def growing_lines(study: Study, measures: Run) -> list[GrowingLine]:
    """Return the lines that serve less than 98 % of those who join in the measured weeks."""
    arrivals, throughput = (HOURLY_METRICS.index(m) for m in ("arrivals_per_hour", "throughput_per_hour"))
    found = []
    for scenario, replications in zip(study.runs, measures, strict=True):
        hourly = sum(m.hourly.sum(axis=1) for m in replications) / len(replications)
        found += [
            GrowingLine(scenario, line, row[arrivals], row[throughput])
            for line, row in zip(replications[0].lines, hourly, strict=True)
            if row[throughput] < _KEEPS_UP * row[arrivals]
        ]
    return found


def refuse_endless_lines(study: Study, measures: Run) -> None:
    """Raise PortsimError where a line grows and nobody ever gives up."""
    endless = [
        f"{growing}, and nobody gives up: its line has no end. State patience_pct_per_min for {growing.line[1]}"
        for growing in growing_lines(study, measures)
        if patience_per_min(growing.scenario.network, as_mode(growing.line[1])) == 0
    ]
    if endless:
        raise PortsimError("\n".join(endless))


def refuse_empty_base(study: Study, measures: Run) -> None:
    """Raise PortsimError where nobody is served in the base: there is nothing to tell, or to compare with."""
    wait = SUMMARY_METRICS.index("wait_mean_min")
    if all(np.isnan(one.summary[one.groups.index((ALL, ALL, ALL)), wait]) for one in measures[0]):
        name = study.runs[0].name
        raise PortsimError(f"{name}: nobody reaches a booth in the measured weeks: see demand, hours and booths")


def assumed_waits(scenario: Scenario) -> list[tuple[str, Mode, Observed]]:
    """Return the lines whose baseline waits are assumed, not observed: (port, mode, what is said of the line)."""
    return [
        (port.id, mode, lane.observed)
        for port, mode, _, _, lane in lanes_of(scenario.network)
        if lane.observed is not None and lane.observed.wait_min.class_ == "assumed"
    ]


def resting_on_assumed(scenario: Scenario) -> frozenset[tuple[str, Mode]]:
    """Return the (port, mode) pairs that rest on an assumed wait: their own, or that of the port they are like."""
    assumed_at = {(port, mode) for port, mode, _ in assumed_waits(scenario)}
    alike = {
        (port.id, mode)
        for port, mode, _, _, _ in lanes_of(scenario.network)
        if (port.constants_from, mode) in assumed_at
    }
    return frozenset(assumed_at | alike)


def write(folder: Path, study: Study, measures: Run, started: float, engine: str) -> Tables:
    """Write everything of a study but its replications, the manifest last; return the tables."""
    (folder / MANIFEST).unlink(missing_ok=True)
    refuse_empty_base(study, measures)
    refuse_endless_lines(study, measures)
    found = build_tables(study, measures)
    _write_tables(folder, found)
    _write_resolved(folder, study)
    manifest = {**_manifest(study, started, engine), "tables": [name for name, _ in found.items()]}
    _publish(Finished(folder, manifest))
    return found


def redraw(folder: Path) -> list[str]:
    """Draw figures, pages, slides and workbook of a finished folder anew; return the tables that are missing in it.

    Raises ResultsError where it is not a finished folder.
    """
    finished = Finished.of(folder)
    _publish(finished)
    return finished.missing


def _publish(finished: Finished) -> None:
    """Draw what a study found, write the manifest with it, and list the study among those beside it."""
    manifest = {**finished.manifest, **publish.write(finished)._asdict()}
    _replace(finished.folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    beside = finished.folder.resolve().parent
    if beside.name == index.LISTED:
        index.write(beside)


def _write_tables(folder: Path, found: Tables) -> None:
    for name, table in found.items():
        write_table(folder, name, table)


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write one table of a folder, whole or not at all."""
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    digits = None if name in _EXACT else "%.6g"
    _replace(folder / "tables" / f"{name}.csv", table.to_csv(index=False, float_format=digits))


def _write_resolved(folder: Path, study: Study) -> None:
    (folder / "resolved").mkdir(exist_ok=True)
    for scenario in study.runs:
        _replace(folder / "resolved" / f"{scenario.name}.yaml", resolved_yaml(scenario))


def _replace(path: Path, text: str) -> None:
    """Write a text whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def context(study: Study) -> Context:
    """Return what the charts of a study say beside its tables."""
    return Finished(Path(), _manifest(study, time.time(), "")).context


def _context(study: Study) -> dict[str, object]:
    """Return what charts and pages say beside the tables, for the manifest."""
    base = study.scenarios[0]
    counts = count_by_class(base)
    credit = base.network.credit or f"network {base.network.network}"
    places = grounds.border_km(base)
    return {
        "about": {s.name: s.about for s in study.scenarios},
        "companions": [s.name for s in study.companions],
        "source": f"{credit}. {counts['assumed']} of {sum(counts.values())} inputs assumed",
        "ports": [
            {
                "id": port.id,
                "name": port.name,
                "target_wait_min": port.target_wait_min.value if port.target_wait_min is not None else None,
                "border_km": places.get(port.id),
            }
            for port in base.network.ports
        ],
        "assumed_waits": sorted(resting_on_assumed(base)),
        "patience_pct_per_min": {
            mode: {"value": figure.value, "low": figure.low}
            for mode, figure in base.network.patience_pct_per_min.items()
        },
        "assumed_lines": [
            {"port": port, "mode": mode, "low_factor": o.wait_min.low_factor, "high_factor": o.wait_min.high_factor}
            for port, mode, o in assumed_waits(base)
        ],
    }


def _manifest(study: Study, started: float, engine: str) -> dict[str, Any]:
    return {
        "portsim": __version__,
        "study": study.name,
        "study_digest": study.digest,
        "engine": engine,
        "context": _context(study),
        "scenarios": [
            {
                "name": s.name,
                "title": s.title,
                "digest": s.digest,
                "files": {path.name: _file_digest(path) for path in s.files},
                "sets": list(s.sets),
                "run": s.run.model_dump(),
                "inputs": count_by_class(s),
                "inputs_assumed": list(assumed(s)),
            }
            for s in study.runs
        ],
        "valuation": basis(study).model_dump(mode="json", by_alias=True),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
