"""Shared by all tests: measured figures are collected and printed at the end of the run."""

from __future__ import annotations

import pytest


@pytest.fixture
def figure(record_property):
    """Note a measured figure, to be printed with its bound: ``figure("drift", value, "<= 1e-12")``."""

    def note(name: str, value: float | str, bound: str) -> None:
        text = value if isinstance(value, str) else f"{value:.3g}"
        record_property("figure", f"{name:72s} {text:>16s}   {bound}")

    return note


def pytest_terminal_summary(terminalreporter):
    lines = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for key, value in report.user_properties
        if key == "figure"
    ]
    if lines:
        terminalreporter.section("measured figures")
        for line in lines:
            terminalreporter.line(line)
