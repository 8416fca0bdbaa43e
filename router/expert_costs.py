"""What each expert of a layer costs by its load: the curves that all routing acts on."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

import numpy as np

from ..stats.arrays import Float64, Int64
from ..store.errors import BadInput, check_type

NOT_METERED: Final = "no energy was measured"
ASSUMED: Final = "assumed"


@dataclass(frozen=True, eq=False)
class ExpertCosts:
    """Costs of N experts at S loads, from 0 upwards; a load is the rows that an expert computes.

    `loads` [S] ascend from 0. `latency_s` [N, S] and `energy_j` [N, S] are those of one pass of an
    expert, and zero at load 0; between two loads they are linear. Energy is above that of the idle
    GPUs, whose power together is `idle_power_w`. Where energy is unknown it is zero throughout,
    idle power is zero, and `energy_reason` says why: routing then acts on time alone.
    `energy_source` is that of the cost model (`EnergySource`), or assumed: of energies that are
    given by hand without a source.

    `remarks` are what to know of the costs, such as curves that were read beyond what was measured.

    `gpu_of` [N] is the GPU that holds each expert, numbered from 0. The experts of a GPU run one
    after another, GPUs side by side.

    Raises BadInput for what is no array, shapes that contradict each other, loads that do not
    ascend from 0 or are infinite, a cost at load 0, a negative or infinite cost, NaN, and a GPU
    that is no integer from 0 up.
    """

    loads: Float64
    latency_s: Float64
    energy_j: Float64
    idle_power_w: float
    gpu_of: Int64
    energy_source: str = ASSUMED
    energy_reason: str | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("loads", "latency_s", "energy_j", "gpu_of"):
            check_type(name, getattr(self, name), np.ndarray)
        if self.loads.ndim != 1 or len(self.loads) < 2 or self.loads[0] != 0:
            raise BadInput("loads must be at least two numbers of rows, the first of them 0")
        if not ((np.diff(self.loads) > 0).all() and isfinite(self.loads[-1])):
            raise BadInput("loads do not ascend to a finite number")
        shape = (len(self.gpu_of), len(self.loads))
        for name, table in (("latency_s", self.latency_s), ("energy_j", self.energy_j)):
            self._check(name, table, shape)
        if not (isfinite(self.idle_power_w) and self.idle_power_w >= 0):
            raise BadInput(f"idle power is {self.idle_power_w} W, and must be 0 or more")
        placed = self.gpu_of
        is_whole = placed.ndim == 1 and np.issubdtype(placed.dtype, np.integer)
        if not is_whole or len(placed) == 0 or placed.min() < 0:
            raise BadInput("gpu_of must name a GPU, from 0 up, for each of one or more experts")

    @property
    def experts(self) -> int:
        """The number of experts, N."""
        return len(self.gpu_of)

    @property
    def gpus(self) -> int:
        """The number of GPUs, those without experts between them included."""
        return int(self.gpu_of.max()) + 1

    def up_to(self, most: float) -> "ExpertCosts":
        """These costs at loads up to `most`, above 0: the tokens of a batch, which no load exceeds.

        Costs that end before are given as they are.
        """
        if most >= self.loads[-1]:
            return self
        below = self.loads < most
        last = np.searchsorted(self.loads, most)
        share = (most - self.loads[last - 1]) / (self.loads[last] - self.loads[last - 1])

        def cut(table: Float64) -> Float64:
            at_most = table[:, last - 1] + share * (table[:, last] - table[:, last - 1])
            return np.column_stack([table[:, below], at_most])

        return replace(
            self,
            loads=np.append(self.loads[below], most),
            latency_s=cut(self.latency_s),
            energy_j=cut(self.energy_j),
        )

    def _check(self, name: str, table: Float64, shape: tuple[int, int]) -> None:
        if table.shape != shape:
            raise BadInput(
                f"{name} has the shape {table.shape}, and must have {shape}: experts, loads"
            )
        wrong = ~(np.isfinite(table) & (table >= 0))
        if wrong.any():
            expert, at = np.argwhere(wrong)[0]
            value, load = table[expert, at], self.loads[at]
            raise BadInput(
                f"{name} of expert {expert} at a load of {load:g} is {value}, and must be 0 or more"
            )
        if table[:, 0].any():
            raise BadInput(f"{name} of expert {table[:, 0].argmax()} is not 0 at a load of 0")
