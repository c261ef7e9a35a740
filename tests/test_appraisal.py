"""Appraisal against closed forms: discounting, growth, ratios, rates, switching values, and what a plan may say."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from portsim.language.schema import Appraisal
from portsim.valuation import appraisal, parameters, terms, value, welfare
from portsim.valuation.appraisal import Case, Simulated
from portsim.valuation.flows import Flows, Markets, Side
from portsim.valuation.parameters import Parameters
from portsim.valuation.value import Valuation

YEAR = 2024  # of the counts, the dollars and the price index


@cache
def figures() -> Parameters:
    return parameters.load()


def plan(**keys: Any) -> Appraisal:
    """Return a plan of 1,000 dollars in 2025 and ten years from 2026 on, unless it says otherwise."""
    stated: dict[str, Any] = {
        "dollar_year": YEAR,
        "opening_year": 2026,
        "horizon_years": 10,
        "capital_usd": {"2025": 1000},
        "beside_discount_pct": [],
    }
    return Appraisal.model_validate({key: held for key, held in {**stated, **keys}.items() if held is not None})


def case(held: Appraisal, *hours: float, beyond: tuple[int, ...] = ()) -> Case:
    """Return an option whose walkers save so many hours in the counts' year and in each year simulated."""
    years = (YEAR, *held.years)
    simulated = tuple(
        Simulated(year, walkers(saved), {"pedestrian": "too long"} if year in beyond else {})
        for year, saved in zip(years, hours, strict=True)
    )
    added = appraisal.Added(3000.0, np.full(2, 60 * hours[0]), {"a": 3000.0})
    return Case("base", "option", held, simulated, {"pedestrian": added})


NOBODY = Side(*(np.zeros((2, 0)) for _ in range(6)))


def walkers(hours: float) -> Valuation:
    """Return an option that saves walkers so many hours a year, in two replications alike."""
    saved = terms.Term(
        "welfare",
        "traveller_time",
        *("a", "pedestrian", "general"),
        quantity=np.full(2, hours, float),
        unit="person-hours",
        figures=("time-usdot",),
    )
    held = value.Case("base", "option", Flows((), NOBODY, NOBODY), Markets())
    return Valuation(held, figures(), [saved], [], terms.prices(figures()), terms.drawn(figures()))


LINES = (("a", "vehicle", "general"), ("b", "pedestrian", "general"))


def side(vehicle_wait: float, *, join: float = 10.0) -> Side:
    """Return a thousand vehicles that wait, and ten walkers of so many who join."""
    crossings, waits, joins = (np.array([row, row]) for row in ([1000.0, 10.0], [vehicle_wait, 5.0], [1000.0, join]))
    return Side(crossings, crossings, waits, joins, np.zeros((2, 2)), np.full((2, 2), 8760.0))


def table(held: Case, rate: float | None = None) -> pd.Series[Any]:
    """Return the values of appraisal.csv at one rate, by metric."""
    rows = appraisal.table(held, figures())
    rate = held.plan.discount_pct.value if rate is None else rate
    return rows[rows["discount_pct"] == rate].set_index("metric")["value"]


PERSON = 21.80


# --- closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "years", "printed"),
    [(7, 20, 10.59), (3.1, 20, 14.74), (2, 20, 16.35), (7, 30, 12.41), (3.1, 30, 19.35), (2, 30, 22.40)],
)
def test_a_dollar_a_year_has_the_printed_present_value(rate: float, years: int, printed: float) -> None:
    """And the annuity's closed form, to 1e-6."""
    found = appraisal.present(np.ones((1, years)), range(YEAR + 1, YEAR + 1 + years), rate, YEAR)[0]
    assert found == pytest.approx((1 - (1 + rate / 100) ** -years) / (rate / 100), rel=1e-6)
    assert found == pytest.approx(printed, abs=0.005)


