"""Small results of benchmarks, made by hand after their formats."""

import json
from pathlib import Path
from typing import Any

from moeprof.parsers.results.record import Record

# 320 requests of 1000 prompt and 200 output tokens, 32 at once, on a server of 38 ms a token.
VLLM_SERVE: dict[str, Any] = {
    "date": "20251130-221530", "endpoint_type": "openai", "backend": "openai", "label": None,
    "model_id": "meta-llama/Llama-3.1-8B-Instruct", "tokenizer_id": "x", "num_prompts": 320,
    "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 32, "duration": 80.0,
    "completed": 320, "failed": 0, "total_input_tokens": 320_000, "total_output_tokens": 64_000,
    "request_throughput": 4.0, "request_goodput": None, "output_throughput": 800.0,
    "total_token_throughput": 4800.0, "mean_ttft_ms": 120.0, "median_ttft_ms": 100.0,
    "std_ttft_ms": 9.0, "p99_ttft_ms": 400.0, "mean_tpot_ms": 38.0, "median_tpot_ms": 37.5,
    "std_tpot_ms": 1.0, "p99_tpot_ms": 41.0, "mean_itl_ms": 38.0, "median_itl_ms": 30.0,
    "std_itl_ms": 20.0, "p99_itl_ms": 90.0,
}  # fmt: skip


def record(data: dict[str, Any]) -> Record:
    """One object as it stands in a file."""
    return Record(Path("result.json"), "digest:0", "", data)


def written(path: Path, data: Any) -> Path:
    """A file of JSON."""
    path.write_text(json.dumps(data))
    return path
