"""What a delay is made of, by columns: the same functions for a fit and for a simulator.

They are the design's F_queue and F_token without its divisors: max_model_len and max_num_seqs are
constants of an engine, which a coefficient takes in, and no trace has them. Arguments are floats,
or arrays of one shape.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from ..features.steps import Array

KV_THRESHOLDS: Final = (0.7, 0.9)  # shares of the cache in use, above which requests wait longer

Value = TypeVar("Value", float, Array)


def threshold_name(threshold: float) -> str:
    """Name of the column of what is in use above a threshold."""
    return f"kv_above_{threshold:g}"


def queue_columns(
    prompt_tokens: Value,
    waiting: Value,
    kv_ratio: Value,
    recent_preemptions: Value,
    thresholds: Sequence[float],
) -> dict[str, Value]:
    """Columns of arrival and of waiting: per request, token, waiting request, share and preemption.

    `waiting` requests stood in the queue, `kv_ratio` of the cache was in use, and
    `recent_preemptions` requests were preempted in the last ten steps.
    """
    above = {
        threshold_name(threshold): (kv_ratio - threshold) * (kv_ratio > threshold)
        for threshold in thresholds
    }
    return {
        "requests": 0 * prompt_tokens + 1,
        "prompt_tokens": prompt_tokens,
        "waiting": waiting,
        **above,
        "recent_preemptions": recent_preemptions,
    }


def token_columns(kv_read_us: Value) -> dict[str, Value]:
    """Columns of the time between two tokens: per token, and of reading the context's cache.

    `kv_read_us` is what reading it takes at the peak rate of the memory.
    """
    return {"tokens": 0 * kv_read_us + 1, "kv_read": kv_read_us}


def delivery_columns(running: Value) -> dict[str, Value]:
    """Columns of the way of a token from the engine to the client: per token, and running request.

    One process of the server serves all running requests.
    """
    return {"tokens": 0 * running + 1, "running": running}
