"""What must be equal to the last bit, counted by name: two engines, one thread and two, base and option's travellers.

Each comparison says how many values differ and how many it compared, so that one that compared nothing is seen: it
proves nothing, and is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from portsim.border.model import ONE, PortModel, Segment
from portsim.border.records import CROSSED, INSIDE, Crossings, broken_invariants
from portsim.border.workload import WeekBlock, draw
from portsim.language.scenario import Scenario
from portsim.measure.measures import Measures
from portsim.runs import experiment
from portsim.theory import kiefer_wolfowitz

Ints = npt.NDArray[np.int64]
Scenarios = Sequence[Scenario]
Carried = dict[str, tuple[Ints, npt.NDArray[np.bool_]]]
Arrays = Mapping[str, npt.NDArray[np.generic]]
_COLUMNS = ("key", "tick", "segment", "line", "start", "end", "depart", "outcome", "stage_start", "stage_end")
_BESIDE = ("opened", "posted", "queue_area", "tolls")


class Counted(NamedTuple):
    """How many values were found wrong or different, of how many compared, and the first of them in words."""

    found: int
    compared: int
    unit: str
    first: str = ""

    @property
    def value(self) -> float:
        """Return the count; NaN where nothing was compared."""
        return float(self.found) if self.compared else float("nan")


def total(parts: Sequence[Counted]) -> Counted:
    """Add up the counts of scenarios and replications."""
    first = next((part.first for part in parts if part.first), "")
    return Counted(sum(p.found for p in parts), sum(p.compared for p in parts), parts[0].unit, first)


def _replications(scenarios: Scenarios) -> Iterator[tuple[Scenario, PortModel, int]]:
    for scenario in scenarios:
        model = experiment.build_model(scenario)
        for replication in range(scenario.run.replications):
            yield scenario, model, replication


def between_engines(scenarios: Scenarios) -> Counted:
    """Count values that differ between the two engines: of every traveller, booth, posted wait and toll."""
    parts = []
    for scenario, model, replication in _replications(scenarios):
        workload = draw(model, scenario.run.seed, replication)
        one, other = (experiment.simulate(model, workload, engine) for engine in experiment.ENGINES)
        parts.append(_between(scenario.name, _columns(one), _columns(other)))
    return total(parts)


def _columns(rows: Crossings) -> dict[str, Ints]:
    return {name: getattr(rows, name) for name in (*_COLUMNS, *_BESIDE)} | {"ended": np.array([rows.ended])}


def _between(name: str, one: Arrays, other: Arrays) -> Counted:
    """Count where two sets of arrays differ; one of another shape differs in all it has."""
    found, compared, first = 0, 0, ""
    for column, values in one.items():
        others = other[column]
        alike = values.shape == others.shape
        different = int((values != others).sum()) if alike else max(values.size, others.size)
        if different and not first:
            first = f"{name}: {column}"
        found += different
        compared += values.size
    return Counted(found, compared, "values", first)


def invariants(scenarios: Scenarios) -> Counted:
    """Count broken invariants; compared are travellers.

    Conservation, order of events, first come first served, Little's law in ticks, no more in service than booths
    open, no open booth idle beside a line.
    """
    parts = []
    for scenario, model, replication in _replications(scenarios):
        rows = experiment.simulate(model, draw(model, scenario.run.seed, replication), "compiled")
        faults = broken_invariants(rows, model)
        parts.append(Counted(len(faults), len(rows), "travellers", f"{scenario.name}: {faults[0]}" if faults else ""))
    return total(parts)


def conservation(scenarios: Scenarios) -> Counted:
    """Count travellers drawn who are not one row each, and line-hours in which in less out is not who is inside.

    Joins and departures are counted by hour from the rows' ticks; who is inside, from the outcome at the end.
    """
    parts = []
    for scenario, model, replication in _replications(scenarios):
        workload = draw(model, scenario.run.seed, replication)
        rows = experiment.simulate(model, workload, "compiled")
        drawn = np.sort(np.concatenate([block.key for block in workload.weeks()]))
        same = drawn.shape == rows.key.shape and bool((drawn == np.sort(rows.key)).all())
        lost = 0 if same else int(np.setxor1d(drawn, rows.key).size) or 1
        wrong = _line_hours_out_of_balance(rows, model)
        first = f"{scenario.name}: {lost} travellers, {wrong} line-hours" if lost + wrong else ""
        parts.append(Counted(lost + wrong, drawn.size, "travellers", first))
    return total(parts)


def _line_hours_out_of_balance(rows: Crossings, model: PortModel) -> int:
    """Count line-hours at whose end the engine's own count of those in line is not joins less starts.

    The engine accumulates each line's traveller-ticks as it goes; the rows' joins and starts are added up apart.
    """
    wrong = 0
    for line in range(len(model.lines)):
        here = rows.joined & (rows.line == line)
        inside = int((rows.outcome[here] == INSIDE).sum())
        through = int((rows.outcome[here] == CROSSED).sum())
        area = int((np.where(rows.start[here] >= 0, rows.start[here], rows.ended) - rows.tick[here]).sum())
        wrong += int(inside + through != int(here.sum())) + int(area != int(rows.queue_area[line]))
    return wrong


def on_threads(scenarios: Scenarios) -> Counted:
    """Count measures that differ between one thread and two, each of them whole, and the other way round."""
    parts = []
    for scenario in scenarios:
        model = experiment.build_model(scenario)
        one = partial(_measured, model, scenario.run.seed)
        numbers = range(scenario.run.replications)
        serial = [one(number) for number in numbers]
        with ThreadPoolExecutor(2) as threads:
            parallel = list(threads.map(one, reversed(numbers)))[::-1]
        parts += [_between(scenario.name, a, b) for a, b in zip(serial, parallel, strict=True)]
    return total(parts)


def _measured(model: PortModel, seed: int, replication: int) -> dict[str, npt.NDArray[np.generic]]:
    measures: Measures = experiment.replicate(model, seed, replication, engine="compiled")
    return {name: np.nan_to_num(getattr(measures, name), nan=-1.0) for name in ("summary", "hourly", "daily")}


def with_recursion(scenarios: Scenarios) -> Counted:
    """Count services that do not start when Kiefer's and Wolfowitz's recursion says, at each station in turn.

    For lines whose booths never change, with services of one mean, and a later stage that all go on to.
    """
    parts = []
    for scenario, model, replication in _replications(scenarios):
        workload = draw(model, scenario.run.seed, replication)
        rows = experiment.simulate(model, workload, "compiled")
        for number, line in enumerate(model.lines):
            here = rows.joined & (rows.line == number)
            joins, service = rows.tick[here], (rows.end - rows.start)[here]
            starts = kiefer_wolfowitz(joins, service, int(line.timetable.booths[0]))
            found = int((starts != rows.start[here]).sum())
            compared = starts.size
            if line.referrals and line.referrals[0].share == ONE:
                later = model.later[line.referrals[0].station]
                order = np.lexsort((np.arange(starts.size), starts + service))
                took = (rows.stage_end[0] - rows.stage_start[0])[here]
                then = kiefer_wolfowitz((starts + service)[order], took[order], int(later.timetable.booths[0]))
                found += int((then != rows.stage_start[0][here][order]).sum())
                compared += starts.size
            parts.append(Counted(found, compared, "starts", line.name if found else ""))
    return total(parts)


def draws_not_matched(scenarios: Scenarios) -> Counted:
    """Count draws of the base's travellers that an option's do not have: of all the chance that a traveller carries.

    A traveller who is missing in the option has none of its draws matched: options that thin demand do not belong here.
    """
    base, *options = scenarios
    models = [experiment.build_model(scenario) for scenario in scenarios]
    parts = []
    for replication in range(base.run.replications):
        for first, *others in zip(*(draw(m, base.run.seed, replication).weeks() for m in models), strict=True):
            carried = _carried(models[0], first)
            for option, model, week in zip(options, models[1:], others, strict=True):
                parts.append(_unmatched(option.name, first.key, carried, week.key, _carried(model, week)))
    return total(parts)


def _unmatched(name: str, keys: Ints, carried: Carried, other_keys: Ints, others: Carried) -> Counted:
    """Count the draws of one week of the base that the option's same travellers do not carry."""
    order = np.argsort(other_keys)
    place = np.minimum(np.searchsorted(other_keys, keys, sorter=order), max(order.size - 1, 0))
    row = order[place] if order.size else np.zeros(len(keys), np.int64)
    there = other_keys[row] == keys if order.size else np.zeros(len(keys), bool)
    found, compared, first = 0, 0, ""
    for purpose, (values, applies) in carried.items():
        same = there & (others[purpose][0][row] == values) if purpose in others else np.zeros(len(keys), bool)
        wrong = int((applies & ~same).sum())
        first = first or (f"{name}: {purpose}" if wrong else "")
        found, compared = found + wrong, compared + int(applies.sum())
    return Counted(found, compared, "draws", first)


