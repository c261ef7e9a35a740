"""A study from the command line to its folder: what is written, what is said, what is never lost."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from desk import call, lay_out
from portsim.border.model import PortModel
from portsim.commands import study
from portsim.commands.study import read
from portsim.commands.terminal import Reporter
from portsim.errors import PortsimError, ResultsError, ScenarioError
from portsim.measure.measures import SUMMARY_METRICS, Measures
from portsim.numbers import MINUS
from portsim.pages import report
from portsim.results import tables
from portsim.runs import experiment
from portsim.valuation.economics import COLUMNS as CARGO_COLUMNS


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network, a base and an option, and their comparison in `study`."""
    folder = tmp_path_factory.mktemp("desk")
    lay_out(folder)
    assert call("compare", folder / "now.yaml", folder / "opened.yaml", "--out", folder / "study", "--jobs", 1) == 0
    return folder


def test_the_tables_have_the_columns_of_the_documentation(desk: Path) -> None:
    """Names and order are a contract with those who read the files."""
    expected = {
        "summary": tables.SUMMARY_COLUMNS,
        "hourly": tables.HOURLY_COLUMNS,
        "weekday_profile": tables.PROFILE_COLUMNS,
        "comparison": (
            *("base", "option", "port", "mode", "lane_type", "metric"),
            *("base_value", "option_value", "difference", "half_width", "verdict"),
        ),
        "hourly_comparison": (
            *("base", "option", "port", "mode", "lane_type", "weekday", "hour"),
            *("difference", "half_width", "verdict"),
        ),
        "cargo_value": CARGO_COLUMNS,
    }
    for name, columns in expected.items():
        table = pd.read_csv(desk / "study" / "tables" / f"{name}.csv")
        assert list(table.columns) == list(columns)
        assert len(table)


def test_every_group_and_hour_has_its_row(desk: Path) -> None:
    """Two scenarios; the option has two lines more."""
    summary = pd.read_csv(desk / "study" / "tables" / "summary.csv")
    hourly = pd.read_csv(desk / "study" / "tables" / "hourly.csv")
    lines = summary[(summary["lane_type"] != "all")].groupby("scenario").size()
    assert lines.to_dict() == {"now": 4, "opened": 6}
    assert len(hourly) == (4 + 6) * 168
    total = summary[(summary["port"] == "all") & (summary["mode"] == "all")]
    parts = summary[summary["lane_type"] != "all"].groupby("scenario")["crossings_per_day"].sum()
    assert dict(zip(total["scenario"], total["crossings_per_day"], strict=True)) == pytest.approx(
        parts.to_dict(), rel=1e-5
    )


def test_a_port_out_of_reach_is_identical_by_design(desk: Path) -> None:
    """Nobody at Far can use the new port; everyone at Left and Right gains."""
    found = pd.read_csv(desk / "study" / "tables" / "comparison.csv", keep_default_na=False)
    waits = found[(found["metric"] == "wait_mean_min") & (found["lane_type"] == "general")].set_index("port")
    assert waits.loc["far", "verdict"] == "identical by design"
    assert float(waits.loc["left", "difference"]) < 0
    assert set(found["metric"]) == set(SUMMARY_METRICS)
    one_port = found[(found["port"] == "left") & (found["metric"] == "crossings_per_day")]
    assert set(one_port["verdict"]) == {""}  # fewer there may just be more at the new port


def test_the_change_of_an_hour_is_the_difference_of_its_waits(desk: Path) -> None:
    """Every line that both have, 168 hours; none of the new port, no verdict where the gate is shut."""
    found = pd.read_csv(desk / "study" / "tables" / "hourly_comparison.csv", keep_default_na=False)
    hourly = pd.read_csv(desk / "study" / "tables" / "hourly.csv").set_index(["scenario", "port", "mode", "hour"])
    assert found.groupby(["port", "mode"]).size().to_dict() == dict.fromkeys(
        [("left", "vehicle"), ("left", "truck"), ("right", "vehicle"), ("far", "vehicle")], 168
    )
    assert set(found[found["port"] == "far"]["verdict"]) == {"identical by design"}
    trucks = found[(found["mode"] == "truck") & (found["weekday"] == 2)].set_index("hour")
    assert trucks.loc[3, ["difference", "half_width", "verdict"]].tolist() == ["", "", ""]
    waits = hourly[hourly["weekday"] == 2]["wait_mean_min"]
    change = waits["opened", "left", "truck", 12] - waits["now", "left", "truck", 12]
    assert float(trucks.loc[12, "difference"]) == pytest.approx(change, abs=1e-3)
    assert (float(trucks.loc[12, "difference"]) < -float(trucks.loc[12, "half_width"])) == (
        trucks.loc[12, "verdict"] == "better"
    )


