"""What the tables find, in words: the titles and sentences of the charts, each computed from its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, WORSE
from portsim.numbers import ASSUMED_MARK, Estimate, clear, dollars, number, plus_minus

ALL = "all"
HOURS = 24
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_SCENARIOS = 5  # more cannot be told apart
DAGGER, TIMES = ASSUMED_MARK, "\u00d7"
ASSUMED_NOTE = f"{DAGGER} rests on an assumed wait."
NO_INTERVAL = "one replication: no interval"  # in place of a verdict

_PLURALS = {"truck": "trucks", "vehicle": "vehicles", "bus": "buses", "pedestrian": "pedestrians"}
_LANE_WORDS = {"sentri": "SENTRI", "ready": "Ready", "fast": "FAST"}
ASSUMED_WAIT = "assumed wait"  # in flags and notes of tables
_SAID_ELSEWHERE = (ASSUMED_WAIT, "upper reading")  # flags: by the dagger, and by the note on the region
_BEYOND = "beyond the rule's reach"
_ON_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


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
        return [name for name in list(self.scenarios)[:MOST_SCENARIOS] if name in found]

    def mark(self, ports: Iterable[str], mode: str) -> str:
        """Return a dagger if one of these ports rests on an assumed wait, else nothing."""
        return DAGGER if any((port, mode) in self.assumed_waits for port in ports) else ""

    def port(self, port: str, mode: str) -> str:
        """Return the display name of a port, marked where it rests on an assumed wait."""
        return self.ports.get(port, port) + self.mark([port], mode)

    @property
    def provenance(self) -> str:
        """Return what it takes to repeat the chart."""
        left_out = len(self.scenarios) - MOST_SCENARIOS
        run = f"{_count(self.replications, 'replication')} of {_count(self.weeks, 'week')}"
        alone = " (one alone has no interval)" if self.replications == 1 else ""
        shown = f" {_count(left_out, 'option')} left out." if left_out > 0 else ""
        source = self.source.rstrip(".")
        return f"{run}{alone}, seed {self.seed}, portsim {self.version}.{shown} Source: {source}."


def verdict_on(difference: float, half_width: float, verdict: str) -> str:
    """Return the verdict on a difference; of one replication alone none but that nothing changes by design."""
    alone = math.isnan(half_width) and not math.isnan(difference)
    return NO_INTERVAL if alone and verdict != IDENTICAL else verdict


def lane_words(lane_type: str) -> str:
    """Return a lane type as people write it."""
    return _LANE_WORDS.get(lane_type, lane_type)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


# --- waits by port ------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A paired difference, option minus base, and what it amounts to."""

    difference: Estimate
    verdict: str

    @property
    def size(self) -> str:
        """Return the difference without its sign."""
        return plus_minus(Estimate(abs(self.difference.mean), self.difference.half_width))


Waits = Mapping[tuple[str, str], Estimate]
Changes = Mapping[tuple[str, str], Change]


def mean_waits(summary: pd.DataFrame, mode: str) -> dict[tuple[str, str], Estimate]:
    """Return the mean wait of a mode by (scenario, port), closed ports left out."""
    rows = summary[(summary["mode"] == mode) & (summary["lane_type"] == ALL) & (summary["port"] != ALL)]
    columns = ["scenario", "port", "wait_mean_min", "wait_mean_hw_min"]
    return {
        (str(scenario), str(port)): Estimate(float(mean), float(half_width))
        for scenario, port, mean, half_width in rows[columns].itertuples(index=False, name=None)
        if not math.isnan(mean)
    }


def wait_changes(
    comparison: pd.DataFrame, mode: str, lane_type: str, context: Context
) -> dict[tuple[str, str], Change]:
    """Return the paired change of the mean wait by (option, port); none of an empty table."""
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
        (str(option), str(port)): Change(
            Estimate(float(difference), float(half_width)), verdict_on(difference, half_width, str(verdict))
        )
        for option, port, difference, half_width, verdict in rows[columns].itertuples(index=False, name=None)
        if not math.isnan(difference)
    }


