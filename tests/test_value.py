"""What minutes are worth: worked magnitudes, the closed forms of welfare, and what must never happen to a dollar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import triang

from portsim.errors import PortsimError
from portsim.valuation import emissions, parameters, terms, trade, value, valuing, welfare
from portsim.valuation.economics import Rule, Saving
from portsim.valuation.flows import COLUMNS, DAYS_A_YEAR, Flows, Markets, pair
from portsim.valuation.parameters import Parameters
from portsim.valuation.value import Case, Valuation

ALL = "all"
# Northbound crossings of 2024 (US Bureau of Transportation Statistics): vehicles, their people, walkers, trucks.
CROSSINGS_2024 = {
    "san-ysidro": (14_829_472, 24_088_861, 6_766_420, 0),
    "otay-mesa": (6_516_286, 10_739_644, 2_821_230, 1_059_759),
    "tecate": (1_080_944, 2_026_096, 886_387, 59_689),
    "calexico-west": (5_381_292, 9_093_344, 2_607_934, 0),
    "calexico-east": (2_885_826, 5_109_592, 518_305, 462_526),
    "andrade": (609_752, 1_136_525, 538_908, 0),
    "cross-border-xpress": (0, 0, 2_175_047, 0),
}
# Imports by truck of 2023, billions of dollars (the same bureau), of 342.15 over the whole border.
RULE = Rule(26e6, {"otay-mesa": 37.814 / 342.15, "calexico-east": 13.287 / 342.15, "tecate": 0.820 / 342.15})


@cache
def figures(**settings_: str) -> Parameters:
    return parameters.load(None, {name.replace("__", "."): given for name, given in settings_.items()})


def line(
    crossings: float,
    wait: float,
    *,
    people: float = 1.0,
    toll: float = 0.0,
    mode: str = "vehicle",
    lane: str = "general",
) -> dict[str, object]:
    """Return one line of a scenario: crossings a year, their wait, people in each, toll of each."""
    per_day = crossings / DAYS_A_YEAR
    return {
        "mode": mode,
        "lane_type": lane,
        "crossings_per_day": per_day,
        "people_per_day": per_day * people,
        "wait_mean_min": wait,
        "joins_per_day": per_day,
        "lost_trips_per_day": 0.0,
        "toll_revenue_usd_per_day": per_day * toll,
        "booth_hours_per_day": 24.0,
    }


Lines = Mapping[str, dict[str, object]]


def table(*scenarios: tuple[str, Lines]) -> pd.DataFrame:
    """Return replications.csv of scenarios whose two replications are alike; lines by port, `port/x` for more."""
    rows = [
        {"scenario": name, "replication": replication, "port": port.split("/")[0], **held}
        for name, lines in scenarios
        for replication in range(2)
        for port, held in lines.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def flows(base: Lines, option: Lines) -> Flows:
    return pair(table(("base", base), ("option", option)), "base", "option")


def valued(base: Lines, option: Lines, figures_: Parameters | None = None, region: str = "r") -> Valuation:
    names = {port.split("/")[0] for port in (*base, *option)}
    case = Case("base", "option", flows(base, option), Markets(dict.fromkeys(names, region)))
    return value.valuation(case, figures_ or figures())


def usd(one: Valuation, account: str = "welfare", component: str = ALL, port: str = ALL, mode: str = ALL) -> float:
    return one.worth(one.of(account, component, port, mode)).estimate.mean


# --- worked magnitudes -------------------------------------------------------------------------


@cache
def ten_minutes(profile: str = "usdot_2026") -> Valuation:
    """Ten minutes off every northbound crossing, volumes of 2024; nobody more comes for it."""
    sides = []
    for wait in (40.0, 30.0):
        lines = {}
        for port, (vehicles, people, walkers, trucks) in CROSSINGS_2024.items():
            if vehicles:
                lines[f"{port}/v"] = line(vehicles, wait, people=people / vehicles)
            lines[f"{port}/p"] = line(walkers, wait, mode="pedestrian")
            if trucks:
                lines[f"{port}/t"] = line(trucks, wait, mode="truck", lane="standard")
        sides.append(lines)
    return valued(*sides, figures(settings__profile=profile, settings__monetise=("co2",)))  # type: ignore[arg-type]


WORKED = {  # million dollars a year: trucks at 90.89 and at 37.20, vehicles and walkers at 21.80
    "san-ysidro": (0, 0, 87.5, 24.6),
    "otay-mesa": (16.1, 6.6, 39.0, 10.3),
    "tecate": (0.9, 0.4, 7.4, 3.2),
    "calexico-west": (0, 0, 33.0, 9.5),
    "calexico-east": (7.0, 2.9, 18.6, 1.9),
    "andrade": (0, 0, 4.1, 2.0),
    "cross-border-xpress": (0, 0, 0, 7.9),
    ALL: (24.0, 9.8, 189.6, 59.3),
}


@pytest.mark.parametrize("port", WORKED)
def test_ten_minutes_of_every_crossing_are_worth_the_worked_magnitudes(port: str) -> None:
    """Within 1%, or half the last digit that is printed."""
    all_costs, driver, vehicles, walkers = WORKED[port]
    usdot, atri = ten_minutes(), ten_minutes("atri_2025")
    found = {
        "atri": (usd(atri, component="truck_cost", port=port), all_costs),
        "driver": (usd(usdot, component="truck_cost", port=port), driver),
        "vehicles": (usd(usdot, component="traveller_time", port=port, mode="vehicle"), vehicles),
        "walkers": (usd(usdot, component="traveller_time", port=port, mode="pedestrian"), walkers),
    }
    for name, (held, printed) in found.items():
        assert held / 1e6 == pytest.approx(printed, rel=0.01, abs=0.05), name


def test_at_eight_dollars_a_person_the_vehicles_are_worth_a_third_of_that() -> None:
    """The local kind of value of time: 69.6 million a year in all."""
    cheap = ten_minutes().worth(ten_minutes().of("welfare", "traveller_time", mode="vehicle")).estimate.mean / 21.8 * 8
    assert cheap / 1e6 == pytest.approx(69.6, rel=0.01)


@pytest.mark.parametrize(
    ("port", "tonnes", "millions"),
    [
        ("san-ysidro", 6590, 1.37),
        ("otay-mesa", 4190, 0.87),
        ("tecate", 550, 0.12),
        ("calexico-west", 2390, 0.50),
        ("calexico-east", 1850, 0.38),
        ("andrade", 270, 0.06),
        (ALL, 15_840, 3.3),
    ],
)
def test_ten_minutes_of_idling_are_the_worked_tonnes_and_their_damage(
    port: str, tonnes: float, millions: float
) -> None:
    """Tonnes to the last printed digit; dollars are of 2020 there, so that the price index is taken out."""
    rows = ten_minutes().emissions()
    rows = rows[(rows["measure"] == "co2_tonnes") & (rows["port"] == port)]
    if port == ALL:
        rows = rows[rows["mode"] == ALL]
    assert rows["saved_per_year"].sum() == pytest.approx(tonnes, rel=0.01, abs=5)
    of_2020 = usd(ten_minutes(), component="co2", port=port) * 258.811 / 313.689
    assert of_2020 / 1e6 == pytest.approx(millions, rel=0.01, abs=0.006 if port != ALL else 0.05)


def minutes(*saved: float, ports: tuple[str, ...] = ("otay-mesa", "calexico-east", "tecate")) -> Saving:
    return Saving(ports, np.array([saved, saved], float), 0.0, 0.0)


def cargo(saved: Saving, figures_: Parameters) -> dict[str, float]:
    """Return the cargo of each port a year."""
    held = trade.with_rule(figures_, RULE)
    found = trade.terms(saved, held, {})
    return {t.port: float(t.worth(t.quantity, terms.prices(held)).mean()) for t in found if t.component == "cargo"}


def test_the_rule_is_allocated_by_shares() -> None:
    """Ten minutes at the shares of 2023: 2.874, 1.010 and 0.062 million a month."""
    a_month = {port: usd_ / 12e6 for port, usd_ in cargo(minutes(10, 10, 10), figures()).items()}
    assert a_month["otay-mesa"] == pytest.approx(2.874, abs=0.0006)
    assert a_month["calexico-east"] == pytest.approx(1.010, abs=0.0006)
    assert a_month["tecate"] == pytest.approx(0.062, abs=0.0006)
    assert sum(a_month.values()) * 12 == pytest.approx(47.3, abs=0.06)


@pytest.mark.parametrize(("year", "a_month"), [(2024, 29.7), (2025, 32.6)])
def test_the_exponential_form_grows_with_trade(year: int, a_month: float) -> None:
    """The same response gives 29.7 and 32.6 million a month for the border of 2024 and 2025."""
    held = trade.with_rule(figures(settings__trade_form="exponential", settings__trade_year=year), RULE)  # type: ignore[arg-type]
    whole = trade.terms(minutes(10, ports=("otay-mesa",)), held, {})[0]
    at = {**terms.prices(held), "share-otay-mesa": 1.0}
    assert float(whole.worth(whole.quantity, at).mean()) / 12e6 == pytest.approx(a_month, abs=0.06)


def test_the_exponential_form_is_its_closed_form() -> None:
    """Imports x (exp(response x minutes) - 1), to 1e-9."""
    found = cargo(minutes(17.0, 0.0, -4.0), figures(settings__trade_form="exponential"))
    assert found["otay-mesa"] == pytest.approx(342.15e9 * 0.110519 * (math.exp(0.000095 * 17) - 1), rel=1e-9)
    assert found["calexico-east"] == 0
    assert found["tecate"] == pytest.approx(342.15e9 * 0.0023966 * (math.exp(-0.000095 * 4) - 1), rel=1e-9)


def test_trade_beyond_the_years_known_grows_by_its_rate() -> None:
    """Closed form, to 1e-6; within them it is what was counted."""
    held = figures().trade
    assert held.imports(2023, 2.2) == 342.15e9
    assert held.imports(2030, 2.2) == pytest.approx(411.25e9 * 1.022**5, rel=1e-6)
    with pytest.raises(PortsimError, match="no truck imports of 2019"):
        held.imports(2019, 2.2)


# --- what must never happen --------------------------------------------------------------------


def test_accounts_are_never_added() -> None:
    """Not by a sum, and not by a row of the table: no component or account stands for two of them."""
    one = valued({"a": line(1000, 30)}, {"a": line(1200, 20)})
    with pytest.raises(ValueError, match="accounts are never added: regional, welfare"):
        one.worth(one.terms)
    rows = one.table()
    assert set(rows["account"]) == {"welfare", "regional"}
    assert not set(rows[rows["account"] == "regional"]["component"]) & {ALL}
    of_welfare = rows[(rows["account"] == "welfare") & (rows["component"] == ALL) & (rows["port"] == ALL)]
    parts = rows[(rows["account"] == "welfare") & (rows["component"] != ALL) & (rows["port"] != ALL)]
    assert of_welfare["usd_per_year"].item() == pytest.approx(parts["usd_per_year"].sum())


def test_shares_sum_to_at_most_one() -> None:
    """The ports cannot have more than the border: not in the rule, and not in a year's shares."""
    with pytest.raises(ValueError, match="more than one"):
        trade.with_rule(figures(), Rule(26e6, {"a": 0.6, "b": 0.6}))
    with pytest.raises(PortsimError, match="cannot have more than the border"):
        parameters.load(None, {"trade.share_pct.tecate": {"2023": 90}})
    for year in figures().trade.imports_usd_bn:
        ports = figures().trade.share_pct
        assert sum(figures().trade.share(port, int(year)) for port in ports) <= 1


