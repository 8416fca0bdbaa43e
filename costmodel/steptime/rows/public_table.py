"""Tidy rows of public results: `serving_rows.parquet`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any, Final

import numpy as np

from ....store.errors import BadInput, naming
from ....store.serving.rows_table import read_rows_table
from ....store.serving.serving_row import STEP
from ....store.serving.whole_model import WholeModel
from ..features.deployment import Deployment, Split, deployment
from ..features.steps import Array
from .dates import unix_time_s
from .first_token import TOO_EARLY, first_token_too_early
from .gate import Refused, physical_reasons, refused
from .measured_once import REPEATED, measured_once
from .row_steps import row_steps
from .serving_rows import ServingRows, Strings
from .stated import stated_reason
from .values import decode_steps, left_out, mean_steps, power_of_gpus
from .workload import workloads

# The variants that the rows mean, by the sizes of the gpus.csv beside them.
_GPU_NAMES: Final = {"GH200": "GH200-96GB", "RTXPRO6000": "RTX-PRO-6000-Workstation"}
_ENGINE_NAMES: Final = {"trt": "trtllm"}
_NAMES: Final = ("model", "gpu", "precision", "engine")
_SPLIT: Final = ("tp", "ep", "dp")
_NEEDED: Final = ("source", "row_id", *_NAMES, "batch", "ctx", "tpot_ms")
_MEASURED: Final = ("batch", "isl", "osl", "ctx", "pf_tok_s", "tpot_ms")


def read_rows(path: Path, models: Mapping[str, WholeModel]) -> tuple[ServingRows, Refused]:
    """Read the rows that can be true, each once, and count the others by reason.

    Their order is that of their names, whatever it is in the file. Raises BadInput where the file
    is no such table, and where no row can be used.
    """
    with naming(path):
        table, repeated = measured_once(read_table(path))
        rows, found = judged_rows(table, models)
        if repeated:
            found = replace(found, left_out={REPEATED: repeated, **found.left_out})
        if rows is None:
            found.require_most()
            raise BadInput("the table has no rows", hint="read results: moeprof steptime read")
        return rows, found


def judged_rows(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel]
) -> tuple[ServingRows | None, Refused]:
    """The rows of a table that can be true, None where none can, and the counts of the others.

    Raises BadInput where it is no table of serving rows.
    """
    if lacking := [key for key in _NEEDED if key not in table]:
        raise BadInput(
            f"the table is no table of serving rows: it has no {', '.join(lacking)}",
            hint="name a folder of rows that moeprof steptime read wrote",
        )
    reasons = row_reasons(table, models)
    if not (kept := [at for at, reason in enumerate(reasons) if not reason]):
        return None, refused(reasons)
    rows, without = _rows(table, models, kept)
    return rows, refused(reasons, without)


def row_reasons(table: Mapping[str, list[Any]], models: Mapping[str, WholeModel]) -> Strings:
    """Why each row of a table is refused, "" where it is not; of shape (n,)."""
    names = list(table)
    reasons = [
        stated_reason(dict(zip(names, values, strict=True)), models)
        for values in zip(*table.values(), strict=True)
    ]
    for at, reason in enumerate(reasons):
        reasons[at] = reason or _deployment_reason(table, models, at)
    if kept := [at for at, reason in enumerate(reasons) if not reason]:
        rows, _ = _rows(table, models, kept)
        early = first_token_too_early(rows, 1e3 * _numbers(table.get("ttft_ms"), kept))
        found = zip(kept, physical_reasons(rows), early, strict=True)
        for at, reason, is_early in found:
            reasons[at] = str(reason) or (TOO_EARLY if is_early else "")
    return np.asarray(reasons, dtype=np.str_)


def _deployment_reason(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel], at: int
) -> str:
    """Why a row's GPU, precision or split is none of its model; "" where it can be."""
    if lacking := [name for name in _NAMES if not table[name][at]]:
        return f"{lacking[0]} is not named"
    try:
        _deployment(table, models, at)
    except BadInput as refusal:
        return refusal.message
    return ""


