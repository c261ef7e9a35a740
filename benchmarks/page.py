"""What was measured, as a page: the limits first, then the tables, then what each contestant can express."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Protocol

from contestants import CASES, COMPILED, CONTESTANTS, PLAIN, must_agree
from growth import Growth

MOST_GROWTH = 1.05
MOST_QUEUE_GROWTH = 0.05  # of a cost that should not grow at all
PACKAGES = ("portsim", "numpy", "numba", "simpy", "ciw")
TITLES = {"mmc": "One line, M/M/10", "border": "The border"}
HEAD = """# Benchmarks

Measured on {date} by `make bench`, which writes this page; do not edit it.

**Machine.** {machine}.

Times are processor time on one thread, medians of {rounds} rounds in which the contestants take turns; a ratio is the
median of the rounds' ratios, its range in brackets. They move by a tenth or two with what else the machine does; ratios
move less than times.
"""
ABOUT = """## What is compared

- **portsim compiled** and **portsim SimPy**: the two engines, on a workload that is drawn already.
- **plain SimPy**: what a good SimPy programmer writes ([benchmarks/plain_simpy.py](../benchmarks/plain_simpy.py)): a
  process a traveller, a `simpy.Resource` a line, whose capacity follows the timetable; it knows nothing of portsim.
- **Ciw**: its own nodes, schedules and routing ([benchmarks/ciw_models.py](../benchmarks/ciw_models.py)).

All take the same travellers, drawn beforehand: arrivals, service times, tastes, patience and referrals. The run fails
unless portsim's engines and plain SimPy return the same wait of every single traveller, and Ciw too on the line. On the
border Ciw cannot: where its number of servers changes, all at work finish beside a whole new roster, while elsewhere
the next that come free close. Its waits are near, not equal. It is slow, so it is given only the first travellers.

**The line** is M/M/10 with nine tenths of the booths at work, for a week. **The border**
([benchmarks/border-network.yaml](../benchmarks/border-network.yaml)) has five ports with 21 lines, timetables,
secondary inspection, and 20 kinds of traveller who choose the port by access, by taste and by the wait they know of,
refreshed every 15 minutes, and who give up where it is too long.

**With drawing and measuring**, plain SimPy draws from Python's `random` as it goes and measures waits by line and hour
with numpy; portsim draws, simulates and works out all its measures. Their travellers differ then, and so, by chance, do
their waits.

**Memory** is what a run adds to a fresh process at its peak, inputs not counted. **Start-up** is from nothing to the
first result of a tiny line. **The physical limit** is drawing as many random numbers of each kind in one go, sorting
the times and reading all arrays once, on the same thread.
"""
_LIMIT = "The physical limit is {limit_ns:.0f} ns a traveller: the compiled pipeline runs at {share:.0%} of it.\n"


class Timed(Protocol):
    """What is known of a contestant in a case: see bench.Times."""

    travellers: int
    ns: list[float]
    wall_ns: list[float]
    mean_wait_min: float
    equal: bool


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, with the least and the greatest."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{_short(self.middle)} ({_short(self.least)}-{_short(self.most)})"


def ratio(slow: Timed, fast: Timed) -> Ratio:
    """Return how many times the travellers a second of one are those of the other."""
    found = [one / other for one, other in zip(slow.ns, fast.ns, strict=True)]
    return Ratio(median(found), min(found), max(found))


def written(
    *,
    rounds: Mapping[tuple[str, str], Timed],
    both: Mapping[str, Timed],
    start_s: Mapping[str, float],
    memory_mb: Mapping[tuple[str, str], float],
    compile_s: Mapping[str, float],
    whole: Mapping[str, float],
    limit_ns: float,
    growths: Sequence[Growth],
) -> str:
    """Return the page."""
    kernel = ratio(rounds[PLAIN, "border"], rounds[COMPILED, "border"])
    pipeline = ratio(both[PLAIN], both[COMPILED])
    parts = [
        HEAD.format(date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine(), rounds=len(both[PLAIN].ns)),
        "## Limits\n",
        *_table(("what", "limit", "measured", ""), _limits(kernel, pipeline, compile_s, whole, growths)),
    ]
    for case in CASES:
        parts += [f"## {TITLES[case]}\n", *_table(_HEADS, _contest(case, rounds, memory_mb))]
    parts += ["## The border, with drawing and measuring\n", *_table(_HEADS[:4], _pipeline(both))]
    parts += [
        _LIMIT.format(limit_ns=limit_ns, share=limit_ns / median(both[COMPILED].ns)),
        "## Start-up and compilation\n",
        *_table(("", "seconds"), _starts(start_s, compile_s)),
        "## Growth\n",
        *_table(("with", "sizes", "ns a traveller", "cost grows with the power"), _growths(growths)),
        ABOUT,
    ]
    return "\n".join(parts)


def refuse_disagreement(rounds: Mapping[tuple[str, str], Timed]) -> None:
    """Exit with a message if contestants who mean the same found different waits: nothing is compared then."""
    differing = [f"{name} ({case})" for (name, case), one in rounds.items() if must_agree(name, case) and not one.equal]
    if differing:
        raise SystemExit(f"these found other waits than the compiled engine: {', '.join(differing)}")


def machine() -> str:
    """Describe the machine and the versions."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    kilobytes = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    memory = f", {kilobytes[0] / 2**20:.0f} GB" if kilobytes else ""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    processor = names[0] if names else platform.processor() or platform.machine()
    python = f"Python {platform.python_version()}"
    return f"{processor}, {os.cpu_count()} cores{memory}; {platform.system()}; {python}, {versions}"


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