@pytest.mark.parametrize("form", ["linear", "exponential"])
def test_a_port_without_trade_adds_no_share(form: str) -> None:
    """Otay Mesa East takes trucks, and the sum of shares does not move."""
    held = figures(settings__trade_form=form)
    four = minutes(10, 10, 10, 10, ports=("otay-mesa", "calexico-east", "tecate", "otay-mesa-east"))
    assert cargo(four, held) == cargo(minutes(10, 10, 10), held)


def test_tolls_cancel_in_welfare() -> None:
    """What users pay the operator takes, exactly; with the same users a toll is worth nothing to anyone in all."""
    same = valued({"a": line(1000, 30)}, {"a": line(1000, 30, toll=5)})
    assert usd(same, component="toll_revenue") == pytest.approx(5000)
    assert usd(same) == 0
    drawn_away = valued({"a": line(1000, 30)}, {"a": line(800, 30, toll=5)})
    assert usd(drawn_away, component="toll_paid") == -usd(drawn_away, component="toll_revenue") == -4000
    assert usd(drawn_away) == pytest.approx(-0.5 * 5 * 200)  # the triangle of those driven away


def test_empties_carry_no_cargo_cost() -> None:
    """An hour of an empty truck costs the truck; cargo's cost follows the loaded share."""
    base, option = ({"otay-mesa": line(1000, wait, mode="truck", lane="standard")} for wait in (60, 0))
    empty = valued(base, option, parameters.load(None, {"loaded-otay-mesa": 0}))
    assert usd(empty, component="cargo_time") == 0
    assert usd(empty) == pytest.approx(1000 * 37.20)
    some = usd(valued(base, option), component="cargo_time")
    assert some == pytest.approx(1000 * 0.65 * 44923 * 313.689 / 292.655 * 0.012 / 24)


