"""Cases -> results: simulate what a case asks for, hold it against its oracle, and say whether it passes.

A value that has chance in it passes within 3.3 standard errors of its oracle and within the stated tolerance; its
standard error must lie within the tolerance too, so that a wrong engine cannot hide behind noise. Replications are
the sample, their spread the standard error. Numbers of replications and seeds are those of the files: a case gives
the same result every time.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from io import StringIO
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.border.demand import lanes_of
from portsim.border.model import PortModel
from portsim.border.workload import draw
from portsim.calibrate import observations
from portsim.errors import PortsimError
from portsim.language.schema import Network, Observed
from portsim.measure.inference import CONFIDENCE, estimate
from portsim.measure.measures import HOURLY_METRICS
from portsim.runs import experiment
from portsim.validate.cases import BASE, Check, Formula, Level, ReadCase
from portsim.validate.comparisons import COMPARISONS
from portsim.validate.quantities import ROWS, Simulated, take

Floats = npt.NDArray[np.float64]
Verdict = Literal["pass", "FAIL", "reported"]
Samples = list[Floats]  # one entry a replication

ERRORS_APART = 3.3  # 0.1% of estimates that are right lie farther from the truth
_ROUNDING = 1e-9
_NAN = float("nan")
_WAIT = HOURLY_METRICS.index("wait_mean_min")


@dataclass(frozen=True)
class Profile:
    """A simulated day beside the observed one, minutes by hour, each of shape (24,); `half_width` of 95% intervals."""

    hours: tuple[int, ...]
    simulated: Floats
    half_width: Floats
    observed: Floats


@dataclass(frozen=True)
class Result:
    """One check, made: the value, what it was held against, and the verdict.

    `standard_error` and `samples` are NaN and 0 where there is no chance in the value; `oracle` is NaN where it is
    bounds (`low`, `high`) or there is none. `tolerance` is in words, `note` says why a check failed, or how much was
    compared.
    """

    level: Level
    group: str
    case: str
    what: str
    value: float
    standard_error: float
    samples: int
    oracle: float
    low: float
    high: float
    tolerance: str
    verdict: Verdict
    note: str
    source: str
    profile: Profile | None = field(default=None, compare=False, repr=False)

    @property
    def passed(self) -> bool:
        """Say whether it does not fail; what is only reported cannot."""
        return self.verdict != "FAIL"


COLUMNS = tuple(one.name for one in fields(Result) if one.name != "profile")


@dataclass(frozen=True)
class _Value:
    """A value with its standard error (NaN: none) and the number of samples behind it."""

    value: float
    error: float = _NAN
    samples: int = 0
    note: str = ""


@dataclass(frozen=True)
class _Target:
    """What a value is held against; NaN where it is bounds, or nothing."""

    number: float = _NAN
    error: float = 0.0


def run(cases: Iterable[ReadCase], *, jobs: int | None = None) -> Iterator[list[Result]]:
    """Make the checks of one case after the other; `jobs` threads, by default one a core.

    Raises ScenarioError, at its place in the file, for a check that cannot be made.
    """
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as threads:
        for case in cases:
            yield _run_case(case, threads)


Taken = TypeVar("Taken")


def on_threads(work: Callable[[int], Taken], numbers: Iterable[int], jobs: int | None = None) -> list[Taken]:
    """Do one thing for each replication, `jobs` at a time, by default one a core; results in the order given."""
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as threads:
        return list(threads.map(work, numbers))


def false_alarm_share(results: Sequence[Result]) -> float:
    """Return the chance that a right engine, on seeds of its own, would have failed one check or more.

    By Student's t with each check's own degrees of freedom, as if checks were independent.
    """
    from scipy.stats import t  # noqa: PLC0415 - takes a second to import

    clean = 1.0
    for one in results:
        if one.samples > 1 and not math.isnan(one.oracle) and one.standard_error > 0:
            clean *= 1.0 - 2.0 * float(t.sf(ERRORS_APART, one.samples - 1))
    return 1.0 - clean


def as_csv(results: Sequence[Result]) -> str:
    """Return results as CSV, one row a check; empty where a number does not exist."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in results:
        cells = (getattr(one, name) for name in COLUMNS)
        writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells])
    return text.getvalue()


