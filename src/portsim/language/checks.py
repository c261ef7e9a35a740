"""What a network's parts say of each other: names that exist, shares that sum, booths that are built.

Each check yields (path, message); `scenario` finds the line the path stands on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from portsim import clock
from portsim.errors import Found, KeyPath, nearest
from portsim.language.schema import (
    MODES,
    CargoRule,
    Crossing,
    LaneType,
    Mode,
    Network,
    Observed,
    Port,
    Provenance,
    Run,
    Segment,
    Series,
    Service,
)

SHARES_SUM_WITHIN = 0.001
SHORTEST_MEAN_S = 0.001
"""One tick: a shorter inspection would take no time at all."""
LONGEST_MEAN_S = 36_000
"""Ten hours: a longer inspection is a slip, and with its spread more than a run's clock holds."""
BOOTHS_WITHIN = 1e-9
MONTHS = 12
HERDING_RATIO = 1.25
SLOW_PCT = 0.10
SLOW_WARM_UP_WEEKS = 2
TOLL_OBSERVED = (
    "a toll on an observed line: what was observed holds it already, and it would count twice. Leave it out here; "
    "a scenario's set_toll adds one to what was observed"
)


class Line(NamedTuple):
    """A lane type with where it is: its path in the network, its port, mode and crossing."""

    path: KeyPath
    port: Port
    mode: Mode
    crossing: Crossing
    lane_type: str
    lane: LaneType


def cross_check(network: Network) -> list[Found]:
    """Return everything in a network that does not fit the rest of it."""
    found: list[Found] = []
    for check in (
        _duplicate_ids,
        _ports_open,
        _travellers,
        _catchments,
        _classes,
        _month_factors,
        _constants_from,
        _segments,
        _booths,
        _policies,
    ):
        found += check(network)
    for path, stage_service, users in _services(network):
        found += _service(path, stage_service, users)
    for line in _lines(network):
        found += _referrals(line)
        found += _observed(network, line)
    found += _observed_twice(network)
    found += _sources(network, network.sources)
    return found


def warnings(network: Network, run: Run) -> list[str]:
    """Return what is allowed but unwise: news too old for the choices made by it, a warm-up too short."""
    found: list[str] = []
    interval = network.choice.information_interval_min.value
    scale = network.choice.taste_scale_min.value
    if network.choice.kind == "ports" and interval > HERDING_RATIO * scale:
        found.append(
            f"information_interval_min ({interval:g}) is above {HERDING_RATIO:g} x taste_scale_min ({scale:g}): "
            "travellers who all follow old news herd between ports, and waits come out too long"
        )
    slow = {mode: figure.value for mode, figure in network.patience_pct_per_min.items() if 0 < figure.value <= SLOW_PCT}
    never_closed = {
        line.mode
        for line in _lines(network)
        if line.port.open and line.lane.observed and (line.lane.hours or line.crossing.hours) == "24h"
    }
    too_short = run.warm_up_weeks < SLOW_WARM_UP_WEEKS
    found += [
        f"warm_up_weeks is {run.warm_up_weeks}: with patience_pct_per_min of {slow[mode]:g} for {mode}, lines that "
        f"never close need {SLOW_WARM_UP_WEEKS} weeks to settle"
        for mode in sorted(never_closed & slow.keys())
        if too_short
    ]
    return found


def cross_check_cargo_rule(rule: CargoRule, network: Network) -> list[Found]:
    """Return what a cargo rule says of ports and sources the network does not have."""
    ports = [port.id for port in network.ports]
    found: list[Found] = [
        (("truck_imports_usd_bn", port), f"unknown port '{port}': {nearest(port, ports)}")
        for port in rule.truck_imports_usd_bn
        if port not in ports
    ]
    imports = sum(figure.value for figure in rule.truck_imports_usd_bn.values())
    border = rule.border_truck_imports_usd_bn.value
    if imports > border:
        message = f"the ports' imports sum to {imports:g}, above the border's {border:g}"
        found.append((("truck_imports_usd_bn",), message))
    return found + list(_sources(rule, network.sources))


