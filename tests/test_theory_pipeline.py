"""The whole pipeline, from scenario file to estimate, against exact answers of queueing theory.

Replications are the sample: each simulated mean must lie within 3.3 standard errors of the exact value, and the
standard error must be small against that value, so that a wrong engine cannot hide behind noise. Nobody chooses
and nobody gives up in these networks, so each line is a textbook's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from portsim import clock, experiment, scenario, theory
from portsim.inference import CONFIDENCE, estimate, paired_difference
from portsim.measures import HOURLY_METRICS, SUMMARY_METRICS, Measures, measure
from portsim.model import PortModel
from portsim.records import Crossings
from portsim.workload import draw

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Sample = Mapping[str, float]

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
    return experiment.run([scenario.load(THEORY / f"{file}.yaml") for file in files], folder, engine="compiled", jobs=2)


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


def samples_of(file: str, sample: Callable[[PortModel, Crossings], Sample]) -> dict[str, list[float]]:
    """Simulate a scenario's replications, and return by name what a function takes from each one's crossings."""
    case = scenario.load(THEORY / f"{file}.yaml")
    model = experiment.build_model(case)
    taken = joblib.Parallel(n_jobs=2)(
        joblib.delayed(take)(sample, model, case.run.seed, replication) for replication in range(case.run.replications)
    )
    return {name: [one[name] for one in taken] for name in taken[0]}


def take(sample: Callable[[PortModel, Crossings], Sample], model: PortModel, seed: int, replication: int) -> Sample:
    """Return what a function takes from one replication."""
    return sample(model, experiment.simulate(model, draw(model, seed, replication), "compiled"))


def at_port(model: PortModel, crossings: Crossings, port: str) -> npt.NDArray[np.bool_]:
    """Return who joined a line of a port."""
    of_port = [model.ports[line.port] == port for line in model.lines]
    joined: npt.NDArray[np.bool_] = crossings.joined & np.array([*of_port, False])[crossings.line]
    return joined


def in_summary(measures: Measures, metric: str, *group: str) -> float:
    """Return a metric of a group of lines."""
    return float(measures.summary[measures.groups.index(group), SUMMARY_METRICS.index(metric)])  # type: ignore[arg-type]


# --- lines in the long run ---------------------------------------------------------------------

FORMS = ("gamma", "lognormal")
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
    ("mg1", lambda *row: theory.mg1_wait(*row[:2], service_cv=0.7), [Row(form, 42, 60, 1) for form in FORMS]),
    ("mekc", lambda *row: theory.mekc_wait(*row, phases=2), [Row("five", 270, 60, 5)]),
]
ROUGHER = {"mmc-border-98": 0.05}  # 2% would take 50 million travellers


@pytest.mark.slow
@pytest.mark.parametrize(("file", "exact", "rows"), LONG_RUN, ids=[file for file, _, _ in LONG_RUN])
def test_long_run_waits_are_exact(
    file: str, exact: Callable[[float, float, int], theory.SteadyQueue], rows: list[Row], tmp_path: Path
) -> None:
    """Mean waits are those of M/M/c, M/D/c, M/G/1 and M/E2/c, to 2%; to 5% at utilisation 0.983, slow to settle."""
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
    crossings = experiment.simulate(model, draw(model, seed, replication), "compiled")
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


# --- how many wait, and how long -----------------------------------------------------------------


def waits_and_shares_that_wait(model: PortModel, crossings: Crossings) -> Sample:
    """Return each port's mean wait and its share of travellers who wait at all, after Monday, which begins empty."""
    taken = {}
    for port in model.ports:
        settled = at_port(model, crossings, port) & (crossings.tick >= clock.DAY)
        wait_min = (crossings.start - crossings.tick)[settled] / clock.MINUTE
        taken |= {f"{port} wait": float(wait_min.mean()), f"{port} share": float((wait_min > 0).mean())}
    return taken


