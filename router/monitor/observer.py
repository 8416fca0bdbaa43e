"""Makes a snapshot of each round of readings."""

from typing import Final

from ...device.nvml import (
    ENERGY,
    EVENT_REASONS,
    GPU_BUSY,
    MEMORY_BUSY,
    MEMORY_CLOCK,
    MEMORY_TOTAL,
    MEMORY_USED,
    POWER_LIMIT,
    SLOWDOWN_TEMP,
    SM_CLOCK,
    TEMP_GPU,
    TEMP_MEMORY,
    NvmlCode,
)
from ...energy.faults import fault_of
from ...energy.power_log import SIMULATED
from ...store.provenance import EnergySource
from .power import PowerObserver
from .pressure import Pressure, PressureLimits
from .snapshot import MonitorState, Snapshot
from .source import Device, Round

# Bits of NVML's event reasons (nvml.h, nvmlClocksEventReason*), less that of an idle GPU.
_THROTTLES: Final = {
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal",
    0x40: "hardware thermal",
    0x80: "power brake",
    0x100: "display clocks",
}
_THERMAL_BITS: Final = 0x20 | 0x40
_POWER_BITS: Final = 0x4 | 0x80
_NS: Final = 1e9


class Observer:
    """Takes the rounds of one device, in order."""

    def __init__(self, device: Device, limits: PressureLimits) -> None:
        self._device = device
        self._limits = limits
        self._power = PowerObserver()
        self._thermal_pressure, self._power_pressure = Pressure(), Pressure()
        self._values: dict[str, int | None] = {}

    def snapshot(self, rows: Round, before: Snapshot) -> Snapshot:
        """The snapshot after one round; `before` is the last one.

        A round without any reading that succeeded is that of a device that is lost.
        """
        at_s = rows[0].begin_ns / _NS
        self._values |= {row.reading.name: row.reading.value for row in rows}
        codes = [row.reading.code for row in rows]
        if NvmlCode.SUCCESS not in codes:
            return lost(at_s, fault_of(codes[0]), before)
        since_s = before.since_s if before.state is MonitorState.WATCHING else at_s
        seen = self._power.take(rows)
        limit_w = self._scaled(POWER_LIMIT, 1000)
        bits = self._values.get(EVENT_REASONS)
        return Snapshot(
            at_s,
            MonitorState.WATCHING,
            since_s,
            power_w=seen.power_w,
            power_source=self._source(seen.reading),
            power_reading=seen.reading,
            power_reason=seen.reason,
            counted=seen.counted,
            temp_c=self._scaled(TEMP_GPU),
            memory_temp_c=self._scaled(TEMP_MEMORY),
            sm_busy_pct=self._scaled(GPU_BUSY),
            memory_busy_pct=self._scaled(MEMORY_BUSY),
            memory_used_bytes=self._values.get(MEMORY_USED),
            memory_total_bytes=self._values.get(MEMORY_TOTAL),
            sm_clock_mhz=self._scaled(SM_CLOCK),
            memory_clock_mhz=self._scaled(MEMORY_CLOCK),
            power_limit_w=limit_w,
            throttle_reasons=None if bits is None else _names(bits),
            thermal_pressure=self._heat(bits or 0),
            power_pressure=self._draw(seen.power_w, limit_w, bits or 0),
        )

    def _heat(self, bits: int) -> float | None:
        """The thermal pressure: 1 while the GPU is slowed down by heat."""
        limits = self._limits
        limit_c = limits.temp_c or self._scaled(SLOWDOWN_TEMP)
        temp_c = self._scaled(TEMP_GPU)
        signal = self._thermal_pressure.follow(
            temp_c, limit_c, limits.temp_band_c, limits.temp_hysteresis_c
        )
        return 1.0 if bits & _THERMAL_BITS else signal

    def _draw(self, power_w: float | None, device_limit_w: float | None, bits: int) -> float | None:
        """The pressure of power: 1 while the GPU is held down by its power limit or brake."""
        limits = self._limits
        limit_w = limits.power_w or device_limit_w
        band_w, width_w = (
            share * (limit_w or 0) for share in (limits.power_band, limits.power_hysteresis)
        )
        signal = self._power_pressure.follow(power_w, limit_w, band_w, width_w)
        return 1.0 if bits & _POWER_BITS else signal

    def _scaled(self, name: str, units: int = 1) -> float | None:
        value = self._values.get(name)
        return None if value is None else value / units

    def _source(self, reading: str | None) -> EnergySource:
        if reading is None:
            return EnergySource.UNAVAILABLE
        if SIMULATED in self._device.name:
            return EnergySource.SIMULATED
        if self._device.sensor == "rapl":
            return EnergySource.RAPL
        return EnergySource.NVML_COUNTER if reading == ENERGY else EnergySource.NVML_POWER


def lost(at_s: float, why: str, before: Snapshot) -> Snapshot:
    """The snapshot of a device that cannot be read; since when is kept from the last one."""
    since_s = before.since_s if before.state is MonitorState.LOST else at_s
    return Snapshot(at_s, MonitorState.LOST, since_s, why)


def _names(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _THROTTLES.items() if bits & bit)
