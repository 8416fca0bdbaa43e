"""Holds a GPU's SM clock and power limit while something is measured.

Opt-in: both need root on most machines, and change the GPU for whoever shares it.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ...store.errors import BadInput, CannotMeasure
from ..process.line_process import ProcessEnded
from ..process.outliving import outliving
from .holder import MODULE, UNCHANGED

_START_S: Final = 60.0  # a process that imports the package, on a busy machine


@dataclass(frozen=True, slots=True)
class Settings:
    """The SM clock in MHz and the power limit in W that a run is measured at; None: as it is."""

    sm_clock_mhz: int | None = None
    power_limit_w: int | None = None

    def __str__(self) -> str:
        """What is held, in words; "" of nothing."""
        clock = None if self.sm_clock_mhz is None else f"SM clock {self.sm_clock_mhz} MHz"
        limit = None if self.power_limit_w is None else f"power limit {self.power_limit_w} W"
        return ", ".join(filter(None, (limit, clock)))


@contextmanager
def held(uuid: str, settings: Settings) -> Iterator[None]:
    """Hold the settings of a GPU inside the block.

    They are put back after the block, after an error in it, and where moeprof ends in any other
    way, by SIGKILL too: a process of its own holds them (`holder.py`). Raises BadInput for a clock
    or a limit that the GPU does not have, and CannotMeasure where a change is refused or not
    supported, or did not last until the end of the block.
    """
    wanted = (settings.sm_clock_mhz, settings.power_limit_w)
    words = [UNCHANGED if value is None else str(value) for value in wanted]
    command = [sys.executable, "-P", "-m", MODULE, uuid, *words]
    try:
        with outliving(command, _START_S) as answer:
            _check(json.loads(answer))
            yield
    except ProcessEnded as ended:
        raise CannotMeasure(
            f"the {settings} was not held: {ended}",
            hint="`nvidia-smi -q -d CLOCK,POWER` says what the GPU is set to",
        ) from ended


def _check(answer: dict[str, object]) -> None:
    if "refused" in answer:
        refusal = BadInput if answer["is_bad_input"] else CannotMeasure
        raise refusal(str(answer["refused"]), hint=str(answer["hint"]))
