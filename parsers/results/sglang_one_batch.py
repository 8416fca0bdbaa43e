"""Results of SGLang's `bench_one_batch` and `bench_one_batch_server`, an object a line.

Source: SGLang, python/sglang/bench_one_batch.py and benchmark/one_batch_server.py. Times are in
seconds. One static batch prefills once and decodes alone.
"""

from ...store.serving.serving_row import STATIC, ServingRow
from .record import Record

_SIZES = {"run_name", "batch_size", "input_len", "output_len"}


def is_one_batch(record: Record) -> bool:
    """Whether a record has the fields of `bench_one_batch`."""
    return {*_SIZES, "prefill_latency", "total_latency"} <= record.data.keys()


def is_one_batch_server(record: Record) -> bool:
    """Whether a record has the fields of `bench_one_batch_server`."""
    return {*_SIZES, "latency", "output_throughput"} <= record.data.keys()


def read_one_batch(record: Record) -> list[ServingRow]:
    """Read one batch; its decode step is the median one. Raises BadInput where none decodes."""
    step_s, total_s = record.above_0("median_decode_latency"), record.above_0("total_latency")
    return [_row(record, "sglang_one_batch", step_s, total_s, record.above_0("prefill_latency"))]


def read_one_batch_server(record: Record) -> list[ServingRow]:
    """Read one batch of a server; its decode step is the mean one, by the rate of its tokens."""
    rate, batch = record.above_0("output_throughput"), record.whole("batch_size")
    step_s = None if rate is None or batch is None else batch / rate
    total_s, ttft_s = record.above_0("latency"), record.above_0("last_ttft")
    return [_row(record, "sglang_one_batch_server", step_s, total_s, ttft_s)]


def _row(
    record: Record, source: str, step_s: float | None, total_s: float | None, first_s: float | None
) -> ServingRow:
    batch, prompt, output = (record.whole(key) for key in ("batch_size", "input_len", "output_len"))
    if output is None or output < 2 or step_s is None or total_s is None:
        raise record.refusal("the batch does not decode", hint="run it with --output-len 32")
    accepted = record.data.get("acc_length")
    return ServingRow(
        source=source,
        row_id=record.name,
        engine="sglang",
        task="static",
        batch=batch,
        batch_kind=STATIC,
        isl=prompt,
        osl=output,
        itl_ms=1e3 * step_s,
        tpot_ms=1e3 * total_s / output,
        ttft_ms=None if first_s is None else 1e3 * first_s,
        e2e_ms=1e3 * total_s,
        speculative=isinstance(accepted, int | float) and accepted > 1,
    )
