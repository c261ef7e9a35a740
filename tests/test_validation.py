"""The validation: what a check may say, how it is judged, and every packaged case, run as `portsim validate` does."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from portsim import cli
from portsim.border.workload import draw
from portsim.calibrate import field, observations
from portsim.errors import PortsimError, ScenarioError
from portsim.language import documents
from portsim.language.schema import Run
from portsim.measure.measures import measure
from portsim.runs import experiment
from portsim.validate import cases, comparisons, oracles, validation, validation_field, validation_page
from portsim.validate.cases import ReadCase
from portsim.validate.quantities import Simulated, Where, metric, take
from portsim.validate.validation import Result

ALL_CASES = sorted(cases.PACKAGED.rglob("*.yaml"))
LONG_CASES = [path for path in ALL_CASES if "\nquick: true" not in path.read_text(encoding="utf-8")]
ELSEWHERE = {"baseline-fit", "stability", "capacity-beta-010", "capacity-beta-028"}  # test_reality.py asks the same

SMALL = """case: small
title: One booth
level: theory
group: Lines
source: Erlang
run: {weeks: 1, warm_up_weeks: 0, replications: 4, seed: 1}
network:
  network: small
  about: A line.
  classes:
    car: {mode: vehicle, lane_types: [general]}
  catchments:
    - {id: town, name: Town, cluster: town, access_min: {border: 0}}
  ports:
    - id: border
      name: Border
      vehicle:
        lane_positions: 2
        lane_types:
          general: {booths_open: 1, service: {kind: exponential, mean_s: 60}}
  segments:
    - {id: to-border, catchment: town, traveller_class: car, per_hour: 30, port: border}
options:
  more:
    - {action: add_booths, port: border, mode: vehicle, lane_type: general, booths: 1, officers: added}
checks:
"""
WAIT = "  - {what: wait, quantity: wait_mean_min, "


def written(folder: Path, checks: str, head: str = SMALL) -> Path:
    path = folder / "small.yaml"
    path.write_text(head + checks)
    return path


def results(folder: Path, checks: str) -> list[Result]:
    return next(validation.run([cases.read(written(folder, checks))], jobs=1))


def refused(path: Path) -> str:
    with pytest.raises(ScenarioError) as error:
        next(validation.run([cases.read(path)], jobs=1))
    return str(error.value)


# --- every packaged case -----------------------------------------------------------------------


def test_every_packaged_case_reads_and_has_a_name_of_its_own() -> None:
    read = cases.read_all()
    assert len(read) == len(ALL_CASES) == len({one.name for one in read})
    assert {one.case.level for one in read} == set(cases.LEVELS)
    assert {one.case.level for one in cases.read_all(quick=True)} == set(cases.LEVELS)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in LONG_CASES if p.stem not in ELSEWHERE], ids=lambda path: path.stem)
def test_a_packaged_case_passes(path: Path) -> None:
    """Those of the quick validation pass with it, below."""
    [found] = validation.run([cases.read(path)])
    assert [f"{one.what}: {one.value:.6g}, {one.oracle:.6g}: {one.note}" for one in found if not one.passed] == []


@pytest.mark.slow
def test_the_quick_validation_passes_and_writes_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the command line runs it, with pictures and table."""
    cli.app(["validate", "--quick", "--out", str(tmp_path)], standalone_mode=False)
    said = capsys.readouterr().out
    assert " 0 failed" in said
    assert max(map(len, said.splitlines())) <= 100
    page = (tmp_path / "validation.md").read_text()
    assert validation_page.MARK in page
    limits = documents.read_yaml(validation_page.NOT_VALIDATED, validation_page.Limits)
    assert len(limits.published) > 5
    prose = " ".join(page.split())
    assert all(one.what in prose and one.why in prose for one in (*limits.not_validated, *limits.published))
    assert (
        len((tmp_path / "validation.csv").read_text().splitlines())
        == page.count("| pass |") + page.count("| reported |") + 1
    )
    assert {path.name for path in tmp_path.glob("*.png")} == {"theory.png", "sentri-2017.png"}


