"""Aggregated results of InferenceX (InferenceMAX): `agg_*.json`, and what its app's API answers.

Source: SemiAnalysisAI/InferenceX, utils/process_result.py and utils/aggregate_power.py;
InferenceX-app, api/v1/benchmarks. Times are in seconds; throughputs are per GPU. Lengths of
requests are drawn from 0.8 to 1 of `isl` and `osl`, so that the mean output is told by the times:
end to end, less the first token, over the time per token.
"""

from typing import Any, Final

from ...store.serving.serving_row import LITTLES_LAW, ServingRow
from .decoding import decode_ms, littles_law
from .engines import engine_of, version_of_image
from .record import Record
from .start_time import start_of_run

_NO_DRAFTS: Final = ("none", "", None)
_MX: Final = "MXFP4"


def is_inferencex(record: Record) -> bool:
    """Whether a record is an entry of an aggregated result."""
    return {"hw", "conc", "framework", "precision", "tput_per_gpu"} <= record.data.keys()


def read_inferencex(record: Record) -> list[ServingRow]:
    """Read one entry."""
    return [_row(record)]


def is_inferencex_api(record: Record) -> bool:
    """Whether a record is an entry of the API's answer."""
    keys = {"hardware", "conc", "framework", "precision", "decode_tp", "metrics"}
    return keys <= record.data.keys() and isinstance(record.data["metrics"], dict)


def read_inferencex_api(record: Record) -> list[ServingRow]:
    """Read one entry; both of its splits are those of the one instance, unless disaggregated."""
    said: Any = record.data
    flat = {**said["metrics"], **{key: value for key, value in said.items() if key != "metrics"}}
    flat |= {
        "hw": said["hardware"],
        "spec_decoding": said.get("spec_method"),
        "tp": said["decode_tp"],
        "ep": said.get("decode_ep"),
        "dp_attention": said.get("decode_dp_attention", False),
    }
    return [_row(Record(record.path, record.name, record.place, flat))]


def _row(record: Record) -> ServingRow:
    split = record.flag("disagg") or record.flag("is_multinode")
    tp, pp = record.whole("decode_tp" if split else "tp"), record.whole("pp") or 1
    if split:
        prefilling, decoding = record.whole("num_prefill_gpu"), record.whole("num_decode_gpu")
        gpus = (prefilling or 0) + (decoding or 0) or None
    else:
        gpus = None if tp is None else tp * pp * (record.whole("pcp_size") or 1)
    across = record.flag("dp_attention") and not split
    rates = (record.above_0("output_tput_per_gpu"), record.above_0("input_tput_per_gpu"))
    outputs_per_s, inputs_per_s = (rate * gpus if rate and gpus else None for rate in rates)
    tpot_ms, ttft_ms, e2e_ms, itl_ms = (
        _ms(record, key) for key in ("mean_tpot", "mean_ttft", "mean_e2el", "median_itl")
    )
    alone_ms = decode_ms(e2e_ms, ttft_ms, None, None)
    osl = alone_ms / tpot_ms + 1 if alone_ms and tpot_ms else record.above_0("osl")
    isl = osl * inputs_per_s / outputs_per_s if osl and inputs_per_s and outputs_per_s else None
    per_s = outputs_per_s / osl if outputs_per_s and osl else None
    batch = littles_law(per_s, decode_ms(e2e_ms, ttft_ms, tpot_ms, osl))
    power_w = _power_w(record, gpus)
    hardware = (record.text("hw") or "").partition("-")[0]
    return ServingRow(
        source="inferencex",
        row_id=record.name,
        model=record.text("model"),
        gpu=hardware.upper() or None,
        n_gpu=gpus,
        tp=1 if across else tp,
        ep=record.whole("decode_ep" if split else "ep"),
        dp=tp if across else 1,
        precision=_precision(record),
        engine=engine_of(record.text("framework")) or record.text("framework"),
        engine_version=version_of_image(record.text("image")),
        task="random",
        batch=batch,
        batch_kind=None if batch is None else LITTLES_LAW,
        isl=isl or record.above_0("isl"),
        osl=osl,
        itl_ms=itl_ms,
        tpot_ms=tpot_ms,
        ttft_ms=ttft_ms,
        e2e_ms=e2e_ms,
        tput_tok_s=outputs_per_s,
        power_w=power_w,
        power_scope=None if power_w is None else "gpu_all",
        max_concurrency=record.number("conc"),
        requests_per_s=per_s,
        speculative=record.data.get("spec_decoding") not in _NO_DRAFTS,
        disaggregated=split,
        date=start_of_run(record)[0],
    )


def _ms(record: Record, key: str) -> float | None:
    seconds = record.above_0(key)
    return None if seconds is None else 1e3 * seconds


def _power_w(record: Record, gpus: int | None) -> float | None:
    """Power of all GPUs; `avg_power_w` is the mean of one. None where its check failed."""
    if record.data.get("power_valid") == 0:
        return None
    if total_w := record.above_0("avg_total_gpu_power_w"):
        return total_w
    one_w = record.above_0("avg_power_w")
    return one_w * gpus if one_w and gpus else None


def _precision(record: Record) -> str | None:
    """fp4 is the format of the checkpoint: gpt-oss is published in mxfp4, AMD's models too."""
    stated, model = record.text("precision"), record.text("model") or ""
    if stated != "fp4":
        return stated
    if "gpt" in model.lower() and "oss" in model.lower():
        return "mxfp4"
    amd = (record.text("hw") or "").lower().startswith("mi")
    return "mxfp4a" if _MX in model.upper() or amd else "nvfp4"
