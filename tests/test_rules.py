"""The shared policies, case by case, and the informed wait against a flow of water."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portsim.border.model import CLEARING, MILLI, NEVER, NO_LIMIT, ONE
from portsim.clock import HOUR, HOURS_PER_WEEK, MINUTE, WEEK
from portsim.engines import rules

SHUT = -1.0


def capacity(hours: dict[int, float], rest: float = 0) -> list[int]:
    """Return 168 hourly capacities: those given, and the rest, in travellers an hour; SHUT is a shut gate."""
    rates = [hours.get(hour, rest) for hour in range(HOURS_PER_WEEK)]
    return [CLEARING if rate == SHUT else round(rate * MILLI) for rate in rates]


def informed_min(waiting: int, hours: list[int], now_min: float) -> float:
    return rules.informed_wait(waiting, hours, round(now_min * MINUTE)) / MINUTE


# --- informed wait -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "hours", "now_min", "wait_min"),
    [
        pytest.param(0, capacity({}, 60), 30, 0, id="nobody waits"),
        pytest.param(10, capacity({}, 60), 30, 10, id="within the hour"),
        pytest.param(30, capacity({}, 60), 30, 30, id="to the end of the hour"),
        pytest.param(40, capacity({0: 60}, 30), 30, 50, id="the next hour is half as fast"),
        pytest.param(50, capacity({0: 60}, 120), 30, 40, id="the next hour is twice as fast"),
        pytest.param(100, capacity({0: 60, 1: 30, 2: 120}, 1), 30, 110, id="over three hours"),
        pytest.param(0, capacity({6: 60}), 330, 30, id="before opening, alone"),
        pytest.param(10, capacity({6: 60}), 330, 40, id="before opening, with a line"),
        pytest.param(10, capacity({8: 60}), 330, 160, id="long before opening"),
        pytest.param(40, capacity({0: 60}, SHUT), 30, 40, id="after closing the last rate holds"),
        pytest.param(90, capacity({0: 60, 2: 1}, SHUT), 30, 90, id="a later opening does not matter then"),
        pytest.param(200, capacity({0: 60}, SHUT), 0, 200, id="closing time lasts as long as the line"),
        pytest.param(40, capacity({0: 60, 3: 60}, SHUT), 30, 40, id="closing and opening again"),
        pytest.param(40, capacity({0: 60, 3: 60}), 30, 160, id="no booth for two hours, the gate open"),
        pytest.param(40, capacity({0: 60, 2: SHUT, 3: SHUT}), 30, 100, id="no booth for an hour, then closing time"),
        pytest.param(0, capacity({0: 60}), 60, 167 * 60, id="missed by a minute: next week"),
        pytest.param(5, capacity({0: 60}), 167 * 60 + 50, 15, id="over the end of the week"),
        pytest.param(200, capacity({}, 1), 20, 200 * 60, id="more than a week's work"),
    ],
)
def test_the_informed_wait_is_how_long_the_coming_timetable_takes(
    waiting: int, hours: list[int], now_min: float, wait_min: float
) -> None:
    """Cases reckoned by hand, in minutes."""
    assert informed_min(waiting, hours, now_min) == wait_min


def test_a_line_that_no_booth_will_serve_has_no_wait() -> None:
    """Not even an empty one."""
    assert rules.informed_wait(0, capacity({}), 0) == NEVER
    assert rules.informed_wait(7, capacity({}), WEEK - 1) == NEVER


def test_later_weeks_are_like_the_first() -> None:
    """Capacity is by hour of the week."""
    hours = capacity({3: 10, 4: 20, 100: 5})
    now = 3 * HOUR + 12_345
    assert rules.informed_wait(9, hours, now + 4 * WEEK) == rules.informed_wait(9, hours, now)


RATE = st.one_of(st.just(CLEARING), st.just(0), st.integers(1, 900_000))
CAPACITIES = st.lists(RATE, min_size=HOURS_PER_WEEK, max_size=HOURS_PER_WEEK)
DAYS = st.lists(RATE, min_size=24, max_size=24).map(lambda day: day * 7)
NOW = st.integers(0, 2 * WEEK - 1)


def water_min(waiting: int, hours: list[int], now: int) -> Fraction | None:
    """Let the line flow out hour by hour, exactly; after a week or once the gate shuts, at the last rate."""
    left, gone, rate = Fraction(waiting), Fraction(0), Fraction(0)
    for step in range(HOURS_PER_WEEK + 1):
        hour = now // HOUR + step
        length = Fraction((hour + 1) * HOUR - max(now, hour * HOUR), HOUR)
        coming = Fraction(hours[hour % HOURS_PER_WEEK], MILLI)
        if rate > 0 and coming < 0:
            break
        if coming > 0:
            rate = coming
            if left <= rate * length:
                break
            left -= rate * length
        gone += length
    return (gone + left / rate) * 60 if rate > 0 else None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5_000), st.one_of(CAPACITIES, DAYS), NOW)
def test_the_informed_wait_is_that_of_flowing_water(waiting: int, hours: list[int], now: int) -> None:
    """Exact fractions agree, but for the part of a tick that whole numbers round off."""
    expected = water_min(waiting, hours, now)
    found = rules.informed_wait(waiting, hours, now)
    if expected is None:
        assert found == NEVER
    else:
        assert found == (expected * MINUTE).__floor__()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3_000), DAYS, NOW)
def test_a_longer_line_never_waits_less(waiting: int, hours: list[int], now: int) -> None:
    """The informed wait does not fall with the line."""
    assert rules.informed_wait(waiting, hours, now) <= rules.informed_wait(waiting + 1, hours, now)


# --- the others --------------------------------------------------------------------------------


@given(st.integers(1, HOUR), st.integers(0, 50 * ONE))
def test_service_is_mean_times_factor_rounded_down_and_one_tick_at_least(mean: int, factor: int) -> None:
    """The fixed-point product is exact."""
    assert rules.service_ticks(mean, factor) == max(1, Fraction(mean * factor, ONE).__floor__())


@pytest.mark.parametrize(("wait_min", "posted_min"), [(0, 0), (4.999, 0), (5, 5), (34.9, 30), (35, 35)])
def test_a_posted_wait_is_rounded_down_to_its_step(wait_min: float, posted_min: float) -> None:
    """Never up: a port posts what has been reached."""
    assert rules.posted_wait(round(wait_min * MINUTE), 5 * MINUTE) == posted_min * MINUTE


def test_no_wait_is_posted_as_none() -> None:
    """A wait without an end is not rounded into a number."""
    assert rules.posted_wait(NEVER, 5 * MINUTE) == NEVER


def test_the_generalised_wait_adds_toll_and_cost_and_takes_taste_off() -> None:
    """A weight of two thousandths counts a wait 0.002 times."""
    assert rules.generalised_wait(1_000, MILLI, 300, 40, 5) == 1_335
    assert rules.generalised_wait(1_000, 2, 300, 40, 5) == 337
    assert rules.generalised_wait(0, MILLI, 0, -7, 0) == -7


def test_patience_holds_to_the_tick() -> None:
    """Wait and toll together may equal it, not pass it."""
    assert rules.has_patience(70, 30, 100)
    assert not rules.has_patience(71, 30, 100)
    assert rules.has_patience(np.iinfo(np.int64).max // 4, 0, NO_LIMIT)
