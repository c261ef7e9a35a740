"""Write docs/scenario-reference.md: every key of a scenario file and of a network file, from the schema itself.

python tools/scenario_reference.py > docs/scenario-reference.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from portsim import clock
from portsim.language import schema

Json = dict[str, Any]
PATTERNS = {
    clock.TIME_PATTERN: 'a time, `"06:00"`',
    clock.WEEK_TIME_PATTERN: 'a time of the week, `"sun 11:00"`',
    clock.DAYS_PATTERN: "days: `daily`, `sat`, `mon-fri`",
    r"^[a-z][a-z0-9-]*$": "a name",
}
SAID_BY_FORM = {
    schema.IDENTIFIER_FORM,
    'a quoted time of day, "00:00" to "24:00"',
    'a day and an hour of it, such as "sun 11:00"',
    "`daily`, one day, or a range such as mon-fri",
}
HEAD = """# Scenario reference

Every key of a scenario file and of a network file. This page is written by `tools/scenario_reference.py` from the
schema that portsim checks files with; [scenarios.md](scenarios.md) and [network.md](network.md) explain with examples.

A *figure* is a bare number, or a number with where it comes from; a *series* is a figure that may change through the
week. Names are lower-case letters, digits and hyphens; `portsim ports` prints those of a network.
"""


def main() -> None:
    """Print the page."""
    sys.stdout.write("\n".join(page()) + "\n")


def page() -> Iterator[str]:
    """Yield the page's lines."""
    scenario, network = schema.scenario_json_schema(), schema.Network.model_json_schema()
    known = scenario["$defs"] | network["$defs"]
    actions = dict(action_of(known, ref) for ref in scenario["$defs"] if "action" in known[ref].get("properties", {}))
    yield HEAD
    yield "## Scenario file\n"
    yield from table(scenario, known)
    yield "\n## Actions\n"
    yield from (f"- [`{name}`](#{name}): {first_line(known[ref])}" for name, ref in actions.items())
    for name, ref in actions.items():
        yield f"\n### {name}\n"
        yield f"{text(known[ref])}\n"
        yield from table(known[ref], known)
    yield "\n## Network file\n"
    yield f"{text(network)}\n"
    yield from table(network, known)
    yield "\n## Parts of both\n"
    for ref in sorted(set(known) - set(actions.values())):
        yield f"### {anchor(ref)}\n"
        yield f"{text(known[ref])}\n"
        yield from table(the_mapping(known[ref]), known)
        yield ""


def action_of(known: Json, ref: str) -> tuple[str, str]:
    """Return an action's word, and the name of its definition."""
    return str(known[ref]["properties"]["action"]["const"]), ref


def the_mapping(definition: Json) -> Json:
    """Return, of a definition with a short form, the form that has keys."""
    branches = definition.get("anyOf", [definition])
    return next((branch for branch in branches if "properties" in branch), definition)


def text(definition: Json) -> str:
    """Return a definition's words, each paragraph on one line."""
    words = the_mapping(definition).get("description") or definition.get("description", "")
    return re.sub(r"(?<!\n)\n(?!\n)", " ", words)


def first_line(definition: Json) -> str:
    """Return the first sentence of a definition."""
    return text(definition).split("\n")[0]


def anchor(ref: str) -> str:
    """Return a definition's name in words: `LaneType` as `lane type`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", ref).lower()


def table(definition: Json, known: Json) -> Iterator[str]:
    """Yield a table of a mapping's keys."""
    properties, required = definition.get("properties"), definition.get("required", [])
    if not properties:
        return
    yield "| key | value | if absent | |"
    yield "|---|---|---|---|"
    for key, value in properties.items():
        if key == "action":
            continue
        about = value.get("description", "")
        about = "" if about in SAID_BY_FORM else about
        default = "**needed**" if key in required else shown_default(value)
        yield f"| `{key}` | {form(value, known)} | {default} | {about} |"


def shown_default(value: Json) -> str:
    """Show what holds where a key is absent."""
    default = value.get("default")
    if isinstance(default, dict):
        default = default.get("value")
    if default in (None, [], {}):
        return ""
    return f"{default:g}" if isinstance(default, int | float) and not isinstance(default, bool) else f"`{default}`"


def form(value: Json, known: Json) -> str:
    """Say in words what a value may be."""
    if "$ref" in value:
        return link(value["$ref"], known)
    if "anyOf" in value or "oneOf" in value or "allOf" in value:
        branches = value.get("anyOf") or value.get("oneOf") or value["allOf"]
        if all("action" in known.get(name_of(branch), {}).get("properties", {}) for branch in branches):
            return "an [action](#actions)"
        words = [form(branch, known) for branch in branches if branch.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    return plain(value, known)


def plain(value: Json, known: Json) -> str:
    """Say in words what a value may be that is neither a definition nor a choice of forms."""
    if "const" in value or "enum" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"a list: {form(value['items'], known)}" if "items" in value else "a list"
    if value.get("type") == "object":
        below = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
        return f"by name: {form(below, known)}" if isinstance(below, dict) else "a mapping"
    return scalar(value)


def name_of(branch: Json) -> str:
    """Return the name of the definition a branch refers to."""
    return str(branch.get("$ref", "")).rpartition("/")[2]


def link(ref: str, known: Json) -> str:
    """Link to a definition; a figure and a series are explained at the head."""
    name = ref.rpartition("/")[2]
    if "enum" in known[name]:
        return form(known[name], known)
    article = "an" if name[0] in "AEIO" else "a"
    return f"{article} [{anchor(name)}](#{anchor(name).replace(' ', '-')})"


def scalar(value: Json) -> str:
    """Say what a number or a word may be."""
    kind = value.get("type")
    if kind in {"number", "integer"}:
        return " ".join(["a whole number" if kind == "integer" else "a number", *bounds(value)])
    if kind == "string":
        return PATTERNS.get(value.get("pattern", ""), "text")
    return "true or false" if kind == "boolean" else "anything"


def bounds(value: Json) -> Iterator[str]:
    """Yield a number's bounds, where they say more than that it is a number."""
    words = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}
    found = [f"{word} {value[key]:g}" for key, word in words.items() if key in value and abs(value[key]) < 1e9]  # noqa: PLR2004
    if found:
        yield ", ".join(found)


if __name__ == "__main__":
    main()
