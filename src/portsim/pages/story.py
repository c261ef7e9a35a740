"""The pages of a finished study, before they are drawn: findings in order, tables to show, pictures by name.

Report and slides are made from these, so that they say the same. Every title is computed; every page names the
tables its numbers are from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from portsim.drawing import queue_map
from portsim.language.schema import MODES
from portsim.measure.inference import BETTER, IDENTICAL, NO_CLEAR_CHANGE, NO_INTERVAL, WORSE
from portsim.numbers import Estimate, dollars, number, plus_minus
from portsim.results import accounts, appraised, findings, service
from portsim.results.findings import ALL, Change, Context, Line
from portsim.results.finished import Finished
from portsim.results.service import change_words, metric_change
from portsim.results.words import counted, known, listed, say, sentence

FEW = 5  # fewer replications leave the width of an interval to chance
_WAIT = "wait_mean_min"
_MOST_INPUTS = 40
_UNIT_IN_NAME = re.compile(r"_(usd_per_hour|pct_per_min|min|usd|share)(?=\.|$)")  # the unit has its own column


class Grid(NamedTuple):
    """A table to show: rows of text, the first column names the row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Picture(NamedTuple):
    """A figure of the folder, what it found, and the tables behind it."""

    name: str
    finding: str
    files: Sequence[str]

    @property
    def alt(self) -> str:
        """Return what the picture says, for those who cannot see it."""
        return say("chart.alt", title=f"{self.finding.rstrip('.')}.", files=listed(_paths(self.files)))


@dataclass(frozen=True)
class Page:
    """One page: `about` names it in the contents, `title` is its finding; `touch` a chart that answers to touch."""

    id: str
    about: str
    title: str
    definition: str
    files: Sequence[str]
    text: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    grids: Sequence[Grid] = ()
    touch: str = ""


class Answer(NamedTuple):
    """One of the questions of page 1, and its answer in sentences."""

    question: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Story:
    """What a study found, in the order in which it is told."""

    head: str
    subtitle: str
    scope: str
    answers: Sequence[Answer]
    much: Grid
    pages: Sequence[Page]
    mode: str
    line: Line
    said: Mapping[str, str] = field(default_factory=dict)


def tell(finished: Finished, found: Mapping[str, str]) -> Story:
    """Return the story of a finished study whose figures found these things."""
    context = finished.context
    mode = headline_mode(finished)
    line = headline_line(finished, mode)
    makers = (
        *(_day, _where, _shares, _options, _week, _booths, _map),
        *(_worth, _appraisal, _drivers, _trust, _assumptions, _reproduce),
    )
    telling = _Telling(finished, context, dict(found), mode, line)
    pages = [page for maker in makers if (page := maker(telling)) is not None]
    options = [context.scenarios[name] for name in list(context.scenarios)[1:]]
    base = context.scenarios[context.base]
    return Story(
        head=head(finished),
        subtitle=say("head.subtitle", options=listed(options), base=base)
        if options
        else say("head.subtitle_alone", base=base),
        scope=say("head.scope"),
        answers=answers(telling),
        much=_much(finished),
        pages=pages,
        mode=mode,
        line=line,
        said=dict(found),
    )


class _Telling(NamedTuple):
    """What the pages are told from."""

    finished: Finished
    context: Context
    found: dict[str, str]
    mode: str
    line: Line

    @property
    def options(self) -> list[str]:
        """Return the options by name."""
        return list(self.context.scenarios)[1:]

    def pictures(self, names: Sequence[str], files: Sequence[str]) -> list[Picture]:
        """Return the figures there are of these."""
        return [Picture(name, self.found[name], tuple(files)) for name in names if name in self.found]


def _many(mode: str) -> str:
    """Return what the travellers of a mode are called."""
    return say(f"mode.{mode}.many")


def _class(name: str) -> str:
    """Return in words how an input was come by."""
    return known(f"class.{name}", name)


def _paths(files: Sequence[str]) -> list[str]:
    return [f"tables/{name}.csv" for name in files]


# --- what heads the report ----------------------------------------------------------------------------------


def _all_ports(finished: Finished, option: str) -> dict[str, Change]:
    """Return the change of the mean wait over all ports, by mode."""
    found = {mode: metric_change(finished.table("comparison"), option, mode, _WAIT, finished.context) for mode in MODES}
    return {mode: change for mode, change in found.items() if change is not None}


