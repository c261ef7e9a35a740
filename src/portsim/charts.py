"""Tidy table -> Figure, one function a chart.

A chart is a slide: 16:9, letters of 15 points and more but for the footer, a title that states the finding and is computed from the
table, intervals, and a footer with what is needed to repeat it. Nothing here keeps state between calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

STYLE = Path(__file__).parent / "data" / "portsim.mplstyle"

TIMES = "\u00d7"
WAIT_DEFINITION = "Wait: joining the line to start of primary inspection, northbound."
BETTER, WORSE, NO_CLEAR_CHANGE, IDENTICAL = "better", "worse", "no clear change", "identical by design"
DAGGER = "\u2020"
ASSUMED_NOTE = f"{DAGGER} rests on an assumed wait."
ALL = "all"

_WEEKDAYS = 5
_HOURS = 24
_POINTS_PER_INCH = 72
_MARGIN_IN = 0.45
_INK, _QUIET, _PALE = "#1a1a1a", "#4d4d4d", "#f2f2f2"
_TITLE_SIZES, _TITLE_LINES = (26.0, 24.0, 22.0, 20.0), 2
_TEXT_SIZE, _NOTE_SIZE, _SMALLEST = 16.0, 13.5, 11.0
_LINE_SPACING = 1.22
_HALO = [withStroke(linewidth=4, foreground="white")]
_PLURALS = {"truck": "trucks", "vehicle": "vehicles", "bus": "buses", "pedestrian": "pedestrians"}
_LANE_WORDS = {"sentri": "SENTRI", "ready": "Ready", "fast": "FAST"}

Hours = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Context:
    """What a chart says beside its table: names in their order, how the numbers were made, what they rest on."""

    scenarios: Mapping[str, str]
    """Label by scenario name, the base first; the label heads a sentence ("Otay Mesa East open: ...")."""
    ports: Mapping[str, str]
    """Display name by port id, in geographic order (west to east)."""
    replications: int
    weeks: int
    seed: int
    source: str
    version: str
    target_wait_min: Mapping[str, float] = field(default_factory=dict)
    assumed_waits: frozenset[tuple[str, str]] = frozenset()
    """(port, mode) pairs whose inputs rest on an assumed wait."""

    @property
    def base(self) -> str:
        """Return the name of the base scenario."""
        return next(iter(self.scenarios))

    def mark(self, ports: Iterable[str], mode: str) -> str:
        """Return a dagger if one of these ports rests on an assumed wait, else nothing."""
        return f" {DAGGER}" if any((port, mode) in self.assumed_waits for port in ports) else ""

    def port(self, port: str, mode: str) -> str:
        """Return the display name of a port, marked where it rests on an assumed wait."""
        return self.ports.get(port, port) + self.mark([port], mode)


def waits_by_port(summary: pd.DataFrame, comparison: pd.DataFrame, mode: str, context: Context) -> Figure:
    """Return before and after: the mean wait of one mode at each port, base and options, and the paired changes.

    A port that is open only in an option is shown as that. `comparison` may be empty: then the base stands alone.
    """
    waits = _waits(summary, mode)
    changes = _changes(comparison, mode, context)
    names = _drawn(context, {scenario for scenario, _ in waits})
    ports = [port for port in context.ports if any((name, port) in waits for name in names)]
    if not ports:
        raise ValueError(f"no {mode} waits in the summary for the scenarios {', '.join(context.scenarios)}")
    options = [name for name in names if name != context.base]
    rows = [
        _Row(
            context.port(port, mode),
            tuple(
                _Line(_change_text(waits, changes, context.base, option, port), _key(names, option))
                for option in options
            ),
        )
        for port in ports
    ]
    with _style():
        figure, box = _page(
            waits_title(waits, changes, mode, context),
            [
                f"{WAIT_DEFINITION} Bars: 95% confidence intervals."
                + (" Changes are paired: same travellers in both scenarios." if options else ""),
                *([ASSUMED_NOTE] if context.mark(ports, mode) else []),
            ],
            context,
        )
        box = _legend(figure, box, [_handle(_look(names, name), context.scenarios[name]) for name in names])
        heading = f"Change from {context.scenarios[context.base].lower()}, paired" if options else ""
        axes = _row_axes(figure, box, rows, heading)
        _draw_waits(axes, waits, names, ports)
        axes.set_xlabel(f"Mean {mode} wait (minutes)")
    return figure


def wait_by_hour(hourly: pd.DataFrame, port: str, mode: str, lane_type: str, context: Context) -> Figure:
    """Return the weekday wait of one line by hour of joining: mean, its interval, and the band up to P95.

    Monday to Friday are averaged by arrivals. Their 95th percentiles are averaged too, and the label says so; hours nobody
    joins are gaps.
    """
    days = _weekdays(hourly, port, mode, lane_type)
    names = _drawn(context, days)
    if not names:
        raise ValueError(f"no weekday waits for {port}, {mode}, {lane_type}")
    target = context.target_wait_min.get(port)
    with _style():
        figure, box = _page(
            hours_title({name: days[name] for name in names}, port, mode, lane_type, context),
            [
                f"{WAIT_DEFINITION} Monday-Friday, averaged by arrivals; the 95th percentile is the mean of the days' own. "
                "A change is called clear where the intervals do not overlap.",
                *([ASSUMED_NOTE] if context.mark([port], mode) else []),
            ],
            context,
        )
        box = _legend(
            figure,
            box,
            [
                Line2D([], [], color=_QUIET, label="line: mean"),
                Line2D(
                    [],
                    [],
                    color=_QUIET,
                    marker="|",
                    markersize=14,
                    markeredgewidth=2.5,
                    linestyle="",
                    label="95% interval",
                ),
                Patch(facecolor="#c4c4c4", label="band: mean to 95th percentile"),
            ],
        )
        axes = _hour_axes(figure, box, _top(days, names, target))
        for name in names:
            _draw_day(axes, days[name], _look(names, name), _shift(names, name))
        if target is not None:
            _draw_target(axes, target)
        _label_peak(axes, days, names)
        _label_ends(axes, days, names, context)
    return figure


def cargo_value_by_port(cargo_value: pd.DataFrame, context: Context) -> Figure:
    """Return the dollars of cargo a month by port of the base, their total, and the arithmetic of the rule.

    The simulation's interval and the low-high of the rule's figure are drawn apart: the one is noise, the other is not. Where the
    rule does not reach there is no mark, and the text says why.
    """
    values = _values(cargo_value, context)
    options = _drawn(context, {option for option, _ in values})
    ports = [port for port in context.ports if any((option, port) in values for option in options)]
    if not ports:
        raise ValueError("no rows of scope border in the cargo values")
    names = [context.base, *options]
    marked = context.mark(ports, "truck")
    rows = [
        _Row(
            "All ports" + marked if port == ALL else context.port(port, "truck"),
            tuple(line for option in options for line in _value_lines(values.get((option, port)), _key(names, option))),
        )
        for port in [*ports, ALL]
    ]
    with _style():
        figure, box = _page(
            cargo_title(values, ports, context),
            [
                _arithmetic(values, ports, context),
                *_region_notes(cargo_value, context),
                "Trade indicator: gross value of cargo, northbound, not a welfare benefit."
                + (f" {ASSUMED_NOTE}" if marked else ""),
            ],
            context,
        )
        handles = [_handle(_look(names, option), _value_label(options, option, context)) for option in options]
        rule = Patch(facecolor="#c4c4c4", edgecolor=_QUIET, label="low to high of the rule's figure")
        box = _legend(figure, box, [*handles, rule])
        axes = _row_axes(figure, box, rows, f"Dollars a month = minutes {TIMES} share", total=True)
        _draw_values(axes, values, names, [*ports, ALL])
        axes.set_xlabel("Cargo value gained (million US dollars a month)")
    return figure


def save(figure: Figure, path_without_suffix: Path | str) -> tuple[Path, Path]:
    """Write a figure as PNG and SVG, byte for byte the same for the same figure; return both paths."""
    stem = Path(path_without_suffix)
    png, svg = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")
    title = " ".join(figure.get_suptitle().split())
    with _style():
        figure.savefig(png, metadata={"Software": None, "Title": title})
        figure.savefig(svg, metadata={"Date": None, "Creator": None, "Title": title})
    return png, svg


# --- numbers ------------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """A mean and the half-width of its 95% interval; NaN where there is no interval."""

    mean: float
    half_width: float


class Change(NamedTuple):
    """A paired difference, option minus base, and what it amounts to."""

    difference: Estimate
    verdict: str


def decimals(half_width: float) -> int:
    """Return the decimals an interval supports: one digit of its half-width, two where that begins with 1 or 2."""
    if not math.isfinite(half_width):
        return 0
    if half_width <= 0:
        return 1
    exponent = math.floor(math.log10(half_width))
    leading = half_width / 10**exponent
    return min(max(-exponent + (1 if leading < 3 else 0), 0), 2)  # noqa: PLR2004  the digits 1 and 2


def number(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a real minus sign, and never a negative zero."""
    rounded = round(value, places) + 0.0
    text = f"{abs(rounded):,.{places}f}"
    sign = "\u2212" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return sign + text


