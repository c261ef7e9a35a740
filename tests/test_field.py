"""Simulated against observed waits, and the naive forecast beside: by hand on a line of two cells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from portsim.calibrate import field, held_out, in_sample
from portsim.calibrate.observations import LINE, Observations, cells, packaged_door_to_gate
from portsim.errors import PortsimError

WEST = {"port": "west", "mode": "vehicle", "lane_type": "general"}


def readings(*rows: tuple[date, int, float], **line: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["date", "hour", "wait_min"])
    table["weekday"] = [day.weekday() for day in table["date"]]
    return table.assign(lanes_open=2.0, **{**WEST, **line})


def simulated(value: float, **line: str) -> pd.DataFrame:
    hour = np.arange(168)
    return pd.DataFrame({"weekday": hour // 24, "hour": hour % 24}).assign(wait_mean_min=value, **{**WEST, **line})


MONDAY, TUESDAY, SATURDAY = date(2026, 7, 6), date(2026, 7, 7), date(2026, 7, 11)
CALIBRATION = cells(Observations(readings((MONDAY, 8, 30.0), (TUESDAY, 8, 50.0), (MONDAY, 9, 20.0))))


def test_errors_are_of_the_mean_of_a_weekday_and_hour_weighted_by_readings() -> None:
    """Three Mondays at 8 (mean 60) and one Saturday at 8 (100); 52 is simulated; naive: 40, and the line's 33.3."""
    later = [date(2026, 7, day) for day in (13, 20, 27)]
    rows = [*((day, 8, wait) for day, wait in zip(later, (50.0, 60.0, 70.0), strict=True)), (SATURDAY, 8, 100.0)]
    table = field.compare(simulated(52.0), Observations(readings(*rows)), CALIBRATION)
    line, kind, everything = (table.iloc[number] for number in range(3))
    assert (line["port"], kind["port"], everything["mode"]) == ("west", "all", "all")
    assert (line["readings"], line["cells"]) == (4, 2)
    assert line["mae_min"] == pytest.approx((3 * 8 + 48) / 4)
    assert line["bias_min"] == pytest.approx(-(3 * 8 + 48) / 4)
    assert line["p90_error_min"] == pytest.approx(48.0)
    assert line["naive_mae_min"] == pytest.approx((3 * 20 + 100 - 100 / 3) / 4)
    assert line["ratio"] == pytest.approx(line["mae_min"] / line["naive_mae_min"])
    assert everything["ratio"] == line["ratio"]
    assert field.last_line(table) == f"ratio all {line['ratio']:.2f}"


def test_the_naive_forecast_is_its_own_ratio() -> None:
    """A simulation that says what the forecast says has a ratio of one."""
    table = field.compare(simulated(40.0), Observations(readings((MONDAY, 8, 90.0))), CALIBRATION)
    assert table["ratio"].tolist() == [1.0, 1.0, 1.0]


def test_aggregates_are_compared_by_day_type() -> None:
    """In sample the naive forecast has no error, so there is no ratio."""
    table = field.compare(simulated(40.0), CALIBRATION, CALIBRATION)
    assert table["mae_min"].iloc[-1] == pytest.approx((2 * 0 + 1 * 20) / 3)
    assert np.isnan(table["ratio"]).all()


def test_what_is_not_simulated_or_is_a_total_is_left_out() -> None:
    seen = pd.concat([readings((MONDAY, 8, 90.0)), readings((MONDAY, 8, 10.0), port="north")])
    both = pd.concat([simulated(40.0), simulated(0.0, lane_type="all")])
    table = field.compare(both, Observations(seen), CALIBRATION)
    assert table["readings"].tolist() == [1, 1, 1]


def test_an_hour_in_which_nobody_joins_counts_at_the_lines_mean() -> None:
    ours = simulated(40.0)
    ours.loc[(ours["weekday"] == 0) & (ours["hour"] == 8), "wait_mean_min"] = np.nan
    table = field.compare(ours, Observations(readings((MONDAY, 8, 90.0))), CALIBRATION)
    assert table["simulated_min"].iloc[0] == 40.0


