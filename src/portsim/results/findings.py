"""What the tables find, in words: the titles and sentences of the charts, each computed from its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.measure.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, NO_INTERVAL, WORSE
from portsim.numbers import ASSUMED_MARK, Estimate, clear, dollars, number, plus_minus
from portsim.results.words import counted, known, listed, say, sentence, slug

ALL = "all"
HOURS = 24
DAYS = 7
MOST_SCENARIOS = 5  # more cannot be told apart
DAGGER = ASSUMED_MARK
SEVERAL = "; "  # between findings on several options

_VERDICTS = {
    BETTER: "better",
    WORSE: "worse",
    NO_CLEAR_CHANGE: "unclear",
    IDENTICAL: "same",
    NO_INTERVAL: "no_interval",
}
_EXTRAPOLATED = "extrapolated"
ASSUMED_WAIT = "assumed wait"  # in flags and notes of tables
_SAID_ELSEWHERE = ("assumed_wait", "upper_reading")  # flags: by the dagger, and by the note on the region


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
        return say(
            "provenance.text",
            replications=counted("replication", self.replications),
            weeks=counted("week", self.weeks),
            alone=say("provenance.alone") if self.replications == 1 else "",
            seed=self.seed,
            version=self.version,
            shown=say("provenance.left_out", options=counted("option", left_out)) if left_out > 0 else "",
            source=self.source.rstrip("."),
        )


def verdict_on(difference: float, half_width: float, verdict: str) -> str:
    """Return the verdict on a difference; of one replication alone none but that nothing changes by design."""
    alone = math.isnan(half_width) and not math.isnan(difference)
    return NO_INTERVAL if alone and verdict != IDENTICAL else verdict


def verdict_words(verdict: str) -> str:
    """Return a verdict of the tables in words."""
    return say(f"verdict.{_VERDICTS[verdict]}")


def lane_words(lane_type: str) -> str:
    """Return a lane type as people write it."""
    return known(f"lane.{lane_type}", lane_type)


def many(mode: str) -> str:
    """Return what the travellers of a mode are called."""
    return say(f"mode.{mode}.many")


def _of(scenario: str, finding: str, context: Context) -> str:
    return f"{context.scenarios[scenario]}: {finding}"


def _clock(hour: int) -> str:
    return f"{hour:02d}:00"


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
        return say("hidden.several", ports=", ".join(names))
    [lanes] = [lanes for lanes in hidden.values() if lanes]
    parts = [f"{lane_words(lane)} {_signed(change)}" for lane, change in lanes.items()]
    return say("hidden.one", port=next(iter(names)), changes=", ".join(parts))


def _signed(change: Change) -> str:
    if change.verdict == IDENTICAL:
        return verdict_words(IDENTICAL)
    key = "hidden.change_unclear" if change.verdict == NO_CLEAR_CHANGE else "hidden.change"
    return say(key, change=plus_minus(change.difference, signed=True))


def waits_title(waits: Waits, changes: Changes, mode: str, context: Context) -> str:
    """Return the finding of the waits by port: the longest of the base alone, else what becomes of them."""
    names = context.drawn(scenario for scenario, _ in waits)
    options = [name for name in names if name != context.base]
    if not options:
        port = max((port for name, port in waits if name == context.base), key=lambda p: waits[context.base, p].mean)
        gaps = {"who": many(mode), "port": context.port(port, mode), "wait": plus_minus(waits[context.base, port])}
        return sentence(say("waits.alone", **gaps))
    of_option = {name: {port: change for (o, port), change in changes.items() if o == name} for name in options}
    if len(options) == 1:
        return _of(options[0], _moves(of_option[options[0]], mode, context), context)
    clauses = [
        _of(name, _tally([change.verdict for change in found.values()]), context) for name, found in of_option.items()
    ]
    return say("waits.many", mode=say(f"mode.{mode}.one"), clauses=SEVERAL.join(clauses))


def _moves(changes: Mapping[str, Change], mode: str, context: Context) -> str:
    """Return what one option does at the ports that are open in the base too."""
    who = say(f"mode.{mode}.one")
    if not changes:
        return say("waits.none", mode=who, base=context.scenarios[context.base])
    ports = counted("port", len(changes))
    if all(change.verdict == IDENTICAL for change in changes.values()):
        return say("waits.same" if len(changes) > 1 else "waits.same_one", mode=who, ports=ports)
    if any(change.verdict == NO_INTERVAL for change in changes.values()):
        port = max(changes, key=lambda name: abs(changes[name].difference.mean))
        most = plus_minus(changes[port].difference, signed=True)
        return say("waits.no_interval", mode=who, port=context.port(port, mode), most=most)
    moves: list[str] = []
    for verb, verdict in (("fall", BETTER), ("rise", WORSE)):
        found = {port: change for port, change in changes.items() if change.verdict == verdict}
        if found:
            port = max(found, key=lambda name: abs(found[name].difference.mean))
            name = context.port(port, mode)
            where = say("waits.most_at", port=name) if len(found) > 1 else name
            gaps = {"count": len(found), "ports": ports, "where": where, "size": found[port].size}
            key = f"{verb}_too" if moves else verb
            moves.append(say(f"waits.{key}", **gaps))
    return say("waits.moves", mode=who, moves=listed(moves)) if moves else say("waits.unclear", mode=who, ports=ports)


def _tally(verdicts: Sequence[str], what: str = "port") -> str:
    """Return the verdicts on one option as a count of ports, or of hours."""
    if not verdicts:
        return say("tally.none")
    for alone in (IDENTICAL, NO_INTERVAL):
        if set(verdicts) == {alone} or (alone == NO_INTERVAL and alone in verdicts):
            return verdict_words(alone)
    counts = {"better": verdicts.count(BETTER), "worse": verdicts.count(WORSE)}
    parts = [say(f"tally.{what}_{key}", count=count) for key, count in counts.items() if count]
    if not parts:
        return verdict_words(NO_CLEAR_CHANGE)
    return say("tally.of", parts=", ".join(parts), whole=counted(what, len(verdicts)))


def change_text(waits: Waits, changes: Changes, option: str, port: str, context: Context) -> str:
    """Return the words on one option at one port."""
    before, after = (context.base, port) in waits, (option, port) in waits
    if not (before and after):
        return say("verdict.closes") if before else say("verdict.opens") if after else say("verdict.closed")
    change = changes.get((option, port))
    if change is None:
        return say("verdict.not_compared")
    if change.verdict == IDENTICAL:
        return verdict_words(IDENTICAL)
    verdict = say("verdict.no_interval_short") if change.verdict == NO_INTERVAL else verdict_words(change.verdict)
    return say("verdict.of_minutes", change=plus_minus(change.difference, signed=True), verdict=verdict)


# --- waits by hour ------------------------------------------------------------------------------------------

Hours = npt.NDArray[np.float64]


class Line(NamedTuple):
    """A waiting line: who waits where."""

    port: str
    mode: str
    lane_type: str

    def who(self, context: Context) -> str:
        """Return who waits in it, and where."""
        port, lane = context.port(self.port, self.mode), lane_words(self.lane_type)
        return say("line.who", who=many(self.mode), port=port, lane=lane)

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
        gaps = {"who": who, "wait": plus_minus(peak), "hour": _clock(days[first].peak)}
        text = say("hours.alone", against=_against(target, peak), **gaps)
        return sentence(text) if first == context.base else _of(first, text, context)
    found = {name: changes.get((name, line.port)) for name in days}
    paired = [change for change in found.values() if change]
    if len(paired) == len(options) == 1:
        return _of(options[0], _line_finding(days[first], days[options[0]], paired[0], who), context)
    if [change.verdict for change in paired] == [IDENTICAL] * len(options):
        return sentence(say("hours.same_every", who=who))
    peaks = {day.peak for day in days.values()}
    when = say("hours.peak_one", hour=_clock(next(iter(peaks)))) if len(peaks) == 1 else say("hours.peak_several")
    clauses = [_of(name, _peak_clause(day, found[name], shared=len(peaks) == 1), context) for name, day in days.items()]
    return sentence(say("hours.many", who=who, when=when, clauses=SEVERAL.join(clauses)))


def _line_finding(base: Day, option: Day, change: Change, who: str) -> str:
    gaps = {"who": who, "change": plus_minus(change.difference, signed=True), "size": change.size}
    if change.verdict not in {BETTER, WORSE}:
        return say(f"hours.{_VERDICTS[change.verdict]}", **gaps)
    peak = say(
        "hours.peak_stays" if base.peak == option.peak else "hours.peak_moves",
        before=plus_minus(base.at(base.peak)),
        after=plus_minus(option.at(option.peak)),
        hour=_clock(option.peak),
        hour_before=_clock(base.peak),
    )
    return say(f"hours.{_VERDICTS[change.verdict]}", peak=peak, **gaps)


def _peak_clause(day: Day, change: Change | None, *, shared: bool) -> str:
    if change and change.verdict in {NO_CLEAR_CHANGE, IDENTICAL}:
        return verdict_words(change.verdict)
    wait = plus_minus(day.at(day.peak))
    return say("hours.wait", wait=wait) if shared else say("hours.wait_at", wait=wait, hour=_clock(day.peak))


def _against(target: float | None, wait: Estimate) -> str:
    """Return on which side of a target a wait lies; nothing without an interval."""
    if target is None or math.isnan(wait.half_width):
        return ""
    low, high = wait.ends
    side = "under" if high < target else "over" if low > target else "around"
    return say(f"hours.target_{side}", target=f"{target:g}")


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
    return [_grid(rows, column).to_numpy(dtype=np.float64).reshape(DAYS, HOURS) for column in columns]


def _verdicts_of_week(rows: pd.DataFrame) -> npt.NDArray[np.str_]:
    verdicts = _grid(rows, "verdict").fillna("").to_numpy(dtype=np.str_)
    alone = (_grid(rows, "half_width").isna() & _grid(rows, "difference").notna()).to_numpy(dtype=np.bool_)
    return np.where(alone & (verdicts != IDENTICAL), NO_INTERVAL, verdicts).reshape(DAYS, HOURS)


def _grid(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    whole = pd.MultiIndex.from_product([range(DAYS), range(HOURS)])
    return rows.set_index(["weekday", "hour"])[column].reindex(whole)


def week_title(weeks: Mapping[str, Week], changes: Mapping[str, WeekChange], line: Line, context: Context) -> str:
    """Return the finding of the waits by hour of the week: the worst hour, or the hours that change."""
    who = line.who(context)
    options = [name for name in changes if name in weeks]
    if not options:
        return _worst_hour(weeks, who, line, context)
    if all(changes[name].identical for name in options):
        if len(options) > 1:
            return sentence(say("weeks.same_every", who=who))
        return _of(options[0], say("weeks.same", who=who), context)
    if len(options) == 1:
        return _of(options[0], _hours_that_change(changes[options[0]], who), context)
    clauses = [_of(name, _tally(changes[name].verdicts, "hour"), context) for name in options]
    return sentence(say("weeks.many", who=who, clauses=SEVERAL.join(clauses)))


def week_notes(weeks: Mapping[str, Week], changes: Mapping[str, WeekChange]) -> list[str]:
    """Return how sure a single hour is, which no colour shows."""
    widths = [week.uncertainty for week in weeks.values() if not math.isnan(week.uncertainty)]
    notes = [say("weeks.note_width", width=number(max(widths), 0))] if widths else []
    judged = any(NO_INTERVAL not in change.verdicts for change in changes.values())
    notes += [say("weeks.note_paired")] * judged
    return notes


def _worst_hour(weeks: Mapping[str, Week], who: str, line: Line, context: Context) -> str:
    """Return when the first scenario's line is longest, and how often it is clearly over its target."""
    name, week = next(iter(weeks.items()))
    day, hour = week.worst
    longest = plus_minus(Estimate(float(week.mean[day, hour]), float(week.half_width[day, hour])))
    text = say("weeks.worst", who=who, day=_on_day(day), hour=_clock(hour), wait=longest)
    target = context.target_wait_min.get(line.port)
    if target is not None and not np.isnan(week.half_width).all():
        over, hours = int((week.mean - week.half_width > target).sum()), int((~np.isnan(week.mean)).sum())
        gaps = {"target": f"{target:g}", "over": over, "hours": counted("hour", hours)}
        text += say("weeks.over" if over else "weeks.over_never", **gaps)
    return sentence(text) if name == context.base else _of(name, text, context)


