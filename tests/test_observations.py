"""Published files: what is impossible in a reading is left out and told, what is no such file is refused by line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from portsim.calibrate import observations
from portsim.errors import PortsimError, ScenarioError

HEAD = "port,mode,lane_type,date,weekday,hour,wait_min,lanes_open,status\n"
SENTRI = ("san-ysidro", "vehicle", "sentri")


def good() -> str:
    """Return good readings, so that one bad one is one in many: 14 April 2026 is a Tuesday."""
    return "".join(
        f"San Ysidro,passenger,sentri,2026-04-{day},{(day - 13) % 7},{hour},15,9,delay\n"
        for day in range(14, 18)
        for hour in range(24)
    )


def read(tmp_path: Path, rows: str, **limits: object) -> observations.Observations:
    file = tmp_path / "waits.csv"
    file.write_text(HEAD + good() + rows, encoding="utf-8")
    return observations.read_waits(file, **limits)  # type: ignore[arg-type]


def test_readings_have_the_networks_names(tmp_path: Path) -> None:
    found = read(tmp_path, "Otay Mesa Commercial,commercial,fast,2026-04-18,5,9,20,2,delay\n")
    assert found.notes == ()
    assert len(found.readings) == 97
    last = found.readings.iloc[0]
    assert (last["port"], last["mode"], last["lane_type"]) == ("otay-mesa", "truck", "fast")
    assert (last["date"], last["weekday"], last["hour"], last["wait_min"]) == (date(2026, 4, 18), 5, 9, 20.0)


IMPOSSIBLE = {
    "San Ysidro,passenger,sentri,2026-04-18,5,9,1000,9,delay": "wait 1000 minutes: not from 0 to 480",
    "San Ysidro,passenger,sentri,2026-04-18,5,9,,,Lanes Closed": "closed, or no update",
    "San Ysidro,passenger,sentri,2026-04-18,5,9,15,0,delay": "no lane open",
    "San Ysidro PedWest,pedestrian,ready,2026-04-18,5,9,15,2,delay": "is no line of the network",
    "San Ysidro,passenger,sentri,2026-03-08,6,2,15,9,delay": "skipped by daylight saving",
}


@pytest.mark.parametrize("row", IMPOSSIBLE)
def test_an_impossible_reading_is_left_out_and_told_with_its_line(tmp_path: Path, row: str) -> None:
    found = read(tmp_path, row + "\n")
    assert len(found.readings) == 96
    assert len(found.notes) == 1
    assert "waits.csv:98: " in found.notes[0]
    assert IMPOSSIBLE[row] in found.notes[0]


def test_a_lane_count_above_those_built_is_left_out_and_its_wait_kept(tmp_path: Path) -> None:
    row = "San Ysidro,passenger,sentri,2026-04-18,5,9,15,105,delay\n"
    found = read(tmp_path, row, most_booths={SENTRI: 34})
    assert found.readings["lanes_open"].isna().sum() == 1
    assert "105 lanes open, 34 built" in found.notes[0]


def test_a_reading_outside_the_opening_hours_is_left_out(tmp_path: Path) -> None:
    hours = np.ones(168, bool)
    hours[24 * 5 + 9] = False
    row = "San Ysidro,passenger,sentri,2026-04-18,5,9,15,9,delay\n"
    assert "outside the opening hours" in read(tmp_path, row, open_hours={SENTRI: hours}).notes[0]


def test_exchanged_wait_and_lanes_of_walkers_are_put_right(tmp_path: Path) -> None:
    """`wait 2, lanes 45` is a wait of 45 before two lanes; cars' lanes may well be 40."""
    rows = (
        "Calexico West,pedestrian,ready,2026-04-18,5,9,2,45,delay\nSan Ysidro,passenger,ready,2026-04-18,5,9,12,15,x\n"
    )
    readings = read(tmp_path, rows).readings.set_index("port")
    assert tuple(readings.loc["calexico-west", ["wait_min", "lanes_open"]]) == (45.0, 2.0)
    car = readings[readings["lane_type"] == "ready"].loc["san-ysidro"]
    assert tuple(car[["wait_min", "lanes_open"]]) == (12.0, 15.0)


