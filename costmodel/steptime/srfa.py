"""Step times by SRFA: step = gamma F_fixed + softplus(beta F_comp), gamma >= 0.

F_fixed: 1, all-reduces, all-to-alls, base overhead. F_comp: 1, time of prefill, of decode, of the
cache, log(1 + batch), log(1 + context), share of prefill times share of decode. Decisions where the
text is open or wrong are listed in docs/steptime.md.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .features.steps import Array
from .rows.serving_rows import ServingRows, columns_of

FIXED: Final = ("fixed", "all_reduce_layers", "all_to_all_layers", "base")
COMPUTED: Final = (
    "computed", "prefill_time", "decode_time", "kv_time", "log_batch", "log_context", "mixed_batch",
)  # fmt: skip
_COMPUTING: Final = ("dense", "expert", "attention")
_LINEAR_FROM: Final = 20.0  # where softplus(x) is x


@dataclass(frozen=True, slots=True)
class Srfa:
    """gamma and beta by the names of their features, whose times are in us."""

    gamma: dict[str, float]
    beta: dict[str, float]

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What each feature adds to the step of each row; us, each of shape (n,).

        beta may be below 0, and so may its terms. What softplus adds is in the term "computed".
        """
        fixed, computed = srfa_columns(rows)
        known = self.gamma | self.beta
        terms = {name: known[name] * values for name, values in (fixed | computed).items()}
        inner = np.asarray(sum(terms[name] for name in COMPUTED))
        terms["computed"] = terms["computed"] + softplus(inner) - inner
        return terms


def softplus(values: Array) -> Array:
    """log(1 + e^x), and x above 20."""
    return np.where(values > _LINEAR_FROM, values, np.log1p(np.exp(np.minimum(values, 20.0))))


def srfa_columns(rows: ServingRows) -> tuple[dict[str, Array], dict[str, Array]]:
    """F_fixed and F_comp by name, each of shape (n,); times in us."""
    columns, steps = columns_of(rows), rows.steps
    one = np.ones(len(rows))
    split = np.asarray([served.tp > 1 for served in rows.deployments])[rows.which]
    spread = np.asarray([max(one.ep, one.dp) > 1 for one in rows.deployments])[rows.which]
    prefill_us, decode_us = (
        np.sum([columns[f"{when}{part}_flops"] for part in _COMPUTING], axis=0)
        for when in ("prefill_", "")
    )
    prefill = steps.prefill_tokens / (steps.prefill_tokens + steps.running)
    fixed = {
        "fixed": one,
        "all_reduce_layers": columns["layers"] * split,
        "all_to_all_layers": columns["layers"] * spread * rows.has_experts,
        "base": one,
    }
    computed = {
        "computed": one,
        "prefill_time": prefill_us,
        "decode_time": decode_us,
        "kv_time": columns["kv"],
        "log_batch": np.log1p(steps.running),
        "log_context": np.log1p(steps.context_tokens),
        "mixed_batch": prefill * (1 - prefill),
    }
    return fixed, computed
