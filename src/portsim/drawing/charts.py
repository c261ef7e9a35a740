"""Tidy table -> Figure, one function a chart.

A chart is a slide: 16:9, letters to be read from the back of the room, a title that states the finding and is
computed from the table, intervals, and a footer with what it takes to repeat it. No state is kept between calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from portsim.drawing import layout
from portsim.drawing.layout import TEXT_SIZE, Look, Row, Words
from portsim.measure.inference import NO_INTERVAL, WORSE
from portsim.numbers import Estimate, minutes, number, plus_minus
from portsim.results import findings
from portsim.results.findings import ALL, DAYS, HOURS, NPV, Context, Day, Line, Values, Waits, Week, WeekChange
from portsim.results.words import say, sentence

_ENDS = layout.LOOKS[1:3]  # of a figure: low, high
_BILLIONS = 2e9  # from here on millions are long
MOST_WEEKS = 3  # scenarios whose weeks fit side by side
_MARKS_WITH_NUMBERS = 16  # more marks than this leave no room for a number one can read
_LABEL_HOURS = 2.2  # half the width of a label

# Both of even steps to the eye, for the colour-blind too. Waits darken as they grow, so that grey print keeps them.
_WAIT_COLOURS = ListedColormap(colormaps["magma_r"](np.linspace(0, 0.9, 256)))
_CHANGE_COLOURS: Colormap = colormaps["BrBG_r"]
_HATCH = "///"
_SCALE_ROOM, _SCALE_WIDTH, _SCALE_LIFT, _AXIS_ROOM, _NAMES_ROOM, _LABEL_WIDTH = (
    0.95,
    6.0,
    0.15,
    0.22,
    0.66,
    2.5,
)  # inches


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
    alone = context.replications == 1
    notes = [say("chart.wait"), say("chart.no_intervals") if alone else say("chart.intervals")]
    notes += [say("chart.paired")] * bool(options)
    notes += [findings.hidden_note(comparison, options, ports, mode, context)]
    notes += [say("chart.assumed")] * bool(context.mark(ports, mode))
    with layout.style():
        figure, box = layout.page(findings.waits_title(waits, changes, mode, context), notes, context.provenance)
        box = layout.legend(figure, box, [handle(name, context) for name in names])
        heading = say("chart.change_from", base=context.scenarios[context.base]) if options else ""
        axes = layout.row_axes(figure, box, rows, heading)
        _draw_waits(axes, waits, names, ports, context)
        axes.set_xlabel(say("observed.axis", mode=say(f"mode.{mode}.one")))
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
        say("chart.wait"),
        say("chart.mean_of_one") if context.replications == 1 else say("chart.mean_with_interval"),
        say("chart.band", days=simulated),
    ]
    notes += [say("chart.paired_week")] * any((name, port) in changes for name in days)
    notes += [say("chart.assumed")] * bool(context.mark([port], mode))
    with layout.style():
        figure, box = layout.page(findings.hours_title(days, changes, line, context), notes, context.provenance)
        band = Patch(facecolor=layout.GREY, label=say("chart.key_band"))
        box = layout.legend(figure, box, [*(handle(name, context, dashed=True) for name in days), band])
        target = context.target_wait_min.get(port)
        axes = _hour_axes(figure, box, days, target)
        for name, day in days.items():
            _draw_day(axes, day, look_of(name, context), shade=0.4 / max(len(days), 2))
        _label_peak(axes, days, context)
    return figure


def wait_by_week(
    hourly: pd.DataFrame, port: str, mode: str, lane_type: str, context: Context, *, hourly_comparison: pd.DataFrame
) -> Figure:
    """Return the week of one line as heat maps of weekday and hour of joining: the mean wait, and its paired changes.

    Hours whose change has zero in its interval are grey; hours without a wait are hatched. `hourly_comparison` may
    be empty. What an option changes nothing of, by design, is drawn once; options after the second are left out.
    """
    line = Line(port, mode, lane_type)
    weeks = findings.weeks(hourly, line)
    present = context.drawn(weeks)
    weeks = {name: weeks[name] for name in present[:MOST_WEEKS]}
    if not weeks:
        raise ValueError(f"no hourly waits for {port}, {mode}, {lane_type}")
    found = findings.week_changes(hourly_comparison, line, context)
    changes = {name: found[name] for name in weeks if name in found}
    title = findings.week_title(weeks, changes, line, context)
    if all(change.identical for change in changes.values()):
        weeks, changes = {name: week for name, week in weeks.items() if name not in changes}, {}
    notes = [say("chart.wait"), *findings.week_notes(weeks, changes)]
    left_out = "; ".join(context.scenarios[name] for name in present[MOST_WEEKS:])
    notes += [say("chart.not_drawn", names=left_out)] * bool(left_out)
    notes += [say("chart.assumed")] * bool(context.mark([port], mode))
    with layout.style():
        figure, box = layout.page(title, notes, context.provenance)
        box = layout.legend(figure, box, _week_handles(weeks, changes))
        _draw_weeks(figure, box, weeks, changes, context)
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
    notes += [say("cargo.indicator")]
    notes += [say("chart.assumed")] * bool(context.mark(ports, "truck"))
    with layout.style():
        figure, box = layout.page(findings.cargo_title(values, context), notes, context.provenance)
        handles = [handle(name, context) for name in options]
        if len(options) == 1:
            handles[0].set_label(say("cargo.key_interval"))
        rule = Patch(facecolor=layout.GREY, edgecolor=layout.QUIET, label=say("cargo.key_range"))
        box = layout.legend(figure, box, [*handles, rule])
        axes = layout.row_axes(figure, box, rows, say("cargo.heading"), total=True)
        unit = _draw_values(axes, values, options, places, context)
        axes.set_xlabel(say("cargo.axis", unit=say(f"unit.{unit}")))
    return figure


def tornado(tornado: pd.DataFrame, option: str, context: Context) -> Figure:
    """Return what the figures that matter most do to an option's worth, one at a time; assumed ones hatched.

    Each bar goes from the worth at the figure's low end to that at its high end, all others as they are. Chance of the
    simulation is not in it.
    """
    bars, usd, of = findings.tornado_bars(tornado, option, context)
    if not bars:
        raise ValueError(f"no figure moves what {option} is worth")
    ends = [usd, *(end for bar in bars for end in bar.usd)]
    unit, scale = ("bn", 1e9) if max(map(abs, ends)) >= _BILLIONS else ("M", 1e6)
    kind = "npv" if of == NPV else "welfare"
    marked = bool(tornado.loc[tornado["option"] == option, "note"].eq(findings.ASSUMED_WAIT).any())
    mark = findings.DAGGER if marked else ""
    rows = [Row(sentence(bar.label), [Words(bar.span, None)]) for bar in bars]
    notes = [
        say(f"tornado.{kind}_now", amount=number(usd / scale, 1), unit=say(f"unit.{unit}")),
        *[say("chart.assumed")] * marked,
    ]
    with layout.style():
        figure, box = layout.page(findings.tornado_title(bars, usd, of, option, context), notes, context.provenance)
        labels = (say("tornado.key_low"), say("tornado.key_high"))
        handles = [Patch(facecolor=look.color, label=label) for look, label in zip(_ENDS, labels, strict=True)]
        if any(bar.assumed for bar in bars):
            handles.append(
                Patch(facecolor="white", edgecolor=layout.QUIET, hatch=_HATCH, label=say("tornado.key_assumed"))
            )
        box = layout.legend(figure, box, handles)
        axes = layout.row_axes(figure, box, rows, say("worth.low_high"))
        _draw_bars(axes, bars, usd, scale)
        reach = max(ends) - min(ends)
        low, high = (min(ends) - 0.05 * reach) / scale, (max(ends) + 0.05 * reach) / scale
        axes.set_xlim(low, high)
        axes.set_xticks(layout.ticks(low, high))
        axes.set_xlabel(say(f"tornado.{kind}_axis", unit=say(f"unit.{unit}"), mark=mark))
    return figure


def _draw_bars(axes: Axes, bars: Sequence[findings.Bar], usd: float, scale: float) -> None:
    """Draw each bar from the worth as it is to that at either end of its figure, the longer end first."""
    for place, bar in enumerate(bars):
        for end, look in sorted(zip(bar.usd, _ENDS, strict=True), key=lambda pair: -abs(pair[0] - usd)):
            drawn = axes.barh(place, (end - usd) / scale, 0.62, left=usd / scale, color=look.color, zorder=2)
            if bar.assumed:
                drawn[0].set(hatch=_HATCH, edgecolor="white")
    axes.axvline(usd / scale, color=layout.INK, linewidth=1.5, zorder=3)


def finding(figure: Figure) -> str:
    """Return what a chart says it found: its title in one line."""
    return " ".join(figure.get_suptitle().split())


def save(figure: Figure, path_without_suffix: Path | str) -> tuple[Path, Path]:
    """Write a figure as PNG and SVG, byte for byte the same for the same figure; return both paths."""
    stem = Path(path_without_suffix)
    drawn(figure, stem)()
    return stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")


def drawn(figure: Figure, path_without_suffix: Path | str) -> Callable[[], None]:
    """Draw a figure and write its SVG; return what packs the picture and writes the PNG, on any thread."""
    stem = Path(path_without_suffix)
    title = finding(figure)
    with layout.style():
        figure.savefig(stem.with_name(stem.name + ".svg"), metadata={"Date": None, "Creator": None, "Title": title})
        picture = layout.picture(figure)
    return partial(layout.pack, picture, stem.with_name(stem.name + ".png"), title)


# --- how scenarios look: the same in every chart ------------------------------------------------------------


def look_of(scenario: str, context: Context) -> Look:
    """Return how a scenario is told from the others: the same in every chart, page and slide."""
    return layout.LOOKS[list(context.scenarios).index(scenario)]


def _key(option: str, options: Sequence[str], context: Context) -> Look | None:
    """Return the mark before an option's text, where there is more than one option to tell apart."""
    return look_of(option, context) if len(options) > 1 else None


