"""value.csv: what an option is worth against its base, in three accounts that are never added to one another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from portsim.numbers import ASSUMED_MARK, MINUS, Estimate, dollars, large, number
from portsim.valuation import emissions, regional, trade, welfare
from portsim.valuation.economics import ASSUMED, Saving
from portsim.valuation.flows import Flows, Markets
from portsim.valuation.parameters import Parameters
from portsim.valuation.terms import Floats, Term, Worth, drawn, prices, total

ALL = "all"
ACCOUNTS = ("trade", "welfare", "regional")
COLUMNS = (
    *("base", "option", "account", "component", "port", "mode"),
    *("usd_per_year", "low", "high", "simulation_hw", "dollar_year", "note"),
    *("median", "quantity", "unit"),
)
_COMPONENTS = {
    "cargo": "cargo entering the US",
    "us_content": "of it, US content",
    "traveller_time": "travellers' time",
    "truck_cost": "trucks' time",
    "cargo_time": "cargo's time",
    "fuel": "idling fuel",
    "co2": "idling CO2",
    "toll_paid": "tolls users pay",
    "toll_revenue": "toll revenue",
    "toll_surplus": "gain that users pay on in tolls",
    "all": "net welfare",
}


@dataclass(frozen=True)
class Case:
    """A base and an option, as the valuation sees them.

    `saving`: the minutes of the same trucks, None without a cargo rule; `flags`: what limits the rule at a port;
    `cautions`: what limits the welfare of a mode; `assumed`: ports and modes that rest on an assumed wait.
    """

    base: str
    option: str
    flows: Flows
    markets: Markets
    saving: Saving | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    cautions: Mapping[str, str] = field(default_factory=dict)
    assumed: frozenset[tuple[str, str]] = frozenset()

    def rests_on_assumed(self, port: str = ALL, mode: str = ALL) -> bool:
        """Say whether something differs between base and option, at a port and of a mode, where a wait is assumed."""
        return any(
            port in {ALL, at[0]} and mode in {ALL, at[1]}
            for at in self.assumed & {line[:2] for line in self.flows.differing}
        )


@dataclass(frozen=True)
class Valuation:
    """The terms of one case, and the figures to price them with: as they are, and drawn."""

    case: Case
    parameters: Parameters
    terms: Sequence[Term]
    idling: Sequence[emissions.Idling]
    central: Mapping[str, float]
    draws: Mapping[str, Floats]

    def of(self, account: str, component: str = ALL, port: str = ALL, mode: str = ALL) -> list[Term]:
        """Return the terms of an account, narrowed."""
        return [
            term
            for term in self.terms
            if term.account == account
            and component in {ALL, term.component}
            and port in {ALL, term.port}
            and mode in {ALL, term.mode}
        ]

    def worth(self, terms: Sequence[Term]) -> Worth:
        """Return the sum of terms of one account."""
        return total(terms, self.central, self.draws)

    def table(self) -> pd.DataFrame:
        """Return the rows of value.csv."""
        return pd.DataFrame(list(self._rows()), columns=list(COLUMNS))

    def emissions(self) -> pd.DataFrame:
        """Return the rows of emissions.csv."""
        found = emissions.table(
            self.case.base,
            self.case.option,
            list(self.idling),
            parameters=self.parameters,
            at=self.central,
            draws=self.draws,
        )
        keys = zip(found["port"], found["mode"], strict=True)
        return found.assign(note=[ASSUMED if self.case.rests_on_assumed(*key) else "" for key in keys])

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for account in ACCOUNTS:
            components = list(dict.fromkeys(term.component for term in self.of(account)))
            for component in components:
                keys = dict.fromkeys((term.port, term.mode) for term in self.of(account, component))
                yield from (self._row(account, component, *key) for key in keys)
                if account == "regional":
                    continue
                modes = dict.fromkeys(mode for _, mode in keys)
                yield from (self._row(account, component, ALL, mode) for mode in modes)
                if len(modes) > 1:
                    yield self._row(account, component, ALL, ALL)
            if account == welfare.ACCOUNT and components:
                for port in dict.fromkeys(term.port for term in self.of(account)):
                    yield self._row(account, ALL, port, ALL)
                yield self._row(account, ALL, ALL, ALL)

    def _row(self, account: str, component: str, port: str, mode: str) -> tuple[Any, ...]:
        terms = self.of(account, component, port, mode)
        counts = {term.counts for term in terms}
        found = self.worth(terms)
        low, median, high = found.percentiles
        mean, half_width = found.estimate
        moved = [term for term in terms if term.quantity.any()]
        words = dict.fromkeys(word for term in moved or terms for word in term.note.split("; ") if word)
        note = "; ".join(word for word in words if moved or word != ASSUMED)  # what is nothing rests on nothing
        units = {term.unit for term in terms}
        quantity, unit = sum(float(term.quantity.mean()) for term in terms), next(iter(units))
        if len(units) > 1 or component == ALL or (unit == "minutes" and len(terms) > 1):
            quantity, unit = np.nan, ""  # minutes of several ports do not add
        if counts != {"USD"}:
            quantity, unit = mean, next(iter(counts))
            mean, low, median, high, half_width = (np.nan,) * 5
        return (
            *(self.case.base, self.case.option, account, component, port, mode),
            *(mean, low, high, half_width, self.parameters.settings.dollar_year, note),
            *(median, quantity, unit),
        )


def valuation(case: Case, parameters: Parameters) -> Valuation:
    """Return what a case is worth. `parameters` hold the cargo rule where the case has minutes saved."""
    gained = welfare.saved(case.flows, case.markets)
    idle = emissions.idling(case.flows)
    terms: list[Term] = []
    if case.saving is not None:
        terms += trade.terms(case.saving, parameters, case.flags)
    of_welfare = [*welfare.terms(gained, parameters), *emissions.terms(idle, parameters)]
    terms += [_noted(_noted(term, case.cautions.get(term.mode, "")), _assumed(case, term)) for term in of_welfare]
    terms += [_noted(term, _assumed(case, term)) for term in regional.terms(case.flows, gained)]
    return Valuation(case, parameters, terms, idle, prices(parameters), drawn(parameters))


def _noted(term: Term, note: str) -> Term:
    return replace(term, note="; ".join(filter(None, (term.note, note)))) if note else term


def _assumed(case: Case, term: Term) -> str:
    """Return the note of a term that rests on an assumed wait; the regional account holds no trucks."""
    modes = regional.PERSONAL if term.account == regional.ACCOUNT and term.mode == ALL else (term.mode,)
    rests = term.quantity.any() and any(case.rests_on_assumed(term.port, mode) for mode in modes)
    return ASSUMED if rests else ""


def assumed(terms: Sequence[Term]) -> bool:
    """Say whether any of some terms rests on an assumed wait."""
    return any(ASSUMED in term.note and bool(term.quantity.any()) for term in terms)


# --- in words ----------------------------------------------------------------------------------


def explain(valued: Valuation, port: str) -> list[str]:
    """Return the chain of every dollar of a port: minutes x crossings x figures, each figure with its source."""
    year = valued.parameters.settings.dollar_year
    runs = valued.case.flows.replications
    lines = [
        f"{valued.case.option} against {valued.case.base}, {port}, dollars of {year} a year",
        f"  what was simulated is a mean over {runs} replication(s), products too: rounded means give them nearly",
    ]
    used: list[str] = []
    for account in ACCOUNTS:
        held = valued.of(account, port=port)
        terms = [term for term in held if term.quantity.any()]
        if held:
            lines.append(f"account {account}:")
        for term in terms:
            lines += _chain(term, valued)
            used += term.named
        unchanged = [_what(term) for term in held if not term.quantity.any()]
        lines += [f"  nothing changes: {', '.join(dict.fromkeys(unchanged))}"] * bool(unchanged)
    if not any(valued.of(account, port=port) for account in ACCOUNTS):
        return []
    if used:
        lines.append("figures:")
    lines += [f"  {name}: {_figure(name, valued)}" for name in dict.fromkeys(used)]
    return lines


def _chain(term: Term, valued: Valuation) -> Iterator[str]:
    found = valued.worth([term])
    yield f"  {_what(term)}: {term.chain} = {number(float(term.quantity.mean()), 2)} {term.unit}"
    rates = [f"{name} {valued.central[name]:.6g}" for name in term.figures]
    if term.exponent:
        rates.append(f"(exp({term.exponent} {valued.central[term.exponent]:.6g} / 100 x minutes) - 1)")
    if term.constant != 1:
        rates.append(f"1/{1 / term.constant:.6g}")
    note = f"  [{term.note}]" if term.note else ""
    if term.counts != "USD":
        worth = f"{number(found.estimate.mean, 0)} {term.counts}"
    else:
        worth = "no figure" if np.isnan(found.estimate.mean) else _whole_dollars(found.estimate.mean)
    yield f"      x {' x '.join(rates)} = {worth}{note}" if rates else f"      = {worth}{note}"


def _what(term: Term) -> str:
    return f"{term.component} {term.mode}" + (f" {term.lane_type}" if term.lane_type != ALL else "")


def _whole_dollars(value: float) -> str:
    text = number(value, 0)
    return f"{MINUS}${text.removeprefix(MINUS)}" if text.startswith(MINUS) else f"${text}"


def _figure(name: str, valued: Valuation) -> str:
    parameter = valued.parameters.parameters[name]
    source = valued.parameters.sources.get(parameter.source or "")
    dated = f" of {parameter.dollar_year}" if parameter.dollar_year else ""
    into = valued.central[name]
    text = f"{parameter.label}, {parameter.value:.6g} {parameter.unit}{dated}"
    if parameter.dollar_year not in {None, valued.parameters.settings.dollar_year}:
        text += f" = {into:.6g} in dollars of {valued.parameters.settings.dollar_year}"
    if parameter.low is not None and parameter.high is not None:
        text += f" (low {parameter.low:.6g}, high {parameter.high:.6g}, {parameter.shape})"
    place = f"{source.title}, {source.publisher}" if source else "no source"
    return f"{text}; {parameter.class_}: {place}" + (f"; {parameter.note}" if parameter.note else "")


def lines(valued: Valuation) -> list[str]:
    """Return a few lines for the terminal: the accounts side by side, never added."""
    settings = valued.parameters.settings
    found = [
        f"Value a year, dollars of {settings.dollar_year}, {valued.parameters.profile.title}; accounts do not add:"
    ]
    net = valued.of(welfare.ACCOUNT)
    if net:
        found.append(f"  B welfare      {_amount(valued, net)}")
        for component in dict.fromkeys(term.component for term in net):
            parts = valued.of(welfare.ACCOUNT, component)
            if component not in {"toll_paid", "toll_revenue"} and any(term.quantity.any() for term in parts):
                found.append(f"    {_COMPONENTS[component]:<31} {_amount(valued, parts, brief=True)}")
        tolls = valued.of(welfare.ACCOUNT, "toll_revenue")
        if any(term.quantity.any() for term in tolls):
            found.append(
                f"    tolls: users pay what the operator takes, {_amount(valued, tolls, brief=True)}; they cancel"
            )
    cargo = valued.of(trade.ACCOUNT, "cargo")
    if cargo:
        found.append(f"  A trade        {_amount(valued, cargo)} of cargo, an indicator and no benefit")
    found += _regional_line(valued)
    found += _co2_line(valued)
    return found + [f"  {ASSUMED_MARK} rests on an assumed wait"] * any(ASSUMED_MARK in line for line in found)


def _regional_line(valued: Valuation) -> list[str]:
    spending = [valued.of(regional.ACCOUNT, name) for name in ("spending_atlantic", "spending_hdr")]
    if not all(spending) or not any(term.quantity.any() for part in spending for term in part):
        return []
    low, high = sorted(valued.worth(part).estimate.mean for part in spending)
    amounts = f"{two_digits(low)} to {two_digits(high)}{_mark([term for part in spending for term in part])}"
    return [f"  C regional     {amounts} of spending, gross: two methods, {_times(low, high)}"]


def _co2_line(valued: Valuation) -> list[str]:
    tonnes = valued.emissions()
    whole = tonnes[(tonnes["measure"] == "co2_tonnes") & (tonnes["port"] == ALL) & (tonnes["mode"] == ALL)]
    return [
        f"  CO2 of idling  {large(Estimate(abs(row['saved_per_year']), row['simulation_hw']))}"
        f"{f' {ASSUMED_MARK}' * bool(row['note'])} tonnes {'less' if row['saved_per_year'] >= 0 else 'more'} a year"
        for row in whole.to_dict("records")
    ]


def _times(low: float, high: float) -> str:
    return f"{high / low:.0f} times apart" if low > 0 else "apart in sign" if high > 0 else "both losses"


def two_digits(value: float) -> str:
    """Return dollars in two digits, or whole millions."""
    size = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 1.0
    return in_digits(value, size)


def in_digits(value: float, half_width: float) -> str:
    """Return dollars in the digits that a half-width supports, without it."""
    return dollars(Estimate(value, half_width), signed=True).partition(" ")[0]


def _mark(terms: Sequence[Term]) -> str:
    return f" {ASSUMED_MARK}" if assumed(terms) else ""


def _amount(valued: Valuation, terms: Sequence[Term], *, brief: bool = False) -> str:
    found = valued.worth(terms)
    if np.isnan(found.estimate.mean):
        return f"no dollar figure: beyond the rule's reach{_mark(terms)}"
    text = dollars(found.estimate, signed=True) + _mark(terms)
    if brief or not found.by_replication.any():
        return text
    low, median, high = (in_digits(value, found.estimate.half_width) for value in found.percentiles)
    return f"{text}; over the figures' ranges median {median}, {low} to {high} (P10 to P90)"
