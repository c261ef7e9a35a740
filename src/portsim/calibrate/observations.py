"""Published observations: hourly waits and open lanes, and monthly crossings; read, checked and pooled.

A feed (`calibration.yaml`, beside a network) says which names in the published files are which line of the network.
What is impossible in a single reading is left out and told; a file that is not what it should be is refused, every
fault with its line.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator, Field

from portsim.calibrate.profiles import DAY_TYPE_OF, DAY_TYPES
from portsim.errors import Fault, PortsimError, ScenarioError, nearest
from portsim.language import documents
from portsim.language.schema import Days, Identifier, Mode, Strict
from portsim.packaged import DATA

Floats = npt.NDArray[np.float64]

PACKAGED = DATA / "calibaja"
FEED_FILE = "calibration.yaml"
CELLS_FILE = "waits_observed.csv"
POSTING_FILE = "posting.csv"
DOOR_TO_GATE_FILE = "door_to_gate.csv"
FIT_FILE = "fit.csv"
POSTED_FILE = "posted_min.csv"
HELD_OUT_FILE = "held_out.csv"
COUNTED_FILE = "observed.csv"
LINE = ["port", "mode", "lane_type"]
CELL_COLUMNS = (*LINE, "day_type", "hour", "n", "wait_mean_min", "wait_sd_min", "lanes_mean")
WAIT_COLUMNS = ("port", "mode", "lane_type", "date", "hour", "wait_min", "lanes_open")
LONGEST_WAIT_MIN = 480
"""A longer wait than eight hours is a slip of the keyboard."""
STEP_MIN = 5
"""Posted waits are multiples of five minutes."""
MOST_FAULTS = 20
MOST_BYTES = 200_000_000
"""The counts of all US ports since 1996 are 50 MB."""
MOST_LEFT_OUT = 0.05
"""Share of impossible readings above which the file is taken for something else."""
MONTHS = 12
_NO_READING = ("closed", "pending", "n/a")
_MONTH_FORMATS = ("%b %Y", "%Y-%m", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"'{name}' is no time zone: give a name such as America/Los_Angeles") from None
    return name


class ExtraBooths(Strict):
    """Booths that work beside those of the feed, on some days from one hour to another."""

    days: Days
    from_hour: Annotated[int, Field(alias="from", ge=0, le=23)]
    to_hour: Annotated[int, Field(alias="to", ge=1, le=24)]
    booths: Annotated[float, Field(gt=0)]
    note: str


class FeedLine(Strict):
    """How the published waits name one line of the network."""

    port: str
    mode: str
    lane_type: str
    extra_booths: ExtraBooths | None = None


class Feed(Strict):
    """What the published files call the lines of a network, keyed `port/mode/lane_type`; and the volumes' codes."""

    time_zone: Annotated[str, AfterValidator(_known_zone)]
    measures: dict[Mode, str] = Field(description="how the counts name each mode")
    port_codes: dict[Identifier, int] = Field(description="how the counts number each port")
    lines: dict[str, FeedLine]

    def names(self) -> dict[tuple[str, str, str], tuple[str, str, str]]:
        """Return the network's (port, mode, lane type) by the feed's."""
        found = {}
        for name, line in self.lines.items():
            port, mode, lane_type = name.split("/")
            found[line.port, line.mode, line.lane_type] = (port, mode, lane_type)
        return found


@dataclass(frozen=True)
class Observations:
    """Checked readings: port, mode, lane_type (the network's), date, weekday, hour, wait_min, lanes_open.

    `wait_min` is as posted. `lanes_open` is NaN where the count was impossible. `notes` says, for people, what was
    mended and what was left out.
    """

    readings: pd.DataFrame
    notes: tuple[str, ...] = ()

    def between(self, first: date | None, last: date | None) -> Observations:
        """Return the readings of a period, its ends included."""
        day = self.readings["date"]
        inside = (day >= (first or date.min)) & (day <= (last or date.max))
        return Observations(self.readings[inside], self.notes)


def packaged_feed() -> Feed:
    """Return the names of the packaged network's lines."""
    return read_feed(PACKAGED / FEED_FILE)


def read_feed(path: Path) -> Feed:
    """Read a feed. Raises ScenarioError with every fault."""
    return documents.read_yaml(path, Feed)


def packaged_cells() -> pd.DataFrame:
    """Return the calibration period's readings by day type and hour, as packaged (CELL_COLUMNS)."""
    return pd.read_csv(PACKAGED / CELLS_FILE, comment="#")


