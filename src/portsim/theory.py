"""Exact answers of queueing theory, for simulations to be compared with.

Rates are per hour, of service per booth; waits run from joining the line to the start of service; every line
is first come, first served before identical booths. No formula here is an approximation: what error there is
comes from cutting off probabilities below about 1e-13.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, special
from scipy.sparse.linalg import spsolve

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NEGLIGIBLE = 1e-14  # probability that may be cut off at the edge of a state space
_LEFT_OVER = 1e-6  # probability of a service outlasting a whole hour that is still taken as none
_INSTANTS_PER_HOUR = 60  # at which the mean queue is looked at for its peak


@dataclass(frozen=True)
class SteadyQueue:
    """A line in the long run: probability of waiting, mean vehicles waiting, and mean wait in hours."""

    wait_probability: float
    queue_mean: float
    wait_mean_h: float

    @property
    def wait_mean_min(self) -> float:
        """Mean wait in minutes, over everybody (those who do not wait count as zero)."""
        return 60.0 * self.wait_mean_h


@dataclass(frozen=True)
class Tandem:
    """Primary inspection and the secondary inspection it refers to, in the long run."""

    primary: SteadyQueue
    secondary: SteadyQueue
    crossing_time_mean_min: float


@dataclass(frozen=True)
class TimeVaryingQueue:
    """Expected course of a line over hours that differ, one entry an hour.

    The vehicles in the system and in the line are those at the hour's end, just before the next hour's booths
    and rates apply. `queue_peak` is the largest mean line, looked at each minute.
    """

    in_system_end: Floats
    queue_end: Floats
    waiting_vehicle_hours: Floats
    queue_peak: float
    arrivals: float

    @property
    def waiting_vehicle_hours_total(self) -> float:
        """Expected vehicle-hours in line over all the hours."""
        return float(self.waiting_vehicle_hours.sum())

    @property
    def wait_mean_min(self) -> float:
        """Minutes waited within these hours per arrival; what the last line has yet to wait is left out."""
        return 60.0 * self.waiting_vehicle_hours_total / self.arrivals


def mmc(arrival_per_hour: float, service_per_hour: float, booths: int) -> SteadyQueue:
    """Return the M/M/c line: Poisson arrivals, exponential service (Erlang 1917, formula C).

    Erlang's loss formula B comes first, by its recursion over booths: it has no factorials, so hundreds of
    booths are as safe as one. Raises ValueError where the booths cannot keep up.
    """
    load = _offered_load(arrival_per_hour, service_per_hour, booths)
    blocked = 1.0
    for booth in range(1, booths + 1):
        blocked = load * blocked / (booth + load * blocked)
    utilisation = load / booths
    waits = blocked / (1.0 - utilisation * (1.0 - blocked))
    return _steady(waits, waits * utilisation / (1.0 - utilisation), arrival_per_hour)


def mdc_wait(arrival_per_hour: float, service_per_hour: float, booths: int) -> SteadyQueue:
    """Return the M/D/c line: Poisson arrivals, every service of the same length (Crommelin 1932).

    Numbers in system one service time apart obey N' = max(N - c, 0) + Poisson(load). The generating function
    of max(N - c, 0) has the denominator z**c - exp(-load (1 - z)), whose c - 1 zeros inside the unit circle
    fix the rest; they are values of Lambert's W. The error is absolute, about 1e-15 x booths vehicles in
    line, so a line that is nearly always empty has few correct digits. Raises ValueError where the booths
    cannot keep up.
    """
    load = _offered_load(arrival_per_hour, service_per_hour, booths)
    utilisation = load / booths
    unity = np.exp(2j * np.pi * np.arange(1, booths) / booths)
    zeros = -special.lambertw(-utilisation * math.exp(-utilisation) * unity) / utilisation
    spare = booths - load
    queue = np.sum(1.0 / (1.0 - zeros)).real - (booths * (booths - 1) - load**2) / (2.0 * spare)
    waits = 1.0 - spare / np.prod(1.0 - zeros).real
    return _steady(float(waits), float(queue), arrival_per_hour)


def mekc_wait(arrival_per_hour: float, service_per_hour: float, booths: int, phases: int) -> SteadyQueue:
    """Return the M/E_k/c line: Poisson arrivals, service the sum of k exponential phases (cv = 1/sqrt(k)).

    The Markov chain of vehicles in system and vehicles in each phase is solved as it stands, cut off where
    the M/M/c line, whose tail is the longer, has negligible probability. The work grows fast with phases x
    booths: tens of milliseconds for 5 booths and 2 phases, a second for 10 and 3. Raises ValueError where the
    booths cannot keep up, or without a phase.
    """
    load = _offered_load(arrival_per_hour, service_per_hour, booths)
    if phases < 1:
        raise ValueError(f"{phases} phases: give at least 1")
    most = booths + math.ceil(math.log(_NEGLIGIBLE) / math.log(load / booths))
    states = [(n, busy) for n in range(most + 1) for busy in _in_phases(min(n, booths), phases)]
    index = {state: place for place, state in enumerate(states)}
    rates = sparse.lil_array((len(states), len(states)))
    for state, place in index.items():
        for target, rate in _erlang_moves(state, arrival_per_hour, phases * service_per_hour, booths):
            if target in index:
                rates[index[target], place] += rate
                rates[place, place] -= rate
    balance = rates.tocsc()
    # Balance fixes probabilities up to a factor: the empty state gets weight 1, and its equation goes.
    weights = np.append(1.0, spsolve(balance[1:, 1:], -balance[1:, [0]].toarray().ravel()))
    probabilities = weights / weights.sum()
    in_system = np.array([n for n, _ in states])
    queue = probabilities @ np.maximum(in_system - booths, 0)
    return _steady(float(probabilities[in_system >= booths].sum()), float(queue), arrival_per_hour)


def jackson_tandem(
    arrival_per_hour: float,
    *,
    primary_per_hour: float,
    primary_booths: int,
    referral_share: float,
    secondary_per_hour: float,
    secondary_booths: int,
) -> Tandem:
    """Return primary inspection with a share referred to secondary, all service exponential (Jackson 1957).

    Departures of an M/M/c line are Poisson (Burke 1956), so each station is an M/M/c line of its own. The
    crossing time is the average over all vehicles, referred or not, of their waits and services. Raises
    ValueError where a station cannot keep up, or for a share outside 0 to 1 (0 itself leaves no second
    station).
    """
    if not 0.0 < referral_share <= 1.0:
        raise ValueError(f"referral share {referral_share}: give more than 0 and at most 1")
    primary = mmc(arrival_per_hour, primary_per_hour, primary_booths)
    secondary = mmc(referral_share * arrival_per_hour, secondary_per_hour, secondary_booths)
    at_primary = primary.wait_mean_min + 60.0 / primary_per_hour
    at_secondary = secondary.wait_mean_min + 60.0 / secondary_per_hour
    return Tandem(primary, secondary, at_primary + referral_share * at_secondary)


def equilibrium_wait_change_min(capacity_ratio: float, beta_per_min: float) -> float:
    """Return by how many minutes the wait of an always busy line shifts when its capacity is multiplied.

    With patience exponential of rate beta, trips made are potential demand x exp(-beta x wait); in the long
    run they equal capacity, so the wait moves by ln(1 / capacity_ratio) / beta, whatever the demand. Raises
    ValueError unless both are positive: where the wait deters nobody (beta 0) there is no new equilibrium.
    """
    if capacity_ratio <= 0.0 or beta_per_min <= 0.0:
        raise ValueError("capacity ratio and beta must be positive")
    return -math.log(capacity_ratio) / beta_per_min


def kiefer_wolfowitz(arrivals: Ints, services: Ints, booths: int) -> Ints:
    """Return the ticks at which services start, for arrivals in order of line and booths that never close.

    Kiefer and Wolfowitz (1955): each vehicle takes the booth that comes free first. Exact on integers, path
    by path. Raises ValueError for arrivals out of order, lengths that differ, or no booth.
    """
    if booths < 1 or len(arrivals) != len(services) or np.any(np.diff(arrivals) < 0):
        raise ValueError("give ordered arrivals, one service time for each, and at least one booth")
    starts = np.empty(len(arrivals), np.int64)
    free = [int(arrivals[0])] * booths if len(arrivals) else []
    for place, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
        starts[place] = start
    return starts


def time_varying_queue(
    arrival_per_hour: Sequence[float],
    booths: Sequence[int],
    service_per_hour: Sequence[float],
    *,
    finish_vehicle: bool = True,
) -> TimeVaryingQueue:
    """Return the expected course of an M(t)/M/s(t) line that starts empty; one rate and booth count an hour.

    The forward (Kolmogorov) equations are solved by uniformisation (Jensen 1953; Grassmann 1977), to about
    1e-9. There are two rules for the vehicles in service when an hour turns:

    - `finish_vehicle=True`, as portsim simulates. A booth that closes finishes its vehicle first, the head of
      the line starts only when those in service are fewer than the booths open, and a service keeps the
      length drawn at its start, with the mean of that hour. The state is (vehicles in service since before
      the hour, vehicles in system), which is exact as long as no service of one hour outlasts the whole of
      the next.
    - `finish_vehicle=False`, as in textbooks. Vehicles whose booth closes go back to the head of the line,
      and everybody in service goes on at the new hour's rate. The state is the vehicles in system.

    The length of a service may matter more than the booths: on San Ysidro's SENTRI day of 2017, drawing at
    the start adds 1.5% to the waiting, finishing the vehicle takes off 0.03%. Raises ValueError for lengths
    that differ, values out of range, or service so slow that the first rule's state would not do (a chance
    over one in a million that an hour ends with a vehicle that was in service before it, and whose rate was
    another).
    """
    _check_hours(arrival_per_hour, booths, service_per_hour)
    state = np.ones((1, 1))
    before = service_per_hour[0]
    courses = []
    for arrival, open_booths, service in zip(arrival_per_hour, booths, service_per_hour, strict=True):
        hour = _Hour.of(state.shape, arrival, open_booths, before, service)
        course, state = _through_hour(state, hour)
        courses.append(course)
        if finish_vehicle:
            if before != service and state[1:].sum() > _LEFT_OVER:
                raise ValueError("a service may outlast a whole hour: too slow for rates that change by the hour")
            state = _by_in_service(state, hour.in_service)
        else:
            state = state.sum(axis=0, keepdims=True)
        state = _without_tail(state)
        before = service
    return TimeVaryingQueue(
        in_system_end=np.array([course.in_system_end for course in courses]),
        queue_end=np.array([course.queue_end for course in courses]),
        waiting_vehicle_hours=np.array([course.waiting_vehicle_hours for course in courses]),
        queue_peak=max(course.queue_peak for course in courses),
        arrivals=float(sum(arrival_per_hour)),
    )


def _offered_load(arrival_per_hour: float, service_per_hour: float, booths: int) -> float:
    if arrival_per_hour <= 0.0 or service_per_hour <= 0.0 or booths < 1:
        raise ValueError("arrival and service rates must be positive, with at least one booth")
    load = arrival_per_hour / service_per_hour
    if load >= booths:
        raise ValueError(f"utilisation {load / booths:.3f}: the line grows without bound unless it is below 1")
    return load


def _steady(wait_probability: float, queue_mean: float, arrival_per_hour: float) -> SteadyQueue:
    return SteadyQueue(wait_probability, queue_mean, queue_mean / arrival_per_hour)  # Little's law


_ErlangState = tuple[int, tuple[int, ...]]  # vehicles in system, vehicles in each phase of service


def _in_phases(vehicles: int, phases: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to spread the vehicles in service over the phases."""
    if phases == 1:
        yield (vehicles,)
        return
    for first in range(vehicles + 1):
        for rest in _in_phases(vehicles - first, phases - 1):
            yield (first, *rest)


