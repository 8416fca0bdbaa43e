"""An engine: a package with kernels for routed experts, and the versions that its adapter knows.

Each engine has a file here. It says which versions of the package were read, makes the arguments in
the package's own layout, and calls the package's own function. The operation's scenario is that of
routed_experts or routed_experts_packed (scenarios/ops/layer/routed_experts.py): same sizes, routing
and key but for the name. Its script imports the package first: that takes many seconds, for which a
process that starts has more time than a size.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import Any, Final

import torch

from ...store.errors import BadInput
from ..operation import Operation
from ..ops.layer import routed_experts
from ..preset import Preset

_ANY: Final = (99, 9)  # no compute capability is higher
_RELEASE: Final = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


def installed_version(package: str) -> str | None:
    """The version of an installed package, by the name that pip knows; None without one."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A package, and what its adapter knows of it.

    Attributes:
        package: Its name for pip.
        first: Oldest version whose source was read.
        last: Newest such version. Releases from the first to it are known.
        activations: Those of presets that its kernels compute.
        dtypes: Those of presets that its kernels compute.
        formats: Formats of packed weights that its kernels read; none for unpacked ones.
        needs_cuda: Whether it runs on an NVIDIA GPU alone.
        capabilities: The least and the largest compute capability of a GPU that it runs on.
        version: How its installed version is found; None where it is not installed.
        remedy: How a known version is installed; by pip if left out.

    """

    package: str
    first: str
    last: str
    activations: tuple[str, ...]
    dtypes: tuple[str, ...] = ("bfloat16", "float16")
    formats: tuple[str, ...] = ()
    needs_cuda: bool = True
    capabilities: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), _ANY)
    version: Callable[[str], str | None] = field(default=installed_version, repr=False)
    remedy: str | None = None

    def absence(self, device: str | None = None) -> str | None:
        """Why its kernels cannot be measured on a device here; None where they can.

        `device` is "cpu" or "cuda:N", None for any that torch sees.
        """
        found = self.version(self.package)
        gpu = " and an NVIDIA GPU" if self.needs_cuda else ""
        needed = f"it needs {self.package} {self.first} to {self.last}{gpu}"
        if found is None:
            return f"{self.package} is not installed, and {needed}"
        if not self._knows(found):
            return f"{self.package} {found} is installed, and {needed}"
        if self.needs_cuda and device == "cpu":
            return f"the device is cpu, and {needed}"
        if self.needs_cuda and not torch.cuda.is_available():
            return f"torch sees no GPU, and {needed}"
        if (own := self._lacking_capability(device)) is not None:
            wanted = f"it needs an NVIDIA GPU{self._of_capability()}"
            return f"this GPU has compute capability {own}, and {wanted}"
        return None

    def unfit(self, preset: Preset) -> str | None:
        """Why its kernels do not compute a preset's layer; None where they do."""
        for what, own, known in (
            ("the activation", preset.activation, self.activations),
            ("the dtype", preset.dtype, self.dtypes),
            ("weights of", preset.packed_format, self.formats or (preset.packed_format,)),
        ):
            if own not in known:
                return f"{self.package} computes {what} {' or '.join(known)} here, not {own}"
        return None

    def way_out(self) -> str:
        """How its kernels could be measured where they cannot."""
        if self._knows(self.version(self.package)):
            gpu = f"an NVIDIA GPU{self._of_capability()}"
            return f"use a machine with {gpu}, and a CUDA build of torch"
        return self.remedy or f"pip install '{self.package}=={self.last}'"

    def _lacking_capability(self, device: str | None) -> str | None:
        """The compute capability of a GPU where it is not one of `capabilities`."""
        on_cpu = device == "cpu" or (device is None and not self.needs_cuda)
        if on_cpu or not torch.cuda.is_available():
            return None
        own = torch.cuda.get_device_capability(device)
        first, last = self.capabilities
        return None if first <= own <= last else f"{own[0]}.{own[1]}"

    def _of_capability(self) -> str:
        (major, minor), last = self.capabilities
        if (major, minor) == (0, 0):
            return ""
        upper = " or later" if last == _ANY else f" to {last[0]}.{last[1]}"
        return f" of compute capability {major}.{minor}{upper}"

    def _knows(self, version: str | None) -> bool:
        found = _release(version or "")
        return _release(self.first) <= found <= _release(self.last)


def _release(version: str) -> tuple[int, ...]:
    """The first three numbers of a version; an empty tuple, below all others, without them."""
    found = _RELEASE.match(version)
    return () if found is None else tuple(int(number or 0) for number in found.groups())


def routed_operation(
    name: str,
    engine: Engine,
    make_inputs: Callable[..., tuple[Any, ...]],
    run: Callable[..., object],
    reference: Callable[..., object],
    imports: tuple[str, ...],
) -> Operation:
    """The operation of an engine on the scenario of routed_experts, or of routed_experts_packed."""
    same = routed_experts.PACKED if engine.formats else routed_experts.PLAIN
    return Operation(
        name=name,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=partial(_flops, name, engine, same.flops),
        bytes_moved=same.bytes_moved,
        shape=same.shape,
        fields=same.fields,
        variant=same.variant,
        imports=imports,
    )


def _flops(
    name: str, engine: Engine, flops: Callable[[int, Preset], int], tokens: int, preset: Preset
) -> int:
    """Count the arithmetic. Raises BadInput for a preset that the engine does not compute."""
    unfit = engine.unfit(preset)
    if unfit is not None:
        raise BadInput(
            f"{name} cannot be measured for {preset.name}: {unfit}",
            hint="leave it out; `--ops engines` takes those that compute it",
        )
    return flops(tokens, preset)
