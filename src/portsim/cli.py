"""The command line: one command a verb. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portsim import __version__
from portsim.errors import PortsimError

if TYPE_CHECKING:
    from portsim.report import Study
    from portsim.scenario import Scenario

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
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Run every replication again, and check conservation, Little's law, order and idle booths."
    ),
]


def main() -> None:
    """Run the command line; what a person can put right ends with exit code 2 and no traceback."""
    try:
        app()
    except PortsimError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the one place that prints an error
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; finished replications are kept", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(130)


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
def check(files: Files) -> None:
    """Read scenarios and say all that is wrong with them, or what they rest on."""
    from portsim.checks import warnings  # noqa: PLC0415
    from portsim.errors import Fault, ScenarioError  # noqa: PLC0415
    from portsim.scenario import load  # noqa: PLC0415
    from portsim.terminal import inputs_line  # noqa: PLC0415

    faults: list[Fault] = []
    for file in files:
        try:
            scenario = load(file)
        except ScenarioError as error:
            faults += error.faults
        else:
            _build(scenario)
            typer.echo(f"{file}: good. {inputs_line(scenario)}")
            for warning in warnings(scenario.network, scenario.run):
                typer.echo(f"{file}: warning: {warning}")
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
    quiet: Quiet = False,
    verify: Verify = False,
) -> None:
    """Simulate one scenario."""
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    _study([scenario], settings, jobs=jobs, out=out, quiet=quiet, verify=verify)


@app.command()
def compare(
    base: Base,
    options: Options,
    replications: Replications = None,
    weeks: Weeks = None,
    seed: Seed = None,
    jobs: Jobs = None,
    out: Out = None,
    low_patience: LowPatience = False,
    quiet: Quiet = False,
    verify: Verify = False,
) -> None:
    """Simulate a base and one or more options on the same travellers, and compare them."""
    settings = {"replications": replications, "weeks": weeks, "seed": seed}
    paths = [base, *options]
    _study(paths, settings, jobs=jobs, out=out, quiet=quiet, verify=verify, low_patience=low_patience)


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    import json  # noqa: PLC0415

    from portsim.schema import scenario_json_schema  # noqa: PLC0415

    typer.echo(json.dumps(scenario_json_schema(), indent=2))


def _build(scenario: Scenario) -> None:
    from portsim.experiment import build_model  # noqa: PLC0415

    build_model(scenario)


def _study(
    paths: list[Path],
    settings: dict[str, int | None],
    *,
    jobs: int | None,
    out: Path | None,
    quiet: bool,
    verify: bool,
    low_patience: bool = False,
) -> None:
    study = _load(paths, settings, low_patience=low_patience)
    from portsim import experiment, report  # noqa: PLC0415
    from portsim.terminal import Reporter  # noqa: PLC0415

    folder = out if out is not None else study.folder(Path("results"))
    report.claim(folder, study)
    wanted = max(scenario.run.replications for scenario in study.scenarios)
    study = study.with_replications(max(wanted, experiment.held(study.runs, folder / report.PARTS)))
    started = time.time()
    with Reporter(folder / "run.log", quiet=quiet) as reporter:
        reporter.begin(study)
        measures = experiment.run(
            study.runs, folder / report.PARTS, jobs=jobs, verify=verify, progress=reporter.progress
        )
        found = report.write(folder, study, measures, started)
        reporter.finish(study, found, folder, time.time() - started)
    if quiet:
        typer.echo(folder)


def _load(paths: list[Path], settings: dict[str, int | None], *, low_patience: bool) -> Study:
    """Read all scenarios of a study, and report the faults of all together."""
    from portsim.errors import Fault, ScenarioError  # noqa: PLC0415
    from portsim.report import Study  # noqa: PLC0415
    from portsim.scenario import at_low_patience, load  # noqa: PLC0415

    scenarios, faults = [], list[Fault]()
    for path in paths:
        try:
            scenarios.append(load(path, settings))
        except ScenarioError as error:
            faults += error.faults
    if faults:
        raise ScenarioError(faults)
    companions = [at_low_patience(scenario) for scenario in scenarios] if low_patience else []
    if None in companions:
        raise PortsimError("--low-patience: the network gives no `low` for patience_pct_per_min")
    study = Study(tuple(scenarios), tuple(c for c in companions if c is not None))
    problems = study.problems()
    if problems:
        raise PortsimError("\n".join(problems))
    return study
