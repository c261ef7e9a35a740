"""Every figure of the source documents is listed with its source, and stands where the list says it is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from portsim.errors import ScenarioError
from portsim.language import facts, scenario
from portsim.language.facts import Fact, Facts, Use
from portsim.language.schema import Source

SCENARIOS = Path(__file__).parent.parent / "scenarios"

# The documents' figures as the study's brief lists them: id, value, unit.
BRIEF = {
    "cargo-value-ten-minutes": (26_000_000, "USD of cargo a month per 10 minutes"),
    "crossings-per-day": (190_000, "people a day"),
    "ports-of-entry": (7, "ports"),
    "crossings-change-june-2025": (-4.75, "%"),
    "otay-mesa-east-opens": (2027, "year"),
    "border-projects": (27, "projects"),
    "us-port-modernisation": (3.4, "billion USD"),
    "mexican-port-modernisation": (1.5, "billion USD"),
    "county-exports": (34.5, "billion USD a year"),
    "county-exports-to-mexico": (97, "%"),
    "county-export-jobs": (95_000, "jobs"),
    "region-people": (7.1, "million people"),
    "region-exports": (24.3, "billion USD a year"),
    "region-internal-trade": (6.2, "billion USD a year"),
    "region-co-production": (2.5, "billion USD a year"),
    "california-exports-to-mexico": (26.8, "billion USD a year"),
    "california-jobs": (566_000, "jobs"),
    "california-exports-growth": (311, "%"),
    "region-services": (51, "%"),
    "region-manufacturing-workers": (418_300, "workers"),
    "multinational-jobs-mexico": (10, "jobs"),
    "multinational-jobs-us": (25, "jobs"),
    "north-american-trade-per-day": (3.6, "billion USD a day"),
    "north-american-trade-jobs": (14, "million jobs"),
    "consumers-outside": (95, "%"),
    "manufacturing-losses-productivity": (87, "%"),
    "immex-workers": (3, "million workers"),
    "immex-plants-at-border": (60, "%"),
    "immex-share-of-manufacturing": (35, "%"),
    "immex-pay": (40, "%"),
    "trade-1993": (290, "billion USD a year"),
    "trade-2016": (1.1, "trillion USD a year"),
    "us-investment-1993": (15, "billion USD"),
    "us-investment-2016": (100, "billion USD"),
    "mexico-share-of-us-exports": (16, "%"),
    "us-firms-share-of-exports": (80, "%"),
    "us-content-mexico": (13, "%"),
    "us-content-china": (1.4, "%"),
    "small-firms-sales": (110, "billion USD a year"),
    "foreign-investment-2023": (29, "billion USD in half a year"),
    "agricultural-trade": (73.14, "billion USD a year"),
    "agricultural-trade-growth": (44, "%"),
    "intermediate-goods-jobs": (9.5, "million jobs"),
    "intermediate-goods-trade": (1.5, "trillion USD a year"),
    "migrants-per-year": (300_000, "people a year"),
    "usmca-review": (2026, "year"),
}
USED = {
    "cargo-value-ten-minutes",
    "crossings-per-day",
    "ports-of-entry",
    "crossings-change-june-2025",
    "otay-mesa-east-opens",
    "usmca-review",
    "county-exports",
    "county-exports-to-mexico",
    "county-export-jobs",
    "us-content-mexico",
}


@pytest.fixture(scope="module")
def packaged() -> Facts:
    """Return the packaged facts."""
    return facts.load()


def a_fact(*used_in: Use, value: float = 26_000_000, source: str = "brief") -> Fact:
    """Return a fact with the given uses."""
    stated = {"value": value, "unit": "USD", "statement": "So it is.", "source": source, "class": "published"}
    return Fact.model_validate({**stated, "used_in": used_in})


# --- the list ----------------------------------------------------------------------------------


def test_every_figure_of_the_brief_is_there_and_no_other(packaged: Facts) -> None:
    """Ids, values and units are the brief's."""
    assert {name: (fact.value, fact.unit) for name, fact in packaged.facts.items()} == BRIEF


