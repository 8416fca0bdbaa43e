"""The uncertainty of the sensor is reported beside a verdict, by the source of the energy."""

import pytest

from moeprof.compare.sensor import sensor_of


@pytest.mark.parametrize(
    ("source", "gain", "said"),
    [
        ("nvml_counter", 0.05, "arXiv 2312.02741"),
        ("nvml_power", 0.05, "arXiv 2312.02741"),
        ("simulated", None, "the sensor is simulated"),
        ("rapl", None, "not calibrated here"),
        ("external_meter", None, "an external meter, whose own calibration"),
    ],
)
def test_each_source_has_the_uncertainty_of_its_scale(
    source: str, gain: float | None, said: str
) -> None:
    sensor = sensor_of(["unavailable", source])
    assert sensor is not None
    assert (sensor.energy_source, sensor.gain_uncertainty) == (source, gain)
    assert said in sensor.gain_reason


def test_without_energy_there_is_no_sensor() -> None:
    assert sensor_of([]) is None
    assert sensor_of(["unavailable"]) is None
