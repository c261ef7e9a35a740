"""Charts of long waits, of booths, and of the base against what was observed: tidy table -> Figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from portsim.drawing import layout
from portsim.drawing.charts import handle, look_of
from portsim.drawing.layout import TEXT_SIZE, Row, Words
from portsim.numbers import minutes, number
from portsim.results import service
from portsim.results.findings import Context
from portsim.results.service import LIMITS_MIN, Capacity, Check, LongWaits, busiest_crossings
from portsim.results.words import say

__all__ = ("against_observed", "busiest_crossings", "long_waits", "wait_against_booths")
_ROOM = 1.14  # above the highest mark, for its number


def long_waits(summary: pd.DataFrame, comparison: pd.DataFrame, mode: str, context: Context) -> Figure:
    """Return the share of a mode's travellers who wait over 20, 40 and 60 minutes, all ports together."""
    found = service.long_waits(summary, comparison, mode, context)
    if not found:
        raise ValueError(f"no {mode} waits in the summary of {', '.join(context.scenarios)}")
    options = [name for name in found if name != context.base]
    notes = [say("chart.wait"), say("shares.note", who=say(f"mode.{mode}.many"))]
    notes += [say("shares.changes", changes=_share_changes(found, options, context))] * bool(options)
    notes += [say("chart.assumed")] * bool(context.mark(context.ports, mode))
    with layout.style():
        figure, box = layout.page(service.shares_title(found, mode, context), notes, context.provenance)
        box = layout.legend(figure, box, [handle(name, context) for name in found])
        axes = layout.place(figure, layout.Box(box.left + 0.95, box.bottom + 0.72, box.right, box.top - 0.05))
        _draw_shares(axes, found, context)
        axes.set_ylabel(say("shares.axis", who=say(f"mode.{mode}.many")))
    return figure


def _share_changes(found: dict[str, LongWaits], options: Sequence[str], context: Context) -> str:
    """Return the paired changes at the longest limit."""
    parts = [
        (f"{context.scenarios[name]} " if len(options) > 1 else "")
        + service.change_words(found[name].changes[-1], f" {say('unit.points')}")
        for name in options
    ]
    return "; ".join(parts)


def _draw_shares(axes: Axes, found: dict[str, LongWaits], context: Context) -> None:
    width = 0.8 / len(found)
    top = max(max(of.shares) for of in found.values())
    top = max(top * _ROOM, 1.0)
    for index, (name, of) in enumerate(found.items()):
        places = np.arange(len(LIMITS_MIN)) + width * (index - (len(found) - 1) / 2)
        how = look_of(name, context)
        axes.bar(places, of.shares, 0.9 * width, color=how.color, zorder=2)
        for place, share in zip(places, of.shares, strict=True):
            layout.write(axes, service.percent(share), (place, share), (0, 5), ha="center", va="bottom")
    axes.set_xticks(range(len(LIMITS_MIN)), [say("shares.over", limit=limit) for limit in LIMITS_MIN])
    axes.tick_params(axis="x", length=0, pad=8)
    axes.set_xlim(-0.55, len(LIMITS_MIN) - 0.45)
    axes.set_ylim(0, top)
    marks = layout.ticks(0, top)
    axes.set_yticks(marks, [f"{mark:g}%" for mark in marks])
    axes.grid(visible=True, axis="y")


def wait_against_booths(
    hourly: pd.DataFrame, summary: pd.DataFrame, booths: pd.DataFrame, port: str, mode: str, *, context: Context
) -> Figure:
    """Return the wait of a crossing against its booths: built, open and in use.

    A dot is an hour of the week; the large mark the week's mean of open booths and the mean wait with its interval;
    the hollow one the booths in use.
    """
    found = service.capacities(hourly, summary, booths, port, mode, context=context)
    if not found:
        raise ValueError(f"no booths at {port}, {mode}")
    notes = [say("chart.wait"), say("booths.note")]
    notes += [say("chart.assumed")] * bool(context.mark([port], mode))
    with layout.style():
        title = service.booths_title(found, port, mode, context)
        figure, box = layout.page(title, notes, context.provenance)
        box = layout.legend(figure, box, [*(handle(name, context) for name in found), *_booth_handles()])
        axes = layout.place(figure, layout.Box(box.left + 0.95, box.bottom + 0.72, box.right - 0.3, box.top - 0.35))
        _draw_booths(axes, found, context)
        axes.set_xlabel(say("booths.axis"))
        axes.set_ylabel(say("booths.wait_axis"))
    return figure


def _booth_handles() -> list[Line2D]:
    hollow: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 13, "markerfacecolor": "none"}
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 5}
    return [
        Line2D([], [], color=layout.QUIET, markeredgewidth=2.5, label=say("booths.key_used"), **hollow),
        Line2D([], [], color=layout.QUIET, label=say("booths.key_hour"), **dot),
        Line2D([], [], color=layout.INK, linestyle=":", linewidth=2.5, label=say("booths.key_built")),
    ]


