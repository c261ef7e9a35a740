"""Changes of demand keep the travellers of the base: who is shifted, smoothed or joined by others is who they were."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from portsim import clock
from portsim.border.model import PortModel, build
from portsim.border.workload import WeekBlock, draw
from portsim.language.schema import DemandChange, Network

CHANGE: TypeAdapter[Any] = TypeAdapter(DemandChange)
SEED = 2028
FOUR_SIGMA = 4


def lane(**more: object) -> dict[str, object]:
    return {"booths_open": 2, "service": {"mean_s": 60, "cv": 0.6}, **more}


def seen(per_hour: object, **origins: float) -> dict[str, object]:
    return {"per_hour": per_hour, "wait_min": 10, "origins": origins}


STAGES = [{"id": "secondary", "stations": 2, "service": {"kind": "exponential", "mean_s": 600}}]
REFERRED = {"secondary": 0.2}
WORDS: dict[str, Any] = {
    "network": "choices",
    "about": "Three classes; east has lanes for all, west none for the pass.",
    "classes": {
        "plain": {"mode": "vehicle", "lane_types": ["general"]},
        "card": {"mode": "vehicle", "lane_types": ["ready"]},
        "pass": {"mode": "vehicle", "lane_types": ["fast"]},
        "freight": {"mode": "truck", "lane_types": ["standard"]},
    },
    "catchments": [
        {"id": "town", "name": "Town", "cluster": "valley", "access_min": {"east": 5, "west": 5}},
        {"id": "farm", "name": "Farm", "cluster": "valley", "access_min": {"east": 9, "west": 4}},
        {"id": "lake", "name": "Lake", "cluster": "valley", "access_min": {"west": 4}},
    ],
    "patience_pct_per_min": {"vehicle": 0.28},
    "day_factor": {"cv": 0.2, "lag1_correlation": 0.5},
    "month_factors": {"vehicle": [1.1] * 12},
    "segments": [{"id": "daily-freight", "catchment": "town", "traveller_class": "freight", "per_hour": 3}],
    "ports": [
        {
            "id": "east",
            "name": "East",
            "vehicle": {
                "lane_positions": 20,
                "lane_types": {
                    "general": lane(referral_share=REFERRED, observed=seen(4, town=1)),
                    "ready": lane(
                        referral_share=REFERRED, observed=seen({"06:00": 10, "22:00": 0}, town=0.5, farm=0.5)
                    ),
                    "fast": lane(observed=seen(4, town=1)),
                },
                "stages": STAGES,
            },
            "truck": {"lane_positions": 4, "lane_types": {"standard": lane()}},
        },
        {
            "id": "west",
            "name": "West",
            "vehicle": {
                "lane_positions": 20,
                "lane_types": {
                    "general": lane(observed=seen(4, town=0.5, lake=0.5)),
                    "ready": lane(observed=seen({"06:00": 6, "22:00": 0}, town=0.5, lake=0.5)),
                },
            },
        },
    ],
}
NETWORK = Network.model_validate(WORDS)


def of(*changes: dict[str, object], network: Network = NETWORK, **more: Any) -> PortModel:
    """Build the model after changes of demand."""
    return build(network, [CHANGE.validate_python(change) for change in changes], **more)


def week(model: PortModel, number: int = 0) -> WeekBlock:
    return list(draw(model, SEED, 0).weeks())[number]


class Traveller(NamedTuple):
    """One traveller as it was drawn, whatever scenario it is in."""

    tick: int
    patience: int
    tastes: dict[str, int]
    services: dict[tuple[int, object], int]
    referral: tuple[int, ...]
    traveller_class: str
    catchment: str


def travellers(model: PortModel, network: Network = NETWORK, number: int = 0) -> dict[int, Traveller]:
    """Return who comes in a week, by key; tastes by port, service by stage and shape. No key may come twice.

    Those who stand in line at the start are left out: no change of demand is of them.
    """
    block, names = week(model, number), list(network.classes)
    found: dict[int, Traveller] = {}
    for row, key in enumerate(block.key.tolist()):
        segment = model.segments[block.segment[row]]
        if segment.initial:
            continue
        assert key not in found, "one traveller comes twice"
        found[key] = Traveller(
            int(block.tick[row]),
            int(block.patience[row]),
            {model.ports[a.port]: int(block.taste[place, row]) for place, a in enumerate(segment.alternatives)},
            {
                kind: int(block.multiplier[place, row])
                for place, kind in enumerate(model.multipliers)
                if block.multiplier[place, row]
            },
            tuple(block.referral[:, row].tolist()),
            names[segment.traveller_class],
            segment.catchment,
        )
    return found


def same_person(one: Traveller, other: Traveller) -> bool:
    """Say whether two are alike in all but class, and in what only one of their lanes asks for."""

    def agree(a: dict[Any, int], b: dict[Any, int]) -> bool:
        several = a if len(a) > 1 and len(b) > 1 else {}  # one port alone asks for no taste
        return all(value == b[key] for key, value in several.items() if key in b)

    return (
        (one.tick, one.patience, one.catchment) == (other.tick, other.patience, other.catchment)
        and agree(one.tastes, other.tastes)
        and all(value == other.services[kind] for kind, value in one.services.items() if kind in other.services)
        and all(a == b for a, b in zip(one.referral, other.referral, strict=True) if a and b)
    )


def classed(people: dict[int, Traveller], name: str) -> set[int]:
    return {key for key, person in people.items() if person.traveller_class == name}


def ticks(people: dict[int, Traveller]) -> npt.NDArray[np.int64]:
    return np.array([person.tick for person in people.values()], np.int64)


TO_PASS: dict[str, object] = {"action": "shift_classes", "from": "card", "to": "pass", "share": 0.3}
GROWTH: dict[str, object] = {"action": "scale_demand", "factor": 1.6}
SMOOTH: dict[str, object] = {"action": "smooth_arrivals", "share": 1, "from": "08:00", "to": "16:00"}
SURGE: dict[str, object] = {"action": "event", "kind": "surge", "factor": 2.5, "from": "fri 22:00", "to": "sat 03:00"}

# --- shifted to another class --------------------------------------------------------------------


@pytest.mark.parametrize(
    "others", [(), (GROWTH,), ({**GROWTH, "factor": 0.7},), (SURGE,)], ids=["alone", "grown", "less", "surge"]
)
@pytest.mark.parametrize("after", [False, True], ids=["first", "last"])
def test_shifted_travellers_are_the_same_travellers(others: tuple[dict[str, object], ...], *, after: bool) -> None:
    """Both parts together are the base, good and bad days, growth and months included; about the share moved."""
    changes = (*others, TO_PASS) if after else (TO_PASS, *others)
    base, shifted = (travellers(of(*made, month=3)) for made in (others, changes))
    assert shifted.keys() == base.keys()
    assert all(same_person(person, shifted[key]) for key, person in base.items())
    moved = {key for key in base if base[key].traveller_class != shifted[key].traveller_class}
    assert {base[key].traveller_class for key in moved} == {"card"}
    assert {shifted[key].traveller_class for key in moved} == {"pass"}
    reached = [key for key in classed(base, "card") if base[key].catchment != "lake"]
    share = len(moved) / len(reached)
    assert share == pytest.approx(0.3, abs=FOUR_SIGMA * math.sqrt(0.21 / len(reached)))


def test_who_has_no_lane_of_the_other_class_in_reach_stays() -> None:
    """West is all the lake reaches, and has no lane for the pass."""
    base, shifted = travellers(of()), travellers(of({**TO_PASS, "share": 1}))
    assert {base[key].catchment for key in classed(shifted, "card")} == {"lake"}
    assert classed(base, "pass") < classed(shifted, "pass")


def test_sent_to_a_port_they_stay_where_it_has_no_lane() -> None:
    """Under fixed choice a port's own lanes decide."""
    fixed = NETWORK.model_copy(update={"choice": NETWORK.choice.model_copy(update={"kind": "fixed"})})
    model = of({**TO_PASS, "share": 1}, network=fixed)
    cards = {s.name for s in model.segments if s.traveller_class == 1 and not s.initial}
    assert cards == {"town/card/west", "lake/card/west"}


