"""deck.pptx: one finding a slide, with charts and tables that PowerPoint can edit, and notes with source and run."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_TICK_LABEL_POSITION
from pptx.enum.dml import MSO_LINE, MSO_PATTERN
from pptx.enum.text import MSO_ANCHOR
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from portsim.drawing import layout, queue_map
from portsim.drawing.layout import LOOKS
from portsim.measure.inference import IDENTICAL
from portsim.numbers import MINUS, Estimate, dollars
from portsim.pages.story import Grid, Page, Picture, Story, appraisal_grids
from portsim.results import accounts, appraised, findings, service
from portsim.results.findings import ALL, DAGGER, Context
from portsim.results.finished import MANIFEST, Finished
from portsim.results.words import glued, listed, say

FILE = "deck.pptx"
_WIDTH, _HEIGHT, _MARGIN = 13.333, 7.5, 0.55
_TITLE_TOP, _TITLE_HEIGHT, _TOP, _BOTTOM = 0.35, 1.15, 1.6, 6.85
_TITLE_SIZES = ((70, 28), (110, 24), (170, 20), (10_000, 17))
_SMALL = 12
_LONGEST_PROPERTY = 255  # letters of a property of a file, by the format
_CELLS = (18, 17, 16, 15, 14, 13, 12)  # points of a table's letters: the largest that fits
_CELL_SIDE, _CELL_ABOVE, _LEADING = 0.08, 0.055, 1.2
_NARROWEST = 0.6  # inches of a column
_LEGIBLE = 14
_INK, _QUIET, _PALE, _RULE = "1A1A1A", "4D4D4D", "F2F2F2", "C4C4C4"
_FONT = "Arial"
_PERCENT = '[=0]0"%";[<0.5]"<1%";0"%"'  # what is not nothing is never written as nothing
_DASHES = (MSO_LINE.SOLID, MSO_LINE.DASH, MSO_LINE.DASH_DOT, MSO_LINE.ROUND_DOT, MSO_LINE.LONG_DASH)


def write(finished: Finished, story: Story, path: Path) -> None:
    """Write the deck whole or not at all."""
    deck = _Deck(finished, story)
    for page in story.pages:
        maker = _MAKERS.get(page.id)
        if maker is not None:
            maker(deck, page)
    deck.footers()
    temporary = path.with_name(path.name + ".tmp")
    deck.presentation.save(str(temporary))
    temporary.replace(path)


class _Deck:
    """A presentation in the making: 16:9, plain, every slide with title, footer and notes."""

    def __init__(self, finished: Finished, story: Story) -> None:
        self.finished, self.story, self.context = finished, story, finished.context
        self.presentation = Presentation()
        self.presentation.slide_width, self.presentation.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
        self.presentation.core_properties.title = textwrap.shorten(story.head, _LONGEST_PROPERTY, placeholder=" …")
        self.presentation.core_properties.author = say("head.product")
        self._answers()

    def slide(self, title: str, files: Sequence[str], more: Sequence[str] = ()) -> Any:
        """Add a slide with its finding as title; `files` and `more` go to the speaker notes."""
        slide = self.presentation.slides.add_slide(self.presentation.slide_layouts[5])
        holder = slide.shapes.title
        holder.left, holder.top = Inches(_MARGIN), Inches(_TITLE_TOP)
        holder.width, holder.height = Inches(_WIDTH - 2 * _MARGIN), Inches(_TITLE_HEIGHT)
        size = next(size for longest, size in _TITLE_SIZES if len(title) <= longest)
        _fill(holder.text_frame, [title], size, bold=True)
        slide.notes_slide.notes_text_frame.text = "\n".join([*filter(None, more), self._source(files)])
        return slide

    def footers(self) -> None:
        """Write the footer of every slide: what a wait is, what a dagger means where there is one, and the run."""
        run = say("slide.footer", version=self.context.version, run=self.finished.run_id)
        for slide in self.presentation.slides:
            top, width = Inches(6.95), Inches(_WIDTH - 2 * _MARGIN)
            marked = say("slide.assumed") if DAGGER in _said(slide) else ""
            box = slide.shapes.add_textbox(Inches(_MARGIN), top, width, Inches(0.35))
            box.name = "Footer"
            text = " ".join(filter(None, (say("slide.definition"), marked, run)))
            _fill(box.text_frame, [text], _SMALL, colour=_QUIET)

    def _source(self, files: Sequence[str]) -> str:
        return say(
            "slide.notes",
            source=self.context.source.rstrip("."),
            run=self.finished.run_id,
            version=self.context.version,
            seed=self.context.seed,
            files=_where(files),
        )

    def _answers(self) -> None:
        """Add the first slide: what page 1 of the report says."""
        slide = self.slide(self.story.head, ("summary", "comparison"), _sentences(self.story))
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(_TOP - 0.1), Inches(_WIDTH - 2 * _MARGIN), Inches(0.6))
        _fill(box.text_frame, [f"{self.story.subtitle}. {self.story.scope}"], 15, colour=_QUIET)
        much, scenarios = self.story.much, len(self.context.scenarios)
        if scenarios > 2:  # noqa: PLR2004 - the changes of several options have a slide of their own
            much = Grid(much.caption, much.head[: 1 + scenarios], [row[: 1 + scenarios] for row in much.rows])
        below = self.table(slide, much, _TOP + 0.7, bottom=_TOP + 2.9, files=("summary", "comparison"))
        width, top = (_WIDTH - 2 * _MARGIN - 0.4) / 3, below + 0.15
        for index, answer in enumerate(self.story.answers[1:]):
            left = _MARGIN + index * (width + 0.2)
            box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(width), Inches(_BOTTOM - top))
            fitting = _fitting(answer.sentences, width, 14, _BOTTOM - top - 0.45)
            _fill(box.text_frame, [answer.question, *fitting], 14)
            box.text_frame.paragraphs[0].runs[0].font.bold = True

    def table(self, slide: Any, grid: Grid, top: float, *, bottom: float = _BOTTOM, files: Sequence[str] = ()) -> float:
        """Add a table that can be edited, its letters as large as fit; return where it ends, in inches.

        Where even the smallest letters do not fit, the last rows are left out, and a line says where they stand.
        """
        whole, grid = _WIDTH - 2 * _MARGIN, _without_repeats(grid, slide.shapes.title.text)
        fitted = _fitted(grid, whole, bottom - top)
        rows = [grid.head, *grid.rows[: len(fitted.heights) - 1]]
        size = (Inches(whole), Inches(sum(fitted.heights)))
        frame = slide.shapes.add_table(len(rows), len(grid.head), Inches(_MARGIN), Inches(top), *size)
        frame.name = say("slide.table", title=grid.caption)
        _describe(frame, say("slide.table", title=grid.caption))
        _plain_style(frame)
        for column, width in enumerate(fitted.widths):
            frame.table.columns[column].width = Inches(width)
        for index, (cells, height) in enumerate(zip(rows, fitted.heights, strict=True)):
            frame.table.rows[index].height = Inches(height)
            for column, text in enumerate(cells):
                cell = frame.table.cell(index, column)
                _cell(cell, text, fitted.size, head=index == 0, shaded=index % 2 == 0)
        end = top + sum(fitted.heights)
        if len(rows) <= len(grid.rows):
            gaps = {"shown": len(rows) - 1, "count": len(grid.rows)}
            text = say("slide.rows", files=_where(files), **gaps)
            self.line(slide, text, end + 0.05)
        return end

    def line(self, slide: Any, text: str, top: float) -> None:
        """Write a quiet line over the width of the slide."""
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(top), Inches(_WIDTH - 2 * _MARGIN), Inches(0.35))
        _fill(box.text_frame, [text], 14, colour=_QUIET)

    def chart(self, slide: Any, kind: Any, data: CategoryChartData, title: str, caption: str) -> Any:
        """Add a chart that can be edited, under a line that says what it shows; return the chart."""
        lines = layout.wrap(caption, _WIDTH - 2 * _MARGIN, 15).count("\n")
        below = _TOP + 0.3 + 0.25 * lines
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(_TOP - 0.1), Inches(_WIDTH - 2 * _MARGIN), Inches(0.4))
        _fill(box.text_frame, [caption], 15, colour=_QUIET)
        frame = slide.shapes.add_chart(
            kind, Inches(_MARGIN), Inches(below), Inches(_WIDTH - 2 * _MARGIN), Inches(_BOTTOM - below), data
        )
        frame.name = say("slide.chart", title=caption)
        _describe(frame, say("slide.chart", title=f"{title}. {caption}"))
        chart = frame.chart
        chart.font.size, chart.font.name = Pt(15), _FONT
        chart.has_legend = len(chart.plots[0].series) > 1 if len(chart.plots) else False
        if chart.has_legend:
            chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
        chart.has_title = False
        return chart

    def picture(self, slide: Any, name: str, alt: str, title: str) -> None:
        """Add a picture of the folder as large as the slide allows, cut below its own title."""
        cut = layout.title_share(title)
        room = (_WIDTH - 2 * _MARGIN, _BOTTOM - _TOP)
        shape = slide.shapes.add_picture(str(self.finished.folder / name), 0, 0)
        shape.crop_top = cut
        height = shape.height * (1 - cut)
        scale = min(Inches(room[0]) / shape.width, Inches(room[1]) / height)
        shape.width, shape.height = int(shape.width * scale), int(height * scale)
        shape.left = int((Inches(_WIDTH) - shape.width) / 2)
        shape.top = int(Inches(_TOP) + (Inches(room[1]) - shape.height) / 2)
        shape.name = say("slide.picture")
        _describe(shape, alt)


# --- slides by page -----------------------------------------------------------------------------------------


def _by_mode(prefix: str) -> Callable[[_Deck, Page], None]:
    """Return what makes a slide of each figure of a page, drawn anew as a chart that can be edited."""

    def make(deck: _Deck, page: Page) -> None:
        modes = {picture.name.removeprefix(f"{prefix}-"): picture for picture in page.pictures}
        changing = {mode: picture for mode, picture in modes.items() if not _same(deck, mode)}
        for mode, picture in (changing or dict(list(modes.items())[:1])).items():
            slide = deck.slide(picture.finding, page.files, [page.definition])
            _CHARTS[prefix](deck, slide, mode, picture.finding)

    return make


def _same(deck: _Deck, mode: str) -> bool:
    """Say whether no option changes a wait of a mode anywhere, by design: one slide says so for all of them."""
    changes = findings.wait_changes(deck.finished.table("comparison"), mode, ALL, deck.context)
    return bool(changes) and all(change.verdict == IDENTICAL for change in changes.values())


def _waits_chart(deck: _Deck, slide: Any, mode: str, title: str) -> None:
    """Draw mean waits by port with their intervals."""
    waits = findings.mean_waits(deck.finished.table("summary"), mode)
    names = deck.context.drawn(name for name, _ in waits)
    ports = [port for port in deck.context.ports if any((name, port) in waits for name in names)]
    data = CategoryChartData(number_format="0.0")
    data.categories = [deck.context.port(port, mode) for port in ports]
    for name in names:
        data.add_series(deck.context.scenarios[name], [_mean(waits.get((name, port))) for port in ports])
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, data, title, say("slide.chart_waits"))
    _colour_series(chart, names, deck.context)
    for series, name in zip(chart.plots[0].series, names, strict=True):
        _error_bars(series, [_half(waits.get((name, port))) for port in ports])
    _axes(chart, say("slide.minutes"), reach=max(wait.ends[1] for (name, _), wait in waits.items() if name in names))


def _mean(estimate: Estimate | None) -> float | None:
    return None if estimate is None else round(estimate.mean, 3)


def _half(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None or math.isnan(estimate.half_width) else round(estimate.half_width, 3)


def _shares_chart(deck: _Deck, slide: Any, mode: str, title: str) -> None:
    """Draw the shares that wait over 20, 40 and 60 minutes."""
    summary, comparison = deck.finished.table("summary"), deck.finished.table("comparison")
    found = service.long_waits(summary, comparison, mode, deck.context)
    data = CategoryChartData(number_format='0"%"')
    data.categories = [say("shares.over", limit=limit) for limit in service.LIMITS_MIN]
    for name, of in found.items():
        data.add_series(deck.context.scenarios[name], [round(share, 2) for share in of.shares])
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, data, title, say("slide.chart_shares"))
    _colour_series(chart, list(found), deck.context)
    chart.plots[0].has_data_labels = True
    labels = chart.plots[0].data_labels
    labels.font.size, labels.number_format, labels.number_format_is_linked = Pt(14), _PERCENT, False
    _axes(chart, say("slide.percent"))


def _observed_chart(deck: _Deck, slide: Any, mode: str, title: str) -> None:
    """Draw simulated and observed waits by port."""
    summary, observed = deck.finished.table("summary"), deck.finished.table("observed_waits")
    found = service.checks(summary, observed, mode, deck.context)
    data = CategoryChartData(number_format="0.0")
    data.categories = [deck.context.port(check.port, mode) for check in found]
    base = deck.context.scenarios[deck.context.base]
    data.add_series(say("observed.simulated", base=base), [round(check.simulated.mean, 3) for check in found])
    assumed = any(check.assumed for check in found)
    data.add_series(say("slide.seen_or_assumed" if assumed else "observed.key"), [round(c.observed, 3) for c in found])
    caption = say("slide.chart_observed") + (f". {say('slide.chart_assumed')}" if assumed else "")
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, data, title, caption)
    simulated, seen = chart.plots[0].series
    _paint(simulated, LOOKS[0].color)
    _paint(seen, LOOKS[2].color)
    for index, check in enumerate(found):
        if check.assumed:
            _hatch(seen.points[index], LOOKS[2].color)
    _error_bars(simulated, [_half(check.simulated) for check in found])
    chart.plots[0].gap_width, chart.plots[0].overlap = 60, -5
    _axes(chart, say("slide.minutes"), reach=max(max(check.simulated.ends[1], check.observed) for check in found))


_CHARTS: dict[str, Callable[[_Deck, Any, str, str], None]] = {
    "waits": _waits_chart,
    "shares": _shares_chart,
    "observed": _observed_chart,
}


def _day(deck: _Deck, page: Page) -> None:
    """Draw the weekday of the line that matters most."""
    days = findings.weekdays(deck.finished.table("weekday_profile"), deck.story.line)
    names = deck.context.drawn(days)
    slide = deck.slide(page.title, page.files, [page.definition])
    data = CategoryChartData(number_format="0.0")
    data.categories = [str(hour) for hour in range(findings.HOURS)]
    for name in names:
        mean = days[name].mean
        data.add_series(deck.context.scenarios[name], [None if math.isnan(m) else round(float(m), 3) for m in mean])
    chart = deck.chart(slide, XL_CHART_TYPE.LINE, data, page.title, say("slide.chart_day"))
    for series, name in zip(chart.plots[0].series, names, strict=True):
        look = LOOKS[list(deck.context.scenarios).index(name)]
        series.format.line.color.rgb = _rgb(look.color)
        series.format.line.width, series.smooth = Pt(3.5), False
        series.format.line.dash_style = _DASHES[list(deck.context.scenarios).index(name)]
    _axes(chart, say("slide.minutes"), along=say("slide.hour"))


def _table(deck: _Deck, page: Page) -> None:
    """Show the page's table, and its sentences in the notes."""
    slide = deck.slide(page.title, page.files, [*page.text, page.definition])
    deck.table(slide, page.grids[0], _TOP, bottom=_BOTTOM - 0.4, files=page.files)


