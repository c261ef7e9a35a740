"""Tidy table -> Figure, one function a chart.

A chart is a slide: 16:9, letters to be read from the back of the room, a title that states the finding and is
computed from the table, intervals, and a footer with what it takes to repeat it. No state is kept between calls.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

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

ALL = "all"
BETTER, WORSE, NO_CLEAR_CHANGE, IDENTICAL = "better", "worse", "no clear change", "identical by design"
DAGGER, TIMES, MINUS = "\u2020", "\u00d7", "\u2212"
WAIT_DEFINITION = "Wait: joining the line to start of primary inspection, northbound."
ASSUMED_NOTE = f"{DAGGER} rests on an assumed wait."

_WEEKDAYS = 5
_HOURS = 24
_PLURALS = {"truck": "trucks", "vehicle": "vehicles", "bus": "buses", "pedestrian": "pedestrians"}
_LANE_WORDS = {"sentri": "SENTRI", "ready": "Ready", "fast": "FAST"}

Hours = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Context:
    """What a chart says beside its table: names in their order, how the numbers were made, what they rest on."""

    scenarios: Mapping[str, str]
    """Label by scenario name, the base first; a label heads a sentence ("Otay Mesa East opens: ...")."""
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

    def drawn(self, present: Iterable[str]) -> list[str]:
        """Return the scenarios to draw, in order: those present, as many as can be told apart."""
        found = set(present)
        return [name for name in list(self.scenarios)[: len(_LOOKS)] if name in found]

    def look(self, scenario: str) -> Look:
        """Return how a scenario looks: the same in every chart."""
        return _LOOKS[list(self.scenarios).index(scenario)]

    def mark(self, ports: Iterable[str], mode: str) -> str:
        """Return a dagger if one of these ports rests on an assumed wait, else nothing."""
        return DAGGER if any((port, mode) in self.assumed_waits for port in ports) else ""

    def port(self, port: str, mode: str) -> str:
        """Return the display name of a port, marked where it rests on an assumed wait."""
        return self.ports.get(port, port) + self.mark([port], mode)


def waits_by_port(summary: pd.DataFrame, comparison: pd.DataFrame, mode: str, context: Context) -> Figure:
    """Return before and after: the mean wait of a mode at each port, and the paired changes.

    A port open only in an option is shown as that. `comparison` may be empty: then the base stands alone.
    """
    waits = _waits(summary, mode)
    names = context.drawn(scenario for scenario, _ in waits)
    ports = [port for port in context.ports if any((name, port) in waits for name in names)]
    if not ports:
        raise ValueError(f"no {mode} waits in the summary of {', '.join(context.scenarios)}")
    changes = _changes(comparison, mode, ALL, context)
    options = [name for name in names if name != context.base]
    crowded = len(names) * len(ports) > _MARKS_WITH_NUMBERS
    rows = [
        _Row(
            context.port(port, mode),
            [
                _Line(
                    _change_text(waits, changes, option, port, context, crowded=crowded), _key(options, option, context)
                )
                for option in options
            ],
        )
        for port in ports
    ]
    notes = [WAIT_DEFINITION, "Bars: 95% confidence intervals."]
    if options:
        notes += ["Changes are paired: the same travellers in both scenarios."]
    if context.mark(ports, mode):
        notes += [ASSUMED_NOTE]
    with _style():
        figure, box = _page(waits_title(waits, changes, mode, context), notes, context)
        box = _legend(figure, box, [_handle(name, context.scenarios[name], context) for name in names])
        axes = _row_axes(figure, box, rows, f"Change from {context.scenarios[context.base]}" if options else "")
        _draw_waits(axes, waits, names, ports, context, numbers=not crowded)
        axes.set_xlabel(f"Mean {mode} wait (minutes)")
    return figure


def wait_by_hour(
    hourly: pd.DataFrame,
    port: str,
    mode: str,
    lane_type: str,
    context: Context,
    *,
    comparison: pd.DataFrame | None = None,
) -> Figure:
    """Return the weekday wait of one line by hour of joining: mean, its interval, and the band up to P95.

    Monday to Friday are averaged by arrivals, percentiles and half-widths too, and the footer says so; hours nobody
    joins in are gaps. With `comparison` the title rests on its paired verdict for this line; without, it calls
    clear only what intervals that do not overlap show, which misses much.
    """
    days = _weekdays(hourly, port, mode, lane_type)
    names = context.drawn(days)
    if not names:
        raise ValueError(f"no weekday waits for {port}, {mode}, {lane_type}")
    days = {name: days[name] for name in names}
    changes = {} if comparison is None else _changes(comparison, mode, lane_type, context)
    verdicts = {option: change for (option, where), change in changes.items() if where == port}
    notes = [
        WAIT_DEFINITION,
        "Monday-Friday, averaged by arrivals; 95% intervals and 95th percentiles are averages of the days' own.",
    ]
    if len(names) > 1:
        paired = "The title's change is paired, over the whole week."
        notes += [paired if verdicts else "A change is called clear where intervals do not overlap."]
    if context.mark([port], mode):
        notes += [ASSUMED_NOTE]
    target = context.target_wait_min.get(port)
    with _style():
        figure, box = _page(hours_title(days, verdicts, port, mode, lane_type, context=context), notes, context)
        bands = len(names) <= _BANDS_APART
        box = _legend(figure, box, _hour_key(bands=bands))
        axes = _hour_axes(figure, box, _top(days, target))
        for name, day in days.items():
            _draw_day(axes, day, context.look(name), _shift(names, name), band=bands)
        if target is not None:
            _draw_target(axes, target)
        _label_peak(axes, days)
        _label_ends(axes, days, context)
    return figure


def cargo_value_by_port(cargo_value: pd.DataFrame, context: Context) -> Figure:
    """Return the dollars of cargo a month by port of the base, their total, and the arithmetic of the rule.

    The simulation's interval and the low-high of the rule's figure are drawn apart: one is noise, the other is not.
    Where the rule does not reach there is no mark, and the text says why.
    """
    values = _values(cargo_value, context)
    options = context.drawn(option for option, _ in values)
    ports = [port for port in context.ports if any((option, port) in values for option in options)]
    if not ports:
        raise ValueError("no rows of scope border in the cargo values")
    rows = [
        _Row(
            _value_label(values, port, ports, context),
            [
                line
                for option in options
                for line in _value_lines(values.get((option, port)), _key(options, option, context))
            ],
        )
        for port in [*ports, ALL]
    ]
    notes = [_arithmetic(values, ports, context), *_region_note(cargo_value, context)]
    notes += ["A trade indicator: gross value of cargo, northbound, not a welfare benefit."]
    if context.mark(ports, "truck"):
        notes += [ASSUMED_NOTE]
    with _style():
        figure, box = _page(cargo_title(values, ports, context), notes, context)
        one = len(options) == 1
        handles = [
            _handle(name, "simulation, 95% interval" if one else context.scenarios[name], context) for name in options
        ]
        rule = Patch(facecolor="#c4c4c4", edgecolor=_QUIET, label="below: low to high of the rule's figure")
        box = _legend(figure, box, [*handles, rule])
        axes = _row_axes(figure, box, rows, "A month (minutes saved)", total=True)
        unit = _draw_values(axes, values, options, [*ports, ALL], context)
        axes.set_xlabel(f"Cargo value gained ({unit} US dollars a month)")
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
    """Return the decimals an interval supports: to the first digit of its half-width, and never more than two."""
    if not math.isfinite(half_width):
        return 0
    if half_width <= 0:
        return 1
    return min(max(-math.floor(math.log10(half_width)), 0), 2)


def number(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a real minus sign, and never a negative zero."""
    rounded = round(value, places) + 0.0
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):,.{places}f}"


