"""results/index.html: the finished studies of a folder, the latest first, each with its headline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from portsim.packaged import DATA
from portsim.results.finished import MANIFEST
from portsim.results.words import say

FILE = "index.html"
LISTED = "results"  # a folder of this name lists its studies; another is the user's own
_TEMPLATES = DATA / "templates"
_FILES = (("report", "report.html"), ("slides", "deck.pptx"), ("workbook", "tables.xlsx"))


def write(folder: Path) -> None:
    """List the studies in a results folder."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True)
    style = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))
    page = environment.get_template("index.html.jinja").render(studies=studies(folder), say=say, style=style)
    temporary = folder / f"{FILE}.tmp"
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(folder / FILE)


def studies(folder: Path) -> list[dict[str, Any]]:
    """Return what is told of each finished study; a folder whose manifest cannot be read is left out."""
    found = []
    for path in folder.glob(f"*/{MANIFEST}"):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            run = manifest["scenarios"][0]["run"]
            study = {
                "name": path.parent.name,
                "headline": manifest.get("headline", ""),
                "finished": manifest["finished"],
                "run": say("index.run", warm_up=run["warm_up_weeks"], **_only(run)),
                "files": [(say(f"index.{key}"), name) for key, name in _FILES if (path.parent / name).is_file()],
            }
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
        found.append(study)
    return sorted(found, key=lambda study: str(study["finished"]), reverse=True)


def _only(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in ("replications", "weeks")}
