"""Run every scenario of scenarios/ against its base, and print what each showed, as docs/scenario-library.md holds it.

python tools/library_runs.py [REPLICATIONS] > docs/scenario-library.md
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from portsim import __version__
from portsim.language import scenario
from portsim.language.scenario import Scenario
from portsim.language.schema import Mode
from portsim.measure.inference import BETTER, IDENTICAL, WORSE
from portsim.measure.measures import ALL, Measures
from portsim.numbers import Estimate, dollars, plus_minus
from portsim.pages.report import demand_differs, resting_on_assumed
from portsim.results import tables
from portsim.runs import experiment

SCENARIOS = Path(__file__).parents[1] / "scenarios"
BASE = "baseline"
SHOWN = 4
HEAD = """# The scenario library

Every file of `scenarios/`, and what it showed against today in one run each: {replications} replications of
{warm_up} + {weeks} week(s), seed {seed}, portsim {version}. Each change of the mean wait is a paired difference with
its 95% interval over replications: chance, not the inputs. Up to {shown} of the changes that are clear are listed, the
surest first; ports that are not named show no clear change, or none by design. † rests on a wait that is assumed, not
observed. Dollars are the documents' cargo rule for the ports' part of the border ([results.md](results.md)). This page
is written by `tools/library_runs.py`.
"""


def main(replications: int) -> None:
    """Run all, and print the page."""
    settings = {"replications": replications}
    files = sorted((path for path in SCENARIOS.glob("*.yaml") if path.stem != BASE), key=lambda path: path.stem)
    base, *options = [scenario.load(path, settings) for path in (SCENARIOS / f"{BASE}.yaml", *files)]
    with tempfile.TemporaryDirectory() as folder:
        parts = Path(folder)
        (measured,) = experiment.run([base], parts, engine=experiment.default_engine())
        run = base.run
        words = {"warm_up": run.warm_up_weeks, "weeks": run.weeks, "seed": run.seed, "shown": SHOWN}
        print(HEAD.format(replications=replications, version=__version__, **words))
        for path, option in zip(files, options, strict=True):
            (of_option,) = experiment.run([option], parts, engine=experiment.default_engine())
            print("\n".join(entry(path, base, option, measured, of_option)), flush=True)


def entry(path: Path, base: Scenario, option: Scenario, before: list[Measures], after: list[Measures]) -> Iterator[str]:
    """Yield the lines on one scenario."""
    table = tables.comparison(base.name, option.name, before, after)
    assumed = resting_on_assumed(base)
    yield f"## [{option.name}](../scenarios/{path.name})\n"
    yield f"**{option.title}.** {option.about}\n"
    lines = [*clear_changes(table, base, assumed), *trips(table)]
    yield from (f"- {line}" for line in lines)
    if base.cargo_rule is not None:
        value, _ = tables.cargo_value(
            base.name,
            option.name,
            before,
            after,
            ports=[port.id for port in base.network.ports],
            rule=base.cargo_rule,
            assumed=frozenset(port for port, mode in assumed if mode == "truck"),
            demand_differs=demand_differs(base, option, "truck"),
        )
        yield f"- {cargo(value)}"
    yield ""


def clear_changes(table: pd.DataFrame, base: Scenario, assumed: frozenset[tuple[str, Mode]]) -> Iterator[str]:
    """Yield the changes of the mean wait that are clear, the surest first, then how much stays the same."""
    waits = table[(table["metric"] == "wait_mean_min") & (table["port"] != ALL) & (table["mode"] != ALL)]
    whole = waits[waits["lane_type"] == ALL]
    clear = whole[whole["verdict"].isin([BETTER, WORSE])].copy()
    clear["sure"] = clear["difference"].abs() - clear["half_width"]
    names = {port.id: port.name for port in base.network.ports}
    for row in clear.sort_values("sure", ascending=False).head(SHOWN).to_dict("records"):
        dagger = "†" if (row["port"], row["mode"]) in assumed else ""
        change = plus_minus(Estimate(row["difference"], row["half_width"]), signed=True)
        where = f"{names[row['port']]}{dagger} {row['mode']}"
        yield f"{where}: {row['base_value']:.0f} min today, {change} min ({row['verdict']})"
    if clear.empty:
        yield "no clear change of a mean wait at any port"
    same = whole["verdict"].eq(IDENTICAL).sum()
    yield f"{len(clear)} of {len(whole)} waits (port and mode) change clearly; {same} are identical by design"


def trips(table: pd.DataFrame) -> Iterator[str]:
    """Yield the change of all crossings, where it is clear."""
    totals = table[(table["port"] == ALL) & (table["mode"] == ALL)].set_index("metric")
    row = totals.loc["crossings_per_day"].to_dict()
    if row["verdict"] in {BETTER, WORSE}:
        change = plus_minus(Estimate(row["difference"], row["half_width"]), signed=True)
        yield f"all crossings: {change} a day, of {row['base_value']:,.0f}"


def cargo(value: pd.DataFrame) -> str:
    """Say what the cargo rule gives for all ports."""
    total = value[(value["scope"] == "border") & (value["port"] == ALL)].iloc[0].to_dict()
    flag = f" [{total['flag']}]" if total["flag"] else ""
    saved = Estimate(total["minutes_saved"], total["minutes_saved_hw"])
    if saved == Estimate(0.0, 0.0):
        return "cargo: identical by design"
    minutes = plus_minus(saved)
    if pd.isna(total["usd_per_month"]):
        return f"cargo: {minutes} min saved a truck; no dollar figure{flag}"
    usd = dollars(Estimate(total["usd_per_month"], total["usd_per_month_hw"]), signed=True)
    return f"cargo: {minutes} min saved a truck, {usd} a month{flag}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
