"""Every command is killed, and meets a disk that refuses, at its calls that change files."""

import errno
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from moeprof.tests.torture import disk_shim, recorded
from moeprof.tests.torture.attacked import ATTACKED, Attack, Attacked
from moeprof.tests.torture.disk_shim import Blow
from moeprof.tests.torture.place import Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.sweep_kills import finish, go_on, sweep_words
from moeprof.tests.torture.trial import Job, Kind, Trial, skipped

_NO_COMPILER = "no C compiler to build the preloaded library with"
# What a disk refuses: an error, the calls that it meets, and whether it stays.
_REFUSALS = (
    (errno.ENOSPC, ("create", "write", "mkdir"), True),
    (errno.EIO, ("write", "fsync", "rename", "unlink"), False),
    (errno.EROFS, ("create",), True),
    (errno.EDQUOT, ("write",), True),
)
_REFUSALS_DRAWN = 3  # for a command, where not all are met
Blows = Iterator[Blow]


def command_kills(setting: Setting) -> Iterable[Job]:
    """Kill each command at its calls."""
    return _commands(setting, "kill", partial(_kills, setting))


def command_errors(setting: Setting) -> Iterable[Job]:
    """Let the disk refuse calls of each command."""
    return _commands(setting, "error", partial(_errors, setting))


def sweep_kills(setting: Setting) -> Iterable[Job]:
    """Kill a sweep, and one that goes on, at its calls."""
    return _sweeps(setting, partial(_kills, setting))


def sweep_errors(setting: Setting) -> Iterable[Job]:
    """Let the disk refuse calls of a sweep, and of one that goes on."""
    return _sweeps(setting, partial(_errors, setting))


def _kills(setting: Setting, name: str, counts: Mapping[str, int]) -> Blows:
    """Kill at each kind of call: at one of them, at all in the full torture."""
    for kind, count in counts.items():
        for at in setting.one_or_all(range(1, count + 1), f"{name} {kind}"):
            yield Blow(kind, at)


def _errors(setting: Setting, name: str, counts: Mapping[str, int]) -> Blows:
    """Refuse a call with some of the errors; each call with all of them in the full torture."""
    every = [(error, kind, stays) for error, kinds, stays in _REFUSALS for kind in kinds]
    met = [one for one in every if counts.get(one[1])]
    drawn = setting.draw(name).sample(met, min(len(met), _REFUSALS_DRAWN))
    for error, kind, stays in setting.pick(drawn, drawn, met):
        numbers = range(1, counts[kind] + 1)
        for at in setting.one_or_all(numbers, f"{name} {kind} {error}"):
            yield Blow(kind, at, error, stays)


def _commands(setting: Setting, what: str, blows: "partial[Blows]") -> Iterable[Job]:
    if setting.shim is None:
        return skipped("commands", _NO_COMPILER)
    chosen = ATTACKED[: setting.pick(1, None, None)]
    return [partial(_attack, setting, one, f"{one.name} {what}", blows) for one in chosen]


def _attack(
    setting: Setting, attacked: Attacked, name: str, blows: "partial[Blows]"
) -> list[Trial]:
    """Strike one command again and again, in one place."""
    with setting.place(name) as place:
        attack = Attack(setting, place, attacked)
        return [attack.strike(one) for one in blows(name, attack.counts)]


def _sweeps(setting: Setting, blows: "partial[Blows]") -> Iterable[Job]:
    if setting.shim is None:
        return skipped("sweeps", _NO_COMPILER)
    begins = [("profile", False), ("profile --resume", True)]
    chosen = begins[: setting.pick(0, None, None)]
    return [partial(_struck_sweeps, setting, name, begun, blows) for name, begun in chosen]


def _struck_sweeps(
    setting: Setting, name: str, begun: bool, blows: "partial[Blows]"
) -> list[Trial]:
    """Strike a sweep, or one that goes on, again and again, in one place."""
    with setting.place(name) as place:
        if begun:
            _begin(place)
        intact = place.folder / "intact"
        place.store.rename(intact)
        counts = _counts(setting, place, intact)
        return [_struck_sweep(setting, place, intact, name, blow) for blow in blows(name, counts)]


def _counts(setting: Setting, place: Place, intact: Path) -> dict[str, int]:
    """Calls of an undisturbed sweep, by kind."""
    assert setting.shim is not None
    place.restore(intact)
    log = place.folder / "calls.log"
    go_on(place, _words(), variables=disk_shim.counting(setting.shim, place.store, log)).wait()
    return disk_shim.counts(log)


def _words() -> list[str]:
    return sweep_words(ops="relu")


def _begin(place: Place) -> None:
    """A sweep that ended before its last size, as a kill leaves one."""
    place.run(*_words(), "--store", place.store)
    for run in recorded.runs(place.store):
        last = sorted(run.glob("raw/*/*/recording.json"))[-1]
        last.unlink()


def _struck_sweep(setting: Setting, place: Place, intact: Path, name: str, blow: Blow) -> Trial:
    """Let a sweep meet a blow, then let it go on to its end."""
    trial = Trial(f"{name}: {blow}")
    assert setting.shim is not None
    place.restore(intact)
    held = _held(place)
    striking = disk_shim.striking(setting.shim, place.store, blow)
    ended = go_on(place, _words(), variables=striking).wait()
    if blow.error is not None:
        ended.judge(trial)
    elif ended.code != -9:
        trial.tries = 0  # it had no such call this time
    place.note_orphans(trial, str(blow))
    for run in recorded.runs(place.store):
        recorded.note_whole(trial, run, str(blow))
    if not any(kind is Kind.HALF_WRITTEN for kind, _ in trial.faults):
        held |= _held(place)
    finish(place, trial, held, _words())
    return trial


def _held(place: Place) -> dict[str, bytes]:
    return {
        name: data
        for run in recorded.runs(place.store)
        for name, data in recorded.recordings(run).items()
    }
