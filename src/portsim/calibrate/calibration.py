"""Observed volumes, lanes and waits -> a network's weekly timetables, service times, joins and waits.

Open booths and waits are profiles of the readings (`profiles`). Service times are the network's own ratios times one
factor a port and mode, such that what the booths serve is what was counted. Who joined follows by inversion
(`inversion`). Then the border is simulated, what it would have posted is compared with the profiles, and joins and
service times are corrected, three times at most and half way each time: these queues never empty, so that a fluid's
answer is minutes off, and bolder steps overshoot.

A line without enough readings keeps the booths and waits that the network states, and the shape of its joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim import clock
from portsim.border.demand import class_shares, lanes_of, patience_per_min
from portsim.calibrate import inversion, profiles
from portsim.calibrate.field import mean_of_known, posted
from portsim.calibrate.inversion import STANDING_MIN, Opening
from portsim.calibrate.observations import LINE, Feed, Observations, Volumes, of_line
from portsim.calibrate.posting import Posting, held_share, least_posted, same_as_before
from portsim.language.opening import hours_of
from portsim.language.scenario import Scenario
from portsim.language.schema import MODES, Crossing, LaneType, Mode, Network, Series
from portsim.measure.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, Measures
from portsim.runs import experiment

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str]
Group = tuple[str, str]
Progress = Callable[[str], None]

LEAST_READINGS = 100
"""Fewer, and a line keeps what the network states of it."""
ROUNDS = 20  # the service time and the share of capacity in use settle together
CORRECTIONS = 3
DAMPING = 0.5
MOST_CHANGE = 0.5  # of an hour's joins, in one correction
SEED = 1999
REPLICATIONS = 12
WEEKS = 4
CAPACITY_STEP = 0.03
RESPONSE_REPLICATIONS = 6
_THREE_HOURS = (0.25, 0.5, 0.25)
_WAIT, _ARRIVALS = HOURLY_METRICS.index("wait_mean_min"), HOURLY_METRICS.index("arrivals_per_hour")


@dataclass(frozen=True)
class Line:
    """One line as it is fitted. Arrays by hour have shape (168,), from Monday 00:00.

    `target` is the posted wait to reproduce, NaN where closed; `wait` the wait of who joins, as the network states it;
    `service_s` is the mean over its classes, of which `scale` is the factor on what the network stated.
    """

    key: Key
    stretches: tuple[Opening, ...]
    booths: Floats
    target: Floats
    wait: Floats
    joins: Floats
    stated_s: float
    service_cv: float
    scale: float = 1.0
    readings: int = 0
    free_steps: tuple[float, float] = (0.0, 0.0)
    posting: Posting = field(default_factory=Posting)
    same_as_before: float = np.nan

    @property
    def group(self) -> Group:
        """Return the port and mode whose crossings are counted together."""
        return self.key[:2]

    @property
    def is_read(self) -> bool:
        """Tell whether there are readings enough to fit it to."""
        return self.readings >= LEAST_READINGS

    @property
    def is_corrected(self) -> bool:
        """Tell whether it is corrected: it is read, or has a standing line by assumption."""
        return self.is_read or float(np.nanmean(self.target)) >= STANDING_MIN

    @property
    def service_s(self) -> float:
        """Return the mean service time, seconds."""
        return self.stated_s * self.scale

    @property
    def capacity(self) -> Floats:
        """Return what the open booths serve at most, an hour."""
        return self.booths * 3600 / self.service_s


@dataclass(frozen=True)
class Calibrated:
    """A fitted border: the network as a scenario, its lines, and what was simulated of it."""

    scenario: Scenario
    lines: tuple[Line, ...]
    replications: tuple[Measures, ...]


# --- the fit -----------------------------------------------------------------------------------


def calibrate(
    frame: Scenario,
    observed: Observations,
    volumes: Volumes,
    feed: Feed,
    *,
    replications: int = REPLICATIONS,
    corrections: int = CORRECTIONS,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Fit a network to what was observed; `frame` gives all that is not fitted. Takes minutes."""
    tell = progress or _silent
    run = _Simulation(frame, replications, jobs)
    lines = first_fit(frame.network, observed, volumes, feed)
    for number in range(corrections + 1):
        simulated = run.of(lines)
        lines = [_with_posting(line, simulated) for line in lines]
        tell(f"after {number} of {corrections} corrections: waits are {wait_error(lines, simulated):.2f} minutes off")
        if number < corrections:
            lines = corrected(frame.network, lines, simulated, volumes)
    return Calibrated(run.scenario(lines), tuple(lines), tuple(simulated))


