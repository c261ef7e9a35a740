"""Arrays that wait on disk: written once, read in parts, gone with the last that refers to them.

The file is the system's own temporary file without a name (on Windows one that is deleted when it is closed), so
nothing of it is left however the process ends. It lies where `tempfile` puts it: TMPDIR moves it.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from portsim.errors import PortsimError

Array = npt.NDArray[np.integer]


class Spool:
    """A temporary file of arrays, made with the first of them. One thread at a time may use it."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._end = 0

    def keep(self, array: Array) -> Kept:
        """Write an array of whole numbers, and return where it stands. Raises PortsimError where the disk is full."""
        with _in_words():
            if self._file is None:
                self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with the spool
                weakref.finalize(self, self._file.close)
            self._file.seek(self._end)
            self._file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        kept = Kept(self, self._end, array.dtype, array.shape)
        self._end += array.nbytes
        return kept

    def read(self, place: int, into: Array) -> None:
        """Fill an array from a place of the file, in bytes."""
        if into.size:
            assert self._file is not None
            with _in_words():
                self._file.seek(place)
                if self._file.readinto(into.data.cast("B")) != into.nbytes:  # type: ignore[attr-defined]
                    raise OSError("the file is shorter than what was written")


@dataclass(frozen=True)
class Kept:
    """An array on disk."""

    spool: Spool
    place: int
    dtype: np.dtype[np.integer]
    shape: tuple[int, ...]

    def read(self) -> Array:
        """Return the array."""
        found = np.empty(self.shape, self.dtype)
        self.spool.read(self.place, found)
        return found

    def part(self, first: int, last: int) -> Array:
        """Return the elements from `first` up to, not including, `last`, of an array of one dimension."""
        found = np.empty(last - first, self.dtype)
        self.spool.read(self.place + first * self.dtype.itemsize, found)
        return found


@contextmanager
def _in_words() -> Iterator[None]:
    """Word it for people where the disk does not do its part."""
    try:
        yield
    except OSError as error:
        raise PortsimError(
            f"waits cannot be kept in a temporary file in {tempfile.gettempdir()}: {error.strerror or error}. "
            "They take 4 bytes a wait while a replication runs; TMPDIR names another folder"
        ) from error
