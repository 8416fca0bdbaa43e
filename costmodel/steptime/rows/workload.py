"""The kind of work that a row's steps do: most of it prompts, most of it decoding, or both."""

from typing import Final

import numpy as np

from ..features.steps import Array, Steps
from .serving_rows import Strings

BURSTY: Final = "bursty"
PREFILL_HEAVY: Final = "prefill-heavy"
DECODE_HEAVY: Final = "decode-heavy"
MIXED: Final = "mixed"

# Prompt tokens over all tokens of the mean step. In a closed loop the share is prompt / (prompt +
# output), so that requests of equal prompt and output are mixed, and 2:1 is the border.
_HEAVY: Final = 2 / 3
# Lengths that are drawn at random differ by 1.5 % from those asked for, which moves the share at a
# border by 0.005: rows so near to it are mixed.
_ROUNDING: Final = 0.01


def workloads(steps: Steps, burstiness: Array) -> Strings:
    """Name the kind of each row's work; of shape (n,).

    `burstiness` (n,) is the shape of the gamma distribution of the gaps between arrivals, as vLLM's
    benchmark states it: 1 is Poisson, below 1 arrivals come in bursts; NaN where unknown or where
    the loop is closed.
    """
    prefill, tokens = steps.prefill_tokens, steps.prefill_tokens + steps.running
    prompts = np.divide(prefill, tokens, out=np.zeros(len(tokens)), where=tokens > 0)
    heavy = np.where(prompts < 1 - _HEAVY - _ROUNDING, DECODE_HEAVY, MIXED)
    by_tokens = np.where(prompts > _HEAVY + _ROUNDING, PREFILL_HEAVY, heavy)
    return np.where(burstiness < 1, BURSTY, by_tokens)