def first_fit(network: Network, observed: Observations, volumes: Volumes, feed: Feed) -> list[Line]:
    """Return the lines before any simulation: profiles, service times by volumes, joins by inversion."""
    lines = []
    for mode, key, lane in _lanes(network):
        line = _stated(network, mode, key, lane)
        mine = of_line(observed, key)
        lines.append(line if len(mine) < LEAST_READINGS else _with_readings(line, mine, feed))
    fitted: dict[Key, Line] = {}
    for group, per_day in volumes.per_day.items():
        members = [line for line in lines if line.group == group]
        fitted |= {line.key: line for line in _fit_group(members, 7 * per_day)}
    return [fitted.get(line.key, line) for line in lines]


def counted_groups(network: Network) -> list[Group]:
    """Return every port and mode with an observed line: those whose crossings must be counted."""
    return list(dict.fromkeys((key[0], mode) for mode, key, _ in _lanes(network)))


def limits(network: Network) -> tuple[dict[Key, npt.NDArray[np.bool_]], dict[Key, float]]:
    """Return, by line, the hours in which booths work, and how many there can be: what a reading may say."""
    hours: dict[Key, npt.NDArray[np.bool_]] = {}
    most: dict[Key, float] = {}
    for port, mode, crossing, name, lane in lanes_of(network):
        key: Key = (port.id, mode, name)
        hours[key] = inversion.open_hours(inversion.openings(hours_of(crossing, lane)))
        most[key] = crossing.lane_positions.value
    return hours, most


def _lanes(network: Network) -> Iterator[tuple[Mode, Key, LaneType]]:
    for port, mode, _, name, lane in lanes_of(network):
        if lane.observed is not None:
            yield mode, (port.id, mode, name), lane


def _stated(network: Network, mode: Mode, key: Key, lane: LaneType) -> Line:
    """Return a line as the network states it."""
    stated = lane.observed
    assert stated is not None
    stretches = inversion.openings(hours_of(_crossing(network, key), lane))
    is_open = inversion.open_hours(stretches)
    wait = clock.hourly(stated.wait_min.slots())
    shares = class_shares(network, mode, key[2], stated)
    return Line(
        key,
        stretches,
        booths=clock.hourly(lane.booths_open.slots()),
        target=np.where(is_open, wait, np.nan),
        wait=wait,
        joins=clock.hourly(stated.per_hour.slots()),
        stated_s=_mean_service(lane, shares),
        service_cv=_service_cv(lane),
    )


def _with_readings(line: Line, mine: pd.DataFrame, feed: Feed) -> Line:
    """Lay the profiles of a line's readings over its open hours."""
    is_open = inversion.open_hours(line.stretches)
    seen = mine[mine["lanes_open"].notna()]
    waits = profile(mine, "wait_min", profiles.WAITS)
    booths = profile(seen, "lanes_open", profiles.BOOTHS)
    extra = feed.lines["/".join(line.key)].extra_booths
    week = booths.week.copy()
    if extra is not None:
        for day in clock.days_of(extra.days):
            week[24 * day + extra.from_hour : 24 * day + extra.to_hour] += extra.booths
    posting = Posting(least_posted(mine["wait_min"].to_numpy()))
    target = inversion.limit_falls(np.where(is_open, waits.week, np.nan), line.stretches)
    return replace(
        line,
        booths=np.where(is_open, week, 0.0).round(2),
        target=target,
        wait=inversion.waits_of_joins(true_wait(target, posting.least_min), line.stretches),
        readings=len(mine),
        free_steps=(waits.free_steps, booths.free_steps),
        posting=posting,
        same_as_before=same_as_before(mine),
    )


