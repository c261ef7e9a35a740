"""A network becomes whole numbers: booths by slot, gates, capacities, tolls, and who may use what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portsim.border import model
from portsim.border.model import ONE, Line, PortModel, Segment, Timetable, spread_over_slots
from portsim.clock import HOUR, HOURS_PER_WEEK, MINUTE, SLOT, SLOTS_PER_HOUR, SLOTS_PER_WEEK
from portsim.errors import PortsimError
from portsim.language.schema import Network, ScaleDemand

# --- a small network ---------------------------------------------------------------------------


def lane(booths: Any = 3, mean_s: Any = 90, **more: Any) -> dict[str, Any]:
    return {"booths_open": booths, "service": {"kind": "deterministic", "mean_s": mean_s}, **more}


def observed(per_hour: float = 60, wait_min: float = 0, **more: Any) -> dict[str, Any]:
    return {"per_hour": per_hour, "wait_min": wait_min, "origins": {"town": 1}, **more}


def crossing(positions: float = 10, stages: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    lanes = {name: more.pop(name) for name in ("general", "ready") if name in more}
    return {"lane_positions": positions, "lane_types": lanes, "stages": stages or [], **more}


def port(port_id: str = "east", **more: Any) -> dict[str, Any]:
    return {"id": port_id, "name": port_id.title(), **more}


def network(*ports: dict[str, Any], **more: Any) -> Network:
    """Return a network of ports that one town reaches in ten minutes."""
    access = {one["id"]: 10 for one in ports}
    return Network.model_validate(
        {
            "network": "small",
            "about": "for tests",
            "classes": {"local": {"mode": "vehicle", "lane_types": ["ready", "general"]}},
            "catchments": [{"id": "town", "name": "Town", "cluster": "valley", "access_min": access}],
            "ports": ports,
            "segments": [
                {"id": "drivers", "catchment": "town", "traveller_class": "local", "per_hour": 30},
            ],
            **more,
        }
    )


def only_line(lane_type: dict[str, Any], month: int | None = None, **more: Any) -> Line:
    crossing_more = {name: more.pop(name) for name in ("positions", "hours", "stages") if name in more}
    ports = port(vehicle=crossing(general=lane_type, **crossing_more))
    return model.build(network(ports, **more), month=month).lines[0]


def by_slot(timetable: Timetable, column: str = "booths") -> np.ndarray:
    """Return the timetable at each slot of the week."""
    step = np.searchsorted(timetable.tick, np.arange(SLOTS_PER_WEEK) * SLOT, side="right") - 1
    return getattr(timetable, column)[step]


def of_hour(slots: np.ndarray, hour: int) -> list[int]:
    return slots[hour * SLOTS_PER_HOUR : (hour + 1) * SLOTS_PER_HOUR].tolist()


# --- fractions of a booth ----------------------------------------------------------------------


def hours(*first: float, rest: float = 0) -> np.ndarray:
    return np.array([*first, *[rest] * (HOURS_PER_WEEK - len(first))])


def test_a_fraction_is_open_in_the_first_slots_of_the_hour_and_the_rest_is_carried() -> None:
    """4.6 is 5 booths for 7 slots of 12, then 4; the 0.2 slots left make an eighth slot every fifth hour."""
    slots = spread_over_slots([hours(rest=4.6)], 10)[0]
    assert of_hour(slots, 0) == [5] * 7 + [4] * 5
    extra = [of_hour(slots, hour).count(5) for hour in range(15)]
    assert extra == [7, 7, 7, 7, 8] * 3


def test_whole_booths_and_closed_hours_are_left_as_they_are() -> None:
    """Three is three, and none is none."""
    slots = spread_over_slots([hours(3, 0, 3)], 10)[0]
    assert [set(of_hour(slots, hour)) for hour in range(4)] == [{3}, {0}, {3}, {0}]


def test_lines_that_share_lanes_take_turns() -> None:
    """Two and a half each of five lanes: one has the lane first, the other when it is free."""
    first, second = spread_over_slots([hours(rest=2.5), hours(rest=2.5)], 5)
    assert of_hour(first, 0) == [3] * 6 + [2] * 6
    assert of_hour(second, 0) == [2] * 6 + [3] * 6


MEANS = st.lists(st.lists(st.floats(0, 4), min_size=24, max_size=24), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(MEANS)
def test_booths_by_slot_keep_lanes_and_lane_hours(days: list[list[float]]) -> None:
    """Where lanes suffice, all are found, never more than built, nor further than one booth from the mean."""
    means = [np.tile(day, 7) for day in days]
    positions = int(np.ceil(np.sum(means, axis=0).max()))
    opened = spread_over_slots(means, positions)
    assert np.sum(opened, axis=0).max(initial=0) <= positions
    for mean, slots in zip(means, opened, strict=True):
        by_hour = slots.reshape(HOURS_PER_WEEK, SLOTS_PER_HOUR)
        assert np.all(by_hour >= np.floor(mean)[:, None])
        assert np.all(by_hour <= np.ceil(mean)[:, None])
    alone = spread_over_slots(means[:1], positions)[0]
    assert alone.sum() / SLOTS_PER_HOUR == pytest.approx(means[0].sum(), abs=2 / SLOTS_PER_HOUR)


# --- timetables and gates ----------------------------------------------------------------------

DAYTIME = [{"days": "mon-fri", "opens": "06:00", "closes": "22:00", "line_opens": "04:30"}]


def test_booths_keep_opening_hours_and_the_gate_opens_with_the_line() -> None:
    """Tecate's manner: the line forms ninety minutes before booths open; weekends are closed."""
    line = only_line(lane(), hours=DAYTIME)
    booths = by_slot(line.timetable)
    assert [int(booths[hour * SLOTS_PER_HOUR]) for hour in (5, 6, 21, 22, 5 * 24 + 12)] == [0, 3, 3, 0, 0]
    day = [(24 * day, is_open) for day in range(5) for is_open in (True, False)]
    opened = [(start + 4.5 if is_open else start + 22) for start, is_open in day]
    assert (line.gate_tick / HOUR).tolist() == [0, *opened]
    assert line.gate_open.tolist() == [0, *[1, 0] * 5]


