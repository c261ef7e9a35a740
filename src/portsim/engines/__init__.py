"""Engines: `simulate(PortModel, Workload) -> Crossings`, pure functions of whole numbers."""