def headline_mode(finished: Finished) -> str:
    """Return the mode that heads the report: the first that changes clearly in the first option, else the first.

    Trucks come before vehicles: cargo rests on them.
    """
    summary, context = finished.table("summary"), finished.context
    present = [m for m in MODES if not math.isnan(service.wait_of(summary, context.base, ALL, m).mean)]
    for option in list(context.scenarios)[1:]:
        changes = _all_ports(finished, option)
        for mode in MODES:
            if mode in changes and changes[mode].verdict in {BETTER, WORSE} and mode != "bus":
                return mode
    return present[0] if present else MODES[0]


def headline_line(finished: Finished, mode: str) -> Line:
    """Return the line of a mode with most minutes of change in all, or without an option most minutes of waiting."""
    summary, comparison, context = finished.table("summary"), finished.table("comparison"), finished.context
    lines = summary[
        (summary["scenario"] == context.base)
        & (summary["mode"] == mode)
        & (summary["lane_type"] != ALL)
        & (summary["port"] != ALL)
        & summary[_WAIT].notna()
    ].set_index(["port", "lane_type"])
    weight = lines["crossings_per_day"] * lines[_WAIT]
    if not comparison.empty:
        rows = comparison[
            (comparison["base"] == context.base) & (comparison["mode"] == mode) & (comparison["metric"] == _WAIT)
        ]
        moved = rows.groupby(["port", "lane_type"])["difference"].agg(lambda d: d.abs().max()).reindex(lines.index)
        if (moved.fillna(0) > 0).any():
            weight = lines["crossings_per_day"] * moved
    port, lane_type = str(weight.idxmax()[0]), str(weight.idxmax()[1])  # type: ignore[index]
    return Line(port, mode, lane_type)


def head(finished: Finished) -> str:
    """Return the finding of the whole study: for which modes waits get shorter or longer, all ports together."""
    context = finished.context
    options = list(context.scenarios)[1:]
    if not options:
        summary = finished.table("summary")
        waits = {mode: service.wait_of(summary, context.base, ALL, mode) for mode in MODES}
        parts = [
            say("head.alone_wait", who=say(f"mode.{mode}.many"), wait=plus_minus(wait))
            for mode, wait in waits.items()
            if not math.isnan(wait.mean)
        ]
        return say("head.alone", base=context.scenarios[context.base], waits=listed(parts))
    return "; ".join(_option_head(_all_ports(finished, option), context.scenarios[option]) for option in options)


def _option_head(changes: Mapping[str, Change], title: str) -> str:
    verdicts = {mode: change.verdict for mode, change in changes.items()}
    better, worse = (
        [say(f"mode.{mode}.many") for mode, verdict in verdicts.items() if verdict == wanted]
        for wanted in (BETTER, WORSE)
    )
    gaps = {"option": title, "better": listed(better) if better else "", "worse": listed(worse) if worse else ""}
    if better or worse:
        key = "mixed" if better and worse else "better" if better else "worse"
    elif set(verdicts.values()) <= {IDENTICAL}:
        key = "same"
    else:
        key = "unclear" if NO_CLEAR_CHANGE in verdicts.values() else "no_interval"
    return say(f"head.{key}", **gaps)


def _much(finished: Finished) -> Grid:
    """Return the mean waits over all ports: every scenario, every change."""
    context, summary = finished.context, finished.table("summary")
    options = list(context.scenarios)[1:]
    titles = list(context.scenarios.values())
    heads = [say("much.mode"), *titles, *_change_heads(options)]
    rows = []
    for mode in MODES:
        waits = [service.wait_of(summary, name, ALL, mode) for name in context.scenarios]
        if all(math.isnan(wait.mean) for wait in waits):
            continue
        ports = [
            port for port in context.ports if not math.isnan(service.wait_of(summary, context.base, port, mode).mean)
        ]
        name = sentence(say(f"mode.{mode}.many")) + context.mark(ports, mode)
        cells = ["" if math.isnan(wait.mean) else plus_minus(wait) for wait in waits]
        changes = [metric_change(finished.table("comparison"), option, mode, _WAIT, context) for option in options]
        rows.append([name, *_with_changes(cells, [change_words(change, f" {say('unit.min')}") for change in changes])])
    return Grid(say("much.caption"), heads, rows)


