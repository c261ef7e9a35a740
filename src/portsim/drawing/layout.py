"""The page of a chart: a slide with title, key and footer, and rows of marks with words beside them.

Places are in inches from the lower left of the page, letters in points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from portsim.numbers import number
from portsim.packaged import DATA
from portsim.results.words import glued

STYLE = DATA / "portsim.mplstyle"
INK, QUIET, GREY = "#1a1a1a", "#4d4d4d", "#c4c4c4"
TEXT_SIZE, PANEL_SIZE = 16.0, 14.0
TICK_ROOM = 0.42  # inches below a panel
TITLE_ID = "title-"  # of the title in an SVG, before the points of the page that it takes
HALO = [withStroke(linewidth=4, foreground="white")]

PALE = "#eeeeee"  # far enough from white for a picture of 256 colours to keep it
_TITLE_SIZES, _TITLE_LINES = (26.0, 24.0, 22.0, 20.0, 18.0), 2
_NAME_SIZE, _NOTE_SIZE, _SMALLEST = 18.0, 14.0, 11.5
_NAME_PAD = 13.0  # a mark at zero does not touch its row's name
_LINE_SPACING = 1.25
_MARGIN, _TOP, _BOTTOM, _GAP = 0.45, 0.32, 0.2, 0.12
_BESIDE = 0.3  # between axes and the words beside them
_MARK_ROOM = 0.3
_PANEL_GAP, _BAR, _BAR_LABEL = 0.25, 0.22, 0.6
_POINTS_PER_INCH = 72
_ALMOST_WHITE = 249
_Weight = Literal["normal", "bold"]


class Look(NamedTuple):
    """How a scenario is told from the others: by colour, by marker and by line."""

    color: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]


# Okabe and Ito's colours, the darker orange of the two: the paler fades on a projector.
LOOKS = (
    Look(INK, "o", "-"),
    Look("#0072B2", "s", (0, (5, 2))),
    Look("#D55E00", "^", (0, (6, 2, 1, 2))),
    Look("#009E73", "D", (0, (2, 1))),
    Look("#CC79A7", "v", (0, (8, 2, 1, 2, 1, 2))),
)


class Box(NamedTuple):
    """The part of the page that is still free."""

    left: float
    bottom: float
    right: float
    top: float


class Words(NamedTuple):
    """A line of text beside a row, after a scenario's mark where rows have more than one option."""

    text: str
    look: Look | None


class Row(NamedTuple):
    """A row of a chart: its name at the left, words at the right."""

    name: str
    words: Sequence[Words]


def style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws as all of portsim's charts do."""
    return mpl.rc_context(fname=STYLE)


def page(title: str, notes: Sequence[str], provenance: str) -> tuple[Figure, Box]:
    """Return a figure with its title and footer, and the space between them."""
    figure = Figure()
    width, height = figure.get_size_inches()
    inner, left = width - 2 * _MARGIN, _MARGIN / width
    common: dict[str, Any] = {"ha": "left", "linespacing": _LINE_SPACING}
    bottom = _BOTTOM
    for text, size in ((provenance, _SMALLEST), (" ".join(filter(None, notes)), _NOTE_SIZE)):
        lines = wrap(text, inner, size)
        figure.text(left, bottom / height, lines, va="bottom", fontsize=size, color=QUIET, **common)
        bottom += _height(lines, size) + _GAP
    lines, size = _title_lines(title, inner)
    top = _TOP + _height(lines, size) + _GAP
    said = figure.suptitle(lines, x=left, y=1 - _TOP / height, va="top", fontsize=size, fontweight="bold", **common)
    said.set_gid(f"{TITLE_ID}{top * _POINTS_PER_INCH:.0f}")  # so that a page with its own title can cut it off
    return figure, Box(_MARGIN, bottom, width - _MARGIN, height - top)


def title_share(title: str) -> float:
    """Return the share of a page's height that its title takes, from the top edge."""
    with style():
        width, height = mpl.rcParams["figure.figsize"]
        lines, size = _title_lines(title, width - 2 * _MARGIN)
    return float((_TOP + _height(lines, size)) / height)


def _title_lines(title: str, width: float) -> tuple[str, float]:
    """Return the title in the largest size that keeps it to two lines, or the smallest."""
    for size in _TITLE_SIZES:
        text = wrap(title, width, size, "bold")
        if text.count("\n") < _TITLE_LINES:
            break
    return text, size


def picture(figure: Figure) -> Image.Image:
    """Return a figure as pixels, in the style's resolution."""
    figure.set_dpi(mpl.rcParams["savefig.dpi"])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def pack(drawn: Image.Image, path: Path, title: str) -> None:
    """Write pixels as PNG with a title: 256 colours are all that charts need, at a quarter of the size."""
    said = PngInfo()
    said.add_itxt("Title", title)
    small = drawn.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    whiten(small)
    small.save(path, pnginfo=said, dpi=(150, 150))


