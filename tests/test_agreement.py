"""Both engines, one answer: the compiled engine and the SimPy engine agree on every number of every run.

Random borders, with ties on purpose: decisions on whole minutes, services of minutes or of one tick, reviews that
fall on both. No tolerance anywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portsim.border.model import (
    CLEARING,
    MILLI,
    NEVER,
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
from portsim.border.policies import FIXED, NO_PLACE, RESERVE, RESPONDS, BoothRule, TollRule
from portsim.border.records import (
    INSIDE,
    LOST,
    NONE,
    OUTCOMES,
    WAITING,
    Crossings,
    broken_invariants,
    first_difference,
)
from portsim.border.workload import WeekBlock, Workload, draw
from portsim.clock import DAY, HOUR, HOURS_PER_WEEK, MINUTE, SLOTS_PER_WEEK, WEEK
from portsim.engines import reference, rules
from portsim.language import scenario
from portsim.language.schema import Network, Run
from portsim.measure.measures import measure
from portsim.runs import experiment
from portsim.theory import kiefer_wolfowitz

compiled = pytest.importorskip("portsim.engines.compiled", reason="numba is not installed")

Ints = npt.NDArray[np.int64]
Place = TypeVar("Place", bound=Station)

SCENARIOS = Path(__file__).parents[1] / "scenarios"
BUSY_HOURS = 3  # of each week: events meet there, and it is short
CLASSES = 2

# --- random borders ----------------------------------------------------------------------------

LATER_MINUTES = st.integers(1, BUSY_HOURS * 60)
FEW = st.integers(0, 3)
BOOTHS = st.sampled_from([0, 0, 1, 1, 2, 3, 5])
RATES = st.sampled_from([60_000, 70_001, 6_000, 60_000, CLEARING, 0])
HOURLY = st.lists(st.integers(0, 2), min_size=1, max_size=4)


@st.composite
def timetables(draw_from: st.DrawFn) -> Timetable:
    """Draw steps on whole minutes: more booths, fewer, none, and none but to clear the line."""
    ticks = [0, *sorted(draw_from(st.sets(LATER_MINUTES, max_size=6)))]
    booths = [draw_from(BOOTHS) for _ in ticks]
    clearing = [draw_from(FEW) if count == 0 else 0 for count in booths]
    return Timetable(*(np.array(column, np.int64) for column in (np.array(ticks) * MINUTE, booths, clearing)))


def always(booths: int) -> Timetable:
    """Return a timetable of one step."""
    return Timetable(np.zeros(1, np.int64), np.array([booths]), np.zeros(1, np.int64))


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

    part = numbers(st.sampled_from([RESPONDS, RESPONDS, RESPONDS, FIXED]))
    if draw_from(st.booleans()):
        part[-1] = RESERVE
    moving = np.flatnonzero(part != FIXED).tolist()
    balanced = len(moving) > 1 and draw_from(st.sampled_from([True, True, False]))
    low, high = draw_from(st.permutations(moving))[:2] if balanced else (NO_PLACE, NO_PLACE)
    below = numbers(st.integers(0, 5)) * MINUTE
    least = numbers(st.sampled_from([1, 1, 1, 2]))
    later = draw_from(st.sets(LATER_MINUTES, max_size=4))
    return BoothRule(
        lines=tuple(crossing),
        part=part,
        open_above=below + numbers(st.integers(0, 5)) * MINUTE,
        close_below=below,
        least=least,
        most=least + numbers(st.sampled_from([0, 1, 3, 5, 9])),
        one_booth=np.stack([by_hour(draw_from(st.lists(FEW, min_size=1, max_size=3)), 20_000) for _ in crossing]),
        tick=np.array(sorted({0, *later}), np.int64) * MINUTE,
        positions=draw_from(st.sampled_from([2, 5, 12, 40])),
        interval=draw_from(st.sampled_from([5, 15, 60])) * MINUTE,
        added=draw_from(st.sampled_from([0, 0, 1, 3, 9])),
        posted=draw_from(st.booleans()),
        low=low,
        high=high,
        factor=draw_from(st.sampled_from([1_000, 1_450])),
        until=draw_from(st.sampled_from([5, 120, 120])) * MINUTE,
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
def models(draw_from: st.DrawFn, least_lines: int = 1) -> PortModel:
    """Draw a border of one to four lines and one to four segments over one to three weeks."""
    later = draw_from(later_stages())
    line_count = draw_from(st.integers(least_lines, 4))
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


@st.composite
def busy_crossings(draw_from: st.DrawFn) -> PortModel:
    """Draw a border whose lines are one crossing's, always staffed and too few, so that the policies have work."""
    model = draw_from(models(least_lines=2))
    slower = draw_from(st.sampled_from([3, 5, 10]))
    rule = draw_from(booth_rules(draw_from(st.permutations(range(len(model.lines))))))
    if draw_from(st.booleans()):  # else the line that gives is hardly ever one of the two in balance
        part = rule.part.copy()
        part[0], part[-1] = RESPONDS, RESERVE
        low, high = draw_from(st.permutations([0, len(part) - 1]))
        rule = replace(rule, part=part, low=low, high=high)
    booths = st.integers(1, 5)
    return replace(
        model,
        lines=tuple(
            replace(
                line,
                timetable=always(draw_from(booths)),
                capacity=by_hour([draw_from(booths)], 12_000),
                mean_service=np.maximum(line.mean_service, MINUTE) * slower,
            )
            for line in model.lines
        ),
        booth_rules=(replace(rule, one_booth=np.full_like(rule.one_booth, 12_000)),),
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


SEEDS = st.integers(0, 10_000)
GIVEN = st.one_of(
    st.builds(Given, models(), SEEDS, st.sampled_from([5, 60, 200, 400]), st.booleans()),
    st.builds(Given, busy_crossings(), SEEDS, st.just(400), st.booleans()),
)


def agreed(model: PortModel, workload: Workload) -> Crossings:
    """Run both engines, and return what both say."""
    return also_compiled(reference.simulate(model, workload), model, workload)


def also_compiled(expected: Crossings, model: PortModel, workload: Workload) -> Crossings:
    """Return what the compiled engine says, which must be what SimPy said."""
    found = compiled.simulate(model, workload)
    assert first_difference(expected, found) is None
    assert all(value.dtype == np.int64 for value in vars(found).values() if isinstance(value, np.ndarray))
    return found


Seen = set[str]


def check(workload: Given) -> Seen:
    """See that the engines agree and keep the invariants; return what happened on the way."""
    model = workload.model
    with watched() as seen:  # not around the compiled engine: it may be compiling these very rules
        expected = reference.simulate(model, workload)
    crossings = also_compiled(expected, model, workload)
    assert broken_invariants(crossings, model) == []
    return seen | set(told_by(crossings, model))


@contextmanager
def watched() -> Iterator[Seen]:
    """Note what SimPy's rules and lines do: not that a policy stands in the model, but that it moves something."""
    seen: Seen = set()
    with ExitStack() as stack:
        for owner, name, say in WATCHED:
            stack.enter_context(mock.patch.object(owner, name, _telling(getattr(owner, name), say, seen)))
        yield seen


Told = Callable[..., Iterator[str]]  # of what a function returned and what it was given


def _telling(function: Callable[..., Any], say: Told, seen: Seen) -> Callable[..., Any]:
    """Return a function that says what it did."""

    def telling(*given: Any, **words: Any) -> Any:
        before = list(given[0].booths) if isinstance(given[0], rules.Crew) else None
        returned = function(*given, **words)
        seen.update(say(returned, *given, **words) if before is None else say(before, *given))
        return returned

    return telling


def _moves_of(rule: str) -> Told:
    return lambda before, crew, *_: (f"{rule}: {way}" for way in _ways(before, crew))


def _ways(before: Sequence[int], crew: rules.Crew) -> Iterator[str]:
    """Yield how a rule moved the booths of a crossing."""
    for part, one, other in zip(crew.part, before, crew.booths, strict=True):
        if one != other:
            who = {RESPONDS: "a line", RESERVE: "the reserve"}.get(part, "a fixed line")
            yield f"{who} {'opens' if other > one else 'closes'}"


def _of_toll(after: int, step: int, *_: int) -> Iterator[str]:
    yield "a toll " + ("stays", "rises", "falls")[int(np.sign(after - step))]


def _of_choice(
    position: int, waits: Sequence[int], _tolls: Sequence[int], _weight: int, shortest: bool
) -> Iterator[str]:
    if position > 0:
        yield "the shortest line is taken" if shortest and waits[0] != NEVER else "the first line is shut"


def _of_reading(_wait: int, _line: object, *, posted: bool) -> Iterator[str]:
    yield f"a policy reads the {'posted' if posted else 'informed'} wait"


def _of_rear(in_front: object, *_: object) -> Iterator[str]:
    yield "at stacked booths: " + ("nobody is held up" if in_front is None else "a car is held up")


def _of_step(_none: None, booths: reference.Booths, *_: int) -> Iterator[str]:
    if booths.clearing:
        yield "booths clear a line after closing"
    elif booths.open == 0 and booths.waiting:
        yield "a line waits before no booth"


WATCHED: list[tuple[Any, str, Told]] = [
    *((rules, name, _moves_of(name)) for name in ("respond", "balance", "close_beyond")),
    (rules, "next_toll", _of_toll),
    (rules, "choose_line", _of_choice),
    (reference.PrimaryLine, "wait_read", _of_reading),
    (reference.StackedLine, "held_up", _of_rear),
    (reference.Booths, "set_open", _of_step),
]


def told_by(crossings: Crossings, model: PortModel) -> Iterator[str]:
    """Yield what the rows say of a run: its outcomes, and what met at one tick."""
    c = crossings
    yield from (f"some are {outcome}" for number, outcome in enumerate(OUTCOMES) if (c.outcome == number).any())
    stacked = np.array([*(line.stacked for line in model.lines), False])
    joined, served = c.joined, c.start != NONE
    before_opening = joined & (c.start > c.tick) & (_open_at(c) == 0) & served
    for happened, words in (
        (((c.depart != NONE) & (c.depart // WEEK > c.tick // WEEK)).any(), "some leave in a later week"),
        ((c.stage_start == WAITING).any(), "some wait for a later stage in the end"),
        ((c.stage_end != NONE).sum(axis=0).max(initial=0) > 1, "some go through two later stages"),
        ((c.end - c.start == 1)[served].any(), "a service takes one tick"),
        (stacked[c.line[served]].any(), "booths are stacked"),
        ((c.tick == 0).sum() > 1, "some stand in line at the start"),
        (before_opening.any(), "a line forms before booths open"),
        ((np.diff(c.tick) == 0).any(), "two decide at one tick"),
        (np.intersect1d(c.end, c.tick).size, "an end meets a decision"),
        (_meets(c.end, model.information_interval), "an end meets a review"),
        (np.intersect1d(c.end, c.opened[:, 0]).size, "an end meets a change of booths"),
        (len(np.unique(c.end[served])) < served.sum(), "two services end at one tick"),
        (np.intersect1d(c.end[served], c.stage_end[c.stage_end != NONE]).size, "ends of two stages meet"),
    ):
        if happened:
            yield words


def _open_at(c: Crossings) -> Ints:
    """Return how many booths are open at each traveller's line as it joins; 1 where it joins none."""
    booths = np.ones(len(c), np.int64)
    for line in np.unique(c.line[c.joined]):
        rows, opened = c.joined & (c.line == line), c.opened[c.opened[:, 1] == line]
        booths[rows] = opened[np.searchsorted(opened[:, 0], c.tick[rows], side="right") - 1, 2]
    return booths


def _meets(ticks: Ints, interval: int) -> bool:
    return bool((ticks[ticks > 0] % interval == 0).any())


HAPPENS = {
    *(f"some are {outcome}" for outcome in OUTCOMES),
    "some leave in a later week",
    "some wait for a later stage in the end",
    "some go through two later stages",
    "some stand in line at the start",
    "a service takes one tick",
    "a line forms before booths open",
    "a line waits before no booth",
    "booths clear a line after closing",
    "the first line is shut",
    "the shortest line is taken",
    "respond: a line opens",
    "respond: a line closes",
    "respond: the reserve closes",
    "balance: a line opens",
    "balance: a line closes",
    "balance: the reserve opens",
    "balance: the reserve closes",
    "close_beyond: a line closes",
    "close_beyond: the reserve closes",
    *("a toll rises", "a toll falls", "a toll stays"),
    *("a policy reads the posted wait", "a policy reads the informed wait"),
    *("booths are stacked", "at stacked booths: a car is held up", "at stacked booths: nobody is held up"),
    *("two decide at one tick", "two services end at one tick", "ends of two stages meet"),
    *("an end meets a decision", "an end meets a review", "an end meets a change of booths"),
}
MANY = 1_000
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(SETTINGS, max_examples=50)
@given(GIVEN)
def test_both_engines_agree(workload: Given) -> None:
    """Every column of every traveller, every change of booths, every posted wait, every area."""
    check(workload)


@pytest.mark.slow
def test_both_engines_agree_a_thousand_times() -> None:
    """The same, many times over; and each thing that may happen happens in some of the networks."""
    seen: Counter[str] = Counter()

    @settings(SETTINGS, max_examples=MANY)
    @given(GIVEN)
    def again_and_again(workload: Given) -> None:
        seen.update({"a network", *check(workload)})

    again_and_again()
    assert seen["a network"] >= MANY
    assert set(seen) >= HAPPENS, HAPPENS - set(seen)


@pytest.mark.slow
def test_both_engines_agree_a_thousand_times_with_every_index_checked(tmp_path: Path) -> None:
    """Other networks, with numba's bounds checks compiled in: no index of the kernel is out of its table.

    A kernel is kept on disk without a word on its checks, so this one has a place of its own.
    """
    checked = (test_both_engines_agree_a_thousand_times, test_an_index_out_of_its_table_is_noticed)
    tests = [f"{__file__}::{test.__name__}" for test in checked]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    setting = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, env=os.environ | setting, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.skipif(os.environ.get("NUMBA_BOUNDSCHECK") != "1", reason="run by the test above")
def test_an_index_out_of_its_table_is_noticed() -> None:
    """The checks are in the kernel: a class of travellers that nobody serves has no mean."""
    model = one_line(1)
    strangers = replace(model.segments[0], traveller_class=7)
    with pytest.raises(IndexError):
        compiled.simulate(replace(model, segments=(strangers,)), OneWeek(np.zeros(1, np.int64), np.full(1, ONE)))


# --- the packaged border -----------------------------------------------------------------------


FEWER = 20
FILES = sorted(path.name for path in SCENARIOS.glob("*.yaml"))


def slowed(station: Place) -> Place:
    """Return a line or later stage of the same booths, at which all takes FEWER times as long."""
    return replace(station, mean_service=station.mean_service * FEWER)


def less(capacity: Ints) -> Ints:
    """Return the capacity of a line so slowed; a shut gate stays shut."""
    return np.where(capacity > 0, -(-capacity // FEWER), capacity)


def miniature(model: PortModel) -> PortModel:
    """Return a week of a border as busy as it is, with a twentieth of its travellers, each of twenty times the work."""
    return replace(
        model,
        lines=tuple(replace(slowed(line), capacity=less(line.capacity)) for line in model.lines),
        later=tuple(map(slowed, model.later)),
        segments=tuple(
            replace(s, factor=s.factor / FEWER, initial=s.initial // FEWER)
            for s in model.segments
            if s.initial == 0 or s.initial >= FEWER
        ),
        booth_rules=tuple(replace(rule, one_booth=less(rule.one_booth)) for rule in model.booth_rules),
        weeks=1,
        warm_up_weeks=0,
    )


def week_of(name: str) -> PortModel:
    return miniature(experiment.build_model(scenario.load(SCENARIOS / name)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_both_engines_agree_on_every_scenario(name: str) -> None:
    """A week of all lines, stages, policies and events, with the waits of the border itself."""
    model = week_of(name)
    crossings = agreed(model, draw(model, 2026, 0))
    assert len(crossings) > 40_000
    served = crossings.start != NONE
    assert (crossings.start - crossings.tick)[served].mean() > 15 * MINUTE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline.yaml", "responsive-booths.yaml"])
def test_both_engines_agree_where_the_first_open_line_is_taken(name: str) -> None:
    """As with `choice.line: preferred`, which no scenario states."""
    model = replace(week_of(name), shortest_line=False)
    agreed(model, draw(model, 2026, 0))


# --- a third opinion ---------------------------------------------------------------------------


def one_line(booths: int) -> PortModel:
    """Describe one line before booths that are always open, to which everybody goes."""
    line = Line(
        name="port-0/vehicle/general",
        port=0,
        mode="vehicle",
        timetable=always(booths),
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


def starts_by_the_timetable(line: Line, ticks: Ints, services: Ints) -> list[int]:
    """Return starts before booths that open and close, one traveller after the other: no events, no line.

    Of the services before, the `most - open` that end last may still be going on as one more begins: so it begins
    when the next of them ends. Where all booths close, those that clear the line go on until it has been empty once.
    """
    steps = list(zip(*(column.tolist() for column in vars(line.timetable).values()), strict=True))
    steps = [(week + tick, *booths) for week in (0, WEEK) for tick, *booths in steps]
    ends_of_steps = [tick for tick, *_ in steps[1:]] + [2 * WEEK]
    most = max(max(booths) for _, *booths in steps)
    ends, starts, last = [0] * most, [], 0
    for joins, service in zip(ticks.tolist(), services.tolist(), strict=True):
        start = NONE
        for (since, booths, clearing), until in zip(steps, ends_of_steps, strict=True):
            in_line = joins < since or (since <= last > joins)
            opened = booths or (clearing if in_line else 0)
            earliest = max(joins, since, last, sorted(ends)[most - opened] if opened else until)
            if earliest < until:
                start = earliest
                break
        if start == NONE:
            break  # and nobody behind it
        ends[ends.index(min(ends))] = start + service
        last = start
        starts.append(start)
    return starts + [NONE] * (len(ticks) - len(starts))


@settings(deadline=None, max_examples=100)
@given(
    timetable=timetables(),
    visits=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 20)), min_size=1, max_size=100),
    unit=st.sampled_from([1, MINUTE // 2, MINUTE]),
)
def test_before_booths_that_open_and_close_starts_are_those_of_a_recursion(
    timetable: Timetable, visits: list[tuple[int, int]], unit: int
) -> None:
    """Closing booths finish their vehicle, all booths close or clear the line, and open again a week later."""
    gaps, paces = (np.array(column, np.int64) for column in zip(*visits, strict=True))
    tick, pace = np.cumsum(gaps) * unit, paces * ONE // 2
    model = one_line(1)
    line = replace(model.lines[0], timetable=timetable)
    crossings = compiled.simulate(replace(model, lines=(line,)), OneWeek(tick, pace))
    expected = starts_by_the_timetable(line, tick, np.maximum(1, (MINUTE * pace) >> 20))
    assert crossings.start.tolist() == expected


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
    model = one_line(1)
    later = Station("port-0/vehicle/stage", 0, "vehicle", always(0), np.full((1, HOURS_PER_WEEK), MINUTE), 0)
    line = replace(model.lines[0], referrals=(Referral(0, 0, ONE),))
    model = replace(model, lines=(line,), later=(later,))

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
    code = "import sys; sys.modules['numba'] = None; import portsim.cli, portsim.runs.experiment, portsim.pages.report"
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
