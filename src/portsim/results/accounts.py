"""What the tables say a change is worth: three accounts side by side, never added, and the steps of one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from portsim.measure.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, NO_INTERVAL, WORSE
from portsim.numbers import Estimate, clear, decimals, dollars, number
from portsim.results.findings import ALL, ASSUMED_WAIT, DAGGER, Context, cargo_title, cargo_values
from portsim.results.words import known, say, within

BILLION = 1e9
ACCOUNTS = ("trade", "welfare", "regional")
MONTHS = 12
_NOT_STEPS = {"us_content", "toll_paid", "toll_revenue", ALL}  # a part of another, what cancels, the sum


class Entry(NamedTuple):
    """One row of an account: dollars or a quantity a year, over inputs low to high, over chance ± half-width."""

    account: str
    component: str
    amount: float
    low: float
    high: float
    half_width: float
    unit: str
    dollar_year: str
    note: str

    @property
    def name(self) -> str:
        """Return the component in words, marked where it rests on an assumed wait."""
        return known(f"component.{self.component}", self.component.replace("_", " ")) + self.mark

    @property
    def mark(self) -> str:
        """Return a dagger where it rests on an assumed wait, else nothing."""
        return DAGGER if ASSUMED_WAIT in self.note else ""

    @property
    def text(self) -> str:
        """Return the amount with its interval of chance and its unit; of trips and jobs three digits."""
        half_width = self.half_width if self.half_width > 0 else math.nan
        if math.isnan(self.amount):
            return say("value.none")
        if self.unit == say("unit.usd_per_year"):
            amount = Estimate(self.amount, half_width) if self.amount else Estimate(0, 0)
            return say("value.a_year", amount=dollars(amount, signed=True))
        return f"{number(float(f'{self.amount:.3g}'), 0, signed=True)} {self.unit}"

    @property
    def range(self) -> str:
        """Return the range over the inputs, and whether the amount lies in it."""
        if self.outside:
            key = "value.outside" if self.account == "welfare" else "value.outside_central"
            return say(key, span=self.span)
        return say("value.range", span=self.span) if self.span else ""

    @property
    def span(self) -> str:
        """Return the range over the inputs alone; nothing where there is none."""
        if not self.low < self.high:
            return ""
        return say("worth.span", low=self._amount(self.low), high=self._amount(self.high))

    @property
    def outside(self) -> bool:
        """Say whether the amount, at the figures as they are, lies outside the range over theirs."""
        return self.low < self.high and not self.low <= self.amount <= self.high

    def _amount(self, value: float) -> str:
        usd = self.unit == say("unit.usd_per_year")
        half_width = self.half_width if self.half_width > 0 else math.nan
        return dollars(Estimate(value, half_width)).partition(" ")[0] if usd else number(value, 0)


def money(value: float, *, signed: bool = False) -> str:
    """Return an amount alone: in billions from a billion on."""
    return money_estimate(Estimate(value, math.nan), signed=signed)


def money_estimate(usd: Estimate, *, signed: bool = False) -> str:
    """Return an amount with its half-width of chance, if it has one: in billions from a billion on."""
    if abs(usd.mean) < BILLION:
        return dollars(usd, signed=signed)
    mean, half_width = usd.mean / BILLION, usd.half_width / BILLION
    places = 1 if math.isnan(half_width) else max(decimals(half_width), 1)
    text = number(mean, places, signed=signed)
    sign = text[0] if not text[0].isdigit() else ""
    if math.isnan(half_width):
        return say("value.billions", amount=f"{sign}${text.removeprefix(sign)}")
    width = f"${number(half_width, places)}"
    return say("value.billions_with", amount=f"{sign}${text.removeprefix(sign)}", half_width=width)


def entries(value: pd.DataFrame, option: str, context: Context) -> dict[str, list[Entry]]:
    """Return the entries of each account, all ports and modes together; none without the table."""
    if value.empty:
        return {}
    whole = value[(value["base"] == context.base) & (value["option"] == option)]
    whole = whole[whole["port"] == ALL]
    found: dict[str, list[Entry]] = {name: [] for name in ACCOUNTS}
    for (account, _), rows in whole.groupby(["account", "component"], sort=False):
        found[str(account)].append(_entry(_total(rows)))
    return {name: entries for name, entries in found.items() if entries}


def _total(rows: pd.DataFrame) -> Mapping[Any, Any]:
    """Return a component's row of all modes, or of its only one; without either their sum, whose range is unknown."""
    every = rows[rows["mode"] == ALL]
    if len(every) or len(rows) == 1:
        return (every if len(every) else rows).to_dict("records")[0]
    sums = {name: rows[name].sum(min_count=1) for name in ("usd_per_year", "quantity")}
    words = (word for note in map(_text, rows["note"]) for word in note.split("; ") if word)
    notes = {"note": "; ".join(dict.fromkeys(words))}
    return {**rows.to_dict("records")[0], **sums, **notes, "low": None, "high": None, "simulation_hw": None}


