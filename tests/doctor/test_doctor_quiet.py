"""doctor shows what `profile` would say of the machine."""

from dataclasses import replace

import pytest

from moeprof.device import surroundings
from moeprof.doctor.check_result import Status
from moeprof.doctor.quiet import quiet
from moeprof.store.provenance import Gpu
from moeprof.tests.fakenvml import fake
from moeprof.tests.quiet_machine import quiet_moment

STEADY = [(0, 90e3, 30.0, 1755, 0), (100, 90e3, 30.0, 1755, 0)]
GPU = Gpu(0, "H200 (simulated)", fake.UUID, None, None, None, None, None, None, None)


def test_a_quiet_machine_is_ok() -> None:
    found = quiet(None)
    assert (found.status, found.evidence) == (Status.OK, "load 0.0")


def test_a_standing_condition_costs_steady_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = replace(quiet_moment([]), governors=("powersave",))
    monkeypatch.setattr(surroundings, "cpu_moment", lambda _: laptop)
    found = quiet(None)
    assert found.status is Status.WARNING
    assert found.evidence == "load 0.0; governor powersave"
    assert "clock" in found.cost
    assert "cpupower" in found.remedy


def test_other_processes_on_a_gpu_put_times_in_doubt(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes="41@0"):
        found = quiet(GPU)
    assert found.status is Status.WARNING
    assert "1 other process" in found.evidence
    assert "in doubt" in found.cost
    assert "--wait" in found.remedy


def test_where_nothing_is_shown_the_check_is_skipped(simulate: fake.Simulate) -> None:
    with simulate(STEADY, mig=1):
        assert quiet(GPU).status is Status.SKIP
