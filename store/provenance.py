"""Where a number comes from: the machine, the software and the code that measured it.

It never holds the environment, a user name, a host name or the name of another process, because
runs are shared. A hash of the host shows whether two runs come from the same machine.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from .document import Amount, Count, Positive, Share, Size

Brake = Literal["heat", "a power brake", "a CPU quota"]


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


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as its driver describes it; None where the driver does not say."""

    index: Count
    name: str
    uuid: str
    driver: str | None
    vbios: str | None
    power_limit_w: Positive | None
    sm_clock_mhz: Count | None
    memory_clock_mhz: Count | None
    mig: bool | None
    l2_bytes: Count | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The machine and the software of a measurement.

    `device` is what was measured: "cpu" or "cuda:N". `cache_bytes` is that device's last-level
    cache. `versions` maps a piece of software to its version, for what is installed.
    `device_name` of a simulated device says so, and everything measured on it is `simulated`.
    """

    SCHEMA: ClassVar[str] = "moeprof.provenance/1.0"
    WAY_OUT: ClassVar[str] = "restore the file that `moeprof profile` wrote, or profile anew"

    device: str
    device_name: str
    cache_bytes: Count | None
    cpu_name: str
    cpu_count: Size
    threads: Size
    gpu: Gpu | None
    versions: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None
    host_hash: str
    utc: str

    @property
    def machine(self) -> str:
        """What must be the same throughout a run: the device, its driver, its threads."""
        if self.gpu is not None:
            return f"{self.gpu.name} {self.gpu.uuid} driver {self.gpu.driver}"
        return f"{self.device_name} of host {self.host_hash}, {self.threads} thread(s)"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What went on beside us on a device in some time; None, or empty, where it is not known.

    On a CPU: `cores` is the number of processors that this process may run on, `other_cores` how
    many of them other processes kept busy as a mean over the time, `load_average` the host's of one
    minute, `governors` those of the cores' clocks, and `quota_cores` the least limit of the control
    groups. On a GPU: `gpu_processes` is the number of other processes that compute on it, and
    `gpu_busy` the share of time in which it worked, read only while nothing of ours runs there.
    `slowed_by` is what held the clocks, or the process, back. `beside_sweep` says that another
    sweep had the device, and this one was forced.
    """

    cores: Size | None = None
    other_cores: Amount | None = None
    load_average: Amount | None = None
    governors: tuple[str, ...] = ()
    quota_cores: Amount | None = None
    gpu_processes: Count | None = None
    gpu_busy: Share | None = None
    slowed_by: tuple[Brake, ...] = ()
    beside_sweep: bool = False
