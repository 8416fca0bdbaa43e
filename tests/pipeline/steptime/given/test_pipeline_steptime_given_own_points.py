"""Steps of one's own are read from a CSV, whoever wrote it, and nothing else is taken for them."""

import csv
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.given.own_points import own_points
from moeprof.store.errors import BadInput

TABLE = "batch,step_us\n8,12500\n64,19000.5\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_batches_and_steps_are_read_with_a_byte_order_mark_or_without(
    tmp_path: Path, mark: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(mark + TABLE)
    batches, step_us = own_points(path)
    assert batches == (8, 64)
    assert step_us.tolist() == [12500, 19000.5]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "lacks the column batch, and has none"),
        ("batch\n1\n", "lacks the column step_us"),
        ("batch,step_us\n", "holds no steps: it has a header alone"),
        ("batch,step_us\n1,-2\n", "line 2, has the step '-2', and must have 0.1 to"),
        ("batch,step_us\n\n1,nan\n", "line 3, has the step 'nan'"),
        ("batch,step_us\n8,9\n16,inf\n", "line 3, has the step 'inf'"),
        ("batch,step_us\na,2\n", "line 2, has the batch 'a', and must have a whole number of 1"),
        ("batch,step_us\n0,12\n", "line 2, has the batch '0'"),
        ("batch,step_us\n1.5,12\n", "line 2, has the batch '1.5'"),
        ("batch,step_us\n1_6,9000\n", "line 2, has the batch '1_6'"),
        ("batch,step_us\n16,9_000\n", "line 2, has the step '9_000'"),
        ("batch,step_us\n8\n", "line 2, has 1 values and not 2"),
        ("batch,step_us\n16,9000,77\n", "line 2, has 3 values and not 2"),
        ("batch,step_us,prompt\n16,9000,77\n", "has the column 'prompt' beside batch and step_us"),
        ("batch,batch,step_us\n16,8,77\n", "has the column 'batch' beside batch and step_us"),
    ],
)
def test_anything_but_steps_is_refused_by_its_line(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=named) as refusal:
        own_points(path)
    assert "batch,step_us" in refusal.value.hint


def test_comments_are_passed_over_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("\ufeff# vllm 0.12, H100\nbatch,step_us\n# warm\n8,12500\n")
    assert own_points(path)[0] == (8,)
    path.write_text("# vllm\nbatch,step_us\n# warm\n8,-1\n")
    with pytest.raises(BadInput, match="line 4, has the step '-1'"):
        own_points(path)


def test_the_case_of_columns_and_spaces_around_values_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Batch, Step_us\n8, 12500\n")
    batches, step_us = own_points(path)
    assert (batches, step_us.tolist()) == ((8,), [12500])


@pytest.mark.parametrize("between", [";", "\t"])
def test_other_marks_between_columns_are_named(tmp_path: Path, between: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(TABLE.replace(",", between))
    with pytest.raises(BadInput, match="lacks the column batch") as refusal:
        own_points(path)
    assert refusal.value.hint.endswith("with commas between")


def test_a_field_longer_than_csv_reads_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("batch,step_us\n8," + 200 * "1" + "\n")
    usual = csv.field_size_limit(100)
    try:
        with pytest.raises(BadInput, match="line 2, is no line of a CSV"):
            own_points(path)
    finally:
        csv.field_size_limit(usual)
