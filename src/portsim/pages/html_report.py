"""report.html: the story as one file that opens anywhere, and asks nothing of any network."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from textwrap import shorten
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
from markupsafe import Markup

from portsim.drawing import queue_map
from portsim.drawing.layout import LOOKS, TITLE_ID
from portsim.packaged import DATA
from portsim.pages import headlines
from portsim.pages.story import Story, day_finding, week_finding
from portsim.results.findings import Context, Line, lane_words
from portsim.results.finished import Finished
from portsim.results.words import catalogue, say, sentence

FILE = "report.html"
TEMPLATES = DATA / "templates"
_SHORT, _FOOT = 26, 80  # letters
_STILLS = {"day": "hours", "week": "week", "map": ""}  # a touch chart's kind, and how its picture is named
_DASHES = ("solid", "dash", "dashdot", "dot", "longdash")
_JS_KEYS = re.compile(r"^(day|week|map|mode|unit)\.")
_LONG_DECIMALS = re.compile(r"(scale\([^)]*\))|(\d\.\d\d)\d+")
_TITLE = re.compile(rf' <g id="{TITLE_ID}(\d+)">.*?\n {{2}}</g>\n', re.DOTALL)
_IDLE = re.compile(r"<!--.*?-->\s*|\s*\n\s*", re.DOTALL)  # of an SVG
_ATTRIBUTE = re.compile(r"=\"([^\"']*)\"")
_SAFE = " !$'()*+,-./:;=?@[]_~"  # of a data address: what may stand in an attribute as it is
_FRAME = re.compile(r'height="[\d.]+pt" viewBox="0 0 ([\d.]+) ([\d.]+)"')


def write(finished: Finished, story: Story, path: Path) -> None:
    """Write the report whole or not at all."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(say=say, sentence=sentence)
    environment.filters.update(files_of="tables/{}.csv".format, is_short=_is_short)
    page = environment.get_template("report.html.jinja").render(
        story=story,
        finished=finished,
        context=finished.context,
        headlines=headlines.of(finished),
        pictures={picture.name: _embedded(finished, picture.name) for p in story.pages for picture in p.pictures},
        stills={kind: _stills(finished, story, name) for kind, name in _STILLS.items()},
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")) + _foot(finished, story),
        script=Markup((TEMPLATES / "report.js").read_text(encoding="utf-8")),
        plotly=Markup(_plotly()),
        data=Markup(_json(_data(finished, story))),
        date=str(finished.manifest["finished"])[:10],
    )
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)


def _is_short(cell: str) -> bool:
    """Say whether a cell is short enough to stay on one line."""
    return len(cell) < _SHORT


def _plotly() -> str:
    """Return plotly's script, packed: the wheel carries it, and reading it does not import plotly."""
    script = (resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, 6, mtime=0)).decode()


