"""A sweep is killed at random moments, by each signal, and goes on with --resume until it is done.

Each chain of kills lies in one place. After each kill no process is left and every recording is
whole; after the last one the run holds each planned size once, and everything that it ever held.
"""

import shutil
import signal
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from moeprof.tests.torture import recorded
from moeprof.tests.torture.place import Command, Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Trial, skipped

SIZES: Final = (1, 2)
_MANNERS: Final = (  # the signal, and whether the whole process group gets it
    (signal.SIGKILL, False), (signal.SIGKILL, False), (signal.SIGKILL, True),
    (signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGINT, False),
    (signal.SIGTERM, True), (signal.SIGINT, True),
)  # fmt: skip
_LONGEST_S: Final = {"cpu": 4.5, "nsys": 10.0}  # about what such a sweep takes
_DIES_S: Final = 20.0
_HEEDED_S: Final = 0.5  # before it Python itself may begin, and end with a traceback


def sweep_words(collector: str = "cpu", ops: str = "relu,gelu") -> list[str]:
    """Words of a sweep that takes a few seconds."""
    sizes = ",".join(map(str, SIZES))
    words = f"profile --ops {ops} --batch-sizes {sizes} --points {len(SIZES)} --sampling all"
    return [*words.split(), *f"--device cpu --no-power --collector {collector}".split()]


def jobs(setting: Setting) -> Iterable[Job]:
    """Chains of kills."""
    chains, kills = setting.pick((1, 2), (10, 10), (50, 20))
    return [partial(chain, setting, f"sweep {one}", "cpu", kills) for one in range(chains)]


def nsys_jobs(setting: Setting) -> Iterable[Job]:
    """Chains of kills under nsys, where one is installed."""
    if shutil.which("nsys") is None:
        return skipped("sweep under nsys", "no nsys on PATH")
    chains, kills = setting.pick((0, 0), (2, 3), (10, 10))
    return [partial(chain, setting, f"nsys {one}", "nsys", kills) for one in range(chains)]


def chain(setting: Setting, name: str, collector: str, kills: int) -> list[Trial]:
    """Kill sweeps so often; a sweep that ends before its kill is checked, and another one begun."""
    trial, draw = Trial(name, 0), setting.draw(name)
    while trial.tries < kills and not trial.faults:
        with setting.place(name) as place:
            held: dict[str, bytes] = {}
            while trial.tries < kills and not trial.faults:
                if not _killed(place, collector, draw, trial, held):
                    break
            finish(place, trial, held, sweep_words(collector))
    return [trial]


def _killed(
    place: Place, collector: str, draw: Random, trial: Trial, held: dict[str, bytes]
) -> bool:
    """Start or go on, and kill; False where it ended first. `held` gains what it recorded."""
    command = go_on(place, sweep_words(collector))
    number, group = draw.choice(_MANNERS)
    wait_s = draw.uniform(0.05, _LONGEST_S[collector])
    until = time.monotonic() + wait_s
    while command.process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    if command.process.poll() is not None:
        command.wait().judge(trial)
        return False
    command.send(number, group=group)
    how = f"{number.name}{' to the group' if group else ''} after {wait_s:.2f} s"
    ended = command.wait(_DIES_S)
    trial.tries += 1
    if ended.code is None:
        trial.add(Kind.HANG, f"{how}: it did not end")
    unheeded = wait_s < _HEEDED_S and ended.code == -number
    if not unheeded and (ended.code == 129 or "Traceback" in ended.stderr):
        trial.add(Kind.OWN_FAULT, f"{how}: {ended.last_words}")
    place.note_orphans(trial, how)
    for run in recorded.runs(place.store):
        recorded.note_whole(trial, run, how)
        held |= recorded.recordings(run) if not trial.faults else {}
    return True


def go_on(place: Place, words: list[str], **how: dict[str, str]) -> Command:
    """Begin a sweep, or resume the one that is there."""
    found = recorded.runs(place.store)
    if found:
        return place.start("profile", found[0], "--resume", **how)  # type: ignore[arg-type]
    return place.start(*words, "--store", place.store, **how)  # type: ignore[arg-type]


def finish(place: Place, trial: Trial, held: dict[str, bytes], words: list[str]) -> None:
    """Let the sweep end undisturbed; note what its run lacks, and what lies about."""
    ended = go_on(place, words).wait()
    ended.judge(trial, may_refuse=False)
    place.note_orphans(trial, "after the end")
    for run in recorded.runs(place.store):
        recorded.note_whole(trial, run, "after the end")
        recorded.note_finished(trial, run, held)
        place.note_temporary(trial, "after the end")
        _note_model(place, trial, run)


def _note_model(place: Place, trial: Trial, run: Path) -> None:
    """Note where the run's model is not of all that was measured."""
    place.run("build-model", run).judge(trial, may_refuse=False)
    keys = {key for _, key, _ in recorded.points(run)}
    listed = place.run("cost", run, "relu", "--batch-size", SIZES[-1], "--json")
    if not listed.fine or not keys:
        trial.add(Kind.STALE, f"the model lacks what was measured: {listed.last_words}")