def hidden_lanes(comparison: pd.DataFrame, option: str, port: str, mode: str) -> dict[str, Change]:
    """Return the changes by lane type where the change of all together hides one of them; else nothing.

    It does where a lane type has a clear change and all together have none, or one of the other sign.
    """
    if comparison.empty:
        return {}
    rows = comparison[
        (comparison["option"] == option)
        & (comparison["port"] == port)
        & (comparison["mode"] == mode)
        & (comparison["metric"] == "wait_mean_min")
    ]
    found = {
        str(row["lane_type"]): Change(Estimate(float(row["difference"]), float(row["half_width"])), str(row["verdict"]))
        for row in rows.to_dict("records")
    }
    together = found.pop(ALL, None)
    clear_lanes = {change.verdict for change in found.values()} & {BETTER, WORSE}
    return found if together and clear_lanes - {together.verdict} else {}


def hidden_note(
    comparison: pd.DataFrame, options: Sequence[str], ports: Sequence[str], mode: str, context: Context
) -> str:
    """Return what the waits by port hide of single lane types; nothing where they hide nothing."""
    hidden = {(option, port): hidden_lanes(comparison, option, port, mode) for option in options for port in ports}
    names = dict.fromkeys(context.ports[port] for (_, port), lanes in hidden.items() if lanes)
    if not names:
        return ""
    if len(options) > 1 or len(names) > 1:
        return f"Lane types change differently at {', '.join(names)}: see their own charts."
    [lanes] = [lanes for lanes in hidden.values() if lanes]
    parts = [f"{lane_words(lane)} {_signed(change)}" for lane, change in lanes.items()]
    return f"By lane type at {next(iter(names))}: {', '.join(parts)}."


def _signed(change: Change) -> str:
    if change.verdict == IDENTICAL:
        return IDENTICAL
    unclear = f" ({NO_CLEAR_CHANGE})" if change.verdict == NO_CLEAR_CHANGE else ""
    return f"{plus_minus(change.difference, signed=True)} min{unclear}"


def waits_title(waits: Waits, changes: Changes, mode: str, context: Context) -> str:
    """Return the finding of the waits by port: the longest of the base alone, else what becomes of them."""
    names = context.drawn(scenario for scenario, _ in waits)
    options = [name for name in names if name != context.base]
    if not options:
        port = max((port for name, port in waits if name == context.base), key=lambda p: waits[context.base, p].mean)
        longest = plus_minus(waits[context.base, port])
        return f"{_PLURALS[mode].capitalize()} wait longest at {context.port(port, mode)}: {longest} min on average"
    of_option = {name: {port: change for (o, port), change in changes.items() if o == name} for name in options}
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_moves(of_option[options[0]], mode, context)}"
    clauses = [
        f"{context.scenarios[name]}: {_tally([change.verdict for change in found.values()])}"
        for name, found in of_option.items()
    ]
    return f"Mean {mode} waits. {'; '.join(clauses)}"


def _moves(changes: Mapping[str, Change], mode: str, context: Context) -> str:
    """Return what one option does at the ports that are open in the base too."""
    if not changes:
        return f"no {mode} wait to compare with {context.scenarios[context.base]}"
    ports = _count(len(changes), "port")
    if all(change.verdict == IDENTICAL for change in changes.values()):
        return f"{mode} waits are identical by design at {'all ' if len(changes) > 1 else ''}{ports}"
    if any(change.verdict == NO_INTERVAL for change in changes.values()):
        port = max(changes, key=lambda name: abs(changes[name].difference.mean))
        most = plus_minus(changes[port].difference, signed=True)
        return f"{mode} waits change most at {context.port(port, mode)} ({most} min; {NO_INTERVAL})"
    moves: list[str] = []
    for verb, verdict in (("fall", BETTER), ("rise", WORSE)):
        found = {port: change for port, change in changes.items() if change.verdict == verdict}
        if found:
            port = max(found, key=lambda name: abs(found[name].difference.mean))
            count = f"{len(found)}{'' if moves else f' of {ports}'}"
            most = "most at " if len(found) > 1 else ""
            moves.append(f"{verb} at {count}, {most}{context.port(port, mode)} (by {found[port].size} min)")
    return f"{mode} waits {' and '.join(moves)}" if moves else f"no clear change in {mode} waits at any of {ports}"


def _tally(verdicts: Sequence[str], what: str = "port", at: str = " at") -> str:
    """Return the verdicts on one option as a count of ports, or of something else."""
    if not verdicts:
        return "nothing to compare"
    if set(verdicts) == {IDENTICAL}:
        return IDENTICAL
    if NO_INTERVAL in verdicts:
        return NO_INTERVAL
    counts = (("shorter", verdicts.count(BETTER)), ("longer", verdicts.count(WORSE)))
    parts = [f"{word}{at} {count}" for word, count in counts if count]
    return f"{', '.join(parts)} of {_count(len(verdicts), what)}" if parts else NO_CLEAR_CHANGE


