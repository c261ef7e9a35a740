"""What a scenario holds, as rows: every value with its unit, class and origin; what two scenarios differ in.

Rows are named tuples, in the order of the files, so that they can be printed, written as CSV or made a table.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.language.opening import booth_slots, hours_of
from portsim.language.paths import Leaf
from portsim.language.scenario import Scenario
from portsim.language.schema import MODES, Crossing, Figure, Hours, LaneType, Port, Provenance, Series
from portsim.language.settings import same_value

ABSENT = "-"
_MOST_SPANS = 3  # of a series' changes, where not all are wanted
_UNITS = {
    "access_weight": "min of wait a min",
    "booths": "booths",
    "booths_built": "booths",
    "booths_open": "booths",
    "classes": "share",
    "clip": "means",
    "cv": "sd/mean",
    "factor": "factor",
    "lag1_correlation": "correlation",
    "lane_positions": "lanes",
    "month_factors": "factor",
    "origins": "share",
    "people_per_crossing": "people",
    "per_hour": "travellers/h",
    "replications": "replications",
    "capital_usd": "$",
    "residual_usd": "$",
    "usd_per_year": "$/year",
    "operating_usd_per_year": "$/year",
    "booth_hours_per_year": "h/year",
    "growth_pct_per_year": "%/year",
    "discount_pct": "%/year",
    "beside_discount_pct": "%/year",
    "horizon_years": "years",
    "share": "share",
    "stations": "stations",
    "usd_per_month_per_10_min": "$/month/10 min",
    "wait_weight": "min a min",
    "warm_up_weeks": "weeks",
    "weeks": "weeks",
}
_ENDINGS = {
    "_usd_per_hour": "$/h",
    "_pct_per_min": "%/min",
    "_usd_bn": "billion $",
    "_share": "share",
    "_factor": "factor",
    "_usd": "$",
    "_min": "min",
    "_s": "s",
}
_NOT_SHOWN = (("network", "sources"), ("appraisal", "sources"))  # `sources` lists them


class Value(NamedTuple):
    """One value of a scenario; `path` is what `--set` takes."""

    path: str
    value: str
    unit: str
    class_: str
    origin: str


class Difference(NamedTuple):
    """One value in which two scenarios differ, where each has it from, and of a series when it changes by how much."""

    path: str
    base: str
    option: str
    change: str
    unit: str
    base_origin: str
    option_origin: str


class Sourced(NamedTuple):
    """One number with its provenance."""

    path: str
    value: str
    low: str
    high: str
    unit: str
    year: str
    class_: str
    source: str
    title: str
    publisher: str
    note: str
    origin: str


class Line(NamedTuple):
    """One line of a port: hours, booths built, open on average while any is and at most, and what was observed.

    `service_s` is the mean inspection in seconds, `joins_day` travellers, `wait_min` weighted by who joins.
    """

    port: str
    mode: str
    lane_type: str
    open: str
    hours: str
    built: str
    booths: str
    most: str
    service_s: str
    joins_day: str
    wait_min: str
    toll_usd: str
    later_stages: str


class Travellers(NamedTuple):
    """A class of travellers, as changes name it, and the lane types that are its own, the preferred first."""

    mode: str
    class_: str
    lane_types: str


class Area(NamedTuple):
    """A catchment, as changes name it."""

    catchment: str
    name: str


def unit(key: str) -> str | None:
    """Return the unit of a number by the key it stands under, None for a key without one."""
    if key in _UNITS:
        return _UNITS[key]
    return next((word for ending, word in _ENDINGS.items() if key.endswith(ending)), None)


def show(scenario: Scenario, only: str | None = None, *, full: bool = False) -> list[Value]:
    """Return every value whose path holds the text `only`; series in full, or in a few words."""
    return [
        Value(leaf.path, text(leaf.value, full=full), _unit(leaf), _class(leaf.value), scenario.origin(leaf.at))
        for leaf in scenario.leaves()
        if leaf.at[:2] not in _NOT_SHOWN and (only is None or only in leaf.path)
    ]


def diff(base: Scenario, option: Scenario, *, full: bool = False) -> list[Difference]:
    """Return all values in which two scenarios differ, in the order of the option; an empty list for none.

    Of a series the first changes are said, or all of them in `full`.
    """
    old = {leaf.path: leaf for leaf in base.leaves()}
    new = {leaf.path: leaf for leaf in option.leaves()}
    differences = []
    for path in dict.fromkeys((*new, *old)):
        before, after = old.get(path), new.get(path)
        if before and after and same_value(before.value, after.value):
            continue
        change = _change(before.value, after.value, full=full) if before and after else ""
        unit_word = _unit(after or before)
        origins = [_origin(base, before), _origin(option, after)]
        differences.append(Difference(path, _words(before), _words(after), change, unit_word, *origins))
    return differences


def sources(scenario: Scenario) -> list[Sourced]:
    """Return every number of a scenario with its unit, year, class, source and note."""
    return [_sourced(scenario, leaf, leaf.value) for leaf in scenario.leaves() if isinstance(leaf.value, Provenance)]


def ports(scenario: Scenario) -> list[Line]:
    """Return every line of every port, as it is after the scenario's changes."""
    return [
        _line(port, mode, crossing, name, lane)
        for port in scenario.network.ports
        for mode in MODES
        if (crossing := port.crossing(mode))
        for name, lane in crossing.lane_types.items()
    ]


