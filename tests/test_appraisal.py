"""Appraisal against closed forms: discounting, growth, ratios, rates, switching values, and what a plan may say."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from portsim import appraisal, parameters, terms, value
from portsim.appraisal import Case, Simulated
from portsim.flows import Flows, Markets, Side
from portsim.parameters import Parameters
from portsim.schema import Appraisal
from portsim.value import Valuation

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


# --- uncertainty -------------------------------------------------------------------------------


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
