"""Types of the numpy arrays that hold quantities: 64-bit floats and 64-bit integers."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]
