"""``python -m pdekit`` is the command ``pdekit``."""

from pdekit.cli.commands import main

if __name__ == "__main__":
    main(prog_name="pdekit")
