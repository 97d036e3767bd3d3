"""The schema of configs, from which editors and the pages tell what a key means."""

from __future__ import annotations

import pytest

from pdekit.io.schema import ConfigModel, section_of
from pdekit.settings import ConvergenceSettings, OutputSettings, StopSettings, TimeSettings


@pytest.mark.parametrize("settings", [TimeSettings, OutputSettings, ConvergenceSettings, StopSettings])
def test_every_setting_is_described(settings):
    entries = section_of(settings).model_json_schema()["properties"]
    assert set(entries) == set(settings.__dataclass_fields__)
    assert all(entry.get("description") for entry in entries.values()), entries


def test_words_come_from_the_docstring():
    entries = section_of(OutputSettings).model_json_schema()["properties"]
    assert entries["file"]["description"] == "The results file."
    assert entries["every"]["description"] == entries["frames"]["description"]
    assert entries["checkpoints"]["description"].startswith("By default False. The run is made as a chain")


def test_every_key_at_the_top_is_described():
    schema = ConfigModel.model_json_schema()
    sections = {"discretization", "time", "output", "convergence", "stop"}
    missing = {name for name, entry in schema["properties"].items() if not entry.get("description")}
    assert missing <= sections
    assert all(model.get("description") for model in schema["$defs"].values())
