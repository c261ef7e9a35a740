"""A finished results folder, read back: manifest, tables, and what charts and pages say beside them.

Pages and figures are made from what is read here, never from what a run still holds in memory. So a report drawn
anew, a year later and without simulating, is the one that the run wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from portsim.errors import ResultsError
from portsim.results import grounds, tables
from portsim.results.findings import Context
from portsim.valuation import appraisal, emissions, value
from portsim.valuation.economics import COLUMNS as CARGO_COLUMNS

MANIFEST = "manifest.json"
PARTS = "parts"
ROWS = "rows"
OWNER = "study"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "summary": tables.SUMMARY_COLUMNS,
    "hourly": tables.HOURLY_COLUMNS,
    "weekday_profile": tables.PROFILE_COLUMNS,
    "queues": tables.QUEUE_COLUMNS,
    "comparison": tables.COMPARISON_COLUMNS,
    "hourly_comparison": tables.HOURLY_COMPARISON_COLUMNS,
    "cargo_value": tuple(CARGO_COLUMNS),
    "value": value.COLUMNS,
    "emissions": emissions.COLUMNS,
    "appraisal": appraisal.COLUMNS,
    "appraisal_years": appraisal.YEAR_COLUMNS,
    "appraisal_waits": appraisal.WAIT_COLUMNS,
    "tornado": appraisal.TORNADO_COLUMNS,
    "booths": grounds.columns(grounds.Booths),
    "observed_waits": grounds.columns(grounds.ObservedWait),
    "observed_crossings": grounds.columns(grounds.ObservedCrossings),
    "inputs": grounds.columns(grounds.Input),
}
ALWAYS = ("summary", "hourly", "weekday_profile", "queues")
_WORDS = ("verdict", "flag", "note", "unit", "class", "low", "high", "year", "value", "source", "title", "publisher")
_ALWAYS_WORDS = ("verdict", "flag", "note")  # also where all are empty
_NO_CONTEXT = "was made by an earlier portsim, which did not keep what a report needs: run the study again"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a folder's manifest, or say what the folder is instead of finished. Raises ResultsError."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise ResultsError(f"{folder}: no such folder")
    if not path.is_file():
        if (folder / PARTS / OWNER).is_file():
            raise ResultsError(f"{folder} is not finished: the same run again takes it up where it stopped")
        raise ResultsError(f"{folder} is no results folder: it has no {MANIFEST}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or not {"portsim", "study", "scenarios"} <= set(manifest):
        raise ResultsError(f"{path} was not made by portsim")
    return manifest


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Return a table of a folder: no rows where the study has none of it. Raises ResultsError."""
    path = folder / "tables" / f"{name}.csv"
    if not path.exists() and name not in ALWAYS:
        return pd.DataFrame(columns=list(COLUMNS.get(name, ())))
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(COLUMNS["inputs"], str) if name == "inputs" else None)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    lacking = next((column for column in COLUMNS.get(name, ()) if column not in table), None)
    if lacking is not None:
        raise ResultsError(f"{path} has no column '{lacking}': it is damaged, or of another version of portsim")
    texts = [c for c in _WORDS if c in table and (c in _ALWAYS_WORDS or not pd.api.types.is_numeric_dtype(table[c]))]
    return table.assign(**{column: table[column].astype(object).fillna("") for column in texts})


@dataclass(frozen=True)
class Finished:
    """A finished study: its folder and manifest, and its tables as data frames, read when they are asked for."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Finished:
        """Read the manifest of a folder. Raises ResultsError where it is not finished, or too old to be drawn."""
        manifest = read_manifest(folder)
        if "context" not in manifest:
            raise ResultsError(f"{folder} {_NO_CONTEXT}")
        return cls(folder, manifest)

    def table(self, name: str) -> pd.DataFrame:
        """Return a table by name; no rows where the study has none of it."""
        if name not in self._read:
            self._read[name] = read_table(self.folder, name)
        return self._read[name]

    @cached_property
    def _read(self) -> dict[str, pd.DataFrame]:
        return {}

    @property
    def names(self) -> list[str]:
        """Return the tables there are, and those a study always has; of this version first and in their order."""
        there = sorted(path.stem for path in (self.folder / "tables").glob("*.csv"))
        own = [name for name in COLUMNS if name in there or name in ALWAYS]
        return own + [name for name in there if name not in COLUMNS]

    @property
    def missing(self) -> list[str]:
        """Return the tables that the run wrote and that the folder no longer has."""
        wrote = self.manifest.get("tables", ALWAYS)
        return [name for name in wrote if not (self.folder / "tables" / f"{name}.csv").is_file()]

    @cached_property
    def context(self) -> Context:
        """Return what charts say beside their tables, of the scenarios without companions and later years."""
        held = self.manifest["context"]
        ports = held["ports"]
        run = self.manifest["scenarios"][0]["run"]
        main = [s for s in self.manifest["scenarios"] if s["name"] in held["about"]]
        return Context(
            scenarios={s["name"]: s["title"] for s in main},
            ports={port["id"]: port["name"] for port in ports},
            replications=min(s["run"]["replications"] for s in main),
            weeks=run["weeks"],
            seed=run["seed"],
            source=held["source"],
            version=self.manifest["portsim"],
            target_wait_min={p["id"]: p["target_wait_min"] for p in ports if p["target_wait_min"] is not None},
            assumed_waits=frozenset((port, mode) for port, mode in held["assumed_waits"]),
        )

    @property
    def about(self) -> dict[str, str]:
        """Return what each scenario says of itself, by name."""
        return dict(self.manifest["context"]["about"])

    @property
    def companions(self) -> dict[str, str]:
        """Return the companion at low patience of each scenario that has one, by the scenario's name."""
        return {name.removesuffix("-low-patience"): name for name in self.manifest["context"]["companions"]}

    @property
    def place_km(self) -> dict[str, float]:
        """Return where along the border each port stands, of those whose place is known."""
        ports = self.manifest["context"]["ports"]
        return {port["id"]: port["border_km"] for port in ports if port["border_km"] is not None}

    @property
    def run_id(self) -> str:
        """Return what names the run on every page and slide."""
        return f"{self.manifest['study']} {self.manifest['study_digest'][:8]}"
