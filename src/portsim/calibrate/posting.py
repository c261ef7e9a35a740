"""What the border agency would have posted for a simulated line: so that like is compared with like.

A posted wait is the wait of who joins now, in steps of five minutes. Some lines never post less than a step, however
empty they are; and many readings are those of the hour before. The step is rounded to the nearest: nothing in the
readings tells which way officers round, and the nearest keeps the mean.
(The posted wait that booths and tolls of a scenario read is rounded down: it is a rule of the model, not of the feed.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from portsim.calibrate.observations import STEP_MIN

Floats = npt.NDArray[np.float64]

RARELY = 0.05
"""A line of which fewer readings are below a step never posts less than one."""
_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Posting:
    """How one line's wait is posted: the least that is, minutes, and the share of readings that are the last held."""

    least_min: float = 0.0
    held_share: float = 0.0

    def rounded(self, wait_min: Floats) -> Floats:
        """Return waits in steps, none under the least; NaN stays."""
        rounded: Floats = np.maximum(STEP_MIN * np.floor(wait_min / STEP_MIN + 0.5), self.least_min)
        return rounded

    def expected(self, wait_min: Floats) -> Floats:
        """Return the mean posted wait for waits by hour, shape (..., hours), given who holds; NaN stays.

        A reading is held with the same chance each hour, so the expected one is a mean of the hours so far, the last
        weighing most.
        """
        fresh = self.rounded(wait_min)
        posted = fresh.copy()
        for hour in range(1, fresh.shape[-1]):
            before, now = posted[..., hour - 1], fresh[..., hour]
            held = (1 - self.held_share) * now + self.held_share * before
            posted[..., hour] = np.where(np.isnan(before), now, held)
        return posted


def least_posted(wait_min: Floats) -> float:
    """Return the least wait a line posts: 0, or one step where hardly a reading is below it."""
    return float(STEP_MIN) if float((wait_min < STEP_MIN).mean()) < RARELY else 0.0


def same_as_before(readings: pd.DataFrame) -> float:
    """Return the share of a line's readings, in order, equal to that of the hour before, of those that have one.

    NaN where none has.
    """
    at = pd.to_datetime(readings["date"]) + pd.to_timedelta(readings["hour"], unit="h")
    follows = (at.diff() == _HOUR).to_numpy()
    return float((readings["wait_min"].diff().to_numpy()[follows] == 0).mean()) if follows.any() else np.nan


def held_share(observed_same: float, wait_min: Floats, least_min: float) -> float:
    """Return the share of held readings that makes simulated hours as often alike as observed ones.

    `wait_min`: simulated waits by hour, shape (..., hours). Readings rounded more coarsely than a step look held too.
    """
    change = np.diff(Posting(least_min).rounded(wait_min), axis=-1)
    known = ~np.isnan(change)
    alike = float((change[known] == 0).mean()) if known.any() else 1.0
    if np.isnan(observed_same) or alike >= 1:
        return 0.0
    return float(np.clip((observed_same - alike) / (1 - alike), 0.0, 0.9))
