"""Replications become means with Student intervals, and differences with a verdict that may be relied on."""

from __future__ import annotations

import numpy as np
import pytest

from portsim.measure.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, WORSE, Difference, estimate, paired_difference

LOWER_IS_BETTER = np.array([True])


def compared(base: list[float], option: list[float], lower_is_better: bool = True) -> Difference:
    before, after = (np.array(values, float)[:, None] for values in (base, option))
    return paired_difference(before, after, np.array([lower_is_better]))


# --- intervals ---------------------------------------------------------------------------------


def test_the_half_width_is_students_by_hand() -> None:
    """Of 2, 4, 4, 6 the mean is 4, the standard error sqrt(8/3)/2, and Student's t at 3 is 3.1824."""
    found = estimate(np.array([[2.0], [4.0], [4.0], [6.0]]))
    assert found.mean.tolist() == [4.0]
    assert found.half_width[0] == pytest.approx(3.182446 * np.sqrt(8 / 3) / 2, rel=1e-6)


def test_confidence_widens_the_interval() -> None:
    """At 99% Student's t at 3 is 5.8409."""
    found = estimate(np.array([[2.0], [4.0], [4.0], [6.0]]), confidence=0.99)
    assert found.half_width[0] == pytest.approx(5.840909 * np.sqrt(8 / 3) / 2, rel=1e-6)


def test_one_replication_has_a_mean_and_no_interval() -> None:
    """Nothing is known of how it might have turned out."""
    found = estimate(np.array([[7.0, 8.0]]))
    assert found.mean.tolist() == [7.0, 8.0]
    assert np.isnan(found.half_width).all()


def test_what_one_replication_does_not_have_has_no_mean() -> None:
    """A mean of the others would be of other days."""
    found = estimate(np.array([[1.0, 1.0], [np.nan, 3.0]]))
    assert np.isnan(found.mean[0])
    assert found.mean[1] == 2.0


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 4,000 paired differences of five normal replications 95% cover, within four standard errors."""
    rng = np.random.default_rng(5)
    days = rng.normal(0, 3, (5, 4_000))  # shared by base and option, and gone in the difference
    base, option = days + rng.normal(0, 1, days.shape), 0.7 + days + rng.normal(0, 1, days.shape)
    found = paired_difference(base, option, LOWER_IS_BETTER)
    covered = np.mean(np.abs(found.mean - 0.7) <= found.half_width)
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4_000)


def test_a_change_is_called_where_there_is_none_no_oftener_than_one_in_twenty() -> None:
    """And then as often better as worse."""
    rng = np.random.default_rng(6)
    verdicts = paired_difference(*rng.normal(0, 1, (2, 6, 4_000)), LOWER_IS_BETTER).verdict.tolist()
    error = 4 * np.sqrt(0.025 * 0.975 / 4_000)
    for side in (BETTER, WORSE):
        assert abs(verdicts.count(side) / 4_000 - 0.025) < error


# --- verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "option", "lower_is_better", "verdict"),
    [
        pytest.param([10, 12, 14], [5, 7.5, 9], True, BETTER, id="lower waits"),
        pytest.param([5, 7.5, 9], [10, 12, 14], True, WORSE, id="higher waits"),
        pytest.param([10, 12, 14], [5, 7.5, 9], False, WORSE, id="fewer crossings"),
        pytest.param([5, 7.5, 9], [10, 12, 14], False, BETTER, id="more crossings"),
        pytest.param([10, 12, 14], [11, 11, 14], True, NO_CLEAR_CHANGE, id="now this, now that"),
        pytest.param([10, 12, 14], [10, 12, 14], True, IDENTICAL, id="the same"),
        pytest.param([10, 12, 14], [10, 12, 14.001], True, NO_CLEAR_CHANGE, id="nearly the same"),
        pytest.param([10, 12, 14], [9, 11, 13], True, BETTER, id="exactly one less every time"),
        pytest.param([10], [5], True, NO_CLEAR_CHANGE, id="one replication"),
        pytest.param([10], [10], True, IDENTICAL, id="one replication, the same"),
        pytest.param([np.nan, 1], [np.nan, 1], True, NO_CLEAR_CHANGE, id="what does not exist"),
    ],
)
def test_a_verdict_says_what_the_interval_supports(
    base: list[float], option: list[float], lower_is_better: bool, verdict: str
) -> None:
    """Better or worse only where the whole interval lies on one side of zero."""
    assert compared(base, option, lower_is_better).verdict.tolist() == [verdict]


def test_the_difference_is_option_less_base() -> None:
    """A fall is negative, and its half-width is of the pairs, not of the days they share."""
    found = compared([10, 40, 90], [8, 37, 88])
    assert found.mean[0] == pytest.approx(-7 / 3)
    assert found.half_width[0] == pytest.approx(4.302653 * np.std([-2, -3, -2], ddof=1) / np.sqrt(3), rel=1e-6)


def test_each_metric_has_its_own_direction() -> None:
    """Shape (replications, groups, metrics): waits down and crossings up are both better, in every group."""
    base = np.array([[[10.0, 100.0]] * 3, [[12.0, 110.0]] * 3])
    found = paired_difference(base, base + np.array([-1.0, 5.0]), np.array([True, False]))
    assert found.verdict.tolist() == [[BETTER, BETTER]] * 3
