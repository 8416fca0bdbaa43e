"""Results of the ML.ENERGY leaderboard, versions 2 and 3, and of its benchmark.

Source: ml-energy/leaderboard-v2, data/llm_text_generation; ml-energy/leaderboard,
scripts/build_data.py; ml-energy/benchmark, mlenergy/benchmark/llm/benchmark.py. All serve by vLLM,
and give the mean running batch and the energy of all GPUs in the steady state. Neither leaderboard
states the length of prompts.
"""

from dataclasses import replace
from typing import Final

from ...store.serving.serving_row import RUNNING_MEAN, ServingRow
from .record import Record
from .vllm_serve import serving_row

_ALL_GPUS: Final = "gpu_all"
_PRECISIONS: Final = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "mxfp4", "nvfp4": "nvfp4"}


def is_mlenergy_v2(record: Record) -> bool:
    """Whether a record is of version 2 of the leaderboard, of a model that generates text."""
    keys = {"Model", "GPU", "TP", "PP", "Energy/req (J)", "Avg TPOT (s)", "Avg BS (reqs)"}
    return keys <= record.data.keys()


def read_mlenergy_v2(record: Record) -> list[ServingRow]:
    """Read one run; power is energy per request x requests per second."""
    throughput, osl = record.above_0("Token tput (tok/s)"), record.above_0("Avg Output Tokens")
    energy_j, tpot_s = record.above_0("Energy/req (J)"), record.above_0("Avg TPOT (s)")
    tp, pp = record.whole("TP") or 1, record.whole("PP") or 1
    power_w = energy_j * throughput / osl if energy_j and throughput and osl else None
    return [
        ServingRow(
            source="mlenergy_v2",
            row_id=record.name,
            model=record.text("Model"),
            gpu=record.text("GPU"),
            n_gpu=tp * pp,
            tp=tp,
            dp=1,
            engine="vllm",
            batch=record.above_0("Avg BS (reqs)"),
            batch_kind=RUNNING_MEAN,
            osl=osl,
            tpot_ms=None if tpot_s is None else 1e3 * tpot_s,
            tput_tok_s=throughput,
            power_w=power_w,
            power_scope=_ALL_GPUS if power_w else None,
        )
    ]


def is_mlenergy_v3(record: Record) -> bool:
    """Whether a record is of a model of version 3 of the leaderboard that generates text."""
    runs = record.data.get("configurations")
    if not {"model_id", "task", "weight_precision"} <= record.data.keys():
        return False
    return isinstance(runs, list) and all(
        isinstance(run, dict) and "output_throughput_tokens_per_sec" in run for run in runs
    )


def read_mlenergy_v3(record: Record) -> list[ServingRow]:
    """Read the runs of a model, each a configuration.

    The time per token is running requests over tokens per second, by Little's law. The attention is
    split over the GPUs that no data parallelism takes: `tensor_parallel` is 1 where experts are
    split by expert parallelism.
    """
    return [
        _run(record, Record(record.path, f"{record.name}:{at}", f"{record.place}, run {at}", run))
        for at, run in enumerate(record.data["configurations"])
    ]


def _run(record: Record, run: Record) -> ServingRow:
    batch, throughput = (
        run.above_0("avg_batch_size"),
        run.above_0("output_throughput_tokens_per_sec"),
    )
    split = run.data.get("parallelization")
    if not isinstance(split, dict):
        raise run.refusal("parallelization must be an object")
    ways = Record(run.path, run.name, f"{run.place}, parallelization", split)
    gpus, dp = run.whole("num_gpus") or 1, ways.whole("data_parallel") or 1
    power_w, precision = run.above_0("avg_power_watts"), record.text("weight_precision") or ""
    return ServingRow(
        source="mlenergy_v3",
        row_id=run.name,
        model=record.text("model_id"),
        gpu=run.text("gpu_model"),
        n_gpu=gpus,
        tp=max(1, gpus // dp),
        ep=ways.whole("expert_parallel"),
        dp=dp,
        precision=_PRECISIONS.get(precision, precision or None),
        engine="vllm",
        task=record.text("task"),
        batch=batch,
        batch_kind=RUNNING_MEAN,
        osl=run.above_0("avg_output_len"),
        itl_ms=run.above_0("median_itl_ms"),
        tpot_ms=1e3 * batch / throughput if batch and throughput else None,
        tput_tok_s=throughput,
        power_w=power_w,
        power_scope=_ALL_GPUS if power_w else None,
        max_batched_tokens=run.above_0("max_num_batched_tokens"),
    )


def is_mlenergy_benchmark(record: Record) -> bool:
    """Whether a record is a run of the benchmark itself."""
    keys = {"gpu_model", "num_gpus", "steady_state_duration", "steady_state_energy"}
    return keys <= record.data.keys()


def read_mlenergy_benchmark(record: Record) -> list[ServingRow]:
    """Read a run, with the power of all GPUs in the steady state."""
    row = serving_row(record, "mlenergy_benchmark")
    energy_j, duration_s = (
        record.above_0("steady_state_energy"), record.above_0("steady_state_duration"),
    )  # fmt: skip
    power_w = energy_j / duration_s if energy_j and duration_s else None
    return [
        replace(
            row,
            gpu=record.text("gpu_model"),
            n_gpu=record.whole("num_gpus"),
            engine="vllm",
            power_w=power_w,
            power_scope=_ALL_GPUS if power_w else None,
            max_batched_tokens=record.above_0("max_num_batched_tokens"),
        )
    ]
