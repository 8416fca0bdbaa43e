"""Settings are sizes from 1 on, bytes and a share; nothing else is taken."""

from math import inf, nan
from typing import Any

import pytest

from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.store.errors import BadInput


def test_without_settings_nothing_is_bounded_or_offloaded() -> None:
    free = EngineSettings()
    assert (free.max_num_seqs, free.num_gpu_blocks, free.max_num_batched_tokens) == (None,) * 3
    assert (free.cpu_offload_bytes, free.prefix_hit) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_num_batched_tokens", 0),
        ("max_num_seqs", -1),
        ("max_model_len", 0),
        ("num_gpu_blocks", 0),
        ("num_gpu_blocks", 10**16),
        ("cpu_offload_bytes", -1.0),
        ("cpu_offload_bytes", nan),
        ("cpu_offload_bytes", inf),
        ("prefix_hit", -0.1),
        ("prefix_hit", 1.1),
        ("prefix_hit", 90.0),
        ("prefix_hit", nan),
    ],
)
def test_what_no_engine_can_be_set_to_is_refused_by_its_option(name: str, value: Any) -> None:
    with pytest.raises(BadInput, match=name.replace("_", "-")) as caught:
        EngineSettings(**{name: value})
    assert f"--{name.replace('_', '-')}" in caught.value.hint
