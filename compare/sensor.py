"""How well the sensor itself is known that energy is held against.

Model and measurement come from one sensor, so an error of its scale is in both, and no comparison
of the two shows it. It is said beside a verdict, and never mixed into an error.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from ..store.verdict import Sensor

UNAVAILABLE: Final = "unavailable"
_NVML_GAIN: Final = 0.05
_NVML: Final = "not calibrated here; NVML was some 5 % off external meters (arXiv 2312.02741)"
_REASONS: Final = MappingProxyType(
    {
        "nvml_counter": (_NVML_GAIN, _NVML),
        "nvml_power": (_NVML_GAIN, _NVML),
        "nsys_nvml": (_NVML_GAIN, _NVML),
        "external_meter": (None, "an external meter, whose own calibration is not known here"),
        "simulated": (None, "the sensor is simulated, and so is every number from it"),
    }
)


def sensor_of(sources: Iterable[str]) -> Sensor | None:
    """Describe the sensor that some values come from, the first named; None where none does."""
    source = next((each for each in sources if each != UNAVAILABLE), None)
    if source is None:
        return None
    gain, reason = _REASONS.get(source, (None, "its scale was not calibrated here"))
    return Sensor(source, gain, reason)