def minutes(estimate: Estimate) -> str:
    """Return a mean alone, without more digits than its interval supports, and no seconds."""
    return number(estimate.mean, min(decimals(estimate.half_width), 1))


def plus_minus(estimate: Estimate, *, signed: bool = False) -> str:
    """Return "mean ± half-width" in the digits the interval supports."""
    mean, half_width = estimate
    if math.isnan(half_width):
        return number(mean, 0, signed=signed)
    places = decimals(half_width)
    if _clear(estimate) and round(abs(mean), places) <= round(half_width, places):
        places += 1  # 3.4 ± 3.3 is a change, but 3 ± 3 does not look like one
    tiny = 0 < half_width < 0.5 * 10.0**-places
    width = f"<{10.0**-places:.{places}f}" if tiny else number(half_width, places)
    return f"{number(mean, places, signed=signed)} ± {width}"


def dollars(estimate: Estimate, *, signed: bool = False) -> str:
    """Return dollars with their interval, in millions or thousands, in the digits the interval supports."""
    largest = max(abs(estimate.mean), _known(estimate.half_width))
    unit, letter = (1e6, "M") if largest >= _SHOWN_AS_MILLIONS else (1e3, "k")
    scaled = Estimate(estimate.mean / unit, estimate.half_width / unit)
    places = int(letter == "M") if math.isnan(scaled.half_width) else decimals(scaled.half_width)
    text = number(scaled.mean, places, signed=signed)
    mean = re.sub(r"^(\D?)", r"\1$", text, count=1) + letter
    return mean if math.isnan(scaled.half_width) else f"{mean} ± ${number(scaled.half_width, places)}{letter}"


_SHOWN_AS_MILLIONS = 950_000


def _clear(estimate: Estimate) -> bool:
    return abs(estimate.mean) > estimate.half_width


def _known(half_width: float) -> float:
    return 0.0 if math.isnan(half_width) else half_width


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