def handle(scenario: str, context: Context, *, dashed: bool = False) -> Line2D:
    """Return a scenario's entry in the key of a chart."""
    look = look_of(scenario, context)
    how: dict[str, Any] = {"linewidth": 3, "linestyle": look.line if dashed else "-"}
    return Line2D([], [], color=look.color, marker=look.marker, label=context.scenarios[scenario], **how)


# --- charts of one row a port -------------------------------------------------------------------------------


def _value_words(values: Values, option: str, port: str, options: Sequence[str], context: Context) -> list[Words]:
    """Return the words of one option: in one line if options share the row, else in two."""
    texts = findings.value_text(values.get((option, port)))
    if len(options) > 1:
        return [Words(" ".join(filter(None, texts)), look_of(option, context))]
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
        row, look = ports.index(port), look_of(name, context)
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
    unit, scale = ("M", 1e6) if max(map(abs, ends)) >= 1e5 else ("k", 1e3)  # noqa: PLR2004
    reach = max(max(ends) - min(ends), scale)
    low, high = (min(ends) - 0.04 * reach) / scale, (max(ends) + 0.06 * reach) / scale
    axes.set_xlim(low, high)
    axes.set_xticks(layout.ticks(low, high))
    axes.axvline(0, color=layout.INK, linewidth=1.5, zorder=1)
    offsets, pitch = _offsets(options), 1 / len(options)
    for (option, port), value in shown.items():
        y, look = ports.index(port) + offsets[option], look_of(option, context)
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
    axes.set_xlabel(say("chart.hours_axis"))
    axes.set_ylabel(say("chart.wait_axis"))
    if target is not None:
        axes.axhline(target, color=layout.INK, linestyle=":", linewidth=2.5, zorder=2)
        layout.write(axes, say("chart.target", minutes=f"{target:g}"), (HOURS, target), (8, 0), va="center")
    return axes


