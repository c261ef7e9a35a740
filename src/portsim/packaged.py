"""Where the data files are that come with portsim."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
