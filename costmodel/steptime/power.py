"""Power of all GPUs of a deployment, from how busy a step keeps memory and arithmetic units.

P = TDP GPUs (static + memory sqrt(u_mem) + arithmetic sqrt(u_flop) + both sqrt(u_mem u_flop) +
experts sqrt(u_exp) + dequantised + occupied sqrt(u_req)), at most the TDP; a u is the time at the
peak rate over the step, of experts that of the GPU that reads most.
`dequantised` counts where a GPU without units for 4 bits computes mxfp4 in bf16; u_req is the share
of 256 requests of a group that run: they keep processors at work that the peak rates do not see.
Each type of GPU has its own coefficients, drawn to those of all (fit/power.py). Some kernels keep a
GPU busier than what a step must move and compute: effects of what configurations share tell it.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from .effects import Effects
from .features.steps import Array
from .rows.serving_rows import ServingRows, columns_of

_LEAST: Final = 0.05  # share of the TDP
_MEMORY: Final = ("dense_weights", "expert_weights", "kv")
_ARITHMETIC: Final = tuple(
    f"{when}{part}_flops" for when in ("", "prefill_") for part in ("dense", "expert", "attention")
)
TERMS: Final = (
    "static", "memory", "arithmetic", "both", "experts", "dequantised", "occupied",
)  # fmt: skip
_FILLING: Final = 256.0  # requests of a group that keep all of its processors at work


@dataclass(frozen=True, slots=True)
class Power:
    """Shares of the TDP by term; `by_gpu` those of one type, `shares` those of all, pooled.

    `effects` are logarithms of what power is times those shares.
    """

    shares: dict[str, float]
    by_gpu: dict[str, dict[str, float]]
    effects: Effects = field(default_factory=lambda: Effects({}))

    def power_w(self, rows: ServingRows, step_us: Array) -> Array:
        """Predict the power of each row if its step takes `step_us`; W, of shape (n,)."""
        share = self.of_terms(rows, step_us) * np.exp(self.effects.log_ratio(rows))
        return np.asarray(np.clip(share, _LEAST, 1.0) * tdp_w(rows))

    def of_terms(self, rows: ServingRows, step_us: Array) -> Array:
        """The share of the TDP that the terms add up to, without effects; of shape (n,)."""
        terms, gpus = power_terms(rows, step_us), rows.gpu_names
        share = np.zeros(len(rows))
        for kind in np.unique(gpus):
            at = gpus == kind
            shares = self.by_gpu.get(str(kind), self.shares)
            share[at] = terms[at] @ np.asarray([shares[term] for term in TERMS])
        return np.clip(share, _LEAST, 1.0)


@dataclass(frozen=True, slots=True)
class TypicalPower:
    """The simplest prediction, beside which any other must be judged: that of the GPU's type.

    Median shares of the TDP: `by_gpu` those of one type, `share` that of all rows.
    """

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


def tdp_w(rows: ServingRows) -> Array:
    """TDP of all GPUs of each row; W, of shape (n,)."""
    of_each = np.asarray([one.gpu.tdp_w * one.gpus for one in rows.deployments])
    return np.asarray(of_each[rows.which])


def power_terms(rows: ServingRows, step_us: Array) -> Array:
    """What the shares multiply, of shape (n, terms)."""
    columns = columns_of(rows)
    memory = np.clip(sum(columns[name] for name in _MEMORY) / step_us, 0, 1)
    arithmetic = np.clip(sum(columns[name] for name in _ARITHMETIC) / step_us, 0, 1)
    experts = np.clip(columns["expert_weights"] / step_us, 0, 1)
    in_bf16 = [one.precision_name == "mxfp4" and not one.gpu.fp4_flops for one in rows.deployments]
    roots = np.sqrt([memory, arithmetic, memory * arithmetic, experts])
    groups = np.asarray([one.dp for one in rows.deployments])[rows.which]
    occupied = np.sqrt(np.minimum(1, rows.steps.running / groups / _FILLING))
    dequantised = np.asarray(in_bf16, float)[rows.which]
    return np.column_stack([np.ones(len(rows)), *roots, dequantised, occupied])
