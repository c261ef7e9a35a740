"""Ten minutes off every truck port are worth what the documents say, and every other figure follows from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from portsim.clock import MINUTE
from portsim.language import scenario
from portsim.language.schema import CargoRule
from portsim.measure.measures import Measures, TruckWaits
from portsim.results import tables
from portsim.valuation import economics
from portsim.valuation.economics import Rule, Saving, cargo_value, minutes_saved

BASELINE = Path(__file__).parent.parent / "scenarios" / "baseline.yaml"
PORTS = ("otay-mesa", "calexico-east", "tecate")
IMPORTS = {"otay-mesa": 37.814, "calexico-east": 13.287, "tecate": 0.820}
BORDER = 342.15
RULE = Rule(26_000_000, {port: imports / BORDER for port, imports in IMPORTS.items()}, 0.8, 1.9)


@pytest.fixture(scope="module")
def packaged() -> CargoRule:
    """Return the cargo rule beside the packaged network."""
    rule = scenario.load(BASELINE).cargo_rule
    assert rule is not None
    return rule


def saving(*minutes: Sequence[float], ports: Sequence[str] = PORTS) -> Saving:
    """Return minutes saved, a row for each replication."""
    return Saving(tuple(ports), np.array(minutes, float), paired=100.0, left_out=0.0)


def valued(*minutes: Sequence[float], rule: Rule = RULE, **more: object) -> dict[tuple[str, str], pd.Series]:
    """Return the rows of the table by scope and port."""
    table = cargo_value(saving(*minutes), rule, "today", "tomorrow", **more)  # type: ignore[arg-type]
    return {(row["scope"], row["port"]): row for _, row in table.iterrows()}


TEN = [(10.0, 10.0, 10.0)] * 3


# --- the documents' figure ---------------------------------------------------------------------


def test_ten_minutes_off_every_truck_port_by_the_packaged_rule(packaged: CargoRule) -> None:
    """$26,000,000 x 51.921 / 342.15 is $3,945,480 a month; read for the region whole, $26,000,000."""
    rows = valued(*TEN, rule=tables.plain_rule(packaged))
    assert round(rows["border", "all"]["usd_per_month"]) == round(26_000_000 * 51.921 / 342.15) == 3_945_480
    assert round(rows["region", "all"]["usd_per_month"]) == 26_000_000
    assert rows["region", "all"]["share"] == 1.0


def test_each_port_has_its_share_of_truck_imports(packaged: CargoRule) -> None:
    """11.05%, 3.88% and 0.24% of the border's, and so of its value."""
    rows = valued(*TEN, rule=tables.plain_rule(packaged))
    shares = {port: rows["border", port]["share"] for port in PORTS}
    assert shares == pytest.approx({"otay-mesa": 0.1105, "calexico-east": 0.0388, "tecate": 0.0024}, abs=5e-5)
    for port in PORTS:
        assert rows["border", port]["usd_per_month"] == pytest.approx(26_000_000 * shares[port])
        assert rows["border", port]["rule_if_borderwide_usd_per_month"] == pytest.approx(26_000_000)


def test_ports_sum_to_the_total_and_the_total_has_no_border_wide_figure() -> None:
    """The same border three times would be no sum."""
    rows = valued((12, 3, -4), (11, 2, -5), (14, 4, -3))
    total = rows["border", "all"]
    for column in ("share", "usd_per_month"):
        assert total[column] == pytest.approx(sum(rows["border", port][column] for port in PORTS))
    assert np.isnan(total["rule_if_borderwide_usd_per_month"])


def test_the_region_is_the_share_weighted_change_applied_whole() -> None:
    """Each share divided by their sum: an upper reading, and marked as one."""
    rows = valued((12, 3, -4))
    region = rows["region", "all"]
    minutes = sum(m * IMPORTS[port] for m, port in zip((12, 3, -4), PORTS, strict=True)) / 51.921
    assert region["minutes_saved"] == pytest.approx(minutes)
    assert region["usd_per_month"] == pytest.approx(2_600_000 * minutes)
    assert region["rule_if_borderwide_usd_per_month"] == region["usd_per_month"]
    assert region["flag"] == "upper reading"


