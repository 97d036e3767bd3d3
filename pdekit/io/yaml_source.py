"""Reading YAML into plain data, with the line of every key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from pdekit.errors import ConfigError, nearest_hint

LARGEST_FILE = 10_000_000
MOST_VALUES = 500_000  # once aliases are resolved
MOST_MARKS = 150_000  # what may be an entry: the pure YAML reader takes 36 us for each (measured)
_MARKS = (",", ":", "- ", "? ", "\n", "[", "{", "&", "*")
DEEPEST = 40
LONGEST_SHOWN = 100  # of an override, in messages

Path = tuple[str | int, ...]
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"

# Keys of which only one can stand: an override of one takes the place of the others.
EXCLUSIVE = (("output", ("every", "times", "frames")),)


def spell(path: Path) -> str:
    """A key path as people write it: ``boundary.u.x.left``, ``equations[1]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def parts(key: str) -> Path:
    """The key path of its spelling; brackets within a key, as of ``laplace(u)``, stay.

    Examples
    --------
    >>> parts("boundary.u.x"), parts("equations[1]")
    (('boundary', 'u', 'x'), ('equations', 1))
    """
    found: list[str | int] = []
    for part in key.split("."):
        name, *numbers = part.replace("]", "").split("[")
        found += [name, *(int(n) for n in numbers if n.isdigit())]
    return tuple(found)


@dataclass
class YamlSource:
    """Plain data and where each value stands.

    Parameters
    ----------
    name : str
        The file, for messages.
    data : dict
        Mappings, lists, texts, numbers, booleans, None.
    lines : dict of key path to int
        Line numbers, from 1.
    folder : Path
        Where relative paths start.
    """

    name: str
    data: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict)
    folder: FilePath = FilePath()
    overridden: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """``file.yaml, line 3``, or the override that the value came from."""
        for k in range(len(path), 0, -1):
            if path[:k] in self.overridden:
                return f"override {_shortened(self.overridden[path[:k]])}"
        for k in range(len(path), 0, -1):
            if path[:k] in self.lines:
                return f"{self.name}, line {self.lines[path[:k]]}"
        return self.name

    def error(self, path: Path, message: str) -> ConfigError:
        """An error that says where."""
        return ConfigError(message, key=spell(path), place=self.place(path))


def read_yaml(path: FilePath) -> YamlSource:
    """Read a YAML file.

    Raises
    ------
    ConfigError
        No such file, no YAML, no mapping, keys given twice, or data that unfold beyond all measure.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    if path.stat().st_size > LARGEST_FILE:
        raise ConfigError(f"{path}: larger than {LARGEST_FILE // 1_000_000} MB; put data into files of their own")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str = "config") -> YamlSource:
    """Parse YAML text; see `read_yaml`.

    Examples
    --------
    >>> source = parse_yaml("title: Rod\\ngrid:\\n  x: {points: 11}\\n")
    >>> source.data, source.place(("grid", "x"))
    ({'title': 'Rod', 'grid': {'x': {'points': 11}}}, 'config, line 3')
    """
    marks = sum(text.count(mark) for mark in _MARKS)
    if marks > MOST_MARKS:
        raise ConfigError(
            f"{name}: about {marks:,} entries, at most {MOST_MARKS:,} are read; put data into files of their own"
        )
    try:
        document = _document(text, name)
    except YAMLError as error:
        raise ConfigError(_yaml_message(error, name)) from None
    source = YamlSource(name, {})
    if document is None:
        raise ConfigError(f"{name}: is empty; a config is a mapping of keys such as grid, equations, time")
    if not isinstance(document, CommentedMap):
        raise ConfigError(
            f"{name}: a config is a mapping of keys such as grid, equations, time; found {_kind(document)}"
        )
    counter = [0]
    source.data = _plain(document, (), source, counter)
    return source


def _shortened(text: str) -> str:
    """A text as it stands in messages."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ...")


