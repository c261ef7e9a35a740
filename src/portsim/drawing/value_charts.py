"""Charts of what a change is worth: the steps of one account, and the accounts side by side. Never one on another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from portsim.drawing import layout
from portsim.drawing.layout import TEXT_SIZE
from portsim.numbers import Estimate, dollars
from portsim.results import accounts, appraised
from portsim.results.accounts import Entry, Steps
from portsim.results.appraised import Appraised, Flows
from portsim.results.findings import ALL, DAGGER, Context
from portsim.results.words import say

GAIN, LOSS = "#0072B2", "#D55E00"
_MOST_ENTRIES = 6
_LINE = 1.2


def waterfall(found: Steps, option: str, context: Context) -> Figure:
    """Return the parts of an account one after the other, and their sum with its interval of chance."""
    notes = [say(f"steps.{found.account}.note"), say("steps.chance")]
    notes += [say("chart.assumed")] * (bool(found.mark) or any(name.endswith(DAGGER) for name, _ in found.parts))
    with layout.style():
        figure, box = layout.page(accounts.steps_title(found, option, context), notes, context.provenance)
        axes = layout.place(figure, layout.Box(box.left + 1.15, box.bottom + 1.0, box.right, box.top - 0.1))
        _draw_steps(axes, found, box)
    return figure


def _draw_steps(axes: Axes, found: Steps, box: layout.Box) -> None:
    amounts = [amount for _, amount in found.parts]
    ends = np.concatenate([[0.0], np.cumsum(amounts)])
    reach = max(float(np.abs(ends).max()), abs(found.total.mean), 1.0)
    scale, unit = (1e6, "M") if reach >= 1e6 else (1e3, "k")  # noqa: PLR2004 - a million
    for index, (amount, start) in enumerate(zip(amounts, ends[:-1], strict=True)):
        color = GAIN if amount >= 0 else LOSS
        axes.bar(index, amount / scale, 0.62, bottom=start / scale, color=color, zorder=2)
        top = max(start, start + amount) / scale
        text = dollars(Estimate(amount, math.nan), signed=True)
        layout.write(axes, text, (index, top), (0, 5), ha="center", va="bottom", path_effects=layout.HALO)
        after = (start + amount) / scale
        axes.plot([index + 0.31, index + 0.69], [after, after], color=layout.QUIET, linewidth=1.5, zorder=1)
    last, total = len(amounts), found.total
    axes.bar(last, total.mean / scale, 0.62, color=layout.INK, zorder=2)
    half = total.half_width / scale if total.half_width > 0 else 0.0
    axes.errorbar([last], [total.mean / scale], yerr=[half], ecolor=layout.QUIET, elinewidth=3, capsize=8, zorder=3)
    above = max(total.mean / scale, 0.0) + half
    layout.write(axes, dollars(total, signed=True), (last, above), (0, 6), ha="center", va="bottom", fontweight="bold")
    low, high = min(float(ends.min()), 0.0) / scale, max(float(ends.max()) / scale, above)
    room = 0.14 * (high - low)
    axes.set_ylim(low - (0.3 * room if low < 0 else 0), high + room)
    axes.set_yticks(layout.ticks(*axes.get_ylim()))
    axes.axhline(0, color=layout.INK, linewidth=1.5, zorder=1)
    axes.grid(visible=True, axis="y")
    axes.set_xlim(-0.6, last + 0.6)
    names = [*(name for name, _ in found.parts), say("steps.total")]
    width = (box.right - box.left - 1.15) / (len(names) + 0.2)
    axes.set_xticks(range(len(names)), [layout.wrap(name, width - 0.1, TEXT_SIZE - 2) for name in names])
    axes.tick_params(axis="x", length=0, labelsize=TEXT_SIZE - 2)
    axes.set_ylabel(say("steps.axis", unit=say(f"unit.{unit}")))


def side_by_side(found: dict[str, list[Entry]], option: str, context: Context) -> Figure:
    """Return the accounts in columns of their own, with a line between: nothing may be added across it."""
    marked = any(entry.mark for entries in found.values() for entry in entries)
    notes = [say("accounts.note"), say("accounts.ranges"), *[say("chart.assumed")] * marked]
    with layout.style():
        figure, box = layout.page(accounts.accounts_title(found, option, context), notes, context.provenance)
        width = (box.right - box.left) / len(found)
        for index, (account, entries) in enumerate(found.items()):
            left = box.left + index * width
            place = layout.Box(left + 0.1, box.bottom, left + width - 0.1, box.top - 0.1)
            _draw_account(layout.place(figure, place), account, entries, width - 0.45)
    return figure


def flows(found: Appraised, by_year: Flows, context: Context) -> Figure:
    """Return benefits above and costs below the line, year by year, as they arise: nothing is discounted."""
    notes = [say("appraisal.flows_note"), *[say("chart.assumed")] * bool(found.mark)]
    with layout.style():
        figure, box = layout.page(appraised.flows_title(found, context), notes, context.provenance)
        labels = ((GAIN, say("appraisal.benefits")), (LOSS, say("appraisal.costs")))
        handles: list[Line2D | Patch] = [Patch(facecolor=color, label=label) for color, label in labels]
        dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 8, "color": layout.INK}
        handles.append(Line2D([], [], label=say("appraisal.simulated"), **dot))
        box = layout.legend(figure, box, handles)
        axes = layout.place(figure, layout.Box(box.left + 1.15, box.bottom + 0.45, box.right, box.top - 0.1))
        _draw_flows(axes, by_year)
    return figure


def _draw_flows(axes: Axes, by_year: Flows) -> None:
    reach = max(*map(abs, by_year.benefits), *map(abs, by_year.costs), 1.0)
    scale, unit = (1e6, "M") if reach >= 1e6 else (1e3, "k")  # noqa: PLR2004 - a million
    benefits, costs = np.array(by_year.benefits) / scale, -np.array(by_year.costs) / scale
    axes.bar(by_year.years, benefits, 0.8, color=GAIN, zorder=2)
    axes.bar(by_year.years, costs, 0.8, color=LOSS, zorder=2)
    simulated = [
        (year, top) for year, top in zip(by_year.years, benefits, strict=True) if year in by_year.simulated and top
    ]
    room = 0.05 * float(benefits.max() - min(costs.min(), 0.0))
    if simulated:
        years, tops = zip(*simulated, strict=True)
        axes.plot(years, np.maximum(tops, 0) + room, "o", color=layout.INK, markersize=8, zorder=3, clip_on=False)
    low, high = float(min(benefits.min(), costs.min(), 0.0)), float(max(benefits.max(), costs.max(), 0.0)) + 2 * room
    axes.set_ylim(1.08 * low, high)
    axes.set_yticks(layout.ticks(1.08 * low, high))
    axes.set_xlim(by_year.years[0] - 0.7, by_year.years[-1] + 0.7)
    axes.set_xticks([year for year in by_year.years if year % 5 == 0])
    axes.axhline(0, color=layout.INK, linewidth=1.5, zorder=3)
    axes.grid(visible=True, axis="y")
    axes.set_ylabel(say("appraisal.axis", unit=say(f"unit.{unit}")))


def _draw_account(axes: Axes, account: str, entries: list[Entry], width: float) -> None:
    """Write one account as a column of entries, its own heading above; the first alone has its range."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.add_patch(_ground(axes))
    whole = [entry for entry in entries if entry.component == ALL]
    ordered = whole + [entry for entry in entries if entry.component != ALL]
    first, *others = [entry for entry in ordered if entry.component not in {"toll_paid", "toll_revenue"}][
        :_MOST_ENTRIES
    ]
    used = _write_down(axes, 12, say(f"account.{account}"), fontsize=20, fontweight="bold")
    used = _write_down(
        axes, used, layout.wrap(say(f"account.{account}_is"), width, 13), fontsize=13, color=layout.QUIET
    )
    used = _write_down(axes, used + 8, first.name, fontsize=14, fontweight="bold")
    used = _write_down(axes, used, first.text, fontsize=17, fontweight="bold", color=GAIN)
    if first.range:
        used = _write_down(axes, used, layout.wrap(first.range, width, 12), fontsize=12)
    room = layout.extent(axes)[1] - used - 6
    pitch = min(46.0, room / max(len(others), 1))
    for row, entry in enumerate(others):
        below = _write_down(axes, used + 8 + row * pitch, entry.name, fontsize=13)
        _write_down(axes, below - 2, entry.text, fontsize=14, fontweight="bold", color=GAIN)


def _write_down(axes: Axes, used: float, text: str, **how: Any) -> float:
    """Write lines so many points below the top of the axes; return how many are used after them."""
    layout.write(axes, text, (0.05, 1), (0, -used), va="top", linespacing=_LINE, **how)
    return used + (text.count("\n") + 1) * _LINE * float(how["fontsize"]) + 3


def _ground(axes: Axes) -> Any:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    return Rectangle((0, 0), 1, 1, transform=axes.transAxes, color=layout.PALE, zorder=0)