def _changes(comparison: pd.DataFrame, mode: str, lane_type: str, context: Context) -> dict[tuple[str, str], Change]:
    """Return the paired change of the mean wait by (option, port), where there is one."""
    if comparison.empty:
        return {}
    rows = comparison[
        (comparison["base"] == context.base)
        & (comparison["mode"] == mode)
        & (comparison["lane_type"] == lane_type)
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

    @property
    def last(self) -> int:
        """Return the last hour anyone joins in."""
        return int(np.flatnonzero(np.isfinite(self.mean))[-1])


def _weekdays(hourly: pd.DataFrame, port: str, mode: str, lane_type: str) -> dict[str, Day]:
    """Return Monday to Friday of one line as one day, by scenario, weighted by arrivals.

    The half-width of such an average is at most the average of the half-widths: so much if the days of a replication
    move together, less if they do not.
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
        columns = ["wait_mean_min", "wait_mean_hw_min", "wait_p95_min"]
        averages = np.average(
            group[columns].to_numpy(float), axis=0, weights=group["arrivals_per_hour"].to_numpy(float)
        )
        day.mean[hour], day.half_width[hour], day.p95[hour] = averages
    return days


class Value(NamedTuple):
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


def _values(table: pd.DataFrame, context: Context, scope: str = "border") -> dict[tuple[str, str], Value]:
    """Return the values of one scope by (option, port)."""
    rows = table[(table["base"] == context.base) & (table["scope"] == scope)]
    return {(str(row["option"]), str(row["port"])): _value(row) for row in rows.to_dict("records")}


def _value(row: Mapping[Any, Any]) -> Value:
    flags = str(row["flag"]).split("; ") if isinstance(row["flag"], str) else []
    return Value(
        usd=Estimate(float(row["usd_per_month"]), float(row["usd_per_month_hw"])),
        low=float(row["low_usd_per_month"]),
        high=float(row["high_usd_per_month"]),
        minutes=Estimate(float(row["minutes_saved"]), float(row["minutes_saved_hw"])),
        share=float(row["share"]),
        rule=float(row["rule_if_borderwide_usd_per_month"]),
        flag="; ".join(flag for flag in flags if flag and flag not in _SAID_ELSEWHERE),
    )


_SAID_ELSEWHERE = ("assumed wait", "upper reading")  # by the dagger, and by the note


# --- titles: what the table says, in words ------------------------------------------------------------------


def waits_title(waits: Waits, changes: Changes, mode: str, context: Context) -> str:
    """Return the finding of `waits_by_port`."""
    names = context.drawn(scenario for scenario, _ in waits)
    options = [name for name in names if name != context.base]
    if not options:
        of_base = {port: wait for (name, port), wait in waits.items() if name == names[0]}
        port = max(of_base, key=lambda name: of_base[name].mean)
        who = _PLURALS.get(mode, mode).capitalize()
        return f"{who} wait longest at {context.port(port, mode)}: {plus_minus(of_base[port])} min on average"
    of_options = {
        option: {port: change for (name, port), change in changes.items() if name == option} for option in options
    }
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_finding(of_options[options[0]], mode, context)}"
    clauses = [
        f"{context.scenarios[option]}: {_count([change.verdict for change in found.values()])}"
        for option, found in of_options.items()
    ]
    return f"Mean {mode} waits. {'; '.join(clauses)}"


def _finding(changes: Mapping[str, Change], mode: str, context: Context) -> str:
    """Return what one option does at the ports that are open in the base too."""
    total = len(changes)
    if not total:
        return f"no {mode} wait to compare with {context.scenarios[context.base]}"
    ports = f"{total} ports" if total > 1 else "1 port"
    if all(change.verdict == IDENTICAL for change in changes.values()):
        return f"{mode} waits are identical by design at {'all ' if total > 1 else ''}{ports}"
    falls = _extreme(changes, BETTER, ports, mode, context)
    rises = _extreme(changes, WORSE, "", mode, context) if falls else _extreme(changes, WORSE, ports, mode, context)
    if falls or rises:
        moves = [f"fall {falls}"] * bool(falls) + [f"rise {rises}"] * bool(rises)
        return f"{mode} waits {' and '.join(moves)}"
    return f"no clear change in {mode} waits at any of {ports}"


def _extreme(changes: Mapping[str, Change], verdict: str, ports: str, mode: str, context: Context) -> str:
    """Return at how many ports there is this verdict, and where most; nothing if nowhere."""
    found = {port: change.difference for port, change in changes.items() if change.verdict == verdict}
    if not found:
        return ""
    port = max(found, key=lambda name: abs(found[name].mean))
    size = plus_minus(Estimate(abs(found[port].mean), found[port].half_width))
    count = f"at {len(found)} of {ports}" if ports else f"at {len(found)}"
    most = "most at " if len(found) > 1 else ""
    return f"{count}, {most}{context.port(port, mode)} (by {size} min)"


def _count(verdicts: Sequence[str]) -> str:
    """Return the verdicts on one option as a count of ports."""
    total, falls, rises = len(verdicts), verdicts.count(BETTER), verdicts.count(WORSE)
    if not total:
        return "nothing to compare"
    if not falls and not rises:
        return IDENTICAL if verdicts.count(IDENTICAL) == total else NO_CLEAR_CHANGE
    parts = [f"shorter at {falls}"] * bool(falls) + [f"longer at {rises}"] * bool(rises)
    return f"{', '.join(parts)} of {total} ports"


def hours_title(
    days: Mapping[str, Day],
    verdicts: Mapping[str, Change],
    port: str,
    mode: str,
    lane_type: str,
    *,
    context: Context,
) -> str:
    """Return the finding of `wait_by_hour`: what becomes of the base's worst hour."""
    lanes = f"{_LANE_WORDS.get(lane_type, lane_type)} lanes"
    who = f"{_PLURALS.get(mode, mode)} at {context.port(port, mode)} ({lanes})"
    first, *options = list(days)
    hour = days[first].peak
    peak = days[first].at(hour)
    if not options:
        which = "" if first == context.base else f"{context.scenarios[first]}: "
        target = _against_target(peak, context.target_wait_min.get(port))
        text = f"{which}{who} wait {plus_minus(peak)} min at the weekday peak ({hour:02d}:00){target}"
        return text[0].upper() + text[1:]
    if len(options) > 1:
        clauses = [
            f"{context.scenarios[name]}: {_hour_clause(peak, days[name].at(hour), verdicts.get(name))}"
            for name in options
        ]
        return f"Weekday {hour:02d}:00 peak of {minutes(peak)} min for {who}. {'; '.join(clauses)}"
    option = options[0]
    paired = verdicts.get(option)
    if paired:
        finding = _paired_finding(days[first], days[option], paired, who)
    else:
        finding = _hour_finding(days[first], days[option], who)
    return f"{context.scenarios[option]}: {finding}"


def _paired_finding(base: Day, option: Day, change: Change, who: str) -> str:
    """Return the verdict on the whole week's mean, and the numbers of the base's worst hour."""
    if change.verdict == IDENTICAL:
        return f"the wait of {who} is identical by design"
    if change.verdict not in (BETTER, WORSE):
        return f"no clear change in the wait of {who} ({plus_minus(change.difference, signed=True)} min)"
    size = plus_minus(Estimate(abs(change.difference.mean), change.difference.half_width))
    less = "less" if change.verdict == BETTER else "more"
    hour = base.peak
    after = option.at(hour)
    peak = (
        ""
        if math.isnan(after.mean)
        else f"; at the weekday {hour:02d}:00 peak {minutes(after)}, not {minutes(base.at(hour))}"
    )
    return f"{who} wait {size} min {less}{peak}"


def _hour_finding(base: Day, option: Day, who: str) -> str:
    """Return what the hours show by themselves."""
    verdicts = [hour_verdict(base.at(hour), option.at(hour)) for hour in range(_HOURS)]
    known = [verdict for verdict in verdicts if verdict]
    if known and all(verdict == IDENTICAL for verdict in known):
        return f"the wait of {who} is identical by design"
    hour = base.peak
    peak = f"the weekday {hour:02d}:00 peak of {who}"
    numbers = f"from {minutes(base.at(hour))} to {minutes(option.at(hour))} min"
    heads = {BETTER: f"{peak} falls {numbers}", WORSE: f"{peak} rises {numbers}", "": f"no one joins in {peak}"}
    counts = (("shorter", known.count(BETTER)), ("longer", known.count(WORSE)))
    parts = [f"clearly {word} in {count} of {len(known)} hours" for word, count in counts if count]
    return "; ".join([heads.get(verdicts[hour], f"no clear change in {peak}"), *parts])


def _hour_clause(base: Estimate, option: Estimate, paired: Change | None) -> str:
    if math.isnan(option.mean):
        return "no one joins then"
    verdict = paired.verdict if paired else hour_verdict(base, option)
    return f"{minutes(option)} min" if verdict in (BETTER, WORSE) else verdict


def hour_verdict(base: Estimate, option: Estimate) -> str:
    """Return a verdict without pairing, clear only where two intervals do not overlap; none if a wait is missing."""
    if math.isnan(base.mean) or math.isnan(option.mean):
        return ""
    if base == option:
        return IDENTICAL
    if option.mean + option.half_width < base.mean - base.half_width:
        return BETTER
    if option.mean - option.half_width > base.mean + base.half_width:
        return WORSE
    return NO_CLEAR_CHANGE


def _against_target(wait: Estimate, target: float | None) -> str:
    if target is None:
        return ""
    if wait.mean + wait.half_width < target:
        return f", under the target of {target:g} min"
    if wait.mean - wait.half_width > target:
        return f", over the target of {target:g} min"
    return f", not clearly under or over the target of {target:g} min"


def cargo_title(values: Values, ports: Sequence[str], context: Context) -> str:
    """Return the finding of `cargo_value_by_port`."""
    options = context.drawn(option for option, _ in values)
    mark = context.mark(ports, "truck")
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_cargo_finding(values, options[0], ports, mark, context)}"
    clauses = [f"{context.scenarios[name]}: {_cargo_clause(values.get((name, ALL)))}" for name in options]
    return f"Cargo value a month by the trade rule{mark}. {'; '.join(clauses)}"


