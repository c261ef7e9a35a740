"""What a scenario holds is listed with unit, class and origin, to read on a terminal, search, or open as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from portsim.commands import inspection
from portsim.language import inventory, listing, scenario
from portsim.language.schema import CargoRule, Network, Provenance, Run

REPOSITORY = Path(__file__).parent.parent
NETWORKS = REPOSITORY / "tests" / "networks"
BASE = "scenario: base\nnetwork: twin-ports.yaml\nrun: {weeks: 2, seed: 7}\n"
OPTION = """scenario: option
extends: base.yaml
choice: fixed
patience_pct_per_min: {truck: 0.1}
changes:
  - {action: open_port, port: north, officers: added}
  - action: add_booths
    port: east
    mode: vehicle
    lane_type: general
    booths: 1
    officers: added
  - {action: set_toll, port: west, mode: vehicle, toll_usd: 3}
  - {action: scale_demand, factor: 1.2, modes: [truck]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, with a base, an option and the twin ports."""
    for name in ("twin-ports.yaml", "waits.csv"):
        (tmp_path / name).write_text((NETWORKS / name).read_text())
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "option.yaml").write_text(OPTION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def origins(case: scenario.Scenario) -> dict[str, str]:
    return {leaf.path: case.origin(leaf.at) for leaf in case.leaves()}


# --- where values come from --------------------------------------------------------------------


def test_each_value_comes_from_a_line_a_table_a_change_or_a_default(folder: Path) -> None:
    """The youngest file that says so is named, with its line."""
    found = origins(scenario.load("option.yaml", {"weeks": 3}, ["network.choice.taste_scale_min=20"]))
    assert {
        path: found[path]
        for path in (
            "run.weeks",
            "run.seed",
            "run.replications",
            "network.choice.kind",
            "network.choice.taste_scale_min",
            "network.choice.wait_weight",
            "network.patience_pct_per_min.truck",
            "network.patience_pct_per_min.vehicle",
            "network.ports[east].vehicle.lane_positions",
            "network.ports[east].truck.standard.observed.wait_min",
            "network.ports[east].vehicle.general.booths_open",
            "network.ports[east].vehicle.general.observed.wait_min",
            "network.ports[west].vehicle.general.toll_usd",
            "network.ports[north].open",
            "demand[0].factor",
            "network.ports[east].truck.hours[0].opens",
        )
    } == {
        "run.weeks": "command line",
        "run.seed": "base.yaml:3",
        "run.replications": "default",
        "network.choice.kind": "option.yaml:3",
        "network.choice.taste_scale_min": "command line",
        "network.choice.wait_weight": "default",
        "network.patience_pct_per_min.truck": "option.yaml:4",
        "network.patience_pct_per_min.vehicle": "twin-ports.yaml:19",
        "network.ports[east].vehicle.lane_positions": "twin-ports.yaml:24",
        "network.ports[east].truck.standard.observed.wait_min": "waits.csv:truck",
        "network.ports[east].vehicle.general.booths_open": "option.yaml:7",
        "network.ports[east].vehicle.general.observed.wait_min": "twin-ports.yaml:34",
        "network.ports[west].vehicle.general.toll_usd": "option.yaml:13",
        "network.ports[north].open": "option.yaml:6",
        "demand[0].factor": "option.yaml:14",
        "network.ports[east].truck.hours[0].opens": "twin-ports.yaml:47",
    }


def test_the_origin_named_holds_the_value(folder: Path) -> None:
    """Each line named of a file is the line on which the last word of the path, or its change, stands."""
    case = scenario.load("base.yaml")
    for row in inventory.show(case):
        file, _, line = row.origin.partition(":")
        if line.isdigit():
            key = row.path.split(".")[-1].split("[")[0].removesuffix("]")
            assert key in (folder / file).read_text().splitlines()[int(line) - 1], row


def test_a_companion_at_low_patience_says_so(folder: Path) -> None:
    """What it changes comes from no line of a file."""
    companion = scenario.at_low_patience(scenario.packaged())
    assert companion is not None
    found = origins(companion)
    assert found["network.patience_pct_per_min.vehicle"] == found["run.warm_up_weeks"] == "low figure"


# --- units -------------------------------------------------------------------------------------


def number_fields(annotation: Any, key: str) -> Iterator[str]:
    """Yield the keys under which a model's figures and series stand."""
    if isinstance(annotation, type) and issubclass(annotation, Provenance):
        yield key
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield from number_fields(field.annotation, field.alias or name)
    else:
        for part in get_args(annotation):
            yield from number_fields(part, key)


@pytest.mark.parametrize("key", sorted({key for model in (Network, CargoRule) for key in number_fields(model, "")}))
def test_every_number_of_the_language_has_a_unit(key: str) -> None:
    """A field without a unit would be listed as a bare number."""
    assert inventory.unit(key)


def test_every_number_shown_has_a_unit_or_is_a_count(folder: Path) -> None:
    """The packaged network too; a seed and a month are names of things, not quantities."""
    for case in (scenario.load("option.yaml"), scenario.packaged()):
        for row in inventory.sources(case):
            assert row.unit, row
    assert {name for name in Run.model_fields if inventory.unit(name) is None} == {"seed", "month"}


# --- lists -------------------------------------------------------------------------------------


def test_show_narrows_by_text_and_sums_series_up(folder: Path) -> None:
    """A series that varies is told in a few words, and in full where asked."""
    case = scenario.load("base.yaml")
    (short,) = inventory.show(case, "truck.standard.booths_open")
    (full,) = inventory.show(case, "truck.standard.booths_open", full=True)
    assert short == (
        "network.ports[east].truck.standard.booths_open",
        "0 to 3, mean 1.37, 168 hours",
        "booths",
        "assumed",
        "twin-ports.yaml:51",
    )
    assert full.value.startswith('{"mon-fri": {"06:00": 3.0')
    (constant,) = inventory.show(case, "ready.booths_open")[:1]
    assert constant.value == "2"


def test_diff_names_values_and_origins_of_both_sides(folder: Path) -> None:
    """Changes of the network and of demand, and settings; what one side lacks is a dash."""
    rows = {row.path: row for row in inventory.diff(scenario.load("base.yaml"), scenario.load("option.yaml"))}
    assert list(rows) == [
        *(f"demand[0].{key}" for key in ("action", "factor", "modes")),
        "network.choice.kind",
        "network.patience_pct_per_min.truck",
        "network.ports[east].vehicle.general.booths_open",
        "network.ports[west].vehicle.general.toll_usd",
        "network.ports[north].open",
    ]
    assert rows["network.ports[north].open"][1:] == ("false", "true", "", "", "twin-ports.yaml:70", "option.yaml:6")
    assert rows["demand[0].factor"][1:] == ("-", "1.2", "", "factor", "-", "option.yaml:14")
    toll = rows["network.ports[west].vehicle.general.toll_usd"]
    assert (toll.base, toll.option, toll.unit) == ("-", "3", "$")


def test_equal_scenarios_do_not_differ(folder: Path) -> None:
    """A title makes no difference."""
    (folder / "same.yaml").write_text(BASE + "title: Other\n")
    assert inventory.diff(scenario.load("base.yaml"), scenario.load("same.yaml")) == []


def test_a_series_says_when_it_changes_by_how_much(folder: Path) -> None:
    """Least, most and mean may be the same; days that change alike stand together."""
    path = "network.ports[east].truck.standard.observed.per_hour"
    one = scenario.load("base.yaml", sets=[f"{path}={[50] * 12 + [70] * 12}"])
    other = scenario.load("base.yaml", sets=[f"{path}={[70] * 12 + [50] * 12}"])
    (row,) = inventory.diff(one, other)
    assert row.option == row.base
    assert row.change == "daily 00:00-12:00: +20; daily 12:00-24:00: -20"


def test_many_changes_of_a_series_are_said_in_full_where_asked(folder: Path) -> None:
    """Three of them, and how many more; days without a change are not named."""
    path = "network.ports[east].truck.standard.booths_open"
    steps = {0: 0, 6: 3, 9: 1, 10: 3, 11: 2, 12: 3, 13: 2, 14: 3, 22: 0}
    week = {"mon-fri": {f"{hour:02d}:00": booths for hour, booths in steps.items()}, "sat-sun": 0}
    one, other = scenario.load("base.yaml"), scenario.load("base.yaml", sets=[f"{path}={week}"])
    (short,), (full,) = inventory.diff(one, other), inventory.diff(one, other, full=True)
    shown = "mon-fri 09:00-10:00: -2; mon-fri 11:00-12:00: -1; mon-fri 13:00-14:00: -1"
    assert short.change == f"{shown}; and 1 more, see --all"
    assert full.change == f"{shown}; mon-fri 20:00-22:00: +1"


def test_sources_name_title_publisher_year_and_range() -> None:
    """Every figure of the packaged network, with the document it is from."""
    rows = {row.path: row for row in inventory.sources(scenario.packaged())}
    patience = rows["network.patience_pct_per_min.vehicle"]
    assert (patience.value, patience.low, patience.high, patience.unit) == ("0.28", "0.1", "0.28", "%/min")
    assert patience.publisher.startswith("HDR")
    assert len(rows) > 500
    assert all(row.title for row in rows.values() if row.source)


def test_ports_are_listed_after_the_changes(folder: Path) -> None:
    """Hours, booths, service, what was observed, tolls and later stages of each line."""
    rows = {row[:3]: row for row in inventory.ports(scenario.load("option.yaml"))}
    assert rows["east", "vehicle", "general"][3:] == (
        "yes", "24h", "8", "5.3", "6", "local 45, visitor 60", "4320", "25.0", "-", "secondary 5%",
    )  # fmt: skip
    assert rows["east", "truck", "standard"].hours == "mon-fri 06:00-22:00"
    assert (rows["north", "vehicle", "ready"].joins_day, rows["north", "vehicle", "ready"].open) == ("-", "yes")
    assert rows["west", "vehicle", "general"].toll_usd == "3"


# --- text --------------------------------------------------------------------------------------


def test_lines_for_a_pipe_are_whole_and_one_a_row(folder: Path) -> None:
    """What is searched is not cut."""
    rows = inventory.show(scenario.packaged())
    lines = listing.as_lines(rows)
    assert len(lines) == len(rows) + 1
    assert all(row.path in line and row.origin in line for row, line in zip(rows, lines[1:], strict=True))


@pytest.mark.parametrize("width", [100, 80])
def test_lines_for_a_terminal_fit_it_and_keep_paths_whole(width: int) -> None:
    """Ports and parts are headings; the end of each path stands whole before its value."""
    case = scenario.packaged()
    rows = inventory.show(case)
    lines = listing.as_lines(rows, width)
    assert max(map(len, lines)) <= width
    assert all(any(row.path.endswith(line.split()[0]) for line in lines) for row in rows[:50])
    assert max(map(len, listing.as_lines(inventory.ports(case), width))) <= width


def test_a_terminal_says_what_it_leaves_out() -> None:
    """Columns left out and columns cut, in the last line; nothing where all is there."""
    rows = inventory.ports(scenario.packaged())
    names = [name for name in inventory.Line._fields if name != "most"]
    assert listing.as_lines(rows, 300, names)[-1] == "1 column left out or cut at 300 columns; --csv shows all"
    assert "columns left out or cut at 100 columns" in listing.as_lines(rows, 100)[-1]
    assert "--csv" not in listing.as_lines(rows, 300)[-1]


def test_csv_holds_every_row_and_column() -> None:
    """A spreadsheet reads it back."""
    rows = inventory.sources(scenario.packaged())
    read = list(csv.DictReader(io.StringIO(listing.as_csv(rows))))
    assert [row["path"] for row in read] == [row.path for row in rows]
    assert "class" in read[0]
    assert listing.as_csv([]) == ""
    assert listing.as_lines([]) == []


# --- commands ----------------------------------------------------------------------------------


def run(*words: str) -> str:
    app = typer.Typer()
    inspection.register(app)
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_print_lists(folder: Path) -> None:
    """Each verb reads and prints; nothing is simulated or written."""
    before = sorted(folder.iterdir())
    assert "command line" in run("show", "base.yaml", "--set", "run.seed=1", "--only", "run.")
    assert run("show", "base.yaml", "--only", "nowhere") == "no path holds 'nowhere'\n"
    assert run("diff", "base.yaml", "base.yaml") == "no difference\n"
    assert "network.ports[north].open" in run("diff", "base.yaml", "option.yaml")
    assert run("sources", "base.yaml", "--csv").startswith("path,value,low,high,unit,year,class,source,")
    assert "San Diego Association" in run("sources", "--only", "taste_scale_min")
    listed = run("ports")
    assert "otay-mesa-east" in listed
    assert "\ntraveller classes\nmode        class" in listed
    assert "\ncatchments\ncatchment" in listed
    assert "ready" in listed[listed.index("traveller classes") :]
    assert run("ports", "--csv").count("\n\n") == 0
    assert " calibaja/network.yaml:" in run("show", str(REPOSITORY / "scenarios" / "baseline.yaml"))
    assert "26000000" in run("facts", "--csv")
    assert sorted(folder.iterdir()) == before


def test_a_terminal_is_told_of_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a long list is shown whole; not where it is narrowed already, nor in full or in a pipe."""
    inspection.show(folder / "base.yaml")
    assert "--only TEXT" not in capsys.readouterr().out
    monkeypatch.setattr(inspection, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    inspection.show(folder / "base.yaml")
    assert capsys.readouterr().out.endswith("\n--only TEXT lists the paths that hold a text\n")
    inspection.show(folder / "base.yaml", only="run.")
    assert "--only TEXT" not in capsys.readouterr().out
