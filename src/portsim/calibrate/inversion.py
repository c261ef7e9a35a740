"""Who joined a line, from what it served and how long they waited: cumulative curves (Newell 1982).

Who joins at t is served at t + W(t), so the number joined by t is the number served by t + W(t): A(t) = D(t + W(t)).
No profile of arrivals is assumed. A line that never closes is inverted round the week; one that closes, each day by
itself, empty when it opens and served at the last hour's rate after its gate shuts until nobody is left.
Arrays by hour have shape (168,), from Monday 00:00.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.language.schema import Hours

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STEEPEST_FALL_MIN = 48.0
"""Minutes of wait a line may lose in an hour: at 60 nobody would join, so that rates near it make no sense."""
STANDING_MIN = 20.0
"""At this wait and above, a line never runs dry."""
LEAST_USED = 0.5
"""Share of capacity in use where no wait is read; unknown, and assumed."""
_HOURS_TO_EMPTY = 8
_WEEK = clock.HOURS_PER_WEEK


@dataclass(frozen=True)
class Opening:
    """One stretch of opening: hours of the week from which the line forms, booths work, and the gate is shut."""

    line_opens: float
    opens: int
    closes: int


def openings(hours: Hours) -> tuple[Opening, ...]:
    """Return the stretches of a week; none where the line never closes."""
    if hours == "24h":
        return ()
    found = []
    for window in hours:
        opens, closes = (clock.minutes(time) // 60 for time in (window.opens, window.closes))
        line_opens = clock.minutes(window.line_opens or window.opens) / 60
        found += [
            Opening(24 * day + line_opens, 24 * day + opens, 24 * day + closes) for day in clock.days_of(window.days)
        ]
    return tuple(sorted(found, key=lambda opening: opening.opens))


def open_hours(stretches: tuple[Opening, ...]) -> Bools:
    """Mark the hours in which booths work."""
    mask = np.full(_WEEK, not stretches)
    for stretch in stretches:
        mask[stretch.opens : stretch.closes] = True
    return mask


def limit_falls(wait_min: Floats, stretches: tuple[Opening, ...]) -> Floats:
    """Flatten falls too steep for a queue: half by lowering what precedes, half by raising what follows.

    Where the line is closed the wait is NaN, and stays so.
    """
    raised, lowered = wait_min.copy(), wait_min.copy()
    hours = list(range(_WEEK)) if stretches else list(range(_WEEK)) * 2
    for before, after in itertools.pairwise(hours):
        if not np.isnan(wait_min[before] + wait_min[after]):
            raised[after] = max(raised[after], raised[before] - STEEPEST_FALL_MIN)
    for after, before in itertools.pairwise(hours[::-1]):
        if not np.isnan(wait_min[before] + wait_min[after]):
            lowered[before] = min(lowered[before], lowered[after] + STEEPEST_FALL_MIN)
    return (raised + lowered) / 2


def used_share(wait_min: Floats, booths: Floats, mean_s: float, service_cv: float) -> Floats:
    """Return the share of capacity in use at a wait; 0 where the line is closed (NaN).

    Where a line comes and goes, a wait W says how busy its booths are: busy / (1 - busy) = W / scale, the scale being
    the service time a booth times (1 + cv^2)/2, as in heavy traffic (Kingman 1961). A line of 20 minutes stands, and
    uses all.
    """
    wait = np.nan_to_num(wait_min)
    scale = mean_s / 60 / np.maximum(booths, 0.5) * (1 + service_cv**2) / 2
    idle = scale / (scale + wait) * np.maximum(0.0, 1 - wait / STANDING_MIN)
    return np.where(np.isnan(wait_min), 0.0, np.maximum(LEAST_USED, 1 - idle))


def weekly_served(served_per_hour: Floats, wait_min: Floats, stretches: tuple[Opening, ...]) -> float:
    """Return those served in a week, with those served after the gate is shut until the line is empty."""
    last = [stretch.closes - 1 for stretch in stretches]
    return float(served_per_hour.sum() + (served_per_hour[last] * wait_min[last] / 60).sum())


def joins(served_per_hour: Floats, wait_min: Floats, stretches: tuple[Opening, ...] = ()) -> Floats:
    """Return travellers joining in each hour, at the waits of the hours' middles (NaN where closed)."""
    if not stretches:
        hour = np.arange(_WEEK + 1, dtype=float)
        return np.diff(served_by(served_per_hour, hour + wait_at(wait_min, hour) / 60))
    week = np.zeros(_WEEK)
    for stretch in stretches:
        _join_stretch(week, served_per_hour, wait_min, stretch)
    return week


def wait_at(wait_min: Floats, hour: Floats) -> Floats:
    """Return the wait at moments of a periodic week, hours: hourly means stand at the middle of their hour."""
    return np.interp(hour, np.arange(_WEEK) + 0.5, wait_min, period=_WEEK)


def served_by(served_per_hour: Floats, hour: Floats) -> Floats:
    """Return the number served from Monday 00:00 to moments of a periodic week, which may lie in the next."""
    whole = served_per_hour.sum() * np.floor(hour / _WEEK)
    knots = np.concatenate([[0.0], np.cumsum(served_per_hour)])
    return np.asarray(whole + np.interp(hour % _WEEK, np.arange(_WEEK + 1.0), knots))


def _join_stretch(week: Floats, served_per_hour: Floats, wait_min: Floats, stretch: Opening) -> None:
    """Invert one stretch into `week`: nobody is in line at its beginning, nor when the last has been served."""
    opens, closes = stretch.opens, stretch.closes
    rates = np.append(served_per_hour[opens:closes], [served_per_hour[closes - 1]] * _HOURS_TO_EMPTY)
    served = np.concatenate([[0.0], np.cumsum(rates)])
    hour = np.arange(opens, closes + 1, dtype=float)
    wait_h = np.interp(hour, np.arange(opens, closes) + 0.5, wait_min[opens:closes] / 60)
    if stretch.line_opens == opens:
        wait_h[0] = 0.0
    joined = np.interp(hour + wait_h, opens + np.arange(served.size), served)
    if stretch.line_opens < opens:
        hour, joined = np.append(stretch.line_opens, hour), np.append(0.0, joined)
    first = int(stretch.line_opens)
    by_hour = np.diff(np.interp(np.arange(first, closes + 1.0), hour, joined))
    np.add.at(week, np.arange(first, closes) % _WEEK, by_hour)


def waits_of_joins(wait_min: Floats, stretches: tuple[Opening, ...]) -> Floats:
    """Return the mean wait of who joins in each hour, 0 where nobody can: also of those before the booths open.

    The first in line waits from the moment it forms until the booths open, the last of them as long as the first hour
    says; those between, in between.
    """
    week = np.nan_to_num(wait_min)
    for stretch in stretches:
        early_h = stretch.opens - stretch.line_opens
        for hour in range(int(stretch.line_opens), stretch.opens):
            middle = (max(stretch.line_opens, float(hour)) + hour + 1) / 2
            way = (middle - stretch.line_opens) / early_h
            week[hour % _WEEK] = 60 * early_h * (1 - way) + week[stretch.opens] * way
    return week