def test_the_last_hours_booths_clear_the_line_while_the_gate_is_shut() -> None:
    """Two in the last hour clear; before the opening of Monday, it is Friday's line that would be cleared."""
    booths = {"days": {"mon-thu": {"06:00": 3, "20:00": 2}, "fri-sun": {"06:00": 4}}}
    clearing = by_slot(only_line(lane(booths), hours=DAYTIME).timetable, "clearing")
    at_hour = {hour: int(clearing[hour * SLOTS_PER_HOUR]) for hour in (0, 4, 5, 12, 22, 24 + 23, 4 * 24 + 22)}
    assert at_hour == {0: 4, 4: 4, 5: 0, 12: 0, 22: 2, 24 + 23: 2, 4 * 24 + 22: 4}


def test_less_than_half_a_booth_clears_with_one() -> None:
    """A line is never left to nobody."""
    line = only_line(lane({"06:00": 3, "20:00": 0.4}), hours=DAYTIME)
    assert by_slot(line.timetable, "clearing")[23 * SLOTS_PER_HOUR] == 1


def test_booths_that_rest_beside_an_open_gate_clear_nothing() -> None:
    """A pause is no closing: the line waits."""
    line = only_line(lane({"06:00": 3, "12:00": 0, "13:00": 3}))
    assert by_slot(line.timetable)[12 * SLOTS_PER_HOUR] == 0
    assert not line.timetable.clearing.any()
    assert (line.gate_tick.tolist(), line.gate_open.tolist()) == ([0], [1])


def test_a_lane_type_may_keep_its_own_hours() -> None:
    """They stand in for the crossing's."""
    own = [{"opens": "08:00", "closes": "10:00"}]
    booths = by_slot(only_line(lane(hours=own), hours=DAYTIME).timetable).reshape(7, 24, -1)
    assert np.array_equal(np.flatnonzero(booths[6, :, 0]), [8, 9])


def test_the_stations_of_a_stage_follow_their_series() -> None:
    """One and a half is two for half the hour, all lanes' travellers together."""
    stage = {"id": "secondary", "stations": 1.5, "service": {"kind": "exponential", "mean_s": 600}}
    built = model.build(network(port(vehicle=crossing(general=lane(), stages=[stage]))))
    assert of_hour(by_slot(built.later[0].timetable), 0) == [2] * 6 + [1] * 6
    assert set(built.later[0].mean_service[0].tolist()) == {10 * MINUTE}


# --- capacity ----------------------------------------------------------------------------------