def _change_heads(options: Sequence[str]) -> list[str]:
    """Return the head of the column of changes; of several options each stands beside its wait instead."""
    return [say("much.change")] if len(options) == 1 else []


def _with_changes(cells: Sequence[str], changes: Sequence[str]) -> list[str]:
    """Return the cells of a row with the changes after them, or of several options each behind its wait."""
    if len(changes) == 1:
        return [*cells, *changes]
    base, *options = cells
    together = [
        say("much.both", wait=wait, change=change) if wait and change else wait or change
        for wait, change in zip(options, changes, strict=True)
    ]
    return [base, *together]


# --- page 1 -------------------------------------------------------------------------------------------------


def answers(telling: _Telling) -> list[Answer]:
    """Return the five answers of page 1."""
    what = say("answer.what") if telling.options else say("answer.what_alone")
    return [
        Answer(what, _what(telling)),
        Answer(say("answer.sure"), _sure(telling)),
        Answer(say("answer.worth"), _worth_sentences(telling)),
        Answer(say("answer.rests"), _rests(telling)),
    ]


def _what(telling: _Telling) -> list[str]:
    about = telling.finished.about
    names = telling.options or [telling.context.base]
    said = [about[name].strip() for name in names if about.get(name)]
    found = [telling.found[f"waits-{mode}"] for mode in MODES if f"waits-{mode}" in telling.found]
    return said + [f"{_unnamed(text, telling)}." for text in found]


def _unnamed(text: str, telling: _Telling) -> str:
    """Return a finding without the option's name at its head, where there is only one that it can be about."""
    heading = f"{telling.context.scenarios[telling.options[0]]}: " if len(telling.options) == 1 else ""
    return sentence(text.removeprefix(heading))


def _verdicts(telling: _Telling, option: str) -> list[str]:
    """Return the verdicts on the mean waits by port and mode of one option."""
    rows = telling.finished.table("comparison")
    rows = rows[
        (rows["base"] == telling.context.base)
        & (rows["option"] == option)
        & (rows["metric"] == _WAIT)
        & (rows["lane_type"] == ALL)
        & (rows["port"] != ALL)
        & (rows["mode"] != ALL)
        & rows["difference"].notna()
    ]
    numbers = rows[["difference", "half_width", "verdict"]].itertuples(index=False, name=None)
    return [findings.verdict_on(difference, half, str(verdict)) for difference, half, verdict in numbers]


def _sure(telling: _Telling) -> list[str]:
    context, options = telling.context, telling.options
    if context.replications == 1:
        return [say("answer.sure_one")]
    weeks = counted("measured_week", context.weeks)
    gaps = {"replications": context.replications, "weeks": weeks}
    said = []
    for option in options:
        verdicts = _verdicts(telling, option)
        text = say("answer.sure_verdicts", **_tally(verdicts))
        said.append(text if len(options) == 1 else f"{context.scenarios[option]}: {text[0].lower()}{text[1:]}")
    said.append(say("answer.sure_run" if options else "answer.sure_alone", **gaps))
    said += [say("answer.sure_few", **gaps)] * (context.replications < FEW)
    if options:
        said.append(_at_low_patience(telling))
    return said


def _tally(verdicts: Sequence[str]) -> dict[str, int]:
    names = {"better": BETTER, "worse": WORSE, "unclear": NO_CLEAR_CHANGE, "same": IDENTICAL}
    return {"count": len(verdicts), **{key: verdicts.count(word) for key, word in names.items()}}


def _at_low_patience(telling: _Telling) -> str:
    """Return the change of the headline mode at the low figures of patience, or that it is not known."""
    companions, context = telling.finished.companions, telling.context
    if context.base not in companions:
        return say("answer.sure_patience_unknown")
    table = telling.finished.table("comparison")
    parts = []
    for option in telling.options:
        of_low = Context(**{**vars(context), "scenarios": {companions[context.base]: ""}})
        change = metric_change(table, companions[option], telling.mode, _WAIT, of_low)
        who = say(f"mode.{telling.mode}.many")
        parts.append(f"{context.scenarios[option]}, {who} {change_words(change, ' ' + say('unit.min'))}")
    return say("answer.sure_patience", changes="; ".join(parts))


