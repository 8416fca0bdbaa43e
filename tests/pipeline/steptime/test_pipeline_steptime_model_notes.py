"""What a model's own file says of a row: its precision, and how long its requests may be."""

from dataclasses import replace

import pytest

from moeprof.pipeline.steptime.model_notes import model_notes, stored_in
from moeprof.store.serving.serving_row import ServingRow
from moeprof.store.serving.whole_model import StoredFormats, WholeModel
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B

ROW = ServingRow(source="s", row_id="r", model="own", isl=1000.0, osl=500.0, ctx=1250.0)


def quantised(name: str = "fp8") -> WholeModel:
    """A model whose own file says that its weights are in this format."""
    return replace(LLAMA_3_8B, stored=StoredFormats(name, name, name))


def test_the_file_of_a_model_states_the_precisions_that_count() -> None:
    assert stored_in(quantised()) == "fp8"
    assert [stored_in(one) for one in (None, LLAMA_3_8B, quantised("int8"))] == [None] * 3


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (None, ["weights in fp8, as the model's own file says"]),
        ("FP8", []),
        ("bf16", ["the model's own file says that its weights are in fp8: bf16 counts"]),
    ],
)
def test_a_precision_is_told_where_the_file_decides_or_contradicts(
    said: str | None, note: list[str]
) -> None:
    assert model_notes(ROW, said, quantised()) == note
    assert model_notes(ROW, said, LLAMA_3_8B) == []


@pytest.mark.parametrize(("most", "count"), [(1500, 0), (1499, 1), (None, 0)])
def test_requests_longer_than_the_model_takes_are_told(most: int | None, count: int) -> None:
    model = replace(LLAMA_3_8B, max_context_tokens=most)
    assert len(model_notes(ROW, "bf16", model)) == count
