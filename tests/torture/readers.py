"""24 readers of a run at once, while its recordings change and its tables and model are remade."""

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

from moeprof.tests.torture import material
from moeprof.tests.torture.attacked import change_times
from moeprof.tests.torture.place import LIMIT_S, Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Trial

READERS: Final = 24
_FACTORS: Final = (2.0, 0.5)  # the changing size takes twice its time, then its time again
_CHANGING: Final = "raw/cpu/gelu-8/recording.json"
_READER: Final = Path(__file__).with_name("reader.py")


def jobs(setting: Setting) -> Iterable[Job]:
    """One run with all its readers."""
    return [partial(_race, setting, setting.pick(1, 4, 100))]


def _race(setting: Setting, rounds: int) -> list[Trial]:
    """Each reader must see one state of the run or the other, and fail at nothing."""
    trial = Trial(f"{READERS} readers", 0)
    with setting.place(trial.name) as place:
        run, over = place.store / "run", place.folder / "over"
        place.python(Path(material.__file__), "metered", run)
        states = {answer for factor in _FACTORS for answer in _state(place, run, factor)}
        readers = [_start(place, run, over) for _ in range(READERS)]
        for number in range(rounds):
            change_times(run / _CHANGING, _FACTORS[number % 2])
            for command in ("parse", "build-model"):
                place.run(command, run).judge(trial, may_refuse=False)
        over.touch()
        for one in readers:
            _note(trial, one, states)
        place.note_temporary(trial, "after the last command")
    return [trial]


def _state(place: Place, run: Path, factor: float) -> list[str]:
    """Answers of an undisturbed reader."""
    change_times(run / _CHANGING, factor)
    place.run("parse", run)
    place.run("build-model", run)
    found: dict[str, Any] = json.loads(place.python(_READER, run, run))
    assert found["answers"], found
    assert not found["failed"], found
    answers: list[str] = found["answers"]
    return answers


def _start(place: Place, run: Path, over: Path) -> "subprocess.Popen[str]":
    """Start a reader that yields to the writer."""
    command = ["nice", "-n", "19", sys.executable, str(_READER), str(run), str(over)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=place.environment, stdout=pipe, stderr=pipe, text=True)


def _note(trial: Trial, reader: "subprocess.Popen[str]", states: set[str]) -> None:
    out, err = reader.communicate(timeout=LIMIT_S)
    if reader.returncode:
        trial.add(Kind.TORN, f"a reader ended with {reader.returncode}: {err[-300:]}")
        return
    found = json.loads(out)
    trial.tries += found["reads"]
    for text in [*found["failed"], *({*found["answers"]} - states)]:
        trial.add(Kind.TORN, text)
