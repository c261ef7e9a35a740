"""Scenario -> PortModel: names become indices, times become ticks. The one definition that engines see.

Everything here is a whole number or an array of them; nothing is random and nothing is read from a file.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.border import demand_changes
from portsim.border.demand import Demand, Flow, class_shares, derive, lanes_of, patience_per_min
from portsim.border.policies import BoothRule, LineOfCrossing, TollRule, booth_rule, stacking_gain, toll_rule
from portsim.errors import PortsimError
from portsim.language.opening import gate_of, stopped, working_of
from portsim.language.schema import (
    MODES,
    Crossing,
    DemandChange,
    LaneType,
    Mode,
    Network,
    Observed,
    Port,
    Service,
    Stage,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FRACTION_BITS = 20  # multipliers and shares are fixed-point numbers: 2**20 is one
ONE = 1 << FRACTION_BITS
MILLI = 1_000  # capacities are in thousandths of a traveller an hour, weights in thousandths
NO_LIMIT = 1 << 62  # patience of travellers who never give up
MOST_GROWTH = 12  # demand beyond leaves no room for a good day among the layers the workload can tell apart
_ROUNDING = 1e-9  # what sums of fractions of booths may be off
CLEARING = -1  # the capacity of an hour with the gate shut: what is in line is cleared at the last rate
NEVER = -1  # a wait that no coming booth will end


@dataclass(frozen=True)
class Shape:
    """The spread of service times around their mean: what the workload draws mean-one multipliers from."""

    kind: str
    cv: float = 0.0
    clip: float = 0.0

    @property
    def name(self) -> str:
        """Name the shape, for streams: `gamma-0.6`."""
        return f"{self.kind}-{self.cv:g}" if not self.clip else f"{self.kind}-{self.clip:g}"


@dataclass(frozen=True)
class Timetable:
    """Booths open through the week.

    From `tick[i]` on, `booths[i]` are open. Where that is none and the gate is shut, `clearing[i]` stay open until
    the line is empty. `tick[0]` is 0.
    """

    tick: Ints
    booths: Ints
    clearing: Ints


@dataclass(frozen=True)
class Station:
    """A line and its booths: a lane type's at primary, or a later stage's shared by the crossing.

    `mean_service` has shape (classes, 168), ticks, by the hour in which service starts. `multiplier` says which
    row of the workload's multipliers its service times use.
    """

    name: str
    port: int
    mode: Mode
    timetable: Timetable
    mean_service: Ints
    multiplier: int


@dataclass(frozen=True)
class Referral:
    """After primary, `share` (fixed-point) of a line's travellers go to `station`; `stage` numbers the uniforms."""

    station: int
    stage: int
    share: int


@dataclass(frozen=True)
class Line(Station):
    """A lane type's line at primary, with its gate and what a traveller can know of it.

    `gate_tick`, `gate_open`: when the line may be joined. `capacity`, shape (168,): thousandths of a traveller an
    hour, from hourly mean booths and mean service; CLEARING where no booth is meant to open and the gate is shut.
    `people`: carried by one crossing. `stacked`: two booths a lane; `timetable` and `capacity` are then of lanes.
    `toll`, shape (168,): thousandths of a dollar; of a responsive toll, its floor.
    """

    lane_type: str
    gate_tick: Ints
    gate_open: Ints
    capacity: Ints
    referrals: tuple[Referral, ...]
    people: float
    stacked: bool = False
    toll: Ints = field(default_factory=lambda: np.zeros(clock.HOURS_PER_WEEK, np.int64))


@dataclass(frozen=True)
class Alternative:
    """A port a segment may choose: its lines in order of preference, with toll and cost in ticks of wait.

    `toll`, shape (lines, 168), and `cost`, shape (168,), access plus constant, are by the hour of the decision.
    `toll_step`, by line, is what each step of a responsive toll adds; empty where none is.
    """

    port: int
    lines: tuple[int, ...]
    toll: Ints
    cost: Ints
    toll_step: tuple[int, ...] = ()


