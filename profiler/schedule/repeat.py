"""One measurement of one batch size."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repeat:
    """One measurement of one size; `number` counts the measurements of it before."""

    tokens: int
    number: int
