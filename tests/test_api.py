"""The package's own names: what they are, and what importing them loads."""

import subprocess
import sys
from pathlib import Path

import pytest

import moeprof

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "triton", "pandas", "pydantic", "scipy", "numpy", "pyarrow"}


def loaded_by(code: str, folder: Path) -> set[str]:
    """Packages that a fresh interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, check=True
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    "code",
    ["import moeprof", "import moeprof; moeprof.RunOptions(); moeprof.BadInput; dir(moeprof)"],
)
def test_importing_the_package_and_its_options_loads_nothing_heavy(
    code: str, tmp_path: Path
) -> None:
    loaded = loaded_by(code, tmp_path)
    assert "moeprof" in loaded
    assert loaded & HEAVY == set()


def test_every_listed_name_is_there() -> None:
    for name in moeprof.__all__:
        assert getattr(moeprof, name) is not None
    assert set(moeprof.__all__) <= set(dir(moeprof))


def test_no_name_of_the_api_is_that_of_a_room() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms & set(moeprof.__all__) == set()


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="measure_everything"):
        getattr(moeprof, "measure_everything")  # noqa: B009


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        *(("load", [model], "model") for model in (5, None, b"a", "a\0b")),
        *(("parse", [run], "run") for run in (5, None, ["run"])),
        ("build_model", [None], "run"),
        ("parse_trace", [None, None], "source"),
        ("parse_trace", ["trace.json", None], "out"),
        ("validate", [None], "model"),
        ("resume", [5], "run"),
        ("examine", [5], "store"),
        ("profile", [5], "options"),
        ("plan_run", [5], "options"),
    ],
)
def test_an_argument_of_another_type_is_refused_by_its_name(
    function: str, arguments: list[object], named: str
) -> None:
    with pytest.raises(moeprof.BadInput, match=rf"^{named} is "):
        getattr(moeprof, function)(*arguments)
