"""Published observations: hourly waits and open lanes, and monthly crossings; read, checked, and aggregated.

A feed says which names of the published files are which line of a network (`data/<network>/calibration.yaml`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

CELL_COLUMNS = ("port", "mode", "lane_type", "day_type", "hour", "n", "wait_mean_min", "wait_sd_min", "lanes_mean")


@dataclass(frozen=True)
class Observations:
    """Checked readings, a row each: port, mode, lane_type (the network's ids), date, weekday, hour, wait_min, lanes_open.

    `notes` says, for people, what was mended or left out, with file and line.
    """

    readings: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_waits(path: Path, first: date | None = None, last: date | None = None) -> Observations:
    """Read hourly waits in the columns of the CBP feed. Raises PortsimError, with file and line, for a bad file."""
    raise NotImplementedError


def packaged_cells() -> pd.DataFrame:
    """Return the calibration period's aggregates (CELL_COLUMNS), day types mon-thu, fri, sat, sun, as packaged."""
    raise NotImplementedError
