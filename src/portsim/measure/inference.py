"""Replications -> mean, half-width, paired difference, verdict. The replications are the sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
BETTER, WORSE, NO_CLEAR_CHANGE, IDENTICAL = "better", "worse", "no clear change", "identical by design"
NO_INTERVAL = "one replication: no interval"  # in place of a verdict


class Estimate(NamedTuple):
    """Means over replications, with the half-widths of their Student intervals (NaN for one replication)."""

    mean: Floats
    half_width: Floats


def estimate(samples: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate means along axis 0 of `samples`, shape (replications, ...); NaN where a replication has none."""
    from scipy.stats import t  # noqa: PLC0415 - takes a second to import

    count = len(samples)
    mean = samples.mean(axis=0)
    if count == 1:
        return Estimate(mean, np.full_like(mean, np.nan))
    error = samples.std(axis=0, ddof=1) / np.sqrt(count)
    return Estimate(mean, t.ppf((1 + confidence) / 2, count - 1) * error)


class Difference(NamedTuple):
    """Option less base, paired by replication, with its half-width and what may be said of it."""

    mean: Floats
    half_width: Floats
    verdict: npt.NDArray[np.str_]


def paired_difference(base: Floats, option: Floats, lower_is_better: npt.NDArray[np.bool_]) -> Difference:
    """Compare replications pair by pair, shape (replications, ...); `lower_is_better` broadcasts to one of them.

    The verdict is `better` or `worse` only where the whole interval lies on one side of zero, and `identical by
    design` where no replication differs at all.
    """
    gaps = option - base
    found = estimate(gaps)
    identical = np.all(gaps == 0, axis=0)
    clear = np.abs(found.mean) > found.half_width  # False where the half-width is NaN
    good = (found.mean < 0) == lower_is_better
    verdict = np.where(clear, np.where(good, BETTER, WORSE), NO_CLEAR_CHANGE)
    return Difference(found.mean, found.half_width, np.where(identical, IDENTICAL, verdict))
