"""Tidy table -> Figure, one function a chart.

A chart is a slide: 16:9, letters to be read from the back of the room, a title that states the finding and is
computed from the table, intervals, and a footer with what it takes to repeat it. No state is kept between calls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from portsim import findings, layout
from portsim.findings import ALL, ASSUMED_NOTE, HOURS, Context, Day, Line, Values, Waits
from portsim.layout import TEXT_SIZE, Look, Row, Words
from portsim.numbers import Estimate, minutes, plus_minus

WAIT_DEFINITION = "Wait: joining the line to start of primary inspection, northbound."
_MARKS_WITH_NUMBERS = 16  # more marks than this leave no room for a number one can read
_LABEL_HOURS = 2.2  # half the width of a label


def waits_by_port(summary: pd.DataFrame, comparison: pd.DataFrame, mode: str, context: Context) -> Figure:
    """Return before and after: the mean wait of a mode at each port, and the paired changes.

    A port open only in an option is shown as that. `comparison` may be empty: then the base stands alone.
    """
    waits = findings.mean_waits(summary, mode)
    names = context.drawn(scenario for scenario, _ in waits)
    waits = {key: wait for key, wait in waits.items() if key[0] in names and key[1] in context.ports}
    ports = [port for port in context.ports if any(port == where for _, where in waits)]
    if not ports:
        raise ValueError(f"no {mode} waits in the summary of {', '.join(context.scenarios)}")
    changes = findings.wait_changes(comparison, mode, ALL, context)
    options = [name for name in names if name != context.base]
    rows = [
        Row(
            context.port(port, mode),
            [
                Words(findings.change_text(waits, changes, option, port, context), _key(option, options, context))
                for option in options
            ],
        )
        for port in ports
    ]
    notes = [WAIT_DEFINITION, "Bars: 95% confidence intervals."]
    notes += ["Changes are paired: the same travellers in both scenarios."] * bool(options)
    notes += [ASSUMED_NOTE] * bool(context.mark(ports, mode))
    with layout.style():
        figure, box = layout.page(findings.waits_title(waits, changes, mode, context), notes, context.provenance)
        box = layout.legend(figure, box, [_handle(name, context) for name in names])
        heading = f"Change from {context.scenarios[context.base]}" if options else ""
        axes = layout.row_axes(figure, box, rows, heading)
        _draw_waits(axes, waits, names, ports, context)
        axes.set_xlabel(f"Mean {mode} wait (minutes)")
    return figure


def wait_by_hour(
    weekday_profile: pd.DataFrame, port: str, mode: str, lane_type: str, context: Context, *, comparison: pd.DataFrame
) -> Figure:
    """Return the weekday of one line by hour of joining: the mean wait, and between what most weekdays lie.

    The change in the title is the paired one of `comparison`; the hours nobody joins in are gaps.
    """
    line = Line(port, mode, lane_type)
    days = findings.weekdays(weekday_profile, line)
    days = {name: days[name] for name in context.drawn(days)}
    if not days:
        raise ValueError(f"no weekday waits for {port}, {mode}, {lane_type}")
    changes = findings.wait_changes(comparison, mode, lane_type, context)
    simulated = max(day.days for day in days.values())
    notes = [
        WAIT_DEFINITION,
        "Line: mean, \u00b1: its 95% interval.",
        f"Band: 10th to 90th percentile of the hour's mean wait on {simulated} simulated weekdays.",
    ]
    notes += ["The change is paired, over the whole week."] * any((name, port) in changes for name in days)
    notes += [ASSUMED_NOTE] * bool(context.mark([port], mode))
    with layout.style():
        figure, box = layout.page(findings.hours_title(days, changes, line, context), notes, context.provenance)
        band = Patch(facecolor=layout.GREY, label="band: 8 weekdays in 10")
        box = layout.legend(figure, box, [*(_handle(name, context, dashed=True) for name in days), band])
        target = context.target_wait_min.get(port)
        axes = _hour_axes(figure, box, days, target)
        for name, day in days.items():
            _draw_day(axes, day, _look(name, context), shade=0.4 / max(len(days), 2))
        _label_peak(axes, days, context)
    return figure


def cargo_value_by_port(cargo_value: pd.DataFrame, context: Context) -> Figure:
    """Return the dollars of cargo a month by port of the base, their total, and the arithmetic of the rule.

    The simulation's interval and the low-high of the rule's figure are drawn apart: one is noise, the other is not.
    Where the rule does not reach there is no mark, and the text says why.
    """
    values = findings.cargo_values(cargo_value, context)
    options = context.drawn(option for option, _ in values)
    ports = [port for port in context.ports if any(port == where for _, where in values)]
    if not ports:
        raise ValueError("no rows of scope border in the cargo values")
    places = [*ports, ALL]
    rows = [
        Row(
            findings.share_label(values, port, context),
            [words for option in options for words in _value_words(values, option, port, options, context)],
        )
        for port in places
    ]
    notes = [findings.arithmetic(values, context), findings.upper_reading(cargo_value, context)]
    notes += ["A trade indicator: gross value of cargo, northbound, not a welfare benefit."]
    notes += [ASSUMED_NOTE] * bool(context.mark(ports, "truck"))
    with layout.style():
        figure, box = layout.page(findings.cargo_title(values, context), notes, context.provenance)
        handles = [_handle(name, context) for name in options]
        if len(options) == 1:
            handles[0].set_label("simulation, 95% interval")
        rule = Patch(facecolor=layout.GREY, edgecolor=layout.QUIET, label="below: low to high of the rule's figure")
        box = layout.legend(figure, box, [*handles, rule])
        axes = layout.row_axes(figure, box, rows, "A month (minutes saved)", total=True)
        unit = _draw_values(axes, values, options, places, context)
        axes.set_xlabel(f"Cargo value gained ({unit} US dollars a month)")
    return figure


def save(figure: Figure, path_without_suffix: Path | str) -> tuple[Path, Path]:
    """Write a figure as PNG and SVG, byte for byte the same for the same figure; return both paths."""
    stem = Path(path_without_suffix)
    png, svg = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")
    title = " ".join(figure.get_suptitle().split())
    with layout.style():
        figure.savefig(png, metadata={"Software": None, "Title": title})
        figure.savefig(svg, metadata={"Date": None, "Creator": None, "Title": title})
    return png, svg


# --- how scenarios look: the same in every chart ------------------------------------------------------------


def _look(scenario: str, context: Context) -> Look:
    return layout.LOOKS[list(context.scenarios).index(scenario)]


def _key(option: str, options: Sequence[str], context: Context) -> Look | None:
    """Return the mark before an option's text, where there is more than one option to tell apart."""
    return _look(option, context) if len(options) > 1 else None


