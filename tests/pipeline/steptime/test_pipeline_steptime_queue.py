"""Delays are fitted where a folder has journeys, at the thresholds that are given."""

from pathlib import Path

import pytest

from moeprof.pipeline.steptime.queue import queue_of
from moeprof.store.errors import BadInput
from moeprof.store.serving.journeys_table import JourneyRow, append_journeys
from moeprof.tests.costmodel.steptime.public_folder import public_folder


def journeys(folder: Path, count: int = 40) -> Path:
    """Requests that wait 100 us, and 50 us for each that waits."""
    append_journeys(
        folder,
        [
            JourneyRow(
                name=f"f:{at}", engine_run="vllm", model="llama-3-8b", gpu="H100",
                precision="bf16", engine="vllm", engine_version="", tp=1, ep=1, dp=1,
                time_s=float(at), arrival_us=None, wait_us=100.0 + 50 * (at % 7), token_us=None,
                delivery_us=None, prompt_tokens=100.0, context_tokens=200.0,
                waiting=float(at % 7), running=3.0, kv_ratio=None, recent_preemptions=None,
            )
            for at in range(count)
        ],
    )  # fmt: skip
    return folder


def test_a_folder_without_journeys_has_no_delays(tmp_path: Path) -> None:
    assert queue_of(public_folder(tmp_path), (0.7,)) is None


def test_journeys_of_a_folder_are_fitted(tmp_path: Path) -> None:
    found = queue_of(journeys(public_folder(tmp_path)), (0.6, 0.8))
    assert found is not None
    assert found.kv_thresholds == (0.6, 0.8)
    assert found.wait is not None
    assert found.wait.coefficients == pytest.approx({"requests": 100, "waiting": 50}, rel=1e-6)
    assert set(found.missing) == {"arrival", "token", "delivery"}


@pytest.mark.parametrize("thresholds", [(0.9, 0.7), (0.7, 0.7), (1.0,), (-0.1,), (float("nan"),)])
def test_thresholds_are_ascending_shares(thresholds: tuple[float, ...], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no ascending shares"):
        queue_of(tmp_path, thresholds)
