"""Results of the validation -> one page of Markdown: what was checked, how it came out, and what was not."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from portsim import __version__
from portsim.border.demand import lanes_of
from portsim.language import documents
from portsim.language.schema import Network, Strict
from portsim.packaged import DATA
from portsim.validate.cases import LEVELS, ReadCase
from portsim.validate.validation import ERRORS_APART, Result, false_alarm_share

_SMALL = 1e-4  # below, more zeros than digits
MARK = "<!-- Written by `portsim validate`: never edited. -->"

_HEAD = """# Validation

{mark}

Written by `portsim validate` on {date}: portsim {version}, numpy {numpy}. Replications and seeds are those of the case
files, so the same version gives the same numbers on any machine. [How to add a case](validating.md).

Three levels. *Theory*: simulated waits against exact answers and against other simulators. *Engine*: what must be
equal to the last bit, or hold in every run. *Field*: the packaged border and observed days. A right program (theory,
engine) is not yet a right model (field); each table says which it is about.

| Level | Cases | Checks | Passed | Failed | Reported only |
|---|---|---|---|---|---|
{levels}

A value with chance in it passes within {errors} standard errors of its oracle *and* within the tolerance stated; its
standard error must be within that tolerance too. Replications are the sample. {stochastic} checks are of that kind: if
all were right, on seeds drawn afresh, the chance that at least one would fail is {alarm:.0%} (Student's t with each
check's own replications, checks taken as independent). The seeds are fixed, so a pass stays a pass until the
program changes. *Reported* values are shown beside what they may be compared with, and decide nothing.
"""

NOT_VALIDATED = DATA / "not_validated.yaml"
Text = Annotated[str, Field(min_length=1)]


class Limit(Strict):
    """Something that is not validated, and why."""

    what: Text
    why: Text


class Published(Limit):
    """A published check that is not made, where it stands, and why."""

    source: Text


class Limits(Strict):
    """All that the validation leaves open."""

    not_validated: tuple[Limit, ...]
    published: tuple[Published, ...]


@dataclass(frozen=True)
class Section:
    """A table of the page beside its checks: its heading, what it says, and the file it is written to."""

    heading: str
    about: str
    table: pd.DataFrame
    file: str


def page(
    results: Sequence[Result],
    cases: Sequence[ReadCase],
    network: Network,
    *,
    date: str,
    pictures: Mapping[str, str],
    sections: Sequence[Section],
) -> str:
    """Return the page. `pictures`: their files, as the page refers to them, by what they show."""
    parts = [_head(results, date)]
    parts += [f"![{about}]({file})\n" for file, about in pictures.items()]
    failed = [one for one in results if not one.passed]
    if failed:
        parts.append(f"## Failed\n\n{_table(failed, {})}")
    by_name = {case.name: case for case in cases}
    for level in LEVELS:
        of_level = [one for one in results if one.level == level]
        for group, members in groupby(sorted(of_level, key=lambda one: one.group), key=lambda one: one.group):
            parts.append(_group(level, group, list(members), by_name))
    parts += [f"## {one.heading}\n\n{one.about}\n\n{markdown(one.table)}\n" for one in sections]
    parts.append(_limits(documents.read_yaml(NOT_VALIDATED, Limits), network))
    return "\n".join(parts).rstrip() + "\n"


def is_ours(path: Path) -> bool:
    """Say whether a page may be written over: there is none yet, or it is one of ours."""
    return not path.exists() or MARK in path.read_text(encoding="utf-8", errors="replace")[:1000]


def _head(results: Sequence[Result], date: str) -> str:
    rows = []
    for level in LEVELS:
        of_level = [one for one in results if one.level == level]
        if of_level:
            counts = [sum(one.verdict == verdict for one in of_level) for verdict in ("pass", "FAIL", "reported")]
            cases = len({one.case for one in of_level})
            rows.append(f"| {level} | {cases} | {len(of_level)} | {counts[0]} | {counts[1]} | {counts[2]} |")
    stochastic = sum(one.standard_error > 0 and not math.isnan(one.oracle) for one in results)
    return _HEAD.format(
        mark=MARK,
        date=date,
        version=__version__,
        numpy=np.__version__,
        levels="\n".join(rows),
        errors=ERRORS_APART,
        stochastic=stochastic,
        alarm=false_alarm_share(results),
    )


def _group(level: str, group: str, results: Sequence[Result], cases: Mapping[str, ReadCase]) -> str:
    told = []
    sources = {one.case: one.source for one in reversed(results)}
    for name, source in reversed(sources.items()):
        if name not in cases:
            told.append(f"- `{name}`: {source}.")
            continue
        case = cases[name].case
        sources[name] = case.source
        run = case.run
        how = f" {run.replications} x ({run.warm_up_weeks} + {run.weeks}) weeks, seed {run.seed}." * case.simulated
        told.append(f"- `{name}`: {case.title}.{how} Oracle: {case.source}.")
    return f"## {level.capitalize()}: {group}\n\n" + "\n".join(told) + f"\n\n{_table(results, sources)}"


def _table(results: Sequence[Result], sources: Mapping[str, str]) -> str:
    """Return a row a check; its source where it is not its case's."""
    rows = ["| Case | Check | Value | Oracle | SE | Tolerance | Verdict |", "|---|---|---|---|---|---|---|"]
    for one in results:
        notes = [one.note, *([one.source] if one.source != sources.get(one.case) else [])]
        note = "; ".join(filter(None, notes))
        what = f"{one.what} ({note})" if note else one.what
        verdict = f"**{one.verdict}**" if one.verdict == "FAIL" else one.verdict
        numbers = (number(one.value), number(one.oracle), number(one.standard_error, digits=2))
        rows.append("| " + " | ".join([one.case, what.replace("|", "/"), *numbers, one.tolerance, verdict]) + " |")
    return "\n".join(rows) + "\n"


def number(value: float, digits: int = 5) -> str:
    """Return a number in a few digits; nothing for NaN."""
    if math.isnan(value):
        return ""
    size = abs(value)
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if size >= _SMALL or size == 0 else f"{value:.1e}"


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers in few digits."""
    head = " | ".join(str(column).replace("_", " ") for column in table.columns)
    rows = [
        " | ".join(_cell(cell, 2 if "ratio" in str(column) else 1) for column, cell in row.items())
        for row in table.to_dict("records")
    ]
    return "\n".join([f"| {head} |", "|" + "---|" * len(table.columns), *(f"| {row} |" for row in rows)])


def _cell(cell: object, decimals: int) -> str:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:.{decimals}f}"
    return str(cell)


def _limits(limits: Limits, network: Network) -> str:
    """Say what is not validated, and which published checks are not made."""
    told = [_wrapped(f"- **{one.what}.** {one.why}") for one in limits.not_validated]
    checks = [_wrapped(f"- **{one.what}** ({one.source}). {one.why}") for one in limits.published]
    heading, second = "\n## What is not validated\n", "\nPublished checks that are not made, or not judged:\n"
    return "\n".join([heading, *told, _assumed(network), second, *checks])


def _wrapped(item: str) -> str:
    """Return an item of a list in lines of a readable length."""
    return textwrap.fill(item, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _assumed(network: Network) -> str:
    """Say which lines' waits are assumed, as the network states it."""
    found = [
        f"{port.name} {mode} {lane_type}"
        for port, mode, _, lane_type, lane in lanes_of(network)
        if lane.observed is not None and lane.observed.wait_min.class_ == "assumed"
    ]
    return f"- **Lines whose waits the network assumes**: {', '.join(found)}." if found else ""