@settings(max_examples=50)
@given(rate=st.floats(-5, 20), years=st.integers(0, 60))
def test_growth_undoes_discounting(rate: float, years: int) -> None:
    """(1 + r)^n (1 + r)^-n = 1, each its closed form to 1e-6."""
    held = plan(growth_pct_per_year={"truck": rate})
    grown = held.growth_factor("truck", YEAR + years)
    assert grown == pytest.approx(math.exp(years * math.log1p(rate / 100)), rel=1e-6)
    assert grown * appraisal.discount_factor(rate, years) == pytest.approx(1, rel=1e-9)
    assert held.growth_factor("vehicle", YEAR + years) == 1


def test_an_appraisal_is_its_closed_form() -> None:
    """Even benefits of 100 hours a year, a capital of 1,000, running costs of 50."""
    held = case(plan(operating_usd_per_year=50, discount_pct=5, residual_usd=200), 100)
    found = table(held)
    annuity = sum(1.05 ** -(year - YEAR) for year in range(2026, 2036))
    benefits, running = 100 * PERSON * annuity, 50 * annuity
    capital = 1000 / 1.05 - 200 * 1.05 ** -(2035 - YEAR)
    assert found["pv_benefits"] == pytest.approx(benefits, rel=1e-9)
    assert found["npv"] == pytest.approx(benefits - running - capital, rel=1e-9)
    assert found["benefit_cost_ratio"] == pytest.approx((benefits - running) / capital, rel=1e-9)
    assert found["benefit_cost_ratio_all_costs"] == pytest.approx(benefits / (capital + running), rel=1e-9)
    assert found["first_year_benefit"] == pytest.approx(100 * PERSON)
    assert found["payback_year"] == 2026


def test_benefits_lie_on_straight_lines_between_years_and_stay_after_the_last() -> None:
    """2026 is a third of the way from 2024 to 2030; 2033 is as 2030."""
    held = case(plan(years=[2030], growth_pct_per_year={"pedestrian": 2}), 100, 160)
    stream = appraisal.stream(held, terms.prices(appraisal.with_plan(figures(), held.plan)), lambda t: t.quantity[0])
    years = np.arange(2026, 2036)
    np.testing.assert_allclose(stream[0], np.interp(years, [2024, 2030], [100, 160]) * PERSON)


def test_faster_growth_meets_the_demand_of_a_year_sooner() -> None:
    """At twice the pace, 2027 is what 2030 was: ln(1 + g') / ln(1 + g)."""
    held = case(plan(years=[2030], growth_pct_per_year={"pedestrian": 2}), 100, 160)
    at = terms.prices(appraisal.with_plan(figures(), held.plan))
    doubled = {**at, "growth-pedestrian": 100 * (1.02**2 - 1)}
    stream = appraisal.stream(held, doubled, lambda t: t.quantity[0])
    np.testing.assert_allclose(stream[0, :2], [140 * PERSON, 160 * PERSON])


def test_a_year_that_is_beyond_use_holds_the_benefits_of_the_one_before() -> None:
    """Waits that no one would bear say nothing of benefits: they are held, and it is said."""
    held = case(plan(years=[2028, 2030], growth_pct_per_year={"pedestrian": 2}), 100, 120, 9000, beyond=(2030,))
    at = terms.prices(appraisal.with_plan(figures(), held.plan))
    assert appraisal.stream(held, at, lambda t: t.quantity[0])[0, -1] == pytest.approx(120 * PERSON)
    assert appraisal.cautions(held)[0] == "pedestrian benefits held at those of 2028: in 2030 too long"


def test_lines_that_grow_or_wait_too_long_are_beyond_use() -> None:
    """The base's wait counts where the option changes it; a line that serves less than it takes counts anywhere."""
    assert appraisal.beyond(Flows(LINES, side(400), side(400)), 180) == {}
    better = Flows(LINES, side(400), side(300))
    assert set(appraisal.beyond(better, 180)) == {"vehicle"}
    assert appraisal.beyond(better, 500) == {}
    behind = Flows(LINES, side(400), side(400, join=20))
    assert appraisal.beyond(behind, 500) == {"pedestrian": "b/pedestrian/general grows without end"}


