"""Tables of aiconfigurator (ai-dynamo/aiconfigurator, Apache-2.0): GEMM and fused MoE on GPUs.

Their path is `…/<gpu>/<family>/<framework>/<version>/<family>_perf.parquet` in the repository and
in the package aiconfigurator-core; times are in ms. The tables do not hold the number of active
experts of a MoE, only its routing distribution: each becomes an operation over tokens alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ...store.errors import BadInput
from ...store.scenario import Scenario
from .tables import Imported, ImportedTable, only, origin_of

FAMILIES: Final = ("gemm", "moe")
_BYTES: Final = {"bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "fp8_block": 1.0}
_NEEDED: Final = {
    "gemm": {"gemm_dtype", "m", "n", "k", "latency"},
    "moe": {"moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts",
            "moe_tp_size", "moe_ep_size", "distribution", "latency"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tables to read; None takes the only value there is."""

    gpu: str | None = None
    framework: str | None = None
    version: str | None = None
    dtype: str = "bfloat16"
    families: tuple[str, ...] = FAMILIES


def read_aiconfigurator(root: Path, select: Selection, commit: str) -> ImportedTable:
    """Read the tables below `root`, or the file `root`, of the repository at `commit`.

    Raises BadInput for an unknown dtype or family, where no table fits, where a file lacks a
    column, and where several GPUs, frameworks or versions fit: they are never merged.
    """
    _check_selection(select)
    rows: list[Imported] = []
    files: list[Path] = []
    seen: dict[str, Counter[str]] = {name: Counter() for name in ("GPU", "framework", "version")}
    for path, family in _tables(root, select):
        found = _read(path, family)
        if not found:
            continue
        files.append(path)
        for name, column in (("GPU", "device"), ("framework", "framework"), ("version", "version")):
            seen[name].update(str(row.get(column)) for row in found)
        reader = _gemm if family == "gemm" else _moe
        rows += [one for row in found if (one := reader(row, select.dtype)) is not None]
    if not files:
        raise BadInput(
            f"{root} holds no table that fits", hint="name --gpu, --framework and --version"
        )
    hint = "name --gpu, --framework and --version: what differs in them is not one model"
    gpu, framework, version = (only(seen[name], name, hint) for name in seen)
    return ImportedTable(
        rows=tuple(rows),
        gpu=gpu,
        versions={framework.lower(): version},
        origin=origin_of("ai-dynamo/aiconfigurator", commit, "Apache-2.0", files),
    )


def _check_selection(select: Selection) -> None:
    if select.dtype not in _BYTES:
        raise BadInput(f"{select.dtype!r} is no dtype here", hint=f"one of {', '.join(_BYTES)}")
    for family in select.families:
        if family not in FAMILIES:
            raise BadInput(f"{family!r} is no family here", hint=f"one of {', '.join(FAMILIES)}")


def _tables(root: Path, select: Selection) -> Iterator[tuple[Path, str]]:
    if not root.exists():
        raise BadInput(f"{root} does not exist", hint="name a checkout, or a *_perf.parquet file")
    for family in select.families:
        name = f"{family}_perf.parquet"
        paths = [root] if root.is_file() else sorted(root.rglob(name))
        for path in paths:
            if path.name != name:
                continue
            version, framework, gpu = (path.parents[0].name, path.parents[1].name,
                                       path.parents[3].name)  # fmt: skip
            asked = (select.version, select.framework, select.gpu)
            if root.is_file() or all(
                want in (None, have)
                for want, have in zip(asked, (version, framework, gpu), strict=True)
            ):
                yield path, family


def _read(path: Path, family: str) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path} is not a Parquet table: {str(error).splitlines()[0]}") from error
    missing = _NEEDED[family] - set(table.column_names)
    if missing:
        raise BadInput(f"{path} lacks the column {sorted(missing)[0]!r}, which a {family} needs")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _gemm(row: Mapping[str, Any], dtype: str) -> Imported | None:
    if row["gemm_dtype"] != dtype:
        return None
    m, n, k, size = row["m"], row["n"], row["k"], _BYTES[dtype]
    scenario = Scenario(
        op="gemm",
        tokens=m,
        shape=(n, k),
        dtype=_rate(dtype),
        flops=2 * m * n * k,
        bytes_moved=int((m * k + n * k) * size + 2 * m * n),
        l2="cold",
    )
    return _imported(row, scenario)


def _moe(row: Mapping[str, Any], dtype: str) -> Imported | None:
    """A MoE on one GPU; None for another dtype and for tensor or expert parallelism above 1."""
    if row["moe_dtype"] != dtype or (row["moe_tp_size"], row["moe_ep_size"]) != (1, 1):
        return None
    tokens, hidden, inter = row["num_tokens"], row["hidden_size"], row["inter_size"]
    top_k, size = row["topk"], _BYTES[dtype]
    distribution = row["distribution"].replace(".", "_")
    scenario = Scenario(
        op=f"moe_{distribution}",
        tokens=tokens,
        shape=(hidden, inter),
        dtype=_rate(dtype),
        flops=6 * tokens * top_k * hidden * inter,
        # A lower bound: the weights of the top_k experts that any token reaches.
        bytes_moved=int(
            (3 * top_k * hidden * inter + tokens * hidden) * size + 2 * tokens * hidden
        ),
        experts=row["num_experts"],
        top_k=top_k,
        l2="cold",
    )
    return _imported(row, scenario)


def _imported(row: Mapping[str, Any], scenario: Scenario) -> Imported:
    power = row.get("power")
    return Imported(
        scenario,
        latency_us=float("nan") if row["latency"] is None else row["latency"] * 1000,
        power_w=power if power and power > 0 else None,
        kernel=row.get("kernel_source"),
    )


def _rate(dtype: str) -> str:
    return "fp8" if dtype.startswith("fp8") else dtype
