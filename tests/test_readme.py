"""Every block of code in the README does what it says."""

from __future__ import annotations

import re
from pathlib import Path

from pdekit.io.load import loads

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run(capsys):
    for block in blocks("python"):
        exec(block, {})
    assert "PASS" in capsys.readouterr().out


def test_yaml_blocks_run():
    assert "exact:" in blocks("yaml")[0]
    for block in blocks("yaml"):
        problem = loads(block)
        solution = problem.solve()
        assert all(error < 1e-4 for error in solution.errors().values())
        assert set(solution.series) == {"t", *problem.output.series} if problem.output.series else not solution.series
        assert problem.to_yaml() == loads(problem.to_yaml()).to_yaml()


def test_two_commands():
    commands = blocks("sh")
    assert len(commands) == 2
    assert "pdekit run configs/heat_rod.yaml" in commands[0]
    assert "pytest" in commands[1]
    assert all("venv" in command for command in commands)


def test_links_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
