"""What the model's inputs do to an option's worth: each is moved alone, in base and option alike, and both run again.

The figures that turn minutes into money need no run (`terms`); these change the minutes. An input of a low and a high
figure is moved to them; another by a fraction that is stated with it. The random numbers stay, so that what differs is
the input's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from portsim.language.scenario import Scenario
from portsim.language.schema import (
    MODES,
    Crossing,
    DemandChange,
    Figure,
    LaneType,
    Mode,
    Network,
    Port,
    ScaleDemand,
    Series,
    ShiftClasses,
)
from portsim.measure.inference import estimate
from portsim.measure.measures import ALL, SUMMARY_METRICS, Measures
from portsim.numbers import ASSUMED_MARK, Estimate, dollars, plus_minus
from portsim.pages.report import basis_of, cargo_table, resting_on_assumed
from portsim.results import tables
from portsim.valuation import value, valuing
from portsim.valuation.appraisal import longest
from portsim.valuation.economics import ASSUMED
from portsim.valuation.parameters import Parameters

COLUMNS = (
    *("base", "option", "input", "label", "class", "end", "moved", "mode"),
    *("minutes_saved", "minutes_saved_hw", "welfare_usd_per_year", "welfare_hw", "cargo_usd_per_year", "cargo_hw"),
    "note",
)
AS_IT_IS = "as it is"
FACTOR = "x "  # of itself
SERVICE_TIME, DEMAND, REFERRALS, CLASSES, TASTES = 0.05, 0.05, 0.2, 0.1, 0.25  # of themselves; assumed
Alter = Callable[[Scenario], Scenario]


@dataclass(frozen=True)
class Move:
    """One input at one end: what it is moved to, in words, and how a scenario takes it."""

    name: str
    label: str
    class_: str
    end: str
    moved: str
    alter: Alter


def moves(base: Scenario) -> list[Move]:
    """Return every move of a scenario's inputs: capacity, demand, shares, patience, tastes, and assumed waits."""
    found = [
        *_by_fraction("inspection-time", "inspection time", SERVICE_TIME, _service),
        *_by_fraction("demand", "demand", DEMAND, _demand),
        *_by_fraction("referral-shares", "referral shares", REFERRALS, _referrals),
        *_by_fraction("taste-scale", "spread of tastes", TASTES, _tastes),
        *_patience(base.network),
        *_assumed_waits(base),
        *_class_shares(base.network),
    ]
    return [move for move in found if move.alter(base).digest != base.digest]


def _by_fraction(name: str, label: str, fraction: float, alter: Callable[[Scenario, float], Scenario]) -> list[Move]:
    def move(end: str, factor: float) -> Move:
        return Move(name, label, "assumed", end, f"{FACTOR}{factor:g}", lambda scenario: alter(scenario, factor))

    return [move("low", 1 - fraction), move("high", 1 + fraction)]


def _patience(network: Network) -> Iterator[Move]:
    """Yield patience at its low and high figures, all modes together."""
    for end in ("low", "high"):
        moved = {
            mode: figure if getattr(figure, end) is None else figure.model_copy(update={"value": getattr(figure, end)})
            for mode, figure in network.patience_pct_per_min.items()
        }
        said = ", ".join(f"{mode} {figure.value:g}" for mode, figure in moved.items())
        yield Move("patience", "patience", "derived", end, said, _with_patience(moved))


def _with_patience(moved: dict[Mode, Figure]) -> Alter:
    return lambda scenario: _networks(scenario, lambda n: n.model_copy(update={"patience_pct_per_min": moved}))


def _assumed_waits(base: Scenario) -> Iterator[Move]:
    """Yield each assumed wait of the baseline at its low and high."""
    for port in base.network.ports:
        for mode in MODES:
            crossing = port.crossing(mode)
            if crossing is None or (port.id, mode) not in resting_on_assumed(base):
                continue
            observed = [lane.observed.wait_min for lane in crossing.lane_types.values() if lane.observed is not None]
            for end in ("low", "high"):
                factor = next((f for wait in observed if (f := getattr(wait, f"{end}_factor")) is not None), None)
                if factor is not None:
                    label = f"{mode} wait, {port.name}"
                    alter = _with_waits(port.id, mode, factor)
                    yield Move(f"wait-{port.id}-{mode}", label, "assumed", end, f"{FACTOR}{factor:g}", alter)


def _with_waits(port_id: str, mode: Mode, factor: float) -> Alter:
    def of_lane(lane: LaneType) -> LaneType:
        if lane.observed is None or lane.observed.wait_min.class_ != "assumed":
            return lane
        wait = scaled(lane.observed.wait_min, factor)
        return lane.model_copy(update={"observed": lane.observed.model_copy(update={"wait_min": wait})})

    return lambda scenario: _lanes(
        scenario, lambda port, at, lane: of_lane(lane) if (port, at) == (port_id, mode) else lane
    )


