"""Simulated waits held against observed ones, beside a naive forecast: the mean of the calibration period.

An error is that of the mean wait of a cell, a weekday (or day type) and hour of a line, weighted by the cell's
readings. The naive forecast of a cell is the calibration period's mean of its day type and hour, or the line's mean
where that has no reading. What is simulated is what would have been posted (see `posting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim import clock
from portsim.calibrate.observations import LINE, PACKAGED, POSTING_FILE, Observations
from portsim.calibrate.posting import Posting
from portsim.calibrate.profiles import DAY_TYPE_OF, DAY_TYPES
from portsim.measure.measures import ALL, Measures

Floats = npt.NDArray[np.float64]
Line = tuple[str, str, str]

COLUMNS = (
    *LINE,
    "readings",
    "cells",
    "observed_min",
    "simulated_min",
    "mae_min",
    "bias_min",
    "p90_error_min",
    "naive_mae_min",
    "naive_bias_min",
    "naive_p90_error_min",
    "ratio",
)
_P90 = 0.9
_WAIT = 1
"""Of the two figures of `Measures.daily`."""


def packaged_postings() -> dict[Line, Posting]:
    """Return how the packaged network's waits are posted, by line."""
    table = pd.read_csv(PACKAGED / POSTING_FILE, comment="#")
    lines = zip(*(table[name].astype(str) for name in LINE), strict=True)
    figures = zip(table["least_min"], table["held_share"], strict=True)
    return {line: Posting(float(least), float(held)) for line, (least, held) in zip(lines, figures, strict=True)}


