"""Which form predicts: how far each is off on configurations that it was not fitted to."""

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np

from ...store.serving.step_time_model import Method
from .features.steps import Array
from .rows.serving_rows import ServingRows

METHODS: Final[tuple[Method, ...]] = get_args(Method)
_DEFAULT: Final[Method] = "physics"
_DEVIATIONS: Final = 2.0
_LEAST_US: Final = 1e-3  # a form may predict 0


def best_method(rows: ServingRows, left: Mapping[Method, Array]) -> Method:
    """The physics, unless another form errs less beyond chance.

    `left` (n,) of each is what it says of rows in us without their configuration. By how much the
    mean |log error| of a configuration falls must be above two standard errors of it over the
    configurations; of several forms the one by which it falls most. A median alone chooses forms
    that few configurations favour, and that are then worse elsewhere (docs/steptime-method.md).
    """
    _, place, counts = np.unique(rows.configurations, return_inverse=True, return_counts=True)
    off = {
        name: np.abs(np.log(np.maximum(one, _LEAST_US) / rows.step_us))
        for name, one in left.items()
    }
    best, most = _DEFAULT, 0.0
    for name in METHODS:
        gains = np.bincount(place, off[_DEFAULT] - off[name]) / counts
        error = float(gains.std(ddof=1)) / np.sqrt(len(gains))
        if (gain := float(gains.mean())) > max(most, _DEVIATIONS * error):
            best, most = name, gain
    return best
