"""Runs of different devices, software or presets are not merged."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.merge_runs import (
    check_different,
    check_mergeable,
    merged_sha256,
)
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu
from moeprof.tests.builders import make_provenance

PROVENANCE = make_provenance(device_name="Some CPU", versions={"torch": "2.10.0"})


def test_runs_of_one_machine_are_merged() -> None:
    check_mergeable([PROVENANCE])
    check_mergeable([PROVENANCE, replace(PROVENANCE, utc="2026-02-02T00:00:00Z")])


def test_two_devices_are_refused_by_name() -> None:
    other = replace(PROVENANCE, device_name="NVIDIA H200")
    with pytest.raises(BadInput, match="device: Some CPU and NVIDIA H200"):
        check_mergeable([PROVENANCE, other])


def test_another_torch_or_power_limit_is_refused() -> None:
    gpu = Gpu(0, "H200", "GPU-0", "570", None, 700.0, None, None, None, None)
    capped = replace(PROVENANCE, gpu=replace(gpu, power_limit_w=500.0))
    with pytest.raises(BadInput, match=r"power limit: 700\.0 and 500\.0"):
        check_mergeable([replace(PROVENANCE, gpu=gpu), capped])
    newer = replace(PROVENANCE, versions={"torch": "2.11.0"})
    with pytest.raises(BadInput, match=r"torch: 2\.10\.0 and 2\.11\.0"):
        check_mergeable([PROVENANCE, newer])


def test_the_digest_of_a_single_table_is_its_own() -> None:
    assert merged_sha256(["ab"]) == "ab"
    assert len(merged_sha256(["ab", "cd"])) == 64
    assert merged_sha256(["ab", "cd"]) != merged_sha256(["cd", "ab"])


def test_the_same_points_twice_are_refused_with_both_paths() -> None:
    paths = [Path("a"), Path("b"), Path("link/a")]
    check_different(paths, ["1", "2", "3"])
    with pytest.raises(BadInput, match="link/a holds the same points as a"):
        check_different(paths, ["1", "2", "1"])
