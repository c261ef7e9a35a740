"""Laws every run obeys, whatever its numbers: what must not change, what may only fall, what must balance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from portsim import clock
from portsim.border.model import PortModel, build
from portsim.border.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings, broken_invariants
from portsim.border.workload import WeekBlock, Workload, draw
from portsim.language import scenario
from portsim.language.schema import Network, ScaleDemand
from portsim.measure.measures import HOURLY_METRICS, SUMMARY_METRICS, Measures
from portsim.runs import experiment
from portsim.theory import equilibrium_wait_change_min, kiefer_wolfowitz

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = dict[str, Any]
Simulate = Callable[[PortModel, Workload], Crossings]

SEED = 2027
ERRORS_APART = 3.3
SUMMARY_WAIT = SUMMARY_METRICS.index("wait_mean_min")

# --- small networks ----------------------------------------------------------------------------


def lane(booths: object, mean_s: object = 60, **more: object) -> Words:
    """Describe a lane type; service is deterministic unless said otherwise."""
    return {"booths_open": booths, "service": {"kind": "deterministic", "mean_s": mean_s}, **more}


def port(name: str, lanes: Words, mode: str = "vehicle", **more: object) -> Words:
    """Describe a port of one crossing; `stages` and `hours` are the crossing's, the rest the port's."""
    crossing = {"lane_positions": 40, "lane_types": lanes}
    crossing |= {key: more.pop(key) for key in ("stages", "hours") if key in more}
    return {"id": name, "name": name.title(), mode: crossing, **more}


def network(ports: Sequence[Words], segments: Sequence[Words] = (), **more: object) -> Network:
    """Describe a border of one town and one class of car, unless said otherwise."""
    stated = {
        "network": "small",
        "about": "A border for tests.",
        "classes": {"car": {"mode": "vehicle", "lane_types": ["general"]}},
        "catchments": [{"id": "town", "name": "Town", "cluster": "valley", "access_min": {p["id"]: 5 for p in ports}}],
        "ports": ports,
        "segments": segments,
    }
    return Network.model_validate(stated | more)


def flow(per_hour: object, to: str | None = None, **more: object) -> Words:
    """Describe a segment of cars from the town, sent to a port or free to choose."""
    return {
        "id": f"cars-{to or 'free'}",
        "catchment": "town",
        "traveller_class": "car",
        "per_hour": per_hour,
        "port": to,
        **more,
    }


def one_line(booths: object, per_hour: object, *, patience: float = 0.0, **lane_words: Any) -> Network:
    """Describe one port with one line, to which everybody is sent."""
    return network(
        [port("east", {"general": lane(booths, **lane_words)})],
        [flow(per_hour, "east")],
        patience_pct_per_min={"vehicle": patience},
    )


SPREAD = {"kind": "gamma", "cv": 0.6}
SECONDARY = {"id": "secondary", "stations": 2, "service": {"kind": "exponential", "mean_s": 600}}


def rich_network(*, north: bool, day_cv: float = 0.0) -> Network:
    """Describe three ports with everything a traveller may carry; `north` is between the others, open or not."""
    general = {"booths_open": 2, "service": {**SPREAD, "mean_s": 500}, "referral_share": {"secondary": 0.2}}
    observed = {"per_hour": 14, "wait_min": 12, "origins": {"town": 1}}
    new = {"booths_open": 1, "service": {"kind": "exponential", "mean_s": 400}, "toll_usd": 1}
    return network(
        [
            port("east", {"general": {**general, "observed": observed}}, stages=[SECONDARY]),
            port("north", {"general": new}, open=north, constants_from="east"),
            port("west", {"general": {**general, "observed": observed}}, stages=[SECONDARY]),
        ],
        [flow(1, "west", id="sent")],
        patience_pct_per_min={"vehicle": 0.28},
        day_factor={"cv": day_cv, "lag1_correlation": 0.5},
    )


Run = Callable[..., Crossings]  # of a model, a seed and a replication


@pytest.fixture(scope="session")
def run(simulate: Simulate) -> Run:
    """Return how to simulate one replication on each engine in turn."""

    def one(model: PortModel, seed: int = SEED, replication: int = 0) -> Crossings:
        return simulate(model, draw(model, seed, replication))

    return one


@pytest.fixture(scope="session")
def run_long(simulate_long: Simulate) -> Run:
    """Return how to simulate one long replication, on one engine."""
    return lambda model: simulate_long(model, draw(model, SEED, 0))


def travellers(model: PortModel, week: int = 0) -> WeekBlock:
    """Draw a week of a model's travellers."""
    return list(draw(model, SEED, 0).weeks())[week]


