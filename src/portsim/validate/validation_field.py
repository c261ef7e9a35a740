"""The packaged border, simulated, beside what was observed: the parts of the validation that are no case.

Against the calibration period: errors in sample, single weeks, and how restless weeks and hours are. On weeks held
out: what `portsim calibrate --hold-out` measured. Against a file of waits of any period: its ratio to a naive
forecast. Each part is a table of the page, with the checks that are made of it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from portsim.calibrate import field, in_sample, observations
from portsim.calibrate.held_out import FORWARD
from portsim.calibrate.observations import Observations
from portsim.language import scenario
from portsim.language.schema import Run
from portsim.measure.measures import ALL, Measures
from portsim.runs import experiment
from portsim.validate import validation
from portsim.validate.validation import Result
from portsim.validate.validation_page import Section

OBSERVED_RUN = Run(replications=32, weeks=4, warm_up_weeks=1, seed=2026)
"""How the packaged border is simulated to be held against what was observed."""
MOST_RATIO, MOST_RATIO_OF_A_LANE_TYPE = 1.05, 1.2
"""Of our mean absolute error to the naive forecast's, over all readings and by mode and lane type."""
NIAGARA_MIN = 9.22
"""Mean absolute error of a published forecast of border delay, fifteen minutes ahead."""
IN_SAMPLE, HELD_OUT, PERIOD = "The calibration period, in sample", "Weeks held out", "A period observed"
NAIVE = ["naive_mae_min", "naive_bias_min", "naive_p90_error_min", "ratio"]
_NAN = float("nan")
_CBP = "CBP, Border Wait Times, 14 April - 30 June 2026, as packaged"


@dataclass(frozen=True)
class Part:
    """A part of the validation: its tables and the checks made of them."""

    sections: tuple[Section, ...]
    results: tuple[Result, ...]


def simulated(jobs: int | None) -> list[Measures]:
    """Simulate the packaged border as it is held against what was observed."""
    model = experiment.build_model(replace(scenario.packaged(), run=OBSERVED_RUN))
    return validation.on_threads(
        lambda number: experiment.replicate(model, OBSERVED_RUN.seed, number, engine=experiment.default_engine()),
        range(OBSERVED_RUN.replications),
        jobs,
    )


def calibration_period(replications: Sequence[Measures]) -> Part:
    """Hold the border against the period it was fitted to, from packaged aggregates."""
    posted, cells, fit = field.posted(replications), observations.packaged_cells(), observations.packaged_fit()
    errors = field.compare(posted, cells, cells)
    weeks = in_sample.single_weeks(posted, fit, observations.packaged_posted(), cells)
    spread = in_sample.spread(replications, fit)
    found = partial(_result, case="calibration-period", group=IN_SAMPLE, source=_CBP)
    results = [
        found(
            f"posted wait of the calibration period, minutes, error by day type and hour, {_name(row)}",
            row["mae_min"],
            note=f"of {row['readings']:,.0f} readings",
        )
        for row in errors[errors["port"] == ALL].to_dict("records")
    ]
    results += [
        found(
            f"error of single weeks by day type and hour over that of a profile of the other weeks, {_name(row)}",
            row["ratio"],
            most=in_sample.MOST_OF_A_PROFILE if row["mode"] == ALL else None,
            note=f"{row['error_min'] + row['moved_min']:.1f} and {row['profile_error_min']:.1f} minutes",
        )
        for row in weeks.to_dict("records")
    ]
    sections = (
        Section(f"{IN_SAMPLE}, line by line", _ERRORS, errors.drop(columns=NAIVE), "in-sample.csv"),
        Section("Single weeks of the calibration period", _WEEKS, weeks, "single-weeks.csv"),
        Section("How restless weeks and hours are", _SPREAD, spread, "spread.csv"),
    )
    return Part(sections, tuple(results))


