"""What pydantic found wrong, said in the words of a person who writes scenario files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from portsim import clock
from portsim.errors import nearest
from portsim.language.schema import IDENTIFIER_FORM, YEAR_PATTERN, Change

Loc = tuple[int | str, ...]

_LONGEST_SHOWN = 40
_KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text (in quotes, if it looks like a number)",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "tuple_type": "a list ([a, b], or each item begun with '- ')",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_DAYS = f"one of {', '.join(clock.DAY_NAMES)}"
_DAYS_SAID = {
    "mon-fri": ("weekday", "weekdays", "workdays", "working days"),
    "sat-sun": ("weekend", "weekends"),
    "daily": ("all", "every day", "everyday", "week"),
}
_FEW_HOURS = (
    "For some hours only: add_booths on the new lane type, with officers moved from the old."  # as the schema says
)
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]*)?) ?%")
_HUNDRED = 100
_LOOKS_LIKE_A_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")


def human(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Say what is wrong, what is allowed and the nearest right word, for one error of validating `root`."""
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"], root)
    if kind == "missing":
        return _missing_key(error["loc"], root)
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _action(given)
    if kind == "shape":
        return f"{error['msg']}; got {show(given)}"
    if kind == "string_type" and error["loc"][-1:] == ("days",):
        return f"expected daily, {_DAYS}, or a range such as mon-fri; got {show(given)}"
    words = _value(kind, given, error.get("ctx", {})) or error["msg"].removeprefix("Value error, ")
    return words + _percent(kind, given, error["loc"])


def _percent(kind: str, given: object, loc: Loc) -> str:
    """Return how a percentage is written, where one was given for a share or as text."""
    if kind == "float_type" and (percent := _PERCENT.fullmatch(str(given))):
        return f": write {float(percent[1]) / _HUNDRED:g}"
    if kind == "less_than_equal" and loc[-1] == "share" and isinstance(given, int | float) and given <= _HUNDRED:
        return f"; for {given:g} % write {given / _HUNDRED:g}"
    return ""


def _value(kind: str, given: object, context: Mapping[str, Any]) -> str | None:
    """Word a fault of one value; None where the validator's own words are written for people."""
    words = None
    if kind in _KINDS:
        words = f"expected {_KINDS[kind]}, got {show(given)}"
        if isinstance(given, str) and kind in {"int_type", "float_type"} and _LOOKS_LIKE_A_NUMBER.fullmatch(given):
            words += ": leave out the quotes"
    elif kind in _BOUNDS:
        relation, key = _BOUNDS[kind]
        words = f"{show(given)} is out of range: must be {relation} {context[key]:g}"
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        words = f"{show(given)} is not allowed here: {nearest(str(given), allowed)}"
    elif kind == "string_pattern_mismatch":
        words = _pattern(str(given), str(context["pattern"]))
    elif kind == "too_short":
        words = f"give at least {context['min_length']}"
    return words


def show(given: object) -> str:
    """Show a value as it stands in the file, in few words."""
    if given is None:
        return "nothing"
    if isinstance(given, Mapping):
        return "a mapping"
    if isinstance(given, list | tuple):
        return "a list"
    if isinstance(given, bool):
        return str(given).lower()
    text = str(given)
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}..."
    return f"'{text}'" if isinstance(given, str) else text


def _action(given: object) -> str:
    allowed = [action for model in _members(Change) for action in _action_of(model)]
    if isinstance(given, Mapping) and "action" in given:
        return f"unknown action {show(given['action'])}: {nearest(str(given['action']), allowed)}"
    return f"missing key 'action': {nearest('', allowed)}"


def _pattern(given: str, pattern: str) -> str:
    if pattern == clock.TIME_PATTERN:
        return f"'{given}' is not a time of day: {_time_hint(given)}"
    if pattern == clock.WEEK_TIME_PATTERN:
        return f"'{given}' is no hour of the week: write {_DAYS} and an hour, as in 'sun 10:00'"
    if pattern == clock.DAYS_PATTERN:
        return f"'{given}' names no days: {_days_hint(given)}allowed: daily, {_DAYS}, or a range such as mon-fri"
    if pattern == YEAR_PATTERN:
        return f"'{given}' is not a year: write four digits, such as 2026"
    name = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")
    hint = f"; did you mean '{name}'?" if re.fullmatch(pattern, name) else ""
    return f"'{given}' is not a name: use lower-case letters, digits and hyphens, a letter first{hint}"


def _days_hint(given: str) -> str:
    """Say what days in other words were probably meant to be: weekdays, Monday, Mon to Fri."""
    word = given.lower()
    short = "-".join(day[:3] for day in re.split(r"\s*(?:-|\bto\b)\s*", word))
    meant = next((days for days, said in _DAYS_SAID.items() if word in said), short)
    return f"did you mean '{meant}'? " if re.fullmatch(clock.DAYS_PATTERN, meant) else ""


def _time_hint(given: str) -> str:
    hour, _, minute = given.partition(":")
    if re.fullmatch(r"[0-9]:[0-5][0-9]", given):
        return f'write "{int(hour):02d}:{minute}", in quotes'
    return 'write it "HH:MM", in quotes, from "00:00" to "24:00"'


# --- what a place in a file may hold -----------------------------------------------------------


def _unknown_key(loc: Loc, root: type[BaseModel]) -> str:
    allowed = [key for model in _models_at(loc[:-1], root) for key in _fields(model)]
    few_hours = f". {_FEW_HOURS}" if "set_lane_types" in loc and loc[-1] in {"days", "from"} else ""
    return f"unknown key '{loc[-1]}': {nearest(str(loc[-1]), allowed)}{few_hours}"


def _missing_key(loc: Loc, root: type[BaseModel]) -> str:
    key = str(loc[-1])
    for model in _models_at(loc[:-1], root):
        for name, field in model.model_fields.items():
            told = field.description not in {None, IDENTIFIER_FORM}
            if told and key == (field.alias or name):
                return f"missing key '{key}' ({field.description})"
    return f"missing key '{key}'"


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return the types of a model's fields by the key they have in a file."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models_at(loc: Loc, root: type[BaseModel]) -> list[type[BaseModel]]:
    types: list[Any] = [root]
    for part in loc:
        types = _step(types, part)
    return [found for found in types if _is_model(found)]


def _step(types: list[Any], part: int | str) -> list[Any]:
    """Follow one part of a location; a part that is no key or position names the branch of a union."""
    reached = [member for held in types for inner in _held(held, part) for member in _members(inner)]
    if reached:
        return reached
    named = [held for held in types if _is_model(held) and part in _action_of(held)]
    return named or types


def _held(held: Any, part: int | str) -> Iterator[Any]:
    origin, arguments = get_origin(held), get_args(held)
    if _is_model(held):
        if part in (fields := _fields(held)):
            yield fields[str(part)]
    elif origin is dict and isinstance(part, str):
        yield arguments[1]
    elif origin is tuple and isinstance(part, int):
        yield arguments[0]


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _is_model(held: Any) -> bool:
    return isinstance(held, type) and issubclass(held, BaseModel)


def _action_of(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("action")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
