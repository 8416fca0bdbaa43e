"""Where a number comes from: the machine, the software and the code that measured it.

It never holds the environment, a user name or a host name, because runs are shared. A hash of the
host shows whether two runs come from the same machine.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as its driver describes it; None where the driver does not say."""

    index: int
    name: str
    uuid: str
    driver: str | None
    vbios: str | None
    power_limit_w: float | None
    sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    mig: bool | None
    l2_bytes: int | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The machine and the software of a measurement.

    `device` is what was measured: "cpu" or "cuda:N". `cache_bytes` is that device's last-level
    cache. `versions` maps a piece of software to its version, for what is installed.
    `device_name` of a simulated device says so, and everything measured on it is `simulated`.
    """

    SCHEMA: ClassVar[str] = "moeprof.provenance/1.0"

    device: str
    device_name: str
    cache_bytes: int | None
    cpu_name: str
    cpu_count: int
    threads: int
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
