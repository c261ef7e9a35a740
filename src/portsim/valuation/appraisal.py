"""Is an option worth what it costs? Benefits of the years simulated -> net present value, ratio, payback, rate.

Everything is real, in one year's dollars, discounted to that year. Benefits are those of welfare; the other accounts
stay out. They lie on straight lines between the years simulated, mode by mode, and stay where they are after the last.
Where a line grows without end in a year, its wait says how long was simulated and no more; and where the base's wait
is beyond what would be borne, something else would be done. The mode's benefits then stay at those of the year before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.language.schema import Appraisal
from portsim.language.schema import Figure as Stated
from portsim.measure.inference import estimate
from portsim.numbers import ASSUMED_MARK, Estimate, decimals, dollars, number
from portsim.valuation import welfare
from portsim.valuation.economics import ASSUMED
from portsim.valuation.flows import Flows, LineName, Side
from portsim.valuation.parameters import Limit, Parameter, Parameters
from portsim.valuation.terms import DRAWS, P10_P90, Term, drawn, prices
from portsim.valuation.value import Valuation, assumed, in_digits

Floats = npt.NDArray[np.float64]
Draws = Mapping[str, float] | Mapping[str, Floats]

KEEPS_UP = 0.98  # of those who join in the measured weeks; below, a line grows
COLUMNS = (
    *("base", "option", "discount_pct", "metric", "value", "low", "median", "high", "simulation_hw"),
    *("unit", "dollar_year", "note"),
)
YEAR_COLUMNS = ("base", "option", "year", "item", "usd", "simulated")
WAIT_COLUMNS = (
    *("base", "option", "year", "port", "mode", "lane_type", "base_wait_min", "base_wait_hw_min"),
    *("option_wait_min", "option_wait_hw_min", "base_served_share", "option_served_share", "counts_as", "note"),
)
TORNADO_COLUMNS = (
    *("base", "option", "of", "parameter", "label", "class", "low_value", "high_value", "unit", "value"),
    *("usd_at_low", "usd_at_high", "usd_at_value", "note"),
)
MOST_BARS = 10
SMALLEST_BAR = 0.01  # of the longest: a shorter one carries nothing, and could not be seen
BILLION = 1e9
FROZEN = "booths open in every year as in today's timetable, in base and option: later waits are of doing nothing else"
AS_TODAY = "were the benefits of every year those of the counts' year"
HALF_RANGE = 0.2  # a figure without a range is moved by a fifth, and is said to be
UNDEFINED_RATIO = "no capital: the ratio has no denominator"
OF_DRAWS = f"of {DRAWS} draws of the figures' ranges, at the mean over replications: chance and the model are apart"
WHOLE_OPTION = (
    "all ports: what the whole option gains, construction and tolls with the officers; a mean, not one hour more"
)


@dataclass(frozen=True)
class Simulated:
    """One simulated year: what the option is worth in it, and why the benefits of a mode do not count, by mode."""

    year: int
    valued: Valuation
    beyond: Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """An option to appraise: its costs and years, and what was simulated, the year of the counts first."""

    base: str
    option: str
    plan: Appraisal
    simulated: tuple[Simulated, ...]
    added: Mapping[str, Added]
    """What officers add, by mode, in the year of the counts."""

    @property
    def booth_hours(self) -> float:
        """Return the hours that booths are open in a year beyond those of the base, all ports and modes."""
        return sum(one.hours for one in self.added.values())

    @property
    def rests_on_assumed(self) -> bool:
        """Say whether its benefits rest on an assumed wait."""
        return any(assumed(one.valued.of(welfare.ACCOUNT)) for one in self.simulated)


@dataclass(frozen=True)
class Added:
    """Booth-hours a year that an option adds for a mode at all ports, net of those that close; what its users gain.

    `minutes`, shape (replications,): those of people, of trucks those of trucks, a year. `ports`: the hours by port.
    """

    hours: float
    minutes: Floats
    ports: Mapping[str, float]


def past_belief(flows: Flows, most_wait_min: float) -> dict[LineName, str]:
    """Return the lines whose waits cannot be used, and why, the longest wait first.

    A line serves clearly fewer than join it; or the base's wait on a line that the option changes is beyond
    `most_wait_min`.
    """
    before = np.nan_to_num(flows.base.wait_min).mean(axis=0)
    growing = {
        line
        for side in (flows.base, flows.option)
        for line, late in zip(flows.lines, _served(side) < KEEPS_UP, strict=True)
        if late
    }
    found = {}
    for number_ in np.argsort(-before, kind="stable"):
        line, wait = flows.lines[number_], before[number_]
        if line in growing:
            found[line] = f"{'/'.join(line)} grows without end"
        elif wait > most_wait_min and line in flows.differing:  # a line that nothing changes spoils no benefit
            found[line] = f"{'/'.join(line)} of the base waits {wait:.0f} min, past belief (above {most_wait_min:g})"
    return found


def _served(side: Side) -> Floats:
    """Return what share of those who join each line it serves, shape (lines,); 1 where nobody joins."""
    joins, crossings = side.joins.mean(axis=0), side.crossings.mean(axis=0)
    share: Floats = np.divide(crossings, joins, out=np.ones_like(joins), where=joins > 0)
    return share


def beyond(flows: Flows, most_wait_min: float) -> dict[str, str]:
    """Return why a mode's waits cannot be used, by mode: that of its worst line, one without end before others."""
    late = past_belief(flows, most_wait_min)
    endless = {line: why for line, why in late.items() if why.endswith("without end")}
    found: dict[str, str] = {}
    for line, why in {**endless, **late}.items():
        found.setdefault(line[1], why)
    return found


