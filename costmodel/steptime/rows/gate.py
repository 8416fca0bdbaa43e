"""The physics gate of whole steps: rows that cannot be true are refused, with reasons and counts.

What a row says of itself is judged first, then its time against what its GPUs can read and compute.
"""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final

import numpy as np

from ....store.errors import BadInput
from ....store.serving.serving_row import LITTLES_LAW, STEP
from ..engine.memory import weight_bytes
from ..features.columns import columns
from ..features.experts import active_experts
from ..features.steps import Array
from ..roofline import decode_roofline_us, roofline_us, weights_us
from .serving_rows import ServingRows, Strings
from .units import unit_by_batch, unit_by_roofline

UNKNOWN_MODEL: Final = "unsupported architecture"
MULTIMODAL: Final = "multimodal: vision tokens unknown"
PIPELINE: Final = "pipeline parallel"
MULTI_NODE: Final = "multi-node (disaggregated) row filed as aggregated"
WRONG_GPUS: Final = "wrong number of GPUs"
MISSING: Final = "missing batch, length or time"
WRONG_BATCH: Final = "throughput x time per token contradicts the batch"
NO_ROOM: Final = "weights larger than the memory of so many GPUs"
NO_NUMBER: Final = "a number that no measurement gives"
OVER_LIMIT: Final = "more requests ran than the client let run at once"
SPECULATIVE: Final = "speculative decoding: a step yields several tokens"
FAILED: Final = "more than a tenth of the requests failed"
TOO_SLOW: Final = "slower than 500 x the roofline"
TOO_FAST: Final = "faster than reading the dense weights + k experts once"
ABOVE_ROOFLINE: Final = "above 1.15 x roofline (weights+KV or FLOPs)"

_VISION_TASKS: Final = frozenset({"image-chat", "video-chat"})
_OF_REQUESTS: Final = ("batch", "ctx", "isl", "osl", "tpot_ms")
_OF_STEPS: Final = ("ctx", "tpot_ms")
_OPTIONAL: Final = (
    "batch", "isl", "osl", "ctx", "tpot_ms", "itl_ms", "pf_tok_s", "tput_tok_s", "power_w",
    "max_concurrency", "burstiness", "failed_share",
)  # fmt: skip
_LARGEST: Final = 1e9  # tokens, ms, W
_MOST_GPUS: Final = 8  # a node holds no more
_ALLOWANCE: Final = 1.15  # boost clocks, caches and routing to fewer experts explain so much
_BATCH_FACTOR: Final = 4.0  # batch by throughput and time, over the batch that is stated
_LIMIT_FACTOR: Final = 1.25  # the batch by Little's law, over the client's limit: times are means
_MOST_FAILED: Final = 0.1
_SLOWEST: Final = 500.0  # the slowest of the public rows takes 90 rooflines
_BY_TIME: Final = (TOO_FAST, ABOVE_ROOFLINE, TOO_SLOW)
_OF_TIMES: Final = (WRONG_BATCH, OVER_LIMIT, NO_NUMBER, NO_ROOM, *_BY_TIME)
_LOOK_AT_TIMES: Final = (
    "look at the units of times, and at the model, GPU and number of GPUs; a step is no shorter"
    " than reading the weights"
)
_LOOK_AT_RUNS: Final = (
    "take runs whose requests completed, of text and without drafts, on GPUs of one node that all"
    " prefill and decode, of a model that the folder has"
)
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
            named = "; ".join(f"{why}: {n}" for why, n in self.by_reason.items())
            of_times = max(self.by_reason, key=self.by_reason.__getitem__).startswith(_OF_TIMES)
            hint = hint or (_LOOK_AT_TIMES if of_times else _LOOK_AT_RUNS)
            raise BadInput(f"{self.count} of {self.rows} rows cannot be true: {named}", hint=hint)


def refused(reasons: Strings, left_out: dict[str, int] | None = None) -> Refused:
    """Count the reasons of rows, "" for one that passed."""
    counts = Counter(str(reason) for reason in reasons if reason)
    return Refused(len(reasons), dict(counts.most_common()), left_out or {})


