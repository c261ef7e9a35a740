"""Laws every run obeys, whatever its numbers: what must not change, what may only fall, what must balance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from portsim import clock, experiment, scenario
from portsim.engines import reference
from portsim.measures import HOURLY_METRICS, SUMMARY_METRICS, Measures
from portsim.model import PortModel, build
from portsim.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, Crossings, broken_invariants
from portsim.schema import Network, ScaleDemand
from portsim.theory import equilibrium_wait_change_min, kiefer_wolfowitz
from portsim.workload import WeekBlock, Workload, draw

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = dict[str, Any]

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
    general = {"booths_open": 2, "service": {**SPREAD, "mean_s": 50}, "referral_share": {"secondary": 0.2}}
    observed = {"per_hour": 120, "wait_min": 12, "origins": {"town": 1}}
    new = {"booths_open": 1, "service": {"kind": "exponential", "mean_s": 40}, "toll_usd": 1}
    return network(
        [
            port("east", {"general": {**general, "observed": observed}}, stages=[SECONDARY]),
            port("north", {"general": new}, open=north, constants_from="east"),
            port("west", {"general": {**general, "observed": observed}}, stages=[SECONDARY]),
        ],
        [flow(10, "west", id="sent")],
        patience_pct_per_min={"vehicle": 0.28},
        day_factor={"cv": day_cv, "lag1_correlation": 0.5},
    )


def run(model: PortModel, seed: int = SEED, replication: int = 0) -> Crossings:
    """Simulate one replication, and see that it kept every invariant."""
    crossings = reference.simulate(model, draw(model, seed, replication))
    assert broken_invariants(crossings, model) == []
    return crossings


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
def test_an_added_booth_never_makes_anyone_later(booths: list[int], more: set[int], per_hour: int, seed: int) -> None:
    """One line, fixed choice, the same services: every start is as early or earlier, whatever the timetable."""
    after = [count + (hour in more) for hour, count in enumerate(booths)]
    words = {"service": {**SPREAD, "mean_s": 900}}
    base, option = (run(build(one_line(b, per_hour, **words)), seed) for b in (booths, after))
    assert (base.key == option.key).all()
    served = base.start != NONE
    assert (option.start[served] != NONE).all()
    assert (option.start[served] <= base.start[served]).all()
    event("someone starts earlier" if (option.start[served] < base.start[served]).any() else "nobody does")


def test_an_added_booth_helps_on_a_busy_day() -> None:
    """The law is not empty: where the line is long, most start earlier."""
    words = {"service": {**SPREAD, "mean_s": 60}}
    base, option = (run(build(one_line(booths, 120, **words))) for booths in (2, 3))
    assert (option.start <= base.start).all()
    assert np.mean(option.start < base.start) > 0.9


def test_a_line_before_constant_booths_is_kiefer_and_wolfowitz() -> None:
    """Starts are those of the recursion of 1955, tick by tick."""
    model = build(one_line(3, 150, service={**SPREAD, "mean_s": 70}))
    block, crossings = travellers(model), run(model)
    services = np.maximum(1, (70 * clock.SECOND * block.multiplier[0]) >> 20)
    assert (crossings.start == kiefer_wolfowitz(block.tick, services, 3)).all()
    assert (crossings.end - crossings.start == services).all()


def test_four_and_a_half_booths_and_a_tenth_serve_as_many_as_they_should() -> None:
    """A saturated line before 4.6 booths of one vehicle a minute: 6,624 a day, but for a slot carried over."""
    crossings = run(build(one_line(4.6, 330)))
    by_day = np.bincount(crossings.end[crossings.end != NONE] // clock.DAY)[1:7]  # Monday begins empty
    one_slot = clock.SLOT_MIN
    assert np.abs(by_day - 4.6 * 24 * 60).max() <= one_slot


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


def test_demand_scaled_for_one_class_leaves_the_others_alone() -> None:
    """A change that names a catchment elsewhere changes no draw here."""
    base = rich_network(north=False)
    hills = {"id": "hills", "name": "Hills", "cluster": "valley", "access_min": {"west": 20}}
    two = base.model_copy(
        update={
            "catchments": (*base.catchments, type(base.catchments[0]).model_validate(hills)),
            "segments": (
                *base.segments,
                type(base.segments[0]).model_validate(flow(30, id="hill-people", catchment="hills")),
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
                type(base.segments[0]).model_validate(flow(25, "east", id="first")),
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

ROW_COLUMNS = ("key", "tick", "segment", "line", "start", "end", "depart", "outcome")


def test_week_one_is_the_same_in_one_week_and_in_three() -> None:
    """Whoever has left by the end of week one left then in the longer run too; whoever decided decided so."""
    short, long = (run(build(rich_network(north=True, day_cv=0.1), weeks=weeks)) for weeks in (1, 3))
    decided = len(short)
    assert (long.tick[decided:] >= clock.WEEK).all()
    left = (short.depart != NONE) & (short.depart < clock.WEEK)
    assert left.sum() > 0.9 * decided
    for name in ROW_COLUMNS:
        of_long = getattr(long, name)[:decided]
        rows = slice(None) if name in {"key", "tick", "segment", "line"} else left
        assert (getattr(short, name)[rows] == of_long[rows]).all(), name
    assert (short.stage_start[:, left] == long.stage_start[:, :decided][:, left]).all()
    assert (short.outcome == LOST).sum() > 0
    assert ((short.outcome == LOST) == (long.outcome[:decided] == LOST)).all()
    assert (short.posted == long.posted[: len(short.posted)]).all()


def same(one: Measures, other: Measures) -> bool:
    """Say whether two measures are the same to the last bit."""
    return (
        one.groups == other.groups
        and one.lines == other.lines
        and one.summary.tobytes() == other.summary.tobytes()
        and one.hourly.tobytes() == other.hourly.tobytes()
        and all(
            getattr(one.trucks, name).tobytes() == getattr(other.trucks, name).tobytes()
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
def test_twin_ports_stay_within_ten_minutes_of_each_other() -> None:
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
    crossings = run(build(border, weeks=3))
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
    for ratio in (1.0, 0.97, 1.03):
        border = one_line(4, 1.15 * 240, patience=BETA_PCT, mean_s=60 / ratio)
        model = build(border, weeks=2, warm_up_weeks=1)
        runs[ratio] = np.array(
            [experiment.replicate(model, SEED, number).summary[0, SUMMARY_WAIT] for number in range(6)]
        )
    for ratio in (0.97, 1.03):
        moved = runs[ratio] - runs[1.0]
        error = moved.std(ddof=1) / math.sqrt(len(moved))
        exact = equilibrium_wait_change_min(ratio, BETA_PCT / 100)
        print(f"r {ratio}: exact {exact:.3f}, simulated {moved.mean():.3f}, SE {error:.3f}")
        assert error < 0.05 * abs(exact)
        assert abs(moved.mean() - exact) < ERRORS_APART * error