def test_the_hour_that_a_clock_shows_twice_may_be_read_twice(tmp_path: Path) -> None:
    row = "San Ysidro,passenger,sentri,2026-11-01,6,1,15,9,delay\n"
    assert len(read(tmp_path, 2 * row).readings) == 98
    with pytest.raises(ScenarioError, match=r"waits.csv:100:1: .* on 2026-11-01 at 01:00 is here twice"):
        read(tmp_path, 3 * row)


@pytest.mark.parametrize(("day", "hour", "shown"), [((2026, 3, 8), 2, 0), ((2026, 11, 1), 1, 2), ((2026, 7, 1), 2, 1)])
def test_clocks(day: tuple[int, int, int], hour: int, shown: int) -> None:
    assert observations.clock_shows(date(*day), hour, ZoneInfo("America/Los_Angeles")) == shown


REFUSED = {
    "San Ysidro,passenger,sentri,2026-04-18,5,9,long,9,delay": "98:1: wait_min: expected a number, got 'long'",
    "San Ysidro,passenger,sentri,18/04/2026,5,9,15,9,delay": "98:1: date: expected a day such as 2026-04-14",
    "San Ysidro,passenger,sentri,2026-04-18,5,24,15,9,delay": "98:1: hour: 24 is no whole number from 0 to 23",
    "San Ysidro,passenger,sentri,2026-04-18,0,9,15,9,delay": "2026-04-18 is weekday 5 (0 = Monday), not 0",
    "San Ysidro,passenger,sentri,2026-04-14,1,9,15,9,delay": "2026-04-14 at 09:00 is here twice",
    "San Ysidro,passenger,sentri,2026-04-18": "98:1: 4 cells, 9 columns",
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_row_that_is_none_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, row + "\n")
    assert REFUSED[row] in str(refused.value)


TOLD = {
    "San Ysidro,passenger,sentri,2026-04-18,5,9,long,9,delay": "wait_min 'long' is no number: left out",
    "San Ysidro,passenger,sentri,2026-04-18,5,9,,9,delay": "wait_min '' is no number: left out",
    "San Ysidro,passenger,sentri,2026-04-18,5,9,1000,9,delay": "wait 1000 minutes: not from 0 to 480, left out",
    "San Ysidro,passenger,sentri,2026-04-14,1,9,15,9,delay": "an hour that was read already: left out",
    "Nogales,passenger,sentri,2026-04-18,5,9,15,9,delay": "Nogales / passenger / sentri is no line of the network",
}


@pytest.mark.parametrize("row", TOLD)
def test_what_is_only_compared_is_told_where_a_fit_would_refuse(tmp_path: Path, row: str) -> None:
    found = read(tmp_path, row + "\n", compared=True)
    assert len(found.readings) == 96
    assert found.notes == (f"{found.notes[0].split(':98: ')[0]}:98: {TOLD[row]}",)


