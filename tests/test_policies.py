"""Policies: responsive booths, responsive tolls and stacked booths; what each must do, and the laws they obey."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from portsim import clock
from portsim.border.model import NEVER, PortModel, build
from portsim.border.policies import FIXED, RESERVE, RESPONDS, stacking_gain
from portsim.border.records import NONE, Crossings
from portsim.border.workload import Workload, draw
from portsim.engines import rules
from portsim.language import changes, checks
from portsim.language.schema import Change, Network, Service
from portsim.measure.measures import HOURLY_METRICS, SUMMARY_METRICS, TOLL_REVENUE, measure

Ints = npt.NDArray[np.int64]
Words = dict[str, Any]
Simulate = Callable[[PortModel, Workload], Crossings]
CHANGE: TypeAdapter[Any] = TypeAdapter(Change)
SEED = 2031
SPREAD = {"kind": "gamma", "cv": 0.6}
GATE = {"port": "gate", "mode": "vehicle"}


def lane(booths: object, mean_s: float = 60, **more: object) -> Words:
    return {"booths_open": booths, "service": {**SPREAD, "mean_s": mean_s}, **more}


def border(crossings: dict[str, Words], flows: Sequence[Words], **more: object) -> Network:
    """Describe ports of one vehicle crossing; `plain` uses general, `card` ready, `pass` sentri."""
    lanes = {"plain": "general", "card": "ready", "pass": "sentri"}
    return Network.model_validate(
        {
            "network": "small",
            "about": "A border for tests.",
            "classes": {name: {"mode": "vehicle", "lane_types": [own]} for name, own in lanes.items()},
            "catchments": [
                {"id": "town", "name": "Town", "cluster": "valley", "access_min": dict.fromkeys(crossings, 5)}
            ],
            "ports": [
                {"id": name, "name": name.title(), "vehicle": {"lane_positions": 20, **crossing}}
                for name, crossing in crossings.items()
            ],
            "segments": [{"catchment": "town", "id": s["traveller_class"], **s} for s in flows],
            **more,
        }
    )


def changed(network: Network, *words: Words) -> Network:
    for change in map(CHANGE.validate_python, words):
        network = changes.apply(network, change)
    return network


Run = Callable[[PortModel], Crossings]


@pytest.fixture(scope="session")
def run(simulate: Simulate) -> Run:
    """Return how to simulate one replication on each engine in turn."""
    return lambda model: simulate(model, draw(model, SEED, 0))


@pytest.fixture(scope="session")
def run_long(simulate_long: Simulate) -> Run:
    """Return how to simulate one long replication, on one engine."""
    return lambda model: simulate_long(model, draw(model, SEED, 0))


def same(one: Crossings, other: Crossings) -> bool:
    columns = ("key", "tick", "line", "start", "end", "depart", "outcome", "opened", "posted", "queue_area")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)


def level(changes_of: Ints, ticks: Ints) -> Ints:
    """Return the last value of (tick, number, value) rows at each tick, after everything of it."""
    return changes_of[np.searchsorted(changes_of[:, 0], ticks, side="right") - 1, 2]


# --- responsive booths -------------------------------------------------------------------------

DAY = [{"opens": "06:00", "closes": "22:00"}]
THREE_LANES = {
    "general": lane({"00:00": 2, "12:00": 2.4}),
    "ready": lane({"00:00": 5.6, "06:00": 6.2}),
    "sentri": lane({"00:00": 2, "16:00": 3.5}, 30, hours=DAY),
}
FLOWS = (
    {"traveller_class": "plain", "per_hour": 100},
    {"traveller_class": "card", "per_hour": 290},
    {"traveller_class": "pass", "per_hour": {"00:00": 0, "06:00": 320, "10:00": 200, "21:00": 0}},
)
PATIENT = {"patience_pct_per_min": {"vehicle": 0.5}}
THREE = border({"gate": {"lane_types": THREE_LANES}}, FLOWS, **PATIENT)
RESPOND = {"action": "respond_booths", **GATE, "every_min": 30, "reads": "informed"}
SWAP = {**RESPOND, "lines": {"sentri": {"open_above_min": 18, "close_below_min": 12}}, "swap_with": "ready"}
ALL_LINES = {
    **RESPOND,
    "lines": {
        "general": {"open_above_min": 30, "close_below_min": 20},
        "ready": {"open_above_min": 20, "close_below_min": 10},
        "sentri": {"open_above_min": 10, "close_below_min": 5},
    },
    "balance": {"keep": "ready", "below": "general"},
}


@pytest.fixture(scope="session")
def timetabled(run: Run) -> Crossings:
    """Run the three lines by their timetables."""
    return run(build(THREE))


@pytest.fixture(scope="session")
def swapped(run: Run) -> Crossings:
    """Run them with officers who go from Ready to SENTRI and back."""
    return run(build(changed(THREE, SWAP)))


def crew(part: list[int], booths: list[int], waits: list[int], **more: list[int]) -> rules.Crew:
    """Describe three lines: open above 18, close below 12, from 1 to 5 booths."""
    columns = {
        "open_above": [18] * 3,
        "close_below": [12] * 3,
        "least": [1] * 3,
        "most": [5] * 3,
        "base": list(booths),
        "shift": [0] * 3,
        **more,
    }
    return rules.Crew(part=part, waits=waits, booths=list(booths), **columns)


@pytest.mark.parametrize(
    ("part", "booths", "waits", "officers", "after"),
    [
        pytest.param([RESPONDS] * 3, [2, 2, 2], [15, 15, 15], 6, [2, 2, 2], id="all within their bounds"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [18, 12, 15], 9, [2, 2, 2], id="at the very bounds nothing moves"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [19, 15, 15], 7, [3, 2, 2], id="one officer is free"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [19, 15, 15], 6, [2, 2, 2], id="no officer is free"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [19, 19, 15], 7, [3, 2, 2], id="the first has the first right"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [15, 19, 11], 6, [2, 3, 1], id="closings come before openings"),
        pytest.param([RESPONDS] * 3, [1, 2, 2], [11, 15, 15], 5, [1, 2, 2], id="the least stays"),
        pytest.param([RESPONDS] * 3, [5, 2, 2], [19, 15, 15], 20, [5, 2, 2], id="no more than are built"),
        pytest.param([RESPONDS] * 3, [2, 2, 2], [NEVER, 15, 15], 9, [2, 2, 2], id="no wait is known"),
        pytest.param([RESPONDS, FIXED, FIXED], [2, 2, 2], [15, 99, 0], 9, [2, 2, 2], id="fixed lines stay"),
        pytest.param([RESPONDS, FIXED, RESERVE], [2, 2, 3], [19, 0, 99], 7, [3, 2, 2], id="the reserve gives"),
        pytest.param([RESPONDS, FIXED, RESERVE], [2, 2, 1], [19, 0, 99], 5, [2, 2, 1], id="but not its least"),
        pytest.param([RESPONDS, FIXED, RESERVE], [2, 2, 3], [19, 0, 99], 8, [3, 2, 3], id="nor while one is free"),
    ],
)
def test_a_review_moves_one_booth_a_line(
    part: list[int], booths: list[int], waits: list[int], officers: int, after: list[int]
) -> None:
    lines = crew(part, booths, waits)
    rules.respond(lines, officers)
    assert lines.booths == after


@pytest.mark.parametrize(
    ("waits", "booths", "after"),
    [
        pytest.param([60, 80], [3, 3], [4, 2], id="60 x 1.45 is more than 80"),
        pytest.param([50, 80], [3, 3], [3, 3], id="50 x 1.45 is less"),
        pytest.param([100, 121], [3, 3], [3, 3], id="not at two hours"),
        pytest.param([60, 80], [3, 1], [3, 1], id="not the last booth"),
        pytest.param([30, 80], [4, 2], [3, 3], id="30 x 1.45 x 1.45 is less: it goes back"),
        pytest.param([40, 80], [4, 2], [4, 2], id="40 x 1.45 x 1.45 is more: it stays"),
        pytest.param([30, 80], [3, 3], [3, 3], id="the timetable's own stay"),
        pytest.param([NEVER, 80], [4, 2], [4, 2], id="no wait is known"),
    ],
)
def test_balance_keeps_one_wait_below_the_other(waits: list[int], booths: list[int], after: list[int]) -> None:
    lines = crew([RESPONDS] * 3, [*booths, 1], [*waits, 0], base=[3, 3, 1])
    rules.balance(lines, 0, 1, 1_450, 120)
    assert lines.booths[:2] == after


@pytest.mark.parametrize(
    ("part", "shift", "officers", "after"),
    [
        pytest.param([RESPONDS] * 3, [0, 0, 0], 9, [3, 3, 3], id="the timetable"),
        pytest.param([RESPONDS] * 3, [1, -1, 0], 9, [4, 2, 3], id="and what reviews have moved"),
        pytest.param([RESPONDS] * 3, [4, -4, 0], 9, [5, 1, 3], id="within what is built and the least"),
        pytest.param([RESPONDS] * 3, [0, 0, 0], 8, [3, 3, 2], id="one missing: the last line closes"),
        pytest.param([RESPONDS] * 3, [0, 0, 0], 5, [3, 1, 1], id="down to its least, then the one before"),
        pytest.param([RESPONDS] * 3, [0, 0, 0], 2, [1, 1, 0], id="then the least too, from the last"),
        pytest.param([FIXED, RESPONDS, RESPONDS], [0, 0, 0], 4, [3, 1, 0], id="fixed lines keep theirs"),
        pytest.param([RESPONDS, FIXED, RESERVE], [1, 0, 0], 9, [4, 3, 2], id="the reserve has what is left"),
        pytest.param([RESPONDS, FIXED, RESERVE], [-1, 0, 0], 15, [2, 3, 5], id="up to what is built"),
    ],
)
def test_officers_are_shared_out_in_the_order_of_the_lines(
    part: list[int], shift: list[int], officers: int, after: list[int]
) -> None:
    """Three lines of three booths in the timetable, from 1 to 5."""
    lines = crew(part, [3, 3, 3], [0] * 3, shift=shift)
    rules.allot(lines, officers)
    assert lines.booths == after


def test_no_more_officers_work_than_there_are_lane_positions() -> None:
    lines = crew([RESPONDS] * 3, [3, 3, 3], [0] * 3)
    assert [rules.on_shift(lines, 2, positions) for positions in (20, 11, 10, 4)] == [11, 11, 10, 4]


FEW = st.integers(0, 6)
THREE_OF = st.lists(FEW, min_size=3, max_size=3)


@settings(max_examples=300)
@given(
    part=st.lists(st.sampled_from([FIXED, RESPONDS, RESPONDS]), min_size=3, max_size=3),
    reserve=st.booleans(),
    base=THREE_OF,
    shift=st.lists(st.integers(-4, 4), min_size=3, max_size=3),
    added=FEW,
)
def test_officers_are_shared_out_within_bounds(
    part: list[int], base: list[int], shift: list[int], added: int, *, reserve: bool
) -> None:
    """Never more than are on shift, never more than are built; fixed lines keep their timetable; none idles."""
    part = [*part[:2], RESERVE] if reserve else part
    lines = crew(part, [0] * 3, [0] * 3, base=base, shift=shift)
    officers = rules.on_shift(lines, added, 20)
    rules.allot(lines, officers)
    assert sum(lines.booths) <= officers
    for i in range(3):
        if part[i] == FIXED:
            assert lines.booths[i] == base[i]
        else:
            assert 0 <= lines.booths[i] <= 5
    if reserve:
        assert lines.booths[2] == 5 or sum(lines.booths) == officers
    if part == [RESPONDS] * 3 and shift == [0] * 3 and min(base) >= 1 and max(base) <= 5:
        assert lines.booths == base


def test_bounds_that_are_never_met_leave_the_timetable_as_it_is(run: Run, timetabled: Crossings) -> None:
    """To the last tick: with swaps, minima and opening hours in play."""
    calm = {"open_above_min": 10_000, "close_below_min": 0}
    kept = build(changed(THREE, {**SWAP, "lines": {"sentri": calm}}))
    assert kept.booth_rules
    assert same(timetabled, run(kept))


@pytest.mark.parametrize("words", [SWAP, ALL_LINES, {**SWAP, "officers_added": 1}], ids=["swap", "all", "added"])
def test_open_booths_never_exceed_the_officers_on_shift(run: Run, timetabled: Crossings, words: Words) -> None:
    """At every tick, over all lines: the timetables' booths and those added; with a swap just as many."""
    model = build(changed(THREE, words))
    before, after = timetabled, run(model)
    ticks = np.unique(np.concatenate([c.opened[:, 0] for c in (before, after)]))
    closing = [c.opened[:, 0] < model.horizon for c in (before, after)]
    on_shift, opened = (
        sum(level(c.opened[kept][c.opened[kept][:, 1] == number], ticks) for number in range(3))
        for c, kept in zip((before, after), closing, strict=True)
    )
    added = words.get("officers_added", 0)
    clears = ticks % clock.DAY >= 22 * clock.HOUR  # officers who clear sentri's line after it has shut
    clears |= ticks % clock.DAY < 6 * clock.HOUR
    assert (opened <= on_shift + added)[~clears].all()
    if "swap_with" in words:
        assert (opened == on_shift + added)[~clears].all()
    assert not same(before, after)


