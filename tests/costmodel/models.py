"""Models that the tests of several files look costs up in."""

from collections.abc import Callable
from dataclasses import replace

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile, Peaks, Pole, Thermal, ThermalResponse
from moeprof.tests.builders import make_model, make_model_file, make_points

SIZES = range(1, 513, 21)  # 25 sizes, 1 … 505
PEAKS = Peaks({"float32": 1e12}, 1e11, None, "a sheet")
HEAT = Thermal(0.1, 1000, ThermalResponse((Pole(3.0, 0.1),), 30.0, 0.3, hot_s=120.0))
METERED = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 50.0}


def bumpy(size: int) -> float:
    """A slope with repeatable noise of a few percent."""
    return (50 + size) * (1 + 0.03 * ((7919 * size) % 13 - 6) / 6)


def bumpy_file() -> CostModelFile:
    """One curve of `bumpy` latencies, without energy."""
    return make_model_file(make_points(bumpy, SIZES))


def bounded_model() -> KernelCostModel:
    """A model whose points know their work: 8x4 and 16x4, 1 to 256 tokens."""
    tables = []
    for shape, times in (((8, 4), 1), ((16, 4), 2)):
        name = {"curve": f"fc1-{shape[0]}x4-fp32-cold", "shape": list(shape)}
        for size in range(1, 257, 15):
            work = {"flops": 64 * times * size}
            work["bytes_moved"] = 4 * (32 * times + sum(shape) * size)
            tables.append(make_points(_slope(times), [size], **name, **work))
    return make_model(*tables)


def _slope(times: float) -> Callable[[int], float]:
    return lambda size: times * (5.0 + size)


def metered_model() -> KernelCostModel:
    """One curve, bounded by memory up to 100 tokens and by arithmetic beyond, of 100 W."""
    tables = [
        make_points(
            lambda b: 60.0 + 2 * b,
            [size],
            flops=10**6 * size,
            bytes_moved=10**7,
            energy_mj=0.1 * (60 + 2 * size),
            gap_us=0.5,
            **METERED,
        )
        for size in (1, 50, 100, 150, 200)
    ]
    return KernelCostModel.from_file(replace(make_model_file(*tables), peaks=PEAKS, thermal=HEAT))