def carried(model: PortModel, week: int = 0) -> dict[int, tuple[Any, ...]]:
    """Return what each traveller carries, by key; tastes by port, service by stage and shape: not by position."""
    block = travellers(model, week)
    content: dict[int, tuple[Any, ...]] = {}
    for n, key in enumerate(block.key.tolist()):
        segment = model.segments[block.segment[n]]
        content[key] = (
            segment.name,
            int(block.tick[n]),
            int(block.patience[n]),
            {model.ports[a.port]: int(block.taste[row, n]) for row, a in enumerate(segment.alternatives)},
            {
                kind: int(block.multiplier[row, n])
                for row, kind in enumerate(model.multipliers)
                if block.multiplier[row, n]
            },
            tuple(block.referral[:, n].tolist()),
        )
    return content


def hourly(measures: Measures, metric: str) -> Floats:
    """Return a metric by line and hour of the week."""
    return measures.hourly[:, :, HOURLY_METRICS.index(metric)]


# --- booths ------------------------------------------------------------------------------------

DAY_OF_BOOTHS = st.lists(st.integers(0, 3), min_size=24, max_size=24).filter(any)
HOURS_OF_DAY = st.sets(st.integers(0, 23), min_size=1)


@settings(deadline=None, max_examples=40)
@given(booths=DAY_OF_BOOTHS, more=HOURS_OF_DAY, per_hour=st.integers(1, 8), seed=st.integers(0, 1_000))
def test_an_added_booth_never_makes_anyone_later(
    run: Run, booths: list[int], more: set[int], per_hour: int, seed: int
) -> None:
    """One line, fixed choice, the same services: every start is as early or earlier, whatever the timetable."""
    after = [count + (hour in more) for hour, count in enumerate(booths)]
    words = {"service": {**SPREAD, "mean_s": 900}}
    base, option = (run(build(one_line(b, per_hour, **words)), seed) for b in (booths, after))
    assert (base.key == option.key).all()
    served = base.start != NONE
    assert (option.start[served] != NONE).all()
    assert (option.start[served] <= base.start[served]).all()
    event("someone starts earlier" if (option.start[served] < base.start[served]).any() else "nobody does")


def test_an_added_booth_helps_on_a_busy_day(run: Run) -> None:
    """The law is not empty: where the line is long, most start earlier."""
    words = {"service": {**SPREAD, "mean_s": 60}}
    base, option = (run(build(one_line(booths, 120, **words))) for booths in (2, 3))
    assert (option.start <= base.start).all()
    assert np.mean(option.start < base.start) > 0.9


def test_a_line_before_constant_booths_is_kiefer_and_wolfowitz(run: Run) -> None:
    """Starts are those of the recursion of 1955, tick by tick."""
    model = build(one_line(3, 150, service={**SPREAD, "mean_s": 70}))
    block, crossings = travellers(model), run(model)
    services = np.maximum(1, (70 * clock.SECOND * block.multiplier[0]) >> 20)
    assert (crossings.start == kiefer_wolfowitz(block.tick, services, 3)).all()
    assert (crossings.end - crossings.start == services).all()


