"""Cost models of experts with simple times and powers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from moeprof.costmodel.model import KernelCostModel
from moeprof.router.kinds.kind import ExpertKind
from moeprof.store.cost_model import CostModelFile, Pole, Thermal, ThermalResponse
from moeprof.tests.builders import make_model_file, make_points

SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CHAIN: Final = ExpertKind(("fc1", "gelu", "fc2"))
PACKED: Final = ExpertKind(("dequant_linear", "gelu", "fc2"))
IDLE_W: Final = 50.0
HEAT: Final = Thermal(0.1, 1000, ThermalResponse((Pole(3.0, 0.1),), 30.0, 0.3, hot_s=120.0))


def fc1_us(rows: int) -> float:
    """A fixed charge of 40 us, and 1 us for each row."""
    return 40.0 + rows


def packed_us(rows: int) -> float:
    """A quarter of the weights to read, and more arithmetic for each row."""
    return 10.0 + 2 * rows


def gelu_us(rows: int) -> float:
    return 2.0 + 0.1 * rows


TIMES: Final = {
    "fc1": fc1_us, "dequant_linear": packed_us, "gelu": gelu_us, "fc2": fc1_us,
}  # fmt: skip


def points(
    op: str,
    us: Callable[[int], float],
    power_w: float | None,
    *,
    steady_ratio: float = 1.0,
    **columns: Any,
) -> pa.Table:
    """Points of a kernel, which draws `power_w` at every size in calls that last so much longer."""
    tables = []
    for size in SIZES:
        own: dict[str, Any] = {"curve": f"{op}-8x4-fp32-cold", "op": op} | columns
        if power_w is not None:
            steady_us = steady_ratio * us(size)
            metered: dict[str, Any] = {"energy_source": "nvml_counter", "energy_reason": None}
            metered |= {"energy_mj": power_w * steady_us / 1e3, "latency_sustained_us": steady_us}
            own = metered | {"idle_power_w": IDLE_W} | own
        tables.append(make_points(us, [size], **own))
    return pa.concat_tables(tables)


def chain_file(power_w: float | None = 150.0, **columns: Any) -> CostModelFile:
    """A model of the kernels of TIMES."""
    made = make_model_file(*(points(op, us, power_w, **columns) for op, us in TIMES.items()))
    return replace(made, thermal=HEAT) if power_w is not None else made


def chain_model(power_w: float | None = 150.0, **columns: Any) -> KernelCostModel:
    return KernelCostModel.from_file(chain_file(power_w, **columns))
