"""Crossings -> Measures of a replication -> means, intervals and paired differences over replications."""
