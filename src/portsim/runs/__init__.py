"""Replications: simulated in parallel, on this machine or a cluster, kept when finished, and resumed."""