def held_out(table: pd.DataFrame) -> Part:
    """Say how such a fit fared on weeks it had not seen (`observations.packaged_held_out`); nothing is judged."""
    totals = table[table["port"] == ALL]
    forward = totals[totals["split"] == FORWARD]
    found = partial(_result, case="held-out", group=HELD_OUT, source=_CBP)
    results = [
        found(
            f"error of the mean wait over the naive forecast's, {row['split']}, {_name(row)}",
            row["ratio"],
            note=f"fitted to {row['fitted_days']}, held against {row['held_days']}",
        )
        for row in totals.to_dict("records")
        if row["mode"] == ALL or row["split"] == FORWARD
    ]
    last = forward[forward["mode"] == ALL].iloc[0]
    results.append(
        found(
            "error of the mean wait by weekday and hour, minutes, forward, beside a forecast 15 minutes ahead",
            float(last["mae_min"]),
            oracle=NIAGARA_MIN,
            source="a published forecast of border delay at the Niagara bridges",
        )
    )
    wide = totals.pivot_table(index=["mode", "lane_type"], columns="split", values="ratio", sort=False)
    wide = wide.add_prefix("ratio ").reset_index().rename_axis(columns=None)
    forward_figures = forward[["mode", "lane_type", "readings", "mae_min", "naive_mae_min", "profile_ratio"]]
    shown = forward_figures.merge(wide, on=["mode", "lane_type"])
    about = _HELD_OUT.format(
        fitted=last["fitted_days"],
        held=last["held_days"],
        replications=int(last["replications"]),
        fewer=int(totals["replications"].min()),
        blocks=totals["split"].nunique() - 1,
    )
    return Part((Section(HELD_OUT, about, shown, "held-out.csv"),), tuple(results))


def period(replications: Sequence[Measures], feed: Observations, file: str) -> Part:
    """Hold the border against a file of waits, beside the naive forecast; the last row of its table is of all."""
    table = field.compare(field.posted(replications), feed, observations.packaged_cells())
    results = [
        _result(
            f"error of the mean wait over the naive forecast's, {_name(row)}",
            row["ratio"],
            case="observed",
            group=PERIOD,
            source=file,
            most=MOST_RATIO if row["mode"] == ALL else MOST_RATIO_OF_A_LANE_TYPE,
            note=f"of {row['readings']:,.0f} readings",
        )
        for row in table[table["port"] == ALL].to_dict("records")
    ]
    return Part((Section(f"{PERIOD}, line by line", _PERIOD, table, "observed.csv"),), tuple(results))


_ERRORS = """What would have been posted against the packaged means of the readings by day type and hour, which are as
noisy as their few readings; weighted by readings, minutes."""
_WEEKS = """Readings of single weeks by day type and hour, against what is the same every week: the simulation
(measured by `portsim calibrate`, on other random numbers than those it was fitted along), and a smoothed profile of
the readings of all other weeks. Mean absolute errors, minutes, weighted by who joins; *moved* is by how much the
border posts otherwise now than when that was measured: the error is at most their sum, and *ratio* is of that."""
_SPREAD = """Standard deviation of weekly means, and of single hours, about the mean week, minutes; observed weeks
less the noise of their readings. Single hours of readings are estimates by eye, and officers open lanes as a line
grows, which a timetable does not. Reported, not judged."""
_HELD_OUT = """Written by `portsim calibrate --hold-out` into `held_out.csv`. *Forward*: fitted to {fitted}
({replications} replications), held against {held}, by weekday and hour. *Blocks*: each of {blocks} blocks of weeks is
left out of the fit in turn ({fewer} replications). Ratios are of our mean absolute error to that of the naive
forecast made of the same weeks; *profile* is the ratio that the smoothed readings themselves would have, without any
simulation. Reported, not judged: they are measured when the baseline is made."""
_PERIOD = """What would have been posted against the mean wait by weekday and hour, weighted by readings, minutes;
*naive* is the calibration period's mean of day type and hour."""


def _name(row: Mapping[Hashable, object]) -> str:
    return "all lines" if row["mode"] == ALL else f"{row['mode']} {row['lane_type']}"


def _result(
    what: str,
    value: float,
    *,
    case: str,
    group: str,
    source: str,
    oracle: float = _NAN,
    most: float | None = None,
    note: str = "",
) -> Result:
    """Return a figure as a result; without a bound, or without a value, it is only reported."""
    judged = most is not None and not math.isnan(value)
    return Result(
        level="field",
        group=group,
        case=case,
        what=what,
        value=value,
        standard_error=_NAN,
        samples=0,
        oracle=oracle,
        low=_NAN,
        high=most if most is not None else _NAN,
        tolerance=f"at most {most:g}" if most is not None else "",
        verdict="reported" if not judged else "pass" if value <= (most or 0.0) else "FAIL",
        note=note,
        source=source,
    )
