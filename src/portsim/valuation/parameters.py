"""What the valuation rests on: every figure with its unit, dollars, range and source, as data/economics.yaml has it.

A file of the same form may replace what it names. A figure that is stated anew takes its range with it, and one that
cannot be is refused (`limits`). A value of time is per person or per vehicle, and says so: per vehicle it holds all who
are in it, so it goes with no occupancy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from portsim.errors import Fault, PortsimError, ScenarioError, nearest
from portsim.language import documents, facts
from portsim.language.messages import human
from portsim.language.schema import CalendarYear, Identifier, Mode, Provenance, Real, Source, Strict, Whole
from portsim.packaged import DATA

PACKAGED = DATA / "economics.yaml"
COMMAND_LINE = "command line"
MOST_PEOPLE = 100  # in a vehicle: more than a coach holds

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
YearKey = Annotated[str, Field(pattern=r"^(19|20)\d\d$", description="a year")]
Text = Annotated[str, Field(min_length=1)]
Shape = Literal["fixed", "uniform", "triangular", "lognormal"]
Money = Literal["fuel", "co2"]
TradeForm = Literal["linear", "exponential"]


class Parameter(Provenance):
    """One figure of the valuation.

    `value` is used; `low`, `central`, `high` and `shape` say how it is drawn: `uniform` and `triangular` between low
    and high, `lognormal` with 80 % of its mass between them, `fixed` not at all. `fact` takes value, year and source
    from a fact of the documents, times `factor`, divided by the facts `over`.
    """

    label: Text
    value: Real | None = None
    fact: Identifier | None = None
    over: tuple[Identifier, ...] = ()
    factor: Real = 1.0
    low: Real | None = None
    central: Real | None = None
    high: Real | None = None
    shape: Shape = "fixed"
    unit: Text
    dollar_year: Whole | None = Field(default=None, description="the dollars it is in, where its unit has any")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.value is None) == (self.fact is None):
            raise ValueError("give either value or fact")
        if self.shape != "fixed" and (self.low is None or self.high is None):
            raise ValueError(f"shape {self.shape} needs low and high")
        if self.shape == "lognormal" and (self.low or 0) <= 0:
            raise ValueError("shape lognormal needs low above 0")
        if ("USD" in self.unit) != (self.dollar_year is not None):
            raise ValueError("dollar_year goes with a unit in USD, and only with one")
        if None not in (self.value, self.low, self.high) and not self.low <= self.value <= self.high:  # type: ignore[operator]
            raise ValueError(f"value {self.value:g} lies outside its own range, {self.low:g} to {self.high:g}")
        known = [figure for figure in (self.low, self.most_likely, self.high) if figure is not None]
        if known != sorted(known):
            raise ValueError("low, central (or value) and high must be in this order")
        return self

    @property
    def most_likely(self) -> float | None:
        """Return the top of its distribution: `central`, or the value."""
        return self.value if self.central is None else self.central


class TravelTime(Strict):
    """The value of time of a mode: per person, or per vehicle with all who are in it."""

    per: Literal["person", "vehicle"]
    parameter: Identifier
    lane_types: dict[Identifier, Identifier] = Field(default_factory=dict)
    occupancy: Annotated[Real, Field(gt=0, le=MOST_PEOPLE)] | None = Field(
        default=None, description="people in a vehicle, instead of those counted"
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        if self.per == "vehicle" and self.occupancy not in {None, 1.0}:
            raise ValueError(
                f"occupancy {self.occupancy:g} with a value per vehicle, which holds all who are in it: "
                "leave occupancy out, or state the value per person"
            )
        return self

    def of(self, lane_type: str) -> str:
        """Return the parameter of a lane type."""
        return self.lane_types.get(lane_type, self.parameter)


class TruckCost(Strict):
    """The cost of an hour of a truck: one figure, which says what it holds, so that nothing is added twice."""

    parameter: Identifier
    lane_types: dict[Identifier, Identifier] = Field(default_factory=dict)
    includes: tuple[Literal["driver", "fuel", "vehicle"], ...] = Field(min_length=1)

    def of(self, lane_type: str) -> str:
        """Return the parameter of a lane type."""
        return self.lane_types.get(lane_type, self.parameter)


class Profile(Strict):
    """Whose values of time: one convention for all modes, not to be mixed."""

    title: Text
    vehicle: TravelTime
    bus: TravelTime
    pedestrian: TravelTime
    truck: TruckCost

    def travellers(self, mode: Mode) -> TravelTime:
        """Return the value of time of a mode that carries people."""
        found: TravelTime = getattr(self, mode)
        return found


class Settings(Strict):
    """What is chosen: the profile, the dollars of the results, the form of the trade indicator, what gets a price."""

    profile: Name
    dollar_year: CalendarYear
    trade_form: TradeForm
    trade_year: CalendarYear
    monetise: tuple[Money, ...] = ()


class Limit(Strict):
    """What a figure of some unit can be at all: beyond it, a sign, a unit or a comma has slipped."""

    least: Real
    most: Real | None = None

    def __str__(self) -> str:
        """Say what is allowed."""
        return f"at least {self.least:g}" if self.most is None else f"{self.least:g} to {self.most:g}"

    def holds(self, value: float) -> bool:
        """Say whether a figure can be so."""
        return self.least <= value and (self.most is None or value <= self.most)


class PriceIndex(Strict):
    """Consumer prices by year."""

    source: Identifier
    by_year: dict[YearKey, Annotated[Real, Field(gt=0)]]

    def factor(self, year: int, into: int) -> float:
        """Return what a dollar of one year is in dollars of another. Raises PortsimError for a year it lacks."""
        for asked in (year, into):
            if str(asked) not in self.by_year:
                raise PortsimError(f"no price index for {asked}: known: {', '.join(self.by_year)}")
        return self.by_year[str(into)] / self.by_year[str(year)]


class Trade(Strict):
    """US imports from Mexico by truck, billions of dollars a year, and the ports' shares of them, percent."""

    source: Identifier
    imports_usd_bn: dict[YearKey, Annotated[Real, Field(gt=0)]]
    share_pct: dict[Identifier, dict[YearKey, Annotated[Real, Field(ge=0, le=100)]]]

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        for year in sorted({year for shares in self.share_pct.values() for year in shares}):
            total = sum(shares.get(year, 0.0) for shares in self.share_pct.values())
            if total > 100:  # noqa: PLR2004 - percent
                raise ValueError(f"shares of {year} sum to {total:g}%: the ports cannot have more than the border")
        return self

    def imports(self, year: int, growth_pct: float) -> float:
        """Return the border's imports of a year, dollars; beyond the last year known they grow."""
        known = {int(key): value for key, value in self.imports_usd_bn.items()}
        last = max(known)
        if year in known:
            return known[year] * 1e9
        if year < last:
            raise PortsimError(f"no truck imports of {year}: known: {', '.join(self.imports_usd_bn)}")
        return known[last] * 1e9 * (1 + growth_pct / 100) ** (year - last)

    def share(self, port: str, year: int) -> float:
        """Return a port's share of a year, or of the latest year before it that is known; 0 for a port without any."""
        known = {int(key): value for key, value in self.share_pct.get(port, {}).items() if int(key) <= year}
        return known[max(known)] / 100 if known else 0.0