def _on_day(weekday: int) -> str:
    return say("weeks.on_days").split()[weekday]


def _hours_that_change(change: WeekChange, who: str) -> str:
    """Return in how many hours a wait is clearly shorter, or longer, and in which by most.

    That hour is the one whose interval keeps furthest from zero: the largest mean may be the noisiest.
    """
    hours = counted("hour", int(change.known.sum()))
    if NO_INTERVAL in change.verdicts:
        return say("weeks.no_interval", who=who, hours=hours)
    parts: list[str] = []
    for word, verdict in (("less", BETTER), ("more", WORSE)):
        found = change.verdict == verdict
        if found.any():
            sure = np.where(found, np.abs(change.difference) - change.half_width, -1.0)
            day, hour = divmod(int(np.argmax(sure)), HOURS)
            largest = Estimate(float(change.difference[day, hour]), float(change.half_width[day, hour]))
            gaps = {"day": _on_day(day), "hour": _clock(hour), "size": Change(largest, verdict).size}
            key = f"{word}_too" if parts else word
            parts.append(say(f"weeks.{key}", count=int(found.sum()), hours=hours, **gaps))
    if not parts:
        return say("weeks.unclear", who=who, hours=hours)
    return say("weeks.moves", who=who, moves=listed(parts))


# --- cargo value --------------------------------------------------------------------------------------------


