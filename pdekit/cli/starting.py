"""What one starts from: commented configs for common problems, and the configs that are shipped."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pdekit.errors import StorageError, nearest_hint

STARTERS = Path(__file__).with_name("starters")
KINDS = sorted(path.stem for path in STARTERS.glob("*.yaml"))
_PROBLEM = re.compile(r"^problem: *(\S+):\w+ *$", re.MULTILINE)
_SHARED = "share/pdekit"  # of an installation; see tool.setuptools.data-files in pyproject.toml


def first_comment(path: Path) -> str:
    """The first line of a config that is a comment; without one its title."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = next((line for line in lines if line.startswith("#")), "")
    title = next((line for line in lines if line.startswith("title:")), "")
    return (comment.removeprefix("#") or title.removeprefix("title:")).strip()


def shipped_configs() -> dict[str, Path]:
    """The shipped configs by name: beside the package in a checkout, in the shared folder of an installation.

    Raises
    ------
    StorageError
        They are not there.
    """
    checkout = Path(__file__).parents[2] / "configs"
    found = sorted(checkout.glob("*.yaml")) if (checkout.parent / "pyproject.toml").is_file() else _installed_configs()
    if not found:
        raise StorageError(
            "the shipped configs are not part of this installation; they are in the folder configs/ of the source"
        )
    return {path.stem: path for path in found}


def _installed_configs() -> list[Path]:
    """Those of the distribution that this very package belongs to."""
    import importlib.metadata

    beside = importlib.metadata.distributions(name="pdekit", path=[str(Path(__file__).parents[2])])
    files = [file for found in beside for file in found.files or [] if f"{_SHARED}/configs/" in file.as_posix()]
    paths = (Path(str(file.locate())).resolve() for file in files)
    return sorted(path for path in paths if path.suffix == ".yaml" and path.is_file())


def write_new(path: Path, text: str, force: bool) -> None:
    """Write a file that is not there yet.

    Raises
    ------
    StorageError
        It exists, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise StorageError(f"{path} exists; use --force to replace it, or --output to write elsewhere") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from None


def copied(config: Path, folder: Path, force: bool) -> list[Path]:
    """Copy a shipped config, the data of its name, and the Python problem that it names, side by side into a folder."""
    text = config.read_text(encoding="utf-8")
    made = {folder / data.name: data.read_text(encoding="utf-8") for data in config.parent.glob(f"{config.stem}.csv")}
    if named := _PROBLEM.search(text):
        problem = config.parent / named[1]
        text = text.replace(named[1], problem.name)
        made[folder / problem.name] = problem.read_text(encoding="utf-8")
    made = {folder / config.name: text, **made}
    for path, content in made.items():
        if force or not (path.is_file() and path.read_text(encoding="utf-8") == content):
            write_new(path, content, force)
    return list(made)


def _names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in shipped_configs() if name.startswith(incomplete)]


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; default is KIND.yaml.")
@click.option("-f", "--force", is_flag=True, help="Replace an existing file.")
def new(kind: str | None, output: Path | None, force: bool) -> None:
    """Write a commented config to start from; without KIND, list the kinds."""
    if kind is None:
        _list({name: STARTERS / f"{name}.yaml" for name in KINDS})
        return
    path = output or Path(f"{kind}.yaml")
    write_new(path, (STARTERS / f"{kind}.yaml").read_text(encoding="utf-8"), force)
    click.echo(f"{path} is written; now: pdekit run {path}")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]", shell_complete=_names)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path(), help="Folder; default is this one.")
@click.option("-f", "--force", is_flag=True, help="Replace existing files.")
def gallery(names: tuple[str, ...], output: Path, force: bool) -> None:
    """List the configs that come with pdekit, or copy those that are named, with what they need."""
    shipped = shipped_configs()
    if not names:
        _list(shipped)
        return
    for name in names:
        if name not in shipped:
            raise StorageError(f"no shipped config {name!r}; `pdekit gallery` lists them{nearest_hint(name, shipped)}")
    for name in names:
        for path in copied(shipped[name], output, force):
            click.echo(str(path))


def _list(configs: dict[str, Path]) -> None:
    width = max(map(len, configs))
    for name, path in configs.items():
        click.echo(f"{name:{width}}  {first_comment(path)}")
