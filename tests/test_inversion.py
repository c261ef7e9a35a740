"""Inversion: a known fluid queue gives its arrivals back, and a published case its midnight queue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from portsim.calibrate import inversion
from portsim.calibrate.inversion import Opening

Floats = npt.NDArray[np.float64]
STEPS = 60  # a minute each

# San Ysidro general and Otay Mesa Ready, Tuesday to Thursday 2017 (SANDAG, SR-11 model calibration data): vehicles
# processed and CBP wait by hour; arrivals and midnight queue as recovered by an independent computation.
SAN_YSIDRO = (
    "215 223 300 335 611 611 557 544 545 535 517 505 482 476 450 429 434 407 383 365 347 292 225 212",
    "72 66 57 57 57 53 55 57 59 57 63 64 67 66 66 68 68 69 67 66 66 69 71 70",
    "227 263 310 597 591 552 563 563 535 535 533 497 481 444 436 437 407 378 354 338 291 232 214 218",
    256,
)
OTAY_MESA = (
    "177 204 313 381 733 719 709 686 688 691 655 659 650 642 607 586 572 560 540 535 514 453 284 234",
    "48 45 36 32 37 39 37 38 39 42 41 43 42 44 49 47 49 47 45 42 44 45 45 47",
    "195 257 318 586 767 713 688 699 713 678 663 658 649 652 605 575 562 526 514 516 482 330 250 195",
    140,
)


def fluid(joins: Floats, capacity: Floats, start: float) -> Floats:
    """Run a line as a fluid through a week, minute by minute; return the wait at the middle of each hour, minutes.

    The wait of who joins is the time in which the capacity to come serves the line there is.
    """
    ahead = np.tile(np.repeat(capacity / STEPS, STEPS), 2)
    cumulative = np.concatenate([[0.0], np.cumsum(ahead)])
    queue, waits = start, np.zeros(168)
    for step in range(168 * STEPS):
        if step % STEPS == STEPS // 2:
            served = cumulative[step] + queue
            waits[step // STEPS] = np.interp(served, cumulative, np.arange(cumulative.size)) - step
        queue = max(0.0, queue + joins[step // STEPS] / STEPS - ahead[step])
    assert queue == pytest.approx(start, rel=0.02)  # the week is periodic
    return waits


def test_a_known_fluid_queue_gives_its_arrivals_back() -> None:
    hour = np.arange(168)
    joins = 400 + 120 * np.sin(2 * np.pi * (hour - 9) / 24)
    capacity = np.full(168, joins.mean()) + 60 * np.sin(2 * np.pi * (hour - 13) / 24)
    found = inversion.joins(capacity, fluid(joins, capacity, 600.0))
    assert found == pytest.approx(joins, rel=0.03)
    assert found.sum() == pytest.approx(joins.sum(), rel=1e-9)


@pytest.mark.parametrize("case", [SAN_YSIDRO, OTAY_MESA])
def test_the_published_case_of_2017_is_recovered(case: tuple[str, str, str, int]) -> None:
    """The midnight queue within 10 %; joins within 5 % over the day's hours, the coarsest where waits jump."""
    served, wait, recovered = (np.tile(np.array(text.split(), float), 7) for text in case[:3])
    found = inversion.joins(served, wait)
    midnight = inversion.served_by(served, inversion.wait_at(wait, np.zeros(1)) / 60)
    assert midnight == pytest.approx(case[3], rel=0.1)
    assert found.sum() == pytest.approx(served.sum())
    assert np.abs(found - recovered).sum() / recovered.sum() < 0.05


def test_a_constant_wait_shifts_what_was_served() -> None:
    served = np.arange(168.0)
    assert inversion.joins(served, np.full(168, 120.0)) == pytest.approx(np.roll(served, -2))


def test_a_line_that_closes_joins_what_it_serves() -> None:
    """Those of the day and those served after closing; who joins before booths open does so in the hour before."""
    day = Opening(5.5, 6, 10)
    served, wait = np.zeros(168), np.full(168, np.nan)
    served[6:10], wait[6:10] = 100.0, [30.0, 20.0, 10.0, 12.0]
    joins = inversion.joins(served, wait, (day,))
    assert joins.sum() == pytest.approx(inversion.weekly_served(served, wait, (day,)))
    assert joins[:5].sum() == 0
    assert joins[5] == pytest.approx(50.0)  # who has been served by 06:30 had joined by 06:00, with half an hour ahead
    assert joins[10:].sum() == 0
    assert inversion.waits_of_joins(wait, (day,))[5] == pytest.approx(30.0)
    assert inversion.open_hours((day,)).sum() == 4


def test_a_wait_that_falls_too_fast_is_flattened_half_from_each_side() -> None:
    wait = np.full(168, 100.0)
    wait[50:] = 20.0
    flat = inversion.limit_falls(wait, (Opening(0, 0, 168),))
    assert np.diff(flat).min() >= -inversion.STEEPEST_FALL_MIN
    assert flat[[48, 49, 50, 51]] == pytest.approx([100.0, 84.0, 36.0, 20.0])
    assert np.isnan(inversion.limit_falls(np.full(168, np.nan), ())).all()


def test_booths_are_busier_the_longer_the_wait() -> None:
    """As heavy traffic has it: exponential service and one booth, busy / (1 - busy) services waited."""
    wait = np.array([0.0, 4.0, 10.0, 20.0, 90.0, np.nan])
    used = inversion.used_share(wait, np.ones(6), 60.0, 1.0)
    assert used[0] == inversion.LEAST_USED
    assert np.all(np.diff(used[:4]) > 0)
    assert used[3:].tolist() == [1.0, 1.0, 0.0]
