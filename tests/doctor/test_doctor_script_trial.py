"""Isolated scripts that do not start are found before a sweep, and by doctor."""

from pathlib import Path

import pytest

from moeprof.doctor.check_result import Status
from moeprof.doctor.script_trial import (
    check_scripts_load,
    isolated_scripts,
    started,
    write_scripts,
)
from moeprof.scenarios.catalogue import find_ops
from moeprof.store.errors import CannotMeasure
from moeprof.tests.instant_scripts import instant_scripts
from moeprof.tests.profiler.answering import ANSWER

READY = ANSWER + "answer({'ready': True})\nsys.stdin.read()\n"


def test_a_script_that_imports_what_is_not_there_is_refused_with_its_reason() -> None:
    with pytest.raises(CannotMeasure, match="No module named 'not_there'"):
        check_scripts_load({"fc1": b"import torch\n", "mine": b"import not_there\n"})


def test_a_script_that_does_not_load_in_time_is_refused() -> None:
    slow = b"import numpy, time\ntime.sleep(30)\n"
    with pytest.raises(CannotMeasure, match=r"no end within 0\.3 s"):
        check_scripts_load({"slow": slow}, trial_s=0.3)


def test_scripts_of_torch_and_the_standard_library_are_not_tried() -> None:
    check_scripts_load({"fc1": b"import os\nimport torch\nraise SystemExit(3)\n"})


def test_what_a_script_runs_only_as_a_program_is_not_run() -> None:
    check_scripts_load({"mine": b"import numpy\nif __name__ == '__main__':\n    raise SystemExit"})


def test_scripts_that_start_are_named(tmp_path: Path) -> None:
    (tmp_path / "fc1.py").write_text(READY)
    found = started([tmp_path / "fc1.py"])
    assert (found.status, found.evidence) == (Status.OK, "fc1 start")


def test_the_one_that_does_not_start_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "fc1.py").write_text(READY)
    (tmp_path / "topk.py").write_text("raise SystemExit('no compiler')")
    found = started([tmp_path / "fc1.py", tmp_path / "topk.py"])
    assert found.status is Status.FAULT
    assert found.evidence.startswith("topk does not start: ")
    assert "no compiler" in found.evidence


def test_the_scripts_are_those_of_one_size_of_a_run(tmp_path: Path) -> None:
    (script,) = write_scripts(tmp_path, "cpu", ["fc1"], 64)
    compile(script.read_text(), script, "exec")
    assert "SIZES = [64]" in script.read_text()


def test_one_operation_of_each_kind_is_started() -> None:
    with instant_scripts():
        found = isolated_scripts("cpu")
    assert found.status is Status.OK
    names = found.evidence.removesuffix(" start").split(", ")
    kinds = {one.operation.name: one.operation.imports for one in find_ops("all")}
    assert {kinds[name] for name in names} == set(kinds.values())
    assert len(names) == len(set(kinds.values())) > 1
