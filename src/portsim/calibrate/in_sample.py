"""The packaged baseline beside the weeks it was fitted to: errors of single weeks, and how restless they are.

The readings of single weeks are not packaged, so `portsim calibrate` measures the error of the fit by week, day type
and hour, and that of a profile of the other weeks; both are packaged with what would have been posted then. What the
present program posts may have moved since: an absolute error grows by no more than that, so the sum is its bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim import clock
from portsim.calibrate import field
from portsim.calibrate.observations import LINE
from portsim.calibrate.profiles import DAY_TYPE_OF, DAY_TYPES
from portsim.measure.measures import ALL, Measures

Floats = npt.NDArray[np.float64]

MOST_OF_A_PROFILE = 1.1
"""Error of single weeks, over that of a profile of the other weeks."""


def single_weeks(posted: pd.DataFrame, fit: pd.DataFrame, then: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return a row a mode and lane type, and one for all, weighted by who joins; errors in minutes.

    `posted` is what is posted now (`field.posted`), `fit` and `then` the packaged fit and what was posted when it was
    measured, `cells` the readings by day type and hour. `ratio` is (error + moved) / the profile's error.
    """
    read = fit[fit["readings"] > 0]
    moved = [_moved(line, posted, then, cells) for line in read[LINE].itertuples(index=False, name=None)]
    lines = read.assign(moved_min=moved)
    rows = [_row(tuple(map(str, kind)), part) for kind, part in lines.groupby(LINE[1:])]
    return pd.DataFrame([*rows, _row((ALL, ALL), lines)])


def spread(replications: Sequence[Measures], fit: pd.DataFrame) -> pd.DataFrame:
    """Return a row a line that is read: standard deviation of weeks and of hours, minutes, simulated and observed.

    Observed weeks are less the noise of their readings; all are about the line's mean week.
    """
    rows = []
    for row in fit[fit["readings"] > 0].to_dict("records"):
        port, mode, lane_type = (str(row[name]) for name in LINE)
        weekly, hourly = field.spread(replications, (port, mode, lane_type))
        rows.append(
            {
                **dict(zip(LINE, (port, mode, lane_type), strict=True)),
                "weeks_simulated_min": weekly,
                "weeks_observed_min": float(row["observed_weekly_sd_min"]),
                "hours_simulated_min": hourly,
                "hours_observed_min": float(row["observed_hourly_sd_min"]),
            }
        )
    return pd.DataFrame(rows)


def _moved(line: tuple[str, str, str], posted: pd.DataFrame, then: pd.DataFrame, cells: pd.DataFrame) -> float:
    """Return by how much a line posts otherwise now, minutes, over the hours of its readings."""
    mine = _of(posted, line)
    now = np.full(clock.HOURS_PER_WEEK, np.nan)
    now[24 * mine["weekday"] + mine["hour"]] = mine["posted_min"]
    apart = np.abs(now - then["/".join(line)].to_numpy()).reshape(clock.DAYS_PER_WEEK, clock.HOURS_PER_DAY)
    readings = np.zeros((len(DAY_TYPES), clock.HOURS_PER_DAY))
    seen = _of(cells, line)
    readings[seen["day_type"].map(DAY_TYPES.index), seen["hour"]] = seen["n"]
    weight = readings[DAY_TYPE_OF] * ~np.isnan(apart)
    return float((np.nan_to_num(apart) * weight).sum() / weight.sum())


def _of(table: pd.DataFrame, line: tuple[str, str, str]) -> pd.DataFrame:
    return table[(table[LINE] == list(line)).all(axis=1)]


def _row(kind: tuple[str, ...], lines: pd.DataFrame) -> dict[str, object]:
    error, moved, profile = (
        float(np.average(lines[name], weights=lines["per_day"]))
        for name in ("mae_leave_week_out", "moved_min", "mae_profile_leave_week_out")
    )
    return {
        "mode": kind[0],
        "lane_type": kind[1],
        "readings": int(lines["readings"].sum()),
        "error_min": error,
        "moved_min": moved,
        "profile_error_min": profile,
        "ratio": (error + moved) / profile,
    }