class Value(NamedTuple):
    """One line of the cargo rule's arithmetic; NaN dollars where the rule does not reach."""

    usd: Estimate
    low: float
    high: float
    minutes: Estimate
    share: float
    rule: float
    flags: tuple[str, ...]

    @property
    def flag(self) -> str:
        """Return in words what limits the figure."""
        return "; ".join(known(f"flag.{slug(flag)}", flag) for flag in self.flags)

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
    told = str(row["flag"]).split("; ") if isinstance(row["flag"], str) else []
    return Value(
        usd=Estimate(float(row["usd_per_month"]), float(row["usd_per_month_hw"])),
        low=float(row["low_usd_per_month"]),
        high=float(row["high_usd_per_month"]),
        minutes=Estimate(float(row["minutes_saved"]), float(row["minutes_saved_hw"])),
        share=float(row["share"]),
        rule=float(row["rule_if_borderwide_usd_per_month"]),
        flags=tuple(flag for flag in told if slug(flag) not in ("", *_SAID_ELSEWHERE)),
    )


def cargo_title(values: Values, context: Context) -> str:
    """Return the finding of the cargo values: their total."""
    options = context.drawn(option for option, _ in values)
    mark = context.mark((port for _, port in values), "truck")
    if len(options) == 1:
        return _of(options[0], _cargo_finding(values, options[0], mark, context), context)
    clauses = [_of(name, _total_text(values[name, ALL]), context) for name in options]
    return say("cargo.many", rule=say("cargo.rule", mark=mark), clauses=SEVERAL.join(clauses))


