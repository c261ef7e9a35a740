"""The queue map: the border as a strip from west to east, with the lines at each port every ten minutes of a day.

Here are its numbers, the places of the ports, and the moving picture for slides; the report draws the same numbers
so that they answer to touch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image

from portsim import layout
from portsim.charts import handle, look_of
from portsim.findings import ALL
from portsim.finished import Finished
from portsim.numbers import Estimate, number, plus_minus
from portsim.words import say

STEPS, STEPS_PER_HOUR = 144, 6
WEEKDAYS = "monday-friday"
MODES = ("truck", "vehicle", "pedestrian", "bus")
FILE = "queue-map.gif"
_NEAR, _PER_ROOT_KM = 1.0, 0.12  # the strip's scale: no two ports too close, far ones not too far
_PIXELS, _FRAME_MS, _LAST_MS = 72, 90, 1200
_COLOURS = 64
_ROOMY = 2  # scenarios whose numbers fit side by side
_EDGES, _WIDEST = (-0.09, 1.09), 0.13


class Lines(NamedTuple):
    """The lines of one mode on one kind of day: by scenario and port the queue, shape (144,); closed ports absent."""

    mode: str
    days: str
    queue: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
    half_width: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]

    @property
    def longest(self) -> float:
        """Return the longest line of all, to scale by."""
        return max((float(q.max()) for ports in self.queue.values() for q in ports.values()), default=0.0)


def lines(finished: Finished, mode: str, days: str = WEEKDAYS) -> Lines | None:
    """Return the lines of a mode; None where it has none. All lane types of a port together."""
    table = finished.table("queues")
    rows = table[(table["lane_type"] == ALL) & (table["mode"] == mode) & (table["days"] == days)]
    context = finished.context
    queue: dict[str, dict[str, Any]] = {name: {} for name in context.drawn(rows["scenario"])}
    half: dict[str, dict[str, Any]] = {name: {} for name in queue}
    for (name, port), group in rows.groupby(["scenario", "port"], sort=False):
        if name in queue and port in context.ports:
            ordered = group.sort_values("time")
            queue[name][str(port)] = ordered["queue"].to_numpy(dtype=np.float64)
            half[name][str(port)] = ordered["queue_hw"].to_numpy(dtype=np.float64)
    return Lines(mode, days, queue, half) if queue else None


def clock_time(step: int) -> str:
    """Return the time at the end of a step of ten minutes, as 17:50."""
    minute = (step + 1) * 10
    return f"{minute // 60:02d}:{minute % 60:02d}"


def worst(found: Lines, scenario: str) -> tuple[str, int]:
    """Return port and step of the longest line of a scenario."""
    ports = found.queue[scenario]
    port = max(ports, key=lambda name: ports[name].max())
    return port, int(ports[port].argmax())


def peak(found: Lines) -> int:
    """Return the step to open at, the one that the title tells of: when the first scenario's longest line stands."""
    first, ports = next(iter(found.queue.items()))
    return worst(found, first)[1] if ports else 0


def title(finished: Finished, mode: str) -> str | None:
    """Return where and when the base's longest line stands, and what becomes of it; None without queues."""
    found, context = lines(finished, mode), finished.context
    if found is None or not found.queue.get(context.base):
        return None
    port, step = worst(found, context.base)
    when = say("map.at", time=clock_time(step), day=say(f"map.{WEEKDAYS}"))
    gaps = {"who": say(f"mode.{mode}.many"), "port": context.port(port, mode), "when": when}
    text = say("map.title", base=context.scenarios[context.base], queue=_at(found, context.base, port, step), **gaps)
    for name in list(found.queue)[1:]:
        there = port in found.queue[name]
        queue = _at(found, name, port, step) if there else ""
        text += say("map.option" if there else "map.option_closed", option=context.scenarios[name], queue=queue)
    return text


def _at(found: Lines, scenario: str, port: str, step: int) -> str:
    queue, half = (of[scenario][port][step] for of in (found.queue, found.half_width))
    return plus_minus(Estimate(float(queue), float(half)))


