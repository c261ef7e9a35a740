"""deck.pptx: one finding a slide, with charts and tables that PowerPoint can edit, and notes with source and run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.enum.dml import MSO_LINE
from pptx.enum.text import MSO_ANCHOR
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from portsim import accounts, findings, layout, queue_map, service
from portsim.findings import Context
from portsim.finished import Finished
from portsim.inference import IDENTICAL
from portsim.layout import LOOKS
from portsim.numbers import Estimate, dollars
from portsim.story import Grid, Page, Story
from portsim.words import listed, say

FILE = "deck.pptx"
_WIDTH, _HEIGHT, _MARGIN = 13.333, 7.5, 0.55
_TITLE_TOP, _TITLE_HEIGHT, _TOP, _BOTTOM = 0.35, 1.15, 1.6, 6.85
_TITLE_SIZES = ((70, 28), (110, 24), (170, 20), (10_000, 17))
_BODY, _SMALL, _CELL = 18, 12, 15
_MOST_ROWS, _MOST_CELLS, _MOST_ALONE = 12, 56, 110
_INK, _QUIET, _PALE, _RULE = "1A1A1A", "4D4D4D", "F2F2F2", "C4C4C4"
_FONT = "Arial"
_DASHES = (MSO_LINE.SOLID, MSO_LINE.DASH, MSO_LINE.DASH_DOT, MSO_LINE.ROUND_DOT, MSO_LINE.LONG_DASH)


def write(finished: Finished, story: Story, path: Path) -> None:
    """Write the deck whole or not at all."""
    deck = _Deck(finished, story)
    for page in story.pages:
        maker = _MAKERS.get(page.id)
        if maker is not None:
            maker(deck, page)
    temporary = path.with_name(path.name + ".tmp")
    deck.presentation.save(str(temporary))
    temporary.replace(path)


class _Deck:
    """A presentation in the making: 16:9, plain, every slide with title, footer and notes."""

    def __init__(self, finished: Finished, story: Story) -> None:
        self.finished, self.story, self.context = finished, story, finished.context
        self.presentation = Presentation()
        self.presentation.slide_width, self.presentation.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
        self.presentation.core_properties.title = story.head
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
        self._footer(slide)
        slide.notes_slide.notes_text_frame.text = "\n".join([*filter(None, more), self._source(files)])
        return slide

    def _footer(self, slide: Any) -> None:
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(6.95), Inches(_WIDTH - 2 * _MARGIN), Inches(0.35))
        box.name = "Footer"
        text = say("slide.footer", version=self.context.version, run=self.finished.run_id)
        _fill(box.text_frame, [f"{say('slide.definition')} {text}"], _SMALL, colour=_QUIET)

    def _source(self, files: Sequence[str]) -> str:
        return say(
            "slide.notes",
            source=self.context.source.rstrip("."),
            run=self.finished.run_id,
            version=self.context.version,
            seed=self.context.seed,
            files=listed([f"tables/{name}.csv" for name in files]) if files else "manifest.json",
        )

    def _answers(self) -> None:
        """Add the first slide: what page 1 of the report says."""
        slide = self.slide(self.story.head, ("summary", "comparison"), _sentences(self.story))
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(_TOP - 0.1), Inches(_WIDTH - 2 * _MARGIN), Inches(0.6))
        _fill(box.text_frame, [f"{self.story.subtitle}. {self.story.scope}"], 15, colour=_QUIET)
        self.table(slide, self.story.much, _TOP + 0.75)
        top = _TOP + 1.45 + 0.42 * len(self.story.much.rows)
        width = (_WIDTH - 2 * _MARGIN - 0.4) / 3
        for index, answer in enumerate(self.story.answers[1:]):
            left = _MARGIN + index * (width + 0.2)
            box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(width), Inches(_BOTTOM - top))
            first = answer.sentences[:2] if index else answer.sentences[2:3] or answer.sentences[:1]
            _fill(box.text_frame, [answer.question, *first], 14)
            box.text_frame.paragraphs[0].runs[0].font.bold = True

    def table(self, slide: Any, grid: Grid, top: float, *, bottom: float = _BOTTOM) -> None:
        """Add a table that can be edited, in as many rows as fit."""
        rows = list(grid.rows)[:_MOST_ROWS]
        size = _CELL if len(rows) <= 9 and len(grid.head) <= 6 else 12  # noqa: PLR2004 - as looked at
        height = min(0.42, (bottom - top) / (len(rows) + 1))
        frame = slide.shapes.add_table(
            len(rows) + 1,
            len(grid.head),
            Inches(_MARGIN),
            Inches(top),
            Inches(_WIDTH - 2 * _MARGIN),
            Inches(height * (len(rows) + 1)),
        )
        frame.name = say("slide.table", title=grid.caption)
        _describe(frame, say("slide.table", title=grid.caption))
        table = frame.table
        _plain_style(frame)
        most = _MOST_CELLS if len(grid.head) > 2 else _MOST_ALONE  # noqa: PLR2004 - a name and what it is
        for column, width in enumerate(_widths([grid.head, *rows], _WIDTH - 2 * _MARGIN, most)):
            table.columns[column].width = Inches(width)
        for index, cells in enumerate([grid.head, *rows]):
            table.rows[index].height = Inches(height)
            for column, text in enumerate(cells):
                _cell(table.cell(index, column), _shortened(text, most), size, head=index == 0, shaded=index % 2 == 0)

    def chart(self, slide: Any, kind: Any, data: CategoryChartData, title: str, caption: str) -> Any:
        """Add a chart that can be edited, under a line that says what it shows; return the chart."""
        box = slide.shapes.add_textbox(Inches(_MARGIN), Inches(_TOP - 0.1), Inches(_WIDTH - 2 * _MARGIN), Inches(0.4))
        _fill(box.text_frame, [caption], 15, colour=_QUIET)
        frame = slide.shapes.add_chart(
            kind, Inches(_MARGIN), Inches(_TOP + 0.3), Inches(_WIDTH - 2 * _MARGIN), Inches(_BOTTOM - _TOP - 0.3), data
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
        changing = [picture for picture in page.pictures if IDENTICAL not in picture.finding]
        for picture in changing or page.pictures[:1]:
            mode = picture.name.removeprefix(f"{prefix}-")
            slide = deck.slide(picture.finding, page.files, [page.definition])
            _CHARTS[prefix](deck, slide, mode, picture.finding)

    return make


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
    _axes(chart, say("slide.minutes"), reach=max(wait.ends[1] for wait in waits.values()))


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
    chart.plots[0].data_labels.font.size = Pt(14)
    _axes(chart, say("slide.percent"))


def _observed_chart(deck: _Deck, slide: Any, mode: str, title: str) -> None:
    """Draw simulated and observed waits by port."""
    summary, observed = deck.finished.table("summary"), deck.finished.table("observed_waits")
    found = service.checks(summary, observed, mode, deck.context)
    data = CategoryChartData(number_format="0.0")
    data.categories = [deck.context.port(check.port, mode) for check in found]
    base = deck.context.scenarios[deck.context.base]
    data.add_series(say("observed.simulated", base=base), [round(check.simulated.mean, 3) for check in found])
    data.add_series(say("observed.key"), [round(check.observed, 3) for check in found])
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, data, title, say("slide.chart_observed"))
    for series, colour in zip(chart.plots[0].series, (LOOKS[0].color, LOOKS[2].color), strict=True):
        _paint(series, colour)
    _error_bars(chart.plots[0].series[0], [_half(check.simulated) for check in found])
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
    data.categories = [f"{hour:02d}:00" for hour in range(findings.HOURS)]
    for name in names:
        mean = days[name].mean
        data.add_series(deck.context.scenarios[name], [None if math.isnan(m) else round(float(m), 3) for m in mean])
    chart = deck.chart(slide, XL_CHART_TYPE.LINE, data, page.title, say("slide.chart_day"))
    for series, name in zip(chart.plots[0].series, names, strict=True):
        look = LOOKS[list(deck.context.scenarios).index(name)]
        series.format.line.color.rgb = _rgb(look.color)
        series.format.line.width, series.smooth = Pt(3.5), False
        series.format.line.dash_style = _DASHES[list(deck.context.scenarios).index(name)]
    spacing = etree.SubElement(chart.category_axis._element, qn("c:tickLblSkip"))  # noqa: SLF001 - as below
    spacing.set("val", "3")
    chart.category_axis._element.find(qn("c:noMultiLvlLbl")).addprevious(spacing)  # noqa: SLF001 - as below
    _axes(chart, say("slide.minutes"))


def _table(deck: _Deck, page: Page) -> None:
    """Show the page's table, and its sentences in the notes."""
    slide = deck.slide(page.title, page.files, [*page.text, page.definition])
    deck.table(slide, page.grids[0], _TOP)