def _cargo_finding(values: Values, option: str, mark: str, context: Context) -> str:
    total = values[option, ALL]
    if total.blank:
        beyond = [context.port(port, "truck") for (_, port), value in values.items() if value.blank and port != ALL]
        return say("cargo.beyond", ports=listed(beyond))
    stretched = any(_EXTRAPOLATED in value.flags for value in values.values())
    return say(
        f"cargo.{_VERDICTS[total.verdict]}",
        size=dollars(Estimate(abs(total.usd.mean), total.usd.half_width)),
        change=dollars(total.usd, signed=True),
        rule=say("cargo.rule_stretched" if stretched else "cargo.rule", mark=mark),
    )


def _total_text(total: Value) -> str:
    if total.blank:
        return say("flag.beyond_the_rules_reach")
    told = total.verdict in {BETTER, WORSE, NO_INTERVAL}
    return dollars(total.usd, signed=True) if told else verdict_words(total.verdict)


def value_text(value: Value | None) -> tuple[str, str]:
    """Return dollars, and the minutes they come from with what limits them."""
    if value is None:
        return say("cargo.no_trucks"), ""
    if value.verdict == IDENTICAL:
        return verdict_words(IDENTICAL), ""
    saved = say("cargo.saved", minutes=plus_minus(value.minutes))
    reasons = [saved, value.flag or (say("flag.beyond_the_rules_reach") if value.blank else "")]
    if value.blank:
        return say("cargo.no_figure"), f"({', '.join(reasons)})"
    if value.verdict in {NO_CLEAR_CHANGE, NO_INTERVAL}:
        known_width = value.verdict == NO_CLEAR_CHANGE
        reasons.append(verdict_words(NO_CLEAR_CHANGE) if known_width else say("verdict.no_interval_short"))
    return dollars(value.usd, signed=True), f"({', '.join(filter(None, reasons))})"


