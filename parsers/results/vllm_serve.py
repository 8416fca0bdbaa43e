"""Results of `vllm bench serve --save-result`, and of benchmark_serving.py before it.

Source: vLLM, vllm/benchmarks/serve.py. Times per token leave the first token out; lengths and
throughputs count completed requests. `--save-detailed` adds the times of each request, which tell
how many ran at once; without them Little's law does. `--metadata gpu=H100 tp=4` states what the
format has no field for.
"""

from typing import Any, Final

import numpy as np

from ...store.serving.serving_row import LITTLES_LAW, RUNNING_MEAN, BatchKind, ServingRow
from .decoding import Decoding, decode_ms, littles_law, measured_decoding
from .engines import engine_of
from .load import failed_share, load_notes, offered_per_s
from .record import Record
from .start_time import start_of_run

SOURCE: Final = "vllm_bench_serve"
_DETAILS: Final = ("start_times", "ttfts", "itls", "output_lens")


def is_vllm_serve(record: Record) -> bool:
    """Whether a record has the fields of `vllm bench serve`."""
    keys = record.data.keys()
    return {"duration", "completed", "request_throughput", "model_id", "num_prompts"} <= keys


def read_vllm_serve(record: Record) -> list[ServingRow]:
    """Read the run of a record. Raises BadInput for a benchmark that generates nothing."""
    if record.above_0("total_output_tokens") is None:
        raise record.refusal(
            "the run generated no token: it has no total_output_tokens",
            hint="name a run of a generating model that completed requests",
        )
    return [serving_row(record, SOURCE)]


def serving_row(record: Record, source: str) -> ServingRow:
    """The row of a run in these fields, which other benchmarks took over.

    Raises BadInput where it states no time per token.
    """
    completed = record.above_0("completed")
    prompts, outputs = record.number("total_input_tokens"), record.above_0("total_output_tokens")
    isl = prompts / completed if prompts and completed else None
    osl = outputs / completed if outputs and completed else None
    found, kind = _decoding(record, osl)
    date, time_s = start_of_run(record)
    return ServingRow(
        source=source,
        row_id=record.name,
        model=record.text("model_id"),
        gpu=record.text("gpu"),
        n_gpu=record.whole("n_gpu"),
        tp=record.whole("tp"),
        ep=record.whole("ep"),
        dp=record.whole("dp"),
        precision=record.text("precision"),
        engine=record.text("engine") or engine_of(record.text("backend")),
        engine_version=record.text("engine_version"),
        task=record.text("dataset_name"),
        batch=found.batch if found else None,
        batch_kind=kind,
        isl=isl,
        osl=osl,
        ctx=isl + osl / 2 if isl and osl else None,
        itl_ms=record.above_0("median_itl_ms"),
        tpot_ms=found.tpot_ms if found else record.needed_ms("mean_tpot_ms"),
        ttft_ms=record.above_0("mean_ttft_ms"),
        e2e_ms=record.above_0("mean_e2el_ms"),
        tput_tok_s=record.above_0("output_throughput"),
        max_concurrency=record.number("max_concurrency"),
        requests_per_s=record.above_0("request_throughput"),
        speculative=(record.number("spec_decode_acceptance_length") or 1) > 1,
        failed_share=failed_share(record),
        burstiness=record.number("burstiness") if offered_per_s(record) else None,
        date=date,
        time_s=time_s,
        note=load_notes(record),
    )


def _decoding(record: Record, osl: float | None) -> tuple[Decoding | None, BatchKind | None]:
    if found := _by_requests(record):
        return found, RUNNING_MEAN
    tpot_ms, rate = record.above_0("mean_tpot_ms"), record.above_0("request_throughput")
    e2e_ms, ttft_ms = record.above_0("mean_e2el_ms"), record.above_0("mean_ttft_ms")
    batch = littles_law(rate, decode_ms(e2e_ms, ttft_ms, tpot_ms, osl))
    if batch is None or tpot_ms is None:
        return None, None
    return Decoding(batch, tpot_ms), LITTLES_LAW


def _by_requests(record: Record) -> Decoding | None:
    """What the times of single requests say; None where the file has none."""
    columns: list[Any] = [record.data.get(key) for key in _DETAILS]
    if not all(isinstance(column, list) and column for column in columns):
        return None
    if len({len(column) for column in columns}) > 1:
        raise record.refusal(f"{', '.join(_DETAILS)} differ in length")
    try:
        starts, ttfts, tokens = (np.asarray(columns[at], dtype=np.float64) for at in (0, 1, 3))
        decode_s = np.asarray([sum(gaps) for gaps in columns[2]], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise record.refusal(f"{', '.join(_DETAILS)} must be lists of numbers") from error
    return measured_decoding(starts, ttfts, decode_s, tokens)