def provenances(held: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Provenance]]:
    """Yield every figure and series below, with its path; those by default too."""
    if isinstance(held, Provenance):
        yield path, held
    elif isinstance(held, BaseModel):
        for name in type(held).model_fields:
            yield from provenances(getattr(held, name), (*path, name))
    elif isinstance(held, Mapping):
        for key, value in held.items():
            yield from provenances(value, (*path, key))
    elif isinstance(held, tuple):
        for number, value in enumerate(held):
            yield from provenances(value, (*path, number))


def _lines(network: Network) -> Iterator[Line]:
    for path, port, mode, crossing in _crossings(network):
        for name, lane in crossing.lane_types.items():
            yield Line((*path, "lane_types", name), port, mode, crossing, name, lane)


def _crossings(network: Network) -> Iterator[tuple[KeyPath, Port, Mode, Crossing]]:
    for number, port in enumerate(network.ports):
        for mode in MODES:
            if crossing := port.crossing(mode):
                yield ("ports", number, mode), port, mode, crossing


def _users(network: Network, mode: Mode, lane_type: str) -> list[str]:
    """Return the classes of travellers whose own a lane type is."""
    return [
        name
        for name, traveller in network.classes.items()
        if traveller.mode == mode and lane_type in traveller.lane_types
    ]


def _unknown(what: str, word: str, allowed: Iterable[str]) -> str:
    return f"unknown {what} '{word}': {nearest(word, list(allowed))}"


# --- names -------------------------------------------------------------------------------------


def _duplicate_ids(network: Network) -> Iterator[Found]:
    yield from _repeated("ports", [port.id for port in network.ports], ())
    yield from _repeated("catchments", [catchment.id for catchment in network.catchments], ())
    yield from _repeated("segments", [segment.id for segment in network.segments], ())
    for path, _, _, crossing in _crossings(network):
        yield from _repeated("stages", [stage.id for stage in crossing.stages], path)


def _repeated(key: str, ids: Sequence[str], path: KeyPath) -> Iterator[Found]:
    for number, name in enumerate(ids):
        if name in ids[:number]:
            yield (*path, key, number, "id"), f"'{name}' is the id of another one: each needs its own"


def _catchments(network: Network) -> Iterator[Found]:
    ports = [port.id for port in network.ports]
    for number, catchment in enumerate(network.catchments):
        for port in catchment.access_min:
            if port not in ports:
                yield ("catchments", number, "access_min", port), _unknown("port", port, ports)


def _classes(network: Network) -> Iterator[Found]:
    for name, traveller in network.classes.items():
        exist = sorted({line.lane_type for line in _lines(network) if line.mode == traveller.mode})
        for number, lane_type in enumerate(traveller.lane_types):
            if lane_type not in exist:
                message = f"no port has a {traveller.mode} lane type '{lane_type}': {nearest(lane_type, exist)}"
                yield ("classes", name, "lane_types", number), message
            if lane_type in traveller.lane_types[:number]:
                yield ("classes", name, "lane_types", number), f"'{lane_type}' is listed twice"


def _constants_from(network: Network) -> Iterator[Found]:
    with_history = {line.port.id for line in _lines(network) if line.lane.observed}
    for number, port in enumerate(network.ports):
        donor = port.constants_from
        if donor is None or (donor in with_history and donor != port.id):
            continue
        allowed = sorted(with_history - {port.id})
        yield (
            ("ports", number, "constants_from"),
            f"'{donor}' has no observed lines: {nearest(donor, allowed)}",
        )


def _segments(network: Network) -> Iterator[Found]:
    for number, segment in enumerate(network.segments):
        for key, message in _segment(network, segment):
            yield ("segments", number, key), message


def _segment(network: Network, segment: Segment) -> Iterator[tuple[str, str]]:
    catchments = {catchment.id: catchment for catchment in network.catchments}
    ports = [port.id for port in network.ports]
    if segment.catchment not in catchments:
        yield "catchment", _unknown("catchment", segment.catchment, catchments)
    if segment.traveller_class not in network.classes:
        yield "traveller_class", _unknown("class", segment.traveller_class, network.classes)
    if segment.port is not None and segment.port not in ports:
        yield "port", _unknown("port", segment.port, ports)
    elif segment.port is not None:
        reach = catchments[segment.catchment].access_min if segment.catchment in catchments else {}
        if reach and segment.port not in reach:
            yield "port", f"{segment.catchment} has no access_min to {segment.port}"
        if segment.traveller_class in network.classes and not _serves(network, segment):
            yield "port", f"{segment.port} has no lane type that {segment.traveller_class} may use"