def _erlang_moves(
    state: _ErlangState, arrival_per_hour: float, phase_per_hour: float, booths: int
) -> Iterator[tuple[_ErlangState, float]]:
    """Yield the states one event away, with their rates: an arrival, a phase done, a service done."""
    n, busy = state
    yield (n + 1, _shift(busy, 0, +1) if n < booths else busy), arrival_per_hour
    for phase, vehicles in enumerate(busy):
        if not vehicles:
            continue
        left = _shift(busy, phase, -1)
        if phase + 1 < len(busy):
            yield (n, _shift(left, phase + 1, +1)), vehicles * phase_per_hour
        else:
            yield (n - 1, _shift(left, 0, +1) if n > booths else left), vehicles * phase_per_hour


def _shift(busy: tuple[int, ...], phase: int, change: int) -> tuple[int, ...]:
    return (*busy[:phase], busy[phase] + change, *busy[phase + 1 :])


def _check_hours(arrivals: Sequence[float], booths: Sequence[int], services: Sequence[float]) -> None:
    if not len(arrivals) == len(booths) == len(services) > 0:
        raise ValueError(f"{len(arrivals)} arrival rates, {len(booths)} booths, {len(services)} service rates")
    if min(arrivals) < 0.0 or sum(arrivals) <= 0.0 or min(booths) < 0 or min(services) <= 0.0:
        raise ValueError("arrival rates and booths must not be negative, some arrivals and all service rates positive")
    if any(count != int(count) for count in booths):
        raise ValueError("booths must be whole numbers: a fraction of a booth has no vehicle in service")


