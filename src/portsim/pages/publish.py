"""Everything a planner carries out of a finished study: figures, report, slides, workbook, moving map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from portsim.results.finished import Finished
from portsim.runs import execution

_LARGE_BYTES = 2_000_000  # of tables: what is made of them takes longer than it takes a process to start


class Published(NamedTuple):
    """What was published: the finding of each figure, and what heads the report."""

    findings: dict[str, str]
    headline: str


def write(finished: Finished) -> Published:
    """Write all that is drawn from a study's tables into its folder."""
    from portsim.drawing import figures  # noqa: PLC0415 - matplotlib is slow
    from portsim.pages import html_report, slides, story  # noqa: PLC0415 - matplotlib is slow

    rest = _start_rest(finished)
    found = figures.write(finished)
    told = story.tell(finished, found)
    html_report.write(finished, told, finished.folder / html_report.FILE)
    list(rest)  # the slides show the moving picture
    slides.write(finished, told, finished.folder / slides.FILE)
    return Published(found, told.head)


def _start_rest(finished: Finished) -> Iterator[None]:
    """Write what needs no figure, of a large study in a process of its own while the figures are drawn."""
    work = partial(_write_rest, finished)
    if sum(path.stat().st_size for path in (finished.folder / "tables").glob("*.csv")) > _LARGE_BYTES:
        return execution.beside(work)
    return iter([work()])


def _write_rest(finished: Finished) -> None:
    from portsim.drawing import queue_map  # noqa: PLC0415 - only when they are written
    from portsim.pages import story, workbook  # noqa: PLC0415 - only when they are written

    workbook.write(finished, finished.folder / workbook.FILE)
    queue_map.write_gif(finished, story.headline_mode(finished), finished.folder / queue_map.FILE)