@pytest.mark.slow
def test_as_many_wait_as_the_spread_of_service_makes_wait() -> None:
    """M/D/4, M/M/4 and M/H2/4 at 90%: the chance of waiting is exact, and within 0.02 of what Whitt (1993) prints.

    The line of two kinds of vehicle is M/H2/4: each kind's service is exponential, and nobody knows which comes next.
    It is told from M/M/4 by its mean wait, 6.3 minutes instead of 3.9; about as many wait.
    """
    measured = samples_of("wait-chance", waits_and_shares_that_wait)
    slow, quick_per_hour, slow_per_hour = 20.5106 / 108, 3600 / 74.0661, 3600 / 315.9339
    lines = {
        "fixed": (theory.mdc_wait(108, 30, 4), 0.78),
        "spread": (theory.mmc(108, 30, 4), 0.79),
        "mixed": (
            theory.mh2c_wait(
                108, slow_share=slow, quick_per_hour=quick_per_hour, slow_per_hour=slow_per_hour, booths=4
            ),
            0.79,
        ),
    }
    found = []
    for port, (line, printed) in lines.items():
        shares = measured[f"{port} share"]
        found += misses(f"chance of waiting, {port}", shares, line.wait_probability, within=0.012)
        found += misses(f"wait, {port}", measured[f"{port} wait"], line.wait_mean_min, within=0.06)
        assert np.mean(shares) == pytest.approx(printed, abs=0.02)
    assert found == []


@pytest.mark.slow
def test_the_measures_of_reliability_are_those_of_an_exponential_wait(tmp_path: Path) -> None:
    """Four lines M/M/1 at 70%, together: percentiles, shares over thresholds and buffer index of a known wait."""
    [measured] = replications("reliability", folder=tmp_path)
    line = (3.5, 5.0, 1)
    mean = theory.mmc(*line).wait_mean_min
    quantiles = {q: theory.mmc_wait_quantile_min(*line, q / 100) for q in (50, 90, 95)}
    exact = {
        "wait_mean_min": mean,
        "crossing_time_mean_min": mean + 12,
        **{f"wait_p{q}_min": wait for q, wait in quantiles.items()},
        **{f"share_over_{minutes}min": theory.mmc_wait_share_over(*line, minutes) for minutes in (20, 40, 60, 120)},
        "buffer_index": (quantiles[95] - mean) / mean,
    }
    found = []
    for metric, value in exact.items():
        within = 0.05 if metric == "share_over_120min" else RELATIVE_ERROR  # a rare event, in long runs of bad luck
        samples = [in_summary(one, metric, "all", "all", "all") for one in measured]
        found += misses(metric, samples, value, within=within)
    assert found == []


# --- two stations, each of one service time ------------------------------------------------------

CHECKPOINT = {  # 95th percentile, s: the mean of 2,000 runs of another simulation, and its standard error
    "calm-36-21": (3.683, 0.044),
    "calm-40-24": (1.100, 0.025),
    "busy-36-21": (52.08, 0.31),
    "busy-40-21": (51.55, 0.31),
}
ANYLOGIC_S = {  # the 95% interval of 50 runs of AnyLogic
    "calm-36-21": (3.157, 4.701),
    "calm-40-24": (0.826, 1.674),
    "busy-36-21": (48.00, 55.34),
    "busy-40-21": (47.65, 54.96),
}
OFFICERS = {name: tuple(int(count) for count in name.split("-")[1:]) for name in CHECKPOINT}
FIRST_TICKS, SECOND_TICKS = 21_818, 13_000


def by_recursion(arrivals: Ints, officers: tuple[int, ...]) -> Ints:
    """Return the ticks each one waits at two stations in a row: the recursion of Kiefer and Wolfowitz, twice."""
    first = theory.kiefer_wolfowitz(arrivals, np.full(len(arrivals), FIRST_TICKS), officers[0])
    came = first + FIRST_TICKS  # services are alike, so nobody overtakes
    second = theory.kiefer_wolfowitz(came, np.full(len(arrivals), SECOND_TICKS), officers[1])
    return (first - arrivals) + (second - came)


def checkpoint_waits(model: PortModel, crossings: Crossings) -> Sample:
    """Return the 95th percentile of each hour's total waits, seconds, by port and hour; see the recursion agree."""
    taken = {}
    waited = (crossings.start - crossings.tick) + (crossings.stage_start[0] - crossings.end)
    for port in CHECKPOINT:
        joined = at_port(model, crossings, port)
        assert (waited[joined] == by_recursion(crossings.tick[joined], OFFICERS[port])).all()
        hour = crossings.tick[joined] // clock.HOUR
        for one in range(clock.HOURS_PER_WEEK):
            taken[f"{port} {one}"] = float(np.percentile(waited[joined][hour == one], 95)) / clock.SECOND
    return taken


