"""What is found of nsys, ncu and the right to read counters, with stand-ins on PATH."""

from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.doctor import nsight
from moeprof.doctor.check_result import Status

StandIn = Callable[[str], Path]
NOBODY, ADMINISTRATOR, PERFMON = "0000000000000000", "000001ffffffffff", "0000004000000000"


@pytest.mark.parametrize(
    ("restricted", "capabilities", "status"),
    [
        (0, NOBODY, Status.OK),
        (1, ADMINISTRATOR, Status.OK),
        (1, PERFMON, Status.OK),
        (1, NOBODY, Status.WARNING),
    ],
)
def test_counters_are_for_administrators_where_the_driver_says_so(
    tmp_path: Path, restricted: int, capabilities: str, status: Status
) -> None:
    driver, own = tmp_path / "params", tmp_path / "status"
    driver.write_text(f"ResmanDebugLevel: 4294967295\nRmProfilingAdminOnly: {restricted}\n")
    own.write_text(f"Name:\tpython\nCapEff:\t{capabilities}\n")
    found = nsight.permission("cuda:0", driver, own)
    assert found.status is status
    if status is Status.WARNING:
        assert "ERR_NVGPUCTRPERM" in found.cost
        assert "NVreg_RestrictProfilingToAdminUsers=0" in found.remedy


def test_a_driver_that_does_not_say_is_not_guessed_at(tmp_path: Path) -> None:
    missing, silent = tmp_path / "none", tmp_path / "params"
    silent.write_text("ResmanDebugLevel: 4294967295\n")
    for driver in (missing, silent):
        assert nsight.permission("cuda:0", driver).status is Status.SKIP


def test_tools_that_are_not_there_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for found in (nsight.nsys("cuda:0", 0), nsight.ncu("cuda:0")):
        assert found.status is Status.SKIP
        assert "on PATH" in found.evidence


def test_an_nsys_that_exports_its_own_capture_is_fine(stand_in: StandIn) -> None:
    stand_in("nsys")
    found = nsight.nsys("cpu", None)
    assert found.status is Status.OK
    assert "2024.2.3" in found.evidence


@pytest.mark.parametrize(("nvtx", "lost"), [("0.2.11", False), ("0.2.12", True), ("0.3", True)])
def test_an_nvtx_that_loses_every_range_under_this_nsys_is_told(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, nvtx: str, lost: bool
) -> None:
    stand_in("nsys")  # version 2024.2.3
    monkeypatch.setattr("importlib.metadata.version", lambda name: nvtx)
    found = nsight.nsys("cpu", None)
    assert (found.status is Status.WARNING) is lost
    assert ("loses every range" in found.evidence) is lost
    assert nsight.nsys("cuda:0", 0).remedy.startswith("see counter permission")


@pytest.mark.parametrize("failure", ["no importer", "no report", "export fails"])
def test_an_nsys_that_records_nothing_is_a_warning_since_kineto_records(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    stand_in("nsys")
    monkeypatch.setenv("FAKE_NSYS", failure)
    for found in (nsight.nsys("cpu", None), nsight.nsys("cuda:0", 0)):
        assert found.status is Status.WARNING
        assert found.cost == "auto takes another collector"


def test_an_nsys_that_may_not_sample_the_gpu_says_what_is_missing(stand_in: StandIn) -> None:
    stand_in("nsys")  # it lists no GPU that it could sample
    found = nsight.nsys("cuda:0", 0)
    assert found.status is Status.WARNING
    assert "without GPU metrics" in found.evidence


def test_an_ncu_with_every_flag_is_fine_and_one_without_is_not(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in("ncu")
    assert nsight.ncu("cuda:0").status is Status.OK
    assert nsight.ncu("cpu").status is Status.SKIP
    program.write_text("#!/bin/sh\necho 'Version 2019.1.0'\n")
    found = nsight.ncu("cuda:0")
    assert found.status is Status.WARNING
    assert "lacks --clock-control" in found.evidence


@pytest.mark.parametrize("tool", ["nsys", "ncu"])
def test_a_program_that_does_not_start_is_reported(stand_in: StandIn, tool: str) -> None:
    stand_in(tool).write_bytes(b"\x7fELF")
    found = nsight.nsys("cuda:0", 0) if tool == "nsys" else nsight.ncu("cuda:0")
    assert found.status in (Status.WARNING, Status.SKIP)
    assert "does not start" in found.evidence
