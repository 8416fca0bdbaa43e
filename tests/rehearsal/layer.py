"""The layer under a process of a rehearsal: virtual time at once, torch and NVML when imported."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from moeprof.tests.rehearsal.virtual_time import host_time
from moeprof.tests.rehearsal.virtual_time.host_time import HostTime


def install() -> None:
    """Put this process on virtual time, and its torch and NVML on the rehearsal's GPU."""
    host = host_time.install(Path(os.environ["REHEARSAL_CLOCK"]))
    sys.meta_path.insert(0, _AfterImport({"torch": _torch, "pynvml": _pynvml}, host))


def _torch(module: ModuleType, host: HostTime) -> None:
    from moeprof.tests.rehearsal.fake_cuda import torch_cuda

    torch_cuda.install(host)


def _pynvml(module: Any, host: HostTime) -> None:
    from moeprof.tests.rehearsal import nvml

    nvml.install(module, host)


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function after the import of a module by its name."""

    def __init__(
        self, wanted: dict[str, Callable[[ModuleType, HostTime], None]], host: HostTime
    ) -> None:
        self._wanted = wanted
        self._host = host

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        then = self._wanted.pop(name, None)
        if then is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, then, self._host)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, then: Callable[..., None], host: HostTime) -> None:
        self._loader = loader
        self._then = then
        self._host = host

    def create_module(self, spec: Any) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._then(module, self._host)
