"""The contestants as a good SimPy programmer would write them: a process a traveller, a `simpy.Resource` a line.

Nothing of portsim is imported here. Times are whole milliseconds, so that whoever is given the same travellers must
return the same waits; without any, travellers are drawn on the way, as SimPy's own examples do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

HOUR = 3_600_000
HOURS_PER_WEEK = 168
SLOT = 300_000
NEVER = -1  # did not start, or did not depart
Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class LineOfTravellers:
    """One line: when each traveller arrives, and how long its service takes, ms; in order of arrival."""

    booths: int
    arrival: Sequence[int]
    service: Sequence[int]


def simulate_line(given: LineOfTravellers) -> list[int]:
    """Return when each traveller's service starts."""
    env: Any = simpy.Environment()  # whose clock is typed as a float, and is whole here
    booths = simpy.Resource(env, given.booths)
    start = [NEVER] * len(given.arrival)

    def travel(number: int) -> Process:
        with booths.request() as booth:
            yield booth
            start[number] = env.now
            yield env.timeout(given.service[number])

    def arrive() -> Process:
        for number, tick in enumerate(given.arrival):
            yield env.timeout(tick - env.now)
            env.process(travel(number))

    env.process(arrive())
    env.run()
    return start


# --- the border --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Station:
    """A line with its booths at primary, or a port's secondary inspection.

    `timetable`: (ms, booths open) through one week. `mean`: ms of service, by kind of traveller; `cv`: of its gamma
    distribution.
    """

    timetable: Sequence[tuple[int, int]]
    mean: Sequence[int]
    cv: float


@dataclass(frozen=True)
class Line(Station):
    """A line at primary. `capacity`: thousandths of a traveller served an hour, by hour of the week."""

    capacity: Sequence[int]
    secondary: int
    referral_share: float


@dataclass(frozen=True)
class Option:
    """A port that a segment may choose: its line, and its cost beside the wait, ms by hour of the week."""

    line: int
    cost: Sequence[int]


@dataclass(frozen=True)
class Segment:
    """Travellers of one town and kind; `per_hour` is their rate by five-minute slot of the week."""

    kind: int
    options: Sequence[Option]
    per_hour: Sequence[float]
    patience: float


@dataclass(frozen=True)
class Border:
    """A border in numbers. `week` is when the timetables begin again, `horizon` when arrivals end, ms."""

    lines: Sequence[Line]
    stages: Sequence[Station]
    segments: Sequence[Segment]
    information_interval: int
    taste_scale: int
    week: int
    horizon: int


@dataclass(slots=True)
class Traveller:
    """Who comes, when, and with what luck; and what becomes of it. Factors are of the mean service times."""

    arrival: int
    segment: Segment
    patience: float
    tastes: Sequence[float]
    primary_factor: float
    secondary_factor: float
    referral_lot: float
    line: int = NEVER
    start: int = NEVER
    depart: int = NEVER


class Booths(simpy.Resource):
    """A Resource whose capacity can change; a booth that closes finishes its traveller first."""

    def set_open(self, booths: int) -> None:
        """Open or close booths, and let the head of the line have each that is free."""
        self._capacity = booths
        while self.put_queue and len(self.users) < booths:
            self._trigger_put(None)


