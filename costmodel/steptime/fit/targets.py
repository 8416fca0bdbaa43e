"""Which rows tell a kind of step, or power, and whether they are enough for a fit."""

from dataclasses import replace
from typing import Final, Literal

import numpy as np

from ....store.text.counted import counted
from ..features.steps import Array
from ..rows.serving_rows import Beside, ServingRows, columns_of

Quantity = Literal["mean", "decode", "power"]
FEWEST_ROWS: Final = 30
FEWEST_CONFIGURATIONS: Final = 5


def rows_telling(rows: ServingRows, quantity: Quantity) -> ServingRows:
    """The rows by which a quantity is fitted, with the step that it belongs to as their `step_us`.

    A step that decodes alone holds no prefill, and has the mean steps of all rows beside it; power
    is that at the mean step.
    """
    if quantity == "decode":
        alone = _timed(_decoding(rows))
        return replace(alone, beside=Beside(_timed(rows), alone))
    if quantity == "power":
        rows = rows.taken(np.flatnonzero(np.isfinite(rows.power_w)))
    return _timed(rows)


def why_too_few(rows: ServingRows, quantity: Quantity) -> str:
    """Why rows are too few to fit a quantity, or "" where they are enough."""
    count = len(np.unique(rows.configurations))
    if len(rows) >= FEWEST_ROWS and count >= FEWEST_CONFIGURATIONS:
        return ""
    what = "power" if quantity == "power" else f"{quantity} steps"
    return f"{len(rows)} rows of {counted(count, 'configuration')} are too few for a fit of {what}"


def _timed(rows: ServingRows) -> ServingRows:
    """Those whose step is known; their columns are counted once for any number of fits."""
    found = rows.taken(np.flatnonzero(np.isfinite(rows.step_us)))
    if len(found):
        columns_of(found)
    return found


def _decoding(rows: ServingRows) -> ServingRows:
    none: Array = np.zeros(len(rows))
    alone = replace(rows.steps, prefill_tokens=none, prompt_tokens=none, prefill_share=none)
    return replace(rows, steps=alone, step_us=rows.decode_us)
