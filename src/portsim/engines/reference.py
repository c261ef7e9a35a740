"""The definition: a SimPy process a traveller, started when it decides. Written to be read.

Events are ordered by (tick, rank, id). SimPy's own heap does it: its entries are (time, priority, number, event),
and `RankedEnvironment.at` puts rank and id where SimPy puts priority and number. What an event causes runs inside
it, or through SimPy's own priorities 0 and 1, which come before all ranks of the same tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from heapq import heappush
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import simpy

from portsim import clock
from portsim.border.model import NEVER, Line, PortModel, Segment, Station
from portsim.border.policies import FIXED, BoothRule, TollRule
from portsim.border.records import CROSSED, INSIDE, LOST, NONE, TURNED_AWAY, WAITING, Crossings
from portsim.border.workload import WeekBlock, Workload
from portsim.engines import rules

TIMETABLE, PRIMARY_END, LATER_END, REVIEW, DECISION = range(2, 7)
FIRST_POLICY = 2  # at a review, after the informed and the posted wait

Process = Generator[simpy.Event, Any, None]
Ints = npt.NDArray[np.int64]


def simulate(model: PortModel, workload: Workload) -> Crossings:
    """Simulate one replication. A pure function: nothing is drawn, nothing is kept."""
    return _Simulation(model, workload).run()


class RankedEnvironment(simpy.Environment):
    """SimPy's environment, with events at a tick ordered by rank and id."""

    @property
    def tick(self) -> int:
        """Return the current tick: `now`, which SimPy allows to be a float."""
        return self._now  # type: ignore[return-value]

    def at(self, tick: int, rank: int, number: int, event: simpy.Event) -> simpy.Event:
        """Let an event happen at a tick, in its place among the others of that tick."""
        event._ok, event._value = True, None  # noqa: SLF001 - as simpy.Timeout does
        heappush(self._queue, (tick, rank, number, event))  # type: ignore[misc]
        return event

    def moment(self, tick: int, rank: int, number: int) -> simpy.Event:
        """Return a new event that happens at a tick, for a process to wait for."""
        return self.at(tick, rank, number, simpy.Event(self))


class Visit(simpy.Event):
    """One traveller's visit of a station; happens when service ends."""

    __slots__ = ("held_up", "multiplier", "number", "row", "starts", "traveller_class")

    def __init__(  # noqa: PLR0917 - made at every visit: keywords cost time
        self, env: simpy.Environment, number: int, row: int, traveller_class: int, multiplier: int, starts: Any
    ) -> None:
        super().__init__(env)
        self.number = number
        self.row = row
        self.traveller_class = traveller_class
        self.multiplier = multiplier
        self.starts = starts
        self.held_up: simpy.Event | None = None