def test_a_line_that_opens_again_begins_with_its_timetable(run: Run, timetabled: Crossings) -> None:
    """A review at Tuesday 20:00 closes a SENTRI booth; no other comes before the line has shut and opened again."""
    idle = {"sentri": {"open_above_min": 20, "close_below_min": 10}}
    after = run(build(changed(THREE, {**SWAP, "lines": idle, "every_min": 22 * 60})))
    ticks = np.array([24 + 19, 24 + 21, 48 + 7]) * clock.HOUR
    booths = [level(c.opened[c.opened[:, 1] == 2], ticks) for c in (timetabled, after)]
    assert (booths[1] - booths[0]).tolist() == [0, -1, 0]


def test_a_responsive_line_stays_nearer_its_bounds_and_the_other_pays(
    timetabled: Crossings, swapped: Crossings
) -> None:
    """SENTRI's posted waits lie more often from 5 to 25 minutes; Ready's officers are those it gave."""
    before, after = timetabled, swapped
    in_band = [
        ((c.posted[:, 2] >= 5 * clock.MINUTE) & (c.posted[:, 2] <= 25 * clock.MINUTE))[c.posted[:, 2] != NEVER].mean()
        for c in (before, after)
    ]
    assert in_band[1] > in_band[0] + 0.1
    assert after.posted[:, 0].tolist() == before.posted[:, 0].tolist()
    assert after.posted[:, 1].mean() != before.posted[:, 1].mean()


