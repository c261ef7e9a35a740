"""The contestants in Ciw, by its own means: nodes, a routing object, distributions that hand out the given numbers.

Ciw lets a distribution and a router look at the traveller and at the simulation, so it takes the same travellers. Its
timetables mean something else, though: when the number of servers changes, all at work finish beside a whole new
roster, where portsim and SimPy let the next that come free close. So its waits on the border are near, not equal.
Ties at one instant are put in order by a lot, too, which no wait at a single line depends on.
"""

from __future__ import annotations

from typing import Any

import ciw
import numpy as np

import plain_simpy as plain

CLOCK = -1  # on the border, somebody who comes every quarter of an hour to write the waits down, and leaves
GATE, FIRST_LINE = 1, 2  # all come to a node that serves at once; lines and secondary inspections come after it


class Gaps(ciw.dists.Distribution):
    """Time between arrivals, of travellers who come at given times."""

    def __init__(self, arrival: list[int]) -> None:
        self.gaps = iter(np.diff(arrival, prepend=0).tolist())

    def sample(self, t: float | None = None, ind: Any = None) -> float:  # noqa: ARG002 - Ciw's signature
        """Return the next gap; after the last, none."""
        return float(next(self.gaps, float("inf")))


class Service(ciw.dists.Distribution):
    """Given service times, by traveller in order of arrival."""

    def __init__(self, service: list[int]) -> None:
        self.service = service

    def sample(self, t: float | None = None, ind: Any = None) -> float:  # noqa: ARG002 - Ciw's signature
        """Return the service time of a traveller; Ciw numbers them from 1."""
        return float(self.service[ind.id_number - 1])


class ServiceAt(ciw.dists.Distribution):
    """Service times at a station of the border: its mean for the kind of traveller, and the traveller's factor."""

    def __init__(self, station: plain.Station, by_id: list[plain.Traveller | None], factor: str) -> None:
        self.station, self.by_id, self.factor = station, by_id, factor

    def sample(self, t: float | None = None, ind: Any = None) -> float:  # noqa: ARG002 - Ciw's signature
        """Return the service time of a traveller."""
        traveller = self.by_id[ind.id_number - 1]
        mean = self.station.mean[traveller.segment.kind]
        return float(plain.service(mean, getattr(traveller, self.factor)))


def simulate_line(given: plain.LineOfTravellers) -> list[int]:
    """Return when each traveller's service starts."""
    network = ciw.create_network(
        arrival_distributions=[Gaps(list(given.arrival))],
        service_distributions=[Service(list(given.service))],
        number_of_servers=[given.booths],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(len(given.arrival), method="Finish")
    start = [plain.NEVER] * len(given.arrival)
    for record in simulation.get_all_records():
        start[record.id_number - 1] = int(record.service_start_date)
    return start


class BorderSimulation:
    """The border: what is known of the waits, and the way each traveller takes."""

    def __init__(self, border: plain.Border) -> None:
        self.border = border
        self.known_wait = [0] * len(border.lines)
        self.by_id: list[plain.Traveller | None] = []

    def run(self, travellers: list[plain.Traveller]) -> list[plain.Traveller]:
        """Let given travellers cross, who stand in order of arrival."""
        reviews = range(0, travellers[-1].arrival + 1, self.border.information_interval)
        coming: list[tuple[int, int, plain.Traveller | None]] = [(tick, CLOCK, None) for tick in reviews]
        coming += [(traveller.arrival, number, traveller) for number, traveller in enumerate(travellers)]
        coming.sort(key=lambda one: one[:2])
        self.by_id = [traveller for _, _, traveller in coming]
        simulation = ciw.Simulation(self._network([tick for tick, _, _ in coming]))
        simulation.simulate_until_max_customers(len(coming), method="Finish")
        for record in simulation.get_all_records():
            traveller = self.by_id[record.id_number - 1]
            if traveller is not None:
                traveller.depart = int(record.exit_date)
                if FIRST_LINE <= record.node < FIRST_LINE + len(self.border.lines):
                    traveller.start = int(record.service_start_date)
        return travellers

    def _network(self, arrival: list[int]) -> ciw.network.Network:
        lines, stages = self.border.lines, self.border.stages
        return ciw.create_network(
            arrival_distributions=[Gaps(arrival), *[None] * (len(lines) + len(stages))],
            service_distributions=[
                ciw.dists.Deterministic(0.0),
                *(ServiceAt(line, self.by_id, "primary_factor") for line in lines),
                *(ServiceAt(stage, self.by_id, "secondary_factor") for stage in stages),
            ],
            number_of_servers=[float("inf"), *(self._schedule(station) for station in [*lines, *stages])],
            routing=ciw.routing.ProcessBased(self.route),
        )

    def _schedule(self, station: plain.Station) -> ciw.Schedule:
        ticks, booths = zip(*station.timetable, strict=True)
        return ciw.Schedule(numbers_of_servers=list(booths), shift_end_dates=[*map(float, ticks[1:]), self.border.week])

    def route(self, ind: Any, simulation: ciw.Simulation) -> list[int]:
        """Return the nodes that a traveller goes to after the first; the clock goes nowhere."""
        now = int(simulation.current_time)
        traveller = self.by_id[ind.id_number - 1]
        if traveller is None:
            self._inform(simulation, now)
            return []
        chosen = plain.choose(traveller, self.known_wait, now)
        if self.known_wait[chosen] > traveller.patience:
            return []
        traveller.line = chosen
        line = self.border.lines[chosen]
        if traveller.referral_lot >= line.referral_share:
            return [FIRST_LINE + chosen]
        return [FIRST_LINE + chosen, FIRST_LINE + len(self.border.lines) + line.secondary]

    def _inform(self, simulation: ciw.Simulation, now: int) -> None:
        for number, line in enumerate(self.border.lines):
            node = simulation.nodes[FIRST_LINE + number]
            queue = node.number_of_individuals - node.number_in_service
            self.known_wait[number] = plain.expected_wait(queue, line.capacity, now)
