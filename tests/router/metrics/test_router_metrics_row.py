"""A row and its cells: derived columns, copies, and what is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.metrics.row import (
    MetricsRow,
    cells,
    changed_share,
    columns,
    effective_experts,
    sensed,
)
from moeprof.router.monitor.snapshot import Counted, MonitorState, Snapshot
from moeprof.store.errors import BadInput
from moeprof.store.provenance import EnergySource

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=16)


def named(row: MetricsRow, rows_lost: int = 0) -> dict[str, Any]:
    return dict(zip(columns(), cells(row, rows_lost), strict=True))


def test_what_is_not_measured_is_none() -> None:
    found = named(MetricsRow(time_ns=1, at_s=2.0), rows_lost=3)
    assert {name: cell for name, cell in found.items() if cell is not None} == {
        "time_ns": 1,
        "at_s": 2.0,
        "rows_lost": 3,
    }


def test_a_row_is_stamped_when_it_is_made() -> None:
    first, second = MetricsRow(), MetricsRow()
    assert first.at_s <= second.at_s
    assert first.time_ns > 1_600_000_000 * 10**9


def test_saved_joules_are_those_of_the_baseline_less_the_predicted() -> None:
    assert named(MetricsRow(baseline_j=1.5, predicted_j=2.0))["saved_j"] == -0.5
    assert named(MetricsRow(predicted_j=2.0))["saved_j"] is None


def test_terms_of_a_decision_have_columns_and_the_others_are_json() -> None:
    found = named(MetricsRow(ttha_terms={"ttha_power_loss": 0.5, "offset_w": np.nan, "gain": 1.0}))
    assert found["ttha_power_loss"] == 0.5
    assert found["ttha_temp_loss"] is None
    assert json.loads(found["ttha_terms"]) == {"offset_w": None, "gain": 1.0}


@given(COUNTS)
def test_effective_experts_are_between_1_and_those_that_are_used(counts: list[int]) -> None:
    found = effective_experts(counts)
    if not any(counts):
        assert found is None
        return
    assert found is not None
    assert 1 - 1e-9 <= found <= np.count_nonzero(counts) * (1 + 1e-9)


def test_effective_experts_are_those_of_equal_loads() -> None:
    assert effective_experts([7, 7, 7, 7, 0]) == pytest.approx(4)
    assert effective_experts([0, 9, 0]) == pytest.approx(1)
    assert effective_experts(None) is None


@given(COUNTS, st.integers(2, 5))
def test_a_change_is_of_shares_alone(counts: list[int], times: int) -> None:
    change = changed_share(counts, [times * count for count in counts])
    assert change is None if not any(counts) else change == pytest.approx(0, abs=1e-12)


def test_a_change_is_the_share_that_must_go_elsewhere() -> None:
    assert changed_share([10, 0], [0, 10]) == 1
    assert changed_share([6, 4], [5, 5]) == pytest.approx(0.1)
    assert changed_share([6, 4], None) is None


@pytest.mark.parametrize("counts", [[3, 1], (3, 1), np.array([3, 1]), torch.tensor([3, 1])])
def test_counts_may_be_any_list_and_are_copied(counts: Any) -> None:
    row = MetricsRow(expert_counts=counts)
    if not isinstance(counts, tuple):
        counts[0] = 99
    cell = named(row)["expert_counts"]
    assert (cell.dtype, cell.tolist()) == (np.int64, [3, 1])


@pytest.mark.parametrize(
    "counts",
    [[-1, 2], [1.5, 2.0], [[1, 2], [3, 4]], ["a"], 5, [1, [2]], torch.empty(2, device="meta")],
)
def test_what_are_no_counts_is_refused(counts: Any) -> None:
    with pytest.raises(BadInput, match="expert_counts"):
        MetricsRow(expert_counts=counts)


def test_counts_of_other_experts_are_refused() -> None:
    with pytest.raises(BadInput, match="expert_counts has 2 experts, and baseline_counts 3"):
        MetricsRow(expert_counts=[1, 2], baseline_counts=[1, 1, 1])


@pytest.mark.parametrize(
    "wrong", [{"tokens": 2**63}, {"tokens": "many"}, {"power_w": "x"}, {"power_w": [1.0]}]
)
def test_a_cell_of_another_type_raises(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        cells(MetricsRow(**wrong), 0)


def test_a_text_stays_on_its_line() -> None:
    assert named(MetricsRow(strategy="a\nb\ud800"))["strategy"] == r"a\nb\ud800"


def test_numbers_of_numpy_and_torch_become_those_of_python() -> None:
    found = named(MetricsRow(tokens=np.int32(4), loss_task=torch.tensor(0.5)))  # type: ignore[arg-type]
    assert (type(found["tokens"]), type(found["loss_task"])) == (int, float)


def test_a_row_takes_a_snapshot_while_it_is_that_of_now() -> None:
    seen = Snapshot(
        5.0,
        MonitorState.WATCHING,
        1.0,
        power_w=300.0,
        power_source=EnergySource.NVML_COUNTER,
        temp_c=60,
        sm_busy_pct=90,
    )
    found = named(MetricsRow(**sensed(seen)))
    assert (found["sensed_at_s"], found["power_w"], found["temp_c"]) == (5.0, 300.0, 60.0)
    assert (found["monitor_state"], found["power_source"]) == ("watching", "nvml_counter")
    assert found["measured_j"] is None
    lost = Snapshot(5.0, MonitorState.STOPPED, 1.0, power_w=300.0)
    assert sensed(lost) == {"monitor_state": "stopped"}


def test_measured_joules_are_those_between_two_snapshots() -> None:
    source = EnergySource.NVML_COUNTER
    before = Snapshot(5.0, MonitorState.WATCHING, 1.0, power_source=source)
    before = replace(before, counted=Counted(100.0, 5.0, 1.0))
    after = replace(before, counted=Counted(700.0, 7.0, 1.0))
    found = named(MetricsRow(**sensed(after, before)))
    assert (found["measured_j"], found["measured_over_s"]) == (600.0, 2.0)
    assert found["measured_source"] == "nvml_counter"
    broken = replace(after, counted=Counted(5.0, 7.0, 6.0))
    assert named(MetricsRow(**sensed(broken, before)))["measured_j"] is None


def test_every_quantity_has_its_unit() -> None:
    """Or it is a count, a share, a price, a pressure, a loss or a word."""
    units = tuple("_ns _s _us _w _c _bytes _pct _mhz _j _nats _scores _mass".split())
    without = {name for name in columns() if not name.endswith(units)}
    words = {name for name, kind in columns().items() if kind is str}
    counts = {"step", "layer", "tokens", "expert_counts", "effective_experts", "rows_lost"}
    dimensionless = ("pressure", "share", "loss", "loss_", "penalty", "bonus", "price_per_j")
    rest = without - words - counts
    assert {name for name in rest if not any(part in name for part in dimensionless)} == set()


def test_without_a_log_of_parquet_there_is_no_pyarrow() -> None:
    script = "import sys, moeprof.router.metrics.logger; print('pyarrow' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stdout == "False\n"
