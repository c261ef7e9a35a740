"""A run's worth: written with it, found again without simulating, and what other figures and inputs make of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desk import OPTION, call, lay_out
from portsim import api
from portsim.commands import sensitivity
from portsim.commands.study import read
from portsim.errors import PortsimError, ResultsError
from portsim.language import inventory, scenario
from portsim.language.schema import Series
from portsim.valuation import appraisal, parameters, valuing
from portsim.valuation.value import COLUMNS

APPRAISALS = Path(__file__).parents[1] / "scenarios" / "appraisals"
APPRAISED = f"""{OPTION}
appraisal:
  dollar_year: 2024
  opening_year: 2028
  horizon_years: 20
  years: [2030]
  growth_pct_per_year: {{vehicle: {{value: 1.0, low: 0.5, high: 1.5}}, truck: 1.0}}
  capital_usd: {{"2026": 5000000, "2027": {{value: 5000000, low: 4000000, high: 9000000}}}}
  officers: {{usd_per_year: 126000}}
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network, a base and an option, and their comparison in `study`."""
    folder = tmp_path_factory.mktemp("desk")
    lay_out(folder, option=APPRAISED)
    assert call("compare", folder / "now.yaml", folder / "opened.yaml", "--out", folder / "study", "--jobs", 1) == 0
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def test_a_comparison_writes_what_it_is_worth(desk: Path) -> None:
    """Columns are a contract; the three accounts are there, and no total of them."""
    value = table(desk / "study" / "tables", "value")
    assert list(value.columns) == list(COLUMNS)
    assert set(value["account"]) == {"trade", "welfare", "regional"}
    assert list(table(desk / "study" / "tables", "appraisal").columns) == list(appraisal.COLUMNS)
    assert (desk / "study" / "figures" / "tornado.png").exists()
    held = api.load(desk / "study")
    assert len(held.value) == len(value)
    assert not held.emissions.empty
    assert set(held.appraisal["discount_pct"]) == {7, 3.1, 2}
    assert len(held.tornado) <= appraisal.MOST_BARS
    assert set(held.appraisal_years["item"]) >= {"benefits", "capital"}


def test_the_new_port_takes_no_share_of_the_rule(desk: Path) -> None:
    """Trade stands at the ports that have it."""
    value = table(desk / "study" / "tables", "value")
    assert set(value[value["account"] == "trade"]["port"]) == {"left", "all"}
    cargo = value.query("component == 'cargo' and port == 'left'")["usd_per_year"].item()
    monthly = table(desk / "study" / "tables", "cargo_value").query("port == 'left'")["usd_per_month"].item()
    assert cargo == pytest.approx(12 * monthly, rel=1e-4)


def test_later_years_are_simulated_with_grown_demand(desk: Path) -> None:
    """On the same travellers and more: 2030 has six years of growth, and its own rows."""
    replications = table(desk / "study" / "tables", "replications")
    assert set(replications["scenario"]) == {"now", "opened", "now-2030", "opened-2030"}
    joins = replications.groupby("scenario")["joins_per_day"].sum()
    assert 1 < joins["now-2030"] / joins["now"] < 1.01**6 + 0.01
    assert set(table(desk / "study" / "tables", "hourly")["scenario"]) == {"now", "opened"}


def test_a_run_valued_again_gives_the_same_tables(desk: Path, tmp_path: Path) -> None:
    """To the byte, and the run's own stay as they are."""
    before = {path.name: path.read_bytes() for path in (desk / "study" / "tables").iterdir()}
    assert call("value", desk / "study", "--out", tmp_path / "again") == 0
    for name in ("value", "emissions", "appraisal", "appraisal_years", "tornado"):
        assert (tmp_path / "again" / f"{name}.csv").read_bytes() == before[f"{name}.csv"]
    assert {path.name: path.read_bytes() for path in (desk / "study" / "tables").iterdir()} == before
    written = tmp_path / "again" / "economics.yaml"
    assert parameters.load(written).parameters["time-usdot"].value == 21.8
    with pytest.MonkeyPatch.context() as unvalued:
        unvalued.setattr(valuing, "worth", lambda *_: pytest.fail("valued before the folder was looked at"))
        assert call("value", desk / "study", "--out", tmp_path / "again") == 2