# --- one case ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A check with its number in the file; of those made for each line, that line's, and what was observed of it."""

    number: int
    check: Check
    line: str = ""
    observed: Mapping[tuple[str, str, str], Observed] = field(default_factory=dict)


def _run_case(case: ReadCase, threads: ThreadPoolExecutor) -> list[Result]:
    places = [place for number, check in enumerate(case.case.checks) for place in _places(case, number, check)]
    samples = _simulate(case, places, threads)
    return [result for place in places for result in _results(case, place, samples)]


def _places(case: ReadCase, number: int, check: Check) -> list[_Place]:
    """Return the check, or one a line of those it is of."""
    if check.each_line is None:
        return [_Place(number, check)]
    parts = {"line": 3, "crossing": 2, "all": 0}[check.each_line.by]
    found: dict[tuple[str, ...], dict[tuple[str, str, str], Observed]] = {}
    for line, observed in observed_lines(case.base.network).items():
        if line in check.each_line:
            found.setdefault(line[:parts], {})[line] = observed
    if not found:
        raise case.refuse(number, "each_line: no observed line of the network is meant")
    names = ("port", "mode", "lane_type")
    return [
        _Place(number, check.model_copy(update=dict(zip(names, part, strict=False))), "/".join(part), lines)
        for part, lines in found.items()
    ]


def observed_lines(network: Network) -> dict[tuple[str, str, str], Observed]:
    """Return the lines whose waits were observed: open, and not assumed."""
    return {
        (port.id, mode, lane_type): lane.observed
        for port, mode, _, lane_type, lane in lanes_of(network)
        if port.open and lane.observed is not None and lane.observed.wait_min.class_ != "assumed"
    }


Key = tuple[int, str, str]  # number of the check, line, scenario


def _simulate(case: ReadCase, places: Sequence[_Place], threads: ThreadPoolExecutor) -> dict[Key, Samples]:
    """Return what each check takes from each replication of each scenario it is about."""
    wanted: dict[str, list[_Place]] = {}
    for place in places:
        if place.check.quantity is not None and place.check.quantity not in COMPARISONS:
            for name in _scenarios_of(place.check):
                wanted.setdefault(name, []).append(place)
    if not wanted:
        return {}
    models = {name: experiment.build_model(case.scenarios[name]) for name in wanted}

    def one(replication: int) -> dict[Key, Floats]:
        taken: dict[Key, Floats] = {}
        for name, simulated in _replicate(case, models, wanted, replication):
            for place in wanted[name]:
                taken[place.number, place.line, name] = _take(case, place, simulated)
        return taken

    rows = list(threads.map(one, range(case.case.run.replications)))
    return {key: [row[key] for row in rows] for key in rows[0]}


def _scenarios_of(check: Check) -> tuple[str, ...]:
    return (BASE, check.saved_by) if check.saved_by else (check.option or BASE,)


def _replicate(
    case: ReadCase, models: dict[str, PortModel], wanted: dict[str, list[_Place]], replication: int
) -> Iterator[tuple[str, Simulated]]:
    """Yield each scenario's replication; its rows only where a quantity looks at them, for they are many."""
    seed = case.case.run.seed
    needs_rows = any(place.check.quantity in ROWS for some in wanted.values() for place in some)
    if needs_rows:
        for name, model in models.items():
            crossings = experiment.simulate(model, draw(model, seed, replication), experiment.default_engine())
            yield name, Simulated(model, crossings=crossings)
    elif experiment.default_engine() == "compiled":
        together = experiment.replicate_together(list(models.values()), seed, replication)
        for (name, model), measures in zip(models.items(), together, strict=True):
            yield name, Simulated(model, measures)
    else:
        for name, model in models.items():
            yield name, Simulated(model, experiment.replicate(model, seed, replication))


