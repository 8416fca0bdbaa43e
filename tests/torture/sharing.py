"""Two users on one machine, and three sweeps at once."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from moeprof.tests.torture import material
from moeprof.tests.torture.place import Ended, Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.sweep_kills import sweep_words
from moeprof.tests.torture.trial import Job, Kind, Trial, skipped

OTHER: Final = 65534  # nobody
AS_OTHER: Final = ("setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups")


def user_jobs(setting: Setting) -> Iterable[Job]:
    """Two users share the locks' folder, and one reads and attacks the other's run."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return skipped("two users", "needs root and setpriv, to be two users")
    with setting.place("other user") as place:
        if not other_can_run(place):
            return skipped("two users", f"another user cannot run {sys.executable}")
    return [partial(_users_in_turn, setting), partial(_users_at_once, setting),
            partial(_foreign_run, setting)]  # fmt: skip


def other_can_run(place: Place) -> bool:
    """Whether another user can run this Python with the code under test."""
    shell = ["sh", "-c", 'exec "$0" -c "import moeprof, torch"', sys.executable]
    found = subprocess.run([*AS_OTHER, *shell], env=place.environment, capture_output=True)
    return found.returncode == 0


def _for_other(place: Place) -> tuple[Path, list[str]]:
    """The home of another user, who shares the locks, and what that user's commands run under."""
    locks, other = place.folder / "shared-locks", place.folder / "other"
    for made, mode in ((locks, 0o1777), (other, 0o777), (place.temporary, 0o777)):
        made.mkdir(exist_ok=True)
        made.chmod(mode)
    place.variables["MOEPROF_LOCK_DIR"] = str(locks)
    return other, [*AS_OTHER, "env", f"HOME={other}", f"XDG_STATE_HOME={other}/state"]


def _users_in_turn(setting: Setting) -> list[Trial]:
    """The second user's sweep runs after the first one's, and the first one's again after that."""
    trial = Trial("users in turn", 3)
    with setting.place(trial.name) as place:
        other, as_other = _for_other(place)
        words = sweep_words(ops="relu")
        for before, store in (((), place.store), (as_other, other), ((), place.store)):
            place.start(*words, "--store", store, before=before).wait().judge(
                trial, may_refuse=False
            )
    return [trial]


def _users_at_once(setting: Setting) -> list[Trial]:
    """While one user's sweep uses a core, the other's on the same core is refused, or waits."""
    trial = Trial("users at once", 2)
    with setting.place(trial.name) as place:
        other, as_other = _for_other(place)
        words = sweep_words(ops="relu,topk")
        first = place.start(*words, "--store", place.store)
        _wait_for_recording(place.store)
        second = place.start(*words, "--store", other / "store", before=as_other)
        _note_together(trial, [second.wait(), first.wait()], measured=1)
    return [trial]


def _foreign_run(setting: Setting) -> list[Trial]:
    """Commands on a run that belongs to another user: done, or refused in one sentence."""
    trial = Trial("another user's run", 0)
    with setting.place(trial.name) as place:
        run, (other, as_other) = place.store / "run", _for_other(place)
        place.python(Path(material.__file__), "metered", run)
        place.run("build-model", run)
        commands: Sequence[Sequence[object]] = (
            ("parse", run), ("build-model", run), ("report", run), ("validate", run),
            ("show", run), ("cost", run, "gelu", "--batch-size", 5),
            ("profile", run, "--resume"), ("profile", run, "--resume", "--trust"),
            ("scrub", run / "plan.json", "--out", other / "x"),
        )  # fmt: skip
        for mode in (0o755, 0o700):
            run.chmod(mode)
            for words in commands:
                trial.tries += 1
                place.start(*words, before=as_other).wait().judge(trial)
    return [trial]


def sweep_jobs(setting: Setting) -> Iterable[Job]:
    """Three sweeps at once: on cores of their own, and on the same ones."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    jobs: list[Job] = [partial(_at_once, setting, "three on one core", [cores[:1]] * 3, 1)]
    if len(cores) == 2 and shutil.which("taskset"):
        apart = [cores[:1], cores[1:], cores]
        jobs.append(partial(_at_once, setting, "two on a core each, one on both", apart, 2))
    return jobs


def _at_once(
    setting: Setting, name: str, cores: Sequence[Sequence[int]], measured: int
) -> list[Trial]:
    """Start a sweep on each set of cores, one after another has begun to measure."""
    trial = Trial(name, len(cores))
    with setting.place(name) as place:
        commands = []
        for number, chosen in enumerate(cores):
            before = ("taskset", "-c", ",".join(map(str, chosen)))
            store = place.folder / f"store-{number}"
            words = [*sweep_words(ops="relu,topk"), "--store", store]
            commands.append(place.start(*words, before=before))
            if number < measured:
                _wait_for_recording(store)
        _note_together(trial, [one.wait() for one in reversed(commands)], measured)
    return [trial]


def _wait_for_recording(store: Path) -> None:
    """Wait until a sweep has measured something: it then holds its locks."""
    pause = threading.Event()
    for _ in range(1200):
        if any(store.glob("*/raw/*/*/recording.json")):
            return
        pause.wait(0.05)


def _note_together(trial: Trial, ended: Sequence[Ended], measured: int) -> None:
    for one in ended:
        one.judge(trial)
    done = sum(one.code == 0 for one in ended)
    if done > measured:
        trial.add(Kind.BESIDE, f"{done} sweeps measured, and {measured} may at once")
    if done < measured:
        trial.add(Kind.HARMED, f"{done} sweeps measured: {ended[-1].last_words}")
