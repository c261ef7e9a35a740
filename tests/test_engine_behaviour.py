"""Short stories at a made-up border, with exact times: what happens to whom, and when.

Minutes are written in the stories, ticks only where one tick matters. Every run must keep the invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portsim.border.model import (
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
from portsim.border.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings
from portsim.border.workload import WeekBlock
from portsim.clock import HOURS_PER_WEEK, MINUTE, SLOTS_PER_WEEK, WEEK

# --- a tiny border -----------------------------------------------------------------------------


def timetable(booths: int | Sequence[tuple[float, int, int]]) -> Timetable:
    """Booths always open, or steps of (minute, booths, booths that clear the line)."""
    steps = [(0, booths, 0)] if isinstance(booths, int) else booths
    tick, opened, clearing = (np.array(column) for column in zip(*steps, strict=True))
    return Timetable((tick * MINUTE).astype(np.int64), opened, clearing)


def hourly(first: Sequence[float], rest: float) -> np.ndarray:
    """Return 168 values: the first hours', then the same for the rest of the week."""
    return np.array([*first, *[rest] * (HOURS_PER_WEEK - len(first))])


def line(
    booths: int | Sequence[tuple[float, int, int]] = 1,
    *,
    service_min: float | np.ndarray = 10,
    served_per_hour: float | np.ndarray = 6,
    gate: Sequence[tuple[float, int]] = ((0, 1),),
    port: int = 0,
    referrals: tuple[Referral, ...] = (),
) -> Line:
    tick, is_open = (np.array(column) for column in zip(*gate, strict=True))
    return Line(
        name=f"port-{port}/vehicle/general",
        port=port,
        mode="vehicle",
        timetable=timetable(booths),
        mean_service=(np.ones((1, HOURS_PER_WEEK)) * service_min * MINUTE).astype(np.int64),
        multiplier=0,
        lane_type="general",
        gate_tick=(tick * MINUTE).astype(np.int64),
        gate_open=is_open,
        capacity=(np.ones(HOURS_PER_WEEK) * served_per_hour * MILLI).astype(np.int64),
        referrals=referrals,
        people=1.0,
    )


def secondary(stations: int = 1, *, service_min: float = 5) -> Station:
    means = np.full((1, HOURS_PER_WEEK), round(service_min * MINUTE), np.int64)
    return Station("port-0/vehicle/secondary", 0, "vehicle", timetable(stations), means, 0)


def option(lines: int | tuple[int, ...] = 0, *, toll_min: float = 0, cost_min: float | np.ndarray = 0) -> Alternative:
    lines = (lines,) if isinstance(lines, int) else lines
    cost = (np.ones(HOURS_PER_WEEK) * cost_min * MINUTE).astype(np.int64)
    return Alternative(0, lines, np.full((len(lines), HOURS_PER_WEEK), round(toll_min * MINUTE)), cost)


def border(
    *lines: Line,
    later: Sequence[Station] = (),
    segments: Sequence[Sequence[Alternative]] = (),
    weeks: int = 1,
) -> PortModel:
    """Return a model; without segments, segment k sends its travellers to line k."""
    nobody = np.zeros(SLOTS_PER_WEEK)
    choices = segments or [[option(number)] for number in range(len(lines))]
    return PortModel(
        ports=("port-0", "port-1"),
        lines=lines,
        later=tuple(later),
        segments=tuple(
            Segment(f"s{k}", "town", "vehicle", 0, nobody, nobody + 1, 0, tuple(options))
            for k, options in enumerate(choices)
        ),
        multipliers=((0, Shape("deterministic")),),
        weeks=weeks,
    )


@dataclass(frozen=True)
class T:
    """One traveller: when it decides, and what it carries. `pace` multiplies service times."""

    minute: float
    segment: int = 0
    patience_min: float | None = None
    taste_min: tuple[float, float] = (0, 0)
    pace: float = 1.0
    luck: int = 0
    ticks: int = 0  # added to the minute

    @property
    def tick(self) -> int:
        return round(self.minute * MINUTE) + self.ticks