class Booths:
    """A first-come-first-served line and its booths, which are counted, not named.

    The head of the line starts when fewer are in service than booths are open. A booth that closes finishes its
    traveller first: the next to come free is the one that closes.
    """

    def __init__(self, env: RankedEnvironment, station: Station, number: int, rank: int) -> None:
        self.env = env
        self.number = number
        self.rank = rank
        self.timetable = station.timetable
        self.mean_service = [list(map(int, row)) for row in station.mean_service]
        self.waiting: deque[Visit] = deque()
        self.in_service = 0
        self.open = 0
        self.clearing = False
        self.opened: list[tuple[int, int, int]] = []
        self.queue_area = 0
        self._area_until = 0

    def join(self, visit: Visit) -> Visit:
        """Join the line; the visit happens when its service ends."""
        if self.has_room():
            self._start(visit)
        else:
            self._account()
            self.waiting.append(visit)
        return visit

    def has_room(self) -> bool:
        """Say whether somebody could start now."""
        return self.in_service < self.open

    def held_up(self, visit: Visit) -> simpy.Event | None:  # noqa: ARG002 - of stacked booths
        """Return what a traveller whose service has ended waits for before it can leave the booth, if anything."""
        return None

    def leave(self, visit: Visit) -> None:  # noqa: ARG002 - stacked booths ask who leaves
        """Free a booth after a service, and let the head of the line start."""
        self.in_service -= 1
        self._serve()

    def keep_timetable(self) -> Process:
        """Open and close booths as the timetable says, week after week."""
        steps = list(
            zip(
                *(map(int, row) for row in (self.timetable.tick, self.timetable.booths, self.timetable.clearing)),
                strict=True,
            )
        )
        week = 0
        while True:
            for tick, booths, clearing in steps:
                yield self.env.moment(week + tick, TIMETABLE, self.number)
                self._keep_step(booths, clearing)
            week += clock.WEEK

    def _keep_step(self, booths: int, clearing: int) -> None:
        self.set_open(booths, clearing)

    def finish_account(self) -> int:
        """Return the area under the queue's length, traveller-ticks, up to now."""
        self._account()
        return self.queue_area

    def set_open(self, booths: int, clearing: int) -> None:
        """Open and close booths; without any, those that clear the line stay while somebody waits."""
        self.clearing = booths == 0 and clearing > 0 and bool(self.waiting)
        self._note_open(clearing if self.clearing else booths)
        self._serve()

    def _note_open(self, booths: int) -> None:
        if booths != self.open or not self.opened:
            self.open = booths
            self.opened.append((self.env.tick, self.number, booths))

    def _serve(self) -> None:
        while self.waiting and self.has_room():
            self._account()
            self._start(self.waiting.popleft())
        if self.clearing and not self.waiting:
            self.clearing = False
            self._note_open(0)

    def _start(self, visit: Visit) -> None:
        now = self.env.tick
        self.in_service += 1
        visit.starts[visit.row] = now
        mean = self.mean_service[visit.traveller_class][now // clock.HOUR % clock.HOURS_PER_WEEK]
        self.env.at(now + rules.service_ticks(mean, visit.multiplier), self.rank, visit.number, visit)

    def _account(self) -> None:
        now = self.env.tick
        self.queue_area += len(self.waiting) * (now - self._area_until)
        self._area_until = now


class PrimaryLine(Booths):
    """A lane type's line at primary: what travellers see, and whether they may join."""

    def __init__(self, env: RankedEnvironment, line: Line, number: int) -> None:
        super().__init__(env, line, number, PRIMARY_END)
        self.multiplier = line.multiplier
        self.timetabled = list(map(int, line.capacity))
        self.capacity = self.timetabled
        self.gate_tick = list(map(int, line.gate_tick))
        self.gate_open = list(map(int, line.gate_open))
        self.is_gate_open = False
        self.informed_wait = NEVER
        self.posted_wait = NEVER
        self.toll_steps = 0
        self.crew: ResponsiveBooths | None = None

    def keep_gate(self) -> Process:
        """Open and shut the gate, week after week."""
        week = 0
        while True:
            for tick, is_open in zip(self.gate_tick, self.gate_open, strict=True):
                yield self.env.moment(week + tick, TIMETABLE, -1 - self.number)
                self.is_gate_open = bool(is_open)
            week += clock.WEEK

    def _keep_step(self, booths: int, clearing: int) -> None:
        if self.crew is None or self.crew.leaves_to_timetable(self, booths, clearing):
            self.set_open(booths, clearing)

    def is_staffed(self) -> bool:
        """Say whether booths are meant to be open in this hour."""
        return self.timetabled[self.env.tick // clock.HOUR % clock.HOURS_PER_WEEK] > 0

    def current_wait(self) -> int:
        """Return the informed wait as of now."""
        return rules.informed_wait(len(self.waiting), self.capacity, self.env.tick)

    def wait_on_arrival(self) -> int:
        """Return the wait a traveller sees who stands before the line; none, where a booth is free."""
        ahead = len(self.waiting) + (not self.has_room())
        return rules.informed_wait(ahead, self.capacity, self.env.tick)

    def wait_read(self, *, posted: bool) -> int:
        """Return the last posted or informed wait."""
        return self.posted_wait if posted else self.informed_wait


class StackedLine(PrimaryLine):
    """A line before lanes of two booths each, one behind the other.

    A traveller takes the first empty lane, at its front booth; if none may be used, the rear booth of the first lane
    whose front one is at work. The car at the rear cannot leave before the one in front of it, nor can anyone pass it.
    """

    def __init__(self, env: RankedEnvironment, line: Line, number: int) -> None:
        super().__init__(env, line, number)
        self.lanes: list[_Lane] = []

    def has_room(self) -> bool:
        """Say whether a lane may be used that is empty, or whose rear booth can be reached."""
        used = len(self.lanes) - self.lanes.count(_EMPTY)
        return used < self.open or (used == self.open and any(front and not rear for front, rear in self.lanes))

    def held_up(self, visit: Visit) -> simpy.Event | None:
        """Return the event of the car in front leaving, if there is one."""
        front, rear = self.lanes[self._lane_of(visit)]
        if rear is not visit or front is None:
            return None
        visit.held_up = simpy.Event(self.env)
        return visit.held_up

    def leave(self, visit: Visit) -> None:
        """Leave the lane; who has been held up behind goes next, at the same tick."""
        number = self._lane_of(visit)
        front, rear = self.lanes[number]
        self.lanes[number] = _Lane(None, rear if front is visit else None)
        if front is visit and rear is not None and rear.held_up is not None:
            self.env.at(self.env.tick, self.rank, rear.number, rear.held_up)
        super().leave(visit)

    def _start(self, visit: Visit) -> None:
        used = len(self.lanes) - self.lanes.count(_EMPTY)
        if used < self.open:
            if used == len(self.lanes):
                self.lanes.append(_EMPTY)
            self.lanes[self.lanes.index(_EMPTY)] = _Lane(visit, None)
        else:
            number = next(n for n, (front, rear) in enumerate(self.lanes) if front and not rear)
            self.lanes[number] = _Lane(self.lanes[number].front, visit)
        super()._start(visit)

    def _lane_of(self, visit: Visit) -> int:
        return next(number for number, lane in enumerate(self.lanes) if visit in lane)


class _Lane(NamedTuple):
    """Who is at the two booths of a lane."""

    front: Visit | None
    rear: Visit | None


_EMPTY = _Lane(None, None)


class ResponsiveBooths:
    """The booths of one crossing that answer the wait: what timetables would open, and what reviews have moved."""

    def __init__(self, rule: BoothRule, lines: list[PrimaryLine], number: int) -> None:
        self.rule = rule
        self.number = number
        self.lines = [lines[line] for line in rule.lines]
        self.env = self.lines[0].env
        bounds = (rule.part, rule.open_above, rule.close_below, rule.least, rule.most)
        zeros = ([0] * len(rule.lines) for _ in range(4))
        self.crew = rules.Crew(*(column.tolist() for column in bounds), *zeros)
        self.clearing = [0] * len(rule.lines)
        self.responded = [False] * len(rule.lines)
        self.extra: list[int | None] = [None] * len(rule.lines)  # that travellers expect, beyond the timetables'
        for line in self.lines:
            line.crew = self

    def leaves_to_timetable(self, line: PrimaryLine, booths: int, clearing: int) -> bool:
        """Note a step of a line's timetable; say whether the line just keeps it."""
        place = self.lines.index(line)
        self.crew.base[place], self.clearing[place] = booths, clearing
        return self.rule.part[place] == FIXED or not line.is_staffed()

    def keep_officers(self) -> Process:
        """Share out the officers after each step of the timetables, week after week."""
        week = 0
        while True:
            for tick in self.rule.tick.tolist():
                yield self.env.moment(week + tick, TIMETABLE, self.number)
                self._share_out()
            week += clock.WEEK

    def review(self) -> None:
        """Read the waits, and open and close booths."""
        self._see_who_works()
        crew, rule = self.crew, self.rule
        for place, line in enumerate(self.lines):
            crew.waits[place] = line.wait_read(posted=rule.posted) if line.is_staffed() else NEVER
        rules.respond(crew, rules.on_shift(crew, rule.added, rule.positions))
        rules.balance(crew, rule.low, rule.high, rule.factor, rule.until)
        for place in range(len(self.lines)):
            crew.shift[place] = crew.booths[place] - crew.base[place]
        self._share_out()
        for place, line in enumerate(self.lines):
            self._let_expect(line, place, crew.booths[place] - crew.base[place])

    def _let_expect(self, line: PrimaryLine, place: int, extra: int) -> None:
        """Let travellers expect as many booths beyond the timetable's as are open now."""
        if extra == self.extra[place]:
            return  # as they do already
        self.extra[place] = extra
        least, most = self.crew.least[place], self.crew.most[place]
        line.capacity = [
            rules.expected_capacity(capacity, int(one), extra, least, most)
            for capacity, one in zip(line.timetabled, self.rule.one_booth[place], strict=True)
        ]

    def _see_who_works(self) -> None:
        """Let lines take part in the hours in which their timetables have booths; the others begin anew."""
        for place, line in enumerate(self.lines):
            self.crew.part[place] = int(self.rule.part[place]) if line.is_staffed() else FIXED
            if self.crew.part[place] == FIXED:
                self.crew.shift[place] = 0

    def _share_out(self) -> None:
        self._see_who_works()
        rules.allot(self.crew, rules.on_shift(self.crew, self.rule.added, self.rule.positions))
        for place, line in enumerate(self.lines):
            responds = self.crew.part[place] != FIXED
            if responds:
                line.set_open(self.crew.booths[place], 0)
            elif self.responded[place]:
                line.set_open(self.crew.base[place], self.clearing[place])
            self.responded[place] = responds


class ResponsiveToll:
    """One toll of several lines, that moves by steps towards a target wait."""

    def __init__(self, rule: TollRule, lines: list[PrimaryLine], number: int) -> None:
        self.rule = rule
        self.number = number
        self.lines = [lines[line] for line in rule.lines]
        self.step = 0
        self.changes: list[tuple[int, int, int]] = []

    def review(self) -> None:
        """Read the longest wait, and move the toll."""
        rule = self.rule
        wait = max(line.wait_read(posted=rule.posted) for line in self.lines)
        step = rules.next_toll(self.step, wait, rule.target, rule.most)
        if step != self.step:
            self.step = step
            self.changes.append((self.lines[0].env.tick, self.number, step))
            for line in self.lines:
                line.toll_steps = step


def _view(column: Ints) -> memoryview[int]:
    """Return a view of a column that reads and takes plain integers, faster than numpy's own."""
    return memoryview(column)  # type: ignore[arg-type]


class _Block:
    """A week of travellers: what they carry, and what happens to them. Views index as plain integers."""

    def __init__(self, block: WeekBlock, first: int) -> None:
        self.drawn = block
        self.first = first
        self.tick = _view(block.tick)
        self.segment = _view(block.segment)
        self.patience = _view(block.patience)
        self.taste = [_view(row) for row in block.taste]
        self.multiplier = [_view(row) for row in block.multiplier]
        self.referral = [_view(row) for row in block.referral]
        count, stages = len(block), len(block.referral)
        self.columns: dict[str, Ints] = {
            name: np.full(count, NONE, np.int64) for name in ("line", "start", "end", "depart", "outcome")
        }
        self.stage_start = np.full((stages, count), NONE, np.int64)
        self.stage_end = np.full((stages, count), NONE, np.int64)
        self.line = _view(self.columns["line"])
        self.start = _view(self.columns["start"])
        self.end = _view(self.columns["end"])
        self.depart = _view(self.columns["depart"])
        self.outcome = _view(self.columns["outcome"])
        self.stage_starts = [_view(row) for row in self.stage_start]
        self.stage_ends = [_view(row) for row in self.stage_end]


class _Simulation:
    """One run: the stations, the processes, and what they leave behind."""

    def __init__(self, model: PortModel, workload: Workload) -> None:
        self.model = model
        self.workload = workload
        self.env = RankedEnvironment(initial_time=0)
        self.lines = [
            (StackedLine if line.stacked else PrimaryLine)(self.env, line, number)
            for number, line in enumerate(model.lines)
        ]
        self.later = [
            Booths(self.env, station, len(model.lines) + number, LATER_END)
            for number, station in enumerate(model.later)
        ]
        self.segments = [_Options(segment) for segment in model.segments]
        self.referrals = [
            [(self.later[r.station], r.stage, r.share, model.later[r.station].multiplier) for r in line.referrals]
            for line in model.lines
        ]
        stations = len(self.lines) + len(self.later)
        self.crews = [
            ResponsiveBooths(rule, self.lines, stations + number) for number, rule in enumerate(model.booth_rules)
        ]
        self.tolls = [ResponsiveToll(rule, self.lines, number) for number, rule in enumerate(model.toll_rules)]
        self.blocks: list[_Block] = []
        self.posted: list[list[int]] = []
        self.inside = 0

    def run(self) -> Crossings:
        """Run to the horizon, then on, without new decisions, until the lines then there are served."""
        for booths in (*self.lines, *self.later):
            self.env.process(booths.keep_timetable())
        for line in self.lines:
            self.env.process(line.keep_gate())
        policies: list[ResponsiveBooths | ResponsiveToll] = [*self.crews, *self.tolls]
        for number, policy in enumerate(policies):
            self.env.process(self._review(policy, FIRST_POLICY + number))
        for crew in self.crews:
            self.env.process(crew.keep_officers())
        self.env.process(self._inform())
        self.env.process(self._post())
        self.env.process(self._send_travellers())
        self.env.run(until=self.model.horizon)
        while self.inside and self.env.peek() < self.model.horizon + clock.WEEK:
            self.env.step()
        return self._crossings()

    # --- processes ---

    def _inform(self) -> Process:
        """Refresh what travellers know."""
        for tick in range(0, self.model.horizon, self.model.information_interval):
            yield self.env.moment(tick, REVIEW, 0)
            for line in self.lines:
                line.informed_wait = line.current_wait()

    def _post(self) -> Process:
        """Write waits down as the border agency does; of a line whose gate is shut there is none."""
        for tick in range(0, self.model.horizon, self.model.posting_interval):
            yield self.env.moment(tick, REVIEW, 1)
            for line in self.lines:
                wait = rules.posted_wait(line.current_wait(), self.model.posting_step)
                line.posted_wait = wait if line.is_gate_open else NEVER
            self.posted.append([line.posted_wait for line in self.lines])

    def _review(self, policy: ResponsiveBooths | ResponsiveToll, number: int) -> Process:
        """Let a policy read the waits now and then, after they have been refreshed."""
        for tick in range(0, self.model.horizon, policy.rule.interval):
            yield self.env.moment(tick, REVIEW, number)
            policy.review()

    def _send_travellers(self) -> Process:
        """Start a process a traveller when it decides; those of one tick in order, after all else of the tick."""
        first, sent = 0, -1
        for drawn in self.workload.weeks():
            block = _Block(drawn, first)
            self.blocks.append(block)
            for row, tick in enumerate(block.tick):
                standing = self.segments[block.segment[row]].standing_in != NONE
                if tick > sent and not standing:  # who stands in line at the start is there before all else
                    yield self.env.moment(tick, DECISION, first + row)
                    sent = tick
                self.env.process(self._travel(block, row))
            first += len(drawn)

    def _travel(self, block: _Block, row: int) -> Process:
        """Decide; then wait, be inspected, go through later stages if referred, and leave."""
        choice = self._decide(block, row)
        if choice == NONE:
            return
        number = block.first + row
        line = self.lines[choice]
        traveller_class = self.segments[block.segment[row]].traveller_class
        self.inside += 1
        block.outcome[row] = INSIDE
        visit = Visit(self.env, number, row, traveller_class, block.multiplier[line.multiplier][row], block.start)
        yield line.join(visit)
        in_front = line.held_up(visit)
        if in_front is not None:
            yield in_front
        block.end[row] = self.env.tick
        line.leave(visit)
        for station, stage, share, multiplier in self.referrals[choice]:
            if block.referral[stage][row] < share:
                block.stage_starts[stage][row] = WAITING
                pace, starts = block.multiplier[multiplier][row], block.stage_starts[stage]
                visit = Visit(self.env, number, row, traveller_class, pace, starts)
                yield station.join(visit)
                block.stage_ends[stage][row] = self.env.tick
                station.leave(visit)
        block.depart[row] = self.env.tick
        block.outcome[row] = CROSSED
        self.inside -= 1

    def _decide(self, block: _Block, row: int) -> int:
        """Choose the port, and whether to go at all; return the line joined, or NONE."""
        options = self.segments[block.segment[row]]
        if options.standing_in != NONE:
            block.line[row] = options.standing_in
            return options.standing_in
        choice = self._choose_port(options, [taste[row] for taste in block.taste])
        if choice is None:
            block.outcome[row] = TURNED_AWAY
            return NONE
        block.line[row] = choice.line
        if not rules.has_patience(self.lines[choice.line].informed_wait, choice.toll, block.patience[row]):
            block.outcome[row] = LOST
            return NONE
        if self.model.shortest_line and len(choice.lines) > 1:
            waits = [line.wait_on_arrival() if line.is_gate_open else NEVER for line in choice.lines]
            position = self._choose_line(waits, choice.tolls)
            if position != rules.NO_LINE:
                block.line[row] = choice.lines[position].number
        return block.line[row]

    def _choose_port(self, options: _Options, tastes: list[int]) -> _Choice | None:
        """Return the port of least generalised wait, by what travellers know; of equals the first."""
        hour = self.env.tick // clock.HOUR % clock.HOURS_PER_WEEK
        best, best_cost = None, 0
        for (numbers, tolls, costs, steps), taste in zip(options.alternatives, tastes, strict=False):
            lines = [self.lines[number] for number in numbers]
            waits = [line.informed_wait if line.is_gate_open else NEVER for line in lines]
            charged = tolls[hour]
            if steps:
                charged = [
                    toll + step * line.toll_steps for toll, step, line in zip(charged, steps, lines, strict=True)
                ]
            position = self._choose_line(waits, charged)
            if position != rules.NO_LINE:
                toll = charged[position]
                cost = rules.generalised_wait(waits[position], self.model.wait_weight, toll, costs[hour], taste)
                if best is None or cost < best_cost:
                    best, best_cost = _Choice(lines, charged, numbers[position], toll), cost
        return best

    def _choose_line(self, waits: list[int], tolls: list[int]) -> int:
        return rules.choose_line(waits, tolls, self.model.wait_weight, self.model.shortest_line)

    # --- results ---

    def _crossings(self) -> Crossings:
        stations = [*self.lines, *self.later]
        blocks = self.blocks
        columns = {
            name: np.concatenate([block.columns[name] for block in blocks])
            for name in ("line", "start", "end", "depart", "outcome")
        }
        return Crossings(
            key=np.concatenate([block.drawn.key for block in blocks]),
            tick=np.concatenate([block.drawn.tick for block in blocks]),
            segment=np.concatenate([block.drawn.segment for block in blocks]),
            stage_start=np.concatenate([block.stage_start for block in blocks], axis=1),
            stage_end=np.concatenate([block.stage_end for block in blocks], axis=1),
            opened=np.array([change for booths in stations for change in booths.opened], np.int64).reshape(-1, 3),
            posted=np.array(self.posted, np.int64).reshape(-1, len(self.lines)),
            queue_area=np.array([booths.finish_account() for booths in stations], np.int64),
            ended=int(self.env.tick),
            tolls=np.array([change for toll in self.tolls for change in toll.changes], np.int64).reshape(-1, 3),
            **columns,
        )


class _Choice(NamedTuple):
    """A port chosen: its lines with their tolls, and the one preferred by what travellers know."""

    lines: list[PrimaryLine]
    tolls: list[int]
    line: int
    toll: int


class _Options:
    """A segment as the decision needs it: plain lists and integers; tolls by hour, then line."""

    def __init__(self, segment: Segment) -> None:
        self.traveller_class = segment.traveller_class
        self.standing_in = segment.alternatives[0].lines[0] if segment.initial else NONE
        self.alternatives = [
            (list(a.lines), a.toll.T.tolist(), a.cost.tolist(), a.toll_step) for a in segment.alternatives
        ]