def added(flows: Flows, gained: Sequence[welfare.Saved]) -> dict[str, Added]:
    """Return the booth-hours a year that an option adds, and the minutes that are gained, by mode."""
    hours = (flows.option.booth_hours - flows.base.booth_hours).mean(axis=0)
    found = {}
    for mode in dict.fromkeys(line[1] for line in flows.lines):
        of_mode = [(line[0], float(more)) for line, more in zip(flows.lines, hours, strict=True) if line[1] == mode]
        ports = {port: sum(more for at, more in of_mode if at == port) for port, _ in of_mode}
        minutes = sum(
            (one.hours * one.occupancy * 60 for one in gained if one.line[1] == mode), np.zeros(flows.replications)
        )
        found[mode] = Added(sum(ports.values()), minutes, {port: more for port, more in ports.items() if more})
    return found


def case(base: str, option: str, plan: Appraisal, simulated: Sequence[tuple[int, Valuation]]) -> Case:
    """Return an option as it is appraised; `simulated` begins with the year of the counts."""
    most = plan.most_wait_min.value
    years = tuple(Simulated(year, valued, beyond(valued.case.flows, most)) for year, valued in simulated)
    first = simulated[0][1].case
    return Case(base, option, plan, years, added(first.flows, welfare.saved(first.flows, first.markets)))


# --- the stream of years -----------------------------------------------------------------------


def discount_factor(rate_pct: float, years: float) -> float:
    """Return what a dollar so many years later is worth now: (1 + r)^-n."""
    return float((1 + rate_pct / 100) ** -years)


@dataclass(frozen=True)
class _Figures:
    """All figures of an appraisal: those of the valuation and of the plan, as they are or drawn; one row a draw."""

    held: Draws

    def __getitem__(self, name: str) -> Floats:
        return np.atleast_1d(np.asarray(self.held[name], dtype=np.float64))


def stream(held: Case, figures: Draws, by: Callable[[Term], Floats | float]) -> Floats:
    """Return the benefits of each year of operation, shape (rows, years); `by` picks what of a term's quantity counts.

    A growth that differs from the plan's meets each year's demand sooner or later: the years simulated are read at
    the year in which the plan has that demand.
    """
    years = np.arange(held.plan.opening_year, held.plan.last_year + 1, dtype=np.float64)
    modes = dict.fromkeys(term.mode for term in held.simulated[0].valued.of(welfare.ACCOUNT))
    return sum((_of_mode(held, mode, years, figures, by) for mode in modes), np.zeros((1, len(years))))


def _of_mode(held: Case, mode: str, years: Floats, figures: Draws, by: Callable[[Term], Floats | float]) -> Floats:
    sound = held_years(held, mode)
    knots = np.array([one.year for one in sound], dtype=np.float64)
    heights = [
        sum(
            (np.atleast_1d(term.worth(by(term), figures)) for term in one.valued.of(welfare.ACCOUNT, mode=mode)),
            np.zeros(1),
        )
        for one in sound
    ]
    rows = max(map(len, heights))
    worth = np.stack([np.broadcast_to(height, (rows,)) for height in heights], axis=1)
    read = np.clip(_read_at(held.plan, mode, years, figures), knots[0], knots[-1])
    if len(knots) == 1:
        return np.repeat(worth, len(years), axis=1)
    place = np.clip(np.searchsorted(knots, read, side="right") - 1, 0, len(knots) - 2)
    share = (read - knots[place]) / (knots[place + 1] - knots[place])
    if len(read) == 1:
        lower, upper = worth[:, place[0]], worth[:, place[0] + 1]
    else:
        worth = np.broadcast_to(worth, (len(read), worth.shape[1]))
        lower, upper = np.take_along_axis(worth, place, 1), np.take_along_axis(worth, place + 1, 1)
    found: Floats = lower + share * (upper - lower)
    return found


def held_years(held: Case, mode: str) -> list[Simulated]:
    """Return the simulated years whose benefits of a mode count: those before the first that is beyond use."""
    sound = [held.simulated[0]]
    for one in held.simulated[1:]:
        if mode in one.beyond:
            break
        sound.append(one)
    return sound


def _read_at(plan: Appraisal, mode: str, years: Floats, figures: Draws) -> Floats:
    """Return in which of the plan's years each year's demand is met, shape (rows, years)."""
    stated = next((figure.value for name, figure in plan.growth_pct_per_year.items() if name == mode), 0.0)
    if stated == 0 or f"growth-{mode}" not in figures:
        return years[None, :]
    drawn_ = np.atleast_1d(np.asarray(figures[f"growth-{mode}"], dtype=np.float64))
    pace = np.log1p(drawn_ / 100) / math.log1p(stated / 100)
    return plan.counts_year + (years[None, :] - plan.counts_year) * pace[:, None]