def test_travellers_expect_the_booths_that_reviews_have_opened() -> None:
    """The informed wait counts the timetable of each coming hour and as many booths more as are open now."""
    assert rules.expected_capacity(120_000, 60_000, 1, 1, 5) == 180_000
    assert rules.expected_capacity(120_000, 60_000, -1, 1, 5) == 60_000
    assert rules.expected_capacity(120_000, 60_000, -3, 1, 5) == 60_000
    assert rules.expected_capacity(30_000, 60_000, -1, 1, 5) == 30_000
    assert rules.expected_capacity(120_000, 60_000, 9, 1, 5) == 300_000
    assert rules.expected_capacity(0, 60_000, 2, 1, 5) == 0
    assert rules.expected_capacity(-1, 60_000, 2, 1, 5) == -1


# --- responsive tolls --------------------------------------------------------------------------


def at_bound(steps: Ints, bound: int) -> bool:
    return bool((steps == bound).mean() > 0.5)


WAYS = {"gate": {"lane_types": {"general": lane(1)}}, "hill": {"lane_types": {"general": lane(19, 30)}}}
TOLL = {"action": "respond_toll", **GATE, "target_min": 20, "floor_usd": 1, "cap_usd": 8}


def toll_model(per_hour: float, weeks: int = 2, **words: object) -> PortModel:
    network = border(WAYS, [{"traveller_class": "plain", "per_hour": per_hour}])
    return build(changed(network, {**TOLL, **words}), weeks=weeks)


