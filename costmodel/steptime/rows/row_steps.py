"""What the steps of a row work on: mean steps of a loop or a static batch, or one of a trace."""

from collections.abc import Mapping

import numpy as np

from ....store.serving.serving_row import STATIC, STEP
from ..features.steps import Array, Steps
from .serving_rows import Strings


def row_steps(numbers: Mapping[str, Array], kind: Strings) -> Steps:
    """The steps of rows, by their columns batch, isl, osl, ctx, pf_tok_s and tpot_ms.

    In a loop each request brings its prompt once in as many steps as it has tokens. A static batch
    computes all prompts in one step. Where the rate of prompt tokens was measured, it counts; a
    step of a trace prefills these, or nothing.
    """
    batch, prompt, output = numbers["batch"], numbers["isl"], numbers["osl"]
    rate, step_s = numbers["pf_tok_s"], numbers["tpot_ms"] / 1e3
    by_rate, single = np.isfinite(rate), kind == STEP
    tokens = np.where(by_rate, rate * step_s, batch * prompt / output)
    share = np.where(kind == STATIC, 1 / output, np.minimum(1, batch / output))
    share = np.where(by_rate, np.minimum(1, tokens / prompt), share)
    prefilled = np.where(by_rate, tokens, 0.0)
    return Steps(
        running=np.where(single & np.isnan(batch), 0.0, batch),
        context_tokens=numbers["ctx"],
        prefill_tokens=np.where(single, prefilled, tokens),
        prompt_tokens=np.where(single & np.isnan(prompt), prefilled, prompt),
        prefill_share=np.where(single, (prefilled > 0).astype(np.float64), share),
    )
