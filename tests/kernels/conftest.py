"""Run a test file of this folder in a process of its own: in Triton's interpreter, or on a GPU."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WARNED = "ignore:Conversion of an array with ndim:DeprecationWarning"  # triton 3.6, numpy 2.3
NO_INTERPRETER = "the interpreter of triton 3.6 has no loops over run-time bounds with numpy 2.4 on"
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
    if not can_interpret(metadata.version("triton"), metadata.version("numpy")):
        pytest.skip(NO_INTERPRETER)
    command = [sys.executable, "-m", "pytest", "-W", WARNED]
    return lambda name: _passes(command, name, {"TRITON_INTERPRET": "1"})


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


def can_interpret(triton: str, numpy: str) -> bool:
    """Whether a version of Triton can interpret kernels with a version of numpy.

    triton 3.6 takes an array of one dimension as a number, which numpy 2.4 refuses.
    """
    return _numbers(triton) >= (3, 7) or _numbers(numpy) < (2, 4)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
