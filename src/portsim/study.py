"""From scenario files to a finished folder: what the command line and Python do alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from portsim import experiment, report
from portsim.errors import Fault, PortsimError, ScenarioError
from portsim.finished import PARTS
from portsim.report import Study
from portsim.scenario import Scenario, at_low_patience, load
from portsim.settings import COMMAND_LINE
from portsim.terminal import Reporter

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
) -> Path:
    """Run what is not yet run of a study, write its folder, and return that; `out` instead of results/NAME-DIGEST."""
    chosen = experiment.default_engine() if engine is None else experiment.as_engine(engine)
    folder = out if out is not None else study.folder(RESULTS)
    report.claim(folder, study)
    parts = folder / PARTS
    wanted = max(scenario.run.replications for scenario in study.scenarios)
    study = study.with_replications(max(wanted, experiment.held(study.runs, parts)))
    started = time.time()
    with Reporter(folder / "run.log", quiet=quiet) as reporter:
        reporter.begin(study, asked=wanted)
        _say_engine(reporter, study, chosen, asked=engine is not None)
        measures = experiment.run(
            study.runs, parts, engine=chosen, jobs=jobs, verify=verify, progress=reporter.progress
        )
        found = report.write(folder, study, measures, started, chosen)
        reporter.finish(study, found, folder, time.time() - started)
    return folder


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
