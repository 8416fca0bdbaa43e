"""docs/python.md: its example runs twice in one process, once as a cell of a notebook would."""

import asyncio
import contextlib
import io
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
EXAMPLE, OF_STEPS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the examples run in a folder of their own."""
    folder = tmp_path_factory.mktemp("python")
    with contextlib.chdir(folder):
        yield folder


def outcome_of(printed: str) -> str:
    """Check what the example prints; return the outcome of its verdict."""
    run, outcome, latency, unit = printed.split()
    assert Path(run).parent == Path("artifacts/runs")
    assert Path(run, "kernel_cost_model.json").is_file()
    assert float(latency) > 0
    assert unit == "us"
    return outcome


@pytest.mark.usefixtures("quickly")
def test_the_example_runs_in_a_script_and_again_in_a_notebooks_cell(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(EXAMPLE, "example.py", "exec"), {"__name__": "__main__"})
    assert outcome_of(printed.getvalue()) in {"PASS", "FAIL", "AMBIGUOUS"}

    shell = types.ModuleType("__main__")  # without a file
    monkeypatch.setitem(sys.modules, "__main__", shell)

    async def cell() -> None:
        exec(compile(EXAMPLE, "<ipython-input-1>", "exec"), vars(shell))

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        asyncio.run(cell())
    assert outcome_of(printed.getvalue()) in {"PASS", "FAIL", "AMBIGUOUS"}
    assert len(list(Path(folder, "artifacts", "runs").iterdir())) == 2


def test_the_example_of_step_times_runs(folder: Path) -> None:
    """Steps of two splits and three batches, each within its interval, and one for a simulator."""
    (folder / "rows").mkdir()
    public_folder(folder / "rows")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(OF_STEPS, "steps.py", "exec"), {"__name__": "__main__"})
    *steps, simulated = [line.split() for line in printed.getvalue().splitlines()]
    assert [step[:2] for step in steps] == [
        [tp, batch] for tp in "12" for batch in ("1", "16", "32")
    ]
    for _, _, step_us, low_us, high_us, j_per_token in steps:
        assert float(low_us) < float(step_us) < float(high_us)
        assert float(j_per_token) > 0
    assert 5_000 < float(simulated[0]) < 50_000


def test_the_page_names_every_function_and_class_of_the_package() -> None:
    page = PAGE.read_text()
    named = [name for name in moeprof.__all__ if not name.startswith("_")]
    assert [name for name in named if not re.search(rf"\b{name}\b", page)] == []
