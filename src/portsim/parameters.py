"""What the valuation rests on: every figure with its unit, dollars, range and source, as data/economics.yaml has it.

A file of the same form may replace what it names. A value of time is per person or per vehicle, and says so: per
vehicle it holds all who are in it, so it goes with no occupancy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from portsim import documents, facts
from portsim.errors import Fault, PortsimError, ScenarioError, nearest
from portsim.messages import human
from portsim.schema import Identifier, Mode, Provenance, Real, Source, Strict, Whole

PACKAGED = Path(str(resources.files("portsim"))) / "data" / "economics.yaml"
COMMAND_LINE = "command line"

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
    occupancy: Annotated[Real, Field(gt=0)] | None = Field(
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
    dollar_year: Whole
    trade_form: TradeForm
    trade_year: Whole
    monetise: tuple[Money, ...] = ()


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
        if fuel and not all(self.parameters[name].value for name in ("price-gasoline", "price-diesel")):
            raise ValueError("monetise fuel: state price-gasoline and price-diesel first; none was verified")
        return self

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

    Raises ScenarioError with every fault found.
    """
    data = _plain(PACKAGED)
    place = PACKAGED
    if path is not None:
        data, place = _merged(data, _own(_plain(path))), path
    for dotted, value in (sets or {}).items():
        _put(data, dotted, value)
    try:
        return with_facts(Parameters.model_validate(data))
    except ValidationError as invalid:
        where = COMMAND_LINE if sets else documents.shown(place.resolve())
        raise ScenarioError(
            [
                Fault(where, 0, 0, f"{'.'.join(map(str, error['loc'])) or 'parameters'}: {human(error, Parameters)}")
                for error in invalid.errors()
            ]
        ) from None


def with_facts(read: Parameters) -> Parameters:
    """Return the parameters with those that refer to a fact of the documents holding its number."""
    known = facts.load()
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


def _own(given: dict[str, Any]) -> dict[str, Any]:
    """Let a value that a file states without its class be assumed: it is no longer its source's."""
    stated = given.get("parameters")
    for parameter in stated.values() if isinstance(stated, dict) else ():
        if isinstance(parameter, dict) and "value" in parameter:
            parameter.setdefault("class", "assumed")
            parameter.setdefault("note", "stated in a file of one's own")
    return given


def _merged(below: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one file over another, key by key; a parameter that states a value no longer takes a fact's."""
    merged = dict(below)
    for key, value in over.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, Mapping) else value
    if "value" in over and "fact" not in over:
        merged.pop("fact", None)
    return merged


def _put(data: dict[str, Any], dotted: str, value: object) -> None:
    """Set one value; a parameter alone is its value, and is then assumed, and fixed."""
    *way, last = dotted.split(".")
    if not way and last not in data:
        way = ["parameters"]
    held: Any = data
    for step in way:
        if not isinstance(held, dict) or not isinstance(held.get(step), dict):
            allowed = [*held] if isinstance(held, dict) else []
            raise PortsimError(f"--set {dotted}: nothing at '{step}': {nearest(step, allowed)}")
        held = held[step]
    if last not in held:
        raise PortsimError(f"--set {dotted}: nothing at '{last}': {nearest(last, [*held])}")
    if way == ["parameters"] and not isinstance(value, dict):
        note = {"class": "assumed", "note": "set on the command line", "source": "judgement"}
        kept = {key: held[last][key] for key in ("label", "unit", "dollar_year") if key in held[last]}
        value = {**kept, "value": value, **note}
    held[last] = value
