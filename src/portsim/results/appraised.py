"""What the tables say of an appraised option: is it worth its cost, at which rates, how surely, and what would turn it.

Numbers and sentences only; the arithmetic is that of the appraisal, whose rows these are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from portsim.language.schema import MODES
from portsim.measure.inference import BETTER, NO_CLEAR_CHANGE, WORSE
from portsim.numbers import Estimate, number, plus_minus
from portsim.results import service
from portsim.results.accounts import money, money_estimate
from portsim.results.findings import ALL, ASSUMED_WAIT, DAGGER, Context, lane_words
from portsim.results.finished import Finished
from portsim.results.service import percent
from portsim.results.words import known, listed, say, sentence

_DISCOUNTED = ("pv_benefits", "pv_capital", "pv_operating", "npv", "benefit_cost_ratio", "benefit_cost_ratio_all_costs")
_MONEY = ("pv_benefits", "pv_capital", "pv_operating", "npv", "first_year_benefit")
_COSTS = ("capital", "operating", "officers")
_PROBABILITY = "probability_npv_positive"
_OFFICER_HOUR = "minutes_per_officer_hour"
_SWITCHING = "switching:"
_LINE = re.compile(r"([a-z-]+)/([a-z]+)/([a-z-]+)")


class Measure(NamedTuple):
    """A measure at one discount rate; `low` and `high` over the inputs drawn, `half_width` over chance."""

    value: float
    low: float
    high: float
    half_width: float
    unit: str
    note: str


class Appraised(NamedTuple):
    """What was found of one option: rates in percent, the plan's own first, and measures by rate and name."""

    option: str
    rates: tuple[float, ...]
    measures: Mapping[tuple[float, str], Measure]
    dollar_year: int
    mark: str
    """A dagger where a wait it is worth something for was assumed."""

    def at(self, name: str, rate: float | None = None) -> Measure | None:
        """Return a measure, at the plan's rate if none is named; None where there is none."""
        return self.measures.get((self.rates[0] if rate is None else rate, name))

    @property
    def outside(self) -> bool:
        """Say whether the net present value at the figures of the guidance lies outside the range over the inputs."""
        npv = self.at("npv")
        return npv is not None and npv.low < npv.high and not npv.low <= npv.value <= npv.high

    @property
    def verdict(self) -> str:
        """Return whether it is worth its cost, as far as neither chance nor the range over the inputs leaves doubt."""
        npv = self.at("npv")
        if npv is None or math.isnan(npv.low):
            return NO_CLEAR_CHANGE
        chance = 0.0 if math.isnan(npv.half_width) else npv.half_width
        if min(npv.low, npv.value - chance) > 0:
            return BETTER
        return WORSE if max(npv.high, npv.value + chance) < 0 else NO_CLEAR_CHANGE


def read(finished: Finished) -> list[Appraised]:
    """Return what was found of each appraised option, in the order of the scenarios."""
    table, context = finished.table("appraisal"), finished.context
    found = []
    for option in list(context.scenarios)[1:]:
        rows = table[(table["base"] == context.base) & (table["option"] == option)]
        if not rows.empty:
            found.append(_of_rows(option, rows))
    return found


def _of_rows(option: str, rows: pd.DataFrame) -> Appraised:
    measures = {
        (float(row["discount_pct"]), str(row["metric"])): Measure(
            value=float(row["value"]),
            low=float(row["low"]),
            high=float(row["high"]),
            half_width=float(row["simulation_hw"]),
            unit=str(row["unit"]),
            note=str(row["note"]),
        )
        for row in rows.to_dict("records")
    }
    rates = tuple(dict.fromkeys(rate for rate, _ in measures))
    mark = DAGGER if any(ASSUMED_WAIT in of.note for (_, name), of in measures.items() if name == "npv") else ""
    return Appraised(option, rates, measures, int(rows["dollar_year"].iloc[0]), mark)


# --- whether it is worth its cost ---------------------------------------------------------------------------


def title(found: Appraised, context: Context) -> str:
    """Return the finding: benefits above costs, below them, or not clear."""
    npv, share = found.at("npv"), found.at(_PROBABILITY)
    key = {BETTER: "better", WORSE: "worse"}.get(found.verdict, "unclear")
    gaps = {
        "size": money(abs(npv.value)) if npv else "",
        "change": money(npv.value, signed=True) if npv else "",
        "low": money(npv.low, signed=True) if npv else "",
        "high": money(npv.high, signed=True) if npv else "",
        "share": of_draws(share.value) if share else "",
        "rate": f"{found.rates[0]:g}",
        "mark": found.mark,
    }
    return f"{context.scenarios[found.option]}: {say(f'appraisal.{key}', **gaps)}"


def of_draws(share: float) -> str:
    """Return a share of the draws in percent; what does not hold in all of them is never 100%."""
    if 0.995 <= share < 1:  # noqa: PLR2004 - rounds to all
        return say("percent.over_ninety_nine")
    return percent(100 * share)


