"""Everything a planner carries out of a finished study: figures, report, slides, workbook, moving map."""

from __future__ import annotations

from typing import NamedTuple

from portsim.finished import Finished


class Published(NamedTuple):
    """What was published: the finding of each figure, and what heads the report."""

    findings: dict[str, str]
    headline: str


def write(finished: Finished) -> Published:
    """Write all that is drawn from a study's tables into its folder."""
    from portsim import figures, html_report, queue_map, slides, story, workbook  # noqa: PLC0415 - matplotlib is slow

    found = figures.write(finished)
    told = story.tell(finished, found)
    html_report.write(finished, told, finished.folder / html_report.FILE)
    queue_map.write_gif(finished, told.mode, finished.folder / queue_map.FILE)
    slides.write(finished, told, finished.folder / slides.FILE)
    workbook.write(finished, finished.folder / workbook.FILE)
    return Published(found, told.head)
