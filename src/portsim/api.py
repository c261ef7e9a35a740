"""portsim in Python: the names that `import portsim` offers.

What a run found is read from its folder, so that `run`, `compare` and a later `load` give the same tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from portsim import __version__
from portsim.border.workload import draw
from portsim.commands import study
from portsim.errors import PortsimError, ResultsError, ScenarioError
from portsim.language import scenario
from portsim.language.scenario import Scenario
from portsim.measure.measures import ALL
from portsim.numbers import Estimate
from portsim.results import finished
from portsim.runs import experiment
from portsim.runs.rows import frame

__all__ = (
    "Estimate",
    "PortsimError",
    "Results",
    "ResultsError",
    "Scenario",
    "ScenarioError",
    "__version__",
    "compare",
    "load",
    "read",
    "run",
    "simulate",
)


@dataclass(frozen=True, repr=False)
class Results:
    """A finished results folder: tables as data frames, figures as files, the manifest as a dict."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run, on what inputs, with which versions."""
        return finished.read_manifest(self.folder)

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.manifest["study"])

    @property
    def scenarios(self) -> dict[str, str]:
        """Title by name of what was simulated, the base first, companions at low patience last."""
        return {s["name"]: s["title"] for s in self.manifest["scenarios"]}

    @property
    def findings(self) -> dict[str, str]:
        """What each figure says it found, by name of the figure."""
        return dict(self.manifest.get("findings", {}))

    @property
    def figures(self) -> dict[str, Path]:
        """The figures by name: PNG where there is one, else SVG."""
        files = sorted((self.folder / "figures").glob("*.svg")) + sorted((self.folder / "figures").glob("*.png"))
        return {path.stem: path for path in files}

    @property
    def rows(self) -> dict[str, Path]:
        """The files of travellers that `keep_rows` kept, by name: SCENARIO-REPLICATION."""
        return {path.stem: path for path in sorted((self.folder / finished.ROWS).glob("*.parquet"))}

    @cached_property
    def summary(self) -> pd.DataFrame:
        """summary.csv: one row a scenario and lane type, and the totals."""
        return self._table("summary")

    @cached_property
    def hourly(self) -> pd.DataFrame:
        """hourly.csv: one row a scenario, lane type and hour of the week."""
        return self._table("hourly")

    @cached_property
    def weekday_profile(self) -> pd.DataFrame:
        """weekday_profile.csv: one row a scenario, lane type and hour of the day, Monday to Friday."""
        return self._table("weekday_profile")

    @cached_property
    def queues(self) -> pd.DataFrame:
        """queues.csv: one row a scenario, lane type, kind of day and ten minutes: travellers in line."""
        return self._table("queues")

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """comparison.csv: one row a pair, group and metric; no rows where one scenario was run."""
        return self._table("comparison")

    @cached_property
    def hourly_comparison(self) -> pd.DataFrame:
        """hourly_comparison.csv: one row a pair, lane type and hour of the week."""
        return self._table("hourly_comparison")

    @cached_property
    def cargo_value(self) -> pd.DataFrame:
        """cargo_value.csv: the cargo rule by port; no rows without a rule or an option."""
        return self._table("cargo_value")

    @cached_property
    def value(self) -> pd.DataFrame:
        """value.csv: dollars a year in three accounts that do not add; no rows where one scenario was run."""
        return self._table("value")

    @cached_property
    def emissions(self) -> pd.DataFrame:
        """emissions.csv: idling hours, fuel and CO2 by port and mode."""
        return self._table("emissions")

    @cached_property
    def appraisal(self) -> pd.DataFrame:
        """appraisal.csv: net present value and its kin; no rows where no option states its costs."""
        return self._table("appraisal")

    @cached_property
    def appraisal_years(self) -> pd.DataFrame:
        """appraisal_years.csv: benefits, costs and discount factors by year."""
        return self._table("appraisal_years")

    @cached_property
    def tornado(self) -> pd.DataFrame:
        """tornado.csv: the figures that move an option's worth most, one at a time."""
        return self._table("tornado")

    def wait(self, port: str = ALL, mode: str = ALL, lane_type: str = ALL, *, scenario: str | None = None) -> Estimate:
        """Return the mean wait in minutes, of the base where no scenario is named."""
        name = scenario or next(iter(self.scenarios))
        row = self._row(self.summary, scenario=name, port=port, mode=mode, lane_type=lane_type)
        return Estimate(float(row["wait_mean_min"]), float(row["wait_mean_hw_min"]))

    def change(self, port: str = ALL, mode: str = ALL, lane_type: str = ALL, *, option: str | None = None) -> Estimate:
        """Return the paired change of the mean wait in minutes, option less base; of the first option by default."""
        name = option or next(iter(self.comparison["option"]), "")
        keys = {"option": name, "port": port, "mode": mode, "lane_type": lane_type, "metric": "wait_mean_min"}
        row = self._row(self.comparison, **keys)
        return Estimate(float(row["difference"]), float(row["half_width"]))

    def _table(self, name: str) -> pd.DataFrame:
        return finished.read_table(self.folder, name)

    def _row(self, table: pd.DataFrame, **keys: str) -> pd.Series[Any]:
        chosen = np.logical_and.reduce([table[column] == value for column, value in keys.items()])
        if not chosen.any():
            raise ResultsError(f"{self.folder} has no row of " + ", ".join(f"{k} {v!r}" for k, v in keys.items()))
        return table[chosen].iloc[0]

    def __repr__(self) -> str:
        first = self.manifest["scenarios"][0]["run"]
        count = first["replications"]
        run = f"{count} replication{'s' * (count != 1)} of {first['warm_up_weeks']} + {first['weeks']} weeks"
        headline = [text for name, text in self.findings.items() if name.startswith(("waits-", "cargo-value"))]
        lines = [
            f"Results: {self.name}",
            f"  folder     {self.folder}",
            f"  scenarios  {', '.join(f'{title} ({name})' for name, title in self.scenarios.items())}",
            f"  run        {run}, seed {first['seed']}, portsim {self.manifest['portsim']}",
            *(f"  {'' if index else 'found':9}  {text}" for index, text in enumerate(headline)),
        ]
        return "\n".join(lines)


