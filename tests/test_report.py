"""What a planner carries out: report, slides, workbook and list of runs say what the tables say."""

from __future__ import annotations

import html
import itertools
import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Emu

from desk import BASE, OPTION, call, lay_out
from portsim import (
    accounts,
    finished,
    headlines,
    html_report,
    index,
    publish,
    queue_map,
    story,
    value_charts,
    words,
    workbook,
)
from portsim.errors import ResultsError
from portsim.findings import Context
from portsim.finished import Finished
from portsim.numbers import plus_minus
from portsim.service import Check, Estimate, LongWaits, observed_title, percent, shares_title

pytestmark = pytest.mark.drawn
HERE = Path(__file__).parent
THRICE = BASE.replace("replications: 2", "replications: 3")
TOLD = f"{OPTION}about: A port is opened.\n"
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
    desk = lay_out(tmp_path_factory.mktemp("desk"), THRICE, TOLD)
    out = desk / "results" / "study"
    assert call("compare", desk / "now.yaml", desk / "opened.yaml", "--out", out, "--jobs", 1) == 0
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


@pytest.mark.parametrize("replications", [pytest.param(1, marks=pytest.mark.slow), 2])
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


@pytest.fixture(scope="module")
def slides(study: Path) -> list:
    deck = Presentation(str(study / "deck.pptx"))
    assert deck.slide_width / deck.slide_height == pytest.approx(16 / 9, rel=1e-3)
    return list(deck.slides)


def test_every_slide_has_a_computed_finding_notes_and_descriptions(
    slides: list, told: story.Story, read: Finished
) -> None:
    computed = {told.head, *(page.title for page in told.pages), *read.manifest["findings"].values()}
    assert slides[0].shapes.title.text == told.head
    for slide in slides:
        assert slide.shapes.title.text in computed
        notes = slide.notes_slide.notes_text_frame.text
        assert read.run_id in notes
        assert "Source:" in notes
        for shape in slide.shapes:
            if shape.shape_type is not None and (shape.has_chart or shape.has_table or hasattr(shape, "image")):
                assert shape._element.xpath(".//p:cNvPr")[0].get("descr")


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
    slide = next(s for s in slides if s.shapes.title.text == read.manifest["findings"]["waits-truck"])
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


# --- workbook -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book(study: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(study / workbook.FILE, data_only=True)


def test_the_sheets_are_the_tables(book: openpyxl.Workbook, read: Finished) -> None:
    """Same columns, rows and values; a source above, units over the columns that have one."""
    for name in read.names:
        table, sheet = read.table(name), book[name[:31]]
        head = workbook._HEAD_ROW + 1
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


def evaluate(formula: str, sheet: str, book: openpyxl.Workbook) -> float:
    """Work out a formula of cells, products, differences and SUMIFS."""
    found = re.fullmatch(r"=SUMIFS\((.*)\)", formula)
    if found:
        return sum_ifs(found[1].split(","), book[sheet])

    def cell(match: re.Match[str]) -> str:
        place = book[match[1].strip("'!") if match[1] else sheet][match[2].replace("$", "")]
        held = place.value
        if isinstance(held, str) and held.startswith("="):
            held = evaluate(held, place.parent.title, book)
        return repr(float(held or 0))

    text = re.sub(r"('[^']+'!)?(\$?[A-Z]{1,3}\$?\d+)", cell, formula[1:])
    assert re.fullmatch(r"[\d.eE+*/() -]+", text), formula
    return float(eval(text))


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
    assert book.sheetnames[:3] == [words.say(f"book.{key}") for key in ("about", "bca", "chart_sheet")]


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
    package = Path(words.__file__).parent
    modules = [path for path in package.glob("*.py") if "portsim.words import" in path.read_text(encoding="utf-8")]
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
    for template in (Path(words.__file__).parent / "data" / "templates").glob("*.jinja"):
        text = re.sub(r"\{[{%].*?[%}]\}|<[^>]*>|&\w+;", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]{2,}", text), template.name


def test_the_catalogue_is_read_as_it_stands() -> None:
    with (words.FOLDER / "en.toml").open("rb") as file:
        assert tomllib.load(file)["mode"]["bus"]["many"] == words.say("mode.bus.many") == "buses"
    with pytest.raises(KeyError):
        words.say("mode.bus.none")
    assert words.listed(["a", "b", "c"]) == "a, b and c"


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
    [(30e6, 4e6, "gains $30M"), (-30e6, 4e6, "loses $30M"), (3e6, 4e6, "no clear change")],
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