def _cargo_finding(values: Values, option: str, ports: Sequence[str], mark: str, context: Context) -> str:
    total = values.get((option, ALL))
    if total is None or total.blank:
        beyond = [context.port(port, "truck") for port in ports if _is_blank(values.get((option, port)))]
        where = f" at {' and '.join(beyond)}" if beyond else ""
        return f"no dollar total, the change of truck waits{where} is beyond the rule's reach"
    size = dollars(Estimate(abs(total.usd.mean), total.usd.half_width))
    by_rule = f"by the trade rule{mark}"
    if any("extrapolated" in value.flag for (name, _), value in values.items() if name == option):
        by_rule += ", extrapolated"
    findings = {
        BETTER: f"shorter truck waits are worth {size} of cargo a month {by_rule}",
        WORSE: f"longer truck waits cost {size} of cargo a month {by_rule}",
        IDENTICAL: "cargo value is identical by design, truck waits do not change",
    }
    unclear = f"no clear change in cargo value ({dollars(total.usd, signed=True)} a month {by_rule})"
    return findings.get(value_verdict(total.usd), unclear)


def _is_blank(value: Value | None) -> bool:
    return value is not None and value.blank


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


def _change_text(waits: Waits, changes: Changes, option: str, port: str, context: Context, *, crowded: bool) -> str:
    """Return the text column's words on one option at one port; with the wait itself if the marks have no number."""
    after = waits.get((option, port))
    if after is None:
        return "closed with this option" if (context.base, port) in waits else "closed here too"
    change = changes.get((option, port))
    if (context.base, port) not in waits:
        text = "opens, no base" if crowded else "open only with this option"
    elif change is None:
        text = "not compared"
    elif change.verdict == IDENTICAL:
        text = IDENTICAL
    else:
        text = f"{plus_minus(change.difference, signed=True)}{'' if crowded else ' min'}, {change.verdict}"
    return f"{minutes(after)} min ({text})" if crowded else text


