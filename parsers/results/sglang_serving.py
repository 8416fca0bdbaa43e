"""Results of SGLang's `bench_serving --output-file`, an object a line.

Source: SGLang, python/sglang/benchmark/serving.py (bench_serving.py before). Newer files hold what
the server says of itself, `server_info`: the fields of server_args.py, and `version`.
"""

from dataclasses import replace
from typing import Any, Final

from ...store.serving.serving_row import LITTLES_LAW, ServingRow
from .decoding import decode_ms, littles_law
from .engines import engine_of
from .load import failed_share, load_notes, offered_per_s
from .record import Record

# Precisions of server_args' `quantization`. Others (awq, gptq) do not say what they quantise.
_PRECISIONS: Final = {
    "fp8": "fp8",
    "w8a8_fp8": "fp8",
    "modelopt_fp8": "fp8",
    "modelopt_fp4": "nvfp4",
    "mxfp4": "mxfp4",
}


def is_sglang_serving(record: Record) -> bool:
    """Whether a record has the fields of SGLang's bench_serving."""
    keys = record.data.keys()
    return {"backend", "duration", "completed", "mean_e2e_latency_ms", "request_throughput"} <= keys


def read_sglang_serving(record: Record) -> list[ServingRow]:
    """Read the run of a record. Raises BadInput where it generated nothing or states no time."""
    completed, tokens = record.above_0("completed"), record.above_0("total_output_tokens")
    if completed is None or tokens is None:
        raise record.refusal(
            "the run completed no request that generates",
            hint="name a run of a generating model that completed requests",
        )
    prompts, osl = record.above_0("total_input_tokens"), tokens / completed
    isl = None if prompts is None else prompts / completed
    e2e_ms, ttft_ms = record.above_0("mean_e2e_latency_ms"), record.above_0("mean_ttft_ms")
    tpot_ms, rate = record.needed_ms("mean_tpot_ms"), record.above_0("request_throughput")
    batch = littles_law(rate, decode_ms(e2e_ms, ttft_ms, tpot_ms, osl))
    row = ServingRow(
        source="sglang_bench_serving",
        row_id=record.name,
        engine=engine_of(record.text("backend")),
        task=record.text("dataset_name"),
        batch=batch,
        batch_kind=None if batch is None else LITTLES_LAW,
        isl=isl,
        osl=osl,
        itl_ms=record.above_0("median_itl_ms"),
        tpot_ms=tpot_ms,
        ttft_ms=ttft_ms,
        e2e_ms=e2e_ms,
        tput_tok_s=record.above_0("output_throughput"),
        max_concurrency=record.number("max_concurrency"),
        requests_per_s=rate,
        failed_share=failed_share(record),
        speculative=isinstance(length := record.data.get("accept_length"), float) and length > 1,
        burstiness=1.0 if offered_per_s(record) else None,
        note=load_notes(record),
    )
    return [_with_server(record, row)]


def _with_server(record: Record, row: ServingRow) -> ServingRow:
    """Add what the server says of itself; of replicas, one counts."""
    said: Any = record.data.get("server_info")
    if not isinstance(said, dict):
        return row
    if "decode" in said and "prefill" in said:
        return replace(row, disaggregated=True)
    server = Record(record.path, record.name, f"{record.place}, server_info", said)
    tp, ranks = server.whole("tp_size") or 1, server.whole("dp_size") or 1
    shared = server.flag("enable_dp_attention")  # dp_size groups within the tp_size GPUs
    row = replace(
        row,
        model=server.text("model_path"),
        n_gpu=tp * (server.whole("pp_size") or 1),
        tp=tp // ranks if shared else tp,
        dp=ranks if shared else 1,
        ep=server.whole("ep_size"),
        precision=_PRECISIONS.get(server.text("quantization") or ""),
        engine_version=server.text("version"),
        max_batched_tokens=_positive(said.get("chunked_prefill_size")),
        speculative=row.speculative or bool(said.get("speculative_algorithm")),
        disaggregated=said.get("disaggregation_mode") in ("prefill", "decode"),
    )
    return row if shared or ranks == 1 else _one_of(row, ranks)


def _one_of(row: ServingRow, replicas: int) -> ServingRow:
    """One of equal replicas that share the requests."""
    shares = ("batch", "tput_tok_s", "max_concurrency", "requests_per_s")
    values = {name: getattr(row, name) for name in shares}
    part: dict[str, Any] = {
        name: None if value is None else value / replicas for name, value in values.items()
    }
    note = f"one of {replicas} replicas, each with an equal share of the requests"
    return replace(row, **part, note="; ".join(filter(None, (row.note, note))))


def _positive(value: object) -> float | None:
    return float(value) if type(value) is int and value > 0 else None  # -1 is off
