"""From the tables of a run to what its options are worth; alike when it has just run and when it is valued anew.

What a valuation takes beside the tables is the `Basis`: it stands in the run's manifest, so that nothing need be
simulated, nor any scenario be read, to value the run again with other figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from portsim.errors import Fault, PortsimError, ResultsError, ScenarioError, nearest
from portsim.language.documents import write_yaml
from portsim.language.messages import human
from portsim.language.schema import Appraisal, CargoRule, Mode, Strict
from portsim.valuation import appraisal, flows, trade, value
from portsim.valuation.economics import EXTRAPOLATED, Rule, Saving
from portsim.valuation.parameters import COMMAND_LINE, Parameters

_WORDS = ("scenario", "base", "option", "scope", "port", "mode", "lane_type", "flag")
_SIMULATED = ("years", "counts_year", "growth_pct_per_year")
DEMAND_DIFFERS = "demand differs: worth of the waits alone"


class Pair(Strict):
    """A base and an option that are compared, and the modes whose demand one of them scales."""

    base: str
    option: str
    demand_differs: tuple[Mode, ...] = ()


class LaterPair(Strict):
    """A base and an option with the demand of a later year; `of` is the option of today."""

    of: str
    year: int
    base: str
    option: str


class ChoiceTime(Strict):
    """What a class of travellers weighs an hour of a crossing at when it chooses a port, dollars of `year`."""

    mode: Mode
    name: str
    usd_per_hour: float
    year: int | None = None
    source: str


class Basis(Strict):
    """What a valuation takes beside the tables; `region` of each port, and the scale of tastes, say who competes.

    `assumed_waits` are ports and modes that rest on an assumed wait; `choice_times` are told, and price nothing.
    """

    pairs: tuple[Pair, ...] = ()
    region: dict[str, str]
    taste_scale_min: float
    cargo_rule: CargoRule | None = None
    appraisals: dict[str, Appraisal] = Field(default_factory=dict)
    later: tuple[LaterPair, ...] = ()
    assumed_waits: tuple[tuple[str, Mode], ...] = ()
    choice_times: tuple[ChoiceTime, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The tables of a finished run that a valuation reads, and its basis."""

    basis: Basis
    replications: pd.DataFrame
    truck_savings: pd.DataFrame
    cargo_value: pd.DataFrame


def read(folder: Path) -> Finished:
    """Read a run's folder. Raises ResultsError where it is none, is unfinished, or is of another version."""
    manifest = _json(folder / "manifest.json", folder)
    if "valuation" not in manifest:
        raise ResultsError(f"{folder} was written before runs could be valued again: run the study once more")
    held = {"assumed_waits": manifest.get("context", {}).get("assumed_waits", ()), **manifest["valuation"]}
    try:
        basis = Basis.model_validate(held)
    except ValidationError as invalid:
        raise ResultsError(f"{folder}: its manifest is damaged: {invalid.error_count()} faults") from None
    if not basis.pairs:
        raise ResultsError(f"{folder} holds one scenario: value a comparison of a base and an option")
    return Finished(
        basis,
        _table(folder, "replications"),
        _table(folder, "truck_savings", needed=basis.cargo_rule is not None),
        _table(folder, "cargo_value", needed=False),
    )


def _json(path: Path, folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"{folder} is no finished results folder: it has no manifest.json") from None
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ResultsError(f"{path} is no manifest")
    return found


def _table(folder: Path, name: str, *, needed: bool = True) -> pd.DataFrame:
    path = folder / "tables" / f"{name}.csv"
    if not needed and not path.exists():
        return pd.DataFrame()
    try:
        written = pd.read_csv(path, dtype=str)
        numbers = [str(column) for column in written.columns if column not in _WORDS]
        return written.assign(**{column: written[column].astype(float) for column in numbers})
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None


def replanned(run: Finished, sets: Mapping[str, object]) -> Finished:
    """Return a run whose appraisals have other costs, rates or years of operation, by dotted path below `appraisal`.

    Raises PortsimError for what is not there, cannot be, or would have to be simulated.
    """
    if not sets:
        return run
    if not run.basis.appraisals:
        raise PortsimError(f"--set {next(iter(sets))}: no option of this run states an appraisal")
    plans = {option: _replanned(plan, sets) for option, plan in run.basis.appraisals.items()}
    return replace(run, basis=run.basis.model_copy(update={"appraisals": plans}))