def test_capacity_is_booths_over_mean_service() -> None:
    """Three booths of ninety seconds serve 120 an hour; four and a half, 180."""
    assert set(only_line(lane(3, 90)).capacity.tolist()) == {120_000}
    assert set(only_line(lane(4.5, 90)).capacity.tolist()) == {180_000}


def test_capacity_follows_the_hours_of_booths_and_of_service() -> None:
    """Both may change through the week; where no booth works there is none."""
    line = only_line(lane({"06:00": 3, "12:00": 1, "18:00": 0}, {"00:00": 90, "08:00": 60}))
    assert line.capacity[[5, 6, 8, 12, 18]].tolist() == [0, 120_000, 180_000, 60_000, 0]


TWO_CLASSES = {
    "local": {"mode": "vehicle", "lane_types": ["ready", "general"]},
    "visitor": {"mode": "vehicle", "lane_types": ["general"]},
    "freight": {"mode": "truck", "lane_types": ["general"]},
}


def test_capacity_is_for_the_observed_mix_of_classes() -> None:
    """Four fifths at 45 seconds and one at 60 are 48: five booths serve 375."""
    watched = observed(classes={"local": 0.8, "visitor": 0.2})
    line = only_line(lane(5, {"local": 45, "visitor": 60}, observed=watched), classes=TWO_CLASSES, segments=[])
    assert set(line.capacity.tolist()) == {375_000}
    assert line.mean_service[:, 0].tolist() == [45_000, 60_000, 0]


def test_a_new_ports_mix_is_that_of_its_kind_of_line() -> None:
    """North has no history: its travellers are taken to be like those of East's general line."""
    watched = observed(classes={"local": 0.8, "visitor": 0.2})
    means = {"local": 45, "visitor": 60}
    built = model.build(
        network(
            port(vehicle=crossing(general=lane(5, means, observed=watched))),
            port("north", vehicle=crossing(general=lane(10, means))),
            classes=TWO_CLASSES,
        )
    )
    assert built.lines[1].capacity[0] == 750_000


def test_a_lane_type_that_nobody_may_use_is_refused() -> None:
    """Its capacity would be a number about nobody."""
    with pytest.raises(PortsimError, match="no traveller class of mode vehicle uses lane type general"):
        only_line(lane(), classes={"freight": TWO_CLASSES["freight"]}, segments=[])


def test_not_more_than_the_built_booths_open() -> None:
    """A line is held to its own booths, or to the crossing's lanes."""
    assert set(by_slot(only_line(lane(6, booths_built=4)).timetable)) == {4}
    assert set(by_slot(only_line(lane(6), positions=5).timetable)) == {5}


def test_a_crossing_without_lanes_has_no_booths() -> None:
    """Nothing is built, so nothing opens, and nobody can be served."""
    line = only_line(lane(3), positions=0)
    assert not line.timetable.booths.any()
    assert not line.capacity.any()


# --- months and demand -------------------------------------------------------------------------

FACTORS = {"vehicle": [0.5, 1.2, *[1.0] * 10]}


def test_a_months_factor_scales_demand_and_booths_together() -> None:
    """January has half of both, and the year's mean has all."""
    net = network(port(vehicle=crossing(general=lane(4))), month_factors=FACTORS)
    january, year = model.build(net, month=1), model.build(net)
    assert (set(january.segments[0].factor), set(year.segments[0].factor)) == ({0.5}, {1.0})
    assert (january.lines[0].capacity[0], year.lines[0].capacity[0]) == (80_000, 160_000)


def test_a_busy_month_opens_no_more_lanes_than_are_built() -> None:
    """February wants six and six of ten lanes: both lines get five, and capacity says so."""
    net = network(port(vehicle=crossing(10, general=lane(5), ready=lane(5))), month_factors=FACTORS, segments=[])
    lines = model.build(net, month=2).lines
    assert [set(by_slot(line.timetable).tolist()) for line in lines] == [{5}, {5}]
    assert [line.capacity[0] for line in lines] == [200_000, 200_000]


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({}, 1.5),
        ({"modes": ["vehicle"]}, 1.5),
        ({"modes": ["truck"]}, 1.0),
        ({"catchments": ["town"]}, 1.5),
        ({"catchments": ["hills"]}, 1.0),
        ({"classes": ["local"]}, 1.5),
        ({"classes": ["visitor"]}, 1.0),
        ({"modes": ["vehicle"], "catchments": ["hills"]}, 1.0),
    ],
)
def test_scaled_demand_concerns_only_whom_it_names(change: dict[str, Any], factor: float) -> None:
    """What is not named is everybody; what is named must all hold."""
    scale = ScaleDemand.model_validate({"action": "scale_demand", "factor": 1.5, **change})
    built = model.build(network(port(vehicle=crossing(general=lane()))), [scale])
    assert set(built.segments[0].factor) == {factor}


