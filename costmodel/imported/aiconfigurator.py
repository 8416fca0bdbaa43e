"""Tables of aiconfigurator (ai-dynamo/aiconfigurator, Apache-2.0): GEMM and fused MoE on GPUs.

Their path is `…/<gpu>/<family>/<framework>/<version>/<family>_perf.parquet` in the repository and
in the package aiconfigurator-core, and older ones have no folder for the family; times are in ms.
The tables do not hold the number of active experts of a MoE, only its routing distribution: each
becomes an operation over tokens alone.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ...store.errors import BadInput, shortened
from ...store.files import refuse_irregular, refuse_lfs_pointer
from ...store.scenario import Scenario
from ...store.tables.bounded import read_bounded
from .cells import Cells, columns_of, rows_of
from .source_rows import Imported, ImportedTable, origin_of

FAMILIES: Final = ("gemm", "moe")
_BYTES: Final = {"bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "fp8_block": 1.0}
_ONE_MODEL: Final = ("device", "framework", "version")  # have one value in all tables of a model
_NEEDED: Final = {
    "gemm": ("gemm_dtype", "m", "n", "k", "latency", *_ONE_MODEL),
    "moe": ("moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts",
            "moe_tp_size", "moe_ep_size", "distribution", "latency", *_ONE_MODEL),
}  # fmt: skip
_USED: Final = ("power", "kernel_source")  # where a table has them
_NOT_GATED: Final = "nongated"  # in kernel_source, of experts with two matrices in place of three
_LARGEST_WORK: Final = 1 << 62  # more does not fit in the columns of points


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

    Raises BadInput for an unknown dtype or family, where no table or row fits, where a file lacks a
    column, for a cell that is wrong, and where several GPUs, frameworks or versions fit: they are
    never merged.
    """
    _check_selection(select)
    rows: list[Imported] = []
    files: list[Path] = []
    dtypes: set[str] = set()
    first: Cells | None = None
    spread = 0
    for path, family in _tables(root, select):
        files.append(path)
        for cells in _read(path, family, select.version):
            first = first or cells
            _check_same_model(first, cells)
            dtypes.add(dtype := cells.text(f"{family}_dtype"))
            if dtype == select.dtype:
                row = _gemm(cells, dtype) if family == "gemm" else _moe(cells, dtype)
                spread += row is None
                rows += [] if row is None else [row]
    if first is None:
        raise _no_table(root, select)
    if root.is_file():
        _check_asked(select, first, family)
    if not rows:
        raise BadInput(
            f"{files[0]} holds no row of {select.dtype} on one GPU",
            hint=f"it holds {shortened(', '.join(sorted(dtypes)))};"
            f" --dtype may be {', '.join(_BYTES)}",
        )
    device, framework, version = (first.text(column) for column in _ONE_MODEL)
    several = f"{spread} rows left out: of a MoE over several GPUs (moe_tp_size or moe_ep_size)"
    return ImportedTable(
        rows=tuple(rows),
        gpu=device,
        versions={framework.lower(): version},
        origin=origin_of("ai-dynamo/aiconfigurator", commit, "Apache-2.0", files),
        remarks=(several,) if spread else (),
    )


def _check_selection(select: Selection) -> None:
    if select.dtype not in _BYTES:
        raise BadInput(f"{select.dtype!r} is no dtype here", hint=f"one of {', '.join(_BYTES)}")
    for family in select.families:
        if family not in FAMILIES:
            raise BadInput(f"{family!r} is no family here", hint=f"one of {', '.join(FAMILIES)}")


def _check_same_model(first: Cells, cells: Cells) -> None:
    """Refuse a row of another GPU, framework or version than the first row's."""
    for column in _ONE_MODEL:
        one, other = first.text(column), cells.text(column)
        if one != other:
            raise BadInput(
                f"{cells.path}: column {column!r} is {other!r:.60} in row {cells.row}, and"
                f" {one!r:.60} in row {first.row} of {first.path}: 2 values of {column} are not one"
                " model",
                hint="name --gpu, --framework and --version, or one file of one model",
            )


def _check_asked(select: Selection, first: Cells, family: str) -> None:
    """Refuse a lone table of another GPU, framework or version than was asked for.

    It is one by its folder or its column; of a GPU one word is enough, as h200_sxm of NVIDIA H200.
    """
    asked_for = (select.version, select.framework, select.gpu)
    options = ("version", "framework", "gpu")
    for option, asked, folder in zip(options, asked_for, _folders(first.path, family), strict=True):
        cell = first.text("device" if option == "gpu" else option)
        names = {folder.lower(), cell.lower(), *re.split("[ -]+", cell.lower())}
        if asked is not None and names.isdisjoint({asked.lower(), asked.lower().split("_")[0]}):
            raise BadInput(
                f"{first.path} is of {cell}, and --{option} is {asked!r:.60}",
                hint=f"leave --{option} out, or name a table that fits",
            )


def _tables(root: Path, select: Selection) -> Iterator[tuple[Path, str]]:
    """Paths of the tables that fit, each with its family."""
    if not os.path.exists(root):  # Path.exists raises for a name that is too long
        raise BadInput(f"{root} does not exist", hint="name a checkout, or a *_perf.parquet file")
    refuse_irregular(root, hint="name a checkout, or a *_perf.parquet file")
    if root.is_file():
        family = _family(root)
        if family not in select.families:
            raise BadInput(
                f"{root} is of {family}, and --ops is {','.join(select.families)}",
                hint="leave --ops out, or name a table that fits",
            )
        yield root, family
        return
    if root.resolve() == Path(root.resolve().anchor):
        raise BadInput(f"{root} is the whole file system", hint="name a checkout or a table")
    for family in select.families:
        for path in _named(root, f"{family}_perf.parquet"):
            asked = (select.version, select.framework, select.gpu)
            folders = zip(asked, _folders(path, family), strict=True)
            if all(want in (None, have) for want, have in folders):
                yield path, family


