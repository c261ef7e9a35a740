"""Every draw has the distribution it should, its own stream, and stays as it is when the rest changes.

Seeds are fixed, so each test of a distribution holds or fails for good; its level says how often a right sampler
would fail: one in a thousand, where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from portsim.border import workload
from portsim.border.model import (
    NO_LIMIT,
    ONE,
    Alternative,
    Line,
    PortModel,
    Referral,
    Segment,
    Shape,
    Station,
    Timetable,
)
from portsim.border.workload import WeekBlock, draw
from portsim.clock import DAY, HOUR, HOURS_PER_WEEK, MINUTE, SLOT, SLOTS_PER_HOUR, SLOTS_PER_WEEK, WEEK
from portsim.errors import PortsimError

LEVEL = 0.001
FOUR_SIGMA = 4  # a right mean lies beyond it once in 16,000
SEED = 20_260


# --- a small model -----------------------------------------------------------------------------

ALWAYS = Timetable(np.zeros(1, np.int64), np.ones(1, np.int64), np.zeros(1, np.int64))
MEANS = np.full((1, HOURS_PER_WEEK), MINUTE, np.int64)
NO_COST = np.zeros(HOURS_PER_WEEK, np.int64)
DAYTIME = np.repeat(np.tile([0.0] * 6 + [40.0] * 6 + [120.0] * 4 + [10.0] * 8, 7), SLOTS_PER_HOUR)


def line(port: int, multiplier: int = 0, referrals: tuple[Referral, ...] = ()) -> Line:
    steps = np.zeros(1, np.int64)
    return Line(
        name=f"port-{port}",
        port=port,
        mode="vehicle",
        timetable=ALWAYS,
        mean_service=MEANS,
        multiplier=multiplier,
        lane_type="general",
        gate_tick=steps,
        gate_open=steps + 1,
        capacity=MEANS[0],
        referrals=referrals,
        people=1.0,
    )


ONCE = np.ones(SLOTS_PER_WEEK)


def segment(name: str = "town/local", ports: Sequence[int] = (0,), **more: object) -> Segment:
    given: dict[str, object] = {
        "catchment": "town",
        "day_name": "day/valley/vehicle/local",
        "mode": "vehicle",
        "traveller_class": 0,
        "per_hour": DAYTIME,
        "factor": ONCE,
        "patience": 0,
        "alternatives": tuple(Alternative(port, (port,), NO_COST[None, :], NO_COST) for port in ports),
    }
    return Segment(name, **(given | more))  # type: ignore[arg-type]


def border(*segments: Segment, ports: int = 3, shape: Shape | None = None, **more: object) -> PortModel:
    return PortModel(
        ports=tuple(f"port-{number}" for number in range(ports)),
        lines=tuple(line(port) for port in range(ports)),
        later=(),
        segments=segments or (segment(),),
        multipliers=((0, shape or Shape("exponential")),),
        **more,  # type: ignore[arg-type]
    )


def drawn(model: PortModel, seed: int = SEED, replication: int = 0) -> list[WeekBlock]:
    return list(draw(model, seed, replication).weeks())


def one_week(model: PortModel, seed: int = SEED, replication: int = 0) -> WeekBlock:
    (block,) = drawn(model, seed, replication)
    return block


COLUMNS = ("tick", "key", "patience", "taste", "multiplier", "referral")


def people(blocks: Sequence[WeekBlock]) -> dict[int, tuple[object, ...]]:
    """Return what each traveller carries, by key."""
    return {
        int(block.key[row]): tuple(getattr(block, name)[..., row].tolist() for name in COLUMNS)
        for block in blocks
        for row in range(len(block))
    }


def assert_mean(values: np.ndarray, expected: float) -> None:
    """Assert that a sample's mean is as expected, within four of its standard errors."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - expected) < FOUR_SIGMA * error


# --- arrivals ----------------------------------------------------------------------------------


