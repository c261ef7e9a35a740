"""Opening hours that are a slip: without any window, or with one that overlaps another."""

from __future__ import annotations

from collections.abc import Iterator

from portsim import clock
from portsim.errors import Found, KeyPath
from portsim.language.schema import MODES, Hours, Network, Window


def overlapping(network: Network) -> Iterator[Found]:
    """Yield what is wrong with the hours of each crossing and line."""
    for number, port in enumerate(network.ports):
        for mode in MODES:
            if crossing := port.crossing(mode):
                at: KeyPath = ("ports", number, mode)
                lines = {name: lane.hours for name, lane in crossing.lane_types.items() if lane.hours is not None}
                places = [((*at, "hours"), crossing.hours)]
                places += [((*at, "lane_types", name, "hours"), hours) for name, hours in lines.items()]
                for place, hours in places:
                    yield from (((*place, *loc), message) for loc, message in overlaps(hours))


def overlaps(hours: Hours) -> Iterator[Found]:
    """Yield each window that overlaps an earlier one; of hours without any window, that there is none."""
    if not hours:
        yield (), "give at least one window: a line without any would never open"
    seen: list[Window] = []
    for number, window in enumerate(hours if hours != "24h" else ()):
        for other in seen:
            days = sorted(set(clock.days_of(window.days)) & set(clock.days_of(other.days)))
            if days and window.opens < other.closes and other.opens < window.closes:
                clash = f"{_words(window)} overlaps {_words(other)} on {clock.DAY_NAMES[days[0]]}"
                yield (number,), f"{clash}: windows may touch, but each hour is in one"
                break
        seen.append(window)


def _words(window: Window) -> str:
    return f"{window.days} {window.opens} to {window.closes}"
