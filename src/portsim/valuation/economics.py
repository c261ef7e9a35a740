"""What a change of waits is worth. Here the trade indicator: the documents' cargo rule, port by port.

$26 million of cargo a month for each 10 minutes off the border wait speaks of the whole US-Mexico border,
northbound trucks. A port's part is its share of US truck imports from Mexico. Minutes are counted by the port
each truck uses in the base, over the same trucks in base and option.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.measure.inference import estimate

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AS_IS_MIN = 20.0  # within the studied change, doubled
EXTRAPOLATED_MIN = 60.0  # beyond, no dollars are given
EXTRAPOLATED = "extrapolated"
ASSUMED = "assumed wait"
DEMAND_DIFFERS = "truck demand differs: worth of the waits alone"
COLUMNS = (
    "base",
    "option",
    "scope",
    "port",
    "minutes_saved",
    "minutes_saved_hw",
    "rule_if_borderwide_usd_per_month",
    "share",
    "usd_per_month",
    "usd_per_month_hw",
    "low_usd_per_month",
    "high_usd_per_month",
    "flag",
)


@dataclass(frozen=True)
class Rule:
    """The cargo rule in plain numbers: dollars a month for ten minutes, each port's share, bounds as factors."""

    usd_per_month_per_10_min: float
    shares: Mapping[str, float]
    low_factor: float = 1.0
    high_factor: float = 1.0

    def usd_per_month(self, minutes: float | Floats, share: float) -> float | Floats:
        """Return a part of the rule for minutes saved."""
        return self.usd_per_month_per_10_min * minutes / 10 * share


@dataclass(frozen=True)
class Saving:
    """Minutes saved by the same trucks, by their port in the base.

    `minutes`, shape (replications, ports); `paired` and `left_out`: trucks a replication on average, in both
    scenarios, and in one of them only.
    """

    ports: tuple[str, ...]
    minutes: Floats
    paired: float
    left_out: float


Trucks = Iterable[tuple[Ints, Ints, Floats]]
"""Single trucks of one week after the other, each week as (key, port index, wait in minutes)."""


def minutes_saved(base: Iterable[Trucks], option: Iterable[Trucks], ports: Sequence[str]) -> Saving:
    """Pair the trucks of each replication by key, week by week: a truck joins in the same week in both."""
    rows, paired, left_out = [], [], []
    for weeks, other_weeks in zip(base, option, strict=True):
        count, total, alone = np.zeros(len(ports)), np.zeros(len(ports)), 0
        for (key, port, wait), (other_key, _, other_wait) in zip(weeks, other_weeks, strict=True):
            _, here, there = np.intersect1d(key, other_key, assume_unique=True, return_indices=True)
            count += np.bincount(port[here], minlength=len(ports))
            total += np.bincount(port[here], weights=wait[here] - other_wait[there], minlength=len(ports))
            alone += len(key) + len(other_key) - 2 * len(here)
        rows.append(np.divide(total, count, out=np.full(len(ports), np.nan), where=count > 0))
        paired.append(count.sum())
        left_out.append(alone)
    return Saving(tuple(ports), np.array(rows), float(np.mean(paired)), float(np.mean(left_out)))


def cargo_value(
    saving: Saving,
    rule: Rule,
    base: str,
    option: str,
    assumed: frozenset[str] = frozenset(),
    *,
    demand_differs: bool = False,
) -> pd.DataFrame:
    """Return the rows of cargo_value.csv of one comparison: each port, their total, and the region's reading.

    `assumed`: ports whose truck waits are an assumption; `demand_differs`: more or fewer trucks would like to cross in
    the option, and the rule values the waits of those in both, not that. The flag says either.
    """
    used = [i for i, port in enumerate(saving.ports) if rule.shares.get(port, 0) > 0]
    used = [i for i in used if not np.isnan(saving.minutes[:, i]).any()]
    ports = [saving.ports[i] for i in used]
    if not ports:
        return pd.DataFrame(columns=list(COLUMNS))
    minutes = saving.minutes[:, used]
    shares = np.array([rule.shares[port] for port in ports])
    rows = [
        _row(rule, "border", port, minutes[:, i], shares[i], rule_applies=True, assumed=port in assumed)
        for i, port in enumerate(ports)
    ]
    weighted = minutes @ shares / shares.sum()
    any_assumed = bool(assumed & set(ports))
    stretched = any(EXTRAPOLATED in row["flag"] for row in rows)
    total = _row(rule, "border", "all", weighted, shares.sum(), rule_applies=False, assumed=any_assumed)
    if stretched and EXTRAPOLATED not in total["flag"]:
        total["flag"] = "; ".join(word for word in (EXTRAPOLATED, total["flag"]) if word)
    region = _row(rule, "region", "all", weighted, 1.0, rule_applies=True, assumed=any_assumed)
    region["flag"] = "; ".join(word for word in ("upper reading", region["flag"]) if word)
    if any(math.isnan(row["usd_per_month"]) for row in rows):  # a total of what is blank would mislead
        for row in (total, region):
            _blank(row)
    if demand_differs:
        for row in (*rows, total, region):
            row["flag"] = "; ".join(word for word in (row["flag"], DEMAND_DIFFERS) if word)
    table = pd.DataFrame([*rows, total, region])
    table.insert(0, "base", base)
    table.insert(1, "option", option)
    return table[list(COLUMNS)]


def _row(
    rule: Rule, scope: str, port: str, minutes: Floats, share: float, *, rule_applies: bool, assumed: bool
) -> dict[str, Any]:
    saved = estimate(minutes)
    usd = float(rule.usd_per_month(saved.mean, share))
    bounds = sorted((usd * rule.low_factor, usd * rule.high_factor))
    row: dict[str, Any] = {
        "scope": scope,
        "port": port,
        "minutes_saved": float(saved.mean),
        "minutes_saved_hw": float(saved.half_width),
        "rule_if_borderwide_usd_per_month": (float(rule.usd_per_month(saved.mean, 1.0)) if rule_applies else np.nan),
        "share": share,
        "usd_per_month": usd,
        "usd_per_month_hw": float(rule.usd_per_month(saved.half_width, share)),
        "low_usd_per_month": bounds[0],
        "high_usd_per_month": bounds[1],
        "flag": "",
    }
    flags = []
    if abs(saved.mean) > EXTRAPOLATED_MIN:
        flags.append("beyond the rule's reach")
        _blank(row)
    elif abs(saved.mean) > AS_IS_MIN:
        flags.append(EXTRAPOLATED)
    if assumed:
        flags.append(ASSUMED)
    row["flag"] = "; ".join(flags)
    return row


def _blank(row: dict[str, Any]) -> None:
    for name in row:
        if "usd" in name:
            row[name] = np.nan