@dataclass(frozen=True)
class Segment:
    """Potential travellers of one catchment and class.

    `per_hour`, shape (2016,): the rate before `factor`, of the same shape, which carries month and scenario demand.
    Of these travellers, drawn from the streams named `drawn_as`, with good and bad days of `day_name`, the segment
    has those whose lot, uniform from 0 to 1, lies in `part`. `initial` travellers stand in line at the start.
    `patience` is the mean, ticks; 0 is without limit.
    """

    name: str
    catchment: str
    mode: Mode
    traveller_class: int
    per_hour: Floats
    factor: Floats
    patience: int
    alternatives: tuple[Alternative, ...]
    initial: int = 0
    day_name: str = ""
    drawn_as: str = ""
    part: tuple[float, float] = (0.0, 1.0)

    @property
    def origin(self) -> str:
        """Return the name that its streams are keyed by."""
        return self.drawn_as or self.name

    @property
    def stream(self) -> int:
        """Return the number that marks this segment's travellers, the same in every scenario."""
        return crc32(self.origin.encode()) & 0x7F_FFFF


@dataclass(frozen=True)
class PortModel:
    """What an engine simulates, and the workload is drawn for."""

    ports: tuple[str, ...]
    lines: tuple[Line, ...]
    later: tuple[Station, ...]
    segments: tuple[Segment, ...]
    multipliers: tuple[tuple[int, Shape], ...] = field(default_factory=tuple)
    weeks: int = 1
    warm_up_weeks: int = 0
    wait_weight: int = MILLI
    information_interval: int = 15 * clock.MINUTE
    posting_interval: int = clock.HOUR
    posting_step: int = 5 * clock.MINUTE
    taste_scale: int = 16 * clock.MINUTE
    day_factor_cv: float = 0.0
    day_factor_lag1: float = 0.0
    shortest_line: bool = True
    booth_rules: tuple[BoothRule, ...] = ()
    toll_rules: tuple[TollRule, ...] = ()

    @property
    def stages(self) -> int:
        """Return the most later stages any crossing has."""
        return max((r.stage + 1 for line in self.lines for r in line.referrals), default=0)

    @property
    def most_alternatives(self) -> int:
        """Return the most ports any segment may choose between."""
        return max((len(segment.alternatives) for segment in self.segments), default=0)

    @property
    def horizon(self) -> int:
        """Return the tick after which nobody decides any more."""
        return (self.warm_up_weeks + self.weeks) * clock.WEEK


def build(
    network: Network,
    demand: Sequence[DemandChange] = (),
    *,
    before: Network | None = None,
    weeks: int = 1,
    warm_up_weeks: int = 0,
    month: int | None = None,
) -> PortModel:
    """Build the model of a network, with demand changes, for a month (1-12) or the year's mean.

    `before` is the network before a scenario's changes: in its opening hours people came as observed, and at its
    booths they stand in line at the start.
    """
    builder = _Builder(network, month)
    standing = builder if before is None else _Builder(before, month)
    derived = derive(network, before)
    segments = builder.segments(derived, demand) + builder.initial_segments(standing)
    names = {segment.origin for segment in segments}
    if len({segment.stream for segment in segments}) < len(names):
        raise PortsimError("two segments share a random stream: rename a catchment or class by a letter")
    choice = network.choice
    return PortModel(
        ports=tuple(port.id for port in network.ports),
        lines=tuple(builder.lines),
        later=tuple(builder.later),
        segments=tuple(segments),
        multipliers=tuple(builder.multipliers),
        weeks=weeks,
        warm_up_weeks=warm_up_weeks,
        wait_weight=round(choice.wait_weight.value * MILLI),
        information_interval=_ticks(choice.information_interval_min.value),
        posting_interval=_ticks(choice.posting_interval_min.value),
        posting_step=_ticks(choice.posting_step_min.value),
        taste_scale=_ticks(choice.taste_scale_min.value),
        day_factor_cv=network.day_factor.cv.value,
        day_factor_lag1=network.day_factor.lag1_correlation.value,
        shortest_line=choice.line == "shortest",
        booth_rules=tuple(builder.booth_rules),
        toll_rules=tuple(builder.toll_rules),
    )


def _ticks(minutes: float) -> int:
    return round(minutes * clock.MINUTE)