@pytest.mark.slow
@pytest.mark.parametrize("reads", ["posted", "informed"])
@pytest.mark.parametrize(
    ("per_hour", "cap_usd", "ends"), [(200, 8, "at the floor"), (500, 8, "between"), (1_000, 3, "at the cap")]
)
def test_under_constant_demand_a_responsive_toll_ends_near_its_target(
    run_long: Run, per_hour: float, cap_usd: float, ends: str, reads: str
) -> None:
    """Over the last 24 hours: the mean posted wait within five minutes of target, or the toll at floor or cap."""
    model = toll_model(per_hour, reads=reads, cap_usd=cap_usd)
    crossings = run_long(model)
    last_day = np.arange(model.horizon - clock.DAY, model.horizon, clock.HOUR)
    moved = np.concatenate([[[-1, 0, 0]], crossings.tolls])
    steps = level(moved, last_day)
    posted = crossings.posted[-24:, 0].mean() / clock.MINUTE
    if ends == "between":
        assert posted == pytest.approx(20, abs=5)
        assert (steps > 0).all()
        assert (steps < model.toll_rules[0].most).all()
    elif ends == "at the floor":
        assert (steps == 0).mean() > 0.9
        assert posted < 20
    else:
        assert (steps == model.toll_rules[0].most).mean() > 0.9
        assert posted > 20


