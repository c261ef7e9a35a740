"""Which figures a finished study has, by name, and their files."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from matplotlib.figure import Figure

from portsim.drawing import charts, service_charts, value_charts
from portsim.measure.inference import IDENTICAL
from portsim.results import accounts, appraised, findings
from portsim.results.findings import ALL, Context, Line, main_lines, no_truck_change
from portsim.results.finished import Finished

MODES = ("vehicle", "truck", "pedestrian")


def write(finished: Finished) -> dict[str, str]:
    """Draw the figures of a study into its folder; return the finding of each, by name."""
    folder = finished.folder / "figures"
    folder.mkdir(exist_ok=True)
    found = {}
    with ThreadPoolExecutor(1) as encoder:  # one figure is packed while the next is drawn
        waiting = []
        for name, figure in figures(finished):
            waiting.append(encoder.submit(charts.drawn(figure, folder / name)))
            found[name] = charts.finding(figure)
        for written in waiting:
            written.result()
    return found


def figures(finished: Finished) -> Iterator[tuple[str, Figure]]:
    """Yield the figures with their names, one at a time."""
    context = finished.context
    yield from _wait_figures(finished, context)
    yield from _week_figures(finished, context)
    yield from _service_figures(finished, context)
    yield from _value_figures(finished, context)


def _wait_figures(finished: Finished, context: Context) -> Iterator[tuple[str, Figure]]:
    """Yield the waits by port and by hour of the day."""
    summary, comparison = finished.table("summary"), finished.table("comparison")
    for mode in modes(finished):
        yield f"waits-{mode}", charts.waits_by_port(summary, comparison, mode, context)
    used = finished.table("weekday_profile").dropna(subset=["wait_mean_min"])
    lines = used[["port", "mode", "lane_type"]].drop_duplicates()
    for port, mode, lane_type in lines.itertuples(index=False):
        if mode in MODES and not left_alone(finished, Line(port, mode, lane_type)):
            figure = charts.wait_by_hour(used, port, mode, lane_type, context, comparison=comparison)
            yield f"hours-{port}-{mode}-{lane_type}", figure


def left_alone(finished: Finished, line: Line) -> bool:
    """Say whether every option leaves a line identical by design: a run of the base alone has its figures."""
    changes = findings.wait_changes(finished.table("comparison"), line.mode, line.lane_type, finished.context)
    verdicts = [change.verdict for (_, port), change in changes.items() if port == line.port]
    return bool(verdicts) and set(verdicts) == {IDENTICAL}


def modes(finished: Finished) -> list[str]:
    """Return the modes that are drawn, those that wait anywhere."""
    summary = finished.table("summary")
    rows = summary[(summary["lane_type"] == ALL) & (summary["port"] != ALL) & summary["wait_mean_min"].notna()]
    present = set(rows["mode"])
    return [mode for mode in MODES if mode in present]


def _week_figures(finished: Finished, context: Context) -> Iterator[tuple[str, Figure]]:
    """Yield the weeks of the main lines: all scenarios in one figure, or one for each option where they are many."""
    shown = {"": context}
    if len(context.scenarios) > charts.MOST_WEEKS:
        titles = context.scenarios
        names = (context.base, *context.drawn(titles)[1:])
        shown = {f"-{o}": replace(context, scenarios={n: titles[n] for n in (names[0], o)}) for o in names[1:]}
    hourly, comparison = finished.table("hourly"), finished.table("hourly_comparison")
    for port, mode, lane_type in main_lines(hourly, context):
        line = Line(port, mode, lane_type)
        drawn = mode in MODES and not left_alone(finished, line)
        joined = findings.weeks(hourly, line)
        for suffix, of_option in shown.items() if drawn else ():
            if not any(name in joined for name in of_option.scenarios):
                continue  # a port that neither the base nor this option opens
            figure = charts.wait_by_week(hourly, port, mode, lane_type, of_option, hourly_comparison=comparison)
            yield f"week-{port}-{mode}-{lane_type}{suffix}", figure


def _service_figures(finished: Finished, context: Context) -> Iterator[tuple[str, Figure]]:
    """Yield who waits long, what booths do, and the base against what was observed."""
    for mode in modes(finished):
        shares = service_charts.long_waits(finished.table("summary"), finished.table("comparison"), mode, context)
        yield f"shares-{mode}", shares
    hourly, summary, booths = (finished.table(name) for name in ("hourly", "summary", "booths"))
    for port, mode in () if booths.empty else service_charts.busiest_crossings(summary, context):
        figure = service_charts.wait_against_booths(hourly, summary, booths, port, mode, context=context)
        yield f"booths-{port}-{mode}", figure
    observed = finished.table("observed_waits")
    for mode in modes(finished):
        if (observed["mode"] == mode).any():
            summary = finished.table("summary")
            yield f"observed-{mode}", service_charts.against_observed(summary, observed, mode, context)


def _value_figures(finished: Finished, context: Context) -> Iterator[tuple[str, Figure]]:
    """Yield what a change is worth: the cargo rule, and the accounts where there are any."""
    cargo = finished.table("cargo_value")
    if not cargo.empty and not no_truck_change(cargo):
        yield "cargo-value", charts.cargo_value_by_port(cargo, context)
    for option in list(context.scenarios)[1:]:
        suffix = f"-{option}" if len(context.scenarios) > 2 else ""  # noqa: PLR2004 - a base and one option
        steps = accounts.steps(finished.table("value"), cargo, option, context)
        if steps is not None:
            yield f"waterfall{suffix}", value_charts.waterfall(steps, option, context)
        found = accounts.entries(finished.table("value"), option, context)
        if found:
            yield f"accounts{suffix}", value_charts.side_by_side(found, option, context)
    for found_of in appraised.read(finished):
        by_year = appraised.flows(finished, found_of.option)
        if by_year is not None:
            yield f"appraisal-{found_of.option}", value_charts.flows(found_of, by_year, context)
    drivers = finished.table("tornado")
    options = [name for name in context.scenarios if name in set(drivers["option"])]
    for option in options:
        yield f"tornado{f'-{option}' * (len(options) > 1)}", charts.tornado(drivers, option, context)
