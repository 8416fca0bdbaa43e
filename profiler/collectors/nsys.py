"""The `nsys` collector: CUDA kernels and NVTX ranges by Nsight Systems.

nsys exits with 0 when it has recorded nothing, when it could not import its own capture, and when
it left an older report in place; so its output is checked, not its exit code (docs/method.md lists
the cases). A recording holds a process, normally of a whole operation.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from ...parsers.events import Trace
from ...parsers.nsys.trace import read_nsys
from ...store.disk.temporary import scratch_folder
from ...store.recording import CollectorName, Recording
from ..job import Job
from ..process.run import Finished, run
from ..record import Tool
from .collector import Probe, literal_path
from .traced import TraceFault, collect_traced

_PROBE_S = 60.0
_EXPORT_S = 600.0
NO_NVTX = "nsys records a CPU by NVTX ranges, and the package nvtx is missing: moeprof[nvtx]"


@dataclass(frozen=True)
class Nsys:
    """An installed nsys: its path, and the flags that its own help lists.

    Each question is asked once. After one that is not answered within `answer_s` no other is, so
    that an nsys that hangs costs one such time.
    """

    path: str
    answer_s: float = _PROBE_S

    @property
    def version(self) -> str:
        """Version as nsys prints it, for example "2024.2.3.38-242334140272v0"."""
        found = re.search(r"\d{4}\.\d+\S*", self._ask("--version").stdout)
        return found.group() if found else "unknown"

    @property
    def hangs(self) -> str:
        """What it did not answer; empty where it answered all that it was asked."""
        silent = (words for words, one in self._answers.items() if one.exit_code is None)
        return next(
            (f"nsys {' '.join(one)}: no answer within {self.answer_s:g} s" for one in silent), ""
        )

    @cached_property
    def _answers(self) -> dict[tuple[str, ...], Finished]:
        return {}

    def _ask(self, *words: str) -> Finished:
        if words not in self._answers and not self.hangs:
            self._answers[words] = run([self.path, *words], timeout_s=self.answer_s)
        return self._answers.get(words, Finished(None, "", "", self.hangs))

    @property
    def _help(self) -> str:
        return self._ask("profile", "--help").stdout

    def profile(self, report: Path, device: str, gpu_index: int | None) -> list[str]:
        """Start of a command that profiles the rest of it into `report`."""
        on_gpu = device != "cpu"
        return [
            self.path,
            "profile",
            "--trace=cuda,nvtx" if on_gpu else "--trace=nvtx",
            "--sample=none",
            "--cpuctxsw=none",
            # What the operation leaves behind is ended with it, and nsys need not wait for it.
            *(["--wait=primary"] if "--wait=" in self._help else []),
            *(["--cuda-graph-trace=node"] if on_gpu and "--cuda-graph-trace" in self._help else []),
            *(self._gpu_metrics(gpu_index) if on_gpu else []),
            "--force-overwrite=true",
            f"--output={literal_path(report)}",
        ]

    def _gpu_metrics(self, gpu_index: int | None) -> list[str]:
        """Flag that samples GPU metrics, where this nsys has one and can sample this GPU.

        It was `--gpu-metrics-device` up to 2024.2 and is `--gpu-metrics-devices` in later versions.
        """
        flag = re.search(r"--gpu-metrics-devices?\b", self._help)
        if flag is None or gpu_index is None:
            return []
        result = self._ask("profile", f"{flag.group()}=help")
        listed = re.search(rf"^\s*{gpu_index}\s*:", result.stdout + result.stderr, re.MULTILINE)
        return [f"{flag.group()}={gpu_index}"] if listed else []

    def export(self, report: Path, sqlite: Path) -> None:
        """Export a report to SQLite. Raises TraceFault where no SQLite file comes of it."""
        sqlite.unlink(missing_ok=True)
        self._export(report, ["--type=sqlite"], sqlite)

    def export_tables(self, report: Path, form: str, tables: Sequence[str], out: Path) -> None:
        """Export some tables of a report in a form of `nsys export --type`.

        Raises TraceFault where this nsys does not know the form or cannot select tables, or
        nothing comes of it.
        """
        if form not in self.export_help or "--tables" not in self.export_help:
            raise TraceFault(f"this nsys cannot export single tables as {form}")
        self._export(report, [f"--type={form}", f"--tables={','.join(tables)}"], out)

    def _export(self, report: Path, what: Sequence[str], out: Path) -> None:
        if self.hangs:
            raise TraceFault(self.hangs)
        if not report.is_file():
            self._import(report)
        output = f"--output={out.absolute()}"
        command = [self.path, "export", *what, "--force-overwrite=true", output]
        result = run([*command, str(report.absolute())], timeout_s=_EXPORT_S)
        if result.exit_code != 0 or not out.exists():
            raise TraceFault(f"nsys could not export its report: {result.last_words}")

    @property
    def export_help(self) -> str:
        """What `nsys export --help` prints: the forms and options that this nsys knows."""
        return self._ask("export", "--help").stdout

    def _import(self, report: Path) -> None:
        """Import a capture that nsys left unimported, as it does when its own import fails.

        Raises TraceFault where there is no capture, or it cannot be imported.
        """
        capture = next(report.parent.glob("*.qdstrm"), None)
        if capture is None:
            raise TraceFault("nsys left no report")
        installed = Path(self.path).resolve().parents[1]
        importer = next(installed.glob("host-*/QdstrmImporter"), None)
        if importer is None:
            raise TraceFault("nsys could not import its own capture: its importer is missing")
        command = [str(importer), "--input-file", str(capture.absolute())]
        command += ["--output-file", str(report.absolute())]
        result = run(command, timeout_s=_EXPORT_S)
        if not report.is_file():
            raise TraceFault(f"nsys could not import its own capture: {result.last_words}")
        capture.unlink()


class NsysCollector:
    """Runs the isolated script under `nsys profile` and exports the report to SQLite."""

    name: ClassVar[str] = CollectorName.NSYS

    def probe(self, device: str) -> Probe:
        """Say whether an nsys is on PATH, and by a short trial whether it records and exports."""
        path = shutil.which("nsys")
        if path is None:
            return Probe(False, "no nsys on PATH")
        result = run([path, "--version"], timeout_s=_PROBE_S)
        if result.exit_code != 0:
            return Probe(False, f"{path} does not run: {result.last_words}")
        if device == "cpu" and find_spec("nvtx") is None:
            return Probe(False, NO_NVTX)
        nsys = Nsys(path)
        try:
            _try(nsys)
        except TraceFault as fault:
            return Probe(False, f"nsys {nsys.version}: {fault}")
        what = "CPU ranges only: the device is the CPU" if device == "cpu" else "kernels and ranges"
        return Probe(True, f"nsys {nsys.version}: {what}; a trial was exported")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per process."""
        path = shutil.which("nsys")
        assert path is not None, "probed before"
        return collect_traced(job, self.name, _NsysTracer(Nsys(path)))


def _try(nsys: Nsys) -> None:
    """Profile a program that does nothing. Raises TraceFault where no export comes of it."""
    with scratch_folder() as folder:
        report = folder / "report.nsys-rep"
        command = [*nsys.profile(report, "cpu", None), sys.executable, "-c", "pass"]
        result = run(command, timeout_s=_PROBE_S, cwd=folder)
        if result.exit_code is None:
            raise TraceFault(f"a trial did not end within {_PROBE_S:g} s")
        nsys.export(report, report.with_suffix(".sqlite"))


class _NsysTracer:
    files: tuple[str, ...] = ("report.nsys-rep", "report.sqlite")

    def __init__(self, nsys: Nsys) -> None:
        self._nsys = nsys
        self.tool = Tool("nsys", nsys.version)

    def command(self, job: Job, folder: Path) -> list[str]:
        gpu = job.provenance.gpu
        report = folder / self.files[0]
        return [
            *self._nsys.profile(report, job.provenance.device, gpu.index if gpu else None),
            *job.script("--serve"),
        ]

    def finish(self, folder: Path) -> Trace:
        report, sqlite = (folder / name for name in self.files)
        self._nsys.export(report, sqlite)
        return read_nsys(sqlite)
