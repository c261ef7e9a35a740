"""tables.xlsx: every table with units and sources, totals as live formulas, a chart, a sheet for benefit-cost entry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from portsim.drawing.layout import LOOKS
from portsim.language.schema import MODES
from portsim.pages import story
from portsim.pages.benefit_cost import HEAD_ROW, Entry, Years
from portsim.results import appraised, findings
from portsim.results.findings import ALL
from portsim.results.finished import Finished
from portsim.results.words import known, say

FILE = "tables.xlsx"
_MOST_SHEET_NAME = 31
_SUMMED = ("crossings_per_day", "people_per_day", "lost_trips_per_day", "toll_revenue_usd_per_day")
_NARROW, _WIDE = 10, 44  # characters of a column
_MOST_FROZEN = 4  # columns of names that stay in sight


def write(finished: Finished, path: Path) -> None:
    """Write the workbook whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with xlsxwriter.Workbook(str(temporary), {"nan_inf_to_errors": False, "strings_to_formulas": False}) as book:
        book.set_properties({"title": finished.run_id, "comments": finished.context.provenance})
        formats = _formats(book)
        sheets = {name: _sheet_name(name) for name in finished.names}
        _about(book, finished, sheets, formats)
        Entry(book, finished, sheets["summary"], formats).write()
        appraisals = appraised.read(finished)
        if appraisals and "appraisal_years" in sheets:
            Years(book, finished, sheets["appraisal_years"], formats).write(appraisals)
        _chart(book, finished, formats)
        for name, sheet in sheets.items():
            _table(book.add_worksheet(sheet), finished, name, formats)
        for sheet in book.worksheets():
            _for_print(sheet, finished)
    temporary.replace(path)


def _sheet_name(table: str) -> str:
    return table[:_MOST_SHEET_NAME]


def _formats(book: Any) -> dict[str, Any]:
    wanted: dict[str, dict[str, Any]] = {
        "title": {"bold": True, "font_size": 14},
        "bold": {"bold": True},
        "quiet": {"font_color": "#4D4D4D", "italic": True},
        "head": {"bold": True, "bottom": 2, "text_wrap": True, "valign": "top"},
        "unit": {"font_color": "#4D4D4D", "italic": True, "text_wrap": True, "valign": "top"},
        "wrap": {"text_wrap": True, "valign": "top"},
        "entry": {"bg_color": "#FFF2CC", "border": 1, "num_format": "#,##0.00"},
        "days": {"bg_color": "#FFF2CC", "border": 1, "num_format": "0"},
        "live": {"bg_color": "#DDEBF7", "border": 1, "num_format": "#,##0.0"},
        "live_money": {"bg_color": "#DDEBF7", "border": 1, "num_format": "#,##0"},
        "total": {"bold": True, "top": 1, "num_format": "#,##0.0"},
        "number": {"num_format": "#,##0.0"},
        "live_ratio": {"bg_color": "#DDEBF7", "border": 1, "num_format": "0.00"},
        "ratio": {"num_format": "0.00"},
        "factor": {"num_format": "0.0000"},
        "money": {"num_format": "#,##0"},
        "minutes": {"num_format": "#,##0.0"},
        "share": {"num_format": "0.000"},
        "year": {"num_format": "0"},
        "plain": {},
    }
    return {name: book.add_format(of) for name, of in wanted.items()}


def unit_of(column: str) -> str:
    """Return the unit of a column by the ending of its name; nothing for ids and text."""
    endings = ("_usd_per_month", "_usd_per_year", "_usd_per_day", "_usd", "_per_day", "_per_hour", "_per_year")
    plain = column.replace("_hw", "")
    own = known(f"unitof.{column}", "")
    if own:
        return own
    if plain.startswith("share"):
        return say("unitof._share")
    return next((say(f"unitof.{end}") for end in (*endings, "_min", "_share", "_km") if plain.endswith(end)), "")


# --- tables -------------------------------------------------------------------------------------------------


def _table(sheet: Any, finished: Finished, name: str, formats: Mapping[str, Any]) -> None:
    """Write one table under its title, its source and the units of its columns."""
    table = finished.table(name)
    sheet.write(0, 0, known(f"table.{name}", name), formats["title"])
    sheet.write(
        1,
        0,
        say("book.of_table", name=name, source=finished.context.source.rstrip("."), run=finished.run_id),
        formats["quiet"],
    )
    for column, head in enumerate(table.columns):
        sheet.set_column(column, column, _width(table[head], head), formats[_format_of(head)])
        sheet.write(HEAD_ROW - 1, column, unit_of(head), formats["unit"])
        sheet.write(HEAD_ROW, column, head, formats["head"])
        for row, held in enumerate(table[head].tolist(), HEAD_ROW + 1):
            _put(sheet, row, column, held)
    last = HEAD_ROW + len(table)
    sheet.autofilter(HEAD_ROW, 0, last, max(len(table.columns) - 1, 0))
    sheet.freeze_panes(HEAD_ROW + 1, _names_in_front(table))
    if name == "summary":
        _summary_totals(sheet, table, formats)
    if name == "cargo_value":
        _cargo_totals(sheet, table, formats)


