"""Everything a planner carries out of a finished study: figures, report, slides, workbook, moving map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from portsim import execution
from portsim.finished import Finished

_LARGE_BYTES = 2_000_000  # of tables: their workbook takes longer than it takes a process to start


class Published(NamedTuple):
    """What was published: the finding of each figure, and what heads the report."""

    findings: dict[str, str]
    headline: str


def write(finished: Finished) -> Published:
    """Write all that is drawn from a study's tables into its folder."""
    from portsim import figures, html_report, queue_map, slides, story  # noqa: PLC0415 - matplotlib is slow

    workbook_done = _start_workbook(finished)
    found = figures.write(finished)
    told = story.tell(finished, found)
    html_report.write(finished, told, finished.folder / html_report.FILE)
    queue_map.write_gif(finished, told.mode, finished.folder / queue_map.FILE)
    slides.write(finished, told, finished.folder / slides.FILE)
    list(workbook_done)
    return Published(found, told.head)


def _start_workbook(finished: Finished) -> Iterator[None]:
    """Write the workbook, of a large study in a process of its own while the rest is drawn."""
    work = partial(_write_workbook, finished)
    if sum(path.stat().st_size for path in (finished.folder / "tables").glob("*.csv")) > _LARGE_BYTES:
        return execution.beside(work)
    return iter([work()])


def _write_workbook(finished: Finished) -> None:
    from portsim import workbook  # noqa: PLC0415 - only when it is written

    workbook.write(finished, finished.folder / workbook.FILE)
