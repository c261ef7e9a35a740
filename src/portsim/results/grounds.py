"""What a study stands on, as rows: every input with its source, booths built, and what was observed at the ports.

Rows are named tuples whose fields are the columns of tables/*.csv.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from portsim import clock
from portsim.border.demand import lanes_of
from portsim.errors import PortsimError
from portsim.language import inventory
from portsim.language.scenario import Scenario
from portsim.language.schema import MODES
from portsim.measure.measures import ALL

PLACES_FILE = "places.csv"
COUNTED_FILE = "observed.csv"


class Input(NamedTuple):
    """One number of a scenario: text as people read it; `scenario` is the first that has it so."""

    scenario: str
    input: str
    value: str
    unit: str
    low: str
    high: str
    year: str
    class_: str
    source: str
    title: str
    publisher: str
    note: str


class Booths(NamedTuple):
    """What is built of a line, or with lane type `all` of a crossing, in lane positions; `two_in_a_lane`: stacked."""

    scenario: str
    port: str
    mode: str
    lane_type: str
    built: float
    two_in_a_lane: bool


class ObservedWait(NamedTuple):
    """What was observed of a line in one hour of the week; the baseline is derived from it."""

    port: str
    mode: str
    lane_type: str
    weekday: int
    hour: int
    joins_per_hour: float
    wait_min: float
    class_: str


class ObservedCrossings(NamedTuple):
    """Crossings a day that were counted, against those simulated in the base."""

    port: str
    mode: str
    counted_per_day: float
    simulated_per_day: float


Row = Input | Booths | ObservedWait | ObservedCrossings


def columns(row: type[Row]) -> tuple[str, ...]:
    """Return the columns of a table of such rows."""
    return tuple(name.removesuffix("_") for name in row._fields)


def inputs(scenarios: Mapping[str, Scenario]) -> list[Input]:
    """Return every number of the base, and those of options that differ from it."""
    rows: list[Input] = []
    known: set[tuple[str, str]] = set()
    for name, scenario in scenarios.items():
        for row in inventory.sources(scenario):
            if (row.path, row.value) not in known:
                known.add((row.path, row.value))
                rows.append(Input(name, row.path, row.value, row.unit, row.low, row.high, *row[5:11]))
    return rows


def booths(scenario: Scenario) -> Iterator[Booths]:
    """Yield what is built at every open port."""
    for port in scenario.network.ports:
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is None or not port.open:
                continue
            positions = crossing.lane_positions.value
            stacked = False
            for name, lane in crossing.lane_types.items():
                built = min(lane.booths_built.value, positions) if lane.booths_built else positions
                stacked |= lane.stacked
                yield Booths(scenario.name, port.id, mode, name, built, lane.stacked)
            yield Booths(scenario.name, port.id, mode, ALL, positions, stacked)


def is_as_observed(scenario: Scenario) -> bool:
    """Say whether a scenario changes nothing of what was observed, so that it may be held against it."""
    return scenario.before == scenario.network and not scenario.demand and scenario.run.month is None


def observed_waits(scenario: Scenario) -> Iterator[ObservedWait]:
    """Yield the observed waits of every open line by hour of the week; none where the scenario changes something."""
    if not is_as_observed(scenario):
        return
    open_ports = {port.id for port in scenario.network.ports if port.open}
    for port, mode, _, lane_type, lane in lanes_of(scenario.network):
        if lane.observed is None or port.id not in open_ports:
            continue
        joins, waits = (clock.hourly(s.slots()) for s in (lane.observed.per_hour, lane.observed.wait_min))
        for hour in range(clock.HOURS_PER_WEEK):
            at = divmod(hour, clock.HOURS_PER_DAY)
            joined, wait = float(joins[hour]), float(waits[hour])
            yield ObservedWait(port.id, mode, lane_type, *at, joined, wait, lane.observed.wait_min.class_)


def observed_crossings(scenario: Scenario, summary: pd.DataFrame) -> Iterator[ObservedCrossings]:
    """Yield counted and simulated crossings by port and mode, where counts stand beside the network."""
    counted = _beside_network(scenario, COUNTED_FILE)
    if counted is None or not is_as_observed(scenario):
        return
    rows = summary[(summary["scenario"] == scenario.name) & (summary["lane_type"] == ALL)]
    simulated = rows.set_index(["port", "mode"])["crossings_per_day"]
    for row in counted[counted["lane_type"] == ALL].to_dict("records"):
        at = (row["port"], row["mode"])
        if at in simulated.index and pd.notna(row["crossings_per_day"]):
            yield ObservedCrossings(*at, float(row["crossings_per_day"]), float(simulated.loc[at]))


def border_km(scenario: Scenario) -> dict[str, float]:
    """Return where along the border each port stands, from `places.csv` beside the network; empty without one."""
    places = _beside_network(scenario, PLACES_FILE)
    if places is None:
        return {}
    if not {"port", "border_km"} <= set(places) or not pd.api.types.is_numeric_dtype(places["border_km"]):
        raise PortsimError(f"{PLACES_FILE} beside the network needs the columns port and border_km, kilometres")
    return {str(port): float(km) for port, km in zip(places["port"], places["border_km"], strict=True)}


def _beside_network(scenario: Scenario, name: str) -> pd.DataFrame | None:
    """Read a CSV file that stands beside the network's; None where there is none."""
    folders = dict.fromkeys(path.parent for path in scenario.files if path.name == "network.yaml")
    path = next((folder / name for folder in folders if (folder / name).is_file()), Path())
    if not path.is_file():
        return None
    try:
        return pd.read_csv(path, comment="#")
    except (OSError, ValueError) as error:
        raise PortsimError(f"{path} cannot be read: {error}") from error