def profile(readings: pd.DataFrame, column: str, pooling: profiles.Pooling) -> profiles.Profile:
    """Return the profile of a column of readings."""
    weekday, hour, value = (readings[name].to_numpy() for name in ("weekday", "hour", column))
    return profiles.fit(weekday, hour, value, pooling)


def true_wait(posted_min: Floats, least_min: float) -> Floats:
    """Return the mean wait behind a mean posted one, where a line posts no less than `least_min`.

    A line that always posts its least is taken as empty; the longer the wait, the rarer such readings are among those
    of the hour, and from the wait of a standing line on there are none.
    """
    below = least_min * (STANDING_MIN - posted_min) / (STANDING_MIN - least_min)
    return np.maximum(posted_min - np.maximum(below, 0.0), 0.0)


def _fit_group(lines: Sequence[Line], weekly: float) -> list[Line]:
    """Fit the lines of one port and mode: one factor on the service times of those read meets the volume."""
    read = [line for line in lines if line.is_read]
    stated = sum(float(line.joins.sum()) for line in lines)
    others = sum(float(line.joins.sum()) for line in lines if not line.is_read) * weekly / stated
    if not read:
        return [replace(line, joins=line.joins * weekly / stated) for line in lines]
    scale = 1.0
    for _ in range(ROUNDS):
        served = [_served(replace(line, scale=scale)) for line in read]
        total = sum(
            inversion.weekly_served(rate, np.nan_to_num(line.target), line.stretches)
            for line, rate in zip(read, served, strict=True)
        )
        scale *= total / (weekly - others)
    fitted = {}
    for line in read:
        scaled = replace(line, scale=scale)
        wait = true_wait(line.target, line.posting.least_min)
        fitted[line.key] = replace(scaled, joins=inversion.joins(_served(scaled), wait, line.stretches))
    return [fitted.get(line.key, replace(line, joins=line.joins * weekly / stated)) for line in lines]


def _served(line: Line) -> Floats:
    wait = true_wait(line.target, line.posting.least_min)
    return line.capacity * inversion.used_share(wait, line.booths, line.service_s, line.service_cv)


def _crossing(network: Network, key: Key) -> Crossing:
    return next(crossing for port, mode, crossing, _, _ in lanes_of(network) if (port.id, mode) == key[:2])


def _mean_service(lane: LaneType, shares: Mapping[str, float]) -> float:
    stated = lane.service.mean_s
    if isinstance(stated, Series):
        return float(stated.slots().mean())
    return sum(float(stated[name].slots().mean()) * share for name, share in shares.items())


def _service_cv(lane: LaneType) -> float:
    if lane.service.cv is not None:
        return lane.service.cv.value
    return 0.0 if lane.service.kind == "deterministic" else 1.0


# --- corrections -------------------------------------------------------------------------------


def corrected(network: Network, lines: Sequence[Line], simulated: Sequence[Measures], volumes: Volumes) -> list[Line]:
    """Take joins and service times half way to where waits are those posted, and all the way to volumes counted.

    A wait e minutes too long means, first, that more have joined by then than should: the inversion of the longer wait
    less that of the target says how many. Second, that some were turned away or went elsewhere who will come once the
    wait is right (`_drawn_back`): as many must be taken off for the line to stay there.
    """
    by_line = posted(simulated, {line.key: line.posting for line in lines}).set_index(LINE)["posted_min"]
    errors = {
        line.key: _error(line, by_line.loc[line.key].to_numpy(), hourly_mean(simulated, line.key, _WAIT))
        for line in lines
    }
    back = _drawn_back(network, lines, errors)
    crossed = crossings(simulated)
    result = []
    for line in lines:
        if not line.is_corrected:
            result.append(line)
            continue
        change = -DAMPING * (_joined_too_many(line, errors[line.key]) + back[line.key])
        change = np.clip(change, -MOST_CHANGE * line.joins, MOST_CHANGE * line.joins)
        ratio = volumes.per_day[line.group] / crossed[line.group]
        result.append(replace(line, joins=(line.joins + change) * ratio, scale=line.scale / ratio))
    return result