def costs(held: Case, figures: Draws) -> dict[str, Floats]:
    """Return capital (net of what is left), operation and officers by year, shape (rows, years of `span`)."""
    plan, years = held.plan, span(held.plan)
    of = _Figures(figures)
    rows = max((len(np.atleast_1d(np.asarray(v))) for v in figures.values()), default=1)
    found = {name: np.zeros((rows, len(years))) for name in ("capital", "operating", "officers")}
    for year, share in plan.capital_shares().items():
        found["capital"][:, years.index(year)] += share * of["capital"]
    found["capital"][:, -1] -= of["residual"]
    working = [year >= plan.opening_year for year in years]
    found["operating"][:, working] += of["operating"][:, None]
    found["officers"][:, working] += (officers(held, figures) * of["officer-year"])[:, None] if plan.officers else 0.0
    return found


def officers(held: Case, figures: Draws) -> Floats:
    """Return the officers an option adds: those stated, or those whom the hours of its added booths need."""
    of = _Figures(figures)
    if held.plan.officers is None:
        return np.zeros(1)
    if held.plan.officers.added is not None:
        return of["officers"]
    needed: Floats = np.maximum(held.booth_hours, 0.0) / of["booth-hours"]
    return needed


def span(plan: Appraisal) -> list[int]:
    """Return all years that have a cost or a benefit."""
    first = min([plan.opening_year, *map(int, plan.capital_usd)])
    return list(range(first, plan.last_year + 1))


# --- measures of worth -------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What an appraisal finds at one discount rate, each of shape (rows,)."""

    benefits: Floats
    capital: Floats
    running: Floats

    @property
    def npv(self) -> Floats:
        """Return the net present value."""
        return self.benefits - self.capital - self.running

    @property
    def ratio(self) -> Floats:
        """Return benefits less running costs over capital, as US guidance has it; NaN without capital."""
        return _over(self.benefits - self.running, self.capital)

    @property
    def ratio_all_costs(self) -> Floats:
        """Return benefits over all costs; NaN where there is none."""
        return _over(self.benefits, self.capital + self.running)


def _over(part: Floats, whole: Floats) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def present(flow: Floats, years: Sequence[int], rate_pct: Floats | float, base_year: int) -> Floats:
    """Return the present value in the base year of flows of shape (rows, years)."""
    rate = np.atleast_1d(np.asarray(rate_pct, dtype=np.float64))[:, None]
    factors = (1 + rate / 100) ** -(np.asarray(years, dtype=np.float64)[None, :] - base_year)
    return np.asarray((flow * factors).sum(axis=1))


def outcome(held: Case, figures: Draws, rate_pct: float, benefits: Floats) -> Outcome:
    """Return an appraisal's outcome from the benefits of each year of operation."""
    plan, years = held.plan, span(held.plan)
    operation = list(range(plan.opening_year, plan.last_year + 1))
    parts = costs(held, figures)
    return Outcome(
        present(benefits, operation, rate_pct, plan.dollar_year),
        present(parts["capital"], years, rate_pct, plan.dollar_year),
        present(parts["operating"] + parts["officers"], years, rate_pct, plan.dollar_year),
    )


def internal_rate(net: Floats) -> float:
    """Return the rate, in percent, at which a yearly flow is worth nothing; NaN where none or several are.

    Searched between -90 and 1,000 %; a flow that changes sign other than once has no rate to speak of.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - takes a second to import

    signs = np.sign(net[net != 0])
    if len(signs) == 0 or (np.diff(signs) != 0).sum() != 1:
        return math.nan
    powers = np.arange(len(net))

    def worth(rate: float) -> float:
        return float((net * (1 + rate) ** -powers).sum())

    low, high = -0.9, 10.0
    if worth(low) * worth(high) > 0:
        return math.nan
    return float(brentq(worth, low, high, xtol=1e-12)) * 100


def payback_year(net: Floats, years: Sequence[int]) -> float:
    """Return the first year in which all that was gained covers all that was spent, undiscounted, for good; or NaN."""
    behind = np.flatnonzero(np.cumsum(net) < 0)
    if len(behind) == 0:
        return float(years[0])
    return float(years[behind[-1] + 1]) if behind[-1] + 1 < len(years) else math.nan


# --- figures of the plan -----------------------------------------------------------------------


def with_plan(parameters: Parameters, plan: Appraisal) -> Parameters:
    """Return the valuation's figures with those of a plan, which are drawn as triangles within their ranges."""
    own = {name: _parameter(name, figure, plan) for name, figure in plan.figures().items() if name != "discount"}
    return parameters.model_copy(update={"parameters": {**parameters.parameters, **own}})


_LABELS = {
    "capital": "capital, all years",
    "operating": "operating cost a year",
    "residual": "residual value",
    "officer-year": "cost of an officer's year",
    "booth-hours": "hours of an officer at a booth",
    "officers": "officers added",
}
_UNITS = {"growth": "% a year", "booth": "hours a year", "officers": "officers"}


