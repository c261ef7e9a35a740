"""What a scenario's changes do to demand, in their order: scaled, surging, smoothed, shifted to another class.

The random streams stay those of the flow as it was: a traveller that an option moves or adds to is the same
traveller in the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from portsim import clock
from portsim.border.demand import Floats, Flow
from portsim.language.schema import DemandChange, Event, Network, ScaleDemand, ShiftClasses, SmoothArrivals

Serves = Callable[[str, Flow], bool]


def apply(flows: Sequence[Flow], changes: Sequence[DemandChange], network: Network, serves: Serves) -> list[Flow]:
    """Return the flows after the changes; `serves(class, flow)` says whether a flow finds a line as that class."""
    changed = list(flows)
    for change in changes:
        match change:
            case ShiftClasses():
                changed = [part for flow in changed for part in _shifted(flow, change, serves)]
            case SmoothArrivals():
                changed = [_smoothed(flow, change) if _concerns(change, flow, network) else flow for flow in changed]
            case ScaleDemand() | Event():
                factor = _factor(change)
                changed = [
                    replace(flow, factor=flow.factor * factor) if _concerns(change, flow, network) else flow
                    for flow in changed
                ]
    return changed


def _concerns(change: ScaleDemand | SmoothArrivals | Event, flow: Flow, network: Network) -> bool:
    """Say whether a flow is of all that a change names."""
    named = (
        (change.modes, network.classes[flow.traveller_class].mode),
        (change.catchments, flow.catchment),
        (change.classes, flow.traveller_class),
    )
    return all(words is None or word in words for words, word in named)


def _factor(change: ScaleDemand | Event) -> Floats:
    """Return a factor by five-minute slot of the week, shape (2016,)."""
    factor = 1.0 if change.factor is None else change.factor
    if isinstance(change, Event):
        return np.where(change.slots(), factor, 1.0)
    return np.full(clock.SLOTS_PER_WEEK, factor)


def _smoothed(flow: Flow, change: SmoothArrivals) -> Flow:
    """Spread a share of the travellers of each day named evenly over the part of that day."""
    week = flow.per_hour.reshape(7, clock.SLOTS_PER_DAY).copy()
    first, last = (clock.minutes(time) // clock.SLOT_MIN for time in (change.from_, change.to))
    for day in clock.days_of(change.days):
        moved = change.share * week[day].sum()
        week[day] *= 1 - change.share
        week[day, first:last] += moved / (last - first)
    return replace(flow, per_hour=week.ravel())


def _shifted(flow: Flow, change: ShiftClasses, serves: Serves) -> Iterator[Flow]:
    """Part a flow: those who stay in their class, and those who take the other."""
    catchments = change.catchments
    concerned = flow.traveller_class == change.from_ and (catchments is None or flow.catchment in catchments)
    if not concerned or not serves(change.to, flow):
        yield flow
        return
    low, high = flow.part
    parting = high - (high - low) * change.share
    if parting > low:
        yield replace(flow, part=(low, parting))
    yield replace(
        flow,
        name=f"{flow.name}>{change.to}",
        traveller_class=change.to,
        part=(parting, high),
        drawn_as=flow.origin,
        drawn_class=flow.origin_class,
    )
