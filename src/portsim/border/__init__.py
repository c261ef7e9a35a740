"""Scenario -> PortModel -> Workload -> Crossings: the border as the engines see it, and every random number."""
