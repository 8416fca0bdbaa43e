"""A part of the torture in a container: own processes, read-only root, small /dev/shm, no root.

Only the folder of the torture can be written there. As root this is made by unshare and setpriv,
else by a user namespace, in which the user is called root and has its own rights.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from moeprof.tests.torture.place import Place
from moeprof.tests.torture.setting import Setting, Size
from moeprof.tests.torture.sharing import AS_OTHER, OTHER, other_can_run
from moeprof.tests.torture.sweep_kills import sweep_words
from moeprof.tests.torture.trial import Job, Kind, Trial, skipped

_PARTS: Final = ("sweep-kills", "command-kill-points", "command-disk-errors", "hostile-operations")
_LIMIT_S: Final = 900.0
_INSIDE: Final = """
set -e
mount --make-rprivate /
mount --bind "$WORK" "$WORK"
mount -t tmpfs -o size=64k tmpfs /dev/shm
mount -o remount,bind,ro /
exec "$@"
"""


def jobs(setting: Setting) -> Iterable[Job]:
    """A small torture within the container, and a sweep that is given no place for its locks."""
    with setting.place("container probe") as place:
        probe = _run(place, ["true"], 60.0)
        runs = os.geteuid() != 0 or other_can_run(place)
    if probe.returncode:
        return skipped("container", f"no namespaces here: {probe.stderr.strip()[-200:]}")
    if not runs:
        return skipped("container", f"another user than root cannot run {sys.executable}")
    if setting.size is Size.SUITE:
        return []
    return [partial(_torture, setting), partial(_default_locks, setting)]


def _wrapped(command: list[str]) -> list[str]:
    if os.geteuid() == 0:
        unshare, command = ["unshare"], [*AS_OTHER, *command]
    else:
        unshare = ["unshare", "--user", "--map-root-user"]
    unshare += ["--pid", "--fork", "--kill-child", "--mount", "--ipc", "--mount-proc"]
    return [*unshare, "sh", "-c", _INSIDE, "sh", *command]


def _run(place: Place, command: list[str], limit_s: float) -> "subprocess.CompletedProcess[str]":
    """Run a command in a container that can write to the folder of a place alone."""
    if shutil.which("unshare") is None:
        return subprocess.CompletedProcess(command, 1, "", "no unshare")
    if os.geteuid() == 0:
        for path in (place.folder, *place.folder.rglob("*")):
            os.chown(path, OTHER, OTHER)
    return subprocess.run(
        _wrapped(command),
        env={**place.environment, "WORK": str(place.folder)},
        cwd=place.folder, capture_output=True, text=True, timeout=limit_s, check=False,
    )  # fmt: skip


def _torture(setting: Setting) -> list[Trial]:
    with setting.place("container") as place:
        out = place.folder / "inside.json"
        command = [sys.executable, "-m", "moeprof.tests.torture", "--size", "suite"]
        command += ["--code", str(setting.code), "--out", str(out), "--seed", str(setting.seed)]
        command += [word for part in _PARTS for word in ("--part", part)]
        place.variables["PYTHONPATH"] = str(Path(__file__).resolve().parents[2] / ".path")
        ended = _run(place, command, _LIMIT_S)
        if not out.exists():
            trial = Trial("container")
            trial.add(Kind.OWN_FAULT, f"the torture did not run: {ended.stderr[-400:]}")
            return [trial]
        return [_as_trial(part) for part in json.loads(out.read_text())["parts"]]


def _as_trial(part: dict[str, object]) -> Trial:
    """A part that was run inside, as one trial."""
    trial = Trial(f"container {part['part']}", int(str(part["tries"])))
    faults = part["what"]
    assert isinstance(faults, list)
    for text in faults:
        kind = next((one for one in Kind if f": {one}: " in text), Kind.OWN_FAULT)
        trial.add(kind, text)
    return trial


def _default_locks(setting: Setting) -> list[Trial]:
    """Without MOEPROF_LOCK_DIR on a read-only root: measured, or refused with the way out."""
    trial = Trial("locks at their usual place")
    with setting.place("container locks") as place:
        command = ["env", "-u", "MOEPROF_LOCK_DIR", sys.executable, "-m", "moeprof"]
        command += [*sweep_words(ops="relu"), "--store", str(place.store)]
        ended = _run(place, command, 180.0)
        refused = ended.returncode == 2 and "MOEPROF_LOCK_DIR" in ended.stderr
        if ended.returncode != 0 and not refused:
            said = f"exit {ended.returncode}: {ended.stderr.strip()[-300:]}"
            trial.add(Kind.REFUSAL, said)
    return [trial]
