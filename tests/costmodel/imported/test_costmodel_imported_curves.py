"""One row a size: the median of a kernel's repeats, the fastest kernel, none far off."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.imported.curves import by_curve
from moeprof.costmodel.imported.source_rows import Imported
from moeprof.store.scenario import Scenario


def row(tokens: int, latency_us: float, kernel: str = "") -> Imported:
    work = {"flops": 2 * tokens * 64 * 64, "bytes_moved": 2 * 64 * (64 + 2 * tokens)}
    scenario = Scenario(
        op="gemm", tokens=tokens, shape=(64, 64), dtype="bfloat16", l2="cold", **work
    )
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


def test_a_row_far_above_both_neighbours_is_left_out_and_told() -> None:
    rows = [row(tokens, 10.0 + tokens) for tokens in range(1, 9)]
    for place in (0, 4, 7):
        one_in_us = [*rows[:place], row(place + 1, 1000 * (11.0 + place)), *rows[place + 1 :]]
        found, (remark,) = times_us(one_in_us)
        assert list(found) == [size for size in range(1, 9) if size != place + 1]
        assert remark.startswith("1 rows left out, slower than both neighbours allow: row of")


@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=30, unique=True))
def test_a_curve_that_rises_with_its_work_is_kept_whatever_its_sizes(sizes: list[int]) -> None:
    found, remarks = times_us([row(tokens, 5.0 + 0.1 * tokens) for tokens in sizes])
    assert sorted(found) == sorted(sizes)
    assert remarks == []
