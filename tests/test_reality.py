"""The baseline against what was counted and read at the ports: volumes, waits, and four weeks without drift."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from portsim import clock, experiment, scenario
from portsim.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, Measures, measure
from portsim.model import PortModel
from portsim.workload import draw

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
OBSERVED = Path(experiment.__file__).parent / "data" / "calibaja" / "observed.csv"
REPLICATIONS, WEEKS, SEED = 3, 4, 2026
SIGMAS = 3.3
PEOPLE_PER_DAY = 192_661  # vehicle occupants, pedestrians and bus passengers of the documents' seven ports
Floats = npt.NDArray[np.float64]


def one_replication(model: PortModel, replication: int) -> tuple[Measures, Floats]:
    """Return what was measured, and the mean wait of each week and line, minutes, shape (weeks, lines)."""
    crossings = experiment.simulate(model, draw(model, SEED, replication), "compiled")
    served = (crossings.start >= 0) & (crossings.tick >= clock.WEEK)
    week = crossings.tick[served] // clock.WEEK - 1
    cell = week * len(model.lines) + crossings.line[served]
    wait = (crossings.start - crossings.tick)[served] / clock.MINUTE
    cells = WEEKS * len(model.lines)
    count = np.bincount(cell, minlength=cells)
    weekly = np.bincount(cell, weights=wait, minlength=cells) / np.where(count > 0, count, np.nan)
    return measure(crossings, model), weekly.reshape(WEEKS, len(model.lines))


class Baseline:
    """The baseline, simulated: `summary` (replications, groups, metrics), `weekly` (replications, weeks, lines)."""

    def __init__(self) -> None:
        loaded = scenario.load(ROOT / "scenarios" / "baseline.yaml", {"weeks": WEEKS})
        model = experiment.build_model(loaded)
        runs = [one_replication(model, number) for number in range(REPLICATIONS)]
        self.groups = runs[0][0].groups
        self.lines = runs[0][0].lines
        self.summary = np.stack([measures.summary for measures, _ in runs])
        self.weekly = np.stack([weekly for _, weekly in runs])
        self.hourly = np.stack([measures.hourly for measures, _ in runs])

    def of(self, metric: str, *group: str) -> Floats:
        """Return a metric of a group by replication."""
        return self.summary[:, self.groups.index((group[0], group[1], group[2])), SUMMARY_METRICS.index(metric)]


def test_the_baseline_is_the_border_that_was_observed() -> None:
    """Volumes, people and waits are those counted and read, and four measured weeks show no drift."""
    observed = pd.read_csv(OBSERVED, comment="#")
    baseline = Baseline()
    found = {
        "volumes": volumes_missed(baseline, observed),
        "people": people_missed(baseline),
        "waits": waits_missed(baseline, observed),
        "drift": lines_that_drift(baseline),
    }
    assert found == {"volumes": [], "people": [], "waits": [], "drift": []}


def volumes_missed(baseline: Baseline, observed: pd.DataFrame) -> list[str]:
    """Crossings a day of every port and mode are within 2% or 3.3 standard errors of the BTS mean."""
    counted = observed[observed["lane_type"] == ALL]
    assert len(counted) == 18
    misses = []
    for row in counted.itertuples():
        found = baseline.of("crossings_per_day", row.port, row.mode, ALL)
        error = found.std(ddof=1) / np.sqrt(REPLICATIONS)
        off = abs(found.mean() - row.crossings_per_day)
        if off > max(0.02 * row.crossings_per_day, SIGMAS * error):
            misses.append(f"{row.port}/{row.mode}: {found.mean():.0f}, counted {row.crossings_per_day:.0f}")
    return misses


def people_missed(baseline: Baseline) -> list[str]:
    """People a day at the seven ports, truck drivers apart, are the documents' "over 190,000" within 1%."""
    people = baseline.of("people_per_day", ALL, ALL, ALL) - baseline.of("people_per_day", ALL, "truck", ALL)
    return [] if abs(people.mean() / PEOPLE_PER_DAY - 1) < 0.01 else [f"{people.mean():.0f}"]


def waits_missed(baseline: Baseline, observed: pd.DataFrame) -> list[str]:
    """All-hours mean waits are within 25% or 15 minutes of the readings for 80% of the lane types read 200 times."""
    read = observed[observed["readings"] >= 200]
    assert len(read) == 24
    far = []
    for row in read.itertuples():
        line = baseline.lines.index((row.port, row.mode, row.lane_type))
        by_hour = baseline.hourly[:, line, :, HOURLY_METRICS.index("wait_mean_min")]
        wait = by_hour[~np.isnan(by_hour)].mean()
        if abs(wait - row.wait_mean_min) > max(0.25 * row.wait_mean_min, 15):
            far.append(f"{row.port}/{row.mode}/{row.lane_type}: {wait:.0f} min, read {row.wait_mean_min:.0f}")
    return far if len(far) > 0.2 * len(read) else []


def lines_that_drift(baseline: Baseline) -> list[str]:
    """No line's weekly mean wait has a trend that a t test at one in a thousand would call one."""
    week = np.tile(np.arange(WEEKS), REPLICATIONS)
    drifting = []
    for number, line in enumerate(baseline.lines):
        if line[1] == "bus":
            continue  # twenty buses a week at Calexico East: often none waits
        trend = stats.linregress(week, baseline.weekly[:, :, number].ravel())
        if trend.pvalue < 0.001:
            drifting.append(f"{'/'.join(line)}: {trend.slope:+.1f} min a week, p {trend.pvalue:.4f}")
    return drifting
