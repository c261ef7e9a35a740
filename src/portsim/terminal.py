"""What a person sees on the terminal, and finds again in run.log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from portsim import __version__
from portsim.inference import IDENTICAL
from portsim.numbers import Estimate, dollars, plus_minus
from portsim.report import Study, Tables, assumed_waits
from portsim.scenario import Scenario, count_by_class
from portsim.schema import MODES
from portsim.tables import ALL

DAGGER = "\N{DAGGER}"


def inputs_line(scenario: Scenario) -> str:
    """Say how many numbers a scenario rests on, and of what class they are."""
    counts = count_by_class(scenario)
    by_class = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{sum(counts.values())} inputs: {by_class}."


class Reporter:
    """Progress on a terminal, plain lines elsewhere; everything but the bar also goes to a log file."""

    def __init__(self, log: Path, *, quiet: bool) -> None:
        self._log = log.open("a", encoding="utf-8")
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if error is not None:
            self._write(f"stopped: {kind.__name__ if kind else ''} {error}")
        self._log.close()

    def begin(self, study: Study) -> None:
        """Say what will be run, and on what inputs."""
        base = study.scenarios[0]
        run = base.run
        titles = " against ".join([base.title, *(f'"{s.title}"' for s in study.scenarios[1:])])
        self.say(f"portsim {__version__}  {titles}")
        self.say(f"  inputs    {inputs_line(base)}")
        marked = sorted(assumed_waits(base))
        if marked:
            names = ", ".join(f"{base.network.port(port).name} {mode}s" for port, mode in marked)
            self.say(f"  {DAGGER} assumed waits, hardly observed: {names}. Results marked {DAGGER} rest on them.")
        month = f", month {run.month}" if run.month else ""
        self.say(
            f"  running   {len(study.scenarios)} scenario(s) x {run.replications} replication(s) of "
            f"{run.warm_up_weeks} + {run.weeks} weeks, seed {run.seed}{month}"
        )
        self._bar.start()

    def progress(self, done: int, total: int) -> None:
        """Say how many replications are finished."""
        self._bar.update(self._task, completed=done, total=total)
        elapsed = time.monotonic() - self._started
        left = f", about {elapsed / done * (total - done):.0f} s left" if 0 < done < total else ""
        line = f"  {done} of {total} replications{left}"
        self._write(line)
        if not self._console.is_terminal:
            self._console.print(line)

    def finish(self, study: Study, found: Tables, folder: Path, seconds: float) -> None:
        """Print the findings and where everything is."""
        self._bar.stop()
        for table in _wait_tables(study, found):
            self._console.print(table)
        for line in _cargo_lines(study, found):
            self.say(line)
        if not found.cargo_value.empty or not found.comparison.empty:
            self._say_caveats(study)
        self.say(f"wrote {folder}  ({seconds:.0f} s): figures/ to show, tables/ to check, manifest.json to repeat")

    def say(self, line: str) -> None:
        """Print a line, and log it."""
        self._console.print(line, markup=False)
        self._write(line)

    def _say_caveats(self, study: Study) -> None:
        replications = study.scenarios[0].run.replications
        self.say(
            f"Wait: joining the line to start of primary inspection, northbound. ± is a 95% interval over "
            f"{replications} replications; it covers chance, not the inputs."
        )

    def _write(self, line: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line.strip()}\n")
        self._log.flush()


def _wait_tables(study: Study, found: Tables) -> list[Table]:
    """Return one table a study: mean waits by port and mode, and the changes of each option."""
    base, *options = study.scenarios
    ports = list(dict.fromkeys(port.id for s in study.scenarios for port in s.network.ports))
    table = Table(title="Mean wait, minutes", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("port")
    table.add_column("mode")
    for scenario in study.scenarios:
        table.add_column(scenario.title, justify="right")
    for option in options:
        table.add_column("change" if len(options) == 1 else f"change: {option.title}", justify="right")
        table.add_column("")
    marked = assumed_waits(base)
    for port in ports:
        for mode in MODES:
            cells = [_wait(found.summary, s.name, port, mode) for s in study.scenarios]
            if any(cells):
                name = base.network.port(port).name + (f" {DAGGER}" if (port, mode) in marked else "")
                changes = [_change(found.comparison, s.name, port, mode) for s in options]
                table.add_row(name, mode, *(cell or "closed" for cell in cells), *(c for pair in changes for c in pair))
    return [table]


def _wait(summary: pd.DataFrame, scenario: str, port: str, mode: str) -> str:
    rows = summary[
        (summary["scenario"] == scenario)
        & (summary["port"] == port)
        & (summary["mode"] == mode)
        & (summary["lane_type"] == ALL)
    ]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return plus_minus(Estimate(row["wait_mean_min"], row["wait_mean_hw_min"]))


def _change(comparison: pd.DataFrame, option: str, port: str, mode: str) -> tuple[str, str]:
    rows = comparison[
        (comparison["option"] == option)
        & (comparison["port"] == port)
        & (comparison["mode"] == mode)
        & (comparison["lane_type"] == ALL)
        & (comparison["metric"] == "wait_mean_min")
    ]
    if rows.empty:
        return "", "new" if not comparison.empty else ""
    row = rows.iloc[0]
    if row["verdict"] == IDENTICAL:
        return "", IDENTICAL
    return plus_minus(Estimate(row["difference"], row["half_width"]), signed=True), row["verdict"]


def _cargo_lines(study: Study, found: Tables) -> Sequence[str]:
    lines = []
    titles = {s.name: s.title for s in study.scenarios}
    for option, rows in found.cargo_value.groupby("option", sort=False) if not found.cargo_value.empty else ():
        lines.append(f"Cargo value by the documents' rule, {titles[str(option)]}:")
        saving = found.savings[str(option)]
        for row in rows.to_dict("records"):
            place = "documents' figure applied whole to this region" if row["scope"] == "region" else row["port"]
            worth = (
                "blank: beyond 60 minutes the rule is not applied"
                if pd.isna(row["usd_per_month"])
                else dollars(Estimate(row["usd_per_month"], row["usd_per_month_hw"]), signed=True) + " a month"
            )
            minutes = plus_minus(Estimate(row["minutes_saved"], row["minutes_saved_hw"]))
            flag = f"  [{row['flag']}]" if row["flag"] else ""
            lines.append(f"  {place}: {minutes} min saved x share {row['share']:.2%} -> {worth}{flag}")
        lines.append(
            f"  the same trucks in both: {saving.paired:,.0f} a replication; in one of the two only, left out: "
            f"{saving.left_out:,.0f}"
        )
    return lines