def _serves(network: Network, segment: Segment) -> bool:
    traveller = network.classes[segment.traveller_class]
    return any(
        line.port.id == segment.port and line.mode == traveller.mode and line.lane_type in traveller.lane_types
        for line in _lines(network)
    )


def _referrals(line: Line) -> Iterator[Found]:
    stages = {stage.id: stage for stage in line.crossing.stages}
    for name, share in line.lane.referral_share.items():
        at = (*line.path, "referral_share", name)
        if name not in stages:
            yield at, _unknown("stage", name, list(stages))
        elif share.value > 0 and not stages[name].stations.slots().any():
            yield at, f"{name} has no stations: whoever is referred would never leave"


def _sources(held: BaseModel, known: Mapping[str, object]) -> Iterator[Found]:
    for path, number in provenances(held):
        if number.source is not None and number.source not in known:
            yield (*path, "source"), _unknown("source", number.source, known)
        if number.source is None and number.class_ != "assumed":
            yield (*path, "class"), f"a {number.class_} number must name its source"


# --- numbers -----------------------------------------------------------------------------------


def _ports_open(network: Network) -> Iterator[Found]:
    if not any(port.open for port in network.ports):
        yield ("ports",), "every port is closed: travellers need one"


def _travellers(network: Network) -> Iterator[Found]:
    if not network.segments and not any(line.lane.observed for line in _lines(network)):
        yield (), "nobody crosses: give lane types `observed`, or the network `segments`"


def _month_factors(network: Network) -> Iterator[Found]:
    for mode, factors in network.month_factors.items():
        if len(factors) != MONTHS:
            yield ("month_factors", mode), f"{len(factors)} factors: give {MONTHS}, January to December"


def _booths(network: Network) -> Iterator[Found]:
    for path, _, mode, crossing in _crossings(network):
        positions = crossing.lane_positions.value
        for name, lane in crossing.lane_types.items():
            at = (*path, "lane_types", name)
            built = lane.booths_built
            if built is not None and built.value > positions:
                message = f"{built.value:g} booths built, but the crossing has {positions:g} lane positions"
                yield (*at, "booths_built"), message
            if built is not None:
                what = f"{name} booths are built"
                yield from _over((*at, "booths_open"), _hourly(lane.booths_open), built.value, what)
        total = np.sum([_hourly(lane.booths_open) for lane in crossing.lane_types.values()], axis=0)
        what = f"lane positions are built for all {mode} lane types"
        yield from _over((*path, "lane_positions"), total, positions, what)


def _policies(network: Network) -> Iterator[Found]:
    """Yield the lane types that responsive booths and tolls name and the crossing lacks."""
    for path, _, _, crossing in _crossings(network):
        named: list[tuple[KeyPath, str]] = []
        if crossing.responsive_booths is not None:
            at = (*path, "responsive_booths")
            named += [((*at, "lines", name), name) for name in crossing.responsive_booths.lines]
            named += [(at, name) for name in crossing.responsive_booths.concerned()]
        if crossing.responsive_toll is not None:
            at = (*path, "responsive_toll", "lane_types")
            named += [((*at, number), name) for number, name in enumerate(crossing.responsive_toll.lane_types)]
        unknown = {name: where for where, name in reversed(named) if name not in crossing.lane_types}
        for name, where in unknown.items():
            yield where, f"unknown lane type '{name}': {nearest(name, list(crossing.lane_types))}"


def _hourly(series: Series) -> npt.NDArray[np.float64]:
    return clock.hourly(series.slots())


def _over(path: KeyPath, booths: npt.NDArray[np.float64], built: float, what: str) -> Iterator[Found]:
    hour = int(np.argmax(booths))
    if booths[hour] > built + BOOTHS_WITHIN:
        yield path, f"{booths[hour]:g} booths open on {clock.hour_label(hour)}, but {built:g} {what}"


