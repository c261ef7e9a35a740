"""Observed volumes, lanes and waits -> the baseline, and how well it fits."""
