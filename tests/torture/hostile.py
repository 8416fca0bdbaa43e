"""Sweeps of a hostile operation beside a good one: the hostile one costs itself alone.

An op file that is hostile when it is loaded is refused, or loaded, with a sentence.
"""

import json
import subprocess
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from moeprof.tests.torture import recorded
from moeprof.tests.torture.hostile_operations import HOSTILE, Hostile, Outcome, op_file
from moeprof.tests.torture.place import Place
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Trial

POINT_S: Final = 4  # the limit of a size
# Processes that start, each up to 10 s on a busy machine, with a size's limit and the end of each.
LIMIT_S: Final = 90.0
_LONGEST_REASON: Final = 1000
_SHORT: Final = 40
_SUITE: Final = ("prints_an_answer", "child_and_hang", "daemon_that_loops", "stops_its_parent")
_LOADING: Final = {
    "prints at import": "print('{\"a\": 1}')",
    "exits at import": "import sys; sys.exit(0)",
    "exits at import with a text": "raise SystemExit('bye')",
    "fails at import": "1 / 0",
    "fails with a long text": "raise RuntimeError('m' * 10**6)",
    "fails with control characters": "raise RuntimeError('\\x1b[2J\\x1b]0;title\\x07')",
    "fails with a surrogate": "raise RuntimeError('\\ud800')",
    "is no Python": "def",
    "holds a null byte": "a\0b",
    "has no operation": "",
    "recurses": "def f(): f()\nf()",
    "raises a BaseException": "raise BaseException('own')",
    "replaces stdout": "import sys; sys.stdout = None",
    "imports what is not there": "import no_such_module",
}  # fmt: skip


def jobs(setting: Setting) -> Iterable[Job]:
    """A sweep of each hostile operation, or of some that the seed draws."""
    few = [one for one in HOSTILE if one.name in _SUITE]
    drawn = setting.draw("hostile operations").sample(HOSTILE, _SHORT)
    chosen = setting.pick(few, drawn, HOSTILE)
    return [partial(sweep, setting, one) for one in chosen]


def loading_jobs(setting: Setting) -> Iterable[Job]:
    """A sweep of each op file that is hostile when it is loaded."""
    chosen = list(_LOADING)[: setting.pick(0, None, None)]
    return [partial(_load, setting, name) for name in chosen]


def _load(setting: Setting, name: str) -> list[Trial]:
    trial = Trial(name)
    with setting.place(name) as place:
        path = place.folder / "hostile.py"
        path.write_text(_LOADING[name], encoding="utf-8")
        words = ("profile", "--ops", path, "--batch-sizes", "1,2", "--dry-run", "--device", "cpu")
        ended = place.run(*words, "--store", place.store, limit_s=60.0)
        ended.judge(trial)
        if ended.code == 0 and name != "prints at import":
            trial.add(Kind.REFUSAL, f"it was loaded: {ended.last_words}")
        if "\x1b" in ended.stderr + ended.stdout:
            trial.add(Kind.REFUSAL, "control characters reached the terminal")
        place.note_orphans(trial, "after the command")
    return [trial]


def sweep(setting: Setting, hostile: Hostile) -> list[Trial]:
    """Measure a hostile operation and a good one, and build a model of what was recorded."""
    trial = Trial(hostile.name)
    with (
        setting.place(hostile.name) as place,
        subprocess.Popen(["sleep", "600"]) as victim,
    ):
        try:
            _attacked_sweep(place, hostile, trial, victim)
        finally:
            victim.kill()
    return [trial]


def _attacked_sweep(
    place: Place, hostile: Hostile, trial: Trial, victim: "subprocess.Popen[bytes]"
) -> None:
    path = place.folder / "hostile.py"
    path.write_text(op_file(hostile), encoding="utf-8")
    words = f"profile --ops relu,{path} --batch-sizes 1,2 --points 2 --sampling all --device cpu"
    more = f"--no-power --collector cpu --point-timeout {POINT_S}s --store {place.store}"
    place.variables["TORTURE_VICTIM"] = str(victim.pid)
    began_s = time.monotonic()
    ended = place.run(*words.split(), *more.split(), limit_s=LIMIT_S)
    ended.judge(trial, may_refuse=hostile.destroys)
    place.note_orphans(trial, "after the sweep")
    if victim.poll() is not None:
        trial.add(Kind.HARMED, "a process that it named was killed")
    if "\x1b" in ended.stderr + ended.stdout:
        trial.add(Kind.HARMED, "control characters reached the terminal")
    for run in recorded.runs(place.store):
        if hostile.destroys:
            (run / "raw").chmod(0o755) if (run / "raw").exists() else None
            place.run("profile", run, "--resume", limit_s=LIMIT_S).judge(trial)
        _note_recorded(run, hostile, trial, (time.monotonic() - began_s) * 1e9)
        place.run("build-model", run).judge(trial, may_refuse=False)
        model = run / "kernel_cost_model.json"
        if not model.exists() or '"relu"' not in model.read_text():
            trial.add(Kind.HARMED, "the model lacks the operation beside it")


def _note_recorded(run: Path, hostile: Hostile, trial: Trial, elapsed_ns: float) -> None:
    """Note what is in the run and was not measured, and what is not and should be."""
    recorded.note_whole(trial, run, "after the sweep")
    measured, failed = {key for _, key, _ in recorded.points(run)}, recorded.failures(run)
    hostile_2, hostile_1 = (_key(run, "hostile", size) for size in (2, 1))
    for key in (_key(run, "relu", size) for size in (1, 2)):
        if key not in measured:
            trial.add(Kind.HARMED, f"{key} was not measured: {failed.get(key)}")
    if hostile_1 not in measured and not (hostile.spoils and failed.get(hostile_1)):
        trial.add(Kind.HARMED, f"{hostile_1} was not measured: {failed.get(hostile_1)}")
    is_measured, reason = hostile_2 in measured, failed.get(hostile_2)
    if not is_measured and not reason:
        trial.add(Kind.NO_REASON, f"{hostile_2} has neither a time nor a reason")
    if (hostile.outcome, is_measured) in ((Outcome.MEASURED, False), (Outcome.FAILED, True)):
        trial.add(Kind.FORGED, f"{hostile_2} should have {hostile.outcome}, and has {reason}")
    _note_forged(run, trial, elapsed_ns)
    _note_reasons(failed, trial)


def _key(run: Path, op: str, size: int) -> str:
    plan = json.loads((run / "plan.json").read_text())
    curve = next(one["curve"] for one in plan["ops"] if one["op"] == op)
    return recorded.key_of(curve, size)


def _note_forged(run: Path, trial: Trial, elapsed_ns: float) -> None:
    planned = {key for _, key in recorded.planned(run)}
    for timing in recorded.timings(run):
        if timing["scenario_key"] not in planned:
            trial.add(Kind.FORGED, f"{timing['scenario_key']} is not in the plan")
        if not all(0 <= time_ns < elapsed_ns for time_ns in timing["calls_ns"]):
            trial.add(Kind.FORGED, f"{timing['scenario_key']} has times that cannot be")


def _note_reasons(failed: dict[str, str], trial: Trial) -> None:
    for key, reason in failed.items():
        if len(reason) > _LONGEST_REASON:
            trial.add(Kind.NO_REASON, f"the reason of {key} has {len(reason)} characters")
        if "secret-home-name" in reason:
            trial.add(Kind.NO_REASON, f"the reason of {key} names a path: {reason[:200]}")
