"""A term of a valuation: a quantity that was simulated, times figures that have a source.

So each dollar can be taken apart again, and drawing the figures anew costs a product and no simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portsim.measure.inference import estimate
from portsim.numbers import Estimate
from portsim.valuation.parameters import Parameter, Parameters

Floats = npt.NDArray[np.float64]
Prices = Mapping[str, float] | Mapping[str, Floats]

DRAWS, SEED = 4096, 20260401
P10_P90 = (10, 90)


@dataclass(frozen=True)
class Term:
    """One line of one account: quantity x constant x figures, a year.

    `quantity`, shape (replications,), in `unit`. With `exponent`, the name of a figure in % a unit, the quantity q
    counts as exp(exponent x q) - 1. `chain` tells how the quantity came about, for people.
    """

    account: str
    component: str
    port: str
    mode: str
    lane_type: str
    quantity: Floats
    unit: str
    figures: tuple[str, ...] = ()
    constant: float = 1.0
    exponent: str = ""
    counts: str = "USD"
    note: str = ""
    chain: str = ""

    def worth(self, quantity: Floats | float, prices: Prices) -> Floats:
        """Return the value of so much, shapes of quantity and prices broadcast."""
        if self.exponent:
            quantity = np.expm1(np.asarray(prices[self.exponent]) / 100 * quantity)
        rate: Floats | float = self.constant
        for name in self.figures:
            rate = rate * prices[name]
        return np.asarray(quantity * rate, dtype=np.float64)

    @property
    def named(self) -> tuple[str, ...]:
        """Return all figures it rests on."""
        return (*self.figures, self.exponent) if self.exponent else self.figures


@dataclass(frozen=True)
class Worth:
    """A sum of terms of one account: at the figures' values by replication, and at the mean over the draws."""

    by_replication: Floats
    drawn: Floats

    @property
    def estimate(self) -> Estimate:
        """Return the mean over replications, and its half-width from chance."""
        found = estimate(self.by_replication)
        return Estimate(float(found.mean), float(found.half_width))

    @property
    def percentiles(self) -> tuple[float, float, float]:
        """Return P10, median and P90 over the draws."""
        if np.isnan(self.drawn).any():
            return (math.nan,) * 3
        low, high = np.percentile(self.drawn, P10_P90)
        return float(low), float(np.median(self.drawn)), float(high)


def prices(parameters: Parameters) -> dict[str, float]:
    """Return every figure in the dollars of the results."""
    return {name: float(p.value or 0.0) * parameters.price(name) for name, p in parameters.parameters.items()}


def drawn(parameters: Parameters, draws: int = DRAWS, seed: int = SEED) -> dict[str, Floats]:
    """Return draws of every figure in the dollars of the results, a scrambled Sobol sequence; fixed ones repeat.

    `draws` is a power of two: a Sobol sequence is even only then.
    """
    from scipy.stats import qmc  # noqa: PLC0415 - takes a second to import

    varied = [name for name, parameter in parameters.parameters.items() if parameter.shape != "fixed"]
    found = {name: np.full(draws, value) for name, value in prices(parameters).items()}
    if varied:
        shares = qmc.Sobol(len(varied), scramble=True, rng=seed).random_base2(int(math.log2(draws)))
        for name, column in zip(varied, shares.T, strict=True):
            found[name] = quantile(parameters.parameters[name], column) * parameters.price(name)
    return found


def quantile(parameter: Parameter, share: Floats) -> Floats:
    """Return quantiles of a figure's distribution, in its own dollars."""
    low, high = float(parameter.low or 0.0), float(parameter.high or 0.0)
    if parameter.shape == "uniform" or low == high:
        return low + share * (high - low)
    if parameter.shape == "triangular":
        top = float(parameter.most_likely or 0.0)
        turn = (top - low) / (high - low)
        rising = low + np.sqrt(share * (high - low) * (top - low))
        falling = high - np.sqrt((1 - share) * (high - low) * (high - top))
        return np.where(share < turn, rising, falling)
    from scipy.stats import norm  # noqa: PLC0415 - as above

    middle, spread = math.log(low * high) / 2, math.log(high / low) / (2 * norm.ppf(0.9))
    found: Floats = np.exp(middle + spread * norm.ppf(share))
    return found


def total(terms: Sequence[Term], at: Mapping[str, float], draws: Mapping[str, Floats]) -> Worth:
    """Add terms of one account. Raises ValueError for terms of two: accounts are never added."""
    accounts = {term.account for term in terms}
    if len(accounts) > 1:
        raise ValueError(f"accounts are never added: {', '.join(sorted(accounts))}")
    worth = [(term.worth(term.quantity, at), term.worth(float(term.quantity.mean()), draws)) for term in terms]
    return Worth(sum((now for now, _ in worth), np.zeros(1)), sum((later for _, later in worth), np.zeros(1)))