def test_a_zero_change_is_worth_exactly_zero() -> None:
    """In every account, drawn or not; and so is its interval."""
    lines = {
        "otay-mesa/v": line(1000, 31.7, people=1.65, toll=2),
        "otay-mesa/t": line(70, 12.3, mode="truck", lane="fast"),
    }
    rows = valued(lines, lines).table()
    held = rows.drop(columns=["dollar_year"]).select_dtypes("number").fillna(0)
    assert (held == 0).all().all()


@settings(max_examples=60, deadline=None)
@given(
    wait=st.floats(0, 200),
    less=st.floats(0, 200),
    least=st.floats(0.01, 50),
    more=st.floats(0, 500),
    mode=st.sampled_from(["vehicle", "pedestrian", "truck"]),
)
def test_value_rises_with_the_minutes_saved(wait: float, less: float, least: float, more: float, mode: str) -> None:
    """A shorter wait in the option is worth more, for the same users, of every mode."""
    lane = "standard" if mode == "truck" else "general"

    def worth(after: float) -> float:
        base, option = ({"tecate": line(n, w, mode=mode, lane=lane)} for n, w in ((1000, wait), (1000 + more, after)))
        return sum(float(t.worth(t.quantity, terms.prices(figures())).mean()) for t in of(flows(base, option)))

    def of(held: Flows) -> list[terms.Term]:
        return welfare.terms(welfare.saved(held, Markets()), figures())

    assert worth(less) > worth(less + least)