def test_the_facts_used_are_those_the_product_uses(packaged: Facts) -> None:
    """All others are context."""
    assert {name for name, fact in packaged.facts.items() if fact.used_in} == USED


def test_each_statement_is_one_sentence(packaged: Facts) -> None:
    """It starts with a capital, a figure or a dollar sign, ends with a stop, and has none before."""
    odd = [f.statement for f in packaged.facts.values() if not re.fullmatch(r"[A-Z\d$](?:[^.]|\.\d)*\.", f.statement)]
    assert odd == []


def test_every_source_is_cited(packaged: Facts) -> None:
    """No source is listed that no fact comes from."""
    assert {fact.source for fact in packaged.facts.values()} == set(packaged.sources)


def test_an_unknown_source_is_refused() -> None:
    """The message names the fact and the nearest source."""
    sources = {"brief": Source(title="A brief", publisher="various")}
    with pytest.raises(ValidationError, match=r"fact trade: unknown source 'briefs': did you mean 'brief'\?"):
        Facts(sources=sources, facts={"trade": a_fact(source="briefs")})


def test_an_unknown_source_in_a_file_is_placed(tmp_path: Path) -> None:
    """The fault names the file."""
    file = tmp_path / "facts.yaml"
    fact = "{value: 1, unit: USD, statement: So it is., source: none, class: published}"
    file.write_text(f"sources: {{}}\nfacts:\n  trade: {fact}\n")
    with pytest.raises(ScenarioError, match=r"facts\.yaml:1:1: fact trade: unknown source 'none'"):
        facts.load(file)


def test_only_published_figures_are_facts() -> None:
    """A number of ours belongs to the network, with its own class."""
    with pytest.raises(ValidationError, match="published"):
        Fact.model_validate({"value": 1, "unit": "USD", "statement": "So.", "source": "brief", "class": "assumed"})


# --- the table ---------------------------------------------------------------------------------


def test_the_table_has_a_row_a_fact_and_labels_context() -> None:
    """Columns are those promised; what is used says where."""
    table = facts.table()
    assert tuple(table.columns) == ("id", "value", "unit", "year", "used_in", "source", "statement")
    rows = table.set_index("id")
    assert set(rows.index) == set(BRIEF)
    assert set(rows.index[rows["used_in"] != facts.CONTEXT]) == USED
    assert rows.loc["cargo-value-ten-minutes", "used_in"] == "cargo_rule.usd_per_month_per_10_min"
    assert rows.loc["crossings-per-day", "used_in"] == "people per day"
    assert rows.loc["crossings-change-june-2025", "used_in"] == "h1-2025-dip: changes[0].factor"


def test_a_year_the_documents_do_not_give_is_missing() -> None:
    """Years are whole numbers, not 2025.0, and missing ones are no year at all."""
    years = facts.table().set_index("id")["year"]
    assert years["crossings-change-june-2025"] == 2025
    assert years.isna()["region-co-production"]
    assert str(years.dtype) == "Int64"


# --- where they are used -----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(USED))
def test_each_use_stands_in_the_product(packaged: Facts, name: str) -> None:
    """The place exists and holds the figure, in the unit stated."""
    verdicts = facts.verify(packaged.facts[name], SCENARIOS)
    assert verdicts
    assert [f"{v.use}: {v.found}, not {v.expected:g}" for v in verdicts if not v.holds] == []


def test_the_dip_of_june_2025_is_a_factor_of_demand(packaged: Facts) -> None:
    """-4.75% is 0.9525 times."""
    (use,) = packaged.facts["crossings-change-june-2025"].used_in
    assert use.expected(-4.75) == pytest.approx(0.9525, abs=1e-12)


