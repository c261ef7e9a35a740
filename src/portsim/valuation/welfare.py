"""Account B, welfare: the rule of half over every line, on waits after demand has responded.

A line that only one scenario has gives the rule nothing to halve: nobody used it before, at no wait. There the
travellers' choice says what it is worth. Their tastes are Gumbel with a known scale, so a new alternative that a share
s of a market takes is worth scale x -ln(1 - s) to each of the market, tolls and detours paid; and without it, its users
would spread over the other lines as those are used (McFadden 1978; Small and Rosen 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portsim.language.schema import as_mode
from portsim.valuation.flows import Flows, LineName, Markets, Side
from portsim.valuation.parameters import Parameters
from portsim.valuation.terms import Term

Floats = npt.NDArray[np.float64]

ACCOUNT = "welfare"
HOURS_A_DAY, PERCENT = 24, 100
RULE_OF_HALF = "rule of half"
NEW = "new alternative: taste scale x -ln(1 - share), net of tolls"
CLOSED = "alternative that closes: taste scale x ln(1 - share), net of tolls"
ALONE = "no other line of its kind in its region: the gain of a first line has no bound here, and is left out"


@dataclass(frozen=True)
class Saved:
    """Hours that the users of one line gain a year, shape (replications,), and what they come from."""

    line: LineName
    hours: Floats
    occupancy: float
    toll_surplus: Floats
    toll_change: Floats
    method: str
    chain: str


def saved(flows: Flows, markets: Markets) -> list[Saved]:
    """Return the hours gained on every line that either scenario has."""
    base, option = flows.base, flows.option
    of_market = [markets.of(line) for line in flows.lines]
    there = [side.crossings.mean(axis=0) > 0 for side in (base, option)]
    new, closed = there[1] & ~there[0], there[0] & ~there[1]
    found = []
    for number in range(len(flows.lines)):
        if not (there[0][number] or there[1][number]):
            continue
        market = np.array([other == of_market[number] for other in of_market])
        gone = _share(base, closed & market, market)
        come = _share(option, new & market, market)
        if new[number] or closed[number]:
            alternatives = market & (new if new[number] else closed)
            found.append(_alternative(flows, number, alternatives, market, taste_scale_min=markets.taste_scale_min))
        else:
            found.append(_halved(flows, number, gone, come))
    return found


def _share(side: Side, lines: npt.NDArray[np.bool_], market: npt.NDArray[np.bool_]) -> Floats:
    """Return what share of a market some lines have, by replication."""
    whole = side.crossings[:, market].sum(axis=1)
    part = side.crossings[:, lines].sum(axis=1)
    share: Floats = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return share


def _halved(flows: Flows, number: int, gone: Floats, come: Floats) -> Saved:
    """Apply the rule of half to a line that both have, with users as they would be without lines that come or go."""
    base, option = flows.base, flows.option
    before = base.crossings[:, number] / np.where(gone < 1, 1 - gone, 1.0)
    after = option.crossings[:, number] / np.where(come < 1, 1 - come, 1.0)
    waited, waits = _waits(base, option, number)
    mean = (before + after) / 2
    hours = (waited - waits) / 60 * mean
    tolls = [_ratio(side.toll_usd[:, number], side.crossings[:, number]) for side in (base, option)]
    change = option.toll_usd[:, number] - base.toll_usd[:, number]
    counted = (_without(base.crossings[:, number], gone), _without(option.crossings[:, number], come))
    users = f"({' + '.join(counted)}) / 2 crossings"
    chain = f"({waited.mean():.2f} - {waits.mean():.2f}) min / 60 x {users}"
    surplus = change - mean * (tolls[1] - tolls[0])
    return Saved(flows.lines[number], hours, _occupancy(flows, number), surplus, change, RULE_OF_HALF, chain)


def _without(crossings: Floats, share: Floats) -> str:
    """Return crossings as counted, and as they would be without the lines that take a share of the market."""
    return f"{crossings.mean():,.0f}" + (f" / (1 - {share.mean():.4f})" if share.any() else "")


def _alternative(
    flows: Flows,
    number: int,
    alternatives: npt.NDArray[np.bool_],
    market: npt.NDArray[np.bool_],
    *,
    taste_scale_min: float,
) -> Saved:
    """Value a line that only one scenario has: its part of what all such lines of its market are worth."""
    opens = bool(flows.option.crossings[:, number].any())
    side, sign = (flows.option, 1.0) if opens else (flows.base, -1.0)
    line = flows.lines[number]
    share = _share(side, alternatives, market)
    change = flows.option.toll_usd[:, number] - flows.base.toll_usd[:, number]
    occupancy = _occupancy(flows, number)
    if (share >= 1).any():
        return Saved(line, np.zeros_like(share), occupancy, np.zeros_like(share), change, ALONE, "")
    users = side.crossings[:, market].sum(axis=1)
    part = _ratio(side.crossings[:, number], side.crossings[:, alternatives].sum(axis=1))
    hours = sign * taste_scale_min / 60 * -np.log1p(-share) * users * part
    chain = (
        f"{'' if sign > 0 else '-'}{taste_scale_min:g} min / 60 x -ln(1 - {share.mean():.4f}) x "
        f"{users.mean():,.0f} crossings of its market" + (f" x {part.mean():.3f} of it" if (part < 1).any() else "")
    )
    return Saved(line, hours, occupancy, change, change, NEW if sign > 0 else CLOSED, chain)


def _waits(base: Side, option: Side, number: int) -> tuple[Floats, Floats]:
    """Return both waits of a line; where nobody crossed in a replication, that of the other."""
    before, after = base.wait_min[:, number], option.wait_min[:, number]
    before = np.where(np.isnan(before), after, before)
    after = np.where(np.isnan(after), before, after)
    return np.nan_to_num(before), np.nan_to_num(after)


def _occupancy(flows: Flows, number: int) -> float:
    """Return the people of a crossing, as the run counted them."""
    people = flows.base.people[:, number].sum() + flows.option.people[:, number].sum()
    return float(people / (flows.base.crossings[:, number].sum() + flows.option.crossings[:, number].sum()))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


# --- to money ----------------------------------------------------------------------------------


def terms(gained: list[Saved], parameters: Parameters) -> list[Term]:
    """Return the terms of the account but fuel and CO2, which are priced where they are counted."""
    found: list[Term] = []
    for one in gained:
        found += _of_trucks(one, parameters) if one.line[1] == "truck" else [_of_travellers(one, parameters)]
        if one.toll_change.any():
            found += _of_tolls(one)
    return found


def _of_travellers(one: Saved, parameters: Parameters) -> Term:
    _, mode, lane_type = one.line
    time = parameters.profile.travellers(as_mode(mode))
    people = 1.0
    chain = one.chain
    if time.per == "person":
        people = one.occupancy if time.occupancy is None else time.occupancy
        chain += f" x {people:.4g} people"
    return Term(
        ACCOUNT,
        "traveller_time",
        *one.line,
        quantity=one.hours * people,
        unit=f"{time.per}-hours",
        figures=(time.of(lane_type),),
        note="" if one.method == RULE_OF_HALF else one.method,
        chain=chain,
    )


def _of_trucks(one: Saved, parameters: Parameters) -> list[Term]:
    port, _, lane_type = one.line
    note = "" if one.method == RULE_OF_HALF else one.method
    cost = Term(
        ACCOUNT,
        "truck_cost",
        *one.line,
        quantity=one.hours,
        unit="truck-hours",
        figures=(parameters.profile.truck.of(lane_type),),
        note=note,
        chain=one.chain,
    )
    like = parameters.like(port)
    loaded = "loaded-fast" if lane_type == "fast" else f"loaded-{like}"
    if not {loaded, f"load-{like}"} <= parameters.parameters.keys():
        return [cost]
    cargo = Term(
        ACCOUNT,
        "cargo_time",
        *one.line,
        quantity=one.hours,
        unit="truck-hours",
        figures=(loaded, f"load-{like}", "cargo-time"),
        constant=1 / (PERCENT * HOURS_A_DAY),
        note=note,
        chain=one.chain,
    )
    return [cost, cargo]


def _of_tolls(one: Saved) -> list[Term]:
    """Return the tolls: what users pay, what the operator takes, and what remains of them in the users' choice."""

    def term(component: str, usd: Floats, note: str) -> Term:
        return Term(ACCOUNT, component, *one.line, quantity=usd, unit="USD", note=note, chain="tolls of the run")

    return [
        term("toll_paid", -one.toll_change, "a transfer: users pay it"),
        term("toll_revenue", one.toll_change, "a transfer: the operator takes it"),
        term("toll_surplus", one.toll_surplus, "what those gain whom a toll lets pay for the line they choose"),
    ]