def _assumptions(deck: _Deck, page: Page) -> None:
    """Show the main inputs in few columns: their years go without saying here, and stand in the report."""
    heads = page.grids[0].head
    rows = [
        [name, " ".join(filter(None, (value, unit))), say("worth.span", low=low, high=high) if low else "", of, source]
        for name, value, unit, low, high, _, of, source in page.grids[0].rows
    ]
    grid = Grid(page.grids[0].caption, [*heads[:2], say("appraisal.tried"), *heads[-2:]], rows)
    slide = deck.slide(page.title, page.files, [*page.text, page.definition])
    deck.table(slide, grid, _TOP - 0.4, bottom=_BOTTOM - 0.4, files=page.files)


def _pictures(deck: _Deck, page: Page) -> None:
    """Show the page's figures, one a slide, cut below their titles: the slide has its own."""
    for picture in page.pictures:
        slide = deck.slide(picture.finding, picture.files, [page.definition])
        deck.picture(slide, f"figures/{picture.name}.png", picture.alt, picture.finding)


def _week(deck: _Deck, page: Page) -> None:
    name = next((name for name in deck.story.said if name.startswith("week-" + "-".join(deck.story.line[:2]))), None)
    if name is not None:
        title = deck.story.said[name]  # of many options, that of the one that is drawn
        slide = deck.slide(title, page.files, [page.definition])
        alt = say("chart.alt", title=f"{title}.", files=_where(page.files))
        deck.picture(slide, f"figures/{name}.png", alt, title)


