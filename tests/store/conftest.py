"""Documents to write and read."""

import pytest

from moeprof.store.plan import OpPlan, Plan
from moeprof.store.provenance import Provenance
from moeprof.store.recording import PointTiming, Recording
from moeprof.store.scenario import Scenario
from moeprof.tests.builders import make_provenance


@pytest.fixture
def provenance() -> Provenance:
    return make_provenance(
        device_name="Some CPU", cache_bytes=32 << 20, versions={"torch": "2.10.0"}
    )


@pytest.fixture
def plan() -> Plan:
    return Plan(
        run_id="a",
        preset="tiny",
        preset_source="built in",
        device="cpu",
        collectors=("cpu",),
        isolation="op",
        sampling="adaptive",
        dtype="float32",
        l2="cold",
        threads=1,
        seed=0,
        points_per_op=24,
        budget_s=None,
        point_timeout_s=60.0,
        ops=(OpPlan(op="fc1", curve="fc1-8x4-fp32-cold", domain=(1, 2), first=(1, 2), holdout=()),),
    )


@pytest.fixture
def recording(provenance: Provenance) -> Recording:
    scenario = Scenario("fc1", 4, (8, 4), "float32", flops=256, bytes_moved=320)
    timing = PointTiming(
        scenario.key, 0, calls=2, calls_ns=(10, 11), started_utc_ns=5, ended_utc_ns=30
    )
    return Recording(
        unit=scenario.key,
        op="fc1",
        collector="cpu",
        tool="moeprof",
        tool_version="0.1.0",
        command=("python", "scripts/fc1.py"),
        exit_code=0,
        started_utc_ns=1,
        ended_utc_ns=40,
        scenarios=(scenario,),
        served=(timing,),
        failures=(),
        warnings=(),
        files={},
        provenance=provenance,
    )
