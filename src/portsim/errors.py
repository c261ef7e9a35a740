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


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Say what is allowed, and which of it `word` was probably meant to be."""
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}allowed: {', '.join(allowed)}" if allowed else f"{hint}none is defined"
