"""`portsim validate`: read the cases, run them, tell the person, and write the page, its pictures and a table."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from portsim.measures import ALL
from portsim.schema import Run
from portsim.terminal import ValidationTeller
from portsim.validation import Result

PAGE, TABLE = "validation.md", "validation.csv"
IN_SAMPLE, PERIOD = "The calibration period, in sample", "A period observed"
COMPARISONS = {IN_SAMPLE: "in-sample.csv", PERIOD: "observed.csv"}
DOCS, PICTURES = Path("docs"), Path("images") / "validation"
OBSERVED_RUN = Run(replications=32, weeks=4, warm_up_weeks=1, seed=2026)
"""How the packaged border is simulated to be held against a file of waits."""
MOST_RATIO, MOST_RATIO_OF_A_LANE_TYPE = 1.05, 1.2
"""Of our mean absolute error to the naive forecast's, over all readings and by mode and lane type."""
_NAN = float("nan")
_CBP = "CBP, Border Wait Times, 14 April - 30 June 2026, as packaged"


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
    feed = None if observed is None else observations.read_waits(observed)
    whole = level is None and not quick and observed is None and cases == PACKAGED
    folder = out if out is not None else DOCS if whole else None
    if folder is not None and not validation_page.is_ours(folder / PAGE):
        raise ResultsError(f"{folder / PAGE} was not written by portsim validate: give another folder with --out")
    read = read_all(cases, level, quick=quick)
    started = time.monotonic()
    teller = ValidationTeller(quiet=quiet)
    results: list[Result] = []
    for found in validation.run(read, jobs=jobs):
        results += found
        teller.case(found)
    tables, last_line = {}, ""
    if feed is not None or (cases == PACKAGED and level in {None, "field"} and not quick):
        tables = _compared(feed, jobs)
        in_sample = _in_sample(tables[IN_SAMPLE])
        results += in_sample
        teller.case(in_sample)
    if feed is not None:
        ratios = _ratios(tables[PERIOD], str(observed))
        results += ratios
        teller.case(ratios)
        last_line = field.last_line(tables[PERIOD])
    written = None if folder is None else _write(folder, results, read, tables, pictures_apart=out is None)
    teller.notes(feed.notes if feed is not None else ())
    for heading, table in tables.items():
        teller.comparison(heading, table)
    teller.finish(results, written, time.monotonic() - started, whole=whole)
    return Outcome(tuple(results), written, last_line)


# --- a period observed -------------------------------------------------------------------------


def _compared(feed: observations.Observations | None, jobs: int | None) -> dict[str, pd.DataFrame]:
    """Return the packaged border, simulated, against the calibration period, and against a file's waits if given.

    A row a line, and totals: what would have been posted against what was.
    """
    base = replace(scenario.packaged(), run=OBSERVED_RUN)
    model = experiment.build_model(base)
    measures = validation.on_threads(
        lambda number: experiment.replicate(model, OBSERVED_RUN.seed, number, engine=experiment.default_engine()),
        range(OBSERVED_RUN.replications),
        jobs,
    )
    posted, cells = field.posted(measures), observations.packaged_cells()
    tables = {IN_SAMPLE: field.compare(posted, cells, cells)}
    return tables if feed is None else {**tables, PERIOD: field.compare(posted, feed, cells)}


def _in_sample(table: pd.DataFrame) -> list[Result]:
    """Return the error by day type and hour over the calibration period, by mode and lane type: reported."""
    return [
        _result(
            row,
            "posted wait of the calibration period, minutes, error by day type and hour",
            row["mae_min"],
            None,
            _CBP,
        )
        for row in table[table["port"] == ALL].to_dict("records")
    ]


def _ratios(table: pd.DataFrame, file: str) -> list[Result]:
    """Return the ratio to the naive forecast over all, and by mode and lane type, held against their bounds."""
    return [
        _result(
            row,
            "error of the mean wait over the naive forecast's",
            row["ratio"],
            MOST_RATIO if row["mode"] == ALL else MOST_RATIO_OF_A_LANE_TYPE,
            file,
        )
        for row in table[table["port"] == ALL].to_dict("records")
    ]


def _result(row: Mapping[Hashable, Any], what: str, value: float, most: float | None, source: str) -> Result:
    """Return a total of a comparison as a result; without a bound, or without a value, it is only reported."""
    name = "all lines" if row["mode"] == ALL else f"{row['mode']} {row['lane_type']}"
    judged = most is not None and not math.isnan(value)
    return Result(
        level="field",
        group=IN_SAMPLE if most is None else PERIOD,
        case="calibration-period" if most is None else "observed",
        what=f"{what}, {name}",
        value=value,
        standard_error=_NAN,
        samples=0,
        oracle=_NAN,
        low=_NAN,
        high=most if most is not None else _NAN,
        tolerance=f"at most {most:g}" if most is not None else "",
        verdict="reported" if not judged else "pass" if value <= (most or 0.0) else "FAIL",
        note=f"of {row['readings']:,.0f} readings",
        source=source,
    )


# --- files -------------------------------------------------------------------------------------


def _write(
    folder: Path,
    results: Sequence[Result],
    cases: Sequence[ReadCase],
    tables: Mapping[str, pd.DataFrame],
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
            tables=tables,
        )
        (folder / PAGE).write_text(text, encoding="utf-8")
        (pictures / TABLE).write_text(validation.as_csv(results), encoding="utf-8")
        for heading, table in tables.items():
            table.to_csv(pictures / COMPARISONS[heading], index=False, float_format="%.3f")
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