def _map(deck: _Deck, page: Page) -> None:
    slide = deck.slide(page.title, page.files, [page.definition, say("map.step")])
    if (deck.finished.folder / queue_map.FILE).is_file():
        deck.picture(slide, queue_map.FILE, say("map.gif_alt"), page.title)
    else:
        deck.table(slide, page.grids[0], _TOP)


def _worth(deck: _Deck, page: Page) -> None:
    """Show the rule and the accounts as tables, the steps as a chart: no account is ever put on another."""
    notes = [*page.text, page.definition]
    grids = {grid.caption: grid for grid in page.grids}
    for picture in page.pictures:
        kind, _, option = picture.name.partition("-")
        if kind == "waterfall":
            _steps_chart(deck, page, option, picture.finding)
        elif kind == "accounts":
            _accounts(deck, page, option or list(deck.context.scenarios)[1], picture)
        else:
            slide = deck.slide(picture.finding, picture.files, notes)
            deck.table(slide, grids[say("worth.table")], _TOP, bottom=_BOTTOM - 0.4, files=picture.files)
    if not page.pictures:
        deck.slide(page.title, page.files, notes)


def _accounts(deck: _Deck, page: Page, option: str, picture: Picture) -> None:
    """Show the accounts one under the other, never added; dollar years and what limits a figure go to the notes."""
    found = accounts.entries(deck.finished.table("value"), option, deck.context)
    heads = [say(f"account.{key}") for key in ("column", "component", "amount", "range")]
    rows, limits = [], []
    for account, entries in found.items():
        shown = [entry for entry in entries if entry.component not in {"toll_paid", "toll_revenue"}]
        for index, entry in enumerate(shown):
            mark = say("slide.outside") if entry.outside else ""
            rows.append([say(f"account.{account}") if index == 0 else "", entry.name, entry.text, entry.span + mark])
            limits += [f"{entry.name}: {entry.note} ({entry.dollar_year})"] if entry.note else []
    slide = deck.slide(picture.finding, picture.files, [*page.text, page.definition, *limits])
    grid = Grid(say("worth.accounts", option=deck.context.scenarios[option]), heads, rows)
    below = deck.table(slide, grid, _TOP - 0.1, bottom=_BOTTOM - 0.6)
    outside = any(entry.outside for entries in found.values() for entry in entries)
    said = [say("accounts.note"), *[say("value.outside_mark")] * outside]
    deck.line(slide, " ".join(said), below + 0.05)


