"""Journeys of a folder as arrays, with what their deployment reads per token."""

from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.steptime.queue.journeys import Journeys, kv_read_us
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, served

TABLE: dict[str, list[Any]] = {
    "name": ["file:0", "file:1"], "engine_run": ["vllm", "vllm"],
    "model": ["llama-3-8b"] * 2, "gpu": ["H100"] * 2, "precision": ["bf16"] * 2,
    "engine": ["vllm"] * 2, "engine_version": [""] * 2, "tp": [1, 2], "ep": [1, 1], "dp": [1, 1],
    "time_s": [1.0, None], "arrival_us": [None, 2.0], "wait_us": [3.0, 4.0],
    "token_us": [5.0, 6.0], "delivery_us": [None, None], "prompt_tokens": [7.0, 8.0],
    "context_tokens": [1000.0, 1000.0], "waiting": [0.0, 1.0], "running": [1.0, 2.0],
    "kv_ratio": [0.5, None], "recent_preemptions": [0.0, 0.0],
}  # fmt: skip


def test_numbers_are_those_of_the_table() -> None:
    found = Journeys.of_table(TABLE, {"llama-3-8b": LLAMA_3_8B})
    assert found.run.tolist() == ["file vllm"] * 2
    assert found.columns["time_s"] == pytest.approx([1, np.nan], nan_ok=True)
    assert found.columns["wait_us"].tolist() == [3, 4]


def test_a_context_is_read_by_the_gpus_of_its_deployment() -> None:
    found = Journeys.of_table(TABLE, {"llama-3-8b": LLAMA_3_8B})
    whole = float(kv_read_us(served(), np.asarray([1000.0]))[0])
    # 32 layers x 2 x 8 heads x 128 values of 2 bytes, at 3.35 TB/s
    assert whole == pytest.approx(1000 * 32 * 2 * 8 * 128 * 2 / 3.35e6)
    assert found.columns["kv_read_us"] == pytest.approx([whole, whole / 2])


def test_a_model_that_the_folder_lacks_is_refused() -> None:
    with pytest.raises(BadInput, match="the model llama-3-8b, and the folder has none"):
        Journeys.of_table(TABLE, {})