def _worth_sentences(telling: _Telling) -> list[str]:
    cargo, values = telling.finished.table("cargo_value"), telling.finished.table("value")
    if not telling.options or (cargo.empty and values.empty):
        return [say("answer.worth_none")]
    if values.empty and findings.no_truck_change(cargo):
        return [say("answer.worth_no_trucks")]
    said = [f"{appraised.title(of, telling.context)}." for of in appraised.read(telling.finished)]
    for option in telling.options:
        for text in accounts.worth(cargo, values, option, telling.context):
            heading = f"{telling.context.scenarios[option]}: "
            known = text if text.startswith(heading) or len(telling.options) == 1 else heading + text
            said.append(known.rstrip(".") + ".")
    return [*said, say("answer.worth_kinds")]


def _rests(telling: _Telling) -> list[str]:
    finished, context = telling.finished, telling.context
    counts = finished.manifest["scenarios"][0]["inputs"]
    said = [say("answer.rests_inputs", assumed=counts["assumed"], total=sum(counts.values()))]
    lines = sorted({(str(line["port"]), str(line["mode"])) for line in finished.manifest["context"]["assumed_lines"]})
    if lines:
        names = [
            say("answer.line", who=_many(mode), port=context.ports[port])
            for port, mode in lines
            if port in context.ports
        ]
        said.append(say("answer.rests_waits", lines=listed(names)))
    checked = telling.found.get(f"observed-{telling.mode}")
    if checked:
        said.append(say("answer.rests_checked", finding=checked[:1].lower() + checked[1:]))
    return [*said, say("answer.rests_more")]


# --- the pages ----------------------------------------------------------------------------------------------


def _day(telling: _Telling) -> Page | None:
    title = day_finding(telling.finished, telling.line)
    if title is None:
        return None
    files = ("weekday_profile", "comparison", "observed_waits")
    return Page("day", say("page.day"), title, say("day.definition"), files, touch="day")


def day_finding(finished: Finished, line: Line) -> str | None:
    """Return what the weekday of a line says, drawn or not; None where nobody waits."""
    context = finished.context
    days = findings.weekdays(finished.table("weekday_profile"), line)
    days = {name: days[name] for name in context.drawn(days)}
    changes = findings.wait_changes(finished.table("comparison"), line.mode, line.lane_type, context)
    return findings.hours_title(days, changes, line, context) if days else None


def week_finding(finished: Finished, line: Line) -> str | None:
    """Return what the week of a line says, drawn or not; None where nobody waits."""
    context = finished.context
    weeks = findings.weeks(finished.table("hourly"), line)
    weeks = {name: weeks[name] for name in context.drawn(weeks)}
    changes = findings.week_changes(finished.table("hourly_comparison"), line, context)
    return findings.week_title(weeks, {n: changes[n] for n in weeks if n in changes}, line, context) if weeks else None


def _where(telling: _Telling) -> Page:
    files = ("summary", "comparison")
    about = say("page.where" if telling.options else "page.where_alone")
    pictures = telling.pictures([f"waits-{mode}" for mode in MODES], files)
    grid = _by_port(telling)
    return Page("where", about, _where_title(telling), say("where.definition"), files, (), pictures, (grid,))


def _where_title(telling: _Telling) -> str:
    context = telling.context
    if not telling.options:
        waits = []
        for mode in MODES:
            of_mode = findings.mean_waits(telling.finished.table("summary"), mode)
            here = {port: wait for (name, port), wait in of_mode.items() if name == context.base}
            if here and mode != "bus":
                port = max(here, key=lambda p: here[p].mean)
                gaps = {"who": say(f"mode.{mode}.many"), "port": context.port(port, mode)}
                waits.append(say("where.alone_wait", wait=plus_minus(here[port]), **gaps))
        return say("where.alone", base=context.scenarios[context.base], waits=listed(waits))
    return say("where.several", clauses="; ".join(_where_clause(telling, option) for option in telling.options))


