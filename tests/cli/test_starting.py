"""What a user starts from: commented configs, the shipped ones, and what is told of the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import BAD_INPUT, FAILED, INTERRUPTED, TERMINATED, main
from pdekit.cli.environment import SHELLS
from pdekit.cli.starting import KINDS, shipped_configs

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def pdekit(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_there_is_a_start_for_the_common_kinds():
    assert {"heat", "wave", "advection", "reaction", "steady"} <= set(KINDS)
    listed = pdekit("new").output.splitlines()
    assert [line.split()[0] for line in listed] == KINDS and all(len(line.split()) > 4 for line in listed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_is_understood_runs_and_is_verified(kind):
    result = pdekit("new", kind)
    assert result.exit_code == 0 and f"pdekit run {kind}.yaml" in result.output
    text = Path(f"{kind}.yaml").read_text()
    assert text.count("#") >= 4 and max(map(len, text.splitlines())) <= 120
    result = pdekit("check", f"{kind}.yaml")
    assert result.exit_code == 0, result.output
    result = pdekit("run", f"{kind}.yaml")
    assert result.exit_code == 0, result.output
    solution = pk.open_result(f"results/{kind}.h5")
    for name, error in solution.errors().items():
        assert error < 2e-3 * solution[name].norm("max")
    result = pdekit("converge", f"{kind}.yaml", "-o", "study.png")
    assert result.exit_code == 0 and "PASS" in result.output, result.output


def test_nothing_is_replaced_unasked():
    Path("heat.yaml").write_text("mine")
    result = pdekit("new", "heat")
    assert result.exit_code == 2 and "heat.yaml exists; use --force" in result.output
    assert Path("heat.yaml").read_text() == "mine"
    assert pdekit("new", "heat", "-o", "deeper/rod.yaml").exit_code == 0 and Path("deeper/rod.yaml").exists()
    assert pdekit("new", "heat", "--force").exit_code == 0 and Path("heat.yaml").read_text().startswith("# Heat")
    Path("heat.py").write_text("mine")
    assert pdekit("gallery", "heat_plate").exit_code == 2 and Path("heat.py").read_text() == "mine"


def test_the_gallery_lists_and_copies_what_runs():
    listed = [line.split(maxsplit=1) for line in pdekit("gallery").output.splitlines()]
    assert [name for name, _ in listed] == [c.stem for c in CONFIGS]
    assert all(len(words.split()) >= 4 for _, words in listed)
    assert pdekit("gallery", "bratu", "heat_plate", "wave_drum", "-o", "mine").output.split() == [
        "mine/bratu.yaml",
        "mine/heat_plate.yaml",
        "mine/heat.py",
        "mine/wave_drum.yaml",
        "mine/wave.py",
    ]
    for name in ("bratu", "heat_plate", "wave_drum"):
        copied, shipped = pk.load(f"mine/{name}.yaml"), pk.load(ROOT / "configs" / f"{name}.yaml")
        assert copied.to_yaml() == shipped.to_yaml()
    assert pdekit("gallery", "heat_plate", "-o", "mine").exit_code == 0  # the same again is no loss
    assert pdekit("gallery", "fit_fin", "-o", "mine").output.split() == ["mine/fit_fin.yaml", "mine/fit_fin.csv"]


def test_an_unknown_name_is_refused_before_anything_is_copied():
    result = pdekit("gallery", "bratu", "heat_plat", "-o", "mine")
    assert result.exit_code == 2 and "did you mean 'heat_plate'?" in result.output
    assert not Path("mine").exists()


def test_an_installation_finds_the_shipped_configs(tmp_path):
    """The layout of an installed wheel, made from what pyproject.toml says; the package is not in a checkout."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    packages = tmp_path / "env/lib/python/site-packages"
    shutil.copytree(ROOT / "pdekit", packages / "pdekit", ignore=shutil.ignore_patterns("__pycache__"))
    record = []
    for folder, patterns in tables.items():
        (tmp_path / "env" / folder).mkdir(parents=True)
        for path in (p for pattern in patterns for p in ROOT.glob(pattern)):
            shutil.copy(path, tmp_path / "env" / folder)
            record.append(f"../../../{folder}/{path.name},,")
    information = packages / f"pdekit-{version('pdekit')}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pdekit\nVersion: {version('pdekit')}\n")
    (information / "RECORD").write_text("\n".join(record))
    program = f"import sys; sys.path.insert(0, {str(packages)!r}); from pdekit.cli.commands import main; main()"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)

    listed = installed("gallery").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [c.stem for c in CONFIGS]
    for name in ("heat_rod", "heat_plate"):
        assert installed("gallery", name, "-o", "mine").returncode == 0
        assert pk.load(tmp_path / "mine" / f"{name}.yaml").to_yaml() == pk.load(shipped_configs()[name]).to_yaml()
    shutil.rmtree(tmp_path / "env/share")
    without = installed("gallery")
    assert without.returncode == 2 and "not part of this installation" in without.stderr


def test_env_tells_what_is_there(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    text = pdekit("env").output
    told = dict(re.findall(r"^(\S+(?: \S+)?) {2,}(\S.*)$", text, re.MULTILINE))
    for name in ("numpy", "scipy", "numba", "h5py", "sympy", "pydantic", "ruamel.yaml", "xarray"):
        assert told[name] == version(name)
    assert told["Python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert int(told["cores"]) >= 1 and "NUMBA_NUM_THREADS=1" in told["threads"]
    assert f"pytest {version('pytest')}" in told["[test]"]


def test_env_tells_what_is_missing(monkeypatch):
    import importlib.metadata

    known = importlib.metadata.version

    def without_h5py(name):
        if name == "h5py":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", without_h5py)
    assert re.search(r"^h5py +MISSING$", pdekit("env").output, re.MULTILINE)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_script(shell):
    result = pdekit("completion", shell)
    assert result.exit_code == 0 and f"_PDEKIT_COMPLETE={shell}_complete" in result.output


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("pdekit conv", {"converge"}),
        ("pdekit new w", {"wave"}),
        ("pdekit gallery heat_r", {"heat_rod", "heat_rod_python"}),
    ],
)
def test_what_a_shell_is_told(words, wanted):
    environment = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_PDEKIT_COMPLETE": "bash_complete"}
    program = "from pdekit.cli.commands import main; main(prog_name='pdekit')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert {line.partition(",")[2] for line in done.stdout.split()} == wanted, done.stderr


def test_exit_codes_are_told():
    text = pdekit("--help").output
    for code in (0, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED):
        assert re.search(rf"^ .*\b{code}  \w", text, re.MULTILINE), code
