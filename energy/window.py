"""Energy per launch in one window of a power log: which source gives it, and whether it counts."""

from dataclasses import dataclass
from typing import Final

from ..device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from .counter import (
    DISAGREEMENT,
    Measured,
    counter_power_w,
    disagreement,
    integrated_power_w,
    refreshes,
)
from .faults import CAPPED_SHARE, Fault, faults, power_capped_share, sm_clock_range_mhz
from .power_log import PowerLog

_WITHOUT_COUNTER: Final = {Fault.NOT_SUPPORTED, Fault.TOO_OLD}
_CLOCK_STEP_MHZ: Final = 15
_UNAVAILABLE: Final = "unavailable"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of steady load on the log's clock, and how many launches fell into it."""

    begin_ns: int
    end_ns: int
    launches: float

    @property
    def length_s(self) -> float:
        """Length, s."""
        return (self.end_ns - self.begin_ns) / 1e9


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """What a window cost. `power_w` and `energy_mj` (per launch) are None together, with `reason`.

    `source` is nvml_counter, nvml_power, rapl, simulated or unavailable. `faults` are all that took
    the energy away; `marks` are doubts that did not. `power_peak_w` is the highest instant reading,
    `temp_c` the mean temperature; each None where it was not read.
    """

    power_w: Measured
    energy_mj: Measured
    power_peak_w: float | None
    temp_c: float | None
    source: str
    faults: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def reason(self) -> str | None:
        """Why there is no energy; None where there is."""
        return self.energy_mj.reason


def window_energy(log: PowerLog, window: Window, processes: int) -> WindowEnergy:
    """Measure one window of a log; `processes` of our own compute on the GPU.

    The counter gives the power; where NVML has none for this GPU, the mean of the instant power
    does. Any fault takes the energy away, and leaves the other readings.
    """
    begin_ns, end_ns = window.begin_ns, window.end_ns
    found = faults(log, begin_ns, end_ns, processes)
    instant = integrated_power_w(refreshes(log.series(POWER_INSTANT)), begin_ns, end_ns)
    without_counter = bool(found) and found[0] in _WITHOUT_COUNTER
    if without_counter and instant.value is not None:
        power, source, found = instant, "nvml_power", found[1:]
    else:
        power = counter_power_w(log.series(ENERGY), begin_ns, end_ns)
        source = "rapl" if log.sensor == "rapl" else "nvml_counter"
    if found:
        power = Measured(None, None, power.n, found[0])
    if power.value is None:
        source = _UNAVAILABLE
    elif log.simulated:
        source = "simulated"
    return WindowEnergy(
        power_w=power,
        energy_mj=power.scaled(window.length_s * 1000 / window.launches),
        power_peak_w=_over(log, POWER_INSTANT, window, "max", 1e-3),
        temp_c=_over(log, TEMP_GPU, window, "mean", 1.0),
        source=source,
        faults=tuple(found),
        marks=tuple(_marks(log, window, power, None if without_counter else instant)),
    )


def _marks(log: PowerLog, window: Window, power: Measured, other: Measured | None) -> list[str]:
    marks = []
    share = power_capped_share(log, window.begin_ns, window.end_ns)
    if share is not None and share > CAPPED_SHARE:
        marks.append(f"power limit held the clocks down for {share:.0%} of the window")
    drift_mhz = sm_clock_range_mhz(log, window.begin_ns, window.end_ns)
    if drift_mhz > _CLOCK_STEP_MHZ:
        marks.append(f"the SM clock moved by {drift_mhz:.0f} MHz")
    ratio = None if other is None else disagreement(other, power)
    if ratio is not None and abs(ratio) > DISAGREEMENT:
        marks.append(f"instant power differs from the energy counter by {ratio:+.1%}")
    return marks


def _over(log: PowerLog, name: str, window: Window, how: str, scale: float) -> float | None:
    values = log.series(name).between(window.begin_ns, window.end_ns).good().value
    return float(getattr(values, how)()) * scale if len(values) else None
