"""Measures of replications -> the tidy tables of a study: summary, hourly, comparisons, cargo value, replications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim import clock
from portsim.language.schema import CargoRule
from portsim.measure.inference import IDENTICAL, NO_CLEAR_CHANGE, estimate, paired_difference
from portsim.measure.measures import ALL, HOURLY_METRICS, SUMMARY_METRICS, TOLL, TOLL_REVENUE, Measures
from portsim.valuation import economics
from portsim.valuation.flows import COLUMNS as REPLICATION_COLUMNS
from portsim.valuation.valuing import plain_rule

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SUMMARY_COLUMNS = (
    "scenario",
    "port",
    "mode",
    "lane_type",
    "crossings_per_day",
    "people_per_day",
    "wait_mean_min",
    "wait_mean_hw_min",
    "wait_p50_min",
    "wait_p90_min",
    "wait_p95_min",
    "share_over_20min",
    "share_over_40min",
    "share_over_60min",
    "buffer_index",
    "crossing_time_mean_min",
    "lost_trips_per_day",
    "toll_revenue_usd_per_day",
    "toll_revenue_hw_usd_per_day",
)
HOURLY_COLUMNS = (
    "scenario",
    "port",
    "mode",
    "lane_type",
    "weekday",
    "hour",
    "arrivals_per_hour",
    "wait_mean_min",
    "wait_mean_hw_min",
    "wait_p95_min",
    "posted_wait_min",
    "queue_mean",
    "booths_open",
    "utilisation",
    TOLL,
)
PROFILE_COLUMNS = (
    "scenario",
    "port",
    "mode",
    "lane_type",
    "hour",
    "wait_mean_min",
    "wait_mean_hw_min",
    "wait_p10_min",
    "wait_p90_min",
    "days",
)
QUEUE_COLUMNS = ("scenario", "port", "mode", "lane_type", "days", "time", "queue", "queue_hw")
COMPARISON_COLUMNS = (
    "base",
    "option",
    "port",
    "mode",
    "lane_type",
    "metric",
    "base_value",
    "option_value",
    "difference",
    "half_width",
    "verdict",
)
HOURLY_COMPARISON_COLUMNS = (
    "base",
    "option",
    "port",
    "mode",
    "lane_type",
    "weekday",
    "hour",
    "difference",
    "half_width",
    "verdict",
)
WEEKDAYS = 5
_AT_ONCE = 1 << 23  # numbers of all replications held together
DAY_KINDS = {"monday-friday": slice(0, WEEKDAYS), "saturday": slice(5, 6), "sunday": slice(6, 7)}
MORE_IS_BETTER = ("crossings_per_day", "people_per_day")
_REVENUE = SUMMARY_METRICS.index(TOLL_REVENUE)


def summary(scenario: str, replications: Sequence[Measures]) -> pd.DataFrame:
    """Return the rows of summary.csv of one scenario. Where nothing is charged, there is no revenue."""
    found = estimate(np.stack([m.summary for m in replications]))
    table = pd.DataFrame(replications[0].groups, columns=["port", "mode", "lane_type"])
    table.insert(0, "scenario", scenario)
    for column, metric in enumerate(SUMMARY_METRICS):
        table[metric] = found.mean[:, column]
    table["wait_mean_hw_min"] = found.half_width[:, SUMMARY_METRICS.index("wait_mean_min")]
    table["toll_revenue_hw_usd_per_day"] = found.half_width[:, _REVENUE]
    return table[list(SUMMARY_COLUMNS)]


def hourly(scenario: str, replications: Sequence[Measures]) -> pd.DataFrame:
    """Return the rows of hourly.csv of one scenario: every line, 168 hours."""
    lines = replications[0].lines
    tables = []
    for number, of_line in _line_by_line(replications, "hourly"):
        found = estimate(of_line)
        weekday, hour = np.divmod(np.arange(clock.HOURS_PER_WEEK), clock.HOURS_PER_DAY)
        columns = dict(zip(HOURLY_METRICS, found.mean.T, strict=True))
        half_width = found.half_width[:, HOURLY_METRICS.index("wait_mean_min")]
        names = dict(zip(("port", "mode", "lane_type"), lines[number], strict=True))
        of_hour = {"weekday": weekday, "hour": hour, **columns, "wait_mean_hw_min": half_width}
        tables.append(pd.DataFrame({"scenario": scenario, **names, **of_hour})[list(HOURLY_COLUMNS)])
    return pd.concat(tables, ignore_index=True)


def weekday_profile(scenario: str, replications: Sequence[Measures]) -> pd.DataFrame:
    """Return the rows of weekday_profile.csv of one scenario: every line, 24 hours, Monday to Friday.

    The mean, weighted by joins, has its interval over replications; the percentiles are of the hour's mean wait
    on single days, over all simulated weekdays.
    """
    lines = replications[0].lines
    rows: list[tuple[object, ...]] = []
    for number, daily in _line_by_line(replications, "daily"):  # (replications, days, 24, 2)
        weekdays = daily[:, np.arange(daily.shape[1]) % clock.DAYS_PER_WEEK < WEEKDAYS]
        joins, wait = weekdays[..., 0], weekdays[..., 1]
        joined = joins.sum(axis=1)
        found = estimate(np.nansum(joins * wait, axis=1) / np.where(joined > 0, joined, np.nan))
        single = wait.reshape(-1, clock.HOURS_PER_DAY)
        rows += [
            (scenario, *lines[number], hour, mean, half_width, *_percentiles(single[:, hour]), len(single))
            for hour, (mean, half_width) in enumerate(zip(*found, strict=True))
        ]
    return pd.DataFrame(rows, columns=list(PROFILE_COLUMNS))


def _line_by_line(replications: Sequence[Measures], name: str) -> Iterator[tuple[int, Floats]]:
    """Yield the number of each line and its measures of that name, shape (replications, ...).

    As many lines are read together as memory has room for: of many replications or weeks all would be too much.
    """
    first: Floats = getattr(replications[0], name)
    together = max(1, _AT_ONCE // (first[0].size * len(replications)))
    for start in range(0, len(first), together):
        found = np.stack([getattr(m, name)[start : start + together] for m in replications], axis=1)
        yield from enumerate(found, start)


def queues(scenario: str, replications: Sequence[Measures]) -> pd.DataFrame:
    """Return the rows of queues.csv of one scenario: every line and crossing, by kind of day and ten minutes.

    A time is the end of its ten minutes, from 00:10 to 24:00. A crossing (lane type `all`) is the sum of its lines.
    """
    lines = replications[0].lines
    week = np.stack([m.queue_10min for m in replications]).reshape(len(replications), len(lines), 7, -1)
    crossings = list(dict.fromkeys((port, mode, ALL) for port, mode, _ in lines))
    sums = np.array([[line[:2] == crossing[:2] for line in lines] for crossing in crossings], np.float64)
    week = np.concatenate([week, np.einsum("cl,rldt->rcdt", sums, week)], axis=1)
    times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(10, 24 * 60 + 1, 10)]
    parts = []
    for days, chosen in DAY_KINDS.items():
        found = estimate(week[:, :, chosen].mean(axis=2))
        rows = [(scenario, *line, days, time) for line in (*lines, *crossings) for time in times]
        part = pd.DataFrame(rows, columns=list(QUEUE_COLUMNS[:-2]))
        parts.append(part.assign(queue=found.mean.ravel(), queue_hw=found.half_width.ravel()))
    return pd.concat(parts, ignore_index=True)


def _percentiles(waits: Floats) -> tuple[float, float]:
    """Return the 10th and 90th percentile of those there are."""
    known = waits[~np.isnan(waits)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (10, 90))
    return float(low), float(high)


def comparison(
    base: str, option: str, base_replications: Sequence[Measures], option_replications: Sequence[Measures]
) -> pd.DataFrame:
    """Return the rows of comparison.csv of one pair; only what both scenarios have can be compared.

    Where one of them charges a toll, the other's revenue is 0; where neither does, there is no row of it.
    """
    groups = [g for g in base_replications[0].groups if g in option_replications[0].groups]
    before, after = (_of_groups(r, groups) for r in (base_replications, option_replications))
    free = np.isnan(before[:, :, _REVENUE]) & np.isnan(after[:, :, _REVENUE])
    charged = np.any(~free, axis=0)
    for values in (before, after):
        values[:, charged, _REVENUE] = np.nan_to_num(values[:, charged, _REVENUE])
    lower_is_better = np.array([metric not in MORE_IS_BETTER for metric in SUMMARY_METRICS])
    found = paired_difference(before, after, lower_is_better)
    untouched = np.all((before == after) | (np.isnan(before) & np.isnan(after)), axis=(0, 2))
    rows = [
        {
            "base": base,
            "option": option,
            "port": port,
            "mode": mode,
            "lane_type": lane_type,
            "metric": metric,
            "base_value": before[:, i, j].mean(),
            "option_value": after[:, i, j].mean(),
            "difference": found.mean[i, j],
            "half_width": found.half_width[i, j],
            "verdict": _verdict(found.verdict[i, j], port, metric, untouched=bool(untouched[i])),
        }
        for i, (port, mode, lane_type) in enumerate(groups)
        for j, metric in enumerate(SUMMARY_METRICS)
        if metric != TOLL_REVENUE or charged[i]
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def hourly_comparison(
    base: str, option: str, base_replications: Sequence[Measures], option_replications: Sequence[Measures]
) -> pd.DataFrame:
    """Return the rows of hourly_comparison.csv of one pair: the change of the mean wait of every line, 168 hours.

    An hour without a wait in either scenario has no difference and no verdict.
    """
    lines = [line for line in base_replications[0].lines if line in option_replications[0].lines]
    before, after = (_waits_of_lines(r, lines) for r in (base_replications, option_replications))
    found = paired_difference(before, after, np.array(True))
    verdict = np.where(np.isnan(found.mean), "", found.verdict)
    rows = [
        (base, option, *line, *divmod(hour, clock.HOURS_PER_DAY), *(of[i, hour] for of in (*found[:2], verdict)))
        for i, line in enumerate(lines)
        for hour in range(clock.HOURS_PER_WEEK)
    ]
    return pd.DataFrame(rows, columns=list(HOURLY_COMPARISON_COLUMNS))


def _waits_of_lines(replications: Sequence[Measures], lines: Sequence[tuple[str, str, str]]) -> Floats:
    """Return the mean waits of these lines, shape (replications, lines, 168)."""
    rows = [replications[0].lines.index(line) for line in lines]
    return np.stack([m.hourly[rows, :, HOURLY_METRICS.index("wait_mean_min")] for m in replications])


def _verdict(verdict: str, port: str, metric: str, *, untouched: bool) -> str:
    """Return what may be said of one metric of a group; `untouched` if none of its metrics differs anywhere.

    Fewer crossings at one port may just be more at another: they are judged in the totals only. Revenue is not
    judged: whoever gains it, travellers pay it.
    """
    if untouched:
        return IDENTICAL
    if metric == TOLL_REVENUE:
        return ""
    if metric in MORE_IS_BETTER and port != ALL:
        return ""
    return NO_CLEAR_CHANGE if verdict == IDENTICAL else verdict


def _of_groups(replications: Sequence[Measures], groups: Sequence[tuple[str, str, str]]) -> Floats:
    rows = [replications[0].groups.index(group) for group in groups]
    return np.stack([m.summary[rows] for m in replications])


def cargo_value(
    base: str,
    option: str,
    base_replications: Sequence[Measures],
    option_replications: Sequence[Measures],
    *,
    ports: Sequence[str],
    rule: CargoRule,
    assumed: frozenset[str],
    demand_differs: bool = False,
) -> tuple[pd.DataFrame, economics.Saving]:
    """Return the rows of cargo_value.csv of one pair, and the trucks they rest on."""
    saving = economics.minutes_saved(_trucks(base_replications), _trucks(option_replications), ports)
    found = economics.cargo_value(saving, plain_rule(rule), base, option, assumed, demand_differs=demand_differs)
    return found, saving


def _trucks(replications: Sequence[Measures]) -> Iterator[economics.Trucks]:
    """Yield the trucks of each replication, week by week, with their waits in minutes."""
    for measures in replications:
        yield ((week.key, week.port, week.wait / clock.MINUTE) for week in measures.trucks)


def replications(scenario: str, measures: Sequence[Measures]) -> pd.DataFrame:
    """Return the rows of replications.csv of one scenario: every line in every replication, what valuing takes."""
    lines = measures[0].lines
    rows = [measures[0].groups.index(line) for line in lines]
    table = pd.DataFrame(
        [(number, *line) for number in range(len(measures)) for line in lines],
        columns=["replication", "port", "mode", "lane_type"],
    )
    table.insert(0, "scenario", scenario)
    summary = np.concatenate([m.summary[rows] for m in measures])
    hours = np.concatenate([m.hourly.sum(axis=1) for m in measures]) / clock.DAYS_PER_WEEK
    for column, metric in enumerate(SUMMARY_METRICS):
        table[metric] = summary[:, column]
    table["joins_per_day"] = hours[:, HOURLY_METRICS.index("arrivals_per_hour")]
    table["booth_hours_per_day"] = hours[:, HOURLY_METRICS.index("booths_open")]
    return table[list(REPLICATION_COLUMNS)]


def truck_savings(base: str, option: str, saving: economics.Saving) -> pd.DataFrame:
    """Return the rows of truck_savings.csv of one pair: minutes saved by the same trucks, in every replication."""
    count = len(saving.minutes)
    return pd.DataFrame(
        {
            "base": base,
            "option": option,
            "replication": np.repeat(np.arange(count), len(saving.ports)),
            "port": list(saving.ports) * count,
            "minutes_saved": saving.minutes.ravel(),
        }
    )
