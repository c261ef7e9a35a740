"""What can be measured in a fresh process only; prints one number.

python benchmarks/fresh.py memory CONTESTANT CASE   MB that a run adds to the process, at its peak
python benchmarks/fresh.py start CONTESTANT         nothing: to be timed from outside, from nothing to a first result
python benchmarks/fresh.py first                    seconds of the compiled engine's first call
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

FEW = 0.001


def memory(name: str, case: str) -> float:
    """Return what a run adds to the process at its peak, MB; what is needed beforehand, inputs too, does not count."""
    import contestants  # noqa: PLC0415 - not for the other measurements
    import workloads  # noqa: PLC0415

    model = workloads.model_of(case)
    attempt = contestants.attempt(name, case, model, workloads.drawn(model))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status_mb("VmRSS")
    attempt.run()
    return _status_mb("VmHWM") - before


def start(name: str) -> None:
    """Run next to nothing."""
    if name == "plain SimPy":
        import plain_simpy  # noqa: PLC0415

        plain_simpy.simulate_line(plain_simpy.LineOfTravellers(1, [1, 2, 3], [1, 1, 1]))
    elif name == "Ciw":
        import ciw_models  # noqa: PLC0415
        import plain_simpy  # noqa: PLC0415

        ciw_models.simulate_line(plain_simpy.LineOfTravellers(1, [1, 2, 3], [1, 1, 1]))
    else:
        import workloads  # noqa: PLC0415
        from portsim.runs import experiment  # noqa: PLC0415

        model = workloads.thinned(workloads.model_of("mmc"), FEW)
        experiment.simulate(model, workloads.drawn(model), "simpy" if name == "portsim SimPy" else "compiled")


def first() -> float:
    """Return the seconds of the compiled engine's first call, which compiles it or loads it from disk."""
    import workloads  # noqa: PLC0415
    from portsim.engines import compiled  # noqa: PLC0415

    model = workloads.thinned(workloads.model_of("mmc"), FEW)
    workload = workloads.drawn(model)
    began = time.perf_counter()
    compiled.simulate(model, workload)
    return time.perf_counter() - began


def _status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["memory", name, case]:
            print(memory(name, case))
        case ["start", name]:
            start(name)
        case ["first"]:
            print(first())
        case _:
            raise SystemExit(__doc__)