def plus_minus(estimate: Estimate, *, signed: bool = False) -> str:
    """Return "mean ± half-width" in the digits the interval supports."""
    places = decimals(estimate.half_width)
    if math.isnan(estimate.half_width):
        return number(estimate.mean, places, signed=signed)
    if _clear(estimate) and round(abs(estimate.mean), places) <= round(estimate.half_width, places):
        places += 1  # 3.4 ± 3.3 is a change, 3 ± 3 does not look like one
    least = 10.0**-places
    width = f"<{least:.{places}f}" if 0 < round(estimate.half_width, places + 1) < least / 2 else None
    return f"{number(estimate.mean, places, signed=signed)} ± {width or number(estimate.half_width, places)}"


def dollars(estimate: Estimate, *, signed: bool = False) -> str:
    """Return dollars with their interval, in millions or thousands, as many digits as the interval supports."""
    size = max(abs(estimate.mean), 0.0 if math.isnan(estimate.half_width) else estimate.half_width)
    unit, letter = (1e6, "M") if size >= 0.95e6 else (1e3, "k")  # noqa: PLR2004  0.95 million rounds to 1.0
    scaled = Estimate(estimate.mean / unit, estimate.half_width / unit)
    places = 1 if math.isnan(scaled.half_width) else decimals(scaled.half_width)
    text = number(scaled.mean, places, signed=signed)
    sign, digits = (text[0], text[1:]) if text[0] in "+\u2212" else ("", text)
    mean = f"{sign}${digits}{letter}"
    return mean if math.isnan(scaled.half_width) else f"{mean} ± ${number(scaled.half_width, places)}{letter}"


def _clear(estimate: Estimate) -> bool:
    return abs(estimate.mean) > estimate.half_width


def _share(share: float) -> str:
    return f"{100 * share:.2f}%"


# --- tables -------------------------------------------------------------------------------------------------

Waits = Mapping[tuple[str, str], Estimate]
Changes = Mapping[tuple[str, str], Change]


def _waits(summary: pd.DataFrame, mode: str) -> dict[tuple[str, str], Estimate]:
    """Return the mean wait by (scenario, port), closed ports left out."""
    rows = summary[(summary["mode"] == mode) & (summary["lane_type"] == ALL) & (summary["port"] != ALL)]
    columns = ["scenario", "port", "wait_mean_min", "wait_mean_hw_min"]
    return {
        (str(scenario), str(port)): Estimate(float(mean), float(half_width))
        for scenario, port, mean, half_width in rows[columns].itertuples(index=False, name=None)
        if not math.isnan(mean)
    }


