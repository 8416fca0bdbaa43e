"""A published config.json, and results of a server of that model that could be true."""

import json
from pathlib import Path
from typing import Any

from moeprof.tests.parsers.results.result_files import VLLM_SERVE

LLAMA_CONFIG: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "vocab_size": 128256,
}  # fmt: skip


def config_file(folder: Path, name: str = "Llama-3.1-8B", **change: Any) -> Path:
    """The config.json of a model in a folder of its name."""
    path = folder / name / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(LLAMA_CONFIG | change))
    return path


def served(batch: int, *, factor: float = 1.0, **change: Any) -> dict[str, Any]:
    """A result of `vllm bench serve` with `batch` requests decoding at once.

    A token takes 9 ms and 0.2 ms per request; times are multiplied by `factor`.
    """
    tpot_ms = 9.0 + 0.2 * batch
    per_s = 1e3 * batch / (tpot_ms * 199)
    return VLLM_SERVE | {
        "max_concurrency": batch, "request_throughput": per_s, "output_throughput": 200 * per_s,
        "mean_tpot_ms": tpot_ms * factor, "median_itl_ms": 0.95 * tpot_ms * factor,
        "duration": 320 / per_s,
    } | change  # fmt: skip