@dataclass(frozen=True)
class Given:
    """A workload written down."""

    model: PortModel
    travellers: Sequence[T]

    def weeks(self) -> Iterator[WeekBlock]:
        key = 0
        for week in range(self.model.weeks):
            these = [t for t in self.travellers if t.tick // WEEK == week]
            yield WeekBlock(
                week=week,
                tick=np.array([t.tick for t in these], np.int64),
                key=np.arange(key, key + len(these)),
                segment=np.array([t.segment for t in these], np.int64),
                patience=np.array(
                    [NO_LIMIT if t.patience_min is None else round(t.patience_min * MINUTE) for t in these],
                    np.int64,
                ),
                taste=np.array([[round(m * MINUTE) for m in t.taste_min] for t in these], np.int64)
                .reshape(-1, 2)
                .T.copy(),
                multiplier=np.array([[round(t.pace * ONE) for t in these]], np.int64),
                referral=np.array([[t.luck for t in these]] * self.model.stages, np.int64).reshape(
                    self.model.stages, len(these)
                ),
            )
            key += len(these)


Run = Callable[..., Crossings]  # of a model, and its travellers


@pytest.fixture(scope="session")
def run(simulate: Callable[[PortModel, Given], Crossings]) -> Run:
    return lambda model, *travellers: simulate(model, Given(model, travellers))


def at(*minutes: float) -> list[T]:
    return [T(minute) for minute in minutes]


def in_minutes(ticks: np.ndarray) -> list[float | None]:
    return [None if tick == NONE else tick / MINUTE for tick in ticks.tolist()]


def starts(crossings: Crossings) -> list[float | None]:
    return in_minutes(crossings.start)


def booths_over_time(crossings: Crossings, station: int = 0) -> list[tuple[float, int]]:
    return [(tick / MINUTE, booths) for tick, s, booths in crossings.opened.tolist() if s == station]


# --- booths ------------------------------------------------------------------------------------


def test_the_head_of_the_line_starts_when_a_booth_frees(run: Run) -> None:
    """Two booths of ten minutes: the third and fourth wait for the first and second."""
    crossings = run(border(line(2)), *at(0, 1, 2, 3))
    assert in_minutes(crossings.start) == [0, 1, 10, 11]
    assert in_minutes(crossings.end) == in_minutes(crossings.depart) == [10, 11, 20, 21]
    assert crossings.outcome.tolist() == [CROSSED] * 4


def test_who_comes_as_a_booth_frees_does_not_wait(run: Run) -> None:
    """The end of a service comes before a decision at the same tick."""
    assert starts(run(border(line()), *at(0, 10))) == [0, 10]


def test_who_comes_as_a_booth_frees_stands_behind_the_line(run: Run) -> None:
    """The freed booth goes to who waited, not to who came at that tick."""
    assert starts(run(border(line()), *at(0, 5, 10))) == [0, 10, 20]


def test_travellers_of_one_tick_join_in_their_order(run: Run) -> None:
    """Nobody of the same tick is treated alike: the first in order is served first."""
    assert starts(run(border(line()), *at(7, 7, 7))) == [7, 17, 27]


def test_a_booth_that_closes_finishes_its_vehicle_and_is_the_next_to_come_free(run: Run) -> None:
    """One of two booths closes at 5; the service that ends first, at 10, closes it, and 14 serves on."""
    model = border(line([(0, 2, 0), (5, 1, 0)]))
    assert starts(run(model, *at(0, 4, 6))) == [0, 4, 14]


def test_reopening_while_draining_cancels_the_closing(run: Run) -> None:
    """Closed at 5 and open again at 8, before anybody finished: as if nothing had been."""
    model = border(line([(0, 2, 0), (5, 1, 0), (8, 2, 0)]))
    assert starts(run(model, *at(0, 4, 6))) == [0, 4, 10]


def test_a_booth_that_opens_takes_the_head_of_the_line_at_once(run: Run) -> None:
    """A step of the timetable starts as many as it opens booths for."""
    model = border(line([(0, 1, 0), (3, 3, 0)]))
    assert starts(run(model, *at(0, 1, 2, 2))) == [0, 3, 3, 10]


def test_a_timetable_step_comes_before_the_ends_of_its_tick(run: Run) -> None:
    """A booth that closes as its service ends is closed: the line waits until it opens again."""
    model = border(line([(0, 1, 0), (10, 0, 0), (30, 1, 0)]))
    assert starts(run(model, *at(0, 1))) == [0, 30]


def test_with_zero_booths_the_line_waits_until_one_opens(run: Run) -> None:
    """Zero open booths are no fault, only a wait."""
    assert starts(run(border(line([(0, 0, 0), (60, 2, 0)])), *at(0, 10, 20))) == [60, 60, 70]


def test_the_timetable_repeats_week_after_week(run: Run) -> None:
    """The second week's hours are the first's."""
    model = border(line([(0, 0, 0), (60, 1, 0)]), weeks=2)
    week = WEEK / MINUTE
    assert starts(run(model, *at(0, week + 90))) == [60, week + 90]
    assert starts(run(border(line([(0, 1, 0), (60, 0, 0)]), weeks=2), *at(70))) == [week]


def test_a_line_goes_over_the_end_of_a_week(run: Run) -> None:
    """Weeks are read one by one, but the line between them is one line."""
    week = WEEK / MINUTE
    model = border(line(), weeks=2)
    assert starts(run(model, *at(week - 1, week - 0.5, week, week + 5))) == [week - 1 + 10 * k for k in range(4)]


def test_service_takes_the_mean_of_the_hour_in_which_it_starts(run: Run) -> None:
    """One tick before the hour the old mean holds, at the hour the new one."""
    model = border(line(2, service_min=hourly([10], 20)))
    crossings = run(model, T(60, ticks=-1), T(60))
    assert (crossings.end - crossings.start).tolist() == [10 * MINUTE, 20 * MINUTE]


def test_a_wait_over_the_hour_is_served_at_the_new_hours_mean(run: Run) -> None:
    """What counts is when service starts, not when its traveller joined."""
    crossings = run(border(line(service_min=hourly([10], 20))), *at(55, 56))
    assert in_minutes(crossings.end) == [65, 85]


def test_a_service_takes_one_tick_at_least(run: Run) -> None:
    """A multiplier of nothing still takes time, so events cannot pile up within a tick."""
    crossings = run(border(line()), T(0, pace=0), T(0))
    assert crossings.start.tolist() == [0, 1]


def test_each_service_is_the_mean_times_the_travellers_own_factor(run: Run) -> None:
    """A traveller carries its factor with it."""
    crossings = run(border(line(3)), T(0, pace=0.5), T(0, pace=1.5), T(0, pace=2))
    assert in_minutes(crossings.end) == [5, 15, 20]


# --- later stages ------------------------------------------------------------------------------


def referring(*lines: Line, share: float = 1.0, **place: float) -> PortModel:
    referral = (Referral(0, 0, round(share * ONE)),)
    return border(*(replace(one, referrals=referral) for one in lines), later=[secondary(**place)])  # type: ignore[arg-type]


def test_two_ends_at_one_tick_join_secondary_in_order_of_id(run: Run) -> None:
    """Both end at 10 at different lines; the service of the one with the lower id began last."""
    model = referring(line(), line(), share=0.5)
    crossings = run(
        model,
        T(0, segment=1, pace=0.75, luck=ONE - 1),  # holds the second line's booth until 7.5
        T(1, segment=1, pace=0.25),
        T(5, segment=0, pace=0.5),
    )
    assert in_minutes(crossings.end) == [7.5, 10, 10]
    assert in_minutes(crossings.stage_start[0]) == [None, 10, 11.25]
    assert in_minutes(crossings.depart) == [7.5, 11.25, 13.75]


def test_referred_are_those_whose_uniform_lies_below_the_share(run: Run) -> None:
    """The share is of a fixed-point one; at the share itself a traveller goes free."""
    crossings = run(
        referring(line(3), share=0.25, stations=9), T(0, luck=ONE // 4 - 1), T(0, luck=ONE // 4), T(0, luck=0)
    )
    assert in_minutes(crossings.stage_start[0]) == [10, None, 10]
    assert in_minutes(crossings.depart) == [15, 10, 15]


def test_secondary_serves_first_who_comes_first(run: Run) -> None:
    """One station of thirty minutes before which two wait; primary goes on meanwhile."""
    crossings = run(referring(line(), service_min=30), *at(0, 0, 0))
    assert in_minutes(crossings.start) == [0, 10, 20]
    assert in_minutes(crossings.stage_start[0]) == [10, 40, 70]


def test_two_later_stages_are_gone_through_one_after_the_other(run: Run) -> None:
    """Each stage has its own uniform, stations and times."""
    both = (Referral(0, 0, ONE), Referral(1, 1, ONE))
    model = border(line(referrals=both), later=[secondary(), secondary(service_min=7)])
    crossings = run(model, T(0))
    assert in_minutes(crossings.stage_end[:, 0]) == [15, 22]
    assert in_minutes(crossings.depart) == [22]


# --- gate and closing --------------------------------------------------------------------------


def test_at_a_shut_gate_travellers_are_turned_away(run: Run) -> None:
    """One tick before closing a traveller joins; at closing it is turned away, with no line."""
    model = border(line(2, gate=[(0, 1), (60, 0), (120, 1)]))
    crossings = run(model, T(60, ticks=-1), T(60), T(120, ticks=-1), T(120))
    assert crossings.outcome.tolist() == [CROSSED, TURNED_AWAY, TURNED_AWAY, CROSSED]
    assert crossings.line.tolist() == [0, NONE, NONE, 0]


CLOSES_AT_60 = {"gate": [(0, 1), (60, 0)], "served_per_hour": 12}


def test_the_line_at_closing_is_served_by_the_clearing_booths(run: Run) -> None:
    """Two booths clear a line of two, and shut when it is empty, not when their last vehicles leave."""
    model = border(line([(0, 1, 0), (60, 0, 2)], **CLOSES_AT_60))  # type: ignore[arg-type]
    crossings = run(model, *at(55, 56, 57))
    assert in_minutes(crossings.start) == [55, 60, 65]
    assert booths_over_time(crossings) == [(0, 1), (60, 2), (65, 0)]


def test_an_empty_line_closes_its_booths_at_once(run: Run) -> None:
    """With nobody waiting there is nothing to clear; the vehicle in service is finished."""
    model = border(line([(0, 1, 0), (60, 0, 2)], **CLOSES_AT_60))  # type: ignore[arg-type]
    crossings = run(model, *at(55))
    assert booths_over_time(crossings) == [(0, 1), (60, 0)]
    assert in_minutes(crossings.depart) == [65]


def test_a_line_may_form_before_booths_open(run: Run) -> None:
    """Who comes early waits for the opening."""
    model = border(line([(0, 0, 0), (90, 1, 0)], gate=[(0, 0), (30, 1)], served_per_hour=hourly([0], 6)))
    crossings = run(model, *at(29, 30, 40))
    assert in_minutes(crossings.start) == [None, 90, 100]
    assert crossings.outcome.tolist() == [TURNED_AWAY, CROSSED, CROSSED]


# --- what travellers know ----------------------------------------------------------------------


def test_the_informed_wait_is_refreshed_every_fifteen_minutes_and_not_between(run: Run) -> None:
    """Two wait from minute 1 on: twenty minutes at six an hour; no one knows before 15:00."""
    hurried = [T(15, ticks=-1, patience_min=0), T(15, patience_min=0)]
    crossings = run(border(line(service_min=30)), *at(0, 1, 1), *hurried)
    assert crossings.outcome.tolist() == [CROSSED, CROSSED, CROSSED, CROSSED, LOST]


def test_a_decision_sees_what_its_own_tick_has_changed(run: Run) -> None:
    """At 15:00 a booth frees, the line is empty, the review says so, and then the traveller decides."""
    model = border(line(service_min=15))
    crossings = run(model, *at(0, 1), T(15, patience_min=0))
    assert in_minutes(crossings.start) == [0, 15, 30]


def test_travellers_of_one_tick_do_not_see_each_other(run: Run) -> None:
    """The informed wait is of the last review: the third joins a line it believes empty."""
    crossings = run(border(line()), *(T(0, patience_min=0) for _ in range(3)))
    assert in_minutes(crossings.start) == [0, 10, 20]


def test_the_posted_wait_is_written_down_hourly_in_steps_of_five_minutes(run: Run) -> None:
    """At 1:00 three wait behind one in service; at seven an hour 25.7 minutes; 25 are posted."""
    crossings = run(border(line(service_min=40, served_per_hour=7)), *at(50, 51, 51, 51))
    assert crossings.posted.shape == (HOURS_PER_WEEK, 1)
    assert in_minutes(crossings.posted[:4, 0]) == [0, 25, 15, 0]


def test_nothing_is_posted_while_the_gate_is_shut(run: Run) -> None:
    """A closed port has no wait, though its opening could be waited for."""
    model = border(line([(0, 0, 0), (120, 1, 0)], gate=[(0, 0), (60, 1)], served_per_hour=hourly([0, 0], 6)))
    assert in_minutes(run(model).posted[:3, 0]) == [None, 60, 0]


# --- choice ------------------------------------------------------------------------------------

TWO_PORTS = (line(9), line(9, port=1))


@pytest.mark.parametrize(
    ("first", "second", "taste_min", "port"),
    [
        pytest.param({}, {}, (0, 0), 0, id="ties go to the first"),
        pytest.param({"toll_min": 1}, {}, (0, 0), 1, id="a toll"),
        pytest.param({"cost_min": 1}, {}, (0, 0), 1, id="access"),
        pytest.param({}, {}, (0, 1), 1, id="a taste for the second"),
        pytest.param({}, {}, (-1, 0), 1, id="a distaste for the first"),
        pytest.param({"toll_min": 3, "cost_min": 4}, {"cost_min": 8}, (1, 2), 0, id="8 less 2: a tie"),
        pytest.param({"toll_min": 3, "cost_min": 4}, {"cost_min": 7.9}, (1, 2), 1, id="a little less"),
    ],
)
def test_a_traveller_takes_the_least_of_wait_toll_access_and_taste(
    run: Run, first: dict[str, float], second: dict[str, float], taste_min: tuple[float, float], port: int
) -> None:
    """Toll and access count against a port, taste for it; ties go to the first."""
    model = border(*TWO_PORTS, segments=[[option(0, **first), option(1, **second)]])
    assert run(model, T(0, taste_min=taste_min)).line.tolist() == [port]


@pytest.mark.parametrize(("weight", "cost_min", "port"), [(1.0, 20, 0), (1.0, 19, 1), (0.5, 11, 0), (0.5, 9, 1)])
def test_the_informed_wait_counts_by_its_weight(run: Run, weight: float, cost_min: float, port: int) -> None:
    """Two wait at the first port, twenty minutes; the second costs about as much."""
    model = border(
        line(service_min=60),
        line(9, port=1),
        segments=[[option(0), option(1, cost_min=cost_min)], [option(0)]],
    )
    model = replace(model, wait_weight=round(weight * MILLI))
    crossings = run(model, *(T(1, segment=1) for _ in range(3)), T(15))
    assert crossings.line.tolist() == [0, 0, 0, port]


def test_costs_are_those_of_the_hour_of_the_decision(run: Run) -> None:
    """The first port is dear in the second hour only."""
    dear = hourly([0, 5], 0)
    model = border(*TWO_PORTS, segments=[[option(0, cost_min=dear), option(1, cost_min=1)]])
    crossings = run(model, T(60, ticks=-1), T(60), T(120))
    assert crossings.line.tolist() == [0, 1, 0]


def test_a_shut_port_is_not_chosen_however_cheap(run: Run) -> None:
    """A gate that is shut takes its port out of the choice."""
    model = border(line(9, gate=[(0, 0), (60, 1)]), line(9, port=1), segments=[[option(0), option(1, cost_min=500)]])
    assert run(model, *at(0, 60)).line.tolist() == [1, 0]


def test_a_port_whose_booths_never_open_is_not_chosen(run: Run) -> None:
    """Its wait is no number, not a small one."""
    model = border(line(0, served_per_hour=0), line(port=1), segments=[[option(0), option(1)]])
    crossings = run(model, T(0))
    assert crossings.line.tolist() == [1]
    assert set(crossings.posted[:, 0].tolist()) == {NEVER}


def test_of_one_ports_lines_the_first_open_one_is_taken(run: Run) -> None:
    """Lines stand in order of preference: the second is for when the first is shut."""
    model = border(line(9, gate=[(0, 0), (60, 1)]), line(9), segments=[[option((0, 1))]])
    assert run(model, *at(0, 60)).line.tolist() == [1, 0]


# --- patience ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patience_min", "toll_min", "outcome"),
    [(20, 0, CROSSED), (19.99, 0, LOST), (25, 5, CROSSED), (24.99, 5, LOST), (0, 0, LOST)],
)
def test_a_traveller_goes_if_wait_and_toll_are_at_most_its_patience(
    run: Run, patience_min: float, toll_min: float, outcome: int
) -> None:
    """Two wait, twenty minutes; the toll counts in minutes too."""
    model = border(line(service_min=30), segments=[[option(0, toll_min=toll_min)]])
    crossings = run(model, *at(0, 1, 1), T(15, patience_min=patience_min))
    assert crossings.outcome[-1] == outcome


def test_access_and_taste_do_not_try_patience(run: Run) -> None:
    """What it costs to come to the port was known at home."""
    model = border(line(), segments=[[option(0, cost_min=60)]])
    crossings = run(model, T(0, patience_min=0, taste_min=(-90, 0)))
    assert crossings.outcome.tolist() == [CROSSED]


def test_the_lost_are_rows_that_name_the_line_they_left(run: Run) -> None:
    """A lost trip has a line, and no times."""
    crossings = run(border(line(), segments=[[option(0, toll_min=1)]]), T(3, patience_min=0.5))
    assert (crossings.line.tolist(), crossings.start.tolist(), crossings.depart.tolist()) == ([0], [-1], [-1])


# --- the end of the run ------------------------------------------------------------------------


def test_who_stands_in_line_at_the_end_is_served_after_it(run: Run) -> None:
    """Nobody decides after the horizon, but the line then there is served."""
    week = WEEK / MINUTE
    crossings = run(border(line()), *at(week - 2, week - 1))
    assert in_minutes(crossings.depart) == [week + 8, week + 18]
    assert crossings.ended == (week + 18) * MINUTE


def test_who_is_never_served_is_a_row_with_outcome_inside(run: Run) -> None:
    """Booths were promised and never came: the wait has no end, and the run has."""
    crossings = run(border(line(0)), *at(0, 5))
    assert crossings.outcome.tolist() == [INSIDE, INSIDE]
    assert crossings.start.tolist() == crossings.depart.tolist() == [NONE, NONE]
    assert crossings.ended >= WEEK


def test_who_is_stuck_before_secondary_is_inside_too(run: Run) -> None:
    """Through primary, but not out of the port."""
    crossings = run(referring(line(), stations=0), T(0))
    assert (crossings.outcome.tolist(), in_minutes(crossings.end)) == ([INSIDE], [10])


def test_a_week_without_travellers_is_a_result(run: Run) -> None:
    """Nobody came: no rows, and all readings."""
    crossings = run(border(line(), weeks=2))
    assert (len(crossings), len(crossings.posted)) == (0, 2 * HOURS_PER_WEEK)


# --- any story ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """One line, one class: steps of (minute, booths), and (gap, service) in minutes."""

    steps: list[tuple[int, int]]
    visits: list[tuple[int, int]]

    @property
    def arrivals(self) -> list[int]:
        return np.cumsum([gap for gap, _ in self.visits]).tolist()


STORIES = st.builds(
    Story,
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4)), max_size=8, unique_by=lambda step: step[0]).map(
        lambda steps: [(0, 1), *sorted(steps), (90, 2)]
    ),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=25),
)