@pytest.mark.parametrize("occupancy", [1.6, 0.5])
def test_a_value_of_time_per_vehicle_goes_with_no_occupancy(occupancy: float) -> None:
    """It holds all who are in the vehicle: people would count twice."""
    time = {"per": "vehicle", "parameter": "time-sandag", "occupancy": occupancy}
    with pytest.raises(PortsimError, match="a value per vehicle, which holds all who are in it"):
        parameters.load(None, {"profiles.sandag_ome.vehicle": time})
    assert parameters.load(None, {"profiles.sandag_ome.vehicle": {**time, "occupancy": 1}})


def test_people_count_per_person_and_not_per_vehicle() -> None:
    """1.65 people in a car are 1.65 times a person's hour, and one vehicle's."""
    base, option = ({"a": line(1000, wait, people=1.65)} for wait in (60, 0))
    assert usd(valued(base, option)) == pytest.approx(1650 * 21.80)
    local = valued(base, option, figures(settings__profile="sandag_ome"))
    assert usd(local) == pytest.approx(1000 * 8.67 * 313.689 / 245.12)


def test_a_truck_hour_that_holds_fuel_takes_no_fuel_beside_it() -> None:
    """Fuel is priced once, and only where it is asked for."""
    with pytest.raises(PortsimError, match="holds fuel already"):
        parameters.load(None, {"settings.monetise": ["fuel"], "settings.profile": "atri_2025"})
    priced = parameters.load(None, {"price-gasoline": 3, "settings.monetise": ["fuel"]})
    base, option = ({"a": line(1000, wait)} for wait in (60, 0))
    assert usd(valued(base, option, priced), component="fuel") == pytest.approx(1000 * 0.3 * 3)
    assert usd(valued(base, option), component="fuel") == 0


