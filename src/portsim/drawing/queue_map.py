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
from matplotlib.text import Annotation
from PIL import Image

from portsim.drawing import layout
from portsim.drawing.charts import handle, look_of
from portsim.numbers import Estimate, number, plus_minus
from portsim.results.findings import ALL
from portsim.results.finished import Finished
from portsim.results.words import say, sentence

STEPS, STEPS_PER_HOUR = 144, 6
WEEKDAYS = "monday-friday"
MODES = ("truck", "vehicle", "pedestrian", "bus")
FILE = "queue-map.gif"
_NEAR, _PER_ROOT_KM = 1.0, 0.12  # the strip's scale: no two ports too close, far ones not too far
_PIXELS, _FRAME_MS, _LAST_MS = 72, 90, 1200
_COLOURS = 64
_HALF_A_TRAVELLER = 0.5
_ROOMY = 2  # scenarios whose numbers fit side by side
_EDGES, _WIDEST = (-0.27, 1.08), 0.13
_GUTTER = 1.55  # inches at the left, for what a strip is
_PICTURED, _STRIPS = ("truck", "vehicle"), 2  # modes of the moving picture, and how many fit below one another
_BETWEEN, _CLOCK = 0.12, 1.5  # inches
_NAME_POINTS, _NUMBER_POINTS = 52, 17  # of a strip: above for names, below for a number
_CLOSED_POINTS = 44  # what the word takes


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
    heads = [say("map.port"), *(say("map.longest", scenario=context.scenarios[name]) for name in found.queue)]
    rows = [
        [context.port(port, mode), *(_longest_at(found, name, port) for name in found.queue)]
        for port in ordered(finished)
        if any(port in ports for ports in found.queue.values())
    ]
    return caption, heads, rows


def _longest_at(found: Lines, scenario: str, port: str) -> str:
    queue = found.queue[scenario].get(port)
    if queue is None:
        return say("map.closed")
    step = int(queue.argmax())
    longest = _at(found, scenario, port, step)
    return longest if queue.max() < _HALF_A_TRAVELLER else say("map.when", queue=longest, time=clock_time(step))


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


def pictured(finished: Finished, mode: str) -> list[Lines]:
    """Return the lines that the moving picture shows, each mode on a strip of its own, the report's mode first."""
    found = [lines(finished, name) for name in dict.fromkeys((mode, *_PICTURED))]
    shown = [of for of in found if of is not None and of.longest >= 1]
    return shown[: _STRIPS if all(len(of.queue) <= _ROOMY for of in shown) else 1]


def write_gif(finished: Finished, mode: str, path: Path) -> bool:
    """Write a weekday of the lines as a moving picture; False where there is nothing to show."""
    shown = pictured(finished, mode)
    if not shown:
        return False
    with layout.style():
        frames = list(_frames(finished, shown))
    still = peak(shown[0])  # the first picture: what is shown where nothing moves
    palette = frames[still].quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in (frames[still], *frames)]
    for frame in small:
        layout.whiten(frame)
    durations = [_LAST_MS, *[_FRAME_MS] * (len(small) - 2), _LAST_MS]
    temporary = path.with_name(path.name + ".tmp")
    small[0].save(temporary, "gif", save_all=True, append_images=small[1:], duration=durations, loop=0)
    temporary.replace(path)
    return True


def _frames(finished: Finished, shown: Sequence[Lines]) -> Iterator[Image.Image]:
    """Yield a picture every ten minutes: what stands still is drawn once."""
    context = finished.context
    heading = title(finished, shown[0].mode) or ""
    notes = [say("map.definition"), say("map.own_scale") if len(shown) > 1 else "", say("map.step")]
    figure, box = layout.page(heading, notes, context.provenance)
    figure.set_dpi(_PIXELS)
    canvas = FigureCanvasAgg(figure)
    key = [handle(name, context) for name in context.drawn(shown[0].queue)]
    box = layout.legend(figure, box._replace(right=box.right - _CLOCK), key)._replace(right=box.right)
    height = (box.top - box.bottom) / len(shown)
    strips = []
    for index, found in enumerate(shown):
        top = box.top - index * height
        axes = layout.place(figure, box._replace(top=top, bottom=top - height + _BETWEEN))
        strips.append(_Strip(axes, finished, found))
    time = _clock(strips[0].axes)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    for step in range(STEPS):
        canvas.restore_region(still)
        time.set_text(clock_time(step))
        strips[0].axes.draw_artist(time)
        for strip in strips:
            strip.draw(step)
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _clock(axes: Axes) -> Annotation:
    """Return the time of day, above the right end of the first strip."""
    how: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "bottom", "annotation_clip": False}
    place = (_EDGES[1], axes.get_ylim()[1])
    return axes.annotate("", place, (0, 5), fontsize=26, fontweight="bold", animated=True, **how)


