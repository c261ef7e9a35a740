"""Files that are broken on purpose: each kind is refused at once, at its place, in words that help.

`tests/broken/` holds one file a kind; those that are huge, deep or binary are made here. docs/errors.md lists what
each is told: `python tests/test_broken_files.py` writes it anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import pytest

from portsim import cli

REPOSITORY = Path(__file__).parent.parent
BROKEN = REPOSITORY / "tests" / "broken"
PAGE = REPOSITORY / "docs" / "errors.md"
SLOWEST_S = 3.0  # of processor time, on a machine that does other things too; a second where it does not

# Kinds by group: where the fault is, from the end of the file's own name on, and what is said of it.
KINDS: dict[str, dict[str, tuple[str, list[str]]]] = {
    "The file": {
        "an-empty-file": (".yaml:1:1", ["the file is empty"]),
        "a-file-of-comments": (".yaml:1:1", ["the file is empty"]),
        "a-list-for-a-mapping": (".yaml:1:1", ["expected a mapping of keys to values, got a list"]),
        "a-folder-for-a-file": (".yaml:2:10", ["tests/broken is a directory, not a file"]),
        "a-parent-that-does-not-exist": (
            ".yaml:3:10",
            ["tests/broken/an-unknown-prt.yaml does not exist: did you mean 'an-unknown-port.yaml'?"],
        ),
        "a-network-that-does-not-exist": (
            ".yaml:2:10",
            ["tests/networks/twin-port.yaml does not exist: did you mean 'twin-ports.yaml'?"],
        ),
        "a-table-that-does-not-exist": (
            ".network.yaml:55:54",
            ["table tests/broken/wait.csv does not exist: did you mean 'waits.csv'?"],
        ),
        "a-column-the-table-lacks": (
            ".network.yaml:55:54",
            ["table tests/broken/waits.csv needs one column 'lorry':", "allowed: hour"],
        ),
        "a-parent-of-itself": (
            ".yaml:3:10",
            ["scenarios extend each other in a circle: a-parent-of-itself.yaml -> a-parent-of-itself.yaml"],
        ),
        "a-circle-of-parents": (
            ".parent.yaml:2:10",
            ["in a circle: a-circle-of-parents.yaml -> a-circle-of-parents.parent.yaml -> a-circle"],
        ),
        "a-parent-outside-the-folder": (
            ".yaml:2:10",
            ["/elsewhere/baseline.yaml lies outside", "below these only"],
        ),
        "a-network-outside-the-folder": (
            ".yaml:2:10",
            ["/elsewhere/network.yaml lies outside", "below these only"],
        ),
        "a-table-outside-the-folder": (
            ".network.yaml:55:54",
            ["/elsewhere/waits.csv lies outside", "below these only"],
        ),
        "a-faulty-number-in-the-parent": (".parent.yaml:3:14", ["0 is out of range: must be at least 1"]),
        "an-unknown-port-in-the-parent": (
            ".parent.yaml:4:32",
            ["unknown port 'wets': did you mean 'west'?", "allowed: east"],
        ),
    },
    "YAML": {
        "a-bracket-left-open": (
            ".yaml:4:7",
            ["not valid YAML: while parsing a flow mapping, expected ',' or '}', but got ':'"],
        ),
        "a-tab": (
            ".yaml:4:1",
            ["not valid YAML", "indent with spaces, not tabs"],
        ),
        "a-key-out-of-its-column": (
            ".yaml:5:3",
            ["not valid YAML: wrong indentation: keys that belong together begin"],
        ),
        "a-key-indented-too-far": (".yaml:3:9", ["wrong indentation, or a text with ': ' that needs quotes"]),
        "a-key-given-twice": (".yaml:4:1", ["key 'choice' is given twice: first on line 3"]),
        "a-list-as-a-key": (".yaml:3:3", ["a key must be a word, not a list or a mapping"]),
        "a-merge-key": (".yaml:3:1", ["merge keys (<<) are not read: use extends, or repeat"]),
        "an-unknown-alias": (
            ".yaml:3:8",
            ["not valid YAML: found undefined alias 'nobody': a word that begins with * needs quotes"],
        ),
        "two-documents-in-a-file": (
            ".yaml:3:1",
            ["not valid YAML", "found another document", "leave out the line ---"],
        ),
        "a-tag-that-would-run-code": (
            ".yaml:3:8",
            ["the tag tag:yaml.org,2002:python/object:os.system is not allowed", "write the value alone"],
        ),
    },
    "Keys and values": {
        "an-unknown-key": (".yaml:3:1", ["unknown key 'pourpose':", "allowed: scenario"]),
        "a-misspelt-key": (".yaml:3:7", ["unknown key 'seeds': did you mean 'seed'?", "allowed: weeks"]),
        "a-missing-key": (".yaml:1:1", ["missing key 'scenario' (its name, as in results and charts)"]),
        "a-key-without-a-value": (".yaml:3:1", ["expected a mapping of keys to values, got nothing"]),
        "a-name-with-capitals-and-spaces": (
            ".yaml:1:11",
            [
                "'Big Plan' is not a name: use lower-case letters, digits and hyphens, a letter first",
                "mean 'big-plan'?",
            ],
        ),
        "a-word-for-a-number": (".yaml:3:14", ["expected a whole number, got 'three'"]),
        "a-number-in-quotes": (".yaml:3:14", ["expected a whole number, got '3': leave out the quotes"]),
        "true-for-a-number": (".yaml:4:10", ["expected a whole number, got true"]),
        "an-infinite-number": (".yaml:4:36", ["expected a finite number, got inf"]),
        "a-word-for-a-list": (".yaml:4:63", ["expected a list ([a, b], or each item begun with '- '), got 'general'"]),
        "a-setting-misspelt": (".yaml:3:9", ["'fix' is not allowed here: did you mean 'fixed'?", "allowed: ports"]),
        "a-mode-misspelt-as-a-key": (
            ".yaml:3:24",
            ["'trucks' is not allowed here: did you mean 'truck'?", "allowed: truck"],
        ),
        "patience-below-zero": (".yaml:3:31", ["-1 is out of range: must be at least 0"]),
    },
    "The run": {
        "a-fraction-of-a-week": (".yaml:3:14", ["expected a whole number, got 1.5"]),
        "too-many-weeks": (".yaml:3:14", ["1000 is out of range: must be at most 520"]),
        "a-month-out-of-range": (".yaml:3:14", ["13 is out of range: must be at most 12"]),
        "a-seed-below-zero": (".yaml:3:13", ["-1 is out of range: must be at least 0"]),
        "a-warm-up-longer-than-the-run": (
            ".yaml:3:32",
            ["warm_up_weeks (4) is longer than the run: at most 2, one more than weeks (1)"],
        ),
    },
    "Times and days": {
        "a-step-at-25-o-clock": (
            ".yaml:9:14",
            ['\'25:00\' is not a time of day: write it "HH:MM", in quotes, from "00:00" to "24:00"'],
        ),
        "an-hour-after-midnight": (
            ".yaml:5:25",
            ['\'25:00\' is not a time of day: write it "HH:MM", in quotes, from "00:00" to "24:00"'],
        ),
        "a-time-without-its-zero": (".yaml:5:12", ["'6:00' is not a time of day: write \"06:00\", in quotes"]),
        "a-time-without-minutes": (".yaml:5:12", ["expected text (in quotes, if it looks like a number), got 6"]),
        "days-in-other-words": (".yaml:5:12", ["'weekdays' names no days:", "allowed: daily"]),
        "a-day-left-out": (".yaml:5:6", ["no values for sat, sun"]),
        "two-hours-for-a-day": (".yaml:5:6", ["2 hourly values: give 24 (each day) or 168 (the week)"]),
        "a-series-in-two-forms": (
            ".yaml:5:6",
            ["give exactly one of value, hours, steps, days, table; got value, table"],
        ),
        "opening-after-closing": (".yaml:7:13", ["opens (22:00) must be before closes (06:00); split at midnight"]),
        "opening-on-the-half-hour": (".yaml:7:13", ["opens must be on the hour: booths are counted by the hour"]),
        "overlapping-windows": (
            ".yaml:9:9",
            ["overlaps", "windows may touch, but each hour is in one"],
        ),
        "overlapping-windows-in-the-network": (
            ".network.yaml:47:65",
            ["mon 13:00 to 22:00 overlaps mon-fri 06:00 to 14:00 on mon: windows may touch, but each hour is in one"],
        ),
    },
    "Changes": {
        "changes-without-a-list": (
            ".yaml:3:1",
            ["unknown action 'open_prt': did you mean 'open_port'?", "allowed: open_port"],
        ),
        "a-change-in-words": (".yaml:4:5", ["expected a mapping of keys to values, got 'open north'"]),
        "a-change-without-an-action": (".yaml:4:5", ["missing key 'action':", "allowed: open_port"]),
        "an-unknown-action": (
            ".yaml:4:14",
            ["unknown action 'open_prt': did you mean 'open_port'?", "allowed: open_port"],
        ),
        "a-misspelt-key-in-a-change": (
            ".yaml:4:73",
            ["unknown key 'booth': did you mean 'booths'?", "allowed: officers"],
        ),
        "an-unknown-port": (".yaml:4:31", ["unknown port 'nort': did you mean 'north'?", "allowed: east"]),
        "a-mode-the-port-lacks": (".yaml:4:42", ["west has no truck crossing:", "allowed: vehicle"]),
        "a-mode-in-another-word": (".yaml:8:30", ["'lorry' is not allowed here:", "allowed: truck"]),
        "a-lane-type-the-port-lacks": (
            ".yaml:4:64",
            ["unknown lane type 'generals': did you mean 'general'?", "allowed: general"],
        ),
        "booths-below-zero": (".yaml:4:98", ["-2 is out of range: must be at least 0"]),
        "booths-below-zero-at-night": (".yaml:9:5", ["-1 is out of range: must be at least 0"]),
        "more-booths-open-than-built": (".yaml:5:14", ["9 would be open on mon 00:00, but 8 general booths are built"]),
        "more-booths-added-than-built": (
            ".yaml:5:14",
            ["14 would be open on mon 06:00, but 8 general booths are built"],
        ),
        "a-toll-below-zero": (".yaml:4:61", ["-5 is out of range: must be at least 0"]),
        "a-toll-too-large": (".yaml:4:5", ["a toll of 5000 is out of range: must be at most 1,000"]),
        "an-open-port-opened": (".yaml:4:31", ["east is open already, so this changes nothing"]),
        "the-last-port-closed": (".yaml:5:32", ["east is the last open port: travellers need one"]),
        "a-change-of-nothing": (".yaml:4:36", ["a factor of 1 changes nothing"]),
        "a-share-in-percent": (".yaml:4:38", ["expected a number, got '5%': write 0.05"]),
        "a-share-of-five": (".yaml:4:38", ["5 is out of range: must be at most 1; for 5 % write 0.05"]),
        "a-port-by-its-name": (".yaml:4:32", ["'East Bridge' is not a name", "did you mean 'east-bridge'?"]),
        "a-list-of-days": (".yaml:4:71", ["expected daily, one of mon, tue", "or a range such as mon-fri; got a list"]),
        "lane-types-converted-on-some-days": (
            ".yaml:4:88",
            ["unknown key 'days'", "For some hours only: add_booths on the new lane type"],
        ),
        "demand-multiplied-a-hundredfold": (".yaml:4:36", ["100 is out of range: must be at most 10"]),
        "officers-left-out": (
            ".yaml:4:5",
            ["missing key 'officers' (where the officers come from: added, or moved from other booths)"],
        ),
        "officers-from-nowhere": (
            ".yaml:4:48",
            ["expected added, or moved: [{port, mode, lane_type, booths}]; got 'moved'"],
        ),
        "officers-moved-from-nowhere": (".yaml:6:16", ["give at least 1"]),
        "officers-moved-from-an-unknown-line": (".yaml:8:50", ["unknown lane type 'fast':", "allowed: general"]),
        "overlapping-events": (
            ".yaml:5:54",
            ["overlaps another closure of this place, sun 10:00 to sun 14:00: make it one event"],
        ),
        "a-closure-without-its-port": (".yaml:4:5", ["kind closure needs port"]),
        "an-event-on-no-day-of-the-week": (
            ".yaml:4:54",
            ["'sunday 10:00' is no hour of the week", "mon, tue, wed", "as in 'sun 10:00'"],
        ),
        "a-cargo-rule-for-an-unknown-port": (
            ".yaml:6:32",
            ["unknown port 'eats': did you mean 'east'?", "allowed: east"],
        ),
    },
    "Policies": {
        "booths-that-respond-on-an-unknown-line": (
            ".yaml:4:65",
            ["unknown lane type 'readdy': did you mean 'ready'?", "allowed: general"],
        ),
        "booths-that-respond-to-no-line": (".yaml:4:5", ["give lines, balance or both"]),
        "booths-that-open-below-where-they-close": (
            ".yaml:4:65",
            ["close_below_min (12) must be at most open_above_min (5)"],
        ),
        "booths-that-respond-without-an-officer": (
            ".yaml:4:57",
            ["ready alone has no officer but those of its timetable", "add swap_with, officers_added or another"],
        ),
        "more-booths-at-least-than-built": (".yaml:4:154", ["at least 9 ready booths, but 4 are built"]),
        "a-line-kept-below-itself": (".yaml:4:57", ["'ready' cannot be kept below itself"]),
        "a-wait-read-in-another-word": (
            ".yaml:4:143",
            ["'true_wait' is not allowed here:", "allowed: posted, informed"],
        ),
        "a-second-rule-for-booths": (
            ".yaml:5:57",
            [
                "booths of a crossing have one rule, and those of ready respond already",
                "all its lane types in one change",
            ],
        ),
        "a-toll-with-its-floor-above-its-cap": (
            ".yaml:4:5",
            ["cap_usd (5) must be at least one step (0.25) above floor_usd (8)"],
        ),
        "a-toll-without-room-for-a-step": (
            ".yaml:4:5",
            ["cap_usd (1) must be at least one step (2) above floor_usd (0)"],
        ),
        "a-toll-with-a-target-of-no-wait": (".yaml:4:67", ["0 is out of range: must be above 0"]),
        "a-toll-with-a-target-below-what-is-posted": (
            ".yaml:4:67",
            ["3 is below the 5 minutes in whose steps waits are posted", "5 or more, or any with reads: informed"],
        ),
        "a-toll-that-responds-without-a-cap": (".yaml:4:5", ["missing key 'cap_usd' (the most it may be)"]),
        "a-toll-that-responds-on-an-unknown-line": (
            ".yaml:4:68",
            ["unknown lane type 'generals': did you mean 'general'?", "allowed: general"],
        ),
        "a-second-toll-that-responds": (
            ".yaml:5:55",
            ["one responsive toll, and that of general responds already", "name all its lane types here"],
        ),
        "stacked-booths-without-officers": (".yaml:4:5", ["missing key 'officers'", "added, or moved"]),
        "stacked-booths-on-an-unknown-line": (".yaml:4:68", ["unknown lane type 'sentri':", "allowed: general, ready"]),
        "stacked-booths-stacked-again": (".yaml:5:55", ["these lanes have two booths already"]),
        "stacked-booths-at-a-closed-port": (".yaml:4:34", ["north is closed: open it first, with open_port"]),
    },
    "An appraisal": {
        "an-appraisal-without-costs": (".yaml:3:1", ["give capital_usd, operating_usd_per_year or officers"]),
        "an-appraisal-without-an-opening-year": (
            ".yaml:3:1",
            ["missing key 'opening_year' (the first whole year of benefits)"],
        ),
        "an-appraisal-with-a-misspelt-key": (
            ".yaml:6:3",
            ["unknown key 'horizon_year': did you mean 'horizon_years'?", "allowed: dollar_year"],
        ),
        "an-appraisal-whose-years-do-not-rise": (".yaml:3:1", ["years must rise, each given once"]),
        "an-appraisal-with-a-year-in-words": (
            ".yaml:7:17",
            ["'next-year' is not a year: write four digits, such as 2026"],
        ),
        "an-appraisal-with-an-unknown-source": (
            ".yaml:3:1",
            ["capital_usd.2026: unknown source 'press'", "none is defined"],
        ),
        "growth-in-words": (".yaml:8:34", ["expected a number, or {value, year, source, class}"]),
    },
    "The network": {
        "two-ports-of-one-id": (".network.yaml:56:9", ["'east' is the id of another one: each needs its own"]),
        "shares-beyond-one": (".network.yaml:35:13", ["the shares sum to 1.4: they must sum to 1"]),
        "more-booths-built-than-lanes": (
            ".network.yaml:52:25",
            ["6 booths built, but the crossing has 4 lane positions"],
        ),
        "a-low-figure-above-the-value": (".network.yaml:24:7", ["low (12) is above value (10)"]),
        "an-unknown-source": (
            ".network.yaml:24:55",
            ["unknown source 'survy': did you mean 'survey'?", "allowed: survey"],
        ),
        "a-measured-number-without-a-source": (".network.yaml:14:53", ["a measured number must name its source"]),
        "a-class-of-number-misspelt": (
            ".network.yaml:14:81",
            ["'measures' is not allowed here: did you mean 'measured'?", "allowed: measured"],
        ),
    },
}

ALIASES = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
ALIASES += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
MADE: dict[str, tuple[bytes, str, str]] = {
    "a-picture": (b"\x89PNG\r\n\x1a\n\xff", "", "is not a text file in UTF-8 (byte 1)"),
    "another-encoding": ("scenario: \u00e1".encode("utf-16"), "", "is not a text file"),
    "a-control-character": (b"scenario: a\x00b\n", "", "is not a text file: control character on line 1"),
    "a-megabyte-too-much": (b"#" * 1_000_001, "", "is larger than 1 MB"),
    "twenty-thousand-levels": (b"a: " + b"[" * 20_000, ":1:44", "nested deeper than 40 levels"),
    "sixty-levels": (b"a: " + b"[" * 60 + b"]" * 60, ":1:44", "nested deeper than 40 levels"),
    "an-alias-of-itself": (b"a: &a [*a]", ":1:4", "nested deeper than 40 levels"),
    "aliases-that-explode": ("\n".join(ALIASES).encode(), ":1:37", "more than 100,000 values, aliases (*) included"),
    "a-number-that-is-none": (b"a: !!int x", ":1:4", "'x' cannot be read as a value"),
    "a-number-of-five-thousand-digits": (b"a: " + b"9" * 5000, ":1:4", "cannot be read as a value"),
}


def told(folder: Path, *arguments: str) -> tuple[object, list[str]]:
    """Return the exit code and the lines that the command line writes of a mistake, from within a folder."""
    said = io.StringIO()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.object(sys, "argv", ["portsim", *arguments]), contextlib.redirect_stderr(said):
            cli.main()
    except SystemExit as left:
        return left.code, said.getvalue().splitlines()
    finally:
        os.chdir(here)
    return 0, said.getvalue().splitlines()


def told_of(kind: str) -> tuple[object, list[str]]:
    return told(REPOSITORY, "check", f"tests/broken/{kind}.yaml")


def told_of_made(kind: str, folder: Path) -> tuple[object, list[str]]:
    (folder / f"{kind}.yaml").write_bytes(MADE[kind][0])
    return told(folder, "check", f"{kind}.yaml")


EXPECTED = {kind: expected for group in KINDS.values() for kind, expected in group.items()}


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_broken_file_is_refused_at_its_place(kind: str) -> None:
    """Exit code 2 and no traceback; each fault has file, line and column, says what is wrong and what is allowed."""
    place, words = EXPECTED[kind]
    started = time.process_time()
    code, lines = told_of(kind)
    assert time.process_time() - started < SLOWEST_S
    assert code == 2
    found = [line for line in lines if line.startswith(f"tests/broken/{kind}{place}: ")]
    assert any(all(word in line for word in words) for line in found), lines
    assert all(line.startswith("tests/") for line in lines), "each line is a fault with its place"


@pytest.mark.parametrize("kind", MADE)
def test_a_file_that_is_no_scenario_is_refused_calmly(kind: str, tmp_path: Path) -> None:
    """Binary, huge, bottomless and odd files end in a sentence, never in a traceback."""
    _, place, words = MADE[kind]
    started = time.process_time()
    code, lines = told_of_made(kind, tmp_path)
    assert time.process_time() - started < SLOWEST_S
    assert code == 2
    assert any(line.startswith(f"{kind}.yaml{place}: ") and words in line for line in lines), lines


def test_every_broken_file_is_in_the_table() -> None:
    """A file without an expected message tests nothing."""
    beside = (".network", ".parent")
    files = {path.stem for path in BROKEN.glob("*.yaml")}
    assert {name for name in files if not name.endswith(beside)} == set(EXPECTED)


def test_the_faults_within_changes_that_are_no_list_are_told_too() -> None:
    """One action written without its dash: the slip itself, and what else is wrong in it."""
    _, lines = told_of("changes-without-a-list")
    assert any("expected a list" in line for line in lines)
    assert any("unknown action 'open_prt'" in line for line in lines)


def test_two_scenarios_of_one_name_are_not_compared(tmp_path: Path) -> None:
    """A comparison names its columns by scenario."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("scenario: same\n")
    code, lines = told(tmp_path, "compare", "a.yaml", "b.yaml")
    assert code == 2
    assert lines == ["two scenarios of this comparison are named 'same': each needs a name of its own"]