def _pictures(deck: _Deck, page: Page) -> None:
    """Show the page's figures, one a slide, cut below their titles: the slide has its own."""
    for picture in page.pictures:
        slide = deck.slide(picture.finding, picture.files, [page.definition])
        deck.picture(slide, f"figures/{picture.name}.png", picture.alt, picture.finding)


def _week(deck: _Deck, page: Page) -> None:
    name = next((name for name in deck.story.said if name.startswith("week-" + "-".join(deck.story.line[:2]))), None)
    if name is not None:
        slide = deck.slide(page.title, page.files, [page.definition])
        alt = say("chart.alt", title=f"{page.title}.", files=listed([f"tables/{file}.csv" for file in page.files]))
        deck.picture(slide, f"figures/{name}.png", alt, page.title)


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
            continue
        title = deck.context.scenarios[option or list(deck.context.scenarios)[1]] if kind == "accounts" else ""
        grid = grids[say("worth.accounts", option=title) if kind == "accounts" else say("worth.table")]
        deck.table(deck.slide(picture.finding, picture.files, notes), grid, _TOP)
    if not page.pictures:
        deck.slide(page.title, page.files, notes)


def _steps_chart(deck: _Deck, page: Page, option: str, title: str) -> None:
    """Draw the steps as stacked columns on invisible ones, as PowerPoint's users do by hand."""
    option = option or list(deck.context.scenarios)[1]
    worth, cargo = deck.finished.table("value"), deck.finished.table("cargo_value")
    found = accounts.steps(worth, cargo, option, deck.context)
    slide = deck.slide(title, page.files, [*page.text, page.definition])
    if found is None:
        return
    steps = [*found.parts, (say("steps.total"), found.total.mean)]
    starts, level = [], 0.0
    for _, amount in found.parts:
        starts.append(min(level, level + amount))
        level += amount
    starts.append(min(0.0, found.total.mean))
    data = CategoryChartData(number_format="0.0")
    data.categories = [name for name, _ in steps]
    data.add_series(say("slide.hidden"), [round(start / 1e6, 4) for start in starts])
    data.add_series(say("slide.millions"), [round(abs(amount) / 1e6, 4) for _, amount in steps])
    caption = f"{say('slide.chart_steps')} {say('steps.total')}: {dollars(found.total, signed=True)}."
    chart = deck.chart(slide, XL_CHART_TYPE.COLUMN_STACKED, data, title, caption)
    chart.has_legend = False
    hidden, shown = chart.plots[0].series
    hidden.format.fill.background()
    for index, (_, amount) in enumerate(steps):
        point = shown.points[index].format.fill
        point.solid()
        point.fore_color.rgb = _rgb(LOOKS[1].color if amount >= 0 else LOOKS[2].color)
    _axes(chart, say("slide.millions"))
    chart.plots[0].gap_width = 60


