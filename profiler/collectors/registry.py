"""The collectors that there are, and the choice of one for a device."""

from collections.abc import Mapping
from types import MappingProxyType

from ...store.errors import BadInput, CannotMeasure
from ...store.recording import CollectorName
from .collector import Collector
from .cpu import CpuCollector
from .kineto import KinetoCollector
from .ncu import NcuCollector
from .nsys import NsysCollector

COLLECTORS: Mapping[str, Collector] = MappingProxyType(
    {
        collector.name: collector
        for collector in (CpuCollector(), KinetoCollector(), NsysCollector(), NcuCollector())
    }
)


def choose_collectors(words: str, device: str) -> tuple[tuple[str, ...], str]:
    """Resolve "auto", a collector's name, or two by comma; return the names and the reason.

    `auto` takes the first that works: `cpu` on a CPU; `nsys`, else `kineto`, on a GPU. Raises
    BadInput for an unknown name and for two collectors that take times, CannotMeasure where one
    does not work here.
    """
    if words == "auto":
        return _best(device)
    names = tuple(words.split(","))
    for name in names:
        if name not in COLLECTORS:
            raise BadInput(
                f"{name!r} is no collector", hint=f"use auto, {', '.join(COLLECTORS)}, or nsys,ncu"
            )
        probe = COLLECTORS[name].probe(device)
        if not probe.ok:
            raise CannotMeasure(
                f"the {name} collector does not work here: {probe.evidence}",
                hint="`moeprof doctor` shows what does; --collector auto takes the best",
            )
    timing = [name for name in names if name != CollectorName.NCU]
    if len(timing) > 1 or len(set(names)) < len(names):
        raise BadInput(f"{words!r} names two collectors that time", hint="one of them, and ncu")
    return names, "as asked"


def _best(device: str) -> tuple[tuple[str, ...], str]:
    order = (CollectorName.CPU,) if device == "cpu" else (CollectorName.NSYS, CollectorName.KINETO)
    passed_over: list[str] = []
    for name in order:
        probe = COLLECTORS[name].probe(device)
        if probe.ok:
            return (name,), "; ".join([probe.evidence, *passed_over])
        passed_over.append(f"not {name}: {probe.evidence}")
    raise CannotMeasure(
        f"no collector can record {device}: {'; '.join(passed_over)}",
        hint="install Nsight Systems, or a torch that was built with CUPTI",
    )