def travellers(scenario: Scenario) -> list[Travellers]:
    """Return the classes of travellers by mode."""
    classes = scenario.network.classes.items()
    return [Travellers(m, name, ", ".join(c.lane_types)) for m in MODES for name, c in classes if c.mode == m]


def areas(scenario: Scenario) -> list[Area]:
    """Return the catchments."""
    return [Area(catchment.id, catchment.name) for catchment in scenario.network.catchments]


def text(value: object, *, full: bool = False) -> str:
    """Return a value as `--set` would take it; a series that varies in a few words unless it is wanted in full."""
    if isinstance(value, Figure):
        return _number(value.value)
    if isinstance(value, Series):
        return _series(value, full=full)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return f"[{', '.join(text(item) for item in value)}]"
    return json.dumps(value)


# --- words of values ---------------------------------------------------------------------------


def _number(value: float) -> str:
    return f"{value:.10g}"


def _series(series: Series, *, full: bool) -> str:
    if series.value is not None:
        return _number(series.value)
    if full:
        return json.dumps(series.hours or series.steps or series.days)
    hours = clock.hourly(series.slots())
    least, most = float(hours.min()), float(hours.max())
    if least == most:
        return _number(least)
    return f"{least:.3g} to {most:.3g}, mean {float(hours.mean()):.3g}, 168 hours"


def _words(leaf: Leaf | None) -> str:
    return ABSENT if leaf is None else text(leaf.value)


def _change(one: object, other: object, *, full: bool) -> str:
    """Return by how much a series changes, and when: `mon-fri 05:00-09:00: -2`; nothing for another value."""
    if not (isinstance(one, Series) and isinstance(other, Series)):
        return ""
    by_hour = clock.hourly(other.slots()) - clock.hourly(one.slots())
    days = [_spans(day) for day in np.where(np.isclose(by_hour, 0), 0, by_hour).reshape(-1, clock.HOURS_PER_DAY)]
    found, first = list[str](), 0
    for spans, group in groupby(days):
        last = first + len(list(group)) - 1
        name = clock.DAY_NAMES[first] + (f"-{clock.DAY_NAMES[last]}" if last > first else "")
        found += [f"{'daily' if len(days) == last - first + 1 else name} {span}" for span in spans]
        first = last + 1
    more = "" if full or len(found) <= _MOST_SPANS else f"; and {len(found) - _MOST_SPANS} more, see --all"
    return "; ".join(found if full else found[:_MOST_SPANS]) + more