@pytest.mark.slow
def test_a_checkpoint_of_two_stations_waits_as_in_two_other_simulations() -> None:
    """Five minutes of arrivals, then none: the 95th percentile of a run's waits, averaged over runs.

    Tick by tick every wait is that of the recursion; and the mean of 504 runs is within 3.3 standard errors (ours and
    theirs together) of 2,000 runs of an independent simulation, and inside the 95% interval of 50 runs of AnyLogic.
    """
    measured = samples_of("checkpoint", checkpoint_waits)
    for port, (other, other_error) in CHECKPOINT.items():
        runs = np.array([measured[f"{port} {hour}"] for hour in range(clock.HOURS_PER_WEEK)]).ravel()
        error = runs.std(ddof=1) / np.sqrt(len(runs))
        assert error < 0.06 * other
        assert abs(runs.mean() - other) < ERRORS_APART * np.hypot(error, other_error)
        low, high = ANYLOGIC_S[port]
        assert low < runs.mean() < high


# --- demand that is never steady -----------------------------------------------------------------

SLOTS = np.arange(clock.SLOTS_PER_DAY + 1) / clock.SLOTS_PER_HOUR  # hours
PACE = 2 * np.pi / 24
WAVE_PER_HOUR = 100 - 50 * np.diff(np.cos(PACE * SLOTS)) / np.diff(PACE * SLOTS)  # the sine's mean over each slot
LINE_BOOTHS, LINE_PER_HOUR = 10, 40
WALK_HOURS = (6, 12, 18, 24)
WALK_DAYS = 3
WALKS: Mapping[str, Literal["deterministic", "exponential"]] = {"fixed": "deterministic", "spread": "exponential"}


def wave_sample(model: PortModel, crossings: Crossings) -> Sample:
    """Return the line's mean queue, its queue at some hours, the share that waits; and who is on each walkway."""
    settled = crossings.tick >= clock.DAY
    on_line = at_port(model, crossings, "line")
    waits = (crossings.start > crossings.tick)[on_line & settled]
    queue = hourly(measure(crossings, model), "queue_mean")[model.ports.index("line")].reshape(7, 24)[1:]
    taken = {"queue": float(queue.mean()), "waits": float(waits.mean())}
    taken |= {f"queue {hour}": float(mean) for hour, mean in enumerate(queue.mean(axis=0))}
    for port in WALKS:
        walks = at_port(model, crossings, port)
        came, left = crossings.start[walks], crossings.end[walks]
        assert (came == crossings.tick[walks]).all()  # nobody ever waits
        for hour in WALK_HOURS:
            for day in range(WALK_DAYS):
                now = day * clock.DAY + hour * clock.HOUR
                taken[f"{port} {hour} day {day}"] = float(np.sum((came <= now) & (left > now)))
    return taken


@pytest.mark.slow
def test_a_line_and_two_walkways_follow_demand_that_is_never_steady() -> None:
    """Demand is a sine of the day in steps of five minutes; ten booths are overloaded by day and idle by night.

    The line's mean queue, over the day and in its busy hours, and the share that waits are those of M(t)/M/10 with
    the same steps; without steps the mean queue is 60.70. The number on a walkway is that of M(t)/G/infinity: a
    Poisson variable, so the error of its mean over 72 days is known beforehand.
    """
    measured = samples_of("wave", wave_sample)
    days, settled = 3, slice(2 * clock.SLOTS_PER_DAY, None)
    line = theory.time_varying_queue(  # an "hour" of theory is a slot here, so rates are per slot
        (3 * WAVE_PER_HOUR / clock.SLOTS_PER_HOUR).tolist() * days,
        [LINE_BOOTHS] * clock.SLOTS_PER_DAY * days,
        [LINE_PER_HOUR / clock.SLOTS_PER_HOUR] * clock.SLOTS_PER_DAY * days,
        finish_vehicle=False,  # booths and service never change, so both rules agree, and this one is quicker
    )
    by_slot = line.waiting_vehicle_hours[settled]
    assert by_slot.mean() == pytest.approx(60.7039, rel=5e-4)  # of the sine itself
    share = np.average(line.wait_probability[settled], weights=WAVE_PER_HOUR)
    found = misses("mean queue", measured["queue"], by_slot.mean(), within=0.03)
    found += misses("share that waits", measured["waits"], float(share))
    by_hour = by_slot.reshape(24, clock.SLOTS_PER_HOUR).mean(axis=1)
    for hour in np.flatnonzero(by_hour >= SHORTEST_LINE):
        found += misses(f"queue of hour {hour}", measured[f"queue {hour}"], float(by_hour[hour]), within=LINE_ERROR)
    assert found == []
    for port, spread in WALKS.items():
        for hour in WALK_HOURS:
            exact = theory.sine_in_service(hour, mean_per_hour=100, amplitude_per_hour=50, service_h=0.5, spread=spread)
            counts = np.array([measured[f"{port} {hour} day {day}"] for day in range(WALK_DAYS)])
            error = np.sqrt(exact / counts.size)  # a Poisson variable's
            assert error < 0.025 * exact
            assert abs(counts.mean() - exact) < ERRORS_APART * error, f"{port} at {hour}:00"