def _entry(row: Mapping[Any, Any]) -> Entry:
    usd, quantity = (_number(row.get(name)) for name in ("usd_per_year", "quantity"))
    money = not math.isnan(usd) or math.isnan(quantity)
    year = _number(row.get("dollar_year"))
    return Entry(
        account=str(row["account"]),
        component=str(row["component"]),
        amount=usd if money else quantity,
        low=_number(row.get("low")),
        high=_number(row.get("high")),
        half_width=_number(row.get("simulation_hw")),
        unit=say("unit.usd_per_year") if money else str(row.get("unit", "")),
        dollar_year="" if math.isnan(year) else f"{year:.0f}",
        note=_text(row.get("note")),
    )


def _number(held: object) -> float:
    try:
        return float(held)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _text(held: object) -> str:
    return held if isinstance(held, str) else ""


def headline(found: dict[str, list[Entry]]) -> list[Entry]:
    """Return the entries to quote: the cargo, the net welfare, and both readings of the region's spending."""
    wanted = {"trade": ("cargo",), "welfare": (ALL,), "regional": ("spending_hdr", "spending_atlantic")}
    return [
        entry for account, entries in found.items() for entry in entries if entry.component in wanted.get(account, ())
    ]


# --- steps --------------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """The parts of one account that do add up, in dollars a year, and their sum with its half-width."""

    account: str
    parts: Sequence[tuple[str, float]]
    total: Estimate
    inside: Mapping[str, str] = {}
    """What a part is called inside a sentence, by its name, where that differs."""
    mark: str = ""


def steps(value: pd.DataFrame, cargo: pd.DataFrame, option: str, context: Context) -> Steps | None:
    """Return the parts of the welfare account, or without one of the cargo rule by port; None where nothing changes."""
    welfare = entries(value, option, context).get("welfare", [])
    net = next((entry for entry in welfare if entry.component == ALL), None)
    if net is not None and not math.isnan(net.amount):
        parts = [(e.name, e.amount) for e in welfare if e.component not in _NOT_STEPS and abs(e.amount) > 0]
        add_up = math.isclose(sum(part for _, part in parts), net.amount, rel_tol=1e-3, abs_tol=1.0)
        inside = {e.name: known(f"within.{e.component}", e.name) for e in welfare}
        net_usd = Estimate(net.amount, net.half_width)
        return Steps("welfare", parts, net_usd, inside, net.mark) if parts and add_up else None
    if cargo.empty:
        return None
    values = {port: v for (name, port), v in cargo_values(cargo, context).items() if name == option}
    total = values.pop(ALL, None)
    if total is None or total.blank or total.usd.mean == 0:
        return None
    parts = [(context.port(port, "truck"), MONTHS * v.usd.mean) for port, v in values.items() if v.usd.mean != 0]
    return Steps("trade", parts, Estimate(*(MONTHS * part for part in total.usd))) if parts else None


def steps_title(found: Steps, option: str, context: Context) -> str:
    """Return the finding of the steps: their sum, and the largest of them."""
    amount, verdict = found.total, _verdict(found.total)
    keys = {BETTER: "better", WORSE: "worse", NO_CLEAR_CHANGE: "unclear", IDENTICAL: "same", NO_INTERVAL: "no_interval"}
    largest = max(found.parts, key=lambda part: abs(part[1]))[0]
    text = say(
        f"steps.{found.account}.{keys[verdict]}",
        size=dollars(Estimate(abs(amount.mean), amount.half_width)),
        change=dollars(amount, signed=True),
        largest=found.inside.get(largest, largest),
        mark=found.mark,
    )
    return f"{context.scenarios[option]}: {text}"


def _verdict(total: Estimate) -> str:
    if total.mean == 0:
        return IDENTICAL
    if math.isnan(total.half_width):
        return NO_INTERVAL
    if not clear(total):
        return NO_CLEAR_CHANGE
    return BETTER if total.mean > 0 else WORSE


def accounts_title(found: dict[str, list[Entry]], option: str, context: Context) -> str:
    """Return the finding of the accounts that have one figure each: two methods disagree on the third."""
    first = [entry for entry in headline(found) if entry.component in {"cargo", ALL}]
    parts = [say(f"accounts.{entry.account}", amount=entry.text, mark=entry.mark) for entry in first]
    return f"{context.scenarios[option]}: {'; '.join(parts)}"


def worth(cargo: pd.DataFrame, value: pd.DataFrame, option: str, context: Context) -> list[str]:
    """Return in sentences what an option is worth: each account by itself."""
    found = entries(value, option, context)
    if found:
        return [
            say(
                f"worth.{entry.account}",
                name=within(entry.name),
                amount=entry.text,
                range=entry.range or say("value.no_range"),
            )
            for entry in headline(found)
        ]
    if cargo.empty:
        return []
    values = {key: of for key, of in cargo_values(cargo, context).items() if key[0] == option}
    alone = {name: title for name, title in context.scenarios.items() if name in {context.base, option}}
    return [cargo_title(values, replace(context, scenarios=alone))] if values else []