def _class_shares(network: Network) -> Iterator[Move]:
    """Yield a part of each class as the next of its mode, and of the next as it."""
    for mode in MODES:
        names = [name for name, one in network.classes.items() if one.mode == mode]
        for one, other in pairwise(names):
            for end, source, target in (("low", one, other), ("high", other, one)):
                change = ShiftClasses.model_validate(
                    {"action": "shift_classes", "from": source, "to": target, "share": CLASSES}
                )
                said = f"{CLASSES:.0%} of {source} as {target}"
                yield Move(f"class-{one}", f"{one} against {other}", "assumed", end, said, _with_change(change))


def _with_change(change: DemandChange) -> Alter:
    return lambda scenario: replace(scenario, demand=(*scenario.demand, change))


def _demand(scenario: Scenario, factor: float) -> Scenario:
    return _with_change(ScaleDemand(action="scale_demand", factor=factor))(scenario)


def _tastes(scenario: Scenario, factor: float) -> Scenario:
    def of(network: Network) -> Network:
        scale = network.choice.taste_scale_min
        moved = scale.model_copy(update={"value": scale.value * factor})
        return network.model_copy(update={"choice": network.choice.model_copy(update={"taste_scale_min": moved})})

    return _networks(scenario, of)


def _service(scenario: Scenario, factor: float) -> Scenario:
    def of(_port: str, _mode: Mode, lane: LaneType) -> LaneType:
        mean = lane.service.mean_s
        moved = (
            scaled(mean, factor)
            if isinstance(mean, Series)
            else {name: scaled(series, factor) for name, series in mean.items()}
        )
        return lane.model_copy(update={"service": lane.service.model_copy(update={"mean_s": moved})})

    return _lanes(scenario, of)


def _referrals(scenario: Scenario, factor: float) -> Scenario:
    def of(_port: str, _mode: Mode, lane: LaneType) -> LaneType:
        shares = {
            stage: share.model_copy(update={"value": min(share.value * factor, 1.0)})
            for stage, share in lane.referral_share.items()
        }
        return lane.model_copy(update={"referral_share": shares})

    return _lanes(scenario, of)


def scaled(series: Series, factor: float) -> Series:
    """Return a series whose every value is times a factor."""

    def times(held: Any) -> Any:
        if isinstance(held, dict):
            return {key: times(value) for key, value in held.items()}
        if isinstance(held, tuple | list):
            return tuple(times(value) for value in held)
        return held * factor

    forms = ("value", "hours", "steps", "days")
    return series.model_copy(update={f: times(held) for f in forms if (held := getattr(series, f)) is not None})


def _networks(scenario: Scenario, alter: Callable[[Network], Network]) -> Scenario:
    """Alter a scenario's network as it is, and as it was before the scenario's changes."""
    return replace(scenario, network=alter(scenario.network), before=alter(scenario.before))


def _lanes(scenario: Scenario, alter: Callable[[str, Mode, LaneType], LaneType]) -> Scenario:
    def of_crossing(port: Port, mode: Mode, crossing: Crossing) -> Crossing:
        lanes = {name: alter(port.id, mode, lane) for name, lane in crossing.lane_types.items()}
        return crossing.model_copy(update={"lane_types": lanes})

    def of_port(port: Port) -> Port:
        present = {mode: crossing for mode in MODES if (crossing := port.crossing(mode)) is not None}
        return port.model_copy(update={mode: of_crossing(port, mode, one) for mode, one in present.items()})

    return _networks(scenario, lambda network: network.model_copy(update={"ports": tuple(map(of_port, network.ports))}))


# --- a pair for each move ----------------------------------------------------------------------


def pairs(base: Scenario, option: Scenario, chosen: Sequence[Move]) -> list[tuple[Scenario, Scenario]]:
    """Return base and option as they are, then with each move made."""
    moved = [tuple(_named(move.alter(one), move) for one in (base, option)) for move in chosen]
    return [(base, option), *((one, other) for one, other in moved)]


def _named(scenario: Scenario, move: Move) -> Scenario:
    return replace(scenario, name=f"{scenario.name}-{move.name}-{move.end}", appraisal=None)