def _error(line: Line, posted_min: Floats, wait_min: Floats) -> Floats:
    """Return by how much too long the wait is, minutes, smoothed; 0 where nobody joins or the line is not corrected."""
    error = np.where(np.isnan(line.target), wait_min - line.wait, posted_min - line.target)
    error = np.where(line.joins > 0, np.nan_to_num(error), 0.0)
    return _smoothed(error, line) if line.is_corrected else np.zeros_like(error)


def _joined_too_many(line: Line, error: Floats) -> Floats:
    capacity = np.maximum(line.capacity, 1e-9)
    first, last = (
        inversion.joins(capacity, np.maximum(line.wait + extra, 0.0), line.stretches) for extra in (error, 0.0)
    )
    return first - last


def _drawn_back(network: Network, lines: Sequence[Line], errors: Mapping[Key, Floats]) -> dict[Key, Floats]:
    """Return how many more would join at the target than at the simulated wait, by line.

    Patience loses beta x joins for a minute. Of a catchment's travellers to a port, 1 / taste scale for each minute by
    which its error is above the mean error of the ports they use (logit); if all are wrong alike, none goes elsewhere.
    """
    scale = network.choice.taste_scale_min.value if network.choice.kind == "ports" else np.inf
    joins = {line.key: line.joins for line in lines}
    back: dict[Key, Floats] = {}
    parts: dict[tuple[str, str, str], dict[Key, Floats]] = {}
    for mode, key, lane in _lanes(network):
        back[key] = patience_per_min(network, mode) * joins[key] * errors[key]
        origins = {} if lane.observed is None else lane.observed.origins
        for catchment, share in origins.items():
            parts.setdefault((catchment, mode, key[2]), {})[key] = share.value * joins[key]
    for ports in parts.values():
        total = np.maximum(sum(ports.values(), np.zeros(1)), 1e-9)
        mean = sum((part * errors[key] for key, part in ports.items()), np.zeros(1)) / total
        for key, part in ports.items():
            back[key] = back[key] + part * (errors[key] - mean) / scale
    return back


def _smoothed(error: Floats, line: Line) -> Floats:
    """Average an error over three hours: the noise of a simulation is not to be fitted."""
    if line.stretches:
        weight = (line.joins > 0).astype(float)
        total = sum(w * np.roll(error * weight, k - 1) for k, w in enumerate(_THREE_HOURS))
        known = sum(w * np.roll(weight, k - 1) for k, w in enumerate(_THREE_HOURS))
        return np.where(weight > 0, total / np.maximum(known, 1e-9), 0.0)
    return np.asarray(sum(w * np.roll(error, k - 1) for k, w in enumerate(_THREE_HOURS)))


def _with_posting(line: Line, simulated: Sequence[Measures]) -> Line:
    """Set how often a line's readings are held, from how often simulated hours are alike."""
    if not line.is_read:
        return line
    least = line.posting.least_min
    return replace(
        line, posting=Posting(least, held_share(line.same_as_before, hourly_waits(simulated, line.key), least))
    )


# --- simulation --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Simulation:
    """Simulates a frame with fitted lines, always on the same travellers' random numbers."""

    frame: Scenario
    replications: int
    jobs: int | None

    def scenario(self, lines: Sequence[Line]) -> Scenario:
        network = with_lines(self.frame.network, lines)
        return with_run(replace(self.frame, network=network, before=network), self.replications)

    def of(self, lines: Sequence[Line]) -> list[Measures]:
        return simulate([self.scenario(lines)], self.jobs)[0]


def wait_error(lines: Sequence[Line], simulated: Sequence[Measures]) -> float:
    """Return the mean absolute error by hour of what would be posted, minutes, of lines read, by who joins."""
    by_line = posted(simulated, {line.key: line.posting for line in lines}).set_index(LINE)["posted_min"]
    off = np.concatenate([by_line.loc[line.key].to_numpy() - line.target for line in lines if line.is_read])
    weight = np.concatenate([line.joins for line in lines if line.is_read])
    known = ~np.isnan(off)
    return float(np.average(np.abs(off[known]), weights=weight[known]))


