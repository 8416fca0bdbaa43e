"""`moeprof doctor`: what this machine can measure."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof

STATUSES = {"ok", "warning", "fault", "skip"}


def test_every_finding_is_told_as_json_and_nothing_else_on_stdout(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    told = moeprof("doctor", "--json", "--store", tmp_path)
    statuses = [finding["status"] for finding in told.data]
    assert set(statuses) <= STATUSES
    assert told.exit_code == ("fault" in statuses)
    checks = [finding["check"] for finding in told.data]
    assert {"python", "torch", "disk", "collector cpu", "collector nsys"} <= set(checks)


def test_a_person_gets_a_table_of_the_same(moeprof: Moeprof, tmp_path: Path) -> None:
    findings = moeprof("doctor", "--json", "--store", tmp_path).data
    table = moeprof("doctor", "--store", tmp_path).stdout
    assert max(map(len, table.splitlines())) <= 80
    for finding in findings:
        assert f"{finding['check']} " in table


@pytest.fixture
def no_compiler_beside_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let there be a GPU, and no program on PATH."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_compiler_beside_a_gpu")
def test_a_fault_is_exit_1_and_says_how_to_mend_it(moeprof: Moeprof, tmp_path: Path) -> None:
    pytest.importorskip("triton")
    told = moeprof("doctor", "--json", "--store", tmp_path)
    assert told.exit_code == 1
    (triton,) = [finding for finding in told.data if finding["check"] == "triton"]
    assert (triton["status"], triton["remedy"]) == ("fault", "install gcc")


def test_looking_writes_nothing(moeprof: Moeprof, tmp_path: Path) -> None:
    moeprof("doctor", "--store", tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