# --- lines that open and close -----------------------------------------------------------------


def test_a_new_line_is_worth_what_the_choice_model_says() -> None:
    """With equal waits, 16 min x -ln(1 - s) for each traveller: the difference of logsums."""
    base = {"a": line(1000, 20)}
    option = {"a": line(600, 20), "b": line(400, 20)}
    hours = 1000 * 16 * -math.log(1 - 0.4) / 60
    assert usd(valued(base, option)) == pytest.approx(hours * 21.80)


def test_the_rule_and_the_logsum_agree_for_small_changes() -> None:
    """Logit choice between two ports and a third that opens: all gains together are the change of the logsum."""
    scale, taste = 16.0, np.array([0.0, 5.0, 40.0])  # minutes; the new port is rarely liked
    waits = np.array([[20.0, 20.0, np.inf], [19.0, 19.5, 12.0]])
    weight = np.exp(-(waits + taste) / scale)
    users = 1e6 * weight / weight.sum(axis=1, keepdims=True)
    base = {"a": line(users[0, 0], 20), "b": line(users[0, 1], 20)}
    option = {name: line(users[1, i], waits[1, i]) for i, name in enumerate("abc")}
    exact = 1e6 * scale * np.log(weight[1].sum() / weight[0].sum()) / 60
    assert usd(valued(base, option)) == pytest.approx(exact * 21.80, rel=1e-3)


def test_closing_undoes_opening() -> None:
    """Base and option exchanged, the value changes its sign and nothing else."""
    one = {"a": line(1000, 30), "c": line(50, 5)}
    other = {"a": line(700, 22), "b": line(300, 10, toll=2), "c": line(60, 4)}
    assert usd(valued(one, other)) == pytest.approx(-usd(valued(other, one)))


def test_a_first_line_of_its_kind_is_left_out_and_says_so() -> None:
    """Without any alternative the gain has no bound."""
    rows = valued({"a": line(1000, 30)}, {"a": line(1000, 30), "b": line(10, 1, mode="bus")}).table()
    bus = rows[(rows["component"] == "traveller_time") & (rows["mode"] == "bus") & (rows["port"] == "b")]
    assert bus["usd_per_year"].item() == 0
    assert "no other line of its kind" in bus["note"].item()


def test_lines_of_other_regions_do_not_compete() -> None:
    """A port that opens in one region is no alternative in another."""
    base = {"a": line(1000, 30), "z": line(9000, 30)}
    option = {"a": line(800, 30), "b": line(200, 30), "z": line(9000, 30)}
    case = Case("base", "option", flows(base, option), Markets({"a": "west", "b": "west", "z": "east"}))
    hours = 1000 * 16 * -math.log(0.8) / 60
    assert usd(value.valuation(case, figures())) == pytest.approx(hours * 21.80)


# --- chance and figures ------------------------------------------------------------------------


def test_chance_and_figures_are_kept_apart() -> None:
    """Replications make the half-width; draws make low and high, and they meet the distribution's own percentiles."""
    held = table(("base", {"a": line(1000, 60)}), ("option", {"a": line(1000, 0)}))
    held.loc[(held["scenario"] == "option") & (held["replication"] == 1), "wait_mean_min"] = 6.0
    one = value.valuation(Case("base", "option", pair(held, "base", "option"), Markets()), figures())
    row = one.table().query("component == 'all' and port == 'all'").iloc[0]
    assert row["usd_per_year"] == pytest.approx(950 * 21.80)
    assert row["simulation_hw"] == pytest.approx(12.706 * 50 * 21.80, rel=1e-3)
    time = figures().parameters["time-usdot"]
    low, median, high = (950 * terms.quantile(time, np.array([share]))[0] for share in (0.1, 0.5, 0.9))
    assert (row["low"], row["median"], row["high"]) == pytest.approx((low, median, high), rel=2e-3)