# --- a line so large that it flows ---------------------------------------------------------------


def rush_sample(model: PortModel, crossings: Crossings) -> Sample:
    """Return the longest line, the longest and the mean wait, when the line was gone, and the waiting in all."""
    measures = measure(crossings, model)
    wait = (crossings.start - crossings.tick)[crossings.joined]
    return {
        "longest line": in_summary(measures, "queue_longest", "border", "vehicle", "general"),
        "longest wait, min": float(wait.max()) / clock.MINUTE,
        "cleared, h": float(crossings.start[crossings.joined][wait > 0].max()) / clock.HOUR,
        "vehicle-hours": float(hourly(measures, "queue_mean").sum()),
        "mean wait, min": float(wait[wait > 0].mean()) / clock.MINUTE,
    }


@pytest.mark.slow
def test_a_hundredfold_line_flows_like_water() -> None:
    """Newell's morning, demand and booths times 100: everything is within 2% of the fluid's.

    A morning of 180,000 vehicles still differs from the next by 1.6% in its waiting; of six the mean is surer.
    """
    measured = samples_of("fluid", rush_sample)
    fluid = theory.fluid_queue(rush_per_hour=60_000, rush_hours=3, later_per_hour=20_000, capacity_per_hour=48_000)
    exact = {
        "longest line": fluid.longest,
        "longest wait, min": fluid.wait_longest_min,
        "cleared, h": fluid.cleared_h,
        "vehicle-hours": fluid.waiting_vehicle_hours,
        "mean wait, min": fluid.wait_mean_min,
    }
    assert {name: np.mean(values) for name, values in measured.items()} == pytest.approx(exact, rel=0.02)
    errors = {name: np.std(values, ddof=1) / np.sqrt(len(values)) / exact[name] for name, values in measured.items()}
    assert max(errors.values()) < 0.01


# --- choice of port ------------------------------------------------------------------------------

TASTE_SCALE_MIN = 16.0
BIAS_MIN = 5.776  # 0.361 at 0.0625 a minute
TOLL_MIN = 60 * 2 / 9.36
CHOICES = {  # what is told of the waits at San Ysidro and Otay Mesa, min; the toll at Otay Mesa, min; its share
    "choice": ((49, 39), 0.0, 0.728),
    "choice-equal-waits": ((39, 39), 0.0, 0.589),
    "choice-toll": ((49, 39), TOLL_MIN, None),
}


def choice_sample(model: PortModel, crossings: Crossings) -> Sample:
    """Return by segment how many chose, and how many of them Otay Mesa; and the waits they were told of."""
    west, east = (at_port(model, crossings, port) for port in ("san-ysidro", "otay-mesa"))
    told = crossings.posted[0] / clock.MINUTE  # the first reading, of what travellers are told all week
    taken = {"west": float(told[0]), "east": float(told[1])}
    for number, segment in enumerate(model.segments):
        if not segment.initial:
            of_segment = crossings.segment == number
            taken[f"{segment.name} all"] = float(np.sum(of_segment & (west | east)))
            taken[f"{segment.name} east"] = float(np.sum(of_segment & east))
    return taken


