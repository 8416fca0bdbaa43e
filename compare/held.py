"""Held-out measurements of one quantity of one curve, beside their predictions."""

from dataclasses import dataclass

from ..store.cost_model import Domain
from ..store.verdicts.parts import HoldoutPoint


@dataclass(frozen=True, slots=True)
class Held:
    """One quantity of one curve: held-out measurements beside their predictions.

    `domain` is that of the model, None where it lacks the curve. `floor` is the repeatability
    floor, None where unknown. `left_out` are sentences that name the points that could not be
    compared, with the reason.
    """

    curve: str
    op: str
    metric: str
    points: tuple[HoldoutPoint, ...]
    floor: float | None
    left_out: tuple[str, ...]
    domain: Domain | None = None
