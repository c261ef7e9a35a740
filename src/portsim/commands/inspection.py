"""Commands that read and list, and simulate nothing: show, diff, sources, ports, facts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from portsim.language.scenario import Scenario

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file.", show_default=False)]
MaybeScenario = Annotated[
    Path | None,
    typer.Argument(metavar="[SCENARIO]", help="A scenario file; absent is the packaged network.", show_default=False),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set one value, as `portsim show` names it; may be repeated."),
]
Only = Annotated[str | None, typer.Option(help="Only paths that hold this text.")]
Full = Annotated[bool, typer.Option("--all", help="Series in full, as --set takes them.")]
AllChanges = Annotated[bool, typer.Option("--all", help="All changes of a series, not the first three.")]
Csv = Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")]

_ONLY = "--only TEXT lists the paths that hold a text"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    commands: tuple[Callable[..., None], ...] = (show, diff, sources, ports, facts)
    for command in commands:
        app.command()(command)


def show(scenario: ScenarioFile, only: Only = None, sets: Sets = None, full: Full = False, csv: Csv = False) -> None:
    """List every value of a scenario: its path for --set, unit, class, and the file and line it comes from."""
    from portsim.language import inventory  # noqa: PLC0415

    rows = inventory.show(_load(scenario, sets), only, full=full)
    _print(rows, csv=csv, none=f"no path holds '{only}'", whole=full, hint="" if only else _ONLY)


def diff(base: ScenarioFile, option: ScenarioFile, full: AllChanges = False, csv: Csv = False) -> None:
    """List what differs between two scenarios: both values, when a series changes, and where each comes from."""
    from portsim.language import inventory  # noqa: PLC0415

    narrow = ("path", "base", "option", "change", "option_origin")
    rows = inventory.diff(_load(base), _load(option), full=full)
    _print(rows, csv=csv, none="no difference", narrow=narrow, whole=full)


def sources(scenario: MaybeScenario = None, only: Only = None, csv: Csv = False) -> None:
    """List every number with its unit, year, class, source and range."""
    from portsim.language import inventory  # noqa: PLC0415

    rows = [row for row in inventory.sources(_load(scenario)) if only is None or only in row.path]
    narrow = ("path", "value", "low", "high", "unit", "year", "class", "source")
    _print(rows, csv=csv, none=f"no path holds '{only}'", narrow=narrow, hint="" if only else _ONLY)


def ports(scenario: MaybeScenario = None, csv: Csv = False) -> None:
    """List every line: hours, booths, service time, joins and waits observed; then traveller classes and catchments."""
    from portsim.language import inventory  # noqa: PLC0415

    read = _load(scenario)
    rows = inventory.ports(read)
    narrow = [name for name in inventory.Line._fields if name not in {"most", "later_stages"}]
    _print(rows, csv=csv, none="no port", narrow=narrow)
    if not csv:
        for title, names in (("traveller classes", inventory.travellers(read)), ("catchments", inventory.areas(read))):
            typer.echo(f"\n{title}")
            _print(names, csv=False, none="none")


def facts(csv: Csv = False) -> None:
    """List the sourced figures the packaged network rests on or is checked against."""
    from portsim.language.facts import table  # noqa: PLC0415

    found = table().astype(object)
    rows = list(found.where(found.notna(), "").itertuples(index=False, name="Fact"))
    narrow = ("id", "value", "unit", "year", "source", "used_in")
    _print(rows, csv=csv, none="no fact", narrow=narrow)


def _load(path: Path | None, sets: Sequence[str] | None = None) -> Scenario:
    from portsim.language.scenario import load, packaged  # noqa: PLC0415

    return packaged() if path is None else load(path, sets=sets or ())


def _print(
    rows: Sequence[tuple[Any, ...]],
    *,
    csv: bool,
    none: str,
    narrow: Sequence[str] = (),
    whole: bool = False,
    hint: str = "",
) -> None:
    """Write rows to standard output: CSV, or lines cut to the terminal; whole lines where it is none, or asked for."""
    from portsim.language.listing import as_csv, as_lines  # noqa: PLC0415

    if csv:
        typer.echo(as_csv(rows), nl=False)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not whole else None
    for line in as_lines(rows, width, narrow) or [none]:
        typer.echo(line)
    if width is not None and hint:
        typer.echo(hint)
