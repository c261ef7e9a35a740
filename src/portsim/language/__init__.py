"""The YAML language: files -> Scenario, with the place of every value, and what a scenario holds."""
