"""From scenario files to a finished folder: what the command line and Python do alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from portsim.commands import sensitivity as analysis
from portsim.commands.terminal import Reporter
from portsim.errors import Fault, PortsimError, ResultsError, ScenarioError, nearest
from portsim.language.scenario import Scenario, at_low_patience, load
from portsim.language.settings import COMMAND_LINE
from portsim.pages import report
from portsim.pages.report import Study
from portsim.results.finished import MANIFEST, PARTS, ROWS
from portsim.runs import execution, experiment, rows
from portsim.runs.execution import Cluster
from portsim.valuation import parameters
from portsim.valuation.parameters import Parameters

RESULTS = Path("results")
Source = str | Path | Scenario


def read(
    sources: Sequence[Source],
    settings: Mapping[str, object] | None = None,
    *,
    sets: Sequence[str] = (),
    low_patience: bool = False,
) -> Study:
    """Read the scenarios of a study, the base first, and report the faults of all together.

    `settings` are keys of `run`, `sets` are `path=value`; both apply to files, and a setting of None to nothing. Each
    scenario takes the sets whose path it has and whose value is new to it; one that none takes is a fault.
    """
    scenarios: list[Scenario] = []
    faults: dict[Fault, list[str]] = {}
    for source in sources:
        try:
            scenarios.append(_read(source, settings or {}, sets))
        except ScenarioError as error:
            for fault in error.faults:
                faults.setdefault(fault, []).append(str(source))
    for text in sets:
        if scenarios and all(text in scenario.idle for scenario in scenarios):
            for scenario in scenarios:
                faults.setdefault(scenario.idle[text], []).append(str(scenario.path))
    if faults:
        raise ScenarioError([_named(fault, where, len(sources)) for fault, where in faults.items()])
    companions = [at_low_patience(scenario) for scenario in scenarios] if low_patience else []
    if None in companions:
        raise PortsimError("low patience: the network gives no `low` for patience_pct_per_min")
    study = Study(tuple(scenarios), tuple(c for c in companions if c is not None))
    problems = study.problems()
    if problems:
        raise PortsimError("\n".join(problems))
    return study


def _read(source: Source, settings: Mapping[str, object], sets: Sequence[str]) -> Scenario:
    if not isinstance(source, Scenario):
        return load(source, settings, sets, all_sets=False)
    if sets or any(value is not None for value in settings.values()):
        raise PortsimError(f"{source.name}: settings are given where a scenario is read, not after")
    return source


def _named(fault: Fault, where: Sequence[str], scenarios: int) -> Fault:
    """Name the scenarios that a fault of the command line is of, where it is not of all."""
    if fault.file != COMMAND_LINE or len(where) == scenarios:
        return fault
    return replace(fault, message=f"{fault.message} (in {', '.join(where)})")


def carry_out(
    study: Study,
    out: Path | None = None,
    *,
    jobs: int | None = None,
    engine: str | None = None,
    verify: bool = False,
    quiet: bool = False,
    keep_rows: int | None = None,
    cluster: str | None = None,
) -> Path:
    """Run what is not yet run of a study, write its folder, and return that; `out` instead of results/NAME-DIGEST.

    `keep_rows`: also keep the rows of so many replications of each scenario; `cluster`: where to run, see execution.
    """
    chosen = experiment.default_engine() if engine is None else experiment.as_engine(engine)
    if keep_rows is not None and keep_rows < 0:
        raise PortsimError(f"rows of {keep_rows} replications cannot be kept")
    if keep_rows:
        rows.check_installed()
    folder = out if out is not None else study.folder(RESULTS)
    report.claim(folder, study)
    parts = folder / PARTS
    wanted = max(scenario.run.replications for scenario in study.scenarios)
    study = study.with_replications(max(wanted, experiment.held(study.runs, parts)))
    started = time.time()
    with Reporter(folder / "run.log", quiet=quiet) as reporter, _place(cluster, chosen) as place:
        reporter.begin(study, asked=wanted)
        if place is not None:
            reporter.say(f"  cluster   {place.address}, {place.threads} threads")
        _say_engine(reporter, study, chosen, asked=engine is not None)
        if keep_rows:
            kept = min(keep_rows, study.scenarios[0].run.replications)
            reporter.say(f"  rows      of {kept} replication(s) of each scenario go to {ROWS}/; a finished one is")
            reporter.say("            simulated again for its rows only")
        how: dict[str, Any] = {"engine": chosen, "jobs": jobs, "verify": verify, "progress": reporter.progress}
        keep = experiment.Kept(folder / ROWS, keep_rows or 0)
        measures = experiment.run(study.runs, parts, place=place, keep=keep, **how)
        found = report.write(folder, study, measures, started, chosen)
        reporter.finish(study, found, folder, time.time() - started)
    return folder


def _place(address: str | None, engine: experiment.Engine) -> AbstractContextManager[Cluster | None]:
    """Return the cluster at an address, while it is used; none is this machine."""
    if address is None:
        return nullcontext()
    return execution.cluster(address, partial(experiment.versions, engine))


def sensitivity(
    study: Study,
    out: Path | None = None,
    *,
    only: Sequence[str] = (),
    figures: Parameters | None = None,
    jobs: int | None = None,
    engine: str | None = None,
    quiet: bool = False,
    replace: bool = False,
) -> Path:
    """Run a base and an option with each input moved alone, write tables/sensitivity.csv and its figure.

    The folder is that of the comparison, whose replications it uses; inputs chosen with `only` are in the tables' name.
    Raises PortsimError for an unknown input, ResultsError where the table is there already, unless it is to be
    replaced: it may rest on other figures, or other replications.
    """
    from portsim.drawing import charts  # noqa: PLC0415 - matplotlib is slow to import

    base, option = study.scenarios
    chosen = _chosen(analysis.moves(base), only)
    name = "-".join(["sensitivity", *dict.fromkeys(only)])
    folder = out if out is not None else study.folder(RESULTS)
    if (folder / "tables" / f"{name}.csv").exists() and not replace:
        raise ResultsError(f"{folder}/tables/{name}.csv is there already: --replace writes it anew, or choose an --out")
    report.claim(folder, study)
    pairs = analysis.pairs(base, option, chosen)
    runs = [scenario for pair in pairs for scenario in pair]
    kind = experiment.default_engine() if engine is None else experiment.as_engine(engine)
    started = time.time()
    with Reporter(folder / "run.log", quiet=quiet) as reporter:
        reporter.say(
            f"portsim sensitivity: {option.title} against {base.title}, {len(chosen)} moves of "
            f"{len({move.name for move in chosen})} inputs, {base.run.replications} replications each"
        )
        reporter.begin_progress()
        measures = experiment.run(runs, folder / PARTS, engine=kind, jobs=jobs, progress=reporter.progress)
        both = list(zip(measures[::2], measures[1::2], strict=True))
        found = analysis.table(pairs, chosen, both, figures or parameters.load())
        report.write_table(folder, name, found)
        bars = analysis.as_tornado(found)
        if not bars.empty:
            charts.save(charts.tornado(bars, option.name, report.context(study)), folder / "figures" / name)
        reporter.stop_progress()
        for line in analysis.lines(found):
            reporter.say(line)
        reporter.say(f"wrote {folder}/tables/{name}.csv  ({time.time() - started:.0f} s)")
        if (folder / MANIFEST).exists():
            reporter.say(f"`portsim report {folder}` takes it into tables.xlsx")
    return folder


def _chosen(known: Sequence[analysis.Move], only: Sequence[str]) -> list[analysis.Move]:
    names = list(dict.fromkeys(move.name for move in known))
    for name in only:
        if name not in names:
            raise PortsimError(f"unknown input '{name}': {nearest(name, names)}")
    return [move for move in known if not only or move.name in only]


def _say_engine(reporter: Reporter, study: Study, engine: experiment.Engine, *, asked: bool) -> None:
    """Say which engine runs; the compiled one first proves itself on travellers that SimPy replays."""
    if engine == "simpy":
        reporter.say(
            "  engine    SimPy" if asked else "  engine    SimPy: numba, which the fast engine needs, is missing"
        )
    else:
        reporter.say("  engine    compiled; the first run on a machine compiles it, some twenty seconds, once")
        rows = sum(experiment.agreement(scenario) for scenario in study.scenarios[-1:])
        reporter.say(f"            SimPy replayed {rows:,} travellers of replication 0: all rows agree")
    reporter.begin_progress()