def _changes(comparison: pd.DataFrame, mode: str, context: Context) -> dict[tuple[str, str], Change]:
    """Return the paired change of the mean wait by (option, port), where there is one."""
    if comparison.empty:
        return {}
    rows = comparison[
        (comparison["base"] == context.base)
        & (comparison["mode"] == mode)
        & (comparison["lane_type"] == ALL)
        & (comparison["port"] != ALL)
        & (comparison["metric"] == "wait_mean_min")
    ]
    columns = ["option", "port", "difference", "half_width", "verdict"]
    return {
        (str(option), str(port)): Change(Estimate(float(difference), float(half_width)), str(verdict))
        for option, port, difference, half_width, verdict in rows[columns].itertuples(index=False, name=None)
        if not math.isnan(difference)
    }


@dataclass(frozen=True)
class Day:
    """A weekday by hour of joining; NaN where nobody joins."""

    mean: Hours
    half_width: Hours
    p95: Hours

    def at(self, hour: int) -> Estimate:
        """Return the mean wait of one hour."""
        return Estimate(float(self.mean[hour]), float(self.half_width[hour]))

    @property
    def peak(self) -> int:
        """Return the hour of the longest mean wait."""
        return int(np.nanargmax(self.mean))


def _weekdays(hourly: pd.DataFrame, port: str, mode: str, lane_type: str) -> dict[str, Day]:
    """Return Monday to Friday of one line as one day, by scenario, weighted by arrivals.

    Half-widths are averaged as well: days of one replication may move together, and then that is what they come to; otherwise
    the true interval is narrower.
    """
    rows = hourly[
        (hourly["port"] == port)
        & (hourly["mode"] == mode)
        & (hourly["lane_type"] == lane_type)
        & (hourly["weekday"] < _WEEKDAYS)
        & (hourly["arrivals_per_hour"] > 0)
        & hourly["wait_mean_min"].notna()
    ]
    days: dict[str, Day] = {}
    for scenario, hour in rows[["scenario", "hour"]].drop_duplicates().itertuples(index=False, name=None):
        day = days.setdefault(str(scenario), Day(*(np.full(_HOURS, np.nan) for _ in range(3))))
        group = rows[(rows["scenario"] == scenario) & (rows["hour"] == hour)]
        weights = group["arrivals_per_hour"].to_numpy(dtype=float)
        day.mean[hour] = np.average(group["wait_mean_min"].to_numpy(dtype=float), weights=weights)
        day.half_width[hour] = np.average(group["wait_mean_hw_min"].to_numpy(dtype=float), weights=weights)
        day.p95[hour] = np.average(group["wait_p95_min"].to_numpy(dtype=float), weights=weights)
    return days


@dataclass(frozen=True)
class Value:
    """One line of the cargo rule's arithmetic; NaN dollars where the rule does not reach."""

    usd: Estimate
    low: float
    high: float
    minutes: Estimate
    share: float
    rule: float
    flag: str

    @property
    def blank(self) -> bool:
        """Return whether the rule gives no figure here."""
        return math.isnan(self.usd.mean)


Values = Mapping[tuple[str, str], Value]
_VALUE_COLUMNS = [
    "usd_per_month", "usd_per_month_hw", "low_usd_per_month", "high_usd_per_month", "minutes_saved", "minutes_saved_hw",
    "share", "rule_if_borderwide_usd_per_month", "flag",
]  # fmt: skip


def _value(row: Sequence[object]) -> Value:
    usd, usd_hw, low, high, minutes, minutes_hw, share, rule = (float(str(cell)) for cell in row[:-1])
    flag = "" if row[-1] is None or pd.isna(str(row[-1])) or str(row[-1]) == "nan" else str(row[-1])
    return Value(Estimate(usd, usd_hw), low, high, Estimate(minutes, minutes_hw), share, rule, flag)


def _values(table: pd.DataFrame, context: Context, scope: str = "border") -> dict[tuple[str, str], Value]:
    """Return the values of one scope by (option, port)."""
    rows = table[(table["base"] == context.base) & (table["scope"] == scope)]
    return {
        (str(row[0]), str(row[1])): _value(row[2:])
        for row in rows[["option", "port", *_VALUE_COLUMNS]].itertuples(index=False, name=None)
    }


# --- titles: what the table says, in words ------------------------------------------------------------------


def waits_title(waits: Waits, changes: Changes, mode: str, context: Context) -> str:
    """Return the finding of `waits_by_port`."""
    names = _drawn(context, {scenario for scenario, _ in waits})
    options = [name for name in names if name != context.base]
    if not options:
        port, wait = max(
            ((port, wait) for (name, port), wait in waits.items() if name == names[0]),
            key=lambda item: item[1].mean,
        )
        return f"{mode.capitalize()}s wait longest at {context.port(port, mode)}: {plus_minus(wait)} min on average"
    if len(options) == 1:
        option = options[0]
        of_option = {port: change for (name, port), change in changes.items() if name == option}
        return f"{context.scenarios[option]}: {_finding(of_option, mode, context)}"
    clauses = [
        f"{context.scenarios[option]}: {_count([c.verdict for (name, _), c in changes.items() if name == option])}"
        for option in options
    ]
    return f"Mean {mode} waits. {'; '.join(clauses)}"