def _replanned(plan: Appraisal, sets: Mapping[str, object]) -> Appraisal:
    data = plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    for path, given in sets.items():
        _, first, *_ = way = path.split(".")
        if first in _SIMULATED:
            raise PortsimError(f"--set {path}: {first} decides what is simulated: compare again with it")
        held: Any = data
        for depth, step in enumerate(way[1:-1], 1):
            known = held if isinstance(held, dict) else {}
            if step not in known:
                raise PortsimError(
                    f"--set {path}: nothing at '{'.'.join(way[: depth + 1])}': {nearest(step, [*known])}"
                )
            held = known[step]
        if not isinstance(held, dict):
            raise PortsimError(f"--set {path}: nothing stands below '{'.'.join(way[:-1])}': set it whole")
        held[way[-1]] = given
    try:
        return Appraisal.model_validate(data)
    except ValidationError as invalid:
        faults = [
            Fault(COMMAND_LINE, 0, 0, f"{_dotted(error)}: {human(error, Appraisal)}") for error in invalid.errors()
        ]
        raise ScenarioError(faults) from None


def _dotted(error: Mapping[str, Any]) -> str:
    return ".".join(map(str, ("appraisal", *error["loc"])))


def plain_rule(rule: CargoRule) -> Rule:
    """Return the cargo rule in plain numbers."""
    border = rule.border_truck_imports_usd_bn.value
    return Rule(
        usd_per_month_per_10_min=rule.usd_per_month_per_10_min.value,
        shares={port: figure.value / border for port, figure in rule.truck_imports_usd_bn.items()},
        low_factor=rule.low_factor.value,
        high_factor=rule.high_factor.value,
    )


def with_rule(figures: Parameters, basis: Basis) -> Parameters:
    """Return the figures with those of the run's cargo rule."""
    return figures if basis.cargo_rule is None else trade.with_rule(figures, plain_rule(basis.cargo_rule))


def value_all(run: Finished, figures: Parameters) -> dict[str, value.Valuation]:
    """Return what each option is worth against its base, by the option's name."""
    figures = with_rule(figures, run.basis)
    return {pair.option: value.valuation(case(run, pair), figures) for pair in run.basis.pairs}


def appraise(run: Finished, valued: Mapping[str, value.Valuation], figures: Parameters) -> dict[str, appraisal.Case]:
    """Return the appraisals of the options that state their costs, by the option's name."""
    figures = with_rule(figures, run.basis)
    found = {}
    for option, plan in run.basis.appraisals.items():
        simulated = [(plan.counts_year, valued[option])]
        for later in run.basis.later:
            if later.of == option:
                pair = Pair(base=later.base, option=later.option)
                simulated.append((later.year, value.valuation(case(run, pair), figures)))
        found[option] = appraisal.case(valued[option].case.base, option, plan, simulated)
    return found


def case(run: Finished, pair: Pair) -> value.Case:
    """Return one pair of a run as the valuation sees it. Raises ResultsError where the tables lack it."""
    try:
        of_lines = flows.pair(run.replications, pair.base, pair.option)
    except KeyError as missing:
        raise ResultsError(f"replications.csv has no rows of {missing.args[0]}") from None
    return value.Case(
        base=pair.base,
        option=pair.option,
        flows=of_lines,
        markets=flows.Markets(run.basis.region, run.basis.taste_scale_min),
        saving=_saving(run.truck_savings, pair) if run.basis.cargo_rule is not None else None,
        flags=_flags(run.cargo_value, pair),
        cautions=dict.fromkeys(pair.demand_differs, DEMAND_DIFFERS),
        assumed=frozenset(run.basis.assumed_waits),
    )


