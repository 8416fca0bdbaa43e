"""Which engines doctor finds."""

from dataclasses import replace

import pytest

from moeprof.doctor.check_result import Status
from moeprof.doctor.engines import engines
from moeprof.scenarios.engines.registry import ENGINES


def test_each_installed_engine_has_a_row_and_the_others_one_together() -> None:
    found = {one.check: one for one in engines()}
    for name, engine in ENGINES.items():
        version, absence = engine.version(engine.package), engine.absence()
        check = found.get(f"engine {engine.package}", found.get("other engines"))
        assert check is not None
        if version is None:
            assert engine.package in check.evidence
        elif absence is None:
            assert check.status is Status.OK
            assert check.evidence.startswith(f"{version}: ")
            assert name in check.evidence
        else:
            assert (check.status, check.evidence) == (Status.SKIP, absence)
            assert name in check.cost
            assert check.remedy == engine.way_out()


def test_an_operation_that_its_package_cannot_run_here_is_named_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newer = replace(ENGINES["torch_scaled_grouped_mm"], first="99.0", last="99.1")
    monkeypatch.setitem(ENGINES, "torch_scaled_grouped_mm", newer)
    row = next(one for one in engines() if one.check == "engine torch")
    assert row.status is Status.OK
    assert f": torch_grouped_mm; torch_scaled_grouped_mm not: {newer.absence()}" in row.evidence
