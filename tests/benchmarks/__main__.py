"""Prints a table of what things cost, as ratios in one run where there is something to compare with.

``python -m tests.benchmarks`` runs all groups, ``python -m tests.benchmarks explicit implicit`` some. Peers are
compared where they are installed: ``pip install 'pdekit[bench]'``.
"""

from __future__ import annotations

import sys
from importlib import import_module

GROUPS = ("basics", "explicit", "implicit", "sizes", "choice", "output", "ranks", "peers", "device")


def main() -> None:
    """Print the table."""
    for name in sys.argv[1:] or GROUPS:
        if name not in GROUPS:
            sys.exit(f"unknown group {name!r}; there are {', '.join(GROUPS)}")
        for row in import_module(f"tests.benchmarks.{name}").rows():
            print(f"{row.title:66s} {row.value:>44s}   {row.goal}", flush=True)


if __name__ == "__main__":
    main()