def _draw_day(axes: Axes, day: Day, look: Look, *, shade: float) -> None:
    """Draw the mean and the band; NaN hours are gaps, and an hour alone between gaps still has its mark."""
    at = np.arange(HOURS) + 0.5
    axes.fill_between(at, day.p10, day.p90, color=look.color, alpha=shade, linewidth=0, zorder=1)
    how: dict[str, Any] = {"linewidth": 3, "markersize": 9, "zorder": 3, "clip_on": False}
    axes.plot(at, day.mean, color=look.color, linestyle=look.line, marker=look.marker, **how)


def _label_peak(axes: Axes, days: Mapping[str, Day], context: Context) -> None:
    """Write each scenario's longest wait above its mark, but for one too close to another."""
    peaks = sorted(((day.at(day.peak), day.peak, name) for name, day in days.items()), reverse=True)
    room = 2.5 * TEXT_SIZE * axes.get_ylim()[1] / layout.extent(axes)[1]  # minutes
    placed: list[tuple[float, float]] = []
    for wait, hour, name in peaks:
        at = (min(max(hour + 0.5, _LABEL_HOURS), HOURS - _LABEL_HOURS), wait.mean)
        if all(abs(at[0] - x) > 2 * _LABEL_HOURS or abs(at[1] - y) > room for x, y in placed):
            how: dict[str, Any] = {"ha": "center", "va": "bottom", "fontweight": "bold", "path_effects": layout.HALO}
            layout.write(
                axes, say("hours.wait", wait=plus_minus(wait)), at, (0, 9), color=look_of(name, context).color, **how
            )
            placed.append(at)


