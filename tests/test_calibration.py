"""Calibration: what portsim itself simulated, it fits; and what it writes, it reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from typer.testing import CliRunner

from portsim import cli
from portsim.border.workload import draw
from portsim.calibrate import baseline_files, calibration, fit_report, observations
from portsim.calibrate.observations import Feed, Observations, Volumes
from portsim.calibrate.posting import Posting
from portsim.errors import PortsimError
from portsim.language import scenario
from portsim.measure import measures
from portsim.runs import experiment

Floats = npt.NDArray[np.float64]
HOUR = np.arange(168)
GENERAL, SENTRI = ("west", "vehicle", "general"), ("west", "vehicle", "sentri")
NETWORK = """\
network: river
about: A made-up border of one port.
classes:
  local: {mode: vehicle, lane_types: [general]}
  trusted: {mode: vehicle, lane_types: [sentri]}
catchments:
  - {id: town, name: Town, cluster: valley, access_min: {west: 10}}
patience_pct_per_min: {vehicle: {value: 0.28, low: 0.1, high: 0.28}}
day_factor: {cv: 0.05, lag1_correlation: 0.5}
ports:
  - id: west
    name: West
    vehicle:
      lane_positions: 12
      lane_types:
        general:
          booths_open: {table: booths_open.csv, column: west/vehicle/general}
          service: {kind: gamma, mean_s: {value: GENERAL_S, note: "a note, kept"}, cv: 0.6}  # a remark, kept
          observed:
            per_hour: {table: joining_per_hour.csv, column: west/vehicle/general}
            wait_min: {table: wait_min.csv, column: west/vehicle/general}
            origins: {town: 1}
        sentri:
          booths_open: {table: booths_open.csv, column: west/vehicle/sentri}
          service: {kind: gamma, mean_s: SENTRI_S, cv: 0.6}
          observed:
            per_hour: {table: joining_per_hour.csv, column: west/vehicle/sentri}
            wait_min: {table: wait_min.csv, column: west/vehicle/sentri}
            origins: {town: 1}
"""
FEED = """\
time_zone: America/Los_Angeles
measures: {vehicle: Personal Vehicles}
port_codes: {west: 7}
lines:
  west/vehicle/general: {port: West, mode: passenger, lane_type: standard}
  west/vehicle/sentri: {port: West, mode: passenger, lane_type: sentri}
"""


def day(mean: float, swing: float, peak: int) -> Floats:
    return mean + swing * np.cos(2 * np.pi * (HOUR - peak) / 24)


# A general line that stands all week, and a SENTRI line that comes and goes.
TRUE = {
    GENERAL: (day(6, 1.5, 9).round(2), day(360, 90, 9), day(45, 10, 12)),
    SENTRI: (day(3, 1, 9).round(2), day(270, 90, 9), day(10, 3, 12)),
}


def network(
    folder: Path, general_s: float, sentri_s: float, weeks: dict[tuple[str, str, str], tuple[Floats, ...]]
) -> Path:
    """Write the border with such service times, booths, joins and waits."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("booths_open.csv", "joining_per_hour.csv", "wait_min.csv")):
        columns = {"/".join(key): week[number] for key, week in weeks.items()}
        pd.DataFrame(columns, index=pd.RangeIndex(168, name="hour")).to_csv(folder / name)
    (folder / "calibration.yaml").write_text(FEED, encoding="utf-8")
    file = folder / "network.yaml"
    file.write_text(NETWORK.replace("GENERAL_S", f"{general_s}").replace("SENTRI_S", f"{sentri_s}"), encoding="utf-8")
    return file


@dataclass(frozen=True)
class Border:
    """A border that was simulated from known parameters, and what was observed of it in 24 weeks."""

    frame: Path
    observed: Observations
    volumes: Volumes
    feed: Feed
    joins: dict[tuple[str, str, str], float]
    waits: dict[tuple[str, str, str], float]


