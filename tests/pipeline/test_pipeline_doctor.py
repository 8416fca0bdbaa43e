"""The examination of this machine as a result."""

from pathlib import Path

import pytest

from moeprof.doctor import examine as machine
from moeprof.pipeline.doctor import CheckResult, Examination, Status, examine

FINE = CheckResult("python", Status.OK, "3.11")


@pytest.mark.parametrize("status", Status)
def test_an_examination_with_a_fault_says_so(status: Status) -> None:
    found = Examination((FINE, CheckResult("disk", status, "")))
    assert found.has_fault == (status is Status.FAULT)


def test_the_machine_is_examined_for_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    stores: list[Path] = []

    def fine(store: Path) -> list[CheckResult]:
        stores.append(store)
        return [FINE]

    monkeypatch.setattr(machine, "examine", fine)
    assert examine("somewhere").checks == (FINE,)
    assert stores == [Path("somewhere")]