def posted(replications: Sequence[Measures], postings: Mapping[Line, Posting] | None = None) -> pd.DataFrame:
    """Return what would have been posted for a simulated border, by line, weekday and hour (`posted_min`).

    Means over the measured days of all replications; NaN where nobody joined. `postings` are the packaged ones
    unless given; a line without is rounded only.
    """
    postings = packaged_postings() if postings is None else postings
    hour = np.arange(clock.HOURS_PER_WEEK)
    tables = []
    for number, line in enumerate(replications[0].lines):
        daily = np.stack([measures.daily[number, :, :, _WAIT] for measures in replications])
        by_hour = postings.get(line, Posting()).expected(daily.reshape(len(replications), -1))
        weeks = by_hour.reshape(-1, clock.HOURS_PER_WEEK)
        table = pd.DataFrame(dict(zip(LINE, line, strict=True)), index=hour)
        tables.append(table.assign(weekday=hour // 24, hour=hour % 24, posted_min=mean_of_known(weeks)))
    return pd.concat(tables, ignore_index=True)


def spread(replications: Sequence[Measures], line: Line) -> tuple[float, float]:
    """Return the standard deviation, minutes, of a line's weeks and of its single hours, about its mean week."""
    number = replications[0].lines.index(line)
    daily = np.stack([measures.daily[number, :, :, _WAIT].ravel() for measures in replications])
    weeks = daily.reshape(-1, clock.HOURS_PER_WEEK)
    about = weeks - mean_of_known(weeks)
    return float(np.nanstd(np.nanmean(about, axis=1), ddof=1)), float(np.nanstd(about))


def door_to_gate(waits: pd.DataFrame, ratios: pd.DataFrame) -> pd.DataFrame:
    """Return posted waits (port, mode, lane_type, posted_min), of the lines that have a ratio, from door to gate.

    The ratio of the whole wait to the posted one was measured once, in 2017; it is no part of any fit or comparison.
    """
    found = waits[[*LINE, "posted_min"]].merge(ratios, on=LINE)
    return found.assign(door_to_gate_min=found["posted_min"] * found["ratio"])


def mean_of_known(weeks: Floats) -> Floats:
    """Average over the first axis what is not NaN; NaN where all is."""
    known = ~np.isnan(weeks)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, weeks, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def compare(simulated: pd.DataFrame, observed: Observations | pd.DataFrame, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return a row a line, a row a mode and lane type (port `all`), and one for all (COLUMNS).

    `simulated`: port, mode, lane_type, weekday, hour, and `posted_min` (see `posted`) or else `wait_mean_min`;
    totals (`all`) are passed over. `observed`: readings, compared by weekday and hour, or aggregates such as
    `observations.packaged_cells()`, compared by day type and hour. `calibration`: the aggregates of the period the
    baseline was fitted to, of which the naive forecast is made. Observed cells in which nobody was simulated to join
    count at their line's simulated mean.
    """
    cells = _cells_of(observed)
    cells["simulated"] = _at(simulated, cells)
    cells["naive"] = naive_forecast(cells, calibration)
    whole = cells.dropna(subset=["simulated", "naive"])
    rows = [_row(tuple(line), part) for line, part in whole.groupby(LINE, sort=True)]
    rows += [_row((ALL, *tuple(kind)), part) for kind, part in whole.groupby(LINE[1:], sort=True)]
    rows.append(_row((ALL, ALL, ALL), whole))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def last_line(table: pd.DataFrame) -> str:
    """Return `ratio all X.XX`: our mean absolute error over the naive forecast's, over all lines."""
    return f"ratio all {table['ratio'].iloc[-1]:.2f}"


def naive_forecast(cells: pd.DataFrame, calibration: pd.DataFrame) -> Floats:
    """Return the calibration period's mean wait of each cell's line, day type and hour; else that of its line."""
    exact = calibration.set_index([*LINE, "day_type", "hour"])["wait_mean_min"]
    weighted = calibration.assign(total=calibration["n"] * calibration["wait_mean_min"]).groupby(LINE)
    of_line = weighted["total"].sum() / weighted["n"].sum()
    found = exact.reindex(pd.MultiIndex.from_frame(cells[[*LINE, "day_type", "hour"]])).to_numpy()
    return np.where(np.isnan(found), of_line.reindex(pd.MultiIndex.from_frame(cells[LINE])).to_numpy(), found)


def _cells_of(observed: Observations | pd.DataFrame) -> pd.DataFrame:
    """Return observed cells: line, day_type, hour, n, observed; and weekday where readings are given."""
    if not isinstance(observed, Observations):
        return observed.rename(columns={"wait_mean_min": "observed"})[[*LINE, "day_type", "hour", "n", "observed"]]
    grouped = observed.readings.groupby([*LINE, "weekday", "hour"], sort=True)["wait_min"]
    cells = grouped.agg(n="size", observed="mean").reset_index()
    return cells.assign(day_type=np.array(DAY_TYPES)[DAY_TYPE_OF[cells["weekday"]]])


def _at(simulated: pd.DataFrame, cells: pd.DataFrame) -> Floats:
    """Return the simulated wait of each cell, NaN for a line that is not simulated."""
    value = "posted_min" if "posted_min" in simulated else "wait_mean_min"
    lines = simulated[(simulated[LINE] != ALL).all(axis=1)]
    lines = lines.assign(day_type=np.array(DAY_TYPES)[DAY_TYPE_OF[lines["weekday"]]])
    day = "weekday" if "weekday" in cells else "day_type"
    exact = lines.groupby([*LINE, day, "hour"])[value].mean()
    of_line = lines.groupby(LINE)[value].mean()
    found = exact.reindex(pd.MultiIndex.from_frame(cells[[*LINE, day, "hour"]])).to_numpy()
    return np.where(np.isnan(found), of_line.reindex(pd.MultiIndex.from_frame(cells[LINE])).to_numpy(), found)


def _row(line: tuple[object, ...], cells: pd.DataFrame) -> tuple[object, ...]:
    n = cells["n"].to_numpy(float)
    observed, simulated, naive = (cells[name].to_numpy(float) for name in ("observed", "simulated", "naive"))
    ours, theirs = _errors(simulated - observed, n), _errors(naive - observed, n)
    ratio = ours[0] / theirs[0] if theirs[0] > 0 else np.nan
    return (*line, int(n.sum()), len(n), _mean(observed, n), _mean(simulated, n), *ours, *theirs, ratio)


def _mean(value: Floats, weight: Floats) -> float:
    return float(np.average(value, weights=weight)) if weight.sum() > 0 else np.nan


def _errors(error: Floats, weight: Floats) -> tuple[float, float, float]:
    """Return the mean absolute error, the mean error, and the absolute error that nine in ten readings are within."""
    size = np.abs(error)
    if not size.size:
        return np.nan, np.nan, np.nan
    order = np.argsort(size)
    reached = np.searchsorted(np.cumsum(weight[order]), _P90 * weight.sum())
    return _mean(size, weight), _mean(error, weight), float(size[order][min(reached, len(size) - 1)])