def _take(case: ReadCase, place: _Place, simulated: Simulated) -> Floats:
    check = place.check
    if check.statistic == "error_off_observed":
        measures = simulated.measures
        return measures.hourly[[measures.lines.index(line) for line in place.observed], :, _WAIT].ravel()
    by_hour = check.statistic in {"each_hour", "mean_absolute_error"}
    try:
        return take(simulated, check.quantity or "", check, by_hour=by_hour)
    except (KeyError, ValueError, IndexError) as error:
        raise case.refuse(place.number, f"{check.quantity} cannot be taken: {error}") from None


# --- one check ---------------------------------------------------------------------------------


def _results(case: ReadCase, place: _Place, samples: dict[Key, Samples]) -> Iterator[Result]:
    check = place.check
    try:
        if check.statistic == "each_hour":
            yield from _by_hour(case, place, _taken(place, samples))
            return
        result = _judged(case, place, _value(case, place, samples), _target(place))
        drawn = check.statistic == "mean_absolute_error" and check.quantity is not None
        yield replace(result, profile=_profile(check, np.stack(_taken(place, samples)))) if drawn else result
    except ValueError as error:
        raise case.refuse(place.number, str(error)) from None


def _taken(place: _Place, samples: dict[Key, Samples]) -> Samples:
    return _by_pairs([samples[place.number, place.line, name] for name in _scenarios_of(place.check)])


def _value(case: ReadCase, place: _Place, samples: dict[Key, Samples]) -> _Value:
    """Return a check's value: of a formula, of a comparison, or of what was taken from replications."""
    check = place.check
    if check.formula is not None and check.against is not None:
        return _Value(float(np.abs(check.formula.numbers() - np.array(check.against)).mean()))
    if check.formula is not None:
        return _Value(_one(check.formula))
    if check.quantity in COMPARISONS:
        return _compared(case, check)
    return _STATISTICS[check.statistic](
        place, [samples[place.number, place.line, name] for name in _scenarios_of(check)]
    )


def _compared(case: ReadCase, check: Check) -> _Value:
    try:
        counted = COMPARISONS[check.quantity or ""](list(case.scenarios.values()))
    except PortsimError as error:
        return _Value(_NAN, note=str(error))
    return _Value(
        counted.value, note="; ".join(filter(None, (f"of {counted.compared:,} {counted.unit}", counted.first)))
    )


# --- statistics: of a check's scenario, or of base and option by pairs ---------------------------


def _by_pairs(both: Sequence[Samples]) -> Samples:
    """Return the samples of one scenario, or of the base less the option's."""
    first, *other = both
    return [a - b for a, b in zip(first, other[0], strict=True)] if other else first


def _share_of_variance(_place: _Place, both: Sequence[Samples]) -> _Value:
    """Return the variance of paired differences over that of unpaired ones: what common random numbers leave."""
    apart = sum(float(np.stack(one).var(axis=0, ddof=1).mean()) for one in both)
    return _Value(float(np.stack(_by_pairs(both)).var(axis=0, ddof=1).mean()) / apart)


def _share_saved(_place: _Place, both: Sequence[Samples]) -> _Value:
    saved, base = np.concatenate(_by_pairs(both)), np.concatenate(both[0])
    return _jackknife(np.column_stack([saved, base]), lambda rows: float(rows[:, 0].sum() / rows[:, 1].sum()))


def _error_off_observed(place: _Place, both: Sequence[Samples]) -> _Value:
    """Return the mean absolute error of lines' waits by hour of the week, weighted by observed joins."""
    joins, waits = (of_lines.ravel() for of_lines in _observed_weeks(place))

    def error(rows: Floats) -> float:
        return float(np.nansum(joins * np.abs(_mean_of_known(rows) - waits)) / joins.sum())

    return _jackknife(np.stack(_by_pairs(both)), error)


def _mean_of_samples(_place: _Place, both: Sequence[Samples]) -> _Value:
    return _mean(np.concatenate(_by_pairs(both)))