def longest(finished: Finished, mode: str) -> tuple[str, list[str], list[list[str]]]:
    """Return caption, heads and rows of a table of the longest lines by port: what the map shows, in text."""
    found, context = lines(finished, mode), finished.context
    caption = say("map.table", who=say(f"mode.{mode}.many"), day=say(f"map.{WEEKDAYS}"))
    if found is None:
        return caption, [], []
    heads = [say("map.port")]
    for name in found.queue:
        heads += [say("map.longest", scenario=context.scenarios[name]), say("map.when")]
    rows = []
    for port in ordered(finished):
        if any(port in ports for ports in found.queue.values()):
            cells = [cell for name in found.queue for cell in _longest_cells(found, name, port)]
            rows.append([context.port(port, mode), *cells])
    return caption, heads, rows


def _longest_cells(found: Lines, scenario: str, port: str) -> tuple[str, str]:
    queue = found.queue[scenario].get(port)
    if queue is None:
        return say("map.closed"), ""
    step = int(queue.argmax())
    return _at(found, scenario, port, step), clock_time(step) if queue.max() >= 0.5 else ""  # noqa: PLR2004 - half a traveller


# --- places -------------------------------------------------------------------------------------------------


def ordered(finished: Finished) -> list[str]:
    """Return the ports from west to east; in the network's order where a place is not known."""
    ports, km = list(finished.context.ports), finished.place_km
    return sorted(ports, key=lambda port: km[port]) if all(port in km for port in ports) else ports


def places(finished: Finished, shown: Sequence[str]) -> dict[str, float]:
    """Return where along the strip ports stand, 0 to 1: distances drawn together, so that neighbours can be told."""
    km = finished.place_km
    known = all(port in km for port in shown)
    gaps = [
        _NEAR + _PER_ROOT_KM * math.sqrt(max(km[after] - km[before], 0.0)) if known else _NEAR
        for before, after in pairwise(shown)
    ]
    edges = np.concatenate([[0.0], np.cumsum(gaps)])
    spread = edges / edges[-1] if edges[-1] > 0 else np.full(1, 0.5)
    return dict(zip(shown, map(float, spread), strict=True))


def data(finished: Finished) -> dict[str, Any]:
    """Return what the report's map is drawn from: travellers in line, to the whole traveller."""
    modes: dict[str, Any] = {}
    peaks: dict[str, dict[str, int]] = {}
    shown: set[str] = set()
    for mode in MODES:
        of_days = {}
        for days in (WEEKDAYS, "saturday", "sunday"):
            found = lines(finished, mode, days)
            if found is not None and found.longest >= 1:
                shown |= {port for ports in found.queue.values() for port in ports}
                of_days[days] = {name: _rounded(ports) for name, ports in found.queue.items()}
                peaks.setdefault(mode, {})[days] = peak(found)
        if of_days:
            modes[mode] = of_days
    ports = [port for port in ordered(finished) if port in shown]
    return {
        "modes": modes,
        "peaks": peaks,
        "findings": {mode: title(finished, mode) for mode in modes},
        "ports": ports,
        "places": places(finished, ports),
        "km": finished.place_km if all(port in finished.place_km for port in ports) else {},
    }


def _rounded(ports: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, list[int]]:
    return {port: [int(value) for value in np.rint(queue)] for port, queue in ports.items()}


# --- the moving picture -------------------------------------------------------------------------------------


def write_gif(finished: Finished, mode: str, path: Path) -> bool:
    """Write a weekday of the lines as a moving picture; False where there is nothing to show."""
    found = lines(finished, mode)
    if found is None or found.longest < 1:
        return False
    with layout.style():
        frames = list(_frames(finished, found))
    still = peak(found)  # the first picture: what is shown where nothing moves
    palette = frames[still].quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in (frames[still], *frames)]
    for frame in small:
        layout.whiten(frame)
    durations = [_LAST_MS, *[_FRAME_MS] * (len(small) - 2), _LAST_MS]
    temporary = path.with_name(path.name + ".tmp")
    small[0].save(temporary, "gif", save_all=True, append_images=small[1:], duration=durations, loop=0)
    temporary.replace(path)
    return True


