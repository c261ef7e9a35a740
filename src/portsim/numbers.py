"""Numbers as people read them: no more digits than the interval supports, real minus signs, dollars."""

from __future__ import annotations

import math
from typing import NamedTuple


class Estimate(NamedTuple):
    """A mean and the half-width of its 95% interval; NaN where there is no interval."""

    mean: float
    half_width: float


def decimals(half_width: float) -> int:
    """Return the decimals an interval supports: one digit of its half-width, two where that begins with 1 or 2."""
    if not math.isfinite(half_width):
        return 0
    if half_width <= 0:
        return 1
    exponent = math.floor(math.log10(half_width))
    leading = half_width / 10**exponent
    return min(max(-exponent + (1 if leading < 3 else 0), 0), 2)  # noqa: PLR2004  the digits 1 and 2


def number(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a real minus sign, and never a negative zero."""
    rounded = round(value, places) + 0.0
    text = f"{abs(rounded):,.{places}f}"
    sign = "\u2212" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return sign + text


def plus_minus(estimate: Estimate, *, signed: bool = False) -> str:
    """Return "mean ± half-width" in the digits the interval supports."""
    places = decimals(estimate.half_width)
    if math.isnan(estimate.half_width):
        return number(estimate.mean, places, signed=signed)
    if clear(estimate) and round(abs(estimate.mean), places) <= round(estimate.half_width, places):
        places += 1  # 3.4 ± 3.3 is a change, 3 ± 3 does not look like one
    least = 10.0**-places
    width = f"<{least:.{places}f}" if 0 < round(estimate.half_width, places + 1) < least / 2 else None
    return f"{number(estimate.mean, places, signed=signed)} ± {width or number(estimate.half_width, places)}"


def dollars(estimate: Estimate, *, signed: bool = False) -> str:
    """Return dollars with their interval, in millions or thousands, as many digits as the interval supports."""
    size = max(abs(estimate.mean), 0.0 if math.isnan(estimate.half_width) else estimate.half_width)
    unit, letter = (1e6, "M") if size >= 0.95e6 else (1e3, "k")  # noqa: PLR2004  0.95 million rounds to 1.0
    scaled = Estimate(estimate.mean / unit, estimate.half_width / unit)
    places = 1 if math.isnan(scaled.half_width) else decimals(scaled.half_width)
    text = number(scaled.mean, places, signed=signed)
    sign, digits = (text[0], text[1:]) if text[0] in "+\u2212" else ("", text)
    mean = f"{sign}${digits}{letter}"
    return mean if math.isnan(scaled.half_width) else f"{mean} ± ${number(scaled.half_width, places)}{letter}"


def clear(estimate: Estimate) -> bool:
    """Say whether the interval leaves no doubt of the sign."""
    return abs(estimate.mean) > estimate.half_width
