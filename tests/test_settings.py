"""`--set` changes one value of a resolved scenario, and says what is wrong with a path or a value that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portsim.border.workload import draw
from portsim.errors import PortsimError, ScenarioError
from portsim.language import scenario
from portsim.language.inventory import show
from portsim.runs import experiment

NETWORKS = Path(__file__).parent / "networks"
TEXT = """scenario: case
network: twin-ports.yaml
run: {weeks: 2}
changes:
  - {action: scale_demand, factor: 1.2, modes: [truck]}
  - {action: open_port, port: north, officers: added}
cargo_rule:
  usd_per_month_per_10_min: 5
  border_truck_imports_usd_bn: 2
  truck_imports_usd_bn: {east: 1}
"""
TRUCKS = "network.ports[east].truck.standard"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a scenario file with the twin ports beside it."""
    for name in ("twin-ports.yaml", "waits.csv"):
        (tmp_path / name).write_text((NETWORKS / name).read_text())
    (tmp_path / "case.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "case.yaml"


def refused(case: Path, *sets: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        scenario.load(case, sets=sets)
    return str(raised.value).splitlines()


def test_a_figure_set_is_assumed_with_a_note_and_changes_the_digest(case: Path) -> None:
    """The number is no longer the source's: its source, class, year and range go."""
    before, after = scenario.load(case), scenario.load(case, sets=["network.ports[east].vehicle.lane_positions=11"])
    crossing = after.network.port("east").vehicle
    assert crossing is not None
    positions = crossing.lane_positions
    assert (positions.value, positions.class_, positions.source, positions.year) == (11, "assumed", None, None)
    assert positions.note == "set on the command line"
    assert after.sets == ("network.ports[east].vehicle.lane_positions=11",)
    assert before.digest != after.digest
    assert before.sets == ()


def test_the_level_lane_types_and_the_field_value_may_be_written_or_not(case: Path) -> None:
    """Each form leads to the same scenario."""
    forms = (
        f"{TRUCKS}.booths_built=3",
        f"{TRUCKS}.booths_built.value=3",
        "network.ports[east].truck.lane_types.standard.booths_built=3",
        "network.ports[east].truck.lane_types[standard].booths_built = 3",
    )
    assert len({scenario.load(case, sets=[form]).digest for form in forms}) == 1


def test_a_mapping_states_what_a_number_rests_on(case: Path) -> None:
    """Source and class given are kept, and no note is added."""
    given = f"{TRUCKS}.booths_built={{value: 3, year: 2026, source: survey, class: measured}}"
    crossing = scenario.load(case, sets=[given]).network.port("east").truck
    assert crossing is not None
    built = crossing.lane_types["standard"].booths_built
    assert built is not None
    assert (built.value, built.source, built.class_, built.note) == (3, "survey", "measured", None)


@pytest.mark.parametrize(
    "given",
    [
        f"{TRUCKS}.booths_open={{'06:00': 2, '20:00': 1}}",
        f"{TRUCKS}.booths_open={{mon-fri: 3, sat-sun: 1}}",
        f"{TRUCKS}.toll_usd=5",
        "network.ports[east].open=false",
        "network.ports[east].vehicle.stages[secondary].stations=2",
        "network.catchments[town].access_min.west=20",
        "network.patience_pct_per_min.truck=0.1",
        "network.ports[east].name=The east gate",
        "network.ports[east].truck.hours=24h",
        "network.ports[east].truck.hours[0].closes='23:00'",
        "network.classes.local.lane_types=[general]",
        "run.seed=9",
        "run.month=7",
        "demand[0].factor=1.5",
        "cargo_rule.truck_imports_usd_bn.east=1.5",
    ],
)
def test_values_of_every_kind_can_be_set(case: Path, given: str) -> None:
    """The value is there, comes from the command line, and nothing else does."""
    changed = scenario.load(case, sets=[given])
    origins = {leaf.path: changed.origin(leaf.at) for leaf in changed.leaves()}
    path = given.partition("=")[0]
    assert [p for p, origin in origins.items() if origin == "command line"] == [path]


def test_what_fits_only_together_is_set_together(case: Path) -> None:
    """Values are looked at once all are set."""
    more = [f"{TRUCKS}.booths_built=6", "network.ports[east].truck.lane_positions=6"]
    assert refused(case, more[0]) == [
        f"command line: --set {more[0]}: 6 booths built, but the crossing has 4 lane positions"
    ]
    for sets in (more, more[::-1]):
        crossing = scenario.load(case, sets=sets).network.port("east").truck
        assert crossing is not None
        assert crossing.lane_positions.value == 6


def test_every_path_shown_can_be_set(case: Path) -> None:
    """What `show` lists is what --set takes: each value, set to itself, is refused only for changing nothing."""
    before = scenario.load(case)
    for row in show(before, full=True):
        (line,) = refused(case, f"{row.path}={row.value}")
        assert line.endswith("it is this already, so this changes nothing"), line


REFUSED = {
    "booths_built=16": "unknown key 'booths_built': allowed: network, run, cargo_rule, demand",
    "netwrk.choice.kind=fixed": "unknown key 'netwrk': did you mean 'network'? allowed: network, run",
    "network.ports[eats].open=false": "unknown 'eats' in network.ports: did you mean 'east'? allowed: east, west",
    "network.ports[east].trck.standard.toll_usd=1": "unknown key 'trck' in network.ports[east]: did you mean 'truck'?",
    "network.ports[east].truck.standards.toll_usd=1": "did you mean 'standard'? allowed: standard, hours",
    f"{TRUCKS}.booths_bilt=3": f"unknown key 'booths_bilt' in {TRUCKS}: did you mean 'booths_built'?",
    f"{TRUCKS}.booths_built.values=3": "did you mean 'value'? allowed: year, source, class, note, value, low, high",
    f"{TRUCKS}.service.kind.x=3": f"{TRUCKS}.service.kind is 'deterministic': nothing stands below it; set it whole",
    "network.ports[east].bus.general.toll_usd=1": "network.ports[east].bus is not there, so nothing below it can be set"
    ": allowed: truck, vehicle",
    f"{TRUCKS}.booths_built": "no '=' in it: write path=value, such as network.ports[otay-mesa].truck.standard",
    f"{TRUCKS}.booths_built=": "no value after '=': give one, or null to leave it out",
    "network..choice=1": "'network..choice' is not a path: write dotted keys with ids in brackets",
    "network=1": "a whole network cannot be set: name one value of it",
    f"{TRUCKS}.booths_built=[1": "not valid YAML",
    f"{TRUCKS}.booths_built=!!python/object:os.system 1": "is not allowed: write the value alone",
    f"{TRUCKS}.booths_built=-1": "-1 is out of range: must be at least 0",
    f"{TRUCKS}.booths_built=many": "expected a number, or {value, year, source, class}",
    f"{TRUCKS}.booths_built=4": "it is this already, so this changes nothing",
    f"{TRUCKS}.booths_built={{value: 3, source: survy}}": "unknown source 'survy': did you mean 'survey'?",
    f"{TRUCKS}.service.kind=gama": "did you mean 'gamma'? allowed: deterministic",
    f"{TRUCKS}.observed.origins={{town: 0.5}}": "the shares sum to 0.5: they must sum to 1",
    "network.ports[east].truck.hours[1].opens='08:00'": "unknown '1' in network.ports[east].truck.hours: allowed: 0",
    "network.ports[east].truck.hours=["
    "{opens: '06:00', closes: '12:00'}, {opens: '11:00', closes: '13:00'}]": "overlaps daily 06:00 to 12:00 on mon",
    f"{TRUCKS}.booths_open={{table: x.csv, column: x}}": "a table is read from files only: give hours",
    f"{TRUCKS}.service={{kind: deterministic, mean_s: {{freight: {{table: x.csv, column: x}}}}}}": "from files only",
    f"{TRUCKS}.booths_open.table=x.csv": "a table is read from files only: give hours",
    f"{TRUCKS}.service.mean_s=1e12": "a mean must be at most 36,000 s in every hour",
    "network.ports[east].truck.hours=[]": "give at least one window: a line without any would never open",
    f"{TRUCKS}.hours=[]": "give at least one window: a line without any would never open",
    f'{TRUCKS}.booths_open="\\e[31m"': "a control character",
    "run.weeks=0": "0 is out of range: must be at least 1",
    "run.wekes=3": "unknown key 'wekes' in run: did you mean 'weeks'?",
    "demand[0].factor=1": "a factor of 1 changes nothing",
    "demand[7].factor=2": "unknown '7' in demand: allowed: 0",
    "cargo_rule.truck_imports_usd_bn.eats=1": "unknown port 'eats': did you mean 'east'?",
}


@pytest.mark.parametrize("given", REFUSED)
def test_a_setting_that_cannot_be_is_refused_at_the_command_line(case: Path, given: str) -> None:
    """The fault is at the command line, names the setting, the level where it goes wrong and what is allowed."""
    lines = refused(case, given)
    assert lines[0].startswith(f"command line: --set {given}: "), lines
    assert any(REFUSED[given] in line for line in lines), lines


def test_all_wrong_settings_are_told_at_once(case: Path) -> None:
    """One line each; a value set twice is one of them."""
    assert len(refused(case, "a=1", "run.weeks", "run.sed=1")) == 3
    assert refused(case, "run.seed=1", "run.seed=2") == [
        "command line: --set run.seed=2: this value is set twice: set it once"
    ]


def test_a_warm_up_set_too_long_is_the_command_lines_fault(case: Path) -> None:
    """Rules of the whole run hold for what is set too."""
    assert refused(case, "run.warm_up_weeks=5") == [
        "command line: warm_up_weeks (5) is longer than the run: at most 3, one more than weeks (2)"
    ]


def test_nothing_set_costs_nothing_and_changes_nothing(case: Path) -> None:
    """Without --set the scenario is the file's."""
    assert scenario.load(case, sets=()).digest == scenario.load(case).digest


def test_a_series_in_full_can_be_set_again(case: Path) -> None:
    """`show --all` writes series as --set takes them."""
    before = scenario.load(case)
    wait = next(row for row in show(before, full=True) if row.path == f"{TRUCKS}.observed.wait_min")
    hours = json.loads(wait.value)
    assert len(hours) == 168
    after = scenario.load(case, sets=[f"{wait.path}={[hour + 1 for hour in hours]}"])
    assert after.digest != before.digest


REACH = "network.catchments[town].access_min.west"
"""Of a source, measured in 2024."""


@pytest.mark.parametrize("part", [f"hours={[20] * 24}", "hours[3]=25", "steps={'00:00': 20}"])
def test_a_part_of_a_number_set_makes_it_assumed(case: Path, part: str) -> None:
    """The numbers of a series with a source: its class, source and year go, whether all are set or one."""
    path = f"{TRUCKS}.observed.wait_min"
    before, after = scenario.load(case), scenario.load(case, sets=[f"{path}.{part}"])
    old, new = (next(leaf.value for leaf in s.leaves() if leaf.path == path) for s in (before, after))
    assert (old.source, old.class_) == ("survey", "derived")  # type: ignore[attr-defined]
    assert (new.source, new.class_, new.year, new.note) == (None, "assumed", None, "set on the command line")  # type: ignore[attr-defined]
    assert {after.origin(leaf.at) for leaf in after.leaves() if leaf.path == path} == {"command line"}


def test_a_range_set_leaves_the_number_its_sources(case: Path) -> None:
    """Value, class, source and origin stay; the note says that the range is ours."""
    before, after = scenario.load(case), scenario.load(case, sets=[f"{REACH}.low=8", f"{REACH}.high=20"])
    leaf = next(leaf for leaf in after.leaves() if leaf.path == REACH)
    reach = after.network.catchments[0].access_min["west"]
    assert (reach.value, reach.low, reach.high, reach.source, reach.class_) == (12, 8, 20, "survey", "measured")
    assert reach.note == "range set on the command line"
    assert after.origin(leaf.at) == before.origin(leaf.at) != "command line"


def test_a_number_and_a_part_of_it_are_given_in_one(case: Path) -> None:
    """Which of them holds would be anyone's guess."""
    (line,) = refused(case, f"{REACH}=9", f"{REACH}.source=survey")
    assert line.endswith(f"it is part of what --set {REACH}=9 sets: give both in one")


def test_an_option_of_the_command_line_and_set_cannot_both_say_it(case: Path) -> None:
    """`--seed 5 --set run.seed=6`."""
    with pytest.raises(ScenarioError, match=r"run\.seed=6: this value is set twice: by --seed too"):
        scenario.load(case, {"seed": 5}, ["run.seed=6"])


def test_what_is_of_nothing_here_is_left_out_where_not_all_sets_are_asked_for(case: Path) -> None:
    """An unknown path, and a value that is there already; what cannot be is a fault still."""
    sets = ["network.ports[moon].open=true", f"{TRUCKS}.booths_built=4", "run.seed=9"]
    found = scenario.load(case, sets=sets, all_sets=False)
    assert (found.sets, tuple(found.idle), found.run.seed) == (("run.seed=9",), tuple(sets[:2]), 9)
    assert found.network == scenario.load(case).network
    with pytest.raises(ScenarioError, match="out of range"):
        scenario.load(case, sets=[f"{TRUCKS}.booths_built=-1"], all_sets=False)


def test_an_observed_crossing_that_is_new_has_demand(case: Path) -> None:
    """It is not in the network before the changes: its own opening hours hold."""
    lane = "{booths_open: 2, service: {kind: exponential, mean_s: 60}, observed: {per_hour: 30, origins: {town: 1}}}"
    new = f"network.ports[west].truck={{lane_positions: 4, lane_types: {{standard: {lane}}}}}"
    model = experiment.build_model(scenario.load(case, sets=[new]))
    assert "west/truck/standard" in {line.name for line in model.lines}


def test_a_patience_without_end_is_none(case: Path) -> None:
    """A share of trips so small that its draws would be no whole numbers."""
    model = experiment.build_model(scenario.load(case, sets=["network.patience_pct_per_min.truck=1e-12"]))
    assert {segment.patience for segment in model.segments if segment.mode == "truck"} == {0}


def test_more_travellers_than_can_be_are_refused_before_they_are_drawn(case: Path) -> None:
    """1e12 an hour would fill the memory."""
    model = experiment.build_model(scenario.load(case, sets=[f"{TRUCKS}.observed.per_hour=1e12"]))
    with pytest.raises(PortsimError, match=r"town/freight: [0-9,]* travellers a week are more than can be told apart"):
        next(iter(draw(model, 1, 0).weeks()))


def test_only_the_modes_with_a_low_figure_have_another_origin_at_low_patience(case: Path) -> None:
    """The companion's other figures are where they were."""
    companion = scenario.at_low_patience(scenario.load(case, sets=["network.patience_pct_per_min.truck.low=0.1"]))
    assert companion is not None
    at = ("network", "patience_pct_per_min")
    assert companion.origin((*at, "truck")) == "low figure"
    assert companion.origin((*at, "vehicle")).startswith("twin-ports.yaml:")


def test_weights_beyond_all_sense_are_named() -> None:
    """No warning of numpy, and where to look."""
    path = Path(__file__).parents[1] / "scenarios" / "baseline.yaml"
    wild = scenario.load(path, sets=["network.choice.taste_scale_min=1e-3"])
    with pytest.raises(PortsimError, match="taste_scale_min, access_weight and wait_weight of choice"):
        experiment.build_model(wild)
