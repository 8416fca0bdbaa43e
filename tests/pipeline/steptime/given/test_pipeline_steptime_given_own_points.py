"""Steps of one's own are read from a CSV, whoever wrote it, and nothing else is taken for them."""

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
    "text",
    [
        "",
        "batch\n1\n",
        "batch,step_us\n",
        "batch,step_us\n1,-2\n",
        "batch,step_us\n1,nan\n",
        "batch,step_us\na,2\n",
        "batch,step_us\n8\n",
        "batch,step_us\n8," + 200_000 * "1" + "\n",
    ],
)
def test_a_table_without_steps_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match="holds no steps") as refusal:
        own_points(path)
    assert "batch,step_us" in refusal.value.hint


@pytest.mark.parametrize("between", [";", "\t"])
def test_other_marks_between_columns_are_named(tmp_path: Path, between: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(TABLE.replace(",", between))
    with pytest.raises(BadInput, match="lacks the column batch") as refusal:
        own_points(path)
    assert refusal.value.hint.endswith("with commas between")


def test_a_batch_that_no_engine_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("batch,step_us\n0,12\n")
    with pytest.raises(BadInput, match="has a batch that is not 1 to"):
        own_points(path)