# --- tables ------------------------------------------------------------------------------------

_HEADS = (
    "",
    "travellers",
    "travellers a second",
    "times plain SimPy",
    "wall ns",
    "MB added",
    "mean wait, min",
    "waits",
)


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _limits(
    kernel: Ratio,
    pipeline: Ratio,
    compile_s: Mapping[str, float],
    whole: Mapping[str, float],
    growths: Sequence[Growth],
) -> Iterator[Sequence[str]]:
    yield "the border, engine, times plain SimPy", "at least 100", str(kernel), _met(kernel.middle >= 100)
    yield "with drawing and measuring, times plain SimPy", "at least 40", str(pipeline), _met(pipeline.middle >= 40)
    if whole:
        millions = whole["travellers"] / 1e6
        main = f"the main comparison, {millions:.0f} million travellers, charts and report included"
        yield main, "45 s", f"{whole['wall_s']:.1f} s", _met(whole["wall_s"] <= 45)
        yield "its peak memory", "1.5 GB", f"{whole['peak_mb'] / 1024:.2f} GB", _met(whole["peak_mb"] <= 1536)
    yield "first compilation", "20 s", f"{compile_s['cold']:.1f} s", _met(compile_s["cold"] <= 20)
    for one in growths[:-1]:
        yield (
            f"growth with {one.what}",
            f"power {MOST_GROWTH}",
            f"{one.exponent:.3f}",
            _met(one.exponent <= MOST_GROWTH),
        )
    queue = growths[-1]
    yield f"growth with {queue.what}", "none", f"{queue.exponent:.3f}", _met(queue.exponent <= MOST_QUEUE_GROWTH)


def _contest(
    case: str, rounds: Mapping[tuple[str, str], Timed], memory_mb: Mapping[tuple[str, str], float]
) -> Iterator[Sequence[str]]:
    for name in CONTESTANTS:
        one = rounds[name, case]
        waits = "the same" if one.equal else "its own"
        yield (
            *_speed(name, one, rounds[PLAIN, case]),
            f"{median(one.wall_ns):,.0f}",
            f"{memory_mb[name, case]:.0f}",
            f"{one.mean_wait_min:.6f}",
            waits,
        )


def _pipeline(both: Mapping[str, Timed]) -> Iterator[Sequence[str]]:
    for name in (COMPILED, PLAIN):
        yield _speed(name, both[name], both[PLAIN])


def _speed(name: str, one: Timed, plain: Timed) -> tuple[str, str, str, str]:
    times = "1" if one is plain else str(ratio(plain, one))
    return name, f"{one.travellers:,}", f"{1e9 / median(one.ns):,.0f}", times


def _starts(start_s: Mapping[str, float], compile_s: Mapping[str, float]) -> Iterator[Sequence[str]]:
    for name, seconds in start_s.items():
        yield f"start-up, {name}", f"{seconds:.2f}"
    yield "first call of the compiled engine, to be compiled", f"{compile_s['cold']:.1f}"
    yield "first call of the compiled engine, on disk", f"{compile_s['cached']:.2f}"


def _growths(growths: Sequence[Growth]) -> Iterator[Sequence[str]]:
    for one in growths:
        sizes, ns = (", ".join(f"{value:,.0f}" for value in values) for values in (one.sizes, one.ns))
        yield one.what, sizes, ns, f"{one.exponent:.3f}"


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
