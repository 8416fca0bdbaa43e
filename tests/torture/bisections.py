"""`bisect` and `check` are killed and go on: a reading is kept once, and what they ran ends."""

import errno
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

from moeprof.tests.torture import disk_shim
from moeprof.tests.torture.disk_shim import Blow
from moeprof.tests.torture.place import Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Trial, skipped

_READ: Final = 'echo "$(cat level)00.$(date +%N)"'  # no two readings are the same
_HANGING: Final = {
    "loops": "while :; do :; done",
    "ignores signals": "trap '' TERM HUP INT; while :; do sleep 9; done",
    "leaves a daemon": "setsid sleep 999 & wait",
    "floods stdout": "while :; do sleep 0.01; head -c 9999 /dev/zero; done",
}
_STARTS_S: Final = 60.0
_BLOWS: Final = (("bisect", None), ("check", errno.ENOSPC))  # None for a kill
_ENDS: Final = {"bisect": ("HEAD~2", "HEAD"), "check": ("--against-ref", "HEAD~2")}


def jobs(setting: Setting) -> Iterable[Job]:
    """Blows at calls that change the readings, and kills while a command hangs."""
    if setting.shim is None or shutil.which("git") is None:
        return skipped("bisections", "no C compiler, or no git")
    chosen = list(_HANGING)[: setting.pick(1, None, None)]
    hanging = [partial(_killed_while, setting, name) for name in chosen]
    blows = setting.pick((), _BLOWS, tuple(product(_ENDS, (None, errno.ENOSPC))))
    return [*(partial(_struck, setting, command, error) for command, error in blows), *hanging]


def _struck(setting: Setting, command: str, error: int | None) -> list[Trial]:
    """Kill a command, or refuse it, at a call of each kind; the next one begins with no reading."""
    assert setting.shim is not None
    with setting.place(command) as place:
        words, intact = _words(place, _READ, command), place.folder / "intact"
        place.store.rename(intact)
        place.restore(intact)
        log = place.folder / "calls.log"
        counting = disk_shim.counting(setting.shim, place.store, log)
        undisturbed = place.run(*words, variables=counting)
        assert undisturbed.fine, undisturbed.last_words
        blows = [
            Blow(kind, at, error)
            for kind, count in disk_shim.counts(log).items()
            for at in setting.one_or_all(range(1, count + 1), f"{command} {kind} {error}")
        ]
        return [_strike(setting.shim, place, intact, words, blow) for blow in blows]


def _strike(shim: Path, place: Place, intact: Path, words: list[str], blow: Blow) -> Trial:
    trial = Trial(f"{words[0]}: {blow}")
    place.restore(intact)
    ended = place.run(*words, variables=disk_shim.striking(shim, place.store, blow))
    if blow.error is not None:
        ended.judge(trial)
    elif ended.code != -9:
        trial.tries = 0  # it had no such call this time
    held = _readings(place)
    place.note_orphans(trial, str(blow))
    again = place.run(*words)
    again.judge(trial, may_refuse=False)
    kept = _readings(place)
    if kept[: len(held)] != held:
        trial.add(Kind.LOST, f"{blow}: {len(held)} readings were there, and are not kept")
    if len({*kept}) < len(kept):
        trial.add(Kind.DUPLICATED, f"{blow}: of {len(kept)} readings some are the same")
    place.note_temporary(trial, f"{blow}, then run again")
    return trial


def _killed_while(setting: Setting, name: str) -> list[Trial]:
    """Kill a bisection whose command hangs; then let its budget end one."""
    trial = Trial(f"bisect of a command that {name}", 2)
    with setting.place(trial.name) as place:
        words = _words(place, _HANGING[name])
        command = place.start(*words)
        until = time.monotonic() + _STARTS_S
        while time.monotonic() < until and not _is_read(place, _HANGING[name]):
            time.sleep(0.05)
        command.send(signal.SIGKILL)
        command.wait()
        place.note_orphans(trial, "killed")
        place.run(*words[:3], "--budget", "1s", *words[3:], limit_s=_STARTS_S).judge(trial)
        place.note_orphans(trial, "after its budget")
    return [trial]


def _is_read(place: Place, shell: str) -> bool:
    """Whether the command runs by itself, and not only as words of moeprof's."""
    return any(words.startswith(f"sh -c {shell}") for words in place.processes().values())


def _words(place: Place, shell: str, command: str = "bisect") -> list[str]:
    """Words of a command on a repository that is made in the folder of a place."""
    _git(place, "init", "--quiet")
    for level in ("1", "1", "2"):
        (place.folder / "level").write_text(f"{level}\n")
        _git(place, "add", "level")
        _git(place, "commit", "--quiet", "--allow-empty", "--message", level)
    options = ["--no-drift", "--state", str(place.store / "state")]
    return [command, *_ENDS[command], *options, "--", "sh", "-c", shell]


def _git(place: Place, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=place.folder, check=True, capture_output=True)


def _readings(place: Place) -> list[str]:
    """Each whole line of the log after its head."""
    log = place.store / "state" / "readings.jsonl"
    text = log.read_text() if log.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()[1:]
