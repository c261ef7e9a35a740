"""What the tables say of long waits, of booths and of the base against what was observed: numbers, then sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from portsim.measure.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, WORSE
from portsim.numbers import Estimate, number, plus_minus
from portsim.results.findings import ALL, Change, Context, verdict_on, verdict_words
from portsim.results.words import counted, say, sentence

LIMITS_MIN = (20, 40, 60)
MODES_WITH_BOOTHS = ("truck", "vehicle")


# --- shares of long waits -----------------------------------------------------------------------------------


class LongWaits(NamedTuple):
    """Of one scenario and mode, all ports together: the share that waits longer than each limit, in percent."""

    shares: tuple[float, ...]
    changes: tuple[Change | None, ...]
    """In percentage points; None in the base."""


def long_waits(summary: pd.DataFrame, comparison: pd.DataFrame, mode: str, context: Context) -> dict[str, LongWaits]:
    """Return the shares of long waits by scenario."""
    rows = summary[(summary["port"] == ALL) & (summary["mode"] == mode) & (summary["lane_type"] == ALL)]
    of_scenario = {str(row["scenario"]): row for row in rows.to_dict("records")}
    metrics = [f"share_over_{limit}min" for limit in LIMITS_MIN]
    found = {}
    for name in context.drawn(of_scenario):
        shares = tuple(100 * float(of_scenario[name][metric]) for metric in metrics)
        if not math.isnan(shares[0]):
            changes = tuple(metric_change(comparison, name, mode, metric, context, scale=100) for metric in metrics)
            found[name] = LongWaits(shares, changes)
    return found


def metric_change(
    comparison: pd.DataFrame,
    option: str,
    mode: str,
    metric: str,
    context: Context,
    *,
    port: str = ALL,
    scale: float = 1,
) -> Change | None:
    """Return the paired change of a metric of a port and mode, all lane types together; None where there is none."""
    if comparison.empty:
        return None
    rows = comparison[
        (comparison["base"] == context.base)
        & (comparison["option"] == option)
        & (comparison["port"] == port)
        & (comparison["mode"] == mode)
        & (comparison["lane_type"] == ALL)
        & (comparison["metric"] == metric)
    ]
    if rows.empty or math.isnan(rows.iloc[0]["difference"]):
        return None
    row = rows.iloc[0]
    verdict = verdict_on(row["difference"], row["half_width"], row["verdict"])
    return Change(Estimate(scale * float(row["difference"]), scale * float(row["half_width"])), verdict)


def change_words(change: Change | None, unit: str) -> str:
    """Return a change with its verdict, or that there is none to tell."""
    if change is None:
        return say("verdict.not_compared")
    if change.verdict == IDENTICAL:
        return verdict_words(IDENTICAL)
    return f"{plus_minus(change.difference, signed=True)}{unit}, {verdict_words(change.verdict)}"


def shares_title(found: dict[str, LongWaits], mode: str, context: Context) -> str:
    """Return the finding on the waits over the longest limit."""
    who, limit = say(f"mode.{mode}.many"), LIMITS_MIN[-1]
    base = found.get(context.base)
    options = [name for name in found if name != context.base]
    if not options or base is None:
        first = next(iter(found))
        text = say("shares.alone", share=percent(found[first].shares[-1]), who=who, limit=limit)
        return text if first == context.base else f"{context.scenarios[first]}: {text}"
    clauses = [_share_clause(found[name], base, who, limit, context) for name in options]
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {clauses[0]}"
    return "; ".join(f"{context.scenarios[name]}: {text}" for name, text in zip(options, clauses, strict=True))


def _share_clause(option: LongWaits, base: LongWaits, who: str, limit: int, context: Context) -> str:
    change = option.changes[-1]
    keys = {BETTER: "changed", WORSE: "changed", IDENTICAL: "same", NO_CLEAR_CHANGE: "unclear"}
    key = keys.get(change.verdict, "alone_pair") if change else "alone_pair"
    return say(
        f"shares.{key}",
        share=percent(option.shares[-1]),
        was=percent(base.shares[-1]),
        who=who,
        limit=limit,
        base=context.scenarios[context.base],
        change=plus_minus(change.difference, signed=True) if change else "",
    )


def percent(share: float) -> str:
    """Return a share in percent without a digit too many; what is not nothing is never 0."""
    if 0 < share < 0.5:  # noqa: PLR2004 - rounds to nothing
        return say("percent.under_one")
    return f"{number(share, 0)}%"


# --- booths -------------------------------------------------------------------------------------------------


class Capacity(NamedTuple):
    """One crossing in one scenario: what is built, and by hour of the week what is open and used, and the wait."""

    built: float
    open: np.ndarray
    used: np.ndarray
    wait: np.ndarray
    joins: np.ndarray
    mean_wait: Estimate

    @property
    def working(self) -> np.ndarray:
        """Return the hours in which booths are open and travellers join."""
        hours: np.ndarray = (self.open > 0) & (self.joins > 0)
        return hours

    @property
    def mean_open(self) -> float:
        """Return the mean of booths open while travellers join."""
        return float(self.open[self.working].mean())

    @property
    def mean_used(self) -> float:
        """Return the mean of booths inspecting while travellers join."""
        return float(self.used[self.working].mean())


def capacities(
    hourly: pd.DataFrame, summary: pd.DataFrame, booths: pd.DataFrame, port: str, mode: str, *, context: Context
) -> dict[str, Capacity]:
    """Return the capacity of a crossing by scenario, those left out in which it is closed."""
    here = hourly[(hourly["port"] == port) & (hourly["mode"] == mode)]
    built = booths[(booths["port"] == port) & (booths["mode"] == mode)].set_index(["scenario", "lane_type"])
    found = {}
    for name in context.drawn(here["scenario"]):
        lines = here[here["scenario"] == name]
        if (name, ALL) not in built.index or not (lines["booths_open"] > 0).any():
            continue
        lane = lines["lane_type"].map(lambda kind, name=name: 1 + int(built["two_in_a_lane"].get((name, kind), 0)))
        at = lines["weekday"] * 24 + lines["hour"]
        columns = {
            "open": lines["booths_open"] * lane,
            "used": (lines["booths_open"] * lane * lines["utilisation"]).fillna(0.0),
            "joins": lines["arrivals_per_hour"],
            "time": (lines["arrivals_per_hour"] * lines["wait_mean_min"]).fillna(0.0),
        }
        hours = pd.DataFrame(columns).groupby(at.to_numpy()).sum()
        joins = hours["joins"].to_numpy()
        wait = hours["time"].to_numpy() / np.where(joins > 0, joins, np.nan)
        positions = float(built.loc[(name, ALL), "built"])  # type: ignore[arg-type]
        stacked = 1 + int(bool(built.loc[(name, ALL), "two_in_a_lane"]))
        mean = wait_of(summary, name, port, mode)
        found[name] = Capacity(
            positions * stacked, hours["open"].to_numpy(), hours["used"].to_numpy(), wait, joins, mean
        )
    return found


def wait_of(summary: pd.DataFrame, scenario: str, port: str, mode: str) -> Estimate:
    """Return the mean wait of a port and mode, all lane types together; NaN where nobody waits."""
    rows = summary[
        (summary["scenario"] == scenario)
        & (summary["port"] == port)
        & (summary["mode"] == mode)
        & (summary["lane_type"] == ALL)
    ]
    if rows.empty:
        return Estimate(math.nan, math.nan)
    return Estimate(float(rows.iloc[0]["wait_mean_min"]), float(rows.iloc[0]["wait_mean_hw_min"]))


def busiest_crossings(summary: pd.DataFrame, context: Context) -> list[tuple[str, str]]:
    """Return (port, mode) of the crossing whose travellers wait most in the base, of each mode that has booths."""
    rows = summary[
        (summary["scenario"] == context.base)
        & (summary["lane_type"] == ALL)
        & (summary["port"] != ALL)
        & (summary["port"].isin(list(context.ports)))
    ]
    found = []
    for mode in MODES_WITH_BOOTHS:
        of_mode = rows[rows["mode"] == mode]
        time = of_mode["crossings_per_day"] * of_mode["wait_mean_min"]
        if time.notna().any():
            found.append((str(of_mode["port"].to_numpy()[int(np.nanargmax(time))]), mode))
    return found


def booths_title(found: dict[str, Capacity], port: str, mode: str, context: Context) -> str:
    """Return what is built, open and used, in the base and in an option that changes it."""
    first = found[next(iter(found))]
    who = say("booths.where", port=context.port(port, mode), mode=say(f"mode.{mode}.one"))
    text = say(
        "booths.base",
        who=who,
        built=number(first.built, 0),
        open=number(first.mean_open, 1),
        used=number(first.mean_used, 1),
    )
    options = [name for name in found if name != context.base]
    if len(options) == 1 and context.base in found:
        other = found[options[0]]
        gaps = {"open": number(other.mean_open, 1), "used": number(other.mean_used, 1)}
        text += say("booths.option", option=context.scenarios[options[0]], **gaps)
    return sentence(text)


# --- the base against what was observed ---------------------------------------------------------------------


class Check(NamedTuple):
    """One place of the base: its mean wait simulated, and the mean wait observed there; `half_width` is of chance."""

    port: str
    mode: str
    simulated: Estimate
    observed: float
    assumed: bool

    @property
    def gap(self) -> float:
        """Return simulated less observed, minutes."""
        return self.simulated.mean - self.observed


def checks(summary: pd.DataFrame, observed: pd.DataFrame, mode: str, context: Context) -> list[Check]:
    """Return the ports of a mode with what was observed there, weighted by who joined."""
    found = []
    of_mode = observed[observed["mode"] == mode]
    for port in context.ports:
        rows = of_mode[of_mode["port"] == port]
        joins = rows["joins_per_hour"].sum()
        if rows.empty or joins <= 0:
            continue
        seen = float((rows["joins_per_hour"] * rows["wait_min"]).sum() / joins)
        simulated = wait_of(summary, context.base, port, mode)
        if not math.isnan(simulated.mean):
            found.append(Check(port, mode, simulated, seen, bool((rows["class"] == "assumed").any())))
    return found


def observed_title(found: Sequence[Check], mode: str, context: Context) -> str:
    """Return how far simulated waits are from the observed ones."""
    seen = [check for check in found if not check.assumed]
    who = say(f"mode.{mode}.one")
    if not seen:
        return sentence(say("observed.none", mode=who))
    worst = max(seen, key=lambda check: abs(check.gap))
    mean = float(np.mean([abs(check.gap) for check in seen]))
    gaps = {
        "mode": who,
        "mean": number(mean, 1),
        "ports": counted("port", len(seen)),
        "worst": context.ports[worst.port],
        "gap": number(worst.gap, 1, signed=True),
    }
    return sentence(say("observed.title" if len(seen) > 1 else "observed.title_one", **gaps))
