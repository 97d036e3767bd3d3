"""Where pdekit runs, for a report of a fault; and what lets a shell complete its commands."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

SHELLS = ("bash", "zsh", "fish")
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra *== *['\"]([\w-]+)['\"]")


def described() -> Iterator[tuple[str, str]]:
    """What there is, in pairs of a name and words."""
    yield "pdekit", f"{_version('pdekit')}, {Path(__file__).parents[1]}"
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}"
    yield "system", platform.platform()
    yield "cores", str(_cores())
    yield (
        "threads",
        ", ".join(f"{n}={os.environ[n]}" for n in THREADS if n in os.environ) or "as many as there are cores",
    )
    yield "compiled kernels", _kernel_folder()
    needed, extras = _requirements()
    for name in needed:
        yield name, _version(name) or "MISSING"
    for extra, names in extras.items():
        found = [f"{name} {_version(name)}" for name in names if _version(name)]
        missing = [name for name in names if not _version(name)]
        words = [", ".join(found), f"missing: {', '.join(missing)}" if missing else ""]
        yield f"[{extra}]", "; ".join(word for word in words if word)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(name: str) -> str:
    """Of an installed distribution; empty if there is none."""
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _kernel_folder() -> str:
    try:
        from pdekit.kernels.cache import cache_folder
    except ImportError as error:  # what is broken is what this is asked for
        return f"cannot be compiled: {error}"
    return str(cache_folder())


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Names of the distributions that pdekit needs, and those of each extra; extras of extras left out."""
    import importlib.metadata

    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("pdekit") or []:
        name, extra = _NAME.match(line), _EXTRA.search(line)
        if name is None or name[0] == "pdekit":
            continue
        (extras.setdefault(extra[1], []) if extra else needed).append(name[0])
    return needed, extras


@click.command()
def env() -> None:
    """Print versions and what is there, for the report of a fault."""
    pairs = list(described())
    width = max(len(name) for name, _ in pairs)
    for name, words in pairs:
        click.echo(f"{name:{width}}  {words}")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands, options and files.

    \b
    bash:  eval "$(pdekit completion bash)"      in ~/.bashrc
    zsh:   eval "$(pdekit completion zsh)"       in ~/.zshrc
    fish:  pdekit completion fish > ~/.config/fish/completions/pdekit.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "pdekit", "_PDEKIT_COMPLETE").source())
