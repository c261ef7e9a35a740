"""Scenario files are read with everything they rest on, and every fault is placed and said in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from portsim.errors import ScenarioError, nearest
from portsim.language import scenario
from portsim.language.paths import changed
from portsim.language.schema import Series, Window

REPOSITORY = Path(__file__).parent.parent
TWIN_PORTS = Path(__file__).parent / "networks" / "twin-ports.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current directory with the twin ports beside it."""
    for name in ("twin-ports.yaml", "waits.csv"):
        (tmp_path / name).write_text((TWIN_PORTS.parent / name).read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(folder: Path, text: str, name: str = "case.yaml", **run: object) -> scenario.Scenario:
    (folder / name).write_text(text)
    return scenario.load(folder / name, run)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        load(folder, text)
    return str(raised.value).splitlines()


BASE = "scenario: base\nnetwork: twin-ports.yaml\nrun: {weeks: 2, seed: 7}\n"
OPEN_NORTH = "  - {action: open_port, port: north, officers: added}\n"


# --- what is read ------------------------------------------------------------------------------


def test_a_scenario_needs_a_name_and_a_network_only(folder: Path) -> None:
    """What a short scenario leaves out has stated defaults."""
    case = load(folder, "scenario: short\nnetwork: twin-ports.yaml\n")
    assert (case.name, case.title, case.about) == ("short", "short", "")
    assert (case.run.weeks, case.run.replications, case.demand, case.cargo_rule) == (1, 3, (), None)


def test_a_child_inherits_network_run_and_changes_but_not_words(folder: Path) -> None:
    """`run` merges key by key, the parent's changes come first, and titles are each file's own."""
    load(folder, BASE + "title: Base\nabout: B\nchanges:\n" + OPEN_NORTH, "base.yaml")
    child = load(
        folder,
        "scenario: child\nextends: base.yaml\nrun: {weeks: 3}\nchanges:\n"
        "  - {action: close_port, port: north}\n"
        "  - {action: scale_demand, factor: 1.1}\n",
    )
    assert (child.name, child.title, child.about) == ("child", "child", "")
    assert (child.run.weeks, child.run.seed) == (3, 7)
    assert not child.network.port("north").open
    assert [change.factor for change in child.demand] == [1.1]


def test_patience_merges_by_mode_and_choice_overrides(folder: Path) -> None:
    """A scenario's settings lie over its parent's, and those over the network's."""
    load(folder, BASE + "choice: fixed\npatience_pct_per_min: {truck: 0.1}\n", "base.yaml")
    child = load(folder, "scenario: child\nextends: base.yaml\npatience_pct_per_min: {vehicle: 0}\n")
    patience = {mode: figure.value for mode, figure in child.network.patience_pct_per_min.items()}
    assert patience == {"vehicle": 0, "truck": 0.1}
    assert child.network.choice.kind == "fixed"


def test_paths_are_relative_to_the_file_that_states_them(folder: Path) -> None:
    """A parent in another folder finds its own network."""
    (folder / "options").mkdir()
    load(folder, BASE, "base.yaml")
    child = load(folder, "scenario: child\nextends: ../base.yaml\n", "options/child.yaml")
    assert child.network.network == "twin-ports"
    assert [path.name for path in child.files] == ["child.yaml", "base.yaml", "twin-ports.yaml", "waits.csv"]


def test_the_command_line_overrides_run(folder: Path) -> None:
    """A key given on the command line wins; one that is None was not given."""
    case = load(folder, BASE, weeks=5, seed=None)
    assert (case.run.weeks, case.run.seed) == (5, 7)


def test_the_command_line_is_checked_like_a_file(folder: Path) -> None:
    """A wrong key or number from the command line is a fault that says so."""
    with pytest.raises(ScenarioError, match=r"^command line: run\.weeks: 0 is out of range"):
        load(folder, BASE, weeks=0)
    with pytest.raises(ScenarioError, match=r"unknown key 'week': did you mean 'weeks'\?"):
        load(folder, BASE, week=1)


def test_a_warm_up_longer_than_the_run_is_refused_wherever_it_is_said(folder: Path) -> None:
    """One week more than is measured is the most; a child's shorter run, or the command line, may break it too."""
    assert load(folder, BASE, weeks=1, warm_up_weeks=2).run.warm_up_weeks == 2
    with pytest.raises(ScenarioError, match=r"^command line: warm_up_weeks \(3\) is longer than the run: at most 2"):
        load(folder, BASE, weeks=1, warm_up_weeks=3)
    load(folder, BASE.replace("weeks: 2", "weeks: 9, warm_up_weeks: 9"), "base.yaml")
    assert faults(folder, "scenario: child\nextends: base.yaml\nrun: {weeks: 1}\n") == [
        "base.yaml:3:32: warm_up_weeks (9) is longer than the run: at most 2, one more than weeks (1)"
    ]


def test_tables_become_hours_and_keep_their_source(folder: Path) -> None:
    """A column of a CSV file beside the network is read as 168 hours."""
    lane = load(folder, BASE).network.port("east").truck.lane_types["standard"]  # type: ignore[union-attr]
    waits = lane.observed.wait_min  # type: ignore[union-attr]
    assert waits.hours is not None
    assert (len(waits.hours), waits.hours[7:9], waits.source, waits.table) == (168, (20, 40), "survey", None)


RULE = """
usd_per_month_per_10_min: {value: 26000000, year: 2021, source: survey, class: published}
border_truck_imports_usd_bn: 300
truck_imports_usd_bn: {east: 30}
"""


def test_the_cargo_rule_is_the_scenarios_or_the_file_beside_the_network(folder: Path) -> None:
    """A cargo rule stated in a scenario replaces the one beside the network."""
    (folder / "cargo_rule.yaml").write_text(RULE)
    beside = load(folder, BASE)
    stated = load(
        folder,
        BASE + "cargo_rule: {usd_per_month_per_10_min: 5, border_truck_imports_usd_bn: 2,"
        " truck_imports_usd_bn: {east: 1}}\n",
    )
    assert beside.cargo_rule is not None
    assert stated.cargo_rule is not None
    assert beside.cargo_rule.usd_per_month_per_10_min.value == 26_000_000
    assert stated.cargo_rule.usd_per_month_per_10_min.value == 5


def test_an_anchor_is_read_where_it_is_used(folder: Path) -> None:
    """YAML's anchors are allowed; the value is the same in both places."""
    case = load(
        folder,
        BASE + "changes:\n  - &open {action: open_port, port: north, officers: added}\n"
        "  - {action: close_port, port: north}\n  - *open\n",
    )
    assert case.network.port("north").open


# --- digest and provenance ---------------------------------------------------------------------


@pytest.mark.parametrize("line", ["title: Other\n", "about: Other\n", "source: Other\n", "# a comment\n"])
def test_words_do_not_change_the_digest(folder: Path, line: str) -> None:
    """What a scenario is called has no part in its results."""
    assert load(folder, BASE).digest == load(folder, BASE + line, "other.yaml").digest


@pytest.mark.parametrize(
    "line",
    [
        "choice: fixed\n",
        "patience_pct_per_min: {truck: 0}\n",
        "changes:\n" + OPEN_NORTH,
        "changes:\n  - {action: scale_demand, factor: 1.2}\n",
    ],
)
def test_what_determines_results_changes_the_digest(folder: Path, line: str) -> None:
    """Settings, changes and demand are part of the digest."""
    assert load(folder, BASE).digest != load(folder, BASE + line).digest


def test_replications_do_not_change_the_digest_but_the_seed_does(folder: Path) -> None:
    """More replications continue the same run; another seed is another run."""
    digest = load(folder, BASE).digest
    assert load(folder, BASE, replications=50).digest == digest
    assert load(folder, BASE, seed=8).digest != digest
    assert load(folder, BASE, weeks=9).digest != digest


def test_figures_are_counted_by_class_and_assumed_ones_named(folder: Path) -> None:
    """Stated classes are counted, defaults count as assumed, and each has a dotted path with ids."""
    case = load(folder, BASE)
    count = scenario.count_by_class(case)
    assert (count["measured"], count["published"], count["derived"]) == (1, 1, 1)
    assumed = scenario.assumed(case)
    assert len(assumed) == count["assumed"]
    assert "network.ports[east].vehicle.general.observed.wait_min" in assumed
    assert "network.choice.taste_scale_min" in assumed
    assert "network.catchments[town].access_min.west" not in assumed


def test_the_cargo_rules_figures_are_counted(folder: Path) -> None:
    """A run that speaks of dollars says how many of the rule's figures are assumed."""
    (folder / "cargo_rule.yaml").write_text(RULE)
    case = load(folder, BASE)
    assert scenario.count_by_class(case)["published"] == 2
    assert "cargo_rule.truck_imports_usd_bn.east" in scenario.assumed(case)


# --- faults (tests/test_broken_files.py has the catalogue) --------------------------------------


def test_all_faults_of_all_files_come_at_once_and_in_order(folder: Path) -> None:
    """A scenario, its parent and its network are all looked at before anything is said."""
    network = (folder / "twin-ports.yaml").read_text().replace("    cluster: valley", "    cluster: Valley", 1)
    (folder / "twin-ports.yaml").write_text(network)
    (folder / "base.yaml").write_text("scenario: base\nnetwork: twin-ports.yaml\nrun: {weeks: 0}\n")
    found = faults(folder, "scenario: case\nextends: base.yaml\nrun: {seed: x, month: 0}\n")
    places = [line.split(": ")[0] for line in found]
    assert places == ["base.yaml:3:14", "case.yaml:3:13", "case.yaml:3:23", "twin-ports.yaml:13:14"]


def test_a_parents_faulty_change_is_placed_in_the_parent(folder: Path) -> None:
    """After `extends`, a fault names the file the value came from."""
    (folder / "base.yaml").write_text(BASE + "changes:\n  - {action: close_port, port: south}\n")
    found = faults(folder, "scenario: case\nextends: base.yaml\nchanges:\n  - {action: close_port, port: up}\n")
    assert [line.split(": ")[0] for line in found] == ["base.yaml:5:32", "case.yaml:4:32"]


def test_a_circle_of_parents_is_named(folder: Path) -> None:
    """The circle is spelt out, at the `extends` that closes it."""
    (folder / "a.yaml").write_text("scenario: a\nextends: case.yaml\n")
    assert faults(folder, "scenario: case\nextends: a.yaml\n") == [
        "a.yaml:2:10: scenarios extend each other in a circle: case.yaml -> a.yaml -> case.yaml"
    ]


def test_an_unreadable_cargo_rule_is_placed_in_its_file(folder: Path) -> None:
    """The file beside the network is held to the same language."""
    (folder / "cargo_rule.yaml").write_text(RULE.replace("{east: 30}", "{east: 30, eats: 3}"))
    assert faults(folder, BASE) == [
        "cargo_rule.yaml:4:40: unknown port 'eats': did you mean 'east'? allowed: east, west, north"
    ]


def test_a_stated_cargo_rule_is_checked_where_it_stands(folder: Path) -> None:
    """A cargo rule inside a scenario is placed in the scenario."""
    text = BASE + (
        "cargo_rule:\n  usd_per_month_per_10_min: 5\n  border_truck_imports_usd_bn: 2\n"
        "  truck_imports_usd_bn: {east: 3}\n"
    )
    assert faults(folder, text) == [
        "case.yaml:7:3: the ports' imports sum to 3, above the border's 2",
    ]


# --- tables ------------------------------------------------------------------------------------

ROWS = [f"{hour},1" for hour in range(168)]
TABLES = {
    "missing column": (["hour,lorry", *ROWS], ["one column 'truck'", "hour, lorry"]),
    "short": (["hour,truck", *ROWS[:100]], ["100 rows", "168"]),
    "out of order": (["hour,truck", ROWS[1], ROWS[0], *ROWS[2:]], ["line 2", "expected hour 0", "'1'"]),
    "a word": (["hour,truck", "0,many", *ROWS[1:]], ["line 2, truck", "'many'"]),
    "negative": (["hour,truck", "0,-1", *ROWS[1:]], ["at least 0", "'-1'"]),
    "not finite": (["hour,truck", "0,nan", *ROWS[1:]], ["a number", "'nan'"]),
    "ragged": (["hour,truck", "0", *ROWS[1:]], ["line 2", "1 cells, 2 columns"]),
    "empty": ([], ["one column 'hour'"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_broken_table_is_placed_at_its_series(folder: Path, name: str) -> None:
    """A table's faults stand where the network asks for it."""
    lines, words = TABLES[name]
    (folder / "waits.csv").write_text("\n".join(lines))
    (found,) = faults(folder, BASE)
    assert found.startswith("twin-ports.yaml:55:54: table waits.csv ")
    assert all(word in found for word in words), found


def test_a_missing_table_is_a_fault(folder: Path) -> None:
    """A table that is not there is said so, not raised."""
    (folder / "waits.csv").unlink()
    (found,) = faults(folder, BASE)
    assert "waits.csv does not exist" in found


# --- files that may be read ---------------------------------------------------------------------


def test_files_are_read_below_the_scenario_and_the_current_directory_only(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario from a stranger does not read what it likes; from a folder above both files it may."""
    (folder / "options").mkdir()
    load(folder, BASE, "base.yaml")
    child = folder / "options" / "child.yaml"
    child.write_text("scenario: child\nextends: ../base.yaml\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert f"{folder.as_posix()}/base.yaml lies outside" in refused(child)
    monkeypatch.chdir(folder)
    assert scenario.load(child).run.seed == 7
    (elsewhere / "child.yaml").symlink_to(child)
    assert scenario.load(elsewhere / "child.yaml").run.seed == 7, "a link counts as the file it leads to"


# --- files that are no scenarios ---------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(ScenarioError) as raised:
        scenario.load(path)
    return str(raised.value)


def test_a_missing_file_names_the_nearest_one(folder: Path) -> None:
    """A misspelt path says what is there."""
    assert refused(folder / "twin-port.yaml") == ("twin-port.yaml: does not exist: did you mean 'twin-ports.yaml'?")


def test_a_folder_is_refused(folder: Path) -> None:
    """A directory is not a file."""
    assert "is a directory" in refused(folder)


def test_files_outside_the_current_directory_are_named_in_full(folder: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    """A path is shortened only below the current directory."""
    other = tmp_path_factory.mktemp("other") / "x.yaml"
    assert refused(other) == f"{other.as_posix()}: does not exist"


def test_an_unreadable_file_is_said_to_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is passed on in a sentence."""

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert refused(folder / "twin-ports.yaml") == "twin-ports.yaml: cannot be read: Permission denied"


# --- the library -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((REPOSITORY / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_library_reads(path: Path) -> None:
    """Each file in scenarios/ loads, is named as its file, and says what it is, why and from whom."""
    case = scenario.load(path)
    assert case.name == path.stem
    assert case.title != case.name
    assert case.about
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_control_characters_by_escape_are_refused(folder: Path) -> None:
    """A title must not colour, or clear, the terminal it is shown on."""
    with pytest.raises(ScenarioError, match="a control character"):
        load(folder, BASE + 'about: "\\e[31mred"\n')
    with pytest.raises(ScenarioError, match="a control character in a key"):
        load(folder, BASE + '"ab\\x07out": red\n')
    assert load(folder, BASE + 'about: "two\\nlines\\tand é"\n').about == "two\nlines\tand é"


def test_opening_hours_are_one_value_and_a_mean_by_class_is_compared_by_class() -> None:
    """What a change left as it was keeps its origin."""
    one = Window(opens="06:00", closes="10:00")
    other = Window(opens="12:00", closes="20:00")
    keys = [(number, key) for number in (0, 1) for key in ("days", "opens", "closes")]
    assert list(changed((one, one), (one, other))) == keys
    assert list(changed((one, other), (one,))) == keys[:3]
    mean, longer = Series(value=60), Series(value=90)
    assert list(changed({"mean_s": mean}, {"mean_s": {"a": Series(value=60), "b": longer}})) == [("mean_s", "b")]


@pytest.mark.parametrize(
    ("word", "allowed", "meant"),
    [
        ("car", ("truck", "vehicle"), "vehicle"),
        ("add_lanes", ("open_port", "add_booths"), "add_booths"),
        ("standard", ("general", "ready"), "general"),
        ("regular", ("standard", "fast"), "standard"),
        ("general", ("ready", "sentri"), ""),
    ],
)
def test_what_people_say_is_led_to_what_files_call_it(word: str, allowed: tuple[str, ...], meant: str) -> None:
    said = nearest(word, allowed)
    assert said.startswith(f"did you mean '{meant}'? " if meant else "allowed:")


@pytest.mark.parametrize(
    ("days", "meant"), [("weekdays", "mon-fri"), ("Monday", "mon"), ("Mon to Thu", "mon-thu"), ("Easter", "")]
)
def test_days_in_other_words_are_led_to_theirs(folder: Path, days: str, meant: str) -> None:
    change = (
        f"{{action: add_booths, port: left, mode: truck, lane_type: fast, booths: 1, days: {days}, officers: added}}"
    )
    with pytest.raises(ScenarioError) as refused:
        load(folder, f"scenario: days\ntitle: Days\nchanges: [{change}]\n")
    hint = f"did you mean '{meant}'? " if meant else ""
    assert f"'{days}' names no days: {hint}allowed" in str(refused.value)