# --- judging -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "verdict", "note"),
    [
        ("oracle: {printed: 1.0}, tolerance: {relative: 0.2}}", "pass", ""),
        ("oracle: {printed: 2.0}, tolerance: {relative: 0.2}}", "FAIL", "off by"),
        ("oracle: {printed: 1.6}, tolerance: {relative: 0.5}}", "FAIL", "standard errors away"),
        ("oracle: {printed: 1.0}, tolerance: {relative: 0.0001}}", "FAIL", "standard error is wider"),
        ("oracle: {printed: 1.05}, tolerance: {relative: 0.3, asymptotic: true}}", "pass", ""),
        ("oracle: {at_least: 0.5, at_most: 2}}", "pass", ""),
        ("oracle: {at_most: 0.5}}", "FAIL", "out of bounds"),
        ("judged: false, oracle: {printed: 9}}", "reported", ""),
        ("port: border}", "reported", ""),
    ],
)
def test_a_value_is_judged_by_error_and_tolerance(tmp_path: Path, check: str, verdict: str, note: str) -> None:
    """M/M/1 at a half: a mean wait of one minute, here within 3% of it."""
    [found] = results(tmp_path, WAIT + check)
    assert found.value == pytest.approx(1, rel=0.15)
    assert found.samples == 4
    assert found.verdict == verdict
    assert note in found.note


def test_a_value_is_the_mean_of_replications_and_its_error_theirs(tmp_path: Path) -> None:
    [found] = results(tmp_path, WAIT + "port: border}")
    base = cases.read(tmp_path / "small.yaml").base
    model = experiment.build_model(base)
    waits = [experiment.replicate(model, 1, number, engine="compiled").summary[0, 2] for number in range(4)]
    assert found.value == pytest.approx(np.mean(waits))
    assert found.standard_error == pytest.approx(np.std(waits, ddof=1) / 2)


def test_a_saving_is_taken_pair_by_pair(tmp_path: Path) -> None:
    """Base less option has the sign of a saving, and less of a spread than the two apart."""
    saved, left = results(
        tmp_path,
        WAIT + "saved_by: more, oracle: {at_least: 0.5}}\n" + WAIT + "saved_by: more, statistic: share_of_variance}",
    )
    assert saved.verdict == "pass"
    assert 0 < left.value < 1


def test_the_chance_of_a_false_alarm_counts_checks_with_chance_in_them(tmp_path: Path) -> None:
    """Student's t with 3 degrees of freedom beyond 3.3: 4.6%; two of them 8.9%."""
    both = results(tmp_path, 2 * (WAIT + "oracle: {printed: 1.0}, tolerance: {relative: 0.2}}\n"))
    assert validation.false_alarm_share(both[:1]) == pytest.approx(0.0457, abs=2e-4)
    assert validation.false_alarm_share(both) == pytest.approx(1 - (1 - 0.0457) ** 2, abs=4e-4)


def test_a_table_has_a_row_a_check(tmp_path: Path) -> None:
    text = validation.as_csv(results(tmp_path, WAIT + "oracle: {at_most: 0.5}}"))
    head, row = text.splitlines()
    assert head.split(",")[:5] == ["level", "group", "case", "what", "value"]
    assert "FAIL" in row
    assert "nan" not in row


# --- quantities --------------------------------------------------------------------------------


def simulated(folder: Path) -> Simulated:
    base = cases.read(written(folder, WAIT + "port: border}")).base
    model = experiment.build_model(base)
    rows = experiment.simulate(model, draw(model, 1, 0), "compiled")
    return Simulated(model, measure(rows, model), rows)


def test_quantities_of_part_of_the_week_are_of_its_travellers(tmp_path: Path) -> None:
    """Waits by row and by hour agree; Tuesday to Sunday leaves Monday out."""
    one = simulated(tmp_path)
    rows = one.rows
    waits = (rows.start - rows.tick) / 60_000
    late = (rows.tick >= 24 * 3_600_000) & (rows.start >= 0)
    where = Where(days=("tue-sun",))
    assert metric(one, "wait_mean_min", where)[0] == pytest.approx(waits[late].mean(), rel=1e-3)
    assert take(one, "share_that_waits", where)[0] == pytest.approx((waits[late] > 0).mean())
    by_hour = metric(one, "wait_mean_min", Where(), by_hour=True)
    assert by_hour == pytest.approx(take(one, "wait_by_hour_min", Where()), rel=0.05)
    assert take(one, "longest_wait_min", Where(hours=(3, 6)))[0] <= take(one, "longest_wait_min", Where())[0]


def test_a_line_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "small.yaml:27" in refused(written(tmp_path, WAIT + "port: bordr}"))


# --- comparisons find what is planted ----------------------------------------------------------


def small_and_more(folder: Path) -> ReadCase:
    return cases.read(written(folder, WAIT + "port: border}"))