def test_the_worst_line_says_why_a_mode_is_past_belief() -> None:
    """Of two lines too long the longer, and one without end before both."""
    lines = (*LINES, ("c", "vehicle", "ready"))

    def of(waits: list[float], joins: list[float]) -> Side:
        held = [np.array([row, row]) for row in ([1000.0] * 3, [1000.0] * 3, waits, joins)]
        return Side(*held, np.zeros((2, 3)), np.zeros((2, 3)))

    base, option = of([200, 5, 400], [1000.0] * 3), of([100, 5, 100], [1000.0] * 3)
    late = appraisal.past_belief(Flows(lines, base, option), 180)
    assert list(late) == [("c", "vehicle", "ready"), ("a", "vehicle", "general")]
    assert late["c", "vehicle", "ready"] == "c/vehicle/ready of the base waits 400 min, past belief (above 180)"
    assert appraisal.beyond(Flows(lines, base, option), 180)["vehicle"].startswith("c/vehicle/ready")
    endless = of([200, 5, 400], [2000.0, 1000, 1000])
    assert appraisal.beyond(Flows(lines, endless, option), 180)["vehicle"] == "a/vehicle/general grows without end"


def later(before: float, after: float) -> Valuation:
    """Return an option that cuts the vehicles' wait, and leaves the walkers theirs."""
    held = value.Case("base", "option", Flows(LINES, side(before), side(after)), Markets(), assumed=ASSUMED_AT)
    return value.valuation(held, figures())


ASSUMED_AT = frozenset({("a", "vehicle")})


@cache
def of_vehicles() -> Case:
    """Return an appraisal whose base is past belief in 2030."""
    held = plan(years=[2028, 2030], growth_pct_per_year={"vehicle": 2}, officers={"usd_per_year": 126_000})
    years = [(YEAR, later(60, 30)), (2028, later(120, 40)), (2030, later(447, 43))]
    return appraisal.case("base", "option", held, years)


def test_the_waits_of_every_year_are_told_and_those_past_belief_marked() -> None:
    """Each line in each year, what stands for it, and why; base and option side by side in print."""
    rows = appraisal.waits_table(of_vehicles()).set_index(["year", "mode"])
    assert list(rows["base_wait_min"].xs("vehicle", level="mode")) == [60, 120, 447]
    assert list(rows["option_wait_min"].xs("vehicle", level="mode")) == [30, 40, 43]
    assert list(rows["counts_as"].xs("vehicle", level="mode")) == [YEAR, 2028, 2028]
    assert list(rows["counts_as"].xs("pedestrian", level="mode")) == [YEAR, 2028, 2030]
    assert rows.loc[(2030, "vehicle"), "note"] == (
        "a/vehicle/general of the base waits 447 min, past belief (above 180); assumed wait"
    )
    assert rows.loc[(2028, "pedestrian"), "note"] == ""
    said = appraisal.lines(of_vehicles(), appraisal.table(of_vehicles(), figures()))
    waits = next(line for line in said if line.strip().startswith("a vehicle"))
    assert waits.split() == ["a", "vehicle", "†", "60", "to", "30", "120", "to", "40", "447", "to", "43!"]
    assert not any(line.strip().startswith("b pedestrian") for line in said)
    assert any(appraisal.FROZEN in line for line in said)
    assert any("vehicle benefits held at those of 2028: in 2030 a/vehicle/general" in line for line in said)


def test_what_rests_on_an_assumed_wait_is_marked_throughout() -> None:
    """Benefits and what follows of them, in table and print; costs are not."""
    found = appraisal.table(of_vehicles(), figures())
    marked = set(found[found["note"].fillna("").str.contains("assumed wait")]["metric"])
    assert {"npv", "pv_benefits", "benefit_cost_ratio", "probability_npv_positive", "first_year_benefit"} <= marked
    assert not marked & {"pv_capital", "pv_operating", "officers", "officer_hours_per_year"}
    said = appraisal.lines(of_vehicles(), found)
    assert all("†" in line for line in said if "net present value" in line or "first year" in line)
    plain = case(plan(), 100)
    assert not any("†" in line for line in appraisal.lines(plain, appraisal.table(plain, figures())))


