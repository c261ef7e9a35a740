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
from portsim.border.model import NO_LIMIT, ONE, Line, PortModel, Segment, Shape
from portsim.errors import PortsimError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SMALL = 1e-13
_BELOW_ONE = float(np.nextafter(1, 0))
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
        for layer in range(_layers(float(factor.max()))):
            part = _draw_layer(_Source(workload, index, layer, week), factor)
            if len(part.kept):
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


@dataclass(frozen=True)
class _Part:
    """The travellers of one layer: when all that were drawn arrive, in order, and the numbers of those who are kept."""

    source: _Source
    tick: Ints
    kept: Ints


def _draw_layer(source: _Source, factor: Floats) -> _Part:
    """Draw one layer of a segment, and keep those whose mark is below the demand factor, and who are of its part.

    `factor`, shape (2016,), is that of each five-minute slot, good and bad days included. Parts are told by a lot of
    their own, not by the mark: one that grows keeps its travellers and takes none of another.
    """
    layer = source.layer
    if layer >= 1 << _LAYER_BITS:
        most = 1 + ((1 << _LAYER_BITS) - 1) * LAYER_WIDTH
        raise PortsimError(f"{source.segment.name}: demand is more than {most:g} times that of the network")
    floor, width = (0.0, 1.0) if layer == 0 else (1 + (layer - 1) * LAYER_WIDTH, LAYER_WIDTH)
    _check_count(source, width * float(source.segment.per_hour.sum()) / clock.SLOTS_PER_HOUR)
    tick = _arrival_ticks(source.segment.per_hour * width, source.stream("arrivals"))
    _check_count(source, len(tick))
    mark = floor + width * source.stream("mark").random(len(tick))
    kept = mark < factor[tick // clock.SLOT]
    low, high = source.segment.part
    if high - low < 1:
        lot = source.stream("lot").random(len(tick))
        kept &= (lot >= low) & (lot < high)
    return _Part(source, tick, np.flatnonzero(kept))


def _draw_standing(source: _Source) -> _Part:
    """Draw those who stand in line at the start."""
    count = source.segment.initial
    _check_count(source, count)
    return _Part(source, np.zeros(count, np.int64), np.arange(count))


def _check_count(source: _Source, count: float) -> None:
    """Refuse more travellers than can be told apart, before they are drawn."""
    if not count < 1 << _INDEX_BITS:
        many = f"{count:,.0f}" if np.isfinite(count) else "endlessly many"
        raise PortsimError(f"{source.segment.name}: {many} travellers a week are more than can be told apart")


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


def _merge(parts: list[_Part], model: PortModel, week: int) -> WeekBlock:
    """Draw what the layers' travellers carry, and put them in order of (tick, key).

    All of a layer are drawn, then the kept are taken: a mark moves nobody's draws. They are written layer after
    layer and then each column is put in order: memory likes that far better than places all over the week.
    """
    parts = sorted(parts, key=lambda part: part.source.key(np.zeros(1, np.int64))[0])
    ends = np.cumsum([len(part.kept) for part in parts], dtype=np.int64)
    count = int(ends[-1]) if parts else 0
    rows = {"taste": model.most_alternatives, "multiplier": len(model.multipliers), "referral": model.stages}
    block = WeekBlock(
        week=week,
        **{name: np.empty(count, np.int64) for name in ("tick", "key", "segment", "patience")},
        **{name: np.zeros((number, count), np.int64) for name, number in rows.items()},
    )
    for part, end in zip(parts, ends, strict=True):
        source, kept = part.source, part.kept
        place = slice(end - len(kept), end)
        block.tick[place] = part.tick[kept] + week * clock.WEEK
        block.key[place] = source.key(kept)
        block.segment[place] = source.index
        for column, drawn in _carried(source, len(part.tick), block):
            column[place] = drawn[kept]
    _put_in_order(block, shared=any(part.source.segment.drawn_as for part in parts))
    return block


def _put_in_order(block: WeekBlock, *, shared: bool) -> None:
    """Put travellers in order of tick; those of one tick stay in order of key.

    `shared`: the parts of a shifted flow share their numbers, so that the layers are not in order of key.
    """
    bits = max(len(block), 1).bit_length()
    of_week = block.tick - block.week * clock.WEEK
    order = np.sort(of_week << bits | np.arange(len(block))) & ((1 << bits) - 1)
    if shared:
        order = np.lexsort((block.key, block.tick))
    columns = (block.tick, block.key, block.segment, block.patience)
    for column in (*columns, *block.taste, *block.multiplier, *block.referral):
        column[:] = column[order]


def _carried(source: _Source, count: int, block: WeekBlock) -> Iterator[tuple[Ints, Floats | Ints]]:
    """Yield what travellers carry, all `count` of a layer, each with the column of the block it goes to."""
    yield block.patience, _patience(source, count)
    for row, drawn in _tastes(source, count):
        yield block.taste[row], drawn
    for row, drawn in _multipliers(source, count):
        yield block.multiplier[row], drawn
    for row, uniforms in _referrals(source, count):
        yield block.referral[row], uniforms


def _patience(source: _Source, count: int) -> Floats | Ints:
    mean = source.segment.patience
    if mean == 0:
        return np.full(count, NO_LIMIT, np.int64)
    return _times(source.stream("patience").standard_exponential(count), mean)


def _tastes(source: _Source, count: int) -> Iterator[tuple[int, Floats]]:
    model, alternatives = source.model, source.segment.alternatives
    if len(alternatives) > 1:
        for row, alternative in enumerate(alternatives):
            drawn = _gumbel(source.stream(f"taste/{model.ports[alternative.port]}"), count)
            yield row, _times(drawn, model.taste_scale)


def _gumbel(generator: np.random.Generator, count: int) -> Floats:
    """Draw standard Gumbel variates as `Generator.gumbel` does, of the same numbers, in a third of the time."""
    drawn = 1 - generator.random(count)
    np.minimum(drawn, _BELOW_ONE, out=drawn)
    for _ in range(2):
        np.log(drawn, out=drawn)
        np.negative(drawn, out=drawn)
    return drawn


def _multipliers(source: _Source, count: int) -> Iterator[tuple[int, Floats]]:
    model, lines = source.model, _lines(source)
    rows = {line.multiplier for line in lines}
    rows |= {model.later[referral.station].multiplier for line in lines for referral in line.referrals}
    for row in rows:
        stage, shape = model.multipliers[row]
        yield row, _times(_mean_one(shape, source.stream(f"service/{stage}/{shape.name}"), count), ONE)


def _referrals(source: _Source, count: int) -> Iterator[tuple[int, Ints]]:
    for stage in {referral.stage for line in _lines(source) for referral in line.referrals}:
        yield stage, source.stream(f"referral/{stage}").integers(0, ONE, count)


def _times(drawn: Floats, scale: int) -> Floats:
    """Scale draws in place, to whole numbers."""
    drawn *= scale
    return np.rint(drawn, out=drawn)


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
