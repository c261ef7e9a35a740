"""What a case of the validation reads off one simulated replication, by name.

Each quantity is a list of numbers of one replication. Most are a single one; `by_hour` asks for 24, one an hour of
the day. Where a replication holds several runs in a row (days that begin empty, five minutes an hour), a quantity
may give one number a run: each is a sample of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from portsim import clock
from portsim.border.model import PortModel
from portsim.border.records import Crossings
from portsim.calibrate import field
from portsim.errors import nearest
from portsim.language.schema import Days, Identifier, Mode, Strict, Whole
from portsim.measure.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, Measures, measure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Hour = Annotated[Whole, Field(ge=0, le=24)]


class Where(Strict):
    """Of whom, and when, a quantity is taken; what is absent is all."""

    port: Identifier | None = None
    mode: Mode | None = None
    lane_type: Identifier | None = None
    segment: str | None = Field(default=None, description="the flow of travellers, as the model names it")
    days: tuple[Days, ...] = Field(default=(), description="a list of days: [mon, wed], or [tue-sun]")
    hours: tuple[Hour, Hour] | None = Field(
        default=None, description="[from, to]: hours of the day, the second one excluded"
    )
    at_hour: Hour | None = Field(default=None, description="an hour of the day, 0 to 24, at which to look")

    @property
    def timed(self) -> bool:
        """Say whether it is about part of the week."""
        return bool(self.days) or self.hours is not None

    @property
    def day_numbers(self) -> list[int]:
        """Return the days meant, 0 = Monday."""
        return sorted({day for word in self.days or ("daily",) for day in clock.days_of(word)})

    @property
    def hours_of_day(self) -> list[int]:
        """Return the hours of the day meant."""
        first, last = self.hours or (0, clock.HOURS_PER_DAY)
        return list(range(first, last))

    @property
    def week_hours(self) -> Bools:
        """Return which hours of the week are meant, shape (7, 24)."""
        chosen = np.zeros((clock.DAYS_PER_WEEK, clock.HOURS_PER_DAY), bool)
        chosen[np.ix_(self.day_numbers, self.hours_of_day)] = True
        return chosen


@dataclass(frozen=True)
class Simulated:
    """One replication of a scenario: its model and what was measured; its rows where a quantity needs them."""

    model: PortModel
    measured: Measures | None = None
    crossings: Crossings | None = None

    @cached_property
    def measures(self) -> Measures:
        """Return the measures of the replication."""
        return self.measured if self.measured is not None else measure(self.rows, self.model)

    @cached_property
    def posted_min(self) -> Floats:
        """Return what would have been posted, as at the packaged ports, minutes, shape (lines, 168)."""
        return field.posted([self.measures])["posted_min"].to_numpy().reshape(len(self.measures.lines), -1)

    @property
    def rows(self) -> Crossings:
        """Return the replication, one row a traveller."""
        assert self.crossings is not None, "only quantities in ROWS look at rows"
        return self.crossings


# --- what measures already hold ----------------------------------------------------------------

WAITING_PER_DAY = "waiting_vehicle_hours_per_day"
_WAITS = {"wait_mean_min", "wait_p95_min"}


def metric(simulated: Simulated, name: str, where: Where, *, by_hour: bool = False) -> Floats:
    """Return a metric of the summary, or, by hour or over part of the week, of the hourly table, shape (1,) or (24,).

    Waits are averaged over travellers; other metrics over hours, summed over lines. Raises KeyError where no line is
    meant.
    """
    measures = simulated.measures
    if name in SUMMARY_METRICS and not (where.timed or by_hour):
        group = (where.port or ALL, where.mode or ALL, where.lane_type or ALL)
        return measures.summary[[measures.groups.index(group)], SUMMARY_METRICS.index(name)]
    lines = _lines(measures, where)
    hourly = measures.hourly[lines].reshape(len(lines), clock.DAYS_PER_WEEK, clock.HOURS_PER_DAY, -1)
    chosen, axis = where.week_hours, (0, 1) if by_hour else (0, 1, 2)
    if name in _WAITS:
        joins = hourly[..., HOURLY_METRICS.index("arrivals_per_hour")] * chosen
        waited = np.nansum(joins * hourly[..., HOURLY_METRICS.index(name)], axis=axis)
        with np.errstate(invalid="ignore"):
            return np.atleast_1d(waited / joins.sum(axis=axis))
    hourly_name = "queue_mean" if name == WAITING_PER_DAY else name
    values = hourly[..., HOURLY_METRICS.index(hourly_name)].sum(axis=0)
    if by_hour:
        return np.asarray(values[where.day_numbers].mean(axis=0))
    mean = values[chosen].mean()
    return np.atleast_1d(mean * len(where.hours_of_day) if name == WAITING_PER_DAY else mean)


def _lines(measures: Measures, where: Where) -> list[int]:
    asked = (where.port, where.mode, where.lane_type)
    found = [
        number
        for number, line in enumerate(measures.lines)
        if all(word in {None, part} for word, part in zip(asked, line, strict=True))
    ]
    if not found:
        raise KeyError(f"no line of {'/'.join(word or ALL for word in asked)}")
    return found


# --- what takes a look at single travellers ----------------------------------------------------


def _chosen(simulated: Simulated, where: Where) -> Bools:
    """Return who joined a line that is meant, at a time that is meant, in the measured weeks; not those who stood.

    Who stood in line at the start is not counted: their joining is not their arrival.
    """
    rows, model = simulated.rows, simulated.model
    asked = (where.port, where.mode, where.lane_type)
    of_line = [
        all(
            word in {None, part}
            for word, part in zip(asked, (model.ports[ln.port], ln.mode, ln.lane_type), strict=True)
        )
        for ln in model.lines
    ]
    chosen: Bools = rows.joined & np.array([*of_line, False])[rows.line]
    chosen &= rows.tick >= model.warm_up_weeks * clock.WEEK
    chosen &= ~np.array([segment.initial > 0 for segment in model.segments])[rows.segment]
    if where.segment is not None:
        chosen &= np.array([segment.name == where.segment for segment in model.segments])[rows.segment]
    if where.timed:
        chosen &= where.week_hours.ravel()[rows.tick // clock.HOUR % clock.HOURS_PER_WEEK]
    return chosen


def _waits_min(simulated: Simulated, where: Where) -> Floats:
    rows = simulated.rows
    served = _chosen(simulated, where) & (rows.start >= 0)
    return np.asarray((rows.start - rows.tick)[served] / clock.MINUTE)


def _share_that_waits(simulated: Simulated, where: Where) -> Floats:
    return np.atleast_1d((_waits_min(simulated, where) > 0).mean())


def _wait_of_who_waits_min(simulated: Simulated, where: Where) -> Floats:
    waits = _waits_min(simulated, where)
    return np.atleast_1d(waits[waits > 0].mean())


def _longest_wait_min(simulated: Simulated, where: Where) -> Floats:
    return np.atleast_1d(_waits_min(simulated, where).max())


def _line_gone_h(simulated: Simulated, where: Where) -> Floats:
    """Return when the last one who had to wait was served, hours from the start."""
    rows = simulated.rows
    waited = _chosen(simulated, where) & (rows.start > rows.tick)
    return np.atleast_1d(rows.start[waited].max() / clock.HOUR)


def _in_line_at_start(simulated: Simulated, where: Where) -> Floats:
    """Return how many stand in the lines when the run begins."""
    rows, model = simulated.rows, simulated.model
    standing = np.array([segment.initial > 0 for segment in model.segments])[rows.segment]
    asked = (where.port, where.mode, where.lane_type)
    of_line = [
        all(word in {None, part} for word, part in zip(asked, (model.ports[n.port], n.mode, n.lane_type), strict=True))
        for n in model.lines
    ]
    here = standing & rows.joined & np.array([*of_line, False])[rows.line]
    return np.atleast_1d(here.sum().astype(float))


def _later_wait_mean_min(simulated: Simulated, where: Where) -> Floats:
    """Return the mean wait before the first later stage, of those referred to it."""
    rows = simulated.rows
    referred = _chosen(simulated, where) & (rows.stage_start[0] >= 0)
    return np.atleast_1d((rows.stage_start[0] - rows.end)[referred].mean() / clock.MINUTE)


def _wait_by_hour_min(simulated: Simulated, where: Where) -> Floats:
    """Return the mean wait by hour of the day of joining, shape (24,); NaN where nobody joined."""
    rows = simulated.rows
    served = _chosen(simulated, where) & (rows.start >= 0)
    hour = rows.tick[served] // clock.HOUR % clock.HOURS_PER_DAY
    waited = np.bincount(hour, weights=(rows.start - rows.tick)[served] / clock.MINUTE, minlength=clock.HOURS_PER_DAY)
    with np.errstate(invalid="ignore"):
        return np.asarray(waited / np.bincount(hour, minlength=clock.HOURS_PER_DAY))


def _p95_of_each_hour_s(simulated: Simulated, where: Where) -> Floats:
    """Return for each hour of the week the 95th percentile of its travellers' waits at all stations, seconds."""
    rows = simulated.rows
    chosen = _chosen(simulated, where)
    waits = ((rows.start - rows.tick) + (rows.stage_start[0] - rows.end))[chosen] / clock.SECOND
    hour = rows.tick[chosen] // clock.HOUR
    return np.array([np.percentile(waits[hour == one], 95) for one in np.unique(hour)])


