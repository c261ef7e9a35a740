"""The language of scenario files: its published schema, times of day, and the forms a series takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from portsim import clock
from portsim.language.schema import Figure, Series, Share, Weekly, Window, scenario_json_schema

SCENARIOS = Path(__file__).parent.parent / "scenarios"
WEEKLY: TypeAdapter[Series] = TypeAdapter(Weekly)


def hourly(raw: Any) -> np.ndarray:
    return clock.hourly(WEEKLY.validate_python(raw).slots())


# --- the published schema ----------------------------------------------------------------------


def test_the_committed_json_schema_is_current() -> None:
    """Editors check scenarios against the language as it is now: `portsim schema > scenarios/schema.json`."""
    committed = (SCENARIOS / "schema.json").read_text()
    assert committed == json.dumps(scenario_json_schema(), indent=2) + "\n"


def test_the_json_schema_is_one() -> None:
    """It is valid in the draft it names."""
    jsonschema.Draft202012Validator.check_schema(scenario_json_schema())


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_library_fits_the_json_schema(path: Path) -> None:
    """An editor finds no fault in the scenarios that come with portsim."""
    jsonschema.validate(YAML(typ="safe", pure=True).load(path.read_text()), scenario_json_schema())


@pytest.mark.parametrize(
    ("booths", "fits"),
    [
        (3, True),
        ([1] * 24, True),
        ({"06:00": 2}, True),
        ({"mon-fri": {"06:00": 2}, "sat-sun": 0}, True),
        ({"6:00": 2}, False),
        ({"mo-fr": 2}, False),
        ("x", False),
    ],
)
def test_the_json_schema_knows_the_short_forms_of_a_series(booths: object, fits: bool) -> None:
    """A number, hours, steps by time of day, or days of these may stand where a series is asked for."""
    change = {"action": "set_booths", "port": "a", "mode": "truck", "lane_type": "b", "officers": "added"}
    validator = jsonschema.Draft202012Validator(scenario_json_schema())
    assert validator.is_valid({"scenario": "a", "changes": [change | {"booths": booths}]}) is fits


# --- times of day ------------------------------------------------------------------------------


@pytest.mark.parametrize("time", ["00:00", "06:30", "23:55", "24:00"])
def test_a_time_of_day_has_two_digits_each(time: str) -> None:
    """Midnight at the end of a day is 24:00."""
    assert WEEKLY.validate_python({time: 1}).steps == {time: 1}


@pytest.mark.parametrize("time", ["6:00", "06:60", "24:05", "25:00", "0600", "06:00:00", "6am", "06:00 "])
def test_other_times_are_refused(time: str) -> None:
    """A time that could be read two ways is not read."""
    with pytest.raises(ValidationError):
        Window.model_validate({"opens": time, "closes": "23:00"})


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({"opens": "22:00", "closes": "06:00"}, "split at midnight"),
        ({"opens": "06:30", "closes": "22:00"}, "on the hour"),
        ({"opens": "06:00", "closes": "22:00", "line_opens": "07:00"}, "must not be after opens"),
    ],
)
def test_opening_hours_are_whole_hours_in_order(window: dict[str, str], words: str) -> None:
    """A window opens before it closes, on the hour, and its line no later."""
    with pytest.raises(ValidationError, match=words):
        Window.model_validate(window)


# --- series ------------------------------------------------------------------------------------


def test_a_number_holds_all_week() -> None:
    """The shortest form."""
    assert hourly(4).tolist() == [4] * 168


def test_24_hours_are_each_day_and_168_the_week() -> None:
    """Hour 0 is Monday 00:00."""
    assert hourly(list(range(24)))[25] == 1
    assert hourly(list(range(168)))[25] == 25


def test_steps_hold_until_the_next_and_over_midnight() -> None:
    """Before the first step of the day the last one holds."""
    hours = hourly({"06:00": 5, "22:00": 2})
    assert hours[[5, 6, 21, 22, 24]].tolist() == [2, 5, 5, 2, 2]


def test_days_take_steps_numbers_or_24_hours() -> None:
    """Each day, or range of days, has its own pattern; ranges may wrap around the week."""
    hours = hourly({"days": {"tue-thu": {"06:00": 3, "12:00": 1}, "fri": [2] * 24, "sat-mon": 0}})
    assert hours[[24 + 6, 48 + 12, 96, 120, 0]].tolist() == [3, 1, 2, 0, 0]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([1, 2, 3], "3 hourly values"),
        ({"06:01": 1}, "not a multiple of 5 minutes"),
        ({"days": {"mon": 1}}, "no values for tue"),
        ({"days": {"daily": 1, "sat": 2}}, "sat is given twice"),
        ({"days": {"daily": [1, 2]}}, "2 values for a day"),
        ({"days": {"daily": "x"}}, "expected a number, 24 numbers"),
        ({"value": 1, "hours": [1] * 24}, "exactly one of"),
        ({"source": "x"}, "got none"),
        ({"table": "x.csv"}, "go together"),
        (-1, "at least 0"),
        ({"06:00": -2, "07:00": 1}, "at least 0"),
        ("many", "expected a number"),
        (True, "expected a number"),
        ({"value": "3"}, "valid number"),
        ({"value": float("nan")}, "finite"),
    ],
)
def test_a_series_in_no_single_form_is_refused(raw: object, words: str) -> None:
    """A series has one form, whole, not negative and finite."""
    with pytest.raises(ValidationError, match=words):
        WEEKLY.validate_python(raw)


def test_a_table_that_was_not_read_has_no_hours() -> None:
    """Only `scenario` reads tables."""
    with pytest.raises(ValueError, match=r"x\.csv has not been read"):
        Series(table="x.csv", column="a").slots()


# --- figures -----------------------------------------------------------------------------------


def test_a_bare_number_is_an_assumed_figure() -> None:
    """A number without a source is nobody's but ours."""
    figure = TypeAdapter(Share).validate_python(0.3)
    assert (figure.value, figure.class_, figure.source) == (0.3, "assumed", None)


def test_a_figure_lies_between_its_low_and_high() -> None:
    """Bounds on the wrong side are refused."""
    with pytest.raises(ValidationError, match=r"low \(4\) is above value \(3\)"):
        Figure(value=3, low=4)
    with pytest.raises(ValidationError, match=r"high \(2\) is below value \(3\)"):
        Figure(value=3, high=2)


def test_a_share_is_at_most_one() -> None:
    """Out of range says the range."""
    with pytest.raises(ValidationError, match="must be at least 0 and at most 1"):
        TypeAdapter(Share).validate_python(1.2)


def test_days_may_stand_alone() -> None:
    """As a planner would write them."""
    assert WEEKLY.validate_python({"mon-fri": 2, "sat-sun": {"06:00": 1}}).slots()[0] == 2
