"""The simplest prediction of power, beside which any other must be judged: that of the GPU's type.

A GPU draws the median share of its TDP over the measured rows of its type, whatever it does.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from .features.steps import Array
from .power import tdp_w
from .rows.serving_rows import ServingRows


@dataclass(frozen=True, slots=True)
class TypicalPower:
    """Median shares of the TDP: `by_gpu` those of one type, `share` that of all rows."""

    share: float
    by_gpu: dict[str, float]

    @classmethod
    def of(cls, rows: ServingRows) -> Self:
        """The medians of rows of measured power, at least one."""
        shares, gpus = rows.power_w / tdp_w(rows), rows.gpu_names
        kinds = np.unique(gpus)
        by_gpu = {str(kind): float(np.median(shares[gpus == kind])) for kind in kinds}
        return cls(float(np.median(shares)), by_gpu)

    def power_w(self, rows: ServingRows) -> Array:
        """Predict the power of each row; W, of shape (n,). A type without rows has the share."""
        shares = [self.by_gpu.get(str(name), self.share) for name in rows.gpu_names]
        return np.asarray(shares * tdp_w(rows))
