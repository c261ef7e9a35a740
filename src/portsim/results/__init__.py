"""The tables of a study, and what they find, in words."""