def _finding(changes: Mapping[str, Change], mode: str, context: Context) -> str:
    """Return what one option does to the ports that are there in the base too."""
    total = len(changes)
    if not total:
        return f"no {mode} wait to compare with {context.scenarios[context.base].lower()}"
    ports = f"{total} ports" if total > 1 else "1 port"
    if all(change.verdict == IDENTICAL for change in changes.values()):
        return f"{mode} waits identical by design at {'all ' if total > 1 else ''}{ports}"
    falls, rises = (_extreme(changes, verdict, mode, context) for verdict in (BETTER, WORSE))
    if falls and rises:
        return f"{mode} waits fall at {falls[0]} of {ports}, {falls[1]}, and rise at {rises[0]}, {rises[1]}"
    if falls:
        return f"{mode} waits fall at {falls[0]} of {ports}, {falls[1]}"
    if rises:
        return f"{mode} waits rise at {rises[0]} of {ports}, {rises[1]}"
    return f"no clear change in {mode} waits at any of {ports}"


def _extreme(changes: Mapping[str, Change], verdict: str, mode: str, context: Context) -> tuple[int, str] | None:
    """Return how many ports have a verdict, and the one that moves most, in words."""
    found = {port: change.difference for port, change in changes.items() if change.verdict == verdict}
    if not found:
        return None
    port = max(found, key=lambda name: abs(found[name].mean))
    size = plus_minus(Estimate(abs(found[port].mean), found[port].half_width))
    most = "most at" if len(found) > 1 else "at"
    return len(found), f"{most} {context.port(port, mode)} (by {size} min)"


def _count(verdicts: Sequence[str]) -> str:
    """Return the verdicts of one option as a count of ports."""
    total, falls, rises = len(verdicts), verdicts.count(BETTER), verdicts.count(WORSE)
    if not total:
        return "nothing to compare"
    if not falls and not rises:
        return IDENTICAL if verdicts.count(IDENTICAL) == total else NO_CLEAR_CHANGE
    parts = [f"shorter at {falls}"] * bool(falls) + [f"longer at {rises}"] * bool(rises)
    return f"{' and '.join(parts)} of {total}"


def hours_title(days: Mapping[str, Day], port: str, mode: str, lane_type: str, context: Context) -> str:
    """Return the finding of `wait_by_hour`: what happens at the base's worst hour, and in how many hours."""
    who = f"{_PLURALS.get(mode, mode)} at {context.port(port, mode)} ({_LANE_WORDS.get(lane_type, lane_type)} lanes)"
    first, *options = list(days)
    hour = days[first].peak
    peak = days[first].at(hour)
    if not options:
        known = "" if first == context.base else f"{context.scenarios[first]}: "
        return f"{known}{who} wait {plus_minus(peak)} min at the weekday peak ({hour:02d}:00){_against_target(peak, port, context)}"
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_hour_finding(days[first], days[options[0]], who)}"
    clauses = [f"{context.scenarios[name]}: {_hour_clause(peak, days[name].at(hour))}" for name in options]
    start = number(peak.mean, decimals(peak.half_width))
    return f"Weekday {hour:02d}:00 peak of {start} min for {who}. {'; '.join(clauses)}"


def _hour_finding(base: Day, option: Day, who: str) -> str:
    verdicts = [hour_verdict(base.at(hour), option.at(hour)) for hour in range(_HOURS)]
    known = [verdict for verdict in verdicts if verdict]
    if known and all(verdict == IDENTICAL for verdict in known):
        return f"{who}: the same wait in every hour, identical by design"
    hour = base.peak
    before, after = (number(day.at(hour).mean, decimals(day.at(hour).half_width)) for day in (base, option))
    peak = f"the weekday {hour:02d}:00 peak for {who}"
    head = {
        BETTER: f"{peak} falls from {before} to {after} min",
        WORSE: f"{peak} rises from {before} to {after} min",
        "": f"{peak} is gone: no one joins then",
    }.get(verdicts[hour], f"no clear change in {peak}")
    parts = [
        f"{count} clearly {word}"
        for word, count in (("shorter", known.count(BETTER)), ("longer", known.count(WORSE)))
        if count
    ]
    return head + (f"; of {len(known)} hours, {', '.join(parts)}" if parts else "")


def _hour_clause(base: Estimate, option: Estimate) -> str:
    verdict = hour_verdict(base, option)
    if verdict in (BETTER, WORSE):
        return f"{number(option.mean, decimals(option.half_width))} min"
    return verdict or "no one joins then"


def hour_verdict(base: Estimate, option: Estimate) -> str:
    """Return a verdict without pairing: clear only where two intervals do not overlap; nothing if either is missing."""
    if math.isnan(base.mean) or math.isnan(option.mean):
        return ""
    if base == option:
        return IDENTICAL
    if option.mean + option.half_width < base.mean - base.half_width:
        return BETTER
    if option.mean - option.half_width > base.mean + base.half_width:
        return WORSE
    return NO_CLEAR_CHANGE


def _against_target(wait: Estimate, port: str, context: Context) -> str:
    target = context.target_wait_min.get(port)
    if target is None:
        return ""
    if wait.mean + wait.half_width < target:
        return f", under the target of {target:g}"
    if wait.mean - wait.half_width > target:
        return f", over the target of {target:g}"
    return f", not clearly over or under the target of {target:g}"


def cargo_title(values: Values, ports: Sequence[str], context: Context) -> str:
    """Return the finding of `cargo_value_by_port`."""
    options = _drawn(context, {option for option, _ in values})
    mark = context.mark(ports, "truck")
    if len(options) == 1:
        name = options[0]
        return f"{context.scenarios[name]}: {_cargo_finding(values, name, ports, mark, context)}"
    clauses = [f"{context.scenarios[name]}: {_cargo_clause(values.get((name, ALL)))}" for name in options]
    return f"Cargo value a month by the rule{mark}. {'; '.join(clauses)}"