def _draw_booths(axes: Axes, found: dict[str, Capacity], context: Context) -> None:
    high = max(float(np.nanmax(of.wait[of.working], initial=1.0)) for of in found.values())
    right = max(max(of.built, float(of.open.max())) for of in found.values())
    for name, of in found.items():
        how = look_of(name, context)
        hours = of.working
        axes.plot(of.open[hours], of.wait[hours], "o", markersize=4, color=how.color, alpha=0.35, zorder=2)
        mean, half = of.mean_wait
        bar: dict[str, Any] = {"fmt": "none", "ecolor": how.color, "elinewidth": 3, "capsize": 5, "zorder": 4}
        axes.errorbar([of.mean_open], [mean], yerr=[[min(half, mean)], [half]] if half > 0 else None, **bar)
        axes.plot([of.mean_used, of.mean_open], [mean, mean], color=how.color, linewidth=2, zorder=3)
        axes.plot([of.mean_open], [mean], how.marker, color=how.color, markersize=13, zorder=5, clip_on=False)
        hollow: dict[str, Any] = {
            "markerfacecolor": "white",
            "markeredgewidth": 2.5,
            "markersize": 13,
            "zorder": 5,
            "clip_on": False,
        }
        axes.plot([of.mean_used], [mean], how.marker, color=how.color, **hollow)
    for built in sorted({of.built for of in found.values()}):
        axes.axvline(built, color=layout.INK, linestyle=":", linewidth=2.5, zorder=1)
        layout.write(axes, say("booths.built", built=number(built, 0)), (built, 1.06 * high), (0, 4), ha="center")
    axes.set_xlim(0, 1.06 * right)
    axes.set_ylim(0, 1.06 * high)
    axes.set_xticks(layout.ticks(0, 1.06 * right))
    axes.set_yticks(layout.ticks(0, 1.06 * high))
    axes.grid(visible=True)


def against_observed(summary: pd.DataFrame, observed: pd.DataFrame, mode: str, context: Context) -> Figure:
    """Return the base's mean waits by port beside those observed."""
    found = service.checks(summary, observed, mode, context)
    if not found:
        raise ValueError(f"nothing observed of {mode}")
    rows = [Row(context.port(check.port, mode), [Words(_check_words(check), None)]) for check in found]
    notes = [say("chart.wait"), say("observed.note")]
    notes += [say("chart.assumed")] * any(check.assumed for check in found)
    with layout.style():
        figure, box = layout.page(service.observed_title(found, mode, context), notes, context.provenance)
        hollow: dict[str, Any] = {"linestyle": "", "marker": "D", "markersize": 12, "markerfacecolor": "white"}
        seen = Line2D([], [], color=layout.LOOKS[2].color, markeredgewidth=2.5, label=say("observed.key"), **hollow)
        simulated = handle(context.base, context)
        simulated.set_label(say("observed.simulated", base=context.scenarios[context.base]))
        box = layout.legend(figure, box, [simulated, seen])
        axes = layout.row_axes(figure, box, rows, say("observed.heading"))
        _draw_checks(axes, found, context)
        axes.set_xlabel(say("observed.axis", mode=say(f"mode.{mode}.one")))
    return figure


def _check_words(check: Check) -> str:
    if check.assumed:
        return say("observed.assumed")
    return say("observed.gap", gap=number(check.gap, 1, signed=True))


def _draw_checks(axes: Axes, found: Sequence[Check], context: Context) -> None:
    how = look_of(context.base, context)
    high = max(max(check.simulated.ends[1], check.observed, 1.0) for check in found) * 1.08
    axes.set_xlim(0, high)
    axes.set_xticks(layout.ticks(0, high))
    for row, check in enumerate(found):
        mean, half = check.simulated
        bar: dict[str, Any] = {"fmt": "none", "ecolor": how.color, "elinewidth": 3, "capsize": 5, "zorder": 3}
        axes.errorbar([mean], [row - 0.16], xerr=[[min(half, mean)], [half]] if half > 0 else None, **bar)
        axes.plot([mean], [row - 0.16], how.marker, color=how.color, markersize=11, zorder=4)
        layout.write(
            axes,
            minutes(check.simulated),
            (check.simulated.ends[1], row - 0.16),
            (10, 0),
            va="center_baseline",
            path_effects=layout.HALO,
            fontsize=TEXT_SIZE - 2,
        )
        face = "white"
        axes.plot(
            [check.observed],
            [row + 0.2],
            "D",
            color=layout.LOOKS[2].color,
            markerfacecolor=face,
            markersize=10,
            markeredgewidth=2.5,
            zorder=4,
            clip_on=False,
        )
        layout.write(
            axes,
            number(check.observed, 1),
            (check.observed, row + 0.2),
            (12, 0),
            va="center_baseline",
            path_effects=layout.HALO,
            fontsize=TEXT_SIZE - 2,
            color=layout.LOOKS[2].color,
        )