def test_value_is_proportional_to_the_minutes() -> None:
    """One minute is a tenth of ten, and none is nothing."""
    one, none = valued((1, 1, 1)), valued((0, 0, 0))
    assert one["border", "all"]["usd_per_month"] == pytest.approx(valued(*TEN)["border", "all"]["usd_per_month"] / 10)
    assert none["border", "all"]["usd_per_month"] == 0


def test_a_port_without_a_share_has_no_row() -> None:
    """Otay Mesa East imports nothing yet: it adds no share."""
    found = saving((10, 10, 10, 10), ports=(*PORTS, "otay-mesa-east"))
    table = cargo_value(found, RULE, "a", "b")
    assert table["port"].tolist() == [*PORTS, "all", "all"]
    assert table[["base", "option"]].drop_duplicates().to_numpy().tolist() == [["a", "b"]]


def test_without_any_truck_port_there_is_an_empty_table() -> None:
    """With the same columns."""
    table = cargo_value(saving((5,), ports=("elsewhere",)), RULE, "a", "b")
    assert (len(table), list(table.columns)) == (0, list(economics.COLUMNS))


# --- uncertainty -------------------------------------------------------------------------------


def test_half_widths_are_students_of_the_replications() -> None:
    """Minutes of 8, 10 and 12 have 4.97; dollars have it times their share."""
    rows = valued((8, 1, 0), (10, 1, 0), (12, 1, 0))
    row = rows["border", "otay-mesa"]
    assert row["minutes_saved_hw"] == pytest.approx(4.302653 * 2 / np.sqrt(3), rel=1e-6)
    assert row["usd_per_month_hw"] == pytest.approx(2_600_000 * row["minutes_saved_hw"] * row["share"])
    assert rows["border", "calexico-east"]["minutes_saved_hw"] == 0


def test_low_and_high_are_the_rules_factors() -> None:
    """They bound the rule, not the simulation's noise."""
    row = valued(*TEN)["border", "all"]
    assert row["low_usd_per_month"] == pytest.approx(0.8 * row["usd_per_month"])
    assert row["high_usd_per_month"] == pytest.approx(1.9 * row["usd_per_month"])


def test_worse_waits_are_negative_dollars_with_low_below_high() -> None:
    """The rule is the same backwards, and its bounds stay in order."""
    for row in valued((-5, -5, -5)).values():
        assert row["low_usd_per_month"] < row["usd_per_month"] < row["high_usd_per_month"] < 0


# --- how far the rule reaches ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "flag", "blank"),
    [
        (20, "", False),
        (20.1, "extrapolated", False),
        (-20.1, "extrapolated", False),
        (60, "extrapolated", False),
        (60.1, "beyond the rule's reach", True),
        (-60.1, "beyond the rule's reach", True),
    ],
)
def test_beyond_twenty_minutes_a_figure_is_flagged_and_beyond_sixty_it_is_blank(
    minutes: float, flag: str, blank: bool
) -> None:
    """Minutes are always told; dollars only within reach."""
    row = valued((minutes, 1, 1))["border", "otay-mesa"]
    assert row["flag"] == flag
    assert row["minutes_saved"] == minutes
    dollars = [name for name in economics.COLUMNS if "usd" in name and not name.endswith("hw")]
    assert row[dollars].isna().tolist() == [blank] * len(dollars)


def test_a_total_of_what_is_blank_is_blank() -> None:
    """One port out of reach leaves no sum, for the border or the region."""
    rows = valued((61, 1, 1))
    assert np.isnan(rows["border", "all"]["usd_per_month"])
    assert np.isnan(rows["region", "all"]["usd_per_month"])
    assert rows["border", "tecate"]["usd_per_month"] > 0


def test_assumed_waits_are_said_to_be_so() -> None:
    """At their port and in every total they enter."""
    rows = valued((30, 1, 1), assumed=frozenset({"otay-mesa"}))
    assert rows["border", "otay-mesa"]["flag"] == "extrapolated; assumed wait"
    assert rows["border", "tecate"]["flag"] == ""
    assert "assumed wait" in rows["border", "all"]["flag"]
    assert rows["region", "all"]["flag"].startswith("upper reading; ")


# --- the same trucks ---------------------------------------------------------------------------

Trucks = list[tuple[np.ndarray, np.ndarray, np.ndarray]]


