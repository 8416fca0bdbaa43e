"""The options of a run as the user chose them: each with its unit, its default and its rule."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from ..store.errors import BadInput, check_type, shortened
from ..store.plan import Isolation, Sampling
from ..store.scenario import L2

_OPTIONS: Final = {
    "preset_file": "--scenario",
    "collectors": "--collector",
    "points_per_op": "--points",
    "budget_s": "--budget",
    "point_timeout_s": "--point-timeout",
    "power": "--no-power",
    "sm_clock_mhz": "--lock-clocks",
    "power_limit_w": "--power-limits",
    "wait_s": "--wait",
}  # where the command line's option is not the field's name
_SETTINGS: Final = (
    ("sm_clock_mhz", "MHz", "SUPPORTED_CLOCKS"),
    ("power_limit_w", "W", "POWER"),
)
_MAX_S: Final = 365 * 24 * 3600.0  # threading.TIMEOUT_MAX is some 292 years
_FEWER_DIGITS: Final = "write a number that fits into 64 bits"
_CHOICES: Final = {"sampling": Sampling, "isolation": Isolation, "l2": L2}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of one run; each has the default of the same option of `moeprof profile`.

    Raises BadInput for a value that breaks a rule, and for more threads than CPUs; what the words
    of `ops`, `batch_sizes`, `preset`, `device` and `collectors` stand for is looked up when the run
    begins.

    Attributes:
        ops: "all", "experts", "layer", "step", "engines", names by comma such as "fc1,topk", or a
            Python file (docs/ops.md).
        batch_sizes: Tokens in a call: "1..512", "1..512:8", "1,2,4" or "pow2:1..512".
        preset: Name of the layer's sizes, or several by comma: each is measured. None for "small"
            on a CPU and "mixtral-8x7b" on a GPU.
        preset_file: TOML file with sizes of one's own, in place of `preset`.
        routing: "uniform", "zipf:SKEW" such as "zipf:1.2", or a JSON file of recorded counts: how
            tokens go to experts; None for the preset's own, which is uniform unless it says so.
        hidden: Widths to measure in place of the layer's own, by comma: "1024,4096".
        weight_bits: Bits of quantised weights, by comma; 16 are not packed. None for the layer's.
        weight_format: Formats of weights by comma, in place of `weight_bits`: "fp8_block,mxfp4";
            "none" are not packed. None for the layer's own.
        tensor_parallel: Measure one rank of so many that share every product and the heads.
        expert_parallel: Measure one rank of so many that share the experts.
        device: "cpu" or "cuda:N"; None for the first GPU, or the CPU where there is none.
        collectors: "auto", "cpu", "kineto", "nsys" or "ncu"; one that times and ncu by comma.
        sampling: "adaptive" chooses each size by those measured so far, "all" takes every one.
        points_per_op: Number of batch sizes of an operation that are chosen for its fit, at most.
            None for 24; for up to 48 where a budget has time left and the fit needs them.
        isolation: One process for each operation ("op") or for each batch size ("point").
        l2: "cold": each call reads other memory; "hot": the same again, from the cache.
        threads: Number of CPU threads that an operation may use, at most that of the CPUs.
        seed: Draws the order of measurement and the sizes that are held out.
        budget_s: Stop measuring after so many seconds; None for no limit.
        point_timeout_s: Give up one batch size after so many seconds.
        power: Whether to measure energy where a sensor can.
        sm_clock_mhz: Lock the GPU's SM clock to so many MHz meanwhile; needs root. None: no lock.
        power_limit_w: Set the GPU's power limit to so many W meanwhile; needs root. None: as it is.
        thermal_step: Record a step in power at the end, for the thermal response: five minutes.
        wait_s: Wait so many seconds at most until the device is quiet, then measure all the same.
        force: Measure beside another sweep on the same device; every point gets a flag.

    """

    ops: str = "all"
    batch_sizes: str = "1..512"
    preset: str | None = None
    preset_file: Path | str | None = None
    routing: str | None = None
    hidden: str | None = None
    weight_bits: str | None = None
    weight_format: str | None = None
    tensor_parallel: int = 1
    expert_parallel: int = 1
    device: str | None = None
    collectors: str = "auto"
    sampling: Sampling = "adaptive"
    points_per_op: int | None = None
    isolation: Isolation = "op"
    l2: L2 = "cold"
    threads: int = 1
    seed: int = 0
    budget_s: float | None = None
    point_timeout_s: float = 60.0
    power: bool = True
    sm_clock_mhz: int | None = None
    power_limit_w: int | None = None
    thermal_step: bool = False
    wait_s: float | None = None
    force: bool = False

    def __post_init__(self) -> None:
        self._check_types()
        self._check_numbers()
        self._check_choices()
        if self.preset is not None and self.preset_file is not None:
            raise BadInput("--preset and --scenario were both given", hint="give one of them")
        if self.thermal_step and not self.power:
            raise BadInput("--no-power and --thermal-step were both given", hint="give one of them")

    def _check_types(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            check_type(field.name, value, *_types_of(field.type))
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                shown = shortened(str(value))
                raise BadInput(f"{option_of(field.name)} is {shown}", hint=_FEWER_DIGITS)

    def _check_numbers(self) -> None:
        cpus = os.cpu_count() or 1
        if not 1 <= self.threads <= cpus:
            raise BadInput(
                f"--threads is {self.threads}, and it must be at least 1 and at most {cpus}, the"
                " CPUs of this machine",
                hint="leave it out, or give it as many as an operation may use",
            )
        if self.points_per_op is not None and self.points_per_op < 2:
            raise BadInput(
                f"--points is {self.points_per_op}, and a curve needs at least 2",
                hint="24, as without --points, are enough for most",
            )
        for field in ("budget_s", "point_timeout_s", "wait_s"):
            seconds = getattr(self, field)
            if seconds is not None and not 0 < seconds <= _MAX_S:
                raise BadInput(
                    f"{option_of(field)} is {seconds:g} s, and it must be longer than 0 and at most"
                    " a year",
                    hint="leave it out, or give it another time",
                )
        for field, unit, query in _SETTINGS:
            value = getattr(self, field)
            if value is not None and value < 1:
                raise BadInput(
                    f"{option_of(field)} is {value} {unit}, and it must be at least 1",
                    hint=f"leave it out, or give one that `nvidia-smi -q -d {query}` lists",
                )

    def _check_choices(self) -> None:
        for field, kind in _CHOICES.items():
            value, known = getattr(self, field), get_args(kind)
            if value not in known:
                raise BadInput(f"{field} is {value!r}", hint=f"it must be {' or '.join(known)}")


def _types_of(hint: Any) -> tuple[type, ...]:
    """Classes that a field's type stands for; a float may be written as an int."""
    if get_origin(hint) is Literal:
        return (str,)
    named = get_args(hint) or (hint,)
    return (*named, int) if float in named else named


def option_of(field: str) -> str:
    """Name the command line's option that sets a field of RunOptions: "--points"."""
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")


OPTION_FIELDS: Final = {option_of(field.name): field.name for field in fields(RunOptions)}
"""The command line's options to the fields that they set: "--points" to "points_per_op"."""
