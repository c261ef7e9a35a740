"""Percentiles of waits that went to disk are those of all waits together, in memory that the weeks do not fill."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portsim.border import model
from portsim.border.model import PortModel
from portsim.border.records import CROSSED, Crossings
from portsim.clock import HOUR, HOURS_PER_WEEK, MINUTE, WEEK
from portsim.errors import PortsimError
from portsim.language import scenario
from portsim.language.schema import Network
from portsim.measure import spool
from portsim.measure.measures import Tally, measure
from portsim.measure.spool import Spool
from portsim.measure.waits import Waits, quantiles

SHARES = (0.0, 0.5, 0.9, 0.95, 1.0)
LINES = 3
STEP = 4096  # ticks: what waits counts in

# Waits on, beside and across the steps, and equal ones.
WAIT = st.one_of(st.sampled_from([0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP]), st.integers(0, 3 * HOUR))
TRAVELLER = st.tuples(st.integers(0, LINES - 1), st.sampled_from([0, 1, 166, 167]), WAIT)
WEEKS = st.lists(st.lists(TRAVELLER, max_size=12), min_size=1, max_size=4)


def columns(travellers: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    line, hour, wait = np.array(travellers, np.int64).reshape(-1, 3).T
    return line, hour, wait


@settings(deadline=None, max_examples=50)
@given(WEEKS)
def test_percentiles_are_numpys_of_all_waits_together(weeks: list[list[tuple[int, int, int]]]) -> None:
    """Of every hour of every line and of every group of lines, to the last bit, however the weeks are cut."""
    waits = Waits(LINES)
    for week in weeks:
        waits.add([waits.packed(*columns(week))])
    line, hour, wait = columns([traveller for week in weeks for traveller in week])

    def expected(chosen: np.ndarray, share: float) -> float:
        return float(np.quantile(wait[chosen], share)) / MINUTE if chosen.any() else np.nan

    by_hour = waits.by_hour(0.95)
    assert by_hour.shape == (LINES, HOURS_PER_WEEK)
    for cell in np.ndindex(LINES, HOURS_PER_WEEK):
        if cell[1] in {0, 1, 100, 166, 167}:
            assert by_hour[cell] == pytest.approx(
                expected((line == cell[0]) & (hour == cell[1]), 0.95), rel=1e-14, nan_ok=True
            )
    groups = [group for size in range(1, LINES + 1) for group in combinations(range(LINES), size)]
    found = quantiles([[waits.lines()[number] for number in group] for group in groups], SHARES)
    for group, row in zip(groups, found, strict=True):
        for share, value in zip(SHARES, row, strict=True):
            assert value == pytest.approx(expected(np.isin(line, group), share), rel=1e-14, nan_ok=True)


def test_lines_of_several_replications_of_islands_make_one_group() -> None:
    """The median of 1, 2, 3, 10 and 20 minutes, which three islands kept, is 3."""
    kept = []
    for minutes in ([1, 20], [3], [10, 2]):
        waits = Waits(1)
        waits.add([waits.packed(*columns([(0, 5, minute * MINUTE) for minute in minutes]))])
        kept += waits.lines()
    (median,), (none,) = quantiles([kept, []], [0.5]).tolist()
    assert median == 3
    assert np.isnan(none)


def test_waits_beyond_what_four_bytes_hold_are_exact_too() -> None:
    """Fifty days, in the week of those who waited so long, beside short ones."""
    waits = Waits(1)
    for wait in ([5], [2**32, 2**32 + 7]):
        waits.add([waits.packed(*columns([(0, 5, ticks) for ticks in wait]))])
    assert quantiles([waits.lines()], [0.0, 0.5, 1.0])[0].tolist() == [t / MINUTE for t in (5, 2**32, 2**32 + 7)]
    assert waits.by_hour(1.0)[0, 5] == (2**32 + 7) / MINUTE


def test_hours_are_put_in_order_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few fit into memory together."""
    waits = Waits(2)
    numbers = np.arange(4000)
    for week in range(3):
        wait = (numbers * 7919 + week * 104_729) % HOUR
        waits.add([waits.packed(numbers % 2, numbers // 2 % HOURS_PER_WEEK, wait)])
    at_once = waits.by_hour(0.9)
    for fitting in (1, 50, 1000):
        monkeypatch.setattr("portsim.measure.waits._AT_ONCE", fitting)
        assert waits.by_hour(0.9).tobytes() == at_once.tobytes()


def border(weeks: int, warm_up_weeks: int = 0) -> PortModel:
    """Return a model of four lines, the first of trucks."""
    network = scenario.read_yaml(Path(__file__).parent / "networks" / "two-ports.yaml", Network)
    found = model.build(network, weeks=weeks, warm_up_weeks=warm_up_weeks)
    assert [line.mode == "truck" for line in found.lines] == [True, False, False, False]
    return found


def week_of_rows(week: int, travellers: int) -> Crossings:
    """Return a week in which travellers join four lines one after the other, wait up to two hours and leave."""
    number = np.arange(travellers, dtype=np.int64)
    tick = week * WEEK + number * (WEEK - 4 * HOUR) // travellers
    line, wait = number % 4, number * 7919 % (2 * HOUR)
    return Crossings(
        key=week << 32 | number,
        tick=tick,
        segment=np.zeros(travellers, np.int64),
        line=line,
        start=tick + wait,
        end=tick + wait + MINUTE,
        stage_start=np.zeros((0, travellers), np.int64),
        stage_end=np.zeros((0, travellers), np.int64),
        depart=tick + wait + MINUTE,
        outcome=np.full(travellers, CROSSED),
        opened=np.array([[week * WEEK, 0, 2]], np.int64),
        posted=np.zeros((0, 4), np.int64),
        queue_area=np.zeros(4, np.int64),
    )


def peak_of(weeks: int, travellers: int) -> int:
    """Return the most memory, in bytes, that tallying and measuring so many weeks took, one week's rows included."""
    tracemalloc.start()
    tally = Tally(border(weeks=weeks))
    for week in range(weeks):
        tally.add(week_of_rows(week, travellers), last=week == weeks - 1)
    for trucks in tally.measures().trucks:
        assert len(trucks.key) == travellers // 4
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the weeks take no more, but for the hours themselves, some 30 kB a week of these four lines.

    300,000 travellers more are seen; kept in memory they would take 2.4 MB as waits, and 1.8 MB as trucks.
    """
    monkeypatch.setattr("portsim.measure.waits._AT_ONCE", 20_000)  # or a million are put in order together
    short, long = (peak_of(weeks, travellers=20_000) for weeks in (5, 20))
    assert short > 20_000 * 8 * 8  # a week's rows are in it
    assert long - short < 0.6e6


@pytest.mark.parametrize("warm_up_weeks", [1, 2])
def test_the_weeks_of_a_tally_are_those_of_the_whole_run(monkeypatch: pytest.MonkeyPatch, warm_up_weeks: int) -> None:
    """Cut in weeks or not, and those again, every measure has the same bits; after weeks that do not count too."""
    weeks = [week_of_rows(week, 3000) for week in range(3)]
    model = border(weeks=3 - warm_up_weeks, warm_up_weeks=warm_up_weeks)
    tally = Tally(model)
    for number, week in enumerate(weeks):
        tally.add(week, last=number == 2)
    monkeypatch.setattr("portsim.measure.measures._AT_ONCE", 700)
    joined = {
        name: np.concatenate([getattr(week, name) for week in weeks], axis=-1)
        for name in ("key", "tick", "segment", "line", "start", "end", "stage_start", "stage_end", "depart", "outcome")
    }
    beside = {name: np.concatenate([getattr(week, name) for week in weeks]) for name in ("opened", "posted")}
    whole = measure(Crossings(**joined, **beside, queue_area=weeks[0].queue_area), model)
    by_week = tally.measures()
    for name in ("summary", "hourly", "daily"):
        assert getattr(by_week, name).tobytes() == getattr(whole, name).tobytes(), name


# --- the disk ----------------------------------------------------------------------------------


def test_a_spool_gives_back_what_it_was_given() -> None:
    """Whole or in part, of any kind of whole number, nothing included."""
    kept = Spool()
    arrays = [np.arange(7, dtype=np.uint32), np.zeros(0, np.int64), np.arange(-6, 6).reshape(3, 4)]
    places = [kept.keep(array) for array in arrays]
    for place, array in zip(places, arrays, strict=True):
        found = place.read()
        assert (found.dtype, found.tolist()) == (array.dtype, array.tolist())
    assert places[0].part(2, 5).tolist() == [2, 3, 4]
    assert places[1].part(0, 0).tolist() == []


def test_a_full_disk_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder that is full, and how to name another."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    with pytest.raises(PortsimError, match=r"cannot be kept in a temporary file in .*: No space left.*TMPDIR"):
        Spool().keep(np.arange(3))