class _Strip:
    """The strip of one mode: what stands still is drawn at once, its lines at each step."""

    def __init__(self, axes: Axes, finished: Finished, found: Lines) -> None:
        self.axes = axes
        self._found = found
        self._context = finished.context
        self._many = len(found.queue) > _ROOMY
        self._bars: dict[tuple[str, str], tuple[Rectangle, Annotation]] = {}
        self._ground(layout.extent(axes)[1])
        shown = [port for port in ordered(finished) if any(port in ports for ports in found.queue.values())]
        at = places(finished, shown)
        gap = min((after - before for before, after in pairwise(at.values())), default=0.3)
        width = min(0.7 * gap, _WIDEST) / len(found.queue)
        for port in shown:
            self._port(port, at[port], width)

    def draw(self, step: int) -> None:
        """Draw the lines of a step."""
        for (name, port), (bar, count) in self._bars.items():
            queue = float(self._found.queue[name][port][step])
            bar.set_height(-queue)
            count.set_text(number(queue, 0))
            count.xy = (bar.get_x() + bar.get_width() / 2, -queue)
            self.axes.draw_artist(bar)
            self.axes.draw_artist(count)

    def _ground(self, points: float) -> None:
        """Draw both sides of the border: room above for the ports' names, below for the numbers of the lines."""
        numbers = _NUMBER_POINTS * (len(self._found.queue) if self._many else 1)
        scale = self._found.longest / (points - _NAME_POINTS - numbers)  # travellers a point
        above, deep = _NAME_POINTS * scale, self._found.longest + numbers * scale
        self.axes.set_axis_off()
        self.axes.set_xlim(*_EDGES)
        self.axes.set_ylim(-deep, above)
        self.axes.axhspan(0, above, color="#e9eef2", zorder=0)
        self.axes.axhline(0, color=layout.INK, linewidth=3, zorder=3)
        who = say("map.strip", who=sentence(say(f"mode.{self._found.mode}.many")))
        layout.write(self.axes, who, (_EDGES[0], above), (6, -6), va="top", fontsize=16, fontweight="bold")
        words: dict[str, Any] = {"color": layout.QUIET, "fontsize": 12}
        layout.write(self.axes, say("map.us"), (_EDGES[0], 0), (6, 5), va="bottom", **words)
        mexico = layout.wrap(say("map.mexico"), _GUTTER, 12)
        layout.write(self.axes, mexico, (_EDGES[0], 0), (6, -6), va="top", linespacing=1.2, **words)

    def _port(self, port: str, at: float, width: float) -> None:
        """Write a port's name, and put its lines below."""
        text = layout.wrap(self._context.port(port, self._found.mode), 1.2, 14, "bold")
        layout.write(self.axes, text, (at, 0), (0, 7), ha="center", va="bottom", fontsize=14, fontweight="bold")
        for index, name in enumerate(self._found.queue):
            left = at + width * (index - len(self._found.queue) / 2)
            if port in self._found.queue[name]:
                self._bars[name, port] = self._line(left, width, index, look_of(name, self._context).color)
                continue
            points = layout.extent(self.axes)[0] * width / (_EDGES[1] - _EDGES[0])
            closed = "\u2013" if points < _CLOSED_POINTS else say("map.closed")
            layout.write(self.axes, closed, (left + width / 2, 0), (0, -6), ha="center", va="top", fontsize=12)

    def _line(self, left: float, width: float, index: int, color: str) -> tuple[Rectangle, Annotation]:
        """Return a line's bar and number, which move; of many scenarios the numbers stand one below the other."""
        bar = Rectangle((left, 0), 0.9 * width, 0, color=color, zorder=2, animated=True)
        self.axes.add_patch(bar)
        lower = _NUMBER_POINTS * index if self._many else 0
        how: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "top", "annotation_clip": False}
        place = (left + 0.45 * width, 0)
        return bar, self.axes.annotate("", place, (0, -3 - lower), fontsize=13, color=color, animated=True, **how)