def test_the_observed_people_a_day_are_those_counted() -> None:
    """192,661, the seven ports' occupants, pedestrians and bus passengers; tests/test_reality.py simulates them."""
    (verdict,) = facts.verify(a_fact(Use(quantity="people_per_day", relation="above"), value=190_000), SCENARIOS)
    assert verdict.found == pytest.approx(192_661, rel=0.005)


@pytest.mark.parametrize(
    ("use", "value"),
    [
        (Use(path="cargo_rule.usd_per_month_per_10_min"), 25_900_000),
        (Use(path="cargo_rule.usd_per_month_per_10_min", factor=10), 26_000_000),
        (Use(path="network.ports[otay-mesa].name"), 26_000_000),
        (Use(path="network.ports[otay-mesa].name", relation="above"), 0),
        (Use(path="network.ports[otay-mesa].name", relation="told"), 2),
        (Use(quantity="people_per_day", relation="above"), 200_000),
        (Use(quantity="open_ports"), 8),
    ],
)
def test_a_use_that_does_not_hold_is_seen(use: Use, value: float) -> None:
    """Another value, unit, kind or count is no agreement."""
    (verdict,) = facts.verify(a_fact(use, value=value), SCENARIOS)
    assert not verdict.holds


def test_a_figure_is_told_as_a_whole_number_only(tmp_path: Path) -> None:
    """2027 is not told by 12027, 20271 or 2027.5; it is by `late 2027.`."""
    use = Use(scenario="case", path="about", relation="told")
    told = {}
    for text in ("late 2027.", "2027", "12027", "20271", "2027.5"):
        (tmp_path / "case.yaml").write_text(f"scenario: case\nabout: 'from {text}'\n")
        (verdict,) = facts.verify(a_fact(use, value=2027), tmp_path)
        told[text] = verdict.holds
    assert told == {"late 2027.": True, "2027": True, "12027": False, "20271": False, "2027.5": False}


@pytest.mark.parametrize(
    "path",
    ["cargo_rule.usd_per_month", "network.ports[nowhere].name", "network.classes.nobody", "network.ports[tecate]"],
)
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    """A use must name a figure or a text."""
    with pytest.raises(KeyError):
        facts.verify(a_fact(Use(path=path)), SCENARIOS)


def test_a_scenario_that_is_not_there_is_refused() -> None:
    """A use of a scenario that was renamed is no longer true."""
    with pytest.raises(ScenarioError, match="does not exist"):
        facts.verify(a_fact(Use(scenario="nowhere", path="about", relation="told")), SCENARIOS)


def test_a_parameter_that_refers_to_another_fact_is_no_use_of_this_one() -> None:
    """It must name the fact itself."""
    content = facts.load().facts["us-content-mexico"]
    assert all(verdict.holds for verdict in facts.verify(content, SCENARIOS))
    elsewhere = content.model_copy(update={"used_in": (Use(parameter="jobs-wtc"), Use(parameter="nothing"))})
    assert [verdict.holds for verdict in facts.verify(elsewhere, SCENARIOS)] == [False, False]


@pytest.mark.parametrize(
    "use", [{}, {"path": "run.seed", "quantity": "open_ports"}, {"quantity": "open_ports", "scenario": "baseline"}]
)
def test_a_use_names_one_place(use: dict[str, str]) -> None:
    """A path, a quantity or a parameter; a scenario only with a path."""
    with pytest.raises(ValidationError, match=r"give exactly one of path, quantity, parameter|needs a path"):
        Use.model_validate(use)


def test_facts_verify_against_the_scenario_read_in_full() -> None:
    """A path without a scenario is looked up in what the engine is built from."""
    baseline = scenario.load(SCENARIOS / "baseline.yaml")
    (verdict,) = facts.verify(a_fact(Use(path="network.ports[otay-mesa].truck.lane_positions"), value=16), SCENARIOS)
    assert verdict.holds
    assert verdict.found == baseline.network.port("otay-mesa").truck.lane_positions.value  # type: ignore[union-attr]
