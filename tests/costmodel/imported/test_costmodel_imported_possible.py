"""Rows that a GPU cannot have taken are left out, and a table of them is refused."""

import pytest

from moeprof.costmodel.imported.possible import possible_rows
from moeprof.costmodel.imported.source_rows import Imported, ImportedTable, origin_of
from moeprof.store.errors import BadInput
from moeprof.store.scenario import Scenario


def rows(op: str, times: float = 1.0) -> list[Imported]:
    """Rows of one operation, some 3 times slower than an H200 can be."""
    return [
        Imported(
            Scenario(
                op=op,
                tokens=m,
                shape=(8192, 8192),
                dtype="bfloat16",
                flops=2 * m * 8192**2,
                bytes_moved=2 * 8192**2,
                l2="cold",
            ),
            latency_us=times * (80.0 + 0.2 * m),
            place=f"row {m}",
        )
        for m in range(1, 41)
    ]


def table(found: list[Imported], gpu: str = "NVIDIA H200") -> ImportedTable:
    return ImportedTable(tuple(found), gpu, {}, origin_of("a/b", "c", "MIT", []))


def test_a_curve_in_another_unit_is_left_out_and_told() -> None:
    kept, (remark,) = possible_rows(table([*rows("gemm"), *rows("up", times=1000)]))
    assert {row.scenario.op for row in kept} == {"gemm"}
    assert remark.startswith("1 of 2 curves left out, whose times may be in us in place of ms")


def test_a_table_in_another_unit_is_refused() -> None:
    with pytest.raises(BadInput, match="times what NVIDIA H200 needs, and no row is nearer to it"):
        possible_rows(table([*rows("gemm", times=1000), *rows("up", times=1000)]))


def test_a_gpu_without_a_data_sheet_is_told() -> None:
    found = rows("gemm", times=1000)
    kept, (remark,) = possible_rows(table(found, gpu="Nobody's"))
    assert (kept, remark[:13]) == (found, "no data sheet")
