"""How many readings a change takes, against a simulation; and the A/A run on this machine."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from moeprof.doctor import repeatability as noise
from moeprof.doctor.check_result import Status

spreads = st.floats(1e-4, 0.2)
changes = st.floats(0.005, 0.3)


@pytest.mark.parametrize(("spread", "change"), [(0.02, 0.03), (0.02, 0.01), (0.05, 0.05)])
def test_so_many_readings_see_the_change_in_four_of_five_comparisons(
    spread: float, change: float
) -> None:
    readings = noise.readings_needed(spread, change)
    assert readings is not None
    draw = np.random.default_rng(0)
    shape = (4000, readings)
    before = draw.normal(0, spread, shape)
    after = draw.normal(np.log1p(change), spread, shape)
    seen = float(np.mean(ttest_ind(before, after, axis=1).pvalue < 0.05))
    assert 0.78 <= seen <= 0.88  # readings are whole


@given(spread=spreads, change=changes, factor=st.floats(1, 3))
@settings(deadline=None, max_examples=50)
def test_more_noise_takes_more_readings_and_a_greater_change_fewer(
    spread: float, change: float, factor: float
) -> None:
    def needed(spread: float, change: float) -> float:
        return noise.readings_needed(spread, change) or float("inf")

    assert 2 <= needed(spread, change) <= needed(spread * factor, change)
    assert needed(spread, change * factor) <= needed(spread, change)


def test_noise_beyond_reason_has_no_number_of_readings() -> None:
    assert noise.readings_needed(5, 0.01) is None
    assert "too many" in noise.judge(noise.Noise(5, 1, 18)).evidence


def test_one_disturbed_reading_does_not_move_the_spread() -> None:
    draw = np.random.default_rng(1)
    readings = [list(draw.normal(1e6, 1e4, 50)) for _ in range(3)]
    quiet = noise.noise_of(readings)
    readings[0][0] *= 50
    assert quiet.spread == pytest.approx(0.01, rel=0.2)
    assert noise.noise_of(readings).spread == pytest.approx(quiet.spread, rel=0.05)


def test_the_spread_is_that_of_readings_with_a_process_each() -> None:
    draw = np.random.default_rng(2)
    spreads = [
        noise.noise_of(
            [np.exp(draw.normal(draw.normal(0, 0.02), 0.01, 6)).tolist() for _ in range(3)]
        ).spread
        for _ in range(400)
    ]
    assert np.sqrt(np.mean(np.square(spreads))) == pytest.approx(np.hypot(0.01, 0.02), rel=0.1)


def test_a_process_that_is_slower_than_its_equals_is_shown() -> None:
    found = noise.noise_of([[100, 101, 99], [100, 101, 99], [105, 106, 104]])
    assert found.shift == pytest.approx(0.05)
    assert found.spread > 0.05 / 2
    assert found.readings == 9


def test_a_noisy_machine_is_warned_of() -> None:
    noisy = noise.judge(noise.Noise(0.05, 0.02, 18))
    assert noisy.status is Status.WARNING
    assert noisy.values["readings_for_1_percent"] == 398
    assert noise.judge(noise.Noise(0.005, 0.001, 18)).status is Status.OK


# Times a call at 1 ms, and 10 % more in each second process that starts.
STAND_IN = """
import json, sys
from pathlib import Path
started = Path(__file__).with_suffix(".started")
number = len(started.read_text()) if started.exists() else 0
started.write_text("x" * (number + 1))
print(json.dumps({"pid": 0}), flush=True)
for line in sys.stdin:
    tokens, repeat = map(int, line.split())
    calls_ns = [1_000_000 + 100_000 * (number % 2)] * 3
    print(json.dumps({
        "scenario_key": "fc1", "visit": repeat, "calls": 3, "calls_ns": calls_ns,
        "started_utc_ns": 1, "ended_utc_ns": 2,
    }), flush=True)
"""


def test_equal_processes_are_timed_in_turns(tmp_path: Path) -> None:
    script = tmp_path / "fc1.py"
    script.write_text(STAND_IN)
    found = noise.noise_of_script(script)
    assert found.values["shift_ratio"] == pytest.approx(0.1)
    assert "18 readings of fc1 b=64 in 3 equal processes" in found.evidence


def test_the_script_is_that_of_one_point_of_a_run(tmp_path: Path) -> None:
    script = noise.write_script(tmp_path, "cpu")
    compile(script.read_text(), script, "exec")
    assert "SIZES = [64]" in script.read_text()


@pytest.mark.parametrize(
    "what_happens",
    [
        "raise SystemExit('out of order')",
        "print('{}', flush=True); input(); print('{\"error\": \"out of order\"}', flush=True)",
    ],
    ids=["at its start", "at a point"],
)
def test_a_script_that_fails_is_a_fault_with_its_reason(tmp_path: Path, what_happens: str) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(f"import sys\n{what_happens}")
    found = noise.noise_of_script(broken)
    assert found.status is Status.FAULT
    assert "out of order" in found.evidence