class BorderSimulation:
    """A border and its processes; travellers are kept as they come."""

    def __init__(self, border: Border) -> None:
        self.border = border
        self.env: Any = simpy.Environment()  # whose clock is typed as a float, and is whole here
        self.lines = [Booths(self.env) for _ in border.lines]
        self.stages = [Booths(self.env) for _ in border.stages]
        self.known_wait = [0] * len(border.lines)
        self.travellers: list[Traveller] = []

    def run(self, travellers: list[Traveller]) -> list[Traveller]:
        """Let given travellers cross, who stand in order of arrival."""
        self.travellers = travellers
        return self._run([self.arrive()])

    def run_drawing(self, seed: int) -> list[Traveller]:
        """Draw travellers on the way."""
        segments = enumerate(self.border.segments)
        return self._run([self.draw(segment, random.Random(f"{seed}/{number}")) for number, segment in segments])

    def _run(self, sources: list[Process]) -> list[Traveller]:
        stations = [*self.border.lines, *self.border.stages]
        for booths, station in zip([*self.lines, *self.stages], stations, strict=True):
            self.env.process(self.keep_timetable(booths, station))
        self.env.process(self.inform())
        for source in sources:
            self.env.process(source)
        self.env.run()
        return self.travellers

    def keep_timetable(self, booths: Booths, station: Station) -> Process:
        """Open and close booths, week after week, and for one more to clear the lines."""
        for week in range(0, self.border.horizon + self.border.week, self.border.week):
            for tick, count in station.timetable:
                if week + tick > self.env.now:
                    yield self.env.timeout(week + tick - self.env.now)
                booths.set_open(count)

    def inform(self) -> Process:
        """Refresh what travellers know of the waits."""
        while self.env.now < self.border.horizon:
            for number, line in enumerate(self.border.lines):
                self.known_wait[number] = expected_wait(len(self.lines[number].queue), line.capacity, self.env.now)
            yield self.env.timeout(self.border.information_interval)

    def arrive(self) -> Process:
        """Send the given travellers."""
        for traveller in self.travellers:
            if traveller.arrival > self.env.now:
                yield self.env.timeout(traveller.arrival - self.env.now)
            self.env.process(self.travel(traveller))

    def draw(self, segment: Segment, rng: random.Random) -> Process:
        """Draw the travellers of a segment: of a steady stream, those whom the rate of the hour lets come."""
        env, scale = self.env, self.border.taste_scale
        line = self.border.lines[segment.options[0].line]
        shape = 1 / line.cv**2
        most = max(segment.per_hour)
        while True:
            yield env.timeout(round(rng.expovariate(most) * HOUR))
            if env.now >= self.border.horizon:
                return
            if rng.random() * most < segment.per_hour[env.now // SLOT % len(segment.per_hour)]:
                traveller = Traveller(
                    arrival=env.now,
                    segment=segment,
                    patience=rng.expovariate(1 / segment.patience),
                    tastes=[-scale * math.log(-math.log(1 - rng.random())) for _ in segment.options],
                    primary_factor=rng.gammavariate(shape, 1 / shape),
                    secondary_factor=rng.expovariate(1),
                    referral_lot=rng.random(),
                )
                self.travellers.append(traveller)
                env.process(self.travel(traveller))

    def travel(self, traveller: Traveller) -> Process:
        """Choose a port, and go if the wait is worth it; primary inspection, and secondary if referred."""
        env, segment = self.env, traveller.segment
        traveller.line = choose(traveller, self.known_wait, env.now)
        if self.known_wait[traveller.line] > traveller.patience:
            return
        line = self.border.lines[traveller.line]
        with self.lines[traveller.line].request() as booth:
            yield booth
            traveller.start = env.now
            yield env.timeout(service(line.mean[segment.kind], traveller.primary_factor))
        if traveller.referral_lot < line.referral_share:
            stage = self.border.stages[line.secondary]
            with self.stages[line.secondary].request() as booth:
                yield booth
                yield env.timeout(service(stage.mean[segment.kind], traveller.secondary_factor))
        traveller.depart = env.now


def choose(traveller: Traveller, known_wait: Sequence[int], now: int) -> int:
    """Return the line of the port that costs a traveller least, of equals the first."""
    hour = now // HOUR % HOURS_PER_WEEK
    options = traveller.segment.options
    costs = [
        known_wait[option.line] + option.cost[hour] - taste
        for option, taste in zip(options, traveller.tastes, strict=False)
    ]
    return options[costs.index(min(costs))].line


def service(mean: int, factor: float) -> int:
    """Return a service time in whole ms, at least one."""
    return int(mean * factor) or 1


def expected_wait(queue: int, capacity: Sequence[int], now: int) -> int:
    """Return the ms in which the capacity of the coming hours serves a queue."""
    work, tick, hour = queue * 1_000 * HOUR, now, now // HOUR
    while True:
        rate = capacity[hour % HOURS_PER_WEEK]
        end = (hour + 1) * HOUR
        if rate * (end - tick) >= work:
            return tick + work // rate - now
        work -= rate * (end - tick)
        tick, hour = end, hour + 1


def measure(travellers: list[Traveller], lines: int) -> dict[str, np.ndarray]:
    """Return the mean wait by line and hour of the week, and the median, 90th and 95th percentile by line, ms."""
    crossed = [traveller for traveller in travellers if traveller.start != NEVER]
    line = np.array([traveller.line for traveller in crossed])
    arrival = np.array([traveller.arrival for traveller in crossed])
    wait = np.array([traveller.start for traveller in crossed]) - arrival
    cell = line * HOURS_PER_WEEK + arrival // HOUR % HOURS_PER_WEEK
    cells = lines * HOURS_PER_WEEK
    count, total = np.bincount(cell, minlength=cells), np.bincount(cell, weights=wait, minlength=cells)
    by_line = np.split(wait[np.argsort(line, kind="stable")], np.cumsum(np.bincount(line, minlength=lines))[:-1])
    return {
        "mean": total / np.maximum(count, 1),
        "percentiles": np.array([np.percentile(waits, [50, 90, 95]) for waits in by_line if len(waits)]),
    }
