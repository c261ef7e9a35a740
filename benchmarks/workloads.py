"""The two workloads, drawn once: as portsim's engines take them, and as plain lists, for those who know no portsim.

portsim's own workload carries whole numbers only: ticks of a millisecond, and fixed-point factors, which plain lists
hold as floats without loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import plain_simpy as plain
from portsim import clock
from portsim.border.model import ONE, PortModel, Station
from portsim.border.workload import WeekBlock, draw
from portsim.language import scenario
from portsim.runs import experiment

Ints = npt.NDArray[np.int64]

HERE = Path(__file__).parent
SEED = 2027


@dataclass(frozen=True)
class Drawn:
    """A workload that is drawn already: a portsim Workload that costs nothing."""

    blocks: tuple[WeekBlock, ...]

    def weeks(self) -> Iterator[WeekBlock]:
        """Yield the blocks of the run's weeks, in order."""
        yield from self.blocks

    def __len__(self) -> int:
        return sum(map(len, self.blocks))


def model_of(name: str) -> PortModel:
    """Build the model of `mmc.yaml` or `border.yaml`."""
    return experiment.build_model(scenario.load(HERE / f"{name}.yaml"))


def drawn(model: PortModel, replication: int = 0) -> Drawn:
    """Draw all of a replication."""
    return Drawn(tuple(draw(model, SEED, replication).weeks()))


def first(workload: Drawn, count: int) -> Drawn:
    """Return the first travellers of a week, and nobody after them."""
    (block,) = workload.blocks
    columns = {name: column[..., :count] for name, column in vars(block).items() if name != "week"}
    return Drawn((WeekBlock(week=block.week, **columns),))


def thinned(model: PortModel, share: float) -> PortModel:
    """Return a model with fewer travellers, or with more, at the same booths."""
    segments = tuple(replace(segment, factor=segment.factor * share) for segment in model.segments)
    return replace(model, segments=segments)


def plain_line(model: PortModel, workload: Drawn) -> plain.LineOfTravellers:
    """Return the one line of a model as plain lists."""
    (line,) = model.lines
    (booths,) = line.timetable.booths.tolist()
    mean = int(line.mean_service[0, 0])
    tick, multiplier = _joined(workload, "tick"), _joined(workload, "multiplier")[line.multiplier]
    service = np.maximum(mean * multiplier // ONE, 1)
    return plain.LineOfTravellers(booths, tick.tolist(), service.tolist())


def plain_border(model: PortModel) -> plain.Border:
    """Return a border as plain lists. It has no tolls or gates, one line for each class at a port, and one stage."""
    lines = [
        plain.Line(
            **_station(model, line),
            capacity=line.capacity.tolist(),
            secondary=line.referrals[0].station,
            referral_share=line.referrals[0].share / ONE,
        )
        for line in model.lines
    ]
    segments = [
        plain.Segment(
            kind=segment.traveller_class,
            options=[plain.Option(option.lines[0], option.cost.tolist()) for option in segment.alternatives],
            per_hour=segment.per_hour.tolist(),
            patience=segment.patience,
        )
        for segment in model.segments
    ]
    return plain.Border(
        lines=lines,
        stages=[plain.Station(**_station(model, station)) for station in model.later],
        segments=segments,
        information_interval=model.information_interval,
        taste_scale=model.taste_scale,
        week=clock.WEEK,
        horizon=model.horizon,
    )


def _station(model: PortModel, station: Station) -> dict[str, Any]:
    timetable = station.timetable
    shape = model.multipliers[station.multiplier][1]
    return {
        "timetable": list(zip(timetable.tick.tolist(), timetable.booths.tolist(), strict=True)),
        "mean": station.mean_service[:, 0].tolist(),
        "cv": 1.0 if shape.kind == "exponential" else shape.cv,
    }


def plain_travellers(model: PortModel, workload: Drawn, border: plain.Border) -> list[plain.Traveller]:
    """Return the travellers of a border, ready to go."""
    segment, multiplier = _joined(workload, "segment"), _joined(workload, "multiplier")
    first_line = [model.lines[one.alternatives[0].lines[0]] for one in model.segments]
    primary = np.array([line.multiplier for line in first_line])[segment]
    secondary = np.array([model.later[line.referrals[0].station].multiplier for line in first_line])[segment]
    everybody = np.arange(len(segment))
    columns = (
        _joined(workload, "tick").tolist(),
        [border.segments[number] for number in segment.tolist()],
        _joined(workload, "patience").tolist(),
        _joined(workload, "taste").T.tolist(),
        (multiplier[primary, everybody] / ONE).tolist(),
        (multiplier[secondary, everybody] / ONE).tolist(),
        (_joined(workload, "referral")[0] / ONE).tolist(),
    )
    return [plain.Traveller(*row) for row in zip(*columns, strict=True)]


def _joined(workload: Drawn, column: str) -> Ints:
    """Return a column of all weeks, along the last axis."""
    return np.concatenate([getattr(block, column) for block in workload.blocks], axis=-1)