def _carried(model: PortModel, block: WeekBlock) -> Carried:
    """Return by purpose what travellers carry, and who carries it at all."""
    everyone = np.ones(len(block), bool)
    carried = {"arrival": (block.tick, everyone), "patience": (block.patience, everyone)}
    for row, (stage, shape) in enumerate(model.multipliers):
        carried[f"service {stage} {shape.name}"] = (block.multiplier[row], block.multiplier[row] > 0)
    for stage in range(model.stages):
        carried[f"referral {stage}"] = (block.referral[stage], block.referral[stage] > 0)
    for port, name in enumerate(model.ports):
        places = np.array([_place_of(port, segment) for segment in model.segments])[block.segment]
        has = places >= 0
        if has.any():
            taste = block.taste[np.maximum(places, 0), np.arange(len(block))]
            carried[f"taste {name}"] = (np.where(has, taste, 0), has)
    return carried


def _place_of(port: int, segment: Segment) -> int:
    """Return the position of a port among those a segment chooses between; -1 where it does not, or has no choice."""
    ports = [alternative.port for alternative in segment.alternatives]
    return ports.index(port) if port in ports and len(ports) > 1 else -1


def replayed(scenarios: Scenarios) -> Counted:
    """Count rows in which SimPy, replaying the first travellers of replication 0, differs: none, or it raises."""
    rows = [experiment.agreement(scenario) for scenario in scenarios]
    return Counted(0, sum(rows), "travellers")


COMPARISONS: Mapping[str, Callable[[Scenarios], Counted]] = {
    "broken_invariants": invariants,
    "draws_not_matched": draws_not_matched,
    "rows_replayed_that_differ": replayed,
    "starts_that_differ_from_recursion": with_recursion,
    "travellers_not_conserved": conservation,
    "values_that_differ_between_engines": between_engines,
    "values_that_differ_on_threads": on_threads,
}
