"""The closed forms of `theory`, by the names that case files of the validation call them.

A formula is a function of numbers; what it returns is a number, a list of them (one an hour, say), or an answer with
several, of which a case names one: `wait_mean_min`, or `primary.wait_mean_min` of an answer within the answer.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from portsim import clock, theory
from portsim.calibrate import inversion
from portsim.errors import nearest

Floats = npt.NDArray[np.float64]
Given = float | int | bool | str | tuple[float, ...]
FormulaName = Literal[
    "buffer_index",
    "equilibrium_wait_change_min",
    "equilibrium_waits_min",
    "fluid_queue",
    "jackson_tandem",
    "logit_shares",
    "mdc",
    "mekc",
    "mg1",
    "mh2c",
    "minutes_of_toll",
    "mmc",
    "mmc_wait_quantile_min",
    "mmc_wait_share_over",
    "recovered_arrivals",
    "sine_in_service",
    "sine_queue",
    "time_varying_queue",
]


@dataclass(frozen=True)
class SineQueue:
    """A line under arrivals that are a sine of the day, settled: of the day, and by hour, shape (24,)."""

    queue_mean: float
    wait_probability: float
    queue_by_hour: Floats


def sine_queue(
    *, mean_per_hour: float, amplitude_per_hour: float, booths: int, service_per_hour: float, slots_per_hour: int
) -> SineQueue:
    """Return the third day of an M(t)/M/s line of rate mean + amplitude x sin(2 pi t / 24), held in steps.

    Each step holds the sine's mean over it, as a network's demand does. The wait probability is that of arrivals.
    """
    days, hours = 3, 24
    pace = 2 * math.pi / hours
    edges = np.arange(hours * slots_per_hour + 1) / slots_per_hour
    per_hour = mean_per_hour - amplitude_per_hour * np.diff(np.cos(pace * edges)) / np.diff(pace * edges)
    course = theory.time_varying_queue(  # an "hour" of theory is a step here, so rates are per step
        (per_hour / slots_per_hour).tolist() * days,
        [booths] * per_hour.size * days,
        [service_per_hour / slots_per_hour] * per_hour.size * days,
        finish_vehicle=False,  # booths and service never change, so both rules agree, and this one is quicker
    )
    settled = slice((days - 1) * per_hour.size, None)
    waiting = course.waiting_vehicle_hours[settled]
    return SineQueue(
        queue_mean=float(waiting.mean()),
        wait_probability=float(np.average(course.wait_probability[settled], weights=per_hour)),
        queue_by_hour=waiting.reshape(hours, slots_per_hour).mean(axis=1),
    )


def buffer_index(mean_min: float, p95_min: float) -> float:
    """Return the extra time that makes 19 journeys of 20 punctual, over the mean (FHWA's buffer index)."""
    return (p95_min - mean_min) / mean_min


def minutes_of_toll(toll_usd: float, value_of_time_usd_per_hour: float) -> float:
    """Return the wait a toll is worth to a traveller, in minutes."""
    return 60.0 * toll_usd / value_of_time_usd_per_hour


def recovered_arrivals(served_per_hour: Sequence[float], wait_min: Sequence[float]) -> list[float]:
    """Return who joined in each hour of a day that repeats, from what was served and how long it waited.

    By cumulative curves, A(t) = D(t + W(t)), as the calibration recovers them (`inversion`).
    """
    served, wait = (np.tile(np.asarray(day, float), clock.DAYS_PER_WEEK) for day in (served_per_hour, wait_min))
    return [float(rate) for rate in inversion.joins(served, wait)[: clock.HOURS_PER_DAY]]


_FORMULAS: Mapping[str, Callable[..., Any]] = {
    "buffer_index": buffer_index,
    "equilibrium_wait_change_min": theory.equilibrium_wait_change_min,
    "equilibrium_waits_min": theory.equilibrium_waits_min,
    "fluid_queue": theory.fluid_queue,
    "jackson_tandem": theory.jackson_tandem,
    "logit_shares": theory.logit_shares,
    "mdc": theory.mdc_wait,
    "mekc": theory.mekc_wait,
    "mg1": theory.mg1_wait,
    "mh2c": theory.mh2c_wait,
    "minutes_of_toll": minutes_of_toll,
    "mmc": theory.mmc,
    "mmc_wait_quantile_min": theory.mmc_wait_quantile_min,
    "mmc_wait_share_over": theory.mmc_wait_share_over,
    "recovered_arrivals": recovered_arrivals,
    "sine_in_service": theory.sine_in_service,
    "sine_queue": sine_queue,
    "time_varying_queue": theory.time_varying_queue,
}
assert set(_FORMULAS) == set(get_args(FormulaName))


def check_arguments(name: FormulaName, given: Mapping[str, Given]) -> None:
    """Raise ValueError, worded for people, for an argument the formula does not take, or lacks."""
    known = inspect.signature(_FORMULAS[name]).parameters
    for key in given:
        if key not in known:
            raise ValueError(f"{name} takes no '{key}': {nearest(key, list(known))}")
    lacking = [key for key, one in known.items() if one.default is inspect.Parameter.empty and key not in given]
    if lacking:
        raise ValueError(f"{name} needs {', '.join(lacking)} too")


def evaluate(name: FormulaName, given: Mapping[str, Given], answer: str | None = None) -> Floats:
    """Return what a formula answers: one number, shape (1,), or several, such as one an hour.

    `answer` names the number of an answer that has several, or its place in a list. Raises ValueError, worded for
    people, where the formula refuses its arguments or has no such answer.
    """
    found = _answered(name, tuple(sorted(given.items())))
    for part in answer.split(".") if answer else []:
        found = _part(name, found, part)
    if isinstance(found, int | float | list | np.ndarray):
        return np.atleast_1d(np.asarray(found, float))
    raise ValueError(f"{name} has several answers: name one: {', '.join(_parts(found))}")


@cache
def _answered(name: FormulaName, given: tuple[tuple[str, Given], ...]) -> Any:
    """Return all that a formula answers; a case may ask it many times."""
    formula = _FORMULAS[name]
    kinds = {key: str(one.annotation) for key, one in inspect.signature(formula).parameters.items()}
    try:
        return formula(**{key: _as(kinds[key], value) for key, value in given})
    except (TypeError, ZeroDivisionError) as error:
        raise ValueError(f"{name}: {error}") from None


def _part(name: str, found: Any, part: str) -> Any:
    """Return one of several answers, by its name or, of a list, its place from 0."""
    if isinstance(found, list | np.ndarray):
        if part.isdigit() and int(part) < len(found):
            return found[int(part)]
        raise ValueError(f"{name}: no answer '{part}': give a place from 0 to {len(found) - 1}")
    if isinstance(found, float) or part not in _parts(found):
        raise ValueError(f"{name} has no answer '{part}': {nearest(part, _parts(found))}")
    return getattr(found, part)


def _parts(found: Any) -> list[str]:
    if isinstance(found, float):
        return []
    properties = [key for key, held in vars(type(found)).items() if isinstance(held, property)]
    return [*(field.name for field in fields(found)), *properties]


def _as(kind: str, value: Given) -> Given | Sequence[float]:
    """Return a number of a file as the formula's signature wants it: whole, or a list of whole ones."""
    whole = "int" in kind.replace("Sequence", "")
    if isinstance(value, tuple):
        return [_number(one, whole=whole) for one in value]
    if isinstance(value, bool | str):
        return value
    return _number(value, whole=whole)


def _number(value: float, *, whole: bool) -> float:
    if not whole:
        return float(value)
    if value != int(value):
        raise ValueError(f"{value:g} is not a whole number")
    return int(value)