def stated_reason(row: Mapping[str, Any], models: Container[str]) -> str:
    """Why a row cannot be used by what it says of itself; "" where it can."""
    if row["model"] not in models:
        return UNKNOWN_MODEL
    return _run_reason(row) or _gpus_reason(row) or _numbers_reason(row) or _batch_reason(row)


def _run_reason(row: Mapping[str, Any]) -> str:
    """Why the steps of a run are no steps of one model that decodes a token for each request."""
    if row.get("task") in _VISION_TASKS:
        return MULTIMODAL
    if row.get("speculative"):
        return SPECULATIVE
    if (row.get("failed_share") or 0) > _MOST_FAILED:
        return FAILED
    return MULTI_NODE if row.get("disaggregated") else ""


def _gpus_reason(row: Mapping[str, Any]) -> str:
    """Why the number of GPUs is not that of the split."""
    split = (row.get("tp") or 1) * (row.get("dp") or 1)
    gpus = row.get("n_gpu") or split
    if min(gpus, split) < 1:
        return WRONG_GPUS
    if gpus > split and gpus % split == 0:
        return PIPELINE
    if gpus > _MOST_GPUS:
        return MULTI_NODE
    return "" if gpus == split else WRONG_GPUS


def _numbers_reason(row: Mapping[str, Any]) -> str:
    """Why the numbers of a row tell no step."""
    needed = _OF_STEPS if row.get("batch_kind") == STEP else _OF_REQUESTS
    if not all(_is_above_0(row.get(key)) for key in needed):
        return MISSING
    known = (row[key] for key in _OPTIONAL if row.get(key) is not None)
    return "" if all(_can_be(number) for number in known) else NO_NUMBER


def _is_above_0(number: Any) -> bool:
    return number is not None and number > 0 and _can_be(number)


def _can_be(number: Any) -> bool:
    """Whether a number is one that was measured; NaN counts as unknown."""
    return bool(isnan(number) or 0 <= number <= _LARGEST)


def _batch_reason(row: Mapping[str, Any]) -> str:
    """Why the batch contradicts the rest of the row; "" where it does not."""
    batch, throughput, limit = (row.get(key) for key in ("batch", "tput_tok_s", "max_concurrency"))
    if not _is_above_0(batch):
        return ""
    if row.get("batch_kind") == LITTLES_LAW and limit is not None and _is_above_0(limit):
        if unit := unit_by_batch(batch / limit):
            return f"{WRONG_BATCH}; {unit}"
        if batch > _LIMIT_FACTOR * limit:
            return OVER_LIMIT
    if throughput is None or not _is_above_0(throughput):
        return ""
    implied = throughput * row["tpot_ms"] / 1e3 / batch
    if 1 / _BATCH_FACTOR <= implied <= _BATCH_FACTOR:
        return ""
    unit = unit_by_batch(implied)
    return f"{WRONG_BATCH}; {unit}" if unit else WRONG_BATCH


def physical_reasons(rows: ServingRows) -> Strings:
    """Why the time of each row cannot be true; "" where it can; of shape (n,).

    Nor can a row be true whose GPUs cannot hold the weights: their number is wrong. The time is
    that of a step that decodes alone where it was measured, else the mean step. Where nearly all
    times of a source look like another unit, its refused rows say so.
    """
    decoding = np.isfinite(rows.decode_us)
    step_us = np.where(decoding, rows.decode_us, rows.step_us)
    floor_us, decode_us, whole_us = _shortest_us(rows)
    room = np.asarray([weight_bytes(one) <= one.gpu.memory_bytes for one in rows.deployments])
    reasons = np.select(
        [
            floor_us > step_us,
            decode_us > _ALLOWANCE * step_us,
            step_us > _SLOWEST * np.where(decoding, decode_us, whole_us),
            ~room[rows.which],
        ],
        [*_BY_TIME, NO_ROOM],
        "",
    ).astype(np.object_)
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