def _cargo_finding(values: Values, option: str, ports: Sequence[str], mark: str, context: Context) -> str:
    total = values.get((option, ALL))
    if total is None or total.blank:
        beyond = [context.port(p, "truck") for p in ports if (v := values.get((option, p))) is not None and v.blank]
        where = f" at {' and '.join(beyond)}" if beyond else ""
        return f"no dollar total, the change in truck waits{where} is beyond the rule's reach"
    size = dollars(Estimate(abs(total.usd.mean), total.usd.half_width))
    tail = " (extrapolated)" if any(v.flag and not v.blank for (o, _), v in values.items() if o == option) else ""
    match value_verdict(total.usd):
        case "better":
            return f"shorter truck waits are worth {size} of cargo a month by the rule{mark}{tail}"
        case "worse":
            return f"longer truck waits cost {size} of cargo a month by the rule{mark}{tail}"
        case "identical by design":
            return "cargo value identical by design, truck waits do not change"
        case _:
            return f"no clear change in cargo value a month by the rule{mark} ({dollars(total.usd, signed=True)}){tail}"


def _cargo_clause(total: Value | None) -> str:
    if total is None or total.blank:
        return "beyond the rule's reach"
    verdict = value_verdict(total.usd)
    return dollars(total.usd, signed=True) if verdict in (BETTER, WORSE) else verdict


def value_verdict(usd: Estimate) -> str:
    """Return the verdict on dollars gained; without an interval nothing is clear."""
    if usd.mean == 0 and not usd.half_width > 0:
        return IDENTICAL
    if not _clear(usd):
        return NO_CLEAR_CHANGE
    return BETTER if usd.mean > 0 else WORSE


# --- texts beside the marks ---------------------------------------------------------------------------------


def _change_text(waits: Waits, changes: Changes, base: str, option: str, port: str) -> str:
    """Return the text column's words on one option at one port."""
    before, after = (base, port) in waits, (option, port) in waits
    if not before:
        return "open only with this option" if after else "closed here too"
    if not after:
        return "closed with this option"
    change = changes.get((option, port))
    if change is None:
        return "not compared"
    if change.verdict == IDENTICAL:
        return IDENTICAL
    return f"{plus_minus(change.difference, signed=True)} min, {change.verdict}"


def _value_lines(value: Value | None, look: Look | None) -> tuple[_Line, ...]:
    """Return dollars and, below, how they come about."""
    if value is None:
        return (_Line("not in the table", look),)
    if value.blank:
        return (_Line("no dollar figure:", look), _Line(_why_blank(value), None))
    if value_verdict(value.usd) == IDENTICAL:
        return (_Line(IDENTICAL, look),)
    sums = math.isnan(value.minutes.mean) or math.isnan(value.rule)
    how = "sum of the ports" if sums else f"{plus_minus(value.minutes)} min {TIMES} {_share(value.share)}"
    unclear = "" if value_verdict(value.usd) != NO_CLEAR_CHANGE else ", no clear change"
    flag = f", {value.flag}" if value.flag else ""
    return (_Line(dollars(value.usd, signed=True) + unclear, look), _Line(how + flag, None))


def _why_blank(value: Value) -> str:
    if math.isnan(value.minutes.mean):
        return value.flag or "a port is beyond the rule"
    return f"{plus_minus(value.minutes)} min, {value.flag or 'beyond the rule'}"


def _arithmetic(values: Values, ports: Sequence[str], context: Context) -> str:
    """Return the rule, and its line for the port with the largest value."""
    known = [(p, v) for (_, p), v in values.items() if p in ports and not v.blank and v.minutes.mean]
    if not known:
        return f"Rule: dollars a month = rule per 10 min {TIMES} minutes saved / 10 {TIMES} the port's share of US-Mexico truck imports."
    port, value = max(known, key=lambda item: abs(item[1].usd.mean))
    rule = f"${number(value.rule / value.minutes.mean * 10 / 1e6, 0)}M"
    places = max(decimals(value.minutes.half_width), 1)
    minutes, usd = number(value.minutes.mean, places), dollars(Estimate(value.usd.mean, math.nan))
    return (
        f"Rule: {rule} a month {TIMES} minutes saved / 10 {TIMES} the port's share of US-Mexico truck imports. "
        f"{context.ports[port]}: {rule} {TIMES} {minutes}/10 {TIMES} {_share(value.share)} = {usd}."
    )


def _region_notes(table: pd.DataFrame, context: Context) -> list[str]:
    """Return the other reading of the rule: the whole figure for this region's change."""
    rows = _values(table, context, scope="region")
    options = _drawn(context, {option for option, _ in rows})
    texts = []
    for (option, _), value in rows.items():
        if option in options:
            text = f"no figure ({value.flag or 'beyond the rule'})" if value.blank else dollars(value.usd, signed=True)
            texts.append(f"{context.scenarios[option]} {text}" if len(options) > 1 else text)
    return [f"Upper reading, the whole rule given to this region: {'; '.join(texts)} a month."] if texts else []


def _value_label(options: Sequence[str], option: str, context: Context) -> str:
    return "simulation, 95% interval" if len(options) == 1 else f"{context.scenarios[option]} (95% interval)"


# --- looks --------------------------------------------------------------------------------------------------


class Look(NamedTuple):
    """How a scenario is told from the others: by colour, by marker and by line."""

    color: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]


# Okabe and Ito's colours, the darker orange of the two: the paler fades on a projector.
_LOOKS = (
    Look(_INK, "o", "-"),
    Look("#0072B2", "s", (0, (5, 2))),
    Look("#D55E00", "^", (0, (6, 2, 1, 2))),
    Look("#009E73", "D", (0, (2, 1))),
    Look("#CC79A7", "v", (0, (8, 2, 1, 2, 1, 2))),
)


def _drawn(context: Context, present: Iterable[str]) -> list[str]:
    """Return the scenarios to draw, in the context's order; more than the looks can tell apart is an error."""
    found = set(present)
    names = [name for name in context.scenarios if name in found]
    if len(names) > len(_LOOKS):
        raise ValueError(
            f"a chart tells at most {len(_LOOKS) - 1} options apart, not {len(names) - 1}: draw them in groups"
        )
    return names