@pytest.mark.slow
@pytest.mark.parametrize("file", CHOICES)
def test_ports_are_chosen_in_the_shares_of_the_logit(file: str) -> None:
    """By bias and wait, at equal waits, and with a toll: SANDAG's example, 0.728, 0.589, and 12.8 minutes of toll.

    Visitors have the bias as access time; locals by constants solved from where they were seen to go. The shares of
    some 67,000 travellers each are within 3.3 binomial standard errors, of 0.0017 to 0.0019.
    """
    (west, east), toll, printed = CHOICES[file]
    exact = theory.logit_shares([west + BIAS_MIN, east + toll], TASTE_SCALE_MIN)[1]
    if printed is not None:
        assert exact == pytest.approx(printed, abs=6e-4)
    measured = samples_of(file, choice_sample)
    assert set(measured["west"]) == {west}
    assert set(measured["east"]) == {east}
    for segment in ("town/local", "visitors"):
        all_, chose_east = (sum(measured[f"{segment} {who}"]) for who in ("all", "east"))
        error = np.sqrt(exact * (1 - exact) / all_)
        assert error < 0.002
        assert abs(chose_east / all_ - exact) < ERRORS_APART * error


@pytest.mark.slow
def test_busy_ports_settle_where_choice_and_patience_fill_their_booths(tmp_path: Path) -> None:
    """A port of half the size has 10.6 minutes more of a wait, at taste scale 16 and 0.28% a minute.

    What is compared is the wait travellers are told, from Wednesday on: the lines begin empty and settle in a day.
    """
    [measured] = replications("equilibrium", folder=tmp_path)
    told = np.array([hourly(one, "posted_wait_min")[:, 48:].mean(axis=1) for one in measured])
    small, large = theory.equilibrium_waits_min(621, (180, 360), taste_scale_min=TASTE_SCALE_MIN, beta_per_min=0.0028)
    found = misses("wait at the small port", told[:, 0].tolist(), small, within=0.03)
    found += misses("wait at the large port", told[:, 1].tolist(), large, within=0.03)
    found += misses("the gap", (told[:, 0] - told[:, 1]).tolist(), small - large)
    assert found == []


# --- intervals -----------------------------------------------------------------------------------


def half_days(measures: Measures) -> Floats:
    """Return the vehicle-hours waited by those who joined the one line in each half day."""
    joins, wait_min = np.moveaxis(measures.daily[0], -1, 0)
    waited: Floats = (joins * np.nan_to_num(wait_min)).reshape(-1, 12).sum(axis=1) / 60
    return waited


@pytest.mark.slow
def test_intervals_of_twenty_replications_cover_the_truth(tmp_path: Path) -> None:
    """Of 500 Student intervals at 95%, 92 to 97.5% cover the exact waiting, and the exact saving of one booth more.

    Each of 500 half days begins empty, has a rush of its own at M/M/2, and is estimated by `inference` from the
    scenario's twenty replications, as every result is; base and option are paired, on common random numbers. The
    truth is that of the same transient, by forward equations, so there is no bias of a start or a warm-up in it. The
    waiting of one rush has a skewness of 0.7, at which such intervals cover 94.7%, the saving one of 0.1 (95.1%;
    10,000 intervals each, by recursion on numpy's own numbers); of 500, the share that cover has a standard error of
    1%. Days much more skewed are covered less: a rush at 90% of capacity has a skewness of 2.2, and 91%.
    """
    base, option = (
        np.array([half_days(measures)[:500] for measures in measured])
        for measured in replications("coverage", "coverage-one-more", folder=tmp_path)
    )
    exact = [
        theory.time_varying_queue([60] * 2 + [0] * 10, [booths] * 12, [20] * 12).waiting_vehicle_hours_total
        for booths in (2, 3)
    ]
    waiting, saving = estimate(base), paired_difference(base, option, np.array([True]))
    for name, found, truth in (("waiting", waiting, exact[0]), ("saving", saving, exact[1] - exact[0])):
        covered = np.mean(np.abs(found.mean - truth) <= found.half_width)
        assert 0.92 <= covered <= 0.975, name
        error = found.mean.std(ddof=1) / np.sqrt(found.mean.size)  # of all 10,000 half days together
        assert abs(found.mean.mean() - truth) < ERRORS_APART * error, name
