"""Checks kernels, a case for each line of stdin: a program of its own, because a kernel may crash.

    python -P -m moeprof.pipeline.selftest.kernel_program DEVICE

A line holds the fields of a Case (kernels/checking/cases.py), `runs` and `limit_s` as JSON. Its
answer is a KernelCheck (kernels/checking/check.py), or {"failure": …} where the kernel raised, or
{"unchecked": …} where the device has too little memory or no Triton. On a CPU the kernels run in
Triton's interpreter.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from ...store.errors import CannotMeasure

ANSWERS_FD = "MOEPROF_ANSWERS_FD"


def main(device: str) -> None:
    """Answer each line of stdin until it ends."""
    if device == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
    answers = int(os.environ[ANSWERS_FD])
    for line in sys.stdin:
        text = json.dumps(_answer(device, json.loads(line))).encode() + b"\n"
        while text:
            text = text[os.write(answers, text) :]


def _answer(device: str, asked: dict[str, Any]) -> dict[str, Any]:
    import torch

    from ...kernels.checking.cases import Case
    from ...kernels.checking.check import check_kernel

    case = Case(asked["kernel"], tuple(asked["sizes"]), asked["tokens"], asked.get("weight_format"))
    try:
        return asdict(check_kernel(case, device, asked["runs"], asked["limit_s"]))
    except CannotMeasure as reason:
        return {"unchecked": reason.message}
    except torch.OutOfMemoryError as reason:
        torch.cuda.empty_cache()
        return {"unchecked": _first_line(reason)}
    except Exception as reason:  # a kernel that does not compile, or fails in any other way
        return {"failure": _first_line(reason)}


def _first_line(reason: Exception) -> str:
    return f"{type(reason).__name__}: {next(iter(str(reason).splitlines()), '')}"


if __name__ == "__main__":
    main(sys.argv[1])