def _steps_chart(deck: _Deck, page: Page, option: str, title: str) -> None:
    """Draw the steps as stacked columns on invisible ones, as PowerPoint's users do by hand."""
    option = option or list(deck.context.scenarios)[1]
    worth, cargo = deck.finished.table("value"), deck.finished.table("cargo_value")
    found = accounts.steps(worth, cargo, option, deck.context)
    slide = deck.slide(title, page.files, [*page.text, page.definition])
    if found is None:
        return
    steps = [*found.parts, (say("steps.total"), found.total.mean)]
    levels = list(accumulate((amount for _, amount in found.parts), initial=0.0))
    reached = [*pairwise(levels), (0.0, found.total.mean)]
    data = CategoryChartData(number_format="0.0")
    data.categories = [f"{name}\n{accounts.money(amount, signed=True)}" for name, amount in steps]
    for name, parts in zip(("slide.hidden", "slide.millions", "slide.below"), stacked(reached), strict=True):
        data.add_series(say(name), [round(part / 1e6, 4) for part in parts])
    caption = f"{say('slide.chart_steps')} {say('steps.total')}: {dollars(found.total, signed=True)}."
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_STACKED, data, title, caption)
    chart.has_legend = False
    hidden, *shown = chart.plots[0].series
    hidden.format.fill.background()
    for series in shown:
        for index, (_, amount) in enumerate(steps):
            point = series.points[index].format.fill
            point.solid()
            point.fore_color.rgb = _rgb(LOOKS[1].color if amount >= 0 else LOOKS[2].color)
    _axes(chart, say("slide.millions"))
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW  # below a loss, too
    chart.plots[0].gap_width = 60