def whiten(small: Image.Image) -> None:
    """Make the palette's almost white white: counting colours leaves the page a shade darker than a slide."""
    shades = np.array(small.getpalette()).reshape(-1, 3)
    shades[(shades >= _ALMOST_WHITE).all(axis=1)] = 255
    small.putpalette(shades.ravel().tolist())


def legend(figure: Figure, box: Box, handles: Sequence[Line2D | Patch]) -> Box:
    """Put the key below the title, in as many columns as fit, and return what is left of the page."""
    if not handles:
        return box
    width, height = figure.get_size_inches()
    corner = (box.left / width, box.top / height)
    for columns in range(len(handles), 0, -1):
        key = figure.legend(handles=handles, ncols=columns, loc="upper left", bbox_to_anchor=corner)
        extent = key.get_window_extent()
        if extent.x1 <= box.right * figure.dpi or columns == 1:
            break
        key.remove()
    return box._replace(top=box.top - extent.height / figure.dpi - _GAP)


def place(figure: Figure, box: Box) -> Axes:
    """Return axes that fill a part of the page."""
    width, height = figure.get_size_inches()
    size = ((box.right - box.left) / width, (box.top - box.bottom) / height)
    axes = figure.add_axes((box.left / width, box.bottom / height, *size))
    axes.tick_params(labelsize=TEXT_SIZE)  # ticks may be made after the style is gone
    return axes


def ticks(low: float, high: float) -> list[float]:
    """Return round ticks within the limits, fixed: none comes and goes with another machine's rounding."""
    found = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def extent(axes: Axes) -> tuple[float, float]:
    """Return width and height of the axes in points."""
    scale = _POINTS_PER_INCH / axes.figure.dpi
    return axes.bbox.width * scale, axes.bbox.height * scale


def write(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **how: Any) -> None:
    """Write a text at a point of the axes and an offset in points."""
    common: dict[str, Any] = {"fontsize": TEXT_SIZE, "annotation_clip": False, "zorder": 6, **how}
    axes.annotate(text, at, xytext=offset, textcoords="offset points", **common)


# --- panels -------------------------------------------------------------------------------------------------


class Panels(NamedTuple):
    """A grid of places for panels with headings above, row names at the left of each row's first and ticks below."""

    boxes: Sequence[Sequence[Box]]
    headings: Sequence[Sequence[str]]


def panels(box: Box, headings: Sequence[Sequence[str]], names: Sequence[str], *, below: float) -> Panels:
    """Return places for panels of equal size, one a heading; `below`: room for something under the last row.

    An empty heading is a place left free, the first of its row; the row's names then stand in it.
    """
    left = box.left + max(text_width(name, PANEL_SIZE) for name in names) + 0.15
    columns = max(len(row) for row in headings)
    width = (box.right - left - _PANEL_GAP * (columns - 1)) / columns
    wrapped = [[_heading(text, width) for text in row] for row in headings]
    above = [max(_height(text, TEXT_SIZE) for text in row) + 0.05 for row in wrapped]
    height = (box.top - box.bottom - below - sum(above) - TICK_ROOM * len(headings)) / len(headings)
    boxes: list[list[Box]] = []
    top = box.top
    for row, room in zip(headings, above, strict=True):
        top -= room
        lefts = [left + column * (width + _PANEL_GAP) for column in range(len(row))]
        boxes.append([Box(x, top - height, x + width, top) for x in lefts])
        top -= height + TICK_ROOM
    return Panels(boxes, wrapped)


def _heading(text: str, width: float) -> str:
    """Return a heading in two lines at most."""
    first, *rest = wrap(text, width, TEXT_SIZE, "bold").split("\n")
    cut = "\u2026" if len(rest) > 1 else ""
    return f"{first}\n{rest[0]}{cut}" if rest else first


def panel(figure: Figure, box: Box, heading: str, names: Sequence[str]) -> Axes:
    """Return axes under a heading, one row a name, the first at the top; no names where its neighbour has them."""
    axes = place(figure, box)
    axes.set_title(heading, loc="left", fontsize=TEXT_SIZE, fontweight="bold", pad=5, linespacing=_LINE_SPACING)
    axes.tick_params(length=0, labelsize=PANEL_SIZE)
    pitch = extent(axes)[1] / max(len(names), 1)
    axes.set_yticks([row + 0.5 for row in range(len(names))], names, fontsize=max(_SMALLEST, min(PANEL_SIZE, pitch)))
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def colour_bar(figure: Figure, box: Box, colours: Colormap, limits: tuple[float, float], label: str) -> Box:
    """Draw a scale of colours at the top of a box, its label above and ticks below; return what is left of the box."""
    low, high = limits
    label = wrap(label, box.right - box.left, PANEL_SIZE)
    top = box.top - _height(label, PANEL_SIZE) - 0.05
    axes = place(figure, Box(box.left, top - _BAR, box.right, top))
    axes.set_title(label, loc="left", fontsize=PANEL_SIZE, pad=5, linespacing=_LINE_SPACING)
    steps = np.linspace(low, high, 65)
    axes.pcolormesh(steps, [0, 1], steps[np.newaxis, :-1], cmap=colours)
    axes.set_xlim(low, high)
    marks = ticks(low, high)
    room = max(2, int((box.right - box.left) / _BAR_LABEL))
    if len(marks) > room:
        marks = [mark for mark in marks if mark in {0, marks[0], marks[-1]}]
    places = next((p for p in range(2) if all(mark == round(mark, p) for mark in marks)), 2)
    axes.set_xticks(marks, [number(mark, places, signed=low < 0) for mark in marks])
    axes.set_yticks([])
    axes.tick_params(labelsize=PANEL_SIZE)
    return box._replace(top=top - _BAR - TICK_ROOM)


