"""What the simulated GPU is set to."""

from moeprof.device.nvml import Sensors, nvml
from moeprof.tests.fakenvml import fake


def set_to() -> tuple[int | None, int | None]:
    """The SM clock in MHz and the power limit in mW, as any process reads them."""
    with nvml() as library:
        sensors = Sensors(library, fake.UUID)
        return sensors.sm_clock()[0].value, sensors.power_limit()[0].value
