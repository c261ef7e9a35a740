"""A calibrated network as files: the network file with its service times, the tables beside it, and its fit.

The network file is the one calibrated from, word for word, but for its service times; so notes, sources and all that
is not fitted stay. Everything is written to the side first and put in place together, the network file last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from portsim import clock
from portsim.calibrate import calibration, fit_report, held_out, observations
from portsim.calibrate.calibration import Key, Line
from portsim.calibrate.observations import (
    CELLS_FILE,
    DOOR_TO_GATE_FILE,
    FEED_FILE,
    FIT_FILE,
    HELD_OUT_FILE,
    LINE,
    POSTED_FILE,
    POSTING_FILE,
    Observations,
    Volumes,
)
from portsim.errors import KeyPath, PortsimError
from portsim.language import documents, scenario
from portsim.language.documents import Document
from portsim.language.scenario import PACKAGED_NETWORK
from portsim.language.schema import MODES

BOOTHS_FILE, JOINS_FILE, WAITS_FILE = "booths_open.csv", "joining_per_hour.csv", "wait_min.csv"
OBSERVED_FILE, RESPONSE_FILE = "observed.csv", "fit_response.csv"
_TABLES = {
    ("booths_open",): BOOTHS_FILE,
    ("observed", "per_hour"): JOINS_FILE,
    ("observed", "wait_min"): WAITS_FILE,
}
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_SERVICE_DECIMALS = 2


@dataclass(frozen=True)
class Inputs:
    """What to calibrate with: the published files, the days of readings to use, and the network (or the packaged)."""

    volumes: Path
    waits: Path
    days: tuple[date | None, date | None] = (None, None)
    network: Path | None = None


def calibrate(
    inputs: Inputs,
    out: Path,
    *,
    replace: bool = False,
    replications: int | None = None,
    blocks: int | None = None,
    jobs: int | None = None,
    progress: calibration.Progress | None = None,
) -> str:
    """Read, fit and write a network; return the report of its fit. Raises PortsimError before anything is written.

    `blocks`: also say how such a fit fares on weeks held out, half of them and by so many blocks (see `held_out`).
    """
    network = inputs.network or PACKAGED_NETWORK
    feed_file = network.parent / FEED_FILE
    check(network, out, replace=replace)
    count = replications or calibration.REPLICATIONS
    frame, feed = scenario.of_network(network), observations.read_feed(feed_file)
    hours, most = calibration.limits(frame.network)
    observed = observations.read_waits(inputs.waits, feed, open_hours=hours, most_booths=most)
    volumes = observations.read_volumes(inputs.volumes, calibration.counted_groups(frame.network), feed)
    for note in (*observed.notes, *volumes.notes):
        if progress is not None:
            progress(note)
    observed = observations.period(observed, *inputs.days)
    if blocks is not None:
        list(held_out.splits(observed, blocks))  # too many blocks are told now, not after the fit
    found = calibration.calibrate(
        frame,
        observed,
        volumes,
        feed,
        replications=count,
        jobs=jobs,
        progress=progress,
    )
    apart = fit_report.measured_apart(found, jobs)
    table = fit_report.fit_table(found, apart, observed, volumes)
    responses = fit_report.capacity_responses(found.scenario, jobs=jobs)
    tables = {
        CELLS_FILE: observations.cells(observed),
        POSTING_FILE: table[[*LINE, "readings", "least_posted_min", "held_share"]].rename(
            columns={"least_posted_min": "least_min"}
        ),
        OBSERVED_FILE: observed_table(observed, volumes),
        FIT_FILE: table,
        POSTED_FILE: posted_table(fit_report.posted_weeks(found, apart)),
        RESPONSE_FILE: responses,
    }
    if blocks is not None:
        tables[HELD_OUT_FILE] = held_out.held_out(
            frame, observed, volumes, feed, blocks=blocks, replications=count, jobs=jobs, progress=progress
        )
    about = made_of(inputs.volumes, volumes, inputs.waits, observed)
    write(found.lines, tables, network, out, about=about)
    ratios = network.parent / DOOR_TO_GATE_FILE
    return fit_report.report(table, responses, pd.read_csv(ratios, comment="#") if ratios.exists() else None)


def check(network: Path, out: Path, *, replace: bool) -> None:
    """Refuse, before anything is simulated, what could not be written.

    Raises PortsimError where `out` or a table beside it is there already and is not to be replaced, or where the
    network does not take the weeks of its observed lines from the tables that are written.
    """
    tables = (CELLS_FILE, POSTING_FILE, OBSERVED_FILE, FIT_FILE, POSTED_FILE, RESPONSE_FILE, HELD_OUT_FILE, FEED_FILE)
    there = [name for name in (out.name, *_TABLES.values(), *tables) if (out.parent / name).exists()]
    if there and not replace:
        raise PortsimError(f"{out.parent} holds {', '.join(there)} already: name another folder, or add --replace")
    document = _document(network)
    for lane, loc in _observed_lanes(document):
        for tail, file in _TABLES.items():
            found = document.tables.get((*loc, *tail), "")
            if not found.endswith(f"{file}:{'/'.join(lane)}"):
                place = document.fault((*loc, *tail), f"give this as {{table: {file}, column: {'/'.join(lane)}}}")
                raise PortsimError(f"{place}: calibrate writes that table")


def write(lines: Sequence[Line], tables: Mapping[str, pd.DataFrame], network: Path, out: Path, *, about: str) -> None:
    """Write fitted lines: the network to `out`, their weeks and other tables beside it, and the feed of the network.

    `about` says what it was made of, and heads the other tables, one comment a line.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    head = "".join(f"# {line}\n" for line in about.splitlines())
    with TemporaryDirectory(dir=out.parent, prefix=".calibrate-") as folder:
        side = Path(folder)
        _week_table(lines, "booths", 2).to_csv(side / BOOTHS_FILE)
        _week_table(lines, "joins", 2).to_csv(side / JOINS_FILE)
        _week_table(lines, "wait", 1).to_csv(side / WAITS_FILE)
        for name, table in tables.items():
            (side / name).write_text(head + table.round(3).to_csv(index=False), encoding="utf-8")
        for name in (FEED_FILE, DOOR_TO_GATE_FILE):
            if (network.parent / name).exists():
                (side / name).write_bytes((network.parent / name).read_bytes())
        (side / out.name).write_text(network_text(network, lines), encoding="utf-8")
        for name in [*(path.name for path in side.iterdir() if path.name != out.name), out.name]:
            (side / name).replace(out.parent / name)