def test_a_larger_share_moves_the_same_ones_and_more() -> None:
    """So options of 20 % and 50 % are compared on the same travellers."""
    few, many = (classed(travellers(of({**TO_PASS, "share": share})), "pass") for share in (0.2, 0.5))
    assert few < many


def test_a_shift_of_the_shifted_keeps_them_too() -> None:
    """From card to pass, then half of all with a pass to plain: nobody is lost, nobody comes twice."""
    base = travellers(of())
    twice = travellers(of(TO_PASS, {"action": "shift_classes", "from": "pass", "to": "plain", "share": 0.5}))
    assert twice.keys() == base.keys()
    assert all(same_person(person, twice[key]) for key, person in base.items())
    by_two = [key for key in classed(base, "card") if twice[key].traveller_class == "plain"]
    by_one = [key for key in classed(base, "card") if twice[key].traveller_class == "pass"]
    assert len(by_two) == pytest.approx(len(by_one), abs=FOUR_SIGMA * math.sqrt(len(by_one) + len(by_two)))
    back = travellers(of(TO_PASS, {"action": "shift_classes", "from": "pass", "to": "card", "share": 1}))
    assert {key for key in back if back[key].traveller_class == "pass"} == set()
    assert back.keys() == base.keys()


def test_a_shift_of_one_catchment_leaves_the_others() -> None:
    """Only the farm's."""
    base, shifted = travellers(of()), travellers(of({**TO_PASS, "catchments": ["farm"]}))
    moved = {key for key in base if base[key].traveller_class != shifted[key].traveller_class}
    assert {base[key].catchment for key in moved} == {"farm"}


