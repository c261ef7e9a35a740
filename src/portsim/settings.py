"""`--set path=value`: one value of a resolved scenario changed from the command line.

A path is written as every list shows it (`paths`); the value is YAML. A figure or series that is set is no longer
the source's number, so it becomes assumed, with a note, and its range and year go; a mapping may state them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from portsim import changes, checks
from portsim.documents import value_of
from portsim.errors import Fault, nearest
from portsim.messages import human, show
from portsim.paths import LANE_TYPES, children, keys_of, value_at
from portsim.schema import CargoRule, Crossing, DemandChange, Figure, Network, Provenance, Run, Series
from portsim.windows import overlapping

COMMAND_LINE = "command line"
NOTE = "set on the command line"
EXAMPLE = "network.ports[otay-mesa].truck.standard.booths_built=16"

_WORD = r"[^.\[\]=]+"
_PATH = re.compile(rf"{_WORD}(\.{_WORD}|\[{_WORD}\])*")

KeyPath = tuple[int | str, ...]


@dataclass(frozen=True)
class Parts:
    """What of a scenario can be set; the names are the roots of the paths."""

    network: Network
    run: Run
    cargo_rule: CargoRule | None
    demand: tuple[DemandChange, ...]

    def roots(self) -> dict[str, object]:
        """Return the parts by name, those that are there."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: part for name, part in named.items() if part is not None and part != ()}


class _SettingError(Exception):
    """A `--set` cannot be done; the message says why."""


@dataclass(frozen=True)
class Setting:
    """One `--set`: as it was written, where it leads, and the plain value given."""

    text: str
    at: KeyPath
    given: object
    leaf: KeyPath
    """The figure or series it is part of, or the place itself."""

    def fault(self, message: str) -> Fault:
        """Return a fault of this setting, located at the command line."""
        return _fault(self.text, message)


def apply(parts: Parts, sets: Sequence[str]) -> tuple[Parts, list[Setting], list[Fault]]:
    """Return the parts with every value set, the settings, and what is wrong with them.

    With faults, the parts returned are those given.
    """
    settings, faults = _located(parts, sets)
    if faults or not settings:
        return parts, settings, faults
    data = {root: _plain(part) for root, part in parts.roots().items()}
    for setting in settings:
        _put(data, setting.at, setting.given)
    after, faults = _validated(parts, data, settings)
    if not faults:
        for setting in settings:
            _mark(data, setting, value_at(after.roots(), setting.at))
        after, faults = _validated(parts, data, settings)
    if not faults:
        faults = [*_unchanged(parts, after, settings), *_cross_faults(parts, after, settings)]
    return (parts, settings, faults) if faults else (after, settings, [])


# --- from text to place ------------------------------------------------------------------------


def _fault(text: str, message: str) -> Fault:
    return Fault(COMMAND_LINE, 0, 0, f"--set {text}: {message}")


def _located(parts: Parts, sets: Sequence[str]) -> tuple[list[Setting], list[Fault]]:
    settings: list[Setting] = []
    faults: list[Fault] = []
    for text in sets:
        try:
            settings.append(_setting(parts.roots(), text))
        except _SettingError as error:
            faults.append(_fault(text, str(error)))
    for number, setting in enumerate(settings):
        if any(other.at == setting.at for other in settings[:number]):
            faults.append(setting.fault("this value is set twice: set it once"))
    return settings, faults


def _setting(roots: Mapping[str, object], text: str) -> Setting:
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals:
        raise _SettingError(f"no '=' in it: write path=value, such as {EXAMPLE}")
    if not _PATH.fullmatch(path):
        raise _SettingError(f"{show(path)} is not a path: write dotted keys with ids in brackets, as in {EXAMPLE}")
    at = _place(roots, path)
    if not value.strip():
        raise _SettingError("no value after '=': give one, or null to leave it out")
    try:
        leaf = at[:-1] if isinstance(value_at(roots, at[:-1]), Provenance) else at
        return Setting(text, at, value_of(value), leaf)
    except ValueError as error:
        raise _SettingError(str(error)) from None


def _place(roots: Mapping[str, object], path: str) -> KeyPath:
    """Follow a path, word by word, to the location it names."""
    held: object = roots
    at: KeyPath = ()
    where = ""
    for word in re.finditer(_WORD, path):
        last = path[word.end() :].strip("]") == ""
        below = _step(held, word.group(), where, last=last)
        above, held, at = held, value_at(held, below), (*at, *below)
        where = path[: word.end()] + ("]" if path[word.end() :].startswith("]") else "")
        if held is None and not last:
            raise _SettingError(f"{where} is not there, so nothing below it can be set{_with_more_below(above)}")
    if len(at) == 1:
        raise _SettingError(f"a whole {at[0]} cannot be set: name one value of it, such as {EXAMPLE}")
    return at[:-1] if at[-1] == "value" and isinstance(value_at(roots, at[:-1]), Provenance) else at


def _with_more_below(held: object) -> str:
    below = [str(key) for key, child in (children(held) or {}).items() if children(child) is not None]
    return f": allowed: {', '.join(below)}" if below else ""


