"""What may be asked of a layer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TypedDict

import numpy as np

from ...kernels.formats.names import UNQUANTISED, sizes_of
from ...store.errors import BadInput, check_type


class LayerConditions(TypedDict, total=False):
    """Keyword arguments of `get_layer_cost`; None is the same as leaving one out.

    `shape`, as (hidden, ffn) or (hidden, ffn, experts on this device), and `top_k` choose among the
    layers of a model, `weight_bits` packed weights; so does `weight_format`, "none" for a layer
    without one. Of a layer of gated experts `routing` is how tokens go to experts, in words:
    "uniform", "zipf:SKEW" or "counts:TOKENS:COUNT,COUNT,…"; the measured one if left out.
    `routed_by` names an operation that computes the routed experts in one, such as an engine's, in
    place of the parts from permute to unpermute. `active_experts` replaces the number that the
    routing makes active. `link_gb_per_s` is the bandwidth at which ranks exchange rows.
    `allow_estimates` applies to each kernel as in `get_cost`. `router_ops` and `expert_ops` name
    operations to add up in place of the layer's own: those process all tokens, these run once per
    active expert.
    """

    shape: tuple[int, ...] | None
    top_k: int | None
    active_experts: int | None
    weight_bits: int | None
    weight_format: str | None
    routing: str | None
    routed_by: str | None
    link_gb_per_s: float | None
    allow_estimates: bool
    router_ops: Sequence[str] | None
    expert_ops: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class LayerQuery:
    """One pass of `tokens` tokens; the other fields are those of `LayerConditions`."""

    tokens: int
    shape: tuple[int, ...] | None = None
    top_k: int | None = None
    active_experts: int | None = None
    weight_bits: int | None = None
    weight_format: str | None = None
    routing: str | None = None
    routed_by: str | None = None
    link_gb_per_s: float | None = None
    allow_estimates: bool = False
    router_ops: Sequence[str] | None = None
    expert_ops: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("top_k", "active_experts", "weight_bits"):
            check_type(name, getattr(self, name), int, np.integer, NoneType)
        check_type("shape", self.shape, Iterable, NoneType)
        if self.top_k is not None and self.top_k < 1:
            raise BadInput(f"top_k is {self.top_k}, and a token goes to one expert at least")
        for name in ("routing", "routed_by", "weight_format"):
            check_type(name, getattr(self, name), str, NoneType)
        if self.weight_format not in (None, UNQUANTISED):
            sizes_of(self.weight_format)

    @property
    def names_operations(self) -> bool:
        """Whether operations are named, in place of the layer's own."""
        return self.router_ops is not None or self.expert_ops is not None
