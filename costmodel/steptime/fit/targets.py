"""Which rows tell a kind of step, or power, and whether they are enough for a fit."""

from dataclasses import replace
from typing import Final, Literal

import numpy as np

from ....store.text.counted import counted
from ..features.steps import Array
from ..rows.serving_rows import ServingRows

Quantity = Literal["mean", "decode", "power"]
FEWEST_ROWS: Final = 30
FEWEST_CONFIGURATIONS: Final = 5


def rows_telling(rows: ServingRows, quantity: Quantity) -> ServingRows:
    """The rows by which a quantity is fitted, with the step that it belongs to as their `step_us`.

    A step that decodes alone holds no prefill; power is that at the mean step.
    """
    if quantity == "decode":
        rows = _decoding(rows)
    told = np.isfinite(rows.step_us)
    if quantity == "power":
        told &= np.isfinite(rows.power_w)
    return rows.taken(np.flatnonzero(told))


def why_too_few(rows: ServingRows, quantity: Quantity) -> str:
    """Why rows are too few to fit a quantity, or "" where they are enough."""
    count = len(np.unique(rows.configurations))
    if len(rows) >= FEWEST_ROWS and count >= FEWEST_CONFIGURATIONS:
        return ""
    what = "power" if quantity == "power" else f"{quantity} steps"
    return f"{len(rows)} rows of {counted(count, 'configuration')} are too few for a fit of {what}"


def _decoding(rows: ServingRows) -> ServingRows:
    none: Array = np.zeros(len(rows))
    alone = replace(rows.steps, prefill_tokens=none, prompt_tokens=none, prefill_share=none)
    return replace(rows, steps=alone, step_us=rows.decode_us)