def _value_label(values: Values, port: str, ports: Sequence[str], context: Context) -> str:
    if port == ALL:
        return "All ports" + context.mark(ports, "truck")
    share = next(value.share for (_, name), value in values.items() if name == port)
    return f"{context.port(port, 'truck')}\n{100 * share:.2f}% share"


def _value_lines(value: Value | None, look: Look | None) -> list[_Line]:
    """Return dollars and how many minutes they come from: in one line if options share the row, else in two."""
    if value is None:
        return [_Line("not in the table", look)]
    verdict = value_verdict(value.usd)
    if not value.blank and verdict == IDENTICAL:
        return [_Line(IDENTICAL, look)]
    reasons = [value.flag or "beyond the rule's reach" if value.blank else value.flag]
    if not math.isnan(value.minutes.mean):
        reasons.insert(0, f"{minutes(value.minutes) if look else plus_minus(value.minutes)} min")
    if not value.blank and verdict == NO_CLEAR_CHANGE:
        reasons.append(NO_CLEAR_CHANGE)
    head = "no dollar figure" if value.blank else dollars(value.usd, signed=True)
    why = ", ".join(filter(None, reasons))
    tail = f"({why})" if why else ""
    return [_Line(f"{head} {tail}".strip(), look)] if look else [_Line(text, None) for text in (head, tail) if text]


def _arithmetic(values: Values, ports: Sequence[str], context: Context) -> str:
    """Return the rule, and its arithmetic for the port with most at stake."""
    share = "the port's share of US-Mexico truck imports"
    known = [
        (port, value)
        for (_, port), value in values.items()
        if port in ports and not value.blank and value.minutes.mean != 0
    ]
    if not known:
        return f"Rule: dollars per 10 minutes off the border's wait {TIMES} minutes saved {TIMES} {share}."
    port, value = max(known, key=lambda item: abs(item[1].usd.mean))
    rule = f"${number(value.rule / value.minutes.mean * 10 / 1e6, 0)}M"
    saved, usd = number(value.minutes.mean, 1), dollars(Estimate(value.usd.mean, math.nan))
    return (
        f"Rule: {rule} a month {TIMES} minutes saved / 10 {TIMES} {share}. {context.ports[port]}: "
        f"{rule} {TIMES} {saved} / 10 {TIMES} {100 * value.share:.2f}% = {usd}."
    )


def _region_note(table: pd.DataFrame, context: Context) -> list[str]:
    """Return the other reading of the rule: the whole figure for this region's change."""
    rows = {option: value for (option, _), value in _values(table, context, scope="region").items()}
    options = context.drawn(rows)
    texts = []
    for option in options:
        usd = rows[option].usd
        text = "no figure, beyond its reach" if math.isnan(usd.mean) else f"{dollars(usd, signed=True)} a month"
        texts.append(f"{context.scenarios[option]} {text}" if len(options) > 1 else text)
    return [f"Upper reading, the whole rule given to this region: {'; '.join(texts)}."] if texts else []


# --- looks --------------------------------------------------------------------------------------------------


class Look(NamedTuple):
    """How a scenario is told from the others: by colour, by marker and by line."""

    color: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]


_INK, _QUIET, _PALE = "#1a1a1a", "#4d4d4d", "#f2f2f2"
# Okabe and Ito's colours, the darker orange of the two: the paler fades on a projector.
_LOOKS = (
    Look(_INK, "o", "-"),
    Look("#0072B2", "s", (0, (5, 2))),
    Look("#D55E00", "^", (0, (6, 2, 1, 2))),
    Look("#009E73", "D", (0, (2, 1))),
    Look("#CC79A7", "v", (0, (8, 2, 1, 2, 1, 2))),
)
_MARKS_WITH_NUMBERS = 16  # more marks than this leave no room for a number one can read
_BANDS_APART = 2  # more bands than this cannot be told apart
_HALO = [withStroke(linewidth=4, foreground="white")]


def _key(options: Sequence[str], option: str, context: Context) -> Look | None:
    """Return the mark before an option's text, where there is more than one option to tell apart."""
    return context.look(option) if len(options) > 1 else None


def _handle(scenario: str, label: str, context: Context) -> Line2D:
    look = context.look(scenario)
    return Line2D([], [], color=look.color, marker=look.marker, linewidth=3, label=label)


def _hour_key(*, bands: bool) -> list[Line2D | Patch]:
    bar = Line2D([], [], color=_QUIET, marker="|", markersize=14, markeredgewidth=2.5, linestyle="")
    bar.set_label("95% interval")
    p95: Line2D | Patch = Line2D([], [], color=_QUIET, linewidth=1.2, label="thin: 95th percentile")
    if bands:
        p95 = Patch(facecolor="#c4c4c4", label="band: mean to 95th percentile")
    return [Line2D([], [], color=_QUIET, linewidth=3, label="line: mean"), bar, p95]


# --- the page: inches from the lower left, points for letters -----------------------------------------------

_POINTS_PER_INCH = 72
_MARGIN = 0.45
_TOP, _BOTTOM, _GAP = 0.32, 0.2, 0.12
_TITLE_SIZES, _TITLE_LINES = (26.0, 24.0, 22.0, 20.0), 2
_TEXT_SIZE, _NAME_SIZE, _NOTE_SIZE, _SMALLEST = 16.0, 18.0, 14.0, 11.0
_LINE_SPACING = 1.22


class Box(NamedTuple):
    """The part of the page that is still free."""

    left: float
    bottom: float
    right: float
    top: float