def _where_clause(telling: _Telling, option: str) -> str:
    """Return at how many ports a mean wait of any mode changes clearly."""
    context, table = telling.context, telling.finished.table("comparison")
    of_port: dict[str, set[str]] = {}
    for port in context.ports:
        changes = [metric_change(table, option, mode, _WAIT, context, port=port) for mode in MODES]
        verdicts = {change.verdict for change in changes if change is not None}
        if verdicts:
            of_port[port] = verdicts
    gaps: dict[str, object] = {"option": context.scenarios[option], "ports": len(of_port)}
    if any(NO_INTERVAL in verdicts for verdicts in of_port.values()):
        return say("where.no_interval", **gaps)
    changed = [port for port, verdicts in of_port.items() if verdicts & {BETTER, WORSE}]
    same = [port for port, verdicts in of_port.items() if verdicts <= {IDENTICAL}]
    if not changed:
        return say("where.same" if len(same) == len(of_port) else "where.none", **gaps)
    if len(changed) == len(of_port):
        return say("where.all", **gaps)
    names = listed([context.ports[port] for port in same]) if same else ""
    kind = "unclear" if not same else "same" if len(changed) + len(same) == len(of_port) else "both"
    rest = say(f"where.rest_{kind}", names=names)
    return say("where.some", count=len(changed), rest=rest, **gaps)


def _by_port(telling: _Telling) -> Grid:
    """Return mean waits and changes of every port and mode."""
    context, summary = telling.context, telling.finished.table("summary")
    table = telling.finished.table("comparison")
    heads = [say("where.port"), say("where.mode"), *context.scenarios.values(), *_change_heads(telling.options)]
    rows = []
    for port in context.ports:
        for mode in MODES:
            waits = {name: service.wait_of(summary, name, port, mode) for name in context.scenarios}
            if all(math.isnan(wait.mean) for wait in waits.values()):
                continue
            cells = ["\u2013" if math.isnan(wait.mean) else plus_minus(wait) for wait in waits.values()]
            words = [_port_change(table, waits, option, port, mode, context=context) for option in telling.options]
            rows.append([context.port(port, mode), say(f"mode.{mode}.many"), *_with_changes(cells, words)])
    return Grid(say("where.table"), heads, rows)


def _port_change(
    table: pd.DataFrame, waits: Mapping[str, Estimate], option: str, port: str, mode: str, *, context: Context
) -> str:
    before, after = (not math.isnan(waits[name].mean) for name in (context.base, option))
    if before != after:
        return say("verdict.opens" if after else "verdict.closes")
    change = metric_change(table, option, mode, _WAIT, context, port=port)
    return change_words(change, f" {say('unit.min')}") if before else ""


def _shares(telling: _Telling) -> Page | None:
    files = ("summary", "comparison")
    names = [telling.mode, *(mode for mode in MODES if mode != telling.mode)]
    pictures = telling.pictures([f"shares-{mode}" for mode in names], files)
    if not pictures:
        return None
    return Page("shares", say("page.shares"), pictures[0].finding, say("shares.definition"), files, (), pictures)


def _options(telling: _Telling) -> Page | None:
    context = telling.context
    if not telling.options:
        return None
    tallies = {option: _tally(_verdicts(telling, option)) for option in telling.options}
    gaps = {"base": context.scenarios[context.base]}
    if context.replications == 1:
        title = say("options.one_no_interval", option=listed([context.scenarios[o] for o in telling.options]), **gaps)
    elif len(telling.options) == 1:
        [(option, tally)] = tallies.items()
        title = say("options.one", option=context.scenarios[option], **tally, **gaps)
    else:
        clauses = [say("options.clause", option=context.scenarios[o], **tally) for o, tally in tallies.items()]
        title = say("options.many", count=len(tallies), clauses="; ".join(clauses), **gaps)
    files = ("summary", "comparison")
    grid = _options_grid(telling)
    return Page("options", say("page.options"), title, say("options.definition"), files, (), (), (grid,))