def test_a_triangle_is_drawn_as_scipy_draws_it() -> None:
    """And lognormal has 80% between its low and high, uniform its straight line."""
    shares = np.array([0.01, 0.3, 0.5, 0.77, 0.99])
    time = figures().parameters["time-usdot"]
    expected = triang((12 - 5) / 16.8, loc=5, scale=16.8).ppf(shares)
    np.testing.assert_allclose(terms.quantile(time, shares), expected)
    wide = time.model_copy(update={"shape": "lognormal", "low": 2.0, "high": 8.0})
    np.testing.assert_allclose(terms.quantile(wide, np.array([0.1, 0.5, 0.9])), [2, 4, 8])
    even = time.model_copy(update={"shape": "uniform", "low": 2.0, "high": 8.0})
    np.testing.assert_allclose(terms.quantile(even, np.array([0.25])), [3.5])


def test_every_figure_has_a_source_a_unit_and_a_range_around_its_centre() -> None:
    """Assumed ones too; what is drawn has its range."""
    held = figures()
    assert set(held.parameters) >= {"time-usdot", "truck-atri", "cargo-time", "carbon", "us-content"}
    for name, figure in held.parameters.items():
        assert figure.value is not None, name
        assert figure.source in held.sources, name
        assert figure.unit, name


def test_facts_are_used_by_reference() -> None:
    """13% US content, and 95,000 jobs over 97% of 34.5 billion."""
    held = figures().parameters
    assert held["us-content"].value == pytest.approx(0.13)
    assert held["jobs-wtc"].value == pytest.approx(95_000 / (34.5e9 * 0.97))
    with pytest.raises(PortsimError, match=r"unknown fact 'us-content-mexiko': did you mean 'us-content-mexico'"):
        parameters.with_facts(
            held_with(held["us-content"].model_copy(update={"fact": "us-content-mexiko", "value": None}))
        )


def held_with(figure: parameters.Parameter) -> Parameters:
    return figures().model_copy(update={"parameters": {"x": figure}})


def test_methods_of_the_regional_account_stand_beside_each_other() -> None:
    """Fiftyfold apart, and no row adds them."""
    rows = valued({"a": line(1e6, 45)}, {"a": line(1.028e6, 35)}).table()
    regional = rows[rows["account"] == "regional"].set_index("component")
    hdr, atlantic = (regional.loc[f"spending_{name}", "usd_per_year"] for name in ("hdr", "atlantic"))
    assert hdr == pytest.approx(28_000 * 160 * 313.689 / 195.3)
    assert atlantic == pytest.approx(10 * 540_000 * 313.689 / 292.655, rel=1e-6)
    assert set(regional.index) == {"trips", "spending_hdr", "spending_atlantic", "jobs_wtc", "jobs_ita", "jobs_hdr"}
    assert regional.loc[["jobs_wtc", "jobs_ita", "jobs_hdr"], "usd_per_year"].isna().all()
    assert regional.loc["jobs_wtc", "quantity"] == pytest.approx(hdr * 292.655 / 313.689 * 95_000 / (34.5e9 * 0.97))


def test_pollutants_are_counted_where_there_is_a_factor() -> None:
    """None is packaged: none was verified."""
    base, option = ({"a": line(1000, wait)} for wait in (60, 0))
    assert set(valued(base, option).emissions()["measure"]) == {"idling_hours", "fuel_gallons", "co2_tonnes"}
    nox = parameters.Parameter(label="x", value=1e-6, unit="tonnes per gallon")
    held = figures().model_copy(update={"parameters": {**figures().parameters, "nox-vehicle": nox}})
    rows = valued(base, option, held).emissions().query("measure == 'nox_tonnes' and port == 'a'")
    assert rows["saved_per_year"].item() == pytest.approx(1000 * 0.3 * 1e-6)


def test_explain_prints_minutes_crossings_figure_and_source() -> None:
    """The chain of a dollar, from the run to the document."""
    text = "\n".join(value.explain(valued({"a": line(1000, 60, people=1.5)}, {"a": line(1000, 0, people=1.5)}), "a"))
    assert "(60.00 - 0.00) min / 60 x (1,000 + 1,000) / 2 crossings x 1.5 people = 1,500.00 person-hours" in text
    assert "x time-usdot 21.8 = $32,700" in text
    assert "US Department of Transportation" in text
    assert value.explain(valued({"a": line(1, 1)}, {"a": line(1, 1)}), "b") == []


