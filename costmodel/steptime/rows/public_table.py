"""Tidy rows of public results: `serving_rows.parquet` with its `models.csv`."""

import csv
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....store.errors import BadInput, naming, shortened
from ....store.files import read_text
from ....store.serving.rows_table import read_rows_table
from ....store.serving.serving_row import STATIC, STEP
from ....store.serving.whole_model import Experts, LatentAttention, StateLayers, WholeModel
from ..features.deployment import Deployment, Split, deployment
from ..features.steps import Array, Steps
from .dates import unix_time_s
from .gate import Refused, physical_reasons, refused, stated_reason
from .serving_rows import ServingRows, Strings
from .workload import workloads

_MOST_BYTES: Final = 64 << 20
# The variants that the rows mean, by the sizes of the gpus.csv beside them.
_GPU_NAMES: Final = {"GH200": "GH200-96GB", "RTXPRO6000": "RTX-PRO-6000-Workstation"}
_ENGINE_NAMES: Final = {"trt": "trtllm"}
# A step that decodes alone, over the mean one: where tokens stream in chunks, an interval between
# them is none.
_STEP_RATIOS: Final = (0.3, 1.1)
_MOST_CONTRADICTING: Final = 0.1  # share of one source's rows
_OVER_TDP: Final = 1.03  # meters err by so much
_NAMES: Final = ("model", "gpu", "precision", "engine")
_SPLIT: Final = ("tp", "ep", "dp")
_NEEDED: Final = ("source", "row_id", *_NAMES, "batch", "ctx", "tpot_ms")


def read_models(path: Path) -> dict[str, WholeModel]:
    """Read the models of a `models.csv` by name. Raises BadInput where it is no such table."""
    models = {}
    for row in csv.DictReader(StringIO(read_text(path, _MOST_BYTES))):
        try:
            models[row["model"]] = _model(row)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path}: a row is no model: {shortened(str(error))}") from error
    return models


def _model(row: Mapping[str, str]) -> WholeModel:
    def whole(key: str) -> int:
        return int(float(row[key] or 0))

    layers, latent = whole("L"), None
    routed = (layers - whole("dense_first")) // whole("moe_every")
    experts = Experts(whole("E"), whole("k"), whole("mff"), routed, whole("shared_ff"))
    if row["mla_kv_lora"]:
        parts = ("kv_lora", "q_lora", "rope", "nope", "v")
        latent = LatentAttention(*(whole(f"mla_{part}") for part in parts))
    full = round(layers * float(row["full_attn"]))
    linear = whole("lin_attn_params")
    return WholeModel(
        name=row["model"],
        layers=layers,
        hidden_size=whole("d"),
        heads=whole("h"),
        kv_heads=whole("kv"),
        head_dim=whole("hd"),
        intermediate_size=whole("ff"),
        vocabulary=whole("vocab"),
        full_layers=full,
        window_tokens=whole("window"),
        sparse_tokens=whole("topk_ctx"),
        ffn_matrices=whole("gated"),
        tied=bool(whole("tied")),
        experts=experts if whole("E") else None,
        latent=latent,
        states=StateLayers("linear attention", layers - full, linear) if linear else None,
    )


def read_rows(path: Path, models: Mapping[str, WholeModel]) -> tuple[ServingRows, Refused]:
    """Read the rows that can be true, and count the others by reason.

    Raises BadInput where the file is no such table or names an unknown GPU or precision, and where
    no row can be used.
    """
    with naming(path):
        table = read_table(path)
        if lacking := [key for key in _NEEDED if key not in table]:
            raise BadInput(f"the table is none of serving rows: it has no {', '.join(lacking)}")
        try:
            reasons = row_reasons(table, models)
        except TypeError as error:
            raise BadInput(f"the table is none of serving rows: {error}") from error
        if not (kept := [at for at, reason in enumerate(reasons) if not reason]):
            refused(reasons).require_most()
            raise BadInput("the table has no rows")
        return _rows(table, models, kept), refused(reasons)


def row_reasons(table: Mapping[str, list[Any]], models: Mapping[str, WholeModel]) -> Strings:
    """Why each row of a table is refused, "" where it is not; of shape (n,)."""
    names = list(table)
    reasons = [
        stated_reason(dict(zip(names, values, strict=True)), models)
        for values in zip(*table.values(), strict=True)
    ]
    if kept := [at for at, reason in enumerate(reasons) if not reason]:
        for at, reason in zip(kept, physical_reasons(_rows(table, models, kept)), strict=True):
            reasons[at] = str(reason)
    return np.asarray(reasons, dtype=np.str_)


def read_table(path: Path) -> dict[str, list[Any]]:
    """Read a Parquet table as lists by column. Raises BadInput where it is none."""
    columns: dict[str, list[Any]] = read_rows_table(path).to_pydict()
    return columns


