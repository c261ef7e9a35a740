"""Idling: engine hours in line, the fuel they burn and what that emits, by mode. Tonnes always, money where asked for.

These are totals of base and option, lost and induced trips included. NOx and PM2.5 are counted for a mode where the
parameters hold a factor for it (`nox-truck`, tonnes per gallon); the packaged ones hold none, as none was verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.valuation.flows import Flows, LineName
from portsim.valuation.parameters import Parameters
from portsim.valuation.terms import Term, total

Floats = npt.NDArray[np.float64]

ENGINES = ("vehicle", "truck", "bus")
FUEL = {"vehicle": "gasoline", "truck": "diesel", "bus": "diesel"}
ALL = "all"
COLUMNS = (
    *("base", "option", "port", "mode", "measure", "base_per_year", "option_per_year", "saved_per_year"),
    *("low", "high", "simulation_hw", "note"),
)
MEASURES = ("idling_hours", "fuel_gallons", "co2_tonnes", "nox_tonnes", "pm25_tonnes")


class Idling(NamedTuple):
    """Hours in line on one line a year, base and option, shape (replications,)."""

    line: LineName
    base: Floats
    option: Floats


def idling(flows: Flows) -> list[Idling]:
    """Return the hours that vehicles with engines stand in line, minutes x crossings / 60."""
    hours = [np.nan_to_num(side.wait_min) * side.crossings / 60 for side in (flows.base, flows.option)]
    return [
        Idling(line, hours[0][:, number], hours[1][:, number])
        for number, line in enumerate(flows.lines)
        if line[1] in ENGINES
    ]


def terms(found: list[Idling], parameters: Parameters) -> list[Term]:
    """Return the terms of welfare that idling has: fuel and CO2, where they are to have a price."""
    priced: list[Term] = []
    for one in found:
        chain = f"({one.base.mean():,.0f} - {one.option.mean():,.0f}) hours in line"
        saved = _amount("fuel_gallons", one.line, one.base - one.option, chain)
        if "fuel" in parameters.settings.monetise:
            priced.append(_priced(saved, "fuel", (f"price-{FUEL[one.line[1]]}",)))
        if "co2" in parameters.settings.monetise:
            priced.append(_priced(saved, "co2", (f"co2-{FUEL[one.line[1]]}", "carbon")))
    return priced


def _priced(amount: Term, component: str, figures: tuple[str, ...]) -> Term:
    return Term(
        "welfare",
        component,
        *(amount.port, amount.mode, amount.lane_type),
        quantity=amount.quantity,
        unit=amount.unit,
        figures=(*amount.figures, *figures),
        chain=amount.chain,
    )


def _amount(measure: str, line: LineName, hours: Floats, chain: str = "") -> Term:
    """Return a measure of some hours as a term: what is counted, not money."""
    mode = line[1]
    burnt = ("idling-share", f"idle-{mode}")
    figures = {
        "idling_hours": (),
        "fuel_gallons": burnt,
        "co2_tonnes": (*burnt, f"co2-{FUEL[mode]}"),
        "nox_tonnes": (*burnt, f"nox-{mode}"),
        "pm25_tonnes": (*burnt, f"pm25-{mode}"),
    }[measure]
    return Term(ALL, measure, *line, quantity=hours, unit="vehicle-hours", figures=figures, counts=measure, chain=chain)


def table(
    base: str,
    option: str,
    found: list[Idling],
    *,
    parameters: Parameters,
    at: Mapping[str, float],
    draws: Mapping[str, Floats],
) -> pd.DataFrame:
    """Return the rows of emissions.csv of one pair: each port and mode, each mode, and all."""
    rows = []
    for port, mode, members in _groups(found):
        for measure in MEASURES:
            before, after, saved = (
                [_amount(measure, one.line, hours[side]) for one in members for hours in (_sides(one),)]
                for side in range(3)
            )
            if any(name not in parameters.parameters for term in saved for name in term.named):
                continue
            less = total(saved, at, draws)
            low, _, high = less.percentiles
            sums = (total(part, at, draws).estimate.mean for part in (before, after))
            ends = (less.estimate.mean, low, high, less.estimate.half_width, "")
            rows.append((base, option, port, mode, measure, *sums, *ends))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _sides(one: Idling) -> tuple[Floats, Floats, Floats]:
    return one.base, one.option, one.base - one.option


def _groups(found: list[Idling]) -> Iterator[tuple[str, str, list[Idling]]]:
    """Yield each port and mode, each mode, and all, with their lines."""
    keys = dict.fromkeys((one.line[0], one.line[1]) for one in found)
    modes = dict.fromkeys(mode for _, mode in keys)
    for port, mode in (*keys, *((ALL, mode) for mode in modes), (ALL, ALL)):
        members = [one for one in found if port in {ALL, one.line[0]} and mode in {ALL, one.line[1]}]
        if members:
            yield port, mode, members
