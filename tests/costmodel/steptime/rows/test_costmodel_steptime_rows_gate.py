"""Rows that cannot be true are refused by reason, and a table of mostly such rows as a whole."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.roofline import decode_roofline_us, roofline_us
from moeprof.costmodel.steptime.rows.gate import (
    ABOVE_PROMPTS,
    ABOVE_ROOFLINE,
    NO_CACHE,
    NO_ROOM,
    TOO_FAST,
    TOO_SLOW,
    physical_reasons,
    refused,
)
from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.costmodel.steptime.rows.public_table import read_table, row_reasons
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.costmodel.steptime.rows.stated import MISSING, SPECULATIVE
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import MIXTRAL_8X7B, rows_of, served

MICROSECONDS = "times look 1000 times too large: microseconds as milliseconds"
SECONDS = "times look 1000 times too small: seconds as milliseconds"

HELD = served(MIXTRAL_8X7B, split=Split(tp=2))


def test_gpus_hold_the_weights() -> None:
    """Mixtral's 93 GB in bf16 on one or two H100 of 80 GB."""
    one, two = served(MIXTRAL_8X7B), served(MIXTRAL_8X7B, split=Split(tp=2))
    rows = rows_of(one, two, sizes=1)
    slow = 3 * roofline_us(columns_of(rows))
    assert physical_reasons(replace(rows, step_us=slow)).tolist() == [NO_ROOM, ""]


def test_a_step_is_no_shorter_than_reading_the_weights() -> None:
    rows = rows_of(HELD, sizes=3)
    roofline = decode_roofline_us(columns_of(rows))
    reasons = physical_reasons(replace(rows, step_us=roofline * np.asarray([1.0, 0.8, 0.2])))
    assert reasons.tolist() == ["", ABOVE_ROOFLINE, TOO_FAST]


def test_a_mean_step_computes_its_prompts() -> None:
    """A measured decode step does not hide prompts that its mean step has no time for."""
    rows = rows_of(HELD, sizes=2)
    long = np.asarray([1.0, 1000.0])
    steps = replace(rows.steps, prefill_tokens=rows.steps.prefill_tokens * long)
    step_us = 3 * roofline_us(columns_of(rows))
    rows = replace(rows, steps=steps, step_us=step_us, decode_us=step_us)
    assert physical_reasons(rows).tolist() == ["", ABOVE_PROMPTS]


def test_gpus_keep_the_caches_of_the_requests() -> None:
    """Mixtral keeps 131 kB a token: 2,500 and 10,000 requests of 1,000 tokens on 160 GB."""
    rows = rows_of(HELD, sizes=2)
    rows = replace(rows, steps=replace(rows.steps, running=np.asarray([2500.0, 10_000.0])))
    rows = replace(rows, step_us=3 * roofline_us(columns_of(rows)))
    assert physical_reasons(rows).tolist() == ["", NO_CACHE]


def test_a_step_is_not_hundreds_of_times_slower_than_it_need_be() -> None:
    rows = rows_of(HELD, sizes=2)
    roofline = roofline_us(columns_of(rows))
    reasons = physical_reasons(replace(rows, step_us=roofline * np.asarray([400.0, 600.0])))
    assert reasons.tolist() == ["", TOO_SLOW]


@pytest.mark.parametrize(
    ("factor", "named"), [(1e-3, f"{TOO_FAST}; {SECONDS}"), (1e3, f"{TOO_SLOW}; {MICROSECONDS}")]
)
def test_times_of_another_unit_are_named(factor: float, named: str) -> None:
    """Of the source whose times they are, and of no other."""
    rows = rows_of(HELD, sizes=4)
    usual = 3 * roofline_us(columns_of(rows))
    mixed = replace(
        rows,
        step_us=usual * np.asarray([factor, factor, 1.0, 1.0]),
        source=np.asarray(["a", "a", "b", "b"]),
    )
    assert physical_reasons(mixed).tolist() == [named, named, "", ""]


