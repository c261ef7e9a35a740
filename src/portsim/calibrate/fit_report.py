"""How well a calibrated border fits: its waits and volumes against what was observed, and how firmly it stands.

Errors of waits are of what would have been posted against the smoothed readings. Beside the error of single weeks
stands that of a profile made of the other weeks: about as well as anything can do that is the same every week.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.calibrate import profiles
from portsim.calibrate.calibration import (
    Calibrated,
    Line,
    crossings,
    hourly_mean,
    profile,
    scaled,
    simulate,
    with_run,
)
from portsim.calibrate.field import door_to_gate, posted, spread
from portsim.calibrate.observations import LINE, Observations, Volumes, of_line
from portsim.language.scenario import Scenario, at_low_patience
from portsim.language.schema import MODES, Crossing, Network
from portsim.measure.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, Measures

Floats = npt.NDArray[np.float64]

CAPACITY_STEP = 0.03
RESPONSE_REPLICATIONS = 4
SEED = 2026
"""Of the simulation that a fit is measured on."""
_WAIT, _ARRIVALS = HOURLY_METRICS.index("wait_mean_min"), HOURLY_METRICS.index("arrivals_per_hour")


def measured_apart(found: Calibrated, jobs: int | None = None) -> list[Measures]:
    """Simulate a fitted border as often, on other random numbers: those it was fitted along flatter it."""
    run = found.scenario.run.model_copy(update={"seed": SEED})
    return simulate([replace(found.scenario, run=run)], jobs)[0]


def fit_table(
    found: Calibrated, simulated: Sequence[Measures], observed: Observations, volumes: Volumes
) -> pd.DataFrame:
    """Return a row a line: how it was fitted, and the error of waits and volumes that is left in a simulation of it.

    Waits are what would have been posted against the smoothed target, weighted by who joins; `mae_leave_week_out` and
    `mae_profile_leave_week_out` are errors by day type and hour of single weeks' readings, of the simulation and of a
    profile made of the other weeks. Standard deviations are of weekly means, and of single hours.
    """
    lines = found.lines
    by_line = posted_weeks(found, simulated).set_index(LINE)["posted_min"]
    crossed = crossings(simulated)
    rows = []
    for line in lines:
        seen = by_line.loc[line.key].to_numpy()
        true = hourly_mean(simulated, line.key, _WAIT)
        row: dict[str, object] = {
            **dict(zip(LINE, line.key, strict=True)),
            "readings": line.readings,
            "free_steps_waits": line.free_steps[0],
            "free_steps_booths": line.free_steps[1],
            "service_s": line.service_s,
            "per_day": float(line.joins.sum()) / 7,
            **_wait_errors(line, seen, true, hourly_mean(simulated, line.key, _ARRIVALS)),
            "port_mode_volume_error": crossed[line.group] / volumes.per_day[line.group] - 1,
            **_left_out(line, seen, observed),
            **_spread(line, simulated, observed),
            "least_posted_min": line.posting.least_min,
            "held_share": line.posting.held_share,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def posted_weeks(found: Calibrated, simulated: Sequence[Measures]) -> pd.DataFrame:
    """Return what would have been posted of the fitted lines, by line, weekday and hour (see `field.posted`)."""
    return posted(simulated, {line.key: line.posting for line in found.lines})


def by_lane_type(table: pd.DataFrame) -> pd.DataFrame:
    """Return a fit table's errors by mode and lane type, and over all, weighted by who joins; read lines only."""
    errors = ["target_min", "simulated_min", "bias_min", "mae_min", "true_wait_bias_min", "true_wait_mae_min"]
    left_out = ["mae_leave_week_out", "mae_profile_leave_week_out"]
    read = table[table["readings"] > 0]
    parts = [*read.groupby(LINE[1:]), ((ALL, ALL), read)]
    rows = [
        {
            "mode": kind[0],
            "lane_type": kind[1],
            "readings": int(part["readings"].sum()),
            **{name: float(np.average(part[name], weights=part["per_day"])) for name in errors},
            **{name: float(np.average(part[name], weights=part["readings"])) for name in left_out},
            "volume_error_most": float(part["port_mode_volume_error"].abs().max()),
        }
        for kind, part in parts
    ]
    return pd.DataFrame(rows)


def report(table: pd.DataFrame, responses: pd.DataFrame, ratios: pd.DataFrame | None = None) -> str:
    """Return how well a border is fitted (`fit_table`, `capacity_responses`), in words and tables for people.

    `ratios` of door-to-gate to posted waits (see `field.door_to_gate`) add what they say.
    """
    read, kept = table[table["readings"] > 0], table[table["readings"] == 0]
    assumed = ["/".join(line) for line in kept[LINE].itertuples(index=False)]
    shown = read[[*LINE, "readings", "service_s", "target_min", "simulated_min", "bias_min", "mae_min"]]
    parts = [
        "By line: what would have been posted, against the smoothed target (minutes)",
        shown.round(2).to_string(index=False),
        "",
        "By lane type, weighted by who joins; mae_leave_week_out: of single weeks, beside a profile of the other weeks",
        by_lane_type(table).round(3).to_string(index=False),
    ]
    if not responses.empty:
        wide = responses.pivot_table(
            index=LINE, columns=["patience", "capacity"], values="change_min", aggfunc="mean", sort=False
        )
        parts += ["", "How far 3% of a port's capacity moves its waits (minutes)", wide.round(1).to_string()]
    if ratios is not None:
        whole = door_to_gate(read.rename(columns={"simulated_min": "posted_min"}), ratios)
        parts += ["", "From door to gate, by ratios measured once: not fitted, not compared (minutes)"]
        parts.append(whole.round(1).to_string(index=False))
    parts += ["", f"Not observed, kept as the network states them: {', '.join(assumed) or 'none'}"]
    return "\n".join(parts)