# --- rows ---------------------------------------------------------------------------------------------------


def row_axes(figure: Figure, box: Box, rows: Sequence[Row], heading: str, *, total: bool = False) -> Axes:
    """Return axes of these rows, row 0 at the top; a total is the last of them."""
    bottom, top = box.bottom + 0.68, box.top - (0.34 if heading else 0.05)
    points = (top - bottom) * _POINTS_PER_INCH / len(rows)
    lines = max(1, *(len(row.words) for row in rows), 1)
    size = max(min(TEXT_SIZE, 0.94 * points / lines / _LINE_SPACING), _SMALLEST)
    names = max(text_width(row.name, _NAME_SIZE, "bold" if total else "normal") for row in rows)
    texts = [text_width(text, size) + _MARK_ROOM * bool(look) for row in rows for text, look in row.words]
    column = max([*texts, text_width(heading, TEXT_SIZE, "bold")]) + _BESIDE
    axes = place(figure, Box(box.left + names + 0.3, bottom, box.right - column, top))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=_NAME_SIZE, linespacing=1.1)
    axes.tick_params(axis="y", length=0, pad=_NAME_PAD)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    _band_rows(axes, box, len(rows), total=total)
    for index, row in enumerate(rows):
        _write_words(axes, row.words, index, size, size * _LINE_SPACING / points)
    above = (_BESIDE * _POINTS_PER_INCH, 6)
    write(axes, heading, (1, 1), above, xycoords="axes fraction", fontweight="bold", va="bottom")
    return axes


def _band_rows(axes: Axes, box: Box, rows: int, *, total: bool) -> None:
    """Shade every other row across the page, so that the eye keeps its row; rule off a total."""
    within, width = axes.get_position(), axes.figure.bbox.width / axes.figure.dpi
    left, right = ((edge / width - within.x0) / within.width for edge in (box.left - 0.1, box.right + 0.1))
    across: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False, "zorder": 0}
    for row in range(0, rows, 2):
        axes.add_patch(Rectangle((left, row - 0.5), right - left, 1, color=PALE, **across))
    if total:
        axes.plot([left, right], [rows - 1.5] * 2, color=INK, linewidth=1.5, **across)
        axes.get_yticklabels()[-1].set_fontweight("bold")


def _write_words(axes: Axes, words: Sequence[Words], row: int, size: float, pitch: float) -> None:
    """Write the words of one row, centred on it."""
    across = axes.get_yaxis_transform()
    for index, (text, look) in enumerate(words):
        y = row + pitch * (index - (len(words) - 1) / 2)
        left = (_BESIDE + _MARK_ROOM * bool(look)) * _POINTS_PER_INCH
        write(axes, text, (1, y), (left, 0), xycoords=across, va="center_baseline", fontsize=size)
        if look:
            x = 1 + (_BESIDE + 0.12) * _POINTS_PER_INCH / extent(axes)[0]
            axes.plot([x], [y], look.marker, transform=across, clip_on=False, color=look.color, markersize=0.7 * size)


# --- text ---------------------------------------------------------------------------------------------------


def wrap(text: str, width: float, size: float, weight: _Weight = "normal") -> str:
    """Return a text in lines of at most a width, broken at spaces but not inside "33 ± 16 min"."""
    space = text_width("a a", size, weight) - text_width("aa", size, weight)
    lines: list[str] = []
    used = math.inf
    for word in glued(text).split(" "):
        wide = text_width(word, size, weight)  # words come again, lines do not
        used += space + wide
        if used <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
            used = wide
    return "\n".join(lines).replace("\u00a0", " ")


@cache
def text_width(text: str, size: float, weight: _Weight = "normal") -> float:
    """Return the width of the widest line of a text."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in text.split("\n")]
    return max(widths) / _POINTS_PER_INCH


def _height(text: str, size: float) -> float:
    return (text.count("\n") + 1) * size * _LINE_SPACING / _POINTS_PER_INCH