def _parameter(name: str, figure: Stated, plan: Appraisal) -> Parameter:
    unit = _UNITS.get(name.split("-", maxsplit=1)[0], "USD")
    ranged = (figure.low, figure.high) not in {(None, None), (figure.value, figure.value)}
    return Parameter(
        label=_LABELS.get(name, name.replace("growth-", "growth, ")),
        value=figure.value,
        low=(figure.value if figure.low is None else figure.low) if ranged else None,
        high=(figure.value if figure.high is None else figure.high) if ranged else None,
        shape="triangular" if ranged else "fixed",
        unit=unit,
        dollar_year=plan.dollar_year if unit == "USD" else None,
        **{"class": figure.class_},
    )


# --- tables ------------------------------------------------------------------------------------


def table(held: Case, parameters: Parameters) -> pd.DataFrame:
    """Return the rows of appraisal.csv of one option: every measure at the plan's rate, then at those beside it."""
    figures = with_plan(parameters, held.plan)
    rates = [held.plan.discount_pct.value, *held.plan.beside_discount_pct]
    rows = [row for rate in dict.fromkeys(rates) for row in _rows(held, figures, rate, full=rate == rates[0])]
    front = {"base": held.base, "option": held.option}
    year = parameters.settings.dollar_year
    found = pd.DataFrame([{**front, "dollar_year": year, **row} for row in rows])
    return found[list(COLUMNS)]


def _rows(held: Case, figures: Parameters, rate: float, *, full: bool) -> list[dict[str, object]]:
    at, draws = prices(figures), drawn(figures)
    central = outcome(held, at, rate, stream(held, at, _mean))
    sampled = outcome(held, at, rate, stream(held, at, _each))
    spread = outcome(held, draws, rate, stream(held, draws, _mean))
    rests = ASSUMED if held.rests_on_assumed else ""
    note = _joined(rests, *cautions(held))
    rows = [
        _row(
            rate,
            name,
            central=part(central),
            sampled=part(sampled),
            spread=part(spread),
            unit=unit,
            note=note if name == "npv" else rests if name not in _COSTS else "",
        )
        for name, part, unit in _MEASURES
    ]
    for row in rows:
        if row["metric"] == "benefit_cost_ratio" and not central.capital.any():
            row["note"] = UNDEFINED_RATIO
    rows.append(
        _row(
            rate,
            "npv_without_growth",
            **_without_growth(held, at, draws, rate),
            unit="USD",
            note=_joined(AS_TODAY, rests),
        )
    )
    share = {"metric": "probability_npv_positive", "value": float((spread.npv > 0).mean()), "unit": "share"}
    rows.append({"discount_pct": rate, **share, "note": _joined(OF_DRAWS, rests)})
    if full:
        undiscounted = _undiscounted(held, at, draws)
        rows += [
            {"discount_pct": rate, **row, "note": _joined(str(row.get("note", "")), rests)} for row in undiscounted
        ]
        rows += [{"discount_pct": rate, **row} for row in _per_officer_hour(held, at, draws)]
        rows += [{"discount_pct": rate, **row} for row in switching(held, figures, rate)]
    blank = {"low": np.nan, "median": np.nan, "high": np.nan, "simulation_hw": np.nan, "note": ""}
    return [{**blank, **row} for row in rows]


def _without_growth(held: Case, at: Draws, draws: Draws, rate: float) -> dict[str, Floats]:
    """Return the net present value if every year's benefits were those of the counts' year."""
    today = replace(held, simulated=held.simulated[:1])
    streams = {
        "central": (at, stream(today, at, _mean)),
        "sampled": (at, stream(today, at, _each)),
        "spread": (draws, stream(today, draws, _mean)),
    }
    return {name: outcome(today, figures, rate, benefits).npv for name, (figures, benefits) in streams.items()}


_MEASURES: tuple[tuple[str, Callable[[Outcome], Floats], str], ...] = (
    ("pv_benefits", lambda of: of.benefits, "USD"),
    ("pv_capital", lambda of: of.capital, "USD"),
    ("pv_operating", lambda of: of.running, "USD"),
    ("npv", lambda of: of.npv, "USD"),
    ("benefit_cost_ratio", lambda of: of.ratio, "ratio"),
    ("benefit_cost_ratio_all_costs", lambda of: of.ratio_all_costs, "ratio"),
)


_HUNDRED = 100
_COSTS = {"pv_capital", "pv_operating"}


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _mean(term: Term) -> float:
    return float(term.quantity.mean())


def _each(term: Term) -> Floats:
    return term.quantity


def _half_width(by_replication: Floats) -> float:
    """Return the half-width from chance; 0 of what never differs from nothing, NaN of one replication."""
    if len(by_replication) == 1 and not by_replication.any():
        return 0.0
    return float(estimate(by_replication).half_width)


def _row(
    rate: float, metric: str, *, central: Floats, sampled: Floats, spread: Floats, unit: str, note: str
) -> dict[str, object]:
    low, high = np.percentile(spread, P10_P90) if not np.isnan(spread).any() else (np.nan, np.nan)
    return {
        "discount_pct": rate,
        "metric": metric,
        "value": float(central[0]),
        "low": float(low),
        "median": float(np.median(spread)),
        "high": float(high),
        "simulation_hw": 0.0 if metric in _COSTS else _half_width(sampled),
        "unit": unit,
        "note": note,
    }