def packaged_door_to_gate() -> pd.DataFrame:
    """Return how many times the posted wait the whole wait was, by line: port, mode, lane_type, ratio."""
    return pd.read_csv(PACKAGED / DOOR_TO_GATE_FILE, comment="#")


def packaged_fit() -> pd.DataFrame:
    """Return how well each packaged line is fitted (see `fit_report.fit_table`)."""
    return pd.read_csv(PACKAGED / FIT_FILE, comment="#")


def packaged_posted() -> pd.DataFrame:
    """Return what would have been posted when the packaged fit was measured: hours of the week by `port/mode/lane`."""
    return pd.read_csv(PACKAGED / POSTED_FILE, comment="#", index_col="hour")


def packaged_held_out() -> pd.DataFrame:
    """Return how such a fit fares on weeks it has not seen (see `held_out`)."""
    return pd.read_csv(PACKAGED / HELD_OUT_FILE, comment="#")


def packaged_targets() -> dict[tuple[str, str, str], float]:
    """Return the mean of the smoothed posted waits that each packaged line was fitted to, minutes."""
    fit = packaged_fit()
    lines = zip(*(fit[name].astype(str) for name in LINE), strict=True)
    return dict(zip(lines, fit["target_min"].astype(float), strict=True))


def packaged_counts() -> dict[tuple[str, str], float]:
    """Return the crossings a day that were counted at each packaged port, by mode."""
    table = pd.read_csv(PACKAGED / COUNTED_FILE, comment="#")
    table = table[table["lane_type"] == "all"]
    crossings = zip(table["port"].astype(str), table["mode"].astype(str), strict=True)
    return dict(zip(crossings, table["crossings_per_day"].astype(float), strict=True))


# --- waits -------------------------------------------------------------------------------------


@dataclass
class _Notes:
    """What was found out of order, by kind: how often, and where first."""

    count: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    def add(self, kind: str, line: int, *, leaves_out: bool = True) -> None:
        self.count[kind] += 1
        self.first.setdefault(kind, line)
        self.left_out += leaves_out

    def told(self, file: str) -> tuple[str, ...]:
        return tuple(
            f"{file}:{self.first[kind]}: {kind}" + (f" (and {count - 1} more)" if count > 1 else "")
            for kind, count in self.count.items()
        )


def read_waits(
    path: Path,
    feed: Feed | None = None,
    *,
    open_hours: Mapping[tuple[str, str, str], npt.NDArray[np.bool_]] | None = None,
    most_booths: Mapping[tuple[str, str, str], float] | None = None,
    compared: bool = False,
) -> Observations:
    """Read hourly waits and open lanes: port, mode, lane_type, date, hour, wait_min, lanes_open; others are ignored.

    Names are those of `feed` (the packaged one unless given). `open_hours` (168 hours a line) and `most_booths` say
    what can be; a reading outside them is left out, a lane count above them is. Left out and told are also waits above
    eight hours, lines that say they are closed or have no update, lines that the feed does not know, and hours that
    daylight saving skips; the hour it repeats may stand twice. Records of Ready pedestrian lines that have wait and
    lanes exchanged (`wait 2, lanes 45`) are mended. Raises ScenarioError, with every fault's line, for a file without
    the columns, with cells that are no numbers or dates, the same hour twice, or too much that is impossible.

    `compared`: nothing is to be fitted to it, so lanes are not needed, and a wait that is no number, an hour read twice
    or a weekday that is not the date's is told instead of refused; the file must have one reading that can be used.
    """
    feed = packaged_feed() if feed is None else feed
    rows = _Rows(path, [name for name in WAIT_COLUMNS if name != "lanes_open" or not compared])
    reader = _WaitReader(feed, rows, open_hours or {}, most_booths or {}, compared)
    found = [reading for reading in map(reader.reading, rows) if reading is not None]
    rows.refuse_faults()
    total = len(found) + reader.notes.left_out
    if not found or (reader.notes.left_out > MOST_LEFT_OUT * total and not compared):
        told = reader.notes.told(rows.name)
        rows.fault(1, f"{len(found)} of {total} readings can be used: is this the right file? " + "; ".join(told[:5]))
        rows.refuse_faults()
    columns = [*LINE, "date", "weekday", "hour", "wait_min", "lanes_open"]
    readings = pd.DataFrame(found, columns=columns).sort_values([*LINE, "date", "hour"], ignore_index=True)
    return Observations(readings, reader.notes.told(rows.name))


