"""One measured row of a served model, in the columns of `serving_rows.parquet`."""

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

import pyarrow as pa

RUNNING_MEAN: Final = "running_mean"
LITTLES_LAW: Final = "littles_law"
STATIC: Final = "static"
STEP: Final = "step"
TOLD: Final = "told"

# How `batch` is known. running_mean, running_1s: the mean of the requests that ran, measured.
# littles_law: requests per second x the time that each decodes. max_conc: the limit of concurrency.
# static: all requests start and end together. step: one engine step. told: by an option alone.
BatchKind = Literal[
    "running_mean", "running_1s", "littles_law", "max_conc", "static", "step", "told"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingRow:
    """What one result says; None is unknown.

    `source` names the format, `row_id` the row within it: one measurement has one pair of these.
    `batch` is the mean number of running requests of the instance, `isl` and `osl` the mean tokens
    of a prompt and of an output (`isl_assumed`: told, not measured), `ctx` the mean context.
    `itl_ms` is the median interval between tokens, `tpot_ms` the mean time per output token,
    `ttft_ms` and `e2e_ms` means, `tput_tok_s` output tokens of the instance per second, `pf_tok_s`
    prompt tokens per second. `power_scope` is "gpu_all" where `power_w` is that of all GPUs.
    `max_concurrency` is the client's limit, `requests_per_s` were completed, `failed_share` of them
    failed, `speculative` steps yield several tokens, `disaggregated` GPUs prefill or decode alone.
    `burstiness` is the shape of the gamma distribution of the gaps between arrivals. A step of a
    trace (`batch_kind` "step") has its time in `tpot_ms`.
    """

    source: str
    row_id: str
    model: str | None = None
    gpu: str | None = None
    n_gpu: int | None = None
    tp: int | None = None
    ep: int | None = None
    dp: int | None = None
    precision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    task: str | None = None
    batch: float | None = None
    batch_kind: BatchKind | None = None
    isl: float | None = None
    isl_assumed: bool = False
    osl: float | None = None
    ctx: float | None = None
    itl_ms: float | None = None
    itl_is_step: bool | None = None
    tpot_ms: float | None = None
    ttft_ms: float | None = None
    e2e_ms: float | None = None
    tput_tok_s: float | None = None
    pf_tok_s: float | None = None
    power_w: float | None = None
    power_scope: str | None = None
    max_batched_tokens: float | None = None
    max_concurrency: float | None = None
    requests_per_s: float | None = None
    failed_share: float | None = None
    speculative: bool = False
    disaggregated: bool = False
    burstiness: float | None = None
    date: str | None = None
    time_s: float | None = None
    note: str = ""


_ARROW: Final = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def _arrow_type(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    return next((_ARROW[kind] for kind in kinds if kind in _ARROW), pa.string())


SERVING_SCHEMA: Final = pa.schema(
    [pa.field(field.name, _arrow_type(field.type)) for field in fields(ServingRow)]
)


def columns_of_rows(rows: list[ServingRow]) -> dict[str, list[Any]]:
    """The rows as lists by column."""
    return {name: [getattr(row, name) for row in rows] for name in SERVING_SCHEMA.names}
