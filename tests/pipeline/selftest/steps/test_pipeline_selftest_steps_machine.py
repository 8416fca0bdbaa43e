"""The machine's description, and doctor's checks."""

from pathlib import Path

import pytest

from moeprof.pipeline.doctor import CheckResult, Examination, Status
from moeprof.pipeline.selftest.steps import machine
from moeprof.pipeline.selftest.steps.machine import examine_machine
from moeprof.tests.pipeline.selftest.steps.told import work_in

NOISE = CheckResult("noise", Status.OK, "18 readings", values={"spread_ratio": 0.01})


def test_the_device_is_told_before_the_checks_and_then_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "choose_device", lambda name: "cpu")
    monkeypatch.setattr(machine, "examine", lambda store: Examination((NOISE,)))
    work, told = work_in(tmp_path)
    found = examine_machine(work)
    assert told.facts[0]["device"] == "cpu"
    assert "checks" not in told.facts[0]
    assert found["provenance"]["device"] == "cpu"
    assert found["checks"][0]["check"] == "noise"
    assert found["checks"][0]["values"] == {"spread_ratio": 0.01}