def _names_in_front(table: pd.DataFrame) -> int:
    """Return how many of the first columns name the row."""
    numeric = [pd.api.types.is_numeric_dtype(table[head]) for head in table.columns]
    return min(numeric.index(True) if any(numeric) else 0, _MOST_FROZEN)


def _width(column: pd.Series[Any], head: str) -> float:
    """Return a width in characters that shows the head beside its filter's button, and all but the longest texts."""
    shown = 0 if pd.api.types.is_numeric_dtype(column) else max(map(len, map(str, column.unique())), default=0)
    return min(max(len(head) + 3, shown + 1, _NARROW), _WIDE)


def _format_of(head: str) -> str:
    """Return the format of a column by the unit in its name; the cell holds all digits whatever it shows."""
    if "usd" in head or head in {"low", "median", "high", "simulation_hw"}:
        return "money"
    if head.startswith("share") or head in {"utilisation", "buffer_index"}:
        return "share"
    return "minutes" if head.endswith(("_min", "_per_day", "_per_hour", "_per_year", "_hw")) else "plain"


def _for_print(sheet: Any, finished: Finished) -> None:
    """Print landscape, as wide as the page, heads on every page and the run below."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{finished.run_id}&C&A&R&P / &N")
    if sheet.get_name() in map(_sheet_name, finished.names):
        sheet.repeat_rows(HEAD_ROW - 1, HEAD_ROW)


def _put(sheet: Any, row: int, column: int, held: object) -> None:
    """Write a cell as what it is; what does not exist stays empty."""
    if isinstance(held, bool):
        sheet.write_boolean(row, column, held)
    elif isinstance(held, int | float):
        if not math.isnan(held):
            sheet.write_number(row, column, held)
    elif held not in {"", None}:
        sheet.write_string(row, column, str(held))


def _summary_totals(sheet: Any, table: pd.DataFrame, formats: Mapping[str, Any]) -> None:
    """Write below the summary, by scenario, sums over its lines: of what adds up, never totals of totals."""
    first, last = HEAD_ROW + 1, HEAD_ROW + len(table)
    row = last + 2
    sheet.write(row, 0, f"{say('book.totals')}. {say('book.live')}", formats["bold"])
    columns = list(table.columns)
    at = {
        name: xl_range_abs(first, columns.index(name), last, columns.index(name)) for name in ("scenario", "lane_type")
    }
    whole = table[(table["port"] == ALL) & (table["mode"] == ALL) & (table["lane_type"] == ALL)].set_index("scenario")
    for offset, scenario in enumerate(table["scenario"].unique(), 1):
        sheet.write(row + offset, 0, scenario, formats["bold"])
        for metric in _SUMMED:
            if metric not in columns or metric == "lost_trips_per_day":
                continue
            column = columns.index(metric)
            values = xl_range_abs(first, column, last, column)
            name = xl_rowcol_to_cell(row + offset, 0)
            formula = f'=SUMIFS({values},{at["scenario"]},{name},{at["lane_type"]},"<>{ALL}")'
            known_sum = whole.loc[scenario, metric] if scenario in whole.index else 0
            sheet.write_formula(row + offset, column, formula, formats["total"], 0 if pd.isna(known_sum) else known_sum)


def _cargo_totals(sheet: Any, table: pd.DataFrame, formats: Mapping[str, Any]) -> None:
    """Write below the cargo rule, by option, the sum over its ports of what is not withheld."""
    first, last = HEAD_ROW + 1, HEAD_ROW + len(table)
    columns = list(table.columns)
    row = last + 2
    sheet.write(row, 0, f"{say('book.totals')}. {say('book.live')}", formats["bold"])
    at = {n: xl_range_abs(first, columns.index(n), last, columns.index(n)) for n in ("option", "scope", "port")}
    for offset, option in enumerate(table["option"].unique(), 1):
        sheet.write(row + offset, columns.index("option"), option, formats["bold"])
        cell = xl_rowcol_to_cell(row + offset, columns.index("option"))
        for metric in ("usd_per_month", "low_usd_per_month", "high_usd_per_month"):
            column = columns.index(metric)
            values = xl_range_abs(first, column, last, column)
            formula = f'=SUMIFS({values},{at["option"]},{cell},{at["scope"]},"border",{at["port"]},"<>{ALL}")'
            ports = table[(table["option"] == option) & (table["scope"] == "border") & (table["port"] != ALL)]
            sheet.write_formula(row + offset, column, formula, formats["total"], float(ports[metric].sum()))


# --- the other sheets ---------------------------------------------------------------------------------------


def _about(book: Any, finished: Finished, sheets: Mapping[str, str], formats: Mapping[str, Any]) -> None:
    """Write what the workbook holds, sheet by sheet, with links, and what it takes to repeat the run."""
    sheet = book.add_worksheet(say("book.about"))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 100)
    sheet.set_column(2, 2, 10)
    sheet.write(0, 0, story.head(finished), formats["title"])
    lines = (
        say("head.scope"),
        finished.context.provenance,
        story.command(finished),
        say("book.live"),
        say("book.note_all"),
    )
    for row, line in enumerate(lines, 1):
        sheet.merge_range(row, 0, row, 2, line, formats["wrap"])
        sheet.set_row(row, 15 * math.ceil(len(line) / 125))
    row = len(lines) + 2
    sheet.write_row(row, 0, [say("book.sheet"), say("book.what"), say("book.rows")], formats["head"])
    own = [(say("book.bca"), say("book.bca_title")), (say("book.chart_sheet"), say("book.chart_title"))]
    if "appraisal_years" in sheets:
        own.insert(1, (say("book.years"), say("book.years_title")))
    for name, about in own:
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        sheet.write(row, 1, about)
    for name, held in sheets.items():
        row += 1
        sheet.write_url(row, 0, f"internal:'{held}'!A1", string=held)
        sheet.write(row, 1, known(f"table.{name}", name), formats["wrap"])
        sheet.write(row, 2, len(finished.table(name)))


def _chart(book: Any, finished: Finished, formats: Mapping[str, Any]) -> None:
    """Write the mean waits by port of each mode with a chart of them, error bars and all."""
    sheet = book.add_worksheet(say("book.chart_sheet"))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 2 * len(finished.context.scenarios), 24, formats["minutes"])
    sheet.write(0, 0, say("book.chart_title"), formats["title"])
    sheet.write(1, 0, say("slide.definition"), formats["quiet"])
    context, summary, row = finished.context, finished.table("summary"), 3
    for mode in MODES:
        waits = findings.mean_waits(summary, mode)
        names = context.drawn(name for name, _ in waits)
        ports = [port for port in context.ports if any((name, port) in waits for name in names)]
        if not ports:
            continue
        heads = [
            say(f"mode.{mode}.many"),
            *(context.scenarios[n] for n in names),
            *(f"{context.scenarios[n]}, \u00b1" for n in names),
        ]
        sheet.write_row(row, 0, heads, formats["head"])
        chart = book.add_chart({"type": "column"})
        for index, port in enumerate(ports, row + 1):
            sheet.write(index, 0, context.port(port, mode))
            for column, name in enumerate(names, 1):
                if (name, port) in waits:
                    _put(sheet, index, column, waits[name, port].mean)
                    _put(sheet, index, column + len(names), waits[name, port].half_width)
        _series(chart, (sheet.get_name(), row, len(ports)), names, context)
        chart.set_title({"name": f"{say('book.chart_title')}: {say(f'mode.{mode}.many')}", "name_font": {"size": 12}})
        chart.set_y_axis(
            {
                "name": say("slide.minutes"),
                "min": 0,
                "max": math.ceil(max(w.ends[1] for (name, _), w in waits.items() if name in names) / 5 + 0.01) * 5,
                "major_gridlines": {"visible": True, "line": {"color": "#C4C4C4"}},
            }
        )
        chart.set_legend({"position": "top"})
        chart.set_size({"width": 760, "height": 300})
        sheet.insert_chart(row, 2 * len(names) + 2, chart, {"description": say("book.chart_title")})
        row += max(len(ports) + 3, 17)


def _series(chart: Any, place: tuple[str, int, int], names: Sequence[str], context: findings.Context) -> None:
    """Add a series a scenario: `place` is the sheet, the row of the heads and the number of ports below."""
    sheet, row, count = place
    for column, name in enumerate(names, 1):
        halves = "=" + f"'{sheet}'!" + xl_range_abs(row + 1, column + len(names), row + count, column + len(names))
        chart.add_series(
            {
                "name": [sheet, row, column],
                "categories": [sheet, row + 1, 0, row + count, 0],
                "values": [sheet, row + 1, column, row + count, column],
                "fill": {"color": LOOKS[list(context.scenarios).index(name)].color},
                "y_error_bars": {"type": "custom", "plus_values": halves, "minus_values": halves},
            }
        )
