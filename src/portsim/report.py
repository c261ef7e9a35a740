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
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from portsim import __version__, grounds, index, publish, tables
from portsim.demand import lanes_of, patience_per_min
from portsim.economics import Saving
from portsim.errors import PortsimError, ResultsError
from portsim.finished import MANIFEST, OWNER, PARTS, Finished
from portsim.measures import HOURLY_METRICS, Measures
from portsim.scenario import Scenario, assumed, count_by_class, resolved_yaml
from portsim.schema import DemandChange, Event, Mode, Observed, ScaleDemand, as_mode

_PACKAGES = ("numpy", "scipy", "simpy", "pandas", "pydantic", "matplotlib", "joblib")
_KEEPS_UP = 0.98  # of those who join in the measured weeks; below, a line is growing
Run = Sequence[Sequence[Measures]]


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
    def runs(self) -> tuple[Scenario, ...]:
        """Return all that is simulated."""
        return self.scenarios + self.companions

    @property
    def digest(self) -> str:
        """SHA-256 of what determines the tables, except the number of replications."""
        content = [
            [s.name, s.title, s.digest, s.cargo_rule.model_dump(mode="json") if s.cargo_rule else None]
            for s in self.runs
        ]
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
        for option in options:
            for key, value in base.run.model_dump().items():
                other = getattr(option.run, key)
                if other != value:
                    found.append(
                        f"{option.path}: run.{key} is {other}, but {value} in {base.path}: "
                        "a fair comparison runs both alike"
                    )
        return found

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
    queues: pd.DataFrame = field(default_factory=pd.DataFrame)
    booths: pd.DataFrame = field(default_factory=pd.DataFrame)
    observed_waits: pd.DataFrame = field(default_factory=pd.DataFrame)
    observed_crossings: pd.DataFrame = field(default_factory=pd.DataFrame)
    inputs: pd.DataFrame = field(default_factory=pd.DataFrame)
    savings: Mapping[str, Saving] = field(default_factory=dict)
    growing: Sequence[GrowingLine] = ()

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
    comparisons, of_hours, values, savings = [], [], [], {}
    measured = dict(zip((s.name for s in study.runs), measures, strict=True))
    for base, option in _pairs(study):
        pair = (base.name, option.name, measured[base.name], measured[option.name])
        comparisons.append(tables.comparison(*pair))
        of_hours.append(tables.hourly_comparison(*pair))
        if base.cargo_rule is not None:
            value, saving = tables.cargo_value(
                *pair,
                ports=[port.id for port in base.network.ports],
                rule=base.cargo_rule,
                assumed=frozenset(port for port, mode in resting_on_assumed(base) if mode == "truck"),
                demand_differs=demand_differs(base, option, "truck"),
            )
            values.append(value)
            savings[option.name] = saving
    summary = _stack([tables.summary(name, m) for name, m in measured.items()])
    first = study.scenarios[0]
    return Tables(
        summary=summary,
        hourly=_stack([tables.hourly(name, m) for name, m in measured.items()]),
        weekday_profile=_stack([tables.weekday_profile(name, m) for name, m in measured.items()]),
        queues=_stack([tables.queues(name, m) for name, m in measured.items()]),
        comparison=_stack(comparisons),
        hourly_comparison=_stack(of_hours),
        cargo_value=_stack(values),
        booths=_rows(grounds.Booths, (row for s in study.scenarios for row in grounds.booths(s))),
        observed_waits=_rows(grounds.ObservedWait, grounds.observed_waits(first)),
        observed_crossings=_rows(grounds.ObservedCrossings, grounds.observed_crossings(first, summary)),
        inputs=_rows(grounds.Input, grounds.inputs({s.name: s for s in study.scenarios})),
        savings=savings,
        growing=growing_lines(study, measures),
    )


def _pairs(study: Study) -> Iterator[tuple[Scenario, Scenario]]:
    """Yield (base, option), companions with their companions."""
    for group in (study.scenarios, study.companions):
        for option in group[1:]:
            yield group[0], option


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
        hourly = np.mean([m.hourly for m in replications], axis=0).sum(axis=1)
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
    refuse_endless_lines(study, measures)
    found = build_tables(study, measures)
    _write_tables(folder, found)
    _write_resolved(folder, study)
    manifest = _manifest(study, started, engine)
    _publish(Finished(folder, manifest))
    return found


def redraw(folder: Path) -> None:
    """Draw figures, pages, slides and workbook of a finished folder anew. Raises ResultsError where it is not one."""
    _publish(Finished.of(folder))


def _publish(finished: Finished) -> None:
    """Draw what a study found, write the manifest with it, and list the study among those beside it."""
    manifest = {**finished.manifest, **publish.write(finished)._asdict()}
    _replace(finished.folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    beside = finished.folder.resolve().parent
    if beside.name == index.LISTED:
        index.write(beside)


def _write_tables(folder: Path, found: Tables) -> None:
    (folder / "tables").mkdir(exist_ok=True)
    for name, table in found.items():
        _replace(folder / "tables" / f"{name}.csv", table.to_csv(index=False, float_format="%.6g"))


def _write_resolved(folder: Path, study: Study) -> None:
    (folder / "resolved").mkdir(exist_ok=True)
    for scenario in study.runs:
        _replace(folder / "resolved" / f"{scenario.name}.yaml", resolved_yaml(scenario))


def _replace(path: Path, text: str) -> None:
    """Write a text whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


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
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
