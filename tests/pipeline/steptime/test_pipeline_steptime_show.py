"""A model of steps is summarised: what has rows, how far each form is off, where it is from."""

from pathlib import Path

import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.show import show_steps
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_model_summary import StepModelSummary
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json", method="physics")
    return folder / "m.json"


def test_names_come_with_the_kinds_of_steps_that_they_have_rows_of(path: Path) -> None:
    found = show_steps(path)
    assert [(one.name, one.experts) for one in found.models] == [
        ("llama-3-8b", 0),
        ("mixtral-8x7b", 8),
    ]
    assert found.models[0].parameters == pytest.approx(8.03e9, rel=0.005)
    assert [one.name for one in found.gpus] == ["B200", "H100", "H200"]
    assert [one.name for one in found.engines] == ["vllm"]
    assert {one.steps for one in found.models} == {("mean",)}
    assert {one.steps for one in found.gpus} == {("mean",)}
    assert {one.steps for one in found.engines} == {("mean",)}
    assert {one.power for one in found.gpus} == {True}


def test_errors_are_those_of_each_form_and_of_energy(path: Path) -> None:
    found = show_steps(path)
    (mean,) = found.steps
    assert (mean.kind, mean.method, mean.rows, mean.configurations) == ("mean", "physics", 36, 6)
    assert set(mean.scores) == {"physics", "srfa", "blackbox"}
    assert found.power is not None
    assert found.power.rows == 36
    assert "decode" in found.absent
    assert set(found.files) == {"serving_rows.parquet", "models.csv"}


def test_a_summary_is_read_again_as_it_was_written(path: Path, tmp_path: Path) -> None:
    found = show_steps(path)
    write_document(tmp_path / "summary.json", found)
    assert read_document(tmp_path / "summary.json", StepModelSummary) == found


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(BadInput, match=r"not a moeprof\.step_time_model"):
        show_steps(tmp_path / "a.json")
    with pytest.raises(BadInput, match="does not exist") as refusal:
        show_steps(tmp_path / "none.json")
    assert "moeprof steptime fit DIR" in refusal.value.hint
