"""Simulate the CaliBaja land ports of entry: waits with intervals, and the cargo they are worth.

```
import portsim

results = portsim.compare("scenarios/baseline.yaml", "scenarios/otay-mesa-east.yaml")
results.summary
```

Names are imported when first asked for: the command line says its help without waiting for pandas.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = (
    "Estimate",
    "PortsimError",
    "Results",
    "ResultsError",
    "Scenario",
    "ScenarioError",
    "__version__",
    "compare",
    "load",
    "read",
    "run",
    "simulate",
)

if TYPE_CHECKING:
    from portsim.api import (
        Estimate,
        PortsimError,
        Results,
        ResultsError,
        Scenario,
        ScenarioError,
        compare,
        load,
        read,
        run,
        simulate,
    )
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'portsim' has no attribute '{name}'")
        from portsim import api  # noqa: PLC0415 - pandas and its like take a second

        return globals().setdefault(name, getattr(api, name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