def test_explain_gives_crossings_as_counted_and_what_a_new_line_takes_of_them() -> None:
    """Where a line opens the others' users are counted without it; what does not change is one line."""
    base = {"a": line(1000, 20), "c/w": line(50, 5, mode="pedestrian")}
    option = {"a": line(600, 10), "b": line(400, 20), "c/w": line(50, 5, mode="pedestrian")}
    text = "\n".join(value.explain(valued(base, option), "a"))
    assert "(1,000 + 600 / (1 - 0.4000)) / 2 crossings" in text
    assert "nothing changes: traveller_time pedestrian general" in "\n".join(value.explain(valued(base, option), "c"))


# --- what rests on an assumed wait -------------------------------------------------------------

ON_ASSUMED = frozenset({("otay-mesa", "truck"), ("tecate", "truck")})


def on_assumed(base: Lines, option: Lines, saving: Saving | None = None) -> Valuation:
    case = Case("base", "option", flows(base, option), Markets(), saving, assumed=ON_ASSUMED)
    return value.valuation(case, figures())


def test_what_rests_on_an_assumed_wait_is_marked_in_table_and_lines() -> None:
    """The port's, and every total that holds it; not another port's, and not where nothing changes."""
    trucks = {"mode": "truck", "lane": "standard"}
    base = {"otay-mesa/t": line(1000, 60, **trucks), "tecate/t": line(100, 9, **trucks), "andrade": line(500, 20)}
    option = {**base, "otay-mesa/t": line(1000, 30, **trucks), "andrade": line(500, 10)}
    found = on_assumed(base, option)
    rows = found.table().query("account == 'welfare'").set_index(["component", "port", "mode"])["note"]
    marked = {key for key, note in rows.items() if "assumed wait" in note}
    assert {port for _, port, _ in marked} == {"otay-mesa", "all"}
    assert ("all", "all", "all") in marked
    assert ("traveller_time", "all", "vehicle") not in marked
    co2 = found.emissions().query("measure == 'co2_tonnes'").set_index(["port", "mode"])["note"]
    assert co2.to_dict() == {
        ("otay-mesa", "truck"): "assumed wait",
        ("tecate", "truck"): "",
        ("andrade", "vehicle"): "",
        ("all", "truck"): "assumed wait",
        ("all", "vehicle"): "",
        ("all", "all"): "assumed wait",
    }
    said = value.lines(found)
    assert [line_.strip()[:14] for line_ in said if "†" in line_] == [
        *("B welfare     ", "trucks' time  ", "cargo's time  ", "CO2 of idling ", "† rests on an "),
    ]
    assert "†" not in "".join(value.lines(on_assumed(base, {**base, "andrade": line(500, 10)})))


@pytest.mark.parametrize("replications", [1, 2])
def test_cargo_that_nothing_moves_rests_on_nothing(replications: int) -> None:
    """However many replications there are, and though the port's own wait is assumed."""
    trucks = {"otay-mesa/t": line(1000, 60, mode="truck", lane="standard")}
    saved = Saving(("otay-mesa",), np.zeros((replications, 1)), 0.0, 0.0)
    case = Case("base", "option", flows(trucks, trucks), Markets(), saved, {"otay-mesa": "assumed wait"})
    found = value.valuation(case, trade.with_rule(figures(), RULE))
    assert not found.table()["note"].str.contains("assumed wait").any()
    assert "  A trade        $0 of cargo, an indicator and no benefit" in value.lines(found)


def test_emissions_add_over_ports_and_modes() -> None:
    """All is the sum of its parts."""
    rows = ten_minutes().emissions()
    parts = rows[(rows["port"] != ALL) & (rows["measure"] == "fuel_gallons")]
    whole = rows.query("port == 'all' and mode == 'all' and measure == 'fuel_gallons'")
    assert whole["saved_per_year"].item() == pytest.approx(parts["saved_per_year"].sum())
    assert emissions.ALL == value.ALL == valuing.value.ALL
