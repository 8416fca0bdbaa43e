"""One static batch: its decode step, and its whole time over its tokens."""

from typing import Any

import pytest

from moeprof.parsers.results.sglang_one_batch import read_one_batch, read_one_batch_server
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import ONE_BATCH, ONE_BATCH_SERVER, record


def test_both_forms_of_one_batch_say_the_same() -> None:
    (inside,), (outside,) = (
        read_one_batch(record(ONE_BATCH)), read_one_batch_server(record(ONE_BATCH_SERVER)),
    )  # fmt: skip
    for row in (inside, outside):
        assert (row.batch, row.batch_kind, row.isl, row.osl) == (16, "static", 1024, 100)
        assert (row.itl_ms, row.tpot_ms, row.ttft_ms) == (20, 25, 500)
        assert (row.engine, row.speculative) == ("sglang", False)


def test_accepted_drafts_are_told() -> None:
    (row,) = read_one_batch_server(record(ONE_BATCH_SERVER | {"acc_length": 2.5}))
    assert row.speculative


@pytest.mark.parametrize("change", [{"output_len": 1}, {"median_decode_latency": None}])
def test_a_batch_that_only_prefills_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="does not decode"):
        read_one_batch(record(ONE_BATCH | change))