def change_text(waits: Waits, changes: Changes, option: str, port: str, context: Context) -> str:
    """Return the words on one option at one port."""
    before, after = (context.base, port) in waits, (option, port) in waits
    if not (before and after):
        return "closes" if before else "opens" if after else "closed"
    change = changes.get((option, port))
    if change is None:
        return "not compared"
    if change.verdict == IDENTICAL:
        return IDENTICAL
    verdict = "no interval" if change.verdict == NO_INTERVAL else change.verdict
    return f"{plus_minus(change.difference, signed=True)} min, {verdict}"


# --- waits by hour ------------------------------------------------------------------------------------------

Hours = npt.NDArray[np.float64]


class Line(NamedTuple):
    """A waiting line: who waits where."""

    port: str
    mode: str
    lane_type: str

    def who(self, context: Context) -> str:
        """Return who waits in it, and where."""
        return f"{_PLURALS[self.mode]} at {context.port(self.port, self.mode)} ({lane_words(self.lane_type)} lanes)"

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what a table holds of the line."""
        of_line = (table["port"] == self.port) & (table["mode"] == self.mode)
        return table[of_line & (table["lane_type"] == self.lane_type)]


@dataclass(frozen=True)
class Day:
    """The weekdays of one line as one day, by hour of joining; NaN where nobody joins."""

    days: int
    mean: Hours
    half_width: Hours
    p10: Hours
    p90: Hours

    def at(self, hour: int) -> Estimate:
        """Return the mean wait of one hour."""
        return Estimate(float(self.mean[hour]), float(self.half_width[hour]))

    @property
    def peak(self) -> int:
        """Return the hour of the longest mean wait."""
        return int(np.nanargmax(self.mean))


def weekdays(profile: pd.DataFrame, line: Line) -> dict[str, Day]:
    """Return the weekday of a line by scenario, those left out in which nobody joins it."""
    found: dict[str, Day] = {}
    for scenario, group in line.rows(profile).groupby("scenario", sort=False):
        hours = group.set_index("hour").reindex(range(HOURS))
        columns = ("wait_mean_min", "wait_mean_hw_min", "wait_p10_min", "wait_p90_min")
        if hours["wait_mean_min"].notna().any():
            of_hours = [hours[column].to_numpy(dtype=np.float64) for column in columns]
            found[str(scenario)] = Day(int(group["days"].max()), *of_hours)
    return found


def hours_title(days: Mapping[str, Day], changes: Changes, line: Line, context: Context) -> str:
    """Return the finding of the waits by hour: what becomes of a line, and of the worst hour of its weekday.

    The change is the paired one of the whole week. Each scenario's peak is its own: it may move to another hour.
    """
    first, *options = days
    target = context.target_wait_min.get(line.port)
    who = line.who(context)
    if not options:
        peak = days[first].at(days[first].peak)
        hour = f"{days[first].peak:02d}:00"
        text = f"{who} wait {plus_minus(peak)} min at the weekday peak ({hour}){_against(target, peak)}"
        return text[0].upper() + text[1:] if first == context.base else f"{context.scenarios[first]}: {text}"
    found = {name: changes.get((name, line.port)) for name in days}
    paired = [change for change in found.values() if change]
    if len(paired) == len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_line_finding(days[first], days[options[0]], paired[0], who)}"
    if [change.verdict for change in paired] == [IDENTICAL] * len(options):
        return f"The wait of {who} is identical by design in every option"
    peaks = {day.peak for day in days.values()}
    when = f"{next(iter(peaks)):02d}:00 peak" if len(peaks) == 1 else "weekday peaks"
    clauses = [
        f"{context.scenarios[name]}: {_peak_clause(day, found[name], shared=len(peaks) == 1)}"
        for name, day in days.items()
    ]
    return f"{who[0].upper()}{who[1:]}, {when}. {'; '.join(clauses)}"


def _line_finding(base: Day, option: Day, change: Change, who: str) -> str:
    if change.verdict == IDENTICAL:
        return f"the wait of {who} is identical by design"
    if change.verdict == NO_CLEAR_CHANGE:
        return f"no clear change in the wait of {who} ({plus_minus(change.difference, signed=True)} min)"
    if change.verdict == NO_INTERVAL:
        return f"the wait of {who} changes by {plus_minus(change.difference, signed=True)} min ({NO_INTERVAL})"
    before, after = plus_minus(base.at(base.peak)), plus_minus(option.at(option.peak))
    less = "less" if change.verdict == BETTER else "more"
    peak = (
        f"{base.peak:02d}:00 peak {after} min, was {before}"
        if base.peak == option.peak
        else f"peak {after} min at {option.peak:02d}:00, was {before} at {base.peak:02d}:00"
    )
    return f"{who} wait {change.size} min {less}; {peak}"


def _peak_clause(day: Day, change: Change | None, *, shared: bool) -> str:
    if change and change.verdict in {NO_CLEAR_CHANGE, IDENTICAL}:
        return change.verdict
    return f"{plus_minus(day.at(day.peak))} min{'' if shared else f' at {day.peak:02d}:00'}"


def _against(target: float | None, wait: Estimate) -> str:
    """Return on which side of a target a wait lies; nothing without an interval."""
    if target is None or math.isnan(wait.half_width):
        return ""
    low, high = wait.ends
    side = "under" if high < target else "over" if low > target else "around"
    return f", {side} the {target:g}-minute target"


# --- waits by hour of the week --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Week:
    """The mean wait of one line by weekday and hour of joining, shape (7, 24); NaN where nobody joins."""

    mean: Hours
    half_width: Hours

    @property
    def worst(self) -> tuple[int, int]:
        """Return weekday and hour of the longest mean wait."""
        return divmod(int(np.nanargmax(self.mean)), HOURS)

    @property
    def uncertainty(self) -> float:
        """Return the median half-width of its hours; NaN where none has one."""
        known = self.half_width[~np.isnan(self.half_width)]
        return float(np.median(known)) if known.size else math.nan


@dataclass(frozen=True)
class WeekChange:
    """The paired changes of one line's mean wait by weekday and hour, shape (7, 24); NaN where either has none."""

    difference: Hours
    half_width: Hours
    verdict: npt.NDArray[np.str_]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Return the hours that have a wait in both scenarios."""
        return ~np.isnan(self.difference)

    @property
    def clear(self) -> npt.NDArray[np.bool_]:
        """Return the hours whose interval leaves no doubt of the sign."""
        return np.isin(self.verdict, (BETTER, WORSE))

    @property
    def verdicts(self) -> list[str]:
        """Return the verdicts of the hours there are."""
        return [str(verdict) for verdict in self.verdict[self.known]]

    @property
    def identical(self) -> bool:
        """Return whether no hour differs in any replication."""
        return set(self.verdicts) <= {IDENTICAL}


def main_lines(hourly: pd.DataFrame, context: Context) -> list[Line]:
    """Return the line of every port and mode in which most time is waited: in the base, or in the first option."""
    of_lines = hourly[["scenario", "port", "mode", "lane_type"]]
    time = (hourly["arrivals_per_hour"] * hourly["wait_mean_min"]).groupby([of_lines[c] for c in of_lines]).sum()
    found: dict[tuple[str, str], Line] = {}
    for name in context.scenarios:
        waited = time[(time.index.get_level_values("scenario") == name) & (time > 0)]
        for _, port, mode, lane_type in waited.sort_values(ascending=False, kind="stable").index:
            found.setdefault((port, mode), Line(port, mode, lane_type))
    return list(found.values())


def weeks(hourly: pd.DataFrame, line: Line) -> dict[str, Week]:
    """Return the week of a line by scenario, those left out in which nobody joins it."""
    found = {
        str(scenario): Week(*_of_week(group, ("wait_mean_min", "wait_mean_hw_min")))
        for scenario, group in line.rows(hourly).groupby("scenario", sort=False)
    }
    return {scenario: week for scenario, week in found.items() if not np.isnan(week.mean).all()}


def week_changes(hourly_comparison: pd.DataFrame, line: Line, context: Context) -> dict[str, WeekChange]:
    """Return the paired changes of a line by option; none of an empty table."""
    if hourly_comparison.empty:
        return {}
    rows = line.rows(hourly_comparison[hourly_comparison["base"] == context.base])
    found: dict[str, WeekChange] = {}
    for option, group in rows.groupby("option", sort=False):
        difference, half_width = _of_week(group, ("difference", "half_width"))
        change = WeekChange(difference, half_width, _verdicts_of_week(group))
        if change.known.any():
            found[str(option)] = change
    return found


def _of_week(rows: pd.DataFrame, columns: Sequence[str]) -> list[Hours]:
    """Return columns by weekday and hour, NaN where there is no row."""
    return [_grid(rows, column).to_numpy(dtype=np.float64).reshape(len(DAYS), HOURS) for column in columns]


def _verdicts_of_week(rows: pd.DataFrame) -> npt.NDArray[np.str_]:
    verdicts = _grid(rows, "verdict").fillna("").to_numpy(dtype=np.str_)
    alone = (_grid(rows, "half_width").isna() & _grid(rows, "difference").notna()).to_numpy(dtype=np.bool_)
    return np.where(alone & (verdicts != IDENTICAL), NO_INTERVAL, verdicts).reshape(len(DAYS), HOURS)


def _grid(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    whole = pd.MultiIndex.from_product([range(len(DAYS)), range(HOURS)])
    return rows.set_index(["weekday", "hour"])[column].reindex(whole)


def week_title(weeks: Mapping[str, Week], changes: Mapping[str, WeekChange], line: Line, context: Context) -> str:
    """Return the finding of the waits by hour of the week: the worst hour, or the hours that change."""
    who = line.who(context)
    options = [name for name in changes if name in weeks]
    if not options:
        return _worst_hour(weeks, who, line, context)
    if all(changes[name].identical for name in options):
        text = f"the wait of {who} is identical by design in every hour"
        every = "" if len(options) == 1 else " of every option"
        start = f"{context.scenarios[options[0]]}: {text}" if not every else text[0].upper() + text[1:]
        return start + every
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_hours_that_change(changes[options[0]], who)}"
    clauses = [f"{context.scenarios[name]}: {_tally(changes[name].verdicts, 'hour', ' in')}" for name in options]
    return f"{who[0].upper()}{who[1:]}, by hour of the week. {'; '.join(clauses)}"


def week_notes(weeks: Mapping[str, Week], changes: Mapping[str, WeekChange]) -> list[str]:
    """Return how sure a single hour is, which no colour shows."""
    widths = [week.uncertainty for week in weeks.values() if not math.isnan(week.uncertainty)]
    notes = [f"The 95% interval of a single hour's mean is about \u00b1{number(max(widths), 0)} min."] if widths else []
    judged = any(NO_INTERVAL not in change.verdicts for change in changes.values())
    notes += ["Changes are paired; where there is none, 1 hour in 20 still looks clear."] * judged
    return notes


def _worst_hour(weeks: Mapping[str, Week], who: str, line: Line, context: Context) -> str:
    """Return when the first scenario's line is longest, and how often it is clearly over its target."""
    name, week = next(iter(weeks.items()))
    day, hour = week.worst
    longest = plus_minus(Estimate(float(week.mean[day, hour]), float(week.half_width[day, hour])))
    text = f"{who} wait longest on {_ON_DAYS[day]} at {hour:02d}:00, {longest} min"
    target = context.target_wait_min.get(line.port)
    if target is not None and not np.isnan(week.half_width).all():
        over, hours = int((week.mean - week.half_width > target).sum()), int((~np.isnan(week.mean)).sum())
        often = f"in {over} of {_count(hours, 'hour')}" if over else "in no hour"
        text += f"; clearly over the {target:g}-minute target {often}"
    return text[0].upper() + text[1:] if name == context.base else f"{context.scenarios[name]}: {text}"


