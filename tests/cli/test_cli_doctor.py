"""`moeprof doctor`: what this machine can measure. The A/A run is left out but once."""

from pathlib import Path

import pytest

from moeprof.doctor import examine as doctor
from moeprof.doctor import repeatability as noise
from moeprof.doctor.check_result import CheckResult, Status
from moeprof.tests.cli.command_line import Moeprof

STATUSES = {"ok", "warning", "fault", "skip"}


@pytest.fixture
def without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = CheckResult("noise", Status.OK, "left out", values={"spread_ratio": 0.01})
    monkeypatch.setattr(doctor, "noise", lambda device: left_out)


@pytest.mark.usefixtures("without_noise")
def test_every_finding_is_told_as_json_and_nothing_else_on_stdout(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    told = moeprof("doctor", "--json", "--store", tmp_path)
    statuses = [finding["status"] for finding in told.data]
    assert set(statuses) <= STATUSES
    assert told.exit_code == ("fault" in statuses)
    values = {finding["check"]: finding["values"] for finding in told.data}
    assert {"python", "torch", "disk", "collector cpu", "collector nsys"} <= values.keys()
    assert values["noise"] == {"spread_ratio": 0.01}
    assert values["disk"]["free_bytes"] > 0


def test_a_person_gets_a_table_of_the_same(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "_ROUNDS", 1)
    findings = moeprof("doctor", "--json", "--store", tmp_path).data
    table = moeprof("doctor", "--store", tmp_path).stdout
    assert max(map(len, table.splitlines())) <= 80
    for finding in findings:
        assert f"{finding['check']} " in table
    assert "readings of each version" in " ".join(table.split())


@pytest.fixture
def no_compiler_beside_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let there be a GPU, and no program on PATH."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(doctor, "_sensors", lambda device: [])
    monkeypatch.setattr(doctor, "_collectors", lambda device: [])
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_compiler_beside_a_gpu", "without_noise")
def test_a_fault_is_exit_1_and_says_how_to_mend_it(moeprof: Moeprof, tmp_path: Path) -> None:
    pytest.importorskip("triton")
    told = moeprof("doctor", "--json", "--store", tmp_path)
    assert told.exit_code == 1
    (triton,) = [finding for finding in told.data if finding["check"] == "triton"]
    assert (triton["status"], triton["remedy"]) == ("fault", "install gcc")


@pytest.mark.usefixtures("without_noise")
def test_looking_writes_nothing(moeprof: Moeprof, tmp_path: Path) -> None:
    moeprof("doctor", "--store", tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