def _undiscounted(held: Case, at: Draws, draws: Draws) -> list[dict[str, object]]:
    """Return what no rate enters: rate of return, payback, the first year, and officers' hours."""
    net, spread = net_flow(held, at), net_flow(held, draws)
    first = stream(held, at, _mean)[0, 0]
    sampled, varied = stream(held, at, _each)[:, 0], stream(held, draws, _mean)[:, 0]
    rates = np.array([internal_rate(row) for row in spread[:256]])
    known = rates[~np.isnan(rates)]
    low, median, high = np.percentile(known, (10, 50, 90)) if len(known) == len(rates) else (np.nan,) * 3
    internal = internal_rate(net[0])
    paid = payback_year(net[0], span(held.plan))
    ends = np.percentile(varied, P10_P90)
    rows: list[dict[str, object]] = [
        {
            "metric": "internal_rate_pct",
            "value": internal,
            "low": low,
            "median": median,
            "high": high,
            "unit": "% a year",
            "note": "no single rate: costs and gains change places other than once" if math.isnan(internal) else "",
        },
        {
            "metric": "payback_year",
            "value": paid,
            "unit": "year",
            "note": "not within the horizon" if math.isnan(paid) else "undiscounted",
        },
        {
            "metric": "first_year_benefit",
            "value": float(first),
            "low": float(ends[0]),
            "median": float(np.median(varied)),
            "high": float(ends[1]),
            "simulation_hw": _half_width(sampled),
            "unit": "USD",
        },
    ]
    return rows


def _per_officer_hour(held: Case, at: Draws, draws: Draws) -> list[dict[str, object]]:
    """Return the hours of added booths, and what the option gains over the base for each, in the counts' year.

    Of all modes, then of each whose booths have more hours: the mode's gains over the mode's hours, at all ports, as
    a booth at one relieves others.
    """
    hours = held.booth_hours
    every = {port: sum(one.ports.get(port, 0.0) for one in held.added.values()) for port in _ports(held)}
    rows = [_hours_row("officer_hours_per_year", hours, every)]
    if held.plan.officers is not None:
        rows.append({"metric": "officers", "value": float(officers(held, at)[0]), "unit": "officers"})
    if hours <= 0:
        rows[0]["note"] = "no booth-hour is added: minutes and dollars for each have no meaning"
        return rows
    rows += _gains_per_hour(held, at, draws, "", hours)
    for mode, one in held.added.items():
        if one.hours > 0:
            rows.append(_hours_row(f"officer_hours_per_year:{mode}", one.hours, one.ports))
            rows += _gains_per_hour(held, at, draws, mode, one.hours)
    return rows


def _ports(held: Case) -> list[str]:
    return list(dict.fromkeys(port for one in held.added.values() for port in one.ports))


def _hours_row(metric: str, hours: float, ports: Mapping[str, float]) -> dict[str, object]:
    where = ", ".join(f"{port} {number(more, 0, signed=True)}" for port, more in ports.items())
    return {"metric": metric, "value": hours, "unit": "hours", "note": where}


def _gains_per_hour(held: Case, at: Draws, draws: Draws, mode: str, hours: float) -> list[dict[str, object]]:
    """Return minutes and dollars for each of some hours; of one mode, or of all."""
    terms = held.simulated[0].valued.of(welfare.ACCOUNT, mode=mode or "all")
    gained = sum((one.minutes for name, one in held.added.items() if mode in {"", name}), np.zeros(1))
    usd = sum((term.worth(term.quantity, at) for term in terms), np.zeros(1))
    varied = sum((term.worth(_mean(term), draws) for term in terms), np.zeros(1))
    low, high = np.percentile(varied, P10_P90)
    note = _joined(WHOLE_OPTION, ASSUMED if assumed(terms) else "")
    suffix = f":{mode}" if mode else ""
    unit = "truck-minutes" if mode == "truck" else "person-minutes" if mode else "minutes of people and trucks"
    found = []
    for metric, by_replication, unit_ in (("minutes", gained, unit), ("usd", usd, "USD")):
        mean, half_width = estimate(np.atleast_1d(by_replication) / hours)
        row = {"metric": f"{metric}_per_officer_hour{suffix}", "value": float(mean), "unit": unit_, "note": note}
        found.append({**row, "simulation_hw": float(half_width)})
    found[1] |= {"low": float(low / hours), "median": float(np.median(varied) / hours), "high": float(high / hours)}
    return found


def net_flow(held: Case, figures: Draws) -> Floats:
    """Return benefits less all costs of each year of `span`, shape (rows, years)."""
    benefits, parts = stream(held, figures, _mean), costs(held, figures)
    spent = parts["capital"] + parts["operating"] + parts["officers"]
    rows = max(len(benefits), len(spent))
    net = np.array(np.broadcast_to(-spent, (rows, spent.shape[1])))
    net[:, -benefits.shape[1] :] += benefits
    return net


