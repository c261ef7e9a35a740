"""Exact answers of queueing theory, for simulations to be compared with.

Rates are per hour, of service per booth; waits run from joining the line to the start of service; every line
is first come, first served before identical booths. No formula here is an approximation: what error there is
comes from cutting off probabilities below about 1e-13.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse, special
from scipy.sparse.linalg import spsolve

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_State = TypeVar("_State")

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
    and rates apply. `queue_peak` is the largest mean line, looked at each minute. `wait_probability` is that of
    those who arrive in the hour: the share of the hour in which every open booth is taken (Poisson arrivals see
    what the clock sees: Wolff 1982).
    """

    in_system_end: Floats
    queue_end: Floats
    waiting_vehicle_hours: Floats
    wait_probability: Floats
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


def mmc_wait_share_over(arrival_per_hour: float, service_per_hour: float, booths: int, minutes: float) -> float:
    """Return the share of vehicles whose wait in the M/M/c line is more than so many minutes (none is 0).

    Who waits does so for an exponential time with the rate of the spare capacity (Gross and Harris,
    Fundamentals of Queueing Theory, section 2.3). Raises ValueError as `mmc` does, or for less than 0 minutes.
    """
    if minutes < 0.0:
        raise ValueError(f"{minutes} minutes: a wait is not negative")
    line = mmc(arrival_per_hour, service_per_hour, booths)
    spare_per_min = (booths * service_per_hour - arrival_per_hour) / 60.0
    return line.wait_probability * math.exp(-spare_per_min * minutes)