def _wait_errors(line: Line, seen: Floats, true: Floats, arrivals: Floats) -> dict[str, float]:
    use = ~np.isnan(line.target) & ~np.isnan(seen) & (arrivals > 0)
    weight = np.where(use, arrivals, 0.0)

    def mean(value: Floats) -> float:
        return float((np.where(use, value, 0.0) * weight).sum() / weight.sum())

    return {
        "target_min": mean(line.target),
        "simulated_min": mean(seen),
        "bias_min": mean(seen - line.target),
        "mae_min": mean(np.abs(seen - line.target)),
        "true_wait_bias_min": mean(true - line.target),
        "true_wait_mae_min": mean(np.abs(true - line.target)),
    }


def _left_out(line: Line, seen: Floats, observed: Observations) -> dict[str, float]:
    """Return the error by week, day type and hour of the simulation, and of a profile of the other weeks."""
    if not line.is_read:
        return {"mae_leave_week_out": np.nan, "mae_profile_leave_week_out": np.nan}
    mine = of_line(observed, line.key)
    week = np.array([day.toordinal() - day.weekday() for day in mine["date"]])
    slot = (24 * mine["weekday"] + mine["hour"]).to_numpy()
    theirs = np.empty(len(mine))
    for number in np.unique(week):
        own = week == number
        theirs[own] = profile(mine[~own], "wait_min", profiles.WAITS).week[slot[own]]
    cell = mine.assign(week=week, day_type=profiles.DAY_TYPE_OF[mine["weekday"]], ours=seen[slot], theirs=theirs)
    cell["ours"] = cell["ours"].fillna(float(np.nanmean(seen)))
    means = cell.groupby(["week", "day_type", "hour"])[["wait_min", "ours", "theirs"]].agg(["mean", "size"])
    n = means["wait_min", "size"]
    off = {
        name: float(((means[name, "mean"] - means["wait_min", "mean"]).abs() * n).sum() / n.sum())
        for name in ("ours", "theirs")
    }
    return {"mae_leave_week_out": off["ours"], "mae_profile_leave_week_out": off["theirs"]}


def _spread(line: Line, simulated: Sequence[Measures], observed: Observations) -> dict[str, float]:
    """Return how much weeks and single hours differ about their profile, simulated and observed."""
    weekly, hourly = spread(simulated, line.key)
    found = {
        "weekly_sd_min": weekly,
        "hourly_sd_min": hourly,
        "observed_weekly_sd_min": np.nan,
        "observed_hourly_sd_min": np.nan,
    }
    if line.is_read:
        mine = of_line(observed, line.key)
        off = mine["wait_min"].to_numpy() - line.target[(24 * mine["weekday"] + mine["hour"]).to_numpy()]
        week = np.array([day.toordinal() - day.weekday() for day in mine["date"]])
        by_week = pd.Series(off).groupby(week).agg(["mean", "size", "var"])
        noise = float((by_week["var"] / by_week["size"]).mean())
        found["observed_weekly_sd_min"] = float(np.sqrt(max(by_week["mean"].var() - noise, 0.0)))
        found["observed_hourly_sd_min"] = float(off.std())
    return found


def capacity_responses(
    scenario: Scenario, replications: int = RESPONSE_REPLICATIONS, jobs: int | None = None
) -> pd.DataFrame:
    """Return how far 3% of a port's capacity moves its waits: port, patience, capacity, mode, lane_type, change_min.

    Each port by itself, at the network's patience and at its low figures.
    """
    rows = []
    for patience, at_patience in (("stated", scenario), ("low", at_low_patience(scenario))):
        if at_patience is None:
            continue
        base = with_run(at_patience, replications, warm_up_weeks=1 if patience == "stated" else 2)
        changes = [(port.id, sign * CAPACITY_STEP) for port in base.network.ports if port.open for sign in (-1, 1)]
        options = [replace(base, network=_with_capacity(base.network, port, 1 + step)) for port, step in changes]
        runs = simulate([base, *options], jobs)
        for (port, step), found in zip(changes, runs[1:], strict=True):
            rows += list(_response(port, patience, step, runs[0], found))
    return pd.DataFrame(rows, columns=["port", "patience", "capacity", "mode", "lane_type", "change_min"])


def _with_capacity(network: Network, port_id: str, ratio: float) -> Network:
    """Return the network with one port's primary inspections faster by a ratio."""
    ports = []
    for port in network.ports:
        by_mode: dict[str, Crossing] = {}
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is not None and port.id == port_id:
                lanes = {
                    name: lane.model_copy(update=scaled(lane, 1 / ratio)) for name, lane in crossing.lane_types.items()
                }
                by_mode[mode] = crossing.model_copy(update={"lane_types": lanes})
        ports.append(port.model_copy(update=by_mode))
    return network.model_copy(update={"ports": tuple(ports)})


def _response(
    port: str, patience: str, step: float, base: Sequence[Measures], found: Sequence[Measures]
) -> Iterator[tuple[str, str, float, str, str, float]]:
    column = SUMMARY_METRICS.index("wait_mean_min")
    for number, group in enumerate(base[0].groups):
        if group[0] == port and ALL not in group:
            change = np.mean(
                [a.summary[number, column] - b.summary[number, column] for a, b in zip(found, base, strict=True)]
            )
            yield port, patience, step, group[1], group[2], float(change)