def test_one_replication_has_no_interval() -> None:
    """NaN in the table and no ± in print: benefits vary by chance, costs do not."""
    lone = walkers(100)
    quantity = [replace(lone.terms[0], quantity=np.full(1, 100.0))]
    held = Case("base", "option", plan(), (Simulated(YEAR, replace(lone, terms=quantity), {}),), {})
    rows = appraisal.table(held, figures()).set_index("metric")
    assert math.isnan(rows.loc["npv", "simulation_hw"])
    assert rows.loc["pv_capital", "simulation_hw"] == 0
    assert not any("\N{PLUS-MINUS SIGN} $" in line for line in appraisal.lines(held, appraisal.table(held, figures())))


def test_without_growth_every_year_is_as_the_counts_year() -> None:
    """The closed form of even benefits, whatever the years simulated say."""
    held = case(plan(years=[2030], growth_pct_per_year={"pedestrian": 2}), 100, 160)
    annuity = sum(1.07 ** -(year - YEAR) for year in range(2026, 2036))
    assert table(held)["npv_without_growth"] == pytest.approx(100 * PERSON * annuity - 1000 / 1.07)
    assert table(held)["npv"] > table(held)["npv_without_growth"]


@pytest.mark.parametrize(
    ("net", "rate"), [([-100, 110], 10.0), ([-100, 0, 121], 10.0), ([-100] + [100 * 0.07 / (1 - 1.07**-20)] * 20, 7.0)]
)
def test_the_internal_rate_is_its_closed_form(net: list[float], rate: float) -> None:
    """And there is none for a flow that changes sign twice, or never."""
    assert appraisal.internal_rate(np.array(net, float)) == pytest.approx(rate, abs=1e-8)
    assert math.isnan(appraisal.internal_rate(np.array([-1.0, 3.0, -2.0])))
    assert math.isnan(appraisal.internal_rate(np.array([1.0, 3.0])))


def test_payback_is_the_first_year_that_stays_above_zero() -> None:
    """A late cost undoes an early payback."""
    assert appraisal.payback_year(np.array([-10.0, 4, 4, 4]), [1, 2, 3, 4]) == 4
    assert appraisal.payback_year(np.array([-10.0, 20, -15, 10]), [1, 2, 3, 4]) == 4
    assert math.isnan(appraisal.payback_year(np.array([-10.0, 4]), [1, 2]))


def test_without_capital_the_ratio_has_no_denominator() -> None:
    """It is left empty and said; benefits over all costs remain."""
    held = case(plan(capital_usd=None, officers={"usd_per_year": 100, "added": 2}), 100)
    rows = appraisal.table(held, figures()).set_index("metric")
    assert math.isnan(rows.loc["benefit_cost_ratio", "value"])
    assert rows.loc["benefit_cost_ratio", "note"] == appraisal.UNDEFINED_RATIO
    assert rows.loc["benefit_cost_ratio_all_costs", "value"] == pytest.approx(100 * PERSON / 200)


def test_officers_follow_from_the_hours_of_added_booths() -> None:
    """3,000 hours are two officers of 1,500; minutes and dollars are for each of those hours."""
    held = case(plan(officers={"usd_per_year": 126_000}), 100)
    found = table(held)
    assert found["officers"] == pytest.approx(2)
    assert found["minutes_per_officer_hour"] == pytest.approx(100 * 60 / 3000)
    assert found["usd_per_officer_hour"] == pytest.approx(100 * PERSON / 3000)
    assert found["pv_operating"] == pytest.approx(
        sum(2 * 126_000 * 1.07 ** -(year - YEAR) for year in range(2026, 2036))
    )


