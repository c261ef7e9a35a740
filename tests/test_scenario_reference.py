"""docs/scenario-reference.md is what the schema says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scenario-reference.md"


def test_the_reference_is_written_anew_with_the_schema() -> None:
    """`make schema` would change nothing."""
    tool = ROOT / "tools" / "scenario_reference.py"
    printed = subprocess.run([sys.executable, str(tool)], check=True, capture_output=True, text=True).stdout
    assert PAGE.read_text() == printed, "run `make schema`"


def test_every_link_of_the_reference_leads_to_a_heading() -> None:
    """No definition is named that the page does not explain."""
    text = PAGE.read_text()
    headings = {line.lstrip("# ").replace(" ", "-").lower() for line in text.splitlines() if line.startswith("#")}
    linked = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert linked <= headings