WEEKS = 24


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> Border:
    folder = tmp_path_factory.mktemp("river")
    truth = scenario.of_network(network(folder / "truth", 60.0, 40.0, TRUE))
    model = experiment.build_model(calibration.with_run(truth, 1))
    model = type(model)(**{**vars(model), "weeks": WEEKS})
    seen = measures.measure(experiment.simulate(model, draw(model, 11, 0), experiment.default_engine()), model)
    rows = []
    for number, key in enumerate(seen.lines):
        waits = Posting().rounded(seen.daily[number, :, :, 1])
        for ordinal in range(WEEKS * 7):
            when = date(2026, 1, 5) + timedelta(days=ordinal)
            slots = 24 * when.weekday() + np.arange(24)
            lanes = TRUE[key][0][slots]
            rows += [(*key, when, when.weekday(), hour, waits[ordinal, hour], lanes[hour]) for hour in range(24)]
    columns = [*observations.LINE, "date", "weekday", "hour", "wait_min", "lanes_open"]
    readings = pd.DataFrame(rows, columns=columns).dropna().sample(frac=0.2, random_state=4)
    readings = readings.sort_values([*observations.LINE, "date", "hour"], ignore_index=True)
    crossed = calibration.crossings([seen])
    joined = {key: float(np.nansum(seen.daily[n, :, :, 0])) / WEEKS for n, key in enumerate(seen.lines)}
    mean = {key: float(np.nanmean(seen.daily[n, :, :, 1])) for n, key in enumerate(seen.lines)}
    flat = {key: (np.full(168, 4.0), np.full(168, 100.0), np.full(168, 5.0)) for key in TRUE}
    frame = network(folder / "frame", 72.0, 48.0, flat)  # the ratio of the service times is right, all else is not
    volumes = Volumes({("west", "vehicle"): crossed["west", "vehicle"]}, "made up")
    feed = observations.read_feed(frame.parent / "calibration.yaml")
    return Border(frame, Observations(readings), volumes, feed, joined, mean)


@pytest.mark.slow
def test_what_portsim_simulated_is_fitted(border: Border) -> None:
    """Service times within 3 %, joins of a week within 4 %, mean waits within 3 minutes, volumes within 1 %."""
    frame = scenario.of_network(border.frame)
    found = calibration.calibrate(frame, border.observed, border.volumes, border.feed, replications=8)
    lines = {line.key: line for line in found.lines}
    assert lines[GENERAL].service_s == pytest.approx(60.0, rel=0.03)
    assert lines[SENTRI].service_s == pytest.approx(40.0, rel=0.03)
    table = fit_report.fit_table(found, found.replications, border.observed, border.volumes).set_index(
        observations.LINE
    )
    for key, (booths, *_) in TRUE.items():
        assert lines[key].booths == pytest.approx(booths, abs=0.35)
        assert lines[key].joins.sum() == pytest.approx(border.joins[key], rel=0.04)
        assert abs(table.loc[key, "bias_min"]) < 2
        assert table.loc[key, "simulated_min"] == pytest.approx(border.waits[key], abs=3)
        assert table.loc[key, "mae_leave_week_out"] < 1.1 * table.loc[key, "mae_profile_leave_week_out"]
    assert np.abs(table["port_mode_volume_error"]).max() < 0.01
    by_hour = lines[GENERAL].joins.reshape(7, 24).mean(axis=0)
    assert np.abs(by_hour / TRUE[GENERAL][1][:24] - 1).max() < 0.12


@pytest.mark.slow
def test_three_percent_of_capacity_is_about_ten_minutes(border: Border) -> None:
    """A line by itself answers by ln(ratio) / patience: 11 minutes at 0.28 % a minute, more at 0.10 %."""
    truth = scenario.of_network(border.frame.parent.parent / "truth" / "network.yaml")
    change = fit_report.capacity_responses(truth, 2).set_index(["lane_type", "patience", "capacity"])["change_min"]
    assert change["general", "stated", 0.03] == pytest.approx(-np.log(1.03) / 0.0028, abs=4)
    assert change["general", "stated", -0.03] == pytest.approx(-np.log(0.97) / 0.0028, abs=4)
    assert change["general", "low", -0.03] > 1.5 * change["general", "stated", -0.03]


@pytest.mark.slow
def test_before_any_simulation_volumes_are_met_and_profiles_laid(border: Border) -> None:
    frame = scenario.of_network(border.frame)
    lines = calibration.first_fit(frame.network, border.observed, border.volumes, border.feed)
    joined = sum(float(line.joins.sum()) for line in lines)
    assert joined == pytest.approx(7 * border.volumes.per_day["west", "vehicle"], rel=1e-3)
    for line in lines:
        assert line.is_read
        assert max(line.free_steps) <= line.readings / 10
        assert np.diff(line.target).min() >= -48.0 - 1e-9


@pytest.mark.slow
def test_a_line_that_is_hardly_read_keeps_what_the_network_states(border: Border) -> None:
    few = Observations(border.observed.readings.groupby("lane_type").head(50))
    frame = scenario.of_network(border.frame)
    lines = calibration.first_fit(frame.network, few, border.volumes, border.feed)
    for line in lines:
        assert not line.is_read
        assert line.scale == 1.0
        assert line.booths.tolist() == [4.0] * 168
    assert sum(float(line.joins.sum()) for line in lines) == pytest.approx(
        7 * border.volumes.per_day["west", "vehicle"]
    )


# --- files -------------------------------------------------------------------------------------


