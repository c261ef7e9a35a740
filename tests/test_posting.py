"""The observation model: rounding, the least that is posted, and readings that are held."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from portsim.calibrate import posting
from portsim.calibrate.posting import Posting


def test_waits_are_rounded_to_the_nearest_step_and_no_less_than_the_least() -> None:
    wait = np.array([0.0, 2.4, 2.5, 7.4, 7.5, 61.0, np.nan])
    assert Posting().rounded(wait)[:-1].tolist() == [0, 0, 5, 5, 10, 60]
    assert Posting(5.0).rounded(wait)[:-1].tolist() == [5, 5, 5, 5, 10, 60]
    assert np.isnan(Posting(5.0).rounded(wait)[-1])


def test_rounding_keeps_the_mean_of_waits_that_are_spread() -> None:
    wait = np.linspace(10, 110, 100_001)
    assert Posting().rounded(wait).mean() == pytest.approx(wait.mean(), abs=0.01)


def test_a_held_reading_is_that_of_the_hour_before() -> None:
    """With a half held, each hour's mean is half its own and half the posted mean before; a gap begins anew."""
    wait = np.array([[10.0, 20.0, 20.0, np.nan, 40.0, 60.0]])
    assert Posting(0.0, 0.5).expected(wait)[0, [0, 1, 2, 4, 5]].tolist() == [10, 15, 17.5, 40, 50]
    assert Posting(0.0, 0.0).expected(wait)[0, 1] == 20


def test_the_least_is_a_step_where_hardly_a_reading_is_below() -> None:
    assert posting.least_posted(np.array([5.0] * 99 + [0.0])) == 5.0
    assert posting.least_posted(np.array([5.0] * 90 + [0.0] * 10)) == 0.0


def test_the_share_held_is_found_again() -> None:
    """Readings made by holding three in ten of simulated ones are found to be so."""
    rng = np.random.default_rng(3)
    wait = 60 + np.cumsum(rng.normal(0, 6, (20, 200)), axis=1)
    read = Posting().rounded(wait)
    held = rng.random(read.shape) < 0.3
    for hour in range(1, read.shape[1]):
        read[:, hour] = np.where(held[:, hour], read[:, hour - 1], read[:, hour])
    alike = float((np.diff(read, axis=1) == 0).mean())
    assert posting.held_share(alike, wait, 0.0) == pytest.approx(0.3, abs=0.05)
    assert posting.held_share(np.nan, wait, 0.0) == 0.0


def test_readings_are_alike_only_where_an_hour_follows_the_last() -> None:
    readings = pd.DataFrame(
        {"date": ["2026-04-14"] * 3 + ["2026-04-15"], "hour": [8, 9, 11, 0], "wait_min": [10.0, 10.0, 10.0, 10.0]}
    )
    assert posting.same_as_before(readings) == 1.0
    readings.loc[1, "wait_min"] = 15.0
    assert posting.same_as_before(readings) == 0.0
    assert np.isnan(posting.same_as_before(readings.iloc[2:]))
