"""What a person sees on the terminal, and finds again in run.log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from portsim import __version__
from portsim.language.checks import warnings
from portsim.language.scenario import Scenario, count_by_class
from portsim.language.schema import MODES
from portsim.measure.inference import IDENTICAL
from portsim.measure.measures import ALL
from portsim.numbers import Estimate, dollars, plus_minus
from portsim.pages.report import Study, Tables, assumed_waits, resting_on_assumed
from portsim.results.findings import hidden_lanes, lane_words, no_truck_change, verdict_on
from portsim.validate.validation import Result
from portsim.validate.validation_page import number

DAGGER = "\N{DAGGER}"
_WIDTH = 120  # where no terminal says otherwise
_ENOUGH = 5  # fewer replications leave the width of an interval to chance
_PLURALS = {"truck": "trucks", "vehicle": "vehicles", "bus": "buses", "pedestrian": "pedestrians"}


def inputs_line(scenario: Scenario) -> str:
    """Say how many numbers a scenario rests on, and of what class they are."""
    counts = count_by_class(scenario)
    by_class = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{sum(counts.values())} inputs: {by_class}."


class Reporter:
    """Progress on a terminal, plain lines elsewhere; everything but the bar also goes to a log file."""

    def __init__(self, log: Path, *, quiet: bool) -> None:
        self._log = log.open("a", encoding="utf-8")
        console = Console(quiet=quiet, highlight=False)
        width = None if console.is_terminal else max(console.width, _WIDTH)
        self._console = Console(quiet=quiet, highlight=False, width=width)
        self._bar = Progress(
            TextColumn("  running"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("replications"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._started = time.monotonic()
        self._reused: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if error is not None:
            self._write(f"stopped: {kind.__name__ if kind else ''} {error}")
        self._log.close()

    def begin(self, study: Study, asked: int | None = None) -> None:
        """Say what will be run, and on what inputs; `asked` replications, where more are there."""
        base = study.scenarios[0]
        run = base.run
        titles = " against ".join([base.title, *(f'"{s.title}"' for s in study.scenarios[1:])])
        self.say(f"portsim {__version__}  {titles}")
        self.say(f"  inputs    of {base.title}: {inputs_line(base)}")
        for line in (*_assumed_lines(base), *(f"warning: {w}" for w in warnings(base.network, run))):
            self.say(f"  {line}")
        month = f", month {run.month}" if run.month else ""
        self.say(
            f"  running   {len(study.runs)} scenario(s) x {run.replications} replication(s) of "
            f"{run.warm_up_weeks} + {run.weeks} weeks, seed {run.seed}{month}"
        )
        if asked is not None and asked < run.replications:
            self.say(f"            {asked} replication(s) asked, {run.replications} there and used")

    def begin_progress(self) -> None:
        """Start the progress bar, and count time from here."""
        self._started = time.monotonic()
        self._bar.start()

    def stop_progress(self) -> None:
        """End the progress bar."""
        self._bar.stop()

    def progress(self, done: int, total: int) -> None:
        """Say how many replications are finished."""
        self._bar.update(self._task, completed=done, total=total)
        elapsed = time.monotonic() - self._started
        if self._reused is None:
            self._reused = done
        ran = done - self._reused
        left = f", about {elapsed / ran * (total - done):.0f} s left" if ran and done < total else ""
        line = f"  {done} of {total} replications{left}"
        self._write(line)
        if not self._console.is_terminal:
            self._console.print(line)

    def finish(self, study: Study, found: Tables, folder: Path, seconds: float) -> None:
        """Print the findings and where everything is."""
        self._bar.stop()
        for scenarios in filter(None, (study.scenarios, study.companions)):
            for table in _wait_tables(scenarios, found):
                self._print_table(table)
            base, *options = scenarios
            for option in options:
                name = [f"{option.title}, against {base.title}:"] if len(options) > 1 else []
                for line in (*name, *_cargo_lines(option, found), *found.worth.lines(option.name)):
                    self.say(line)
        for growing in found.growing:
            self.say(f"warning: {growing}: the line grows, and its waits say how long was simulated")
        for line in _caveats(study):
            self.say(line)
        self.say(f"wrote {folder}  ({seconds:.0f} s): open report.html first; deck.pptx to show, tables.xlsx to check")

    def _print_table(self, table: Table) -> None:
        self._console.print(table)
        plain = Console(file=StringIO(), width=_WIDTH)
        with plain.capture() as text:
            plain.print(table)
        for line in text.get().splitlines():
            self._write(line)

    def say(self, line: str) -> None:
        """Print a line, and log it."""
        self._console.print(line, markup=False)
        self._write(line)

    def _write(self, line: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line.strip()}\n")
        self._log.flush()


def _assumed_lines(scenario: Scenario) -> list[str]:
    """Say which waits of the baseline nobody observed, and between what they may lie."""
    lines = []
    for (port, mode), group in groupby(assumed_waits(scenario), key=lambda line: line[:2]):
        series = [observed.wait_min for _, _, observed in group]
        joined = np.concatenate([s.slots()[s.slots() > 0] for s in series])
        central = float(joined.mean()) if joined.size else 0.0
        low, high = series[0].low_factor, series[0].high_factor
        span = f" (low {central * low:.0f}, high {central * high:.0f})" if low and high else ""
        name = scenario.network.port(port).name
        lines.append(f"{DAGGER} assumed, not observed: {name} {_PLURALS[mode]} wait {central:.0f} min{span}")
    if lines:
        lines.append(f"What rests on them is marked {DAGGER}.")
    return lines


def _caveats(study: Study) -> list[str]:
    """Say what the numbers are, and what they rest on."""
    base = study.scenarios[0]
    replications = base.run.replications
    wait = "Wait: joining the line to start of primary inspection, northbound."
    if replications == 1:
        lines = [f"{wait} One replication has no interval: a change may be chance alone."]
    else:
        lines = [f"{wait} ± is a 95% interval over {replications} replications; chance, not the inputs."]
    if 1 < replications < _ENOUGH:
        lines.append(f"{replications} replications: the intervals themselves are uncertain (about 12 steady them)")
    if len(study.scenarios) > 1 and not study.companions:
        modes = ", ".join(
            f"{_PLURALS[mode]} {figure.value:g}" + (f" (low {figure.low:g})" if figure.low else "")
            for mode, figure in base.network.patience_pct_per_min.items()
        )
        lines.append(
            f"Changes rest on how many trips a longer wait turns away, % a minute: {modes}. "
            "--low-patience compares at the low figures too."
        )
    return lines


def _wait_tables(scenarios: Sequence[Scenario], found: Tables) -> list[Table]:
    """Return a table of mean waits an option: side by side, two do not fit a terminal's width."""
    base, *options = scenarios
    return [_wait_table([base, option], found) for option in options] or [_wait_table([base], found)]