def published(border: Border, folder: Path) -> list[str]:
    """Write what was observed in the published columns; return the options that name the files."""
    names = {"vehicle": "passenger", "general": "standard"}
    readings = border.observed.readings.assign(port="West", status="delay").replace({"mode": names, "lane_type": names})
    readings.to_csv(folder / "waits.csv", index=False)
    monthly = border.volumes.per_day["west", "vehicle"] * 365 / 12
    rows = [
        ("West", 7, f"{month} 2025", "Personal Vehicles", monthly)
        for month in ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    ]
    pd.DataFrame(rows, columns=["Port Name", "Port Code", "Date", "Measure", "Value"]).to_csv(
        folder / "counts.csv", index=False
    )
    return [
        "--volumes",
        str(folder / "counts.csv"),
        "--waits",
        str(folder / "waits.csv"),
        "--network",
        str(border.frame),
    ]


@pytest.mark.slow
def test_the_command_writes_a_network_that_can_be_read_and_calibrated_again(border: Border, tmp_path: Path) -> None:
    options = published(border, tmp_path)
    out = tmp_path / "fitted" / "river.yaml"
    ran = CliRunner().invoke(cli.app, ["calibrate", *options, "--out", str(out), "-n", "2", "--hold-out", "2"])
    assert ran.exit_code == 0, ran.output
    assert "after 3 of 3 corrections" in ran.output
    held = pd.read_csv(out.parent / "held_out.csv", comment="#")
    assert held["split"].unique().tolist() == ["forward", "block 1 of 2", "block 2 of 2"]
    assert held.loc[held["mode"] == "all", "ratio"].between(0.5, 2).all()  # the border does not change: both are noise
    assert held.loc[held["mode"] == "all", "readings"].iloc[1:].sum() == len(border.observed.readings)
    assert pd.read_csv(out.parent / "posted_min.csv", comment="#").shape == (168, 3)
    read = scenario.of_network(out)
    text = out.read_text(encoding="utf-8")
    assert 'note: "a note, kept"}, cv: 0.6}  # a remark, kept' in text
    assert text.replace("\n", "").count("72") == 0  # the stated service time has gone
    fitted = pd.read_csv(out.parent / "fit.csv", comment="#")
    assert (
        fitted["mae_min"].max() < 12
    )  # of two replications on other random numbers, whose weeks differ by ten minutes
    service = read.network.port("west").vehicle
    assert service is not None
    assert float(fitted.set_index("lane_type").loc["general", "service_s"]) == pytest.approx(
        service.lane_types["general"].service.mean_s.value,
        abs=0.01,  # type: ignore[union-attr]
    )
    assert "counts.csv (SHA-256 " in (out.parent / "fit.csv").read_text(encoding="utf-8")
    assert (out.parent / "calibration.yaml").exists()
    cells = pd.read_csv(out.parent / "waits_observed.csv", comment="#")
    assert cells["n"].sum() == len(border.observed.readings)


def test_what_is_there_is_not_lost(tmp_path: Path) -> None:
    frame = network(tmp_path / "frame", 60.0, 40.0, TRUE)
    (tmp_path / "fit.csv").write_text("mine", encoding="utf-8")
    out = tmp_path / "network.yaml"
    with pytest.raises(PortsimError, match=r"holds fit.csv already: name another folder, or add --replace"):
        baseline_files.check(frame, out, replace=False)
    baseline_files.check(frame, out, replace=True)
    assert (tmp_path / "fit.csv").read_text(encoding="utf-8") == "mine"


def test_a_network_whose_weeks_are_not_in_the_tables_is_told_where(tmp_path: Path) -> None:
    file = network(tmp_path, 60.0, 40.0, TRUE)
    text = file.read_text(encoding="utf-8").replace("{table: wait_min.csv, column: west/vehicle/sentri}", "5")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PortsimError, match=r"network.yaml:\d+:\d+: give this as {table: wait_min.csv"):
        baseline_files.check(file, tmp_path / "out" / "network.yaml", replace=False)


def test_bad_input_ends_with_two_and_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written."""
    frame = network(tmp_path / "frame", 60.0, 40.0, TRUE)
    waits = tmp_path / "waits.csv"
    row = "West,passenger,standard,2026-02-01,6,25,10,4,delay\n"
    waits.write_text("port,mode,lane_type,date,weekday,hour,wait_min,lanes_open,status\n" + row, encoding="utf-8")
    files = ["--volumes", str(waits), "--waits", str(waits), "--network", str(frame)]
    monkeypatch.setattr("sys.argv", ["portsim", "calibrate", *files, "--out", str(tmp_path / "new" / "network.yaml")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "waits.csv:2:1: hour: 25 is no whole number from 0 to 23" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_true_waits_behind_posted_ones() -> None:
    """A line that always posts its least is empty; from a standing line on, what is posted is what is waited."""
    found = calibration.true_wait(np.array([5.0, 12.5, 20.0, 80.0]), 5.0)
    assert found == pytest.approx([0.0, 10.0, 20.0, 80.0])
    assert calibration.true_wait(np.array([3.0]), 0.0) == pytest.approx([3.0])
