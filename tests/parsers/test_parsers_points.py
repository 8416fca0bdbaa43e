"""Points: one row per scenario from all its repeats, with flags, or a failure with its reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from moeprof.parsers.calls import cpu_calls
from moeprof.parsers.points import (
    NO_POWER,
    NOT_MENTIONED,
    points_table,
    unmeasured_sizes,
)
from moeprof.stats.median import median_interval
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.recording import Failure, PointTiming, Recording
from moeprof.store.scenario import Scenario
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.tables.schemas import SCHEMAS

Maker = Callable[..., Recording]
KEY = "gelu-b4-1024-fp32-cold"


def _timing(*calls_ns: int, visit: int = 0, key: str = KEY) -> PointTiming:
    return PointTiming(key, visit, len(calls_ns), calls_ns, 0, 1)


def _points(plan: Plan, *recordings: Recording) -> list[dict[str, Any]]:
    calls = pa.concat_tables([cpu_calls(one) for one in recordings])
    rows: list[dict[str, Any]] = points_table(calls, recordings, plan).to_pylist()
    return rows


def test_a_point_is_the_median_of_all_calls_of_all_repeats(plan: Plan, recording: Maker) -> None:
    repeats = [_timing(1000, 1200, 1300, 1600), _timing(1000, 1280, 1300, visit=1)]
    (row,) = _points(plan, recording(repeats))
    expected = {
        "scenario_key": KEY, "curve": "gelu-1024-fp32-cold", "op": "gelu", "shape": [1024],
        "tokens": 4, "flops": 4, "bytes_moved": 32, "regime": "burst", "role": "fit",
        "failure": None, "marks": [], "visits": 2, "agreeing": 2, "calls": 7, "correction": 0.0,
        "latency_us": 1.28, "latency_source": "wall",
        "gap_us": None, "signature": None, "energy_mj": None, "energy_source": "unavailable",
        "energy_reason": NO_POWER, "power_w": None,
    }  # fmt: skip
    assert expected.items() <= row.items()
    interval = median_interval([1.0, 1.0, 1.2, 1.28, 1.3, 1.3, 1.6])
    assert (row["latency_us_lo"], row["latency_us_hi"]) == interval
    assert row["spread"] == pytest.approx(0.2 / 1.28)
    assert row["repeat_difference"] == pytest.approx(np.log(1280 / 1250))
    assert row["turns_apart"] == pytest.approx(np.log(1280 / 1250))


def test_of_repeats_that_do_not_agree_the_faster_counts_and_a_flag_says_so(
    plan: Plan, recording: Maker
) -> None:
    repeats = [_timing(*[1300] * 6), _timing(*[1000] * 6, visit=1)]
    (row,) = _points(plan, recording(repeats))
    assert (row["latency_us"], row["visits"], row["agreeing"], row["calls"]) == (1.0, 2, 1, 6)
    assert row["marks"] == ["no two of its 2 repeats agree: they are 30 % apart"]


def test_a_third_repeat_that_agrees_confirms_a_point(plan: Plan, recording: Maker) -> None:
    repeats = [_timing(*[time] * 6, visit=at) for at, time in enumerate((1300, 1000, 1010))]
    (row,) = _points(plan, recording(repeats))
    assert (row["latency_us"], row["visits"], row["agreeing"]) == (1.005, 3, 2)
    assert row["marks"] == []


def test_one_repeat_has_no_repeat_difference_and_few_calls_no_interval(
    plan: Plan, recording: Maker
) -> None:
    (row,) = _points(plan, recording([_timing(1000, 1000)]))
    assert (row["repeat_difference"], row["latency_us_lo"]) == (None, None)
    assert row["marks"] == ["too few calls for an interval"]


def test_a_held_out_size_is_known_from_the_plan(plan: Plan, recording: Maker) -> None:
    key = "gelu-b2-1024-fp32-cold"
    both = recording([_timing(*[900] * 6, key=key), _timing(*[1000] * 6)], tokens=(4, 2))
    assert [(r["tokens"], r["role"]) for r in _points(plan, both)] == [(2, "holdout"), (4, "fit")]


def test_of_a_size_that_is_first_and_held_out_every_other_repeat_is_kept_from_the_fit(
    plan: Plan, recording: Maker
) -> None:
    both = replace(plan, ops=(replace(plan.ops[0], first=(2, 4), holdout=(4,)),))
    repeats = [_timing(*[time] * 6, visit=at) for at, time in enumerate((1000, 1100, 1010, 1120))]
    held_out, fitted = _points(both, recording(repeats))
    assert (held_out["role"], held_out["latency_us"], held_out["agreeing"]) == ("holdout", 1.11, 2)
    assert (fitted["role"], fitted["latency_us"], fitted["agreeing"]) == ("fit", 1.005, 2)


def test_a_failed_point_keeps_its_row_and_its_reason(plan: Plan, recording: Maker) -> None:
    failures = [Failure(KEY, 0, "out of memory"), Failure(KEY, 1, "out of memory")]
    (row,) = _points(plan, recording((), failures))
    assert (row["failure"], row["visits"], row["calls"]) == ("out of memory", 0, 0)
    measured = {name for name in SCHEMAS["points"].names if name.endswith(("_us", "_w", "_mj"))}
    assert {row[name] for name in measured} == {None}


def test_a_scenario_without_an_outcome_is_a_failure(plan: Plan, recording: Maker) -> None:
    (row,) = _points(plan, recording())
    assert row["failure"] == NOT_MENTIONED


def test_a_later_success_replaces_a_failure_and_flags_it(plan: Plan, recording: Maker) -> None:
    failed = recording((), [Failure(KEY, 0, "timed out")])
    better = recording([_timing(*[1000] * 6, visit=1)], unit="gelu.1")
    (row,) = _points(plan, failed, better)
    assert (row["failure"], row["latency_us"]) == (None, 1.0)
    assert row["marks"] == ["repeat 0 failed: timed out"]


def test_ranges_that_are_missing_from_the_trace_fail_the_point(
    plan: Plan, recording: Maker
) -> None:
    lost = recording([_timing(*[1000] * 30)], collector="nsys")
    (row,) = points_table(_kernel_calls(["a"] * 12), [lost], plan).to_pylist()
    assert row["failure"] == "12 of 30 ranges are in the trace"


def _kernel_calls(signatures: list[str], **columns: Any) -> pa.Table:
    n = len(signatures)
    return table_from_columns(
        "calls",
        {
            "recording": ["gelu.0"] * n, "scenario_key": [KEY] * n, "visit": [0] * n,
            "busy_ns": [2000] * n, "gap_ns": [500] * n, "signature": signatures,
        }
        | columns,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("signatures", "signature", "marks"),
    [
        (["a"] * 6, "a", []),
        (["a"] * 5 + ["b"], None, ["calls ran 2 different sequences of kernels"]),
    ],
)
def test_kernel_time_has_gaps_and_a_signature_where_all_calls_agree(
    plan: Plan, recording: Maker, signatures: list[str], signature: str | None, marks: list[str]
) -> None:
    traced = recording([_timing(*[9] * 6)], collector="nsys")
    (row,) = points_table(_kernel_calls(signatures), [traced], plan).to_pylist()
    assert (row["latency_source"], row["latency_us"], row["gap_us"]) == ("kernel", 2.0, 0.5)
    assert (row["signature"], row["marks"]) == (signature, marks)


def test_counters_make_no_points(plan: Plan, recording: Maker) -> None:
    counted = recording([_timing(5)], collector="ncu")
    assert points_table(SCHEMAS["calls"].empty_table(), [counted], plan).num_rows == 0


def test_a_timing_of_an_undescribed_scenario_is_refused(plan: Plan, recording: Maker) -> None:
    with pytest.raises(BadInput, match="'elsewhere' without describing"):
        _points(plan, recording([_timing(5, key="elsewhere")]))


def test_planned_sizes_without_a_recording_are_listed(
    plan: Plan, recording: Maker, scenario: Callable[..., Scenario]
) -> None:
    measured = recording([_timing(*[1000] * 6)])
    points = points_table(cpu_calls(measured), [measured], plan)
    assert unmeasured_sizes(plan, points) == ["gelu: 1 of 1 hold-out sizes have no recording: 2"]


def test_a_point_says_how_many_calls_it_left_out(plan: Plan, recording: Maker) -> None:
    busy_ns = [2000, 2000, None, 2000, 2000, 2000, 2000]
    calls = _kernel_calls(["a"] * 7, busy_ns=busy_ns, kernels=[1] * 7)
    (row,) = points_table(calls, [recording([_timing(*[9] * 7)])], plan).to_pylist()
    assert (row["failure"], row["calls"], row["latency_us"]) == (None, 6, 2.0)
    assert row["marks"] == ["1 of 7 calls left out: without range, kernel, time or launch"]


def test_a_repeat_that_the_budget_cut_short_is_flagged(plan: Plan, recording: Maker) -> None:
    (row,) = _points(plan, recording([replace(_timing(1000, 1000), cut_short=True)]))
    assert (row["failure"], row["latency_us"]) == (None, 1.0)
    assert "the budget ended after 2 calls of repeat 0" in row["marks"]


def test_a_call_of_0_ns_is_untimed_and_flagged(plan: Plan, recording: Maker) -> None:
    (row,) = _points(plan, recording([_timing(*[1000] * 19, 0)]))
    assert (row["failure"], row["calls"], row["latency_us"]) == (None, 19, 1.0)
    assert row["marks"] == ["1 of 20 calls left out: without range, kernel, time or launch"]


def test_many_calls_of_0_ns_are_too_short_for_the_clock(plan: Plan, recording: Maker) -> None:
    (row,) = _points(plan, recording([_timing(*[1000] * 17, 0, 0, 0)], collector="nsys"))
    assert row["failure"] == "3 of 20 calls took no time at all"