def head(found: Appraised) -> list[str]:
    """Return the heads of the table of measures."""
    rates = [say("appraisal.at", rate=f"{rate:g}") for rate in found.rates]
    return [say("appraisal.measure"), rates[0], say("appraisal.range"), *rates[1:]]


def rows(found: Appraised) -> list[list[str]]:
    """Return the measures in words, one a row: what a rate enters, then what none does."""
    names = [*(n for n in _DISCOUNTED if n != "npv"), "npv", _PROBABILITY]
    names += ["internal_rate_pct", "payback_year", "first_year_benefit"]
    names += [f"{_OFFICER_HOUR}:{mode}" for mode in MODES]
    return [[_name(found, name), *_cells(found, name)] for name in names if found.at(name) is not None]


def _name(found: Appraised, measure: str) -> str:
    """Return a measure in words; one of a mode, as minutes_per_officer_hour:truck, with its mode."""
    name, _, mode = measure.partition(":")
    who = say(f"mode.{mode}.many") if mode else ""
    return say(f"measure.{name}", who=who) + (found.mark if name == "npv" else "")


def _cells(found: Appraised, name: str) -> list[str]:
    of_rates = [found.at(name, rate) for rate in found.rates]
    first = of_rates[0]
    span = say("worth.span", low=_text(name, first.low), high=_text(name, first.high)) if first else ""
    ranged = first is not None and first.low < first.high
    return [_with_chance(name, first), span if ranged else "", *(_alone(name, of) for of in of_rates[1:])]


def _with_chance(name: str, of: Measure | None) -> str:
    """Return a measure with the half-width of chance, of money alone."""
    if of is None or name not in _MONEY or not of.half_width > 0:
        return _alone(name, of)
    return money_estimate(Estimate(of.value, of.half_width))


def _alone(name: str, of: Measure | None) -> str:
    if of is None:
        return ""
    if math.isnan(of.value):
        return say(f"measure.no_{name}") if name in {"payback_year", "internal_rate_pct"} else say("measure.none")
    return _text(name, of.value)


def _text(name: str, value: float) -> str:
    if name in _MONEY:
        return money(value)
    if name == _PROBABILITY:
        return of_draws(value)
    if name == "payback_year":
        return f"{value:.0f}"
    if name == "internal_rate_pct":
        return f"{number(value, 1)}%"
    return number(value, 0 if name.startswith(_OFFICER_HOUR) else 1)


def cautions(found: Appraised, context: Context) -> list[str]:
    """Return what limits the appraisal, as its table has it: modes held at a year, years beyond those simulated."""
    npv = found.at("npv")
    parts = [part for part in npv.note.split("; ") if part not in {"", ASSUMED_WAIT}] if npv else []
    return [f"{sentence(_LINE.sub(lambda line: _line_words(line, context), part))}." for part in parts]


def _line_words(line: re.Match[str], context: Context) -> str:
    """Return a line of the tables, as tecate/truck/standard, in words."""
    port, mode, lane = line.groups()
    who = known(f"mode.{mode}.one", mode)
    return say("appraisal.line", port=context.ports.get(port, port), mode=who, lane=lane_words(lane))


# --- year by year -------------------------------------------------------------------------------------------


class Flows(NamedTuple):
    """Benefits and costs by year, in dollars, undiscounted; `simulated` are the years simulated."""

    years: Sequence[int]
    benefits: Sequence[float]
    costs: Sequence[float]
    simulated: frozenset[int]


def flows(finished: Finished, option: str) -> Flows | None:
    """Return benefits and costs of an option by year; None without the table."""
    table = finished.table("appraisal_years")
    table = table[(table["base"] == finished.context.base) & (table["option"] == option)]
    if table.empty:
        return None
    wide = table.pivot_table(index="year", columns="item", values="usd", aggfunc="sum")
    costs = wide[[name for name in _COSTS if name in wide]].sum(axis=1)
    simulated = table[table["simulated"].astype(bool)]["year"]
    return Flows(
        [int(year) for year in wide.index],
        [float(usd) for usd in wide["benefits"]],
        [float(usd) for usd in costs],
        frozenset(int(year) for year in simulated),
    )


def flows_title(found: Appraised, context: Context) -> str:
    """Return when the cost is paid back, undiscounted, and what the first year brings."""
    paid, first = found.at("payback_year"), found.at("first_year_benefit")
    gaps = {"first": money(first.value) if first else say("measure.none"), "mark": found.mark}
    if paid is None or math.isnan(paid.value):
        return f"{context.scenarios[found.option]}: {say('appraisal.never_paid', **gaps)}"
    return f"{context.scenarios[found.option]}: {say('appraisal.paid', year=f'{paid.value:.0f}', **gaps)}"


# --- waits of the years simulated ---------------------------------------------------------------------------


class Waits(NamedTuple):
    """Mean waits over all ports by mode and year, of the base and of the option; the year of the counts is first."""

    years: Sequence[int]
    base: Mapping[str, Sequence[Estimate]]
    option: Mapping[str, Sequence[Estimate]]


