"""Simulated waits held against observed ones, beside a naive forecast: the mean of the calibration period."""

from __future__ import annotations

import pandas as pd

from portsim.observations import Observations

COLUMNS = (
    "port", "mode", "lane_type", "readings", "cells", "observed_min", "simulated_min", "mae_min", "bias_min",
    "p90_error_min", "naive_mae_min", "naive_bias_min", "naive_p90_error_min", "ratio",
)  # fmt: skip


def compare(simulated: pd.DataFrame, observed: Observations | pd.DataFrame, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return a row a line (port, mode, lane type), by mode x lane type with port `all`, and one for all (COLUMNS).

    `simulated` has the columns of hourly.csv: port, mode, lane_type, weekday, hour, wait_mean_min. `observed` are
    readings (compared by weekday x hour), or aggregates such as `observations.packaged_cells()` (compared by day type
    x hour). `calibration` are the aggregates of the calibration period, from which the naive forecast comes.
    Errors are of a cell's mean wait, weighted by its readings.
    """
    raise NotImplementedError


def last_line(table: pd.DataFrame) -> str:
    """Return `ratio all X.XX`: our mean absolute error over the naive forecast's, over all lines."""
    raise NotImplementedError