@pytest.mark.slow
@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    per_hour=st.sampled_from([150, 250, 350, 500, 700, 1_000]),
    target=st.sampled_from([5, 10, 20, 40]),
    bounds=st.tuples(st.sampled_from([0, 1, 4]), st.sampled_from([2, 7, 20])),
    words=st.fixed_dictionaries(
        {
            "step_usd": st.sampled_from([0.25, 0.5, 1]),
            "every_min": st.sampled_from([30, 60, 120]),
            "reads": st.sampled_from(["posted", "informed"]),
        }
    ),
)
def test_whatever_its_numbers_a_responsive_toll_settles(
    run_long: Run, per_hour: int, target: int, bounds: tuple[int, int], words: Words
) -> None:
    """Over the last 24 hours: near the target, or most of the time at floor or cap, on that side of it."""
    floor, more = bounds
    model = toll_model(per_hour, target_min=target, floor_usd=floor, cap_usd=floor + more, **words)
    crossings = run_long(model)
    last_day = np.arange(model.horizon - clock.DAY, model.horizon, clock.HOUR)
    steps = level(np.concatenate([[[-1, 0, 0]], crossings.tolls]), last_day)
    apart = crossings.posted[-24:, 0].mean() / clock.MINUTE - target
    most = model.toll_rules[0].most
    assert abs(apart) <= 5 or (apart < 0 and at_bound(steps, 0)) or (apart > 0 and at_bound(steps, most))


