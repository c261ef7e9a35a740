"""(PortModel, seed, replication) -> Workload: every random number, drawn here and nowhere else.

One stream a purpose, keyed by name: `SeedSequence(entropy=seed, spawn_key=(replication, crc32(name), layer,
week))`. So options are compared on the same travellers, a new port or segment leaves every other stream's draws
untouched, and week k is the same in a run of any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.special import expm1

from portsim import clock
from portsim.errors import PortsimError
from portsim.model import NO_LIMIT, ONE, Line, PortModel, Segment, Shape

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SMALL = 1e-13
LAYER_WIDTH = 0.25  # growth beyond a demand factor of one comes in layers of a quarter
_INDEX_BITS, _LAYER_BITS, _WEEK_BITS = 24, 6, 10


@dataclass(frozen=True)
class WeekBlock:
    """The travellers who decide in one week, in order of (tick, key); all arrays int64, n travellers.

    `tick`: of the decision, from the start of the run. `key`: marks the traveller, the same in every scenario.
    `segment`: index in the model. `patience`: ticks. `taste`, shape (ports a segment may choose at most, n):
    ticks, by position in the segment's alternatives. `multiplier`, shape (model.multipliers, n): fixed-point
    mean-one factors of service times. `referral`, shape (stages, n): fixed-point uniforms.
    """

    week: int
    tick: Ints
    key: Ints
    segment: Ints
    patience: Ints
    taste: Ints
    multiplier: Ints
    referral: Ints

    def __len__(self) -> int:
        return len(self.tick)


class Workload(Protocol):
    """All the chance of one replication, week by week."""

    def weeks(self) -> Iterator[WeekBlock]:
        """Yield the blocks of the run's weeks, in order."""
        ...


@dataclass(frozen=True)
class DrawnWorkload:
    """The workload of one replication of a model; draws each week when it is asked for."""

    model: PortModel
    seed: int
    replication: int

    def weeks(self) -> Iterator[WeekBlock]:
        """Yield the blocks of the run's weeks, in order. Asking again draws the same numbers again."""
        days = _DayFactors(self)
        for week in range(self.model.warm_up_weeks + self.model.weeks):
            yield _draw_week(self, week, days)

    def stream(self, name: str, layer: int, week: int) -> np.random.Generator:
        """Return the generator of one purpose."""
        key = (self.replication, crc32(name.encode()), layer, week)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))


def draw(model: PortModel, seed: int, replication: int) -> DrawnWorkload:
    """Return the workload of one replication (numbered from 0)."""
    return DrawnWorkload(model, seed, replication)


class _DayFactors:
    """Lognormal mean-one factors by cluster, mode, class and day, with a lag-1 correlation; drawn week by week."""

    def __init__(self, workload: DrawnWorkload) -> None:
        self.workload = workload
        self.sigma = float(np.sqrt(np.log1p(workload.model.day_factor_cv**2)))
        self.last: dict[str, float] = {}
        self.cached: dict[tuple[str, int], Floats] = {}

    def of(self, segment: Segment, week: int) -> Floats:
        """Return the factors of the seven days of a week. Weeks must be asked for in order."""
        if self.sigma == 0:
            return np.ones(7)
        name = segment.day_name
        if (name, week) not in self.cached:
            self.cached[name, week] = self._draw(name, week)
        return self.cached[name, week]

    def _draw(self, name: str, week: int) -> Floats:
        rho = self.workload.model.day_factor_lag1
        innovations = self.workload.stream(name, 0, week).standard_normal(7)
        state = np.empty(7)
        for day, innovation in enumerate(innovations):
            before = self.last.get(name)
            state[day] = innovation if before is None else rho * before + np.sqrt(1 - rho**2) * innovation
            self.last[name] = float(state[day])
        factors: Floats = np.exp(self.sigma * state - self.sigma**2 / 2)
        return factors