def waits(finished: Finished, option: str) -> Waits | None:
    """Return the mean waits of each simulated year; None where the summary has no later year of the option."""
    held = finished.manifest.get("valuation", {})
    plan = held.get("appraisals", {}).get(option, {})
    pairs = {int(p["year"]): (p["base"], p["option"]) for p in held.get("later", ()) if p["of"] == option}
    summary = finished.table("summary")
    pairs = {year: pair for year, pair in pairs.items() if set(pair) <= set(summary["scenario"])}
    if not pairs or "counts_year" not in plan:
        return None
    of_years = {int(plan["counts_year"]): (finished.context.base, option), **pairs}
    years = sorted(of_years)
    of_sides = []
    for side in range(2):
        of_modes: dict[str, list[Estimate]] = {
            m: [service.wait_of(summary, of_years[y][side], ALL, m) for y in years] for m in MODES
        }
        of_sides.append({m: found for m, found in of_modes.items() if not any(math.isnan(w.mean) for w in found)})
    return Waits(years, *of_sides)


def waits_title(found: Waits, mode: str, option: str, context: Context) -> str:
    """Return how long a mode would wait in the last year simulated without the option, and with it."""
    mode = mode if mode in found.base and mode in found.option else next(iter(found.base))
    first, last = found.base[mode][0], found.base[mode][-1]
    return say(
        "appraisal.waits",
        base=context.scenarios[context.base],
        who=say(f"mode.{mode}.many") + context.mark(context.ports, mode),
        year=found.years[-1],
        wait=plus_minus(last),
        counts_year=found.years[0],
        now=plus_minus(first),
        option=context.scenarios[option],
        then=plus_minus(found.option[mode][-1]) if mode in found.option else say("measure.none"),
    )


def waits_rows(found: Waits, option: str, context: Context) -> list[list[str]]:
    """Return the waits in words: a row a mode and scenario, a column a year."""
    rows = []
    for mode in found.base:
        name = sentence(say(f"mode.{mode}.many")) + context.mark(context.ports, mode)
        for scenario, side in ((context.base, found.base), (option, found.option)):
            if mode in side:
                rows.append([name, context.scenarios[scenario], *(plus_minus(wait) for wait in side[mode])])
    return rows


# --- what would turn it -------------------------------------------------------------------------------------


class Turning(NamedTuple):
    """An input, its figure and range, and the figure at which the net present value is zero."""

    label: str
    class_: str
    unit: str
    value: float
    low: float
    high: float
    turns_at: float

    @property
    def within(self) -> bool:
        """Say whether the net present value turns within the input's range."""
        return self.low <= self.turns_at <= self.high

    @property
    def name(self) -> str:
        """Return the input, and that it is assumed."""
        return sentence(self.label) + (say("drivers.assumed") if self.class_ == "assumed" else "")


def turnings(finished: Finished, found: Appraised) -> list[Turning]:
    """Return the switching values of the inputs that move the net present value most."""
    table = finished.table("tornado")
    table = table[(table["base"] == finished.context.base) & (table["option"] == found.option)]
    pairs = ((row, found.at(f"{_SWITCHING}{row['parameter']}")) for row in table.to_dict("records"))
    return [
        Turning(
            label=str(row["label"]),
            class_=str(row["class"]),
            unit=str(row["unit"]),
            value=float(row["value"]),
            low=float(row["low_value"]),
            high=float(row["high_value"]),
            turns_at=at.value,
        )
        for row, at in pairs
        if at is not None
    ]


def turnings_title(found: Sequence[Turning], option: str, context: Context) -> str:
    """Return which inputs turn the sign of the net present value within their ranges, one at a time."""
    within = [turning.name for turning in found if turning.within]
    if within:
        return f"{context.scenarios[option]}: {say('appraisal.turns', labels=listed(within))}"
    return f"{context.scenarios[option]}: {say('appraisal.holds')}"


def turnings_head() -> list[str]:
    """Return the heads of the table of switching values."""
    return [say("drivers.label"), *(say(f"appraisal.{key}") for key in ("now", "tried", "turns_at", "reach"))]


def turnings_rows(found: Sequence[Turning]) -> list[list[str]]:
    """Return the switching values in words, the input that moves most first."""
    return [
        [
            turning.name,
            _figure(turning.value, turning.unit),
            say("worth.span", low=_figure(turning.low, turning.unit), high=_figure(turning.high, turning.unit)),
            _figure(turning.turns_at, turning.unit) if turning.turns_at >= 0 else say("measure.none"),
            _reach(turning),
        ]
        for turning in found
    ]


def _reach(turning: Turning) -> str:
    if turning.turns_at < 0:
        return say("appraisal.below_zero")
    return say("appraisal.within") if turning.within else say("appraisal.outside")


def _figure(value: float, unit: str) -> str:
    """Return a figure with its unit, in four digits at most."""
    if unit == "USD":
        return money(value)
    digits = number(float(f"{value:.4g}"), 0) if abs(value) >= 1e3 else f"{value:.4g}"  # noqa: PLR2004 - a thousand
    if unit.startswith("%"):
        return f"{digits}%"
    return f"${digits}" if unit.startswith("USD") else digits
