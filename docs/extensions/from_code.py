"""Tables of the pages that are made from the registries of the package, so that they say what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

Rows = Iterable[tuple[str, ...]]


def methods() -> Rows:
    """All time integration methods."""
    from pdekit.time.methods import METHODS

    yield "name", "family", "order", "step", "what it is"
    for m in METHODS.values():
        aliases = f"; also {', '.join(f'`{a}`' for a in m.aliases)}" if m.aliases else ""
        steps = {(True, True): "fixed", (False, True): "its own or fixed", (False, False): "its own"}
        yield f"`{m.name}`", m.family, str(m.order), steps[m.needs_step, m.takes_step], m.title + aliases


def functions() -> Rows:
    """Functions of the language, by their number of arguments."""
    from pdekit.language.vocabulary import FUNCTIONS

    by_count: dict[str, list[str]] = {}
    for name, (_, least, most) in FUNCTIONS.items():
        count = str(least) if least == most else f"{least} to {most}"
        by_count.setdefault(count, []).append(f"`{name}`")
    yield "arguments", "functions"
    for count, names in sorted(by_count.items()):
        yield count, ", ".join(names)


def config_keys() -> Rows:
    """All keys of a config, as the schema has them."""
    from pdekit.io.schema import ConfigModel

    schema = ConfigModel.model_json_schema()
    definitions = schema["$defs"]
    yield "key", "type", "what it is"
    yield from _keys(schema, "", definitions)


def _keys(section: dict[str, Any], above: str, definitions: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for name, entry in section["properties"].items():
        inner = list(_sections(entry, definitions))
        words = entry.get("description") or "; ".join(model.get("description", "") for model, _ in inner)
        default = entry.get("default")
        if default not in (None, {}, "", []):
            words += f"{'; ' if words else ''}default {default}"
        yield f"`{above}{name}`", _type(entry), words
        for model, joint in inner:
            yield from _keys(model, f"{above}{name}{joint}", definitions)


def _sections(entry: dict[str, Any], definitions: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    for part in entry.get("anyOf", [entry]):
        below = part.get("additionalProperties")
        names = [(part.get("$ref"), ".")]
        if isinstance(below, dict):
            names.append((below.get("$ref"), ".NAME."))
        for reference, joint in names:
            if reference:
                yield definitions[reference.rpartition("/")[2]], joint


NAMES = {"integer": "whole number", "boolean": "true or false", "string": "text", "array": "list", "object": "mapping"}


def _type(entry: dict[str, Any]) -> str:
    parts = [part for part in entry.get("anyOf") or [entry] if part.get("type") != "null"]
    kinds = [part.get("type", "") for part in parts]
    if {"integer", "number", "string"} <= set(kinds):
        return "number or expression"
    found = [
        ", ".join(f"`{v}`" for v in part["enum"]) if "enum" in part else NAMES.get(k, k)
        for part, k in zip(parts, kinds)
    ]
    return " or ".join(dict.fromkeys(f for f in found if f)) or "section"


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
        for table in node.findall(nodes.table):
            table["classes"].append("registry")
        return list(node.children)


class CommandHelp(Directive):
    """``{command-help} run``: what ``pdekit run --help`` prints."""

    required_arguments = 1

    def run(self) -> list[Any]:
        import click

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
