"""Theory, another engine and the world: the cases that are checked, and their page."""