def mmc_wait_quantile_min(arrival_per_hour: float, service_per_hour: float, booths: int, share: float) -> float:
    """Return the wait in minutes that a share of vehicles in the M/M/c line does not exceed.

    The inverse of `mmc_wait_share_over`; 0 where that many do not wait at all. Raises ValueError as `mmc` does,
    or for a share below 0, or 1 and above.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share {share}: give at least 0 and less than 1")
    line = mmc(arrival_per_hour, service_per_hour, booths)
    spare_per_min = (booths * service_per_hour - arrival_per_hour) / 60.0
    return max(0.0, math.log(line.wait_probability / (1.0 - share)) / spare_per_min)


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
    phase_per_hour = phases * service_per_hour
    moves = {state: list(_erlang_moves(state, arrival_per_hour, phase_per_hour, booths)) for state in states}
    probabilities = _balanced(moves)
    in_system = np.array([n for n, _ in states])
    queue = probabilities @ np.maximum(in_system - booths, 0)
    return _steady(float(probabilities[in_system >= booths].sum()), float(queue), arrival_per_hour)


def mh2c_wait(
    arrival_per_hour: float, *, slow_share: float, quick_per_hour: float, slow_per_hour: float, booths: int
) -> SteadyQueue:
    """Return the M/H2/c line: two kinds of vehicle in one Poisson stream, each with exponential service.

    `quick_per_hour` and `slow_per_hour` are the kinds' rates of service per booth, `slow_share` the share of
    slow vehicles. The Markov chain of vehicles in system and slow ones in service is solved as it stands; it is
    cut off at twice the length, and again, until the longest line has negligible probability. Raises ValueError
    where the booths cannot keep up, or for a share outside 0 to 1.
    """
    if not 0.0 <= slow_share <= 1.0 or quick_per_hour <= 0.0 or slow_per_hour <= 0.0:
        raise ValueError("the share of slow vehicles must lie between 0 and 1, and both rates be positive")
    mean_h = (1.0 - slow_share) / quick_per_hour + slow_share / slow_per_hour
    _offered_load(arrival_per_hour, 1.0 / mean_h, booths)
    kinds = ((slow_share, slow_per_hour), (1.0 - slow_share, quick_per_hour))
    most, longest = booths, 1.0
    while longest > _NEGLIGIBLE:
        most *= 2
        states = [(n, slow) for n in range(most + 1) for slow in range(min(n, booths) + 1)]
        moves = {state: list(_two_kinds_moves(state, arrival_per_hour, kinds, booths)) for state in states}
        probabilities = _balanced(moves)
        in_system = np.array([n for n, _ in states])
        longest = float(probabilities[in_system == most].sum())
    queue = probabilities @ np.maximum(in_system - booths, 0)
    return _steady(float(probabilities[in_system >= booths].sum()), float(queue), arrival_per_hour)


def mg1_wait(arrival_per_hour: float, service_per_hour: float, service_cv: float) -> SteadyQueue:
    """Return the M/G/1 line: Poisson arrivals, one booth, service of any coefficient of variation.

    Pollaczek (1930) and Khinchine (1932): the wait is that of M/M/1 times (1 + cv squared) / 2. Raises ValueError
    where the booth cannot keep up.
    """
    line = mmc(arrival_per_hour, service_per_hour, 1)
    return _steady(line.wait_probability, line.queue_mean * (1.0 + service_cv**2) / 2.0, arrival_per_hour)


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


@dataclass(frozen=True)
class FluidQueue:
    """A line of water that gathers while more flows in than the booths let through, and then runs dry.

    `cleared_h` is when, in hours from the start; the means are over what had to wait.
    """

    longest: float
    wait_longest_min: float
    cleared_h: float
    waiting_vehicle_hours: float
    wait_mean_min: float


def fluid_queue(
    *, rush_per_hour: float, rush_hours: float, later_per_hour: float, capacity_per_hour: float
) -> FluidQueue:
    """Return the fluid line of a rush beyond capacity and a steady flow below it afterwards (Newell 1982).

    Cumulative arrivals less cumulative departures, both straight lines: the limit of ever larger flows before
    ever more booths of the same service time, where that time is short beside the wait. `capacity_per_hour` is of
    all booths. Raises ValueError unless the rush is beyond capacity and the later flow below it.
    """
    if not 0.0 <= later_per_hour < capacity_per_hour < rush_per_hour or rush_hours <= 0.0:
        raise ValueError("the rush must flow faster than the capacity, and the flow after it slower")
    longest = (rush_per_hour - capacity_per_hour) * rush_hours
    cleared_h = rush_hours + longest / (capacity_per_hour - later_per_hour)
    waited = longest * cleared_h / 2.0
    return FluidQueue(
        longest=longest,
        wait_longest_min=60.0 * longest / capacity_per_hour,
        cleared_h=cleared_h,
        waiting_vehicle_hours=waited,
        wait_mean_min=60.0 * waited / (capacity_per_hour * cleared_h),
    )


def sine_in_service(
    hour: float,
    *,
    mean_per_hour: float,
    amplitude_per_hour: float,
    service_h: float,
    spread: Literal["deterministic", "exponential"],
) -> float:
    """Return the mean number in service, without a line, under arrivals that are a sine of the day.

    Arrivals are Poisson of rate mean + amplitude x sin(2 pi t / 24) and nobody ever waits: M(t)/G/infinity, long
    after its start (Eick, Massey and Whitt 1993, theorem 1). The number is a Poisson variable.
    """
    pace = 2.0 * math.pi / 24.0
    if spread == "deterministic":
        swing = (math.cos(pace * (hour - service_h)) - math.cos(pace * hour)) / pace
    else:
        lag = pace * service_h
        swing = service_h * (math.sin(pace * hour) - lag * math.cos(pace * hour)) / (1.0 + lag**2)
    return mean_per_hour * service_h + amplitude_per_hour * swing


def logit_shares(cost_min: Sequence[float], taste_scale_min: float) -> list[float]:
    """Return the shares of options of so many minutes' cost, chosen by cost less a Gumbel taste of that scale.

    McFadden (1974): proportional to exp(-cost / scale). Raises ValueError unless the scale is positive.
    """
    if taste_scale_min <= 0.0:
        raise ValueError(f"taste scale {taste_scale_min}: must be positive")
    return [float(share) for share in special.softmax(-np.asarray(cost_min, float) / taste_scale_min)]


def equilibrium_wait_change_min(capacity_ratio: float, beta_per_min: float) -> float:
    """Return by how many minutes the wait of an always busy line shifts when its capacity is multiplied.

    With patience exponential of rate beta, trips made are potential demand x exp(-beta x wait); in the long
    run they equal capacity, so the wait moves by ln(1 / capacity_ratio) / beta, whatever the demand. Raises
    ValueError unless both are positive: where the wait deters nobody (beta 0) there is no new equilibrium.
    """
    if capacity_ratio <= 0.0 or beta_per_min <= 0.0:
        raise ValueError("capacity ratio and beta must be positive")
    return -math.log(capacity_ratio) / beta_per_min


def equilibrium_waits_min(
    demand_per_hour: float, capacity_per_hour: Sequence[float], *, taste_scale_min: float, beta_per_min: float
) -> list[float]:
    """Return the waits of always busy ports among which travellers choose by wait and Gumbel taste.

    A port of wait w is chosen in the logit share, exp(-w / scale) over the sum D of all ports', and of those who
    choose it exp(-beta x w) go; in the long run they equal its capacity. So w = ln(demand / (capacity x D)) /
    (1 / scale + beta), with D solved in closed form: two ports differ by ln(ratio of capacities) / (1 / scale +
    beta). It is the stochastic user equilibrium of Daganzo and Sheffi (1977) with elastic demand. Raises ValueError
    unless all numbers are positive, and where a port would have no line.
    """
    capacity = np.asarray(capacity_per_hour, float)
    if min(demand_per_hour, taste_scale_min, beta_per_min, capacity.min()) <= 0.0:
        raise ValueError("demand, capacities, taste scale and beta must be positive")
    power = 1.0 / (1.0 + beta_per_min * taste_scale_min)
    together = ((capacity**power).sum() / demand_per_hour**power) ** (1.0 / (1.0 - power))
    waits = np.log(demand_per_hour / (capacity * together)) / (1.0 / taste_scale_min + beta_per_min)
    if waits.min() < 0.0:
        raise ValueError("a port would have no line: demand is too small for this equilibrium")
    return [float(wait) for wait in waits]


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
    in_system_start: int = 0,
    finish_vehicle: bool = True,
) -> TimeVaryingQueue:
    """Return the expected course of an M(t)/M/s(t) line; one rate and booth count an hour.

    It starts with `in_system_start` vehicles, who all begin their service or their wait at the start.

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
    if in_system_start < 0:
        raise ValueError(f"{in_system_start} vehicles at the start: give 0 or more")
    state = np.zeros((1, in_system_start + 1))
    state[0, in_system_start] = 1.0
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
        wait_probability=np.array([course.wait_probability for course in courses]),
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