def _document(text: str, name: str) -> Any:
    """What ruamel makes of a text.

    Raises
    ------
    YAMLError
        It is no YAML.
    ConfigError
        It is, but nothing that can be read: nested beyond all measure, a number of thousands of digits, a tag that does not fit.
    """
    try:
        return YAML(typ="rt", pure=True).load(text)
    except YAMLError:
        raise
    except Exception as error:  # the library's constructors raise all kinds
        raise ConfigError(f"{name}: not YAML that can be read: {type(error).__name__}") from None


def _kind(value: Any) -> str:
    return {"CommentedSeq": "a list", "str": "a text"}.get(type(value).__name__, type(value).__name__)


def _yaml_message(error: YAMLError, name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    problem = str(getattr(error, "problem", None) or error).split("\n")[0]
    if "duplicate key" in problem:
        return f"{name}{line}: a key is given twice: {problem.split('with value')[0].strip()}"
    return f"{name}{line}: not valid YAML: {problem}"


def _plain(node: Any, path: Path, source: YamlSource, counter: list[int]) -> Any:
    counter[0] += 1
    if counter[0] > MOST_VALUES:
        raise ConfigError(f"{source.name}: unfolds to more than {MOST_VALUES:,} values (aliases of aliases?)")
    if len(path) > DEEPEST:
        raise ConfigError(f"{source.name}: nested deeper than {DEEPEST} levels")
    if isinstance(node, CommentedMap):
        result = {}
        for key, value in node.items():
            if not isinstance(key, str):
                raise source.error(
                    path,
                    f"keys are texts, found {key!r}; inside {{...}} a comma ends a value: put an expression with commas into "
                    "quotes, or on a line of its own",
                )
            below = (*path, str(key))
            try:
                source.lines[below] = node.lc.key(key)[0] + 1
            except (AttributeError, KeyError, TypeError):
                pass  # keys merged from an anchor, and of !!omap, have no line of their own
            result[str(key)] = _plain(value, below, source, counter)
        return result
    if isinstance(node, CommentedSeq):
        return [_plain(value, (*path, i), source, counter) for i, value in enumerate(node)]
    return _scalar(node, path, source)


def _scalar(node: Any, path: Path, source: YamlSource) -> Any:
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return _in_range(int(node), path, source)
    if isinstance(node, float):
        return float(node)
    if isinstance(node, str):
        if (strange := re.search(_CONTROL, node)) is not None:  # no file name has one, and a terminal obeys some
            raise source.error(path, f"a text with the control character {strange.group()!r}")
        return str(node)
    raise source.error(path, f"found a {type(node).__name__}; write it as a text or a number")


def _in_range(value: int, path: Path, source: YamlSource) -> int | float:
    """A whole number; beyond those of the machine as a floating-point one, for NumPy takes it for an object."""
    if abs(value) < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        raise source.error(path, f"a number of {value.bit_length()} bits is too large") from None


def override(source: YamlSource, assignment: str) -> None:
    """Apply ``key.path=value`` to the data, as if it stood in the file.

    Raises
    ------
    ConfigError
        Not of that form.
    """
    key, equals, text = assignment.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"override {_shortened(assignment)}: write it as key.path=value, for example parameters.D=0.2"
        )
    try:
        name = f"override {_shortened(assignment)}"
        value = _plain(_document(text, name), (), YamlSource(name, {}), [0])
    except YAMLError:
        value = text
    if parts[0] == "parameters" and len(parts) == 2 and "problem" not in source.data:
        known = list(source.data.get("parameters") or {})
        if parts[1] not in known:
            raise ConfigError(
                f"there is no such parameter; there are {known}{nearest_hint(parts[1], known)}",
                key=key,
                place=f"override {_shortened(assignment)}",
            )
    target: Any = source.data
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if target.get(part) is None:
            target[part] = {}
        target = target[part]
        if not isinstance(target, dict):
            raise ConfigError(f"override {_shortened(assignment)}: {spell(path)} is not a mapping, it has no keys")
    for section, keys in EXCLUSIVE:
        if parts[:-1] == [section] and parts[-1] in keys:
            for key in keys:
                target.pop(key, None)
    target[parts[-1]] = value
    source.overridden[tuple(parts)] = assignment