@pytest.mark.parametrize(
    ("step", "wait", "after"), [(3, 21, 4), (3, 19, 2), (3, 20, 3), (9, 21, 9), (0, 19, 0), (3, NEVER, 3)]
)
def test_a_toll_moves_one_step_a_review(step: int, wait: int, after: int) -> None:
    assert rules.next_toll(step, wait, 20, 9) == after


def test_revenue_is_what_those_who_joined_were_charged_and_the_toll_what_was_asked(run: Run) -> None:
    """By hand: floor and steps at each decision, and at every minute; where nothing is charged, there is neither."""
    model = toll_model(500, weeks=1)
    crossings = run(model)
    found = measure(crossings, model)
    paid = crossings.joined & (crossings.line == 0)
    steps = level(np.concatenate([[[-1, 0, 0]], crossings.tolls]), crossings.tick[paid])
    revenue = (1 + 0.25 * steps).sum() / 7
    column = SUMMARY_METRICS.index(TOLL_REVENUE)
    rows = {group: found.summary[i, column] for i, group in enumerate(found.groups)}
    assert rows["gate", "vehicle", "general"] == pytest.approx(revenue)
    assert rows["all", "all", "all"] == pytest.approx(revenue)
    assert np.isnan(rows["hill", "vehicle", "general"])
    asked = found.hourly[..., HOURLY_METRICS.index("toll_usd")]
    minutes = np.arange(model.warm_up_weeks * clock.WEEK, model.horizon, clock.MINUTE)  # reviews are at whole ones
    steps = level(np.concatenate([[[-1, 0, 0]], crossings.tolls]), minutes)
    assert asked[0] == pytest.approx((1 + 0.25 * steps).reshape(-1, 168, 60).mean(axis=(0, 2)))
    assert np.isnan(asked[1]).all()


def test_a_toll_by_the_hour_has_revenue_too(run: Run) -> None:
    network = border(WAYS, [{"traveller_class": "plain", "per_hour": 100}])
    fixed = {"action": "set_toll", **GATE, "toll_usd": {"00:00": 0, "07:00": 3, "10:00": 0}}
    model = build(changed(network, fixed))
    crossings = run(model)
    hour = crossings.tick // clock.HOUR % 24
    paid = (crossings.joined & (crossings.line == 0) & (hour >= 7) & (hour < 10)).sum()
    found = measure(crossings, model)
    assert found.summary[0, SUMMARY_METRICS.index(TOLL_REVENUE)] == pytest.approx(3 * paid / 7)
    asked = found.hourly[..., HOURLY_METRICS.index("toll_usd")]
    assert asked[0].reshape(7, 24)[:, 6:11].tolist() == [[0, 3, 3, 3, 0]] * 7
    assert np.isnan(asked[1]).all()


def test_a_toll_that_is_set_no_longer_responds() -> None:
    network = border(WAYS, [{"traveller_class": "plain", "per_hour": 100}])
    after = changed(network, TOLL, {"action": "set_toll", **GATE, "toll_usd": 2})
    assert build(after).toll_rules == ()
    assert build(changed(network, TOLL)).toll_rules[0].most == 28


# --- stacked booths ----------------------------------------------------------------------------

STACK = {"action": "stack_booths", **GATE, "officers": "added"}


def one_line(lanes: float, per_hour: float, service: Words) -> Network:
    lane_type = {"booths_open": lanes, "service": service}
    return border(
        {"gate": {"lane_types": {"general": lane_type}}}, [{"traveller_class": "plain", "per_hour": per_hour}]
    )