def test_the_columns_are_those_promised() -> None:
    table = field.compare(simulated(40.0), CALIBRATION, CALIBRATION)
    assert tuple(table.columns) == field.COLUMNS
    assert tuple(table.columns[:3]) == tuple(LINE)


@dataclass(frozen=True)
class Replication:
    """As much of measures as spread looks at: joins and waits of one line by day and hour."""

    daily: npt.NDArray[np.float64]
    lines: tuple[tuple[str, str, str], ...] = (("west", "vehicle", "general"),)


def fortnight(first: float, second: float) -> Replication:
    """Two weeks of one wait each, but for one hour a week that nobody joins."""
    wait = np.repeat([first, second], 168)
    wait[[3, 171]] = np.nan
    return Replication(np.stack([np.ones(336), wait], axis=-1).reshape(1, 14, 24, 2))


def test_spread_is_of_weeks_and_of_hours_about_the_mean_week() -> None:
    """Weeks of 10, 30, 20 and 20 minutes: their deviations are -10, 10, 0 and 0, those of their hours the same."""
    weekly, hourly = field.spread([fortnight(10.0, 30.0), fortnight(20.0, 20.0)], ("west", "vehicle", "general"))
    assert weekly == pytest.approx(np.sqrt(200 / 3))
    assert hourly == pytest.approx(np.sqrt(200 / 4))


def test_single_weeks_may_be_off_by_what_has_moved_since() -> None:
    """Measured 12 off, a profile 10; two minutes more are posted now at 8:00, where three in four readings are."""
    fit = pd.DataFrame(
        [{**WEST, "readings": 4, "per_day": 50.0, "mae_leave_week_out": 12.0, "mae_profile_leave_week_out": 10.0}]
    )
    unread = fit.assign(lane_type="sentri", readings=0, mae_leave_week_out=np.nan)
    now = simulated(42.0).rename(columns={"wait_mean_min": "posted_min"})
    now.loc[now["hour"] != 8, "posted_min"] = 40.0
    then = pd.DataFrame({"west/vehicle/general": np.full(168, 40.0)})
    cells_ = pd.DataFrame([{**WEST, "day_type": "mon-thu", "hour": hour, "n": n} for hour, n in ((8, 3), (9, 1))])
    found = in_sample.single_weeks(now, pd.concat([fit, unread]), then, cells_)
    assert found["mode"].tolist() == ["vehicle", "all"]
    assert found["moved_min"].tolist() == [1.5, 1.5]
    assert found["ratio"].tolist() == [1.35, 1.35]


def test_weeks_are_held_out_forward_and_block_by_block() -> None:
    """Five weeks: two, then three held; blocks of three and two, each against the other."""
    rows = [(MONDAY + timedelta(days=day), 8, 10.0) for day in range(0, 35, 3)]
    found = {one.name: one for one in held_out.splits(Observations(readings(*rows)), 2)}
    assert list(found) == ["forward", "block 1 of 2", "block 2 of 2"]
    assert held_out.days_of(found["forward"].fitted) == "2026-07-06 to 2026-07-18"
    assert held_out.days_of(found["forward"].held) == "2026-07-21 to 2026-08-08"
    assert held_out.days_of(found["block 2 of 2"].held) == "2026-07-27 to 2026-08-08"
    for one in found.values():
        assert len(one.fitted.readings) + len(one.held.readings) == len(rows)
    middle = Observations(readings((MONDAY, 8, 1.0), (MONDAY + timedelta(days=28), 8, 1.0)))
    assert held_out.days_of(middle) == "2026-07-06 to 2026-07-06, 2026-08-03 to 2026-08-03"
    with pytest.raises(PortsimError, match="5 weeks of readings cannot be held out in 6 blocks"):
        list(held_out.splits(Observations(readings(*rows)), 6))


def test_door_to_gate_waits_stand_apart() -> None:
    """Posted times the ratio, for the lines that have one."""
    waits = pd.DataFrame([("san-ysidro", "vehicle", "general", 100.0), ("tecate", "vehicle", "general", 90.0)])
    waits.columns = pd.Index([*LINE, "posted_min"])
    found = field.door_to_gate(waits, packaged_door_to_gate())
    assert found["port"].tolist() == ["san-ysidro"]
    assert found["door_to_gate_min"].tolist() == [179.0]