class Parameters(Strict):
    """All that the valuation rests on."""

    settings: Settings
    limits: dict[Text, Limit]
    price_index: PriceIndex
    sources: dict[Identifier, Source]
    profiles: dict[Name, Profile]
    parameters: dict[Identifier, Parameter]
    trade: Trade
    ports_like: dict[Identifier, Identifier] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _refers(self) -> Self:
        for name, parameter in self.parameters.items():
            if parameter.source is not None and parameter.source not in self.sources:
                raise ValueError(f"{name}: unknown source: {nearest(parameter.source, [*self.sources])}")
            if parameter.source is None and parameter.fact is None and parameter.class_ != "assumed":
                raise ValueError(f"{name}: a {parameter.class_} figure needs its source")
        if self.settings.profile not in self.profiles:
            raise ValueError(
                f"unknown profile '{self.settings.profile}': {nearest(self.settings.profile, [*self.profiles])}"
            )
        for name, profile in self.profiles.items():
            for used in _used(profile):
                if used not in self.parameters:
                    raise ValueError(f"profile {name}: unknown parameter '{used}': {nearest(used, [*self.parameters])}")
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        fuel = "fuel" in self.settings.monetise
        if fuel and "fuel" in self.profile.truck.includes:
            raise ValueError(
                f"profile {self.settings.profile}: its truck-hour holds fuel already: leave fuel out of monetise"
            )
        return self

    @model_validator(mode="after")
    def _one_convention(self) -> Self:
        """Refuse a figure per vehicle that would be multiplied by people, and the other way."""
        for name, profile in self.profiles.items():
            for mode, time in (("vehicle", profile.vehicle), ("bus", profile.bus), ("pedestrian", profile.pedestrian)):
                self._counted(f"profiles.{name}.{mode}", time, f"USD per {time.per}-hour")
            self._counted(f"profiles.{name}.truck", profile.truck, "USD per truck-hour")
        return self

    def _counted(self, where: str, part: TravelTime | TruckCost, unit: str) -> None:
        for used in (part.parameter, *part.lane_types.values()):
            if self.parameters[used].unit != unit:
                raise ValueError(f"{where}: {used} is in {self.parameters[used].unit}, and this takes {unit}")

    def impossible(self) -> Iterator[tuple[str, str]]:
        """Yield each figure that cannot be, and why: outside the limits of its unit, or of an unknown unit."""
        for name, parameter in self.parameters.items():
            limit = self.limits.get(parameter.unit)
            if limit is None:
                yield name, f"unknown unit '{parameter.unit}': {nearest(parameter.unit, [*self.limits])}"
                continue
            for key in ("value", "low", "central", "high"):
                held = getattr(parameter, key)
                if held is not None and not limit.holds(held):
                    yield name, f"{key} {held:g} cannot be: {parameter.unit} must be {limit}"
                    break

    @property
    def profile(self) -> Profile:
        """Return the profile that is chosen."""
        return self.profiles[self.settings.profile]

    def price(self, name: str) -> float:
        """Return the factor that brings a parameter into the dollars of the results; jobs per dollar the other way."""
        parameter = self.parameters[name]
        if parameter.dollar_year is None:
            return 1.0
        factor = self.price_index.factor(parameter.dollar_year, self.settings.dollar_year)
        return 1 / factor if parameter.unit.endswith("per USD") else factor

    def like(self, port: str) -> str:
        """Return the port whose trucks a port has: its own, or another's."""
        return self.ports_like.get(port, port)