def _mean(samples: Floats) -> _Value:
    count = samples.size
    error = float(samples.std(ddof=1)) / math.sqrt(count) if count > 1 else _NAN
    return _Value(float(samples.mean()), error, count)


def _mean_absolute_error(place: _Place, both: Sequence[Samples]) -> _Value:
    """Return the mean absolute error of the hours' means over replications, with its jackknife standard error."""
    check = place.check
    against = np.array(check.against)[check.hours_of_day]
    chosen = np.stack(_by_pairs(both))[:, check.hours_of_day]

    return _jackknife(chosen, lambda rows: float(np.nanmean(np.abs(_mean_of_known(rows) - against))))


def _profile(check: Check, by_hour: Floats) -> Profile:
    found = estimate(by_hour, CONFIDENCE)
    return Profile(tuple(check.hours_of_day), found.mean, found.half_width, np.array(check.against))


def _mean_of_known(rows: Floats) -> Floats:
    """Return the mean over rows of what is not NaN; NaN where all are."""
    known = ~np.isnan(rows)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _jackknife(samples: Floats, figure: Callable[[Floats], float]) -> _Value:
    """Return a figure of the replications together, with its standard error from leaving out one at a time."""
    count = len(samples)
    if count == 1:
        return _Value(figure(samples), samples=1)
    left_out = np.array([figure(np.delete(samples, row, axis=0)) for row in range(count)])
    return _Value(float(figure(samples)), math.sqrt((count - 1) * float(left_out.var())), count)


def _coverage(place: _Place, both: Sequence[Samples]) -> _Value:
    """Return the share of Student intervals over replications that hold the truth."""
    truth, found = _truth(place.check), estimate(np.stack(_by_pairs(both)), CONFIDENCE)
    covers = np.abs(found.mean - truth) <= found.half_width
    share = float(covers.mean())
    return _Value(share, math.sqrt(share * (1 - share) / covers.size), covers.size)


_STATISTICS: Mapping[str, Callable[[_Place, Sequence[Samples]], _Value]] = {
    "mean": _mean_of_samples,
    "mean_absolute_error": _mean_absolute_error,
    "coverage": _coverage,
    "share_of_variance": _share_of_variance,
    "share_saved": _share_saved,
    "error_off_observed": _error_off_observed,
}


# --- oracles and verdicts ------------------------------------------------------------------------


def _truth(check: Check) -> float:
    return _one(check.truth) - (_one(check.less) if check.less else 0.0) if check.truth else _NAN


def _one(formula: Formula) -> float:
    """Return a formula's only number, or the sum of its numbers by hour."""
    numbers = formula.numbers()
    if numbers.size != 1:
        raise ValueError(f"{formula.name} answers {numbers.size} numbers here: name one in `answer`")
    return float(numbers[0])


def _target(place: _Place) -> _Target:
    check, oracle = place.check, place.check.oracle
    if oracle is None or oracle.is_bound:
        return _Target()
    if oracle.formula is not None:
        return _Target(_one(oracle.formula) - (_one(check.less) if check.less else 0.0))
    if oracle.observed is not None:
        return _Target(_observed(place, oracle.observed))
    return _Target(oracle.printed or 0.0, oracle.standard_error)


def _observed(place: _Place, what: str) -> float:
    """Return what was observed of the lines a check is of: see Oracle.observed."""
    joins, waits = _observed_weeks(place)
    if what == "crossings_per_day":
        counts = observations.packaged_counts()
        return sum(counts[crossing] for crossing in {line[:2] for line in place.observed})
    if what == "posted_min":
        targets = observations.packaged_targets()
        return float(np.average([targets[line] for line in place.observed], weights=joins.sum(axis=1)))
    return float(joins.mean(axis=1).sum() if what == "per_hour" else (joins * waits).sum() / joins.sum())


def _observed_weeks(place: _Place) -> tuple[Floats, Floats]:
    """Return joins an hour and waits, minutes, of the lines a check is of, each of shape (lines, 168)."""
    if not place.observed:
        raise ValueError("an observed oracle is for each_line")
    lines = place.observed.values()
    joins, waits = (
        np.stack([clock.hourly(getattr(observed, key).slots()) for observed in lines])
        for key in ("per_hour", "wait_min")
    )
    return joins, waits


