"""How a router writes it: which scores become weights, and which experts may be picked."""

from dataclasses import dataclass
from typing import Literal

from ..store.errors import BadInput


@dataclass(frozen=True, slots=True)
class Routing:
    """How logits become weights, as a model's router writes it.

    `scores`: "picked" is the softmax over the k logits picked, "softmax" that over all experts,
    "sigmoid" that of each logit. With `renormalise` the weights of a token sum to `scale`,
    otherwise each is the score times `scale`. Experts lie in `groups` of equal size, of which the
    best `kept_groups` may be picked from: by their largest logit, or with a bias by the sum of
    their two largest ranks. Raises BadInput for values that make no sense.
    """

    scores: Literal["picked", "softmax", "sigmoid"] = "picked"
    renormalise: bool = False
    scale: float = 1.0
    groups: int = 1
    kept_groups: int = 1

    def __post_init__(self) -> None:
        if self.scores not in ("picked", "softmax", "sigmoid"):
            raise BadInput(
                f"scores is {self.scores!r}", hint="it must be picked, softmax or sigmoid"
            )
        if not 1 <= self.kept_groups <= self.groups:
            raise BadInput(f"kept_groups is {self.kept_groups}, and must lie in 1..{self.groups}")


PLAIN = Routing()
