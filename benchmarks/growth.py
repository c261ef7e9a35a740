"""How the cost of a run grows: the exponent of a power law fitted to processor time, 1 in proportion, 0 not at all.

Drawing, simulating and measuring together, on one thread; for the queue, the engine alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

import workloads
from portsim import clock
from portsim.border.model import PortModel
from portsim.engines import compiled
from portsim.runs import experiment
from workloads import Drawn

REPEATS = 3


@dataclass(frozen=True)
class Growth:
    """Nanoseconds a traveller at each size, and the exponent of the cost against the size."""

    what: str
    sizes: tuple[float, ...]
    ns: tuple[float, ...]
    exponent: float


def all_growths() -> list[Growth]:
    """Measure the growth with weeks, replications, travellers and the length of the queue."""
    border, line = workloads.model_of("border"), workloads.model_of("mmc")
    return [
        _grown("weeks", [(k, _runs(replace(border, weeks=k))) for k in (1, 2, 4, 8)]),
        _grown("replications", [(k, _runs(border, k)) for k in (1, 2, 4, 8)]),
        _grown("travellers, at as many times the booths", [(k, _runs(enlarged(border, k))) for k in (1, 2, 4, 8)]),
        _grown_queue(line),
    ]


def enlarged(model: PortModel, times: int) -> PortModel:
    """Return a border with so many times the travellers, booths and capacity."""
    lines = tuple(
        replace(
            line,
            timetable=replace(line.timetable, booths=line.timetable.booths * times),
            capacity=line.capacity * times,
        )
        for line in model.lines
    )
    later = tuple(
        replace(station, timetable=replace(station.timetable, booths=station.timetable.booths * times))
        for station in model.later
    )
    segments = tuple(replace(segment, per_hour=segment.per_hour * times) for segment in model.segments)
    return replace(model, lines=lines, later=later, segments=segments)


def with_queue(model: PortModel, standing: int) -> PortModel:
    """Return a line whose booths are just enough, with so many standing in line from the start."""
    (segment,), (line,) = model.segments, model.lines
    per_hour = np.full(clock.SLOTS_PER_WEEK, line.capacity[0] / 1000)
    steady = replace(segment, per_hour=per_hour)
    return replace(model, segments=(steady, replace(segment, name="standing", initial=standing)))


def _runs(model: PortModel, replications: int = 1) -> Callable[[], int]:
    def run() -> int:
        for replication in range(replications):
            experiment.replicate(model, workloads.SEED, replication, engine="compiled")
        return replications * model.weeks

    return run


def _grown(what: str, runs: list[tuple[int, Callable[[], int]]]) -> Growth:
    """Fit the cost of runs to their size, which travellers are in proportion to."""
    seconds = [_fastest(run) for _, run in runs]
    sizes = tuple(float(size) for size, _ in runs)
    travellers = len(workloads.drawn(workloads.model_of("border")))
    ns = tuple(1e9 * s / (size * travellers) for s, size in zip(seconds, sizes, strict=True))
    return Growth(what, sizes, ns, _exponent(sizes, seconds))


def _grown_queue(line: PortModel) -> Growth:
    """Fit the cost of a traveller to the mean queue through the week."""
    queues, ns = [], []
    for standing in (1_000, 4_000, 16_000, 64_000):
        model = with_queue(line, standing)
        workload = workloads.drawn(model)
        crossings = compiled.simulate(model, workload)
        queues.append(float(crossings.queue_area[0]) / crossings.ended)
        ns.append(1e9 * _fastest(partial(_exhaust, model, workload)) / len(workload))
    return Growth("travellers in line", tuple(queues), tuple(ns), _exponent(queues, ns))


def _exhaust(model: PortModel, workload: Drawn) -> None:
    for _ in compiled.blocks(model, workload):
        pass


def _fastest(run: Callable[[], object]) -> float:
    """Return the least processor time of some runs: what disturbs a run only adds to it."""
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def _exponent(sizes: tuple[float, ...] | list[float], costs: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
