"""What must be the same for a change to be the code's: the device and how it was driven."""

from collections.abc import Mapping
from typing import Any, Final

from ...store.errors import BadInput
from ...store.provenance import Provenance

_NOT_LOCKED: Final = "not locked"
_UNKNOWN: Final = "not known"


def conditions_of(provenance: Provenance) -> dict[str, str]:
    """Name the conditions of a measurement on a GPU or a CPU."""
    gpu = provenance.gpu
    if gpu is None:
        torch = provenance.versions.get("torch", _UNKNOWN)
        threads = str(provenance.threads)
        return {"device": provenance.device_name, "threads": threads, "torch": torch}
    return {
        "device": f"{gpu.name} {gpu.uuid}",
        "driver": gpu.driver or _UNKNOWN,
        "power limit": _watts(gpu.power_limit_w),
    }


def clock_policy(sm_clock_mhz: int | None) -> dict[str, str]:
    """The condition of a sweep that locked the SM clock, or did not."""
    return {"clocks": _NOT_LOCKED if sm_clock_mhz is None else f"locked to {sm_clock_mhz} MHz"}


def conditions_of_machine(machine: Mapping[str, Any]) -> dict[str, str]:
    """Name the conditions of a benchmark, by what its document says of the machine."""
    gpu = machine.get("gpu")
    if not isinstance(gpu, dict):
        given = {name: machine.get(name) for name in ("device_name", "cpu_name", "cpu", "cores")}
        versions = machine.get("versions")
        torch = versions.get("torch") if isinstance(versions, dict) else None
        return {n: _text(v) for n, v in (given | {"torch": torch}).items() if v is not None}
    limit_w = gpu.get("power_limit_w")
    return {
        "device": f"{_text(gpu.get('name'))} {_text(gpu.get('uuid_hash') or gpu.get('uuid'))}",
        "driver": _text(gpu.get("driver")),
        "power limit": _watts(limit_w) if isinstance(limit_w, float) else _text(limit_w),
    }


def _text(value: object) -> str:
    """What a document says in one word or number; anything else is not known."""
    return str(value) if isinstance(value, str | int | float) else _UNKNOWN


def _watts(limit_w: float | None) -> str:
    return _UNKNOWN if limit_w is None else f"{limit_w:g} W"


def differing(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The conditions that both sides name and that differ, each with that of either side."""
    return {name: (was, new[name]) for name, was in old.items() if name in new and new[name] != was}


def require_same(differs: Mapping[str, tuple[str, str]]) -> None:
    """Raise BadInput, naming each condition that differs."""
    if differs:
        told = "; ".join(f"{name}: {old} and {new}" for name, (old, new) in differs.items())
        raise BadInput(
            f"OLD and NEW were not measured under the same conditions: {told}",
            hint="measure both on one machine, or set machines against each other by --cross",
        )
