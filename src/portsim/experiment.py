"""Run replications of scenarios, in parallel, and keep what is finished.

A task is one replication of one scenario, a pure function of (model, seed, replication); so the results are the
same on any number of threads or processes, in any order and on either engine. Finished ones go to a folder at once,
each under a name that says all they depend on, and are never run again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from portsim import __version__
from portsim import model as definition
from portsim.errors import PortsimError, nearest
from portsim.islands import shared
from portsim.measures import Measures, Tally, measure, together
from portsim.model import PortModel
from portsim.records import Crossings, broken_invariants, first_difference
from portsim.scenario import Scenario
from portsim.workload import WeekBlock, Workload, draw

Ints = npt.NDArray[np.int64]
Engine = Literal["compiled", "simpy"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
REPLAYED = 40_000  # travellers whom SimPy replays, to hold the compiled engine to its word: a second of work
_DECISIVE = (
    *("clock", "schema", "opening", "demand", "demand_changes", "policies", "model"),
    *("islands", "workload", "records", "measures", "experiment"),
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """One replication of one scenario of a study."""

    scenario: int
    replication: int


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


def replicate(
    port_model: PortModel, seed: int, replication: int, *, engine: Engine = "simpy", verify: bool = False
) -> Measures:
    """Simulate and measure one replication; with `verify`, check the run's invariants first."""
    if engine == "compiled" and not verify:
        return next(replicate_together([port_model], seed, replication))
    workload = draw(port_model, seed, replication)
    crossings = simulate(port_model, workload, engine)
    if verify:
        faults = broken_invariants(crossings, port_model)
        if faults:
            raise PortsimError(f"replication {replication} broke an invariant: " + "; ".join(faults))
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


def _tally_by_week(port_model: PortModel, workload: Workload) -> Tally:
    """Simulate and count week by week, so that the travellers of one week at a time are held."""
    from portsim.engines import compiled  # noqa: PLC0415 - numba is slow to import

    tally = Tally(port_model)
    last = port_model.warm_up_weeks + port_model.weeks - 1
    with _within_bounds():
        for week, block in enumerate(compiled.blocks(port_model, workload)):
            tally.add(block.crossings, len(block.carried), last=week == last)
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


def run(
    scenarios: Sequence[Scenario],
    parts: Path,
    *,
    engine: Engine = "simpy",
    jobs: int | None = None,
    verify: bool = False,
    progress: Progress | None = None,
) -> list[list[Measures]]:
    """Return the measures of every replication of every scenario, running those that `parts` does not hold.

    `jobs`: threads of the compiled engine, processes of SimPy; by default one a core. With `verify` all are run, so
    that all are checked.
    """
    tasks = [Task(s, r) for s, scenario in enumerate(scenarios) for r in range(scenario.run.replications)]
    files = {task: parts / part_name(scenarios[task.scenario], task.replication) for task in tasks}
    todo = [task for task in tasks if verify or not is_whole(files[task])]
    done = len(tasks) - len(todo)
    report = progress or _silent
    report(done, len(tasks))
    parts.mkdir(parents=True, exist_ok=True)
    for task, measures in _execute(scenarios, todo, jobs or os.cpu_count() or 1, engine, verify=verify):
        save(measures, files[task])
        done += 1
        report(done, len(tasks))
    return [[load(files[Task(s, r)]) for r in range(scenario.run.replications)] for s, scenario in enumerate(scenarios)]


def held(scenarios: Sequence[Scenario], parts: Path) -> int:
    """Return how many replications of all the scenarios a folder holds, from the first without a gap."""
    count = 0
    while all(is_whole(parts / part_name(scenario, count)) for scenario in scenarios):
        count += 1
    return count


def is_whole(path: Path) -> bool:
    """Say whether a finished replication can be read; a damaged one is run again."""
    try:
        trucks = load(path).trucks
        return len(trucks.key) == len(trucks.port) == len(trucks.wait)
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return False


def _silent(_done: int, _total: int) -> None:
    """Report no progress."""