def _wait_table(scenarios: Sequence[Scenario], found: Tables) -> Table:
    """Return mean waits by port and mode of one scenario, or of a base and an option, with what changes.

    Below a port and mode stand its lane types, where the change of all together hides one of theirs.
    """
    base, *options = scenarios
    table = Table(title="Mean wait, minutes", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("port", no_wrap=True)
    table.add_column("mode", no_wrap=True)
    for scenario in scenarios:
        table.add_column(scenario.title, justify="right")
    if options:
        table.add_column("change", justify="right")
        table.add_column("", no_wrap=True)
    marked = resting_on_assumed(base)
    ports = list(dict.fromkeys(port.id for s in scenarios for port in s.network.ports))
    for port in ports:
        for mode in MODES:
            cells = _cells(scenarios, found, (port, mode, ALL))
            if cells is None:
                continue
            name = base.network.port(port).name + (f" {DAGGER}" if (port, mode) in marked else "")
            table.add_row(name, mode, *cells)
            hidden = [lane for o in options for lane in hidden_lanes(found.comparison, o.name, port, mode)]
            for lane_type in dict.fromkeys(hidden):
                table.add_row(
                    "", f"  {lane_words(lane_type)}", *_cells(scenarios, found, (port, mode, lane_type)) or ()
                )
    for mode in MODES:
        here = [port for port in ports if _cells(scenarios, found, (port, mode, ALL))]
        cells = _cells(scenarios, found, (ALL, mode, ALL))
        if options and len(here) > 1 and cells:
            name = "All ports" + (f" {DAGGER}" if any((port, mode) in marked for port in here) else "")
            table.add_row(name, mode, *cells)
    return table


def _cells(scenarios: Sequence[Scenario], found: Tables, group: tuple[str, str, str]) -> list[str] | None:
    """Return a row of the table: the waits of a group, the change and verdict of each option; None without a wait."""
    base, *options = [_wait(found.summary, s.name, group) for s in scenarios]
    if not (base or any(options)):
        return None
    changes = [
        _change(found.comparison, s.name, group) if base and wait else ("", _opens_or_closes(base, wait))
        for s, wait in zip(scenarios[1:], options, strict=True)
    ]
    return [*(wait or "closed" for wait in (base, *options)), *(word for pair in changes for word in pair)]


def _opens_or_closes(base: str, option: str) -> str:
    return "opens" if option else "closes" if base else ""


def _of_group(table: pd.DataFrame, group: tuple[str, str, str]) -> pd.DataFrame:
    port, mode, lane_type = group
    return table[(table["port"] == port) & (table["mode"] == mode) & (table["lane_type"] == lane_type)]


def _wait(summary: pd.DataFrame, scenario: str, group: tuple[str, str, str]) -> str:
    rows = _of_group(summary[summary["scenario"] == scenario], group)
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return plus_minus(Estimate(row["wait_mean_min"], row["wait_mean_hw_min"]))


def _change(comparison: pd.DataFrame, option: str, group: tuple[str, str, str]) -> tuple[str, str]:
    of_option = (comparison["option"] == option) & (comparison["metric"] == "wait_mean_min")
    rows = _of_group(comparison[of_option], group)
    if rows.empty:
        return "", ""
    row = rows.iloc[0]
    if row["verdict"] == IDENTICAL:
        return "", IDENTICAL
    verdict = verdict_on(row["difference"], row["half_width"], row["verdict"])
    return plus_minus(Estimate(row["difference"], row["half_width"]), signed=True), verdict


def _cargo_lines(option: Scenario, found: Tables) -> list[str]:
    """Say what the cargo rule makes of an option, the whole line of arithmetic."""
    if found.cargo_value.empty:
        return []
    rows = found.cargo_value[found.cargo_value["option"] == option.name]
    if no_truck_change(rows):
        return ["No truck line changes: cargo value is 0."]
    lines = [f"Cargo value by the documents' rule, {option.title}:"]
    for row in rows.to_dict("records"):
        name = "all ports" if row["port"] == ALL else option.network.port(row["port"]).name
        place = "the documents' figure whole" if row["scope"] == "region" else name
        worth = (
            "no dollars: beyond 60 minutes the rule is not applied"
            if pd.isna(row["usd_per_month"])
            else f"{dollars(Estimate(row['usd_per_month'], row['usd_per_month_hw']), signed=True)} a month"
        )
        if row["minutes_saved"] == 0 and not row["minutes_saved_hw"] > 0:
            lines.append(f"  {place}: {IDENTICAL}")
            continue
        minutes = plus_minus(Estimate(row["minutes_saved"], row["minutes_saved_hw"]))
        flag = f"  [{row['flag']}]" if row["flag"] else ""
        lines.append(f"  {place}: {minutes} min saved x share {row['share']:.2%} -> {worth}{flag}")
    saving = found.savings[option.name]
    both, one = f"{saving.paired:,.0f}", f"{saving.left_out:,.0f}"
    lines.append(f"  trucks in both scenarios: {both} a replication; in one only, and left out: {one}")
    return lines


# --- the validation ----------------------------------------------------------------------------

_VALIDATION_WIDTH = 100


class ValidationTeller:
    """Tells each case of the validation as it is done: value, oracle, standard error, tolerance and verdict."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(quiet=quiet, highlight=False)
        if not self._console.is_terminal:
            self._console.width = _VALIDATION_WIDTH
        self._level = ""

    def case(self, results: Sequence[Result]) -> None:
        """Print the checks of one case."""
        first = results[0]
        if first.level != self._level:
            self._level = first.level
            self._console.print(f"\n{self._level.upper()}", style="bold")
        table = Table(
            title=first.case, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True
        )
        table.add_column("check", ratio=1)
        for name in ("value", "oracle", "SE"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("tolerance", no_wrap=True)
        table.add_column("", no_wrap=True)
        for one in results:
            what = escape(f"{one.what} ({one.note})" if one.note else one.what)
            cells = [number(one.value), number(one.oracle), number(one.standard_error, digits=2)]
            table.add_row(what, *cells, one.tolerance, one.verdict, style=None if one.passed else "bold red")
        self._console.print(table)

    def notes(self, notes: Sequence[str]) -> None:
        """Print what was mended or left out of an observation file."""
        for note in notes:
            self._console.print(note, markup=False)

    def comparison(self, heading: str, comparison: pd.DataFrame) -> None:
        """Print simulated waits against observed ones, a row a line, mode and lane type, and all."""
        compared = "naive_mae_min" in comparison
        title = f"{heading}: mean posted wait, minutes{'; naive: the calibration period mean' * compared}"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("port", "mode", "lane type"):
            table.add_column(name, no_wrap=True)
        columns = {
            "observed_min": "observed",
            "simulated_min": "ours",
            "mae_min": "error",
            "bias_min": "bias",
            "p90_error_min": "P90",
            "naive_mae_min": "naive",
            "ratio": "ratio",
        }
        columns = {name: shown for name, shown in columns.items() if name in comparison}
        for name in columns.values():
            table.add_column(name, justify="right", no_wrap=True)
        for row in comparison.to_dict("records"):
            cells = [f"{row[name]:.2f}" if name == "ratio" else f"{row[name]:.1f}" for name in columns]
            table.add_row(
                row["port"], row["mode"], row["lane_type"], *("" if cell == "nan" else cell for cell in cells)
            )
        self._console.print(table)

    def finish(self, results: Sequence[Result], written: Path | None, seconds: float, *, whole: bool) -> None:
        """Say how it came out, what failed, and where it is written."""
        counts = {verdict: sum(one.verdict == verdict for one in results) for verdict in ("pass", "FAIL", "reported")}
        cases = len({one.case for one in results})
        self._console.print()
        for one in results:
            if not one.passed:
                self._console.print(f"failed: {one.case}: {one.what}: {one.note}", markup=False)
        self._console.print(
            f"{cases} cases, {len(results)} checks: {counts['pass']} passed, {counts['FAIL']} failed, "
            f"{counts['reported']} reported only  ({seconds:.0f} s)",
            markup=False,
        )
        if written is not None:
            self._console.print(f"wrote {written}", markup=False)
        elif not whole:
            self._console.print(
                "a part of the validation: nothing written; --out FOLDER writes page, pictures and table"
            )
