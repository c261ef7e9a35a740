"""Scenario -> PortModel: names become indices, times become ticks. The one definition that engines see.

Everything here is a whole number or an array of them; nothing is random and nothing is read from a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.demand import Demand, Flow, class_shares, derive, lanes_of, patience_per_min
from portsim.errors import PortsimError
from portsim.opening import booth_slots, gate_slots, hours_of
from portsim.schema import (
    MODES,
    Crossing,
    LaneType,
    Mode,
    Network,
    Observed,
    Port,
    ScaleDemand,
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
    `people`: carried by one crossing.
    """

    lane_type: str
    gate_tick: Ints
    gate_open: Ints
    capacity: Ints
    referrals: tuple[Referral, ...]
    people: float


@dataclass(frozen=True)
class Alternative:
    """A port a segment may choose: its lines in order of preference, with toll and cost in ticks of wait.

    `cost`, shape (168,), is access plus constant, by the hour of the decision.
    """

    port: int
    lines: tuple[int, ...]
    toll: tuple[int, ...]
    cost: Ints


@dataclass(frozen=True)
class Segment:
    """Potential travellers of one catchment and class.

    `per_hour`, shape (2016,): the rate before `factor`, which carries month and scenario demand. `initial`
    travellers stand in line at the start. `patience` is the mean, ticks; 0 is without limit.
    """

    name: str
    catchment: str
    cluster: str
    mode: Mode
    traveller_class: int
    class_name: str
    per_hour: Floats
    factor: float
    patience: int
    alternatives: tuple[Alternative, ...]
    initial: int = 0

    @property
    def stream(self) -> int:
        """Return the number that marks this segment's travellers, the same in every scenario."""
        return crc32(self.name.encode()) & 0x7F_FFFF


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
    demand: Sequence[ScaleDemand] = (),
    *,
    before: Network | None = None,
    weeks: int = 1,
    warm_up_weeks: int = 0,
    month: int | None = None,
) -> PortModel:
    """Build the model of a network, with demand changes, for a month (1-12) or the year's mean.

    `before` is the network before a scenario's changes: the same travellers stand in line at the start.
    """
    builder = _Builder(network, month)
    standing = builder if before is None else _Builder(before, month)
    segments = builder.segments(derive(network), demand) + builder.initial_segments(standing)
    streams = {segment.stream for segment in segments}
    if len(streams) < len(segments):
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
    )