def stacked(reached: Sequence[tuple[float, float]]) -> tuple[list[float], list[float], list[float]]:
    """Return steps from one level to another as stacked columns: what is hidden, and what is seen above zero and below.

    PowerPoint stacks what is negative downwards from zero, apart from what is positive.
    """
    ends = [(min(step), max(step)) for step in reached]
    hidden = [max(low, 0.0) + min(high, 0.0) for low, high in ends]
    above = [max(high, 0.0) - max(low, 0.0) for low, high in ends]
    below = [min(low, 0.0) - min(high, 0.0) for low, high in ends]
    return hidden, above, below


def _appraisal(deck: _Deck, page: Page) -> None:
    """Show each appraised option: measures, the flows of the years, waits as demand grows, and what would turn it."""
    pictures = {picture.name: picture.finding for picture in page.pictures}
    for found in appraised.read(deck.finished):
        context, notes = deck.context, [*page.text, page.definition]
        measures, *more = appraisal_grids(deck.finished, found)
        slide = deck.slide(appraised.title(found, context), ("appraisal",), notes)
        below = deck.table(slide, measures, _TOP, bottom=_BOTTOM - 0.55)
        if found.outside:
            deck.line(slide, say("value.outside_npv"), below + 0.05)
        by_year = appraised.flows(deck.finished, found.option)
        if by_year is not None and f"appraisal-{found.option}" in pictures:
            _flows_chart(deck, by_year, found, pictures[f"appraisal-{found.option}"], notes)
        waits = appraised.waits(deck.finished, found.option)
        if waits is not None:
            _growth_chart(deck, waits, found.option, notes)
        turnings = appraised.turnings(deck.finished, found)
        if turnings:
            title = appraised.turnings_title(turnings, found.option, context)
            deck.table(deck.slide(title, ("appraisal", "tornado"), notes), more[-1], _TOP)


def _flows_chart(
    deck: _Deck, by_year: appraised.Flows, found: appraised.Appraised, title: str, notes: Sequence[str]
) -> None:
    """Draw benefits above and costs below the line, year by year."""
    data = CategoryChartData(number_format="0.0")
    data.categories = [str(year) for year in by_year.years]
    data.add_series(say("appraisal.benefits"), [round(usd / 1e6, 4) for usd in by_year.benefits])
    data.add_series(say("appraisal.costs"), [round(-usd / 1e6, 4) for usd in by_year.costs])
    slide = deck.slide(title, ("appraisal_years",), notes)
    caption = say("slide.chart_flows", year=found.dollar_year, years=listed(sorted(map(str, by_year.simulated))))
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_STACKED, data, title, caption)
    for series, look in zip(chart.plots[0].series, LOOKS[1:3], strict=True):
        _paint(series, look.color)
    chart.plots[0].gap_width, chart.plots[0].overlap = 30, 100
    _axes(chart, say("slide.millions"))
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    _skip_labels(chart, 5 if len(by_year.years) > 12 else 1)  # noqa: PLR2004 - as many as stand side by side


