"""Shared by all tests: measured figures are collected and printed at the end of the run."""

from __future__ import annotations

import os

import pytest

# Workers run side by side: one thread each, in the processes that they start as well.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


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
