"""The YAML language: frozen models of a network file and of a scenario file.

A number from outside is a `Figure`: value, year, source and class; its unit is in the name of the key. A bare
number is allowed everywhere a figure is, and counts as assumed. A quantity that changes through the week is a
`Series`. Nothing here reads a file or knows a tick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portsim import clock

Mode = Literal["truck", "vehicle", "bus", "pedestrian"]
MODES: tuple[Mode, ...] = ("truck", "vehicle", "bus", "pedestrian")


def as_mode(word: str) -> Mode:
    """Return a word as a mode. Raises StopIteration for any other word."""
    return next(mode for mode in MODES if mode == word)


SourceClass = Literal["measured", "published", "derived", "assumed"]
IDENTIFIER_FORM = "lower-case letters, digits, hyphens"
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", description=IDENTIFIER_FORM)]
# A quoted number or a true/false is not read as a number; one beyond all sense would overflow sums.
Real = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Whole = Annotated[int, Field(strict=True)]


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


# --- numbers with their provenance -------------------------------------------------------------


class Provenance(Strict):
    """Where a number comes from: the year it speaks of, its source, and how far it can be trusted."""

    year: Whole | None = Field(default=None, description="the year the number speaks of")
    source: str | None = Field(default=None, description="an id under `sources`")
    class_: SourceClass = Field(default="assumed", alias="class", description="measured, published, derived or assumed")
    note: str | None = None


class Figure(Provenance):
    """One number. `low` and `high` bound it where the source gives, or we assume, a range."""

    value: Real
    low: Real | None = None
    high: Real | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.low > self.value:
            raise ValueError(f"low ({self.low:g}) is above value ({self.value:g})")
        if self.high is not None and self.high < self.value:
            raise ValueError(f"high ({self.high:g}) is below value ({self.value:g})")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "number"}, handler(core_schema)]}


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def _as_figure(raw: object) -> object:
    if isinstance(raw, Figure | dict) or _is_number(raw):
        return {"value": raw} if _is_number(raw) else raw
    raise ValueError("expected a number, or {value, year, source, class}")


def _bounded(low: float, high: float | None, *, above: bool) -> Callable[[Figure], Figure]:
    def check(figure: Figure) -> Figure:
        too_low = figure.value <= low if above else figure.value < low
        if too_low or (high is not None and figure.value > high):
            bound = f"{'above' if above else 'at least'} {low:g}"
            raise ValueError(
                f"{figure.value:g} is out of range: must be {bound}"
                + (f" and at most {high:g}" if high is not None else "")
            )
        return figure

    return check


def _whole(figure: Figure) -> Figure:
    if figure.value != int(figure.value):
        raise ValueError(f"{figure.value:g} is not a whole number")
    return figure


def _figure(low: float = 0.0, high: float | None = None, *, above: bool = False) -> tuple[Any, ...]:
    return BeforeValidator(_as_figure), AfterValidator(_bounded(low, high, above=above))


Number = Annotated[Figure, *_figure(low=-1e12)]
NotNegative = Annotated[Figure, *_figure()]
Positive = Annotated[Figure, *_figure(above=True)]
Share = Annotated[Figure, *_figure(high=1.0)]
Interval = Annotated[Figure, *_figure(low=0.1)]
WholeFigure = Annotated[Figure, *_figure(), AfterValidator(_whole)]

# --- the week ----------------------------------------------------------------------------------

Time = Annotated[
    str,
    Field(pattern=clock.TIME_PATTERN, description='a quoted time of day, "00:00" to "24:00"'),
]
Steps = dict[Time, Real]


def _by_shape(expected: str, *words: str) -> Discriminator:
    """Pick the one branch of a union that a value's faults speak of, by the form it is written in."""

    def shape(raw: object) -> str | None:
        if isinstance(raw, str):
            return "text" if raw in words else None
        if isinstance(raw, list | tuple):
            return "list"
        return "mapping" if isinstance(raw, dict | BaseModel) else "number"

    return Discriminator(shape, custom_error_type="shape", custom_error_message=f"expected {expected}")


DayPattern = Annotated[
    Annotated[Real, Tag("number")] | Annotated[Steps, Tag("mapping")] | Annotated[tuple[Real, ...], Tag("list")],
    _by_shape('a number, 24 numbers, or {"HH:MM": number}'),
]
Days = Annotated[str, Field(pattern=clock.DAYS_PATTERN, description="`daily`, one day, or a range such as mon-fri")]