def _hours_that_change(change: WeekChange, who: str) -> str:
    """Return in how many hours a wait is clearly shorter, or longer, and in which by most.

    That hour is the one whose interval keeps furthest from zero: the largest mean may be the noisiest.
    """
    hours = _count(int(change.known.sum()), "hour")
    if NO_INTERVAL in change.verdicts:
        return f"changes of the wait of {who} in {hours}: one replication has no interval"
    parts: list[str] = []
    for word, verdict in (("less", BETTER), ("more", WORSE)):
        found = change.verdict == verdict
        if found.any():
            sure = np.where(found, np.abs(change.difference) - change.half_width, -1.0)
            day, hour = divmod(int(np.argmax(sure)), HOURS)
            largest = Estimate(float(change.difference[day, hour]), float(change.half_width[day, hour]))
            size = Change(largest, verdict).size
            count = f"{int(found.sum())}{'' if parts else f' of {hours}'}"
            parts.append(f"{word} in {count}, above all on {_ON_DAYS[day]} at {hour:02d}:00 (by {size} min)")
    return f"{who} wait {' and '.join(parts)}" if parts else f"no clear change in the wait of {who} in any of {hours}"


# --- cargo value --------------------------------------------------------------------------------------------


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

    @property
    def verdict(self) -> str:
        """Return the verdict on dollars gained; without an interval nothing is clear."""
        if self.usd.mean == 0 and not self.usd.half_width > 0:
            return IDENTICAL
        if math.isnan(self.usd.half_width):
            return NO_INTERVAL
        if not clear(self.usd):
            return NO_CLEAR_CHANGE
        return BETTER if self.usd.mean > 0 else WORSE