class _Line(NamedTuple):
    text: str
    look: Look | None


class _Row(NamedTuple):
    label: str
    column: Sequence[_Line]


def _style() -> AbstractContextManager[None]:
    return mpl.rc_context(fname=STYLE)


def _page(title: str, notes: Sequence[str], context: Context) -> tuple[Figure, Box]:
    """Return a figure with its title and footer, and the space between them."""
    figure = Figure()
    width, height = figure.get_size_inches()
    inner, left = width - 2 * _MARGIN, _MARGIN / width
    text, size = _title_lines(title, inner)
    common: dict[str, Any] = {"ha": "left", "linespacing": _LINE_SPACING}
    figure.suptitle(text, x=left, y=1 - _TOP / height, va="top", fontsize=size, fontweight="bold", **common)
    paragraphs = [_wrap(" ".join(notes), inner, _NOTE_SIZE), _wrap(_provenance(context), inner, _NOTE_SIZE)]
    footer = "\n".join(paragraphs)
    figure.text(left, _BOTTOM / height, footer, va="bottom", fontsize=_NOTE_SIZE, color=_QUIET, gid="footer", **common)
    return figure, Box(
        left=_MARGIN,
        bottom=_BOTTOM + _height(footer, _NOTE_SIZE) + _GAP,
        right=width - _MARGIN,
        top=height - _TOP - _height(text, size) - _GAP,
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
    weeks = f"{context.weeks} week{'s' * (context.weeks != 1)}"
    alone = " (one alone has no interval)" if context.replications == 1 else ""
    left_out = len(context.scenarios) - len(_LOOKS)
    shown = f" First {len(_LOOKS) - 1} options shown, {left_out} left out." if left_out > 0 else ""
    run = f"{replications} of {weeks}{alone}, seed {context.seed}, portsim {context.version}."
    return f"{run}{shown} Source: {context.source.rstrip('.')}."


def _width(text: str, size: float, weight: Literal["normal", "bold"] = "normal") -> float:
    """Return the width of the widest line of a text."""
    font = FontProperties(size=size, weight=weight)
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in text.split("\n")]
    return max(widths) / _POINTS_PER_INCH


def _height(text: str, size: float) -> float:
    return (text.count("\n") + 1) * size * _LINE_SPACING / _POINTS_PER_INCH


def _wrap(text: str, width: float, size: float, weight: Literal["normal", "bold"] = "normal") -> str:
    """Return a text in lines of at most a width, broken at spaces but not inside "33 ± 16 min"."""
    glued = re.sub(rf"(?<=\d) (?=min)| (?=±)|(?<=±) |(?<={DAGGER}) (?=rests)", "\u00a0", text)
    lines: list[str] = []
    for word in glued.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines).replace("\u00a0", " ")


def _place(figure: Figure, box: Box) -> Axes:
    width, height = figure.get_size_inches()
    size = ((box.right - box.left) / width, (box.top - box.bottom) / height)
    axes = figure.add_axes((box.left / width, box.bottom / height, *size))
    axes.tick_params(labelsize=_TEXT_SIZE)  # ticks may be made after the style is gone
    return axes


def _size(axes: Axes) -> tuple[float, float]:
    """Return width and height of the axes in inches."""
    return axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi


def _legend(figure: Figure, box: Box, handles: Sequence[Line2D | Patch]) -> Box:
    """Put the key below the title, in as many columns as fit, and return what is left of the page."""
    width, height = figure.get_size_inches()
    corner = (box.left / width, box.top / height)
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, ncols=columns, loc="upper left", bbox_to_anchor=corner)
        extent = legend.get_window_extent()
        if extent.x1 <= box.right * figure.dpi or columns == 1:
            break
        legend.remove()
    return box._replace(top=box.top - extent.height / figure.dpi - _GAP)


# --- charts of one row a port -------------------------------------------------------------------------------

_BESIDE = 0.3  # inches between axes and text column
_MARK_ROOM = 0.3


def _row_axes(figure: Figure, box: Box, rows: Sequence[_Row], heading: str, *, total: bool = False) -> Axes:
    """Return axes of one row a port: its name at the left, a column of text at the right."""
    bottom, top = box.bottom + 0.68, box.top - (0.34 if heading else 0.05)
    points = (top - bottom) * _POINTS_PER_INCH / len(rows)
    lines = max(1, *(len(row.column) for row in rows), 1)
    size = max(min(_TEXT_SIZE, 0.94 * points / lines / _LINE_SPACING), _SMALLEST)
    names = max(_width(row.label, _NAME_SIZE, "bold" if total else "normal") for row in rows)
    texts = [_width(line.text, size) + _MARK_ROOM * bool(line.look) for row in rows for line in row.column]
    column = max([*texts, _width(heading, _TEXT_SIZE, "bold")]) + _BESIDE if heading else _BESIDE
    axes = _place(figure, Box(box.left + names + 0.2, bottom, box.right - column, top))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=_NAME_SIZE, linespacing=1.1)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    _band_rows(axes, box, len(rows), total=total)
    for index, row in enumerate(rows):
        _write_column(axes, row.column, index, size, size * _LINE_SPACING / points)
    if heading:
        offset = (_BESIDE * _POINTS_PER_INCH, 6)
        _write(axes, heading, (1, 1), offset, xycoords="axes fraction", fontweight="bold", va="bottom")
    return axes


