"""Simulated against observed waits, and the naive forecast beside: by hand on a line of two cells."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from portsim import field
from portsim.observations import LINE, Observations, cells, packaged_door_to_gate

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


def test_door_to_gate_waits_stand_apart() -> None:
    """Posted times the ratio, for the lines that have one."""
    waits = pd.DataFrame([("san-ysidro", "vehicle", "general", 100.0), ("tecate", "vehicle", "general", 90.0)])
    waits.columns = pd.Index([*LINE, "posted_min"])
    found = field.door_to_gate(waits, packaged_door_to_gate())
    assert found["port"].tolist() == ["san-ysidro"]
    assert found["door_to_gate_min"].tolist() == [179.0]