def _look(names: Sequence[str], name: str) -> Look:
    return _LOOKS[names.index(name)]


def _key(names: Sequence[str], option: str) -> Look | None:
    """Return the mark before an option's text, where there is more than one option to tell apart."""
    return _look(names, option) if len(names) > 2 else None  # noqa: PLR2004  base and one option


def _handle(look: Look, label: str) -> Line2D:
    return Line2D([], [], color=look.color, marker=look.marker, linewidth=3, label=label)


# --- the page -----------------------------------------------------------------------------------------------


class Box(NamedTuple):
    """The part of the page that is still free, in inches from the lower left."""

    left: float
    bottom: float
    right: float
    top: float


class _Line(NamedTuple):
    text: str
    look: Look | None


class _Row(NamedTuple):
    label: str
    column: tuple[_Line, ...]


def _style() -> AbstractContextManager[None]:
    return mpl.rc_context(fname=STYLE)


def _page(title: str, notes: Sequence[str], context: Context) -> tuple[Figure, Box]:
    """Return a figure with its title and footer, and the space between them."""
    figure = Figure()
    width, height = figure.get_size_inches()
    text, size = _title_lines(title, width - 2 * _MARGIN_IN)
    left = _MARGIN_IN / width
    figure.suptitle(
        text,
        x=left,
        y=1 - 0.32 / height,
        ha="left",
        va="top",
        fontsize=size,
        fontweight="bold",
        linespacing=_LINE_SPACING,
    )
    footer = "\n".join(_wrap(note, width - 2 * _MARGIN_IN, _NOTE_SIZE) for note in [*notes, _provenance(context)])
    figure.text(
        left,
        0.2 / height,
        footer,
        ha="left",
        va="bottom",
        fontsize=_NOTE_SIZE,
        color=_QUIET,
        linespacing=_LINE_SPACING,
        gid="footer",
    )
    return figure, Box(
        _MARGIN_IN,
        0.2 + _height(footer, _NOTE_SIZE) + 0.12,
        width - _MARGIN_IN,
        height - 0.32 - _height(text, size) - 0.12,
    )


def _title_lines(title: str, width: float) -> tuple[str, float]:
    """Return the title in the largest size that keeps it to two lines, or the smallest."""
    for size in _TITLE_SIZES:
        text = _wrap(title, width, size, "bold")
        if text.count("\n") < _TITLE_LINES:
            break
    return text, size


def _provenance(context: Context) -> str:
    """Return the footer's last line: what it takes to repeat the chart."""
    replications = f"{context.replications} replication{'s' * (context.replications != 1)}"
    alone = " (one alone has no interval)" if context.replications == 1 else ""
    weeks = f"{context.weeks} week{'s' * (context.weeks != 1)}"
    return f"{replications} of {weeks}{alone}, seed {context.seed}, portsim {context.version}. Source: {context.source}"


def _width(text: str, size: float, weight: Literal["normal", "bold"] = "normal") -> float:
    """Return the width of the widest line of a text, in inches."""
    font = FontProperties(size=size, weight=weight)
    lines = text.split("\n")
    return max(text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines) / _POINTS_PER_INCH


def _height(text: str, size: float) -> float:
    return (text.count("\n") + 1) * size * _LINE_SPACING / _POINTS_PER_INCH


def _wrap(text: str, width: float, size: float, weight: Literal["normal", "bold"] = "normal") -> str:
    """Return a text broken at spaces into lines of at most a width in inches."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _place(figure: Figure, box: Box) -> Axes:
    width, height = figure.get_size_inches()
    axes = figure.add_axes(
        (
            box.left / width,
            box.bottom / height,
            (box.right - box.left) / width,
            (box.top - box.bottom) / height,
        )
    )
    axes.tick_params(labelsize=_TEXT_SIZE)  # ticks may be made after the style is gone
    return axes


def _legend(figure: Figure, box: Box, handles: Sequence[Line2D | Patch]) -> Box:
    """Put the key below the title, in as many columns as fit, and return what is left of the page."""
    width, height = figure.get_size_inches()
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(
            handles=handles,
            ncols=columns,
            loc="upper left",
            bbox_to_anchor=(box.left / width, box.top / height),
        )
        extent = legend.get_window_extent()
        if extent.x1 <= box.right * figure.dpi or columns == 1:
            break
        legend.remove()
    return box._replace(top=box.top - extent.height / figure.dpi - 0.12)


def _row_axes(figure: Figure, box: Box, rows: Sequence[_Row], heading: str, *, total: bool = False) -> Axes:
    """Return axes of one row a port: its name at the left, a column of text at the right."""
    bottom, top = box.bottom + 0.75, box.top - (0.34 if heading else 0.05)
    row_points = (top - bottom) * _POINTS_PER_INCH / len(rows)
    lines = max(len(row.column) for row in rows)
    size = max(min(_TEXT_SIZE, 0.94 * row_points / max(lines, 1) / _LINE_SPACING), _SMALLEST)
    name_size = min(18.0, row_points / _LINE_SPACING)
    names = max(_width(row.label, name_size, "bold" if total else "normal") for row in rows)
    texts = max(
        [_width(line.text, size) + (0.3 if line.look else 0.0) for row in rows for line in row.column],
        default=0.0,
    )
    column = max(texts, _width(heading, _TEXT_SIZE, "bold")) + 0.3 if heading else 0.35
    axes = _place(figure, Box(box.left + names + 0.2, bottom, box.right - column, top))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=name_size)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    _band_rows(figure, axes, box, len(rows), total=total)
    for index, row in enumerate(rows):
        _write_column(axes, row.column, index, size, size * _LINE_SPACING / row_points)
    if heading:
        axes.annotate(
            heading, (1, 1), xycoords="axes fraction", xytext=(0.3 * 72, 6), textcoords="offset points",
            fontsize=_TEXT_SIZE, fontweight="bold", va="bottom", ha="left", annotation_clip=False,
        )  # fmt: skip
    return axes


def _band_rows(figure: Figure, axes: Axes, box: Box, rows: int, *, total: bool) -> None:
    """Shade every other row across the page, so that the eye keeps its row; rule off a total."""
    place = axes.get_position()
    width = figure.get_size_inches()[0]
    left, right = ((edge / width - place.x0) / place.width for edge in (box.left - 0.1, box.right + 0.1))
    for row in range(0, rows, 2):
        axes.add_patch(
            Rectangle(
                (left, row - 0.5),
                right - left,
                1,
                transform=axes.get_yaxis_transform(),
                color=_PALE,
                zorder=0,
                clip_on=False,
            )
        )
    if total:
        axes.plot(
            [left, right],
            [rows - 1.5] * 2,
            transform=axes.get_yaxis_transform(),
            color=_INK,
            linewidth=1.5,
            clip_on=False,
        )
        axes.get_yticklabels()[-1].set_fontweight("bold")


def _write_column(axes: Axes, lines: Sequence[_Line], row: int, size: float, pitch: float) -> None:
    """Write the lines of one row of the text column, centred on the row."""
    first = row - pitch * (len(lines) - 1) / 2
    keyed = any(line.look for line in lines)
    for index, line in enumerate(lines):
        y = first + index * pitch
        common = {
            "xycoords": axes.get_yaxis_transform(),
            "textcoords": "offset points",
            "annotation_clip": False,
        }
        axes.annotate(
            line.text,
            (1, y),
            xytext=((0.6 if keyed else 0.3) * 72, 0),
            va="center_baseline",
            ha="left",
            fontsize=size,
            **common,
        )
        if line.look:
            figure_width = axes.bbox.width / axes.figure.dpi
            axes.plot(
                [1 + 0.42 / figure_width], [y], transform=axes.get_yaxis_transform(), clip_on=False,
                color=line.look.color, marker=line.look.marker, linestyle="",
            )  # fmt: skip


# --- marks --------------------------------------------------------------------------------------------------


def _ticks(low: float, high: float) -> list[float]:
    """Return round ticks within the limits, fixed: none appears at the edge of another machine's rounding."""
    return [
        float(tick) for tick in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= tick <= high
    ]