def test_scaled_demand_multiplies() -> None:
    """Twice a half more is 2.25."""
    scale = ScaleDemand(action="scale_demand", factor=1.5)
    built = model.build(network(port(vehicle=crossing(general=lane()))), [scale, scale])
    assert set(built.segments[0].factor) == {2.25}


# --- alternatives ------------------------------------------------------------------------------


def options(built: PortModel) -> list[tuple[str, tuple[str, ...]]]:
    """Return the first segment's ports, with their lane types in order."""
    return [
        (built.ports[a.port], tuple(built.lines[line].lane_type for line in a.lines))
        for a in built.segments[0].alternatives
    ]


def test_lines_stand_in_the_classs_order_of_preference() -> None:
    """Ready before general, whatever the order of the file; a port has what it has."""
    built = model.build(
        network(
            port(vehicle=crossing(general=lane(), ready=lane())),
            port("west", vehicle=crossing(general=lane())),
        )
    )
    assert options(built) == [("east", ("ready", "general")), ("west", ("general",))]


def test_closed_ports_and_other_modes_are_no_alternatives() -> None:
    """Who drives has no use for a truck port, nor for one that is shut."""
    built = model.build(
        network(
            port(vehicle=crossing(general=lane()), open=False),
            port("west", vehicle=crossing(general=lane())),
            port("docks", truck=crossing(general=lane())),
            classes=TWO_CLASSES,
        )
    )
    assert options(built) == [("west", ("general",))]
    assert [line.name for line in built.lines] == ["west/vehicle/general", "docks/truck/general"]


def test_a_segment_with_a_port_has_no_other() -> None:
    """A named port is not a preference."""
    ports = [port(name, vehicle=crossing(general=lane())) for name in ("east", "west")]
    segment = {"id": "s", "catchment": "town", "traveller_class": "local", "per_hour": 1, "port": "west"}
    assert options(model.build(network(*ports, segments=[segment]))) == [("west", ("general",))]


def test_ports_out_of_reach_are_no_alternatives() -> None:
    """A catchment's access says where it can go, and what that costs: 0.4 minutes of wait a minute."""
    ports = [port(name, vehicle=crossing(general=lane())) for name in ("east", "west")]
    town = {"id": "town", "name": "Town", "cluster": "valley", "access_min": {"west": 25}}
    built = model.build(network(*ports, catchments=[town]))
    assert options(built) == [("west", ("general",))]
    assert set(built.segments[0].alternatives[0].cost.tolist()) == {10 * MINUTE}


def test_a_toll_is_the_time_it_is_worth() -> None:
    """Two dollars at $9.36 an hour are 12.8 minutes, on the lane type that charges them."""
    classes = {"local": {**TWO_CLASSES["local"], "value_of_time_usd_per_hour": 9.36}}
    built = model.build(network(port(vehicle=crossing(ready=lane(), general=lane(toll_usd=2))), classes=classes))
    free, tolled = built.segments[0].alternatives[0].toll
    assert not free.any()
    assert set(tolled) == {round(2 / 9.36 * HOUR)}
    assert tolled[0] / MINUTE == pytest.approx(12.8, abs=0.05)


def test_a_new_port_takes_its_donors_constants() -> None:
    """East is liked less than West; North, like East, costs what East costs."""
    ports = [
        port("east", vehicle=crossing(general=lane(observed=observed(20)))),
        port("west", vehicle=crossing(general=lane(observed=observed(80)))),
        port("north", constants_from="east", vehicle=crossing(general=lane())),
        port("south", vehicle=crossing(general=lane())),
    ]
    built = model.build(network(*ports, segments=[]))
    east, west, north, south = (a.cost for a in built.segments[0].alternatives)
    assert np.array_equal(east, north)
    assert (east - west) / MINUTE == pytest.approx(np.full(HOURS_PER_WEEK, 16 * np.log(4)), abs=1e-4)
    assert set(south.tolist()) == {4 * MINUTE}