def test_an_officer_hour_is_of_a_mode_and_a_new_ports_own_count() -> None:
    """Gains of the mode at all ports over its hours net of those that close; the note has them by port."""
    lines = (("old", "truck", "standard"), ("new", "truck", "standard"), ("old", "vehicle", "general"))

    def of(crossings: list[float], waits: list[float], hours: list[float]) -> Side:
        rows = [np.array([row, row], float) for row in (crossings, crossings, waits, crossings, [0.0] * 3, hours)]
        return Side(*rows)

    base = of([600, 0, 1000], [60, np.nan, 30], [900, 0, 500])
    option = of([450, 150, 1000], [20, 10, 30], [800, 400, 500])
    flows_ = Flows(lines, base, option)
    markets = Markets({"old": "r", "new": "r"})
    gained = welfare.saved(flows_, markets)
    found = appraisal.added(flows_, gained)
    assert (found["truck"].hours, found["vehicle"].hours) == (300, 0)
    assert found["truck"].ports == {"old": -100, "new": 400}
    minutes = sum(one.hours[0] * 60 for one in gained if one.line[1] == "truck")
    assert found["truck"].minutes[0] == pytest.approx(minutes)
    assert found["vehicle"].minutes[0] == 0
    valued = value.valuation(value.Case("base", "option", flows_, markets), figures())
    held = appraisal.case("base", "option", plan(officers={"usd_per_year": 126_000}), [(YEAR, valued)])
    rows = appraisal.table(held, figures()).set_index("metric")
    assert rows.loc["minutes_per_officer_hour:truck", "value"] == pytest.approx(minutes / 300)
    trucks = valued.worth(valued.of("welfare", mode="truck")).estimate.mean
    assert rows.loc["usd_per_officer_hour:truck", "value"] == pytest.approx(trucks / 300)
    assert rows.loc["officer_hours_per_year:truck", "note"] == "old \N{MINUS SIGN}100, new +400"
    assert "minutes_per_officer_hour:vehicle" not in rows.index
    assert "whole option" in rows.loc["usd_per_officer_hour:truck", "note"]


# --- uncertainty -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1.0, "in all draws of the figures"),
        (0.0, "in no draws of the figures"),
        (4095 / 4096, "in more than 99 of 100 draws of the figures"),
        (1 / 4096, "in fewer than 1 of 100 draws of the figures"),
        (0.925, "in 92 of 100 draws of the figures"),
    ],
)
def test_a_share_says_what_it_is_of_and_no_more_than_draws_tell(share: float, said: str) -> None:
    """Never a certainty of a hundred percent."""
    assert appraisal.of_draws(share) == said


def test_the_share_above_zero_is_of_draws_at_the_mean_of_replications() -> None:
    """The table says so, as the line does."""
    rows = appraisal.table(case(plan(), 100), figures()).set_index("metric")
    assert rows.loc["probability_npv_positive", "note"] == appraisal.OF_DRAWS
    assert "4096 draws of the figures" in appraisal.OF_DRAWS


def test_at_a_switching_value_the_net_present_value_is_zero() -> None:
    """Put back, each leaves nothing."""
    held = case(plan(operating_usd_per_year=30, officers={"usd_per_year": 126_000}), 100)
    figures_ = appraisal.with_plan(figures(), held.plan)
    at = terms.prices(figures_)
    rows = appraisal.switching(held, figures_, 7.0)
    assert {row["metric"] for row in rows} >= {"switching:time-usdot", "switching:capital", "switching:officer-year"}
    for row in rows:
        name = str(row["metric"]).removeprefix("switching:")
        moved = {**at, name: row["value"]}
        stream = appraisal.stream(held, moved, lambda t: t.quantity[0])
        npv = appraisal.outcome(held, moved, 7.0, stream).npv[0]
        assert npv == pytest.approx(0, abs=1e-6 * 126_000), name


def test_the_share_above_zero_is_that_of_the_distribution() -> None:
    """Only the value of time is drawn: NPV is above zero where it is above its switching value."""
    held = case(plan(capital_usd={"2025": 10_000}), 100)
    found = table(held)
    switch = found["switching:time-usdot"]
    low, top, high = 5.0, 12.0, 21.8
    above = (
        (high - switch) ** 2 / ((high - low) * (high - top))
        if switch > top
        else 1 - (switch - low) ** 2 / ((high - low) * (top - low))
    )
    assert 0.05 < above < 0.95
    assert found["probability_npv_positive"] == pytest.approx(above, abs=2e-3)


