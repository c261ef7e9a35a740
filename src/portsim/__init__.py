"""Simulate the CaliBaja land ports of entry: waits with intervals, and the cargo they are worth."""

__version__ = "0.1.0"
