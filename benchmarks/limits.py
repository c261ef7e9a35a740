"""The physical limit: what it takes to draw, sort and read the very same arrays, with nothing in between."""

from __future__ import annotations

import time

import numpy as np

from portsim.border.model import ONE, PortModel
from workloads import Drawn


def seconds(model: PortModel, workload: Drawn) -> float:
    """Return the processor time of drawing as many numbers of each kind at once, sorting the times, reading it all."""
    began = time.process_time()
    for block in workload.blocks:
        _draw(model, np.bincount(block.segment, minlength=len(model.segments)))
        np.sort(block.key)  # as many whole numbers, in no order of theirs
        for column in (block.tick, block.key, block.segment, block.patience):
            column.sum()
        for rows in (block.taste, block.multiplier, block.referral):
            rows.sum()
    return time.process_time() - began


def _draw(model: PortModel, travellers: np.ndarray) -> None:
    """Draw all that travellers of each segment carry: arrival, patience, a taste a port, service times, a referral."""
    generator = np.random.Generator(np.random.SFC64(1))
    count = int(travellers.sum())
    generator.standard_exponential(count)
    generator.standard_exponential(count)
    tastes = sum(n * len(s.alternatives) for n, s in zip(travellers.tolist(), model.segments, strict=True))
    np.log(generator.standard_exponential(tastes))
    for number, segment in zip(travellers.tolist(), model.segments, strict=True):
        line = model.lines[segment.alternatives[0].lines[0]]
        rows = {line.multiplier} | {model.later[referral.station].multiplier for referral in line.referrals}
        for shape in (model.multipliers[row][1] for row in rows):
            if shape.kind == "exponential":
                generator.standard_exponential(number)
            else:
                generator.standard_gamma(1 / shape.cv**2, number)
        for _ in line.referrals:
            generator.integers(0, ONE, number)
