"""Tells a wrong reading from a step: a step is seen by several readings in a row."""

from math import copysign
from typing import Literal

Kind = Literal["expected", "doubted", "step"]


class Confirmed:
    """Judges readings by how far they are from what was expected.

    One that is far is doubted until `readings` in a row are far on the same side: then it is a
    step.
    """

    def __init__(self, readings: int) -> None:
        self._needed = readings
        self._in_a_row = 0  # negative below what was expected

    def judge(self, error: float, far: float) -> Kind:
        """Judge a reading that is off by `error`, where more than `far` is far."""
        if abs(error) <= far:
            self._in_a_row = 0
            return "expected"
        same_side = self._in_a_row * error >= 0
        self._in_a_row = (self._in_a_row if same_side else 0) + int(copysign(1, error))
        if abs(self._in_a_row) < self._needed:
            return "doubted"
        self._in_a_row = 0
        return "step"