# --- the chart of a week ------------------------------------------------------------------------------------


def _days() -> list[str]:
    return say("week.days").split()


def _week_handles(weeks: Mapping[str, Week], changes: Mapping[str, WeekChange]) -> list[Line2D | Patch]:
    """Return the key of what is not on a scale of colours, as far as it occurs."""
    handles: list[Line2D | Patch] = []
    if any(np.isnan(week.mean).any() for week in weeks.values()):
        handles.append(Patch(facecolor="white", edgecolor=layout.GREY, hatch=_HATCH, label=say("chart.key_closed")))
    if any((change.known & ~change.clear).any() for change in changes.values()):
        dot: dict[str, Any] = {"marker": ".", "markersize": 8, "markeredgecolor": "none"}
        alone = any(NO_INTERVAL in change.verdicts for change in changes.values())
        label = say("verdict.no_interval") if alone else say("chart.key_unclear")
        grey: dict[str, Any] = {"color": layout.GREY, "linewidth": 13, "solid_capstyle": "butt"}
        handles.append(Line2D([], [], markerfacecolor=layout.QUIET, label=label, **dot, **grey))
    if any((change.verdict == WORSE).any() for change in changes.values()):
        mark: dict[str, Any] = {"linestyle": "", "marker": "+", "markersize": 12, "markeredgewidth": 2.5}
        handles.append(Line2D([], [], color=layout.INK, label=say("chart.key_longer"), **mark))
    return handles


def _draw_weeks(
    figure: Figure, box: layout.Box, weeks: Mapping[str, Week], changes: Mapping[str, WeekChange], context: Context
) -> None:
    """Draw the scenarios side by side, below them their changes, and the scales of colour where there is room."""
    titles = [context.scenarios[name] for name in weeks]
    below = _AXIS_ROOM if changes else _AXIS_ROOM + _SCALE_ROOM
    headings = (
        [titles, [say("chart.change_from", base=titles[0]) if name in changes else "" for name in weeks]]
        if changes
        else [titles]
    )
    grid = layout.panels(box, headings, _days(), below=below)
    high = max(*(float(np.nanmax(week.mean)) for week in weeks.values()), 1.0)
    for place, heading, week in zip(*(row[0] for row in grid), weeks.values(), strict=True):
        axes = _week_axes(figure, place, heading, first=place == grid.boxes[0][0], labelled=not changes)
        _fill(axes, week.mean, _WAIT_COLOURS, (0, high))
    free = layout.colour_bar(figure, _scale_box(box, grid), _WAIT_COLOURS, (0, high), say("chart.mean_wait_axis"))
    if changes:
        sizes = [np.abs(change.difference[change.clear]).max(initial=0) for change in changes.values()]
        reach = max(*map(float, sizes), 1.0)
        layout.colour_bar(figure, free, _CHANGE_COLOURS, (-reach, reach), say("chart.change_axis"))
        _draw_changes(figure, grid, [changes.get(name) for name in weeks], reach)


