from math import inf, nan

import pytest

from moeprof.router.control.controller import Telemetry
from moeprof.router.control.watch import SensorWatch
from moeprof.store.errors import BadInput


def faults(readings: list[Telemetry], hold_s: float = 2.0) -> list[str | None]:
    watch = SensorWatch(hold_s)
    return [watch.see(reading)[1] for reading in readings]


def test_good_readings_pass_unchanged() -> None:
    watch, reading = SensorWatch(2.0), Telemetry(0.1, 300.0, 50.0, 1e3)
    assert watch.see(reading) == (reading, None)


def test_a_reading_that_is_missing_is_waited_for() -> None:
    found = faults([Telemetry(0.0, 300.0), *(Telemetry(float(at)) for at in (1, 2, 3))])
    assert found == [None, None, "lost", "lost"]


def test_a_sensor_that_never_read_is_lost() -> None:
    assert faults([Telemetry(0.0), Telemetry(1.0), Telemetry(2.0)])[-1] == "lost"


@pytest.mark.parametrize("wrong", [nan, inf, -1.0, 1e300])
def test_a_number_that_no_sensor_means_is_missing(wrong: float) -> None:
    believed, fault = SensorWatch(2.0).see(Telemetry(0.1, wrong, 50.0, wrong, wrong))
    assert (believed.power_w, believed.tokens_per_s, believed.latency_s) == (None, None, None)
    assert (believed.temp_c, fault) == (None, None)


def test_a_power_that_stands_while_arrivals_move_is_frozen() -> None:
    readings = [Telemetry(at / 2, 300.0, 50.0, 1000.0 + 50 * at) for at in range(6)]
    assert faults(readings) == [None, None, None, None, "frozen", "frozen"]


def test_a_power_that_stands_with_the_arrivals_is_given_longer() -> None:
    readings = [Telemetry(float(at), 300.0, 50.0, 1000.0) for at in range(12)]
    assert faults(readings).index("frozen") == 10


def test_a_repeated_power_is_no_news() -> None:
    watch = SensorWatch(2.0)
    watch.see(Telemetry(0.1, 300.0, 50.0, 1e3))
    believed, fault = watch.see(Telemetry(0.2, 300.0, 51.0, 1e3))
    assert (believed.power_w, believed.temp_c, fault) == (None, 51.0, None)


def test_the_first_good_reading_ends_a_fault() -> None:
    readings = [Telemetry(0.0, 300.0), Telemetry(5.0), Telemetry(5.1, 301.0)]
    assert faults(readings) == [None, "lost", None]


@pytest.mark.parametrize("hold_s", [0.0, -1.0, nan, inf])
def test_a_time_that_is_none_is_refused(hold_s: float) -> None:
    with pytest.raises(BadInput, match="hold_s is"):
        SensorWatch(hold_s)
