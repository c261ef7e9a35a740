"""The command line, for where `portsim` is not on the path: `python -m portsim`."""

from portsim.cli import main

if __name__ == "__main__":
    main()
