"""The physics gate of whole steps: rows that cannot be true are refused, with reasons and counts.

The time of a row is held against what its GPUs can read, compute and keep; stated.py judges before
what the row says of itself.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ....store.errors import BadInput
from ..engine.memory import cached_bytes, weight_bytes
from ..features.columns import columns
from ..features.experts import active_experts
from ..features.precisions import PRECISIONS
from ..features.steps import Array
from ..roofline import decode_roofline_us, roofline_us, weights_us
from .first_token import TOO_EARLY
from .serving_rows import ServingRows, Strings
from .stated import (
    NO_NUMBER,
    OF_RUNS,
    OVER_LIMIT,
    TOO_LONG,
    WRONG_BATCH,
    WRONG_CONTEXT,
    WRONG_OUTPUT,
)
from .units import unit_by_roofline

NO_ROOM: Final = "weights larger than the memory of so many GPUs"
NO_CACHE: Final = "the caches of its requests are more than 4 x the memory of its GPUs"
TOO_SLOW: Final = "slower than 500 x the roofline"
TOO_FAST: Final = "faster than reading the dense weights + k experts once"
ABOVE_ROOFLINE: Final = "above 1.15 x roofline (weights+KV or FLOPs)"
ABOVE_PROMPTS: Final = "above 1.5 x roofline with the FLOPs of its prompts"

_ALLOWANCE: Final = 1.15  # boost clocks, caches and routing to fewer experts explain so much
# Prompts are means, and those that a prefix cache holds cost little. 4,216 public rows of loops
# have at most 1.15; a static batch computes its prompts before the tokens that are timed.
_WITH_PROMPTS: Final = 1.5
# Clients let more requests run than the cache holds, and caches of fp8 hold twice as many; public
# rows have at most 2.4.
_MOST_CACHE: Final = 4.0
_SLOWEST: Final = 500.0  # the slowest of the public rows takes 90 rooflines
_BY_TIME: Final = (TOO_FAST, ABOVE_ROOFLINE, ABOVE_PROMPTS, TOO_SLOW)
_OF_TIMES: Final = (
    WRONG_BATCH, WRONG_CONTEXT, WRONG_OUTPUT, OVER_LIMIT, NO_NUMBER, TOO_LONG, TOO_EARLY, NO_ROOM,
    NO_CACHE, *_BY_TIME,
)  # fmt: skip
_LOOK_AT_TIMES: Final = (
    "look at the units of times and lengths, and at the model, GPU and number of GPUs; a step is no"
    " shorter than reading the weights"
)
_LOOK_AT_RUNS: Final = (
    "take runs whose requests completed, of text and without drafts, on GPUs of one node that all"
    " prefill and decode, of a model that the folder has"
)
_LOOK_AT_NAMES: Final = (
    "correct the GPU, precision and split of these rows, or leave them out; precisions are"
    f" {', '.join(PRECISIONS)}, and docs/steptime-method.md has the GPUs"
)
_MOST_NAMED: Final = 5  # reasons in one sentence
_SMALLEST_SHARE: Final = 0.5  # share of all rows that must pass


@dataclass(frozen=True, slots=True)
class Refused:
    """How many of `rows` were refused, by reason.

    `left_out` counts single values of the others that are not used: power, decode and mean steps.
    """

    rows: int
    by_reason: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Refused rows."""
        return sum(self.by_reason.values())

    def require_most(self, hint: str = "") -> None:
        """Raise BadInput, with the counts, where more than half of the rows are refused.

        Without a `hint`, the most frequent reason says what to look at.
        """
        if self.rows and self.count > _SMALLEST_SHARE * self.rows:
            frequent = Counter(self.by_reason).most_common(_MOST_NAMED)
            named = "; ".join(f"{why}: {n}" for why, n in frequent)
            if (others := len(self.by_reason) - len(frequent)) > 0:
                named += f"; {others} other reasons"
            raise BadInput(
                f"{self.count} of {self.rows} rows cannot be true: {named}",
                hint=hint or _way_out(frequent[0][0]),
            )


def _way_out(reason: str) -> str:
    """What to look at, by the most frequent reason."""
    if reason.startswith(_OF_TIMES):
        return _LOOK_AT_TIMES
    return _LOOK_AT_RUNS if reason in OF_RUNS else _LOOK_AT_NAMES


def refused(reasons: Strings, left_out: dict[str, int] | None = None) -> Refused:
    """Count the reasons of rows, "" for one that passed."""
    counts = Counter(str(reason) for reason in reasons if reason)
    return Refused(len(reasons), dict(counts.most_common()), left_out or {})


def physical_reasons(rows: ServingRows) -> Strings:
    """Why the time of each row cannot be true; "" where it can; of shape (n,).

    Nor can a row be true whose GPUs cannot hold the weights, or keep the caches: their number is
    wrong, or a length. The time is that of a step that decodes alone where it was measured, else
    the mean step, which its prompts must fit into too. Where nearly all times of a source look like
    another unit, its refused rows say so.
    """
    decoding = np.isfinite(rows.decode_us)
    step_us = np.where(decoding, rows.decode_us, rows.step_us)
    floor_us, decode_us, whole_us = _shortest_us(rows)
    room = np.asarray([weight_bytes(one) <= one.gpu.memory_bytes for one in rows.deployments])
    by_reason = {
        TOO_FAST: floor_us > step_us,
        ABOVE_ROOFLINE: decode_us > _ALLOWANCE * step_us,
        ABOVE_PROMPTS: whole_us > _WITH_PROMPTS * rows.step_us,
        TOO_SLOW: step_us > _SLOWEST * np.where(decoding, decode_us, whole_us),
        NO_ROOM: ~room[rows.which],
        NO_CACHE: _cache_shares(rows) > _MOST_CACHE,
    }
    reasons = np.select(list(by_reason.values()), list(by_reason), "").astype(np.object_)
    for source in np.unique(rows.source):
        at = np.flatnonzero(rows.source == source)
        if unit := unit_by_roofline(decode_us[at] / step_us[at]):
            reasons[at] = [
                f"{reason}; {unit}" if reason in _BY_TIME else reason for reason in reasons[at]
            ]
    return reasons.astype(np.str_)


def _shortest_us(rows: ServingRows) -> tuple[Array, Array, Array]:
    """Reading the weights of one token; the roofline of decoding, and with prefills; each (n,)."""
    floor_us, decode_us, whole_us = (np.zeros(len(rows)) for _ in range(3))
    for place in np.unique(rows.which):
        at, served = np.flatnonzero(rows.which == place), rows.deployments[place]
        found = columns(served, rows.steps.taken(at))
        floor_us[at] = weights_us(served, active_experts(served.model, np.ones(len(at))))
        decode_us[at], whole_us[at] = decode_roofline_us(found), roofline_us(found)
    return floor_us, decode_us, whole_us


def _cache_shares(rows: ServingRows) -> Array:
    """The caches of all running requests over the memory of the GPUs that keep them; (n,)."""
    found = np.zeros(len(rows))
    for place in np.unique(rows.which):
        at, served = np.flatnonzero(rows.which == place), rows.deployments[place]
        kept = cached_bytes(served, rows.steps.context_tokens[at])
        found[at] = rows.steps.running[at] / served.dp * kept / served.gpu.memory_bytes
    return found
