"""What base and option say of each line, replication by replication: who crossed, how long they waited, what they paid.

Read from replications.csv, so that a finished run can be valued again without simulating. A year is 365 days like
those simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
LineName = tuple[str, str, str]

DAYS_A_YEAR = 365
COLUMNS = (
    "scenario",
    "replication",
    "port",
    "mode",
    "lane_type",
    "crossings_per_day",
    "people_per_day",
    "wait_mean_min",
    "joins_per_day",
    "lost_trips_per_day",
    "toll_revenue_usd_per_day",
    "booth_hours_per_day",
)
_LINE = ["port", "mode", "lane_type"]


@dataclass(frozen=True)
class Side:
    """One scenario of a pair; arrays of shape (replications, lines), a year's sums, zero where a line is not there."""

    crossings: Floats
    people: Floats
    wait_min: Floats
    """NaN where nobody crossed."""
    joins: Floats
    toll_usd: Floats
    booth_hours: Floats


@dataclass(frozen=True)
class Flows:
    """A base and an option, line by line: (port, mode, lane type)."""

    lines: tuple[LineName, ...]
    base: Side
    option: Side

    @cached_property
    def differing(self) -> tuple[LineName, ...]:
        """Return the lines that are not the same in base and option: other crossings, or another wait."""
        sides = ((side.crossings, side.wait_min) for side in (self.base, self.option))
        alike = [(held == other) | (np.isnan(held) & np.isnan(other)) for held, other in zip(*sides, strict=True)]
        same = np.logical_and(*alike).all(axis=0)
        return tuple(line for line, unmoved in zip(self.lines, same, strict=True) if not unmoved)

    @property
    def replications(self) -> int:
        """Return how many replications there are."""
        return len(self.base.crossings)


@dataclass(frozen=True)
class Markets:
    """Which lines compete for the same travellers: those of one mode and lane type at the ports of one region.

    `taste_scale_min`: the scale of the Gumbel tastes for ports, minutes of wait.
    """

    region: Mapping[str, str] = field(default_factory=dict)
    taste_scale_min: float = 16.0

    def of(self, line: LineName) -> tuple[str, str, str]:
        """Return the market a line belongs to."""
        port, mode, lane_type = line
        return self.region.get(port, port), mode, lane_type


def pair(table: pd.DataFrame, base: str, option: str) -> Flows:
    """Return two scenarios of replications.csv as a pair. Raises KeyError for a scenario that is not there."""
    parts = {name: table[table["scenario"] == name] for name in (base, option)}
    for name, part in parts.items():
        if part.empty:
            raise KeyError(name)
    both = pd.concat(parts.values())
    lines = tuple(dict.fromkeys(both[_LINE].itertuples(index=False, name=None)))
    count = min(part["replication"].nunique() for part in parts.values())
    return Flows(lines, _side(parts[base], lines, count), _side(parts[option], lines, count))


def _side(rows: pd.DataFrame, lines: tuple[LineName, ...], replications: int) -> Side:
    index = pd.MultiIndex.from_tuples([(r, *line) for r in range(replications) for line in lines])
    table = rows.set_index(["replication", *_LINE]).reindex(index)

    def column(name: str, times: float = 1.0) -> Floats:
        return table[name].to_numpy(dtype=np.float64).reshape(replications, len(lines)) * times

    yearly = {name: np.nan_to_num(column(name, DAYS_A_YEAR)) for name in COLUMNS[5:] if name.endswith("_per_day")}
    return Side(
        crossings=yearly["crossings_per_day"],
        people=yearly["people_per_day"],
        wait_min=column("wait_mean_min"),
        joins=yearly["joins_per_day"],
        toll_usd=yearly["toll_revenue_usd_per_day"],
        booth_hours=yearly["booth_hours_per_day"],
    )
