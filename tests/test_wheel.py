"""The wheel holds the package, whole and alone, and works where it is installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
NOT_SOURCE = shutil.ignore_patterns(".*", "artifacts", "build", "dist", "*.egg-info", "__pycache__")
BUILD = "--wheel --no-isolation --skip-dependency-check".split()


def _run(words: Sequence[object], folder: Path, **environment: str) -> str:
    """Run Python with these words in a folder; its stdout."""
    ended = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env=os.environ | {"PYTHONSAFEPATH": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("build", "setuptools"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed: pip install {tool}")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools writes beside what it builds
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    _run(["-m", "build", *BUILD, "--outdir", folder / "dist", source], folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_nothing_but_the_package_lands_in_site_packages(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"moeprof", *(top for top in tops if top.endswith(".dist-info"))}
    inside = {name.split("/")[1] for name in names if name.startswith("moeprof/")}
    assert not inside & {"tests", "benchmarks", "docs", "artifacts", ".path"}


def test_every_source_file_is_in_the_wheel(names: set[str]) -> None:
    rooms = {path.parent for path in ROOT.glob("*/__init__.py")}
    sources = {path for folder in (ROOT, *rooms) for path in folder.glob("*.py")}
    missing = {f"moeprof/{path.relative_to(ROOT)}" for path in sources} - names
    assert missing == set()


def test_the_data_that_the_code_reads_is_in_the_wheel(names: set[str]) -> None:
    presets = ("small", "mixtral-8x7b", "qwen3-30b-a3b", "deepseek-v3")
    documents = ("kernel_cost_model", "plan", "recording", "validation")
    assert {f"moeprof/scenarios/{preset}.toml" for preset in presets} <= names
    assert {f"moeprof/store/{document}.schema.json" for document in documents} <= names
    assert {"moeprof/py.typed", "moeprof/scenarios/isolated.py.txt"} <= names


def test_the_installed_wheel_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed")
    site = tmp_path / "site"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = "-m pip install --quiet --disable-pip-version-check --no-deps --no-index --target"
    _run([*install.split(), site, wheel], elsewhere)

    where = ["-c", "import moeprof.cli.app as app; print(app.__file__)"]
    assert Path(_run(where, elsewhere, PYTHONPATH=str(site)).strip()).is_relative_to(site)
    profile = "-m moeprof profile --dry-run --device cpu --ops all".split()
    output = _run(profile, elsewhere, PYTHONPATH=str(site))
    assert output.startswith("Plan: adaptive sampling")
    assert list(elsewhere.iterdir()) == []
