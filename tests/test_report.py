"""What a planner carries out: report, slides, workbook and list of runs say what the tables say."""

from __future__ import annotations

import ast
import html
import itertools
import json
import math
import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image
from pptx import Presentation
from pptx.enum.dml import MSO_FILL
from pptx.util import Emu
from scipy.optimize import brentq

import portsim
from desk import BASE, OPTION, call, lay_out
from portsim.drawing import charts, figures, layout, queue_map, value_charts
from portsim.errors import ResultsError
from portsim.numbers import plus_minus
from portsim.pages import headlines, html_report, index, publish, story, workbook
from portsim.pages import slides as slides_module
from portsim.results import accounts, appraised, finished, words
from portsim.results.findings import ALL, DAGGER, Context
from portsim.results.finished import Finished
from portsim.results.service import Check, Estimate, LongWaits, observed_title, percent, shares_title

pytestmark = pytest.mark.drawn
HERE = Path(__file__).parent
THRICE = BASE.replace("replications: 2", "replications: 3")
TOLD = f"{OPTION}about: A port is opened.\n"
APPRAISED = f"""{TOLD}
appraisal:
  dollar_year: 2024
  opening_year: 2026
  horizon_years: 5
  years: [2026]
  growth_pct_per_year: {{truck: {{value: 2, low: 1, high: 3, class: assumed}}}}
  capital_usd: {{2025: {{value: 9.0e+6, low: 8.0e+6, high: 1.5e+7, class: assumed}}}}
  operating_usd_per_year: {{value: 10000, class: assumed}}
"""
CONTEXT = Context(
    scenarios={"base": "Today", "option": "More booths"},
    ports={"left": "Left", "right": "Right"},
    replications=12,
    weeks=4,
    seed=1,
    source="made up",
    version="0.1.0",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder `results` with one comparison in it."""
    desk = lay_out(tmp_path_factory.mktemp("desk"), THRICE, APPRAISED)
    out = desk / "results" / "study"
    assert call("compare", desk / "now.yaml", desk / "opened.yaml", "--out", out, "--jobs", 1) == 0
    (desk / "opened.yaml").write_text(TOLD)
    return out.parent


@pytest.fixture(scope="module")
def study(results: Path) -> Path:
    return results / "study"


@pytest.fixture(scope="module")
def read(study: Path) -> Finished:
    return Finished.of(study)


@pytest.fixture(scope="module")
def told(read: Finished) -> story.Story:
    return story.tell(read, read.manifest["findings"])


@pytest.fixture(scope="module")
def written(study: Path) -> str:
    """Return the report without the library it carries."""
    text = (study / html_report.FILE).read_text(encoding="utf-8")
    return re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", text, flags=re.DOTALL)


# --- report ---------------------------------------------------------------------------------------------------


def test_page_one_answers_what_how_much_how_sure_worth_what_on_what(told: story.Story, written: str) -> None:
    first = html.unescape(written[: written.index("<nav")])
    assert re.search(r"<h1>(.*?)</h1>", first)[1] == told.head
    for key in ("what", "much", "sure", "worth", "rests"):
        assert f"<h3>{words.say(f'answer.{key}')}</h3>" in first
    for answer in told.answers:
        assert all(sentence in first for sentence in answer.sentences)
    assert "Northbound only" in first
    assert "inputs are assumed" in first


def test_the_headline_is_what_the_tables_find(told: story.Story, read: Finished) -> None:
    rows = read.table("comparison")
    whole = rows[(rows["port"] == "all") & (rows["lane_type"] == "all") & (rows["metric"] == "wait_mean_min")]
    main = whole[(whole["base"] == "now") & (whole["mode"] != "all")].set_index("mode")
    shorter = {mode for mode, verdict in main["verdict"].items() if verdict == "better"}
    assert shorter
    assert {mode for mode in main.index if words.say(f"mode.{mode}.many") in told.head} == shorter
    for mode, row in main.iterrows():
        cells = next(
            cells for cells in told.much.rows if cells[0].rstrip("\u2020").lower() == words.say(f"mode.{mode}.many")
        )
        assert cells[-1].startswith(plus_minus(Estimate(row["difference"], row["half_width"]), signed=True)[:2])


def test_the_large_figures_of_page_one_are_those_of_the_tables(read: Finished, written: str) -> None:
    """One for each mode that changes, in words that say which way; what does not change is named in a sentence."""
    [row] = headlines.of(read)
    rows = read.table("comparison").query("base == 'now' and port == 'all' and lane_type == 'all' and mode != 'all'")
    waits = rows[rows["metric"] == "wait_mean_min"].set_index("mode")
    changed = waits[waits["verdict"] != "identical by design"]
    told_of = [one for one in row.headlines if one.unit.startswith("min")]
    assert len(told_of) == len(changed)
    for mode, change in changed.iterrows():
        estimate = Estimate(change["difference"], change["half_width"])
        assert any(one.figure == plus_minus(estimate, signed=True) for one in told_of), mode
    shorter = [one.of for one in told_of if one.unit == "min, shorter"]
    assert len(shorter) == (waits["verdict"] == "better").sum() > 0
    dollars = {one.of.rstrip("\u2020") for one in row.headlines if one.unit == words.say("headline.a_year")}
    assert dollars == {words.say("headline.welfare"), words.say("headline.trade")}
    first = html.unescape(written[: written.index("<h2")])
    assert all(f'<dd class="figure">{one.figure} ' in first for one in row.headlines)


def test_a_base_alone_is_headed_by_its_waits(read: Finished) -> None:
    context = {**read.manifest["context"], "about": {"now": ""}}
    [row] = headlines.of(Finished(read.folder, {**read.manifest, "context": context}))
    table = read.table("summary").query(
        "scenario == 'now' and port == 'all' and lane_type == 'all' and mode == 'truck'"
    )
    expected = plus_minus(Estimate(table["wait_mean_min"].iloc[0], table["wait_mean_hw_min"].iloc[0]))
    assert (expected, "min") in [(one.figure, one.unit) for one in row.headlines]


def test_a_table_that_is_missing_is_said_and_what_does_not_need_it_is_told(
    study: Path, read: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On page 1, and on the page that would have rested on it; the table is not offered as one to look at."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("parts"))
    assert read.missing == []
    (folder / "tables" / "comparison.csv").unlink()
    (folder / "tables" / "observed_waits.csv").unlink()
    lacking = Finished.of(folder)
    assert lacking.missing == ["comparison", "observed_waits"]
    html_report.write(lacking, story.tell(lacking, {}), folder / html_report.FILE)
    text = html.unescape((folder / html_report.FILE).read_text(encoding="utf-8"))
    names = "tables/comparison.csv, tables/observed_waits.csv"
    assert words.say("head.missing", files=names) in text[: text.index("<h2")]
    where = text[text.index('id="where"') : text.index('id="options"')]
    assert words.say("html.missing", files="tables/comparison.csv") in where
    assert words.say("html.csv", files="tables/summary.csv") in where
    monkeypatch.setattr(publish, "write", lambda _: publish.Published({}, ""))
    assert call("report", folder) == 0
    assert f"missing in the folder: {names}" in capsys.readouterr().out


def test_no_missing_table_ends_in_a_traceback(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the summary nothing is drawn, and it is said; without the booths, all but their figures."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("parts"))
    (folder / "tables" / "booths.csv").unlink()
    lacking = Finished.of(folder)
    drawn = [name for name, _ in figures._service_figures(lacking, lacking.context)]
    assert "shares-truck" in drawn
    assert not [name for name in drawn if name.startswith("booths-")]
    (folder / "tables" / "summary.csv").unlink()
    assert call("report", folder) == 2
    assert "summary.csv cannot be read" in capsys.readouterr().err


def test_pages_have_one_title_each_headings_in_order_and_a_description_of_every_picture(written: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", written)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    pictures = re.findall(r"<img [^>]*>", written)
    assert pictures
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)


def test_no_address_of_the_report_leaves_the_file(written: str) -> None:
    held = re.findall(r'(?:src|href|action|data|poster)="([^"]*)"', written)
    assert held
    assert all(address.startswith(("#", "data:")) for address in held)
    assert "default-src 'none'" in written
    assert not re.search(r"url\((?!#|%23)", written)


@pytest.mark.slow
def test_a_report_drawn_anew_is_the_same(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tables alone, without simulating: also when the finished replications are gone."""
    before = {name: (study / name).read_bytes() for name in ("report.html", "figures/waits-truck.svg", "queue-map.gif")}
    shutil.rmtree(study / "parts")
    assert call("report", study) == 0
    assert {name: (study / name).read_bytes() for name in before} == before


def test_only_a_finished_folder_is_drawn(tmp_path: Path, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", tmp_path / "none") == 2
    assert call("report", tmp_path) == 2
    manifest = json.loads((study / "manifest.json").read_text())
    del manifest["context"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert call("report", tmp_path) == 2
    assert "run the study again" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ResultsError):
        Finished.of(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("replications", [1, 2])
def test_one_scenario_has_a_report_too(results: Path, replications: int) -> None:
    """Without an option nothing is compared, and with one replication nothing is judged."""
    out = results / f"alone-{replications}"
    assert call("run", results.parent / "now.yaml", "--out", out, "--replications", replications, "--jobs", 1) == 0
    read = Finished.of(out)
    told = story.tell(read, read.manifest["findings"])
    assert told.head.startswith("Now: ")
    assert "options" not in {page.id for page in told.pages}
    assert ("no interval" in told.answers[1].sentences[0]) == (replications == 1)
    assert words.say("answer.worth_none") in told.answers[2].sentences


@pytest.mark.slow
def test_one_replication_of_a_comparison_gives_no_verdict(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "write", lambda _: publish.Published({}, ""))
    out, desk = results / "single", results.parent
    how = ("--out", out, "--replications", 1, "--jobs", 1)
    assert call("compare", desk / "now.yaml", desk / "opened.yaml", *how) == 0
    told = story.tell(Finished.of(out), {})
    assert told.head == words.say("head.no_interval", option="New opens")


def test_a_port_that_one_of_many_options_opens_has_a_week_in_that_option_only(
    read: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where weeks are drawn an option at a time, the others have none of its line."""
    monkeypatch.setattr(charts, "MOST_WEEKS", 1)
    context = replace(read.context, scenarios={**read.context.scenarios, "third": "A third"})
    drawn = [name for name, _ in figures._week_figures(read, context) if name.startswith("week-new-truck")]
    assert drawn == ["week-new-truck-standard-opened"]


# --- the map --------------------------------------------------------------------------------------------------


def test_queues_are_the_queues_of_the_hours_at_their_ends(read: Finished) -> None:
    """Every ten minutes between; a crossing is the sum of its lines."""
    queues = read.table("queues")
    lines = queues[queues["lane_type"] != "all"].groupby(["scenario", "port", "mode", "days", "time"])["queue"].sum()
    whole = queues[queues["lane_type"] == "all"].set_index(["scenario", "port", "mode", "days", "time"])["queue"]
    assert np.allclose(lines.sort_index(), whole.sort_index(), rtol=1e-4, atol=1e-3)
    assert sorted(queues["time"].unique())[::143] == ["00:10", "24:00"]
    assert queues.groupby(["scenario", "port", "mode", "lane_type", "days"]).size().unique().tolist() == [144]


def test_the_strip_has_the_ports_from_west_to_east_and_none_on_another(read: Finished) -> None:
    shown = queue_map.ordered(read)
    at = queue_map.places(read, shown)
    assert list(at) == shown
    assert (np.diff(list(at.values())) > 0.02).all()
    known = Finished(read.folder, {**read.manifest, "context": {**read.manifest["context"]}})
    ports = [
        {**port, "border_km": km}
        for port, km in zip(known.manifest["context"]["ports"], (40, 0, 300, 5, 6), strict=False)
    ]
    known.manifest["context"]["ports"] = ports
    order = queue_map.ordered(known)
    assert [known.place_km[port] for port in order] == sorted(known.place_km.values())


def test_map_title_and_moving_picture_are_of_one_instant(read: Finished) -> None:
    """The map opens when the line that its title tells of is longest, with the number the title has."""
    drawn = queue_map.data(read)
    for mode, of_days in drawn["modes"].items():
        found = queue_map.lines(read, mode)
        port, step = queue_map.worst(found, read.context.base)
        assert drawn["peaks"][mode][queue_map.WEEKDAYS] == queue_map.peak(found) == step
        longest = of_days[queue_map.WEEKDAYS][read.context.base][port]
        assert max(longest) == longest[step] == round(found.queue[read.context.base][port][step])
        assert words.say(f"mode.{mode}.many") in drawn["findings"][mode]


def test_the_moving_picture_shows_trucks_and_vehicles(read: Finished) -> None:
    shown = [lines.mode for lines in queue_map.pictured(read, "truck")]
    assert shown[0] == "truck"
    assert shown == [mode for mode in ("truck", "vehicle") if mode in queue_map.data(read)["modes"]]


def test_the_moving_picture_has_every_ten_minutes_and_opens_at_the_peak(study: Path, told: story.Story) -> None:
    with Image.open(study / queue_map.FILE) as picture:
        assert picture.n_frames == queue_map.STEPS + 1
        assert picture.size[0] / picture.size[1] == pytest.approx(16 / 9, rel=0.01)
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


# --- slides ---------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Return a text without what keeps its lines from breaking."""
    return text.replace("\u00a0", " ").replace("\u2060", "")


def slide_of(slides: list, title: str) -> Any:
    return next(slide for slide in slides if plain(slide.shapes.title.text) == title)


def cells_of(slide: Any) -> list[list[str]]:
    """Return a slide's table as text."""
    table = next(shape.table for shape in slide.shapes if shape.has_table)
    return [[plain(cell.text) for cell in row.cells] for row in table.rows]


def appraisal_titles(read: Finished, told: story.Story) -> list[str]:
    """Return the findings on the appraised option, from its tables."""
    [found] = appraised.read(read)
    return [
        appraised.title(found, read.context),
        appraised.flows_title(found, read.context),
        appraised.waits_title(appraised.waits(read, "opened"), told.mode, "opened", read.context),
        appraised.turnings_title(appraised.turnings(read, found), "opened", read.context),
    ]


@pytest.fixture(scope="module")
def slides(study: Path) -> list:
    deck = Presentation(str(study / "deck.pptx"))
    assert deck.slide_width / deck.slide_height == pytest.approx(16 / 9, rel=1e-3)
    return list(deck.slides)


def test_every_slide_has_a_computed_finding_notes_and_descriptions(
    slides: list, told: story.Story, read: Finished
) -> None:
    computed = {told.head, *(page.title for page in told.pages), *read.manifest["findings"].values()}
    computed |= set(appraisal_titles(read, told))
    assert plain(slides[0].shapes.title.text) == told.head
    for slide in slides:
        assert plain(slide.shapes.title.text) in computed
        notes = slide.notes_slide.notes_text_frame.text
        assert read.run_id in notes
        assert "Source:" in notes
        for shape in slide.shapes:
            if shape.shape_type is not None and (shape.has_chart or shape.has_table or hasattr(shape, "image")):
                assert shape._element.xpath(".//p:cNvPr")[0].get("descr")


def test_a_finding_longer_than_a_property_of_a_file_is_cut_there(
    told: story.Story, read: Finished, tmp_path: Path
) -> None:
    """Several options of one replication have a long finding: it stands whole on the slide, cut in the file's title."""
    head = "; ".join([told.head] * 8)
    assert len(head) > slides_module._LONGEST_PROPERTY
    slides_module.write(read, replace(told, head=head, pages=()), tmp_path / "deck.pptx")
    deck = Presentation(str(tmp_path / "deck.pptx"))
    assert plain(deck.slides[0].shapes.title.text) == head
    assert head.startswith(deck.core_properties.title.removesuffix(" …"))


def test_slides_stay_on_the_page_in_letters_one_can_read(slides: list) -> None:
    for slide in slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= Emu(12192000) + 1000
            assert shape.top + shape.height <= Emu(6858000) + 1000
            if shape.has_text_frame and shape.name != "Footer":
                sizes = [run.font.size.pt for p in shape.text_frame.paragraphs for run in p.runs if run.font.size]
                assert all(size >= 14 for size in sizes)


def test_native_charts_hold_the_numbers_of_the_tables(slides: list, read: Finished) -> None:
    slide = slide_of(slides, read.manifest["findings"]["waits-truck"])
    chart = next(shape.chart for shape in slide.shapes if shape.has_chart)
    summary = read.table("summary")
    rows = summary[(summary["mode"] == "truck") & (summary["lane_type"] == "all")].set_index(["scenario", "port"])
    ports = {name: port for port, name in read.context.ports.items()}
    for series, name in zip(chart.plots[0].series, ("now", "opened"), strict=True):
        for category, drawn in zip(chart.plots[0].categories, series.values, strict=True):
            at = (name, ports[str(category).rstrip("\u2020")])
            assert (drawn is None) == (at not in rows.index)
            if drawn is not None:
                assert drawn == pytest.approx(rows.loc[at, "wait_mean_min"], abs=1e-3)


def test_an_appraised_option_has_its_page_and_a_slide_for_each_finding(
    slides: list, told: story.Story, read: Finished
) -> None:
    """Measures at each rate with their range, waits of the years simulated, and the figures at which the sign turns."""
    table = read.table("appraisal").set_index(["discount_pct", "metric"])
    npv = table.loc[(7.0, "npv")]
    page = next(page for page in told.pages if page.id == "appraisal")
    first, *more = appraisal_titles(read, told)
    assert page.title == first
    assert (npv["low"] < 0 < npv["high"]) == ("not clear" in first)
    assert f"{100 * table.loc[(7.0, 'probability_npv_positive'), 'value']:.0f}%" in first
    measures = {row[0].rstrip("\u2020"): row[1:] for row in page.grids[0].rows}
    shown = measures[words.say("measure.npv")]
    assert shown[0].startswith(accounts.money_estimate(Estimate(npv["value"], npv["simulation_hw"])))
    assert shown[1] == words.say("worth.span", low=accounts.money(npv["low"]), high=accounts.money(npv["high"]))
    assert shown[2:] == [accounts.money(table.loc[(rate, "npv"), "value"]) for rate in (3.1, 2.0)]
    assert measures[words.say("measure.payback_year")][0] == f"{table.loc[(7.0, 'payback_year'), 'value']:.0f}"
    assert cells_of(slide_of(slides, first)) == [page.grids[0].head, *page.grids[0].rows]
    flows, growth, turning = (slide_of(slides, title) for title in more)
    chart = next(shape.chart for shape in flows.shapes if shape.has_chart)
    years = read.table("appraisal_years").pivot_table(index="year", columns="item", values="usd")
    assert list(chart.plots[0].categories) == [str(year) for year in years.index]
    assert list(chart.plots[0].series[0].values) == pytest.approx(list(years["benefits"] / 1e6), abs=1e-3)
    assert list(chart.plots[0].series[1].values) == pytest.approx(
        list(-(years["capital"] + years["operating"] + years["officers"]) / 1e6), abs=1e-3
    )
    summary = read.table("summary")
    later = summary[(summary["scenario"] == "now-2026") & (summary["port"] == "all") & (summary["mode"] == "truck")]
    drawn = next(shape.chart for shape in growth.shapes if shape.has_chart)
    last = list(drawn.plots[0].series[0].values)[-1]
    assert last == pytest.approx(later["wait_mean_min"].iloc[0], abs=1e-3)
    within = [row[0] for row in cells_of(turning)[1:] if row[-1] == words.say("appraisal.within")]
    assert all(name in more[2] for name in within)
    assert "Capital, all years (assumed)" in within


def test_waits_that_no_growth_moves_have_no_slide(told: story.Story, read: Finished, tmp_path: Path) -> None:
    """An empty chart would be drawn, under a title that says that growth takes a wait from 11 to 11 minutes."""
    summary = read.table("summary")
    still = replace(read)
    still._read["summary"] = summary.assign(
        wait_mean_min=summary["wait_mean_min"].where(summary["wait_mean_min"].isna(), 7)
    )
    page = next(page for page in told.pages if page.id == "appraisal")
    slides_module.write(still, replace(told, pages=(page,)), tmp_path / "deck.pptx")
    titles = [plain(slide.shapes.title.text) for slide in Presentation(str(tmp_path / "deck.pptx")).slides]
    first, flows, _, turning = appraisal_titles(read, told)
    assert titles[1:] == [first, flows, turning]


def test_what_is_assumed_is_drawn_hatched_and_said_so(slides: list, read: Finished) -> None:
    """The wait that nobody observed is not drawn as if it were; nor are inputs that are assumed."""
    slide = next(s for s in slides if plain(s.shapes.title.text) == read.manifest["findings"]["observed-truck"])
    chart = next(shape.chart for shape in slide.shapes if shape.has_chart)
    assumed = set(read.table("observed_waits").query("mode == 'truck' and `class` == 'assumed'")["port"])
    assert assumed
    series = chart.plots[0].series[1]
    assert series.name == words.say("slide.seen_or_assumed")
    for place, category in enumerate(chart.plots[0].categories):
        hatched = series.points[place].format.fill.type == MSO_FILL.PATTERNED
        assert hatched == (str(category).rstrip("\u2020") in {read.context.ports[port] for port in assumed})
    footer = next(plain(shape.text_frame.text) for shape in slide.shapes if shape.name == "Footer")
    assert words.say("slide.assumed") in footer


def test_a_table_takes_the_largest_letters_that_fit_and_says_what_it_leaves_out(read: Finished) -> None:
    """No word is broken over lines, no cell cut; what does not fit is counted, and where it stands is said."""
    few = story.Grid("few", ["Account", "Part"], [["Trade", "Cargo entering"], ["Welfare", "Net welfare"]])
    fitted = slides_module._fitted(few, 12.0, 5.0)
    assert fitted.size == max(slides_module._CELLS)
    assert sum(fitted.widths) == pytest.approx(12.0)
    long = story.Grid("long", ["Account", "Note"], [[f"Row {n}", "word " * 60] for n in range(30)])
    cut = slides_module._fitted(long, 12.0, 5.0)
    assert cut.size == min(slides_module._CELLS)
    assert 2 < len(cut.heights) < 31
    assert sum(cut.heights) <= 5.0
    for text, width in (("Account", cut.widths[0]), ("word", cut.widths[1])):
        assert layout.text_width(text, cut.size, "bold") < width


# --- workbook -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book(study: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(study / workbook.FILE, data_only=True)


def test_the_sheets_are_the_tables(book: openpyxl.Workbook, read: Finished) -> None:
    """Same columns, rows and values; a source above, units over the columns that have one."""
    for name in read.names:
        table, sheet = read.table(name), book[name[:31]]
        head = workbook.HEAD_ROW + 1
        assert [cell.value for cell in sheet[head]][: len(table.columns)] == list(table.columns)
        assert f"tables/{name}.csv" in sheet["A2"].value
        for column, of in enumerate(table.columns, 1):
            cells = [sheet.cell(head + row, column).value for row in range(1, len(table) + 1)]
            expected = [None if held == "" or pd.isna(held) else held for held in table[of].tolist()]
            if pd.api.types.is_float_dtype(table[of]):  # a workbook keeps 16 digits, replications.csv has 17
                expected = [None if held is None else float(f"{held:.16g}") for held in expected]
            assert cells == expected, (name, of)
    units = {book["summary"].cell(4, c).value: book["summary"].cell(3, c).value for c in range(1, 20)}
    assert units["wait_mean_min"] == "min"
    assert units["share_over_20min"] == "share, 0 to 1"
    assert units["toll_revenue_usd_per_day"] == "US dollars a day"


def test_formulas_compute_what_the_tables_say(study: Path, book: openpyxl.Workbook, read: Finished) -> None:
    """Each is evaluated here, cell by cell, and equals the value it was stored with; the totals equal the table's."""
    written = openpyxl.load_workbook(study / workbook.FILE)
    checked = 0
    for sheet in written:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    computed = evaluate(cell.value, sheet.title, written)
                    assert computed == pytest.approx(book[sheet.title][cell.coordinate].value, rel=1e-4, abs=1e-6)
                    checked += 1
    assert checked > 20
    entry = [[cell.value for cell in row] for row in book[words.say("book.bca")].iter_rows()]
    people = next(row for row in entry if row[0] == words.say("book.bca_people"))
    summary = read.table("summary")
    whole = summary[(summary["port"] == "all") & (summary["mode"] == "truck") & (summary["lane_type"] == "all")]
    of_scenario = whole.set_index("scenario")["people_per_day"]
    assert people[1:3] == pytest.approx([of_scenario["now"], of_scenario["opened"]])


def test_the_appraisal_by_year_discounts_to_what_the_run_found(book: openpyxl.Workbook, read: Finished) -> None:
    """Live, from the table's sheet: net present value, ratios and rate of return, beside those of the run."""
    rows = {row[0].value: [cell.value for cell in row[1:3]] for row in book[words.say("book.years")].iter_rows()}
    for metric in ("pv_benefits", "pv_capital", "npv", "benefit_cost_ratio", "internal_rate_pct"):
        live, found = rows[words.say(f"measure.{metric}")]
        assert live == pytest.approx(found, rel=1e-4)
    entry = book[words.say("book.bca")]
    assert any(words.say("book.bca_rule") == cell.value for cell in entry["A"])
    halves = [row for row in entry.iter_rows(values_only=True) if row[0] == words.say("book.bca_half")]
    whole = [row for row in entry.iter_rows(values_only=True) if row[0] == words.say("book.bca_hours")]
    people, waits = (
        [row for row in entry.iter_rows(values_only=True) if row[0] == words.say(f"book.bca_{key}")]
        for key in ("people", "wait")
    )
    assert len(halves) == len(whole) > 1
    for half, hours, trips, wait in zip(halves, whole, people, waits, strict=True):
        brought = trips[3] * (wait[1] + wait[2]) / 2 / 60 * 365  # what the change of hours counts as a loss
        assert half[3] == pytest.approx(brought - hours[3])


def test_every_sheet_is_wide_enough_and_prints_with_its_heads(study: Path, read: Finished) -> None:
    book = openpyxl.load_workbook(study / workbook.FILE)
    for name in read.names:
        sheet = book[name[:31]]
        head = workbook.HEAD_ROW + 1
        widths = {at: of.width for of in sheet.column_dimensions.values() for at in range(of.min, of.max + 1)}
        for cell in sheet[head][: len(read.table(name).columns)]:
            assert widths[cell.column] > len(cell.value)
        assert sheet.print_title_rows == f"${head - 1}:${head}"
        assert sheet.freeze_panes is not None
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def evaluate(formula: str, sheet: str, book: openpyxl.Workbook) -> float:
    """Work out a formula of cells, products, differences, powers, SUMIFS, SUMPRODUCT and IRR."""
    found = re.fullmatch(r"=SUMIFS\((.*)\)", formula)
    if found:
        return sum_ifs(found[1].split(","), book[sheet])
    found = re.fullmatch(r"=100\*IRR\((.*)\)", formula)
    if found:
        return 100 * brentq(lambda rate: npv(rate, column(found[1], sheet, book)), -0.9, 10.0, xtol=1e-12)
    formula = re.sub(
        r"SUMPRODUCT\(([^,()]+),([^,()]+)\)",
        lambda sums: repr(float(np.dot(*(column(area, sheet, book) for area in sums.groups())))),
        formula,
    )

    def cell(match: re.Match[str]) -> str:
        place = book[match[1].strip("'!") if match[1] else sheet][match[2].replace("$", "")]
        held = place.value
        if isinstance(held, str) and held.startswith("="):
            held = evaluate(held, place.parent.title, book)
        return repr(float(held or 0))

    text = re.sub(r"('[^']+'!)?(?<![\d.])(\$?[A-Z]{1,3}\$?\d+)", cell, formula[1:]).replace("^", "**")
    assert re.fullmatch(r"[\d.eE+*/() -]+", text), formula
    return float(eval(text))


def column(area: str, sheet: str, book: openpyxl.Workbook) -> list[float]:
    """Return the values of a column of cells, their formulas worked out."""
    held = [cell.value for (cell,) in book[sheet][area]]
    return [evaluate(value, sheet, book) if isinstance(value, str) else float(value) for value in held]


def npv(rate: float, flows: list[float]) -> float:
    return sum(flow / (1 + rate) ** year for year, flow in enumerate(flows))


def sum_ifs(parts: list[str], sheet: openpyxl.worksheet.worksheet.Worksheet) -> float:
    def cells(area: str) -> list[object]:
        return [row[0].value for row in sheet[area.replace("$", "")]]

    total, *conditions = parts
    keep = [True] * len(cells(total))
    for area, wanted in zip(conditions[::2], conditions[1::2], strict=True):
        value = wanted.strip('"') if wanted.startswith('"') else sheet[wanted.replace("$", "")].value
        other = str(value).removeprefix("<>")
        keep = [
            k and ((held != other) if str(value).startswith("<>") else (held == other))
            for k, held in zip(keep, cells(area), strict=True)
        ]
    return float(sum(held or 0 for k, held in zip(keep, cells(total), strict=True) if k))


def test_the_workbook_has_a_chart_with_error_bars_and_links_to_its_sheets(study: Path) -> None:
    book = openpyxl.load_workbook(study / workbook.FILE)
    charts = book[words.say("book.chart_sheet")]._charts
    assert charts
    assert all(series.errBars is not None for series in charts[0].series)
    assert book.sheetnames[:4] == [words.say(f"book.{key}") for key in ("about", "bca", "years", "chart_sheet")]


# --- list of runs ---------------------------------------------------------------------------------------------


def test_the_list_of_runs_has_each_headline_and_leaves_out_what_is_broken(results: Path, told: story.Story) -> None:
    (results / "broken").mkdir(exist_ok=True)
    (results / "broken" / "manifest.json").write_text("[]")
    index.write(results)
    text = html.unescape((results / index.FILE).read_text())
    assert told.head in text
    assert 'href="study/report.html"' in text
    assert "broken" not in text


# --- words ----------------------------------------------------------------------------------------------------


def test_every_message_is_used_and_every_word_of_the_pages_is_a_message() -> None:
    """A key built from data, as mode.{mode}.one, stands for all keys of its shape."""
    package = SOURCE
    modules = [path for path in package.rglob("*.py") if "words import" in path.read_text(encoding="utf-8")]
    files = [*modules, Path(words.__file__), *(package / "data" / "templates").iterdir()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    asked = set(re.findall(r"""\b(?:say|known)\(\s*f?["'`]([^"'`]+)["'`]""", text))
    gap = re.compile(r"\$?\{[^}]*\}")
    plain = {key for key in asked if not gap.search(key)}
    assert plain <= set(words.catalogue())
    shapes = [re.compile(".+".join(map(re.escape, gap.split(key)))) for key in asked if key not in plain]
    by_page = re.compile(r"(day|week)\.(choose|alt)")  # the template puts the page before them
    quoted = set(re.findall(r"""["'`]([a-z_]+(?:\.[a-z_]+)+)["'`]""", text))
    idle = [
        key for key in words.catalogue() if key not in quoted and not any(s.fullmatch(key) for s in (*shapes, by_page))
    ]
    assert idle == []


def test_the_templates_hold_no_words_of_their_own() -> None:
    for template in (SOURCE / "data" / "templates").glob("*.jinja"):
        text = re.sub(r"\{[{%].*?[%}]\}|<[^>]*>|&\w+;", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]{2,}", text), template.name


def test_the_catalogue_is_read_as_it_stands() -> None:
    with (words.FOLDER / "en.toml").open("rb") as file:
        assert tomllib.load(file)["mode"]["bus"]["many"] == words.say("mode.bus.many") == "buses"
    with pytest.raises(KeyError):
        words.say("mode.bus.none")
    assert words.listed(["a", "b", "c"]) == "a, b and c"


SOURCE = Path(portsim.__file__).parent
DRAWN_FROM = ("findings", "charts", "layout", "service", "service_charts", "accounts", "value_charts", "appraised")
DRAWN_FROM += (
    "queue_map",
    "figures",
    "headlines",
    "story",
    "benefit_cost",
    "html_report",
    "slides",
    "workbook",
    "index",
)
NOT_WORDS = {  # names of the libraries, of a shape, of a command, and patterns of a file
    *("upper left", "offset points", "axes fraction", "DejaVu Sans", "Arial", "General", "BrBG_r", "Footer"),
    *("Creator", "Title", "Date", "--set '", "portsim report ", '@page { @bottom-left { content: "'),
    "assumed wait",  # what notes of the tables say; the pages say it in their own words
    *(' <g id="', 'pt" viewBox="0 ', r'height="[\d.]+pt" viewBox="0 0 ([\d.]+) ([\d.]+)"'),
}


def spoken(tree: ast.Module) -> set[str]:
    """Return the literals of a module that look like words for people: with a word and a blank, or a capital.

    Docstrings and what a programmer's mistake raises are not for readers of the report.
    """
    quiet: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            quiet |= set(ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            quiet.add(node.value)  # a docstring
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in quiet
    }
    return {
        text for text in texts if re.search(r"[A-Za-z]{2}", text) and (" " in text or re.match(r"[A-Z][a-z]", text))
    }


@pytest.mark.parametrize("name", DRAWN_FROM)
def test_no_module_that_draws_holds_words_of_its_own(name: str) -> None:
    """They are all in the catalogue, so that another language can follow."""
    assert spoken(ast.parse(next(SOURCE.rglob(f"{name}.py")).read_text(encoding="utf-8"))) - NOT_WORDS == set()


def test_words_in_the_code_would_be_found() -> None:
    """The test above can fail: sentences, their pieces and single words of a title are seen, identifiers are not."""
    code = 'def f(x):\n    """Say it."""\n    return f"{x} min" + "Total" + "wait_mean_min" + "a b"'
    assert spoken(ast.parse(code)) == {" min", "Total"}


CYRILLIC = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "абвгдежзийклмнопрстуфхцчшщАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ"
)


def in_other_letters(message: str) -> str:
    """Return a message as if in another language: its gaps stay."""
    parts = re.split(r"(\{[^}]*\})", message)
    return "".join(part if part.startswith("{") else part.translate(CYRILLIC) for part in parts)


@pytest.mark.slow
def test_another_language_goes_through_figures_report_slides_and_workbook(
    read: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every message in other letters, no word in Latin ones is left but names, units and notes of the data."""
    other = {key: in_other_letters(message) for key, message in words.catalogue().items()}
    monkeypatch.setattr(words, "catalogue", lambda: other)
    monkeypatch.setattr(html_report, "catalogue", lambda: other)
    found, said = {}, []
    for name, figure in figures.figures(read):
        found[name] = charts.finding(figure)
        said += [text.get_text() for text in figure.findobj(Text)]
    told = story.tell(read, found)
    html_report.write(read, told, tmp_path / "report.html")
    slides_module.write(read, told, tmp_path / "deck.pptx")
    workbook.write(read, tmp_path / "tables.xlsx")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<(script|style).*?</\1>", " ", text, flags=re.DOTALL)
    said += re.findall(r'(?:alt|aria-label)="([^"]*)"', text)
    said.append(html.unescape(re.sub(r"<[^>]*>", "\n", text)))
    for slide in Presentation(str(tmp_path / "deck.pptx")).slides:
        said += [slides_module._said(slide), slide.notes_slide.notes_text_frame.text]
        said += [series.name for shape in slide.shapes if shape.has_chart for series in shape.chart.plots[0].series]
        said += [shape._element.xpath(".//p:cNvPr")[0].get("descr") or "" for shape in slide.shapes]
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
    for sheet in book:
        own = sheet.title not in {name[:31] for name in read.names}
        rows = sheet.iter_rows(values_only=True) if own else sheet.iter_rows(max_row=3, values_only=True)
        said += [value for row in rows for value in row if isinstance(value, str) and not value.startswith("=")]
    assert sorted(latin(said) - words_of_the_data(read)) == []


def latin(texts: list[str]) -> set[str]:
    """Return the words in Latin letters, and each with the one that follows it after a blank."""
    found = set()
    for text in texts:
        tokens = re.findall(r"[a-z]{2,}|[^a-z ]+", text.lower())
        found |= {token for token in tokens if token.isalpha() and token.isascii()}
        found |= {f"{a} {b}" for a, b in itertools.pairwise(tokens) if (a + b).isalpha() and (a + b).isascii()}
    return found


def words_of_the_data(read: Finished) -> set[str]:
    """Return the words that no catalogue holds: of the scenarios, the sources, the units and the notes of tables."""
    held = [json.dumps({key: value for key, value in read.manifest.items() if key != "findings"})]
    for name in read.names:
        table = read.table(name)
        texts = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
        held += [name, *(str(value) for column in texts for value in table[column].unique())]
    held += [path.name for path in read.folder.rglob("*") if path.is_file()]
    held += [str(read.folder), story.command(read), "portsim report", "csv json png", read.run_id]
    tokens = re.findall(r"[a-z]{2,}", "\n".join(held).lower().replace("_", " "))
    return {*tokens, *(f"{a} {b}" for a, b in itertools.pairwise(tokens))}


# --- sentences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "half_width", "verdict", "expected"),
    [
        (-20.0, 5.0, "better", "More booths: 10% of trucks wait over 60 minutes, was 30%"),
        (20.0, 5.0, "worse", "More booths: 10% of trucks wait over 60 minutes, was 30%"),
        (-2.0, 5.0, "no clear change", "no clear change in the share of trucks"),
        (0.0, 0.0, "identical by design", "the share of trucks that wait over 60 minutes is identical by design"),
    ],
)
def test_the_title_of_long_waits_follows_the_verdict(difference, half_width, verdict, expected) -> None:
    change = story.Change(Estimate(difference, half_width), verdict)
    found = {
        "base": LongWaits((60.0, 40.0, 30.0), (None,) * 3),
        "option": LongWaits((40.0, 20.0, 10.0), (change,) * 3),
    }
    assert expected in shares_title(found, "truck", CONTEXT)


def test_a_share_that_is_not_nothing_is_never_written_as_nothing() -> None:
    assert [percent(share) for share in (0.0, 0.2, 0.6, 99.7)] == ["0%", "<1%", "1%", "100%"]
    assert [appraised.of_draws(share) for share in (0.0, 0.002, 0.5, 0.9998, 1.0)] == [
        "0%",
        "<1%",
        "50%",
        ">99%",
        "100%",
    ]


def test_observations_that_are_assumed_do_not_count_as_a_check() -> None:
    checks = [
        Check("left", "truck", Estimate(30.0, 2.0), 20.0, True),
        Check("right", "truck", Estimate(12.0, 1.0), 10.0, False),
    ]
    assert "at Right by +2.0 min" in observed_title(checks, "truck", CONTEXT)
    assert observed_title(checks[:1], "truck", CONTEXT) == "No truck wait of the base was observed: all are assumed"


def table_of(net: float, half_width: float) -> pd.DataFrame:
    rows = [
        ("trade", "cargo", 120e6, 90e6, 200e6, 9e6, None, ""),
        ("welfare", "traveller_time", net - 2e6, 1e6, 40e6, half_width, 1e6, "person-hours"),
        ("welfare", "truck_cost", 2e6, 1e6, 3e6, half_width, 1e5, "truck-hours"),
        ("welfare", "all", net, 2e6, 45e6, half_width, None, ""),
        ("welfare", "toll_paid", -1e6, -1e6, -1e6, 0.0, None, ""),
        ("welfare", "toll_revenue", 1e6, 1e6, 1e6, 0.0, None, ""),
        ("regional", "trips", None, 1e3, 3e3, 100.0, 2e3, "trips a year"),
        ("regional", "spending_hdr", 9e8, 9e8, 9e8, 0.0, None, ""),
        ("regional", "spending_atlantic", 9e6, 9e6, 9e6, 0.0, None, ""),
    ]
    columns = ["account", "component", "usd_per_year", "low", "high", "simulation_hw", "quantity", "unit"]
    of_trucks = {"cargo", "truck_cost"}  # a component of one mode has no row of all modes
    mode = ["truck" if row[1] in of_trucks else "all" for row in rows]
    return pd.DataFrame(rows, columns=columns).assign(
        base="base", option="option", port="all", mode=mode, dollar_year=2024, note="", median=None
    )


@pytest.mark.parametrize(
    ("net", "half_width", "expected"),
    [
        (30e6, 4e6, "gains $30M"),
        (-30e6, 4e6, "loses $30M"),
        (3e6, 4e6, "no clear change"),
        (30e6, math.nan, "changes by +$30.0M a year (one replication: no interval)"),
    ],
)
def test_accounts_stand_side_by_side_and_only_the_parts_of_one_are_stepped(net, half_width, expected) -> None:
    """The steps are of the welfare account alone, and add up to it; the trade account is nowhere in them."""
    table = table_of(net, half_width)
    steps = accounts.steps(table, pd.DataFrame(), "option", CONTEXT)
    assert sum(amount for _, amount in steps.parts) == pytest.approx(steps.total.mean)
    assert words.say("component.cargo") not in dict(steps.parts)
    assert expected in accounts.steps_title(steps, "option", CONTEXT)
    found = accounts.entries(table, "option", CONTEXT)
    assert list(found) == ["trade", "welfare", "regional"]
    assert found["regional"][0].text == "+2,000 trips a year"
    said = accounts.worth(pd.DataFrame(), table, "option", CONTEXT)
    assert len(said) == 4  # cargo, net welfare, and both readings of the spending
    assert ("over the range of the evidence" in said[1]) == (not 2e6 <= net <= 45e6)
    figure = value_charts.side_by_side(found, "option", CONTEXT)
    assert len(figure.axes) == 3
    assert value_charts.waterfall(steps, "option", CONTEXT).axes


def test_numbers_read_back_are_those_that_were_written(study: Path) -> None:
    table = finished.read_table(study, "inputs")
    assert set(table["class"]) <= {"measured", "published", "derived", "assumed"}
    assert not table.isna().any().any()


@pytest.mark.parametrize(
    ("value", "low", "high", "half_width", "expected"),
    [
        (30e6, 10e6, 50e6, 5e6, "benefits exceed costs by $30.0M at 7%"),
        (-30e6, -50e6, -10e6, 5e6, "costs exceed benefits by $30.0M at 7%"),
        (30e6, -10e6, 50e6, 5e6, "not clear: +$30.0M at 7%"),  # the inputs may turn it
        (30e6, 10e6, 50e6, 40e6, "not clear: +$30.0M at 7%"),  # chance may
        (3e9, 1e9, 5e9, math.nan, "benefits exceed costs by $3.0 billion at 7%"),
    ],
)
def test_the_title_of_an_appraisal_says_no_more_than_inputs_and_chance_allow(
    value, low, high, half_width, expected
) -> None:
    npv_at = appraised.Measure(value, low, high, half_width, "USD", "")
    share = appraised.Measure(0.9, math.nan, math.nan, math.nan, "share", "")
    measures = {(7.0, "npv"): npv_at, (7.0, "probability_npv_positive"): share}
    found = appraised.Appraised("option", (7.0,), measures, 2024, "")
    said = appraised.title(found, CONTEXT)
    assert said.startswith("More booths: ")
    assert expected in said
    assert "in 90% of draws" in said
    assert accounts.money(low, signed=True) in said


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ((20, 50), (20, 30, 0)),
        ((50, 20), (20, 30, 0)),
        ((0, -80), (0, 0, -80)),
        ((-80, -30), (-30, 0, -50)),
        ((-30, 20), (0, 20, -30)),
        ((20, -30), (0, 20, -30)),
    ],
)
def test_steps_below_zero_are_drawn_below_zero(step, expected) -> None:
    """PowerPoint stacks what is negative downwards from zero: a loss must not stand up as a gain."""
    assert tuple(part[0] for part in slides_module.stacked([step])) == expected


def test_what_an_assumed_wait_is_worth_is_marked() -> None:
    """By the table's own note: value.csv says of each row what it rests on."""
    table = table_of(30e6, 4e6)
    marked = table.assign(note=np.where(table["component"] == ALL, "assumed wait", table["note"]))
    for of, mark in ((table, ""), (marked, DAGGER)):
        steps = accounts.steps(of, pd.DataFrame(), "option", CONTEXT)
        assert f"a year{mark}, most of it travellers' time" in accounts.steps_title(steps, "option", CONTEXT)
        found = accounts.entries(of, "option", CONTEXT)
        assert f"a year{mark}" in accounts.accounts_title(found, "option", CONTEXT)


def test_amounts_from_a_billion_on_are_told_in_billions() -> None:
    assert accounts.money(8.657e9, signed=True) == "+$8.7 billion"
    assert accounts.money(-8.657e9) == "\u2212$8.7 billion"
    assert accounts.money(999e6) == "$999.0M"
    assert accounts.money_estimate(Estimate(10.06e9, 0.481e9)) == "$10.1 \u00b1 $0.5 billion"


def test_lines_break_neither_in_an_interval_nor_after_a_dagger_that_heads_a_note() -> None:
    text = "wait 33 \u00b1 16 min at Left\u2020 (fast lanes). \u2020 rests on"
    assert words.glued(text) == "wait 33\u00a0\u00b1\u00a016\u00a0min at Left\u2020 (fast lanes). \u2020\u00a0rests on"
    assert words.counted("port", 1) == "1 port"
    assert words.counted("hour", 3) == "3 hours"
    assert words.slug("beyond the rule's reach") == "beyond_the_rules_reach"