def _handle(scenario: str, context: Context, *, dashed: bool = False) -> Line2D:
    look = _look(scenario, context)
    how: dict[str, Any] = {"linewidth": 3, "linestyle": look.line if dashed else "-"}
    return Line2D([], [], color=look.color, marker=look.marker, label=context.scenarios[scenario], **how)


# --- charts of one row a port -------------------------------------------------------------------------------


def _value_words(values: Values, option: str, port: str, options: Sequence[str], context: Context) -> list[Words]:
    """Return the words of one option: in one line if options share the row, else in two."""
    texts = findings.value_text(values.get((option, port)))
    if len(options) > 1:
        return [Words(" ".join(filter(None, texts)), _look(option, context))]
    return [Words(text, None) for text in texts if text]


def _offsets(names: Sequence[str]) -> dict[str, float]:
    """Return where in a row of height 1 the marks of each scenario go, from the top."""
    return {name: 0.82 * ((index + 0.5) / len(names) - 0.5) for index, name in enumerate(names)}


def _draw_waits(axes: Axes, waits: Waits, names: Sequence[str], ports: Sequence[str], context: Context) -> None:
    """Draw mean and interval of every scenario and port, and a line from each base to its options."""
    width, height = layout.extent(axes)
    size = min(TEXT_SIZE, 0.82 * height / len(ports) / len(names))
    high = max(*(wait.ends[1] for wait in waits.values()), 1.0) / (1 - 54 / width)  # room for the longest's number
    axes.set_xlim(0, high)
    axes.set_xticks(layout.ticks(0, high))
    offsets = _offsets(names)
    for (name, port), wait in waits.items():
        row, look = ports.index(port), _look(name, context)
        y = row + offsets[name]
        base = waits.get((context.base, port))
        if base is not None:
            ys = [row + offsets[context.base], y]
            axes.plot([base.mean, wait.mean], ys, color=look.color, alpha=0.35, linewidth=2, zorder=1)
        _draw_estimate(axes, wait, y, look, size, floor=0)
        if len(names) * len(ports) <= _MARKS_WITH_NUMBERS:
            how: dict[str, Any] = {"va": "center_baseline", "fontsize": size, "path_effects": layout.HALO}
            layout.write(axes, minutes(wait), (wait.ends[1], y), (10, 0), **how)


