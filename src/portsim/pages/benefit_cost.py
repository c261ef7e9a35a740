"""Two sheets of the workbook for benefit-cost work: hours to enter elsewhere, and appraisals discounted live."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from xlsxwriter.utility import xl_rowcol_to_cell

from portsim.language.schema import MODES
from portsim.results import appraised
from portsim.results.appraised import Appraised
from portsim.results.findings import ALL
from portsim.results.finished import Finished
from portsim.results.service import wait_of
from portsim.results.words import say

HEAD_ROW = 3  # of the sheet of a table: title, source and units stand above
_DAYS_A_YEAR = 365
_ENTERED = {"crossings": "crossings_per_day", "people": "people_per_day", "wait": "wait_mean_min"}
_FLOWS = ("benefits", "capital", "operating", "officers")
_RULE_HEIGHT = 64  # points of four lines


class Entry:
    """The sheet for a benefit-cost workbook: without and with project by mode, formulas over the summary's sheet."""

    def __init__(self, book: Any, finished: Finished, source: str, formats: Mapping[str, Any]) -> None:
        self.sheet, self.source, self.formats = book.add_worksheet(say("book.bca")), source, formats
        self.table, self.context = finished.table("summary"), finished.context
        self.days = xl_rowcol_to_cell(2, 1, row_abs=True, col_abs=True)

    def write(self) -> None:
        """Write the head, and every option below it."""
        sheet, names = self.sheet, list(self.context.scenarios)
        sheet.set_column(0, 0, 50)
        sheet.set_column(1, 4, 22)
        sheet.write(0, 0, say("book.bca_title"), self.formats["title"])
        sheet.write(1, 0, say("book.bca_how"), self.formats["quiet"])
        sheet.write(2, 0, say("book.bca_days"))
        sheet.write_number(2, 1, _DAYS_A_YEAR, self.formats["days"])
        sheet.merge_range(3, 0, 3, 4, say("book.bca_rule"), self.formats["wrap"])
        sheet.set_row(3, _RULE_HEIGHT)
        sheet.merge_range(4, 0, 4, 4, say("book.bca_source", source=self.context.source), self.formats["quiet"])
        row = 6
        if len(names) == 1:
            sheet.write(5, 0, say("book.bca_none"), self.formats["quiet"])
        options: list[str | None] = [*names[1:]] or [None]
        for option in options:
            title = self.context.scenarios[option or self.context.base]
            sheet.write(row, 0, f"{say('book.bca_option_name')}: {title}", self.formats["title"])
            row += 1
            for mode in MODES:
                if not math.isnan(wait_of(self.table, self.context.base, ALL, mode).mean):
                    row = self._mode(option, mode, row)
            row += 1

    def _mode(self, option: str | None, mode: str, row: int) -> int:
        """Write one mode of an option; return the first free row."""
        sheet, heads = self.sheet, [say(f"book.bca_{key}") for key in ("mode", "base", "option", "change")]
        sheet.write_row(row, 0, [f"{heads[0]}: {say(f'mode.{mode}.many')}", *heads[1:]], self.formats["head"])
        scenarios = [self.context.base, option]
        found = {label: [self._total(name, mode, metric) for name in scenarios] for label, metric in _ENTERED.items()}
        for offset, (label, totals) in enumerate(found.items(), 1):
            self._line(row + offset, label, [(f"='{self.source}'!{at}", held) for at, held in totals if at])
        sheet.write(row + 4, 0, say("book.bca_value_of_time"))
        sheet.write_blank(row + 4, 1, None, self.formats["entry"])
        sheet.write(row + 4, 2, say("book.bca_value_of_time_note"), self.formats["quiet"])
        for offset, (label, what, at) in enumerate((("vehicle_hours", "crossings", 1), ("hours", "people", 2)), 5):
            cells = [
                (f"={column}{row + at + 1}*{column}{row + 4}/60*{self.days}", count * wait / 60 * _DAYS_A_YEAR)
                for column, (_, count), (place, wait) in zip("BC", found[what], found["wait"], strict=True)
                if place
            ]
            self._line(row + offset, label, cells)
        priced = [column for column, (at, _) in zip("BC", found["wait"], strict=True) if at]
        cells = [(f"={column}{row + 7}*$B${row + 5}", 0.0) for column in priced]
        self._line(row + 7, "value", cells)
        if len(priced) == 2:  # noqa: PLR2004 - without and with project
            self._rule_of_half(row, found)
        return row + 11

    def _rule_of_half(self, row: int, found: Mapping[str, Sequence[tuple[str, float]]]) -> None:
        """Write what travellers gain by the rule of half, which the change of hours in line is not."""
        (before, after), (wait, waits) = ([held for _, held in found[key]] for key in ("people", "wait"))
        trips, people, formats = row + 4, row + 3, self.formats
        gained = (before + after) / 2 * (wait - waits) / 60 * _DAYS_A_YEAR
        hours = f"=(B{people}+C{people})/2*(B{trips}-C{trips})/60*{self.days}"
        self.sheet.write(row + 8, 0, say("book.bca_half"))
        self.sheet.write_formula(row + 8, 3, hours, formats["live"], gained)
        self.sheet.write(row + 9, 0, say("book.bca_half_value"))
        self.sheet.write_formula(row + 9, 3, f"=D{row + 9}*$B${row + 5}", formats["live"], 0.0)

    def _total(self, scenario: str | None, mode: str, metric: str) -> tuple[str, float]:
        """Return where a total of a mode stands on the summary's sheet, and its value; no place where it is none."""
        table = self.table
        of_mode = (table["scenario"] == scenario) & (table["port"] == ALL) & (table["mode"] == mode)
        rows = table[of_mode & (table["lane_type"] == ALL)]
        if rows.empty or pd.isna(rows.iloc[0][metric]):
            return "", math.nan
        cell = xl_rowcol_to_cell(HEAD_ROW + 1 + int(rows.index[0]), list(table.columns).index(metric))
        return cell, float(rows.iloc[0][metric])

    def _line(self, row: int, label: str, cells: Sequence[tuple[str, float]]) -> None:
        """Write formulas without and with project, each with the value it has now, and the change between them."""
        self.sheet.write(row, 0, say(f"book.bca_{label}"))
        for column, (formula, held) in enumerate(cells, 1):
            self.sheet.write_formula(row, column, formula, self.formats["live"], held)
        if len(cells) == 2:  # noqa: PLR2004 - without and with project
            change = cells[1][1] - cells[0][1]
            self.sheet.write_formula(row, 3, f"=C{row + 1}-B{row + 1}", self.formats["live"], change)