def _row_points(axes: Axes) -> float:
    return axes.bbox.height / axes.figure.dpi * _POINTS_PER_INCH / abs(float(np.diff(axes.get_ylim())[0]))


def _offsets(count: int) -> list[float]:
    """Return where in a row of height 1 each of some marks goes, from the top."""
    return [0.82 * ((index + 0.5) / count - 0.5) for index in range(count)]


def _known(half_width: float) -> float:
    return 0.0 if math.isnan(half_width) else half_width


def _draw_waits(axes: Axes, waits: Waits, names: Sequence[str], ports: Sequence[str]) -> None:
    """Draw mean and interval of every scenario and port, and a line from each base to its options."""
    size = min(_TEXT_SIZE, 0.82 * _row_points(axes) / len(names))
    longest = max(
        wait.mean + _known(wait.half_width) for (name, port), wait in waits.items() if name in names and port in ports
    )
    axes_width = axes.bbox.width / axes.figure.dpi
    high = max(longest, 1.0) / (1 - 0.75 / axes_width)  # room for the longest bar's number
    axes.set_xlim(0, high)
    axes.set_xticks(_ticks(0, high))
    offsets = dict(zip(names, _offsets(len(names)), strict=True))
    for row, port in enumerate(ports):
        base = waits.get((names[0], port))
        for name in names:
            wait = waits.get((name, port))
            if wait is None:
                continue
            y, look = row + offsets[name], _look(names, name)
            if base is not None and name != names[0]:
                axes.plot(
                    [base.mean, wait.mean],
                    [row + offsets[names[0]], y],
                    color=look.color,
                    alpha=0.35,
                    linewidth=2,
                    zorder=1,
                )
            _draw_estimate(axes, wait, y, look, size)
            axes.annotate(
                number(wait.mean, decimals(wait.half_width)), (wait.mean + _known(wait.half_width), y), xytext=(10, 0),
                textcoords="offset points", va="center_baseline", fontsize=size, path_effects=_HALO, zorder=4,
            )  # fmt: skip


def _draw_estimate(axes: Axes, estimate: Estimate, y: float, look: Look, size: float) -> None:
    axes.errorbar(
        [estimate.mean], [y], xerr=[_known(estimate.half_width)], color=look.color, marker=look.marker, markersize=0.62 * size,
        elinewidth=3, capsize=0.3 * size, capthick=2, clip_on=False, zorder=3,
    )  # fmt: skip


def _draw_values(axes: Axes, values: Values, names: Sequence[str], ports: Sequence[str]) -> None:
    """Draw each option's dollars with the simulation's interval, and below it the range of the rule's figure."""
    ends = [0.0]
    options = names[1:]
    pitch = 1 / len(options)
    for row, port in enumerate(ports):
        for option, offset in zip(options, _offsets(len(options)), strict=True):
            value = values.get((option, port))
            if value is None or value.blank:
                continue
            million = Estimate(value.usd.mean / 1e6, value.usd.half_width / 1e6)
            low, high = value.low / 1e6, value.high / 1e6
            look = _look(names, option)
            _draw_estimate(axes, million, row + offset - 0.14 * pitch, look, _TEXT_SIZE)
            axes.barh(
                row + offset + 0.18 * pitch,
                high - low,
                0.2 * pitch,
                left=low,
                color=look.color,
                alpha=0.35,
                edgecolor=look.color,
                zorder=2,
            )
            ends += [
                million.mean - _known(million.half_width),
                million.mean + _known(million.half_width),
                low,
                high,
            ]
    finite = [end for end in ends if math.isfinite(end)]
    reach = max(max(finite) - min(finite), 0.01)
    low, high = min(finite) - 0.04 * reach, max(finite) + 0.06 * reach
    axes.set_xlim(low, high)
    axes.set_xticks(_ticks(low, high))
    axes.axvline(0, color=_INK, linewidth=1.5, zorder=1)


