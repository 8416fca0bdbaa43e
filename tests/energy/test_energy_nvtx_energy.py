"""Energy of NVTX ranges: right where the sensor resolves them, else null with the reason."""

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.energy.nvtx_energy import MAY_LAG, Unmeasured, range_energies
from moeprof.energy.nvtx_windows import RangedLaunches
from moeprof.energy.readings import update_period_s
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_tables import trace_tables
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.tables.schemas import SCHEMAS
from moeprof.tests.energy.power_logs import MS, S, series
from moeprof.tests.parsers.pieces import concatenated

NsysFile = Any  # tests/parsers/conftest.py
Launch = tuple[str | None, int, int]  # range, start, end; consecutive equal names share a range

EACH_100_MS = np.arange(0, 20 * S, 100 * MS)


def _power(
    power_w: object = None, time_ns: object = EACH_100_MS, gpu: int | None = 0, **more: object
) -> pa.Table:
    """Readings of one GPU: 300 W and a little noise by default."""
    times = np.asarray(time_ns, np.int64)
    noisy = 300 + np.arange(len(times)) % 3 / 10
    watts = noisy if power_w is None else np.broadcast_to(np.asarray(power_w, float), times.shape)
    columns = {"time_ns": times, "power_w": watts, "gpu": [gpu] * len(times)} | more
    return table_from_columns("power_samples", {"averaged": [False] * len(times)} | columns)


def _launches(launches: Sequence[Launch], gpu: Sequence[int] | None = None) -> RangedLaunches:
    names = [name for name, _, _ in launches]
    opens = [name is not None and name != last for last, name in pairwise([None, *names])]
    opened = [name for name, begins in zip(names, opens, strict=True) if begins]
    return RangedLaunches(
        occurrence=np.where([name is None for name in names], -1, np.cumsum(opens) - 1).astype(
            np.int32
        ),
        names=pa.array(opened, pa.string()).dictionary_encode(),
        start_ns=np.array([start for _, start, _ in launches], np.int64),
        duration_ns=np.array([end - start for _, start, end in launches], np.int64),
        gpu=np.array(gpu or [0] * len(launches), np.int64),
    )


def _table(power: pa.Table, launches: RangedLaunches) -> pa.Table:
    return pa.concat_tables(range_energies(power, launches))


def _only(power: pa.Table, launches: RangedLaunches) -> dict[str, Any]:
    (row,) = _table(power, launches).to_pylist()
    return dict(row)


def test_the_energy_of_a_range_is_that_from_its_first_kernel_to_its_last() -> None:
    busy = [("fc1", 2 * S + at * MS, 2 * S + (at + 40) * MS) for at in range(0, 2000, 50)]
    found = _only(_power(), _launches(busy))
    assert found["reason"] is None
    assert (found["occurrences"], found["launches"], found["measured_launches"]) == (1, 40, 40)
    assert (found["measured_s"], found["readings"]) == (1.99, 20)
    assert found["power_w"] == pytest.approx(300.1, abs=0.05)
    assert found["energy_mj"] == pytest.approx(found["power_w"] * 1990 / 40)
    assert found["energy_mj_ci95"] == pytest.approx(found["power_w_ci95"] * 1990 / 40)
    assert 0 < found["power_w_ci95"] < 0.1
    assert (found["source"], found["marks"]) == ("nsys_nvml", [])


def test_occurrences_add_up_and_short_ones_are_left_out() -> None:
    power_w = np.where(EACH_100_MS < 5 * S, 200.0, 400.0) + np.arange(200) % 3 / 100
    rows: list[Launch] = [
        ("fc1", 1 * S, 2 * S), (None, 2 * S, 2 * S + MS),
        ("fc1", 6 * S, 9 * S), (None, 9 * S, 9 * S + MS),
        ("fc1", 10 * S, 10 * S + MS), ("fc1", 10 * S + MS, 10 * S + 2 * MS),
    ]  # fmt: skip
    found = _only(_power(power_w), _launches(rows))
    assert (found["occurrences"], found["launches"], found["measured_launches"]) == (3, 4, 2)
    assert found["measured_s"] == 4
    assert found["power_w"] == pytest.approx((200 + 3 * 400) / 4, rel=1e-3)
    assert found["energy_mj"] == pytest.approx((200 + 3 * 400) / 2 * 1000, rel=1e-3)