def _growth_chart(deck: _Deck, waits: appraised.Waits, option: str, notes: Sequence[str]) -> None:
    """Draw the mean waits of the years simulated: the base in solid lines, the option in dashed ones; if any moves."""
    title = appraised.waits_title(waits, deck.story.mode, option, deck.context)
    data = CategoryChartData(number_format="0.0")
    data.categories = [str(year) for year in waits.years]
    drawn = []
    modes = [mode for mode, found in waits.base.items() if len({wait.mean for wait in found}) > 1]
    if not modes:
        return
    for mode in modes:
        sides = [(deck.context.base, waits.base[mode])]
        if mode in waits.option and [w.mean for w in waits.option[mode]] != [w.mean for w in waits.base[mode]]:
            sides.append((option, waits.option[mode]))
        for name, found in sides:
            data.add_series(f"{findings.many(mode)}, {deck.context.scenarios[name]}", [_mean(wait) for wait in found])
            drawn.append((mode, name))
    slide = deck.slide(title, ("summary", "appraisal"), notes)
    chart = deck.chart(slide, XL_CHART_TYPE.LINE_MARKERS, data, title, say("slide.chart_growth"))
    for series, (mode, name) in zip(chart.plots[0].series, drawn, strict=True):
        look = LOOKS[modes.index(mode)]
        series.format.line.color.rgb, series.format.line.width = _rgb(look.color), Pt(3.5)
        series.format.line.dash_style = MSO_LINE.SOLID if name == deck.context.base else MSO_LINE.DASH
        series.marker.format.fill.solid()
        series.marker.format.fill.fore_color.rgb = _rgb(look.color)
        series.smooth = False
    _axes(chart, say("slide.minutes"))


def _drivers(deck: _Deck, page: Page) -> None:
    """Draw what moves the answer: bars from the value as it is to that at either end of an input."""
    for option in list(deck.context.scenarios)[1:]:
        bars, usd, of = findings.tornado_bars(deck.finished.table("tornado"), option, deck.context)
        if not bars:
            continue
        title = findings.tornado_title(bars, usd, of, option, deck.context)
        slide = deck.slide(title, page.files, [*page.text, page.definition, page.title])
        data = CategoryChartData(number_format="#,##0.0")
        shown = list(reversed(bars))
        reach = max(abs(end - usd) for bar in bars for end in bar.usd)
        scale, unit = (accounts.BILLION, "bn") if reach >= accounts.BILLION else (1e6, "M")
        data.categories = [f"{bar.label} ({bar.span})" for bar in shown]
        for key, end in (("drivers.low", 0), ("drivers.high", 1)):
            data.add_series(say(key), [round((bar.usd[end] - usd) / scale, 4) for bar in shown])
        what = say("tornado.npv_short" if of == findings.NPV else "tornado.welfare_short")
        caption = say("slide.chart_drivers", what=what, now=accounts.money(usd))
        chart = deck.chart(slide, XL_CHART_TYPE.BAR_CLUSTERED, data, title, caption)
        for series, look in zip(chart.plots[0].series, LOOKS[1:3], strict=True):
            _paint(series, look.color)
            for index, bar in enumerate(shown):
                if bar.assumed:
                    _hatch(series.points[index], look.color)
        chart.plots[0].gap_width, chart.plots[0].overlap = 40, 100
        _axes(chart, say("slide.drivers_axis", now=accounts.money(usd), unit=say(f"unit.{unit}")))
        chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW


_MAKERS: dict[str, Callable[[_Deck, Page], None]] = {
    "day": _day,
    "where": _by_mode("waits"),
    "shares": _by_mode("shares"),
    "options": _table,
    "week": _week,
    "booths": _pictures,
    "map": _map,
    "worth": _worth,
    "appraisal": _appraisal,
    "drivers": _drivers,
    "trust": _by_mode("observed"),
    "assumptions": _assumptions,
    "reproduce": _table,
}


# --- parts --------------------------------------------------------------------------------------------------


def _where(files: Sequence[str]) -> str:
    """Return where the numbers stand."""
    return listed([f"tables/{name}.csv" for name in files]) if files else MANIFEST


def _sentences(story: Story) -> list[str]:
    return [f"{answer.question} {' '.join(answer.sentences)}" for answer in story.answers]


def _rgb(colour: str) -> Any:
    return RGBColor.from_string(colour.removeprefix("#").upper())


