"""The machine's description, and doctor's checks."""

from pathlib import Path

import pytest

from moeprof.doctor.check_result import CheckResult, Status
from moeprof.pipeline.selftest.steps import machine
from moeprof.pipeline.selftest.steps.machine import examine_machine
from moeprof.tests.pipeline.selftest.steps.told import work_in

DISK = CheckResult("disk", Status.WARNING, "9 GiB")
NOISE = CheckResult("noise", Status.OK, "18 readings", values={"spread_ratio": 0.01})


def test_each_check_is_told_when_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "choose_device", lambda name: "cpu")
    monkeypatch.setattr(machine, "checks", lambda store, device, probes: iter((NOISE, DISK)))
    work, told = work_in(tmp_path)
    found = examine_machine(work)
    assert len(told.facts) == 2
    assert found["device"] == found["provenance"]["device"] == "cpu"
    assert [check["check"] for check in found["checks"]] == ["noise", "disk"]
    assert ("ended" in told.facts[0], found["ended"]) == (False, True)
    assert [message for message in told if "warning" in message] == [{"warning": "disk: 9 GiB"}]
    assert found["checks"][0]["check"] == "noise"
    assert found["checks"][0]["values"] == {"spread_ratio": 0.01}
