"""How to test the Triton code itself without a GPU: interpret it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def interpreted() -> Callable[[str], None]:
    """Run a test file of this folder in a process of its own, in Triton's interpreter.

    The interpreter must be on before Triton is imported.
    """
    pytest.importorskip("triton", reason="Triton is not installed")

    def run(name: str) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / name)]
        environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONSAFEPATH": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run