def _draw_week(workload: DrawnWorkload, week: int, days: _DayFactors) -> WeekBlock:
    parts = []
    for index, segment in enumerate(workload.model.segments):
        if segment.initial:
            if week == 0:
                parts.append(_draw_standing(_Source(workload, index, 0, week)))
            continue
        factor = segment.factor * np.repeat(days.of(segment, week), clock.SLOTS_PER_DAY)
        for layer in range(_layers(float(factor.max()) * segment.part[1])):
            part = _draw_layer(_Source(workload, index, layer, week), factor)
            if len(part):
                parts.append(part)
    return _merge(parts, workload.model, week)


def _layers(factor: float) -> int:
    """Return how many layers hold a demand factor: one up to 1, then one for each quarter more."""
    return 1 if factor <= 1 else 1 + int(np.ceil((factor - 1) / LAYER_WIDTH))


@dataclass(frozen=True)
class _Source:
    """One layer of one segment in one week: what its streams are named after."""

    workload: DrawnWorkload
    index: int
    layer: int
    week: int

    @property
    def model(self) -> PortModel:
        return self.workload.model

    @property
    def segment(self) -> Segment:
        return self.model.segments[self.index]

    def stream(self, purpose: str) -> np.random.Generator:
        return self.workload.stream(f"{self.segment.origin}/{purpose}", self.layer, self.week)

    def key(self, number: Ints) -> Ints:
        """Mark travellers by segment, week, layer and number, the same in every scenario."""
        prefix = ((self.segment.stream << _WEEK_BITS | self.week) << _LAYER_BITS | self.layer) << _INDEX_BITS
        return prefix + number