def _write(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **how: Any) -> None:
    """Write a text at a point of the axes and an offset in points."""
    place: dict[str, Any] = {"fontsize": _TEXT_SIZE, "annotation_clip": False, "zorder": 6, **how}
    axes.annotate(text, at, xytext=offset, textcoords="offset points", **place)


def _band_rows(axes: Axes, box: Box, rows: int, *, total: bool) -> None:
    """Shade every other row across the page, so that the eye keeps its row; rule off a total."""
    place, width = axes.get_position(), _size(axes)[0] / axes.get_position().width
    left, right = ((edge / width - place.x0) / place.width for edge in (box.left - 0.1, box.right + 0.1))
    across: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False, "zorder": 0}
    for row in range(0, rows, 2):
        axes.add_patch(Rectangle((left, row - 0.5), right - left, 1, color=_PALE, **across))
    if total:
        axes.plot([left, right], [rows - 1.5] * 2, color=_INK, linewidth=1.5, **across)
        axes.get_yticklabels()[-1].set_fontweight("bold")


def _write_column(axes: Axes, lines: Sequence[_Line], row: int, size: float, pitch: float) -> None:
    """Write the lines of one row of the text column, centred on the row."""
    across = axes.get_yaxis_transform()
    for index, (text, look) in enumerate(lines):
        y = row + pitch * (index - (len(lines) - 1) / 2)
        left = (_BESIDE + _MARK_ROOM * bool(look)) * _POINTS_PER_INCH
        _write(axes, text, (1, y), (left, 0), xycoords=across, va="center_baseline", fontsize=size)
        if look:
            x = 1 + (_BESIDE + 0.12) / _size(axes)[0]
            axes.plot([x], [y], look.marker, transform=across, clip_on=False, color=look.color, markersize=0.7 * size)


def _ticks(low: float, high: float) -> list[float]:
    """Return round ticks within the limits, fixed: none comes and goes with another machine's rounding."""
    ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def _offsets(count: int) -> list[float]:
    """Return where in a row of height 1 each of some marks goes, from the top."""
    return [0.82 * ((index + 0.5) / count - 0.5) for index in range(count)]


def _draw_waits(
    axes: Axes, waits: Waits, names: Sequence[str], ports: Sequence[str], context: Context, *, numbers: bool
) -> None:
    """Draw mean and interval of every scenario and port, and a line from each base to its options."""
    width, height = _size(axes)
    size = min(_TEXT_SIZE, 0.82 * height * _POINTS_PER_INCH / len(ports) / len(names))
    ends = [
        wait.mean + _known(wait.half_width) for (name, port), wait in waits.items() if name in names and port in ports
    ]
    high = max(*ends, 1.0) / (1 - 0.75 / width)  # room for the number of the longest
    axes.set_xlim(0, high)
    axes.set_xticks(_ticks(0, high))
    offsets = dict(zip(names, _offsets(len(names)), strict=True))
    for (name, port), wait in waits.items():
        if name not in names or port not in ports:
            continue
        row, look = ports.index(port), context.look(name)
        y = row + offsets[name]
        base = waits.get((context.base, port))
        if base is not None:
            ys = [row + offsets[context.base], y]
            axes.plot([base.mean, wait.mean], ys, color=look.color, alpha=0.35, linewidth=2, zorder=1)
        _draw_estimate(axes, wait, y, look, size, floor=0)
        if numbers:
            end = (wait.mean + _known(wait.half_width), y)
            _write(axes, minutes(wait), end, (10, 0), va="center_baseline", fontsize=size, path_effects=_HALO)


def _draw_estimate(
    axes: Axes, estimate: Estimate, y: float, look: Look, size: float, *, floor: float = -math.inf
) -> None:
    """Draw a mean and its interval; what an interval has below the floor means nothing and is cut."""
    half_width = _known(estimate.half_width)
    bars = [[min(half_width, estimate.mean - floor)], [half_width]]
    how: dict[str, Any] = {"elinewidth": 3, "capsize": 0.3 * size, "capthick": 2, "clip_on": False, "zorder": 3}
    axes.errorbar([estimate.mean], [y], xerr=bars, color=look.color, marker=look.marker, markersize=0.62 * size, **how)


def _draw_values(axes: Axes, values: Values, options: Sequence[str], ports: Sequence[str], context: Context) -> str:
    """Draw dollars with the simulation's interval, and below it the range of the rule's figure; return the unit."""
    shown = {key: value for key, value in values.items() if key[0] in options and not value.blank}
    ends = [0.0]
    for value in shown.values():
        half_width = _known(value.usd.half_width)
        ends += [value.usd.mean - half_width, value.usd.mean + half_width, value.low, value.high]
    ends = [end for end in ends if math.isfinite(end)]
    unit, scale = ("million", 1e6) if max(map(abs, ends)) >= 1e5 else ("thousand", 1e3)  # noqa: PLR2004
    reach = max(max(ends) - min(ends), scale)
    low, high = (min(ends) - 0.04 * reach) / scale, (max(ends) + 0.06 * reach) / scale
    axes.set_xlim(low, high)
    axes.set_xticks(_ticks(low, high))
    axes.axvline(0, color=_INK, linewidth=1.5, zorder=1)
    offsets = dict(zip(options, _offsets(len(options)), strict=True))
    pitch = 1 / len(options)
    for (option, port), value in shown.items():
        y, look = ports.index(port) + offsets[option], context.look(option)
        scaled = Estimate(value.usd.mean / scale, value.usd.half_width / scale)
        _draw_estimate(axes, scaled, y - 0.14 * pitch, look, _TEXT_SIZE)
        span = (value.high - value.low) / scale
        axes.barh(y + 0.18 * pitch, span, 0.2 * pitch, left=value.low / scale, color=look.color, alpha=0.35, zorder=2)
    return unit


