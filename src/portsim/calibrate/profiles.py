"""A week from scattered readings: smoothed over the day, pooled over like days, never finer than its data.

A few readings an hour of the week are mostly noise. A profile is therefore built up from what is known best: the
mean hour of all days, then a level for each day type, then what is left by hour, each shrunk towards the one before
as if a few more readings had agreed with it (Robbins 1956, empirical Bayes; the weights were chosen by predicting
weeks left out, docs/baseline.md). Everything is linear in the readings, so the number of free steps of a profile is
the trace of what maps readings to their fit (Hastie and Tibshirani 1990, section 3.5); it is held to one for ten.
"""

from __future__ import annotations

import itertools
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from portsim import clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_TYPES = ("mon-thu", "fri", "sat", "sun")
DAY_TYPE_OF = np.array([0, 0, 0, 0, 1, 2, 3])
"""Of Monday to Sunday."""
READINGS_PER_STEP = 10
_WIDER = 1.15
_FEWEST = 1.1  # one mean, nearly
_CELLS = len(DAY_TYPES) * clock.HOURS_PER_DAY


@dataclass(frozen=True)
class Pooling:
    """How much readings lean on their neighbours.

    `width_h`: standard deviation of the normal weights by which hours of the day are averaged. `day_prior`,
    `hour_prior`: readings as many as which a day type leans on all days, and an hour of it on its day type.
    """

    width_h: float
    day_prior: float
    hour_prior: float


WAITS = Pooling(width_h=1.25, day_prior=100.0, hour_prior=2.0)
BOOTHS = Pooling(width_h=0.6, day_prior=50.0, hour_prior=2.0)


@dataclass(frozen=True)
class Profile:
    """A smoothed week: value by hour of the week, shape (168,), and how many free steps it has."""

    week: Floats
    free_steps: float
    readings: int


def fit(weekday: Ints, hour: Ints, value: Floats, pooling: Pooling) -> Profile:
    """Fit a profile to readings, arrays of one length. Raises ValueError for no reading."""
    cell = DAY_TYPE_OF[weekday] * clock.HOURS_PER_DAY + hour
    count = np.bincount(cell, minlength=_CELLS).astype(float)
    total = np.bincount(cell, weights=value, minlength=_CELLS).astype(float)
    return pooled(count, total, pooling)


def pooled(count: Floats, total: Floats, pooling: Pooling) -> Profile:
    """Fit a profile to the number of readings and their sum by day type and hour, shape (96,) each.

    Pooling grows until ten readings stand behind each free step. Raises ValueError for no reading.
    """
    readings = int(count.sum())
    if not readings:
        raise ValueError("no reading to fit a profile to")
    for step in itertools.count():
        grown = _WIDER**step
        smoother = _smoother(count, Pooling(*(grown * figure for figure in astuple(pooling))))
        free = float(np.diagonal(smoother) @ count)
        if free <= max(readings / READINGS_PER_STEP, _FEWEST):
            break
    by_type = (smoother @ total).reshape(len(DAY_TYPES), clock.HOURS_PER_DAY)
    return Profile(by_type[DAY_TYPE_OF].ravel(), free, readings)


def _smoother(count: Floats, pooling: Pooling) -> Floats:
    """Return what maps the sums of readings by day type and hour to the profile, shape (96, 96).

    Its diagonal is the pull of a reading on its own fit; summed over readings, the number of free steps.
    """
    types, hours = len(DAY_TYPES), clock.HOURS_PER_DAY
    n = count.reshape(types, hours)
    total = np.eye(_CELLS).reshape(types, hours, _CELLS)
    weight = _weights(pooling.width_h)
    mean = total.sum(axis=(0, 1)) / n.sum()
    all_days = (weight @ total.sum(axis=0) + mean) / (weight @ n.sum(axis=0) + 1.0)[:, None]
    left = total - n[..., None] * all_days
    level = left.sum(axis=1) / (n.sum(axis=1) + pooling.day_prior)[:, None]
    left -= n[..., None] * level[:, None]
    apart = np.einsum("gh,thc->tgc", weight, left) / (n @ weight.T + pooling.hour_prior)[..., None]
    smoother: Floats = (all_days + level[:, None] + apart).reshape(_CELLS, _CELLS)
    return smoother


def _weights(width_h: float) -> Floats:
    """Return the weight of each hour of the day in another's mean, round the clock."""
    hour = np.arange(clock.HOURS_PER_DAY)
    half = clock.HOURS_PER_DAY // 2
    apart = (hour[:, None] - hour + half) % clock.HOURS_PER_DAY - half
    weights: Floats = np.exp(-0.5 * (apart / width_h) ** 2)
    return weights