def cautions(held: Case) -> list[str]:
    """Return what limits an appraisal: modes held at a year, years that lie outside those simulated."""
    found = []
    for mode in dict.fromkeys(term.mode for term in held.simulated[0].valued.of(welfare.ACCOUNT)):
        sound = held_years(held, mode)
        if len(sound) < len(held.simulated):
            late = held.simulated[len(sound)]
            found.append(f"{mode} benefits held at those of {sound[-1].year}: in {late.year} {late.beyond[mode]}")
    first = held.simulated[0]
    found += [f"already in {first.year} {why}" for why in first.beyond.values()]
    if len(held.simulated) > 1:
        found.append(FROZEN)
    last = held.simulated[-1].year
    if last < held.plan.last_year:
        found.append(f"benefits after {last} stay at those of {last}")
    return found


def waits_table(held: Case) -> pd.DataFrame:
    """Return the rows of appraisal_waits.csv of one option: what every line waits in every year simulated.

    `counts_as` is the year whose benefits of the mode stand for this year's; `note` says which waits are past belief,
    and which rest on an assumed wait.
    """
    most = held.plan.most_wait_min.value
    rows = []
    for one in held.simulated:
        flows_ = one.valued.case.flows
        late = past_belief(flows_, most)
        served = [_served(side) for side in (flows_.base, flows_.option)]
        for number_, line in enumerate(flows_.lines):
            waits = [end for side in (flows_.base, flows_.option) for end in _mean_wait(side.wait_min[:, number_])]
            counts = min(one.year, held_years(held, line[1])[-1].year)
            rests = ASSUMED if line[:2] in one.valued.case.assumed else ""
            note = _joined(late.get(line, ""), rests)
            front = (held.base, held.option, one.year, *line)
            rows.append((*front, *waits, served[0][number_], served[1][number_], counts, note))
    return pd.DataFrame(rows, columns=list(WAIT_COLUMNS))


def _mean_wait(by_replication: Floats) -> tuple[float, float]:
    """Return the mean wait of a line and its half-width; NaN where nobody crosses."""
    known = by_replication[~np.isnan(by_replication)]
    if len(known) == 0:
        return math.nan, math.nan
    found = estimate(known)
    return float(found.mean), float(found.half_width)


def years_table(held: Case, parameters: Parameters) -> pd.DataFrame:
    """Return the rows of appraisal_years.csv of one option: benefits, costs and discount factors by year."""
    figures = prices(with_plan(parameters, held.plan))
    plan, years = held.plan, span(held.plan)
    simulated = {one.year for one in held.simulated}
    benefits = np.concatenate([np.zeros(len(years) - plan.horizon_years), stream(held, figures, _mean)[0]])
    items = {"benefits": benefits, **{name: flow[0] for name, flow in costs(held, figures).items()}}
    for rate in (plan.discount_pct.value, *plan.beside_discount_pct):
        items[f"discount_factor_{rate:g}"] = np.array([discount_factor(rate, y - plan.dollar_year) for y in years])
    rows = [
        (held.base, held.option, year, item, float(flow[number]), year in simulated)
        for item, flow in items.items()
        for number, year in enumerate(years)
    ]
    return pd.DataFrame(rows, columns=list(YEAR_COLUMNS))


# --- what moves the answer ---------------------------------------------------------------------


def concerned(held: Case, figures: Parameters) -> list[str]:
    """Return the figures that an appraisal rests on."""
    used = {name for one in held.simulated for term in one.valued.of(welfare.ACCOUNT) for name in term.named}
    used |= {name for name in held.plan.figures() if name != "discount"}
    return [name for name, p in figures.parameters.items() if name in used and p.value != 0]


def ends(parameter: Parameter) -> tuple[float, float]:
    """Return between what a figure is moved: its range, else a fifth to either side."""
    if parameter.low is not None and parameter.high is not None:
        return parameter.low, parameter.high
    value = float(parameter.value or 0.0)
    low, high = sorted((value * (1 - HALF_RANGE), value * (1 + HALF_RANGE)))
    return low, min(high, 1.0) if parameter.unit == "share" else high


def tornado(held: Case, parameters: Parameters) -> pd.DataFrame:
    """Return the rows of tornado.csv of one option: net present value at each end of the figures that move it most."""
    figures, rate = with_plan(parameters, held.plan), held.plan.discount_pct.value
    at = prices(figures)

    def worth(moved: Mapping[str, float]) -> float:
        return float(outcome(held, moved, rate, stream(held, moved, _mean)).npv[0])

    found = bars(held.base, held.option, "npv", concerned(held, figures), figures, at=at, worth=worth)
    return found.assign(note=ASSUMED if held.rests_on_assumed else "")


def bars(
    base: str,
    option: str,
    of: str,
    names: Sequence[str],
    figures: Parameters,
    *,
    at: Mapping[str, float],
    worth: Callable[[Mapping[str, float]], float],
) -> pd.DataFrame:
    """Return what figures do to a worth, one at a time: the ten that move it most, the largest first.

    A figure that moves it by less than a hundredth of what the first does is left out.
    """
    now, rows = worth(at), []
    for name in names:
        parameter = figures.parameters[name]
        low, high = ends(parameter)
        scale = figures.price(name)
        moved = [worth({**at, name: end * scale}) for end in (low, high)]
        rows.append(
            (
                *(base, option, of, name, parameter.label, parameter.class_),
                *(low, high, parameter.unit, parameter.value, *moved, now, ""),
            )
        )
    return longest(pd.DataFrame(rows, columns=list(TORNADO_COLUMNS)))