def _top(days: Mapping[str, Day], names: Sequence[str], target: float | None) -> float:
    """Return the upper end of the hour chart's axis, above every band, interval and target."""
    reached = [np.fmax(days[name].p95, days[name].mean + np.nan_to_num(days[name].half_width)) for name in names]
    return 1.1 * max([float(np.nanmax(values)) for values in reached] + [target or 0.0, 1.0])


def _hour_axes(figure: Figure, box: Box, top: float) -> Axes:
    axes = _place(figure, Box(box.left + 0.95, box.bottom + 0.8, box.right - 2.45, box.top))
    axes.set_xlim(0, _HOURS)
    hours = range(0, _HOURS + 1, 3)
    axes.set_xticks(hours, [f"{hour:02d}:00" for hour in hours])
    axes.set_ylim(0, top)
    axes.set_yticks(_ticks(0, top))
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("Hour of joining the line, Monday-Friday")
    axes.set_ylabel("Wait (minutes)")
    return axes


def _shift(names: Sequence[str], name: str) -> float:
    """Return how far from the middle of the hour a scenario's marks go, so that bars do not hide each other."""
    return 0.5 + 0.16 * (names.index(name) - (len(names) - 1) / 2)


def _draw_day(axes: Axes, day: Day, look: Look, shift: float) -> None:
    """Draw mean, interval and band; NaN hours are gaps, and an hour alone between gaps still has its mark."""
    at = np.arange(_HOURS) + shift
    axes.fill_between(at, day.mean, day.p95, color=look.color, alpha=0.16, linewidth=0, zorder=1)
    axes.plot(at, day.p95, color=look.color, linestyle=look.line, linewidth=1.2, alpha=0.7, zorder=2)
    axes.plot(at, day.mean, color=look.color, linestyle=look.line, linewidth=3, zorder=3)
    axes.errorbar(
        at, day.mean, yerr=np.nan_to_num(day.half_width), color=look.color, marker=look.marker, markersize=8, linestyle="",
        elinewidth=2, capsize=3, zorder=4, clip_on=False,
    )  # fmt: skip


def _draw_target(axes: Axes, target: float) -> None:
    axes.axhline(target, color=_INK, linestyle=":", linewidth=2.5, zorder=2)
    axes.annotate(
        f"target {target:g} min",
        (0, target),
        xytext=(8, 5),
        textcoords="offset points",
        fontsize=_TEXT_SIZE,
        path_effects=_HALO,
        zorder=5,
    )


def _label_peak(axes: Axes, days: Mapping[str, Day], names: Sequence[str]) -> None:
    """Write the numbers at the base's worst hour: the longest wait above its bar, the shortest below."""
    hour = days[names[0]].peak
    waits = sorted((days[name].at(hour), name) for name in names if not math.isnan(days[name].mean[hour]))
    room = 30 / _POINTS_PER_INCH * axes.figure.dpi / axes.bbox.height * axes.get_ylim()[1]
    shortest, longest = waits[0], waits[-1]
    _label_wait(axes, longest[0], hour + _shift(names, longest[1]), above=True)
    if shortest is not longest and shortest[0].mean - _known(shortest[0].half_width) > room:
        _label_wait(axes, shortest[0], hour + _shift(names, shortest[1]), above=False)


def _label_wait(axes: Axes, wait: Estimate, at: float, *, above: bool) -> None:
    end = wait.mean + (1 if above else -1) * _known(wait.half_width)
    axes.annotate(
        f"{number(wait.mean, decimals(wait.half_width))} min", (at, end), xytext=(0, 9 if above else -9), textcoords="offset points",
        ha="center", va="bottom" if above else "top", fontsize=_TEXT_SIZE, fontweight="bold", path_effects=_HALO, zorder=6,
    )  # fmt: skip


def _label_ends(axes: Axes, days: Mapping[str, Day], names: Sequence[str], context: Context) -> None:
    """Name each line at its right end, moved apart where two lines end together."""
    scale = axes.bbox.height / axes.figure.dpi * _POINTS_PER_INCH / axes.get_ylim()[1]  # points per minute
    texts = [_wrap(context.scenarios[name], 1.85, _TEXT_SIZE) for name in names]
    ends = [int(np.flatnonzero(np.isfinite(days[name].mean))[-1]) for name in names]
    wanted = [float(days[name].mean[end]) * scale for name, end in zip(names, ends, strict=True)]
    heights = [_height(text, _TEXT_SIZE) * _POINTS_PER_INCH + 4 for text in texts]
    for name, text, end, y in zip(names, texts, ends, _apart(wanted, heights), strict=True):
        look = _look(names, name)
        axes.annotate(
            text, (end + _shift(names, name), days[name].mean[end]), xycoords="data", xytext=(1 + 0.42 / (axes.bbox.width / axes.figure.dpi), y / scale),
            textcoords=axes.get_yaxis_transform(), va="center", ha="left", fontsize=_TEXT_SIZE, annotation_clip=False, linespacing=_LINE_SPACING,
            arrowprops={"arrowstyle": "-", "color": look.color, "linewidth": 1.5, "shrinkA": 4, "shrinkB": 6},
        )  # fmt: skip


def _apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Return centres near the wanted ones, in their order, that keep texts of these heights off each other and off the floor."""
    placed = [0.0] * len(wanted)
    floor = 0.0
    for index in sorted(range(len(wanted)), key=lambda item: wanted[item]):
        placed[index] = max(wanted[index], floor + heights[index] / 2)
        floor = placed[index] + heights[index] / 2
    return placed