def _draw_layer(source: _Source, factor: Floats) -> WeekBlock:
    """Draw one layer of a segment, and keep those whose mark lies in the segment's part of the demand factor.

    `factor`, shape (2016,), is that of each five-minute slot, good and bad days included.
    """
    layer = source.layer
    floor, width = (0.0, 1.0) if layer == 0 else (1 + (layer - 1) * LAYER_WIDTH, LAYER_WIDTH)
    tick = _arrival_ticks(source.segment.per_hour * width, source.stream("arrivals"))
    mark = floor + width * source.stream("mark").random(len(tick))
    low, high = source.segment.part
    now = factor[tick // clock.SLOT]
    return _attributes(source, tick, np.flatnonzero((mark >= low * now) & (mark < high * now)))


def _draw_standing(source: _Source) -> WeekBlock:
    """Draw those who stand in line at the start."""
    count = source.segment.initial
    return _attributes(source, np.zeros(count, np.int64), np.arange(count))


def _arrival_ticks(per_hour: Floats, generator: np.random.Generator) -> Ints:
    """Draw a non-homogeneous Poisson process over a week: unit-rate arrivals through the inverse cumulative rate."""
    cumulative = np.concatenate([[0.0], np.cumsum(per_hour) / clock.SLOTS_PER_HOUR])
    total = cumulative[-1]
    if total == 0:
        return np.zeros(0, np.int64)
    size = int(total + 8 * np.sqrt(total) + 16)
    unit = np.cumsum(generator.standard_exponential(size))
    while unit[-1] < total:
        unit = np.concatenate([unit, unit[-1] + np.cumsum(generator.standard_exponential(size))])
    edges = np.arange(clock.SLOTS_PER_WEEK + 1) * float(clock.SLOT)
    rising = np.concatenate([[True], np.diff(cumulative) > 0])  # flat stretches hold no arrivals
    starts = np.concatenate([rising[1:], [False]])
    knots = rising | starts
    ticks = np.interp(unit[unit < total], cumulative[knots], edges[knots])
    within: Ints = np.clip(ticks.astype(np.int64), 1, clock.WEEK - 1)  # tick 0 is for those who stand in line
    return within


def _attributes(source: _Source, tick: Ints, kept: Ints) -> WeekBlock:
    """Draw what each traveller carries. All are drawn, then the kept are taken: a mark moves nobody's draws."""
    count = len(tick)
    if source.layer >= 1 << _LAYER_BITS:
        most = 1 + ((1 << _LAYER_BITS) - 1) * LAYER_WIDTH
        raise PortsimError(f"{source.segment.name}: demand is more than {most:g} times that of the network")
    if count >= 1 << _INDEX_BITS:
        raise PortsimError(f"{source.segment.name}: {count:,} travellers a week are more than can be told apart")
    return WeekBlock(
        week=source.week,
        tick=tick[kept] + source.week * clock.WEEK,
        key=source.key(kept),
        segment=np.full(len(kept), source.index, np.int64),
        patience=_patience(source, count)[kept],
        taste=_tastes(source, count)[:, kept],
        multiplier=_multipliers(source, count)[:, kept],
        referral=_referrals(source, count)[:, kept],
    )


def _patience(source: _Source, count: int) -> Ints:
    mean = source.segment.patience
    if mean == 0:
        return np.full(count, NO_LIMIT, np.int64)
    drawn = source.stream("patience").standard_exponential(count)
    return np.rint(mean * drawn).astype(np.int64)


def _tastes(source: _Source, count: int) -> Ints:
    model, alternatives = source.model, source.segment.alternatives
    tastes = np.zeros((model.most_alternatives, count), np.int64)
    if len(alternatives) > 1:
        for row, alternative in enumerate(alternatives):
            drawn = source.stream(f"taste/{model.ports[alternative.port]}").gumbel(size=count)
            tastes[row] = np.rint(model.taste_scale * drawn)
    return tastes


def _multipliers(source: _Source, count: int) -> Ints:
    model, lines = source.model, _lines(source)
    rows = {line.multiplier for line in lines}
    rows |= {model.later[referral.station].multiplier for line in lines for referral in line.referrals}
    multipliers = np.zeros((len(model.multipliers), count), np.int64)
    for row in rows:
        stage, shape = model.multipliers[row]
        drawn = _mean_one(shape, source.stream(f"service/{stage}/{shape.name}"), count)
        multipliers[row] = np.rint(drawn * ONE)
    return multipliers


def _referrals(source: _Source, count: int) -> Ints:
    uniforms = np.zeros((source.model.stages, count), np.int64)
    for stage in {referral.stage for line in _lines(source) for referral in line.referrals}:
        uniforms[stage] = source.stream(f"referral/{stage}").integers(0, ONE, count)
    return uniforms


def _lines(source: _Source) -> list[Line]:
    """Return the lines a segment's travellers may join."""
    return [source.model.lines[line] for option in source.segment.alternatives for line in option.lines]


def _mean_one(shape: Shape, generator: np.random.Generator, count: int) -> Floats:
    """Draw service-time factors of mean one."""
    if shape.kind == "deterministic":
        return np.ones(count)
    if shape.kind == "exponential":
        return generator.standard_exponential(count)
    if shape.kind == "clipped_exponential":
        return np.minimum(generator.standard_exponential(count) * _clip_scale(shape.clip), shape.clip)
    if shape.kind == "lognormal":
        variance = np.log1p(shape.cv**2)
        return generator.lognormal(-variance / 2, np.sqrt(variance), count)
    phases = 1 / shape.cv**2
    if shape.kind == "erlang":
        phases = max(1, round(phases))
    return generator.gamma(phases, 1 / phases, count)


def _clip_scale(clip: float) -> float:
    """Return the mean an exponential must have so that, cut at `clip`, it has mean one; by Newton's method."""
    scale = 1.0
    for _ in range(100):
        mean = -scale * expm1(-clip / scale)
        slope = -expm1(-clip / scale) - clip / scale * np.exp(-clip / scale)
        step = (mean - 1) / slope
        scale -= step
        if abs(step) < _SMALL:
            return float(scale)
    raise ValueError(f"clip {clip:g} is too near 1: the clipped mean cannot be one")


def _merge(parts: list[WeekBlock], model: PortModel, week: int) -> WeekBlock:
    """Put the segments' travellers in order of (tick, key)."""
    if not parts:
        none = np.zeros(0, np.int64)
        rows = [model.most_alternatives, len(model.multipliers), model.stages]
        return WeekBlock(week, none, none, none, none, *(np.zeros((row, 0), np.int64) for row in rows))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in ("tick", "key", "segment", "patience", "taste", "multiplier", "referral")
    }
    order = np.lexsort((columns["key"], columns["tick"]))
    return WeekBlock(week, **{name: np.ascontiguousarray(column[..., order]) for name, column in columns.items()})
