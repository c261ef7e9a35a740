"""value.csv: what an option is worth against its base, in three accounts that are never added to one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from portsim import emissions, regional, trade, welfare
from portsim.economics import Saving
from portsim.flows import Flows, Markets
from portsim.numbers import Estimate, dollars, number
from portsim.parameters import Parameters
from portsim.terms import Floats, Term, Worth, drawn, prices, total

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
    `cautions`: what limits the welfare of a mode.
    """

    base: str
    option: str
    flows: Flows
    markets: Markets
    saving: Saving | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    cautions: Mapping[str, str] = field(default_factory=dict)


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
        return emissions.table(
            self.case.base,
            self.case.option,
            list(self.idling),
            parameters=self.parameters,
            at=self.central,
            draws=self.draws,
        )

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
        note = "; ".join(dict.fromkeys(word for term in terms for word in term.note.split("; ") if word))
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
    terms += [_cautioned(term, case.cautions.get(term.mode, "")) for term in of_welfare]
    terms += regional.terms(case.flows, gained)
    return Valuation(case, parameters, terms, idle, prices(parameters), drawn(parameters))


def _cautioned(term: Term, caution: str) -> Term:
    return replace(term, note="; ".join(filter(None, (term.note, caution)))) if caution else term


# --- in words ----------------------------------------------------------------------------------


def explain(valued: Valuation, port: str) -> list[str]:
    """Return the chain of every dollar of a port: minutes x crossings x figures, each figure with its source."""
    year = valued.parameters.settings.dollar_year
    lines = [f"{valued.case.option} against {valued.case.base}, {port}, dollars of {year} a year"]
    used: list[str] = []
    for account in ACCOUNTS:
        terms = valued.of(account, port=port)
        if terms:
            lines.append(f"account {account}:")
        for term in terms:
            lines += _chain(term, valued)
            used += term.named
    if len(lines) == 1:
        return []
    lines.append("figures:")
    lines += [f"  {name}: {_figure(name, valued)}" for name in dict.fromkeys(used)]
    return lines


def _chain(term: Term, valued: Valuation) -> Iterator[str]:
    found = valued.worth([term])
    what = f"{term.component} {term.mode}" + (f" {term.lane_type}" if term.lane_type != ALL else "")
    yield f"  {what}: {term.chain} = {number(float(term.quantity.mean()), 2)} {term.unit}"
    rates = [f"{name} {valued.central[name]:.6g}" for name in term.figures]
    if term.exponent:
        rates.append(f"(exp({term.exponent} {valued.central[term.exponent]:.6g} / 100 x minutes) - 1)")
    if term.constant != 1:
        rates.append(f"1/{1 / term.constant:.6g}")
    note = f"  [{term.note}]" if term.note else ""
    worth = "no figure" if np.isnan(found.estimate.mean) else f"${number(found.estimate.mean, 0)}"
    yield f"      x {' x '.join(rates)} = {worth}{note}" if rates else f"      = {worth}{note}"


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
        found.append(f"  B welfare      {_amount(valued.worth(net))}")
        for component in dict.fromkeys(term.component for term in net):
            parts = valued.of(welfare.ACCOUNT, component)
            if component not in {"toll_paid", "toll_revenue"} and any(term.quantity.any() for term in parts):
                found.append(f"    {_COMPONENTS[component]:<28} {_amount(valued.worth(parts), brief=True)}")
        tolls = valued.worth(valued.of(welfare.ACCOUNT, "toll_revenue"))
        if tolls.by_replication.any():
            found.append(f"    tolls: users pay what the operator takes, {_amount(tolls, brief=True)}; they cancel")
    cargo = valued.of(trade.ACCOUNT, "cargo")
    if cargo:
        found.append(f"  A trade        {_amount(valued.worth(cargo))} of cargo, an indicator and no benefit")
    spending = [valued.of(regional.ACCOUNT, name) for name in ("spending_atlantic", "spending_hdr")]
    if all(spending) and any(term.quantity.any() for part in spending for term in part):
        low, high = sorted(valued.worth(part).estimate.mean for part in spending)
        found.append(
            f"  C regional     {_usd(low)} to {_usd(high)} of spending, gross: two methods, {_times(low, high)}"
        )
    tonnes = valued.emissions()
    co2 = tonnes[(tonnes["measure"] == "co2_tonnes") & (tonnes["port"] == ALL) & (tonnes["mode"] == ALL)]
    saved = [number(row["saved_per_year"], 0) for row in co2.to_dict("records")]
    return found + [f"  CO2 of idling  {amount} tonnes less a year" for amount in saved]


def _times(low: float, high: float) -> str:
    return f"{high / low:.0f} times apart" if low > 0 else "apart in sign" if high > 0 else "both losses"


def _usd(value: float) -> str:
    return dollars(Estimate(value, float("nan")), signed=True)


def _amount(found: Worth, *, brief: bool = False) -> str:
    if np.isnan(found.estimate.mean):
        return "no dollar figure: beyond the rule's reach"
    text = dollars(found.estimate, signed=True)
    low, median, high = found.percentiles
    if brief or found.estimate == (0, 0):
        return text
    return f"{text}; figures drawn: {_usd(median)} ({_usd(low)} to {_usd(high)}, P10 to P90)"