def _draw_changes(figure: Figure, grid: layout.Panels, changes: Sequence[WeekChange | None], reach: float) -> None:
    """Draw clear changes in colour and others in grey, and mark longer waits, so that they are told without colour."""
    first = True
    for place, heading, change in zip(grid.boxes[1], grid.headings[1], changes, strict=True):
        if change is None:
            continue
        axes = _week_axes(figure, place, heading, first=first, labelled=True)
        first = False
        unclear = change.known & ~change.clear
        _fill(axes, np.where(unclear, 0, np.nan), ListedColormap([layout.GREY]), (0, 1))
        _mark(axes, unclear, ".", 5, layout.QUIET)
        _fill(axes, np.where(change.clear, change.difference, np.nan), _CHANGE_COLOURS, (-reach, reach))
        dark = change.difference > reach / 2
        _mark(axes, (change.verdict == WORSE) & dark, "+", 9, "white")
        _mark(axes, (change.verdict == WORSE) & ~dark, "+", 9, layout.INK)


def _mark(axes: Axes, hours: npt.NDArray[np.bool_], marker: str, size: float, color: str) -> None:
    """Put a mark into some hours."""
    days, of_day = np.nonzero(hours)
    how: dict[str, Any] = {"linestyle": "", "markeredgewidth": 0.2 * size, "color": color}
    axes.plot(of_day + 0.5, days + 0.5, marker=marker, markersize=size, **how)


def _scale_box(box: layout.Box, grid: layout.Panels) -> layout.Box:
    """Return the place of the scales: under the base where there are changes, else under everything."""
    left, _, right, top = grid.boxes[-1][0]
    if len(grid.boxes) > 1:
        return layout.Box(left, box.bottom, right - _NAMES_ROOM, top + _SCALE_LIFT)
    return layout.Box(left, box.bottom, min(left + _SCALE_WIDTH, box.right), box.bottom + _SCALE_ROOM)


def _week_axes(figure: Figure, place: layout.Box, heading: str, *, first: bool, labelled: bool) -> Axes:
    """Return axes of 7 days and 24 hours, hatched where nothing will be drawn."""
    axes = layout.panel(figure, place, heading, _days() if first else ())
    axes.set_xlim(0, HOURS)
    axes.set_ylim(DAYS, 0)
    step = next(hours for hours in (3, 6, 12) if (place.right - place.left) * hours / HOURS > _NAMES_ROOM)
    hours = range(0, HOURS, step)
    axes.set_xticks(hours, [f"{hour:02d}:00" for hour in hours])
    if labelled and place.right - place.left > _LABEL_WIDTH:
        axes.set_xlabel(say("week.x"), fontsize=layout.PANEL_SIZE)
    axes.patch.set(hatch=_HATCH, edgecolor=layout.GREY, linewidth=0)
    return axes


def _fill(axes: Axes, values: findings.Hours, colours: Colormap, limits: tuple[float, float]) -> None:
    """Colour the hours that have a value."""
    shown, (low, high) = np.ma.masked_invalid(values), limits
    how: dict[str, Any] = {"edgecolors": "white", "linewidth": 0.6}
    axes.pcolormesh(np.arange(HOURS + 1), np.arange(DAYS + 1), shown, cmap=colours, vmin=low, vmax=high, **how)
