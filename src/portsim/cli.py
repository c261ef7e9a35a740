"""The command line: one command a verb. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portsim import __version__
from portsim.commands import assessment
from portsim.commands.inspection import Sets, register
from portsim.errors import PortsimError

if TYPE_CHECKING:
    from portsim.language.scenario import Scenario

app = typer.Typer(
    name="portsim",
    help="Simulate border wait times at the CaliBaja ports of entry, and what a change of them is worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files.", show_default=False)]
ScenarioPath = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file.", show_default=False)]
Base = Annotated[Path, typer.Argument(metavar="BASE", help="The scenario to compare with.", show_default=False)]
Options = Annotated[list[Path], typer.Argument(metavar="OPTION...", help="One or more scenarios.", show_default=False)]
Replications = Annotated[int | None, typer.Option("--replications", "-n", help="Instead of the scenario's.")]
Weeks = Annotated[int | None, typer.Option(help="Measured weeks, instead of the scenario's.")]
Seed = Annotated[int | None, typer.Option(help="Instead of the scenario's.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: one a core.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the results; default: results/NAME-DIGEST.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the results' folder only.")]
LowPatience = Annotated[
    bool,
    typer.Option(
        "--low-patience",
        help="Also compare at the low figures of patience (CaliBaja: 0.10 % a minute, not 0.28; trucks 0.0075).",
    ),
]
Engines = Annotated[
    bool, typer.Option("--engines", help="Also run replication 0 on both engines and compare every row.")
]
EngineName = Annotated[
    str | None,
    typer.Option("--engine", help="compiled (fast) or simpy (the definition); both give the same rows."),
]
KeepRows = Annotated[
    int | None,
    typer.Option(
        "--keep-rows",
        min=0,
        metavar="N",
        help="Also keep every traveller of the first N replications, as parquet in rows/. Needs portsim[rows].",
    ),
]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Simulate on the Dask cluster at tcp://HOST:PORT. Needs portsim[cluster].",
    ),
]
First = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of readings to use.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of readings to use.")]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Run every replication again, and check conservation, Little's law, order and idle booths."
    ),
]


_INTERRUPTED = 130  # what typer makes of Ctrl-C


def main() -> None:
    """Run the command line; what a person can put right ends with exit code 2 and no traceback."""
    try:
        app()
    except PortsimError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the one place that prints an error
        sys.exit(2)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            print("stopped; finished replications are kept", file=sys.stderr)  # noqa: T201 - as above
        raise


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"portsim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Simulate border wait times at the CaliBaja ports of entry, and what a change of them is worth."""


@app.command()
def check(files: Files, engines: Engines = False) -> None:
    """Read scenarios and say all that is wrong with them, or what they rest on."""
    from portsim.commands.terminal import inputs_line  # noqa: PLC0415
    from portsim.errors import Fault, ScenarioError  # noqa: PLC0415
    from portsim.language.checks import warnings  # noqa: PLC0415
    from portsim.language.scenario import load  # noqa: PLC0415

    faults: list[Fault] = []
    for file in files:
        try:
            scenario = load(file)
            _build(scenario)
            typer.echo(f"{file}: good. {inputs_line(scenario)}")
            for warning in warnings(scenario.network, scenario.run):
                typer.echo(f"{file}: warning: {warning}")
            if engines:
                typer.echo(f"{file}: SimPy replays replication 0, a minute or more")
                typer.echo(f"{file}: {_agreement(scenario)}")
        except ScenarioError as error:
            faults += error.faults
        except PortsimError as error:
            faults.append(Fault(str(file), 0, 0, str(error)))
    if faults:
        raise ScenarioError(faults)


@app.command()
def run(
    scenario: ScenarioPath,
    replications: Replications = None,
    weeks: Weeks = None,
    seed: Seed = None,
    jobs: Jobs = None,
    out: Out = None,
    sets: Sets = None,
    engine: EngineName = None,
    quiet: Quiet = False,
    verify: Verify = False,
    keep_rows: KeepRows = None,
    cluster: ClusterAddress = None,
) -> None:
    """Simulate one scenario."""
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    how: dict[str, Any] = {"jobs": jobs, "out": out, "engine": engine, "quiet": quiet, "verify": verify}
    _study([scenario], settings, sets, keep_rows=keep_rows, cluster=cluster, **how)


