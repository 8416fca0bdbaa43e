"""docs/ops.md: its example is a whole operation that runs, and it explains every part of one."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from moeprof.scenarios.catalogue import ENTRY_POINTS, find_ops
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.script import render_script
from moeprof.tests.builders import plan_run

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"
SMALL = load_preset("small")


def block(language: str) -> str:
    """The page's one block of code in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(text)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example of the page, saved as it says."""
    path = tmp_path / "my_op.py"
    path.write_text(block("python"))
    return path


@pytest.fixture
def operation(example: Path) -> Operation:
    (found,) = find_ops(str(example))
    assert found.source == str(example)
    return found.operation


def test_the_example_computes_what_its_reference_does(operation: Operation) -> None:
    generator = torch.Generator().manual_seed(0)

    def take(shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    assert operation.reference is not None
    inputs = operation.make_inputs(take, 7, ffn=13)
    torch.testing.assert_close(operation.run(*inputs), operation.reference(*inputs))


def test_the_example_counts_its_operands(operation: Operation) -> None:
    scenario = operation.scenario(SMALL, 4, "float32", "cold")
    operands = [torch.empty(4, SMALL.ffn) for _ in range(3)]
    assert scenario.bytes_moved == sum(operand.nbytes for operand in operands)
    assert f"`{scenario.key}`" in PAGE.read_text()


def test_the_script_of_the_example_runs(operation: Operation, tmp_path: Path) -> None:
    plan = plan_run(str(tmp_path / "my_op.py"), (1, 4), SMALL)
    path = tmp_path / f"{operation.name}.py"
    path.write_text(render_script(operation, SMALL, plan, plan.ops[0], cache_bytes=1 << 20))
    command = [sys.executable, str(path), "--sizes", "1,4"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in said] == [f"{operation.name} b={b}" for b in (1, 4)]


def test_the_entry_point_of_the_page_names_the_example(operation: Operation) -> None:
    groups = tomllib.loads(block("toml"))["project"]["entry-points"]
    ((name, value),) = groups[ENTRY_POINTS].items()
    assert name == operation.name
    assert f"\n{value.partition(':')[2]} = Operation(" in block("python")


def test_the_page_explains_every_part_of_an_operation() -> None:
    page = PAGE.read_text()
    unexplained = [field.name for field in fields(Operation) if f"| `{field.name}" not in page]
    assert unexplained == []
