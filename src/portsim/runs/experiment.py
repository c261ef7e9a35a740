"""Run replications of scenarios, in parallel, and keep what is finished.

A task is one replication of one scenario, a pure function of (model, seed, replication); so the results are the
same on any number of threads or processes, in any order and on either engine. Finished ones go to a folder at once,
each under a name that says all they depend on, and are never run again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, get_args

from portsim.border import model as definition
from portsim.border.islands import shared
from portsim.border.model import PortModel
from portsim.border.records import Crossings, broken_invariants, first_difference
from portsim.border.workload import WeekBlock, Workload, draw
from portsim.errors import PortsimError, nearest
from portsim.language.scenario import Scenario
from portsim.measure.measures import Measures, Tally, measure, together
from portsim.runs.execution import Place, ThisMachine, Work
from portsim.runs.parts import is_whole, load, part_name, save
from portsim.runs.parts import versions as parts_versions
from portsim.runs.rows import are_of as rows_are_of
from portsim.runs.rows import written as rows_written

Engine = Literal["compiled", "simpy"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
REPLAYED = 40_000  # travellers whom SimPy replays, to hold the compiled engine to its word: a second of work
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """One replication of one scenario of a study."""

    scenario: int
    replication: int


Finished = list[tuple[Task, Measures]]


def build_model(scenario: Scenario) -> PortModel:
    """Build the model of a scenario."""
    run = scenario.run
    return definition.build(
        scenario.network,
        scenario.demand,
        before=scenario.before,
        weeks=run.weeks,
        warm_up_weeks=run.warm_up_weeks,
        month=run.month,
    )


def default_engine() -> Engine:
    """Return the compiled engine, or SimPy where numba is not installed."""
    return "compiled" if find_spec("numba") else "simpy"


def versions(engine: Engine) -> dict[str, str]:
    """Return what must be the same on all machines of a run, or their results would not be."""
    return parts_versions() | ({"engine": default_engine()} if engine == "compiled" else {})


def as_engine(word: str) -> Engine:
    """Return the engine of that name. Raises PortsimError for another word, or where it cannot run here."""
    for engine in ENGINES:
        if word == engine:
            if engine == "compiled" and default_engine() != "compiled":
                raise PortsimError("the compiled engine needs numba, which is not installed: use --engine simpy")
            return engine
    raise PortsimError(f"unknown engine '{word}': {nearest(word, ENGINES)}")


def simulate(port_model: PortModel, workload: Workload, engine: Engine) -> Crossings:
    """Simulate one replication on an engine."""
    if engine == "compiled":
        from portsim.engines import compiled  # noqa: PLC0415 - numba is slow to import

        with _within_bounds():
            return compiled.simulate(port_model, workload)
    from portsim.engines import reference  # noqa: PLC0415 - only where it is chosen

    return reference.simulate(port_model, workload)


class Taker(Protocol):
    """Takes a replication's rows, as a Tally does: block by block, or at once."""

    def add(self, crossings: Crossings, carried: int = 0, *, last: bool = True) -> None: ...  # noqa: D102


def replicate(
    port_model: PortModel,
    seed: int,
    replication: int,
    *,
    engine: Engine = "simpy",
    verify: bool = False,
    takers: Sequence[Taker] = (),
) -> Measures:
    """Simulate and measure one replication; with `verify`, check the run's invariants first.

    `takers` are given all rows too, week by week where the engine works by weeks.
    """
    if engine == "compiled" and not verify:
        if not takers:
            return next(replicate_together([port_model], seed, replication))
        return _tally_by_week(port_model, draw(port_model, seed, replication), takers).measures()
    workload = draw(port_model, seed, replication)
    crossings = simulate(port_model, workload, engine)
    if verify:
        faults = broken_invariants(crossings, port_model)
        if faults:
            raise PortsimError(f"replication {replication} broke an invariant: " + "; ".join(faults))
    for taker in takers:
        taker.add(crossings)
    return measure(crossings, port_model)