Values = Mapping[tuple[str, str], Value]


def cargo_values(table: pd.DataFrame, context: Context, scope: str = "border") -> dict[tuple[str, str], Value]:
    """Return the values of one scope by (option, port), those of options that are drawn."""
    rows = table[(table["base"] == context.base) & (table["scope"] == scope)]
    options = context.drawn(rows["option"])
    return {(row["option"], row["port"]): _value(row) for row in rows.to_dict("records") if row["option"] in options}


def no_truck_change(table: pd.DataFrame) -> bool:
    """Say whether no truck of any option waits otherwise than in the base: there is no cargo value to draw."""
    rows = table[table["scope"] == "border"]
    return not ((rows["minutes_saved"] != 0) | (rows["minutes_saved_hw"] > 0)).any()


def _value(row: Mapping[Any, Any]) -> Value:
    flags = str(row["flag"]).split("; ") if isinstance(row["flag"], str) else []
    return Value(
        usd=Estimate(float(row["usd_per_month"]), float(row["usd_per_month_hw"])),
        low=float(row["low_usd_per_month"]),
        high=float(row["high_usd_per_month"]),
        minutes=Estimate(float(row["minutes_saved"]), float(row["minutes_saved_hw"])),
        share=float(row["share"]),
        rule=float(row["rule_if_borderwide_usd_per_month"]),
        flag="; ".join(flag for flag in flags if flag not in _SAID_ELSEWHERE),
    )


