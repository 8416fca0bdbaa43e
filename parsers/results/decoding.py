"""How many requests decode at once: measured by the times of each request, or by Little's law."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EDGE: Final = 0.1  # share of a run at each end that fills or drains
_LEAST_REQUESTS: Final = 8


@dataclass(frozen=True, slots=True)
class Decoding:
    """The mean number of requests that decode, and the mean time per token of each."""

    batch: float
    tpot_ms: float


def littles_law(requests_per_s: float | None, decode_ms: float | None) -> float | None:
    """Mean number of requests that decode: those per second times the time that each decodes.

    None where either is unknown. Source: Little, A proof for the queuing formula L = lambda W,
    1961. Waiting and prefill are not in the time, so neither is who waits.
    """
    if requests_per_s is None or decode_ms is None:
        return None
    return requests_per_s * decode_ms / 1e3


def decode_ms(
    e2e_ms: float | None, ttft_ms: float | None, tpot_ms: float | None, output_tokens: float | None
) -> float | None:
    """Mean time from a request's first token to its last; None where it is unknown.

    `tpot_ms` leaves the first token out.
    """
    if e2e_ms is not None and ttft_ms is not None and e2e_ms > ttft_ms:
        return e2e_ms - ttft_ms
    if tpot_ms is None or output_tokens is None or output_tokens <= 1:
        return None
    return tpot_ms * (output_tokens - 1)


def measured_decoding(
    start_s: Array, ttft_s: Array, decode_s: Array, output_tokens: Array
) -> Decoding | None:
    """The middle four fifths of a run by the times of its requests; None without enough of them.

    Arrays have one entry a request. It decodes from its first token to its last, `decode_s` later,
    at an even pace. Beginning and end, in which
    the server fills and drains, do not count. The batch is weighted by the tokens that saw it.
    """
    tokens = output_tokens - 1
    ran = (tokens >= 1) & (decode_s > 0)
    if ran.sum() < _LEAST_REQUESTS:
        return None
    first, decode_s, tokens = (start_s + ttft_s)[ran], decode_s[ran], tokens[ran]
    last = first + decode_s
    span = last.max() - first.min()
    low, high = first.min() + _EDGE * span, last.max() - _EDGE * span
    begin, end = np.clip(first, low, high), np.clip(last, low, high)
    inside_s = end - begin
    emitted = (inside_s * tokens / decode_s).sum()
    if not emitted > 0:
        return None
    return Decoding(_mean_seen(begin, end), 1e3 * float(inside_s.sum() / emitted))


def _mean_seen(begin: Array, end: Array) -> float:
    """The mean number of intervals open at once, weighted by itself: what a token sees."""
    times = np.concatenate([begin, end])
    change = np.concatenate([np.ones(len(begin)), -np.ones(len(end))])
    order = np.argsort(times, kind="stable")
    held_s = np.diff(times[order])
    count = np.cumsum(change[order])[:-1]
    return float((count**2 * held_s).sum() / (count * held_s).sum())