def _services(network: Network) -> Iterator[tuple[KeyPath, Service, list[str]]]:
    """Yield every service with its path and the classes of travellers it serves."""
    for line in _lines(network):
        yield (*line.path, "service"), line.lane.service, network.users_of(line.mode, line.lane_type, line.lane)
    for path, _, mode, crossing in _crossings(network):
        users = [u for name, lane in crossing.lane_types.items() for u in network.users_of(mode, name, lane)]
        for number, stage in enumerate(crossing.stages):
            yield (*path, "stages", number, "service"), stage.service, sorted(set(users))


def _service(path: KeyPath, service: Service, users: Sequence[str]) -> Iterator[Found]:
    at = (*path, "mean_s")
    by_class = service.mean_s if isinstance(service.mean_s, dict) else {}
    for name in by_class:
        if name not in users:
            yield (*at, name), _unknown("class of these lane types", name, users)
    missing = [name for name in users if by_class and name not in by_class]
    if missing:
        yield at, f"no mean for {', '.join(missing)}, who use it too"
    for key, series in by_class.items() or [("", service.mean_s)]:
        if not isinstance(series, Series):
            continue
        place = (*at, key) if key else at
        if float(series.slots().min()) < SHORTEST_MEAN_S:
            yield place, f"a mean must be at least {SHORTEST_MEAN_S:g} s in every hour"
        if float(series.slots().max()) > LONGEST_MEAN_S:
            yield place, f"a mean must be at most {LONGEST_MEAN_S:,} s in every hour"


def _observed(network: Network, line: Line) -> Iterator[Found]:
    observed = line.lane.observed
    if observed is None:
        return
    at = (*line.path, "observed")
    for path, message in (*_origins(network, line.port, observed), *_class_shares(network, line, observed)):
        yield (*at, *path), message
    if line.lane.toll_usd is not None and line.lane.toll_usd.slots().any():
        yield (*line.path, "toll_usd"), TOLL_OBSERVED
    if not observed.per_hour.slots().any():
        yield (*at, "per_hour"), "nobody joined: leave `observed` out"
    elif not line.lane.booths_open.slots().any():
        yield (*line.path, "booths_open"), "travellers were observed, but no booth ever opens"


def _observed_twice(network: Network) -> Iterator[Found]:
    """Find classes seen on two lane types of a port: a traveller joins the first of its lane types that is open."""
    seen: dict[tuple[str, str], str] = {}
    for line in _lines(network):
        if line.lane.observed is None:
            continue
        users = _users(network, line.mode, line.lane_type)
        for name in line.lane.observed.classes or users[:1]:
            first = seen.setdefault((line.port.id, name), line.lane_type)
            if first != line.lane_type:
                both = f"'{first}' and '{line.lane_type}' of {line.port.id}"
                message = f"class '{name}' is observed on {both}: make it two classes, one for each lane type"
                yield (*line.path, "observed"), message


def _origins(network: Network, port: Port, observed: Observed) -> Iterator[Found]:
    reach = {catchment.id: catchment.access_min for catchment in network.catchments}
    for name in observed.origins:
        if name not in reach:
            yield ("origins", name), _unknown("catchment", name, reach)
        elif port.id not in reach[name]:
            near = [other for other, access in reach.items() if port.id in access]
            yield ("origins", name), f"{name} has no access_min to {port.id}: {nearest(name, near)}"
    yield from _sums_to_one(("origins",), [share.value for share in observed.origins.values()])


def _class_shares(network: Network, line: Line, observed: Observed) -> Iterator[Found]:
    users = _users(network, line.mode, line.lane_type)
    if not users:
        yield (), f"no class of travellers may use the {line.mode} lane type {line.lane_type}"
    elif observed.classes is None and len(users) > 1:
        yield (
            (),
            f"several classes use this lane type ({', '.join(users)}): give their shares under `classes`",
        )
    if observed.classes is None:
        return
    for name in observed.classes:
        if name not in users:
            yield ("classes", name), _unknown(f"class of lane type {line.lane_type}", name, users)
    yield from _sums_to_one(("classes",), [share.value for share in observed.classes.values()])


def _sums_to_one(path: KeyPath, shares: Sequence[float]) -> Iterator[Found]:
    if abs(sum(shares) - 1) > SHARES_SUM_WITHIN:
        yield path, f"the shares sum to {sum(shares):.4g}: they must sum to 1"