def _used(profile: Profile) -> list[str]:
    parts = (profile.vehicle, profile.bus, profile.pedestrian, profile.truck)
    return [name for part in parts for name in (part.parameter, *part.lane_types.values())]


# --- reading -----------------------------------------------------------------------------------


def load(path: Path | None = None, sets: Mapping[str, object] | None = None) -> Parameters:
    """Read the packaged parameters, what a file replaces of them, and last what is set, by dotted path.

    Where a value is stated without a range, the range of the figure follows it: `low` and `high` keep their ratio to
    the most likely, which the value now is. Raises ScenarioError with every fault found, among them each figure that
    cannot be.
    """
    data, place = _packaged_data(), PACKAGED
    if path is not None:
        data, place = _laid_over(data, _plain(path), "stated in a file of one's own"), path
    if sets:
        data = _laid_over(data, _from_sets(data, sets), "set on the command line")
    where = COMMAND_LINE if sets else documents.shown(place.resolve())
    try:
        read = with_facts(Parameters.model_validate(data))
    except ValidationError as invalid:
        raise ScenarioError(
            [
                Fault(where, 0, 0, f"{'.'.join(map(str, error['loc'])) or 'parameters'}: {human(error, Parameters)}")
                for error in invalid.errors()
            ]
        ) from None
    slips = [Fault(where, 0, 0, f"{name}: {why}{_of_evidence(name)}") for name, why in read.impossible()]
    if slips:
        raise ScenarioError(slips)
    return _remarked(read) if path is not None or sets else read


