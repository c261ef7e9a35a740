"""Finished replications on disk: named by all they depend on, written whole or not at all, read when asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from portsim import __version__
from portsim.language.scenario import Scenario
from portsim.measure.measures import Measures, TruckWaits

_DECISIVE = (
    *("clock.py", "language/schema.py", "language/opening.py"),
    *("border/*.py", "engines/*.py", "measure/*.py", "runs/*.py"),
)
_ONCE = ("groups", "summary", "lines", "hourly", "daily", "queue_10min")
_TRUCKS = "trucks_of_week_{:03}"  # rows: key, port, wait


def part_name(scenario: Scenario, replication: int) -> str:
    """Name a finished replication by all it depends on: scenario, code, numpy (whose draws it has), seed and number."""
    code = "-numpy".join(versions().values())
    return f"{scenario.digest[:16]}-{code}-seed{scenario.run.seed}-{replication:04d}.npz"


def versions() -> dict[str, str]:
    """Return what a replication's numbers depend on besides its scenario: portsim with its code, and numpy."""
    return {"portsim": f"{__version__}-{code_digest()[:8]}", "numpy": np.__version__}


@cache
def code_digest() -> str:
    """SHA-256 of the modules that make a replication what it is: a changed engine never meets old parts."""
    package = Path(__file__).parents[1]
    files = [file for pattern in _DECISIVE for file in sorted(package.glob(pattern))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def save(measures: Measures, path: Path) -> None:
    """Write measures whole or not at all: to a temporary file, to the disk, then into place."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        with ZipFile(file, "w") as part:
            for name, array in _arrays(measures):
                with part.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())  # or a power failure may leave the name and not what it names
    temporary.replace(path)


def _arrays(measures: Measures) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    """Yield what is written, by name, the trucks week by week."""
    for name in _ONCE:
        yield name, np.array(getattr(measures, name))
    for week, trucks in enumerate(measures.trucks):
        yield _TRUCKS.format(week), np.stack([trucks.key, trucks.port, trucks.wait])


def is_whole(path: Path) -> bool:
    """Say whether a finished replication can be read; a damaged one is run again."""
    try:
        with ZipFile(path) as part:
            names = part.namelist()
            return part.testzip() is None and all(f"{name}.npy" in names for name in (*_ONCE, _TRUCKS.format(0)))
    except (OSError, EOFError, ValueError, BadZipFile):
        return False


def load(path: Path) -> Measures:
    """Return the measures that `save` wrote. What is large is read each time it is asked for: all would be too much."""
    return _Saved(path)


class _Saved(Measures):
    """Measures in a file; groups, summary and lines are in memory too."""

    path: Path

    def __init__(self, path: Path) -> None:
        with np.load(path) as part:
            kept = {
                "groups": _names(part["groups"]),
                "summary": part["summary"],
                "lines": _names(part["lines"]),
                "path": path,
            }
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @property
    def hourly(self) -> npt.NDArray[np.float64]:
        return self._read("hourly")

    @property
    def daily(self) -> npt.NDArray[np.float64]:
        return self._read("daily")

    @property
    def queue_10min(self) -> npt.NDArray[np.float64]:
        return self._read("queue_10min")

    @property
    def trucks(self) -> Iterator[TruckWaits]:
        with np.load(self.path) as part:
            for name in sorted(part.files):
                if name not in _ONCE:
                    yield TruckWaits(*part[name])

    def _read(self, name: str) -> npt.NDArray[np.float64]:
        with np.load(self.path) as part:
            found: npt.NDArray[np.float64] = part[name]
        return found


def _names(rows: np.ndarray) -> tuple[tuple[str, str, str], ...]:
    return tuple((str(port), str(mode), str(lane_type)) for port, mode, lane_type in rows)