def cargo_title(values: Values, context: Context) -> str:
    """Return the finding of the cargo values: their total."""
    options = context.drawn(option for option, _ in values)
    rule = f"by the trade rule{context.mark((port for _, port in values), 'truck')}"
    if len(options) == 1:
        return f"{context.scenarios[options[0]]}: {_cargo_finding(values, options[0], rule, context)}"
    clauses = [f"{context.scenarios[name]}: {_total_text(values[name, ALL])}" for name in options]
    return f"Cargo value a month {rule}. {'; '.join(clauses)}"


def _cargo_finding(values: Values, option: str, rule: str, context: Context) -> str:
    total = values[option, ALL]
    if total.blank:
        beyond = [context.port(port, "truck") for (_, port), value in values.items() if value.blank and port != ALL]
        return f"no dollar total, the change of truck waits at {' and '.join(beyond)} is {_BEYOND}"
    if any("extrapolated" in value.flag for value in values.values()):
        rule += ", extrapolated"
    size = dollars(Estimate(abs(total.usd.mean), total.usd.half_width))
    return {
        BETTER: f"shorter truck waits are worth {size} of cargo a month {rule}",
        WORSE: f"longer truck waits cost {size} of cargo a month {rule}",
        IDENTICAL: "cargo value is identical by design, truck waits do not change",
        NO_CLEAR_CHANGE: f"no clear change in cargo value ({dollars(total.usd, signed=True)} a month {rule})",
        NO_INTERVAL: f"cargo value changes by {dollars(total.usd, signed=True)} a month {rule} ({NO_INTERVAL})",
    }[total.verdict]


def _total_text(total: Value) -> str:
    if total.blank:
        return _BEYOND
    return dollars(total.usd, signed=True) if total.verdict in {BETTER, WORSE, NO_INTERVAL} else total.verdict


def value_text(value: Value | None) -> tuple[str, str]:
    """Return dollars, and the minutes they come from with what limits them."""
    if value is None:
        return "no trucks to compare", ""
    if value.verdict == IDENTICAL:
        return IDENTICAL, ""
    reasons = [f"{plus_minus(value.minutes)} min", value.flag or _BEYOND * value.blank]
    if value.blank:
        return "no dollar figure", f"({', '.join(reasons)})"
    reasons.append({NO_CLEAR_CHANGE: NO_CLEAR_CHANGE, NO_INTERVAL: "no interval"}.get(value.verdict, ""))
    return dollars(value.usd, signed=True), f"({', '.join(filter(None, reasons))})"