def test_a_fraction_of_a_booth_serves_its_fraction_over_a_day(run: Run) -> None:
    """A saturated line before 4.6 booths of 24 vehicles an hour: 2,649.6 a day, but for a slot carried over."""
    crossings = run(build(one_line(4.6, 132, mean_s=150)))
    by_day = np.bincount(crossings.end[crossings.end != NONE] // clock.DAY)[1:7]  # Monday begins empty
    one_slot = 2  # vehicles
    assert np.abs(by_day - 4.6 * 24 * 24).max() <= one_slot


# --- travellers --------------------------------------------------------------------------------


@pytest.mark.parametrize("day_cv", [0.0, 0.2])
@pytest.mark.parametrize("factor", [1.1, 1.3, 2.0])
def test_a_demand_layer_leaves_every_base_traveller_untouched(factor: float, day_cv: float) -> None:
    """Growth adds travellers; those of the base decide at the same tick and carry the same things."""
    base, grown = (
        carried(build(rich_network(north=True, day_cv=day_cv), changes))
        for changes in ((), (ScaleDemand(action="scale_demand", factor=factor),))
    )
    assert {key: grown.get(key) for key in base} == base
    assert len(grown) / len(base) == pytest.approx(factor, abs=4 * factor / math.sqrt(len(base)))


@pytest.mark.parametrize("day_cv", [0.0, 0.2])
def test_less_demand_keeps_some_of_the_same_travellers(day_cv: float) -> None:
    """A factor below one takes travellers away and adds or changes none."""
    base, less = (
        carried(build(rich_network(north=True, day_cv=day_cv), changes))
        for changes in ((), (ScaleDemand(action="scale_demand", factor=0.8),))
    )
    assert {key: base.get(key) for key in less} == less
    assert len(less) / len(base) == pytest.approx(0.8, abs=4 / math.sqrt(len(base)))


def test_demand_scaled_for_one_catchment_leaves_the_others_alone() -> None:
    """A change that names a catchment elsewhere changes no draw here."""
    base = rich_network(north=False)
    hills = {"id": "hills", "name": "Hills", "cluster": "valley", "access_min": {"west": 20}}
    two = base.model_copy(
        update={
            "catchments": (*base.catchments, type(base.catchments[0]).model_validate(hills)),
            "segments": (
                *base.segments,
                type(base.segments[0]).model_validate(flow(5, id="hill-people", catchment="hills")),
            ),
        }
    )
    change = ScaleDemand(action="scale_demand", factor=1.5, catchments=("hills",))
    before, after = carried(build(two)), carried(build(two, (change,)))
    assert {key: after[key] for key in before} == before
    assert {content[0] for key, content in after.items() if key not in before} == {"hill-people"}


def test_a_new_port_leaves_every_other_draw_unchanged() -> None:
    """The same travellers come, with the same tastes for the old ports and the same services and referrals."""
    closed, opened = (carried(build(rich_network(north=north))) for north in (False, True))
    assert closed.keys() == opened.keys()
    for key, (*who, tastes, services, referrals) in closed.items():
        *who_then, tastes_then, services_then, referrals_then = opened[key]
        assert (who, referrals) == (who_then, referrals_then)
        assert tastes == {name: tastes_then[name] for name in tastes}
        assert services == {kind: services_then[kind] for kind in services}
    assert any("north" in tastes for *_, tastes, _, _ in opened.values())


def test_a_new_segment_leaves_every_other_draw_unchanged() -> None:
    """Travellers stated beside others are drawn beside them, not instead."""
    base = rich_network(north=True)
    more = base.model_copy(
        update={
            "segments": (
                type(base.segments[0]).model_validate(flow(3, "east", id="first")),
                *base.segments,
            )
        }
    )
    before, after = carried(build(base)), carried(build(more))
    assert {key: after[key] for key in before} == before


def test_replications_and_seeds_differ() -> None:
    """Another replication or seed has other travellers altogether."""
    model = build(rich_network(north=True))
    ticks = [next(draw(model, seed, replication).weeks()).tick for seed, replication in ((1, 0), (1, 1), (2, 0))]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert len(np.intersect1d(ticks[a], ticks[b])) < 0.01 * len(ticks[a])


# --- weeks and processes -----------------------------------------------------------------------


@pytest.mark.parametrize("weeks", [1, 2])
def test_a_week_is_the_same_in_a_run_that_ends_with_it_and_in_one_of_three(run: Run, weeks: int) -> None:
    """Whoever has left by the end of the shorter run left then in the longer too; whoever decided decided so."""
    border = rich_network(north=True, day_cv=0.1)
    short, long = (run(build(border, weeks=length)) for length in (weeks, 3))
    decided = len(short)
    assert (long.tick[decided:] >= weeks * clock.WEEK).all()
    for name in ("key", "tick", "segment", "line"):
        assert (getattr(short, name) == getattr(long, name)[:decided]).all(), name
    for outcome in (LOST, TURNED_AWAY):
        assert ((short.outcome == outcome) == (long.outcome[:decided] == outcome)).all()
    left = (short.depart != NONE) & (short.depart < weeks * clock.WEEK)
    assert left.sum() > 0.8 * decided
    for name in ("start", "end", "depart", "outcome", "stage_start", "stage_end"):
        assert (getattr(short, name)[..., left] == getattr(long, name)[..., :decided][..., left]).all(), name
    assert (short.posted == long.posted[: len(short.posted)]).all()


def same(one: Measures, other: Measures) -> bool:
    """Say whether two measures are the same to the last bit."""
    return (
        one.groups == other.groups
        and one.lines == other.lines
        and one.summary.tobytes() == other.summary.tobytes()
        and one.hourly.tobytes() == other.hourly.tobytes()
        and all(
            getattr(week, name).tobytes() == getattr(as_week, name).tobytes()
            for week, as_week in zip(one.trucks, other.trucks, strict=True)
            for name in ("key", "port", "wait")
        )
    )


SCENARIO = Path(__file__).parent / "theory" / "laws.yaml"


def test_one_process_and_two_measure_the_same_to_the_last_bit(tmp_path: Path) -> None:
    """Results do not depend on how replications are shared out."""
    case = scenario.load(SCENARIO)
    [one], [two] = (experiment.run([case], tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert len(one) == len(two) == 3
    assert all(same(a, b) for a, b in zip(one, two, strict=True))


def test_the_order_of_replications_does_not_matter(tmp_path: Path) -> None:
    """A replication is the same alone, first, last, and from the folder of finished ones."""
    case = scenario.load(SCENARIO)
    model = experiment.build_model(case)
    backwards = [experiment.replicate(model, case.run.seed, number) for number in (2, 1, 0)][::-1]
    [fresh] = experiment.run([case], tmp_path, jobs=1)
    [resumed] = experiment.run([case], tmp_path, jobs=1)
    assert all(same(a, b) and same(a, c) for a, b, c in zip(backwards, fresh, resumed, strict=True))
    assert not same(fresh[0], fresh[1])


# --- choice and patience -----------------------------------------------------------------------


@pytest.mark.slow
def test_twin_ports_stay_within_ten_minutes_of_each_other(run_long: Run) -> None:
    """Two ports alike under demand 12% above what both serve: waits of 40 minutes, and they do not herd.

    At 0.28% a minute the long-run wait is ln(1.12) / 0.0028, 40 minutes. The spread is the root mean square
    difference of their hourly waits over two weeks, after one to settle.
    """
    twin = {"general": {"booths_open": 5, "service": {**SPREAD, "mean_s": 60}}}
    border = network(
        [port("east", twin), port("west", twin)],
        [flow(1.12 * 2 * 300)],
        patience_pct_per_min={"vehicle": 0.28},
    )
    crossings = run_long(build(border, weeks=3))
    hour = crossings.tick // clock.HOUR
    waits = []
    for line in (0, 1):
        rows = (crossings.line == line) & (crossings.start != NONE) & (crossings.tick >= clock.WEEK)
        wait = (crossings.start - crossings.tick)[rows] / clock.MINUTE
        waits.append(np.bincount(hour[rows], weights=wait)[168:] / np.bincount(hour[rows])[168:])
    east, west = waits
    assert np.mean([east, west]) == pytest.approx(40, abs=8)
    assert np.sqrt(np.mean((east - west) ** 2)) < 10


BETA_PCT = 0.28


@pytest.mark.slow
def test_patience_answers_a_capacity_ratio_by_its_logarithm() -> None:
    """Capacity times r moves a saturated line's wait by ln(1/r)/beta minutes: +10.9 at 0.97, -10.6 at 1.03."""
    runs = {}
    replicate = partial(experiment.replicate, engine=experiment.default_engine())
    for ratio in (1.0, 0.97, 1.03):
        border = one_line(2, 1.15 * 120, patience=BETA_PCT, mean_s=60 / ratio)
        model = build(border, warm_up_weeks=1)
        runs[ratio] = np.array([replicate(model, SEED, number).summary[0, SUMMARY_WAIT] for number in range(6)])
    for ratio in (0.97, 1.03):
        moved = runs[ratio] - runs[1.0]
        error = moved.std(ddof=1) / math.sqrt(len(moved))
        exact = equilibrium_wait_change_min(ratio, BETA_PCT / 100)
        assert error < 0.02 * abs(exact)
        assert abs(moved.mean() - exact) < ERRORS_APART * error


@pytest.mark.slow
@pytest.mark.parametrize("line", ["shortest", "preferred"])
def test_another_booth_raises_no_mean_wait_where_travellers_choose(line: str) -> None:
    """It helps its own line most, and the others too: those who come for it leave them, within noise."""
    replicate = partial(experiment.replicate, engine=experiment.default_engine())

    def border(booths: int) -> Network:
        lanes = {"ready": lane(booths), "general": lane(2)}
        classes = {
            "car": {"mode": "vehicle", "lane_types": ["ready", "general"]},
            "old": {"mode": "vehicle", "lane_types": ["general"]},
        }
        return network(
            [port("east", lanes), port("west", {"general": lane(2)})],
            [flow(240), flow(200, id="old-cars", traveller_class="old")],
            classes=classes,
            choice={"line": line},
            patience_pct_per_min={"vehicle": 0.5},
        )

    runs = np.array(
        [
            [
                hourly(replicate(build(border(booths), warm_up_weeks=1), SEED, number), "wait_mean_min")
                for number in range(6)
            ]
            for booths in (2, 3)
        ]
    )
    moved = np.nanmean(runs[1] - runs[0], axis=2)  # by replication and line
    error = moved.std(axis=0, ddof=1) / math.sqrt(len(moved))
    assert (moved.mean(axis=0) - ERRORS_APART * error <= 0).all()
    assert build(border(2)).lines[moved.mean(axis=0).argmin()].lane_type == "ready"


# --- the start and the gate --------------------------------------------------------------------


def test_a_line_with_an_observed_wait_begins_with_that_many_in_line(run: Run) -> None:
    """25 minutes before 3 booths of 60 an hour are 75 vehicles at Monday 00:00, the last served 25 minutes later."""
    observed = {"per_hour": 120, "wait_min": 25, "origins": {"town": 1}}
    crossings = run(build(network([port("east", {"general": lane(3, observed=observed)})])))
    standing = crossings.tick == 0
    assert standing.sum() == 75
    assert crossings.start[standing].max() == 24 * clock.MINUTE  # the 25th of each booth
    assert (crossings.outcome[standing] == CROSSED).all()


def test_nobody_stands_before_a_shut_gate_at_the_start(run: Run) -> None:
    """A line that is shut on Monday 00:00 begins empty, whatever wait is stated there."""
    observed = {"per_hour": {"06:00": 60, "22:00": 0}, "wait_min": 25, "origins": {"town": 1}}
    border = network(
        [port("east", {"general": lane(3, observed=observed)}, hours=[{"opens": "06:00", "closes": "22:00"}])]
    )
    assert run(build(border)).tick.min() >= 6 * clock.HOUR


DAYTIME = [{"opens": "06:00", "closes": "14:00", "line_opens": "05:00"}]


def daytime_line() -> PortModel:
    """Describe a line open by day, too few booths for those who come, who come at all hours."""
    return build(network([port("east", {"general": lane(2)}, hours=DAYTIME)], [flow(140, "east")]))


def hour_of_day(ticks: Ints) -> Floats:
    """Return hours since midnight."""
    hours: Floats = ticks % clock.DAY / clock.HOUR
    return hours


def test_the_gate_lets_in_from_line_opens_to_closing(run: Run) -> None:
    """Who comes at another hour is turned away; who comes before the booths open waits for them."""
    crossings = run(daytime_line())
    at = hour_of_day(crossings.tick)
    assert ((crossings.outcome != TURNED_AWAY) == ((at >= 5) & (at < 14))).all()
    assert hour_of_day(crossings.start[crossings.joined]).min() == 6
    early = at < 6
    assert (crossings.joined & early).sum() > 500


def test_who_is_in_line_at_closing_is_served_and_booths_stay_for_them(run: Run) -> None:
    """Closing shuts the gate: the line goes on at the last hour's booths, which close behind its last vehicle."""
    model = daytime_line()
    crossings = run(model)
    assert (crossings.outcome[crossings.joined] == CROSSED).all()
    for day in range(7):
        closing = (day * 24 + 14) * clock.HOUR
        waiting = crossings.joined & (crossings.tick < closing) & (crossings.start >= closing)
        waiting &= crossings.start < closing + 10 * clock.HOUR
        assert waiting.sum() > 200
        rate = 2  # vehicles a minute
        cleared = int(crossings.start[waiting].max())
        assert cleared - closing == pytest.approx(waiting.sum() / rate * clock.MINUTE, abs=clock.MINUTE)
        closed = crossings.opened[(crossings.opened[:, 0] > closing) & (crossings.opened[:, 2] == 0)][0]
        assert closed[0] == cleared
    assert model.lines[0].timetable.clearing.max() == 2


def test_nobody_goes_to_a_closed_port(run: Run) -> None:
    """A port that is closed has no line, and a traveller sent there is turned away."""
    border = network(
        [port("east", {"general": lane(2)}), port("west", {"general": lane(2)}, open=False)],
        [flow(20), flow(5, "west", id="sent-west")],
    )
    model = build(border)
    crossings = run(model)
    assert [model.ports[line.port] for line in model.lines] == ["east"]
    sent_west = np.array([segment.name == "sent-west" for segment in model.segments])[crossings.segment]
    assert (crossings.outcome[sent_west] == TURNED_AWAY).all()
    assert (crossings.outcome[~sent_west] == CROSSED).all()


# --- invariants of random borders, with ties on purpose ----------------------------------------


@dataclass(frozen=True)
class OnTheMinute:
    """A workload whose travellers all decide on whole minutes, so that events meet."""

    drawn: Workload

    def weeks(self) -> Iterator[WeekBlock]:
        for block in self.drawn.weeks():
            tick = block.tick // clock.MINUTE * clock.MINUTE
            order = np.lexsort((block.key, tick))
            columns = {
                name: np.ascontiguousarray(getattr(block, name)[..., order])
                for name in ("key", "segment", "patience", "taste", "multiplier", "referral")
            }
            yield WeekBlock(block.week, tick[order], **columns)


MINUTES_OF_SERVICE = st.sampled_from([60, 120, 300, 600])
SERVICES = st.one_of(
    MINUTES_OF_SERVICE.map(lambda mean: {"kind": "deterministic", "mean_s": mean}),
    MINUTES_OF_SERVICE.map(lambda mean: {"kind": "exponential", "mean_s": mean}),
    MINUTES_OF_SERVICE.map(lambda mean: {"kind": "gamma", "cv": 0.6, "mean_s": mean}),
)
WHOLE_OR_PART = st.sampled_from([0, 0, 1, 1, 2, 0.5, 1.6, 3])
BOOTHS = st.one_of(st.sampled_from([1, 2, 1.6]), st.lists(WHOLE_OR_PART, min_size=24, max_size=24))
DAY_HOURS = st.one_of(
    st.just("24h"),
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1)).map(
        lambda window: [
            {
                "opens": f"{window[0]:02d}:00",
                "closes": f"{window[0] + window[1]:02d}:00",
                "line_opens": f"{window[0] - window[2]:02d}:{30 if window[2] else 0:02d}",
            }
        ]
    ),
)


@st.composite
def crossings_of(draw_from: st.DrawFn, lane_types: Sequence[str]) -> Words:
    """Draw one mode's way through a port."""
    stages = [
        {"id": f"stage-{number}", "stations": draw_from(st.integers(1, 3)), "service": draw_from(SERVICES)}
        for number in range(draw_from(st.integers(0, 2)))
    ]
    lanes = {
        name: {
            "booths_open": draw_from(BOOTHS),
            "service": draw_from(SERVICES),
            "referral_share": {stage["id"]: draw_from(st.sampled_from([0, 0.3, 1])) for stage in stages},
            "toll_usd": draw_from(st.sampled_from([0, 3])),
        }
        for name in lane_types
    }
    return {
        "hours": draw_from(DAY_HOURS),
        "lane_positions": draw_from(st.sampled_from([4, 12])),
        "lane_types": lanes,
        "stages": stages,
    }


@st.composite
def borders(draw_from: st.DrawFn) -> Network:
    """Draw a small border: one to three ports, vehicles and trucks, choice or not, patience or not."""
    names = ["east", "north", "west"][: draw_from(st.integers(1, 3))]
    classes = {
        "car": {"mode": "vehicle", "lane_types": ["ready", "general"]},
        "freight": {"mode": "truck", "lane_types": ["standard"]},
    }
    ports = []
    for number, name in enumerate(names):
        modes = {"vehicle": draw_from(crossings_of(["general", "ready"]))}
        if number == 0 or draw_from(st.booleans()):
            modes["truck"] = draw_from(crossings_of(["standard"]))
        ports.append({"id": name, "name": name.title(), "open": number == 0 or draw_from(st.booleans()), **modes})
    rate = st.integers(0, 10)
    segments = [
        flow(draw_from(rate), id="cars"),
        flow(draw_from(rate), names[-1], id="cars-sent"),
        flow(draw_from(rate), id="trucks", traveller_class="freight"),
    ]
    patience = draw_from(st.sampled_from([0, 2]))
    return network(
        ports,
        segments,
        classes=classes,
        patience_pct_per_min={"vehicle": patience, "truck": patience},
        day_factor={"cv": draw_from(st.sampled_from([0, 0.3]))},
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(border=borders(), seed=st.integers(0, 1_000), on_the_minute=st.booleans())
def test_no_border_breaks_an_invariant(simulate: Simulate, border: Network, seed: int, *, on_the_minute: bool) -> None:
    """Conservation, order, first come first served, Little's law, no idle booth beside a line: whatever the border."""
    model = build(border)
    drawn = draw(model, seed, 0)
    crossings = simulate(model, OnTheMinute(drawn) if on_the_minute else drawn)
    assert broken_invariants(crossings, model) == []
    event(f"lines served: {len(set(crossings.line[crossings.start != NONE].tolist()))}")


def test_two_who_join_a_later_line_at_one_tick_are_served_in_the_order_of_events(simulate: Simulate) -> None:
    """Services of a minute and decisions on the minute: ends of primary and of an earlier stage meet all the time."""
    stages = [{"id": name, "stations": 1, "service": lane(1)["service"]} for name in ("first", "second")]
    referred = lane(2, referral_share={"first": 0.5, "second": 0.5})
    model = build(network([port("east", {"general": referred}, stages=stages)], [flow(30, "east")]))
    crossings = simulate(model, OnTheMinute(draw(model, SEED, 0)))
    assert broken_invariants(crossings, model) == []
    came = np.where(crossings.stage_end[0] != NONE, crossings.stage_end[0], crossings.end)
    to_second = crossings.stage_start[1] != NONE
    assert to_second.sum() - len(np.unique(came[to_second])) > 100  # ties


@pytest.fixture(scope="module")
def busy_run(run_long: Run) -> tuple[PortModel, Crossings]:
    """Run a border with every kind of outcome, a later stage and a line that lasts."""
    model = build(rich_network(north=True))
    return model, run_long(model)


def tampered(crossings: Crossings, name: str, rows: object, value: object) -> Crossings:
    """Return crossings with some values of a column replaced."""
    column = getattr(crossings, name).copy()
    column[rows] = value
    return replace(crossings, **{name: column})


def a_waiting_pair(crossings: Crossings) -> tuple[int, int]:
    """Return two travellers in a row on one line who both waited."""
    rows = np.flatnonzero((crossings.line == 0) & (crossings.start > crossings.tick) & (crossings.depart != NONE))
    return int(rows[10]), int(rows[11])


def plant(fault: str, crossings: Crossings) -> Crossings:
    """Return crossings with one thing wrong."""
    first, second = a_waiting_pair(crossings)
    start, end, depart = (getattr(crossings, name) for name in ("start", "end", "depart"))
    later = crossings.opened.copy()
    later[0, 2] = 0
    lost = int(np.flatnonzero(crossings.outcome == LOST)[0])
    never_waited = crossings.stage_start[0] == end
    waited_again = crossings.stage_start[0] > end  # at the one later stage
    planted: Mapping[str, Crossings] = {
        "overtaking": tampered(crossings, "start", [first, second], [start[second] + 1, start[first]]),
        "served late": tampered(crossings, "start", [first], start[first] + 1),
        "served before joining": tampered(crossings, "start", [first], crossings.tick[first] - 1),
        "left before inspected": tampered(crossings, "depart", [first], end[first] - 1),
        "no service": tampered(crossings, "end", [first], start[first]),
        "lost but served": tampered(crossings, "start", [lost], crossings.tick[lost]),
        "lost but gone": tampered(crossings, "depart", [lost], crossings.tick[lost] + 1),
        "never left": tampered(crossings, "depart", [first], NONE),
        "inside but gone": tampered(crossings, "outcome", [first], INSIDE),
        "joined no line": tampered(crossings, "line", [first], NONE),
        "another line": tampered(crossings, "line", [first], 2),
        "decided out of order": tampered(crossings, "tick", [first], crossings.tick[first] - clock.DAY),
        "area": tampered(crossings, "queue_area", [0], crossings.queue_area[0] + 1),
        "booths never open": replace(crossings, opened=later),
        "a visit forgotten": tampered(crossings, "stage_start", (0, np.flatnonzero(waited_again)[5]), NONE),
        "half a visit forgotten": tampered(crossings, "stage_start", (0, np.flatnonzero(never_waited)[5]), NONE),
        "a visit that ends first": tampered(crossings, "stage_end", (0, np.flatnonzero(never_waited)[5]), 1),
        "left late": tampered(crossings, "depart", [first], depart[first] + 1),
        "a longer service": tampered(crossings, "end", [first], end[first] + 10 * clock.HOUR),
    }
    assert (depart[first] > start[first]).all()
    return planted[fault]


@pytest.mark.parametrize(
    "fault",
    [
        "overtaking",
        "served late",
        "served before joining",
        "left before inspected",
        "no service",
        "lost but served",
        "lost but gone",
        "never left",
        "inside but gone",
        "joined no line",
        "another line",
        "decided out of order",
        "area",
        "booths never open",
        "a visit forgotten",
        "half a visit forgotten",
        "a visit that ends first",
        "left late",
        "a longer service",
    ],
)
def test_a_planted_fault_is_found(busy_run: tuple[PortModel, Crossings], fault: str) -> None:
    """The invariants are not empty words: each fault in one traveller's row is noticed."""
    model, crossings = busy_run
    assert broken_invariants(plant(fault, crossings), model) != []
