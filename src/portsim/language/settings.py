"""`--set path=value`: one value of a resolved scenario changed from the command line.

A path is written as every list shows it (`paths`); the value is YAML. A figure or series that is set, whole or in
part, is no longer the source's number, so it becomes assumed, with a note, and its range and year go; a mapping may
state them anew. Where only its range is set, or what it rests on, the number stays its source's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from portsim.errors import Fault, KeyPath, nearest
from portsim.language import changes, checks
from portsim.language.documents import value_of
from portsim.language.messages import human, show
from portsim.language.paths import LANE_TYPES, children, keys_of, value_at
from portsim.language.schema import (
    Appraisal,
    CargoRule,
    Crossing,
    DemandChange,
    Figure,
    Network,
    Provenance,
    Run,
    Series,
)
from portsim.language.windows import overlapping

COMMAND_LINE = "command line"
NOTE = "set on the command line"
RANGE_NOTE = "range set on the command line"
EXAMPLE = "network.ports[otay-mesa].truck.standard.booths_built=16"

_NUMBERS = frozenset({"value", "hours", "steps", "days", "table", "column"})
"""The keys of a figure or series that hold its numbers; the others say what it rests on, or its range."""
_RANGE = frozenset({"low", "high", "low_factor", "high_factor"})

_WORD = r"[^.\[\]=]+"
_PATH = re.compile(rf"{_WORD}(\.{_WORD}|\[{_WORD}\])*")


@dataclass(frozen=True)
class Parts:
    """What of a scenario can be set; the names are the roots of the paths."""

    network: Network
    run: Run
    cargo_rule: CargoRule | None
    demand: tuple[DemandChange, ...]
    appraisal: Appraisal | None = None

    def roots(self) -> dict[str, object]:
        """Return the parts by name, those that are there."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: part for name, part in named.items() if part is not None and part != ()}


class _SettingError(Exception):
    """A `--set` cannot be done; the message says why."""


class _NowhereError(_SettingError):
    """A `--set` names what the scenario does not have."""


@dataclass(frozen=True)
class Setting:
    """One `--set`: as it was written, where it leads, and the plain value given."""

    text: str
    at: KeyPath
    given: object
    leaf: KeyPath
    """The figure or series it is part of, or the place itself."""

    @property
    def part(self) -> str:
        """Return the key of the figure or series that is set; empty where that is set whole."""
        return str(self.at[len(self.leaf)]) if len(self.at) > len(self.leaf) else ""

    @property
    def of_number(self) -> bool:
        """Say whether it sets a value, not only a number's range or what that rests on."""
        return not self.part or self.part in _NUMBERS

    def fault(self, message: str) -> Fault:
        """Return a fault of this setting, located at the command line."""
        return _fault(self.text, message)


@dataclass(frozen=True)
class Applied:
    """What settings made of the parts, and what is wrong; with faults, the parts are those given.

    `idle`: a fault for each setting, by its text, that is of nothing here: its path is unknown, or it has the value.
    """

    parts: Parts
    settings: Sequence[Setting] = ()
    faults: Sequence[Fault] = ()
    idle: Mapping[str, Fault] = field(default_factory=dict)


def apply(parts: Parts, sets: Sequence[str]) -> Applied:
    """Return the parts with every value set."""
    settings, faults, idle = _located(parts, sets)
    if faults or not settings:
        return Applied(parts, (), faults, idle)
    data = _data(parts, settings)
    after, faults = _validated(parts, data, settings)
    if not faults:
        for setting in settings:
            _mark(data, setting, value_at(after.roots(), setting.leaf))
        after, faults = _validated(parts, data, settings)
    if faults:
        return Applied(parts, (), faults, idle)
    unchanged = {fault_of.text: fault for fault_of, fault in _unchanged(parts, after, settings)}
    if unchanged:
        rest = apply(parts, [setting.text for setting in settings if setting.text not in unchanged])
        return replace(rest, idle={**idle, **unchanged, **rest.idle})
    faults = list(_cross_faults(parts, after, settings))
    return Applied(parts, (), faults, idle) if faults else Applied(after, settings, (), idle)


