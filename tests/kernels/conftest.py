"""Run a test file of this folder in a process of its own: in Triton's interpreter, or on a GPU."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Tensors of the tests are then on the GPU, and the kernels run there.
ON_GPU = """
import sys, pytest, torch
torch.set_default_device("cuda")
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.fixture
def interpreted() -> Callable[[str], None]:
    """Run a test file in Triton's interpreter, which must be on before Triton is imported."""
    pytest.importorskip("triton", reason="Triton is not installed")
    return lambda name: _passes([sys.executable, "-m", "pytest"], name, {"TRITON_INTERPRET": "1"})


@pytest.fixture
def on_gpu() -> Callable[[str], None]:
    """Run a test file on the GPU, by the compiled kernels."""
    pytest.importorskip("triton", reason="Triton is not installed")
    return lambda name: _passes([sys.executable, "-c", ON_GPU], name, {"TRITON_INTERPRET": "0"})


def _passes(pytest_command: list[str], name: str, environment: dict[str, str]) -> None:
    command = [*pytest_command, "-q", "-p", "no:cacheprovider", str(HERE / name)]
    environment = os.environ | environment | {"PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