_Reading = tuple[str, str, str, date, int, int, float, float]


@dataclass
class _WaitReader:
    """Checks rows of waits one by one."""

    feed: Feed
    rows: _Rows
    open_hours: Mapping[tuple[str, str, str], npt.NDArray[np.bool_]]
    most_booths: Mapping[tuple[str, str, str], float]
    compared: bool = False
    notes: _Notes = field(default_factory=_Notes)
    seen: dict[tuple[tuple[str, str, str], date, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = self.feed.names()
        self.zone = ZoneInfo(self.feed.time_zone)

    def reading(self, row: _Row) -> _Reading | None:
        """Return a checked reading; None, with a note or a fault, where it is none."""
        named = (row.text("port"), row.text("mode"), row.text("lane_type"))
        if any(word in row.text("status").lower() for word in _NO_READING) and not row.text("wait_min"):
            self.notes.add("closed, or no update: no wait", row.line, leaves_out=False)
            return None
        day, hour = row.day("date"), row.whole("hour", 0, 23)
        if day is None or hour is None:
            return None
        if not self._weekday_fits(row, day):
            return None
        if named not in self.names:
            self.notes.add(f"{' / '.join(named)} is no line of the network", row.line, leaves_out=False)
            return None
        return self._possible(row, self.names[named], (day, hour))

    def _weekday_fits(self, row: _Row, day: date) -> bool:
        if not row.text("weekday"):
            return True
        if self.compared:
            if row.text("weekday") not in {str(day.weekday()), f"{day.weekday()}.0"}:
                self.notes.add(
                    "the weekday is not the date's (0 = Monday): the date stands", row.line, leaves_out=False
                )
            return True
        stated = row.whole("weekday", 0, 6)
        if stated is not None and stated != day.weekday():
            self.rows.fault(row.line, f"{day} is weekday {day.weekday()} (0 = Monday), not {stated}")
        return stated == day.weekday()

    def _possible(self, row: _Row, line: tuple[str, str, str], at: tuple[date, int]) -> _Reading | None:
        numbers = self._numbers(row)
        if numbers is None:
            return None
        (wait, lanes), (day, hour) = numbers, at
        most = self.most_booths.get(line, np.inf)
        if wait % STEP_MIN and lanes > 0 and lanes % STEP_MIN == 0 and wait <= most and line[1] == "pedestrian":
            self.notes.add("wait and lanes are exchanged: put right", row.line, leaves_out=False)
            wait, lanes = lanes, wait
        if not self._credible(row, wait):
            return None
        if lanes == 0:
            self.notes.add("no lane open: left out", row.line, leaves_out=False)
            return None
        if not (np.isnan(lanes) or 0 < lanes <= most):
            self.notes.add(f"{lanes:g} lanes open, {most:g} built: the count is left out", row.line, leaves_out=False)
            lanes = np.nan
        slot = 24 * day.weekday() + hour
        if line in self.open_hours and not self.open_hours[line][slot]:
            self.notes.add("outside the opening hours: left out", row.line, leaves_out=False)
            return None
        return (*line, day, day.weekday(), hour, wait, lanes) if self._once(row, line, day, hour) else None

    def _numbers(self, row: _Row) -> tuple[float, float] | None:
        """Return wait and lanes; lanes are NaN where they are not needed and none."""
        if not self.compared:
            wait, lanes = row.number("wait_min"), row.number("lanes_open")
            return None if wait is None or lanes is None else (wait, lanes)
        numbers = _number(row.text("wait_min")), _number(row.text("lanes_open"))
        if np.isnan(numbers[0]):
            self.notes.add(f"wait_min '{row.text('wait_min')}' is no number: left out", row.line)
            return None
        return numbers

    def _credible(self, row: _Row, wait: float) -> bool:
        """Tell whether somebody may have waited so long."""
        if 0 <= wait <= LONGEST_WAIT_MIN:
            return True
        self.notes.add(f"wait {wait:g} minutes: not from 0 to {LONGEST_WAIT_MIN}, left out", row.line)
        return False

    def _once(self, row: _Row, line: tuple[str, str, str], day: date, hour: int) -> bool:
        """Tell whether a clock showed that hour, no more often than it is read."""
        shown = clock_shows(day, hour, self.zone)
        if shown == 0:
            self.notes.add(f"{day} {hour:02d}:00 is skipped by daylight saving: left out", row.line)
            return False
        key = (line, day, hour)
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] <= shown:
            return True
        if self.compared:
            self.notes.add("an hour that was read already: left out", row.line)
            return False
        self.rows.fault(row.line, f"{'/'.join(line)} on {day} at {hour:02d}:00 is here twice")
        return True


def clock_shows(day: date, hour: int, zone: ZoneInfo) -> int:
    """Return how often a local hour occurs on a day: 0 where daylight saving skips it, 2 where it repeats it."""
    start = datetime(day.year, day.month, day.day, hour, 30, tzinfo=zone)
    there = start.astimezone(UTC).astimezone(zone)
    if (there.hour, there.minute) != (hour, 30):
        return 0
    return 2 if start.replace(fold=1).utcoffset() != start.replace(fold=0).utcoffset() else 1


# --- volumes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Volumes:
    """Mean crossings a day by (port, mode), and the months they are of: `2024-03 to 2025-02`."""

    per_day: dict[tuple[str, str], float]
    months: str
    notes: tuple[str, ...] = ()


def read_volumes(path: Path, wanted: Sequence[tuple[str, str]], feed: Feed | None = None) -> Volumes:
    """Read monthly crossings; return daily means of the last twelve months in which nothing wanted is missing.

    Columns are those of the Bureau of Transportation Statistics: Port Code, Date, Measure, Value; or port_code, year,
    month, measure, value. A month without a row, or a zero where the others are not, is missing. Raises ScenarioError
    for a file without the columns, with cells that are no numbers, or without twelve such months on end.
    """
    feed = packaged_feed() if feed is None else feed
    rows = _Rows(path, ("port_code", "measure", "value"), either=("date", "year"))
    codes = {str(code): port for port, code in feed.port_codes.items()}
    modes = {measure: mode for mode, measure in feed.measures.items()}
    counted: dict[tuple[str, str], dict[int, float]] = {line: {} for line in wanted}
    for row in rows:
        line = (codes.get(row.text("port_code"), ""), modes.get(row.text("measure"), ""))
        if line not in counted:
            continue
        month, value = row.month(), row.number("value")
        if month is None or value is None:
            continue
        if month in counted[line]:
            rows.fault(row.line, f"{'/'.join(line)} in {_named(month)} is here twice")
        counted[line][month] = value
    rows.refuse_faults()
    last, notes = _last_months(counted, rows)
    rows.refuse_faults()
    span = range(last - MONTHS + 1, last + 1)
    days = (_first_day(last + 1) - _first_day(span[0])).days
    per_day = {line: sum(by_month[month] for month in span) / days for line, by_month in counted.items()}
    return Volumes(per_day, f"{_named(span[0])} to {_named(last)}", notes)


def _last_months(counted: dict[tuple[str, str], dict[int, float]], rows: _Rows) -> tuple[int, tuple[str, ...]]:
    """Return the last month of the latest twelve with no gap, and what was passed over for it."""
    missing: dict[int, list[str]] = {}
    months = sorted({month for by_month in counted.values() for month in by_month})
    for line, by_month in counted.items():
        typical = float(np.median([*by_month.values()])) if by_month else 0.0
        if not typical:
            rows.fault(1, f"no crossings of {'/'.join(line)}: see port_codes and measures of the feed")
        for month in months:
            if by_month.get(month, 0.0) == 0.0:
                missing.setdefault(month, []).append("/".join(line))
    for last in reversed(months):
        span = range(last - MONTHS + 1, last + 1)
        if all(month in months and month not in missing for month in span):
            passed = [month for month in months if month > last]
            told = [f"{rows.name}: {_named(month)} lacks {', '.join(missing.get(month, []))}" for month in passed]
            return last, tuple(told)
    gaps = "; ".join(f"{_named(month)} lacks {', '.join(lines)}" for month, lines in sorted(missing.items())[-3:])
    rows.fault(1, f"no {MONTHS} months on end with all ports and modes: {gaps or 'too few months'}")
    return 0, ()


def _named(month: int) -> str:
    return f"{month // 12}-{month % 12 + 1:02d}"


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def period(observed: Observations, first: date | None, last: date | None) -> Observations:
    """Return the readings of a period, its ends included. Raises PortsimError where there is none."""
    within = observed.between(first, last)
    if within.readings.empty:
        days = observed.readings["date"]
        raise PortsimError(
            f"no reading from {first or days.min()} to {last or days.max()}: they are of {days.min()} to {days.max()}"
        )
    return within


def of_line(observed: Observations, line: tuple[str, str, str]) -> pd.DataFrame:
    """Return the readings of one line, in order of time."""
    readings = observed.readings
    mine = np.ones(len(readings), bool)
    for column, name in zip(LINE, line, strict=True):
        mine &= (readings[column] == name).to_numpy()
    return readings[mine]


# --- pooled ------------------------------------------------------------------------------------


def cells(observed: Observations) -> pd.DataFrame:
    """Return readings by line, day type and hour: their number, mean and spread of waits, mean lanes open."""
    readings = observed.readings.assign(day_type=np.array(DAY_TYPES)[DAY_TYPE_OF[observed.readings["weekday"]]])
    grouped = readings.groupby([*LINE, "day_type", "hour"], sort=True)
    pooled = grouped.agg(
        n=("wait_min", "size"),
        wait_mean_min=("wait_min", "mean"),
        wait_sd_min=("wait_min", "std"),
        lanes_mean=("lanes_open", "mean"),
    ).reset_index()
    return pooled[list(CELL_COLUMNS)].round({"wait_mean_min": 2, "wait_sd_min": 2, "lanes_mean": 2})


# --- rows of a file ----------------------------------------------------------------------------


def _number(text: str) -> float:
    """Return a finite number that is written so, thousands with or without a comma; NaN for what is none."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


@dataclass(frozen=True)
class _Row:
    """One row, its cells read as what they should be; what they are not becomes a fault of the file."""

    rows: _Rows
    line: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def number(self, column: str) -> float | None:
        text = self.text(column)
        value = _number(text)
        if np.isnan(value):
            self.rows.fault(self.line, f"{column}: expected a number, got '{text}'")
            return None
        return value

    def whole(self, column: str, least: int, most: int) -> int | None:
        value = self.number(column)
        if value is not None and not (least <= value <= most and value == int(value)):
            self.rows.fault(self.line, f"{column}: {value:g} is no whole number from {least} to {most}")
            return None
        return None if value is None else int(value)

    def day(self, column: str) -> date | None:
        try:
            return date.fromisoformat(self.text(column))
        except ValueError:
            self.rows.fault(self.line, f"{column}: expected a day such as 2026-04-14, got '{self.text(column)}'")
            return None

    def month(self) -> int | None:
        """Return the months from year 0, of `year` and `month`, or of `date`."""
        if "year" in self.cells:
            year, month = self.whole("year", 1900, 2200), self.whole("month", 1, 12)
            return None if year is None or month is None else 12 * year + month - 1
        for form in _MONTH_FORMATS:
            try:
                found = datetime.strptime(self.text("date"), form)  # noqa: DTZ007 - a month has no time zone
            except ValueError:
                continue
            return 12 * found.year + found.month - 1
        self.rows.fault(self.line, f"date: expected a month such as 'Jan 2024', got '{self.text('date')}'")
        return None


class _Rows:
    """The rows of a CSV file with a header, and the faults found in them."""

    def __init__(self, path: Path, needed: Sequence[str], either: Sequence[str] = ()) -> None:
        self.name = documents.shown(path.resolve())
        self.faults: list[Fault] = []
        try:
            self.lines = documents.text_of(path, MOST_BYTES).splitlines()
        except documents.UnreadableError as unreadable:
            raise ScenarioError([Fault(self.name, unreadable.line, unreadable.column, f"{unreadable}")]) from None
        header = next(csv.reader(self.lines), [])
        self.header = [name.strip().lower().replace(" ", "_") for name in header]
        for column in needed:
            if self.header.count(column) != 1:
                self.fault(1, f"needs one column '{column}': {nearest(column, self.header)}")
        if either and not set(either) & set(self.header):
            self.fault(1, f"needs a column {' or '.join(either)}")
        self.refuse_faults()

    def __iter__(self) -> Iterator[_Row]:
        reader = csv.reader(self.lines[1:])
        for cells_ in reader:
            line = reader.line_num + 1
            if len(cells_) == len(self.header):
                yield _Row(self, line, {name: cell.strip() for name, cell in zip(self.header, cells_, strict=True)})
            elif cells_:
                self.fault(line, f"{len(cells_)} cells, {len(self.header)} columns")

    def fault(self, line: int, message: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(self.name, line, 1, message))

    def refuse_faults(self) -> None:
        """Raise ScenarioError with the first faults, if there are any."""
        if self.faults:
            more = len(self.faults) - MOST_FAULTS
            shown = self.faults[:MOST_FAULTS]
            if more > 0:
                shown.append(Fault(self.name, 10**9, 0, f"and {more} more faults"))
            raise ScenarioError(shown)
