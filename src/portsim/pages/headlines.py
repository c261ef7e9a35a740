"""The figures that head page 1: minutes by mode and dollars by account, each with its interval, one option a row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from portsim.language.schema import MODES
from portsim.measure.inference import BETTER, IDENTICAL, WORSE
from portsim.numbers import Estimate, dollars, plus_minus
from portsim.results import accounts, service
from portsim.results.findings import ALL, verdict_words
from portsim.results.finished import Finished
from portsim.results.service import metric_change
from portsim.results.words import listed, say, sentence

_WAIT, _P95 = "wait_mean_min", "wait_p95_min"
_ACCOUNTS = (("welfare", ALL), ("trade", "cargo"))


class Headline(NamedTuple):
    """One large figure: of what, the figure with its interval, its unit and verdict, and what stands beside it."""

    of: str
    figure: str
    unit: str
    beside: str


class HeadlineRow(NamedTuple):
    """The large figures of a scenario; `rest` names what does not change, in one sentence."""

    title: str
    headlines: list[Headline]
    rest: str


def of(finished: Finished) -> list[HeadlineRow]:
    """Return a row for each option that is drawn, or one for the base where it stands alone."""
    context = finished.context
    base, *options = context.drawn(context.scenarios)
    if not options:
        return [HeadlineRow(context.scenarios[base], list(_waits(finished)), "")]
    rows = []
    for option in options:
        same = [mode for mode in MODES if _is_same(finished, option, mode)]
        names = listed([say(f"mode.{mode}.many") + _mark(finished, mode) for mode in same]) if same else ""
        rest = sentence(say("headline.same", who=names)) if same else ""
        headlines = [*_changes(finished, option), *_dollars(finished, option)]
        rows.append(HeadlineRow(context.scenarios[option], headlines, rest))
    return rows


def _is_same(finished: Finished, option: str, mode: str) -> bool:
    change = metric_change(finished.table("comparison"), option, mode, _WAIT, finished.context)
    return change is not None and change.verdict == IDENTICAL


def _mark(finished: Finished, mode: str) -> str:
    """Return the dagger of a mode whose waits in the base rest on an assumed one."""
    summary, context = finished.table("summary"), finished.context
    waiting = [p for p in context.ports if not math.isnan(service.wait_of(summary, context.base, p, mode).mean)]
    return context.mark(waiting, mode)


def _waits(finished: Finished) -> Iterator[Headline]:
    """Yield the mean wait of each mode in the base."""
    summary, context = finished.table("summary"), finished.context
    for mode in MODES:
        wait = service.wait_of(summary, context.base, ALL, mode)
        if not math.isnan(wait.mean):
            late = _ninety_fifth(finished, mode)
            yield Headline(_name(finished, mode), plus_minus(wait), say("unit.min"), late)


def _ninety_fifth(finished: Finished, mode: str) -> str:
    table, context = finished.table("summary"), finished.context
    rows = table[(table["scenario"] == context.base) & (table["port"] == ALL) & (table["lane_type"] == ALL)]
    value = float(rows.loc[rows["mode"] == mode, _P95].iloc[0])
    return say("headline.late", minutes=plus_minus(Estimate(value, math.nan)))


def _changes(finished: Finished, option: str) -> Iterator[Headline]:
    """Yield the change of each mode's mean wait, of those that do change; before and after stand beside it."""
    summary, context = finished.table("summary"), finished.context
    for mode in MODES:
        change = metric_change(finished.table("comparison"), option, mode, _WAIT, context)
        if change is not None and change.verdict != IDENTICAL:
            figure = plus_minus(change.difference, signed=True)
            before, after = (plus_minus(service.wait_of(summary, name, ALL, mode)) for name in (context.base, option))
            beside = say("headline.from_to", before=before, after=after)
            yield Headline(_name(finished, mode), figure, f"{say('unit.min')}, {_verdict(change.verdict)}", beside)


def _verdict(verdict: str) -> str:
    """Return a verdict on a wait in words of its own: shorter or longer."""
    return {BETTER: say("headline.shorter"), WORSE: say("headline.longer")}.get(verdict) or verdict_words(verdict)


def _name(finished: Finished, mode: str) -> str:
    return say("headline.wait", who=sentence(say(f"mode.{mode}.many")) + _mark(finished, mode))


def _dollars(finished: Finished, option: str) -> Iterator[Headline]:
    """Yield welfare and trade, a year, with the range over the inputs beside; nothing of an account without dollars."""
    found = accounts.entries(finished.table("value"), option, finished.context)
    for account, component in _ACCOUNTS:
        for entry in found.get(account, ()):
            if entry.component == component and not math.isnan(entry.amount) and entry.amount != 0:
                figure = dollars(Estimate(entry.amount, entry.half_width or math.nan), signed=True)
                beside = f"{sentence(entry.range)}." if entry.range else ""
                yield Headline(say(f"headline.{account}") + entry.mark, figure, say("headline.a_year"), beside)
