"""Results of the validation -> Figure: simulated values beside theory, and simulated days beside observed ones.

Slides as all charts of portsim are: a title that states the finding, letters to be read from the back of the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from portsim.drawing import layout
from portsim.validate.validation import ERRORS_APART, Result

_SIMULATED, _OBSERVED = layout.LOOKS[1], layout.LOOKS[0]
_COLUMNS = 2
_GROUP_GAP = 2


def ratios(results: Sequence[Result], provenance: str) -> Figure | None:
    """Return simulated values less exact ones with 3.3 standard errors, by group; None where there is none.

    Single hours of a day are left to the page: their errors are ten times those of a day, and would hide the rest.
    """
    shown = [
        one
        for one in results
        if one.level == "theory" and one.standard_error > 0 and abs(one.oracle) > 0 and ", hour " not in one.what
    ]
    if not shown:
        return None
    passed = sum(one.passed for one in shown)
    worst = max(abs(one.value / one.oracle - 1) for one in shown)
    count = f"All {passed}" if passed == len(shown) else f"{passed} of {len(shown)}"
    title = f"{count} simulated values meet theory, {100 * worst:.1f}% off at most"
    notes = [f"Bars: {ERRORS_APART} standard errors, beyond which one right value in a thousand lies."]
    with layout.style():
        figure, box = layout.page(title, notes, provenance)
        box = layout.legend(figure, box, [*_verdict_handles(shown)])
        axes = layout.place(figure, layout.Box(box.left + 1.1, box.bottom + 1.2, box.right, box.top))
        left, middles = 0.0, []
        for name, group in groupby(sorted(shown, key=lambda one: one.group), key=lambda one: one.group):
            members = list(group)
            places = left + np.arange(len(members))
            _draw_ratios(axes, places.tolist(), members)
            middles.append((float(places.mean()), name))
            left = float(places[-1]) + 1 + _GROUP_GAP
            axes.axvline(left - (_GROUP_GAP + 1) / 2, color=layout.GREY, linewidth=1)
        axes.axhline(0, color=layout.INK, linewidth=1.5)
        reach = 100 * max(0.01, *(abs(one.value / one.oracle - 1) + ERRORS_APART * _relative(one) for one in shown))
        axes.set_ylim(-reach, reach)
        axes.set_xlim(-_GROUP_GAP, left - 1)
        lowered = ["" if place % 2 == 0 else "\n\n" for place in range(len(middles))]  # neighbours keep clear
        names = [
            lower + layout.wrap(name, 2.2, layout.PANEL_SIZE) for lower, (_, name) in zip(lowered, middles, strict=True)
        ]
        axes.set_xticks([middle for middle, _ in middles], names, fontsize=layout.PANEL_SIZE)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("Simulated less exact, %")
    return figure


def _relative(one: Result) -> float:
    return one.standard_error / abs(one.oracle)


def _verdict_handles(shown: Sequence[Result]) -> list[Line2D]:
    looks = [("pass", _SIMULATED)] + [("fail", layout.LOOKS[2])] * any(not one.passed for one in shown)
    return [
        Line2D([], [], color=look.color, marker=look.marker, linestyle="", markersize=10, label=label)
        for label, look in looks
    ]


def _draw_ratios(axes: Axes, places: Sequence[float], members: Sequence[Result]) -> None:
    for place, one in zip(places, members, strict=True):
        look = _SIMULATED if one.passed else layout.LOOKS[2]
        off = 100 * (one.value / one.oracle - 1)
        bar = 100 * ERRORS_APART * _relative(one)
        axes.errorbar([place], [off], yerr=[bar], fmt=look.marker, color=look.color, markersize=6, elinewidth=1.5)


def days(results: Sequence[Result], title: str, provenance: str) -> Figure:
    """Return simulated days beside observed ones, one panel a line, of the results of one case that have them."""
    shown = [one for one in results if one.profile is not None]
    notes = ["Wait by hour of joining. Band: 95% interval of the simulated mean."]
    with layout.style():
        figure, box = layout.page(title, notes, provenance)
        band = Patch(facecolor=_SIMULATED.color, alpha=0.3, label="95% interval")
        lines = [
            Line2D([], [], color=look.color, ls=look.line, marker=look.marker, label=label)
            for label, look in (("posted by CBP", _OBSERVED), ("simulated", _SIMULATED))
        ]
        grey = [Patch(facecolor=layout.GREY, alpha=0.35, label="hours not judged")] * any(map(_partly, shown))
        box = layout.legend(figure, box, [*lines, band, *grey])
        rows = -(-len(shown) // _COLUMNS)
        columns = min(_COLUMNS, len(shown))
        width, height = (box.right - box.left) / columns, (box.top - box.bottom) / rows
        top = 0.0
        panels = []
        for number, one in enumerate(shown):
            row, column = divmod(number, columns)
            left, upper = box.left + column * width, box.top - row * height
            part = layout.Box(
                left + 0.85, upper - height + (0.75 if row == rows - 1 else 0.5), left + width - 0.1, upper - 0.4
            )
            axes = layout.place(figure, part)
            top = max(top, _draw_day(axes, one))
            _name_axes(axes, one, first=column == 0, last=row == rows - 1)
            panels.append(axes)
        for axes in panels:
            axes.set_ylim(0, 1.1 * top)
    return figure


def _partly(one: Result) -> bool:
    return one.profile is not None and len(one.profile.hours) < one.profile.observed.size


def _draw_day(axes: Axes, one: Result) -> float:
    """Draw one panel; return its highest wait."""
    profile = one.profile
    assert profile is not None
    hours = np.arange(profile.observed.size)
    mean, half = profile.simulated, profile.half_width
    for hour in sorted({*hours.tolist()} - {*profile.hours}):
        axes.axvspan(hour - 0.5, hour + 0.5, color=layout.GREY, alpha=0.35, linewidth=0)
    axes.fill_between(hours, np.maximum(mean - half, 0), mean + half, color=_SIMULATED.color, alpha=0.3, linewidth=0)
    for wait, look in ((profile.observed, _OBSERVED), (mean, _SIMULATED)):
        axes.plot(hours, wait, color=look.color, linestyle=look.line, marker=look.marker, markersize=6)
    return float(np.nanmax([mean + half, profile.observed]))


def _name_axes(axes: Axes, one: Result, *, first: bool, last: bool) -> None:
    name = one.what.rsplit("minutes, ", 1)[-1]
    heading = f"{name}: {one.value:.1f} min off" + ", hours judged" * _partly(one)
    axes.set_title(heading, loc="left", fontsize=layout.TEXT_SIZE, fontweight="bold")
    axes.set_xlim(-0.5, 23.5)
    axes.set_xticks(range(0, 24, 4), [f"{hour:02d}:00" for hour in range(0, 24, 4)])
    axes.tick_params(labelsize=layout.PANEL_SIZE)
    axes.grid(visible=True, axis="y")
    if first:
        axes.set_ylabel("Wait, minutes")
    if last:
        axes.set_xlabel("Hour of joining the line", fontsize=layout.PANEL_SIZE)


def days_title(shown: Sequence[Result]) -> str:
    """Say how far simulated days are from observed ones."""
    worst = max(one.value for one in shown)
    start = "A day of 2017 simulated" + ("" if all(one.passed for one in shown) else ", not near enough")
    if len(shown) == 1:
        return f"{start}: hourly waits are {worst:.1f} minutes off those posted, on average"
    return f"{start}: hourly waits of all {len(shown)} lines are within {worst:.1f} minutes of those posted, on average"