step_ms, watts = st.integers(80, 120), st.integers(5, 500)


@settings(max_examples=60)
@given(
    readings=st.lists(st.tuples(step_ms, watts), min_size=90, max_size=90),
    gaps_and_ranges_ms=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 900)), max_size=5),
)
def test_ranges_and_the_gaps_between_them_hold_all_the_energy(
    readings: list[tuple[int, int]], gaps_and_ranges_ms: list[tuple[int, int]]
) -> None:
    time_ns = np.cumsum([step for step, _ in readings]) * MS
    power_w = np.array([2.0 * power + at % 2 for at, (_, power) in enumerate(readings)])
    period_s = update_period_s(series(time_ns, power_w))
    assert period_s is not None
    late_ns = np.minimum(np.diff(time_ns, prepend=time_ns[0]), int(period_s * S)) // 2
    since_ns = time_ns - int(period_s * S) - late_ns  # what a reading speaks for lies before it

    def joules(begin_ns: float, end_ns: float) -> float:
        bounds = np.clip(np.append(since_ns, np.inf), begin_ns, end_ns)
        bounds[0] = begin_ns
        return float(np.sum(np.diff(bounds) * power_w)) / S

    def smeared_joules(begin_ns: float, end_ns: float) -> float:
        """A sixth of a period's difference at each end."""
        before_w = power_w[
            np.searchsorted(since_ns, begin_ns - int(period_s * S), side="right") - 1
        ]
        after_w = power_w[np.searchsorted(since_ns, end_ns)]
        mean_w = joules(begin_ns, end_ns) / (end_ns - begin_ns) * S
        return float(2 * mean_w - before_w - after_w) * period_s / 6

    ends_ms = 200 + np.cumsum(np.array(gaps_and_ranges_ms, int).reshape(-1, 2))
    bounds_ns = [200 * MS, *(ends_ms * MS).tolist(), 7000 * MS]  # gap, range, ..., gap
    spans = list(pairwise(bounds_ns))
    launches = _launches([(f"r{at}", *spans[at]) for at in range(1, len(spans) - 1, 2)])
    found = _table(_power(power_w, time_ns), launches).to_pylist()
    energies = {row["range_name"]: row["energy_mj"] for row in found}
    total = 0.0
    for at, span in enumerate(spans):
        measured = energies.get(f"r{at}")
        assert measured is not None or at % 2 == 0 or span[1] - span[0] < 600 * MS
        here = joules(*span) if measured is None else measured / 1000 - smeared_joules(*span)
        total += here
    assert total == pytest.approx(joules(bounds_ns[0], bounds_ns[-1]), rel=1e-6, abs=1e-3)