def _folders(path: Path, family: str) -> tuple[str, str, str]:
    """Names of the folders of version, framework and GPU above a table; "" where there is none."""
    version, framework, third, fourth = (
        [*(above.name for above in path.resolve().parents)] + [""] * 4
    )[:4]
    return version, framework, fourth if third == family else third


def _named(root: Path, name: str) -> list[Path]:
    """Files of this name below `root`; what cannot be read is passed over."""
    return sorted(Path(folder) / name for folder, _, files in os.walk(root) if name in files)


def _family(path: Path) -> str:
    """The family of a table by its columns."""
    columns = _schema(path)
    for family in FAMILIES:
        if f"{family}_dtype" in columns:
            return family
    raise BadInput(
        f"{path} lacks the column 'gemm_dtype' of a gemm and the column 'moe_dtype' of a moe",
        hint="name a gemm_perf.parquet or a moe_perf.parquet",
    )


def _no_table(root: Path, select: Selection) -> BadInput:
    """The refusal of a folder without rows, which may hold tables as text."""
    texts = [path for family in select.families for path in _named(root, f"{family}_perf.txt")]
    if texts:
        return BadInput(
            f"{texts[0]} is an older table, as CSV text, and moeprof reads Parquet",
            hint="convert it: pandas.read_csv(txt).to_parquet('gemm_perf.parquet')",
        )
    return BadInput(
        f"{root} holds no table that fits", hint="name --gpu, --framework and --version"
    )


def _schema(path: Path) -> set[str]:
    refuse_lfs_pointer(path)
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _read(path: Path, family: str, version: str | None) -> Iterator[Cells]:
    """Rows of a table; of `version` alone where it holds any: a file may mix two versions."""
    found = _schema(path)
    missing = [column for column in _NEEDED[family] if column not in found]
    if missing:
        raise BadInput(
            f"{path} lacks the column {missing[0]!r}, which a {family} needs",
            hint=f"name a {family}_perf.parquet as it was published",
        )
    columns = [*_NEEDED[family], *(column for column in _USED if column in found)]
    try:
        with path.open("rb") as file:
            table = read_bounded(path, file, columns)
        values = columns_of(path, table)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    chosen = version if version in values["version"] else None
    return (cells for cells in rows_of(path, values) if chosen in (None, cells.values["version"]))


def _unreadable(path: Path, error: Exception) -> BadInput:
    why = next(iter(str(error).splitlines()), "")
    return BadInput(
        f"{path} is not a Parquet table: {why}", hint="fetch it anew, or name another table"
    )


def _gemm(cells: Cells, dtype: str) -> Imported:
    m, n, k = (cells.whole(column) for column in "mnk")
    size = _BYTES[dtype]
    scenario = Scenario(
        op="gemm",
        tokens=m,
        shape=(n, k),
        dtype=_rate(dtype),
        flops=2 * m * n * k,
        bytes_moved=int((m * k + n * k) * size + 2 * m * n),
        l2="cold",
    )
    return _imported(cells, scenario, "m")


def _moe(cells: Cells, dtype: str) -> Imported | None:
    """A MoE on one GPU; None for tensor or expert parallelism above 1."""
    if (cells.whole("moe_tp_size"), cells.whole("moe_ep_size")) != (1, 1):
        return None
    tokens, hidden, inter = map(cells.whole, ("num_tokens", "hidden_size", "inter_size"))
    top_k, experts, size = cells.whole("topk"), cells.whole("num_experts"), _BYTES[dtype]
    if top_k > experts:
        raise cells.refusal("topk", f"at most the {experts} of num_experts")
    gated = _NOT_GATED not in _kernel(cells)
    weights = (3 if gated else 2) * top_k * hidden * inter
    scenario = Scenario(
        op=f"moe_{cells.text('distribution').replace('.', '_')}{'' if gated else '_nongated'}",
        tokens=tokens,
        shape=(hidden, inter),
        dtype=_rate(dtype),
        flops=2 * tokens * weights,
        # A lower bound: the weights of the top_k experts that any token reaches.
        bytes_moved=int((weights + tokens * hidden) * size + 2 * tokens * hidden),
        experts=experts,
        top_k=top_k,
        l2="cold",
    )
    return _imported(
        cells, scenario, "num_tokens", assumed=", if its experts are gated" if gated else ""
    )


def _kernel(cells: Cells) -> str:
    """The name of the kernel that ran; "" where the table names none."""
    name = cells.values.get("kernel_source")
    return name if isinstance(name, str) and name.isprintable() else ""


def _imported(cells: Cells, scenario: Scenario, tokens: str, assumed: str = "") -> Imported:
    if max(scenario.flops, scenario.bytes_moved) >= _LARGEST_WORK:
        raise cells.refusal(tokens, "a size of work that a GPU does in one call")
    return Imported(
        scenario,
        latency_us=cells.duration_us("latency"),
        place=cells.place("latency"),
        power_w=cells.power_w("power"),
        has_power="power" in cells.values,
        kernel=_kernel(cells),
        assumed=assumed,
    )


def _rate(dtype: str) -> str:
    return "fp8" if dtype.startswith("fp8") else dtype
