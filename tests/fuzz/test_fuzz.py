"""No field of any input ends in an internal error, a hang or an impossible number.

700 cases, the same in every run; `make fuzz` draws 10,000 others.
"""

from mmap import PAGESIZE, mmap
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.tests.fuzz.case import (
    Fuzzer,
    Hang,
    Target,
    impossible_values,
    resident_bytes,
    time_limit,
)
from moeprof.tests.fuzz.mutations import Mutate, csv_fields, json_fields, toml_fields
from moeprof.tests.fuzz.targets.all import TARGETS, shares

CASES = 700
COUNTS = shares(CASES)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_changed_field_is_read_or_refused(target: Target, tmp_path: Path) -> None:
    fuzzer = Fuzzer(target, tmp_path)
    fuzzer.run_intact()
    outcomes = [fuzzer.run(number) for number in range(COUNTS[target.name])]
    assert [str(one) for one in outcomes if one.fault] == []
    assert sum(one.is_read for one in outcomes) >= target.read_share * len(outcomes)


def _wait_for_ever() -> None:
    while True:
        pass


def test_an_endless_case_is_ended() -> None:
    with time_limit(0.01), pytest.raises(Hang):
        _wait_for_ever()


def test_the_memory_of_a_case_is_seen() -> None:
    before_bytes = resident_bytes(reset_peak=True)
    with mmap(-1, 5 * 10**7) as pages:  # not of the heap, which may hold as much that is free
        pages[::PAGESIZE] = bytes(len(pages[::PAGESIZE]))
    if not before_bytes:
        pytest.skip("the system does not say how much memory was held")
    assert resident_bytes() - before_bytes > 4 * 10**7
    assert resident_bytes(reset_peak=True) - before_bytes < 2 * 10**7


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"latency_us": [1.0, float("nan")]}, ["latency_us is not finite"]),
        ({"energy_mj": [float("inf")]}, ["energy_mj is not finite"]),
        ({"duration_ns": [5, -1]}, ["duration_ns is -1"]),
        ({"start_ns": [-1], "energy_above_idle_mj": [-1.0], "spread": [None]}, []),
    ],
    ids=str,
)
def test_a_table_with_a_number_that_cannot_be_is_a_fault(
    tmp_path: Path, columns: dict[str, list[float | None]], found: list[str]
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    assert list(impossible_values(path)) == [f"t.parquet: {text}" for text in found]


@pytest.mark.parametrize(
    ("mutate", "data"),
    [
        (json_fields, b'{"a": [1, 2]}'),
        (csv_fields, b"a,b\n1,2\n"),
        (toml_fields, b"a = 1\nb = 2\n"),
    ],
)
def test_the_same_draw_changes_the_same_field(mutate: Mutate, data: bytes) -> None:
    drawn = [[mutate(Random(seed), data) for seed in range(50)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len({one.data for one in drawn[0]}) > 25
