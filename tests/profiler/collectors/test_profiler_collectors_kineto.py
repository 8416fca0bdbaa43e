"""Kineto: the script leaves one trace when it ends."""

from collections.abc import Callable

import pytest

from moeprof.profiler.collectors.kineto import KinetoCollector
from moeprof.profiler.collectors.traced import NO_KERNEL
from moeprof.profiler.job import Job

MakeJob = Callable[..., Job]

# What torch.profiler leaves of two calls per size on a GPU, as far as the parser reads it.
TRACES = """
import gzip, json
path = sys.argv[sys.argv.index("--kineto") + 1]
events, now = [], 0
for size in (1, 2, 3, 4):
    for call in range(CALLS):
        name = f"gelu-b{size}-64-fp32-cold#0.{call}"
        events += [
            {"ph": "X", "cat": "user_annotation", "name": name, "pid": 1, "tid": 1,
             "ts": now, "dur": 10},
            {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1,
             "ts": now + 2, "dur": 2, "args": {"correlation": now + 1}},
            {"ph": "X", "cat": "kernel", "name": "gelu_kernel", "pid": 0, "tid": 7,
             "ts": now + 12, "dur": 5, "args": {"correlation": now + 1, "device": 0, "stream": 7,
             "grid": [4, 1, 1], "block": [128, 1, 1]}},
        ]
        now += 20
with gzip.open(path, "wt") as file:
    json.dump({"schemaVersion": 1, "baseTimeNanoseconds": 0, "traceEvents": events}, file)
"""


def leave_a_trace(job: Job, calls: int) -> None:
    script = job.run.script("gelu")
    script.write_text(script.read_text() + TRACES.replace("CALLS", str(calls)))


def test_an_operation_is_one_recording_with_its_trace(make_job: MakeJob) -> None:
    job = make_job()
    leave_a_trace(job, calls=2)
    (recording,) = KinetoCollector().collect(job)
    assert recording.unit == "gelu.0"
    assert len(recording.served) == 4
    assert set(recording.files) == {"trace.json.gz"}


def test_ranges_that_are_missing_are_reported(make_job: MakeJob) -> None:
    job = make_job()
    leave_a_trace(job, calls=1)
    (recording,) = KinetoCollector().collect(job)
    assert recording.served == ()
    assert {one.reason for one in recording.failures} == {"1 of 2 ranges are in the trace"}


def test_a_process_that_was_killed_left_no_trace(make_job: MakeJob) -> None:
    recordings = list(KinetoCollector().collect(make_job("os._exit(1)")))
    reasons = {one.reason for recording in recordings for one in recording.failures}
    assert any("exit code 1" in reason for reason in reasons)


def test_it_needs_a_gpu() -> None:
    probe = KinetoCollector().probe("cpu")
    assert not probe.ok
    assert "GPU kernels" in probe.evidence


@pytest.mark.parametrize("gpu_in_trace", [True, False])
def test_on_a_gpu_kernels_must_be_there(make_job: MakeJob, gpu_in_trace: bool) -> None:
    from dataclasses import replace

    from moeprof.store.provenance import Gpu

    gpu = Gpu(0, "NVIDIA Test", "GPU-1", None, None, None, None, None, None, None)
    job = make_job()
    job = replace(job, provenance=replace(job.provenance, device="cuda:0", gpu=gpu))
    leave_a_trace(job, calls=2)
    if not gpu_in_trace:
        script = job.run.script("gelu")
        script.write_text(script.read_text().replace('"cat": "kernel"', '"cat": "cpu_op"'))
    (recording,) = KinetoCollector().collect(job)
    assert bool(recording.served) is gpu_in_trace
    if not gpu_in_trace:
        assert {one.reason for one in recording.failures} == {NO_KERNEL}