def _options_grid(telling: _Telling) -> Grid:
    """Return one row a mode and scenario: mean, change, 95th percentile, share over an hour, lines within target."""
    context, summary = telling.context, telling.finished.table("summary")
    heads = [say(f"options.{key}") for key in ("option", "mode", "wait", "change", "p95", "over", "met")]
    rows = []
    for mode in MODES:
        whole = summary[(summary["port"] == ALL) & (summary["mode"] == mode) & (summary["lane_type"] == ALL)]
        of_scenario = {str(row["scenario"]): row for row in whole.dropna(subset=[_WAIT]).to_dict("records")}
        for name in filter(of_scenario.__contains__, context.scenarios):
            row = of_scenario[name]
            change = metric_change(telling.finished.table("comparison"), name, mode, _WAIT, context)
            rows.append(
                [
                    context.scenarios[name],
                    say(f"mode.{mode}.many"),
                    plus_minus(Estimate(row[_WAIT], row["wait_mean_hw_min"])),
                    "\u2013" if name == context.base else change_words(change, ""),
                    number(row["wait_p95_min"], 0),
                    service.percent(100 * row["share_over_60min"]),
                    _met(summary, name, mode, context),
                ]
            )
    return Grid(say("options.table", base=context.scenarios[context.base]), heads, rows)


def _met(summary: pd.DataFrame, scenario: str, mode: str, context: Context) -> str:
    """Return how many lines of a mode have a mean wait within their port's target."""
    rows = summary[(summary["scenario"] == scenario) & (summary["mode"] == mode) & (summary["lane_type"] != ALL)]
    rows = rows[rows[_WAIT].notna() & rows["port"].isin(list(context.target_wait_min))]
    if rows.empty:
        return "\u2013"
    within = rows[_WAIT] <= rows["port"].map(context.target_wait_min)
    return f"{int(within.sum())} / {len(rows)}"


def _week(telling: _Telling) -> Page | None:
    title = week_finding(telling.finished, telling.line)
    if title is None:
        return None
    files = ("hourly", "hourly_comparison")
    return Page("week", say("page.week"), title, say("week.definition"), files, touch="week")


def _booths(telling: _Telling) -> Page | None:
    files = ("hourly", "summary", "booths")
    pictures = telling.pictures([name for name in telling.found if name.startswith("booths-")], files)
    if not pictures:
        return None
    return Page("booths", say("page.booths"), pictures[0].finding, say("booths.definition"), files, (), pictures)


def _map(telling: _Telling) -> Page | None:
    title = queue_map.title(telling.finished, telling.mode)
    if title is None:
        return None
    grid = Grid(*queue_map.longest(telling.finished, telling.mode))
    return Page("map", say("page.map"), title, say("map.definition"), ("queues",), (), (), (grid,), touch="map")


def _worth(telling: _Telling) -> Page | None:
    if not telling.options:
        return None
    cargo, values = telling.finished.table("cargo_value"), telling.finished.table("value")
    suffixes = ["", *(f"-{option}" for option in telling.options)]
    names = [f"{kind}{suffix}" for suffix in suffixes for kind in ("accounts", "waterfall")]
    pictures = telling.pictures(["cargo-value", *names], ("cargo_value",) if values.empty else ("value", "cargo_value"))
    if not pictures:
        title = say("worth.none") if cargo.empty else say("worth.truckless")
    else:
        first = next((p for p in pictures if p.name.startswith("accounts")), pictures[0])
        title = first.finding
    grids = [_accounts_grid(telling, option) for option in telling.options if not values.empty]
    grids += [_cargo_grid(telling, cargo)] if pictures and not cargo.empty else []
    files = [name for name in ("value", "emissions", "appraisal", "cargo_value") if name in telling.finished.names]
    text = [say("answer.worth_kinds")]
    if pictures and not cargo.empty:
        text += filter(None, [findings.upper_reading(cargo, telling.context)])
    return Page("worth", say("page.worth"), title, say("worth.definition"), files, text, pictures, grids)


def _accounts_grid(telling: _Telling, option: str) -> Grid:
    found = accounts.entries(telling.finished.table("value"), option, telling.context)
    heads = [say(f"account.{key}") for key in ("column", "component", "amount", "range", "dollars", "note")]
    rows = [
        [say(f"account.{account}"), e.name, e.text, e.range, e.dollar_year, e.note]
        for account, entries in found.items()
        for e in entries
    ]
    return Grid(say("worth.accounts", option=telling.context.scenarios[option]), heads, rows)


