"""A request becomes a row with what served it; what is unknown is null."""

import numpy as np

from moeprof.parsers.serving.journeys import NUMBERS
from moeprof.parsers.serving.queue_state import STATE
from moeprof.parsers.serving.traces import TracedRequests
from moeprof.pipeline.steptime.journey_rows import journey_rows
from moeprof.store.serving.serving_row import ServingRow

SERVED = ServingRow(
    source="", row_id="", model="llama-3-8b", gpu="H100", precision="bf16", engine="vllm", tp=2
)


def test_a_row_has_its_numbers_and_what_served_it() -> None:
    columns = {name: np.asarray([float(at)]) for at, name in enumerate((*NUMBERS, *STATE))}
    columns |= {"prompt_tokens": np.asarray([100.0]), "output_tokens": np.asarray([50.0])}
    columns |= {"delivery_us": np.asarray([np.nan])}
    (row,) = journey_rows(TracedRequests(("f:0",), ("vllm",), columns), SERVED)
    assert (row.name, row.engine_run, row.model, row.gpu) == ("f:0", "vllm", "llama-3-8b", "H100")
    assert (row.tp, row.ep, row.dp, row.engine_version) == (2, 1, 1, "")
    assert (row.prompt_tokens, row.context_tokens, row.delivery_us) == (100, 125, None)
    assert row.wait_us == columns["wait_us"][0]
