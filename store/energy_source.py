"""What measured a power or an energy, as tables and cost models name it."""

from enum import StrEnum


class EnergySource(StrEnum):
    """Source of a power or an energy.

    `nvml_counter` is NVML's energy counter, `nvml_power` its instant power where there is no
    counter, and `nsys_nvml` the power that nsys recorded within a trace. `simulated` is any sensor
    of a simulated device. `imported` is the power column of a public table, `estimated` an estimate
    from the power limit. With `unavailable` the value is null and a reason is beside it.
    """

    NVML_COUNTER = "nvml_counter"
    NVML_POWER = "nvml_power"
    NSYS_NVML = "nsys_nvml"
    RAPL = "rapl"
    EXTERNAL_METER = "external_meter"
    SIMULATED = "simulated"
    IMPORTED = "imported"
    ESTIMATED = "estimated"
    UNAVAILABLE = "unavailable"