def _embedded(finished: Finished, name: str) -> str:
    """Return a figure's SVG as a data address, a hundredth of a point being fine enough."""
    drawn = (finished.folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
    small = _LONG_DECIMALS.sub(lambda found: found[1] or found[2], _without_title(drawn))
    return "data:image/svg+xml," + quote(_ATTRIBUTE.sub(r"='\1'", _IDLE.sub(" ", small)), safe=_SAFE)


def _without_title(drawn: str) -> str:
    """Return an SVG without its title and the room it takes: the page says it, in letters that grow and are read."""
    title = _TITLE.search(drawn)
    if title is None:
        return drawn
    rest = drawn[: title.start()] + drawn[title.end() :]
    return _FRAME.sub(lambda frame: _cut(float(frame[1]), float(frame[2]), float(title[1])), rest, count=1)


def _cut(width: float, height: float, top: float) -> str:
    return f'height="{height - top:g}pt" viewBox="0 {top:g} {width:g} {height - top:g}"'


def _stills(finished: Finished, story: Story, kind: str) -> list[tuple[str, str]]:
    """Return the pictures, and their findings, that stand in for a chart that answers to touch.

    They are seen until it is drawn, and on paper. Where options are many there is one for each.
    """
    name = "-".join((kind, *story.line))
    return [(_embedded(finished, o), said) for o, said in story.said.items() if o == name or o.startswith(f"{name}-")]


def _foot(finished: Finished, story: Story) -> Markup:
    """Return the style that names the run at the foot of each printed page."""
    head = shorten(story.head, _FOOT, placeholder=" \u2026")
    text = f"{head} \u00b7 {finished.run_id}"
    safe = re.sub(r"[^\w .,:;\u00b7\u2026-]", lambda found: f"\\{ord(found[0]):06x}", text)  # it cannot end the string
    return Markup(f'@page {{ @bottom-left {{ content: "{safe}"; }} }}\n')


def _json(data: object) -> str:
    """Return data as JSON that cannot end the script it stands in."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")


def _data(finished: Finished, story: Story) -> dict[str, Any]:
    """Return what the charts that answer to touch are drawn from."""
    context = finished.context
    names = context.drawn(context.scenarios)
    return {
        "scenarios": [
            {"name": name, "title": context.scenarios[name], "color": LOOKS[i].color, "dash": _DASHES[i]}
            for i, name in enumerate(names)
        ],
        "ports": dict(context.ports),
        "assumed": [f"{port}|{mode}" for port, mode in sorted(context.assumed_waits)],
        "line": "-".join(story.line),
        "mode": story.mode,
        "days": _days(finished),
        "weeks": _weeks(finished),
        "map": queue_map.data(finished),
        "words": {key: text for key, text in catalogue().items() if _JS_KEYS.match(key)},
    }


def _lines(table: pd.DataFrame) -> Iterator[tuple[Line, pd.DataFrame]]:
    """Yield every line of a table with its rows."""
    for (port, mode, lane_type), rows in table.groupby(["port", "mode", "lane_type"], sort=False):
        yield Line(str(port), str(mode), str(lane_type)), rows


def _label(port: str, mode: str, lane_type: str, context: Context) -> str:
    return f"{context.port(port, mode)}, {say(f'mode.{mode}.many')}, {lane_words(lane_type)}"


def _days(finished: Finished) -> dict[str, Any]:
    """Return the weekday of every line, by scenario, with its finding."""
    context, profile = finished.context, finished.table("weekday_profile")
    used = profile[profile["scenario"].isin(context.drawn(context.scenarios))].dropna(subset=["wait_mean_min"])
    seen = _observed_days(finished.table("observed_waits"))
    found: dict[str, Any] = {}
    columns = {"mean": "wait_mean_min", "hw": "wait_mean_hw_min", "low": "wait_p10_min", "high": "wait_p90_min"}
    for line, rows in _lines(used):
        key = "-".join(line)
        of_scenario = {}
        for name, group in rows.groupby("scenario", sort=False):
            hours = group.set_index("hour").reindex(range(24))
            of_scenario[name] = {short: _numbers(hours[column]) for short, column in columns.items()}
        found[key] = {
            "label": _label(*line, context),
            "finding": day_finding(finished, line),
            "target": context.target_wait_min.get(line.port),
            "scenarios": of_scenario,
            "observed": seen.get(line),
        }
    return found


def _observed_days(observed: pd.DataFrame) -> dict[Line, list[float | None]]:
    """Return the observed wait of weekdays by hour, weighted by who joined; of lines that were observed."""
    weekdays = observed[(observed["weekday"] < 5) & (observed["class"] != "assumed")]  # noqa: PLR2004 - Saturday
    found: dict[Line, list[float | None]] = {}
    for line, rows in _lines(weekdays):
        time = (rows["joins_per_hour"] * rows["wait_min"]).groupby(rows["hour"]).sum()
        joins = rows.groupby("hour")["joins_per_hour"].sum()
        found[line] = _numbers((time / joins.where(joins > 0)).reindex(range(24)))
    return found


def _weeks(finished: Finished) -> dict[str, Any]:
    """Return the week of every line: waits by scenario, paired changes with those that are not clear marked."""
    context, hourly = finished.context, finished.table("hourly")
    hourly = hourly[hourly["scenario"].isin(context.drawn(context.scenarios))].dropna(subset=["wait_mean_min"])
    changes = finished.table("hourly_comparison")
    changes = changes[changes["base"] == context.base] if not changes.empty else changes
    of_lines = dict(_lines(changes))
    found: dict[str, Any] = {}
    for line, rows in _lines(hourly):
        pairs = of_lines.get(line)
        found["-".join(line)] = {
            "label": _label(*line, context),
            "finding": week_finding(finished, line),
            "waits": {name: _week_of(group, "wait_mean_min") for name, group in rows.groupby("scenario", sort=False)},
            "changes": {} if pairs is None else _changes(pairs),
        }
    return found


def _changes(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return the changes by option, none of an option that changes nothing; unclear hours are true in `unclear`."""
    found = {}
    for option, group in pairs.groupby("option", sort=False):
        if (group["difference"].abs() > 0).any():
            clear = group["verdict"].isin(("better", "worse"))
            marked = group.assign(unclear=(~clear & group["difference"].notna()).astype(float))
            found[str(option)] = {
                "difference": _week_of(group, "difference"),
                "unclear": [bool(hour) for hour in _week_of(marked, "unclear")],
            }
    return found


def _week_of(rows: pd.DataFrame, column: str) -> list[float | None]:
    at = (rows["weekday"] * 24 + rows["hour"]).to_numpy()
    return _numbers(pd.Series(rows[column].to_numpy(), index=at).reindex(range(168)))


def _numbers(column: pd.Series[Any]) -> list[float | None]:
    """Return numbers to a tenth; JSON has no NaN."""
    return [None if math.isnan(value) else round(float(value), 1) + 0.0 for value in column]