@cache
def packaged() -> Parameters:
    """Return the packaged parameters, which the evidence is."""
    return load()


@cache
def _packaged_data() -> dict[str, Any]:
    """Return economics.yaml as it is written; nobody changes it."""
    return _plain(PACKAGED)


@cache
def _packaged_facts() -> facts.Facts:
    return facts.load()


def with_facts(read: Parameters) -> Parameters:
    """Return the parameters with those that refer to a fact of the documents holding its number."""
    known = _packaged_facts()
    found = {name: _from_fact(name, parameter, known.facts) for name, parameter in read.parameters.items()}
    return read.model_copy(update={"parameters": found, "sources": {**known.sources, **read.sources}})


def _from_fact(name: str, parameter: Parameter, known: Mapping[str, facts.Fact]) -> Parameter:
    if parameter.fact is None:
        return parameter
    for asked in (parameter.fact, *parameter.over):
        if asked not in known:
            raise PortsimError(f"{name}: unknown fact '{asked}': {nearest(asked, [*known])}")
    fact = known[parameter.fact]
    value = fact.value * parameter.factor / math.prod(known[divisor].value for divisor in parameter.over)
    rests_on: dict[str, object] = {"fact": None, "over": ()}
    rests_on |= {"class_": "derived" if parameter.over else fact.class_, "year": fact.year, "source": fact.source}
    return parameter.model_copy(update={"value": value, **rests_on})


def _plain(path: Path) -> dict[str, Any]:
    reader = documents.Reader()
    document = reader.document(path.resolve(), None)
    if reader.faults or document is None:
        raise ScenarioError(reader.faults)
    return document.data


# --- one's own figures over the packaged ones --------------------------------------------------


def _laid_over(below: dict[str, Any], given: dict[str, Any], note: str) -> dict[str, Any]:
    """Lay what is stated over what was there; a value is its own, and no longer its source's."""
    stated = given.get("parameters")
    if not isinstance(stated, dict):
        return _merged(below, given)
    held, limits = below["parameters"], below["limits"]
    own = {name: _as_stated(name, held.get(name, {}), one, limits, note) for name, one in stated.items()}
    cleared = {name: _without_source(held[name], one) for name, one in own.items() if name in held}
    return _merged({**below, "parameters": {**held, **cleared}}, {**given, "parameters": own})


def _as_stated(name: str, held: dict[str, Any], stated: Any, limits: Mapping[str, Any], note: str) -> Any:
    """Return a figure as it is stated: assumed unless it says otherwise, with the range that follows its value."""
    if not isinstance(stated, dict) or "value" not in stated:
        return stated
    own = {"class": "assumed", "note": note, **stated}
    middle = held.get("central", held.get("value", packaged().parameters[name].value if held else None))
    if not (_is_number(stated["value"]) and _is_number(middle) and middle):
        return own
    if not {"low", "high"} <= held.keys():
        return own
    value, limit = stated["value"], limits.get(str(stated.get("unit", held.get("unit"))), {})
    low, high = sorted(held[end] * value / middle for end in ("low", "high"))
    low, high = max(low, limit.get("least", low)), min(high, limit.get("most", high))
    return {"low": min(_short(low), value), "high": max(_short(high), value), **own}


