"""Which engines doctor finds, and which it leaves out."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.doctor.check_result import Status
from moeprof.doctor.engines import absent_engines, engines
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


@pytest.fixture
def broken_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A known version of transformers that pip knows, and that does not import: its operation."""
    data = tmp_path / "transformers-5.1.0.dist-info"
    data.mkdir()
    (data / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 5.1.0\n")
    (tmp_path / "transformers.py").write_text("raise ImportError('no libcudart.so.13')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    return "transformers_grouped_mm"


def test_a_package_that_does_not_import_is_named_with_its_last_words(
    broken_transformers: str,
) -> None:
    absent = absent_engines("cpu", imported=True)
    assert absent[broken_transformers].startswith("transformers is installed, and does not import")
    assert "no libcudart.so.13" in absent[broken_transformers]
    assert "torch_grouped_mm" not in absent
    row = next(one for one in engines() if one.check == "engine transformers")
    assert (row.status, row.evidence) == (Status.SKIP, absent[broken_transformers])
    assert row.remedy == "install what it lacks for this Python"


def test_packages_are_not_imported_where_nothing_is_measured_with_them(
    broken_transformers: str,
) -> None:
    assert broken_transformers not in absent_engines("cpu", imported=False)