def run(
    scenario: study.Source,
    *,
    replications: int | None = None,
    weeks: int | None = None,
    seed: int | None = None,
    sets: Mapping[str, object] | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    engine: str | None = None,
    verify: bool = False,
    quiet: bool = True,
    keep_rows: int | None = None,
    cluster: str | None = None,
) -> Results:
    """Simulate one scenario, and write its folder; what is there already is not run again.

    `replications`, `weeks`, `seed`: instead of the file's. `sets`: single values by dotted path, as `portsim show`
    lists them. `jobs`: threads, or with SimPy processes, by default one a core. `out`: instead of
    results/NAME-DIGEST. `engine`: "compiled" or "simpy"; both give the same rows. `keep_rows`: of so many replications
    keep a row for each traveller; `cluster`: address of the Dask scheduler whose workers simulate, tcp://HOST:PORT.
    """
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    how: dict[str, Any] = {"jobs": jobs, "out": out, "engine": engine, "verify": verify, "quiet": quiet}
    return _study([scenario], settings, sets, keep_rows=keep_rows, cluster=cluster, **how)


def compare(
    base: study.Source,
    *options: study.Source,
    replications: int | None = None,
    weeks: int | None = None,
    seed: int | None = None,
    sets: Mapping[str, object] | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    low_patience: bool = False,
    engine: str | None = None,
    verify: bool = False,
    quiet: bool = True,
    keep_rows: int | None = None,
    cluster: str | None = None,
) -> Results:
    """Simulate a base and options on the same travellers, and compare them; arguments as in `run`.

    `low_patience`: compare a second time, at the low figures of how many trips a longer wait turns away.
    """
    if not options:
        raise PortsimError("a comparison has a base and at least one option")
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    scenarios = [base, *options]
    how: dict[str, Any] = {"jobs": jobs, "out": out, "engine": engine, "verify": verify, "quiet": quiet}
    return _study(scenarios, settings, sets, low_patience=low_patience, keep_rows=keep_rows, cluster=cluster, **how)


def _study(
    sources: list[study.Source],
    settings: Mapping[str, object],
    sets: Mapping[str, object] | None,
    *,
    out: str | Path | None,
    low_patience: bool = False,
    **how: Any,
) -> Results:
    found = study.read(sources, settings, sets=_texts(sets), low_patience=low_patience)
    return Results(study.carry_out(found, None if out is None else Path(out), **how))


def read(
    path: str | Path,
    *,
    replications: int | None = None,
    weeks: int | None = None,
    seed: int | None = None,
    sets: Mapping[str, object] | None = None,
) -> Scenario:
    """Read and check a scenario file; raises ScenarioError with every fault found. Settings as in `run`."""
    return scenario.load(path, {"replications": replications, "weeks": weeks, "seed": seed}, _texts(sets))


def load(folder: str | Path) -> Results:
    """Return the results in a finished folder; raises ResultsError where there are none."""
    results = Results(Path(folder))
    missing = [name for name in finished.ALWAYS if not (results.folder / "tables" / f"{name}.csv").is_file()]
    if results.manifest and missing:
        raise ResultsError(f"{folder} is incomplete: tables/{missing[0]}.csv is missing")
    return results


def simulate(source: study.Source, *, replication: int = 0) -> pd.DataFrame:
    """Return one replication as one row a traveller, in order of decision, the weeks of warm-up included.

    The columns are those of docs/results.md, "rows": `decided_min` is in minutes from Monday 00:00; `wait_min` is
    joining the line to start of primary, `crossing_time_min` to leaving the last stage: empty where it did not happen.
    """
    chosen = source if isinstance(source, Scenario) else read(source)
    model = experiment.build_model(chosen)
    rows = experiment.simulate(model, draw(model, chosen.run.seed, replication), experiment.default_engine())
    return frame(rows, model, tuple(chosen.network.classes))


def _texts(sets: Mapping[str, object] | None) -> list[str]:
    """Return settings as the command line takes them; JSON is YAML."""
    return [f"{path}={json.dumps(value, default=_plain)}" for path, value in (sets or {}).items()]


def _plain(value: object) -> object:
    """Return a number or array of numpy as Python's own."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise PortsimError(f"{value!r} cannot be set: give a number, text, a list or a mapping")
