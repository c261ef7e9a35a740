"""Profiles of readings: means kept, free steps counted, noise left out."""

from __future__ import annotations

import numpy as np
import pytest

from portsim.calibrate import profiles
from portsim.calibrate.profiles import BOOTHS, WAITS, Pooling


def readings(count: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 7, count), rng.integers(0, 24, count)


def test_a_constant_stays_what_it_is() -> None:
    weekday, hour = readings(300)
    fitted = profiles.fit(weekday, hour, np.full(300, 40.0), WAITS)
    assert fitted.week == pytest.approx(np.full(168, 40.0))


def test_free_steps_are_what_a_reading_pulls_on_its_own_fit() -> None:
    """Counted by brute force: each reading moved by one, its own fit compared."""
    weekday, hour = readings(400)
    value = np.random.default_rng(6).normal(50, 10, 400)
    fitted = profiles.fit(weekday, hour, value, WAITS)
    slot = 24 * weekday + hour
    pulled = 0.0
    for number in range(400):
        moved = value.copy()
        moved[number] += 1.0
        pulled += profiles.fit(weekday, hour, moved, WAITS).week[slot[number]] - fitted.week[slot[number]]
    assert fitted.free_steps == pytest.approx(pulled, rel=1e-6)


@pytest.mark.parametrize("count", [20, 60, 200, 650])
@pytest.mark.parametrize("pooling", [WAITS, BOOTHS])
def test_ten_readings_stand_behind_each_free_step(count: int, pooling: Pooling) -> None:
    weekday, hour = readings(count)
    fitted = profiles.fit(weekday, hour, np.random.default_rng(7).normal(size=count), pooling)
    assert fitted.free_steps <= count / profiles.READINGS_PER_STEP + 1e-9
    assert fitted.readings == count


def test_a_day_and_its_weekend_are_found_through_noise() -> None:
    """The true week is nearer to the profile than to the mean of each day type and hour."""
    rng = np.random.default_rng(8)
    weekday, hour = readings(650)
    truth = 60 + 30 * np.sin(2 * np.pi * (np.arange(168) - 8) / 24) + 20 * (np.arange(168) >= 144)
    value = truth[24 * weekday + hour] + rng.normal(0, 25, 650)
    fitted = profiles.fit(weekday, hour, value, WAITS).week
    cell = 24 * profiles.DAY_TYPE_OF[weekday] + hour
    count = np.bincount(cell, minlength=96)
    means = np.bincount(cell, weights=value, minlength=96) / np.where(count > 0, count, np.nan)
    naive = means.reshape(4, 24)[profiles.DAY_TYPE_OF].ravel()
    assert np.abs(fitted - truth).mean() < 0.6 * np.nanmean(np.abs(naive - truth))


def test_no_reading_is_no_profile() -> None:
    with pytest.raises(ValueError, match="no reading"):
        profiles.fit(np.zeros(0, int), np.zeros(0, int), np.zeros(0), WAITS)
