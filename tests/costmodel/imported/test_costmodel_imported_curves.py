"""One row a size: the median of a kernel's repeats, the fastest kernel, none far off."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.imported.curves import by_curve
from moeprof.costmodel.imported.source_rows import Imported
from moeprof.store.scenario import Scenario


def row(tokens: int, latency_us: float, kernel: str = "") -> Imported:
    flops, bytes_moved = 2 * tokens * 64 * 64, 2 * 64 * (64 + 2 * tokens)
    scenario = Scenario("gemm", tokens, (64, 64), "bfloat16", flops, bytes_moved)
    return Imported(scenario, latency_us, place=f"row of {tokens}", kernel=kernel)


def times_us(rows: list[Imported]) -> tuple[Mapping[int, float], list[str]]:
    """Latency by batch size of the one curve, and the remarks."""
    curves, remarks = by_curve(rows)
    (curve,) = curves.values()
    return {size: one.latency_us for size, one in curve.items()}, remarks


def test_the_fastest_kernel_of_a_size_counts_with_its_own_median() -> None:
    flow = [row(1, 10.0, "flow"), row(1, 12.0, "flow"), row(2, 20.0, "flow")]
    found, remarks = times_us([*flow, row(1, 22.0, "cutlass"), row(2, 15.0, "cutlass")])
    assert found == {1: 11.0, 2: 15.0}
    kernels, repeats = remarks
    assert kernels.startswith("2 sizes were measured with several kernels (cutlass, flow), up to")
    assert "100.0 % apart (row of 1)" in kernels
    assert repeats.startswith("1 sizes were measured more than once, 20.0 % apart")


@pytest.mark.parametrize("in_us", [{1}, {5}, {8}, {4, 5}, {7, 8}])
def test_rows_far_above_the_other_sizes_are_left_out_and_told(in_us: set[int]) -> None:
    sizes = range(1, 9)
    rows = [row(size, (10.0 + size) * (1000 if size in in_us else 1)) for size in sizes]
    found, (remark,) = times_us(rows)
    assert set(found) == {*sizes} - in_us
    assert remark.startswith(f"{len(in_us)} rows left out, far slower than smaller and larger")


@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=30, unique=True))
def test_a_curve_that_rises_with_its_work_is_kept_whatever_its_sizes(sizes: list[int]) -> None:
    found, remarks = times_us([row(tokens, 5.0 + 0.1 * tokens) for tokens in sizes])
    assert sorted(found) == sorted(sizes)
    assert remarks == []
