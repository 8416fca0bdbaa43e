"""The A/A run on this machine, and what its spread costs."""

from pathlib import Path

import pytest

from moeprof.doctor import repeatability as noise
from moeprof.doctor.check_result import Status
from moeprof.stats.repeatability import Repeatability
from moeprof.tests.profiler.answering import ANSWER


def test_noise_beyond_reason_has_no_number_of_readings() -> None:
    assert "too many" in noise.judge(Repeatability(5, 1, 18)).evidence


def test_a_noisy_machine_is_warned_of() -> None:
    noisy = noise.judge(Repeatability(0.05, 0.02, 18))
    assert noisy.status is Status.WARNING
    assert noisy.values["readings_for_1_percent"] == 398
    assert noise.judge(Repeatability(0.005, 0.001, 18)).status is Status.OK


# Times a call at 1 ms, and 10 % more in each second process that starts.
STAND_IN = (
    ANSWER
    + """
from pathlib import Path
started = Path(__file__).with_suffix(".started")
number = len(started.read_text()) if started.exists() else 0
started.write_text("x" * (number + 1))
answer({"ready": True})
for line in sys.stdin:
    tokens, repeat = map(int, line.split()[:2])
    calls_ns = [1_000_000 + 100_000 * (number % 2)] * 3
    answer({
        "scenario_key": "fc1", "visit": repeat, "calls": 3, "calls_ns": calls_ns,
        "started_utc_ns": time.time_ns(), "ended_utc_ns": time.time_ns(),
    })
"""
)


def test_equal_processes_are_timed_in_turns(tmp_path: Path) -> None:
    script = tmp_path / "fc1.py"
    script.write_text(STAND_IN)
    found = noise.noise_of_script(script)
    assert found.values["shift_ratio"] == pytest.approx(0.1)
    assert "18 readings of fc1 b=64 in 3 equal processes" in found.evidence


@pytest.mark.parametrize(
    "what_happens",
    [
        "raise SystemExit('out of order')",
        "answer({'ready': True}); input(); answer({'error': 'out of order'})",
    ],
    ids=["at its start", "at a point"],
)
def test_a_script_that_fails_is_a_fault_with_its_reason(tmp_path: Path, what_happens: str) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(ANSWER + what_happens)
    found = noise.noise_of_script(broken)
    assert found.status is Status.FAULT
    assert "out of order" in found.evidence
