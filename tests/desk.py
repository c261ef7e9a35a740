"""A small study that several test modules work on: two ports, a base, and an option that opens the second."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from portsim import cli

NETWORK = Path(__file__).parent / "networks" / "two-ports.yaml"
BASE = """
scenario: now
title: Now
network: two-ports.yaml
run: {weeks: 1, warm_up_weeks: 0, replications: 2, seed: 5}
cargo_rule: {usd_per_month_per_10_min: 26000000, border_truck_imports_usd_bn: 100, truck_imports_usd_bn: {left: 10}}
"""
OPTION = """
scenario: opened
title: New opens
extends: now.yaml
changes: [{action: open_port, port: new, officers: added}]
"""


def lay_out(folder: Path, base: str = BASE, option: str = OPTION) -> Path:
    """Put the network, a base `now.yaml` and an option `opened.yaml` into a folder, and return it."""
    shutil.copy(NETWORK, folder)
    (folder / "now.yaml").write_text(base)
    (folder / "opened.yaml").write_text(option)
    return folder


def call(*words: object) -> int:
    """Run a command line in this process, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["portsim", *(str(word) for word in words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    return int(stopped.value.code or 0)
