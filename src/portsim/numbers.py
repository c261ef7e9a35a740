"""Numbers as people read them: no more digits than the interval supports, real minus signs, dollars."""

from __future__ import annotations

import math
from typing import NamedTuple

MINUS = "\u2212"
ASSUMED_MARK = "\u2020"  # beside what rests on an assumed wait
_SHOWN_AS_MILLIONS = 950_000  # rounds to 1.0 million


class Estimate(NamedTuple):
    """A mean and the half-width of its 95% interval; NaN where there is no interval."""

    mean: float
    half_width: float

    @property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the interval: the mean twice where there is none."""
        half_width = 0.0 if math.isnan(self.half_width) else self.half_width
        return self.mean - half_width, self.mean + half_width


def clear(estimate: Estimate) -> bool:
    """Say whether the interval leaves no doubt of the sign."""
    return abs(estimate.mean) > estimate.half_width


def decimals(half_width: float) -> int:
    """Return the decimals an interval supports: to the first digit of its half-width, and never more than two."""
    if not math.isfinite(half_width):
        return 0
    if half_width <= 0:
        return 1
    return min(max(-math.floor(math.log10(half_width)), 0), 2)


def number(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a real minus sign, and never a negative zero."""
    rounded = round(value, places) + 0.0
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):,.{places}f}"


def minutes(estimate: Estimate) -> str:
    """Return a mean alone, without more digits than its interval supports, and no seconds."""
    return number(estimate.mean, 0 if estimate == (0, 0) else min(decimals(estimate.half_width), 1))


def plus_minus(estimate: Estimate, *, signed: bool = False) -> str:
    """Return "mean ± half-width" in the digits the interval supports; "0" where both are."""
    mean, half_width = estimate
    if math.isnan(half_width) or estimate == (0, 0):
        return number(mean, 0, signed=signed)
    places = decimals(half_width)
    if clear(estimate) and round(abs(mean), places) <= round(half_width, places):
        places += 1  # 3.4 ± 3.3 is a change, but 3 ± 3 does not look like one
    tiny = 0 < half_width < 0.5 * 10.0**-places
    width = f"<{10.0**-places:.{places}f}" if tiny else number(half_width, places)
    return f"{number(mean, places, signed=signed)} ± {width}"


def large(estimate: Estimate) -> str:
    """Return a quantity of thousands, as tonnes, to the first digit of its half-width: "39,000 ± 800"."""
    mean, half_width = estimate
    if not half_width >= 1:  # NaN too
        return plus_minus(estimate)
    places = -math.floor(math.log10(half_width))
    return plus_minus(Estimate(round(mean, places), round(half_width, places)))


def dollars(estimate: Estimate, *, signed: bool = False) -> str:
    """Return dollars with their interval, in millions or thousands, in the digits the interval supports."""
    if estimate.mean == 0 and not estimate.half_width > 0:
        return "$0"
    unit, letter = (1e6, "M") if max(map(abs, estimate.ends)) >= _SHOWN_AS_MILLIONS else (1e3, "k")
    mean, half_width = estimate.mean / unit, estimate.half_width / unit
    places = int(letter == "M") if math.isnan(half_width) else decimals(half_width)
    text = number(mean, places, signed=signed)
    sign = text[0] if text[0] in f"+{MINUS}" else ""
    amount = f"{sign}${text.removeprefix(sign)}{letter}"
    return amount if math.isnan(half_width) else f"{amount} ± ${number(half_width, places)}{letter}"
