"""The message catalogue: every word of report, slides and workbook, by key, in one file a language.

`say("map.km", km=26)` returns the message with its gaps filled. Another language is another file
beside `en.toml` with the same keys and the same gaps; nothing else of the pages holds words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache

from portsim.packaged import DATA

FOLDER = DATA / "words"
LANGUAGE = "en"


@cache
def catalogue(language: str = LANGUAGE) -> Mapping[str, str]:
    """Return all messages of a language by dotted key."""
    with (FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(messages: Mapping[str, object], prefix: str) -> Iterable[tuple[str, str]]:
    for key, held in messages.items():
        if isinstance(held, dict):
            yield from _flat(held, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(held)


def say(key: str, **gaps: object) -> str:
    """Return a message with its gaps filled. Raises KeyError for a key the catalogue does not have."""
    return catalogue()[key].format(**gaps)


def known(key: str, otherwise: str) -> str:
    """Return the message of a key that comes from data, or what to say where the catalogue has none."""
    return catalogue().get(key, otherwise)


def counted(what: str, count: int) -> str:
    """Return so many of something: "1 port", "3 ports"."""
    if count == 1:
        return say(f"count.{what}_one")
    return say(f"count.{what}", count=count)


def glued(text: str) -> str:
    """Return a text whose lines break at spaces, but not inside "33 ± 16 min", nor after a dagger that heads a note."""
    return re.sub(rf"(?<=\d) (?={re.escape(say('unit.min'))})| (?=±)|(?<=±) |(?<=^†) |(?<= †) ", "\u00a0", text)


def slug(text: str) -> str:
    """Return a text of the tables as the last part of a key: "beyond the rule's reach" is beyond_the_rules_reach."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower().replace("'", "")).strip("_")


def listed(items: Iterable[str]) -> str:
    """Return items as one phrase: "a, b and c"."""
    *first, last = items
    return say("list.and", first=", ".join(first), last=last) if first else last


def within(text: str) -> str:
    """Return a phrase without the capital at its head, for the middle of a sentence; an abbreviation keeps its own."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """Return a phrase with a capital at its head."""
    return text[:1].upper() + text[1:]
