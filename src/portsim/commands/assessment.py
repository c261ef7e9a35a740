"""Commands that say what minutes are worth, and what that rests on: value, sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from portsim.valuation.parameters import Parameters

Folder = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="The folder of a finished comparison.", show_default=False)
]
Explain = Annotated[
    str | None, typer.Option(metavar="PORT", help="Print the chain of each dollar of a port: minutes to source.")
]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="Whose values of time: usdot_2026, sandag_ome, atri_2025, or one's own.")
]
ParameterFile = Annotated[
    Path | None, typer.Option("--parameters", metavar="FILE", help="A file that replaces figures of economics.yaml.")
]
Figures = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Set one figure of economics.yaml, or of the appraisal; may be repeated."
    ),
]
ValueOut = Annotated[
    Path | None, typer.Option("--out", help="Also write the tables, to a new folder; the run's own stay.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    commands: tuple[Callable[..., None], ...] = (value, sensitivity)
    for command in commands:
        app.command()(command)


def value(
    results: Folder,
    *,
    explain: Explain = None,
    profile: ProfileName = None,
    parameters: ParameterFile = None,
    sets: Figures = None,
    out: ValueOut = None,
) -> None:
    """Value a finished comparison again, with the figures asked for; nothing is simulated."""
    from portsim.valuation import valuing  # noqa: PLC0415
    from portsim.valuation.parameters import stated  # noqa: PLC0415

    if out is not None:
        valuing.refuse_taken(out)
    of_plan = [text for text in sets or () if text.startswith("appraisal.")]
    run = valuing.replanned(valuing.read(results), _given(of_plan))
    figures = _figures(profile, parameters, [text for text in sets or () if text not in of_plan])
    for line in stated(figures):
        typer.echo(line)
    found = valuing.worth(run, figures)
    if explain is not None:
        for line in valuing.explained(found, run.basis, explain):
            typer.echo(line)
    else:
        for option, one in found.valued.items():
            typer.echo(f"{option} against {one.case.base}")
            for line in found.lines(option):
                typer.echo(line)
    if out is not None:
        valuing.write(out, found)
        typer.echo(f"wrote {out}")


def sensitivity(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The scenario to compare with.", show_default=False)],
    option: Annotated[Path, typer.Argument(metavar="OPTION", help="A scenario.", show_default=False)],
    *,
    only: Annotated[
        list[str] | None, typer.Option(metavar="INPUT", help="Move this input only; may be repeated.")
    ] = None,
    replications: Annotated[int | None, typer.Option("--replications", "-n", help="Instead of the scenario's.")] = None,
    weeks: Annotated[int | None, typer.Option(help="Measured weeks, instead of the scenario's.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: one a core.")] = None,
    profile: ProfileName = None,
    parameters: ParameterFile = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: that of the comparison.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the table of an earlier call.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the folder only.")] = False,
) -> None:
    """Move the model's inputs one at a time, simulate base and option anew, and report minutes and dollars."""
    from portsim.commands import study  # noqa: PLC0415
    from portsim.valuation.parameters import stated  # noqa: PLC0415

    figures = _figures(profile, parameters, ())
    for line in () if quiet else stated(figures):
        typer.echo(line)
    read = study.read([base, option], {"replications": replications, "weeks": weeks})
    how: dict[str, Any] = {"only": only or (), "figures": figures, "jobs": jobs, "quiet": quiet, "replace": replace}
    folder = study.sensitivity(read, out, **how)
    if quiet:
        typer.echo(folder)


def _figures(profile: str | None, path: Path | None, sets: Sequence[str]) -> Parameters:
    """Return the figures that the command line asks for."""
    from portsim.valuation.parameters import load  # noqa: PLC0415

    chosen: dict[str, object] = {} if profile is None else {"settings.profile": profile}
    return load(path, {**chosen, **_given(sets)})


def _given(sets: Sequence[str]) -> dict[str, object]:
    """Return what is set by its name."""
    from portsim.errors import PortsimError  # noqa: PLC0415
    from portsim.language.documents import value_of  # noqa: PLC0415

    given: dict[str, object] = {}
    for text in sets:
        name, sign, written = text.partition("=")
        if not sign or not name or not written:
            raise PortsimError(f"--set {text}: write NAME=VALUE, such as --set time-usdot=12")
        try:
            given[name.strip()] = value_of(written)
        except ValueError as error:
            raise PortsimError(f"--set {text}: {error}") from None
    return given
