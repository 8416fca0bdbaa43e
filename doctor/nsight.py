"""Checks whether Nsight Systems and Nsight Compute work here as a sweep needs them."""

import re
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from ..profiler.collectors.collector import Collector, Probe
from ..profiler.collectors.ncu import NcuCollector
from ..profiler.collectors.nsys import Nsys, NsysCollector
from ..profiler.process.run import run
from .check_result import CheckResult, Status

_PROBE_S: Final = 60.0
_DRIVER: Final = Path("/proc/driver/nvidia/params")
_PROCESS: Final = Path("/proc/self/status")
# Seen: nvtx 0.2.12 and later record no range under nsys 2024.2.3, and do under 2025.
_NVTX_LOST_FROM: Final = (0, 2, 12)
_NSYS_LOSES_UP_TO: Final = (2024, 2, 999)
_ADMIN_CAPABILITIES: Final = (21, 38)  # CAP_SYS_ADMIN, CAP_PERFMON
_NO_COUNTERS: Final = "no ncu counters and no GPU metrics: ERR_NVGPUCTRPERM"
_NCU_FLAGS: Final = ("--clock-control", "--cache-control", "--nvtx-include", "--target-processes")


def permission(device: str, driver: Path = _DRIVER, own: Path = _PROCESS) -> CheckResult:
    """Check whether the driver lets this process read the GPU's hardware counters.

    `driver` holds the driver's parameters, `own` the capabilities of this process.
    https://developer.nvidia.com/ERR_NVGPUCTRPERM
    """
    check = "counter permission"
    if device == "cpu":
        return CheckResult(check, Status.SKIP, "the device is the CPU")
    try:
        parameters = driver.read_text(encoding="ascii", errors="replace")
    except OSError:
        return CheckResult(check, Status.SKIP, f"{driver} cannot be read; ncu tells when it runs")
    restricted = re.search(r"^RmProfilingAdminOnly:\s*(\d+)", parameters, re.MULTILINE)
    if restricted is None:
        return CheckResult(check, Status.SKIP, f"{driver} does not say; ncu tells when it runs")
    if restricted[1] == "0":
        return CheckResult(check, Status.OK, "every user may read hardware counters")
    if _is_administrator(own):
        return CheckResult(
            check, Status.OK, "administrators may read hardware counters: we are one"
        )
    return CheckResult(
        check,
        Status.WARNING,
        "RmProfilingAdminOnly is 1, and we have neither CAP_SYS_ADMIN nor CAP_PERFMON",
        cost=_NO_COUNTERS,
        remedy="write `options nvidia NVreg_RestrictProfilingToAdminUsers=0` into"
        " /etc/modprobe.d/nvidia.conf and reboot; for a container, --cap-add=SYS_ADMIN",
    )


def nsys(device: str, gpu_index: int | None) -> CheckResult:
    """Check whether nsys records and exports, and which flags it has.

    `gpu_index` is NVML's number of the GPU, None on a CPU.
    """
    check = "collector nsys"
    probe = _probe(NsysCollector(), device)
    path = shutil.which("nsys")
    if path is None:
        return CheckResult(check, Status.SKIP, probe.evidence)
    if not probe.ok:
        return CheckResult(
            check, Status.WARNING, probe.evidence, cost="auto takes another collector",
            remedy="install the whole of Nsight Systems, its host part beside its target part, or"
            " take it off PATH",
        )  # fmt: skip
    tool = Nsys(path)
    if device == "cpu":
        return _cpu_ranges(check, probe, tool.version)
    return _nsys_flags(check, probe, tool.profile(Path("report"), device, gpu_index))


def _cpu_ranges(check: str, probe: Probe, nsys_version: str) -> CheckResult:
    """Check whether the package nvtx is one whose ranges this nsys records."""
    nvtx = metadata.version("nvtx")
    evidence = probe.evidence
    if _numbers(nvtx) < _NVTX_LOST_FROM or _numbers(nsys_version) > _NSYS_LOSES_UP_TO:
        return CheckResult(check, Status.OK, evidence)
    return CheckResult(
        check, Status.WARNING, f"{evidence}; nvtx {nvtx} loses every range under this nsys",
        cost="a sweep of the CPU under nsys records nothing",
        remedy="pip install nvtx==0.2.11, or update Nsight Systems",
    )  # fmt: skip


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _nsys_flags(check: str, probe: Probe, command: Sequence[str]) -> CheckResult:
    """Check which optional flags a sweep's command of nsys has on this GPU."""
    flags = " ".join(command)
    graphs, metrics = "--cuda-graph-trace" in flags, "--gpu-metrics" in flags
    lacking = [what for what, has in (("kernels of CUDA graphs", graphs), ("GPU metrics", metrics))
               if not has]  # fmt: skip
    if not lacking:
        return CheckResult(check, Status.OK, f"{probe.evidence}, CUDA graphs, GPU metrics")
    return CheckResult(
        check, Status.WARNING, f"{probe.evidence}, without {' and '.join(lacking)}",
        cost="no utilisation or memory throughput beside the kernels" if not metrics else
        "a replayed graph is one record",
        remedy="see counter permission, or update Nsight Systems",
    )  # fmt: skip


def ncu(device: str) -> CheckResult:
    """Check whether ncu is there and has the flags that a sweep needs for comparable counters."""
    check = "collector ncu"
    probe = _probe(NcuCollector(), device)
    path = shutil.which("ncu")
    if path is None or not probe.ok:
        return CheckResult(check, Status.SKIP, probe.evidence)
    help_text = run([path, "--help"], timeout_s=_PROBE_S).stdout
    lacking = [flag for flag in _NCU_FLAGS if flag not in help_text]
    if not lacking:
        return CheckResult(check, Status.OK, f"{probe.evidence}: counters per kernel")
    return CheckResult(
        check, Status.WARNING, f"{probe.evidence} lacks {', '.join(lacking)}",
        cost="no hardware counters: ncu refuses the command", remedy="update Nsight Compute",
    )  # fmt: skip


def _probe(collector: Collector, device: str) -> Probe:
    try:
        return collector.probe(device)
    except OSError as error:
        return Probe(False, f"the {collector.name} on PATH does not start: {error}")


def _is_administrator(own: Path) -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", own.read_text(encoding="ascii"), re.MULTILINE)
    capabilities = int(found[1], 16) if found else 0
    return any(capabilities >> capability & 1 for capability in _ADMIN_CAPABILITIES)