def _cargo_grid(telling: _Telling, cargo: pd.DataFrame) -> Grid:
    """Return the whole line of the rule's arithmetic by option and port."""
    context = telling.context
    heads = [say(f"worth.{key}") for key in ("option", "port", "minutes", "share", "usd", "low_high", "flag")]
    rows = []
    for (option, port), v in findings.cargo_values(cargo, context).items():
        name = say("worth.all_ports") if port == ALL else context.port(port, "truck")
        low, high = (dollars(Estimate(end, math.nan)) for end in (v.low, v.high))
        usd = (
            ("\u2013", "\u2013")
            if v.blank or v.usd.mean == 0
            else (dollars(v.usd, signed=True), say("worth.span", low=low, high=high))
        )
        rows.append([context.scenarios[option], name, plus_minus(v.minutes), f"{100 * v.share:.2f}%", *usd, v.flag])
    return Grid(say("worth.table"), heads, rows)


def _appraisal(telling: _Telling) -> Page | None:
    """Return the appraised options: measures, waits of the years simulated, and what would turn the answer."""
    found = appraised.read(telling.finished)
    if not found:
        return None
    files = [name for name in ("appraisal", "appraisal_years", "tornado") if name in telling.finished.names]
    pictures = telling.pictures([f"appraisal-{of.option}" for of in found], ("appraisal_years",))
    grids, text = [], []
    for of in found:
        grids += appraisal_grids(telling.finished, of)
        text += [say("value.outside_npv")] * of.outside + appraised.cautions(of, telling.context)
    title = "; ".join(appraised.title(of, telling.context) for of in found)
    definition = say("appraisal.definition", year=found[0].dollar_year)
    return Page("appraisal", say("page.appraisal"), title, definition, files, text, pictures, grids)


def appraisal_grids(finished: Finished, of: appraised.Appraised) -> list[Grid]:
    """Return the tables of an appraised option: measures, waits by year where later years were simulated, inputs."""
    context, option = finished.context, finished.context.scenarios[of.option]
    grids = [Grid(say("appraisal.table", option=option), appraised.head(of), appraised.rows(of))]
    by_year = appraised.waits(finished, of.option)
    if by_year is not None:
        heads = [say("where.mode"), say("options.option"), *map(str, by_year.years)]
        rows = appraised.waits_rows(by_year, of.option, context)
        grids.append(Grid(say("appraisal.waits_table"), heads, rows))
    turnings = appraised.turnings(finished, of)
    if turnings:
        caption = say("appraisal.turnings_table", option=option)
        grids.append(Grid(caption, appraised.turnings_head(), appraised.turnings_rows(turnings)))
    return grids


def _drivers(telling: _Telling) -> Page | None:
    table = telling.finished.table("tornado")
    table = table[table["base"] == telling.context.base] if not table.empty else table
    rows = [] if table.empty else table[table["option"] == telling.options[0]].to_dict("records")
    if not rows:
        return None
    first = rows[0]
    low, high = (accounts.money(float(first[key])) for key in ("usd_at_low", "usd_at_high"))
    title = say(
        "drivers.title", option=telling.context.scenarios[telling.options[0]], label=first["label"], low=low, high=high
    )
    heads = [say(f"drivers.{key}") for key in ("label", "class", "low", "high")]
    cells = [
        [
            str(r["label"]),
            _class(str(r["class"])),
            *(accounts.money(float(r[k])) for k in ("usd_at_low", "usd_at_high")),
        ]
        for r in rows
    ]
    names = [name for name in telling.found if name.startswith("tornado")]
    pictures = telling.pictures(names, ("tornado",))
    grid = Grid(say("drivers.table"), heads, cells)
    return Page("drivers", say("page.drivers"), title, say("drivers.definition"), ("tornado",), (), pictures, (grid,))


def _trust(telling: _Telling) -> Page:
    files = ("summary", "observed_waits", "observed_crossings")
    names = [telling.mode, *(mode for mode in MODES if mode != telling.mode)]
    pictures = telling.pictures([f"observed-{mode}" for mode in names], files)
    title = pictures[0].finding if pictures else say("observed.page_none")
    counted = telling.finished.table("observed_crossings")
    grids = [] if counted.empty else [_crossings_grid(counted, telling.context)]
    text = [say("observed.note"), say("observed.held_out")] if pictures else [say("observed.absent")]
    return Page("trust", say("page.trust"), title, say("observed.definition"), files, text, pictures, grids)