def _mean_patience(beta: float) -> int:
    """Return a mean patience, ticks; one so long that draws of it could be no whole numbers is without limit, 0."""
    return round(clock.MINUTE / beta) if beta * (NO_LIMIT // 100) > clock.MINUTE else 0


class _Place(NamedTuple):
    """Where the builder is: a port, its number, and one of its crossings."""

    number: int
    port: Port
    mode: Mode
    crossing: Crossing


class _Builder:
    """Collects the model's parts while walking the network once, in the order of the file."""

    def __init__(self, network: Network, month: int | None) -> None:
        self.network = network
        self.month = month
        self.class_names = list(network.classes)
        self.multipliers: list[tuple[int, Shape]] = []
        self.lines: list[Line] = []
        self.later: list[Station] = []
        self.booth_rules: list[BoothRule] = []
        self.toll_rules: list[TollRule] = []
        self.index: dict[tuple[int, Mode, str], int] = {}
        for number, port in enumerate(network.ports):
            if port.open:
                for mode in MODES:
                    crossing = port.crossing(mode)
                    if crossing is not None:
                        self._add_crossing(_Place(number, port, mode, crossing))

    def month_factor(self, mode: Mode) -> float:
        factors = self.network.month_factors.get(mode)
        return 1.0 if self.month is None or factors is None else factors[self.month - 1].value

    # --- lines and later stages ---

    def _add_crossing(self, place: _Place) -> None:
        first_stage = len(self.later)
        for position, stage in enumerate(place.crossing.stages):
            self.later.append(self._stage(place, stage, position))
        lanes = place.crossing.lane_types
        positions = place.crossing.lane_positions.value
        means = self._share_positions([self._booth_means(place, lane) for lane in lanes.values()], positions)
        opened = spread_over_slots(means, math.floor(positions))
        known = {}
        for name, booths in zip(lanes, zip(means, opened, strict=True), strict=True):
            number = self.index[place.number, place.mode, name] = len(self.lines)
            line, one_booth = self._line(place, name, booths, first_stage)
            known[name] = LineOfCrossing(number, line.timetable.tick, line.capacity, one_booth)
            self.lines.append(line)
        if place.crossing.responsive_booths is not None:
            self.booth_rules.append(booth_rule(place.crossing, known))
        if place.crossing.responsive_toll is not None:
            self.toll_rules.append(toll_rule(place.crossing.responsive_toll, known))

    @staticmethod
    def _share_positions(means: list[Floats], positions: float) -> list[Floats]:
        """Hold the sum of booths, which a busy month may raise, to the lanes there are."""
        total = np.maximum(sum(means, np.zeros(1)), max(positions, _ROUNDING))
        return [mean * positions / total for mean in means]

    def _booth_means(self, place: _Place, lane: LaneType) -> Floats:
        """Return hourly mean open booths, within hours, scaled by month and held to what is built."""
        built = place.crossing.lane_positions if lane.booths_built is None else lane.booths_built
        within = working_of(place.crossing, lane)
        means = clock.hourly(lane.booths_open.slots() * within) * self.month_factor(place.mode)
        held: Floats = np.minimum(means, built.value)
        return held

    def _stage(self, place: _Place, stage: Stage, position: int) -> Station:
        means = clock.hourly(stage.stations.slots()) * self.month_factor(place.mode)
        slots = spread_over_slots([means], math.ceil(means.max()))[0]
        return Station(
            name=f"{place.port.id}/{place.mode}/{stage.id}",
            port=place.number,
            mode=place.mode,
            timetable=_timetable(slots, means, np.ones(clock.SLOTS_PER_WEEK, bool)),
            mean_service=self._mean_service(stage.service, self._users_of_crossing(place)),
            multiplier=self._multiplier(position + 1, stage.service),
        )

    def _line(self, place: _Place, name: str, booths: tuple[Floats, Ints], first_stage: int) -> tuple[Line, Ints]:
        """Return a line, and what one of its booths (stacked: one of its lanes) serves, by hour of the week."""
        means, slots = booths
        lane = place.crossing.lane_types[name]
        gate = gate_of(place.crossing, lane)
        changes = np.flatnonzero(np.diff(gate.astype(np.int64), prepend=-1))
        mean_service = self._mean_service(lane.service, self.network.users_of(place.mode, name, lane))
        weights = self._class_weights(place, name, lane)
        mean = sum((share * mean_service[c] for c, share in weights.items()), np.zeros(1))
        if lane.stacked:
            mean = mean / stacking_gain(lane.service)
        return Line(
            name=f"{place.port.id}/{place.mode}/{name}",
            port=place.number,
            mode=place.mode,
            timetable=_timetable(slots, means, gate | stopped(lane)),
            mean_service=mean_service,
            multiplier=self._multiplier(0, lane.service),
            lane_type=name,
            gate_tick=changes * clock.SLOT,
            gate_open=gate[changes].astype(np.int64),
            capacity=_capacity(means, mean, gate | stopped(lane)),
            referrals=tuple(
                Referral(first_stage + position, position, round(lane.referral_share[stage.id].value * ONE))
                for position, stage in enumerate(place.crossing.stages)
                if stage.id in lane.referral_share
            ),
            people=place.crossing.people_per_crossing.value,
            stacked=lane.stacked,
            toll=np.rint(_toll_usd(place.crossing, name) * MILLI).astype(np.int64),
        ), _one_booth(mean)

    def _users_of_crossing(self, place: _Place) -> set[str]:
        lanes = place.crossing.lane_types
        return {user for name, lane in lanes.items() for user in self.network.users_of(place.mode, name, lane)}

    def _class_weights(self, place: _Place, name: str, lane: LaneType) -> dict[int, float]:
        """Return the mix of classes on a line: as observed (for a new port: as on its donor's line), else even.

        A line that admits others has the mix, at this crossing, of those who are there all day; those with a line of
        their own, which its users may not take in turn, come when it is shorter, and are few.
        """
        observed = lane.observed or self._like(place.mode, name)
        if lane.admits:
            shares = self._mix_at(place, self._regulars(place, name, lane))
        elif observed is not None:
            shares = class_shares(self.network, place.mode, name, observed)
        else:
            users = self.network.users_of(place.mode, name, lane)
            shares = dict.fromkeys(users, 1 / max(len(users), 1))
        if not shares:
            raise PortsimError(f"no traveller class of mode {place.mode} uses lane type {name}")
        return {self.class_names.index(user): share for user, share in shares.items()}

    def _regulars(self, place: _Place, name: str, lane: LaneType) -> list[str]:
        """Return the classes that use a line as their own, for want of another, or because all lines are shared."""
        lines = {
            other: set(self.network.users_of(place.mode, other, found))
            for other, found in place.crossing.lane_types.items()
            if found.booths_open.slots().any()
        }
        users = self.network.users_of(place.mode, name, lane)
        own = {user for user in users if user not in lane.admits}
        return [
            user
            for user in users
            if user in own or all(own <= found for other, found in lines.items() if other != name and user in found)
        ]

    def _mix_at(self, place: _Place, users: Sequence[str]) -> dict[str, float]:
        """Return the shares of classes among those observed on all lines of a crossing; even where none was."""
        joins = dict.fromkeys(users, 0.0)
        for name, lane in place.crossing.lane_types.items():
            if lane.observed is not None:
                total = float(lane.observed.per_hour.slots().sum())
                for user, share in class_shares(self.network, place.mode, name, lane.observed).items():
                    if user in joins:
                        joins[user] += share * total
        whole = sum(joins.values())
        return {user: count / whole if whole else 1 / len(joins) for user, count in joins.items()}

    def _like(self, mode: Mode, lane_type: str) -> Observed | None:
        for _, other_mode, _, name, lane in lanes_of(self.network):
            if (other_mode, name) == (mode, lane_type) and lane.observed is not None:
                return lane.observed
        return None

    def _mean_service(self, service: Service, users: Collection[str]) -> Ints:
        """Return mean service ticks by class and hour; 0 for classes that never come here."""
        means = np.zeros((len(self.class_names), clock.HOURS_PER_WEEK), np.int64)
        for row, name in enumerate(self.class_names):
            if name not in users:
                continue
            series = service.mean_s[name] if isinstance(service.mean_s, dict) else service.mean_s
            means[row] = np.maximum(np.rint(clock.hourly(series.slots()) * clock.SECOND), 1)
        return means

    def _multiplier(self, stage: int, service: Service) -> int:
        shape = Shape(
            service.kind,
            cv=0.0 if service.cv is None else service.cv.value,
            clip=0.0 if service.clip is None else service.clip.value,
        )
        if (stage, shape) not in self.multipliers:
            self.multipliers.append((stage, shape))
        return self.multipliers.index((stage, shape))

    # --- segments ---

    def segments(self, demand: Demand, changes: Sequence[DemandChange]) -> list[Segment]:
        flows = demand_changes.apply(demand.flows, changes, self.network, self._serves)
        return [self._segment(flow, demand) for flow in flows]

    def _serves(self, class_name: str, flow: Flow) -> bool:
        """Say whether a flow would find a line, were it of a class."""
        return any(self._usable(flow, class_name))

    def _segment(self, flow: Flow, demand: Demand) -> Segment:
        traveller_class = self.network.classes[flow.traveller_class]
        catchment = next(c for c in self.network.catchments if c.id == flow.catchment)
        factor = flow.factor * self.month_factor(traveller_class.mode)
        if factor.max() > MOST_GROWTH:
            raise PortsimError(
                f"{flow.name}: demand is scaled {factor.max():g} times in all: at most {MOST_GROWTH} is allowed"
            )
        beta = patience_per_min(self.network, traveller_class.mode)
        return Segment(
            name=flow.name,
            drawn_as=flow.drawn_as,
            day_name=f"day/{catchment.cluster}/{traveller_class.mode}/{flow.origin_class}",
            part=flow.part,
            catchment=flow.catchment,
            mode=traveller_class.mode,
            traveller_class=self.class_names.index(flow.traveller_class),
            per_hour=flow.per_hour,
            factor=factor,
            patience=_mean_patience(beta),
            alternatives=tuple(self._alternatives(flow, demand)),
        )

    def _usable(self, flow: Flow, class_name: str) -> Iterator[tuple[int, Port, list[int]]]:
        """Yield the ports a flow can reach, were it of a class, with the lines it may use there: its own first."""
        traveller_class = self.network.classes[class_name]
        access = next(c.access_min for c in self.network.catchments if c.id == flow.catchment)
        for number, port in enumerate(self.network.ports):
            crossing = port.crossing(traveller_class.mode)
            if flow.port not in {None, port.id} or port.id not in access or crossing is None:
                continue
            admitting = [name for name, lane in crossing.lane_types.items() if class_name in lane.admits]
            keys = [(number, traveller_class.mode, name) for name in (*traveller_class.lane_types, *admitting)]
            if lines := [self.index[key] for key in dict.fromkeys(keys) if key in self.index]:
                yield number, port, lines

    def _alternatives(self, flow: Flow, demand: Demand) -> Iterator[Alternative]:
        access = next(c.access_min for c in self.network.catchments if c.id == flow.catchment)
        for number, port, lines in self._usable(flow, flow.traveller_class):
            constant = demand.constants.get((flow.traveller_class, port.id), np.zeros(clock.HOURS_PER_WEEK))
            cost = self.network.choice.access_weight.value * access[port.id].value + constant
            yield Alternative(
                port=number,
                lines=tuple(lines),
                toll=np.stack([self._toll(port, flow.traveller_class, self.lines[line].lane_type) for line in lines]),
                cost=np.rint(cost * clock.MINUTE).astype(np.int64),
                toll_step=self._toll_steps(flow.traveller_class, lines),
            )

    def _toll(self, port: Port, class_name: str, lane_type: str) -> Ints:
        """Return a toll in ticks of the class's time, by hour of the week, shape (168,)."""
        traveller_class = self.network.classes[class_name]
        crossing = port.crossing(traveller_class.mode)
        assert crossing is not None, "a traveller's lines are of a crossing"
        hours = _toll_usd(crossing, lane_type) / traveller_class.value_of_time_usd_per_hour.value
        return np.rint(hours * clock.HOUR).astype(np.int64)

    def _toll_steps(self, class_name: str, lines: Sequence[int]) -> tuple[int, ...]:
        """Return what one step of the responsive toll of each line is in ticks of the class's time; () if none is."""
        usd = {number: rule.step / MILLI for rule in self.toll_rules for number in rule.lines}
        if usd.keys().isdisjoint(lines):
            return ()
        value = self.network.classes[class_name].value_of_time_usd_per_hour.value
        return tuple(round(usd.get(line, 0.0) / value * clock.HOUR) for line in lines)

    def initial_segments(self, before: _Builder) -> list[Segment]:
        """Return those who stand in line on Monday 00:00: whom the booths, before changes, serve in that wait.

        A line that no booth serves any more has none: they would never leave it.
        """
        found = []
        for port, mode, _, name, lane in lanes_of(self.network):
            key = (self.network.ports.index(port), mode, name)
            if key not in self.index or key not in before.index or lane.observed is None:
                continue
            if not self.lines[self.index[key]].timetable.booths.any():
                continue
            line = before.lines[before.index[key]]
            wait = clock.hourly(lane.observed.wait_min.slots())[[-1, 0]].mean()  # around midnight
            waiting = served_within(line.capacity, wait / 60) * line.gate_open[0]
            for class_name, share in class_shares(self.network, mode, name, lane.observed).items():
                count = round(waiting * share)
                if count:
                    found.append(self._standing(line, self.index[key], class_name, count))
        return found

    def _standing(self, line: Line, position: int, class_name: str, count: int) -> Segment:
        no_cost = np.zeros(clock.HOURS_PER_WEEK, np.int64)
        return Segment(
            name=f"in-line/{line.name}/{class_name}",
            catchment="in-line",
            mode=line.mode,
            traveller_class=self.class_names.index(class_name),
            per_hour=np.zeros(clock.SLOTS_PER_WEEK),
            factor=np.ones(clock.SLOTS_PER_WEEK),
            patience=0,
            alternatives=(Alternative(line.port, (position,), no_cost[None, :], no_cost),),
            initial=count,
        )


def _toll_usd(crossing: Crossing, lane_type: str) -> Floats:
    """Return the toll of a line by hour of the week, dollars, shape (168,); of a responsive one, its floor."""
    rule, toll = crossing.responsive_toll, crossing.lane_types[lane_type].toll_usd
    if rule is not None and lane_type in rule.lane_types:
        return np.full(clock.HOURS_PER_WEEK, rule.floor_usd)
    return np.zeros(clock.HOURS_PER_WEEK) if toll is None else clock.hourly(toll.slots())


def _one_booth(mean_service: Floats) -> Ints:
    """Return what one booth serves, thousandths of a traveller an hour, shape (168,)."""
    return np.floor(MILLI * clock.HOUR / mean_service).astype(np.int64) * np.ones(clock.HOURS_PER_WEEK, np.int64)


def _capacity(means: Floats, mean_service: Floats, gate: npt.NDArray[np.bool_]) -> Ints:
    """Return what hourly mean booths serve, thousandths of a traveller an hour."""
    capacity = np.floor(means * MILLI * clock.HOUR / mean_service).astype(np.int64)
    shut = ~gate[:: clock.SLOTS_PER_HOUR]
    return np.where((means == 0) & shut, CLEARING, capacity)


def served_within(capacity: Ints, hours: float) -> float:
    """Return how many travellers a line's capacity, thousandths an hour, serves in the first hours of the week."""
    served = np.concatenate([[0.0], np.cumsum(np.maximum(capacity, 0)) / MILLI])
    return float(np.interp(hours, np.arange(len(served)), served))


def spread_over_slots(means: Sequence[Floats], positions: int) -> list[Ints]:
    """Turn hourly mean booths of lines that share `positions` lanes into whole booths by five-minute slot.

    The part of a booth above the whole number is open in the first slots of the hour that have a free lane; what
    is left of a slot is carried to the next hour. Each result has shape (2016,).
    """
    free = np.full(clock.SLOTS_PER_WEEK, positions, np.int64)
    whole = [np.floor(mean + _ROUNDING).astype(np.int64) for mean in means]
    for base in whole:
        free -= np.repeat(base, clock.SLOTS_PER_HOUR)
    opened = []
    for mean, base in zip(means, whole, strict=True):
        slots = np.repeat(base, clock.SLOTS_PER_HOUR)
        carried = 0.0
        for hour in np.flatnonzero(mean - base > _ROUNDING):
            wanted = (mean[hour] - base[hour]) * clock.SLOTS_PER_HOUR + carried
            room = np.flatnonzero(free[hour * clock.SLOTS_PER_HOUR :][: clock.SLOTS_PER_HOUR] > 0)
            extra = room[: math.floor(wanted + _ROUNDING)] + hour * clock.SLOTS_PER_HOUR
            slots[extra] += 1
            free[extra] -= 1
            carried = wanted - len(extra)
        opened.append(slots)
    return opened


def _timetable(slots: Ints, means: Floats, gate: npt.NDArray[np.bool_]) -> Timetable:
    """Return the steps of a week of slots, with the booths that clear the line after each closing."""
    clearing = np.zeros_like(slots)
    staffed = np.flatnonzero(means > 0)
    for slot in np.flatnonzero((slots == 0) & ~gate):
        if staffed.size:
            last = staffed[np.searchsorted(staffed, slot // clock.SLOTS_PER_HOUR) - 1]  # -1 wraps: last week's
            clearing[slot] = max(1, round(float(means[last])))
    both = np.stack([slots, clearing])
    steps = np.flatnonzero(np.concatenate([[True], np.any(both[:, 1:] != both[:, :-1], axis=0)]))
    return Timetable(tick=steps * clock.SLOT, booths=slots[steps], clearing=clearing[steps])
