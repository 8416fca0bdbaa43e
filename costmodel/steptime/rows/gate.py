"""The physics gate of whole steps: rows that cannot be true are refused, with reasons and counts.

What a row says of itself is judged first, then its time against what its GPUs can read and compute.
"""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np

from ....store.errors import BadInput
from ....store.serving.serving_row import STEP
from ..features.columns import columns
from ..features.experts import active_experts
from ..roofline import decode_roofline_us, weights_us
from .serving_rows import ServingRows, Strings

UNKNOWN_MODEL: Final = "unsupported architecture"
MULTIMODAL: Final = "multimodal: vision tokens unknown"
PIPELINE: Final = "pipeline parallel"
MULTI_NODE: Final = "multi-node (disaggregated) row filed as aggregated"
WRONG_GPUS: Final = "wrong number of GPUs"
MISSING: Final = "missing batch, length or time"
WRONG_BATCH: Final = "throughput x time per token contradicts the batch"
TOO_FAST: Final = "faster than reading the dense weights + k experts once"
ABOVE_ROOFLINE: Final = "above 1.15 x roofline (weights+KV or FLOPs)"

_VISION_TASKS: Final = frozenset({"image-chat", "video-chat"})
_OF_REQUESTS: Final = ("batch", "ctx", "isl", "osl", "tpot_ms")
_OF_STEPS: Final = ("ctx", "tpot_ms")
_MOST_GPUS: Final = 8  # a node holds no more
_ALLOWANCE: Final = 1.15  # boost clocks, caches and routing to fewer experts explain so much
_BATCH_FACTOR: Final = 4.0  # batch by throughput and time, over the batch that is stated
_LOOK_AT: Final = (
    "look at the units of times, and at the model, GPU and number of GPUs; a step is no shorter"
    " than reading the weights"
)
_SMALLEST_SHARE: Final = 0.5  # share of all rows that must pass


@dataclass(frozen=True, slots=True)
class Refused:
    """How many of `rows` were refused, by reason."""

    rows: int
    by_reason: dict[str, int]

    @property
    def count(self) -> int:
        """Refused rows."""
        return sum(self.by_reason.values())

    def require_most(self, hint: str = _LOOK_AT) -> None:
        """Raise BadInput, with the counts, where more than half of the rows are refused."""
        if self.rows and self.count > _SMALLEST_SHARE * self.rows:
            named = "; ".join(f"{why}: {n}" for why, n in self.by_reason.items())
            raise BadInput(f"{self.count} of {self.rows} rows cannot be true: {named}", hint=hint)


def refused(reasons: Strings) -> Refused:
    """Count the reasons of rows, "" for one that passed."""
    counts = Counter(str(reason) for reason in reasons if reason)
    return Refused(len(reasons), dict(counts.most_common()))


def stated_reason(row: Mapping[str, Any], models: Container[str]) -> str:
    """Why a row cannot be used by what it says of itself; "" where it can."""
    if row["model"] not in models:
        return UNKNOWN_MODEL
    if row.get("task") in _VISION_TASKS:
        return MULTIMODAL
    split = (row.get("tp") or 1) * (row.get("dp") or 1)
    gpus = row.get("n_gpu") or split
    if gpus != split and gpus % split == 0 and gpus > split:
        return PIPELINE
    if gpus > _MOST_GPUS:
        return MULTI_NODE
    if gpus != split:
        return WRONG_GPUS
    needed = _OF_STEPS if row.get("batch_kind") == STEP else _OF_REQUESTS
    if not all(_is_above_0(row.get(key)) for key in needed):
        return MISSING
    return "" if _agrees(row) else WRONG_BATCH


def _is_above_0(number: Any) -> bool:
    return number is not None and isfinite(number) and number > 0


def _agrees(row: Mapping[str, Any]) -> bool:
    """Whether tokens/s times time per token is the batch, where the row has its throughput."""
    throughput = row.get("tput_tok_s")
    if not _is_above_0(throughput) or not _is_above_0(row.get("batch")):
        return True
    implied = throughput * row["tpot_ms"] / 1e3 / row["batch"]
    return bool(1 / _BATCH_FACTOR <= implied <= _BATCH_FACTOR)


def physical_reasons(rows: ServingRows) -> Strings:
    """Why the time of each row is too short to be true; "" where it is not; of shape (n,).

    The time is that of a step that decodes alone where it was measured, else the mean step.
    """
    reasons = np.full(len(rows), "", dtype=f"<U{max(len(TOO_FAST), len(ABOVE_ROOFLINE))}")
    for place in np.unique(rows.which):
        at, served = np.flatnonzero(rows.which == place), rows.deployments[place]
        some = rows.steps.taken(at)
        one_token = active_experts(served.model, np.ones(len(at)))
        step_us = np.where(np.isfinite(rows.decode_us[at]), rows.decode_us[at], rows.step_us[at])
        roofline = decode_roofline_us(columns(served, some))
        reasons[at] = np.where(roofline > _ALLOWANCE * step_us, ABOVE_ROOFLINE, "")
        floor = weights_us(served, one_token)
        reasons[at] = np.where(floor > step_us, TOO_FAST, reasons[at])
    return reasons