def longest(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a tornado that are drawn: at most ten, the longest first, none that carries nothing."""
    ends_ = found[["usd_at_low", "usd_at_high", "usd_at_value"]]
    swing = (ends_.max(axis=1) - ends_.min(axis=1)).sort_values(ascending=False, kind="stable")
    swing = swing[(swing > 0) & (swing >= SMALLEST_BAR * swing.max())]
    kept: pd.DataFrame = found.loc[swing.index[:MOST_BARS]].reset_index(drop=True)
    return kept


def switching(held: Case, figures: Parameters, rate: float) -> list[dict[str, object]]:
    """Return the value of each figure at which the net present value is zero, all others as they are.

    The net present value is a straight line in every figure but growth, which is left out here.
    """
    at = prices(figures)

    def worth(moved: Mapping[str, float]) -> float:
        return float(outcome(held, moved, rate, stream(held, moved, _mean)).npv[0])

    now, rows = worth(at), []
    for name in concerned(held, figures):
        if name.startswith("growth-") or name == "booth-hours":
            continue
        without = worth({**at, name: 0.0})
        if math.isclose(without, now, rel_tol=1e-12):
            continue
        parameter = figures.parameters[name]
        at_zero = float(parameter.value or 0.0) * without / (without - now)
        rows.append(
            {
                "metric": f"switching:{name}",
                "value": at_zero,
                "unit": parameter.unit,
                "note": _reach(at_zero, parameter, figures.limits.get(parameter.unit)),
            }
        )
    return rows


def _reach(value: float, parameter: Parameter, limit: Limit | None) -> str:
    """Say where a switching value lies: beyond what can be, outside the figure's range, or within it."""
    if value < 0:
        return "below zero: it alone cannot change the sign"
    if limit is not None and not limit.holds(value):
        return f"it must be {limit}: it alone cannot change the sign"
    stated = f"is {parameter.value:.6g} now"
    if parameter.low is None or parameter.high is None:
        return stated
    inside = parameter.low <= value <= parameter.high
    return f"{stated}; {'within' if inside else 'outside'} its range"


def yearly_tornado(valued: Valuation) -> pd.DataFrame:
    """Return what figures do to the welfare of a year, for an option that has no appraisal."""
    net = valued.of(welfare.ACCOUNT)
    names = list(dict.fromkeys(name for term in net for name in term.named))

    def worth(moved: Mapping[str, float]) -> float:
        return float(sum(float(term.worth(float(term.quantity.mean()), moved)) for term in net))

    found = bars(
        valued.case.base,
        valued.case.option,
        "welfare_per_year",
        names,
        valued.parameters,
        at=valued.central,
        worth=worth,
    )
    return found.assign(note=ASSUMED if assumed(net) else "")


# --- in words ----------------------------------------------------------------------------------


def lines(held: Case, found: pd.DataFrame) -> list[str]:
    """Return a few lines for the terminal, from the rows of appraisal.csv of the option."""
    plan = held.plan
    rows = {(row["discount_pct"], row["metric"]): row for row in found.to_dict("records")}
    year = int(found["dollar_year"].iloc[0])
    simulated = ", ".join(str(one.year) for one in held.simulated)
    dated = f"dollars of {year} discounted to {plan.dollar_year}; simulated: {simulated}"
    said = [f"Appraisal, {plan.opening_year}-{plan.last_year}, welfare alone, {dated}"]
    said.append(f"  ± is chance; ranges are over {DRAWS:,} draws of the figures; the model's inputs are in neither")
    mark = f" {ASSUMED_MARK}" if held.rests_on_assumed else ""
    said += [_npv_line(rate, rows, mark) for rate in dict.fromkeys(found["discount_pct"])]
    first = plan.discount_pct.value
    today = rows[first, "npv_without_growth"]
    said.append(
        f"  at {first:g}%, {AS_TODAY}: net present value {_interval(today['value'], today['simulation_hw'])}{mark}; "
        f"figures drawn: median {_usd(today['median'], today['simulation_hw'])}"
    )
    rate_of_return, paid = rows[first, "internal_rate_pct"]["value"], rows[first, "payback_year"]["value"]
    opening = rows[first, "first_year_benefit"]
    said.append(
        f"  internal rate {_number(rate_of_return)}{'' if math.isnan(rate_of_return) else '%'}; "
        f"paid back {'never within the horizon' if math.isnan(paid) else f'in {paid:.0f}'}; "
        f"first year {dollars(Estimate(opening['value'], opening['simulation_hw']), signed=True)}{mark}"
    )
    said += _officer_lines({metric: row for (rate, metric), row in rows.items() if rate == first})
    said += _wait_lines(held)
    said += [f"  beware: {caution}" for caution in cautions(held)]
    return said + [f"  {ASSUMED_MARK} rests on an assumed wait"] * any(ASSUMED_MARK in line for line in said)


def _npv_line(rate: float, rows: Mapping[tuple[float, str], Mapping[Any, Any]], mark: str) -> str:
    """Return the net present value at a rate: with its chance, then over the ranges of the figures."""
    npv = rows[rate, "npv"]
    mean, half_width = npv["value"], npv["simulation_hw"]
    unsure = "; chance alone may turn its sign" if half_width >= abs(mean) else ""
    low, median, high = (_usd(npv[key], half_width) for key in ("low", "median", "high"))
    share = of_draws(rows[rate, "probability_npv_positive"]["value"])
    ratio = _number(rows[rate, "benefit_cost_ratio_all_costs"]["value"])
    chance = f"{_interval(mean, half_width)}{mark}{unsure}"
    ranges = f"figures drawn: median {median}, {low} to {high} (P10 to P90), above zero {share}"
    return f"  at {rate:g}%: net present value {chance}; {ranges}; benefits over all costs {ratio}{mark}"


def of_draws(share: float) -> str:
    """Return in how many of the draws of the figures something holds, and no finer than they tell."""
    if share in {0.0, 1.0}:
        return f"in {'all' if share else 'no'} draws of the figures"
    percent = round(100 * share)
    few = "fewer than 1" if percent == 0 else "more than 99" if percent == _HUNDRED else str(percent)
    return f"in {few} of 100 draws of the figures"


def _officer_lines(rows: Mapping[str, Mapping[Any, Any]]) -> list[str]:
    """Return what an officer-hour gains, by mode."""
    said = []
    for name in [name for name in rows if name.startswith("minutes_per_officer_hour:")]:
        mode = name.partition(":")[2]
        usd, hours = rows[f"usd_per_officer_hour:{mode}"], rows[f"officer_hours_per_year:{mode}"]
        mark = f" {ASSUMED_MARK}" if ASSUMED in str(usd["note"]) else ""
        said.append(
            f"  {hours['value']:,.0f} officer-hours a year more at {mode} booths ({hours['note']}): each "
            f"{number(rows[name]['value'], 0)} {rows[name]['unit']}, ${number(usd['value'], 0)}{mark}"
        )
    scope = "option less base over all ports, in the counts' year; the whole option's gain, and a mean: one hour more"
    return said + [f"    {scope} gains less"] * bool(said)


def _wait_lines(held: Case) -> list[str]:
    """Return the mean waits of base and option in each year simulated, where they differ: a row a port and mode."""
    found = waits_table(held)
    differing = {line[:2] for one in held.simulated for line in one.valued.case.flows.differing}
    if not differing:
        return []
    years = [one.year for one in held.simulated]
    cells: dict[tuple[str, str], list[str]] = {}
    for one in held.simulated:
        flows_ = one.valued.case.flows
        late = {line[:2] for line in past_belief(flows_, held.plan.most_wait_min.value)}
        for at in dict.fromkeys(line[:2] for line in flows_.lines if line[:2] in differing):
            of = [number_ for number_, line in enumerate(flows_.lines) if line[:2] == at]
            base, option = (_port_wait(side, of) for side in (flows_.base, flows_.option))
            cells.setdefault(at, []).append(f"{base} to {option}{'!' if at in late else ' '}")
    rests = {(row["port"], row["mode"]) for row in found.to_dict("records") if ASSUMED in row["note"]}
    names = {at: f"{at[0]} {at[1]}{f' {ASSUMED_MARK}' * (at in rests)}" for at in cells}
    width = max(map(len, names.values()))
    said = [
        "  mean waits of the years simulated, min, base to option; ! is past belief, and ends the counting of its mode:"
    ]
    said.append(f"    {'':<{width}}" + "".join(f"{year:>16}" for year in years))
    said += [f"    {names[at]:<{width}}" + "".join(f"{cell:>16}" for cell in row) for at, row in cells.items()]
    return said


def _port_wait(side: Side, of: Sequence[int]) -> str:
    """Return the mean wait of some lines, by who crossed; that they are closed where nobody did."""
    weights = side.crossings[:, of].mean(axis=0)
    if not weights.any():
        return "closed"
    waits = np.nan_to_num(side.wait_min[:, of]).mean(axis=0)
    return f"{float((waits * weights).sum() / weights.sum()):.0f}"


def _interval(mean: float, half_width: float) -> str:
    """Return dollars with their half-width, of large sums both in billions."""
    if abs(mean) < BILLION:
        return dollars(Estimate(mean, half_width), signed=True)
    if math.isnan(half_width):
        return _usd(mean, half_width)
    places = max(decimals(half_width / BILLION), 1)
    return f"{_usd(mean, half_width)} ± ${number(half_width / BILLION, places)} billion"


def _usd(value: float, half_width: float) -> str:
    """Return dollars in the digits that a half-width supports, of large sums in billions."""
    if abs(value) < BILLION:
        return in_digits(value, half_width)
    text = number(value / BILLION, max(decimals(half_width / BILLION), 1), signed=True)
    return f"{text[0]}${text[1:]} billion"


def _number(value: float) -> str:
    return "none" if math.isnan(value) else number(value, 1)
