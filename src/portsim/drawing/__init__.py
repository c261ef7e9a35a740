"""Tidy table -> Figure: charts, and the moving map of queues."""