def test_arrivals_by_hour_are_poisson_counts_of_the_profile() -> None:
    """Over 40 replications the counts of all hours have mean and variance of the rate: chi-square."""
    model = border()
    counts = np.array(
        [np.bincount(one_week(model, replication=r).tick // HOUR, minlength=HOURS_PER_WEEK) for r in range(40)]
    )
    rate = DAYTIME[::SLOTS_PER_HOUR]
    assert not counts[:, rate == 0].any()
    busy, expected = counts[:, rate > 0], rate[rate > 0]
    pearson = float(((busy - expected) ** 2 / expected).sum())
    low, high = stats.chi2.ppf([LEVEL / 2, 1 - LEVEL / 2], busy.size)
    assert low < pearson < high
    assert_mean(busy.sum(axis=1).astype(float), expected.sum())


def test_arrivals_of_different_hours_are_independent() -> None:
    """A busy hour says nothing of the next: no correlation over 40 weeks."""
    model = border(segment(per_hour=np.full(SLOTS_PER_WEEK, 5.0)), weeks=40)
    ticks = np.concatenate([block.tick for block in drawn(model)])
    counts = np.bincount(ticks // HOUR, minlength=40 * HOURS_PER_WEEK)
    assert stats.pearsonr(counts[:-1], counts[1:]).pvalue > LEVEL


def test_arrival_times_follow_the_profile_within_the_hour() -> None:
    """Through the cumulative rate they are uniform: Kolmogorov and Smirnov, steps of five minutes and all."""
    profile = np.tile([0.0, 300.0, 30.0, 90.0], SLOTS_PER_WEEK // 4)
    ticks = one_week(border(segment(per_hour=profile))).tick
    edges = np.arange(SLOTS_PER_WEEK + 1) * SLOT
    through = np.interp(ticks, edges, np.concatenate([[0], np.cumsum(profile)]) / profile.sum())
    assert stats.kstest(through, "uniform").pvalue > LEVEL


def test_gaps_between_arrivals_are_exponential() -> None:
    """At a steady rate, with the mean the rate has."""
    ticks = one_week(border(segment(per_hour=np.full(SLOTS_PER_WEEK, 60.0)))).tick
    assert stats.kstest(np.diff(ticks) / MINUTE, "expon").pvalue > LEVEL


def test_nobody_comes_where_the_rate_is_zero() -> None:
    """Not within a shut slot of an open hour either, and no rate at all is no travellers."""
    profile = np.zeros(SLOTS_PER_WEEK)
    profile[7::SLOTS_PER_HOUR] = 600
    ticks = one_week(border(segment(per_hour=profile))).tick
    assert len(ticks) > 0
    assert set((ticks // SLOT % SLOTS_PER_HOUR).tolist()) == {7}
    nothing = one_week(border(segment(per_hour=np.zeros(SLOTS_PER_WEEK)), ports=2))
    assert (len(nothing), nothing.taste.shape, nothing.multiplier.shape) == (0, (1, 0), (1, 0))


def test_a_demand_factor_scales_the_arrivals() -> None:
    """Below one by thinning, above it by further layers."""
    base = DAYTIME.sum() / SLOTS_PER_HOUR
    for factor in (0.4, 1.0, 1.1, 2.6):
        model = border(segment(factor=factor * ONCE))
        counts = [len(one_week(model, replication=r)) for r in range(20)]
        assert_mean(np.array(counts, float), factor * base)


# --- service times -----------------------------------------------------------------------------


def clipped_cv(clip: float) -> float:
    """Return the cv of an exponential cut at `clip` means of the cut one, by quadrature."""
    scale = workload._clip_scale(clip)
    grid = (np.arange(1_000_000) + 0.5) / 1_000_000
    times = np.minimum(-scale * np.log(grid), clip)
    return float(times.std() / times.mean())


@pytest.mark.parametrize(
    ("shape", "cv"),
    [
        pytest.param(Shape("exponential"), 1.0, id="exponential"),
        pytest.param(Shape("erlang", cv=0.5), 0.5, id="erlang-4"),
        pytest.param(Shape("erlang", cv=0.6), 3**-0.5, id="erlang-3, the nearest to 0.6"),
        pytest.param(Shape("gamma", cv=0.6), 0.6, id="gamma"),
        pytest.param(Shape("gamma", cv=1.3), 1.3, id="gamma-wide"),
        pytest.param(Shape("lognormal", cv=0.7), 0.7, id="lognormal"),
        pytest.param(Shape("clipped_exponential", clip=1.2), clipped_cv(1.2), id="clipped-short"),
        pytest.param(Shape("clipped_exponential", clip=4), clipped_cv(4), id="clipped-long"),
    ],
)
def test_service_factors_have_mean_one_and_their_cv(shape: Shape, cv: float) -> None:
    """Mean and variance of some 70,000 travellers' factors, each within four standard errors."""
    model = border(segment(per_hour=np.full(SLOTS_PER_WEEK, 400.0)), shape=shape)
    factors = one_week(model).multiplier[0] / ONE
    assert_mean(factors, 1.0)
    assert_mean((factors - 1) ** 2, cv**2)


def test_deterministic_factors_are_one() -> None:
    """Exactly."""
    assert set(one_week(border(shape=Shape("deterministic"))).multiplier[0].tolist()) == {ONE}


def test_clipped_factors_do_not_pass_the_clip() -> None:
    """The longest service is the clip times the mean, and some reach it."""
    factors = one_week(border(shape=Shape("clipped_exponential", clip=1.5))).multiplier[0] / ONE
    assert factors.max() == 1.5


def test_only_factors_a_traveller_may_need_are_drawn() -> None:
    """Two shapes at two ports: a segment of one port carries one."""
    model = replace(
        border(segment(ports=(1,))),
        lines=(line(0, 0), line(1, 1)),
        multipliers=((0, Shape("exponential")), (0, Shape("gamma", cv=0.5))),
    )
    factors = one_week(model).multiplier
    assert not factors[0].any()
    assert factors[1].all()


# --- days, tastes, patience, referral ----------------------------------------------------------


def day_factors(model: PortModel, weeks: int, number: int = 0) -> np.ndarray:
    days = workload._DayFactors(draw(model, SEED, 0))
    return np.concatenate([days.of(model.segments[number], week) for week in range(weeks)])


DAYS = {"day_factor_cv": 0.2, "day_factor_lag1": 0.5}


def test_day_factors_have_mean_one_their_cv_and_their_correlation() -> None:
    """Over 5,000 weeks; neighbours over the end of a week belong together too."""
    factors = day_factors(border(**DAYS), 5_000)
    independent = factors[::7]  # a week apart the correlation is 0.5 ** 7
    assert_mean(independent, 1.0)
    assert_mean((independent - 1) ** 2, 0.04)
    state = np.log(factors)
    error = np.sqrt((1 - 0.5**2) / len(state))
    assert abs(np.corrcoef(state[:-1], state[1:])[0, 1] - 0.5) < FOUR_SIGMA * error
    sundays, mondays = state[6:-1:7], state[7::7]
    assert abs(np.corrcoef(sundays, mondays)[0, 1] - 0.5) < FOUR_SIGMA * np.sqrt(0.75 / len(mondays))
    assert stats.kstest((state - state.mean()) / state.std(), "norm").pvalue > LEVEL


def test_good_days_are_shared_by_a_clusters_class_and_by_nobody_else() -> None:
    """Two catchments of one cluster have the same days; another cluster or class has its own."""
    model = border(
        segment("a"),
        segment("b", catchment="hills"),
        segment("c", day_name="day/desert/vehicle/local"),
        segment("d", day_name="day/valley/vehicle/visitor"),
        **DAYS,
    )
    first, second, third, fourth = (day_factors(model, 3, number) for number in range(4))
    assert np.array_equal(first, second)
    assert not np.isclose(first, third).any()
    assert not np.isclose(first, fourth).any()


def test_without_a_day_factor_all_days_are_alike() -> None:
    """Nothing is drawn, and nothing changes."""
    assert set(day_factors(border(), 2)) == {1.0}


def test_a_days_factor_thins_or_swells_that_days_arrivals() -> None:
    """The counts of 60 days follow their factors, within four standard errors of Poisson."""
    model = border(segment(per_hour=np.full(SLOTS_PER_WEEK, 60.0)), weeks=9, **DAYS)
    ticks = np.concatenate([block.tick for block in drawn(model)])
    counts = np.bincount(ticks // DAY, minlength=63)
    expected = 60 * 24 * day_factors(model, 9)
    assert np.all(np.abs(counts - expected) < FOUR_SIGMA * np.sqrt(expected))


def test_tastes_are_gumbel_of_the_scale() -> None:
    """Kolmogorov and Smirnov, by port; and no taste for one port says anything of another's."""
    model = border(segment(ports=(0, 2)), taste_scale=16 * MINUTE)
    tastes = one_week(model).taste / MINUTE
    for row in tastes:
        assert stats.kstest(row, stats.gumbel_r(scale=16).cdf).pvalue > LEVEL
    assert stats.spearmanr(*tastes).pvalue > LEVEL


def test_without_a_choice_there_is_no_taste() -> None:
    """One port is liked as it is."""
    assert not one_week(border()).taste.any()


def test_patience_is_exponential_with_its_mean() -> None:
    """Kolmogorov and Smirnov; a patience of 0 is without limit."""
    patience = one_week(border(segment(patience=357 * MINUTE))).patience / (357 * MINUTE)
    assert stats.kstest(patience, "expon").pvalue > LEVEL
    assert set(one_week(border()).patience.tolist()) == {NO_LIMIT}


def test_referral_numbers_are_uniform() -> None:
    """Over the whole of the fixed-point one, a stage each, and independent."""
    referrals = (Referral(0, 0, ONE // 2), Referral(1, 1, ONE // 2))
    station = Station("later", 0, "vehicle", ALWAYS, MEANS, 0)
    model = replace(border(), lines=(line(0, referrals=referrals),), later=(station, station))
    uniforms = one_week(model).referral
    assert uniforms.min() >= 0
    assert uniforms.max() < ONE
    for row in uniforms:
        assert stats.kstest(row / ONE, "uniform").pvalue > LEVEL
    assert stats.spearmanr(*uniforms).pvalue > LEVEL


# --- who is who --------------------------------------------------------------------------------

CROWD = border(
    segment("a", factor=1.6 * ONCE), segment("b", (0, 1)), segment("c", initial=30), weeks=2, warm_up_weeks=1
)


def test_keys_tell_all_travellers_apart() -> None:
    """Over weeks, segments, layers and those who stand in line at the start."""
    keys = np.concatenate([block.key for block in drawn(CROWD)])
    assert len(np.unique(keys)) == len(keys)
    assert keys.min() >= 0


def test_travellers_come_in_order_of_tick_and_key_each_week_in_its_own() -> None:
    """The blocks follow one another without a gap."""
    for week, block in enumerate(drawn(CROWD)):
        assert np.array_equal(np.lexsort((block.key, block.tick)), np.arange(len(block)))
        assert set((block.tick // WEEK).tolist()) == {block.week} == {week}


def test_those_in_line_at_the_start_come_once_at_tick_zero() -> None:
    """Thirty of them, in week 0 only."""
    ticks = [block.tick[block.segment == 2] for block in drawn(CROWD)]
    assert [len(tick) for tick in ticks] == [30, 0, 0]
    assert not ticks[0].any()


def test_more_growth_than_a_key_can_hold_is_refused() -> None:
    """At thirty times the observed demand two travellers would have one key."""
    with pytest.raises(PortsimError, match=r"a: demand is more than 16.75 times"):
        one_week(border(segment("a", factor=30 * ONCE)))


def test_all_is_whole_numbers() -> None:
    """Engines add and compare integers only."""
    block = drawn(CROWD)[0]
    assert {getattr(block, name).dtype for name in (*COLUMNS, "segment")} == {np.dtype(np.int64)}


# --- streams -----------------------------------------------------------------------------------

BASE = border(segment("a", (0, 1), patience=HOUR), segment("b", factor=0.9 * ONCE), weeks=2, **DAYS)


def test_the_same_seed_draws_the_same_numbers() -> None:
    """Asked once, asked again, or by another who was given the same."""
    given = draw(BASE, SEED, 3)
    assert people(list(given.weeks())) == people(list(given.weeks())) == people(drawn(BASE, SEED, 3))


@pytest.mark.parametrize(("seed", "replication"), [(SEED + 1, 0), (SEED, 1)])
def test_another_seed_or_replication_draws_other_numbers(seed: int, replication: int) -> None:
    """Not shifted, not shared: no two arrivals fall on one tick more than by chance."""
    base, other = drawn(BASE)[0], drawn(BASE, seed, replication)[0]
    common = len(np.intersect1d(base.tick, other.tick))
    assert common < 20
    assert not np.array_equal(base.taste[:, :50], other.taste[:, :50])


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    """Week 1 is the same in a run of two weeks and of four."""
    longer = drawn(replace(BASE, weeks=4))
    assert people(longer[:2]) == people(drawn(BASE))


def test_more_demand_keeps_every_traveller_of_the_base() -> None:
    """Ten or eighty percent more: the same travellers with the same attributes, and others."""
    before = people(drawn(BASE))
    for factor in (1.1, 1.8):
        more = replace(BASE, segments=tuple(replace(s, factor=factor * s.factor) for s in BASE.segments))
        after = people(drawn(more))
        assert before.items() <= after.items()
        assert len(after) > len(before)


def test_a_new_segment_leaves_the_others_draws_as_they_are() -> None:
    """Wherever in the file it stands."""
    more = replace(BASE, segments=(segment("new"), *BASE.segments))
    assert people(drawn(BASE)).items() <= people(drawn(more)).items()


def test_a_new_port_leaves_all_other_draws_as_they_are() -> None:
    """Travellers get a taste for it, and keep those for the others."""
    first = BASE.segments[0]
    third = Alternative(2, (2,), NO_COST[None, :], NO_COST)
    more = replace(BASE, segments=(replace(first, alternatives=(*first.alternatives, third)), BASE.segments[1]))
    for before, after in zip(drawn(BASE), drawn(more), strict=True):
        for name in ("tick", "key", "patience", "multiplier", "referral"):
            assert np.array_equal(getattr(before, name), getattr(after, name))
        assert np.array_equal(before.taste, after.taste[:2])


def test_a_closed_port_leaves_the_tastes_for_the_others() -> None:
    """Tastes go by the port's name, not by its place."""
    first = BASE.segments[0]
    fewer = replace(BASE, segments=(replace(first, alternatives=first.alternatives[1:] * 2), BASE.segments[1]))
    before, after = drawn(BASE)[0], drawn(fewer)[0]
    assert np.array_equal(before.taste[1], after.taste[0])


def test_purposes_do_not_share_their_numbers() -> None:
    """Patience says nothing of service, nor of when a traveller comes."""
    block = one_week(border(segment(patience=HOUR, per_hour=np.full(SLOTS_PER_WEEK, 60.0))))
    gaps = np.diff(block.tick, prepend=0)
    for one, other in ((block.patience, block.multiplier[0]), (block.patience, gaps), (block.multiplier[0], gaps)):
        assert stats.spearmanr(one, other).pvalue > LEVEL


def test_parts_of_one_flow_at_one_tick_are_in_order_of_key() -> None:
    """So many in one slot that ticks meet: the parts of a shifted flow share their numbers."""
    rush = np.zeros(SLOTS_PER_WEEK)
    rush[100] = 3_000_000.0
    whole = segment("a", per_hour=rush)
    parts = [replace(whole, part=(0.0, 0.5)), replace(whole, name="a>b", drawn_as="a", part=(0.5, 1.0))]
    block, undivided = one_week(border(*parts)), one_week(border(whole))
    assert (np.diff(block.tick) == 0).any()
    assert np.array_equal(block.tick, undivided.tick)
    assert np.array_equal(block.key, undivided.key)
    assert set(block.segment.tolist()) == {0, 1}
