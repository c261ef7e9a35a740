"""`portsim validate`: read the cases, run them, tell the person, and write the page, its pictures and a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from portsim import (
    __version__,
    experiment,
    field,
    observations,
    scenario,
    validation,
    validation_charts,
    validation_page,
)
from portsim.cases import PACKAGED, Level, ReadCase, read_all
from portsim.errors import PortsimError, ResultsError
from portsim.schema import Run
from portsim.terminal import ValidationTeller
from portsim.validation import Result

PAGE, TABLE, COMPARISON = "validation.md", "validation.csv", "observed.csv"
DOCS, PICTURES = Path("docs"), Path("images") / "validation"
OBSERVED_RUN = Run(replications=8, weeks=4, warm_up_weeks=1, seed=2026)
"""How the packaged border is simulated to be held against a file of waits."""
MOST_RATIO, MOST_RATIO_OF_A_LINE_TYPE = 1.05, 1.2
"""Of our mean absolute error to the naive forecast's, over all readings and by mode and lane type."""
_NAN = float("nan")
_COMPARISON_GROUP = "The packaged baseline"


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

    `observed`: a file of hourly waits, of any period, to hold the packaged border against. A whole validation writes
    docs/validation.md and its pictures; a part of one writes only to `out`. Raises ScenarioError for a case or an
    observation file that cannot be read, ResultsError where a page stands that portsim did not write.
    """
    read = read_all(cases, level, quick=quick)
    feed = None if observed is None else observations.read_waits(observed)
    whole = level is None and not quick and observed is None and cases == PACKAGED
    folder = out if out is not None else DOCS if whole else None
    if folder is not None and not validation_page.is_ours(folder / PAGE):
        raise ResultsError(f"{folder / PAGE} was not written by portsim validate: give another folder with --out")
    started = time.monotonic()
    teller = ValidationTeller(quiet=quiet)
    results: list[Result] = []
    for found in validation.run(read, jobs=jobs):
        results += found
        teller.case(found)
    comparison, last_line = None, ""
    if feed is not None:
        comparison = _compared(feed, jobs)
        results += _ratios(comparison, str(observed))
        last_line = field.last_line(comparison)
    written = None if folder is None else _write(folder, results, read, comparison, pictures_apart=out is None)
    teller.notes(feed.notes if feed is not None else ())
    teller.comparison(comparison)
    teller.finish(results, written, time.monotonic() - started, whole=whole)
    return Outcome(tuple(results), written, last_line)


# --- a period observed -------------------------------------------------------------------------


def _compared(feed: observations.Observations, jobs: int | None) -> pd.DataFrame:
    """Return the packaged border, simulated, against a file's waits: a row a line, and totals."""
    base = replace(scenario.packaged(), run=OBSERVED_RUN)
    model = experiment.build_model(base)
    numbers = range(OBSERVED_RUN.replications)
    measures = validation.on_threads(
        lambda number: experiment.replicate(model, OBSERVED_RUN.seed, number, engine=experiment.default_engine()),
        numbers,
        jobs,
    )
    return field.compare(field.posted(measures), feed, observations.packaged_cells())


def _ratios(comparison: pd.DataFrame, file: str) -> list[Result]:
    """Return the ratio to the naive forecast over all, and by mode and lane type, held against their bounds."""
    found = []
    for row in comparison[comparison["port"] == "all"].to_dict("records"):
        over_all = row["mode"] == "all"
        most = MOST_RATIO if over_all else MOST_RATIO_OF_A_LINE_TYPE
        name = "all lines" if over_all else f"{row['mode']} {row['lane_type']}"
        known = row["ratio"] == row["ratio"]
        found.append(
            Result(
                level="field",
                group="A period observed",
                case="observed",
                what=f"error of the mean wait over the naive forecast's, {name}",
                value=row["ratio"],
                standard_error=_NAN,
                samples=0,
                oracle=_NAN,
                low=_NAN,
                high=most,
                tolerance=f"at most {most:g}",
                verdict="reported" if not known else "pass" if row["ratio"] <= most else "FAIL",
                note=f"of {row['readings']:,.0f} readings",
                source=file,
            )
        )
    return found


# --- files -------------------------------------------------------------------------------------


def _write(
    folder: Path,
    results: Sequence[Result],
    cases: Sequence[ReadCase],
    comparison: pd.DataFrame | None,
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
            comparison=comparison,
            heading="A period observed",
        )
        (folder / PAGE).write_text(text, encoding="utf-8")
        (pictures / TABLE).write_text(validation.as_csv(results), encoding="utf-8")
        if comparison is not None:
            comparison.to_csv(pictures / COMPARISON, index=False, float_format="%.3f")
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