def _draw_estimate(
    axes: Axes, estimate: Estimate, y: float, look: Look, size: float, *, floor: float = -math.inf
) -> None:
    """Draw a mean and its interval; what an interval has below the floor means nothing and is cut."""
    low, high = estimate.ends
    bars = [[estimate.mean - max(low, floor)], [high - estimate.mean]]
    how: dict[str, Any] = {"color": look.color, "clip_on": False, "zorder": 3}
    axes.errorbar([estimate.mean], [y], xerr=bars, fmt="none", elinewidth=3, capsize=0.25 * size, capthick=2, **how)
    axes.plot([estimate.mean], [y], look.marker, markersize=0.62 * size, **how)  # over its caps


def _draw_values(axes: Axes, values: Values, options: Sequence[str], ports: Sequence[str], context: Context) -> str:
    """Draw dollars with the simulation's interval, and below it the range of the rule's figure; return the unit."""
    shown = {key: value for key, value in values.items() if not value.blank}
    ends = [0.0, *(end for value in shown.values() for end in (*value.usd.ends, value.low, value.high))]
    unit, scale = ("million", 1e6) if max(map(abs, ends)) >= 1e5 else ("thousand", 1e3)  # noqa: PLR2004
    reach = max(max(ends) - min(ends), scale)
    low, high = (min(ends) - 0.04 * reach) / scale, (max(ends) + 0.06 * reach) / scale
    axes.set_xlim(low, high)
    axes.set_xticks(layout.ticks(low, high))
    axes.axvline(0, color=layout.INK, linewidth=1.5, zorder=1)
    offsets, pitch = _offsets(options), 1 / len(options)
    for (option, port), value in shown.items():
        y, look = ports.index(port) + offsets[option], _look(option, context)
        usd = Estimate(value.usd.mean / scale, value.usd.half_width / scale)
        _draw_estimate(axes, usd, y - 0.14 * pitch, look, TEXT_SIZE)
        span = (value.high - value.low) / scale
        axes.barh(y + 0.18 * pitch, span, 0.2 * pitch, left=value.low / scale, color=look.color, alpha=0.35, zorder=2)
    return unit


# --- the chart of a day -------------------------------------------------------------------------------------


def _hour_axes(figure: Figure, box: layout.Box, days: Mapping[str, Day], target: float | None) -> Axes:
    """Return axes of 24 hours, high enough for every band and for the target."""
    right = box.right - (0.35 if target is None else 0.85)
    axes = layout.place(figure, layout.Box(box.left + 0.95, box.bottom + 0.72, right, box.top - 0.05))
    top = 1.12 * max(*(float(np.nanmax([day.mean, day.p90])) for day in days.values()), target or 0.0, 1.0)
    axes.set_xlim(0, HOURS)
    hours = range(0, HOURS + 1, 3)
    axes.set_xticks(hours, [f"{hour:02d}:00" for hour in hours])
    axes.tick_params(axis="x", pad=8)
    axes.set_ylim(0, top)
    axes.set_yticks(layout.ticks(0, top))
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("Hour of joining the line, Monday-Friday")
    axes.set_ylabel("Wait (minutes)")
    if target is not None:
        axes.axhline(target, color=layout.INK, linestyle=":", linewidth=2.5, zorder=2)
        layout.write(axes, f"target\n{target:g} min", (HOURS, target), (8, 0), va="center")
    return axes


def _draw_day(axes: Axes, day: Day, look: Look, *, shade: float) -> None:
    """Draw the mean and the band; NaN hours are gaps, and an hour alone between gaps still has its mark."""
    at = np.arange(HOURS) + 0.5
    axes.fill_between(at, day.p10, day.p90, color=look.color, alpha=shade, linewidth=0, zorder=1)
    how: dict[str, Any] = {"linewidth": 3, "markersize": 9, "zorder": 3, "clip_on": False}
    axes.plot(at, day.mean, color=look.color, linestyle=look.line, marker=look.marker, **how)


def _label_peak(axes: Axes, days: Mapping[str, Day], context: Context) -> None:
    """Write the waits of the first scenario's worst hour above their marks, but for one too close to another."""
    hour = next(iter(days.values())).peak
    waits = sorted((day.at(hour), name) for name, day in days.items() if not math.isnan(day.mean[hour]))
    room = 2.5 * TEXT_SIZE * axes.get_ylim()[1] / layout.extent(axes)[1]  # minutes
    free = math.inf
    for wait, name in reversed(waits):
        if wait.mean < free:
            how: dict[str, Any] = {"ha": "center", "va": "bottom", "fontweight": "bold", "path_effects": layout.HALO}
            color = _look(name, context).color
            at = (min(max(hour + 0.5, _LABEL_HOURS), HOURS - _LABEL_HOURS), wait.mean)
            layout.write(axes, f"{plus_minus(wait)} min", at, (0, 9), color=color, **how)
            free = wait.mean - room
