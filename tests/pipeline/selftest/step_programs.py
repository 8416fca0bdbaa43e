"""Stand-ins for the program of a step: a text of Python each, run as the real one is."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_TELL = """
import json, os, signal, sys, time
def tell(message):
    os.write(int(os.environ["MOEPROF_ANSWERS_FD"]), json.dumps(message).encode() + b"\\n")
"""
FACTS = 'tell({"facts": {"device": "cpu", "device_name": "a CPU"}})\n'
DONE = FACTS + 'tell({"outcome": "done", "reason": None})\n'
SKIPPED = 'tell({"outcome": "skipped", "reason": "there is no GPU"})\n'
FAILED = 'tell({"outcome": "failed", "reason": "no curve in /home/ann/runs/x"})\n'
CRASHES = FACTS + "os.kill(os.getpid(), signal.SIGSEGV)\n"
EXITS = FACTS + 'sys.stderr.write("CUDA error at /home/ann/op.py"); sys.exit(7)\n'
HANGS = FACTS + "time.sleep(600)\n"


def programs(
    default: str = DONE, steps: Mapping[str, str] | None = None
) -> Callable[[str, Path, float], Sequence[str]]:
    """The command of each step: a stand-in of its own, or the default one."""

    def command_of(step: str, folder: Path, seconds: float) -> Sequence[str]:
        text = (steps or {}).get(step, default)
        return [sys.executable, "-S", "-c", _TELL + text, str(folder)]

    return command_of