def test_what_is_only_compared_needs_no_lanes_and_no_order(tmp_path: Path) -> None:
    """Other columns, in another order, lines ended as on Windows; weekdays counted otherwise are told."""
    file = tmp_path / "later.csv"
    rows = ["remark,hour,wait_min,Date,weekday,lane_type,mode,port", "a,9,15,2026-11-01,1,sentri,passenger,San Ysidro"]
    file.write_bytes("\r\n".join([*rows, rows[1], "b,9,25,2026-07-06,0,sentri,passenger,San Ysidro", ""]).encode())
    found = observations.read_waits(file, compared=True)
    assert found.readings["wait_min"].tolist() == [25.0, 15.0]
    assert found.readings["weekday"].tolist() == [0, 6]
    assert found.readings["lanes_open"].isna().all()
    assert [note.split(": ", 1)[1].split(":")[0] for note in found.notes] == [
        "the weekday is not the date's (0 = Monday)",
        "an hour that was read already",
    ]
    file.write_text("", encoding="utf-8")
    with pytest.raises(ScenarioError, match="needs one column 'wait_min'"):
        observations.read_waits(file, compared=True)


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("port,mode,lane,date,hour,wait_min,lanes_open\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="needs one column 'lane_type': "):
        observations.read_waits(file)
    file.write_text(HEAD, encoding="utf-8")
    with pytest.raises(ScenarioError, match="0 of 0 readings can be used"):
        observations.read_waits(file)
    with pytest.raises(ScenarioError, match="does not exist"):
        observations.read_waits(tmp_path / "none.csv")


def test_a_file_that_is_mostly_impossible_is_refused(tmp_path: Path) -> None:
    bad = "".join(f"San Ysidro,passenger,sentri,2026-04-18,5,{hour},900,9,delay\n" for hour in range(24))
    with pytest.raises(ScenarioError, match="96 of 120 readings can be used"):
        read(tmp_path, bad)


# --- volumes -----------------------------------------------------------------------------------

CARS = ("tecate", "vehicle")


def published(months: dict[str, float]) -> str:
    rows = "".join(
        f'Tecate,California,2505,US-Mexico,{month},Personal Vehicles,"{n:,.0f}"\n' for month, n in months.items()
    )
    return "Port Name,State,Port Code,Border,Date,Measure,Value\n" + rows


def year(number: int) -> dict[str, float]:
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return {f"{name} {number}": 3100.0 for name in names}


def test_volumes_are_of_the_last_twelve_months_on_end(tmp_path: Path) -> None:
    """February 2025 counts nothing, so the twelve months before it are taken, 366 days of 2024 and January 2025."""
    file = tmp_path / "counts.csv"
    months = year(2023) | year(2024) | {"Jan 2025": 6200.0, "Feb 2025": 0.0}
    file.write_text(published(months), encoding="utf-8")
    found = observations.read_volumes(file, [CARS])
    assert found.per_day[CARS] == pytest.approx((11 * 3100 + 6200) / 366)
    assert found.months == "2024-02 to 2025-01"
    assert "2025-02 lacks tecate/vehicle" in found.notes[0]


def test_tidy_columns_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    rows = "".join(f"{2024},{month},2505,Tecate,Personal Vehicles,3100\n" for month in range(1, 13))
    file.write_text("year,month,port_code,port,measure,value\n" + rows, encoding="utf-8")
    assert observations.read_volumes(file, [CARS]).per_day[CARS] == pytest.approx(12 * 3100 / 366)


@pytest.mark.parametrize(
    ("months", "message"),
    [
        (year(2024) | {"Jun 2024": 0.0}, "no 12 months on end with all ports and modes: 2024-06 lacks tecate/vehicle"),
        (dict.fromkeys(list(year(2024))[:5], 10.0), "too few months"),
        ({"Foo 2024": 10.0}, "counts.csv:2:1: date: expected a month such as 'Jan 2024', got 'Foo 2024'"),
        ({}, "no crossings of tecate/vehicle"),
    ],
)
def test_counts_that_do_not_serve_are_refused(tmp_path: Path, months: dict[str, float], message: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(published(months), encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        observations.read_volumes(file, [CARS])
    assert message in str(refused.value)


def test_a_period_without_readings_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert len(observations.period(found, date(2026, 4, 15), date(2026, 4, 15)).readings) == 24
    with pytest.raises(PortsimError, match="they are of 2026-04-14 to 2026-04-17"):
        observations.period(found, date(2027, 1, 1), None)


def test_cells_pool_days_of_a_type(tmp_path: Path) -> None:
    cells = observations.cells(read(tmp_path, "")).set_index(["day_type", "hour"])
    assert cells.loc[("mon-thu", 8), "n"] == 3
    assert cells.loc[("fri", 8), "n"] == 1
    assert cells.loc[("mon-thu", 8), "wait_mean_min"] == 15.0


def test_the_packaged_aggregates_are_of_the_networks_lines() -> None:
    cells = observations.packaged_cells()
    assert list(cells.columns) == list(observations.CELL_COLUMNS)
    lines = {"/".join(line) for line in cells[observations.LINE].itertuples(index=False)}
    assert lines <= set(observations.packaged_feed().lines)
    assert cells["n"].sum() > 14_000