LOAD = _launches([("fc1", 5 * S, 8 * S)])
HOT: dict[str, Any] = {"temp_c": 50.0 + np.arange(200) // 10}


@pytest.mark.parametrize(
    ("power", "launches", "reason"),
    [
        (_power(), _launches([("fc1", 5 * S, 5 * S + 290 * MS)]),
         Unmeasured.TOO_SHORT),
        (_power(), _launches([("fc1", 5 * S, 5 * S)]), Unmeasured.TOO_SHORT),
        (_power(gpu=1), LOAD, Unmeasured.NO_READINGS),
        (_power(gpu=None), LOAD, Unmeasured.UNNAMED),
        (_power(), _launches([("fc1", 5 * S, 8 * S)], gpu=[-1]), Unmeasured.UNKNOWN_GPU),
        (_power(), _launches([("fc1", 5 * S, 8 * S), (None, 6 * S, 6 * S + 61 * MS)]),
         Unmeasured.SHARED),
        (_power(250.0), LOAD, Unmeasured.FROZEN),
        (_power(0.0), LOAD, Unmeasured.NO_READINGS),
        (_power(np.where(EACH_100_MS < 4 * S, 100 + np.arange(200) % 7, 250.0), **HOT), LOAD,
         Unmeasured.FROZEN),
        (_power(time_ns=EACH_100_MS[EACH_100_MS < 6 * S]), LOAD, Unmeasured.HOLE),
        (_power(time_ns=EACH_100_MS[EACH_100_MS < 4 * S]), LOAD, Unmeasured.HOLE),
        (_power(time_ns=EACH_100_MS[abs(EACH_100_MS - 7 * S) > 200 * MS]), LOAD,
         Unmeasured.HOLE),
        (_power(), _launches([("fc1", -1, -2)]), Unmeasured.UNTIMED),
        (_power(averaged=[True] * 200), _launches([("fc1", 5 * S, 6 * S + 290 * MS)]),
         Unmeasured.TOO_SHORT),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_measured_is_null_with_a_reason(
    power: pa.Table, launches: RangedLaunches, reason: Unmeasured
) -> None:
    first = _table(power, launches).to_pylist()[0]
    assert first["reason"] == reason
    quantities = [name for name in first if name.endswith(("_w", "_mj", "_ci95"))]
    assert len(quantities) == 4
    assert {first[name] for name in quantities} == {None}
    assert (first["source"], first["launches"], first["measured_launches"]) == ("unavailable", 1, 0)
    assert first["readings"] == 0


def test_kernels_of_others_may_take_two_percent_and_on_other_gpus_any_time() -> None:
    rows: list[Launch] = [
        ("fc1", 5 * S, 8 * S),
        (None, 6 * S, 6 * S + 59 * MS),
        (None, 7 * S, 8 * S),
    ]
    assert _only(_power(), _launches(rows, gpu=[0, 0, 1]))["reason"] is None


def test_readings_between_two_refreshes_count_once() -> None:
    each_10_ms = np.arange(0, 20 * S, 10 * MS)
    power_w = 300 + (each_10_ms // (100 * MS)) % 3
    often = _power(power_w, each_10_ms)
    found, once = (_only(each, LOAD) for each in (often, _power(power_w[::10])))
    assert (found["readings"], once["readings"]) == (30, 30)
    assert found["power_w"] == pytest.approx(once["power_w"], rel=1e-3)
    assert found["power_w_ci95"] == pytest.approx(once["power_w_ci95"], rel=0.01)
    short = _launches([("fc1", 5 * S, 5 * S + 290 * MS)])
    assert _only(often, short)["reason"] == Unmeasured.TOO_SHORT


@pytest.mark.parametrize("poll_ms", [10, 100])
@pytest.mark.parametrize("length_ms", [500, 1000, 3000])
def test_the_interval_contains_what_the_sensor_sees_late(poll_ms: int, length_ms: int) -> None:
    rng = np.random.default_rng(0)
    for begin_ms in rng.integers(1500, 1700, 20).tolist():
        truth_w = np.full(6000, 100.0)
        truth_w[begin_ms : begin_ms + length_ms] = 300
        refresh_ms = np.arange(int(rng.integers(100, 200)), 6000, 100)
        shown_w = [truth_w[at - 25 : at].mean() + at % 7 / 100 for at in refresh_ms]
        time_ms = np.arange(200 + int(rng.integers(100)), 6000, poll_ms)
        seen = np.searchsorted(refresh_ms, time_ms, side="right") - 1
        power = _power(np.array(shown_w)[seen], time_ms * MS)
        found = _only(power, _launches([("fc1", begin_ms * MS, (begin_ms + length_ms) * MS)]))
        assert abs(found["power_w"] - 300) < found["power_w_ci95"] < 75_000 / length_ms


@pytest.mark.parametrize(("period_ms", "poll_ms"), [(100, 10), (100, 100), (20, 10)])
@pytest.mark.parametrize("occurrences", [1, 3, 60])
def test_the_bias_of_smeared_steps_does_not_grow_with_the_occurrences(
    period_ms: int, poll_ms: int, occurrences: int
) -> None:
    """A sensor that shows the mean since its last refresh; 300 W between pauses at 100 W."""
    rng = np.random.default_rng(period_ms)
    errors = []
    for _ in range(max(1, 30 // occurrences)):
        gaps_ms = rng.integers(200, 330, occurrences)
        begins_ms = 1000 + np.cumsum(gaps_ms) + 1000 * np.arange(occurrences)
        truth_w = np.full(begins_ms[-1] + 3000, 100.0)
        for begin_ms in begins_ms.tolist():
            truth_w[begin_ms : begin_ms + 1000] = 300
        refresh_ms = np.arange(period_ms + int(rng.integers(period_ms)), len(truth_w), period_ms)
        shown_w = [truth_w[at - period_ms : at].mean() + at % 7 / 100 for at in refresh_ms]
        time_ms = np.arange(2 * period_ms + int(rng.integers(poll_ms)), len(truth_w), poll_ms)
        seen = np.searchsorted(refresh_ms, time_ms, side="right") - 1
        power = _power(np.array(shown_w)[seen], time_ms * MS)
        rows: list[Launch] = []
        for begin_ms in begins_ms.tolist():
            end_ns = (begin_ms + 1000) * MS
            rows += [("fc1", begin_ms * MS, end_ns), (None, end_ns, end_ns + 1)]
        found = _only(power, _launches(rows))
        errors.append(found["power_w"] / 300 - 1)
        assert abs(errors[-1]) < found["power_w_ci95"] / 300
        widest = 1.3 / math.sqrt(occurrences) + 0.6
        assert found["power_w_ci95"] / 300 < widest * period_ms / 1000
    assert abs(np.mean(errors)) < 0.008 * (period_ms + poll_ms) / 100


def test_a_mean_of_the_last_second_is_read_a_second_later_and_an_unknown_one_is_flagged() -> None:
    jump = np.where(EACH_100_MS < 5 * S, 100.0, 300.0) + np.arange(200) % 3 / 100
    lagging = np.convolve(np.append(np.full(9, jump[0]), jump), np.ones(10) / 10, "valid")
    known = _only(_power(lagging, averaged=[True] * 200), LOAD)
    assert known["power_w"] == pytest.approx(300, rel=1e-3)
    assert (known["measured_s"], known["marks"]) == (3, [])
    unknown = _only(_power(lagging, averaged=[None] * 200), LOAD)
    assert unknown["power_w"] < 280
    assert unknown["marks"] == [MAY_LAG.sentence]


def test_without_ranges_the_table_is_empty() -> None:
    empty = _table(_power(), _launches([(None, 0, S)]))
    assert empty.equals(SCHEMAS["range_energies"].empty_table())


def test_gpus_are_joined_by_the_profilers_id_and_not_by_the_ordinal(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    for gpu, ordinal in ((2, 0), (5, 1)):
        file.add("TARGET_INFO_GPU", id=gpu, name="GPU")
        file.add("TARGET_INFO_CUDA_DEVICE", gpuId=gpu, cudaId=ordinal, pid=4242)
    for number, device in enumerate([0, 1]):
        file.range(10 * number, 10 * number + 9, "fc1", domainId=3)
        file.launch(10 * number + 1, 10 * number + 2, correlation=number)
        file.kernel(S, 3 * S, number, deviceId=device)
    file.domain(3, "serve")
    for at in range(40):
        for gpu, watts in ((2, 200), (5, 500)):
            data = {"GPU ID": gpu, "Power": (watts + at % 3) * 1000}
            time = at * 100 * MS + gpu
            file.add("GENERIC_EVENTS", timestamp=time, typeId=7, data=json.dumps(data))
    tables = concatenated(trace_tables(read_nsys(file.close()), "gelu.0", True))
    rows = tables["range_energies"].to_pylist()
    assert {row["recording"] for row in rows} == {"gelu.0"}
    found = [(row["range_name"], row["gpu"], round(row["power_w"], -1)) for row in rows]
    assert found == [("serve:fc1", 2, 200), ("serve:fc1", 5, 500)]