@dataclass(frozen=True)
class _Hour:
    """The uniformised chain of an hour; rows: in service since before it, columns: in system.

    `arrival`, `old_done` and `new_done` are chances of the next jump; else it leads back to the same state.
    """

    jumps_per_hour: float
    arrival: float
    old_done: Floats
    new_done: Floats
    in_service: Ints
    waiting: Floats

    @classmethod
    def of(
        cls,
        shape: tuple[int, int],
        arrival_per_hour: float,
        booths: int,
        old_per_hour: float,
        new_per_hour: float,
    ) -> _Hour:
        rows, width = shape
        # No more can join in the hour than its arrivals, so wide enough is known beforehand.
        n = np.arange(width + _most(arrival_per_hour))
        old = np.arange(rows)[:, None]
        in_service = np.maximum(old, np.minimum(n, booths))
        # More than `booths` are in service only while all are old: nobody starts before a booth is to spare.
        done_most = max(rows - 1, booths) * max(old_per_hour, new_per_hour)
        jumps = max(arrival_per_hour + done_most, 1.0)
        return cls(
            jumps_per_hour=jumps,
            arrival=arrival_per_hour / jumps,
            old_done=(old * (old_per_hour / jumps)).astype(float),
            new_done=((in_service - old) * (new_per_hour / jumps)).astype(float),
            in_service=in_service,
            waiting=np.maximum(n - in_service, 0).astype(float),
        )

    def jump(self, state: Floats) -> Floats:
        """Return the probabilities after one jump of the chain."""
        rows = len(state)
        old, new = state * self.old_done[:rows], state * self.new_done[:rows]
        after: Floats = state * (1.0 - self.arrival) - old - new
        after[:, 1:] += self.arrival * state[:, :-1]
        after[:, :-1] += new[:, 1:]
        after[:-1, :-1] += old[1:, 1:]
        return after


