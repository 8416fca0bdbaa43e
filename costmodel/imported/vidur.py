"""Tables of vidur (microsoft/vidur, MIT): the layers of dense models on A100, A40 and H100.

Each `…/<gpu>/<organisation>/<model>/mlp.csv` holds one GPU and model: the median of 20 runs in ms,
with a resolution of 1 us, by tokens and tensor parallelism.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from ...store.errors import BadInput
from ...store.scenario import Scenario
from .tables import Imported, ImportedTable, origin_of

_DTYPE_BYTES: Final = 2
_DIMENSIONS: Final = (
    *("n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp", "num_tokens"),
    "num_tensor_parallel_workers",
)
OPS: Final = ("mlp_up_proj", "mlp_down_proj", "attn_pre_proj", "attn_post_proj", "mlp_act", "add")


def read_vidur(path: Path, tensor_parallel: int, commit: str) -> ImportedTable:
    """Read one `mlp.csv` of the repository at `commit`, for one tensor parallelism.

    The source has duplicate rows of some sizes, which are averaged. Raises BadInput where the file
    is missing or is no such table, or where the parallelism is not in it.
    """
    table = _table(path)
    chosen = table[table["num_tensor_parallel_workers"] == tensor_parallel]
    if chosen.empty:
        known = sorted({int(count) for count in table["num_tensor_parallel_workers"]})
        raise BadInput(
            f"{path} holds no row of tensor parallelism {tensor_parallel}",
            hint=f"it holds {', '.join(map(str, known))}",
        )
    return ImportedTable(
        rows=tuple(row for op in OPS for row in _rows(chosen, op, tensor_parallel)),
        gpu=path.resolve().parents[2].name.upper(),
        versions={"vidur": commit[:12]},
        origin=origin_of("microsoft/vidur", commit, "MIT", [path]),
    )


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        binary = isinstance(error, UnicodeDecodeError)
        why = "it is no text file" if binary else str(error).strip()
        raise BadInput(f"cannot read {path}: {why}", hint="name a mlp.csv of vidur") from error
    missing = [name for name in _DIMENSIONS if name not in table.columns]
    if missing:
        raise BadInput(f"{path} lacks the column {missing[0]!r}", hint="name a mlp.csv of vidur")
    return table


def _rows(table: pd.DataFrame, op: str, tensor_parallel: int) -> Iterator[Imported]:
    """Rows of one operation; none where the table lacks it."""
    column = f"time_stats.{op}.median"
    if column not in table.columns:
        return
    shape, reads_weights = _shape(table.iloc[0], op, tensor_parallel)
    times_ms = table[table[column].notna()].groupby("num_tokens")[column].mean()
    for tokens, time_ms in times_ms.items():
        scenario = _scenario(op, int(str(tokens)), shape, reads_weights)
        yield Imported(scenario, latency_us=float(time_ms) * 1000)


def _shape(row: "pd.Series[float]", op: str, parallel: int) -> tuple[tuple[int, ...], bool]:
    """Shape of an operation on one GPU, and whether it reads weights."""
    hidden, expanded = int(row["n_embd"]), int(row["n_expanded_embd"]) // parallel
    head = hidden // int(row["n_head"])
    queries = hidden // parallel
    keys = max(1, int(row["n_kv_head"]) // parallel) * head
    gates = 2 if row["use_gated_mlp"] else 1
    shapes = {
        "mlp_up_proj": (gates * expanded, hidden),
        "mlp_down_proj": (hidden, expanded),
        "attn_pre_proj": (queries + 2 * keys, hidden),
        "attn_post_proj": (hidden, queries),
    }
    if op in shapes:
        return shapes[op], True
    return ((gates + 1) * expanded if op == "mlp_act" else 3 * hidden,), False


def _scenario(op: str, tokens: int, shape: tuple[int, ...], reads_weights: bool) -> Scenario:
    if reads_weights:
        n, k = shape
        flops, elements = 2 * tokens * n * k, n * k + tokens * (n + k)
    else:
        flops, elements = tokens * shape[0], tokens * shape[0]
    return Scenario(
        op=op,
        tokens=tokens,
        shape=shape,
        dtype="float16",
        flops=flops,
        bytes_moved=elements * _DTYPE_BYTES,
        l2="hot",
    )