def table(
    of_pairs: Sequence[tuple[Scenario, Scenario]],
    chosen: Sequence[Move],
    measured: Sequence[tuple[Sequence[Measures], Sequence[Measures]]],
    figures: Parameters,
) -> pd.DataFrame:
    """Return sensitivity.csv: minutes by mode and dollars of all modes, as it is and with each input moved."""
    base, option = of_pairs[0]
    rows = []
    for move, pair, measures in zip([None, *chosen], of_pairs, measured, strict=True):
        said = (
            (AS_IT_IS, AS_IT_IS, "", AS_IT_IS, "")
            if move is None
            else (
                move.name,
                move.label,
                move.class_,
                move.end,
                move.moved,
            )
        )
        front = (base.name, option.name, *said)
        rows += [(*front, mode, *saved, *(np.nan,) * 4, "") for mode, saved in _minutes(measures)]
        rows.append((*front, ALL, np.nan, np.nan, *_dollars(pair, measures, figures)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _minutes(measures: tuple[Sequence[Measures], Sequence[Measures]]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the fall of the mean wait at all ports by mode, with its paired half-width."""
    column = SUMMARY_METRICS.index("wait_mean_min")
    for mode in MODES:
        if (ALL, mode, ALL) not in measures[0][0].groups:
            continue
        waits = [np.array([m.summary[m.groups.index((ALL, mode, ALL)), column] for m in side]) for side in measures]
        found = estimate(waits[0] - waits[1])
        yield mode, (float(found.mean), float(found.half_width))


def _dollars(
    pair: tuple[Scenario, Scenario], measures: tuple[Sequence[Measures], Sequence[Measures]], figures: Parameters
) -> tuple[float, float, float, float, str]:
    """Return welfare and cargo a year, each with its half-width from chance; and what they rest on."""
    base, option = pair
    cargo, saving = cargo_table(base, option, *measures)
    run = valuing.Finished(
        basis_of([pair], base),
        pd.concat([tables.replications(s.name, m) for s, m in zip(pair, measures, strict=True)], ignore_index=True),
        pd.DataFrame() if saving is None else tables.truck_savings(base.name, option.name, saving),
        cargo,
    )
    worth = valuing.value_all(run, figures)[option.name]
    welfare, trade = worth.of("welfare"), worth.of("trade", "cargo")
    sums = [worth.worth(terms).estimate for terms in (welfare, trade)]
    return (*sums[0], *sums[1], ASSUMED if value.assumed([*welfare, *trade]) else "")


def as_tornado(found: pd.DataFrame) -> pd.DataFrame:
    """Return the moves as rows of tornado.csv, so that they are drawn alike: welfare a year at either end."""
    totals = found[found["mode"] == ALL]
    now = float(totals.loc[totals["end"] == AS_IT_IS, "welfare_usd_per_year"].iloc[0])
    rows = []
    for (name, label), ends in totals[totals["end"] != AS_IT_IS].groupby(["input", "label"], sort=False):
        usd = {"low": now, "high": now, **dict(zip(ends["end"], ends["welfare_usd_per_year"], strict=True))}
        moved = list(
            dict.fromkeys(
                word if word.startswith(FACTOR) else f"at {end}"
                for end, word in zip(ends["end"], ends["moved"], strict=True)
            )
        )
        first = ends.iloc[0]
        rows.append(
            {
                **{key: first[key] for key in ("base", "option", "class")},
                "of": "welfare_per_year",
                "parameter": name,
                "label": label,
                "unit": ", ".join(moved),
                "low_value": np.nan,
                "high_value": np.nan,
                "usd_at_low": usd["low"],
                "usd_at_high": usd["high"],
                "usd_at_value": now,
                "note": first["note"],
            }
        )
    table_ = pd.DataFrame([row for row in rows if row["usd_at_low"] != now or row["usd_at_high"] != now])
    if table_.empty:
        return table_
    return longest(table_)


def lines(found: pd.DataFrame) -> list[str]:
    """Return a line an input and end: what it is moved to, minutes saved by mode, dollars."""
    said = []
    for (label, end, moved), rows in found.groupby(["label", "end", "moved"], sort=False):
        of_modes = rows[rows["mode"] != ALL]
        minutes = ", ".join(
            f"{row['mode']} {plus_minus(Estimate(row['minutes_saved'], row['minutes_saved_hw']))}"
            for row in of_modes.to_dict("records")
            if row["minutes_saved"] or row["minutes_saved_hw"]
        )
        total = rows[rows["mode"] == ALL].iloc[0]
        place = AS_IT_IS if end == AS_IT_IS else f"{label} {moved}"
        mark = f" {ASSUMED_MARK}" if total.note else ""
        welfare = dollars(Estimate(total.welfare_usd_per_year, total.welfare_hw), signed=True)
        cargo = "cargo beyond the rule's reach"
        if not np.isnan(total.cargo_usd_per_year):
            cargo = f"cargo {dollars(Estimate(total.cargo_usd_per_year, total.cargo_hw), signed=True)} a year"
        said.append(
            f"  {place}: {f'{minutes} min' if minutes else 'no minutes'} saved; welfare {welfare} a year; {cargo}{mark}"
        )
    return said + [f"  {ASSUMED_MARK} rests on an assumed wait"] * any(ASSUMED_MARK in line for line in said)
