"""Measure portsim beside plain SimPy and Ciw in one run, print the ratios, and write docs/benchmarks.md.

python benchmarks/bench.py          all of it, about five minutes: `make bench`
python benchmarks/bench.py --quick  without the main comparison and without writing the page
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

import contestants
import growth
import limits
import page
import plain_simpy as plain
import workloads
from contestants import CASES, COMPILED, CONTESTANTS, PLAIN
from portsim.border.model import PortModel
from portsim.border.records import NONE
from portsim.language import scenario
from portsim.runs import experiment
from workloads import Drawn

Ints = npt.NDArray[np.int64]

ROOT = Path(__file__).parents[1]
ROUNDS = 3
QUICK_RUNS = 5  # of the compiled engine in each round: it takes so little that chance would speak
BASE, OPTION = "scenarios/baseline.yaml", "scenarios/otay-mesa-east.yaml"
REPLICATIONS, WEEKS = 12, 4


@dataclass
class Times:
    """Nanoseconds of processor time a traveller, and wall time, one entry a round; the waits all must agree on."""

    travellers: int = 0
    ns: list[float] = field(default_factory=list)
    wall_ns: list[float] = field(default_factory=list)
    mean_wait_min: float = 0.0
    equal: bool = True


def main() -> None:
    """Measure, print, and write the page down."""
    quick = "--quick" in sys.argv[1:]
    models = {case: workloads.model_of(case) for case in CASES}
    say("compiling, in a fresh process without and with the compiled engine on disk")
    compile_s = first_calls()
    whole = {}
    if not quick:
        say(f"the main comparison: {REPLICATIONS} replications of 1 + {WEEKS} weeks of two scenarios")
        whole = main_comparison()
    say("start-up and memory, each in a fresh process")
    start_s = {name: median(timed(partial(fresh, "start", name)) for _ in range(ROUNDS)) for name in CONTESTANTS}
    memory_mb = {(name, case): float(fresh("memory", name, case)) for name in CONTESTANTS for case in CASES}
    drawn = {case: workloads.drawn(model) for case, model in models.items()}
    rounds: dict[tuple[str, str], Times] = {}
    both: dict[str, Times] = {PLAIN: Times(), COMPILED: Times()}
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        for case in CASES:
            one_round(case, models[case], drawn[case], rounds)
        draw_and_measure(models["border"], both)
    say("the physical limit, and how the cost grows")
    limit_ns = 1e9 * min(limits.seconds(models["border"], drawn["border"]) for _ in range(ROUNDS))
    text = page.written(
        rounds=rounds,
        both=both,
        start_s=start_s,
        memory_mb=memory_mb,
        compile_s=compile_s,
        whole=whole,
        limit_ns=limit_ns / len(drawn["border"]),
        growths=growth.all_growths(),
    )
    print(text)
    if not quick:
        (ROOT / "docs" / "benchmarks.md").write_text(text)
    page.refuse_disagreement(rounds)


def one_round(case: str, model: PortModel, drawn: Drawn, rounds: dict[tuple[str, str], Times]) -> None:
    """Run every contestant once, the compiled engine a few times, and hold their waits against each other."""
    waits: Ints = np.zeros(0, np.int64)
    for name in CONTESTANTS:
        times = rounds.setdefault((name, case), Times())
        repeats = QUICK_RUNS if name == COMPILED else 1
        tries = []
        for _ in range(repeats):
            attempt = contestants.attempt(name, case, model, drawn)
            tries.append(clocked(attempt.run))
        found = attempt.waits()
        note(times, len(found), tries)
        waits = found if name == COMPILED else waits
        times.mean_wait_min = float(found[found != NONE].mean()) / 60_000
        times.equal &= bool(np.array_equal(found, waits[: len(found)]))


def draw_and_measure(model: PortModel, both: Mapping[str, Times]) -> None:
    """Run the border with drawing and measuring: plain SimPy in its way, portsim as `portsim run` does."""
    border = workloads.plain_border(model)
    found: dict[str, list[plain.Traveller]] = {}

    def run_plain() -> None:
        travellers = plain.BorderSimulation(border).run_drawing(workloads.SEED)
        plain.measure(travellers, len(border.lines))
        found["travellers"] = travellers

    tries = [clocked(run_plain)]
    note(both[PLAIN], len(found["travellers"]), tries)
    tries = [
        clocked(lambda: experiment.replicate(model, workloads.SEED, 0, engine="compiled")) for _ in range(QUICK_RUNS)
    ]
    note(both[COMPILED], len(workloads.drawn(model)), tries)


def clocked(run: Callable[[], object]) -> tuple[float, float]:
    """Return processor and wall seconds of a run; what was made before it is not the garbage collector's business."""
    gc.collect()
    gc.freeze()
    wall, processor = time.perf_counter(), time.process_time()
    run()
    took = time.process_time() - processor, time.perf_counter() - wall
    gc.unfreeze()
    return took


def note(times: Times, travellers: int, tries: list[tuple[float, float]]) -> None:
    """Write a round down: the median of its tries."""
    times.travellers = travellers
    times.ns.append(1e9 * median(processor for processor, _ in tries) / travellers)
    times.wall_ns.append(1e9 * median(wall for _, wall in tries) / travellers)


# --- fresh processes ---------------------------------------------------------------------------


def fresh(*words: str, cache: str = "") -> str:
    """Return what a measurement in a fresh process printed."""
    command = [sys.executable, str(ROOT / "benchmarks" / "fresh.py"), *words]
    env = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def first_calls() -> dict[str, float]:
    """Return the seconds of the compiled engine's first call: compiled, and loaded from disk."""
    with tempfile.TemporaryDirectory() as cache:
        cold = float(fresh("first", cache=cache))
        cached = median(float(fresh("first", cache=cache)) for _ in range(ROUNDS))
    fresh("first")  # from here on it is on disk
    return {"cold": cold, "cached": cached}


def main_comparison() -> dict[str, float]:
    """Return wall seconds, peak memory in MB and travellers of `portsim compare` as `make run` does it."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--replications", str(REPLICATIONS), "--weeks", str(WEEKS), "--out", f"{folder}/results"]
        portsim = [sys.executable, "-c", "from portsim.cli import main; main()"]
        command = [*portsim, "compare", BASE, OPTION, *words]
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status or not Path(folder, "results", "manifest.json").exists():
            raise SystemExit("the main comparison failed")
    travellers = REPLICATIONS * sum(expected_travellers(ROOT / path) for path in (BASE, OPTION))
    return {"wall_s": wall, "peak_mb": used.ru_maxrss / 1024, "travellers": travellers}


def expected_travellers(path: Path) -> float:
    """Return the travellers of one replication that decide, on average."""
    model = experiment.build_model(scenario.load(path, {"weeks": WEEKS}))
    a_week = sum(float((segment.per_hour * segment.factor).mean()) * 168 for segment in model.segments)
    return a_week * (model.warm_up_weeks + model.weeks)


def timed(run: Callable[[], object]) -> float:
    """Return the wall seconds of something."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def say(words: str) -> None:
    """Say what is going on."""
    print(f"... {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