def _crossings_grid(counted: pd.DataFrame, context: Context) -> Grid:
    heads = [say(f"observed.{key}") for key in ("port", "mode", "counted", "simulated_column", "gap_column")]
    rows = [
        [
            context.ports.get(row["port"], row["port"]),
            _many(row["mode"]),
            number(row["counted_per_day"], 0),
            number(row["simulated_per_day"], 0),
            f"{number(100 * (row['simulated_per_day'] / row['counted_per_day'] - 1), 1, signed=True)}%",
        ]
        for row in counted.to_dict("records")
    ]
    return Grid(say("observed.crossings"), heads, rows)


def _assumptions(telling: _Telling) -> Page:
    counts = telling.finished.manifest["scenarios"][0]["inputs"]
    total = sum(counts.values())
    inputs = telling.finished.table("inputs")
    rows = list(_main_inputs(inputs))
    heads = [say(f"assumptions.{key}") for key in ("input", "value", "unit", "low", "high", "year", "class", "source")]
    grid = Grid(say("assumptions.table"), heads, rows)
    text = [say(f"assumptions.{key}") for key in ("not_modelled", "reliability", "documents")]
    text.append(say("assumptions.whole", count=len(inputs)))
    title = say("assumptions.title", total=total, **counts)
    return Page("assumptions", say("page.assumptions"), title, "", ("inputs",), text, (), (grid,))


def _main_inputs(inputs: pd.DataFrame) -> Iterator[list[str]]:
    """Yield the inputs that are no port's own: what holds everywhere, with ranges."""
    own = inputs["input"].str.contains(r"ports\[|month_factors|access_min|^run\.", regex=True)
    wanted = inputs[~own & ((inputs["class"] == "assumed") | (inputs["low"] != ""))]
    for row in wanted.head(_MOST_INPUTS).to_dict("records"):
        plain = _UNIT_IN_NAME.sub("", str(row["input"]).removeprefix("network."))
        name = plain.replace("_", " ").replace(".", ": ")
        held = {**row, "class": _class(str(row["class"]))}
        yield [name, *(str(held[key]) for key in ("value", "unit", "low", "high", "year", "class", "title"))]


def _reproduce(telling: _Telling) -> Page:
    manifest = telling.finished.manifest
    run = manifest["scenarios"][0]["run"]
    rows = [
        [say("reproduce.command"), command(telling.finished)],
        [say("reproduce.redraw"), f"portsim report {telling.finished.folder}"],
        [say("reproduce.run"), telling.finished.run_id],
        [say("reproduce.digest"), manifest["study_digest"]],
        *([say("reproduce.scenario", scenario=s["title"]), s["digest"]] for s in _main(telling.finished)),
        [say("reproduce.seed"), str(run["seed"])],
        [
            say("reproduce.runs"),
            say(
                "reproduce.runs_text",
                replications=run["replications"],
                warm_up=run["warm_up_weeks"],
                weeks=run["weeks"],
            ),
        ],
        [say("reproduce.engine"), str(manifest["engine"])],
        [say("reproduce.version"), str(manifest["portsim"])],
        [say("reproduce.python"), str(manifest["python"])],
        [say("reproduce.packages"), ", ".join(f"{name} {held}" for name, held in manifest["packages"].items())],
        [say("reproduce.finished"), str(manifest["finished"])],
    ]
    grid = Grid(say("reproduce.table"), [say("reproduce.item"), say("reproduce.held")], rows)
    return Page("reproduce", say("page.reproduce"), say("reproduce.title_same"), "", (), (), (), (grid,))


def _main(finished: Finished) -> list[dict[str, Any]]:
    """Return what the manifest says of the scenarios, without companions and later years: they follow from these."""
    return [s for s in finished.manifest["scenarios"] if s["name"] in finished.context.scenarios]


def command(finished: Finished) -> str:
    """Return the command that repeats the run."""
    scenarios = _main(finished)
    files = [next(iter(s["files"]), s["name"]) for s in scenarios]
    run, sets = scenarios[0]["run"], dict.fromkeys(text for s in scenarios for text in s["sets"])
    words = ["portsim", "run" if len(files) == 1 else "compare", *files]
    words += ["--replications", str(run["replications"]), "--weeks", str(run["weeks"]), "--seed", str(run["seed"])]
    words += ["--low-patience"] if finished.companions else []
    return " ".join([*words, *(f"--set '{text}'" for text in sets)])
