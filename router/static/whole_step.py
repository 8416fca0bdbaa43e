"""A step of the whole model around a layer: whether reading fewer experts would shorten it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from ...store.errors import BadInput

READING = "experts"  # the part of a step that reads the weights of active experts


@dataclass(frozen=True, slots=True)
class WholeStep:
    """What a step of `tokens` tokens that decode consists of, in us, predicted for a whole model.

    `parts_us` are the parts of `moeprof steptime predict`, which add up to the step; "experts" is
    the reading of active experts. Raises BadInput without that part, and for parts that are no
    times.
    """

    tokens: int
    parts_us: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, us in self.parts_us.items():
            if not (isfinite(us) and us >= 0):
                raise BadInput(f"the part {name} of a step takes {us} us, and must be 0 or more")
        if not self.parts_us.get(READING):
            raise BadInput(
                "the step reads no routed experts",
                hint="predict one of a model with experts: moeprof steptime predict FILE --json",
            )

    @property
    def reading_share(self) -> float:
        """Which part of the step is the reading of active experts."""
        return self.parts_us[READING] / sum(self.parts_us.values())

    @property
    def is_bound_by_experts(self) -> bool:
        """Whether no other part takes longer than the reading of active experts."""
        return self.parts_us[READING] >= max(self.parts_us.values())

    @property
    def reason(self) -> str:
        """Why fewer active experts shorten the step, or hardly do."""
        longest = max(self.parts_us, key=lambda name: self.parts_us[name])
        share = self.parts_us[longest] / sum(self.parts_us.values())
        read = f"reading experts is {self.reading_share:.0%} of the whole model's step (predicted)"
        if not self.is_bound_by_experts:
            read += f", and {longest} {share:.0%}"
        return read.replace("%", " %")