def _of_pair(table: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    if table.empty:
        return table
    return table[(table["base"] == pair.base) & (table["option"] == pair.option)]


def _saving(table: pd.DataFrame, pair: Pair) -> Saving | None:
    rows = _of_pair(table, pair)
    if rows.empty:
        return None
    wide = rows.pivot_table(index="replication", columns="port", values="minutes_saved", dropna=False, sort=False)
    return Saving(tuple(map(str, wide.columns)), wide.to_numpy(dtype=np.float64), np.nan, np.nan)


def _flags(table: pd.DataFrame, pair: Pair) -> Mapping[str, str]:
    """Return what limits the rule at each port, but for what follows from the minutes alone."""
    rows = _of_pair(table, pair)
    if rows.empty:
        return {}
    rows = rows[(rows["scope"] == "border") & (rows["port"] != value.ALL)]
    own = (trade.BEYOND, EXTRAPOLATED)
    return {
        str(row["port"]): "; ".join(word for word in str(row["flag"]).split("; ") if word and word not in own)
        for row in rows.fillna({"flag": ""}).to_dict("records")
    }


@dataclass(frozen=True)
class Worth:
    """All that a valuation finds of a run, by option."""

    figures: Parameters
    valued: Mapping[str, value.Valuation]
    appraised: Mapping[str, appraisal.Case]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return value.csv, emissions.csv, tornado.csv, and of an appraisal its three, where they have rows."""
        bars = [
            appraisal.tornado(self.appraised[option], self.figures)
            if option in self.appraised
            else appraisal.yearly_tornado(one)
            for option, one in self.valued.items()
        ]
        return {
            "value": _stack([one.table() for one in self.valued.values()]),
            "emissions": _stack([one.emissions() for one in self.valued.values()]),
            "appraisal": _stack([appraisal.table(one, self.figures) for one in self.appraised.values()]),
            "appraisal_years": _stack([appraisal.years_table(one, self.figures) for one in self.appraised.values()]),
            "appraisal_waits": _stack([appraisal.waits_table(one) for one in self.appraised.values()]),
            "tornado": _stack(bars),
        }

    def lines(self, option: str) -> list[str]:
        """Return a few lines for the terminal: what an option is worth, and its appraisal; none of one not valued."""
        if option not in self.valued:
            return []
        said = value.lines(self.valued[option])
        if option in self.appraised:
            held = self.appraised[option]
            said += appraisal.lines(held, appraisal.table(held, self.figures))
        return said


def worth(run: Finished, figures: Parameters) -> Worth:
    """Value a run. Raises ResultsError where its tables lack something."""
    valued = value_all(run, figures)
    return Worth(figures, valued, appraise(run, valued, figures))


def _stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if not part.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def explained(found: Worth, basis: Basis, port: str) -> list[str]:
    """Return the chain of each dollar of a port, of every option. Raises ResultsError for a port of no table."""
    if port not in basis.region:
        raise ResultsError(f"unknown port '{port}': {nearest(port, [*basis.region])}")
    said = [line for one in found.valued.values() for line in value.explain(one, port)]
    if not said:
        return [f"{port}: nothing of it is valued: it has no line in these scenarios"]
    modes = {term.mode for one in found.valued.values() for term in one.of("welfare", port=port)}
    return said + _choice_lines(found, [one for one in basis.choice_times if one.mode in modes])


def _choice_lines(found: Worth, choices: Sequence[ChoiceTime]) -> list[str]:
    """Return by what travellers weigh a toll when they choose a port, beside what welfare prices their hour at."""
    if not choices:
        return []
    figures = found.figures
    said = ["an hour of a crossing against a toll, in the choice of a port; nothing here is priced at it:"]
    for one in choices:
        if one.mode == "truck":
            welfare = f"{figures.profile.truck.parameter} {_hour(figures, figures.profile.truck.parameter)}"
        else:
            time = figures.profile.travellers(one.mode)
            of_whom = " times the people in it" if time.per == "person" else ""
            welfare = f"{time.parameter} {_hour(figures, time.parameter)}{of_whom}"
        dated = f" of {one.year}" if one.year else ""
        said.append(f"  {one.mode} {one.name}: {one.usd_per_hour:g} USD{dated} ({one.source}); welfare: {welfare}")
    return said


def _hour(figures: Parameters, name: str) -> str:
    held = figures.parameters[name]
    return f"{held.value:g} {held.unit} of {held.dollar_year}"


def refuse_taken(folder: Path) -> None:
    """Raise ResultsError where a folder for a valuation holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ResultsError(f"{folder} is there already: choose another --out")


def write(folder: Path, found: Worth) -> None:
    """Write the tables of a valuation, and the figures it rests on, to a new folder.

    Raises ResultsError where the folder holds something already.
    """
    refuse_taken(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in found.tables().items():
            if not table.empty:
                table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
        plain = found.figures.model_dump(mode="json", by_alias=True, exclude_none=True)
        (folder / "economics.yaml").write_text(write_yaml(plain), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{folder} cannot be written: {error.strerror}") from error
