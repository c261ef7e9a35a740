"""The whole pipeline, from scenario file to estimate, against exact answers of queueing theory.

Replications are the sample: each simulated mean must lie within 3.3 standard errors of the exact value, and the
standard error must be small against that value, so that a wrong engine cannot hide behind noise. Nobody chooses
and nobody gives up in these networks, so each line is a textbook's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from portsim import clock, experiment, scenario, theory
from portsim.engines import reference
from portsim.inference import CONFIDENCE, estimate
from portsim.measures import HOURLY_METRICS, SUMMARY_METRICS, Measures, measure
from portsim.model import PortModel
from portsim.workload import draw

Floats = npt.NDArray[np.float64]

THEORY = Path(__file__).parent / "theory"
ERRORS_APART = 3.3  # 0.1% of estimates that are right lie farther from the truth
RELATIVE_ERROR = 0.02


class Row(NamedTuple):
    """One line of a scenario's network: its port, and what theory needs of it."""

    port: str
    arrival_per_hour: float
    service_per_hour: float
    booths: int


def replications(*files: str, folder: Path) -> list[list[Measures]]:
    """Run scenarios as the command line does, and return their measures by replication."""
    return experiment.run([scenario.load(THEORY / f"{file}.yaml") for file in files], folder, jobs=2)


def hourly(measures: Measures, metric: str) -> Floats:
    """Return a metric by line and hour of the week."""
    return measures.hourly[:, :, HOURLY_METRICS.index(metric)]


def wait_means(measures: Measures, *, from_hour: int) -> dict[str, float]:
    """Return each port's mean wait of those who join from an hour of the week on."""
    joined, wait = (hourly(measures, metric)[:, from_hour:] for metric in ("arrivals_per_hour", "wait_mean_min"))
    means = np.nansum(joined * wait, axis=1) / joined.sum(axis=1)
    return {port: float(mean) for (port, _, _), mean in zip(measures.lines, means, strict=True)}


def misses(what: str, samples: Sequence[float], exact: float, *, within: float = RELATIVE_ERROR) -> list[str]:
    """Say how an estimate misses the exact value, or is too rough to tell; nothing if it does neither."""
    mean, half_width = (float(number) for number in estimate(np.array(samples), CONFIDENCE))
    error = half_width / stats.t.ppf((1 + CONFIDENCE) / 2, len(samples) - 1)
    apart, rough = abs(mean - exact) / error, error / exact
    found = []
    if apart > ERRORS_APART:
        found.append(f"{what}: {mean:.6g} is {apart:.1f} standard errors from {exact:.6g}")
    if rough > within:
        found.append(f"{what}: the standard error is {rough:.1%} of {exact:.6g}, above {within:.0%}")
    return found


# --- lines in the long run ---------------------------------------------------------------------

LONG_RUN: list[tuple[str, Callable[[float, float, int], theory.SteadyQueue], list[Row]]] = [
    ("mmc-barber", theory.mmc, [Row("barber", 5, 6, 1)]),
    ("mmc-clinic", theory.mmc, [Row("clinic", 6, 3, 3), Row("ciw", 10, 12, 3)]),
    ("mmc-vignette", theory.mmc, [Row("one", 60, 75, 1), Row("three", 60, 75, 3)]),
    ("mmc-vignette-busy", theory.mmc, [Row("three", 60, 24, 3)]),
    ("mmc-optimizer", theory.mmc, [Row("optimizer", 120, 40, 4)]),
    ("mmc-sentri", theory.mmc, [Row("sentri", 960, 120, 9)]),
    ("mmc-trucks", theory.mmc, [Row("trucks", 216, 23, 10)]),
    ("mmc-border-90", theory.mmc, [Row("border", 540, 60, 10)]),
    ("mmc-border-95", theory.mmc, [Row("border", 570, 60, 10)]),
    ("mmc-border-98", theory.mmc, [Row("border", 590, 60, 10)]),
    ("mdc", theory.mdc_wait, [Row("one", 48, 60, 1), Row("two", 96, 60, 2), Row("four", 192, 60, 4)]),
    ("mdc-border", theory.mdc_wait, [Row("ten", 540, 60, 10)]),
    ("mekc", lambda *row: theory.mekc_wait(*row, phases=2), [Row("five", 270, 60, 5)]),
]
ROUGHER = {"mmc-border-98": 0.05}  # 2% would take 50 million travellers


@pytest.mark.slow
@pytest.mark.parametrize(("file", "exact", "rows"), LONG_RUN, ids=[file for file, _, _ in LONG_RUN])
def test_long_run_waits_are_exact(
    file: str, exact: Callable[[float, float, int], theory.SteadyQueue], rows: list[Row], tmp_path: Path
) -> None:
    """Mean waits are those of M/M/c, M/D/c and M/E2/c, to 2%; to 5% at utilisation 0.983, slow to settle."""
    [measured] = replications(file, folder=tmp_path)
    settled = 0 if scenario.load(THEORY / f"{file}.yaml").run.warm_up_weeks else 24  # Monday begins empty
    waits = [wait_means(measures, from_hour=settled) for measures in measured]
    found = [
        miss
        for port, *line in rows
        for miss in misses(
            f"{file} {port}",
            [wait[port] for wait in waits],
            exact(*line).wait_mean_min,
            within=ROUGHER.get(file, RELATIVE_ERROR),
        )
    ]
    assert found == []