class Series(Provenance):
    """A quantity through the week, in exactly one of five forms; days and steps may also stand alone.

    `value`: the same always. `hours`: 24 (each day) or 168 numbers, from Monday 00:00. `steps`: from a
    time of day on, every day; before the first step the last one holds. `days`: steps or 24 numbers by day.
    `table` and `column`: 168 rows of a CSV file beside the network file.
    """

    value: Real | None = None
    hours: tuple[Real, ...] | None = None
    steps: Steps | None = None
    days: dict[Days, DayPattern] | None = None
    table: str | None = None
    column: str | None = None
    low_factor: Annotated[Real, Field(gt=0, le=1)] | None = Field(
        default=None, description="the range of an uncertain series: at lowest, this times it"
    )
    high_factor: Annotated[Real, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = ("value", "hours", "steps", "days", "table")
        given = [form for form in forms if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(forms)}; got {', '.join(given) or 'none'}")
        if (self.table is None) != (self.column is None):
            raise ValueError("table and column go together")
        if self.table is None:
            lowest = float(self.slots().min())
            if lowest < 0:
                raise ValueError(f"{lowest:g} is out of range: must be at least 0")
        return self

    def slots(self) -> clock.Slots:
        """Return the value of each of the week's 2,016 five-minute slots, shape (2016,).

        Raises ValueError for a wrong number of hours, an off-grid time or a day given twice or not at all.
        """
        if self.value is not None:
            return clock.constant(self.value)
        if self.hours is not None:
            return clock.from_hours(self.hours)
        if self.steps is not None:
            return clock.from_days({"daily": self.steps})
        if self.days is not None:
            return clock.from_days(self.days)
        raise ValueError(f"table {self.table} has not been read")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        numbers = {"type": "array", "items": {"type": "number"}}
        steps = {
            "type": "object",
            "patternProperties": {clock.TIME_PATTERN: {"type": "number"}},
            "additionalProperties": False,
            "minProperties": 1,
        }
        days = {
            "type": "object",
            "patternProperties": {clock.DAYS_PATTERN: {"anyOf": [{"type": "number"}, numbers, steps]}},
            "additionalProperties": False,
            "minProperties": 1,
        }
        return {"anyOf": [{"type": "number"}, numbers, steps, days, handler(core_schema)]}


def _as_series(raw: object) -> object:
    if _is_number(raw):
        return {"value": raw}
    if isinstance(raw, list | tuple):
        return {"hours": raw}
    if isinstance(raw, dict) and raw and all(isinstance(key, str) and key[:1].isdigit() for key in raw):
        return {"steps": raw}
    if isinstance(raw, dict) and raw and all(re.match(clock.DAYS_PATTERN, str(key)) for key in raw):
        return {"days": raw}
    if isinstance(raw, dict | Series):
        return raw
    raise ValueError('expected a number, 24 or 168 numbers, {"HH:MM": number}, or a series with its source')


Weekly = Annotated[Series, BeforeValidator(_as_series)]


class Window(Strict):
    """Opening hours on some days. The line may form from `line_opens`; booths work from `opens`.

    `closes` shuts the gate, not the booths: who is in line then is served.
    """

    days: Days = "daily"
    opens: Time
    closes: Time
    line_opens: Time | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        opens, closes = clock.minutes(self.opens), clock.minutes(self.closes)
        if opens >= closes:
            raise ValueError(f"opens ({self.opens}) must be before closes ({self.closes}); split at midnight")
        if self.line_opens is not None and clock.minutes(self.line_opens) > opens:
            raise ValueError(f"line_opens ({self.line_opens}) must not be after opens ({self.opens})")
        for name in ("opens", "closes"):
            if clock.minutes(getattr(self, name)) % 60:
                raise ValueError(f"{name} must be on the hour: booths are counted by the hour")
        if self.line_opens is not None and clock.minutes(self.line_opens) % clock.SLOT_MIN:
            raise ValueError(f"line_opens ({self.line_opens}) must be a multiple of {clock.SLOT_MIN} minutes")
        return self


WeekTime = Annotated[
    str,
    Field(pattern=clock.WEEK_TIME_PATTERN, description='a day and an hour of it, such as "sun 11:00"'),
]


class Span(Strict):
    """From one time of the week to another, on the hour; `to` may lie in the next week."""

    from_: WeekTime = Field(alias="from")
    to: WeekTime

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        self.slots()
        return self

    def slots(self) -> npt.NDArray[np.bool_]:
        """Return which of the week's five-minute slots lie in it, shape (2016,)."""
        return clock.between(self.from_, self.to)


Hours = Annotated[
    Annotated[Literal["24h"], Tag("text")] | Annotated[tuple[Window, ...], Tag("list")],
    _by_shape("24h, or a list of {days, opens, closes}", "24h"),
]

# --- the network -------------------------------------------------------------------------------

MOST_TOLL_USD = 1_000
ServiceKind = Literal["deterministic", "exponential", "erlang", "gamma", "lognormal", "clipped_exponential"]


def _service_form(raw: object) -> str:
    """Tell one series from one by class: a series is no mapping, or its keys are its own or times of day."""
    if not isinstance(raw, dict) or not raw:
        return "series"
    own = {field.alias or name for name, field in Series.model_fields.items()}
    return "series" if any(key in own or str(key)[:1].isdigit() for key in raw) else "by class"


ServiceMean = Annotated[
    Annotated[Weekly, Tag("series")] | Annotated[dict[Identifier, Weekly], Tag("by class")],
    Discriminator(_service_form),
]


class Service(Strict):
    """Time of one inspection: a mean, in seconds, and the spread around it.

    `mean_s` is one series, or one by traveller class where classes that share the line differ. `cv` is the
    coefficient of variation of erlang (its shape is 1/cv^2, rounded), gamma and lognormal times.
    `clipped_exponential` cuts the exponential at `clip` means, and keeps the mean.
    """

    kind: ServiceKind = "gamma"
    mean_s: ServiceMean
    cv: NotNegative | None = None
    clip: Annotated[Figure, *_figure(low=1.0, above=True)] | None = None

    @model_validator(mode="after")
    def _spread(self) -> Self:
        needs_cv = self.kind in {"erlang", "gamma", "lognormal"}
        if needs_cv and (self.cv is None or self.cv.value <= 0):
            raise ValueError(f"kind {self.kind} needs cv, above 0")
        if not needs_cv and self.cv is not None:
            raise ValueError(f"kind {self.kind} has no cv to set")
        if (self.kind == "clipped_exponential") != (self.clip is not None):
            raise ValueError("clip goes with kind clipped_exponential, and only with it")
        return self


class Observed(Strict):
    """What was observed of one line, from which potential demand and choice constants are derived.

    `per_hour`: travellers joining, through the week. `wait_min`: their mean wait, by hour of joining.
    `origins`: share of them by catchment. `classes`: share by class, where more than one uses the lane type.
    """

    per_hour: Weekly
    wait_min: Weekly = Series(value=0.0)
    origins: dict[Identifier, Share]
    classes: dict[Identifier, Share] | None = None


class LaneType(Strict):
    """One first-come-first-served line before booths of one kind.

    `stacked`: every lane has two booths, one behind the other; `booths_open` then counts lanes.
    """

    booths_open: Weekly
    booths_built: NotNegative | None = Field(default=None, description="most that can open, in lane positions")
    service: Service
    hours: Hours | None = Field(default=None, description="where they differ from the crossing's")
    referral_share: dict[Identifier, Share] = Field(
        default_factory=dict, description="share sent to each later stage, by stage id"
    )
    toll_usd: Weekly | None = None
    admits: tuple[Identifier, ...] = Field(
        default=(), description="classes that may use this line beside those whose own lane type it is"
    )
    closures: tuple[Span, ...] = Field(
        default=(), description="times at which the gate is shut and nobody is inspected, in line or not"
    )
    stacked: bool = Field(default=False, description="two booths in every lane, one behind the other")
    observed: Observed | None = None


Reads = Literal["posted", "informed"]
READS = "which wait is read: the last one posted, or the last that travellers were informed of"
ReviewInterval = Annotated[Real, Field(ge=1, le=10_080)]
WaitMin = Annotated[Real, Field(ge=0, le=10_080)]
TargetMin = Annotated[Real, Field(gt=0, le=10_080, description="the longest wait of these lines it moves towards")]
FloorUsd = Annotated[Real, Field(ge=0, le=MOST_TOLL_USD, description="the least it may be, and what it starts at")]
CapUsd = Annotated[Real, Field(ge=0, le=MOST_TOLL_USD, description="the most it may be")]
StepUsd = Annotated[Real, Field(ge=0.01, le=MOST_TOLL_USD, description="how much it moves at a review")]


class BoothLimits(Strict):
    """Between which waits a line's booths stay as they are."""

    open_above_min: WaitMin = Field(description="at a longer wait one booth more opens")
    close_below_min: WaitMin = Field(description="at a shorter wait one booth closes")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.close_below_min > self.open_above_min:
            raise ValueError(
                f"close_below_min ({self.close_below_min:g}) must be at most open_above_min ({self.open_above_min:g})"
            )
        return self


class Balance(Strict):
    """Keep one line's wait below another's: a booth moves from the longer to the shorter while it is not."""

    keep: Identifier = Field(description="the lane type whose wait is kept below the other's")
    below: Identifier
    factor: Annotated[Real, Field(ge=1, le=10)] = Field(
        default=1.45, description="how many times the one wait is to fit into the other"
    )
    until_min: WaitMin = Field(default=120.0, description="no booth moves while the longer wait is this or more")

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if self.keep == self.below:
            raise ValueError(f"'{self.keep}' cannot be kept below itself")
        return self


class ResponsiveBooths(Strict):
    """Booths of a crossing that open and close by the wait, with the officers that its timetables have on shift."""

    lines: dict[Identifier, BoothLimits] = Field(
        default_factory=dict, description="lane types whose booths follow their wait; where officers are few, the first"
    )
    swap_with: Identifier | None = Field(
        default=None, description="the lane type that gives them officers and has all that are left"
    )
    balance: Balance | None = None
    at_least: dict[Identifier, Annotated[Whole, Field(ge=1, le=1000)]] = Field(
        default_factory=dict, description="fewest booths of a lane type that responds or gives; absent is 1"
    )
    officers_added: Annotated[Whole, Field(ge=0, le=1000)] = Field(
        default=0, description="officers beyond those of the timetables"
    )
    every_min: ReviewInterval = 60.0
    reads: Reads = Field(default="posted", description=READS)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.lines and self.balance is None:
            raise ValueError("give lines, balance or both")
        if self.swap_with in self.lines:
            raise ValueError(f"'{self.swap_with}' follows its own wait: it cannot be the one that gives")
        for name in self.at_least:
            if name not in self.concerned():
                raise ValueError(f"at_least: '{name}' neither responds nor gives")
        return self

    def concerned(self) -> tuple[str, ...]:
        """Return the lane types whose booths move, in the order of their rights to an officer."""
        balanced = (self.balance.keep, self.balance.below) if self.balance else ()
        names = dict.fromkeys((*self.lines, *balanced))
        return (*(name for name in names if name != self.swap_with), *((self.swap_with,) if self.swap_with else ()))


class ResponsiveToll(Strict):
    """One toll, of all the lane types named, that moves by steps towards a target wait."""

    lane_types: tuple[Identifier, ...] = Field(min_length=1)
    target_min: TargetMin
    floor_usd: FloorUsd = 0.0
    cap_usd: CapUsd
    step_usd: StepUsd = 0.25
    every_min: ReviewInterval = 60.0
    reads: Reads = Field(default="posted", description=READS)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.floor_usd + self.step_usd > self.cap_usd:
            bounds = f"cap_usd ({self.cap_usd:g}) must be at least one step ({self.step_usd:g}) above"
            raise ValueError(f"{bounds} floor_usd ({self.floor_usd:g})")
        return self


class Stage(Strict):
    """Stations after primary, shared by the crossing's lane types: secondary inspection, enforcement."""

    id: Identifier
    stations: Weekly
    service: Service


class Crossing(Strict):
    """One mode's way through a port: lane types side by side, then later stages in the order given."""

    hours: Hours = "24h"
    lane_positions: WholeFigure = Field(description="built lanes, shared by the lane types")
    people_per_crossing: Positive = Field(default=Figure(value=1.0), description="people carried, drivers included")
    lane_types: dict[Identifier, LaneType] = Field(min_length=1)
    stages: tuple[Stage, ...] = ()
    responsive_booths: ResponsiveBooths | None = None
    responsive_toll: ResponsiveToll | None = None


class Port(Strict):
    """A port of entry: at most one crossing a mode."""

    id: Identifier
    name: str
    open: bool = True
    region: Identifier = Field(default="region", description="the cluster of ports it belongs to")
    constants_from: Identifier | None = Field(
        default=None, description="the port whose choice constants a port without history takes"
    )
    target_wait_min: NotNegative | None = None
    truck: Crossing | None = None
    vehicle: Crossing | None = None
    bus: Crossing | None = None
    pedestrian: Crossing | None = None

    def crossing(self, mode: Mode) -> Crossing | None:
        """Return the crossing of a mode, None where the port has none."""
        found: Crossing | None = getattr(self, mode)
        return found

    @model_validator(mode="after")
    def _some_crossing(self) -> Self:
        if not any(self.crossing(mode) for mode in MODES):
            raise ValueError(f"a port needs at least one of {', '.join(MODES)}")
        return self


class Catchment(Strict):
    """An area travellers come from, with its access time to each port in its reach."""

    id: Identifier
    name: str
    cluster: Identifier = Field(description="areas whose good and bad days come together")
    access_min: dict[Identifier, NotNegative] = Field(min_length=1)


class TravellerClass(Strict):
    """Travellers of one mode with the same lane types, in order of preference, and value of time."""

    mode: Mode
    lane_types: tuple[Identifier, ...] = Field(min_length=1)
    value_of_time_usd_per_hour: Positive = Figure(value=20.0)


class Segment(Strict):
    """Potential travellers stated outright, for networks without observed lines."""

    id: Identifier
    catchment: Identifier
    traveller_class: Identifier
    per_hour: Weekly
    port: Identifier | None = Field(default=None, description="sends all of them there; else they choose")


class Choice(Strict):
    """How a traveller picks a port. All weights are in minutes of port wait."""

    kind: Literal["ports", "fixed"] = "ports"
    line: Literal["shortest", "preferred"] = Field(
        default="shortest",
        description="of the lines a traveller may use at its port: the one with the least wait and toll on arrival, "
        "or the first that is open, in the class's order of lane types",
    )
    information_interval_min: Interval = Figure(value=15.0)
    posting_interval_min: Interval = Figure(value=60.0)
    posting_step_min: Interval = Figure(value=5.0)
    taste_scale_min: Positive = Figure(value=16.0)
    wait_weight: NotNegative = Figure(value=1.0)
    access_weight: NotNegative = Figure(value=0.4, note="a minute of driving weighs 1/2.5 of a minute of wait")


class DayFactor(Strict):
    """Good and bad days: one lognormal factor a cluster, mode, class and day."""

    cv: NotNegative = Figure(value=0.0)
    lag1_correlation: Share = Figure(value=0.0)


class Source(Strict):
    """A document or data set that figures come from."""

    title: str
    publisher: str
    year: Whole | None = None
    link: str | None = None
    note: str | None = None


class Network(Strict):
    """A border: its ports, its catchments, its travellers, and where every number comes from."""

    network: Identifier
    about: str
    credit: str | None = Field(default=None, description="a line on its sources, for the foot of charts")
    sources: dict[Identifier, Source] = Field(default_factory=dict)
    classes: dict[Identifier, TravellerClass] = Field(min_length=1)
    catchments: tuple[Catchment, ...] = Field(min_length=1)
    choice: Choice = Choice()
    patience_pct_per_min: dict[Mode, NotNegative] = Field(
        default_factory=dict, description="semi-elasticity of trips to the wait, % a minute; absent is 0"
    )
    day_factor: DayFactor = DayFactor()
    month_factors: dict[Mode, tuple[NotNegative, ...]] = Field(default_factory=dict)
    ports: tuple[Port, ...] = Field(min_length=1)
    segments: tuple[Segment, ...] = ()

    def port(self, port_id: str) -> Port:
        """Return the port of that id. Raises KeyError where there is none."""
        for port in self.ports:
            if port.id == port_id:
                return port
        raise KeyError(port_id)

    def users_of(self, mode: Mode, lane_type: str, lane: LaneType) -> list[str]:
        """Return the classes that may use a line: those whose lane type it is, and those it admits."""
        return [
            name
            for name, traveller in self.classes.items()
            if traveller.mode == mode and (lane_type in traveller.lane_types or name in lane.admits)
        ]


# --- scenarios ---------------------------------------------------------------------------------


class Transfer(Strict):
    """Officers taken from the booths of one line, in the hours the action needs them.

    For a port that opens, in every hour.
    """

    port: Identifier
    mode: Mode
    lane_type: Identifier
    booths: Annotated[Real, Field(gt=0)]


class Moved(Strict):
    """Officers moved from other booths, and so many more who are added."""

    moved: tuple[Transfer, ...] = Field(min_length=1)
    added: Annotated[Real, Field(ge=0)] = Field(default=0.0, description="booths whose officers are new")


Officers = Annotated[
    Annotated[Literal["added"], Tag("text")] | Annotated[Moved, Tag("mapping")],
    _by_shape("added, or moved: [{port, mode, lane_type, booths}]", "added"),
]


class Staffed(Strict):
    """A change that needs officers says where they come from: `added`, or `moved` from other booths."""

    officers: Officers = Field(description="where the officers come from: added, or moved from other booths")


class OpenPort(Staffed):
    """Open a port of the network that is closed."""

    action: Literal["open_port"]
    port: Identifier


class ClosePort(Strict):
    """Close a port."""

    action: Literal["close_port"]
    port: Identifier


class SetBooths(Staffed):
    """Replace the timetable of open booths of one line."""

    action: Literal["set_booths"]
    port: Identifier
    mode: Mode
    lane_type: Identifier
    booths: Weekly


class AddBooths(Staffed):
    """Open more booths (or, below zero, fewer) in the hours a line is staffed; `from`/`to` narrow them."""

    action: Literal["add_booths"]
    port: Identifier
    mode: Mode
    lane_type: Identifier
    booths: Real
    days: Days = "daily"
    from_: Time = Field(default="00:00", alias="from")
    to: Time = "24:00"


class RespondBooths(ResponsiveBooths):
    """Let booths of a crossing open and close by the wait, within what is built and the officers on shift."""

    action: Literal["respond_booths"]
    port: Identifier
    mode: Mode


class StackBooths(Staffed):
    """Put a second booth into every lane of the lane types named, behind the first.

    The inspection takes as long at either: state the seconds of one booth with `set_service_time` where the
    network's are of a whole lane.
    """

    action: Literal["stack_booths"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None


class SetHours(Strict):
    """Replace the opening hours of a crossing, or of the lane types named.

    `booths` are open in each hour that is new and has none in the timetable; then `officers` says whose they are.
    """

    action: Literal["set_hours"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None
    hours: Hours
    booths: Annotated[Real, Field(gt=0)] | None = None
    officers: Officers | None = None


class Build(Strict):
    """Build lanes or booths. Nobody works there yet: `set_booths` or `add_booths` opens them.

    `booths_built`, by lane type, and `lane_positions` are the new totals.
    """

    action: Literal["build"]
    port: Identifier
    mode: Mode
    lane_positions: Annotated[Whole, Field(ge=1, le=1000)] | None = Field(
        default=None, description="built lanes, shared by the lane types"
    )
    booths_built: dict[Identifier, Annotated[Real, Field(gt=0, le=1000)]] | None = Field(
        default=None, description="most that can open, by lane type"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.lane_positions is None and not self.booths_built:
            raise ValueError("give lane_positions, booths_built or both")
        return self


class SetServiceTime(Strict):
    """Change the mean time of an inspection, at the booths or at a later stage: by a factor, or to seconds.

    `classes` narrows it to some travellers.
    """

    action: Literal["set_service_time"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None
    stage: Identifier | None = Field(default=None, description="a later stage, instead of lane types")
    classes: tuple[Identifier, ...] | None = None
    factor: Annotated[Real, Field(gt=0, le=10)] | None = None
    mean_s: Annotated[Real, Field(gt=0, le=36_000)] | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.factor is None) == (self.mean_s is None):
            raise ValueError("give exactly one of factor, mean_s")
        if self.stage is not None and self.lane_types is not None:
            raise ValueError("give lane_types or stage, not both")
        return self


class SetLaneTypes(Strict):
    """Convert booths of one lane type to another: all of them, or so many in each hour that has them.

    No officer is added: a booth that served one line serves the other. For some hours only: add_booths on the new
    lane type, with officers moved from the old.
    """

    action: Literal["set_lane_types"]
    port: Identifier
    mode: Mode
    lane_type: Identifier = Field(description="the lane type whose booths are converted")
    to: Identifier = Field(description="the lane type they become")
    booths: Annotated[Real, Field(gt=0)] | None = Field(default=None, description="absent is all")


class Admit(Strict):
    """Let classes use a lane type beside those whose own it is; their inspection takes as long as before."""

    action: Literal["admit"]
    port: Identifier
    mode: Mode
    lane_type: Identifier
    classes: tuple[Identifier, ...] = Field(min_length=1)


class SetReferralShare(Strict):
    """Set the share of travellers that goes on to a later stage."""

    action: Literal["set_referral_share"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None
    stage: Identifier
    share: Annotated[Real, Field(ge=0, le=1)]


class SetToll(Strict):
    """Charge a toll, in dollars, on the lane types named, or on all of the crossing; it may change by the hour."""

    action: Literal["set_toll"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None
    toll_usd: Weekly

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        if self.toll_usd.table is None and (most := float(self.toll_usd.slots().max())) > MOST_TOLL_USD:
            raise ValueError(f"a toll of {most:g} is out of range: must be at most {MOST_TOLL_USD:,}")
        return self


class RespondToll(Strict):
    """Let one toll, on the lane types named or on all of the crossing, move by steps towards a target wait.

    At every review it goes a step up where the longest of their waits is above the target, and a step down where it
    is below. It starts at the floor.
    """

    action: Literal["respond_toll"]
    port: Identifier
    mode: Mode
    lane_types: tuple[Identifier, ...] | None = None
    target_min: TargetMin
    floor_usd: FloorUsd = 0.0
    cap_usd: CapUsd
    step_usd: StepUsd = 0.25
    every_min: ReviewInterval = 60.0
    reads: Reads = Field(default="posted", description=READS)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        self.rule(("any",))
        return self

    def rule(self, lane_types: tuple[str, ...]) -> ResponsiveToll:
        """Return the rule of a crossing, of these lane types."""
        stated = self.model_dump(exclude={"action", "port", "mode", "lane_types"})
        return ResponsiveToll(lane_types=lane_types, **stated)


class SetChoice(Strict):
    """Change how travellers choose; constants are solved anew, so that today's shares stay as observed."""

    action: Literal["set_choice"]
    kind: Literal["ports", "fixed"] | None = None
    line: Literal["shortest", "preferred"] | None = None
    information_interval_min: Annotated[Real, Field(ge=0.1)] | None = None
    taste_scale_min: Annotated[Real, Field(gt=0)] | None = None
    wait_weight: Annotated[Real, Field(ge=0)] | None = None
    access_weight: Annotated[Real, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.settings():
            keys = [key for key in SetChoice.model_fields if key != "action"]
            raise ValueError(f"give at least one of {', '.join(keys)}")
        return self

    def settings(self) -> dict[str, str | float]:
        """Return what is set, by the key of `choice`."""
        return self.model_dump(exclude={"action"}, exclude_none=True)


class ScaleDemand(Strict):
    """Multiply potential demand, of all travellers or of those named."""

    action: Literal["scale_demand"]
    factor: Annotated[Real, Field(ge=0, le=10)]
    modes: tuple[Mode, ...] | None = None
    catchments: tuple[Identifier, ...] | None = None
    classes: tuple[Identifier, ...] | None = None


class ShiftClasses(Strict):
    """Let a share of one class become another of the same mode, such as Ready users who enrol in SENTRI.

    The same travellers at the same times, on the other class's lanes; where their port has none, they stay.
    """

    action: Literal["shift_classes"]
    from_: Identifier = Field(alias="from")
    to: Identifier
    share: Annotated[Real, Field(gt=0, le=1)]
    catchments: tuple[Identifier, ...] | None = None


class SmoothArrivals(Strict):
    """Spread a share of each day's travellers evenly between two times, as appointments do."""

    action: Literal["smooth_arrivals"]
    share: Annotated[Real, Field(gt=0, le=1)]
    days: Days = "daily"
    from_: Time = Field(alias="from")
    to: Time
    modes: tuple[Mode, ...] | None = None
    catchments: tuple[Identifier, ...] | None = None
    classes: tuple[Identifier, ...] | None = None


class Event(Strict):
    """What happens between two times of every simulated week: a closure, lost booths, or a surge of demand.

    `closure` shuts gates and booths of a port: who is in line waits. `lost_booths` closes `booths` booths, or
    `share` of them. `surge` multiplies the demand of all travellers, or of those named, by `factor`.
    """

    action: Literal["event"]
    kind: Literal["closure", "lost_booths", "surge"]
    from_: WeekTime = Field(alias="from")
    to: WeekTime
    port: Identifier | None = None
    modes: tuple[Mode, ...] | None = None
    lane_types: tuple[Identifier, ...] | None = None
    booths: Annotated[Real, Field(gt=0)] | None = None
    share: Annotated[Real, Field(gt=0, le=1)] | None = None
    factor: Annotated[Real, Field(ge=0, le=10)] | None = None
    catchments: tuple[Identifier, ...] | None = None
    classes: tuple[Identifier, ...] | None = None

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        clock.between(self.from_, self.to)
        needed, allowed = _EVENT_KEYS[self.kind]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"kind {self.kind} needs {key}")
        for key in ("port", "modes", "lane_types", "booths", "share", "factor", "catchments", "classes"):
            if getattr(self, key) is not None and key not in {*needed, *allowed}:
                raise ValueError(f"kind {self.kind} has no {key}: allowed: {', '.join((*needed, *allowed))}")
        if self.kind == "lost_booths" and (self.booths is None) == (self.share is None):
            raise ValueError("kind lost_booths needs exactly one of booths, share")
        return self

    def slots(self) -> npt.NDArray[np.bool_]:
        """Return in which of the week's five-minute slots it happens, shape (2016,)."""
        return clock.between(self.from_, self.to)


_EVENT_KEYS = {
    "closure": (("port",), ("modes", "lane_types")),
    "lost_booths": (("port",), ("modes", "lane_types", "booths", "share")),
    "surge": (("factor",), ("modes", "catchments", "classes")),
}

DemandChange = ScaleDemand | ShiftClasses | SmoothArrivals | Event
Change = Annotated[
    OpenPort
    | ClosePort
    | Build
    | SetHours
    | SetBooths
    | AddBooths
    | RespondBooths
    | StackBooths
    | SetServiceTime
    | SetLaneTypes
    | Admit
    | SetReferralShare
    | SetToll
    | RespondToll
    | SetChoice
    | ScaleDemand
    | ShiftClasses
    | SmoothArrivals
    | Event,
    Field(discriminator="action"),
]


class Run(Strict):
    """How long, how often and from which seed to simulate."""

    weeks: Whole = Field(default=1, ge=1, le=520, description="measured weeks")
    warm_up_weeks: Whole = Field(default=1, ge=0, le=52, description="simulated first, then left out")
    replications: Whole = Field(default=3, ge=1, le=1000)
    seed: Whole = Field(default=2026, ge=0)
    month: Whole | None = Field(default=None, ge=1, le=12, description="1-12; absent is the year's mean")


class CargoRule(Strict):
    """The documents' trade indicator: dollars of cargo a month for each ten minutes off the border wait.

    `usd_per_month_per_10_min` speaks of the whole US-Mexico border, northbound trucks. A port's part is its
    share of truck imports, `truck_imports_usd_bn` over `border_truck_imports_usd_bn`.
    """

    usd_per_month_per_10_min: Positive
    border_truck_imports_usd_bn: Positive
    truck_imports_usd_bn: dict[Identifier, NotNegative]
    low_factor: Positive = Figure(value=1.0)
    high_factor: Positive = Figure(value=1.0)


FIRST_YEAR, LAST_YEAR = 2000, 2150
CalendarYear = Annotated[Whole, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
YEAR_PATTERN = r"^2[01][0-9][0-9]$"
YearOfCost = Annotated[str, Field(pattern=YEAR_PATTERN, description="a year, such as 2026")]
Rate = Annotated[Figure, *_figure(low=-20.0, high=50.0)]


class OfficersCost(Strict):
    """What the officers of an option cost; their number follows from the booths it opens, unless it is stated."""

    usd_per_year: Positive = Field(description="one officer's year, pay and all that comes with it")
    added: NotNegative | None = Field(default=None, description="officers; absent: the hours of added booths need them")
    booth_hours_per_year: Positive = Field(
        default=Figure(value=1500.0), description="hours that one officer stands at a booth in a year"
    )


class Appraisal(Strict):
    """What an option costs and when, and the years in which it is simulated, to say whether it is worth it.

    All in real dollars of `dollar_year`. Demand grows from the year of the counts; benefits lie on straight lines
    between the years simulated, and stay at the last one's after it.
    """

    dollar_year: CalendarYear = Field(description="the dollars of every cost")
    opening_year: CalendarYear = Field(description="the first whole year of benefits")
    horizon_years: Annotated[Whole, Field(ge=1, le=100)] = Field(description="years of operation")
    counts_year: CalendarYear = Field(default=2024, description="the year the network's demand is of")
    years: tuple[CalendarYear, ...] = Field(default=(), description="the years simulated, beside that of the counts")
    growth_pct_per_year: dict[Mode, Rate] = Field(default_factory=dict, description="of demand; absent is 0")
    capital_usd: dict[YearOfCost, NotNegative] = Field(default_factory=dict, description="by the year it is spent")
    most_wait_min: Positive = Field(
        default=Figure(value=180.0),
        description="a mode's benefits grow no further once a line of the base waits longer on average: "
        "something else would be done by then",
    )
    residual_usd: NotNegative = Field(default=Figure(value=0.0), description="left at the end of the horizon")
    operating_usd_per_year: NotNegative = Figure(value=0.0)
    officers: OfficersCost | None = None
    discount_pct: Rate = Figure(value=7.0)
    beside_discount_pct: tuple[Annotated[Real, Field(ge=-20, le=50)], ...] = (3.1, 2.0)
    sources: dict[Identifier, Source] = Field(default_factory=dict, description="documents the figures are from")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.years) != sorted(set(self.years)):
            raise ValueError("years must rise, each given once")
        if self.years and self.years[0] <= self.counts_year:
            raise ValueError(f"years must lie after counts_year ({self.counts_year}), which is simulated anyway")
        last = self.opening_year + self.horizon_years - 1
        if self.years and self.years[-1] > last:
            raise ValueError(f"year {self.years[-1]} lies after the last year of operation ({last})")
        late = [year for year in self.capital_usd if int(year) > last]
        if late:
            raise ValueError(f"capital of {late[0]} is spent after the last year of operation ({last})")
        if self.years and not self.growth_pct_per_year:
            raise ValueError("years to simulate need growth_pct_per_year: without growth they are all alike")
        if not self.capital_usd and self.officers is None and self.operating_usd_per_year.value == 0:
            raise ValueError(
                "give capital_usd, operating_usd_per_year or officers: an option without cost is no choice"
            )
        return self

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        stated = {**self.figures(), **{f"capital_usd.{year}": figure for year, figure in self.capital_usd.items()}}
        stated.pop("capital", None)
        for name, figure in stated.items():
            if figure.class_ != "assumed" and figure.source is None:
                raise ValueError(f"{name}: a {figure.class_} figure needs its source")
            if figure.source is not None and figure.source not in self.sources:
                known = ", ".join(self.sources) or "none is defined"
                raise ValueError(f"{name}: unknown source '{figure.source}': allowed: {known}")
        return self

    def figures(self) -> dict[str, Figure]:
        """Return every figure by its name in results; capital is that of all years together."""
        officers = self.officers
        named = {
            **({"capital": self._capital()} if self.capital_usd else {}),
            **{f"growth-{mode}": figure for mode, figure in self.growth_pct_per_year.items()},
            "residual": self.residual_usd,
            "operating": self.operating_usd_per_year,
            "discount": self.discount_pct,
        }
        if officers is not None:
            named |= {"officer-year": officers.usd_per_year, "booth-hours": officers.booth_hours_per_year}
            named |= {} if officers.added is None else {"officers": officers.added}
        return named

    def _capital(self) -> Figure:
        """Return the capital of all years; as uncertain as its parts, all dear or all cheap together."""
        parts = self.capital_usd.values()
        classes = {part.class_ for part in parts}
        return Figure(
            value=sum(part.value for part in parts),
            low=sum(part.value if part.low is None else part.low for part in parts),
            high=sum(part.value if part.high is None else part.high for part in parts),
            class_=classes.pop() if len(classes) == 1 else "assumed",
        )

    def capital_shares(self) -> dict[int, float]:
        """Return what share of all capital is spent in each year."""
        total = sum(figure.value for figure in self.capital_usd.values())
        return {int(year): figure.value / total if total else 0.0 for year, figure in self.capital_usd.items()}

    def growth_factor(self, mode: Mode, year: int) -> float:
        """Return what the demand of a mode is in a year, of that in the counts' year: (1 + g)^n."""
        rate = self.growth_pct_per_year.get(mode)
        return 1.0 if rate is None else float((1 + rate.value / 100) ** (year - self.counts_year))

    @property
    def last_year(self) -> int:
        """Return the last year of operation."""
        return self.opening_year + self.horizon_years - 1


class ScenarioFile(Strict):
    """One scenario: a name, a parent, what it changes, and how to run it."""

    scenario: Identifier = Field(description="its name, as in results and charts")
    title: str | None = Field(default=None, description="a few words for chart labels")
    about: str | None = Field(default=None, description="what it is and why")
    source: str | None = Field(default=None, description="who asked, or where its numbers come from")
    extends: str | None = Field(default=None, description="the parent scenario, a path beside this file")
    network: str | None = Field(
        default=None, description="a network file beside this one; absent is the packaged CaliBaja network"
    )
    choice: Literal["ports", "fixed"] | None = Field(
        default=None, description="`fixed` sends all observed travellers to the port they were observed at"
    )
    patience_pct_per_min: dict[Mode, Annotated[Real, Field(ge=0)]] | None = Field(
        default=None, description="overrides the network's, by mode"
    )
    changes: tuple[Change, ...] = ()
    run: Run = Run()
    cargo_rule: CargoRule | None = None
    appraisal: Appraisal | None = Field(default=None, description="costs and years, for net present value and the like")


def scenario_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, for editors."""
    schema = ScenarioFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "portsim scenario",
    }