def test_draws_of_another_seed_do_not_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All match in base and option; with another seed for the option, or another stream, hardly any does."""
    both = list(small_and_more(tmp_path).scenarios.values())
    matched = comparisons.draws_not_matched(both)
    assert matched.value == 0
    assert matched.compared > 20_000
    calls = iter(range(100))
    monkeypatch.setattr(comparisons, "draw", lambda model, _, number: draw(model, next(calls), number))
    apart = comparisons.draws_not_matched(both)
    assert apart.value > 0.5 * apart.compared
    assert apart.first == "small-more: arrival"


def test_a_comparison_of_nothing_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Travellers compared with none: no value, so no pass."""
    zero = "  - {what: draws, quantity: draws_not_matched, oracle: {printed: 0}, tolerance: {absolute: 0}}"
    assert results(tmp_path, zero)[0].verdict == "pass"
    monkeypatch.setitem(comparisons.COMPARISONS, "draws_not_matched", lambda _: comparisons.Counted(0, 0, "draws"))
    [found] = results(tmp_path, zero)
    assert math.isnan(found.value)
    assert found.verdict == "FAIL"


def test_engines_that_differ_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = list(small_and_more(tmp_path).scenarios.values())[:1]
    assert comparisons.between_engines(both).value == 0
    simulate = experiment.simulate

    def late(model: object, workload: object, engine: experiment.Engine) -> object:
        rows = simulate(model, workload, engine)  # type: ignore[arg-type]
        if engine == "simpy":
            rows.depart[7] += 1
        return rows

    monkeypatch.setattr(experiment, "simulate", late)
    found = comparisons.between_engines(both)
    assert (found.value, found.first) == (4, "small: depart")  # one in each replication


# --- files that are wrong ----------------------------------------------------------------------