def share_label(values: Values, port: str, context: Context) -> str:
    """Return a port's name and its share of the border's imports; the total's name for all."""
    if port == ALL:
        return f"All ports{context.mark((name for _, name in values), 'truck')}"
    share = next(value.share for (_, name), value in values.items() if name == port)
    return f"{context.port(port, 'truck')}\n{100 * share:.2f}% share"


def arithmetic(values: Values, context: Context) -> str:
    """Return the rule, and its arithmetic for the port with most at stake."""
    share = "the port's share of US-Mexico truck imports"
    known = {
        port: value
        for (_, port), value in values.items()
        if port != ALL and not value.blank and value.minutes.mean != 0
    }
    if not known:
        return f"Rule: dollars per 10 minutes off the border's wait {TIMES} minutes saved {TIMES} {share}."
    port, value = max(known.items(), key=lambda item: abs(item[1].usd.mean))
    rule = f"${number(value.rule / value.minutes.mean * 10 / 1e6, 0)}M"
    saved, usd = number(value.minutes.mean, 1), dollars(Estimate(value.usd.mean, math.nan))
    return (
        f"Rule: {rule} a month {TIMES} minutes saved / 10 {TIMES} {share}. {context.ports[port]}: "
        f"{rule} {TIMES} {saved} / 10 {TIMES} {100 * value.share:.2f}% = {usd}."
    )


def upper_reading(table: pd.DataFrame, context: Context) -> str:
    """Return the other reading of the rule, the whole figure for this region's change; nothing if not in the table."""
    values = {option: value for (option, _), value in cargo_values(table, context, scope="region").items()}
    texts = []
    for option, value in values.items():
        text = "no figure, beyond its reach" if value.blank else f"{dollars(value.usd, signed=True)} a month"
        texts.append(f"{context.scenarios[option]} {text}" if len(values) > 1 else text)
    return f"Upper reading, the whole rule given to this region: {'; '.join(texts)}." if texts else ""


# --- what drives a value ------------------------------------------------------------------------------------


class Bar(NamedTuple):
    """What one figure does to a worth: its ends, and the worth at each; `assumed` where nobody measured or wrote it."""

    label: str
    ends: tuple[float, float]
    unit: str
    usd: tuple[float, float]
    assumed: bool

    @property
    def span(self) -> str:
        """Return the ends of the figure with its unit, in few letters."""
        if math.isnan(self.ends[0]):
            return self.unit  # an input of the model is told in words
        low, high = map(_short, self.ends)
        unit = (
            self.unit.replace("USD", "$").replace(" per ", "/").replace("$/", "$ a ").replace("gallons/hour", "gal/h")
        )
        return f"{low} to {high} {unit}"


def _short(value: float) -> str:
    for size, letter in ((1e9, " bn"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:.4g}"


def tornado_bars(tornado: pd.DataFrame, option: str, context: Context) -> tuple[list[Bar], float, str]:
    """Return the bars of an option, the longest first, the worth they start from, and of what they are."""
    rows = tornado[(tornado["base"] == context.base) & (tornado["option"] == option)].to_dict("records")
    bars = [
        Bar(
            str(row["label"]),
            (float(row["low_value"]), float(row["high_value"])),
            str(row["unit"]),
            (float(row["usd_at_low"]), float(row["usd_at_high"])),
            row["class"] == "assumed",
        )
        for row in rows
    ]
    return bars, float(rows[0]["usd_at_value"]) if rows else math.nan, str(rows[0]["of"]) if rows else ""


def tornado_title(bars: Sequence[Bar], usd: float, of: str, option: str, context: Context) -> str:
    """Return the finding of a tornado: the figure that matters most, and whether any turns the sign."""
    what = "net present value" if of == "npv" else "yearly welfare"
    turning = [bar.label for bar in bars if min(*bar.usd, usd) < 0 < max(*bar.usd, usd)]
    first = f"{context.scenarios[option]}: {bars[0].label} moves the {what} most"
    if turning:
        return f"{first}; {turning[0]} alone can turn its sign"
    return f"{first}; none alone turns its sign"
