"""A scenario: one operation at one size, with everything that decides what it costs."""

import re
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from .document import Count, Size, Small

L2 = Literal["cold", "hot"]
BURST: Final = "burst"  # single calls with a synchronisation between them
SUSTAINED: Final = "sustained"  # a steady load

_ACTIVE: Final = re.compile(r"-a(\d+)(?=-|$)")
_DTYPE_SLUGS: Final = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceKey:
    """What identifies an operation at any batch size and any number of active experts.

    `regime` says how calls followed each other: BURST or SUSTAINED. The other fields are those of
    `Scenario`. `variant` is None in files of before it.
    """

    op: str
    shape: tuple[Size, ...]
    dtype: str
    weight_bits: Small | None
    group_size: Small | None
    experts: Small | None
    top_k: Small | None
    l2: L2
    regime: str
    variant: str | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields, which are also columns of `points`."""
        return tuple(field.name for field in fields(cls))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpKey(SurfaceKey):
    """What identifies an operation at any batch size: the points of one curve share it."""

    active_experts: Small | None

    def columns(self) -> dict[str, Any]:
        """The key as columns of `points`."""
        return {name: getattr(self, name) for name in self.names()}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One operation at one batch size.

    `tokens` is the batch size: rows of the activation that the operation sees. `shape` holds the
    operation's other sizes in the order that its docstring gives them. `experts`, `active_experts`
    and `top_k` are None for an operation that routes nothing; `weight_bits` and `group_size` are
    None for one whose weights are not quantised. `flops` and `bytes_moved` count one call: the
    arithmetic that the operation needs, and each operand read or written once. `variant` names in
    words what else decides the cost, such as the distribution of tokens over experts.
    """

    op: str
    tokens: Size
    shape: tuple[Size, ...]
    dtype: str
    flops: Count
    bytes_moved: Count
    weight_bits: Small | None = None
    group_size: Small | None = None
    experts: Small | None = None
    active_experts: Small | None = None
    top_k: Small | None = None
    l2: L2 = "cold"
    variant: str | None = None

    @property
    def curve(self) -> str:
        """Stable slug of all but the batch size: the points of one curve share it."""
        return "-".join([self.op, *self._parts()])

    @property
    def key(self) -> str:
        """Stable slug of the scenario; profiler ranges and files are named by it."""
        return "-".join([self.op, f"b{self.tokens}", *self._parts()])

    def op_key(self, regime: str) -> OpKey:
        """All that identifies the operation, measured in this regime."""
        own = {name: getattr(self, name) for name in OpKey.names() if name != "regime"}
        return OpKey(**own, regime=regime)

    def _parts(self) -> list[str]:
        numbered = {
            "w": self.weight_bits,
            "g": self.group_size,
            "e": self.experts,
            "a": self.active_experts,
            "k": self.top_k,
        }
        return [
            *(["x".join(map(str, self.shape))] if self.shape else []),
            _DTYPE_SLUGS.get(self.dtype, self.dtype),
            *(f"{letter}{value}" for letter, value in numbered.items() if value is not None),
            *([self.variant] if self.variant else []),
            self.l2,
        ]


def split_active_experts(curve: str) -> tuple[str, int | None]:
    """Split the slug of a curve into that of its surface and its number of active experts.

    The curves of one surface differ in that number alone; it is None where the slug has none.
    """
    found = _ACTIVE.search(curve)
    return (curve, None) if found is None else (_ACTIVE.sub("", curve), int(found[1]))
