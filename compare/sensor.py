"""Uncertainty of the sensor's scale, which no comparison of model and measurement can show.

Both come from the same sensor, so that an error of its scale cancels. It is reported beside a
verdict, and is part of no error.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ..store.provenance import EnergySource
from ..store.verdicts.verdict import Sensor

_NVML_GAIN: Final = 0.05
_NVML: Final = "not calibrated here; NVML was some 5 % off external meters (arXiv 2312.02741)"
_REASONS: Final[Mapping[str, tuple[float | None, str]]] = MappingProxyType(
    {
        EnergySource.NVML_COUNTER: (_NVML_GAIN, _NVML),
        EnergySource.NVML_POWER: (_NVML_GAIN, _NVML),
        EnergySource.NSYS_NVML: (_NVML_GAIN, _NVML),
        EnergySource.EXTERNAL_METER: (
            None,
            "an external meter, whose own calibration is not known here",
        ),
        EnergySource.SIMULATED: (None, "the sensor is simulated, and so is every number from it"),
    }
)


def sensor_of(sources: Iterable[str]) -> Sensor | None:
    """The sensor of the first available source, with its uncertainty; None where none is."""
    source = next((each for each in sources if each != EnergySource.UNAVAILABLE), None)
    if source is None:
        return None
    gain, reason = _REASONS.get(source, (None, "its scale was not calibrated here"))
    return Sensor(source, gain, reason)
