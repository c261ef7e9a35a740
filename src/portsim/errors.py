"""What portsim raises when a person can put the matter right.

```
PortsimError
├── ScenarioError    a scenario or network file: every fault found in it, each with file, line and column
└── ResultsError     a results folder that must not be overwritten, or cannot be read
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

KeyPath = tuple[int | str, ...]
"""Where a value stands in a file: keys and positions."""

Found = tuple[KeyPath, str]
"""Something wrong: where, and what."""


class PortsimError(Exception):
    """Base of the errors portsim raises on purpose; the message is meant to be read."""


class ResultsError(PortsimError):
    """A results folder belongs to another run, or cannot be used."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong in one file; `line` and `column` count from 1, 0 where no place exists."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class ScenarioError(PortsimError):
    """Everything found wrong while reading a scenario, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


_ALSO_CALLED = {  # what people say, and what files call it
    "vehicle": ("car", "cars", "auto", "autos", "pov", "povs", "passenger", "passengers"),
    "truck": ("lorry", "lorries", "commercial", "cargo", "freight"),
    "pedestrian": ("walker", "walkers", "foot", "on-foot"),
    "general": ("standard", "regular", "all-traffic"),
    "standard": ("general", "regular"),
    "add_booths": ("add_lanes", "open_lanes", "open_booths", "more_booths", "close_lanes", "close_booths"),
    "build": ("build_lanes", "build_booths", "add_lane_positions"),
    "set_lane_types": ("convert_lanes", "share_lanes"),
}


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Say what is allowed, and which of it `word` was probably meant to be, by its letters or by what people say."""
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    close = close or [name for name in allowed if word.lower() in _ALSO_CALLED.get(name, ())]
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}allowed: {', '.join(allowed)}" if allowed else f"{hint}none is defined"