def _spans(day: npt.NDArray[np.float64]) -> list[str]:
    """Return the times of a day at which something changes by the same."""
    spans, hour = list[str](), 0
    for change, group in groupby(f"{value:+.4g}" for value in day):
        end = hour + len(list(group))
        if float(change):
            spans.append(f"{hour:02d}:00-{end:02d}:00: {change}")
        hour = end
    return spans


def _unit(leaf: Leaf | None) -> str:
    plain = leaf is None or isinstance(leaf.value, bool | str | tuple)
    return "" if leaf is None or plain else unit(leaf.key) or ""


def _class(value: object) -> str:
    return value.class_ if isinstance(value, Provenance) else ""


def _origin(scenario: Scenario, leaf: Leaf | None) -> str:
    return ABSENT if leaf is None else scenario.origin(leaf.at)


def _sourced(scenario: Scenario, leaf: Leaf, number: Provenance) -> Sourced:
    low: float | None
    high: float | None
    if isinstance(number, Figure):
        low, high = number.low, number.high
    else:
        low, high = getattr(number, "low_factor", None), getattr(number, "high_factor", None)
    times = "" if isinstance(number, Figure) else "x "
    known = scenario.network.sources
    if leaf.at[0] == "appraisal" and scenario.appraisal is not None:
        known = scenario.appraisal.sources
    source = known.get(number.source or "")
    return Sourced(
        path=leaf.path,
        value=text(number),
        low="" if low is None else times + _number(low),
        high="" if high is None else times + _number(high),
        unit=_unit(leaf),
        year="" if number.year is None else str(number.year),
        class_=number.class_,
        source=number.source or "",
        title=source.title if source else "",
        publisher=source.publisher if source else "",
        note=number.note or "",
        origin=scenario.origin(leaf.at),
    )


# --- ports -------------------------------------------------------------------------------------


def _line(port: Port, mode: str, crossing: Crossing, name: str, lane: LaneType) -> Line:
    hours = hours_of(crossing, lane)
    works = booth_slots(hours)
    booths = lane.booths_open.slots() * works
    open_hours = works & (booths > 0)
    built = lane.booths_built.value if lane.booths_built else crossing.lane_positions.value
    joins, wait = _observed(lane)
    stages = [f"{key} {_number(share.value * 100)}%" for key, share in lane.referral_share.items()]
    return Line(
        port=port.id,
        mode=mode,
        lane_type=name,
        open="yes" if port.open else "no",
        hours=_hours(hours),
        built=_number(built),
        booths=f"{float(booths[open_hours].mean()) if open_hours.any() else 0.0:.1f}",
        most=_number(round(float(booths.max()), 1)),
        service_s=_service(lane),
        joins_day=joins,
        wait_min=wait,
        toll_usd=_toll(lane),
        later_stages=", ".join(stages),
    )


def _observed(lane: LaneType) -> tuple[str, str]:
    """Return joins a day and the mean wait of those who join, as observed."""
    if lane.observed is None:
        return ABSENT, ABSENT
    joins = clock.hourly(lane.observed.per_hour.slots())
    wait = clock.hourly(lane.observed.wait_min.slots())
    mean = float((joins * wait).sum() / joins.sum()) if joins.sum() else 0.0
    return f"{float(joins.sum()) / clock.DAYS_PER_WEEK:.0f}", f"{mean:.1f}"


def _service(lane: LaneType) -> str:
    means = lane.service.mean_s
    if isinstance(means, Series):
        return _mean(means)
    return ", ".join(f"{name} {_mean(series)}" for name, series in means.items())


def _mean(series: Series) -> str:
    return f"{float(series.slots().mean()):.4g}"


def _toll(lane: LaneType) -> str:
    return ABSENT if lane.toll_usd is None else text(lane.toll_usd)


def _hours(hours: Hours) -> str:
    if hours == "24h":
        return hours
    return ", ".join(f"{window.days} {window.opens}-{window.closes}" for window in hours)
