"""`moeprof doctor`: what it prints of each check, and its exit code."""

from dataclasses import asdict
from pathlib import Path

import pytest

from moeprof.pipeline import doctor as stage
from moeprof.pipeline.doctor import CheckResult, Examination, Status
from moeprof.tests.cli.command_line import Moeprof

FINE = CheckResult("noise", Status.OK, "18 readings", values={"spread_ratio": 0.01, "none": None})
FAULT = CheckResult("triton", Status.FAULT, "no C compiler", "kernels do not run", "install gcc")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[CheckResult]:
    """Give the list of what the examination finds, which is empty to begin with."""
    found: list[CheckResult] = []
    monkeypatch.setattr(stage, "examine", lambda store: Examination(tuple(found)))
    return found


def test_every_check_is_printed_as_json_and_nothing_else_on_stdout(
    moeprof: Moeprof, checks: list[CheckResult]
) -> None:
    checks += [FINE, FAULT]
    result = moeprof("doctor", "--json")
    assert result.data == [asdict(FINE), asdict(FAULT)]


def test_a_person_gets_a_table_with_evidence_cost_and_remedy(
    moeprof: Moeprof, checks: list[CheckResult]
) -> None:
    checks += [FINE, FAULT]
    table = moeprof("doctor").stdout
    assert max(map(len, table.splitlines())) <= 80
    for text in (FINE.check, FINE.evidence, FAULT.evidence, FAULT.cost, FAULT.remedy):
        assert text in table


@pytest.mark.parametrize(("found", "exit_code"), [([FINE], 0), ([FINE, FAULT], 1)])
def test_a_fault_is_exit_1(
    moeprof: Moeprof, checks: list[CheckResult], found: list[CheckResult], exit_code: int
) -> None:
    checks += found
    assert moeprof("doctor", "--json").exit_code == exit_code


def test_the_store_is_handed_on(
    moeprof: Moeprof, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stores: list[Path] = []

    def examine(store: Path) -> Examination:
        stores.append(store)
        return Examination(())

    monkeypatch.setattr(stage, "examine", examine)
    moeprof("doctor", "--store", tmp_path)
    assert stores == [tmp_path]
