"""The machine that readings come from, as a line: readings with other lines are never mixed."""

from ...device import cpu
from ...device.gpus import gpus
from ...store.errors import CannotMeasure


def fingerprint() -> str:
    """The host by its hash, its processor, and each GPU with its driver and power limit."""
    try:
        seen = gpus()
    except CannotMeasure:  # without NVML only the processor is measured
        seen = []
    named = [f"{gpu.uuid} driver {gpu.driver} limit {gpu.power_limit_w} W" for gpu in seen]
    return "; ".join([f"{cpu.host_hash()} {cpu.cpu_name()}", *named])
