"""From what is observed of each line to who would like to cross, and why they choose the port they do.

Observed waits have already turned some trips away, so potential demand is the observed joins times
exp(patience x wait) of that hour. Constants, by port, class and hour of the week, make shares at the observed
waits equal the observed flows; they are solved here, not stored, so a scenario with another patience still
starts from the same baseline. Changes of a scenario (booths, hours, tolls) never reach this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from portsim import clock
from portsim.errors import PortsimError
from portsim.language.opening import gate_of
from portsim.language.schema import MODES, Crossing, LaneType, Mode, Network, Observed, Port

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SMOOTHING_HOURS = 3
_MAX_STEPS = 2_000
_TOLERANCE_MIN = 1e-6


@dataclass(frozen=True)
class Flow:
    """Potential travellers of one catchment and class; `port` is set where they have no choice.

    `per_hour` has shape (2016,), travellers an hour in each five-minute slot, before `factor`, of the same shape,
    which a scenario's changes of demand multiply. A flow whose class was shifted is the part of another flow's
    travellers whose marks lie in `part`; it is drawn from the streams of that flow, `drawn_as`, with its class.
    """

    name: str
    catchment: str
    traveller_class: str
    port: str | None
    per_hour: Floats
    factor: Floats = field(default_factory=lambda: np.ones(clock.SLOTS_PER_WEEK))
    part: tuple[float, float] = (0.0, 1.0)
    drawn_as: str = ""
    drawn_class: str = ""

    @property
    def origin(self) -> str:
        """Return the name of the flow whose travellers these are."""
        return self.drawn_as or self.name

    @property
    def origin_class(self) -> str:
        """Return the class they had before any shift."""
        return self.drawn_class or self.traveller_class


@dataclass(frozen=True)
class Demand:
    """All potential flows, and the choice constants in minutes of port wait, (class, port) -> shape (168,)."""

    flows: tuple[Flow, ...]
    constants: dict[tuple[str, str], Floats]


@dataclass(frozen=True)
class _Line:
    """One observed line seen by one class: potential joins by slot, wait by hour, origins by catchment."""

    port: Port
    potential: Floats
    wait_min: Floats
    origins: dict[str, float]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def derive(network: Network, today: Network | None = None) -> Demand:
    """Derive potential flows and constants of a network; segments stated outright are taken as they are.

    What was observed was observed within the opening hours of `today`, the network before a scenario's changes.
    """
    today = network if today is None else today
    flows = [Flow(s.id, s.catchment, s.traveller_class, s.port, s.per_hour.slots()) for s in network.segments]
    constants: dict[tuple[str, str], Floats] = {}
    for name in network.classes:
        lines = list(_observed_lines(network, name, today))
        if not lines:
            continue
        flows += _fixed_flows(name, lines) if network.choice.kind == "fixed" else _free_flows(name, lines)
        solved = _solve_constants(network, lines)
        constants |= {(name, line.port.id): column for line, column in zip(lines, solved.T, strict=True)}
    for port in network.ports:
        if port.constants_from is not None:
            for name in network.classes:
                donor = constants.get((name, port.constants_from))
                if donor is not None:
                    constants.setdefault((name, port.id), donor)
    return Demand(tuple(flows), constants)


def lanes_of(network: Network) -> Iterator[tuple[Port, Mode, Crossing, str, LaneType]]:
    """Walk every line of the network, in the order of the file."""
    for port in network.ports:
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is not None:
                for name, lane in crossing.lane_types.items():
                    yield port, mode, crossing, name, lane


def class_shares(network: Network, mode: Mode, lane_type: str, observed: Observed) -> dict[str, float]:
    """Return the share of each class among those who use a line."""
    if observed.classes is not None:
        return {name: share.value for name, share in observed.classes.items()}
    users = [name for name, c in network.classes.items() if c.mode == mode and lane_type in c.lane_types]
    return dict.fromkeys(users[:1], 1.0)


def patience_per_min(network: Network, mode: Mode) -> float:
    """Return the semi-elasticity of trips to the wait, a minute."""
    figure = network.patience_pct_per_min.get(mode)
    return 0.0 if figure is None else figure.value / 100


def _observed_lines(network: Network, class_name: str, today: Network) -> Iterator[_Line]:
    traveller_class = network.classes[class_name]
    gates = {
        (port.id, mode, lane_type): gate_of(crossing, lane)
        for now in (network, today)  # a line that is not in today's is set on the command line
        for port, mode, crossing, lane_type, lane in lanes_of(now)
    }
    beta = patience_per_min(network, traveller_class.mode)
    for port, mode, _, lane_type, lane in lanes_of(network):
        if mode != traveller_class.mode or lane.observed is None:
            continue
        share = class_shares(network, mode, lane_type, lane.observed).get(class_name, 0.0)
        if share == 0:
            continue
        wait = clock.hourly(lane.observed.wait_min.slots())
        joins = _within_gate(lane.observed.per_hour.slots(), gates[port.id, mode, lane_type])
        potential = share * joins * np.exp(beta * np.repeat(wait, clock.SLOTS_PER_HOUR))
        origins = {catchment: part.value for catchment, part in lane.observed.origins.items()}
        yield _Line(port, potential, wait, origins)


def _within_gate(joins: Floats, gate: Bools) -> Floats:
    """Move each hour's joins into the slots in which the line may be joined."""
    by_hour = joins.reshape(-1, clock.SLOTS_PER_HOUR)
    open_ = gate.reshape(-1, clock.SLOTS_PER_HOUR)
    slots_open = open_.sum(axis=1, keepdims=True)
    total = by_hour.sum(axis=1, keepdims=True)
    spread = np.where(slots_open > 0, total / np.maximum(slots_open, 1), 0.0) * open_
    whole = slots_open == clock.SLOTS_PER_HOUR
    within: Floats = np.where(whole, by_hour, spread).ravel()
    return within