@pytest.mark.parametrize("grown", ["pass", "card"])
@pytest.mark.parametrize("factor", [1.5, 0.6])
def test_growth_of_one_class_after_a_shift_keeps_everybody_in_their_class(grown: str, factor: float) -> None:
    """The part that grows adds travellers, and takes none of the other part's."""
    shifted = travellers(of(TO_PASS))
    after = travellers(of(TO_PASS, {"action": "scale_demand", "factor": factor, "classes": [grown]}))
    for key in shifted.keys() & after.keys():
        assert same_person(shifted[key], after[key])
        assert shifted[key].traveller_class == after[key].traveller_class
    changed = {(after.get(key) or shifted[key]).traveller_class for key in shifted.keys() ^ after.keys()}
    assert changed == {grown}
    smaller, larger = (shifted, after) if factor > 1 else (after, shifted)
    assert smaller.keys() < larger.keys()
    before, now = len(classed(shifted, grown)), len(classed(after, grown))
    assert now / before == pytest.approx(factor, abs=FOUR_SIGMA * factor / math.sqrt(before))


def test_growth_before_a_shift_is_of_the_class_they_had() -> None:
    """Changes are made in order: scaled as cards, then shifted; or shifted, then only the new passes scaled."""
    growth = {"action": "scale_demand", "factor": 1.5, "classes": ["pass"]}
    first, last = travellers(of(growth, TO_PASS)), travellers(of(TO_PASS, growth))
    assert len(classed(first, "pass")) < len(classed(last, "pass"))


def test_a_class_smoothed_after_a_shift_does_not_meet_its_other_part() -> None:
    """Ticks move, keys do not: still nobody comes twice, and nobody is missing."""
    base = travellers(of(GROWTH))
    after = travellers(of(GROWTH, TO_PASS, {**SMOOTH, "classes": ["pass"]}))
    assert after.keys() == base.keys()


# --- smoothed through the day --------------------------------------------------------------------


