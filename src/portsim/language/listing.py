"""Rows as text: aligned lines to read or search, cut to the width of a terminal, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

Row = tuple[Any, ...]  # a named tuple
Cells = list[str]

_GAP = "  "
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_NARROWEST = 8
_LONGEST_HEADING = 4  # parts of a path: network, port, mode, lane type


def as_csv(rows: Sequence[Row]) -> str:
    """Return rows with their column names as CSV; nothing for no rows."""
    if not rows:
        return ""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns(rows[0]))
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def as_lines(rows: Sequence[Row], width: int | None = None, narrow: Sequence[str] = ()) -> list[str]:
    """Return one line a row under a head, columns aligned.

    With a `width` in characters, as on a terminal, lines are cut to it: only the columns `narrow`, if given, are
    shown, rows stand under the port or part of a path they share, and files go by their name alone. The last line
    then says how many columns are not whole.
    """
    if not rows:
        return []
    head = columns(rows[0])
    if width is None:
        return _aligned([list(head), *([_cell(cell) for cell in row] for row in rows)])
    kept = [place for place, name in enumerate(head) if not narrow or name in narrow]
    names = [head[place] for place in kept]
    cells = [[_shown(names[at], _cell(row[place])) for at, place in enumerate(kept)] for row in rows]
    if names[0] == "path":
        lines, cut = _under_parts(names, cells, width)
    elif len({row[0] for row in cells}) < len(cells):
        lines, cut = _under_first(names, cells, width)
    else:
        lines, cut = _fitted(names, [names, *cells], width)
    lacking = len(head) - len(kept) + len(cut)
    columns_lack = f"{lacking} column{'s' * (lacking != 1)} left out or cut at {width} columns; --csv shows all"
    return [*lines, _cut(columns_lack, width)] if lacking else lines


def columns(row: Row) -> tuple[str, ...]:
    """Return the names of a row's columns."""
    names: tuple[str, ...] = row._fields  # type: ignore[attr-defined]
    return tuple(name.rstrip("_") for name in names)


def _cell(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _shown(name: str, cell: str) -> str:
    """Return a cell for a narrow line: of where a value comes from, the file's name and its line."""
    file, colon, place = cell.partition(":")
    return PurePosixPath(file).name + colon + place if _is_origin(name) else cell


def _is_origin(name: str) -> bool:
    return name.endswith("origin")


def _aligned(rows: Sequence[Cells]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = (_GAP.join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def _fitted(names: Cells, rows: list[Cells], width: int) -> tuple[list[str], set[str]]:
    """Align rows, the widest columns but the first cut until a line fits; an origin keeps its end, its line number.

    Return the names of the columns that are cut, too.
    """
    whole = [max(len(row[place]) for row in rows) for place in range(len(names))]
    widths = list(whole)
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width and max(widths[1:]) > _NARROWEST:
        widths[widths.index(max(widths[1:]), 1)] -= 1
    cut = [
        [_cut(cell, wide, from_left=_is_origin(name)) for name, cell, wide in zip(names, row, widths, strict=True)]
        for row in rows
    ]
    lines = _aligned(cut)
    shorter = {name for name, wide, fits in zip(names, whole, widths, strict=True) if fits < wide}
    if any(len(line) > width for line in lines):
        shorter.add(names[-1])
    return [_cut(line, width) for line in lines], shorter


def _under_parts(names: Cells, cells: list[Cells], width: int) -> tuple[list[str], set[str]]:
    """Lay rows under what their paths share, each group aligned for itself."""
    lines, cut = [_cut(_GAP.join(names), width)], set[str]()
    for heading, group in groupby(cells, key=lambda row: _heading(row[0])):
        rows = [[_GAP + row[0].removeprefix(heading).removeprefix("."), *row[1:]] for row in group]
        fitted, shorter = _fitted(names, rows, width)
        lines += [_cut(heading, width), *fitted]
        cut |= shorter
    return lines, cut


def _under_first(names: Cells, cells: list[Cells], width: int) -> tuple[list[str], set[str]]:
    """Lay rows under what their first cells share, all in one table."""
    (head, *lines), cut = _fitted(names[1:], [names[1:], *(row[1:] for row in cells)], width - len(_GAP))
    found = [_cut(_GAP + head, width)]
    for heading, group in groupby(zip(cells, lines, strict=True), key=lambda pair: pair[0][0]):
        found += [_cut(heading, width), *(_GAP + line for _, line in group)]
    return found, cut


def _heading(path: str) -> str:
    parts = path.split(".")
    longest = _LONGEST_HEADING if parts[1:2] and parts[1].startswith("ports[") else 2
    return ".".join(parts[: min(longest, len(parts) - 1)])


def _cut(text: str, width: int, *, from_left: bool = False) -> str:
    if len(text) <= width:
        return text
    return _CUT + text[len(text) - width + 1 :] if from_left else text[: width - 1] + _CUT