def _by_hour(case: ReadCase, place: _Place, samples: Samples) -> Iterator[Result]:
    """Yield a result for each hour of the day whose oracle is large enough."""
    check = place.check
    if check.oracle is None or check.oracle.formula is None:
        raise ValueError("each_hour needs an oracle that is a formula by hour")
    by_hour, exact = np.stack(samples), check.oracle.formula.numbers()
    if exact.size != clock.HOURS_PER_DAY:
        raise ValueError(f"each_hour needs 24 numbers; {check.oracle.formula.name} answers {exact.size}")
    for hour in check.hours_of_day:
        if exact[hour] >= check.from_oracle:
            there = replace(place, line=f"hour {hour}")
            yield _judged(case, there, _mean(by_hour[:, hour]), _Target(float(exact[hour])))


def _judged(case: ReadCase, place: _Place, value: _Value, target: _Target) -> Result:
    check, about = place.check, case.case
    verdict, note = _verdict(check, value, target)
    oracle = check.oracle
    return Result(
        level=about.level,
        group=about.group,
        case=about.case,
        what=f"{check.what}, {place.line}" if place.line else check.what,
        value=value.value,
        standard_error=value.error,
        samples=value.samples,
        oracle=target.number,
        low=oracle.at_least if oracle and oracle.at_least is not None else _NAN,
        high=oracle.at_most if oracle and oracle.at_most is not None else _NAN,
        tolerance=_tolerance_words(check, value),
        verdict=verdict,
        note="; ".join(filter(None, (note, value.note))),
        source=check.source or about.source,
    )


def _verdict(check: Check, value: _Value, target: _Target) -> tuple[Verdict, str]:
    """Return the verdict, and why it is a failure."""
    if check.oracle is None or not check.judged:
        return "reported", ""
    if math.isnan(value.value):
        return "FAIL", "there is no value"
    if check.oracle.is_bound:
        low, high = check.oracle.at_least, check.oracle.at_most
        within = (low is None or value.value >= low) and (high is None or value.value <= high)
        return ("pass", "") if within else ("FAIL", "out of bounds")
    wrong = list(_misses(check, value, target))
    return ("FAIL", "; ".join(wrong)) if wrong else ("pass", "")


def _misses(check: Check, value: _Value, target: _Target) -> Iterator[str]:
    """Yield how a value misses the number it is held against, or is too rough to tell."""
    if check.tolerance is None:
        return
    width = check.tolerance.width(target.number)
    off = abs(value.value - target.number)
    if check.tolerance.or_errors:
        width = max(width, ERRORS_APART * value.error)
    if off > width + _ROUNDING * abs(target.number):
        yield f"off by {off:.4g}, more than {width:.4g}"
    if math.isnan(value.error) or check.tolerance.asymptotic or check.tolerance.or_errors:
        return
    error = math.hypot(value.error, target.error)
    if off > ERRORS_APART * error + _ROUNDING * abs(target.number):
        yield f"{off / error if error else math.inf:.1f} standard errors away"
    if value.error > width:
        yield "its standard error is wider than the tolerance: more replications are needed to tell"


def _tolerance_words(check: Check, value: _Value) -> str:
    """Say what was allowed, in few words."""
    oracle = check.oracle
    if oracle is None:
        return ""
    if oracle.is_bound:
        low, high = oracle.at_least, oracle.at_most
        if low is not None and high is not None:
            return f"{low:g} to {high:g}"
        return f"at least {low:g}" if low is not None else f"at most {high:g}"
    if check.tolerance is None:
        return ""
    held = check.tolerance
    width = f"{100 * held.relative:g}%" if held.relative is not None else f"{held.absolute:g}"
    if not value.error > 0 or held.asymptotic:
        return width
    return f"{width} or {ERRORS_APART} SE" if held.or_errors else f"{width}, {ERRORS_APART} SE"
