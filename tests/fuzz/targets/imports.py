"""Public tables: aiconfigurator's Parquet and vidur's CSV."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from moeprof.tests.cli.command_line import Result
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import csv_fields, parquet_fields

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_AIC = {"framework": "VLLM", "version": "1.0", "device": "NVIDIA H200", "kernel_source": "a"}
GEMMS = [
    _AIC | {"gemm_dtype": "bfloat16", "n": 8192, "k": 8192, "m": m, "latency": 0.05 + 0.0002 * m}
    for m in SIZES
]
MOES = [
    _AIC
    | {"moe_dtype": "bfloat16", "num_tokens": m, "hidden_size": 2048, "inter_size": 768}
    | {"topk": 8, "num_experts": 128, "moe_tp_size": 1, "moe_ep_size": 1}
    | {"distribution": "uniform", "latency": 0.2 + 0.001 * m}
    for m in SIZES
]
MLPS = [
    {"n_head": 32, "n_kv_head": 8, "n_embd": 4096, "n_expanded_embd": 14336}
    | {"use_gated_mlp": True, "num_tokens": m, "num_tensor_parallel_workers": 1}
    | {
        "time_stats.mlp_up_proj.median": 0.2 + 0.0008 * m,
        "time_stats.add.median": 0.02 + 0.0001 * m,
    }
    for m in SIZES
]
GEMM_FILE = "h200_sxm/gemm/vllm/1.0/gemm_perf.parquet"
MOE_FILE = "h200_sxm/moe/vllm/1.0/moe_perf.parquet"
MLP_FILE = "a100/maker/model/mlp.csv"


def _parquet(file: str, rows: list[dict[str, object]]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / file).parent.mkdir(parents=True)
        pd.DataFrame(rows).to_parquet(folder / file)

    return make


def _csv(folder: Path) -> None:
    (folder / MLP_FILE).parent.mkdir(parents=True)
    pd.DataFrame(MLPS).to_csv(folder / MLP_FILE, index=False)


def _curves(count: int) -> Callable[[Path, Sequence[Result]], None]:
    def intact(folder: Path, results: Sequence[Result]) -> None:
        assert [result.data["curves"] for result in results] == [count] * len(results)

    return intact


def _imported(source: str, path: str, *more: str) -> Sequence[str]:
    return ("import", source, f"@/{path}", "--store", "@/store", "--json", *more)


TARGETS = (
    Target(
        name="aiconfigurator gemm",
        make=_parquet(GEMM_FILE, GEMMS),
        file=GEMM_FILE,
        mutate=parquet_fields,
        commands=(_imported("aiconfigurator", GEMM_FILE),),
        intact=_curves(1),
        share=3,
    ),
    Target(
        name="aiconfigurator moe",
        make=_parquet(MOE_FILE, MOES),
        file=MOE_FILE,
        mutate=parquet_fields,
        commands=(_imported("aiconfigurator", MOE_FILE),),
        intact=_curves(1),
        share=3,
    ),
    Target(
        name="vidur mlp",
        make=_csv,
        file=MLP_FILE,
        mutate=csv_fields,
        commands=(_imported("vidur", MLP_FILE),),
        intact=_curves(2),
        share=3,
    ),
)
