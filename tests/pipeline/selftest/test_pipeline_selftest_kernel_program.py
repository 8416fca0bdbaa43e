"""The program that checks kernels: what it answers of a kernel that fails or lacks memory."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from moeprof.kernels.checking import check
from moeprof.kernels.checking.cases import Case
from moeprof.kernels.checking.check import KernelCheck
from moeprof.pipeline.selftest import kernel_program
from moeprof.store.errors import CannotMeasure

CASE = Case("dequant_linear", (128, 256), 1, "fp8_block")
ASKED = asdict(CASE) | {"runs": 3, "limit_s": 5.0}  # as the step writes it
CHECKED = KernelCheck(CASE, 1.0, 0, 3, 0, 0.1, 0.2)


@pytest.mark.parametrize(
    ("comes_of_it", "answer"),
    [
        (CHECKED, {"times_torch": 1.0, "runs": 3, "different": 0, "wrong_integers": 0}),
        (CannotMeasure("Triton is not installed"), {"unchecked": "Triton is not installed"}),
        (
            torch.OutOfMemoryError("1 GiB is too much\nmore"),
            {"unchecked": "OutOfMemoryError: 1 GiB is too much"},
        ),
        (RuntimeError("illegal access"), {"failure": "RuntimeError: illegal access"}),
    ],
)
def test_each_case_is_answered(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    comes_of_it: KernelCheck | Exception,
    answer: dict[str, object],
) -> None:
    def check_kernel(case: Case, device: str, runs: int, limit_s: float) -> KernelCheck:
        assert (case, device, runs, limit_s) == (CHECKED.case, "cpu", 3, 5.0)
        if isinstance(comes_of_it, Exception):
            raise comes_of_it
        return comes_of_it

    monkeypatch.setattr(check, "check_kernel", check_kernel)
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setattr(sys, "stdin", [json.dumps(ASKED)])
    with (tmp_path / "answers").open("wb") as file:
        monkeypatch.setenv("MOEPROF_ANSWERS_FD", str(file.fileno()))
        kernel_program.main("cpu")
    found = json.loads((tmp_path / "answers").read_text())
    assert found.items() >= answer.items()