def trucks(*weeks: Mapping[int, tuple[int, float]]) -> Trucks:
    """Return the trucks of each week, given as key: (port index, wait in minutes)."""
    return [
        (
            np.array(list(waits), np.int64),
            np.array([port for port, _ in waits.values()], np.int64),
            np.array([wait for _, wait in waits.values()], float),
        )
        for waits in weeks
    ]


def test_with_another_truck_demand_the_rule_values_the_waits_alone_and_says_so() -> None:
    """A fall in demand shortens lines: no one would call the minutes of those who still come its worth."""
    table = cargo_value(saving(*TEN), RULE, "a", "b", demand_differs=True)
    assert all(flag.endswith(economics.DEMAND_DIFFERS) for flag in table["flag"])


def test_trucks_are_paired_by_key_whatever_their_order() -> None:
    """The mean of 10 - 4 and 30 - 20 is 8."""
    base = trucks({11: (0, 10.0), 12: (0, 30.0)})
    option = trucks({12: (0, 20.0), 11: (0, 4.0)})
    assert minutes_saved([base], [option], ["east"]).minutes.tolist() == [[8.0]]


def test_weeks_make_one_mean() -> None:
    """Of all trucks, not of the weeks' means: 6, 12 and 12 are 10."""
    base = trucks({1: (0, 10.0)}, {2: (0, 30.0), 3: (0, 20.0), 4: (0, 1.0)})
    option = trucks({1: (0, 4.0)}, {3: (0, 8.0), 2: (0, 18.0)})
    found = minutes_saved([base], [option], ["east"])
    assert (found.minutes.tolist(), found.paired, found.left_out) == ([[10.0]], 3.0, 1.0)


def test_a_truck_that_switches_counts_at_its_port_in_the_base() -> None:
    """It saved 25 minutes of East's wait by going West."""
    base = trucks({1: (0, 30.0), 2: (1, 10.0)})
    option = trucks({2: (1, 12.0), 1: (1, 5.0)})
    assert minutes_saved([base], [option], ["east", "west"]).minutes.tolist() == [[25.0, -2.0]]


def test_trucks_absent_from_either_are_left_out_and_counted() -> None:
    """New and lost trips have no change of wait."""
    base = trucks({1: (0, 30.0), 2: (0, 99.0)})
    option = trucks({1: (0, 20.0), 3: (0, 1.0), 4: (0, 1.0)})
    found = minutes_saved([base], [option], ["east"])
    assert (found.minutes.tolist(), found.paired, found.left_out) == ([[10.0]], 1.0, 3.0)


def test_replications_are_paired_each_with_its_own_and_counts_are_means() -> None:
    """Key 1 is another truck in another replication."""
    base = [trucks({1: (0, 30.0)}), trucks({1: (0, 50.0), 2: (0, 8.0)})]
    option = [trucks({1: (0, 20.0)}), trucks({1: (0, 10.0)})]
    found = minutes_saved(base, option, ["east"])
    assert (found.minutes.tolist(), found.paired, found.left_out) == ([[10.0], [40.0]], 1.0, 0.5)


def test_a_port_without_trucks_in_some_replication_has_no_row() -> None:
    """A mean over the replications that have some would be of other days."""
    base = [trucks({1: (0, 30.0), 2: (1, 9.0)}), trucks({1: (0, 30.0)})]
    found = minutes_saved(base, base, PORTS)
    assert np.isnan(found.minutes[1, 1])
    assert cargo_value(found, RULE, "a", "b")["port"].tolist() == ["otay-mesa", "all", "all"]


def test_ticks_of_measures_become_minutes_of_value(packaged: CargoRule) -> None:
    """From replications to the table: ten minutes less for every truck of three ports."""
    keys = np.arange(30)
    waits = TruckWaits(keys, keys % 3, np.full(30, 40 * MINUTE))
    before = Measures((), np.zeros((0, 0)), (), np.zeros((0, 0, 0)), np.zeros((0, 0, 24, 2)), [waits], np.zeros((0, 0)))
    after = replace(before, trucks=[replace(waits, wait=waits.wait - 10 * MINUTE)])
    table, saved = tables.cargo_value(
        "a", "b", [before] * 2, [after] * 2, ports=PORTS, rule=packaged, assumed=frozenset()
    )
    assert saved.paired == 30
    total = table[(table["scope"] == "border") & (table["port"] == "all")].iloc[0]
    assert round(total["usd_per_month"]) == 3_945_480
    assert total["usd_per_month_hw"] == 0
