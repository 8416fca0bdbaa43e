"""Results of `vllm bench latency` and `vllm bench throughput --output-json`.

Source: vLLM, vllm/benchmarks/latency.py and throughput.py. Neither file states batch or lengths.
"""

from statistics import median
from typing import Final

from ...store.serving.serving_row import STATIC, ServingRow
from .record import Record

_SLOW_START: Final = 1.5  # the first iteration over the median one


def is_vllm_latency(record: Record) -> bool:
    """Whether a record has the fields of `vllm bench latency`."""
    return {"avg_latency", "latencies", "percentiles"} <= record.data.keys()


def read_vllm_latency(record: Record) -> list[ServingRow]:
    """Read the time of one static batch, from its prompts to its last token.

    It is the median of the iterations: the first may be one that warms up.
    """
    latencies_s = record.data["latencies"]
    if not isinstance(latencies_s, list) or not latencies_s:
        raise record.refusal("latencies must be a list of times")
    times = [_latency_s(record, one) for one in latencies_s]
    middle_s = median(times)
    slow = times[0] > _SLOW_START * middle_s
    return [
        ServingRow(
            source="vllm_bench_latency",
            row_id=record.name,
            engine="vllm",
            batch_kind=STATIC,
            e2e_ms=1e3 * middle_s,
            note="no warm-up: the first iteration is the slowest by half" if slow else "",
        )
    ]


def _latency_s(record: Record, value: object) -> float:
    one = Record(record.path, record.name, record.place, {"latencies": value})
    if (found := one.above_0("latencies")) is None:
        raise record.refusal("latencies holds one that is not above 0")
    return found


def is_vllm_throughput(record: Record) -> bool:
    """Whether a record has the fields of `vllm bench throughput`."""
    keys = {"elapsed_time", "num_requests", "total_num_tokens", "requests_per_second"}
    return keys <= record.data.keys()


def read_vllm_throughput(record: Record) -> list[ServingRow]:
    """Read the rate of requests; the time per token follows from a batch that is told."""
    requests, elapsed_s = record.above_0("num_requests"), record.above_0("elapsed_time")
    if requests is None or elapsed_s is None:
        raise record.refusal("num_requests and elapsed_time must be above 0")
    return [
        ServingRow(
            source="vllm_bench_throughput",
            row_id=record.name,
            engine="vllm",
            requests_per_s=requests / elapsed_s,
            note="the file states no time per token: it follows from the batch that is told",
        )
    ]
