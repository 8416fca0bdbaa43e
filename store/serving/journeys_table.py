"""`journeys.parquet`: delays of requests, beside the rows of the folder; none is lost."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import BadInput, shortened
from ..files import has_file, read_bytes, replacing
from ..tables.one_thread import read_in_one_thread

JOURNEYS_FILE: Final = "journeys.parquet"
_MOST_BYTES: Final = 256 << 20
MOST: Final = 1e15  # us: 31 years
_ARROW: Final = {str: pa.string(), int: pa.int64(), float: pa.float64()}


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyRow:
    """One request: what it was served by, its delays, and the queue when it came; None unknown.

    `name` tells it from all others, `engine_run` names the engine that served it. `time_s` is the
    Unix time of its arrival. Delays: `arrival_us` from arrival to queueing, `wait_us` from there to
    scheduling, `token_us` between two of its tokens in the mean, `delivery_us` from the engine's
    first token to the server's first response. `context_tokens` is the mean context of its decode.
    `waiting` and `running` requests, the share `kv_ratio` of the cache in use and the requests
    preempted in the last ten steps are those when it was queued.
    """

    name: str
    engine_run: str
    model: str
    gpu: str
    precision: str
    engine: str
    engine_version: str
    tp: int
    ep: int
    dp: int
    time_s: float | None
    arrival_us: float | None
    wait_us: float | None
    token_us: float | None
    delivery_us: float | None
    prompt_tokens: float | None
    context_tokens: float | None
    waiting: float | None
    running: float | None
    kv_ratio: float | None
    recent_preemptions: float | None


def _arrow_type(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    return _ARROW[kinds[0]]


JOURNEYS_SCHEMA: Final = pa.schema(
    [pa.field(field.name, _arrow_type(field.type)) for field in fields(JourneyRow)]
)


_NEEDED: Final = [field.name for field in fields(JourneyRow) if field.type in (str, int)]
_AMOUNTS: Final = [name for name in JOURNEYS_SCHEMA.names if name not in (*_NEEDED, "time_s")]


def _is_amount(column: Any) -> bool:
    """Whether each value of a column is null, or a number from 0 on that can be."""
    values = column.drop_null().to_numpy()
    return bool(((values >= 0) & (values <= MOST)).all())


def append_journeys(folder: Path, rows: list[JourneyRow]) -> None:
    """Add rows to the table of a folder, which is written whole; one of the same name is replaced.

    Raises BadInput where the table that is there is none, or cannot be written.
    """
    path = folder / JOURNEYS_FILE
    names = JOURNEYS_SCHEMA.names
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    table = pa.table(columns, schema=JOURNEYS_SCHEMA)
    if has_file(path):
        old = read_journeys(path)
        fresh = set(columns["name"])
        keep = [name not in fresh for name in old["name"].to_pylist()]
        table = pa.concat_tables([old.filter(pa.array(keep, type=pa.bool_())), table])
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_journeys(path: Path) -> pa.Table:
    """Read the table. Raises BadInput where it is none."""
    try:
        found = read_in_one_thread(pa.BufferReader(read_bytes(path, _MOST_BYTES)))
        table = found.select(JOURNEYS_SCHEMA.names).cast(JOURNEYS_SCHEMA)
        table.validate(full=True)  # a text may hold bytes that are no UTF-8
        if lacking := [name for name in _NEEDED if table[name].null_count]:
            raise ValueError(f"a row has no {lacking[0]}")
        if odd := [name for name in _AMOUNTS if not _is_amount(table[name])]:
            raise ValueError(f"{odd[0]} of a row is no number from 0 to {MOST:g}")
        return table
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path} is no table of journeys: {shortened(str(error))}",
            hint="make it anew with moeprof steptime read",
        ) from error
