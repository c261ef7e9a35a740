"""Changes of how a line treats its travellers: inspection times, who may join, who is referred, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from portsim.language.edits import (
    NOTE,
    ChangeFault,
    LineAt,
    find_crossing,
    find_line,
    lines_named,
    nothing,
    with_crossing,
    with_line,
)
from portsim.language.schema import (
    Admit,
    Crossing,
    Figure,
    Network,
    RespondToll,
    Series,
    Service,
    SetReferralShare,
    SetServiceTime,
    SetToll,
)

# --- inspection times --------------------------------------------------------------------------


def set_service_time(network: Network, change: SetServiceTime) -> Network:
    """Change mean inspection times at booths, or at a later stage."""
    if change.stage is not None:
        return _set_stage_time(network, change, change.stage)
    before, everybody = network, set[str]()
    for at, lane in lines_named(network, change.port, change.mode, change.lane_types):
        users = network.users_of(change.mode, at.lane_type, lane)
        everybody |= set(users)
        network = with_line(network, at, {"service": _retimed(lane.service, change, users)})
    if everybody.isdisjoint(change.classes or everybody):
        raise nothing("classes", because="none of these classes uses these lane types")
    return _unless_equal(network, before, change)


def _set_stage_time(network: Network, change: SetServiceTime, stage_id: str) -> Network:
    _, crossing = find_crossing(network, change.port, change.mode)
    lanes = crossing.lane_types.items()
    users = sorted({user for name, lane in lanes for user in network.users_of(change.mode, name, lane)})
    stages = tuple(
        stage.model_copy(update={"service": _retimed(stage.service, change, users)}) if stage.id == stage_id else stage
        for stage in crossing.stages
    )
    return _unless_equal(with_crossing(network, change.port, change.mode, {"stages": stages}), network, change)


def _unless_equal(network: Network, before: Network, change: SetServiceTime) -> Network:
    if network == before or change.factor == 1:
        key = "mean_s" if change.factor is None else "factor"
        raise nothing(key, because="an inspection takes this long already")
    return network


def _retimed(service: Service, change: SetServiceTime, users: Sequence[str]) -> Service:
    """Return a service with its mean changed: of all who use it, or of the classes named."""
    if change.classes is None:
        if isinstance(service.mean_s, dict):
            return _with_mean(service, {name: _scaled(mean, change) for name, mean in service.mean_s.items()})
        return _with_mean(service, _scaled(service.mean_s, change))
    means = mean_by_class(service, users)
    concerned = {name for name in change.classes if name in means}
    if not concerned:
        return service
    return _with_mean(
        service, {name: _scaled(mean, change) if name in concerned else mean for name, mean in means.items()}
    )


def mean_by_class(service: Service, users: Sequence[str]) -> dict[str, Series]:
    """Return mean inspection times by class, of those who use the line."""
    if isinstance(service.mean_s, dict):
        return dict(service.mean_s)
    return dict.fromkeys(users, service.mean_s)


def _scaled(mean: Series, change: SetServiceTime) -> Series:
    if change.mean_s is not None:
        same = bool((mean.slots() == change.mean_s).all())
        return mean if same else Series(value=change.mean_s, note=NOTE)
    factor = change.factor or 1.0
    if mean.value is not None:
        return Series(value=mean.value * factor, note=NOTE)
    slots = mean.slots() * factor
    hours = slots.reshape(-1, 12)
    if not np.allclose(hours, hours[:, :1]):
        raise ChangeFault((("factor",), "the mean changes inside an hour: give mean_s instead"))
    return Series(hours=tuple(hours[:, 0].tolist()), note=NOTE)


def _with_mean(service: Service, mean_s: Series | dict[str, Series]) -> Service:
    return service.model_copy(update={"mean_s": mean_s})


# --- who may join ------------------------------------------------------------------------------


def admit(network: Network, change: Admit) -> Network:
    """Let classes use a line; an inspection takes as long as on their own line of this port.

    Where they have none there, it takes as long as another user's, at booths and at later stages.
    """
    at = LineAt(change.port, change.mode, change.lane_type)
    lane = find_line(network, at)
    users = network.users_of(change.mode, change.lane_type, lane)
    if all(name in users for name in change.classes):
        raise nothing("classes", because=f"{change.lane_type} may be used by these classes already")
    if network.choice.line == "preferred":
        message = "travellers take the first open line of their own (choice.line is preferred), so nobody would come"
        raise ChangeFault((("classes",), message))
    _, crossing = find_crossing(network, change.port, change.mode)
    means = mean_by_class(lane.service, users)
    fallback = next(iter(means.values()), None)
    for name in change.classes:
        own = _own_mean(network, crossing, name) or fallback
        if own is not None:
            means.setdefault(name, own)
    admitted = tuple(dict.fromkeys((*lane.admits, *(name for name in change.classes if name not in users))))
    stages = tuple(
        stage.model_copy(update={"service": _with_classes(stage.service, change.classes)}) for stage in crossing.stages
    )
    network = with_crossing(network, change.port, change.mode, {"stages": stages})
    return with_line(network, at, {"admits": admitted, "service": _with_mean(lane.service, means)})


def _with_classes(service: Service, classes: Sequence[str]) -> Service:
    """Return a service that has a mean for these classes too, where it has one by class."""
    if not isinstance(service.mean_s, dict):
        return service
    other = next(iter(service.mean_s.values()))
    return _with_mean(service, {**dict.fromkeys(classes, other), **service.mean_s})


def _own_mean(network: Network, crossing: Crossing, name: str) -> Series | None:
    """Return how long an inspection of a class takes on its own line of a crossing."""
    for lane_type in network.classes[name].lane_types:
        if lane_type in crossing.lane_types:
            mean = crossing.lane_types[lane_type].service.mean_s
            return mean.get(name) if isinstance(mean, dict) else mean
    return None


# --- referral and toll -------------------------------------------------------------------------


def set_referral_share(network: Network, change: SetReferralShare) -> Network:
    """Set the share that goes on to a later stage."""
    share = Figure(value=change.share, note=NOTE)
    _, crossing = find_crossing(network, change.port, change.mode)
    stage = next(stage for stage in crossing.stages if stage.id == change.stage)
    if change.share > 0 and not stage.stations.slots().any():
        message = f"{change.stage} has no stations: whoever is referred would never leave"
        raise ChangeFault((("stage",), message))
    differs = False
    for at, lane in lines_named(network, change.port, change.mode, change.lane_types):
        before = lane.referral_share.get(change.stage)
        differs |= (before.value if before else 0.0) != change.share
        network = with_line(network, at, {"referral_share": {**lane.referral_share, change.stage: share}})
    if not differs:
        raise nothing("share", because=f"the share is {change.share:g} already")
    return network


def set_toll(network: Network, change: SetToll) -> Network:
    """Set a toll, the same always or by the hour; it no longer responds on these lines."""
    after = change.toll_usd.slots()
    _, crossing = find_crossing(network, change.port, change.mode)
    responding = crossing.responsive_toll.lane_types if crossing.responsive_toll else ()
    differs = False
    for at, lane in lines_named(network, change.port, change.mode, change.lane_types):
        before = lane.toll_usd.slots() if lane.toll_usd is not None else np.zeros_like(after)
        differs |= not np.array_equal(before, after) or at.lane_type in responding
        toll = change.toll_usd.model_copy(update={"note": change.toll_usd.note or NOTE})
        network = with_line(network, at, {"toll_usd": toll})
    if not differs:
        shown = "as stated" if change.toll_usd.value is None else f"{change.toll_usd.value:g}"
        raise nothing("toll_usd", because=f"the toll is {shown} already")
    left = tuple(name for name in responding if change.lane_types and name not in change.lane_types)
    if left != responding and crossing.responsive_toll is not None:
        rule = crossing.responsive_toll.model_copy(update={"lane_types": left}) if left else None
        network = with_crossing(network, change.port, change.mode, {"responsive_toll": rule})
    return network


def respond_toll(network: Network, change: RespondToll) -> Network:
    """Let a toll move towards a target wait; it takes the place of any other on these lines."""
    _, crossing = find_crossing(network, change.port, change.mode)
    rule = change.rule(change.lane_types or tuple(crossing.lane_types))
    if rule == crossing.responsive_toll:
        raise nothing(because="the toll responds like this already")
    step = network.choice.posting_step_min.value
    if rule.reads == "posted" and rule.target_min < step:
        message = f"{rule.target_min:g} is below the {step:g} minutes in whose steps waits are posted"
        raise ChangeFault((("target_min",), f"{message}: allowed: {step:g} or more, or any with reads: informed"))
    forgotten = set(crossing.responsive_toll.lane_types if crossing.responsive_toll else ()) - set(rule.lane_types)
    if forgotten:
        message = f"a crossing has one responsive toll, and that of {', '.join(sorted(forgotten))} responds already"
        raise ChangeFault((("lane_types",), f"{message}: name all its lane types here, or set_toll there first"))
    return with_crossing(network, change.port, change.mode, {"responsive_toll": rule})
