"""How such a fit fares on days it has not seen: fitted to some weeks of readings, held against the others.

The weeks are split forward, the first half against the rest, which is what a planner does who uses a fit later; and
into blocks of weeks on end, each left out once (cross-validation: Stone 1974). What each fit would have posted is
compared as `field` compares any period; beside it stand the naive forecast, and the smoothed profile that was fitted
to, which is about as well as anything can do that is the same every week and knows those weeks only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from portsim import clock
from portsim.calibrate import calibration, field, observations
from portsim.calibrate.calibration import Calibrated
from portsim.calibrate.fit_report import measured_apart, posted_weeks
from portsim.calibrate.observations import LINE, Feed, Observations, Volumes
from portsim.errors import PortsimError
from portsim.language.scenario import Scenario

FORWARD = "forward"
BLOCK_REPLICATIONS = 6
"""Of each simulation of a block: there are many, and what is looked for is their spread."""
COLUMNS = ("split", "fitted_days", "held_days", "replications", *field.COLUMNS, "profile_ratio")


@dataclass(frozen=True)
class Split:
    """The readings that a fit is made of, and those it is held against, with their days in words."""

    name: str
    fitted: Observations
    held: Observations


def held_out(
    frame: Scenario,
    observed: Observations,
    volumes: Volumes,
    feed: Feed,
    *,
    blocks: int,
    replications: int,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return for each split a row a line, a mode and lane type, and all (COLUMNS). Takes minutes a split.

    `replications` of the forward split; blocks are fitted with BLOCK_REPLICATIONS. Raises PortsimError where
    there are too few weeks.
    """
    parts = []
    for split in splits(observed, blocks):
        if progress is not None:
            progress(f"{split.name}: fitted to {days_of(split.fitted)}, held against {days_of(split.held)}")
        count = replications if split.name == FORWARD else BLOCK_REPLICATIONS
        found = calibration.calibrate(frame, split.fitted, volumes, feed, replications=count, jobs=jobs)
        about = {"split": split.name, "fitted_days": days_of(split.fitted), "held_days": days_of(split.held)}
        parts.append(_compared(found, split, jobs).assign(**about, replications=count))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def splits(observed: Observations, blocks: int) -> Iterator[Split]:
    """Yield the forward split, then each block of weeks against the others.

    Raises PortsimError where a block would have less than one week, or there would be no more than one block.
    """
    monday = np.array([day - timedelta(days=day.weekday()) for day in observed.readings["date"]])
    weeks = sorted(set(monday))
    if not 1 < blocks <= len(weeks):
        raise PortsimError(f"{len(weeks)} weeks of readings cannot be held out in {blocks} blocks: give 2 to them")
    first_half = set(weeks[: len(weeks) // 2])
    held = {FORWARD: set(weeks) - first_half}
    held |= {f"block {n} of {blocks}": set(some) for n, some in enumerate(np.array_split(weeks, blocks), start=1)}
    for name, some in held.items():
        out = np.isin(monday, sorted(some))
        yield Split(name, Observations(observed.readings[~out]), Observations(observed.readings[out]))


def days_of(observed: Observations) -> str:
    """Return the days of readings in words, gaps of more than a week told apart: `2026-04-14 to 2026-05-24`."""
    days: list[date] = sorted(set(observed.readings["date"]))
    starts = [0, *(n for n in range(1, len(days)) if days[n] - days[n - 1] > timedelta(days=7))]
    ends = [*(n - 1 for n in starts[1:]), len(days) - 1]
    return ", ".join(f"{days[a]} to {days[b]}" for a, b in zip(starts, ends, strict=True))


def _compared(found: Calibrated, split: Split, jobs: int | None) -> pd.DataFrame:
    """Hold a fit against the readings left out, with the ratio that its profile alone would have."""
    posted = posted_weeks(found, measured_apart(found, jobs))
    cells = observations.cells(split.fitted)
    table = field.compare(posted, split.held, cells)
    alone = field.compare(_profiles(found), split.held, cells).set_index(LINE)["ratio"]
    return table.assign(profile_ratio=alone.reindex(pd.MultiIndex.from_frame(table[LINE])).to_numpy())


def _profiles(found: Calibrated) -> pd.DataFrame:
    """Return the posted waits that lines were fitted to, as if they had been simulated."""
    hour = np.arange(clock.HOURS_PER_WEEK)
    tables = [
        pd.DataFrame(dict(zip(LINE, line.key, strict=True)), index=hour).assign(
            weekday=hour // 24, hour=hour % 24, posted_min=line.target
        )
        for line in found.lines
    ]
    return pd.concat(tables, ignore_index=True)