SERVICES = [
    {"kind": "deterministic", "mean_s": 120},
    {"kind": "exponential", "mean_s": 120},
    {"kind": "gamma", "cv": 0.6, "mean_s": 120},
    {"kind": "erlang", "cv": 0.5, "mean_s": 120},
    {"kind": "lognormal", "cv": 0.8, "mean_s": 120},
    {"kind": "clipped_exponential", "clip": 3, "mean_s": 120},
]


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES, ids=lambda words: str(words["kind"]))
def test_a_stacked_lane_serves_two_in_the_time_of_the_slower(run_long: Run, service: Words) -> None:
    """Saturated, two lanes: 2 E[S] / E[max(S1, S2)] times two booths, within 2%."""
    alone, stacked = (run_long(build(changed(one_line(2, 135, service), *words), weeks=3)) for words in ((), (STACK,)))
    days = slice(1, 21)  # the first begins empty
    served = [np.bincount(c.end[c.end != NONE] // clock.DAY)[days].sum() for c in (alone, stacked)]
    gain = stacking_gain(Service.model_validate(service))
    assert served[1] / served[0] == pytest.approx(gain, rel=0.02)


def in_tandem(joins: Ints, services: Ints) -> tuple[Ints, Ints]:
    """Return starts and leavings of travellers before one stacked lane, first come first served, one by one.

    `front` is when the car at the front leaves, `empty` when the lane is empty, `follows` whether nobody is at its
    rear booth yet.
    """
    starts, leaves = [], []
    front, empty, follows, last = 0, 0, False, 0
    for join, service in zip(joins.tolist(), services.tolist(), strict=True):
        start = max(join, last)
        if follows and start < front:
            leave = empty = max(start + service, front)
            follows = False
        else:
            start = max(join, empty)
            leave = front = empty = start + service
            follows = True
        last = start
        starts.append(start)
        leaves.append(leave)
    return np.array(starts), np.array(leaves)


@pytest.mark.parametrize("per_hour", [20, 40, 60])
def test_one_stacked_lane_is_two_booths_in_tandem(run: Run, per_hour: float) -> None:
    """Tick by tick what a recursion says that knows no events: nobody passes, nobody leaves before the front car."""
    model = build(changed(one_line(1, per_hour, SERVICES[2]), STACK))
    crossings = run(model)
    block = next(draw(model, SEED, 0).weeks())
    services = np.maximum(1, (120_000 * block.multiplier[0]) >> 20)
    starts, leaves = in_tandem(block.tick, services)
    assert np.array_equal(crossings.start, starts)
    assert np.array_equal(crossings.end, leaves)
    assert (crossings.end - crossings.start > services).any()


def test_the_informed_wait_of_a_stacked_line_counts_both_booths() -> None:
    plain, stacked = (build(changed(one_line(2, 10, SERVICES[1]), *words)) for words in ((), (STACK,)))
    assert plain.lines[0].capacity[0] == 60_000
    assert stacked.lines[0].capacity[0] == pytest.approx(80_000, abs=1)


def test_the_single_booths_of_a_calibrated_lane_serve_what_the_lane_served() -> None:
    """As in san-ysidro-stacked: seconds of a whole lane, times the gain, are those of one of its two booths."""
    service = {"kind": "gamma", "cv": 0.6, "mean_s": 60}
    gain = stacking_gain(Service.model_validate(service))
    assert gain == pytest.approx(1.511, abs=0.0005)
    slower = {"action": "set_service_time", **GATE, "factor": gain}
    one, two = (build(changed(one_line(3, 10, service), *words)) for words in ((), (STACK, slower)))
    assert two.lines[0].capacity == pytest.approx(one.lines[0].capacity, rel=1e-4)


# --- changes that are refused ------------------------------------------------------------------

BAND = {"open_above_min": 18, "close_below_min": 12}
REFUSED: dict[str, tuple[Sequence[Words], tuple[object, ...], str]] = {
    "an unknown line": ([{**RESPOND, "lines": {"sentry": BAND}}], ("lines", "sentry"), "did you mean 'sentri'?"),
    "an unknown giver": ([{**SWAP, "swap_with": "redy"}], ("swap_with",), "did you mean 'ready'?"),
    "an unknown balance": (
        [{**ALL_LINES, "balance": {"keep": "ready", "below": "generic"}}],
        ("balance", "below"),
        "unknown lane type 'generic'",
    ),
    "a line alone": ([{**RESPOND, "lines": {"sentri": BAND}}], ("lines",), "no officer but those of its timetable"),
    "more than are built": ([{**SWAP, "at_least": {"ready": 21}}], ("at_least", "ready"), "but 20 are built"),
    "booths that respond so already": ([SWAP, SWAP], (), "changes nothing"),
    "a line without booths": (
        [{"action": "set_booths", **GATE, "lane_type": "sentri", "booths": 0, "officers": "added"}, SWAP],
        ("lines", "sentri"),
        "no booth open at any time",
    ),
    "a toll that responds so already": ([TOLL, TOLL], (), "changes nothing"),
    "a toll on an unknown line": ([{**TOLL, "lane_types": ["fast"]}], ("lane_types", 0), "unknown lane type 'fast'"),
    "a toll that is set already": (
        [TOLL, *2 * [{"action": "set_toll", **GATE, "toll_usd": 2}]],
        ("toll_usd",),
        "2 already",
    ),
    "a toll that forgets the other's lane types": (
        [{**TOLL, "lane_types": ["general"]}, {**TOLL, "lane_types": ["ready"]}],
        ("lane_types",),
        "that of general responds already",
    ),
    "booths that forget the other rule's": (
        [SWAP, {**ALL_LINES, "lines": {"general": BAND}, "balance": None, "officers_added": 1}],
        ("lines",),
        "those of ready, sentri respond already",
    ),
    "lanes that are stacked already": ([STACK, STACK], ("lane_types",), "two booths already"),
    "officers who are not there": (
        [{**STACK, "officers": {"moved": [{**GATE, "lane_type": "ready", "booths": 9}]}}],
        ("officers", "moved", 0, "booths"),
        "9 booths' officers moved",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_policy_that_cannot_be_or_changes_nothing_is_refused(name: str) -> None:
    words, path, message = REFUSED[name]
    network = changed(THREE, *words[:-1])
    with pytest.raises(changes.ChangeFault) as raised:
        changed(network, words[-1])
    assert raised.value.found[0][0] == path
    assert message in raised.value.found[0][1]


MALFORMED: dict[str, tuple[Words, str]] = {
    "nothing responds": (RESPOND, "give lines, balance or both"),
    "bounds that cross": (
        {**SWAP, "lines": {"sentri": {"open_above_min": 5, "close_below_min": 12}}},
        "close_below_min (12) must be at most open_above_min (5)",
    ),
    "a giver that responds": ({**SWAP, "swap_with": "sentri"}, "cannot be the one that gives"),
    "a least of nobody": ({**SWAP, "at_least": {"general": 2}}, "'general' neither responds nor gives"),
    "below itself": ({**ALL_LINES, "balance": {"keep": "ready", "below": "ready"}}, "cannot be kept below itself"),
    "no room for a step": ({**TOLL, "cap_usd": 1.1}, "at least one step (0.25) above floor_usd (1)"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_policy_of_wrong_form_is_refused(name: str) -> None:
    words, message = MALFORMED[name]
    with pytest.raises(ValidationError, match=re.escape(message)):
        CHANGE.validate_python(words)


def test_a_network_file_names_lane_types_it_has() -> None:
    """Policies may stand in a network, and are checked there."""
    rule = {"lines": {"sentry": BAND}, "swap_with": "ready"}
    toll = {"lane_types": ["generic"], "target_min": 20, "cap_usd": 5}
    crossing = {"lane_types": THREE_LANES, "responsive_booths": rule, "responsive_toll": toll}
    found = checks.cross_check(border({"gate": crossing}, FLOWS))
    assert [message.split(":")[0] for _, message in found] == [
        "unknown lane type 'generic'",
        "unknown lane type 'sentry'",
    ]