def _in_service(simulated: Simulated, where: Where) -> Floats:
    """Return how many are in service at an hour, one number for each day meant."""
    rows = simulated.rows
    here = _chosen(simulated, where)
    start, end = rows.start[here], rows.end[here]
    instants = [day * clock.DAY + (where.at_hour or 0) * clock.HOUR for day in where.day_numbers]
    return np.array([float(((start <= now) & (end > now)).sum()) for now in instants])


def _share_of_choosers(simulated: Simulated, where: Where) -> Floats:
    """Return the share of a segment's travellers who chose the port."""
    anywhere = _chosen(simulated, where.model_copy(update={"port": None}))
    return np.atleast_1d(_chosen(simulated, where).sum() / anywhere.sum())


def _waiting_of_each_half_day(simulated: Simulated, where: Where) -> Floats:
    """Return the vehicle-hours waited by those who joined in each half day, of the first 500."""
    measures = simulated.measures
    joins, wait_min = np.moveaxis(measures.daily[_lines(measures, where)].sum(axis=0), -1, 0)
    waited: Floats = (joins * np.nan_to_num(wait_min)).reshape(-1, clock.HOURS_PER_DAY // 2).sum(axis=1) / 60
    return waited[:500]


def _drift_min(simulated: Simulated, where: Where) -> Floats:
    """Return by how much the mean wait of the later half of the measured weeks is above that of the first half."""
    measures = simulated.measures
    joins, wait_min = np.moveaxis(measures.daily[_lines(measures, where)], -1, 0)
    waited = np.nan_to_num(joins * wait_min).sum(axis=(0, 2))
    days = waited.size // (2 * clock.DAYS_PER_WEEK) * clock.DAYS_PER_WEEK
    joined = joins.sum(axis=(0, 2))
    first, last = slice(0, days), slice(waited.size - days, None)
    return np.atleast_1d(waited[last].sum() / joined[last].sum() - waited[first].sum() / joined[first].sum())


def _posted_wait_min(simulated: Simulated, where: Where) -> Floats:
    """Return the mean of what would have been posted of the packaged lines meant, over those who joined."""
    measures = simulated.measures
    lines = _lines(measures, where)
    posted = simulated.posted_min[lines]
    joins = measures.hourly[lines, :, HOURLY_METRICS.index("arrivals_per_hour")]
    return np.atleast_1d(np.nansum(joins * posted) / joins[~np.isnan(posted)].sum())


ROWS: Mapping[str, Callable[[Simulated, Where], Floats]] = {
    "in_line_at_start": _in_line_at_start,
    "in_service": _in_service,
    "later_wait_mean_min": _later_wait_mean_min,
    "line_gone_h": _line_gone_h,
    "longest_wait_min": _longest_wait_min,
    "p95_of_each_hour_s": _p95_of_each_hour_s,
    "share_of_choosers": _share_of_choosers,
    "share_that_waits": _share_that_waits,
    "wait_by_hour_min": _wait_by_hour_min,
    "wait_of_who_waits_min": _wait_of_who_waits_min,
}
MEASURED: Mapping[str, Callable[[Simulated, Where], Floats]] = {
    "drift_min": _drift_min,
    "posted_mean_min": _posted_wait_min,
    "waiting_of_each_half_day": _waiting_of_each_half_day,
}
METRICS = tuple(dict.fromkeys((*SUMMARY_METRICS, *HOURLY_METRICS, WAITING_PER_DAY)))
NAMES = tuple(sorted({*METRICS, *ROWS, *MEASURED}))


def take(simulated: Simulated, name: str, where: Where, *, by_hour: bool = False) -> Floats:
    """Return a quantity of one replication. Raises KeyError where the model has no such line."""
    found = {**ROWS, **MEASURED}.get(name)
    return metric(simulated, name, where, by_hour=by_hour) if found is None else found(simulated, where)


def _known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"unknown quantity '{name}': {nearest(name, NAMES)}")
    return name


Quantity = Annotated[str, AfterValidator(_known)]
