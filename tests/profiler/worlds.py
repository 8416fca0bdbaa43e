"""Small plans, scenarios and machines for the tests of the profiler."""

from dataclasses import replace
from typing import Any

from moeprof.store.plan import OpPlan, Plan
from moeprof.store.provenance import Provenance
from moeprof.store.recording import PointTiming, Recording
from moeprof.store.scenario import Scenario

_OP_PLAN = OpPlan(
    op="gelu",
    curve="gelu-64-fp32-cold",
    domain=tuple(range(1, 65)),
    first=(1, 22, 43, 64),
    holdout=(5, 30),
)

_PLAN = Plan(
    run_id="test",
    preset="tiny",
    preset_source="a test",
    device="cpu",
    collectors=("cpu",),
    isolation="op",
    sampling="adaptive",
    dtype="float32",
    l2="cold",
    threads=1,
    seed=0,
    points_per_op=8,
    budget_s=None,
    point_timeout_s=10.0,
    ops=(_OP_PLAN,),
)

PROVENANCE = Provenance(
    device="cpu",
    device_name="a processor",
    cache_bytes=1 << 20,
    cpu_name="a processor",
    cpu_count=2,
    threads=1,
    gpu=None,
    versions={"torch": "2.13.0"},
    git_commit=None,
    git_dirty=None,
    host_hash="0123456789ab",
    utc="2026-01-01T00:00:00+00:00",
)


def a_scenario(tokens: int) -> Scenario:
    return Scenario("gelu", tokens, (64,), "float32", 8 * 64 * tokens, 2 * 4 * 64 * tokens)


def an_op_plan(**changes: Any) -> OpPlan:
    return replace(_OP_PLAN, **changes)


def a_plan(**changes: Any) -> Plan:
    return replace(_PLAN, **changes)


def a_recording(*served: PointTiming) -> Recording:
    sizes = {a_scenario(size).key: size for size in _OP_PLAN.domain}
    return Recording(
        unit="unit",
        op="gelu",
        collector="cpu",
        tool="a clock",
        tool_version="1",
        command=(),
        exit_code=0,
        started_utc_ns=0,
        ended_utc_ns=1,
        scenarios=tuple(a_scenario(sizes[one.scenario_key]) for one in served),
        served=served,
        failures=(),
        warnings=(),
        files={},
        provenance=PROVENANCE,
    )
