"""`portsim validate`: read the cases, run them, tell the person, and write the page, its pictures and a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portsim import __version__
from portsim.calibrate import field, observations
from portsim.commands.terminal import ValidationTeller
from portsim.errors import PortsimError, ResultsError
from portsim.language import scenario
from portsim.validate import validation, validation_charts, validation_field, validation_page
from portsim.validate.cases import PACKAGED, Level, ReadCase, read_all
from portsim.validate.validation import Result
from portsim.validate.validation_field import Part
from portsim.validate.validation_page import Section

PAGE, TABLE = "validation.md", "validation.csv"
DOCS, PICTURES = Path("docs"), Path("images") / "validation"


@dataclass(frozen=True)
class Outcome:
    """What was found: every result, where it was written (None: nowhere), and the last line to print, if any."""

    results: tuple[Result, ...]
    folder: Path | None
    last_line: str = ""

    @property
    def passed(self) -> bool:
        """Say whether nothing failed."""
        return all(one.passed for one in self.results)


def validate(
    level: Level | None = None,
    *,
    quick: bool = False,
    observed: Path | None = None,
    out: Path | None = None,
    cases: Path = PACKAGED,
    jobs: int | None = None,
    quiet: bool = False,
) -> Outcome:
    """Run the cases of a level, or all; `quick`: those that take a second or two.

    `observed`: a file of hourly waits, of any period, to hold the packaged border against; by itself, without a level,
    `quick` or `cases`, no case is run. A whole validation writes docs/validation.md and its pictures; a part of one
    writes only to `out`. Raises ScenarioError for a case or an observation file that cannot be read, ResultsError where
    a page stands that portsim did not write.
    """
    feed = None if observed is None else observations.read_waits(observed, compared=True)
    everything = level is None and not quick and cases == PACKAGED
    whole = everything and observed is None
    folder = out if out is not None else DOCS if whole else None
    if folder is not None and not validation_page.is_ours(folder / PAGE):
        raise ResultsError(f"{folder / PAGE} was not written by portsim validate: give another folder with --out")
    read = [] if everything and not whole else read_all(cases, level, quick=quick)
    started = time.monotonic()
    teller = ValidationTeller(quiet=quiet)
    results: list[Result] = []
    for found in validation.run(read, jobs=jobs):
        results += found
        teller.case(found)
    in_sample = bool(read) and cases == PACKAGED and level in {None, "field"} and not quick
    parts = _parts(feed, str(observed), teller, jobs, in_sample=in_sample)
    for part in parts:
        results += part.results
        teller.case(part.results)
    sections = [section for part in parts for section in part.sections]
    written = None if folder is None else _write(folder, results, read, sections, pictures_apart=out is None)
    teller.notes(feed.notes if feed is not None else ())
    for section in sections:
        if "mae_min" in section.table and "port" in section.table:
            teller.comparison(section.heading, section.table)
    teller.finish(results, written, time.monotonic() - started, whole=whole)
    last_line = "" if feed is None else field.last_line(sections[-1].table)
    return Outcome(tuple(results), written, last_line)


def _parts(
    feed: observations.Observations | None, file: str, teller: ValidationTeller, jobs: int | None, *, in_sample: bool
) -> list[Part]:
    """Hold the packaged border against the calibration period, and against a file's waits, where they are asked for."""
    if not in_sample and feed is None:
        return []
    run = validation_field.OBSERVED_RUN
    teller.notes([f"simulating the packaged border: {run.replications} x ({run.warm_up_weeks} + {run.weeks}) weeks"])
    replications = validation_field.simulated(jobs)
    parts = []
    if in_sample:
        parts += [validation_field.calibration_period(replications)]
        parts += [validation_field.held_out(observations.packaged_held_out())]
    if feed is not None:
        parts.append(validation_field.period(replications, feed, file))
    return parts


# --- files -------------------------------------------------------------------------------------


def _write(
    folder: Path,
    results: Sequence[Result],
    cases: Sequence[ReadCase],
    sections: Sequence[Section],
    *,
    pictures_apart: bool,
) -> Path:
    """Write page, pictures and table; pictures below images/ where the folder is that of the documentation."""
    date = time.strftime("%Y-%m-%d", time.gmtime())
    pictures = folder / PICTURES if pictures_apart else folder
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        drawn = _draw(pictures, results, cases, f"portsim validate, portsim {__version__}, {date}")
        names = {path.relative_to(folder).as_posix(): about for path, about in drawn.items()}
        text = validation_page.page(
            results,
            cases,
            scenario.packaged().network,
            date=date,
            pictures=names,
            sections=sections,
        )
        (folder / PAGE).write_text(text, encoding="utf-8")
        (pictures / TABLE).write_text(validation.as_csv(results), encoding="utf-8")
        for section in sections:
            section.table.to_csv(pictures / section.file, index=False, float_format="%.3f")
    except OSError as error:
        raise PortsimError(f"{folder} cannot be written to: {error.strerror}") from error
    return folder / PAGE


def _draw(folder: Path, results: Sequence[Result], cases: Sequence[ReadCase], provenance: str) -> dict[Path, str]:
    """Draw what there is to draw; return the pictures' files and what they show."""
    found = {}
    figure = validation_charts.ratios(results, provenance)
    if figure is not None:
        path = folder / "theory.png"
        figure.savefig(path)
        found[path] = "Simulated values beside exact ones, with standard errors"
    for case in cases:
        drawn = [
            one for one in results if one.case == case.name and one.profile is not None and one.verdict != "reported"
        ]
        if drawn:
            path = folder / f"{case.name}.png"
            title = validation_charts.days_title(drawn)
            validation_charts.days(drawn, title, provenance).savefig(path)
            found[path] = case.case.title
    return found