# --- the page ----------------------------------------------------------------------------------

HEAD = """# Errors

What portsim says of a file that is wrong: the file, line and column, what is wrong, what is allowed and the nearest
right word. It tells all it finds at once and ends with exit code 2. The files are in [tests/broken](../tests/broken);
`python tests/test_broken_files.py` writes this page, and a test compares it.

Three rules a file may break without knowing:

- It may name other files (`extends`, `network`, a `table`) only below its own folder or the current directory.
- `warm_up_weeks` may be at most one more than `weeks`. Where patience is low, two weeks warm up for one measured;
  a longer warm-up is usually a slip.
- Windows of opening hours may touch, not overlap."""


def page() -> str:
    """Return the page: every kind, with the lines it is told."""
    parts = [HEAD]
    for group, kinds in KINDS.items():
        parts.append(f"\n## {group}\n")
        parts += [_entry(kind, told_of(kind)[1]) for kind in kinds]
    parts.append("\n## No scenario at all\n")
    with tempfile.TemporaryDirectory() as folder:
        parts += [_entry(kind, told_of_made(kind, Path(folder).resolve())[1]) for kind in MADE]
    return "\n".join(parts) + "\n"


def _entry(kind: str, lines: list[str]) -> str:
    title = kind.replace("-", " ").capitalize()
    told_lines = [f"  `{line.removeprefix('tests/broken/')}`" for line in lines]
    return "\n".join([f"- {title}:", *told_lines])


def test_the_page_of_errors_says_what_is_said() -> None:
    """docs/errors.md cannot go stale."""
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