def read_table(path: Path) -> dict[str, list[Any]]:
    """Read a Parquet table as lists by column, None where unknown or NaN.

    Raises BadInput where it is none.
    """
    columns: dict[str, list[Any]] = read_rows_table(path).to_pydict()
    return {name: [_known(value) for value in values] for name, values in columns.items()}


def _known(value: Any) -> Any:
    """The value; None for NaN, which some writers put where there is none."""
    return None if isinstance(value, float) and isnan(value) else value


def _rows(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel], kept: list[int]
) -> tuple[ServingRows, dict[str, int]]:
    """The rows at `kept`, and how many of their values are left out, by reason."""
    found: dict[Deployment, int] = {}
    which = [found.setdefault(_deployment(table, models, at), len(found)) for at in kept]

    def numbers(key: str) -> Array:
        return _numbers(table.get(key), kept)

    def texts(key: str) -> Strings:
        column = table.get(key)
        values = ("" if column is None else column[at] or "" for at in kept)
        return np.asarray(list(values), dtype=np.str_)

    measured = {key: numbers(key) for key in _MEASURED}
    kind, source = texts("batch_kind"), texts("source")
    decode = decode_steps(numbers("itl_ms"), measured["tpot_ms"], numbers("itl_is_step"))
    means = mean_steps(measured["tpot_ms"], decode, source)
    tdp_w = np.asarray([one.gpu.tdp_w * one.gpus for one in found])[which]
    power = power_of_gpus(numbers("power_w"), texts("power_scope"), tdp_w)
    steps = row_steps(measured, kind)
    alone = (kind == STEP) & (steps.prefill_tokens == 0)
    rows = ServingRows(
        deployments=tuple(found),
        which=np.asarray(which, dtype=np.intp),
        steps=steps,
        stated_us=1e3 * measured["tpot_ms"],
        step_us=means.values,
        decode_us=np.where(alone, means.values, decode.values),
        power_w=power.values,
        version=texts("engine_version"),
        source=source,
        name=texts("row_id"),
        time_s=_times_s(table, kept),
        workload=workloads(steps, numbers("burstiness")),
    )
    return rows, left_out(decode, means, power)


def _numbers(column: list[Any] | None, kept: list[int]) -> Array:
    """A column's numbers at `kept`, NaN where there is none; a column that is None has none."""
    values = (None if column is None else column[at] for at in kept)
    return np.asarray([np.nan if value is None else value for value in values], dtype=float)


def _times_s(table: Mapping[str, list[Any]], kept: list[int]) -> Array:
    """Unix times of the measurements, by `time_s` where the row has it, else by `date`."""
    measured_s = _numbers(table.get("time_s"), kept)
    dates = table.get("date")
    dated_s = np.asarray(
        [unix_time_s(str(dates[at] or "")) if dates else np.nan for at in kept], dtype=float
    )
    return np.where(np.isfinite(measured_s), measured_s, dated_s)


def _deployment(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel], at: int
) -> Deployment:
    model, gpu, precision, engine = (str(table[key][at]) for key in _NAMES)
    versions = table.get("engine_version")
    generation = engine_generation(engine, str(versions[at] or "") if versions else "")
    split = Split(*(int(table[key][at] or 1) if key in table else 1 for key in _SPLIT))
    if models[model].experts is None:  # engines ignore the option
        split = replace(split, ep=1)
    return deployment(models[model], _GPU_NAMES.get(gpu, gpu), precision, generation, split)


def engine_generation(engine: str, version: str) -> str:
    """The name under which the overheads of an engine are fitted.

    vLLM before 0.8 ran its first engine core, and rows of 2023 and 2024 name no other version.
    """
    name = _ENGINE_NAMES.get(engine, engine)
    if version in {"2023", "2024"}:
        return f"{name}-{version}"
    if name == "vllm" and re.match(r"v?0\.[0-7](\.|$)", version):
        return "vllm-v0"
    return name