def _ticks(minutes: float) -> int:
    return round(minutes * clock.MINUTE)


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
        for name, booths in zip(lanes, zip(means, opened, strict=True), strict=True):
            self.index[place.number, place.mode, name] = len(self.lines)
            self.lines.append(self._line(place, name, booths, first_stage))

    @staticmethod
    def _share_positions(means: list[Floats], positions: float) -> list[Floats]:
        """Hold the sum of booths, which a busy month may raise, to the lanes there are."""
        total = np.maximum(sum(means, np.zeros(1)), max(positions, _ROUNDING))
        return [mean * positions / total for mean in means]

    def _booth_means(self, place: _Place, lane: LaneType) -> Floats:
        """Return hourly mean open booths, within hours, scaled by month and held to what is built."""
        built = place.crossing.lane_positions if lane.booths_built is None else lane.booths_built
        within = booth_slots(hours_of(place.crossing, lane))
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
            mean_service=self._mean_service(stage.service, place.mode, None),
            multiplier=self._multiplier(position + 1, stage.service),
        )

    def _line(self, place: _Place, name: str, booths: tuple[Floats, Ints], first_stage: int) -> Line:
        means, slots = booths
        lane = place.crossing.lane_types[name]
        gate = gate_slots(hours_of(place.crossing, lane))
        changes = np.flatnonzero(np.diff(gate.astype(np.int64), prepend=-1))
        mean_service = self._mean_service(lane.service, place.mode, name)
        weights = self._class_weights(place.mode, name, lane)
        mean = sum((share * mean_service[c] for c, share in weights.items()), np.zeros(1))
        return Line(
            name=f"{place.port.id}/{place.mode}/{name}",
            port=place.number,
            mode=place.mode,
            timetable=_timetable(slots, means, gate),
            mean_service=mean_service,
            multiplier=self._multiplier(0, lane.service),
            lane_type=name,
            gate_tick=changes * clock.SLOT,
            gate_open=gate[changes].astype(np.int64),
            capacity=_capacity(means, mean, gate),
            referrals=tuple(
                Referral(first_stage + position, position, round(lane.referral_share[stage.id].value * ONE))
                for position, stage in enumerate(place.crossing.stages)
                if stage.id in lane.referral_share
            ),
            people=place.crossing.people_per_crossing.value,
        )

    def _class_weights(self, mode: Mode, lane_type: str, lane: LaneType) -> dict[int, float]:
        """Return the mix of classes on a line: as observed (for a new port: as on its donor's line), else even."""
        observed = lane.observed or self._like(mode, lane_type)
        if observed is not None:
            shares = class_shares(self.network, mode, lane_type, observed)
        else:
            users = [name for name, c in self.network.classes.items() if c.mode == mode and lane_type in c.lane_types]
            shares = dict.fromkeys(users, 1 / max(len(users), 1))
        if not shares:
            raise PortsimError(f"no traveller class of mode {mode} uses lane type {lane_type}")
        return {self.class_names.index(name): share for name, share in shares.items()}

    def _like(self, mode: Mode, lane_type: str) -> Observed | None:
        for _, other_mode, _, name, lane in lanes_of(self.network):
            if (other_mode, name) == (mode, lane_type) and lane.observed is not None:
                return lane.observed
        return None

    def _mean_service(self, service: Service, mode: Mode, lane_type: str | None) -> Ints:
        """Return mean service ticks by class and hour; 0 for classes that never come here."""
        means = np.zeros((len(self.class_names), clock.HOURS_PER_WEEK), np.int64)
        for row, (name, traveller_class) in enumerate(self.network.classes.items()):
            if traveller_class.mode != mode:
                continue
            if lane_type is not None and lane_type not in traveller_class.lane_types:
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

    def segments(self, demand: Demand, changes: Sequence[ScaleDemand]) -> list[Segment]:
        return [self._segment(flow, demand, changes) for flow in demand.flows]

    def _segment(self, flow: Flow, demand: Demand, changes: Sequence[ScaleDemand]) -> Segment:
        traveller_class = self.network.classes[flow.traveller_class]
        catchment = next(c for c in self.network.catchments if c.id == flow.catchment)
        factor = self.month_factor(traveller_class.mode)
        for change in changes:
            if _concerns(change, traveller_class.mode, flow.catchment, flow.traveller_class):
                factor *= change.factor
        if factor > MOST_GROWTH:
            raise PortsimError(
                f"{flow.name}: demand is scaled {factor:g} times in all: at most {MOST_GROWTH} is allowed"
            )
        beta = patience_per_min(self.network, traveller_class.mode)
        return Segment(
            name=flow.name,
            catchment=flow.catchment,
            cluster=catchment.cluster,
            mode=traveller_class.mode,
            traveller_class=self.class_names.index(flow.traveller_class),
            class_name=flow.traveller_class,
            per_hour=flow.per_hour,
            factor=factor,
            patience=round(clock.MINUTE / beta) if beta > 0 else 0,
            alternatives=tuple(self._alternatives(flow, demand)),
        )

    def _alternatives(self, flow: Flow, demand: Demand) -> list[Alternative]:
        traveller_class = self.network.classes[flow.traveller_class]
        access = next(c.access_min for c in self.network.catchments if c.id == flow.catchment)
        found = []
        for number, port in enumerate(self.network.ports):
            if flow.port not in {None, port.id} or port.id not in access:
                continue
            lines = [
                self.index[number, traveller_class.mode, name]
                for name in traveller_class.lane_types
                if (number, traveller_class.mode, name) in self.index
            ]
            if not lines:
                continue
            constant = demand.constants.get((flow.traveller_class, port.id), np.zeros(clock.HOURS_PER_WEEK))
            cost = self.network.choice.access_weight.value * access[port.id].value + constant
            found.append(
                Alternative(
                    port=number,
                    lines=tuple(lines),
                    toll=tuple(self._toll(port, flow.traveller_class, self.lines[line].lane_type) for line in lines),
                    cost=np.rint(cost * clock.MINUTE).astype(np.int64),
                )
            )
        return found

    def _toll(self, port: Port, class_name: str, lane_type: str) -> int:
        """Return a toll in ticks of the class's time."""
        traveller_class = self.network.classes[class_name]
        crossing = port.crossing(traveller_class.mode)
        toll = crossing.lane_types[lane_type].toll_usd if crossing is not None else None
        if toll is None:
            return 0
        return round(toll.value / traveller_class.value_of_time_usd_per_hour.value * clock.HOUR)

    def initial_segments(self, before: _Builder) -> list[Segment]:
        """Return those who stand in line on Monday 00:00: whom the booths, before changes, serve in that wait."""
        found = []
        for port, mode, _, name, lane in lanes_of(self.network):
            key = (self.network.ports.index(port), mode, name)
            if key not in self.index or key not in before.index or lane.observed is None:
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
            cluster="in-line",
            mode=line.mode,
            traveller_class=self.class_names.index(class_name),
            class_name=class_name,
            per_hour=np.zeros(clock.SLOTS_PER_WEEK),
            factor=1.0,
            patience=0,
            alternatives=(Alternative(line.port, (position,), (0,), no_cost),),
            initial=count,
        )


def _concerns(change: ScaleDemand, mode: Mode, catchment: str, class_name: str) -> bool:
    return (
        (change.modes is None or mode in change.modes)
        and (change.catchments is None or catchment in change.catchments)
        and (change.classes is None or class_name in change.classes)
    )


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