# --- the chart of a day -------------------------------------------------------------------------------------


def _top(days: Mapping[str, Day], target: float | None) -> float:
    """Return the upper end of the axis, above every band, interval and target."""
    ends = [float(np.nanmax(np.fmax(day.p95, day.mean + np.nan_to_num(day.half_width)))) for day in days.values()]
    return 1.1 * max(*ends, target or 0.0, 1.0)


def _hour_axes(figure: Figure, box: Box, top: float) -> Axes:
    axes = _place(figure, Box(box.left + 0.95, box.bottom + 0.72, box.right - 2.45, box.top - 0.05))
    axes.set_xlim(0, _HOURS)
    hours = range(0, _HOURS + 1, 3)
    axes.set_xticks(hours, [f"{hour:02d}:00" for hour in hours])
    axes.tick_params(axis="x", pad=8)
    axes.set_ylim(0, top)
    axes.set_yticks(_ticks(0, top))
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("Hour of joining the line, Monday-Friday")
    axes.set_ylabel("Wait (minutes)")
    return axes


def _shift(names: Sequence[str], name: str) -> float:
    """Return how far into the hour a scenario's marks go, so that bars do not hide each other."""
    return 0.5 + 0.16 * (names.index(name) - (len(names) - 1) / 2)


def _draw_day(axes: Axes, day: Day, look: Look, shift: float, *, band: bool) -> None:
    """Draw mean, interval and P95; NaN hours are gaps, and an hour alone between gaps still has its mark."""
    at = np.arange(_HOURS) + shift
    if band:
        axes.fill_between(at, day.mean, day.p95, color=look.color, alpha=0.16, linewidth=0, zorder=1)
    axes.plot(at, day.p95, color=look.color, linestyle=look.line, linewidth=1.2, alpha=0.7, zorder=2)
    axes.plot(at, day.mean, color=look.color, linestyle=look.line, linewidth=3, zorder=3)
    half_width = np.nan_to_num(day.half_width)
    bars = np.vstack([np.fmin(half_width, np.nan_to_num(day.mean)), half_width])
    how: dict[str, Any] = {"linestyle": "", "elinewidth": 2, "capsize": 3, "zorder": 4, "clip_on": False}
    axes.errorbar(at, day.mean, yerr=bars, color=look.color, marker=look.marker, markersize=8, **how)


def _draw_target(axes: Axes, target: float) -> None:
    axes.axhline(target, color=_INK, linestyle=":", linewidth=2.5, zorder=2)
    _write(axes, f"target {target:g} min", (0, target), (8, 5), path_effects=_HALO)


def _label_peak(axes: Axes, days: Mapping[str, Day]) -> None:
    """Write the numbers of the base's worst hour: the longest wait above its mark, the shortest below."""
    names = list(days)
    hour = days[names[0]].peak
    waits = sorted((day.at(hour), name) for name, day in days.items() if not math.isnan(day.mean[hour]))
    how: dict[str, Any] = {"ha": "center", "fontweight": "bold", "path_effects": _HALO}
    wait, name = waits[-1]
    _write(axes, minutes(wait), (hour + _shift(names, name), wait.mean), (0, 9), va="bottom", **how)
    wait, name = waits[0]
    room = 30 / _POINTS_PER_INCH / _size(axes)[1] * axes.get_ylim()[1]
    if len(waits) > 1 and wait.mean > room:
        _write(axes, minutes(wait), (hour + _shift(names, name), wait.mean), (0, -9), va="top", **how)


def _label_ends(axes: Axes, days: Mapping[str, Day], context: Context) -> None:
    """Name each line at its right end, moved apart where two lines end together."""
    width, height = _size(axes)
    scale = height * _POINTS_PER_INCH / axes.get_ylim()[1]  # points per minute
    texts = {name: _wrap(context.scenarios[name], 1.85, _TEXT_SIZE) for name in days}
    heights = [_height(text, _TEXT_SIZE) * _POINTS_PER_INCH + 4 for text in texts.values()]
    places = _apart([day.mean[day.last] * scale for day in days.values()], heights, height * _POINTS_PER_INCH)
    how: dict[str, Any] = {
        "va": "center",
        "fontsize": _TEXT_SIZE,
        "annotation_clip": False,
        "linespacing": _LINE_SPACING,
    }
    for (name, text), y in zip(texts.items(), places, strict=True):
        day, color = days[name], context.look(name).color
        end = (day.last + _shift(list(days), name), day.mean[day.last])
        leader = {"arrowstyle": "-", "color": color, "linewidth": 1.5, "shrinkA": 4, "shrinkB": 6, "relpos": (0, 0.5)}
        corner = (1 + 0.45 / width, y / scale)
        axes.annotate(text, end, xytext=corner, textcoords=axes.get_yaxis_transform(), arrowprops=leader, **how)


def _apart(wanted: Sequence[float], heights: Sequence[float], ceiling: float) -> list[float]:
    """Return centres near the wanted ones, in their order, that keep texts of these heights apart and inside."""
    placed = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda item: wanted[item])
    floor = 0.0
    for index in order:
        placed[index] = max(wanted[index], floor + heights[index] / 2)
        floor = placed[index] + heights[index] / 2
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling - heights[index] / 2)
        ceiling = placed[index] - heights[index] / 2
    return placed
