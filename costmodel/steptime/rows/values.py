"""Which values of a row can be what they are called: the step, the decode step, the power."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..features.steps import Array
from .serving_rows import Strings

NO_STEP: Final = "inter-token latency that is no step: tokens stream in chunks"
LONGER_DECODE: Final = "mean step shorter than the decode step, here or often in its source"
OVER_TDP: Final = "power above 1.03 x the TDP of its GPUs"
MILLIWATTS: Final = "power looks 1000 times too large: milliwatts in place of watts"
KILOWATTS: Final = "power looks 1000 times too small: kilowatts in place of watts"
OTHER_SCOPE: Final = "power that is not of all GPUs and no more"

# A step that decodes alone, over the mean one: where tokens stream in chunks, an interval between
# them is none.
_STEP_RATIOS: Final = (0.3, 1.1)
_MOST_CONTRADICTING: Final = 0.1  # share of one source's rows
_OVER_TDP: Final = 1.03  # meters err by so much
# What a GPU can draw in watts, over its TDP, read in thousandths or thousands of them.
_LEAST_IDLE, _UNIT = 0.02, 1000.0


@dataclass(frozen=True, slots=True)
class Judged:
    """Values of shape (n,), NaN where unknown or left out, and why a value is left out, else ""."""

    values: Array
    why: Strings


def left_out(*judged: Judged) -> dict[str, int]:
    """How many values are left out, by reason."""
    reasons: Iterable[str] = (str(why) for one in judged for why in one.why if why)
    return dict(Counter(reasons).most_common())


def interval_is_step(itl_ms: float | None, tpot_ms: float | None) -> bool | None:
    """Whether an interval between tokens is one step; None where either time is unknown."""
    if not itl_ms or not tpot_ms:
        return None
    return bool(_one_step(np.asarray(itl_ms / tpot_ms)))


def decode_steps(itl_ms: Array, tpot_ms: Array, stated: Array) -> Judged:
    """Intervals between tokens that are a step, in us.

    `stated` is 1 where the table says that they are, 0 where it says not, NaN where it is silent.
    """
    known = np.isfinite(itl_ms)
    is_step = np.where(np.isnan(stated), _one_step(itl_ms / tpot_ms), stated == 1)
    return _judged(1e3 * itl_ms, known, known & ~is_step, NO_STEP)


def mean_steps(tpot_ms: Array, decode: Judged, source: Strings) -> Judged:
    """Times per token that are the mean step, in us.

    A step that decodes alone is no longer than the mean one: of a source of which more than a tenth
    of the rows say otherwise, none is.
    """
    is_step = np.isfinite(decode.values)
    contradicts = is_step & (decode.values > _STEP_RATIOS[1] * 1e3 * tpot_ms)
    bad = contradicts.copy()
    for name in np.unique(source):
        at = source == name
        if contradicts[at].sum() > _MOST_CONTRADICTING * is_step[at].sum():
            bad[at] = True
    return _judged(1e3 * tpot_ms, np.isfinite(tpot_ms), bad, LONGER_DECODE)


def power_of_gpus(power_w: Array, scope: Strings, tdp_w: Array) -> Judged:
    """Power of all GPUs in W; `tdp_w` is that of all of them."""
    known = np.isfinite(power_w) & (power_w > 0)
    share = power_w / tdp_w
    why = np.select(
        [
            scope != "gpu_all",
            (share > _UNIT * _LEAST_IDLE) & (share <= _UNIT * _OVER_TDP),
            share > _OVER_TDP,
            share < _LEAST_IDLE,
        ],
        [OTHER_SCOPE, MILLIWATTS, OVER_TDP, KILOWATTS],
        "",
    )
    why = np.where(known, why, "")
    return Judged(np.where(known & (why == ""), power_w, np.nan), why)


def _judged(values: Array, known: NDArray[np.bool_], bad: NDArray[np.bool_], reason: str) -> Judged:
    why = np.where(bad, reason, "")
    return Judged(np.where(known & ~bad, values, np.nan), why)


def _one_step(ratio: Array) -> NDArray[np.bool_]:
    """Whether an interval between tokens can be one step, by its ratio to the mean."""
    return np.asarray((ratio >= _STEP_RATIOS[0]) & (ratio <= _STEP_RATIOS[1]))
