"""Inputs with one field changed: the fuzzer of the code under test, with its time and memory."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from typing import Final

from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Trial

_HALVES: Final = 2
_LIMIT_BYTES: Final = 10**9
_FAULT: Final = re.compile(r"^FAULT in (.*)$", re.MULTILINE)
_CASES: Final = re.compile(r": (?:\d+) of (\d+) are read$", re.MULTILINE)


def jobs(setting: Setting) -> Iterable[Job]:
    """The fuzzer, so many cases in all, in two processes with different seeds."""
    cases = setting.pick(0, 10_000, 100_000) // _HALVES
    seeds = [setting.seed * _HALVES + half for half in range(_HALVES if cases else 0)]
    return [partial(_fuzz, setting, cases, seed) for seed in seeds]


def _fuzz(setting: Setting, cases: int, seed: int) -> list[Trial]:
    """Run the fuzzer; its own limit on time is part of it, and its peak memory bounds each case."""
    trial = Trial(f"seed {seed}", 0)
    with setting.place(trial.name) as place:
        words = ["-m", "moeprof.tests.fuzz", "--cases", str(cases), "--seed", str(seed)]
        output = place.folder / "output"
        with output.open("w") as out:
            child = subprocess.Popen(
                [sys.executable, *words], env=place.environment, stdout=out, stderr=out
            )
            _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said = output.read_text(errors="replace")
        trial.tries = sum(map(int, _CASES.findall(said)))
        for text in _FAULT.findall(said):
            hang = "no answer within" in text
            trial.add(Kind.HANG if hang else Kind.FUZZ, text[:400])
        if child.returncode not in (0, 1) or (child.returncode == 1 and not trial.faults):
            trial.add(Kind.FUZZ, f"the fuzzer ended with {child.returncode}: {said[-600:]}")
        if used.ru_maxrss * 1024 > _LIMIT_BYTES:
            trial.add(Kind.MEMORY, f"{used.ru_maxrss / 1e6:.2f} GB in its process at its peak")
    return [trial]