def test_the_time_of_a_decode_step_goes_before_the_mean() -> None:
    rows = rows_of(HELD, sizes=1)
    roofline = decode_roofline_us(columns_of(rows))
    rows = replace(rows, step_us=roofline / 1.3, decode_us=roofline)
    assert physical_reasons(rows).tolist() == [""]


def test_more_than_half_refused_is_refused_as_a_whole() -> None:
    refused(np.asarray(["", "", TOO_FAST, TOO_FAST])).require_most()
    counts = f"3 of 5 rows cannot be true: {TOO_FAST}: 2; {MISSING}: 1"
    with pytest.raises(BadInput, match=re.escape(counts)):
        refused(np.asarray(["", "", TOO_FAST, TOO_FAST, MISSING])).require_most()


def test_a_refusal_names_the_five_most_frequent_reasons() -> None:
    reasons = [f"reason {at}" for at in range(7) for _ in range(7 - at)]
    with pytest.raises(BadInput, match="reason 4: 3; 2 other reasons"):
        refused(np.asarray(reasons)).require_most()


def test_the_way_out_is_that_of_the_most_frequent_reason() -> None:
    of_times = refused(np.asarray([TOO_FAST, TOO_FAST, SPECULATIVE]))
    of_runs = refused(np.asarray([TOO_FAST, SPECULATIVE, SPECULATIVE]))
    of_names = refused(np.asarray(["the GPU 'TPUv5' is unknown"]))
    for found, hint in (
        (of_times, "look at the units"),
        (of_runs, "take runs whose requests"),
        (of_names, "correct the GPU, precision and split"),
    ):
        with pytest.raises(BadInput) as refusal:
            found.require_most()
        assert refusal.value.hint.startswith(hint)


def test_public_rows_are_kept_and_refused_as_documented(sample_data: Path) -> None:
    folder = sample_data / "serving"
    models = read_models(folder / "models.csv")
    table = read_table(folder / "refused_rows.parquet")
    assert row_reasons(table, models).tolist() == table["reason"]
    kept = refused(row_reasons(read_table(folder / "serving_rows.parquet"), models))
    assert kept.by_reason == {NO_ROOM: 13}  # Qwen3-235B in fp8 on one H200


def test_public_steps_that_are_too_fast_end_here(sample_data: Path) -> None:
    """BLIS's steps on H100, most of which are shorter than reading the weights."""
    models = read_models(sample_data / "serving" / "models.csv")
    table = pq.read_table(sample_data / "ops" / "blis_steps_must_reject.parquet").to_pydict()
    reasons = physical_reasons(_traced(table, models))
    counts = refused(reasons).by_reason
    assert counts[TOO_FAST] > 0.95 * len(reasons)
    with pytest.raises(BadInput, match="cannot be true"):
        refused(reasons).require_most()


def _traced(table: dict[str, list[Any]], models: dict[str, Any]) -> ServingRows:
    sizes = [name.removesuffix("-hf") for name in table["model"]]
    names = list(zip(sizes, table["tp"], strict=True))
    deployments = {
        (model, tp): served(models[model], split=Split(tp=tp)) for model, tp in dict.fromkeys(names)
    }
    running = np.maximum(1.0, table["batch_decode_tokens"])
    count = len(names)
    unknown, none = np.full(count, np.nan), np.full(count, "")
    return ServingRows(
        deployments=tuple(deployments.values()),
        which=np.asarray([list(deployments).index(name) for name in names]),
        steps=Steps.decode(running, np.full(count, 500.0)),
        stated_us=np.asarray(table["step_duration_us"], dtype=np.float64),
        step_us=np.asarray(table["step_duration_us"], dtype=np.float64),
        decode_us=unknown,
        power_w=unknown,
        version=none,
        source=none,
        name=none,
        time_s=unknown,
        workload=none,
    )