def _execute(
    scenarios: Sequence[Scenario], tasks: Sequence[Task], jobs: int, engine: Engine, *, verify: bool
) -> Iterable[tuple[Task, Measures]]:
    """Yield finished tasks in whatever order they finish."""
    if not tasks:
        return
    models = {s: build_model(scenarios[s]) for s in {task.scenario for task in tasks}}
    work = [partial(_work, task, models, scenarios[task.scenario].run.seed, engine, verify=verify) for task in tasks]
    if engine == "compiled" and not verify:
        work = [partial(_work_together, *together, models) for together in _alike_in_chance(scenarios, tasks)]
    if jobs == 1 or len(work) == 1:
        for one in work:
            yield from one()
        return
    from joblib import Parallel, delayed  # noqa: PLC0415 - only where there is something to share out

    # The compiled engine runs beside itself in one process; SimPy holds Python's lock.
    backend = "threading" if engine == "compiled" else "loky"
    run_all = Parallel(min(jobs, len(work)), backend=backend, return_as="generator_unordered", pre_dispatch="all")
    for finished in run_all(delayed(one)() for one in work):
        yield from finished


def _alike_in_chance(scenarios: Sequence[Scenario], tasks: Sequence[Task]) -> Iterable[tuple[int, list[Task]]]:
    """Return the tasks that draw the same numbers, the first scenario first, each time with their seed."""
    found: dict[tuple[int, int], list[Task]] = {}
    for task in tasks:
        found.setdefault((scenarios[task.scenario].run.seed, task.replication), []).append(task)
    return [(seed, alike) for (seed, _), alike in found.items()]


def _work(
    task: Task, models: Mapping[int, PortModel], seed: int, engine: Engine, *, verify: bool
) -> list[tuple[Task, Measures]]:
    measures = replicate(models[task.scenario], seed, task.replication, engine=engine, verify=verify)
    return [(task, measures)]


def _work_together(seed: int, tasks: Sequence[Task], models: Mapping[int, PortModel]) -> list[tuple[Task, Measures]]:
    measures = replicate_together([models[task.scenario] for task in tasks], seed, tasks[0].replication)
    return list(zip(tasks, measures, strict=True))


def part_name(scenario: Scenario, replication: int) -> str:
    """Name a finished replication by all it depends on: scenario, code, numpy (whose draws it has), seed and number."""
    code = f"{__version__}-{code_digest()[:8]}-numpy{np.__version__}"
    return f"{scenario.digest[:16]}-{code}-seed{scenario.run.seed}-{replication:04d}.npz"


@cache
def code_digest() -> str:
    """SHA-256 of the modules that make a replication what it is: a changed engine never meets old parts."""
    package = Path(__file__).parent
    files = [package / f"{name}.py" for name in _DECISIVE] + sorted((package / "engines").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def save(measures: Measures, path: Path) -> None:
    """Write measures whole or not at all: to a temporary file, then into place."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez(
            file,
            groups=np.array(measures.groups),
            summary=measures.summary,
            lines=np.array(measures.lines),
            hourly=measures.hourly,
            daily=measures.daily,
            truck_key=measures.trucks.key,
            truck_port=measures.trucks.port,
            truck_wait=measures.trucks.wait,
            queue_10min=measures.queue_10min,
        )
    temporary.replace(path)


def load(path: Path) -> Measures:
    """Read measures that `save` wrote."""
    with path.open("rb") as file, np.load(file) as part:
        return Measures(
            groups=_names(part["groups"]),
            summary=part["summary"],
            lines=_names(part["lines"]),
            hourly=part["hourly"],
            daily=part["daily"],
            trucks=_SavedTrucks(path),
            queue_10min=part["queue_10min"],
        )


@dataclass(frozen=True)
class _SavedTrucks:
    """The trucks of a finished replication, read when they are asked for: those of all together are too many."""

    path: Path

    @property
    def key(self) -> Ints:
        return self._read("truck_key")

    @property
    def port(self) -> Ints:
        return self._read("truck_port")

    @property
    def wait(self) -> Ints:
        return self._read("truck_wait")

    def _read(self, column: str) -> Ints:
        with np.load(self.path) as part:
            found: Ints = part[column]
        return found


def _names(rows: np.ndarray) -> tuple[tuple[str, str, str], ...]:
    return tuple((str(port), str(mode), str(lane_type)) for port, mode, lane_type in rows)
