"""Account C, regional and gross: personal trips that shorter waits bring, their spending, jobs by documents' ratios.

Methods disagree fiftyfold, so each stands by itself, and none is added to another or to another account.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from portsim.valuation.flows import Flows
from portsim.valuation.terms import Term
from portsim.valuation.welfare import Saved

Floats = npt.NDArray[np.float64]

ACCOUNT = "regional"
ALL = "all"
PERSONAL = ("vehicle", "bus", "pedestrian")
GROSS = "gross, and not beside welfare: the same minutes"


def terms(flows: Flows, gained: list[Saved]) -> list[Term]:
    """Return the terms of the account: trips by mode, spending by two methods, jobs by three ratios."""
    found = [
        _term("trips", mode, trips, "trips", counts="trips", note="net of all ports: who only moves is no gain")
        for mode in PERSONAL
        if (trips := _trips(flows, mode)) is not None
    ]
    if not found:
        return []
    trips = sum((term.quantity for term in found), np.zeros(flows.replications))
    minutes = _minutes_saved(flows, gained)
    spent = ("spending-trip", "spending-kept")
    whole = f"method 2 of 2, the whole border's given to this region: {GROSS}"
    found += [
        _term("spending_hdr", ALL, trips, "trips", figures=spent, counts="USD", note=f"method 1 of 2: {GROSS}"),
        _term(
            *("spending_atlantic", ALL, minutes, "minutes"), figures=("spending-per-minute",), counts="USD", note=whole
        ),
    ]
    for component, ratio, note in (
        ("jobs_wtc", "jobs-wtc", "ratio 1 of 3, on spending_hdr: jobs by the counties' exports"),
        ("jobs_ita", "jobs-exports", "ratio 2 of 3, on spending_hdr: jobs by US exports"),
        ("jobs_hdr", "jobs-hdr", "ratio 3 of 3, on spending_hdr: jobs by output, multipliers included"),
    ):
        found.append(_term(component, ALL, trips, "trips", figures=(*spent, ratio), counts="jobs", note=note))
    return found


def _term(
    component: str, mode: str, quantity: Floats, unit: str, *, figures: tuple[str, ...] = (), counts: str, note: str
) -> Term:
    return Term(
        ACCOUNT,
        component,
        *(ALL, mode, ALL),
        quantity=quantity,
        unit=unit,
        figures=figures,
        counts=counts,
        note=note,
        chain=f"{quantity.mean():,.4g} {unit}",
    )


def _trips(flows: Flows, mode: str) -> Floats | None:
    """Return the people of a mode who cross in the option less those in the base, a year; None where nobody does."""
    of_mode = np.array([line[1] == mode for line in flows.lines])
    if not of_mode.any():
        return None
    trips: Floats = (flows.option.people - flows.base.people)[:, of_mode].sum(axis=1)
    return trips


def _minutes_saved(flows: Flows, gained: list[Saved]) -> Floats:
    """Return the mean minutes that personal travellers gain."""
    hours = sum((one.hours * one.occupancy for one in gained if one.line[1] in PERSONAL), np.zeros(flows.replications))
    personal = np.array([line[1] in PERSONAL for line in flows.lines])
    people = (flows.base.people + flows.option.people)[:, personal].sum(axis=1) / 2
    minutes: Floats = np.divide(hours * 60, people, out=np.zeros_like(people), where=people > 0)
    return minutes
