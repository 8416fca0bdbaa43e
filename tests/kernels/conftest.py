"""Two ways to test the Triton code itself without a GPU: interpret it, and compile it for one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

HERE = Path(__file__).parent
POINTER = {
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.float16: "*fp16",
    torch.int32: "*i32",
}


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


class CompilesOnly:
    """Stands in for a kernel: what is launched is compiled for sm_`architecture`, and kept."""

    def __init__(self, kernel: Any, architecture: int) -> None:
        self.kernel = kernel
        self.architecture = architecture
        self.compiled: list[Any] = []

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return self._compile

    def _compile(self, *arguments: torch.Tensor | int, **settings: Any) -> None:
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource, compile

        names = self.kernel.arg_names
        constants = {(names.index(n),): v for n, v in settings.items() if n in names}
        options = {n: v for n, v in settings.items() if n not in names}
        types = [
            POINTER[one.dtype] if isinstance(one, torch.Tensor) else "i32" for one in arguments
        ]
        signature = dict.fromkeys(names, "constexpr") | dict(zip(names, types, strict=False))
        source = ASTSource(self.kernel, signature, constants)
        target = GPUTarget("cuda", self.architecture, 32)
        self.compiled.append(compile(source, target=target, options=options))


@pytest.fixture
def compiles_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[ModuleType, str, int], CompilesOnly]:
    """Give a function that puts CompilesOnly in the place of a module's kernel."""
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))

    def replace(module: ModuleType, kernel: str, architecture: int) -> CompilesOnly:
        stand_in = CompilesOnly(getattr(module, kernel), architecture)
        monkeypatch.setattr(module, kernel, stand_in)
        monkeypatch.setattr(module, "runs_kernel", lambda tensor: True)
        return stand_in

    return replace