def test_cargo_value_shows_its_whole_line_of_arithmetic(desk: Path) -> None:
    """Dollars are the rule times minutes over ten times the share; the region's row takes the rule whole."""
    found = pd.read_csv(desk / "study" / "tables" / "cargo_value.csv")
    port = found[(found["scope"] == "border") & (found["port"] == "left")].iloc[0]
    assert port["share"] == pytest.approx(0.1)
    assert port["usd_per_month"] == pytest.approx(26e6 * port["minutes_saved"] / 10 * 0.1, rel=1e-4)
    assert port["rule_if_borderwide_usd_per_month"] == pytest.approx(26e6 * port["minutes_saved"] / 10, rel=1e-4)
    assert "assumed wait" in port["flag"]
    total = found[(found["scope"] == "border") & (found["port"] == "all")].iloc[0]
    assert pd.isna(total["rule_if_borderwide_usd_per_month"])
    assert found[found["scope"] == "region"]["usd_per_month"].iloc[0] == pytest.approx(
        26e6 * port["minutes_saved"] / 10, rel=1e-4
    )


def test_the_folder_can_be_shown_checked_and_repeated(desk: Path) -> None:
    """Figures in both forms, the scenarios in full, a log, and a manifest with what a repetition needs."""
    study = desk / "study"
    manifest = json.loads((study / "manifest.json").read_text())
    assert manifest["engine"] == "compiled"
    assert [s["run"]["seed"] for s in manifest["scenarios"]] == [5, 5]
    assert {"numpy", "simpy"} < set(manifest["packages"])
    assert "network.ports[left].truck.standard.observed.wait_min" in manifest["scenarios"][0]["inputs_assumed"]
    figures = {path.name for path in (study / "figures").iterdir()}
    assert {"waits-vehicle.png", "waits-vehicle.svg", "waits-truck.png", "cargo-value.png"} < figures
    assert {"hours-new-vehicle-general.svg", "week-left-truck-standard.png", "week-new-truck-standard.svg"} < figures
    assert set(manifest["findings"]) == {Path(name).stem for name in figures}
    assert manifest["findings"]["waits-truck"].startswith("New opens: ")
    assert {path.name for path in (study / "resolved").iterdir()} == {"now.yaml", "opened.yaml"}
    assert "4 of 4 replications" in (study / "run.log").read_text()