def _fill(frame: Any, texts: Sequence[str], size: float, *, bold: bool = False, colour: str = _INK) -> None:
    """Write paragraphs into a text frame that wraps, from its upper left."""
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    frame.margin_left = frame.margin_right = 0
    for index, text in enumerate(texts):
        paragraph = frame.paragraphs[0] if index == 0 else frame.add_paragraph()
        paragraph.text = _unbroken(text)
        paragraph.alignment = 1
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.name = Pt(size), bold, _FONT
            run.font.color.rgb = _rgb(colour)
        if not text:  # an empty cell is as high as its letters would be
            etree.SubElement(paragraph._p, qn("a:endParaRPr")).set("sz", str(int(100 * size)))  # noqa: SLF001


def _unbroken(text: str) -> str:
    """Return a text whose lines break neither inside "33 ± 16 min" nor between a sign and its dollars."""
    return re.sub(rf"([+{MINUS}])(?=\$)", "\\1\u2060", glued(text))


def _cell(cell: Any, text: str, size: float, *, head: bool, shaded: bool) -> None:
    cell.margin_left = cell.margin_right = Inches(_CELL_SIDE)
    cell.margin_top = cell.margin_bottom = Inches(0.03)
    _fill(cell.text_frame, [text], size, bold=head)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.text_frame.margin_left = Inches(_CELL_SIDE)
    cell.fill.solid()
    cell.fill.fore_color.rgb = _rgb(_RULE if head else _PALE if shaded else "FFFFFF")


class _Fitted(NamedTuple):
    """How a table fits: points of its letters, inches of its columns and of its rows, the head first."""

    size: float
    widths: list[float]
    heights: list[float]


def _fitted(grid: Grid, whole: float, room: float) -> _Fitted:
    """Return the largest letters in which a table fits, rows of one line if they can be; or as many rows as fit."""
    rows = [grid.head, *grid.rows]
    fitting = []
    for size in _CELLS:
        widths = _widths(rows, whole, size)
        heights = [_row_height(row, widths, size, head=index == 0) for index, row in enumerate(rows)]
        if sum(heights) <= room:
            fitting.append(_Fitted(size, widths, heights))
    single = [fitted for fitted in fitting if fitted.size >= _LEGIBLE and len(set(fitted.heights[1:])) == 1]
    if fitting:
        return (single or fitting)[0]
    while sum(heights) > room and len(heights) > 2:  # noqa: PLR2004 - the head and a row
        heights.pop()
    return _Fitted(size, widths, heights)


def _without_repeats(grid: Grid, title: str) -> Grid:
    """Return a table without its first column where that says in every row what the title says."""
    first = {row[0] for row in grid.rows}
    if len(grid.rows) > 1 and len(first) == 1 and first.pop() in title:
        return Grid(grid.caption, grid.head[1:], [row[1:] for row in grid.rows])
    return grid


def _row_height(cells: Sequence[str], widths: Sequence[float], size: float, *, head: bool) -> float:
    lines = max(
        layout.wrap(text, width - 2 * _CELL_SIDE, size, "bold" if head else "normal").count("\n") + 1
        for text, width in zip(cells, widths, strict=True)
    )
    return lines * size * _LEADING / 72 + 2 * _CELL_ABOVE


def _widths(rows: Sequence[Sequence[str]], whole: float, size: float) -> list[float]:
    """Return widths of columns: what each needs on one line, and where that is too much, less of the widest ones.

    No word is broken as long as that is possible.
    """
    columns = list(zip(*rows, strict=True))
    wanted = [max(_needs(cell, size, index == 0) for index, cell in enumerate(cells)) for cells in columns]
    least = [
        max(_NARROWEST, *(_needs(word, size, index == 0) for index, cell in enumerate(cells) for word in cell.split()))
        for cells in columns
    ]
    if sum(wanted) <= whole:
        return [width + (whole - sum(wanted)) / len(wanted) for width in wanted]
    cap = whole
    while sum(min(width, cap) for width in wanted) > whole:  # the widest are cut to one width
        cap *= 0.97
    widths = [max(min(width, cap), low) for width, low in zip(wanted, least, strict=True)]
    return [width * whole / sum(widths) for width in widths]


def _needs(text: str, size: float, head: bool) -> float:
    return layout.text_width(text, size, "bold" if head else "normal") + 2 * _CELL_SIDE + 0.02


def _fitting(sentences: Sequence[str], width: float, size: float, room: float) -> list[str]:
    """Return the first sentences, as many as fit into a box, and one in any case; then where the others stand."""
    more = say("slide.more")
    for count in range(len(sentences), 0, -1):
        found = [*sentences[:count], *[more] * (count < len(sentences))]
        lines = sum(layout.wrap(line, width, size).count("\n") + 1 for line in found)
        if lines * size * _LEADING / 72 <= room:
            return found
    return [*sentences[:1], *[more] * (len(sentences) > 1)]


