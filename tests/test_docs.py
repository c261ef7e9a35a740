"""The documentation runs: python blocks of every page, and the command lines that ask for it.

A page's python blocks are one script. A command line, indented or in a ```console block, is run where the line above
its block is `<!-- run: FLAGS -->`, with these flags added to make it cheap. Both work in a folder with `scenarios/`
and the YAML files that pages introduce by "`NAME.yaml`:".
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
FILE = re.compile(r"`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)```", re.DOTALL)
MARKED = re.compile(r"<!-- run:(.*?)-->\n\n?((?:```console\n.*?```)|(?:(?: {4}[^\n]*\n)+))", re.DOTALL)


def script(page: str) -> str:
    """Return the python blocks of a page on the lines where they stand, so that a traceback names the page's line."""
    lines, inside = [], False
    for line in page.splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        inside = line == "```python" if fence else inside
    return "\n".join(lines)


def commands(page: str) -> Iterator[list[str]]:
    """Yield the words of a page's marked command lines."""
    for flags, block in MARKED.findall(page):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            command = line.partition(" > ")[0].strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if command.startswith("portsim "):
                yield [*shlex.split(command)[1:], *shlex.split(flags)]


def run(words: list[str], folder: Path) -> str:
    """Run Python in a folder, warnings being errors, and return what it printed."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return ran.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a working folder as a reader's who saved the files of all pages."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    for page in PAGES.values():
        for name, text in FILE.findall(page):
            assert not (tmp_path / name).exists(), f"two pages have a file {name}"
            (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if script(page).strip()])
def test_the_python_of_a_page_runs(name: str, folder: Path) -> None:
    """All blocks of a page in order, as one script, without a warning."""
    (folder / f"{name}.py").write_text(script(PAGES[name]), encoding="utf-8")
    assert run([f"{name}.py"], folder)


def is_slow(words: list[str]) -> bool:
    """Say whether a command simulates."""
    return words[0] in {"run", "compare", "sensitivity", "validate"}


COMMANDS = [words for page in PAGES.values() for words in commands(page)]


@pytest.mark.parametrize(
    "words",
    [pytest.param(words, id=" ".join(words), marks=[pytest.mark.slow] * is_slow(words)) for words in COMMANDS],
)
def test_a_command_of_a_page_runs(words: list[str], folder: Path) -> None:
    """With its cheap flags, in the reader's folder."""
    assert run(["-c", "from portsim.cli import main; main()", *words], folder)


def test_python_keeps_its_lines_and_only_marked_commands_are_run() -> None:
    """The two readers above read what they should."""
    page = """
```python
one = 1
```

    portsim run not-marked.yaml

<!-- run: --replications 1 -->

    $ portsim run now.yaml \\
        --weeks 1 > now.txt

<!-- run: -->
```console
.venv/bin/portsim check "a b.yaml"
good
```
"""
    assert script(page).splitlines()[2] == "one = 1"
    assert script(page).split() == ["one", "=", "1"]
    assert list(commands(page)) == [["run", "now.yaml", "--weeks", "1", "--replications", "1"], ["check", "a b.yaml"]]


def test_what_the_readme_prints_is_what_the_example_printed() -> None:
    """Line by line, but for the folder and the seconds; the log of the run does not break its lines."""
    log = re.sub(
        r"^\S+Z ", "", (ROOT / "results" / "example" / "run.log").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    printed = next(block for block in PAGES["README.md"].split("```") if block.startswith("\nportsim 0."))
    held = " ".join(log.split())
    lines = [" ".join(line.split()) for line in printed.splitlines() if line and not line.startswith("wrote ")]
    assert len(lines) > 20
    assert [line for line in lines if line not in held] == []