def with_run(scenario: Scenario, replications: int, warm_up_weeks: int = 1) -> Scenario:
    """Return a scenario with the length and seed of calibration, which is not that of any study."""
    settings = {"replications": replications, "weeks": WEEKS, "warm_up_weeks": warm_up_weeks, "seed": SEED}
    return replace(scenario, run=scenario.run.model_copy(update=settings))


def simulate(scenarios: Sequence[Scenario], jobs: int | None) -> list[list[Measures]]:
    """Simulate every replication of scenarios; islands that several share are simulated once."""
    with TemporaryDirectory() as folder:
        found = experiment.run(scenarios, Path(folder), engine=experiment.default_engine(), jobs=jobs)
        return [[_in_memory(measures) for measures in replications] for replications in found]


def _in_memory(measures: Measures) -> Measures:
    """Return measures that outlive their file, without single trucks."""
    read = {name: getattr(measures, name) for name in ("groups", "summary", "lines", "hourly", "daily", "queue_10min")}
    return Measures(**read, trucks=())


def with_lines(network: Network, lines: Sequence[Line]) -> Network:
    """Return the network with fitted weeks and service times."""
    by_key = {line.key: line for line in lines}
    ports = []
    for port in network.ports:
        by_mode: dict[str, Crossing] = {}
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is not None:
                lanes = {
                    name: _with_line(lane, by_key.get((port.id, mode, name)))
                    for name, lane in crossing.lane_types.items()
                }
                by_mode[mode] = crossing.model_copy(update={"lane_types": lanes})
        ports.append(port.model_copy(update=by_mode))
    return network.model_copy(update={"ports": tuple(ports)})


def _with_line(lane: LaneType, line: Line | None) -> LaneType:
    if line is None or lane.observed is None:
        return lane
    seen = lane.observed.model_copy(
        update={
            "per_hour": _weekly(lane.observed.per_hour, line.joins),
            "wait_min": _weekly(lane.observed.wait_min, line.wait),
        }
    )
    service = scaled(lane, line.scale)
    return lane.model_copy(update={"booths_open": _weekly(lane.booths_open, line.booths), "observed": seen, **service})


def _weekly(series: Series, week: Floats) -> Series:
    forms = dict.fromkeys(("value", "steps", "days", "table", "column"))
    return series.model_copy(update={**forms, "hours": tuple(float(value) for value in week)})


def scaled(lane: LaneType, scale: float) -> dict[str, object]:
    """Return what a lane type is to be updated with for service times to be so many times what they are."""
    stated = lane.service.mean_s
    if isinstance(stated, Series):
        mean_s: object = _times(stated, scale)
    else:
        mean_s = {name: _times(series, scale) for name, series in stated.items()}
    return {"service": lane.service.model_copy(update={"mean_s": mean_s})}


def _times(series: Series, scale: float) -> Series:
    if series.value is not None:
        return series.model_copy(update={"value": series.value * scale})
    return _weekly(series, clock.hourly(series.slots()) * scale)


def hourly_mean(simulated: Sequence[Measures], key: Key, metric: int) -> Floats:
    """Return the mean of an hourly metric of a line over replications, shape (168,)."""
    number = simulated[0].lines.index(key)
    return mean_of_known(np.stack([measures.hourly[number, :, metric] for measures in simulated]))


def hourly_waits(simulated: Sequence[Measures], key: Key) -> Floats:
    """Return mean waits of single hours, shape (replications, hours measured)."""
    number = simulated[0].lines.index(key)
    return np.stack([measures.daily[number, :, :, 1].ravel() for measures in simulated])


def crossings(simulated: Sequence[Measures]) -> dict[tuple[str, str], float]:
    """Return crossings a day by port and mode."""
    column = SUMMARY_METRICS.index("crossings_per_day")
    mean = np.mean([measures.summary[:, column] for measures in simulated], axis=0)
    return {
        (port, mode): float(mean[number])
        for number, (port, mode, lane_type) in enumerate(simulated[0].groups)
        if lane_type == ALL and ALL not in {port, mode}
    }


def _silent(_said: str) -> None:
    """Tell nothing."""
