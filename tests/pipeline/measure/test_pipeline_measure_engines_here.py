"""Engines that are installed and cannot be measured are left out, and the others are not."""

from pathlib import Path

import pytest

from moeprof.pipeline.measure.engines_here import absent_engines


@pytest.fixture
def broken_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known version of transformers that pip knows, and that does not import."""
    data = tmp_path / "transformers-5.1.0.dist-info"
    data.mkdir()
    (data / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 5.1.0\n")
    (tmp_path / "transformers.py").write_text("raise ImportError('no libcudart.so.13')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("broken_transformers")
def test_a_package_that_does_not_import_is_named_with_its_last_words() -> None:
    absent = absent_engines("layer, engines", "cpu")
    reason = absent["transformers_grouped_mm"]
    assert reason.startswith("transformers is installed, and does not import: ")
    assert "no libcudart.so.13" in reason
    assert "torch_grouped_mm" not in absent


@pytest.mark.usefixtures("broken_transformers")
def test_packages_are_tried_for_the_set_of_all_engines_alone() -> None:
    assert "transformers_grouped_mm" not in absent_engines("layer", "cpu")