class Years:
    """The sheet of the appraisals: benefits and costs by year from their table, discounted by live formulas."""

    def __init__(self, book: Any, finished: Finished, source: str, formats: Mapping[str, Any]) -> None:
        self.sheet, self.source, self.formats = book.add_worksheet(say("book.years")), source, formats
        self.table, self.context = finished.table("appraisal_years"), finished.context

    def write(self, appraisals: Sequence[Appraised]) -> None:
        """Write the head, and every appraised option below it."""
        sheet = self.sheet
        sheet.set_column(0, 0, 44)
        sheet.set_column(1, 8, 21)
        sheet.write(0, 0, say("book.years_title"), self.formats["title"])
        sheet.merge_range(1, 0, 1, 7, say("book.years_how"), self.formats["wrap"])
        sheet.set_row(1, _RULE_HEIGHT)
        row = 3
        for found in appraisals:
            row = self._option(found, row)

    def _option(self, found: Appraised, row: int) -> int:
        """Write one option; return the first free row."""
        sheet, formats, context = self.sheet, self.formats, self.context
        rows = self.table[(self.table["base"] == context.base) & (self.table["option"] == found.option)]
        sheet.write(row, 0, f"{say('book.bca_option_name')}: {context.scenarios[found.option]}", formats["title"])
        sheet.write(row + 1, 0, say("book.years_rate"))
        sheet.write_number(row + 1, 1, found.rates[0], formats["entry"])
        sheet.write(row + 2, 0, say("book.years_base", year=found.dollar_year))
        sheet.write_number(row + 2, 1, found.dollar_year, formats["year"])
        heads = [say(f"book.years_{key}") for key in ("year", *_FLOWS, "net", "factor", "present")]
        sheet.write_row(row + 3, 0, heads, formats["head"])
        worth = dict.fromkeys(_FLOWS, 0.0)
        years = sorted(int(year) for year in rows["year"].unique())
        for place, year in enumerate(years, row + 4):
            flows, factor = self._year(place, rows[rows["year"] == year], (row + 1, found))
            worth = {item: worth[item] + factor * flows[item] for item in _FLOWS}
        end = self._measures(found, (row + 4, len(years)), worth)
        for place, text in enumerate(appraised.cautions(found, context), end):
            sheet.write(place, 0, text, formats["quiet"])
        return end + len(appraised.cautions(found, context)) + 2

    def _year(self, row: int, rows: pd.DataFrame, at_rate: tuple[int, Appraised]) -> tuple[dict[str, float], float]:
        """Write one year, with the rate in a row above: flows from the table's sheet, their sum, its present value."""
        (rate_row, found), year = at_rate, int(rows["year"].iloc[0])
        sheet, money, n = self.sheet, self.formats["money"], row + 1
        sheet.write_number(row, 0, year, self.formats["year"])
        flows = {}
        for column, item in enumerate(_FLOWS, 1):
            of_item = rows[rows["item"] == item]
            flows[item] = float(of_item["usd"].sum())
            if of_item.empty:
                sheet.write_number(row, column, 0, money)
                continue
            cell = xl_rowcol_to_cell(HEAD_ROW + 1 + int(of_item.index[0]), list(self.table.columns).index("usd"))
            sheet.write_formula(row, column, f"='{self.source}'!{cell}", money, flows[item])
        net = flows["benefits"] - flows["capital"] - flows["operating"] - flows["officers"]
        factor = float((1 + found.rates[0] / 100) ** -(year - found.dollar_year))
        sheet.write_formula(row, 5, f"=B{n}-C{n}-D{n}-E{n}", money, net)
        discounted = f"=(1+$B${rate_row + 1}/100)^($B${rate_row + 2}-A{n})"
        sheet.write_formula(row, 6, discounted, self.formats["factor"], factor)
        sheet.write_formula(row, 7, f"=F{n}*G{n}", money, net * factor)
        return flows, factor

    def _measures(self, found: Appraised, years: tuple[int, int], worth: Mapping[str, float]) -> int:
        """Write the measures below the years, live, beside what the run found; return the first free row."""
        first, last = years[0] + 1, sum(years)
        row = last + 1
        heads = [say("appraisal.measure"), say("book.years_live"), say("book.years_found")]
        self.sheet.write_row(row, 0, heads, self.formats["head"])
        at = {
            item: f"SUMPRODUCT({column}{first}:{column}{last},G{first}:G{last})"
            for item, column in zip(_FLOWS, "BCDE", strict=True)
        }
        gained, capital, running = worth["benefits"], worth["capital"], worth["operating"] + worth["officers"]
        b, c, o = (f"B{row + place}" for place in (2, 3, 4))
        lines = [
            ("pv_benefits", f"={at['benefits']}", gained),
            ("pv_capital", f"={at['capital']}", capital),
            ("pv_operating", f"={at['operating']}+{at['officers']}", running),
            ("npv", f"={b}-{c}-{o}", gained - capital - running),
        ]
        if capital > 0:
            lines.append(("benefit_cost_ratio", f"=({b}-{o})/{c}", (gained - running) / capital))
        if capital + running > 0:
            lines.append(("benefit_cost_ratio_all_costs", f"={b}/({c}+{o})", gained / (capital + running)))
        rate = found.at("internal_rate_pct")
        if rate is not None and not math.isnan(rate.value):
            lines.append(("internal_rate_pct", f"=100*IRR(F{first}:F{last})", rate.value))
        for place, (name, formula, held) in enumerate(lines, row + 1):
            money = name in {"pv_benefits", "pv_capital", "pv_operating", "npv"}
            self.sheet.write(place, 0, say(f"measure.{name}"))
            self.sheet.write_formula(place, 1, formula, self.formats["live_money" if money else "live_ratio"], held)
            measure = found.at(name)
            if measure is not None and not math.isnan(measure.value):
                self.sheet.write_number(place, 2, measure.value, self.formats["money" if money else "ratio"])
        return row + len(lines) + 2