_MAKERS: dict[str, Callable[[_Deck, Page], None]] = {
    "day": _day,
    "where": _by_mode("waits"),
    "shares": _by_mode("shares"),
    "options": _table,
    "week": _week,
    "booths": _pictures,
    "map": _map,
    "worth": _worth,
    "drivers": _table,
    "trust": _by_mode("observed"),
    "assumptions": _table,
    "reproduce": _table,
}


# --- parts --------------------------------------------------------------------------------------------------


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
        paragraph.text = text
        paragraph.alignment = 1
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.name = Pt(size), bold, _FONT
            run.font.color.rgb = _rgb(colour)


def _cell(cell: Any, text: str, size: float, *, head: bool, shaded: bool) -> None:
    cell.margin_left = cell.margin_right = Inches(0.08)
    cell.margin_top = cell.margin_bottom = Inches(0.03)
    _fill(cell.text_frame, [text], size, bold=head)
    cell.text_frame.margin_left = Inches(0.08)
    cell.fill.solid()
    cell.fill.fore_color.rgb = _rgb(_RULE if head else _PALE if shaded else "FFFFFF")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def _widths(rows: Sequence[Sequence[str]], whole: float, most: int) -> list[float]:
    """Return widths of columns by their longest cells."""
    longest = [max(min(len(row[column]), most) for row in rows) + 4 for column in range(len(rows[0]))]
    return [whole * length / sum(longest) for length in longest]


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
    series.format.fill.solid()
    series.format.fill.fore_color.rgb = _rgb(colour)


def _axes(chart: Any, unit: str, *, reach: float | None = None) -> None:
    """Name the axis of values, and let it reach as far as the longest error bar."""
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