def _fixed_flows(class_name: str, lines: list[_Line]) -> list[Flow]:
    return [
        Flow(
            f"{catchment}/{class_name}/{line.port.id}",
            catchment,
            class_name,
            line.port.id,
            part * line.potential,
        )
        for line in lines
        for catchment, part in line.origins.items()
        if part > 0
    ]


def _free_flows(class_name: str, lines: list[_Line]) -> list[Flow]:
    catchments = sorted({catchment for line in lines for catchment in line.origins})
    flows = []
    for catchment in catchments:
        per_hour = sum((line.origins.get(catchment, 0.0) * line.potential for line in lines), np.zeros(1))
        if per_hour.any():
            flows.append(Flow(f"{catchment}/{class_name}", catchment, class_name, None, per_hour))
    return flows


def _solve_constants(network: Network, lines: list[_Line]) -> Floats:
    """Solve for constants, minutes, shape (168, lines), at which each port's choosers equal its potential.

    The fixed point K += scale x ln(predicted / target) is the contraction of Berry, Levinsohn and Pakes (1995).
    """
    targets = np.stack([clock.hourly(line.potential) for line in lines], axis=1)
    if len(lines) == 1:
        return np.zeros_like(targets)
    scale = network.choice.taste_scale_min.value
    catchments = [c for c in network.catchments if any(c.id in line.origins for line in lines)]
    potential = np.stack(
        [
            sum((line.origins.get(c.id, 0.0) * t for line, t in zip(lines, targets.T, strict=True)), np.zeros(1))
            for c in catchments
        ],
        axis=1,
    )  # (168, catchments)
    fixed_cost = _access_and_wait(network, lines, [c.id for c in catchments])
    present = targets > 0
    constants = np.zeros_like(targets)
    for _ in range(_MAX_STEPS):
        cost = fixed_cost + constants[:, None, :]
        weight = np.exp(-(cost - cost.min(axis=2, keepdims=True)) / scale) * present[:, None, :]
        total = np.maximum(weight.sum(axis=2, keepdims=True), 1e-300)
        predicted = (potential[:, :, None] * weight / total).sum(axis=1)
        step = scale * np.log(np.where(present, predicted, 1.0) / np.where(present, targets, 1.0))
        constants += step
        constants -= _level(constants, present)
        if np.abs(step - _level(step, present))[present].max() < _TOLERANCE_MIN:
            return _smooth(constants, present)
    raise PortsimError(
        "no choice constants reproduce the observed shares of "
        + ", ".join(line.port.id for line in lines)
        + ": see origins and access_min of the catchments, and taste_scale_min, access_weight and wait_weight of choice"
    )


def _access_and_wait(network: Network, lines: list[_Line], catchments: list[str]) -> Floats:
    """Return the known part of the cost, minutes of port wait, shape (168, catchments, lines)."""
    reach = {c.id: c.access_min for c in network.catchments}
    choice = network.choice
    access = np.array(
        [[reach[c][line.port.id].value if line.port.id in reach[c] else np.inf for line in lines] for c in catchments]
    )
    wait = np.stack([line.wait_min for line in lines], axis=1)
    cost: Floats = choice.access_weight.value * access[None] + choice.wait_weight.value * wait[:, None, :]
    return cost


def _level(constants: Floats, present: Bools) -> Floats:
    """Return what to take off each hour: constants have no level, so the port open longest is put at zero.

    In hours in which that port is shut, the mean of those open is.
    """
    longest = int(np.argmax(present.sum(axis=0)))
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    mean = np.where(present, constants, 0.0).sum(axis=1, keepdims=True) / count
    level: Floats = np.where(present[:, [longest]], constants[:, [longest]], mean)
    return level


def _smooth(constants: Floats, present: Bools) -> Floats:
    """Average each hour with its neighbours; the first and last hours of a port stay, and shut ones are filled.

    An hour in which a line begins or ends is unlike the next: averaged, it would send the wrong number there.
    """
    reach = range(-(SMOOTHING_HOURS // 2), SMOOTHING_HOURS // 2 + 1)
    mean = np.mean([np.roll(constants, step, axis=0) for step in reach], axis=0)
    inner = np.all([np.roll(present, step, axis=0) for step in reach], axis=0)
    smooth = np.where(inner, mean, np.where(present, constants, np.nan))
    hours = np.arange(clock.HOURS_PER_WEEK)
    for column in smooth.T:
        gaps = np.isnan(column)
        if gaps.any():
            column[gaps] = np.interp(hours[gaps], hours[~gaps], column[~gaps], period=clock.HOURS_PER_WEEK)
    return smooth