def test_the_first_lines_count_the_assumed_inputs(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any result stands what it rests on, and the assumed truck wait with its range."""
    assert call("compare", desk / "now.yaml", desk / "opened.yaml", "--out", desk / "study") == 0
    said = capsys.readouterr().out
    head = said[: said.index("Mean wait")]
    assert " assumed." in head
    assert "Left trucks wait 20 min (low 10, high 60)" in head
    assert "identical by design" in said
    assert "--low-patience" in said


def test_each_of_several_options_has_a_table_of_its_own(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side three options left no room for the waits themselves."""
    options = [desk / "opened.yaml", *(desk / f"opened-{number}.yaml" for number in (2, 3))]
    for option in options[1:]:
        option.write_text(f"scenario: {option.stem}\ntitle: As {option.stem}\nextends: opened.yaml\nchanges: []\n")
    assert call("compare", desk / "now.yaml", *options, "--out", desk / "several", "-n", 1) == 0
    _, *tables = capsys.readouterr().out.split("Mean wait, minutes")
    assert len(tables) == len(options)
    for table, title in zip(tables, ("New opens", "As opened-2", "As opened-3"), strict=True):
        lines = [line.split() for line in table.splitlines()]
        assert ["port", "mode", "Now", *title.split(), "change"] in lines
        left = next(line for line in lines if line[:3] == ["Left", "†", "truck"])
        assert float(left[3]) > float(left[4]) > 0


@pytest.mark.slow
@pytest.mark.drawn
def test_many_options_have_a_week_each(desk: Path) -> None:
    """Three weeks fit on a page; a fourth scenario makes a page for every option that has the line."""
    options = [desk / f"growth-{percent}.yaml" for percent in (1, 2)]
    for percent, option in enumerate(options, 1):
        change = f"changes: [{{action: scale_demand, factor: 1.0{percent}}}]"
        option.write_text(f"scenario: {option.stem}\nextends: now.yaml\n{change}\n")
    files = [desk / "now.yaml", *options, desk / "opened.yaml"]
    assert call("compare", *files, "--out", desk / "grown", "-n", 1, "-q") == 0
    weeks = {path.stem for path in (desk / "grown" / "figures").glob("week-*-truck*.png")}
    assert weeks >= {f"week-left-truck-standard-{name}" for name in ("growth-1", "growth-2", "opened")}
    assert {week for week in weeks if week.startswith("week-new-")} == {"week-new-truck-standard-opened"}


def test_a_finished_study_is_not_run_again(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command again simulates nothing; one replication more simulates one a scenario."""
    ran: list[int] = []
    together = experiment.replicate_together

    def counted(models: Sequence[PortModel], seed: int, replication: int) -> Iterator[Measures]:
        ran.extend([replication] * len(models))
        return together(models, seed, replication)

    monkeypatch.setattr(experiment, "replicate_together", counted)
    words = ("compare", desk / "now.yaml", desk / "opened.yaml", "--out", desk / "study", "--jobs", 1)
    before = (desk / "study" / "tables" / "summary.csv").read_bytes()
    assert call(*words) == 0
    assert ran == []
    assert (desk / "study" / "tables" / "summary.csv").read_bytes() == before
    assert call(*words, "--replications", 3) == 0
    assert ran == [2, 2]
    more = (desk / "study" / "tables" / "summary.csv").read_bytes()
    assert call(*words) == 0  # asks for two: the third is there, and counts
    assert len(ran) == 2
    assert (desk / "study" / "tables" / "summary.csv").read_bytes() == more != before


def test_a_damaged_replication_is_run_again(desk: Path) -> None:
    """Half a file is no replication; the tables come out as they were."""
    words = ("run", desk / "now.yaml", "--out", desk / "damaged", "--jobs", 1, "-q")
    assert call(*words) == 0
    before = (desk / "damaged" / "tables" / "summary.csv").read_bytes()
    part = next((desk / "damaged" / "parts").glob("*.npz"))
    part.write_bytes(part.read_bytes()[:100])
    assert call(*words) == 0
    assert (desk / "damaged" / "tables" / "summary.csv").read_bytes() == before


def test_another_study_never_overwrites(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not a finished one, not an unfinished one, not a folder of something else."""
    (desk / "letters").mkdir(exist_ok=True)
    (desk / "letters" / "dear.txt").write_text("Dear")
    (desk / "a-file").write_text("")
    for folder in ("study", "letters", "a-file"):
        assert call("run", desk / "now.yaml", "--out", desk / folder) == 2
    assert capsys.readouterr().err.count("choose another --out") == 3
    (desk / "unfinished" / "parts").mkdir(parents=True, exist_ok=True)
    (desk / "unfinished" / "parts" / "study").write_text("another digest\n")
    assert call("run", desk / "now.yaml", "--out", desk / "unfinished") == 2


def test_quiet_prints_the_folder_only(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, for scripts."""
    assert call("run", desk / "now.yaml", "--out", desk / "alone", "--quiet", "--replications", 1) == 0
    assert capsys.readouterr().out.strip() == str(desk / "alone")
    assert not (desk / "alone" / "tables" / "comparison.csv").exists()


def test_verify_checks_every_run(desk: Path) -> None:
    """Conservation, Little's law, order and idle booths hold in a run of cars, trucks and secondary."""
    assert call("run", desk / "now.yaml", "--out", desk / "verified", "--verify", "--replications", 1, "-q") == 0


def test_low_patience_compares_a_second_time(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The companions have names of their own, two weeks of warm-up, and their rows in every table."""
    words = ("compare", desk / "now.yaml", desk / "opened.yaml", "--out", desk / "patient", "--replications", 1)
    assert call(*words, "--low-patience") == 0
    found = pd.read_csv(desk / "patient" / "tables" / "comparison.csv")
    assert set(found["base"]) == {"now", "now-low-patience"}
    assert "New opens, low patience" in capsys.readouterr().out
    manifest = json.loads((desk / "patient" / "manifest.json").read_text())
    assert [s["run"]["warm_up_weeks"] for s in manifest["scenarios"]] == [0, 0, 2, 2]


def test_all_faults_of_all_files_are_said_at_once(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, no traceback, one line a fault."""
    (desk / "bad.yaml").write_text("scenario: bad\nextends: now.yaml\nrun: {weeks: 0}\ntitel: x\n")
    (desk / "worse.yaml").write_text("scenario: worse\nextends: nowhere.yaml\n")
    assert call("check", desk / "bad.yaml", desk / "worse.yaml") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all("bad.yaml:" in line or "worse.yaml:" in line for line in said)


def test_an_unfair_comparison_is_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Scenarios run alike, and have names of their own."""
    (desk / "longer.yaml").write_text("scenario: longer\nextends: now.yaml\nrun: {weeks: 2}\n")
    assert call("compare", desk / "now.yaml", desk / "longer.yaml") == 2
    assert "run.weeks is 2, but 1" in capsys.readouterr().err
    assert call("compare", desk / "now.yaml", desk / "now.yaml") == 2
    assert "named 'now'" in capsys.readouterr().err


def test_a_line_without_end_is_not_reported(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody gives up and more join than are served, the wait only says how long was simulated."""
    (desk / "endless.yaml").write_text(
        "scenario: endless\nextends: now.yaml\npatience_pct_per_min: {vehicle: 0}\n"
        "changes: [{action: scale_demand, factor: 2}]\n"
    )
    assert call("run", desk / "endless.yaml", "--out", desk / "endless", "--replications", 1) == 2
    assert "its line has no end" in capsys.readouterr().err
    assert not (desk / "endless" / "manifest.json").exists()


def test_a_base_in_which_nobody_crosses_is_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no mean wait to put into a sentence; an option may be so."""
    (desk / "nobody.yaml").write_text(
        "scenario: nobody\nextends: now.yaml\nchanges: [{action: scale_demand, factor: 0}]\n"
    )
    assert call("run", desk / "nobody.yaml", "--out", desk / "nobody", "--replications", 1) == 2
    assert "nobody: nobody reaches a booth in the measured weeks" in capsys.readouterr().err
    assert call("compare", desk / "now.yaml", desk / "nobody.yaml", "--out", desk / "emptied", "-n", 1, "-q") == 0


def test_a_line_that_grows_is_warned_of(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where hardly anyone gives up, three times as many make a line whose wait is no answer."""
    (desk / "boom.yaml").write_text(
        "scenario: boom\nextends: now.yaml\npatience_pct_per_min: {vehicle: 0.001}\n"
        "changes: [{action: scale_demand, factor: 3, modes: [vehicle]}]\n"
    )
    assert call("run", desk / "boom.yaml", "--out", desk / "boom", "--replications", 1) == 0
    assert "warning: boom: left/vehicle/general serves" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.drawn
def test_a_port_that_closes_is_said_to(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not to be new, and its travellers go elsewhere or are turned away."""
    (desk / "shut.yaml").write_text("scenario: shut\nextends: now.yaml\nchanges: [{action: close_port, port: right}]\n")
    words = ("compare", desk / "now.yaml", desk / "shut.yaml", "--out", desk / "shut", "--replications", 1)
    assert call(*words) == 0
    [row] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Right")]
    assert row.split()[-2:] == ["closed", "closes"]


def test_a_comparison_has_one_cargo_rule(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dollars of two rules are not compared."""
    (desk / "rich.yaml").write_text(
        "scenario: rich\nextends: now.yaml\ncargo_rule: {usd_per_month_per_10_min: 1, "
        "border_truck_imports_usd_bn: 100, truck_imports_usd_bn: {left: 10}}\n"
    )
    assert call("compare", desk / "now.yaml", desk / "rich.yaml") == 2
    assert "one rule" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """As committed beside the scenarios."""
    assert call("schema") == 0
    committed = Path(__file__).parents[1] / "scenarios" / "schema.json"
    assert json.loads(capsys.readouterr().out) == json.loads(committed.read_text())


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """A ResultsError is an error for people."""
    (tmp_path / "a-file").touch()
    with pytest.raises(ResultsError, match="file"):
        report.claim(tmp_path / "a-file", report.Study(()))
    assert issubclass(ResultsError, PortsimError)


# --- what the terminal says --------------------------------------------------------------------

GROUPS = {  # mean wait, change and verdict of one port's lane types and of both ports together
    ("left", "all"): (40.0, -1.0, "no clear change"),
    ("left", "general"): (50.0, 13.0, "worse"),
    ("left", "ready"): (60.0, -29.0, "better"),
    ("right", "all"): (20.0, -5.0, "better"),
    ("right", "general"): (20.0, -5.0, "better"),
    ("all", "all"): (30.0, -3.0, "better"),
}


def shown(folder: Path, half_width: float, replications: int, asked: int, saved: float = 0.0) -> str:
    """Return what is printed of tables made by hand, with nothing run."""
    study = read([folder / "now.yaml", folder / "opened.yaml"]).with_replications(replications)
    waits, changes = [], []
    for (port, lane_type), (wait, change, verdict) in GROUPS.items():
        place = {"port": port, "mode": "vehicle", "lane_type": lane_type}
        waits += [
            {"scenario": name, **place, "wait_mean_min": mean, "wait_mean_hw_min": half_width}
            for name, mean in (("now", wait), ("opened", wait + change))
        ]
        judged = "no clear change" if math.isnan(half_width) else verdict
        found = {"metric": "wait_mean_min", "difference": change, "half_width": half_width, "verdict": judged}
        changes.append({"base": "now", "option": "opened", **place, **found})
    cargo = {"option": "opened", "scope": "border", "port": "left", "minutes_saved": saved, "minutes_saved_hw": 0.0}
    cargo |= {"usd_per_month": 1e6, "usd_per_month_hw": 1e5, "share": 0.1, "flag": ""}
    none = pd.DataFrame()
    saving = {"opened": SimpleNamespace(paired=10, left_out=1)}
    found_tables = report.Tables(
        pd.DataFrame(waits), none, none, pd.DataFrame(changes), none, pd.DataFrame([cargo]), savings=saving
    )
    (folder / "shown.log").unlink(missing_ok=True)
    with Reporter(folder / "shown.log", quiet=False) as reporter:
        reporter.begin(study, asked=asked)
        reporter.finish(study, found_tables, folder, 0)
    return (folder / "shown.log").read_text()


def said_of(said: str, *words: str) -> str:
    """Return the one line that has these words, its time left out."""
    [line] = [line for line in said.splitlines() if line.split()[1 : 1 + len(words)] == list(words)]
    return " ".join(line.split()[1:])


def test_lane_types_stand_below_a_port_whose_total_hides_them(desk: Path) -> None:
    """No clear change of all together, but a worse and a better lane type; nothing is hidden at the other port."""
    said = shown(desk, 1.0, 12, 12)
    assert said_of(said, "Left", "vehicle") == f"Left vehicle 40 ± 1 39 ± 1 {MINUS}1 ± 1 no clear change"
    assert said_of(said, "general") == "general 50 ± 1 63 ± 1 +13 ± 1 worse"
    assert said_of(said, "Ready") == f"Ready 60 ± 1 31 ± 1 {MINUS}29 ± 1 better"
    assert said_of(said, "All", "ports") == f"All ports vehicle 30 ± 1 27 ± 1 {MINUS}3 ± 1 better"
    assert "uncertain" not in said
    assert "asked" not in said


def test_few_replications_are_said_to_be_few(desk: Path) -> None:
    """Three have uncertain intervals; one has none, and gives no verdict."""
    said = shown(desk, 1.0, 3, 2)
    assert "3 replications: the intervals themselves are uncertain (about 12 steady them)" in said
    assert "2 replication(s) asked, 3 there and used" in said
    assert "inputs    of Now: " in said
    said = shown(desk, float("nan"), 1, 1)
    assert said_of(said, "Left", "vehicle") == f"Left vehicle 40 39 {MINUS}1 one replication: no interval"
    assert "no clear change" not in said
    assert "northbound. One replication has no interval: a change may be chance alone." in said


def test_cargo_that_nothing_touches_is_one_line(desk: Path) -> None:
    """Instead of one line a port; with minutes saved the arithmetic is there."""
    said = shown(desk, 1.0, 12, 12)
    assert "No truck line changes: cargo value is 0." in said
    assert "Cargo value by" not in said
    said = shown(desk, 1.0, 12, 12, saved=3.0)
    assert "Left: 3.0 ± 0.0 min saved x share 10.00% -> +$1.0M ± $0.1M a month" in said


def test_each_scenario_takes_the_sets_that_are_of_it(desk: Path) -> None:
    """What one has already, or lacks the path of, is no fault; of none it is, and a fault of one names it."""
    booths, factor = "network.ports[left].truck.standard.booths_open", "demand[0].factor"
    (desk / "more.yaml").write_text(
        "scenario: more\nextends: now.yaml\nchanges: [{action: scale_demand, factor: 1.1}]\n"
    )
    files = [desk / "now.yaml", desk / "more.yaml"]
    now, more = study.read(files, sets=[f"{factor}=1.3", "run.seed=9"]).scenarios
    assert (now.sets, more.sets) == (("run.seed=9",), (f"{factor}=1.3", "run.seed=9"))
    with pytest.raises(ScenarioError, match="bths"):
        study.read(files, sets=[f"{booths}.bths=1"])
    with pytest.raises(ScenarioError, match=r"a factor of 1 changes nothing \(in .*more.yaml\)"):
        study.read(files, sets=[f"{factor}=1"])


def test_check_goes_on_after_a_file_whose_model_cannot_be_built(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its fault is told with the others, with its name."""
    change = "{action: scale_demand, factor: 6}"
    (desk / "wild.yaml").write_text(f"scenario: wild\nextends: now.yaml\nchanges: [{change}, {change}]\n")
    assert call("check", desk / "wild.yaml", desk / "now.yaml") == 2
    said = capsys.readouterr()
    assert "now.yaml: good" in said.out
    assert "wild.yaml: " in said.err
    assert "demand is scaled 36 times in all" in said.err


# --- killed ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_says_what_is_kept(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "run", interrupted)
    assert call("run", desk / "now.yaml", "--out", desk / "stopped") == 130
    assert "finished replications are kept" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.drawn
def test_a_run_that_was_killed_goes_on_to_the_same_tables(desk: Path, tmp_path: Path) -> None:
    """Kill -9 once the first replication is there: it is not run again, and every table has the same bytes."""
    words = ["compare", desk / "now.yaml", desk / "opened.yaml", "--replications", 4, "--jobs", 1, "--quiet"]
    slow = [*words, "--engine", "simpy", "--out", tmp_path / "killed"]
    program = [sys.executable, "-c", "from portsim.cli import main; main()", *map(str, slow)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as running:
        while not list((tmp_path / "killed" / "parts").glob("*.npz")):
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed" / "parts").glob("*.npz")}
    assert 1 <= len(finished) < 8
    assert not (tmp_path / "killed" / "manifest.json").exists()
    assert call(*slow) == 0
    assert call(*words, "--out", tmp_path / "whole") == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    for folder, count in (("tables", 6), ("parts", 8), ("figures", 1)):
        paths = [path for path in (tmp_path / "whole" / folder).iterdir() if path.name != report.OWNER]
        assert len(paths) >= count
        for path in paths:
            assert (tmp_path / "killed" / folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_both_engines_are_compared_on_every_row(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `check --engines` does: it says how many rows agreed, or the first that does not."""
    assert call("check", desk / "now.yaml", "--engines") == 0
    agreed = re.search(r"both engines agree on all ([\d,]+) rows of replication 0", capsys.readouterr().out)
    assert agreed
    lines = pd.read_csv(desk / "study" / "tables" / "replications.csv")
    lines = lines.query("scenario == 'now' and replication == 0 and port != 'all' and lane_type != 'all'")
    assert int(agreed[1].replace(",", "")) >= 7 * lines["crossings_per_day"].sum() > 0  # one week; some give up
    monkeypatch.setattr(experiment, "first_difference", lambda *_: "row 7: wait 3, 4")
    assert call("check", desk / "now.yaml", "--engines") == 2
    assert "the engines disagree; this is a bug. Compiled, and SimPy: row 7: wait 3, 4" in capsys.readouterr().err