def share_label(values: Values, port: str, context: Context) -> str:
    """Return a port's name and its share of the border's imports; the total's name for all."""
    if port == ALL:
        return say("cargo.all_ports", mark=context.mark((name for _, name in values), "truck"))
    share = next(value.share for (_, name), value in values.items() if name == port)
    return f"{context.port(port, 'truck')}\n{say('cargo.share', share=f'{100 * share:.2f}')}"


def arithmetic(values: Values, context: Context) -> str:
    """Return the rule, and its arithmetic for the port with most at stake."""
    found = {
        port: value
        for (_, port), value in values.items()
        if port != ALL and not value.blank and value.minutes.mean != 0
    }
    if not found:
        return say("cargo.rule_in_words")
    port, value = max(found.items(), key=lambda item: abs(item[1].usd.mean))
    return say(
        "cargo.rule_worked",
        rule=f"${number(value.rule / value.minutes.mean * 10 / 1e6, 0)}M",
        port=context.ports[port],
        saved=number(value.minutes.mean, 1),
        share=f"{100 * value.share:.2f}",
        usd=dollars(Estimate(value.usd.mean, math.nan)),
    )


def upper_reading(table: pd.DataFrame, context: Context) -> str:
    """Return the other reading of the rule, the whole figure for this region's change; nothing if not in the table."""
    values = {option: value for (option, _), value in cargo_values(table, context, scope="region").items()}
    texts = []
    for option, value in values.items():
        usd = dollars(value.usd, signed=True)
        text = say("cargo.upper_none") if value.blank else say("cargo.upper_month", usd=usd)
        texts.append(f"{context.scenarios[option]} {text}" if len(values) > 1 else text)
    return say("cargo.upper", texts="; ".join(texts)) if texts else ""


# --- what drives a value ------------------------------------------------------------------------------------

NPV = "npv"  # what a tornado's worth is of an appraised option; of another, the welfare of a year


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
        return say("tornado.span", low=low, high=high, unit=known(f"figure_unit.{self.unit}", self.unit))


def _short(value: float) -> str:
    for size, letter in ((1e9, f" {say('unit.bn')}"), (1e6, "M"), (1e4, "k")):
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
    turning = [bar.label for bar in bars if min(*bar.usd, usd) < 0 < max(*bar.usd, usd)]
    kind, end = "npv" if of == NPV else "welfare", "turns" if turning else "holds"
    gaps = {"label": bars[0].label, "turning": turning[0] if turning else ""}
    return _of(option, say(f"tornado.{kind}_{end}", **gaps), context)