FAULTS = {
    "an unknown quantity": (
        WAIT.replace("wait_mean_min", "wait_men_min") + "port: border}",
        "did you mean 'wait_mean_min'?",
    ),
    "an unknown formula": (
        WAIT + "oracle: {formula: {name: mcc, given: {}}}, tolerance: {relative: 0.1}}",
        "'mcc' is not allowed here: did you mean 'mmc'?",
    ),
    "an argument it does not take": (
        WAIT + "oracle: {formula: {name: mmc, given: {arrival_per_hor: 3}}}, tolerance: {relative: 0.1}}",
        "mmc takes no 'arrival_per_hor': did you mean 'arrival_per_hour'?",
    ),
    "an argument that is missing": (
        WAIT + "oracle: {formula: {name: mmc, given: {booths: 3}}}, tolerance: {relative: 0.1}}",
        "mmc needs arrival_per_hour, service_per_hour too",
    ),
    "an unknown key": (WAIT + "prot: border}", "unknown key 'prot': did you mean 'port'?"),
    "an unknown option": (WAIT + "saved_by: moore}", "unknown option 'moore': did you mean 'more'?"),
    "two oracles": (WAIT + "oracle: {printed: 1, at_most: 2}}", "give exactly one of formula, printed, observed"),
    "no tolerance": (WAIT + "oracle: {printed: 1}}", "an oracle that is a number needs a tolerance"),
    "two tolerances": (
        WAIT + "oracle: {printed: 1}, tolerance: {relative: 0.1, absolute: 1}}",
        "give exactly one of relative, absolute",
    ),
    "neither quantity nor formula": ("  - {what: nothing}", "give either quantity or formula"),
    "an answer it does not have": (
        WAIT
        + "oracle: {formula: {name: mmc, given: {arrival_per_hour: 30, service_per_hour: 60, booths: 1},"
        + " answer: wait_mean}}, tolerance: {relative: 0.1}}",
        "mmc has no answer 'wait_mean': did you mean",
    ),
    "an answer that is not named": (
        WAIT
        + "oracle: {formula: {name: mmc, given: {arrival_per_hour: 30, service_per_hour: 60, booths: 1}}},"
        + " tolerance: {relative: 0.1}}",
        "mmc has several answers: name one",
    ),
    "a line that grows": (
        WAIT
        + "oracle: {formula: {name: mmc, given: {arrival_per_hour: 90, service_per_hour: 60, booths: 1},"
        + " answer: queue_mean}}, tolerance: {relative: 0.1}}",
        "the line grows without bound",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_at_its_place(fault: str, tmp_path: Path) -> None:
    """File, line and column, what is wrong and what is allowed."""
    check, words = FAULTS[fault]
    said = refused(written(tmp_path, check))
    assert words in said
    assert "small.yaml:27:" in said


def test_faults_of_network_and_options_are_told_too(tmp_path: Path) -> None:
    broken = SMALL.replace("port: border}\noptions", "port: bordr}\noptions").replace("case: small", "case: smally")
    said = refused(written(tmp_path, WAIT + "port: border}", broken))
    assert "small.yaml:1:7: 'smally' is not the file's name: small" in said
    assert "small.yaml:22" in said
    assert "did you mean 'border'?" in said


def test_a_folder_without_cases_validates_nothing(tmp_path: Path) -> None:
    with pytest.raises(PortsimError, match="no case to run"):
        cases.read_all(tmp_path)


def test_formulas_answer_by_name_and_by_place() -> None:
    given = {"arrival_per_hour": 5, "service_per_hour": 6, "booths": 1}
    assert oracles.evaluate("mmc", given, "wait_mean_min") == pytest.approx(50)
    assert oracles.evaluate("logit_shares", {"cost_min": (5.0, 5.0), "taste_scale_min": 16}) == pytest.approx(
        [0.5, 0.5]
    )
    assert oracles.evaluate("logit_shares", {"cost_min": (5.0, 5.0), "taste_scale_min": 16}, "1").shape == (1,)


# --- the command -------------------------------------------------------------------------------


def told(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command line; return its exit code and all it said."""
    monkeypatch.setattr("sys.argv", ["portsim", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_exit_code_one_where_a_check_fails_and_the_page_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, WAIT + "oracle: {at_most: 0.5}}")
    code, said = told(["validate", "--cases", str(path), "--out", str(tmp_path / "out")], monkeypatch, capsys)
    assert code == 1
    assert "failed: small: wait: out of bounds" in said
    assert "## Failed" in (tmp_path / "out" / "validation.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--level", "theroy"], "unknown level 'theroy': did you mean 'theory'?"),
        (["--quick", "--observed", "nowhere.csv"], "nowhere.csv"),
        (["--cases", "nowhere"], "no case to run"),
    ],
)
def test_exit_code_two_for_what_cannot_be_read(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told(["validate", *words], monkeypatch, capsys)
    assert code == 2
    assert said in found


def test_a_page_of_another_hand_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "validation.md").write_text("# My own notes\n")
    code, said = told(["validate", "--quick", "--out", str(tmp_path)], monkeypatch, capsys)
    assert code == 2
    assert "was not written by portsim validate" in said
    assert (tmp_path / "validation.md").read_text() == "# My own notes\n"


READINGS = """port,mode,lane_type,date,weekday,hour,wait_min,lanes_open,status
San Ysidro,passenger,sentri,2026-07-06,0,8,15,10,delay
San Ysidro,passenger,sentri,2026-07-06,0,9,25,10,delay
Otay Mesa,passenger,sentri,2026-07-06,0,9,20,5,delay
"""


def test_a_period_observed_is_compared_and_its_ratio_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is the ratio; the page has a row a line, with bias and P90; bounds judge lane types and all."""
    cells = pd.DataFrame(
        [
            (port, "vehicle", "sentri", "mon-thu", hour, 11, 17.0, 5.0, 8.0)
            for port in ("san-ysidro", "otay-mesa")
            for hour in (8, 9)
        ],
        columns=list(observations.CELL_COLUMNS),
    )
    monkeypatch.setattr(observations, "packaged_cells", lambda: cells)
    monkeypatch.setattr(field, "packaged_postings", dict)
    monkeypatch.setattr(validation_field, "OBSERVED_RUN", Run(replications=1, weeks=1, warm_up_weeks=0, seed=1))
    (tmp_path / "waits.csv").write_text(READINGS)
    words = ["validate", "--observed", str(tmp_path / "waits.csv"), "--out", str(tmp_path / "out")]
    code, said = told(words, monkeypatch, capsys)
    assert code in {0, 1}, said
    assert "1 cases, 2 checks" in said  # the file's, by itself
    table = pd.read_csv(tmp_path / "out" / "observed.csv")
    ratio = table["ratio"].iloc[-1]
    assert said.splitlines()[-1] == f"ratio all {ratio:.2f}"
    assert table["readings"].iloc[-1] == 2
    assert "waits.csv:4: Otay Mesa / passenger / sentri is no line of the network" in " ".join(said.split())
    assert {"bias_min", "p90_error_min", "naive_mae_min"} <= set(table)
    assert code == (1 if ratio > 1.05 or (table["ratio"] > 1.2).any() else 0)
    assert "A period observed, line by line" in (tmp_path / "out" / "validation.md").read_text()