@dataclass(frozen=True)
class _Course:
    in_system_end: float
    queue_end: float
    waiting_vehicle_hours: float
    queue_peak: float


def _through_hour(state: Floats, hour: _Hour) -> tuple[_Course, Floats]:
    """Carry the probabilities through one hour: mix the chain after k jumps by the Poisson probability of k.

    The mean queue after each k is all that its course over the hour needs: its value at time t is the Poisson
    mixture with mean jumps x t, its integral the mixture with the tails.
    """
    k = np.arange(_most(hour.jumps_per_hour) + 1)
    at_end = _poisson(k, hour.jumps_per_hour)
    queue = np.zeros(len(k))
    end = np.zeros_like(hour.waiting)
    state = np.pad(state, ((0, 0), (0, end.shape[1] - state.shape[1])))
    for jump, weight in enumerate(at_end):
        rows = len(state)
        queue[jump] = np.vdot(state, hour.waiting[:rows])
        if weight > _NEGLIGIBLE**2:
            end[:rows] += weight * state
        state = hour.jump(state)
        if rows > 1 and state[-1].sum() < _NEGLIGIBLE:
            state = state[:-1]
    times = np.linspace(0.0, 1.0, _INSTANTS_PER_HOUR + 1)[1:, None]  # the start belongs to the hour before
    course = _Course(
        in_system_end=float(end.sum(axis=0) @ np.arange(end.shape[1])),
        queue_end=float(np.vdot(end, hour.waiting)),
        waiting_vehicle_hours=float(queue @ special.pdtrc(k, hour.jumps_per_hour)) / hour.jumps_per_hour,
        queue_peak=float((_poisson(k, hour.jumps_per_hour * times) @ queue).max()),
    )
    return course, end


def _poisson(k: Ints, mean: float | Floats) -> Floats:
    probabilities: Floats = np.exp(special.xlogy(k, mean) - mean - special.gammaln(k + 1))
    return probabilities


def _most(mean: float) -> int:
    """Return a count that a Poisson variable exceeds with probability below 1e-13 (Bernstein's bound)."""
    return math.ceil(mean + 8.0 * math.sqrt(mean) + 22.0)


def _by_in_service(state: Floats, in_service: Ints) -> Floats:
    """Return the probabilities with everybody in service at the hour's end counted as old."""
    rows, width = state.shape
    old = np.zeros((int(in_service.max()) + 1, width))
    np.add.at(old, (in_service, np.broadcast_to(np.arange(width), (rows, width))), state)
    return old


def _without_tail(state: Floats) -> Floats:
    """Return the probabilities without the longest lines, which together are negligible."""
    beyond = np.cumsum(state.sum(axis=0)[::-1])[::-1]
    kept: Floats = state[:, beyond > _NEGLIGIBLE]
    return kept