def starts_by_hand(story: Story) -> list[int]:
    """Look, for one traveller after the other, for the first minute with a free open booth."""
    found: list[tuple[int, int]] = []
    for arrival, (_, service) in zip(story.arrivals, story.visits, strict=True):
        minute = max(arrival, found[-1][0] if found else 0)
        while True:
            open_now = [booths for step, booths in story.steps if step <= minute][-1]
            if sum(start <= minute < end for start, end in found) < open_now:
                break
            minute += 1
        found.append((minute, minute + service))
    return [start for start, _ in found]


def simulated(run: Run, story: Story) -> list[float | None]:
    model = border(line([(minute, booths, 0) for minute, booths in story.steps], service_min=1))
    model = replace(model, information_interval=WEEK, posting_interval=WEEK)
    travellers = [T(a, pace=service) for a, (_, service) in zip(story.arrivals, story.visits, strict=True)]
    return starts(run(model, *travellers))


@settings(max_examples=100, deadline=None)
@given(STORIES)
def test_every_start_is_the_first_minute_with_a_free_open_booth(run: Run, story: Story) -> None:
    """A search minute by minute, which knows no events, finds the same times, ties and all."""
    assert simulated(run, story) == starts_by_hand(story)


@settings(max_examples=50, deadline=None)
@given(STORIES)
def test_an_extra_booth_never_delays_anyone(run: Run, story: Story) -> None:
    """One line, first come first served: more booths, no later start."""
    more = replace(story, steps=[(minute, booths + 1) for minute, booths in story.steps])
    pairs = zip(simulated(run, story), simulated(run, more), strict=True)
    assert all(later <= before for before, later in pairs)  # type: ignore[operator]