def test_patience_is_the_mean_of_the_semi_elasticity() -> None:
    """0.28% a minute is a mean of 357 minutes; none is no limit, which 0 stands for."""
    east = port(vehicle=crossing(general=lane()))
    patient = model.build(network(east, patience_pct_per_min={"vehicle": 0.28}))
    assert patient.segments[0].patience / MINUTE == pytest.approx(357.14, abs=0.01)
    assert model.build(network(east)).segments[0].patience == 0


# --- referrals, shapes, those who stand in line at the start -----------------------------------


def test_referrals_follow_the_order_of_the_stages() -> None:
    """Whatever the order of the shares, stages come as the crossing has them, at fixed-point shares."""
    service = {"kind": "exponential", "mean_s": 600}
    stages = [{"id": name, "stations": 2, "service": service} for name in ("secondary", "scales")]
    general = lane(referral_share={"scales": 0.25, "secondary": 0.5})
    built = model.build(network(port(vehicle=crossing(general=general, stages=stages))))
    assert [(r.station, r.stage, r.share) for r in built.lines[0].referrals] == [
        (0, 0, ONE // 2),
        (1, 1, ONE // 4),
    ]
    assert built.stages == 2


def test_lines_of_one_shape_share_its_multipliers() -> None:
    """A traveller's factor is the same at both ports: it is the traveller's, not the booth's."""
    gamma = {"service": {"mean_s": 50, "cv": 0.6}}
    built = model.build(
        network(
            port(vehicle=crossing(general=lane() | gamma)),
            port("west", vehicle=crossing(general=lane() | gamma, ready=lane())),
        )
    )
    assert [line.multiplier for line in built.lines] == [0, 0, 1]
    assert [(stage, shape.name) for stage, shape in built.multipliers] == [
        (0, "gamma-0.6"),
        (0, "deterministic-0"),
    ]


def test_those_who_stand_in_line_at_the_start_are_a_waits_worth() -> None:
    """Twenty minutes at 120 an hour are forty, by class, without choice and without limit to patience."""
    watched = observed(wait_min=20, classes={"local": 0.75, "visitor": 0.25})
    built = model.build(
        network(port(vehicle=crossing(general=lane(observed=watched))), classes=TWO_CLASSES, segments=[])
    )
    standing = [segment for segment in built.segments if segment.initial]
    assert [(s.traveller_class, s.initial, s.patience) for s in standing] == [(0, 30, 0), (1, 10, 0)]
    assert {line for s in standing for a in s.alternatives for line in a.lines} == {0}


def test_nobody_stands_before_a_shut_gate() -> None:
    """A port that is closed on Monday at midnight starts without a line."""
    watched = lane(observed=observed(wait_min=20))
    built = model.build(network(port(vehicle=crossing(general=watched, hours=DAYTIME)), segments=[]))
    assert not any(segment.initial for segment in built.segments)


def test_segments_that_would_share_random_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are hashed; two that meet would be twins."""
    monkeypatch.setattr(Segment, "stream", property(lambda _: 1))
    two = [{"id": s, "catchment": "town", "traveller_class": "local", "per_hour": 1} for s in ("a", "b")]
    with pytest.raises(PortsimError, match="share a random stream"):
        model.build(network(port(vehicle=crossing(general=lane())), segments=two))


def test_the_run_and_the_choice_become_ticks() -> None:
    """Intervals and scales are told in minutes, and kept in ticks."""
    net = network(
        port(vehicle=crossing(general=lane())),
        choice={"information_interval_min": 20, "taste_scale_min": 12, "wait_weight": 1.5},
        day_factor={"cv": 0.05, "lag1_correlation": 0.5},
    )
    built = model.build(net, weeks=3, warm_up_weeks=2)
    assert (built.information_interval, built.taste_scale, built.wait_weight) == (1_200_000, 720_000, 1_500)
    assert (built.horizon, built.day_factor_cv, built.day_factor_lag1) == (5 * 168 * HOUR, 0.05, 0.5)


def test_demand_beyond_all_layers_is_refused_before_a_run() -> None:
    """Two tenfold growths are a hundred."""
    tenfold = ScaleDemand(action="scale_demand", factor=10)
    with pytest.raises(PortsimError, match="scaled 100 times"):
        model.build(network(port(vehicle=crossing(general=lane()))), (tenfold, tenfold))
