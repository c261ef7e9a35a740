"""Crossings -> rows for people: one a traveller, in names and minutes; as a data frame, or as a parquet file.

A file grows week by week as a replication does. In it a traveller stands in the week in which it was through, or gave
up, and there in order of decision: so the file is the same whether an engine hands over weeks or the whole run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim import clock
from portsim.border.model import PortModel
from portsim.border.records import CROSSED, INSIDE, NONE, OUTCOMES, Crossings
from portsim.errors import PortsimError

Ints = npt.NDArray[np.int64]

_PART = b"portsim.part"


class Words(NamedTuple):
    """A column of few words: the number of each row's word, NONE for a row without."""

    number: Ints
    words: Sequence[str]


def columns(rows: Crossings, model: PortModel, classes: Sequence[str]) -> dict[str, Words | npt.NDArray[np.generic]]:
    """Return the columns of rows: words, numbers with NaN where something did not happen, and `warm_up`.

    `classes`: the names of the network's traveller classes, in its order. Who stands in line at the start has joined
    before it, so their wait and crossing time are not known.
    """
    standing = np.array([segment.initial > 0 for segment in model.segments])[rows.segment]
    catchments = list(dict.fromkeys(segment.catchment for segment in model.segments))
    lane_types = list(dict.fromkeys(line.lane_type for line in model.lines))
    modes = list(dict.fromkeys(segment.mode for segment in model.segments))

    def of_line(numbers: Sequence[int]) -> Ints:
        return np.array([*numbers, NONE])[rows.line]

    def of_segment(numbers: Sequence[int]) -> Ints:
        return np.array(numbers, np.int64)[rows.segment]

    def minutes(since: Ints, until: Ints, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.where(known & (until > NONE), (until - since) / clock.MINUTE, np.nan)

    return {
        "traveller": rows.key,
        "catchment": Words(of_segment([catchments.index(s.catchment) for s in model.segments]), catchments),
        "class": Words(of_segment([s.traveller_class for s in model.segments]), classes),
        "port": Words(of_line([line.port for line in model.lines]), model.ports),
        "mode": Words(of_segment([modes.index(s.mode) for s in model.segments]), modes),
        "lane_type": Words(of_line([lane_types.index(line.lane_type) for line in model.lines]), lane_types),
        "outcome": Words(rows.outcome, OUTCOMES),
        "decided_min": rows.tick / clock.MINUTE,
        "wait_min": minutes(rows.tick, rows.start, ~standing),
        "primary_min": minutes(rows.start, rows.end, rows.start > NONE),
        "crossing_time_min": minutes(rows.tick, rows.depart, ~standing),
        "warm_up": rows.tick < model.warm_up_weeks * clock.WEEK,
    }


def frame(rows: Crossings, model: PortModel, classes: Sequence[str]) -> pd.DataFrame:
    """Return rows as a data frame, words as text."""
    found = columns(rows, model, classes)
    return pd.DataFrame(
        {
            name: np.array([*column.words, None], object)[column.number] if isinstance(column, Words) else column
            for name, column in found.items()
        }
    )


# --- files -------------------------------------------------------------------------------------


def check_installed() -> None:
    """Raise PortsimError where the package that writes parquet is missing."""
    if not find_spec("pyarrow"):
        raise PortsimError("to keep rows needs pyarrow, which is not installed: pip install 'portsim[rows]'")


def are_of(path: Path, part: str) -> bool:
    """Say whether a file holds the rows of the replication whose measures have that name."""
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra

    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (OSError, ArrowException):
        return False
    return bool(metadata.get(_PART) == part.encode())


@contextmanager
def written(path: Path, part: str, model: PortModel, classes: Sequence[str]) -> Iterator[RowsFile]:
    """Give a file to add blocks of rows to; it is put into place when all are, and not if something goes wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    rows = RowsFile(temporary, part, model, classes)
    try:
        yield rows
        rows.close()
        temporary.replace(path)
    finally:
        rows.close()
        temporary.unlink(missing_ok=True)


class RowsFile:
    """A parquet file of one replication, a row group a week; `part` is the name of the replication's measures."""

    def __init__(self, path: Path, part: str, model: PortModel, classes: Sequence[str]) -> None:
        self.path, self.part, self.model, self.classes = path, part, model, classes
        self.writer: Any = None

    def add(self, crossings: Crossings, carried: int = 0, *, last: bool = True) -> None:  # noqa: ARG002 - as a Tally
        """Write the rows of those who are through, or gave up, in this block; in the `last` those still inside too."""
        ready = np.flatnonzero((crossings.outcome != INSIDE) | last)
        crossed = crossings.outcome[ready] == CROSSED
        week = np.where(crossed, crossings.depart[ready], crossings.tick[ready]) // clock.WEEK
        weeks = self.model.warm_up_weeks + self.model.weeks
        week[(crossings.outcome[ready] == INSIDE) | (week >= weeks)] = weeks - 1
        for number in np.unique(week):
            self._write(_of(crossings, ready[week == number]))

    def _write(self, rows: Crossings) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415

        found = columns(rows, self.model, self.classes)
        table = pa.table({name: _array(column) for name, column in found.items()})
        if self.writer is None:
            table_schema = table.schema.with_metadata({_PART: self.part.encode()})
            words = [name for name, column in found.items() if isinstance(column, Words)]
            self.writer = parquet.ParquetWriter(self.path, table_schema, compression="zstd", use_dictionary=words)
        self.writer.write_table(table)

    def close(self) -> None:
        """Finish the file; asking again does nothing."""
        if self.writer is not None:
            self.writer.close()


def _of(crossings: Crossings, rows: Ints) -> Crossings:
    """Return some rows."""
    names = ("key", "tick", "segment", "line", "start", "end", "depart", "outcome")
    return replace(crossings, **{name: getattr(crossings, name)[rows] for name in names})


def _array(column: Words | npt.NDArray[np.generic]) -> Any:
    """Return a column as pyarrow's: words by number, NaN as nothing."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    if isinstance(column, Words):
        numbers = pa.array(column.number.astype(np.int16), mask=column.number < 0)
        return pa.DictionaryArray.from_arrays(numbers, pa.array(column.words, pa.string()))
    return pa.array(column, from_pandas=True)