def replicate_together(models: Sequence[PortModel], seed: int, replication: int) -> Iterator[Measures]:
    """Simulate and measure one replication of several models, by island: one that several have is simulated once."""
    found = shared(models)
    tallies: dict[int, Tally] = {}
    for number, (model, islands) in enumerate(zip(models, found, strict=True)):
        for island in islands:
            if id(island.model) not in tallies:
                tallies[id(island.model)] = _tally_by_week(island.model, draw(island.model, seed, replication))
        yield together(model, [(island, tallies[id(island.model)]) for island in islands])
        wanted = {id(island.model) for later in found[number + 1 :] for island in later}
        tallies = {key: tally for key, tally in tallies.items() if key in wanted}


def _tally_by_week(port_model: PortModel, workload: Workload, takers: Sequence[Taker] = ()) -> Tally:
    """Simulate and count week by week, so that the travellers of one week at a time are held."""
    from portsim.engines import compiled  # noqa: PLC0415 - numba is slow to import

    tally = Tally(port_model)
    last = port_model.warm_up_weeks + port_model.weeks - 1
    with _within_bounds():
        for week, block in enumerate(compiled.blocks(port_model, workload)):
            for taker in (tally, *takers):
                taker.add(block.crossings, len(block.carried), last=week == last)
    return tally


@contextmanager
def _within_bounds() -> Iterator[None]:
    """Word it for people where a week is more than the compiled engine can hold."""
    try:
        yield
    except OverflowError as error:
        raise PortsimError(f"{error}: use --engine simpy, or see per_hour and mean_s") from error


# --- agreement of the engines ------------------------------------------------------------------


@dataclass(frozen=True)
class _Drawn:
    """A workload that is drawn already, so that two engines may run it."""

    blocks: Sequence[WeekBlock]

    def weeks(self) -> Iterator[WeekBlock]:
        """Yield the weeks."""
        yield from self.blocks


def _first(whole: Workload, count: int) -> _Drawn:
    """Return the first travellers of a workload, no more than so many, of the first week."""
    block = next(iter(whole.weeks()))
    columns = {name: column[..., :count] for name, column in vars(block).items() if name != "week"}
    return _Drawn([WeekBlock(week=block.week, **columns)])


def agreement(scenario: Scenario, travellers: int | None = REPLAYED) -> int:
    """Replay the first travellers of replication 0 in SimPy; return how many rows agreed with the compiled engine.

    None replays all. Raises PortsimError with the first row that differs.
    """
    port_model = build_model(scenario)
    workload: Workload = draw(port_model, scenario.run.seed, 0)
    if travellers is not None:
        port_model = replace(port_model, weeks=1, warm_up_weeks=0)
        workload = _first(workload, travellers)
    rows, definition = (simulate(port_model, workload, engine) for engine in ENGINES)
    difference = first_difference(rows, definition)
    if difference:
        raise PortsimError(f"{scenario.name}: the engines disagree; this is a bug. Compiled, and SimPy: {difference}")
    return len(rows)


# --- running -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """Which rows are kept: those of so many replications of each scenario, in files of a folder."""

    folder: Path
    replications: int = 0

    def path(self, scenario: Scenario, replication: int) -> Path:
        """Return the file of a replication."""
        return self.folder / f"{scenario.name}-{replication:04d}.parquet"


def run(
    scenarios: Sequence[Scenario],
    parts: Path,
    *,
    engine: Engine = "simpy",
    jobs: int | None = None,
    verify: bool = False,
    progress: Progress | None = None,
    place: Place | None = None,
    keep: Kept | None = None,
) -> list[list[Measures]]:
    """Return the measures of every replication of every scenario, running those that `parts` does not hold.

    `jobs`: threads of the compiled engine, processes of SimPy; by default one a core. With `verify` all are run, so
    that all are checked. `place`: where, instead of on this machine. Replications whose rows are to be kept run on
    this machine; one that is finished and has no rows is run again for them, and its measures stay as they are.
    """
    tasks = [Task(s, r) for s, scenario in enumerate(scenarios) for r in range(scenario.run.replications)]
    files = {task: parts / part_name(scenarios[task.scenario], task.replication) for task in tasks}
    unfinished = {task for task in tasks if verify or not is_whole(files[task])}
    rows = _missing_rows(scenarios, keep, files) if keep else {}
    study = _Study(scenarios, {task.scenario for task in (*unfinished, *rows)}, engine, verify=verify)
    here = ThisMachine(jobs or os.cpu_count() or 1, threads=engine == "compiled")
    report = progress or _silent
    done = len(tasks) - len(unfinished | set(rows))
    report(done, len(tasks))
    parts.mkdir(parents=True, exist_ok=True)
    with_rows = [study.with_rows(task, files[task].stem, path) for task, path in rows.items()]
    alone = study.work([task for task in tasks if task in unfinished and task not in rows])
    batches = [(here, [*with_rows, *alone])] if place is None else [(here, with_rows), (place, alone)]
    for where, work in batches:
        for finished in where.results(work):
            for task, measures in finished:
                if task in unfinished:
                    save(measures, files[task])
                done += 1
                report(done, len(tasks))
    return [[load(files[Task(s, r)]) for r in range(scenario.run.replications)] for s, scenario in enumerate(scenarios)]


