"""A history: `<folder>/<device>/<run>.parquet`, which any reader of Parquet takes as one table.

SELECT utc, git_commit, latency_us FROM 'artifacts/history/*/*.parquet' WHERE op = 'fc1'  (DuckDB)
"""

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ..disk.temporary import PREFIX
from ..errors import BadInput
from ..files import cannot_read, folders_in
from ..plan import Plan
from ..provenance import Provenance
from ..tables.parquet import read_table, table_from_columns, write_table
from ..tables.schemas import SCHEMAS

DEFAULT_HISTORY: Final = Path("artifacts/history")
_TABLE: Final = "history"
_KNOWN: Final = ("run", "utc", "device", "curve", "op", "tokens", "flags")  # every point has these
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")

Row = dict[str, Any]


def history_table(plan: Plan, provenance: Provenance, points: pa.Table) -> pa.Table:
    """The rows of a run: a point each, with when, where and at which commit it was measured."""
    gpu = provenance.gpu
    of_run: Row = {
        "run": plan.run_id,
        "utc": provenance.utc,
        "git_commit": provenance.git_commit,
        "git_dirty": provenance.git_dirty,
        "device": provenance.device_name,
        "device_id": device_id(provenance),
        "driver": None if gpu is None else gpu.driver,
        "power_limit_w": None if gpu is None else gpu.power_limit_w,
        "locked_sm_clock_mhz": plan.sm_clock_mhz,
        "threads": provenance.threads,
        "torch": provenance.versions.get("torch"),
    }
    kept = [name for name in SCHEMAS[_TABLE].names if name not in of_run]
    columns: Row = {name: points[name].combine_chunks() for name in kept if name != "flags"}
    columns["flags"] = [len(marks or ()) for marks in points["marks"].to_pylist()]
    repeated = {name: [value] * points.num_rows for name, value in of_run.items()}
    return table_from_columns(_TABLE, repeated | columns)


def device_id(provenance: Provenance) -> str:
    """Folder of a device: a GPU by its UUID, a CPU by its name, its host's hash and its threads."""
    if provenance.gpu is not None:
        return _NOT_IN_A_NAME.sub("-", provenance.gpu.uuid).lstrip(".") or "gpu"
    words = f"{provenance.device_name} {provenance.host_hash} {provenance.threads}"
    name = _NOT_IN_A_NAME.sub("-", provenance.device_name)[:60]
    return f"cpu-{name}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def add_run(history: Path, table: pa.Table) -> Path:
    """Write the rows of a run into a history, in place of an earlier table of the same run.

    Raises BadInput where that fails, or where the run has no point.
    """
    if not table.num_rows:
        raise BadInput("the run has no point to add to a history", hint="measure it to its end")
    first = table.slice(0, 1).to_pylist()[0]
    path: Path = history / first["device_id"] / f"{first['run']}.parquet"
    write_table(path, _TABLE, table)
    return path


def read_history(history: Path) -> dict[str, list[pa.Table]]:
    """The tables of each device, in the order in which their runs began.

    Raises BadInput for a file that is no table of a history, or of no run.
    """
    found = {}
    for folder in sorted(folders_in(history)):
        tables = [_read_run(path) for path in _files(folder)]
        if tables:
            found[folder.name] = sorted(tables, key=_began)
    return found


def _read_run(path: Path) -> pa.Table:
    way_out = "add that run again with `moeprof history add RUN`, or remove the file"
    try:
        table = read_table(path, _TABLE)
    except BadInput as error:
        raise BadInput(error.message, hint=way_out) from error
    if not table.num_rows:
        raise BadInput(f"{path} holds no point of a run", hint=way_out)
    if unknown := [name for name in _KNOWN if table[name].null_count]:
        raise BadInput(f"{path} has points without {unknown[0]}", hint=way_out)
    return table


def _files(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.glob("*.parquet"))
    except OSError as error:
        raise cannot_read(folder, error) from error
    return [path for path in names if not path.name.startswith(PREFIX)]


def _began(table: pa.Table) -> tuple[str, str]:
    (first,) = table.slice(0, 1).to_pylist()
    return first["utc"], first["run"]
