"""Runs that differ in what decides a cost are never pooled."""

from dataclasses import replace

import pytest

from moeprof.costmodel.merge_runs import check_mergeable, check_one_preset, merged_sha256
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu, Provenance


def test_runs_of_one_machine_are_pooled(provenance: Provenance) -> None:
    check_mergeable([provenance])
    check_mergeable([provenance, replace(provenance, utc="2026-02-02T00:00:00Z")])


def test_two_devices_are_refused_by_name(provenance: Provenance) -> None:
    other = replace(provenance, device_name="NVIDIA H200")
    with pytest.raises(BadInput, match="differ in device: Some CPU and NVIDIA H200"):
        check_mergeable([provenance, other])


def test_another_torch_or_power_limit_is_refused(provenance: Provenance) -> None:
    gpu = Gpu(0, "H200", "GPU-0", "570", None, 700.0, None, None, None, None)
    capped = replace(provenance, gpu=replace(gpu, power_limit_w=500.0))
    with pytest.raises(BadInput, match=r"power limit: 700\.0 and 500\.0"):
        check_mergeable([replace(provenance, gpu=gpu), capped])
    newer = replace(provenance, versions={"torch": "2.11.0"})
    with pytest.raises(BadInput, match=r"torch: 2\.10\.0 and 2\.11\.0"):
        check_mergeable([provenance, newer])


def test_the_digest_of_one_table_is_its_own() -> None:
    assert merged_sha256(["ab"]) == "ab"
    assert len(merged_sha256(["ab", "cd"])) == 64
    assert merged_sha256(["ab", "cd"]) != merged_sha256(["cd", "ab"])


def test_runs_of_two_presets_are_no_layer() -> None:
    check_one_preset(["small", "small"])
    with pytest.raises(BadInput, match="differ in preset: mixtral-8x7b and small"):
        check_one_preset(["mixtral-8x7b", "small"])
