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


def test_this_machine_has_some_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "_PROCESSES", 2)
    monkeypatch.setattr(noise, "_ROUNDS", 2)
    found = noise.noise("cpu")
    assert found.values["spread_ratio"] is not None
    assert found.values["spread_ratio"] > 0
    assert "4 readings" in found.evidence


def test_a_script_that_fails_is_a_fault_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('out of order')")
    monkeypatch.setattr(noise, "write_script", lambda folder, device: broken)
    found = noise.noise("cpu")
    assert found.status is Status.FAULT
    assert "out of order" in found.evidence