def _step(held: object, word: str, where: str, *, last: bool) -> KeyPath:
    """Return the keys that one word of a path stands for; say what is allowed where it is none."""
    if isinstance(held, BaseModel):
        keys = list(keys_of(type(held)))
        if word in keys:
            return (word,)
        if isinstance(held, Crossing):
            if word in held.lane_types:
                return (LANE_TYPES, word)
            keys = [*held.lane_types, *keys]
        raise _SettingError(f"unknown key '{word}' in {where}: {nearest(word, keys)}")
    if isinstance(held, Mapping):
        plain = not any(isinstance(child, BaseModel) and not isinstance(child, Provenance) for child in held.values())
        if word in held or (last and where and plain):
            return (word,)
        named = f"'{word}' in {where}" if where else f"'{word}'"
        raise _SettingError(f"unknown key {named}: {nearest(word, [str(key) for key in held])}")
    if isinstance(held, tuple):
        return (_position(held, word, where),)
    raise _SettingError(f"{where} is {show(held)}: nothing stands below it; set it whole")


def _position(held: tuple[object, ...], word: str, where: str) -> int:
    ids = [str(getattr(item, "id", number)) for number, item in enumerate(held)]
    if word in ids:
        return ids.index(word)
    raise _SettingError(f"unknown '{word}' in {where}: {nearest(word, ids)}")


# --- from place to value -----------------------------------------------------------------------


def _plain(part: object) -> Any:
    """Return a part as it would stand in a file."""
    if isinstance(part, BaseModel):
        return part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [_plain(item) for item in part] if isinstance(part, tuple) else part


def _put(data: Any, at: KeyPath, given: object) -> None:
    for part in at[:-1]:
        data = data[part]
    data[at[-1]] = given


def _mark(data: Any, setting: Setting, held: object) -> None:
    """Say in a number's note that it was set, unless what was given says where it is from."""
    if isinstance(held, Figure | Series) and held.source is None and held.note is None:
        _put(data, setting.at, {**_plain(held), "note": NOTE})


def _validated(parts: Parts, data: Mapping[str, Any], settings: Sequence[Setting]) -> tuple[Parts, list[Fault]]:
    """Return the parts of plain data; with faults, each at the setting that comes nearest to its place."""
    faults: list[Fault] = []

    def read(model: type[BaseModel], at: KeyPath) -> Any:
        raw = data[str(at[0])] if len(at) == 1 else data[str(at[0])][at[1]]
        try:
            return model.model_validate(raw)
        except ValidationError as invalid:
            for error in invalid.errors():
                setting = _nearest_setting(settings, (*at, *error["loc"]))
                faults.append(setting.fault(human(error, model)))
            return None

    rule = parts.cargo_rule
    network, run = read(Network, ("network",)), read(Run, ("run",))
    rule = read(CargoRule, ("cargo_rule",)) if rule is not None else None
    demand = tuple(read(type(change), ("demand", number)) for number, change in enumerate(parts.demand))
    return (parts if faults else Parts(network, run, rule, demand)), faults


def _nearest_setting(settings: Sequence[Setting], loc: KeyPath) -> Setting:
    """Return the setting whose place has most in common with a fault's."""

    def common(setting: Setting) -> int:
        pairs = zip(setting.at, loc, strict=False)
        return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(setting.at), len(loc)))

    return max(settings, key=common)


def _unchanged(before: Parts, after: Parts, settings: Sequence[Setting]) -> Iterator[Fault]:
    for setting in settings:
        old, new = value_at(before.roots(), setting.at), value_at(after.roots(), setting.at)
        if same_value(old, new) and not _states_provenance(setting.given):
            yield setting.fault("it is this already, so this changes nothing")


def _states_provenance(given: object) -> bool:
    """Say whether a value comes with where it is from or its range, which may be all that is new."""
    stated = {*keys_of(Figure), *keys_of(Series)} - {"value", "hours", "steps", "days", "table", "column"}
    return isinstance(given, Mapping) and not stated.isdisjoint(given)


def same_value(one: object, other: object) -> bool:
    """Say whether two values are the same for a simulation, wherever they come from."""
    if isinstance(one, Figure) and isinstance(other, Figure):
        return one.value == other.value
    if isinstance(one, Series) and isinstance(other, Series):
        return bool(np.array_equal(one.slots(), other.slots()))
    return one == other


def _cross_faults(before: Parts, after: Parts, settings: Sequence[Setting]) -> Iterator[Fault]:
    """Yield what no longer fits together; what did not fit before is the scenario's affair."""
    known = set(_found(before))
    for loc, message in _found(after):
        if (loc, message) not in known and message != checks.TOLL_OBSERVED:
            setting = _nearest_setting(settings, loc)
            yield setting.fault(message)


def _found(parts: Parts) -> Iterator[tuple[KeyPath, str]]:
    for loc, message in (*checks.cross_check(parts.network), *overlapping(parts.network)):
        yield ("network", *loc), message
    if parts.cargo_rule is not None:
        for loc, message in checks.cross_check_cargo_rule(parts.cargo_rule, parts.network):
            yield ("cargo_rule", *loc), message
    for number, change in enumerate(parts.demand):
        try:
            changes.apply(parts.network, change, parts.demand[:number])
        except changes.ChangeFault as fault:
            for loc, message in fault.found:
                yield ("demand", number, *loc), message