@app.command()
def compare(
    base: Base,
    options: Options,
    replications: Replications = None,
    weeks: Weeks = None,
    seed: Seed = None,
    jobs: Jobs = None,
    out: Out = None,
    sets: Sets = None,
    low_patience: LowPatience = False,
    engine: EngineName = None,
    quiet: Quiet = False,
    verify: Verify = False,
    keep_rows: KeepRows = None,
    cluster: ClusterAddress = None,
) -> None:
    """Simulate a base and one or more options on the same travellers, and compare them."""
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    how: dict[str, Any] = {"jobs": jobs, "out": out, "engine": engine, "quiet": quiet, "verify": verify}
    _study([base, *options], settings, sets, low_patience=low_patience, keep_rows=keep_rows, cluster=cluster, **how)


@app.command()
def calibrate(
    volumes: Annotated[Path, typer.Option(help="Monthly crossings in the columns of the BTS.", show_default=False)],
    waits: Annotated[Path, typer.Option(help="Hourly waits and lanes open, tidy CSV.", show_default=False)],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The network file to write, its tables beside it.", show_default=False)
    ],
    first: First = None,
    last: Last = None,
    network: Annotated[Path | None, typer.Option(help="The network to fit; default: the packaged one.")] = None,
    replications: Annotated[int | None, typer.Option("--replications", "-n", min=2, help="Of each simulation.")] = None,
    blocks: Annotated[
        int | None,
        typer.Option(
            "--hold-out", metavar="BLOCKS", min=2, help="Also fit to weeks less some, and hold those against it."
        ),
    ] = None,
    jobs: Jobs = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the files that are there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Fit a network to counted crossings and posted waits, and write it with its fit. Takes minutes."""
    from portsim.calibrate import baseline_files  # noqa: PLC0415

    days = (first.date() if first else None, last.date() if last else None)
    inputs = baseline_files.Inputs(volumes, waits, days, network)
    report = baseline_files.calibrate(
        inputs,
        out,
        replace=replace,
        replications=replications,
        blocks=blocks,
        jobs=jobs,
        progress=None if quiet else typer.echo,
    )
    typer.echo(out if quiet else f"{report}\n\n{out}")


@app.command()
def validate(
    level: Annotated[str | None, typer.Option(help="theory, engine or field; absent is all.")] = None,
    observed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Hourly waits of any period, CSV, to compare with.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for page, pictures and table; default: docs.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The cases that take a second or two.")] = False,
    cases: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A case of your own, or a folder of them, instead of the packaged ones."),
    ] = None,
    jobs: Jobs = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Run every case of the validation, and write what came of it; exit code 1 where one fails."""
    from portsim.commands.validating import validate as run_cases  # noqa: PLC0415
    from portsim.validate.cases import PACKAGED, as_level  # noqa: PLC0415

    outcome = run_cases(
        None if level is None else as_level(level),
        quick=quick,
        observed=observed,
        out=out,
        cases=cases or PACKAGED,
        jobs=jobs,
        quiet=quiet,
    )
    if outcome.last_line:
        typer.echo(outcome.last_line)
    if not outcome.passed:
        raise typer.Exit(1)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A finished results folder.", show_default=False)],
) -> None:
    """Draw figures, report, slides and workbook of a finished study again, without simulating."""
    from portsim.pages.report import redraw  # noqa: PLC0415

    missing = redraw(results)
    typer.echo(f"{results}: report.html, deck.pptx, tables.xlsx and figures/ drawn anew")
    if missing:
        absent = ", ".join(f"tables/{name}.csv" for name in missing)
        typer.echo(f"missing in the folder: {absent}: what rests on it is left out; the same run again writes it")


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    import json  # noqa: PLC0415

    from portsim.language.schema import scenario_json_schema  # noqa: PLC0415

    typer.echo(json.dumps(scenario_json_schema(), indent=2))


def _build(scenario: Scenario) -> None:
    from portsim.runs.experiment import build_model  # noqa: PLC0415

    build_model(scenario)


def _agreement(scenario: Scenario) -> str:
    from portsim.runs.experiment import agreement  # noqa: PLC0415

    return f"both engines agree on all {agreement(scenario, None):,} rows of replication 0"


def _study(
    paths: list[Path],
    settings: dict[str, int | None],
    sets: Sequence[str] | None,
    *,
    out: Path | None,
    quiet: bool,
    low_patience: bool = False,
    **how: Any,
) -> None:
    from portsim.commands import study  # noqa: PLC0415

    read = study.read(paths, settings, sets=sets or (), low_patience=low_patience)
    folder = study.carry_out(read, out, quiet=quiet, **how)
    if quiet:
        typer.echo(folder)


register(app)
assessment.register(app)


if __name__ == "__main__":
    main()