def _balanced(moves: Mapping[_State, Sequence[tuple[_State, float]]]) -> Floats:
    """Return the long-run probabilities of a Markov chain's states, from the moves out of each, the first empty.

    Moves to states that are not listed are left out.
    """
    index = {state: place for place, state in enumerate(moves)}
    rates = sparse.lil_array((len(index), len(index)))
    for state, place in index.items():
        for target, rate in moves[state]:
            if target in index:
                rates[index[target], place] += rate
                rates[place, place] -= rate
    balance = rates.tocsc()
    # Balance fixes probabilities up to a factor: the empty state gets weight 1, and its equation goes.
    weights = np.append(1.0, spsolve(balance[1:, 1:], -balance[1:, [0]].toarray().ravel()))
    probabilities: Floats = weights / weights.sum()
    return probabilities


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


def _two_kinds_moves(
    state: tuple[int, int], arrival_per_hour: float, kinds: Sequence[tuple[float, float]], booths: int
) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield the states one event away, with their rates: an arrival or a service done, of either kind.

    A state is the vehicles in system and the slow ones in service; `kinds` are (share, rate), the slow first. Who
    waits shows its kind when its service starts.
    """
    n, slow = state
    (slow_share, slow_per_hour), (quick_share, quick_per_hour) = kinds
    quick = min(n, booths) - slow
    done = ((-1, slow * slow_per_hour), (0, quick * quick_per_hour))  # slow ones fewer in service, rate
    if n < booths:
        yield (n + 1, slow + 1), arrival_per_hour * slow_share
        yield (n + 1, slow), arrival_per_hour * quick_share
    else:
        yield (n + 1, slow), arrival_per_hour
    for fewer, rate in done:
        if rate > 0.0 and n <= booths:
            yield (n - 1, slow + fewer), rate
        elif rate > 0.0:
            yield (n - 1, slow + fewer + 1), rate * slow_share
            yield (n - 1, slow + fewer), rate * quick_share


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
    taken: Floats

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
            taken=(in_service >= booths).astype(float),
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
    wait_probability: float
    queue_peak: float


def _through_hour(state: Floats, hour: _Hour) -> tuple[_Course, Floats]:
    """Carry the probabilities through one hour: mix the chain after k jumps by the Poisson probability of k.

    The mean queue after each k is all that its course over the hour needs: its value at time t is the Poisson
    mixture with mean jumps x t, its integral the mixture with the tails. So it is with the chance that all
    booths are taken.
    """
    k = np.arange(_most(hour.jumps_per_hour) + 1)
    at_end = _poisson(k, hour.jumps_per_hour)
    queue, taken = np.zeros(len(k)), np.zeros(len(k))
    end = np.zeros_like(hour.waiting)
    state = np.pad(state, ((0, 0), (0, end.shape[1] - state.shape[1])))
    for jump, weight in enumerate(at_end):
        rows = len(state)
        queue[jump] = np.vdot(state, hour.waiting[:rows])
        taken[jump] = np.vdot(state, hour.taken[:rows])
        if weight > _NEGLIGIBLE**2:
            end[:rows] += weight * state
        state = hour.jump(state)
        if rows > 1 and state[-1].sum() < _NEGLIGIBLE:
            state = state[:-1]
    later = special.pdtrc(k, hour.jumps_per_hour) / hour.jumps_per_hour
    times = np.linspace(0.0, 1.0, _INSTANTS_PER_HOUR + 1)[1:, None]  # the start belongs to the hour before
    course = _Course(
        in_system_end=float(end.sum(axis=0) @ np.arange(end.shape[1])),
        queue_end=float(np.vdot(end, hour.waiting)),
        waiting_vehicle_hours=float(queue @ later),
        wait_probability=float(taken @ later),
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
