"""Both engines, one answer: the compiled engine and the SimPy engine agree on every number of every run.

Random borders, with ties on purpose: decisions on whole minutes, services of minutes or of one tick, reviews that
fall on both. No tolerance anywhere.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from portsim import experiment, scenario
from portsim.clock import DAY, HOUR, HOURS_PER_WEEK, MINUTE, SLOTS_PER_WEEK, WEEK
from portsim.engines import reference
from portsim.measures import measure
from portsim.model import (
    CLEARING,
    MILLI,
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
from portsim.policies import FIXED, NO_PLACE, RESERVE, RESPONDS, BoothRule, TollRule
from portsim.records import (
    INSIDE,
    LOST,
    NONE,
    OUTCOMES,
    WAITING,
    Crossings,
    broken_invariants,
    first_difference,
)
from portsim.schema import Network, Run
from portsim.theory import kiefer_wolfowitz
from portsim.workload import WeekBlock, draw

compiled = pytest.importorskip("portsim.engines.compiled", reason="numba is not installed")

Ints = npt.NDArray[np.int64]

SCENARIOS = Path(__file__).parents[1] / "scenarios"
BUSY_HOURS = 3  # of each week: events meet there, and it is short
CLASSES = 2

# --- random borders ----------------------------------------------------------------------------

LATER_MINUTES = st.integers(1, BUSY_HOURS * 60)
FEW = st.integers(0, 3)
BOOTHS = st.sampled_from([0, 0, 1, 1, 2, 3])
RATES = st.sampled_from([60_000, 70_001, 6_000, 60_000, CLEARING, 0])
HOURLY = st.lists(st.integers(0, 2), min_size=1, max_size=4)


@st.composite
def timetables(draw_from: st.DrawFn) -> Timetable:
    """Draw steps on whole minutes: more booths, fewer, none, and none but to clear the line."""
    ticks = [0, *sorted(draw_from(st.sets(LATER_MINUTES, max_size=6)))]
    booths = [draw_from(BOOTHS) for _ in ticks]
    clearing = [draw_from(FEW) if count == 0 else 0 for count in booths]
    return Timetable(*(np.array(column, np.int64) for column in (np.array(ticks) * MINUTE, booths, clearing)))


def by_hour(values: list[int], unit: int) -> Ints:
    """Repeat a few values over the hours of the week."""
    return np.resize(np.array(values, np.int64) * unit, HOURS_PER_WEEK)


@st.composite
def services(draw_from: st.DrawFn) -> Ints:
    """Draw mean services by class and hour: whole minutes, or nothing, which takes one tick."""
    return np.stack([by_hour(draw_from(st.lists(FEW, min_size=1, max_size=3)), MINUTE) for _ in range(CLASSES)])


@st.composite
def lines(draw_from: st.DrawFn, port: int, later: int) -> Line:
    """Draw a line with its gate, what travellers are told of it, and where it refers them to."""
    gate = [0, *sorted(draw_from(st.sets(LATER_MINUTES, max_size=3)))]
    is_open = np.arange(len(gate)) % 2 == draw_from(st.sampled_from([0, 0, 0, 1]))
    rates = [60_000, *draw_from(st.lists(RATES, max_size=5))]
    stages = draw_from(st.sets(st.integers(0, later - 1))) if later else set()
    return Line(
        name=f"port-{port}/vehicle/line",
        port=port,
        mode="vehicle",
        timetable=draw_from(timetables()),
        mean_service=draw_from(services()),
        multiplier=draw_from(st.integers(0, 1)),
        lane_type="line",
        stacked=draw_from(st.sampled_from([False, False, True])),
        gate_tick=np.array(gate, np.int64) * MINUTE,
        gate_open=is_open.astype(np.int64),
        capacity=by_hour(rates, 1),
        referrals=tuple(
            Referral(stage, stage, draw_from(st.sampled_from([0, ONE // 2, ONE]))) for stage in sorted(stages)
        ),
        people=1.0,
    )


@st.composite
def later_stages(draw_from: st.DrawFn) -> list[Station]:
    """Draw up to three stations after primary."""
    return [
        Station(
            f"port-0/vehicle/stage-{number}",
            0,
            "vehicle",
            draw_from(timetables()),
            draw_from(services()),
            draw_from(st.integers(0, 1)),
        )
        for number in range(draw_from(st.integers(0, 3)))
    ]


@st.composite
def segments(draw_from: st.DrawFn, number: int, line_count: int) -> Segment:
    """Draw a segment: ports of one line or more, with tolls and costs by the hour; or some who stand in line."""
    standing = draw_from(st.sampled_from([0, 0, 0, 3]))
    alternatives = []
    for port in range(1 if standing else draw_from(st.integers(1, 3))):
        chosen = draw_from(st.lists(st.integers(0, line_count - 1), min_size=1, max_size=3, unique=True))
        toll = np.stack([by_hour(draw_from(HOURLY), 5 * MINUTE) for _ in chosen])
        steps = draw_from(st.sampled_from([(), (MINUTE,) * len(chosen), (0, 5 * MINUTE, 7)[: len(chosen)]]))
        alternatives.append(Alternative(port, tuple(chosen), toll, by_hour(draw_from(HOURLY), 3 * MINUTE), steps))
    return Segment(
        name=f"segment-{number}",
        catchment="town",
        mode="vehicle",
        traveller_class=draw_from(st.integers(0, CLASSES - 1)),
        per_hour=np.zeros(SLOTS_PER_WEEK),
        factor=np.ones(SLOTS_PER_WEEK),
        patience=0,
        alternatives=tuple(alternatives),
        initial=standing,
    )


@st.composite
def booth_rules(draw_from: st.DrawFn, crossing: list[int]) -> BoothRule:
    """Draw responsive booths of some lines: those that respond or not, one that gives, two in balance, or none."""

    def numbers(values: st.SearchStrategy[int]) -> Ints:
        return np.array([draw_from(values) for _ in crossing], np.int64)

    count = len(crossing)
    part = numbers(st.sampled_from([RESPONDS, RESPONDS, FIXED]))
    if draw_from(st.booleans()):
        part[-1] = RESERVE
    pair = draw_from(st.permutations(range(count)))[:2] if draw_from(st.booleans()) else []
    low, high = pair if len(pair) == 2 and (part[pair] != FIXED).all() else (NO_PLACE, NO_PLACE)
    below = numbers(st.integers(0, 5)) * MINUTE
    least = numbers(st.integers(1, 2))
    later = draw_from(st.sets(LATER_MINUTES, max_size=4))
    return BoothRule(
        lines=tuple(crossing),
        part=part,
        open_above=below + numbers(st.integers(0, 5)) * MINUTE,
        close_below=below,
        least=least,
        most=least + numbers(FEW),
        one_booth=np.stack([by_hour(draw_from(st.lists(FEW, min_size=1, max_size=3)), 20_000) for _ in crossing]),
        tick=np.array(sorted({0, *later}), np.int64) * MINUTE,
        positions=draw_from(st.integers(1, 8)),
        interval=draw_from(st.sampled_from([5, 30, 60])) * MINUTE,
        added=draw_from(FEW),
        posted=draw_from(st.booleans()),
        low=low,
        high=high,
        factor=draw_from(st.sampled_from([1_000, 1_450])),
        until=draw_from(st.sampled_from([5, 120])) * MINUTE,
    )


@st.composite
def toll_rules(draw_from: st.DrawFn, tolled: list[int]) -> TollRule:
    """Draw a responsive toll of some lines."""
    return TollRule(
        lines=tuple(tolled),
        target=draw_from(st.integers(0, 10)) * MINUTE,
        step=250,
        most=draw_from(st.integers(1, 4)),
        interval=draw_from(st.sampled_from([10, 15, 60])) * MINUTE,
        posted=draw_from(st.booleans()),
    )


def shared_out(draw_from: st.DrawFn, line_count: int) -> list[list[int]]:
    """Draw none, one or two lists of lines, no line in both."""
    order = list(draw_from(st.permutations(range(line_count))))
    cut = draw_from(st.integers(0, line_count))
    return [some for some in (order[:cut], order[cut:]) if some and draw_from(st.booleans())]


@st.composite
def models(draw_from: st.DrawFn) -> PortModel:
    """Draw a border of one to four lines and one to four segments over one to three weeks."""
    later = draw_from(later_stages())
    line_count = draw_from(st.integers(1, 4))
    weeks = draw_from(st.sampled_from([1, 2, 3]))
    warm_up = draw_from(st.integers(0, weeks - 1))
    return PortModel(
        ports=("port-0", "port-1", "port-2"),
        lines=tuple(draw_from(lines(number % 3, len(later))) for number in range(line_count)),
        later=tuple(later),
        segments=tuple(draw_from(segments(number, line_count)) for number in range(draw_from(st.integers(1, 4)))),
        multipliers=((0, Shape("deterministic")), (1, Shape("exponential"))),
        weeks=weeks - warm_up,
        warm_up_weeks=warm_up,
        wait_weight=draw_from(st.sampled_from([MILLI, 700])),
        information_interval=draw_from(st.sampled_from([15, 7, 60, 90])) * MINUTE,
        posting_interval=draw_from(st.sampled_from([60, 45])) * MINUTE,
        shortest_line=draw_from(st.booleans()),
        booth_rules=tuple(draw_from(booth_rules(some)) for some in shared_out(draw_from, line_count)),
        toll_rules=tuple(draw_from(toll_rules(some)) for some in shared_out(draw_from, line_count)),
    )


@dataclass(frozen=True)
class Given:
    """A workload drawn from a small seed: everything on whole minutes, or all of it ticks apart."""

    model: PortModel
    seed: int
    travellers: int
    on_the_minute: bool

    def weeks(self) -> Iterator[WeekBlock]:
        random = np.random.default_rng(self.seed)
        unit = MINUTE if self.on_the_minute else 1
        initial = np.array([segment.initial for segment in self.model.segments])
        free = np.flatnonzero(initial == 0)
        first = 0
        for week in range(self.model.horizon // WEEK):
            n = self.travellers if free.size else 0
            standing = np.repeat(np.arange(len(initial)), initial if week == 0 else 0)
            late = WEEK - BUSY_HOURS * HOUR * (random.random(n) < 0.5)  # around the end of the week, too
            tick = np.sort((late + random.integers(1, BUSY_HOURS * HOUR, n)) % WEEK // unit * unit) + week * WEEK
            early = random.random(n) < 0.2  # by one tick: before the hour, the review, the step
            tick = np.sort(np.maximum(tick - early, week * WEEK + 1))
            segment = np.concatenate([standing, random.choice(free, n) if n else free[:0]])
            n = len(segment)
            pace = random.choice([0, ONE // 2, ONE, ONE, 2 * ONE], (2, n))
            yield WeekBlock(
                week=week,
                tick=np.concatenate([np.zeros(len(standing), np.int64), tick]),
                key=np.arange(first, first + n),
                segment=segment.astype(np.int64),
                patience=random.choice([NO_LIMIT, 0, 7 * MINUTE, 30 * MINUTE], n),
                taste=random.integers(-2, 3, (self.model.most_alternatives, n)) * 4 * unit,
                multiplier=pace if self.on_the_minute else pace + random.integers(0, 1_000, (2, n)),
                referral=random.integers(0, ONE, (self.model.stages, n)),
            )
            first += n


GIVEN = st.builds(Given, models(), st.integers(0, 10_000), st.sampled_from([5, 60, 200, 400]), st.booleans())


def agreed(model: PortModel, workload: Given) -> Crossings:
    """Run both engines, and return what both say."""
    expected, found = (engine.simulate(model, workload) for engine in (reference, compiled))
    assert first_difference(expected, found) is None
    assert all(value.dtype == np.int64 for value in vars(found).values() if isinstance(value, np.ndarray))
    return found


def check(workload: Given) -> None:
    """See that the engines agree, keep the invariants, and that the stories differ."""
    crossings = agreed(workload.model, workload)
    assert broken_invariants(crossings, workload.model) == []
    for number, outcome in enumerate(OUTCOMES):
        if (crossings.outcome == number).any():
            event(f"some are {outcome}")
    week = crossings.tick // WEEK
    if ((crossings.depart != NONE) & (crossings.depart // WEEK > week)).any():
        event("some leave in a later week")
    if (crossings.stage_start == WAITING).any():
        event("some wait for a later stage in the end")
    if len(crossings.tolls):
        event("a toll moves")
    if any(line.stacked for line in workload.model.lines):
        event("booths are stacked")
    event(f"booth rules: {len(workload.model.booth_rules)}")
    if workload.model.shortest_line and (np.diff(crossings.line) != 0).any():
        event("lines are compared")


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(GIVEN)
def test_both_engines_agree(workload: Given) -> None:
    """Every column of every traveller, every change of booths, every posted wait, every area."""
    check(workload)


@pytest.mark.slow
@settings(deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(GIVEN)
def test_both_engines_agree_a_thousand_times(workload: Given) -> None:
    """The same, many times over."""
    check(workload)


# --- the packaged border -----------------------------------------------------------------------


FEWER = 5


def fewer(timetable: Timetable) -> Timetable:
    """Return a fifth of the booths, rounded up: those who are in line are still served."""
    return replace(timetable, booths=-(-timetable.booths // FEWER), clearing=-(-timetable.clearing // FEWER))


def less(capacity: Ints) -> Ints:
    """Return a fifth of what is served an hour; a shut gate stays shut."""
    return np.where(capacity > 0, -(-capacity // FEWER), capacity)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shortest_line"),
    [
        ("baseline.yaml", False),
        ("baseline.yaml", True),
        ("otay-mesa-east-dynamic-toll.yaml", False),
        ("responsive-booths.yaml", True),
        ("san-ysidro-stacked.yaml", True),
    ],
)
def test_both_engines_agree_on_the_border(name: str, *, shortest_line: bool) -> None:
    """All lines, stages and options, a fifth of the booths and of the travellers, over two weeks."""
    model = experiment.build_model(scenario.load(SCENARIOS / name))
    few = tuple(replace(s, factor=s.factor / FEWER, initial=s.initial // FEWER) for s in model.segments)
    model = replace(
        model,
        lines=tuple(
            replace(line, timetable=fewer(line.timetable), capacity=less(line.capacity)) for line in model.lines
        ),
        later=tuple(replace(station, timetable=fewer(station.timetable)) for station in model.later),
        segments=tuple(segment for segment in few if segment.initial or not segment.name.startswith("in-line")),
        shortest_line=shortest_line,
        weeks=1,
        warm_up_weeks=1,
    )
    expected, found = (engine.simulate(model, draw(model, 2026, 0)) for engine in (reference, compiled))
    assert first_difference(expected, found) is None


# --- a third opinion ---------------------------------------------------------------------------


def one_line(booths: int) -> PortModel:
    """Describe one line before booths that are always open, to which everybody goes."""
    always = Timetable(np.zeros(1, np.int64), np.array([booths]), np.zeros(1, np.int64))
    line = Line(
        name="port-0/vehicle/general",
        port=0,
        mode="vehicle",
        timetable=always,
        mean_service=np.full((1, HOURS_PER_WEEK), MINUTE),
        multiplier=0,
        lane_type="general",
        gate_tick=np.zeros(1, np.int64),
        gate_open=np.ones(1, np.int64),
        capacity=np.full(HOURS_PER_WEEK, booths * 60 * MILLI),
        referrals=(),
        people=1.0,
    )
    no_cost = np.zeros(HOURS_PER_WEEK, np.int64)
    only = Alternative(0, (0,), np.zeros((1, HOURS_PER_WEEK), np.int64), no_cost)
    nobody = np.zeros(SLOTS_PER_WEEK)
    segment = Segment("town", "town", "vehicle", 0, nobody, nobody + 1, 0, (only,))
    return PortModel(("port-0",), (line,), (), (segment,), ((0, Shape("deterministic")),))


@dataclass(frozen=True)
class OneWeek:
    """Travellers of one week without limit of patience, given by when they decide and their pace."""

    tick: Ints
    pace: Ints

    def weeks(self) -> Iterator[WeekBlock]:
        n = len(self.tick)
        none = np.zeros(n, np.int64)
        yield WeekBlock(
            0,
            self.tick,
            np.arange(n),
            none,
            np.full(n, NO_LIMIT),
            none.reshape(1, n),
            self.pace.reshape(1, n),
            np.zeros((0, n), np.int64),
        )


@settings(deadline=None, max_examples=30)
@given(
    booths=st.integers(1, 5),
    visits=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=200),
    unit=st.sampled_from([1, MINUTE // 2]),
)
def test_the_compiled_engine_is_kiefer_and_wolfowitz(booths: int, visits: list[tuple[int, int]], unit: int) -> None:
    """Before constant booths, starts are those of the recursion of 1955, which knows no events."""
    gaps, paces = (np.array(column, np.int64) for column in zip(*visits, strict=True))
    tick, pace = np.cumsum(gaps) * unit, paces * ONE // 2
    crossings = compiled.simulate(one_line(booths), OneWeek(tick, pace))
    service = np.maximum(1, (MINUTE * pace) >> 20)
    assert np.array_equal(crossings.start, kiefer_wolfowitz(tick, service, booths))
    assert np.array_equal(crossings.depart - crossings.start, service)


def test_a_long_line_is_kiefer_and_wolfowitz() -> None:
    """Twenty thousand in line at once, whole days of it."""
    random = np.random.default_rng(1955)
    tick = np.sort(random.integers(0, 2 * HOUR, 20_000))
    pace = random.integers(0, 2 * ONE, 20_000)
    crossings = compiled.simulate(one_line(7), OneWeek(tick, pace))
    service = np.maximum(1, (MINUTE * pace) >> 20)
    assert np.array_equal(crossings.start, kiefer_wolfowitz(tick, service, 7))


# --- weeks -------------------------------------------------------------------------------------


def test_a_traveller_over_the_end_of_a_week_is_in_both_blocks() -> None:
    """In the first it is inside, in the second it stands before those of its own week, and leaves."""
    model = replace(one_line(1), weeks=2)
    late = OneWeek(np.array([WEEK - 90_000, WEEK - 2, WEEK - 1]), np.full(3, ONE))

    @dataclass(frozen=True)
    class TwoWeeks:
        def weeks(self) -> Iterator[WeekBlock]:
            yield from late.weeks()
            [second] = OneWeek(np.array([WEEK, WEEK + 5 * MINUTE]), np.full(2, ONE)).weeks()
            yield replace(second, week=1, key=second.key + 3)

    first, second = (compiled._without_book(block) for block in compiled.blocks(model, TwoWeeks()))
    assert (first.carried.tolist(), second.carried.tolist()) == ([], [1, 2])
    assert first.crossings.outcome.tolist() == [0, INSIDE, INSIDE]
    assert second.crossings.key.tolist() == [1, 2, 3, 4]
    assert first_difference(reference.simulate(model, TwoWeeks()), compiled.simulate(model, TwoWeeks())) is None


def test_who_waits_almost_a_week_after_the_end_is_served_by_both() -> None:
    """The only booth opens on Sundays, and has closed when the last traveller comes."""
    sundays = Timetable(np.array([0, 6 * DAY, 6 * DAY + HOUR]), np.array([0, 1, 0]), np.zeros(3, np.int64))
    model = one_line(1)
    model = replace(model, lines=(replace(model.lines[0], timetable=sundays),))
    late = OneWeek(np.array([6 * DAY + 2 * HOUR]), np.full(1, ONE))
    expected, found = (engine.simulate(model, late) for engine in (reference, compiled))
    assert first_difference(expected, found) is None
    assert found.depart.tolist() == [WEEK + 6 * DAY + MINUTE]


def test_who_is_stuck_before_a_later_stage_waits_in_both() -> None:
    """Its stations never open: both engines say that they came there, and wait."""
    always = one_line(1)
    closed = Timetable(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))
    later = Station("port-0/vehicle/stage", 0, "vehicle", closed, np.full((1, HOURS_PER_WEEK), MINUTE), 0)
    line = replace(always.lines[0], referrals=(Referral(0, 0, ONE),))
    model = replace(always, lines=(line,), later=(later,))

    @dataclass(frozen=True)
    class Referred:
        def weeks(self) -> Iterator[WeekBlock]:
            [block] = OneWeek(np.array([0, 1]), np.full(2, ONE)).weeks()
            yield replace(block, referral=np.zeros((1, 2), np.int64))

    expected, found = (engine.simulate(model, Referred()) for engine in (reference, compiled))
    assert first_difference(expected, found) is None
    assert found.stage_start.tolist() == [[WAITING, WAITING]]


# --- words -------------------------------------------------------------------------------------


def run_of_three() -> Crossings:
    return compiled.simulate(one_line(1), OneWeek(np.array([0, 1, 2]), np.full(3, ONE)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"start": np.array([0, 60_000, 7])}, "traveller 2: start is 120000, and 7"),
        ({"outcome": np.array([0, LOST, 0])}, "traveller 1: outcome is 0, and 1"),
        ({"queue_area": np.array([7])}, "queue_area, row 0: 179997, and 7"),
        ({"opened": np.zeros((2, 3), np.int64)}, "opened has shape (1, 3), and (2, 3)"),
        ({"opened": np.zeros((1, 3), np.int64)}, "opened, row 0: [0, 0, 1], and [0, 0, 0]"),
        ({"ended": 5}, "ended at 604800000, and at 5"),
        ({"key": np.zeros(2)}, "3 travellers, and 2"),
    ],
)
def test_a_difference_is_told_in_words(change: dict[str, object], words: str | None) -> None:
    """The first traveller that differs, what differs, and both values."""
    run = run_of_three()
    assert first_difference(run, replace(run, **change)) == words  # type: ignore[arg-type]


def test_portsim_starts_without_numba() -> None:
    """It is an extra: only the compiled engine asks for it."""
    code = "import sys; sys.modules['numba'] = None; import portsim.cli, portsim.experiment, portsim.report"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_blocks_measure_the_same_as_the_whole_to_the_last_bit() -> None:
    """Three weeks, later stages, hours in which lines close, and some inside at the end."""
    path = Path(__file__).parents[1] / "tests" / "networks" / "twin-ports.yaml"
    chosen = experiment.build_model(scenario_of(path))
    (stage,) = chosen.later
    few = replace(stage.timetable, booths=np.ones_like(stage.timetable.booths))  # its queue grows and grows
    chosen = replace(chosen, later=(replace(stage, timetable=few),))
    workload = draw(chosen, 7, 0)
    whole = reference.simulate(chosen, workload)
    assert (whole.outcome == INSIDE).any()
    by_week, at_once = experiment._tally_by_week(chosen, workload).measures(), measure(whole, chosen)
    for name in ("summary", "hourly", "daily"):
        assert getattr(by_week, name).tobytes() == getattr(at_once, name).tobytes(), name
    for one, other in zip(by_week.trucks, at_once.trucks, strict=True):
        for column, as_whole in zip(vars(one).values(), vars(other).values(), strict=True):
            assert np.array_equal(np.sort(column), np.sort(as_whole))


def scenario_of(network: Path) -> scenario.Scenario:
    """Return a scenario of three weeks on a network whose lines do not all empty."""
    found = scenario.read_yaml(network, Network)
    run = Run(weeks=2, warm_up_weeks=1)
    return replace(scenario.packaged(), network=found, before=found, run=run)