def test_a_tornado_has_the_figures_that_matter_most_first() -> None:
    """At most ten, each with the worth at its ends; what does not matter is left out."""
    held = case(plan(capital_usd={"2025": {"value": 1000, "low": 900, "high": 1500}}), 100)
    bars = appraisal.tornado(held, figures())
    assert bars["parameter"].tolist() == ["time-usdot", "capital"]
    assert bars["class"].tolist() == ["published", "assumed"]
    swing = bars["usd_at_high"] - bars["usd_at_low"]
    assert swing.iloc[0] > 0 > swing.iloc[1]
    assert swing.iloc[1] == pytest.approx(-600 / 1.07)


def test_what_could_not_be_seen_is_no_bar() -> None:
    """Less than a hundredth of the longest is left out; an assumed cost above it is there, and assumed."""
    costs = {"capital_usd": {"2025": {"value": 1000, "low": 990, "high": 1010}}}
    bars = appraisal.tornado(case(plan(**costs), 100), figures())
    assert bars["parameter"].tolist() == ["time-usdot"]
    few = pd.DataFrame({"usd_at_low": [0.0, 1.0, 1.0], "usd_at_high": [100.0, 1.5, 2.0], "usd_at_value": 1.0})
    assert len(appraisal.longest(few)) == 2


def test_a_higher_rate_is_worth_less_and_all_rates_stand_side_by_side() -> None:
    """7 % with 3.1 and 2 beside it."""
    held = case(plan(beside_discount_pct=[3.1, 2]), 100)
    rows = appraisal.table(held, figures())
    npv = rows[rows["metric"] == "npv"].set_index("discount_pct")["value"]
    assert npv.index.tolist() == [7, 3.1, 2]
    assert npv.is_monotonic_increasing


def test_the_years_add_to_the_present_value() -> None:
    """appraisal_years.csv, discounted by its own factors, is appraisal.csv."""
    held = case(plan(years=[2030], growth_pct_per_year={"pedestrian": 2}, operating_usd_per_year=7), 100, 160)
    years = appraisal.years_table(held, figures()).pivot_table(index="year", columns="item", values="usd")
    factor = years["discount_factor_7"]
    assert (years["benefits"] * factor).sum() == pytest.approx(table(held)["pv_benefits"])
    net = years["benefits"] - years["capital"] - years["operating"] - years["officers"]
    assert (net * factor).sum() == pytest.approx(table(held)["npv"])


def test_nothing_saved_is_worth_nothing() -> None:
    """No benefit, and the net present value is what was spent."""
    found = table(case(plan(), 0))
    assert found["pv_benefits"] == 0
    assert found["npv"] == pytest.approx(-1000 / 1.07)


# --- what a plan may say -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"years": [2030, 2028], "growth_pct_per_year": {"truck": 2}}, "years must rise"),
        ({"years": [2024], "growth_pct_per_year": {"truck": 2}}, "must lie after counts_year"),
        ({"years": [2040], "growth_pct_per_year": {"truck": 2}}, "after the last year of operation"),
        ({"years": [2030]}, "need growth_pct_per_year"),
        ({"capital_usd": {"2040": 5}}, "spent after the last year"),
        ({"capital_usd": None}, "an option without cost is no choice"),
        ({"capital_usd": {"2025": {"value": 5, "class": "published"}}}, "a published figure needs its source"),
        ({"capital_usd": {"2025": {"value": 5, "source": "x"}}}, "unknown source 'x'"),
        ({"horizon_years": 0}, "greater than or equal to 1"),
        ({"discount_pct": 70}, "at most 50"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(keys: dict[str, Any], said: str) -> None:
    """With what is wrong, and what is allowed."""
    with pytest.raises(ValidationError, match=said):
        plan(**keys)
