"""The load that a benchmark's client put on a server, and what is odd about it."""

from typing import Final

from .record import Record

_SATURATED: Final = 1.1  # the run's duration over that of the arrivals and one request
_SHORT: Final = 5.0  # requests after each other


def offered_per_s(record: Record) -> float | None:
    """Rate of arrivals per second; None where requests wait for each other or come all at once."""
    value = record.data.get("request_rate")
    if value in ("inf", "trace", None) or value == float("inf"):
        return None
    return record.above_0("request_rate")


def failed_requests(record: Record) -> float | None:
    """How many requests failed; None where the file does not tell."""
    failed = record.number("failed")
    asked, completed = record.number("num_prompts"), record.number("completed")
    if failed is None and asked is not None and completed is not None:
        return max(0.0, asked - completed)
    return failed


def failed_share(record: Record) -> float | None:
    """The share of the requests that failed; None where the file does not tell."""
    failed, completed = failed_requests(record), record.number("completed")
    if failed is None or completed is None or not failed + completed:
        return None
    return failed / (failed + completed)


def load_notes(record: Record) -> str:
    """Say what is odd about a run's load, parted by "; "; "" where nothing is."""
    found, offered = [], offered_per_s(record)
    completed, duration_s = record.number("completed") or 0.0, record.above_0("duration")
    if failed := failed_requests(record):
        found.append(f"{failed:g} of {failed + completed:g} requests failed")
    if duration_s and (request_s := _request_s(record)):
        if offered and duration_s > _SATURATED * (completed / offered + request_s):
            found.append(
                f"saturated: {offered:g} requests a second offered,"
                f" {completed / duration_s:.3g} completed"
            )
        if duration_s < _SHORT * request_s:
            found.append("short: filling and draining the server is a large part of the run")
    burstiness = record.number("burstiness")
    if burstiness is not None and burstiness < 1 and offered:
        found.append(f"arrivals in bursts: burstiness {burstiness:g}")
    if record.text("ramp_up_strategy"):
        found.append("the rate of arrivals rises: the batch is a mean over several loads")
    return "; ".join(found)


def _request_s(record: Record) -> float | None:
    """Mean seconds from a request to its end; None where it is unknown."""
    if e2e_ms := record.above_0("mean_e2el_ms") or record.above_0("mean_e2e_latency_ms"):
        return e2e_ms / 1e3
    ttft_ms, tpot_ms = record.above_0("mean_ttft_ms"), record.above_0("mean_tpot_ms")
    completed, tokens = record.above_0("completed"), record.above_0("total_output_tokens")
    if ttft_ms and tpot_ms and completed and tokens:
        return (ttft_ms + tpot_ms * max(0.0, tokens / completed - 1)) / 1e3
    return None
