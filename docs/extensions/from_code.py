"""Tables of the pages that are made from the registries of the package, so that they say what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

Rows = Iterable[tuple[str, ...]]


def methods() -> Rows:
    """All time integration methods."""
    from pdekit.time.methods import METHODS

    yield "name", "also", "family", "order", "what it is"
    for m in METHODS.values():
        aliases = ", ".join(f"`{a}`" for a in m.aliases)
        marks = ", its own steps" if m.estimates or m.family.startswith("adaptive") else ""
        yield f"`{m.name}`", aliases, m.family, str(m.order), m.title + marks


def functions() -> Rows:
    """Functions of the language."""
    from pdekit.language.vocabulary import FUNCTIONS

    yield "function", "arguments"
    for name, (_, least, most) in FUNCTIONS.items():
        yield f"`{name}`", str(least) if least == most else f"{least} to {most}"


def config_keys() -> Rows:
    """All keys of a config, as the schema has them."""
    from pdekit.io.schema import ConfigModel

    schema = ConfigModel.model_json_schema()
    definitions = schema["$defs"]
    yield "key", "type", "what it is"
    yield from _keys(schema, "", definitions)


def _keys(section: dict[str, Any], above: str, definitions: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for name, entry in section["properties"].items():
        path = f"{above}{name}"
        default = entry.get("default")
        words = entry.get("description", "")
        if default not in (None, {}, ""):
            words += f"{'; ' if words else ''}default {default}"
        yield f"`{path}`", _type(entry, definitions), words
        for inner, joint in _sections(entry, definitions):
            yield from _keys(inner, f"{path}{joint}", definitions)


def _sections(entry: dict[str, Any], definitions: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    for part in entry.get("anyOf", [entry]):
        below = part.get("additionalProperties")
        names = [(part.get("$ref"), ".")]
        if isinstance(below, dict):
            names.append((below.get("$ref"), ".NAME."))
        for reference, joint in names:
            if reference:
                yield definitions[reference.rpartition("/")[2]], joint


def _type(entry: dict[str, Any], definitions: dict[str, Any]) -> str:
    found = []
    for part in entry.get("anyOf") or entry.get("oneOf") or [entry]:
        if "enum" in part:
            found.append(", ".join(f"`{v}`" for v in part["enum"]))
        elif "$ref" in part:
            found.append(definitions[part["$ref"].rpartition("/")[2]].get("description", "section").rstrip(".").lower())
        elif part.get("type") == "array":
            found.append("list")
        elif part.get("type") == "object":
            found.append("mapping")
        elif part.get("type") != "null":
            found.append(str(part.get("type", "")))
    return " or ".join(dict.fromkeys(f for f in found if f))


def commands() -> Rows:
    """All commands, with their first line of help."""
    from pdekit.cli.commands import main

    yield "command", "does"
    for name, command in sorted(main.commands.items()):
        yield f"`pdekit {name}`", command.get_short_help_str(200)


TABLES: dict[str, Callable[[], Rows]] = {
    "methods": methods,
    "functions": functions,
    "config-keys": config_keys,
    "commands": commands,
}


class RegistryTable(Directive):
    """``{registry-table} methods``"""

    required_arguments = 1

    def run(self) -> list[Any]:
        head, *rows = TABLES[self.arguments[0]]()
        lines = [head, ("---",) * len(head), *rows]
        text = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines]
        node = self.state_machine.node.__class__()
        self.state.nested_parse(StringList(text, source="registry"), self.content_offset, node)
        return list(node.children)


class CommandHelp(Directive):
    """``{command-help} run``: what ``pdekit run --help`` prints."""

    required_arguments = 1

    def run(self) -> list[Any]:
        import click
        from docutils import nodes

        from pdekit.cli.commands import main

        name = self.arguments[0]
        command = main if name == "pdekit" else main.commands[name]
        above = None if name == "pdekit" else click.Context(main, info_name="pdekit")
        context = click.Context(command, info_name=name, parent=above, terminal_width=100, max_content_width=100)
        text = command.get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("registry-table", RegistryTable)
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