def _rows(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel], kept: list[int]
) -> ServingRows:
    """The rows at `kept`."""
    found: dict[Deployment, int] = {}
    which = [found.setdefault(_deployment(table, models, at), len(found)) for at in kept]

    def numbers(key: str) -> Array:
        return _numbers(table.get(key), kept)

    def texts(key: str) -> Strings:
        column = table.get(key)
        values = ("" if column is None else column[at] or "" for at in kept)
        return np.asarray(list(values), dtype=np.str_)

    keys = ("batch", "isl", "osl", "ctx", "pf_tok_s", "tpot_ms")
    measured = {key: numbers(key) for key in keys}
    decode_ms, mean_ms = numbers("itl_ms"), measured["tpot_ms"]
    ratio = decode_ms / mean_ms
    stated = _numbers(table.get("itl_is_step"), kept)
    one_step = np.where(np.isnan(stated), _one_step(ratio), stated == 1)
    is_step = np.isfinite(decode_ms) & one_step
    means = _trusted_means(texts("source"), is_step, is_step & (ratio > _STEP_RATIOS[1]))
    power_w, tdp_w = numbers("power_w"), [one.gpu.tdp_w * one.gpus for one in found]
    possible = power_w <= _OVER_TDP * np.asarray(tdp_w)[which]
    has_power = (texts("power_scope") == "gpu_all") & possible & (power_w > 0)
    kinds = texts("batch_kind")
    steps = _steps(measured, kinds == STATIC)
    steps = _with_single_steps(steps, measured, kinds == STEP)
    return ServingRows(
        deployments=tuple(found),
        which=np.asarray(which, dtype=np.intp),
        steps=steps,
        step_us=np.where(means, mean_ms * 1e3, np.nan),
        decode_us=np.where(is_step, decode_ms * 1e3, np.nan),
        power_w=np.where(has_power, power_w, np.nan),
        version=texts("engine_version"),
        source=texts("source"),
        name=texts("row_id"),
        time_s=_times_s(table, kept),
        workload=workloads(steps, _numbers(table.get("burstiness"), kept)),
    )


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


def interval_is_step(itl_ms: float | None, tpot_ms: float | None) -> bool | None:
    """Whether an interval between tokens is one step; None where either time is unknown."""
    if not itl_ms or not tpot_ms:
        return None
    return bool(_one_step(np.asarray(itl_ms / tpot_ms)))


def _one_step(ratio: Array) -> NDArray[np.bool_]:
    """Whether an interval between tokens can be one step, by its ratio to the mean."""
    return np.asarray((ratio >= _STEP_RATIOS[0]) & (ratio <= _STEP_RATIOS[1]))


def _trusted_means(
    source: Strings, is_step: NDArray[np.bool_], contradicts: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Rows whose time per token is a mean step: of a source that contradicts itself, none.

    A step that decodes alone is no longer than the mean one.
    """
    trusted = ~contradicts
    for name in np.unique(source):
        at = source == name
        if contradicts[at].sum() > _MOST_CONTRADICTING * is_step[at].sum():
            trusted[at] = False
    return trusted


def _steps(measured: Mapping[str, Array], static: NDArray[np.bool_]) -> Steps:
    """The mean step: each request brings its prompt once in as many steps as it has tokens.

    A static batch computes all prompts in one step; where the rate of prefill was measured, it
    counts.
    """
    batch, prompt, output = measured["batch"], measured["isl"], measured["osl"]
    rate, step_s = measured["pf_tok_s"], measured["tpot_ms"] / 1e3
    by_rate = np.isfinite(rate)
    tokens = np.where(by_rate, rate * step_s, batch * prompt / output)
    share = np.where(static, 1 / output, np.minimum(1, batch / output))
    share = np.where(by_rate, np.minimum(1, tokens / prompt), share)
    return Steps(batch, measured["ctx"], tokens, prompt, share)


def _with_single_steps(
    steps: Steps, measured: Mapping[str, Array], single: NDArray[np.bool_]
) -> Steps:
    """The same, where `single` rows are one step each: it prefills, or it does not.

    Without the mean length of its prompts, the tokens of the step stand for it; an unknown number
    of requests that decode is none.
    """
    tokens = np.where(single, np.nan_to_num(steps.prefill_tokens), steps.prefill_tokens)
    prompt = np.where(single & np.isnan(measured["isl"]), tokens, steps.prompt_tokens)
    return Steps(
        running=np.where(single, np.nan_to_num(steps.running), steps.running),
        context_tokens=steps.context_tokens,
        prefill_tokens=tokens,
        prompt_tokens=prompt,
        prefill_share=np.where(single, tokens > 0, steps.prefill_share),
    )


def _deployment(
    table: Mapping[str, list[Any]], models: Mapping[str, WholeModel], at: int
) -> Deployment:
    model, gpu, precision, engine = (str(table[key][at]) for key in _NAMES)
    versions = table.get("engine_version")
    generation = engine_generation(engine, str(versions[at] or "") if versions else "")
    split = Split(*(int(table[key][at] or 1) if key in table else 1 for key in _SPLIT))
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