def _said(slide: Any) -> str:
    """Return all that a slide says, in charts and tables too."""
    texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    texts += [c.text for shape in slide.shapes if shape.has_table for row in shape.table.rows for c in row.cells]
    for shape in slide.shapes:
        if shape.has_chart:
            texts += [str(category) for plot in shape.chart.plots for category in plot.categories]
    return "\n".join(texts)


def _plain_style(frame: Any) -> None:
    """Take away the theme's colours from a table: cells are coloured one by one."""
    properties = frame._element.graphic.graphicData.tbl.tblPr  # noqa: SLF001 - python-pptx has no other way
    style = properties.find(qn("a:tableStyleId"))
    if style is not None:
        style.text = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # no style, no grid


def _describe(shape: Any, text: str) -> None:
    """Give a shape its alternative text."""
    shape._element.xpath(".//p:cNvPr")[0].set("descr", text)  # noqa: SLF001 - python-pptx has no other way


def _colour_series(chart: Any, names: Iterable[str], context: Context) -> None:
    for series, name in zip(chart.plots[0].series, names, strict=True):
        _paint(series, LOOKS[list(context.scenarios).index(name)].color)
    chart.plots[0].gap_width, chart.plots[0].overlap = 60, -5


def _paint(series: Any, colour: str) -> None:
    series.invert_if_negative = False
    series.format.fill.solid()
    series.format.fill.fore_color.rgb = _rgb(colour)


def _hatch(point: Any, colour: str) -> None:
    """Hatch what is assumed, so that it is told without colour."""
    fill, point.format.line.color.rgb = point.format.fill, _rgb(colour)
    fill.patterned()
    fill.pattern = MSO_PATTERN.WIDE_UPWARD_DIAGONAL
    fill.fore_color.rgb, fill.back_color.rgb = _rgb(colour), _rgb("FFFFFF")


def _skip_labels(chart: Any, step: int) -> None:
    """Show every so many labels of the categories, which python-pptx does not know."""
    axis = chart.category_axis._element  # noqa: SLF001 - as below
    spacing = etree.Element(qn("c:tickLblSkip"))
    spacing.set("val", str(step))
    axis.find(qn("c:noMultiLvlLbl")).addprevious(spacing)


def _axes(chart: Any, unit: str, *, reach: float | None = None, along: str = "") -> None:
    """Name the axis of values, and let it reach as far as the longest error bar; `along` names the other axis."""
    if along:
        chart.category_axis.has_title = True
        chart.category_axis.axis_title.text_frame.text = along
        chart.category_axis.axis_title.text_frame.paragraphs[0].runs[0].font.size = Pt(14)
        chart.category_axis.axis_title.text_frame.paragraphs[0].runs[0].font.bold = False
    axis = chart.value_axis
    if reach is not None:
        axis.minimum_scale, axis.maximum_scale = 0, math.ceil(reach / 10 + 0.01) * 10
    axis.has_title = True
    axis.axis_title.text_frame.text = unit
    axis.axis_title.text_frame.paragraphs[0].runs[0].font.size = Pt(14)
    axis.axis_title.text_frame.paragraphs[0].runs[0].font.bold = False
    axis.major_gridlines.format.line.color.rgb = _rgb(_RULE)
    axis.format.line.fill.background()
    axis.tick_labels.font.size = chart.category_axis.tick_labels.font.size = Pt(14)
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "General", False


def _error_bars(series: Any, halves: Sequence[float]) -> None:
    """Give a series its half-widths as error bars, which python-pptx does not know."""
    if not any(halves):
        return
    bars = etree.SubElement(series._element, qn("c:errBars"))  # noqa: SLF001 - as above
    for tag, held in (("errBarType", "both"), ("errValType", "cust"), ("noEndCap", "0")):
        etree.SubElement(bars, qn(f"c:{tag}")).set("val", held)
    for tag in ("plus", "minus"):
        values = etree.SubElement(etree.SubElement(bars, qn(f"c:{tag}")), qn("c:numLit"))
        etree.SubElement(values, qn("c:formatCode")).text = "General"
        etree.SubElement(values, qn("c:ptCount")).set("val", str(len(halves)))
        for index, half in enumerate(halves):
            point = etree.SubElement(values, qn("c:pt"))
            point.set("idx", str(index))
            etree.SubElement(point, qn("c:v")).text = str(half)
    line = etree.SubElement(etree.SubElement(bars, qn("c:spPr")), qn("a:ln"))
    line.set("w", "25400")
    fill = etree.SubElement(etree.SubElement(line, qn("a:solidFill")), qn("a:srgbClr"))
    fill.set("val", "7F7F7F")
    series._element.find(qn("c:cat")).addprevious(bars)  # noqa: SLF001 - the order of the schema