def _frames(finished: Finished, found: Lines) -> Iterator[Image.Image]:
    """Yield a picture every ten minutes: what stands still is drawn once."""
    context = finished.context
    heading = title(finished, found.mode) or ""
    notes = [say("map.definition"), say("map.step")]
    figure, box = layout.page(heading, notes, context.provenance)
    figure.set_dpi(_PIXELS)
    canvas = FigureCanvasAgg(figure)
    box = layout.legend(figure, box, [handle(name, context) for name in found.queue])
    axes = layout.place(figure, box)
    bars, labels, time = _draw_strip(axes, finished, found)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    for step in range(STEPS):
        canvas.restore_region(still)
        time.set_text(clock_time(step))
        axes.draw_artist(time)
        for key, bar in bars.items():
            queue = float(found.queue[key[0]][key[1]][step])
            bar.set_height(-queue)
            labels[key].set_text(number(queue, 0))
            labels[key].xy = (bar.get_x() + bar.get_width() / 2, -queue)
            axes.draw_artist(bar)
            axes.draw_artist(labels[key])
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


Key = tuple[str, str]


def _draw_strip(axes: Axes, finished: Finished, found: Lines) -> tuple[dict[Key, Rectangle], dict[Key, Any], Any]:
    """Draw the strip without its lines; return what moves: bars, their numbers, and the time."""
    context = finished.context
    shown = [port for port in ordered(finished) if any(port in ports for ports in found.queue.values())]
    at = places(finished, shown)
    axes.set_axis_off()
    axes.set_xlim(*_EDGES)
    deep = found.longest * 1.24
    above = 0.34 * deep
    axes.set_ylim(-deep, above)
    axes.axhspan(0, above, color="#e9eef2", zorder=0)
    axes.axhline(0, color=layout.INK, linewidth=3, zorder=3)
    words: dict[str, Any] = {"color": layout.QUIET, "fontsize": 13}
    layout.write(axes, say("map.us"), (_EDGES[0], above), (6, -4), va="top", **words)
    layout.write(axes, say("map.mexico"), (_EDGES[0], -deep), (6, 4), va="bottom", **words)
    moving: dict[str, Any] = {"animated": True}
    time = axes.annotate(
        "",
        (_EDGES[1], above),
        (-6, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=26,
        fontweight="bold",
        **moving,
    )
    bars: dict[Key, Rectangle] = {}
    labels: dict[Key, Any] = {}
    gap = min((b - a for a, b in pairwise(at.values())), default=0.3)
    width = min(0.7 * gap, _WIDEST) / len(found.queue)
    for port in shown:
        text = layout.wrap(context.port(port, found.mode), 1.2, 14, "bold")
        layout.write(axes, text, (at[port], 0), (0, 8), ha="center", va="bottom", fontsize=14, fontweight="bold")
        for index, name in enumerate(found.queue):
            left = at[port] + width * (index - len(found.queue) / 2)
            if port not in found.queue[name]:
                layout.write(
                    axes,
                    say("map.closed") if len(found.queue) <= _ROOMY else "\u2013",
                    (left + width / 2, 0),
                    (0, -6),
                    ha="center",
                    va="top",
                    fontsize=11,
                )
                continue
            color = look_of(name, context).color
            bars[name, port] = Rectangle((left, 0), 0.9 * width, 0, color=color, zorder=2, **moving)
            axes.add_patch(bars[name, port])
            lower = 15 * index if len(found.queue) > _ROOMY else 0
            labels[name, port] = axes.annotate(
                "",
                (left + 0.45 * width, 0),
                (0, -4 - lower),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=13,
                color=color,
                annotation_clip=False,
                **moving,
            )
    return bars, labels, time