@pytest.mark.parametrize("growth", [(), (GROWTH,), (TO_PASS, GROWTH)], ids=["as they are", "grown", "shifted"])
def test_smoothing_keeps_each_traveller_and_each_days_total(growth: tuple[dict[str, object], ...]) -> None:
    """The same keys on the same day, in the same order; all between the two times, where all are smoothed."""
    before, after = (travellers(of(*made)) for made in (growth, (*growth, SMOOTH)))
    assert after.keys() == before.keys()
    for key, person in before.items():
        assert person.tick // clock.DAY == after[key].tick // clock.DAY
        assert person.patience == after[key].patience
    counts = [np.bincount(ticks(people) // clock.DAY, minlength=7).tolist() for people in (before, after)]
    assert counts[0] == counts[1]
    assert set((ticks(after) // clock.HOUR % 24).tolist()) == set(range(8, 16))


def test_half_smoothed_is_half_as_before_and_half_even() -> None:
    """Rates, slot by slot; the days not named stay."""
    base, smooth = of(), of({**SMOOTH, "share": 0.5, "days": "sat-mon", "classes": ["card"]})
    for one, other in zip(base.segments, smooth.segments, strict=True):
        before, after = (s.per_hour.reshape(7, clock.SLOTS_PER_DAY) for s in (one, other))
        if one.traveller_class != 1:
            assert np.array_equal(before, after)
            continue
        assert np.array_equal(before[1:5], after[1:5])
        even = np.zeros(clock.SLOTS_PER_DAY)
        even[8 * 12 : 16 * 12] = 1 / (8 * 12)
        for day in (0, 5, 6):
            assert np.allclose(after[day], 0.5 * before[day] + 0.5 * before[day].sum() * even)


def test_days_without_demand_stay_empty() -> None:
    """Nothing is spread over a Sunday on which nobody comes."""
    words = {**WORDS, "ports": [dict(port) for port in WORDS["ports"]]}
    weekdays = {"days": {"mon-fri": {"06:00": 9, "20:00": 0}, "sat-sun": 0}}
    words["segments"] = [{**WORDS["segments"][0], "per_hour": weekdays}]
    network = Network.model_validate(words)
    model = of({**SMOOTH, "from": "20:00", "to": "24:00"}, network=network)
    [freight] = [segment for segment in model.segments if segment.name == "daily-freight"]
    days = freight.per_hour.reshape(7, clock.SLOTS_PER_DAY)
    assert np.isfinite(days).all()
    assert not days[5:].any()
    assert np.allclose(days[:5, 20 * 12 :], 9 * 14 / 4)


# --- surges --------------------------------------------------------------------------------------

SURGES = {
    "over midnight": ("fri 22:00", "sat 03:00", {4 * 24 + h for h in (22, 23, 24, 25, 26)}),
    "over the end of the week": ("sun 23:00", "mon 02:00", {0, 1, 167}),
    "to midnight": ("sun 22:00", "sun 24:00", {166, 167}),
}


@pytest.mark.parametrize("name", SURGES)
def test_a_surge_adds_travellers_inside_its_hours_and_keeps_the_base(name: str) -> None:
    """In every simulated week; those of the base stay as they are."""
    first, last, hours = SURGES[name]
    surge = {**SURGE, "from": first, "to": last, "modes": ["vehicle"]}
    for number in (0, 1):
        base, more = (travellers(of(*made, weeks=2), number=number) for made in ((), (surge,)))
        assert all(more[key] == person for key, person in base.items())
        added = [more[key] for key in more.keys() - base.keys()]
        assert added
        assert {person.tick // clock.HOUR % clock.HOURS_PER_WEEK for person in added} <= hours
        assert "freight" not in {person.traveller_class for person in added}
        inside = sum(person.tick // clock.HOUR % clock.HOURS_PER_WEEK in hours for person in base.values())
        assert len(added) == pytest.approx(1.5 * inside, abs=6 * math.sqrt(inside + 1))


def test_a_surge_of_zero_empties_its_hours() -> None:
    """A day on which nobody comes, such as a holiday."""
    base, holiday = (
        travellers(of(*made)) for made in ((), ({**SURGE, "factor": 0, "from": "thu 00:00", "to": "fri 00:00"},))
    )
    assert holiday == {key: person for key, person in base.items() if person.tick // clock.DAY != 3}


# --- their order ---------------------------------------------------------------------------------


def rates(model: PortModel) -> list[npt.NDArray[np.float64]]:
    return [segment.per_hour * segment.factor for segment in model.segments]


@pytest.mark.parametrize(
    ("one", "other"), [(GROWTH, SURGE), (GROWTH, SMOOTH), (SURGE, SMOOTH)], ids=["growth", "smooth", "surge"]
)
def test_growth_surges_and_smoothing_come_out_alike_in_any_order(
    one: dict[str, object], other: dict[str, object]
) -> None:
    """Smoothing moves those of the base; growth and surges multiply who then comes."""
    for before, after in zip(rates(of(one, other)), rates(of(other, one)), strict=True):
        assert np.allclose(before, after)


def test_two_smoothings_do_not() -> None:
    """The second spreads what the first left."""
    later = {**SMOOTH, "share": 0.5, "from": "16:00", "to": "20:00"}
    one, other = rates(of(SMOOTH, later)), rates(of(later, SMOOTH))
    assert not np.allclose(one[0], other[0])
