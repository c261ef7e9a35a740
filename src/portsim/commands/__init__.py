"""What the commands do, and what a person sees of it on the terminal."""