def _missing_rows(scenarios: Sequence[Scenario], keep: Kept, files: Mapping[Task, Path]) -> dict[Task, Path]:
    """Return the tasks whose rows are to be kept and are not there, each with its file."""
    wanted = [task for task in files if task.replication < keep.replications]
    paths = {task: keep.path(scenarios[task.scenario], task.replication) for task in wanted}
    return {task: path for task, path in paths.items() if not rows_are_of(path, files[task].stem)}


def held(scenarios: Sequence[Scenario], parts: Path) -> int:
    """Return how many replications of all the scenarios a folder holds, from the first without a gap."""
    count = 0
    while all(is_whole(parts / part_name(scenario, count)) for scenario in scenarios):
        count += 1
    return count


def _silent(_done: int, _total: int) -> None:
    """Report no progress."""


class _Study:
    """The scenarios of a run with their models, and the work that their tasks are."""

    def __init__(self, scenarios: Sequence[Scenario], needed: Set[int], engine: Engine, *, verify: bool) -> None:
        self.scenarios, self.engine, self.verify = scenarios, engine, verify
        self.models = {s: build_model(scenarios[s]) for s in sorted(needed)}

    def work(self, tasks: Sequence[Task]) -> list[Work[Finished]]:
        """Return the work of some tasks."""
        if self.engine == "compiled" and not self.verify:
            return [partial(_work_together, *alike, self.models) for alike in self._alike_in_chance(tasks)]
        return [partial(_work, task, *self._of(task), self.engine, verify=self.verify) for task in tasks]

    def with_rows(self, task: Task, part: str, path: Path) -> Work[Finished]:
        """Return the work of a task whose rows are kept in a file."""
        classes = tuple(self.scenarios[task.scenario].network.classes)
        return partial(_work, task, *self._of(task), self.engine, verify=self.verify, keep=(path, part, classes))

    def _of(self, task: Task) -> tuple[PortModel, int]:
        return self.models[task.scenario], self.scenarios[task.scenario].run.seed

    def _alike_in_chance(self, tasks: Sequence[Task]) -> Iterable[tuple[int, list[Task]]]:
        """Return the tasks that draw the same numbers, the first scenario first, each time with their seed."""
        found: dict[tuple[int, int], list[Task]] = {}
        for task in tasks:
            found.setdefault((self.scenarios[task.scenario].run.seed, task.replication), []).append(task)
        return [(seed, alike) for (seed, _), alike in found.items()]


def _work(
    task: Task,
    model: PortModel,
    seed: int,
    engine: Engine,
    *,
    verify: bool,
    keep: tuple[Path, str, Sequence[str]] | None = None,
) -> Finished:
    """Run one task; `keep`: the file for its rows, the name of its part, and the names of the traveller classes."""
    if keep is None:
        return [(task, replicate(model, seed, task.replication, engine=engine, verify=verify))]
    path, part, classes = keep
    with rows_written(path, part, model, classes) as rows:
        return [(task, replicate(model, seed, task.replication, engine=engine, verify=verify, takers=[rows]))]


def _work_together(seed: int, tasks: Sequence[Task], models: Mapping[int, PortModel]) -> Finished:
    measures = replicate_together([models[task.scenario] for task in tasks], seed, tasks[0].replication)
    return list(zip(tasks, measures, strict=True))