def test_other_figures_give_other_dollars(desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure that is set is assumed; a file may hold a profile of one's own."""
    own = tmp_path / "ours.yaml"
    own.write_text(
        "settings: {profile: mine}\n"
        "profiles: {mine: {title: Ours, vehicle: {per: vehicle, parameter: time-mine}, "
        "bus: {per: person, parameter: time-walker}, pedestrian: {per: person, parameter: time-walker}, "
        "truck: {parameter: truck-atri, includes: [driver, fuel, vehicle]}}}\n"
        "parameters: {time-mine: {label: ours, value: 9, unit: USD per vehicle-hour, dollar_year: 2024}}\n"
    )
    assert call("value", desk / "study", "--parameters", own, "--out", tmp_path / "ours") == 0
    assert "Ours" in capsys.readouterr().out
    assert (
        call("value", desk / "study", "--set", "time-usdot=0", "--set", "cargo-time=0", "--out", tmp_path / "no") == 0
    )
    none = table(tmp_path / "no", "value").query("component == 'traveller_time'")["usd_per_year"]
    assert (none == 0).all()
    ours = table(tmp_path / "ours", "value").query("component == 'traveller_time' and port == 'left'")
    assert set(ours["unit"]) == {"vehicle-hours"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "time-usdott=3"], "did you mean 'time-usdot'?"),
        (["--set", "time-usdot"], "write NAME=VALUE"),
        (["--set", "time-usdot=dear"], "expected a number"),
        (["--set", "time-usdot=-3"], "value -3 cannot be"),
        (["--set", "appraisal.years=[2031]"], "years decides what is simulated: compare again with it"),
        (["--set", "appraisal.discount_pct=400"], "400 is out of range"),
        (["--set", "appraisal.discont_pct=4"], "did you mean 'discount_pct'?"),
        (["--profile", "usdot"], "unknown profile 'usdot': did you mean 'usdot_2026'?"),
        (["--parameters", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["--explain", "lefft"], "unknown port 'lefft': did you mean 'left'?"),
        (["--set", "settings.dollar_year=2090"], "no price index for 2090"),
    ],
)
def test_what_cannot_be_valued_is_told(
    desk: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, what is wrong, and the nearest right word."""
    assert call("value", desk / "study", *words) == 2
    assert said in capsys.readouterr().err.replace(": does", " does")


def test_explain_reaches_the_source(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a port that both have, and one that opens."""
    for port, method in (("left", "/ 2 crossings"), ("new", "-ln(1 - ")):
        assert call("value", desk / "study", "--explain", port) == 0
        said = capsys.readouterr().out
        assert method in said
        assert "US Department of Transportation" in said
        assert "an hour of a crossing against a toll, in the choice of a port" in said


def test_costs_and_rates_are_valued_again_without_simulating(desk: Path, tmp_path: Path) -> None:
    """Another rate and another cost: the closed form of what changes, and benefits as they were."""
    sets = ["--set", "appraisal.discount_pct=4", "--set", "appraisal.capital_usd.2027=7e6"]
    assert call("value", desk / "study", *sets, "--out", tmp_path / "other") == 0
    rows = table(tmp_path / "other", "appraisal").set_index(["discount_pct", "metric"])["value"]
    before = table(desk / "study" / "tables", "appraisal").set_index(["discount_pct", "metric"])["value"]
    assert rows[4, "pv_capital"] == pytest.approx(5e6 / 1.04**2 + 7e6 / 1.04**3, rel=1e-5)
    assert rows[2, "pv_benefits"] == before[2, "pv_benefits"]
    assert rows[4, "first_year_benefit"] == before[7, "first_year_benefit"]


def test_a_figure_that_is_set_is_said_with_its_range(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before what it makes of the worth."""
    assert call("value", desk / "study", "--set", "time-usdot=30") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(
        "stated: time-usdot 30 USD per person-hour (packaged: 21.8), drawn from 12.5 to 54.5; beware"
    )


def test_a_folder_that_cannot_be_valued_is_told(desk: Path, tmp_path: Path) -> None:
    """No folder, no manifest, an older one, one scenario, a table that is gone."""
    with pytest.raises(ResultsError, match=r"no finished results folder"):
        valuing.read(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(desk / "study", copy, ignore=shutil.ignore_patterns("parts", "figures"))
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "valuation": {**manifest["valuation"], "pairs": []}}))
    with pytest.raises(ResultsError, match="one scenario"):
        valuing.read(copy)
    (copy / "manifest.json").write_text(json.dumps({**manifest, "valuation": {"pairs": 3}}))
    with pytest.raises(ResultsError, match="manifest is damaged"):
        valuing.read(copy)
    (copy / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if k != "valuation"}))
    with pytest.raises(ResultsError, match="before runs could be valued"):
        valuing.read(copy)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (copy / "tables" / "replications.csv").unlink()
    with pytest.raises(ResultsError, match=r"replications\.csv cannot be read"):
        valuing.read(copy)


def test_one_comparison_has_one_future(desk: Path) -> None:
    """Two options that would grow the base otherwise are refused before anything is simulated."""
    (desk / "other.yaml").write_text(APPRAISED.replace("opened", "other").replace("value: 1.0", "value: 1.4"))
    with pytest.raises(PortsimError, match="grows the demand of 2030 otherwise"):
        read([desk / name for name in ("now.yaml", "opened.yaml", "other.yaml")])
    (desk / "later.yaml").write_text(
        APPRAISED.replace("opened", "later").replace("2024", "2031").replace("[2030]", "[2032]")
    )
    with pytest.raises(PortsimError, match="dollar_year is 2031, a year without a price index"):
        read([desk / "now.yaml", desk / "later.yaml"])


def test_an_appraisal_is_inherited_whole(desk: Path) -> None:
    """The youngest file that states one, as with the cargo rule; it changes no replication."""
    (desk / "child.yaml").write_text("scenario: child\nextends: opened.yaml\n")
    parent, child = (scenario.load(desk / f"{name}.yaml") for name in ("opened", "child"))
    assert child.appraisal == parent.appraisal
    assert child.digest == parent.digest


def test_what_an_option_costs_is_shown_and_set_like_the_rest(desk: Path) -> None:
    """Every key of an appraisal has a path; what is set is assumed, and wrong words are told."""
    shown = {row.path: row for row in inventory.show(scenario.load(desk / "opened.yaml"), "appraisal")}
    assert shown["appraisal.capital_usd.2027"].value == "5000000"
    assert shown["appraisal.officers.usd_per_year"].unit == "$/year"
    assert "opened.yaml:" in shown["appraisal.opening_year"].origin
    assert shown["appraisal.discount_pct"].origin == "default"
    sets = ["appraisal.discount_pct=4", "appraisal.capital_usd.2027=7e6", "appraisal.years=[2031]"]
    plan = scenario.load(desk / "opened.yaml", sets=sets).appraisal
    assert plan is not None
    assert (plan.discount_pct.value, plan.years) == (4, (2031,))
    assert (plan.capital_usd["2027"].value, plan.capital_usd["2027"].high) == (7e6, None)
    with pytest.raises(PortsimError, match=r"did you mean 'discount_pct'\?"):
        scenario.load(desk / "opened.yaml", sets=["appraisal.discont_pct=4"])
    with pytest.raises(PortsimError, match="lies after the last year of operation"):
        scenario.load(desk / "opened.yaml", sets=["appraisal.years=[2090]"])
    study = read([desk / "now.yaml", desk / "opened.yaml"], sets=["appraisal.discount_pct=4"])
    assert study.scenarios[1].appraisal is not None
    assert study.digest != read([desk / "now.yaml", desk / "opened.yaml"]).digest


@pytest.mark.parametrize("path", sorted(APPRAISALS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_worked_appraisals_can_be_run(path: Path) -> None:
    """They read, their costs are those of the documents, and they can be compared with one another."""
    held = scenario.load(path).appraisal
    assert held is not None
    capital = held.figures()["capital"].value if held.capital_usd else 0.0
    stated = {"otay-mesa-east": 1.3e9, "calexico-east-bridge": 32.5e6, "otay-mesa-truck-booths": 0.0}
    assert capital == pytest.approx(stated[path.stem])
    assert held.officers is not None
    index = parameters.load().price_index
    assert {mode: figure.value for mode, figure in held.growth_pct_per_year.items()} == {
        "vehicle": 1.8,
        "pedestrian": 1.8,
        "truck": 2.2,
    }
    assert held.officers.usd_per_year.value == pytest.approx(126_000 * index.factor(2017, 2024), abs=10)


# --- the model's inputs ------------------------------------------------------------------------


def test_every_kind_of_input_is_moved_and_only_it() -> None:
    """Capacity, demand, shares, patience, tastes and the assumed truck wait; each is another scenario."""
    base = scenario.load(APPRAISALS.parent / "baseline.yaml")
    moves = sensitivity.moves(base)
    names = {move.name for move in moves}
    assert names >= {"inspection-time", "demand", "referral-shares", "taste-scale", "patience"}
    assert "wait-otay-mesa-truck" in names
    digests = [move.alter(base).digest for move in moves]
    assert len(set(digests)) == len(digests)
    slow = next(m for m in moves if m.name == "inspection-time" and m.end == "high").alter(base)
    lane, as_it_is = (s.network.port("tecate").vehicle.lane_types["general"] for s in (slow, base))
    assert isinstance(lane.service.mean_s, Series)
    np.testing.assert_allclose(lane.service.mean_s.slots(), 1.05 * as_it_is.service.mean_s.slots())
    assert lane.observed == as_it_is.observed


def test_a_series_is_scaled_in_every_form() -> None:
    """A number, hours, steps and days."""
    for form in (
        {"value": 3.0},
        {"hours": tuple(range(24))},
        {"steps": {"06:00": 2.0, "20:00": 1.0}},
        {"days": {"mon-fri": {"06:00": 2.0}, "sat-sun": 4.0}},
    ):
        series = Series.model_validate(form)
        np.testing.assert_allclose(sensitivity.scaled(series, 1.5).slots(), 1.5 * series.slots())


@pytest.mark.slow
def test_sensitivity_reports_minutes_and_dollars(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is, and at either end; as it is, it is the comparison's own welfare."""
    words = ("sensitivity", desk / "now.yaml", desk / "opened.yaml", "--out", desk / "study", "--jobs", 1)
    assert call(*words, "--only", "demand") == 0
    found = table(desk / "study" / "tables", "sensitivity-demand")
    assert found["end"].unique().tolist() == ["as it is", "low", "high"]
    now = found.query("end == 'as it is' and mode == 'all'")["welfare_usd_per_year"].item()
    value = table(desk / "study" / "tables", "value")
    net = value.query("account == 'welfare' and component == 'all' and port == 'all'")["usd_per_year"].item()
    assert now == pytest.approx(net, rel=1e-5)
    assert (desk / "study" / "figures" / "sensitivity-demand.png").exists()
    capsys.readouterr()
    before = (desk / "study" / "tables" / "sensitivity-demand.csv").read_bytes()
    assert call(*words, "--only", "demand") == 2
    assert "is there already: --replace writes it anew" in capsys.readouterr().err
    assert (desk / "study" / "tables" / "sensitivity-demand.csv").read_bytes() == before
    assert call(*words, "--only", "demand", "--replace") == 0
    assert call(*words, "--only", "demnd") == 2
    assert "did you mean 'demand'?" in capsys.readouterr().err
