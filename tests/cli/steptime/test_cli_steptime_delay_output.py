"""Delays are shown with what each is made of, and with what is unknown."""

from dataclasses import replace

import pytest

from moeprof.cli.steptime.delay_output import shares, show_delays
from moeprof.store.errors import BadInput
from moeprof.store.serving.queue_model import DelayFit, DelayScore, QueueModel

WAIT = DelayFit(
    {"requests": 150.0, "waiting": 9000.0},
    ("kv_above_0.7",),
    200,
    DelayScore(median=0.021, p90=0.4, constant=0.9, mae_us=100.0, groups=10),
)


def test_a_delay_has_its_errors_and_its_terms(capsys: pytest.CaptureFixture[str]) -> None:
    why = {"arrival": "0 requests tell it"}
    show_delays(QueueModel((0.7,), None, WAIT, None, None, why, 200, 2))
    out, err = capsys.readouterr()
    said = " ".join(out.split())
    assert "200 requests of 2 runs" in said
    for part in (
        "queued to scheduled 200 2.1 40.0 90.0",
        "queued to scheduled waiting request 9,000",
        "queued to scheduled share of the cache above 0.7 unknown",
    ):
        assert part in said
    assert "no fit of the time from arrival to queued: 0 requests tell it" in " ".join(err.split())


@pytest.mark.parametrize(("median", "is_told"), [(0.02, False), (0.95, True)])
def test_a_delay_that_a_median_tells_as_well_is_named(
    capsys: pytest.CaptureFixture[str], median: float, is_told: bool
) -> None:
    score = DelayScore(median=median, p90=1.4, constant=0.9, mae_us=100.0, groups=10)
    wait = replace(WAIT, score=score)
    show_delays(QueueModel((0.7,), None, wait, None, None, {}, 200, 2))
    said = "queued to scheduled: the median of all requests errs no more"
    assert (said in " ".join(capsys.readouterr().err.split())) == is_told


def test_shares_are_numbers() -> None:
    assert shares("0.7, 0.9") == (0.7, 0.9)
    assert shares("") == ()
    with pytest.raises(BadInput, match="--kv-thresholds is 'high'"):
        shares("high")
