"""What makes two machines one: recordings of different ones are not mixed in a run."""

from dataclasses import replace

from moeprof.store.provenance import Gpu, Provenance

GPU = Gpu(
    index=0,
    name="H200",
    uuid="GPU-1",
    driver="570.1",
    vbios=None,
    power_limit_w=700.0,
    sm_clock_mhz=1980,
    memory_clock_mhz=3201,
    mig=False,
    l2_bytes=50 << 20,
)


def test_a_cpu_is_identified_by_its_host_and_threads(provenance: Provenance) -> None:
    assert provenance.machine == f"Some CPU of host {provenance.host_hash}, 1 thread(s)"
    assert replace(provenance, threads=2).machine != provenance.machine
    assert replace(provenance, host_hash="77").machine != provenance.machine
    assert replace(provenance, utc="2027-01-01T00:00:00Z").machine == provenance.machine


def test_a_gpu_is_identified_by_its_uuid_and_driver(provenance: Provenance) -> None:
    here = replace(provenance, gpu=GPU)
    assert here.machine == "H200 GPU-1 driver 570.1"
    assert replace(provenance, gpu=replace(GPU, index=3)).machine == here.machine