def made_of(volumes_file: Path, volumes: Volumes, waits_file: Path, observed: Observations) -> str:
    """Say what a fit was made of: files with their digests, months and days."""
    days = observed.readings["date"]
    return "\n".join(
        [
            f"Crossings: {_named(volumes_file)}, {volumes.months}, daily means.",
            f"Waits and lanes: {_named(waits_file)}, {days.min()} to {days.max()}, {len(days)} readings used.",
            "Written by `portsim calibrate`; see docs/baseline.md. Waits in minutes.",
        ]
    )


def observed_table(observed: Observations, volumes: Volumes) -> pd.DataFrame:
    """Return what was counted, by port and mode, and what was read, by line, daily means."""
    counted = [
        {"port": port, "mode": mode, "lane_type": "all", "crossings_per_day": per_day}
        for (port, mode), per_day in volumes.per_day.items()
    ]
    read = observed.readings.groupby(LINE)["wait_min"].agg(wait_mean_min="mean", readings="size").reset_index()
    return pd.concat([pd.DataFrame(counted), read], ignore_index=True).astype({"readings": "Int64"})


def posted_table(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return posted waits by line, weekday and hour as a column a line, a row an hour of the week."""
    named = weeks.assign(line=weeks[LINE].agg("/".join, axis=1), at=24 * weeks["weekday"] + weeks["hour"])
    wide = named.pivot_table(index="at", columns="line", values="posted_min", sort=False).sort_index()
    return wide.round(2).rename_axis(index="hour", columns=None).reset_index()


def network_text(network: Path, lines: Sequence[Line]) -> str:
    """Return a network file's text with the service times of fitted lines; nothing else is changed."""
    document = _document(network)
    text = documents.text_of(network).splitlines(keepends=True)
    by_key = {line.key: line for line in lines}
    places = document.values  # noqa: PD011 - not of pandas
    edits = [
        (*places[loc], value * by_key[lane].scale)
        for lane, at in _observed_lanes(document)
        if lane in by_key and by_key[lane].scale != 1.0
        for loc, value in _numbers(document.data, (*at, "service", "mean_s"))
    ]
    for row, column, value in sorted(edits, reverse=True):
        line = text[row - 1]
        found = _NUMBER.match(line, column - 1)
        if found is None:
            raise PortsimError(f"{documents.shown(network)}:{row}:{column}: expected a number to replace")
        shown = f"{value:.{_SERVICE_DECIMALS}f}".rstrip("0").rstrip(".")
        text[row - 1] = line[: column - 1] + shown + line[found.end() :]
    return "".join(text)


def _named(path: Path) -> str:
    return f"{path.name} (SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]})"


def _document(network: Path) -> Document:
    document = documents.Reader().document(network.resolve(), None)
    if document is None:
        raise PortsimError(f"{documents.shown(network)} cannot be read")
    return document


def _observed_lanes(document: Document) -> Iterator[tuple[Key, KeyPath]]:
    """Yield the observed lines of a network file, and where each stands."""
    for number, port in enumerate(document.data["ports"]):
        for mode in MODES:
            for name, lane in port.get(mode, {}).get("lane_types", {}).items():
                if "observed" in lane:
                    yield (port["id"], mode, name), ("ports", number, mode, "lane_types", name)


def _numbers(data: object, loc: KeyPath) -> Iterator[tuple[KeyPath, float]]:
    """Yield the numbers of a service time: itself, its `value`, or those by class; other keys are no times."""
    held = data
    for part in loc:
        held = held[part]  # type: ignore[index]
    if isinstance(held, int | float):
        yield loc, float(held)
    elif isinstance(held, Mapping) and "value" in held:
        yield (*loc, "value"), float(held["value"])
    elif isinstance(held, Mapping):
        for name in held:
            yield from _numbers(data, (*loc, name))


def _week_table(lines: Sequence[Line], column: str, decimals: int) -> pd.DataFrame:
    columns = {"/".join(line.key): np.round(getattr(line, column), decimals) + 0.0 for line in lines}
    return pd.DataFrame(columns, index=pd.RangeIndex(clock.HOURS_PER_WEEK, name="hour"))