def _data(parts: Parts, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the parts as they would stand in files, with all that is set."""
    data = {root: _plain(part) for root, part in parts.roots().items()}
    for setting in settings:
        if setting.part and setting.of_number:
            held = _held(data, setting.leaf)
            _put(data, setting.leaf, {key: value for key, value in held.items() if key in _NUMBERS})
    for setting in settings:
        _put(data, setting.at, setting.given)
    return data


# --- from text to place ------------------------------------------------------------------------


def _fault(text: str, message: str) -> Fault:
    return Fault(COMMAND_LINE, 0, 0, f"--set {text}: {message}")


def _located(parts: Parts, sets: Sequence[str]) -> tuple[list[Setting], list[Fault], dict[str, Fault]]:
    settings: list[Setting] = []
    faults: list[Fault] = []
    idle: dict[str, Fault] = {}
    for text in sets:
        try:
            settings.append(_setting(parts.roots(), text))
        except _NowhereError as error:
            idle[text] = _fault(text, str(error))
        except _SettingError as error:
            faults.append(_fault(text, str(error)))
    for number, setting in enumerate(settings):
        if any(other.at == setting.at for other in settings[:number]):
            faults.append(setting.fault("this value is set twice: set it once"))
        wider = [other for other in settings if other.at == setting.at[: len(other.at)] != setting.at]
        faults += [setting.fault(f"it is part of what --set {other.text} sets: give both in one") for other in wider]
    return settings, faults, idle


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
    leaf = next((at[:end] for end in range(1, len(at)) if isinstance(value_at(roots, at[:end]), Provenance)), at)
    try:
        given = value_of(value)
    except ValueError as error:
        raise _SettingError(str(error)) from None
    if len(at) == len(leaf) + 1 and at[-1] in _NUMBERS:  # its numbers whole: the number is a new one
        at, given = leaf, given if at[-1] == "value" else {str(at[-1]): given}
    if _has_table(given):
        raise _SettingError("a table is read from files only: give hours")
    return Setting(text, at, given, leaf)


def _has_table(given: object) -> bool:
    """Say whether a series is given as a column of a table, at any depth."""
    if isinstance(given, Mapping):
        return isinstance(given.get("table"), str) or any(map(_has_table, given.values()))
    return isinstance(given, list) and any(map(_has_table, given))


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
            raise _NowhereError(f"{where} is not there, so nothing below it can be set{_with_more_below(above)}")
    if len(at) == 1:
        raise _SettingError(f"a whole {at[0]} cannot be set: name one value of it, such as {EXAMPLE}")
    return at


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
        raise _NowhereError(f"unknown key '{word}' in {where}: {nearest(word, keys)}")
    if isinstance(held, Mapping):
        plain = not any(isinstance(child, BaseModel) and not isinstance(child, Provenance) for child in held.values())
        if word in held or (last and where and plain):
            return (word,)
        named = f"'{word}' in {where}" if where else f"'{word}'"
        raise _NowhereError(f"unknown key {named}: {nearest(word, [str(key) for key in held])}")
    if isinstance(held, tuple):
        return (_position(held, word, where),)
    raise _SettingError(f"{where} is {show(held)}: nothing stands below it; set it whole")


def _position(held: tuple[object, ...], word: str, where: str) -> int:
    ids = [str(getattr(item, "id", number)) for number, item in enumerate(held)]
    if word in ids:
        return ids.index(word)
    raise _NowhereError(f"unknown '{word}' in {where}: {nearest(word, ids)}")


# --- from place to value -----------------------------------------------------------------------


def _plain(part: object) -> Any:
    """Return a part as it would stand in a file."""
    if isinstance(part, BaseModel):
        return part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [_plain(item) for item in part] if isinstance(part, tuple) else part


def _held(data: Any, at: KeyPath) -> Any:
    for part in at:
        data = data[part]
    return data


def _put(data: Any, at: KeyPath, given: object) -> None:
    _held(data, at[:-1])[at[-1]] = given


def _mark(data: Any, setting: Setting, held: object) -> None:
    """Say in a number's note that it was set, unless what was given says where it is from; of its range, that was."""
    if not isinstance(held, Figure | Series):
        return
    if setting.of_number and held.source is None and held.note is None:
        _put(data, setting.leaf, {**_plain(held), "note": NOTE})
    elif setting.part in _RANGE and RANGE_NOTE not in (held.note or ""):
        _put(data, setting.leaf, {**_plain(held), "note": f"{held.note}; {RANGE_NOTE}" if held.note else RANGE_NOTE})


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
    plan = read(Appraisal, ("appraisal",)) if parts.appraisal is not None else None
    return (parts if faults else Parts(network, run, rule, demand, plan)), faults


def _nearest_setting(settings: Sequence[Setting], loc: KeyPath) -> Setting:
    """Return the setting whose place has most in common with a fault's."""

    def common(setting: Setting) -> int:
        pairs = zip(setting.at, loc, strict=False)
        return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(setting.at), len(loc)))

    return max(settings, key=common)


def _unchanged(before: Parts, after: Parts, settings: Sequence[Setting]) -> Iterator[tuple[Setting, Fault]]:
    for setting in settings:
        old, new = value_at(before.roots(), setting.at), value_at(after.roots(), setting.at)
        if same_value(old, new) and not _states_provenance(setting.given):
            yield setting, setting.fault("it is this already, so this changes nothing")


def _states_provenance(given: object) -> bool:
    """Say whether a value comes with where it is from or its range, which may be all that is new."""
    stated = {*keys_of(Figure), *keys_of(Series)} - _NUMBERS
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
