"""The batch by Little's law and by the times of requests agree with a server of known batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.results.decoding import decode_ms, littles_law, measured_decoding


def test_littles_law_is_rate_times_time() -> None:
    assert littles_law(4.0, 2000.0) == 8.0
    assert littles_law(None, 2000.0) is None


@given(
    batch=st.integers(1, 64),
    tpot_ms=st.floats(1, 100),
    tokens=st.integers(2, 500),
    rounds=st.integers(10, 30),
)
def test_a_closed_loop_without_gaps_runs_its_batch(
    batch: int, tpot_ms: float, tokens: int, rounds: int
) -> None:
    """Each of `batch` clients sends its next request as soon as the last one ends."""
    decode_s = tpot_ms / 1e3 * (tokens - 1)
    start = np.repeat(np.arange(rounds) * decode_s, batch)
    same = np.full(len(start), decode_s)
    found = measured_decoding(start, 0 * start, same, np.full(len(start), float(tokens)))
    assert found is not None
    assert found.batch == pytest.approx(batch)
    assert found.tpot_ms == pytest.approx(tpot_ms)


def test_a_tail_that_drains_does_not_count() -> None:
    """Nine rounds of eight requests, and one request alone behind them."""
    start = np.append(np.repeat(np.arange(9.0), 8), 9.0)
    found = measured_decoding(start, 0 * start, np.ones(73), np.full(73, 101.0))
    assert found is not None
    assert found.batch == pytest.approx(8)
    assert found.tpot_ms == pytest.approx(10)


def test_waiting_before_the_first_token_is_no_decoding() -> None:
    start = np.repeat(np.arange(20.0), 4)
    found = measured_decoding(start, np.full(80, 0.5), np.full(80, 0.5), np.full(80, 51.0))
    assert found is not None
    assert found.batch == pytest.approx(4)
    assert found.tpot_ms == pytest.approx(10)


def test_too_few_requests_tell_nothing() -> None:
    few = np.arange(7.0)
    assert measured_decoding(few, few, few + 1, few + 5) is None
    many = np.arange(20.0)
    assert measured_decoding(many, many, many + 1, np.ones(20)) is None
    assert measured_decoding(many, many, 0 * many, many + 5) is None


def test_the_time_of_decoding_is_measured_or_follows_from_the_tokens() -> None:
    assert decode_ms(1000.0, 200.0, 5.0, 101.0) == 800
    assert decode_ms(None, 200.0, 5.0, 101.0) == 500
    assert decode_ms(100.0, 200.0, 5.0, 101.0) == 500
    assert decode_ms(None, None, 5.0, 1.0) is None
    assert decode_ms(None, None, None, 101.0) is None
