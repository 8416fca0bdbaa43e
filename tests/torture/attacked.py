"""Commands that read and write files: each is struck at one call after another, then run again.

What the commands after the blow leave must be, byte for byte, what they leave without one. A killed
`parse` is followed by `build-model`: a model of tables that are stale, or of two kinds, differs.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moeprof.tests.torture import disk_shim, material, recorded
from moeprof.tests.torture.disk_shim import Blow
from moeprof.tests.torture.place import Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Kind, Trial

_ROOT: Final = Path(__file__).resolve().parents[2]
Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Attacked:
    """A command, what it works on, and the commands that come next.

    `make` prepares a store and returns the words of the command; `next` are run after it, with the
    run's folder for "@"; empty: the command again.
    """

    name: str
    make: Callable[[Place], Words]
    next: Sequence[Words] = ()


def _metered(place: Place) -> Path:
    """A run whose tables are of other recordings than those that it holds now.

    One recording came, with old times, one went, and one is another one.
    """
    run = place.store / "run"
    place.python(Path(material.__file__), "metered", run)
    away = place.folder / "away"
    away.mkdir()
    thermal, gone = run / "raw" / "thermal", next((run / "raw" / "power").glob("*b8*@1"))
    thermal.rename(away / "thermal")
    place.run("parse", run)
    (away / "thermal").rename(thermal)
    shutil.rmtree(gone)
    shutil.rmtree(away)
    change_times(run / "raw" / "cpu" / "gelu-8" / "recording.json", by=2)
    return run


def change_times(recording: Path, by: float) -> None:
    """Let the calls of a recording have taken longer, by a factor; its mtime stays."""
    kept, body = recording.stat(), json.loads(recording.read_text())
    for timing in body["served"]:
        timing["calls_ns"] = [round(by * time_ns) for time_ns in timing["calls_ns"]]
    changed = recording.parent.parent / "changed"
    changed.write_text(json.dumps(body))
    os.utime(changed, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    changed.replace(recording)


def _of_metered(*words: str) -> Callable[[Place], Words]:
    def make(place: Place) -> Words:
        run = str(_metered(place))
        return [word.replace("@", run) for word in words]

    return make


def _of_reference(*words: str, built: bool = True) -> Callable[[Place], Words]:
    def make(place: Place) -> Words:
        run = place.store / "run"
        shutil.copytree(_ROOT / "artifacts" / "reference" / "cpu-small", run)
        (run / "kernel_cost_model.json").unlink()
        if built:
            place.run("build-model", run)
        return [word.replace("@", str(run)) for word in words]

    return make


def _of_target(name: str, *more: str, drop: int | None = None) -> Callable[[Place], Words]:
    """The input of a target of the fuzzer; `more` takes the place of its words from `drop` on."""

    def make(place: Place) -> Words:
        made = place.python(Path(material.__file__), "target", name, place.store)
        words: list[str] = json.loads(made)
        return [*words[:drop], *(word.replace("@", str(place.store)) for word in more)]

    return make


_MODEL: Final = (("build-model", "@"),)  # it writes into the run, which removes temporary files
_HISTORY: Final = ("history", "add", "@", "--history", "@/../history")
_COMPARE: Final = ("compare", "@", "@")
ATTACKED: Final = (
    Attacked("parse", _of_metered("parse", "@"), _MODEL),
    Attacked("build-model", _of_metered("build-model", "@"), _MODEL),
    Attacked("report", _of_metered("report", "@")),
    Attacked("history add", _of_metered(*_HISTORY), (_HISTORY, *_MODEL)),
    Attacked("compare", _of_metered(*_COMPARE), (_COMPARE, *_MODEL)),
    Attacked("validate", _of_reference("validate", "@", "--against", "holdout")),
    Attacked("parse of a trace", _of_target("nsys export")),
    Attacked("scrub", lambda place: _scrub(place)),
    Attacked("import", _of_target("aiconfigurator gemm")),
)


def _scrub(place: Place) -> Words:
    place.python(Path(material.__file__), "target", "nsys export", place.store)
    return "scrub", str(place.store / "t.sqlite"), "--out", str(place.store / "shared.sqlite")


class Attack:
    """One command in one place, whose store is put back before each blow."""

    def __init__(self, setting: Setting, place: Place, attacked: Attacked) -> None:
        assert setting.shim is not None
        self._shim, self._place, self._attacked = setting.shim, place, attacked
        self._words = list(attacked.make(place))
        run = str(place.store / "run")
        self._next = [[w.replace("@", run) for w in words] for words in attacked.next]
        self._next = self._next or [self._words]
        self._intact = place.folder / "intact"
        place.store.rename(self._intact)
        self.before = recorded.digests(self._intact)
        self.counts, self._after, self._wanted = self._undisturbed()

    def _undisturbed(self) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
        """Calls by kind; the files after the command, and after the next ones.

        A file that two undisturbed runs leave different has no digest here.
        """
        log, both = self._place.folder / "calls.log", []
        for _ in range(2):
            log.unlink(missing_ok=True)
            self._place.restore(self._intact)
            counting = disk_shim.counting(self._shim, self._place.store, log)
            first = self._place.run(*self._words, variables=counting)
            assert first.fine, first.last_words
            after = recorded.digests(self._place.store)
            for words in self._next:
                again = self._place.run(*words)
                assert again.fine, again.last_words
            both.append((after, recorded.digests(self._place.store)))
        (after, wanted), (after_2, wanted_2) = both
        return disk_shim.counts(log), _alike(after, after_2), _alike(wanted, wanted_2)

    def strike(self, blow: Blow) -> Trial:
        """Let the command meet a blow, then run the next ones; note what is wrong."""
        trial = Trial(f"{self._attacked.name}: {blow}")
        self._place.restore(self._intact)
        striking = disk_shim.striking(self._shim, self._place.store, blow)
        ended = self._place.run(*self._words, variables=striking)
        if blow.error is None:
            if ended.code != -9:
                trial.tries = 0  # it had no such call this time
        else:
            ended.judge(trial)
            self._note_partial(trial)
        self._place.note_orphans(trial, str(blow))
        for words in self._next:
            self._place.run(*words).judge(trial, may_refuse=False)
        self._note_result(trial)
        self._place.note_temporary(trial, f"{blow}, then run again")
        return trial

    def _note_partial(self, trial: Trial) -> None:
        """A file after an error is as it was before, or as it is after the whole command."""
        for name, digest in recorded.digests(self._place.store).items():
            known = {self.before.get(name), self._after.get(name), self._wanted.get(name)}
            is_temporary = any(part.startswith(".") for part in Path(name).parts)
            if "" not in known and digest not in known and not is_temporary:
                trial.add(Kind.HALF_WRITTEN, f"{name} is neither the old nor the new one")

    def _note_result(self, trial: Trial) -> None:
        now = recorded.digests(self._place.store)
        for name, digest in self._wanted.items():
            if name not in now:
                trial.add(Kind.STALE, f"{name} is missing after the next command")
            elif digest and now[name] != digest:
                trial.add(Kind.STALE, f"{name} is another one after the next command")


def _alike(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Digests of two undisturbed runs, empty where they differ."""
    return {name: digest if other.get(name) == digest else "" for name, digest in one.items()}
