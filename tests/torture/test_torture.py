"""A small part of `make torture`, and checks that its own instruments tell what happened."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moeprof.tests.torture import disk_shim, hostile, recorded, sweep_kills
from moeprof.tests.torture.attacked import ATTACKED, Attack
from moeprof.tests.torture.disk_shim import Blow
from moeprof.tests.torture.hostile_operations import HOSTILE, op_file
from moeprof.tests.torture.place import MARK, Ended
from moeprof.tests.torture.setting import Setting, Size
from moeprof.tests.torture.trial import Kind, Part, Trial

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(disk_shim.compiler() is None, reason="no C compiler")


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(ROOT, tmp_path_factory.mktemp("torture").resolve(), Size.SUITE, seed=1)


@pytest.fixture(scope="module")
def attack(setting: Setting) -> Iterator[Attack]:
    """A parse of changed recordings, ready to be struck."""
    with setting.place("parse") as place:
        yield Attack(setting, place, ATTACKED[0])


@needs_compiler
@pytest.mark.parametrize("blow", [Blow("rename", 1), Blow("write", 1, errno.ENOSPC)], ids=str)
def test_a_parse_that_is_struck_leaves_what_an_undisturbed_one_leaves(
    attack: Attack, blow: Blow
) -> None:
    trial = attack.strike(blow)
    assert (trial.tries, trial.faults) == (1, [])


def test_a_sweep_that_is_killed_goes_on_and_loses_nothing(setting: Setting) -> None:
    (trial,) = sweep_kills.chain(setting, "sweep", "cpu", kills=1)
    assert (trial.tries, trial.faults) == (1, [])


def test_a_hostile_operation_costs_itself_alone(setting: Setting) -> None:
    one = next(one for one in HOSTILE if one.name == "child_holds_the_pipes")
    (trial,) = hostile.sweep(setting, one)
    assert trial.faults == []


@needs_compiler
@pytest.mark.parametrize(
    ("blow", "content"),
    [
        (Blow("rename", 1), None),  # killed before the rename
        (Blow("write", 1), None),  # half of the temporary file was written
        (Blow("fsync", 1, errno.EIO), None),
        (Blow("rename", 2), "whole"),  # there is none
    ],
    ids=str,
)
def test_the_library_strikes_at_the_call_that_it_is_told(
    setting: Setting, tmp_path: Path, blow: Blow, content: str | None
) -> None:
    assert setting.shim is not None
    program = (
        "import os, sys\n"
        "with open('t', 'w') as file: file.write('whole'); file.flush(); os.fsync(file.fileno())\n"
        "os.replace('t', 'file')"
    )
    struck = os.environ | disk_shim.striking(setting.shim, tmp_path, blow)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=struck, capture_output=True)
    file, temporary = tmp_path / "file", tmp_path / "t"
    assert (file.read_text() if file.exists() else None) == content
    if blow.kind == "write":
        assert temporary.read_text() == "wh"


def test_a_process_that_is_left_is_seen_and_ended(setting: Setting) -> None:
    trial = Trial("left")
    with setting.place("left") as place:
        command = ["setsid", "sleep", "60"]
        with subprocess.Popen(command, env=os.environ | {MARK: place.mark}) as left:
            while not place.processes():
                pass
            place.note_orphans(trial, "at once", limit_s=0.0)
    assert [kind for kind, _ in trial.faults] == [Kind.ORPHAN]
    assert left.returncode == -9


@pytest.mark.parametrize(
    ("words", "code", "stderr", "kinds"),
    [
        ("parse", 0, "", []),
        ("parse", 2, "error: x is y\nhint: do z\n", []),
        ("parse", 2, "error: x is y\n", [Kind.REFUSAL]),
        ("parse", 129, "error: x\nhint: z\n", [Kind.OWN_FAULT]),
        ("check --state x", 129, "error: x\nhint: z\n", []),
        ("check --state x", 129, "error: moeprof itself failed: x\nhint: z\n", [Kind.OWN_FAULT]),
        ("parse", -11, "", [Kind.OWN_FAULT]),
        ("parse", 1, "Traceback (most recent call last):", [Kind.OWN_FAULT]),
        ("parse", None, "", [Kind.HANG]),
    ],
    ids=str,
)
def test_an_end_is_judged(words: str, code: int | None, stderr: str, kinds: list[Kind]) -> None:
    trial = Trial("end")
    Ended(words, code, "", stderr, 1.0).judge(trial)
    assert [kind for kind, _ in trial.faults] == kinds


def _run(folder: Path, **units: object) -> Path:
    """A run of one planned size, with a recording for each unit's timings."""
    op = {"op": "relu", "curve": "relu-8-fp32", "domain": [1]}
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"ops": [op], "collectors": ["cpu"]}))
    for unit, visits in units.items():
        served = [{"scenario_key": "relu-b1-8-fp32", "visit": one} for one in visits]  # type: ignore[attr-defined]
        body = {"collector": "cpu", "served": served, "failures": [], "files": {}}
        path = folder / "raw" / "cpu" / unit / "recording.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(body))
    return folder


@pytest.mark.parametrize(
    ("units", "kinds"),
    [({"a": [0], "b": [1]}, []), ({}, [Kind.LOST]), ({"a": [0], "b": [0]}, [Kind.DUPLICATED])],
    ids=str,
)
def test_a_finished_run_holds_each_size_once(
    tmp_path: Path, units: dict[str, object], kinds: list[Kind]
) -> None:
    trial = Trial("run")
    recorded.note_finished(trial, _run(tmp_path / "run", **units), {})
    assert [kind for kind, _ in trial.faults] == kinds


def test_a_recording_that_was_there_and_is_gone_is_lost(tmp_path: Path) -> None:
    trial, run = Trial("run"), _run(tmp_path / "run", a=[0])
    held = recorded.recordings(run) | {"raw/cpu/b": recorded.recordings(run)["raw/cpu/a"]}
    recorded.note_finished(trial, run, held)
    assert [kind for kind, _ in trial.faults] == [Kind.LOST]


def test_the_catalogue_holds_operations_that_differ() -> None:
    assert len({one.name for one in HOSTILE}) == len(HOSTILE) >= 40
    for one in HOSTILE:
        compile(op_file(one), one.name, "exec")


def test_a_part_counts_tries_and_faults_of_each_kind() -> None:
    faulty, fine = Trial("one", 3), Trial("two", 2)
    faulty.add(Kind.LOST, "gone")
    figures = Part("kills", (Kind.LOST, Kind.ORPHAN), (faulty, fine), 1.0).figures()
    assert (figures["tries"], figures["tries_with_faults"]) == (5, 1)
    assert figures["faults"] == {Kind.LOST: 1, Kind.ORPHAN: 0}