def _without_source(held: dict[str, Any], stated: Any) -> dict[str, Any]:
    """Return what is kept of a figure whose value is stated anew: not its fact, its source, or its own middle."""
    if not isinstance(stated, dict) or "value" not in stated:
        return held
    gone = {"fact", "over", "factor", "central", "source", "year"}
    return {key: value for key, value in held.items() if key not in gone}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _merged(below: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one file over another, key by key."""
    merged = dict(below)
    for key, value in over.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, Mapping) else value
    return merged


def _from_sets(data: dict[str, Any], sets: Mapping[str, object]) -> dict[str, Any]:
    """Return what is set as a file would state it; a parameter alone is its value."""
    given: dict[str, Any] = {}
    for dotted, value in sets.items():
        way = dotted.split(".")
        way = way if len(way) > 1 or way[0] in data else ["parameters", *way]
        _check_way(dotted, data, way)
        if way[0] == "parameters" and len(way) == len(("parameters", "name")) and not isinstance(value, dict):
            way = [*way, "value"]
        nested = value
        for step in reversed(way):
            nested = {step: nested}
        given = _merged(given, nested) if isinstance(nested, dict) else given
    return given


def _check_way(dotted: str, data: dict[str, Any], way: list[str]) -> None:
    held: Any = data
    for depth, step in enumerate(way):
        allowed = [*held] if isinstance(held, dict) else []
        if way[0] == "parameters" and depth == len(("parameters", "name")):
            allowed = [field.alias or name for name, field in Parameter.model_fields.items()]
        if step not in allowed:
            raise PortsimError(f"--set {dotted}: nothing at '{step}': {nearest(step, allowed)}")
        held = held.get(step) if isinstance(held, dict) else None


# --- what is said of one's own figures ---------------------------------------------------------


def _of_evidence(name: str) -> str:
    """Return what the evidence says of a figure, for who stated it wrong."""
    held = packaged().parameters.get(name)
    if held is None:
        return ""
    span = "" if held.low is None or held.high is None else f", {held.low:g} to {held.high:g}"
    return f"; packaged: {held.value:g}{span} ({_by(held)})"


def _by(held: Parameter) -> str:
    """Return who says a packaged figure, in a few words."""
    source = packaged().sources.get(held.source or "")
    return held.class_ if source is None or held.class_ == "assumed" else source.publisher


def _remarked(read: Parameters) -> Parameters:
    """Return the parameters, with a note on each that lies outside the evidence's range."""
    noted = dict(read.parameters)
    for name, held in read.parameters.items():
        remark = outside(name, held)
        if remark and remark not in (held.note or ""):
            noted[name] = held.model_copy(update={"note": "; ".join(filter(None, (held.note, remark)))})
    return read.model_copy(update={"parameters": noted})


def outside(name: str, held: Parameter) -> str:
    """Return that a figure lies outside the range of the evidence; empty where it does not, or that has none."""
    known = packaged().parameters.get(name)
    if known is None or known.low is None or known.high is None or held.value is None:
        return ""
    if known.low <= held.value <= known.high:
        return ""
    return f"outside the evidence's {known.low:g} to {known.high:g} ({_by(known)})"


def stated(read: Parameters) -> list[str]:
    """Return a line for each figure that is not the packaged one: what it is, between what it is drawn, remarks."""
    lines = []
    for name, held in read.parameters.items():
        known = packaged().parameters.get(name)
        if known is None or (held.value, held.low, held.high) == (known.value, known.low, known.high):
            continue
        drawn = (
            "not drawn"
            if held.shape == "fixed" or held.low == held.high
            else f"drawn from {held.low:g} to {held.high:g}"
        )
        beware = f"; beware: {remark}" if (remark := outside(name, held)) else ""
        lines.append(f"stated: {name} {held.value:g} {held.unit} (packaged: {known.value:g}), {drawn}{beware}")
    return lines