# --- a day of hours that differ ----------------------------------------------------------------

ARRIVAL_PER_HOUR = (
    *(95, 53, 78, 225, 550, 959, 1007, 1051, 1035, 889, 881, 854),
    *(857, 848, 792, 694, 673, 700, 720, 695, 584, 461, 352, 247),
)
BOOTHS = (2, 2, 2, 2, 4, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7, 7, 6, 7, 7, 6, 5, 4, 3)
SERVICE_PER_HOUR = (
    *(80, 80, 30, 100, 100, 125, 125, 120, 120, 120, 110, 110),
    *(100, 100, 100, 115, 115, 115, 112, 112, 112, 112, 112, 112),
)
SHORTEST_LINE = 20
LINE_ERROR = 0.15  # of the line at an hour's end: a glance, not a mean over hours
DAYS = (0, 2, 4)  # nobody joins on the days between, so each begins empty


def by_day(measures: Measures, metric: str) -> Floats:
    """Return a metric of the one line by day and hour, for the days on which travellers come."""
    return hourly(measures, metric)[0].reshape(7, 24)[list(DAYS)]


@pytest.mark.slow
def test_a_day_of_hours_that_differ_is_exact_with_and_without_a_booth_more(tmp_path: Path) -> None:
    """San Ysidro SENTRI, 2017: waiting vehicle-hours a day, what a booth more saves, and the line at each hour's end.

    The saving is by pairs of replications. Lines below 20 vehicles are left out: they are what a rare day's earlier
    line left behind, and a sample's standard error says little of a mean that one day in 200 carries.
    """
    runs = replications("sentri-day", "sentri-day-one-more", folder=tmp_path)
    one_more = tuple(booths + (5 <= hour < 15) for hour, booths in enumerate(BOOTHS))
    base, option = (
        theory.time_varying_queue(ARRIVAL_PER_HOUR, booths, SERVICE_PER_HOUR) for booths in (BOOTHS, one_more)
    )
    totals = [[float(by_day(measures, "queue_mean").sum(axis=1).mean()) for measures in measured] for measured in runs]
    saved = [before - after for before, after in zip(*totals, strict=True)]
    exact = [queue.waiting_vehicle_hours_total for queue in (base, option)]
    found = misses("waiting, base", totals[0], exact[0])
    found += misses("waiting, one booth more", totals[1], exact[1])
    found += misses("waiting saved", saved, exact[0] - exact[1])
    for name, measured, queue in zip(("base", "one more"), runs, (base, option), strict=True):
        ends = np.array([by_day(measures, "queue_end").mean(axis=0) for measures in measured])
        for hour in np.flatnonzero(queue.queue_end >= SHORTEST_LINE):
            found += misses(
                f"line at the end of hour {hour}, {name}",
                ends[:, hour].tolist(),
                float(queue.queue_end[hour]),
                within=LINE_ERROR,
            )
    assert found == []


# --- two stations in a row ---------------------------------------------------------------------


def tandem_sample(model: PortModel, seed: int, replication: int) -> tuple[float, float, float]:
    """Return one replication's mean waits at primary and at secondary, and its mean crossing time, minutes."""
    crossings = reference.simulate(model, draw(model, seed, replication))
    measures = measure(crossings, model)
    wait, crossing_time = (
        measures.summary[0, SUMMARY_METRICS.index(metric)] for metric in ("wait_mean_min", "crossing_time_mean_min")
    )
    start = crossings.stage_start[0]
    referred = (start >= 0) & (crossings.tick >= model.warm_up_weeks * clock.WEEK)
    at_secondary = (start - crossings.end)[referred].mean() / clock.MINUTE
    return float(wait), float(at_secondary), float(crossing_time)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "arrival_per_hour", "booths", "service_per_hour", "share", "secondary_within"),
    [
        pytest.param("tandem", 540, 10, 60, 0.06, 0.08, id="border"),
        pytest.param("tandem-referred", 36, 5, 9, 0.9, RELATIVE_ERROR, id="most-referred"),
    ],
)
def test_primary_and_secondary_are_exact(
    file: str,
    arrival_per_hour: float,
    booths: int,
    service_per_hour: float,
    share: float,
    *,
    secondary_within: float,
) -> None:
    """Both waits and the whole crossing time of Jackson's network.

    Few of the border's vehicles are referred, so 2% of their wait would take 20 million of them, and 8% must do;
    where most are referred to the same secondary, by as many an hour, 2% is within reach.
    """
    case = scenario.load(THEORY / f"{file}.yaml")
    model = experiment.build_model(case)
    samples = joblib.Parallel(n_jobs=2)(
        joblib.delayed(tandem_sample)(model, case.run.seed, replication) for replication in range(case.run.replications)
    )
    primary, secondary, crossing_time = zip(*samples, strict=True)
    exact = theory.jackson_tandem(
        arrival_per_hour,
        primary_per_hour=service_per_hour,
        primary_booths=booths,
        referral_share=share,
        secondary_per_hour=4,
        secondary_booths=10,
    )
    found = misses("wait at primary", primary, exact.primary.wait_mean_min)
    found += misses("wait at secondary", secondary, exact.secondary.wait_mean_min, within=secondary_within)
    found += misses("crossing time", crossing_time, exact.crossing_time_mean_min)
    assert found == []
