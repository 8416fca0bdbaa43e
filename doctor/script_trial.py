"""Whether isolated scripts start here: asked by `doctor`, and before the first point of a sweep."""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ..device.cpu import last_level_cache_bytes
from ..profiler.process.line_process import ProcessEnded
from ..profiler.process.run import run
from ..profiler.script_client import START_S, ScriptClient
from ..scenarios.catalogue import find_ops
from ..scenarios.plan import ResolvedRun, make_plan
from ..scenarios.preset import load_preset
from ..scenarios.run_files import rendered_files, write_run
from ..scenarios.run_options import RunOptions
from ..store.disk.temporary import scratch_folder
from ..store.errors import CannotMeasure
from ..store.recording import CollectorName
from ..store.run import Run
from .check_result import CheckResult, Status

CHECK: Final = "isolated scripts"
_TOKENS: Final = 64
_ALWAYS_THERE: Final = {*sys.stdlib_module_names, "torch", "nvtx"}  # scripts do without nvtx
_TRIAL: Final = """
import sys
for path in sys.argv[1:]:
    exec(compile(open(path, "rb").read(), path, "exec"), {"__name__": "isolated"})
"""


def check_scripts_load(scripts: Mapping[str, bytes], *, trial_s: float = START_S) -> None:
    """Load isolated scripts as `why_not_loaded` does.

    Raises CannotMeasure with the last words of one that does not load.
    """
    last_words = why_not_loaded(scripts, trial_s=trial_s)
    if last_words is not None:
        raise CannotMeasure(
            f"the isolated scripts do not start here: {last_words}",
            hint="install what is missing for this Python, or leave the operation out",
        )


def why_not_loaded(scripts: Mapping[str, bytes], *, trial_s: float = START_S) -> str | None:
    """Load isolated scripts, by name, in one process with the environment that a sweep gives them.

    Scripts that import nothing but torch and the standard library are not tried: moeprof has
    imported these itself. Gives the last words of one that does not load, None where all do.
    """
    tried = {name: text for name, text in scripts.items() if _imported(text) - _ALWAYS_THERE}
    if not tried:
        return None
    with scratch_folder() as folder:
        paths = [folder / f"{name}.py" for name in tried]
        for path, text in zip(paths, tried.values(), strict=True):
            path.write_bytes(text)
        trial = run([sys.executable, "-P", "-c", _TRIAL, *map(str, paths)], timeout_s=trial_s)
    return None if trial.exit_code == 0 else trial.last_words


def _imported(script: bytes) -> set[str]:
    """Packages that a script imports at its top level."""
    names: set[str] = set()
    for node in ast.parse(script).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def isolated_scripts(device: str) -> CheckResult:
    """Start a script of each kind of operation on `device` ("cpu" or "cuda:N"), as a sweep does.

    Two operations are of one kind where their scripts import the same.
    """
    kinds = {one.operation.imports: one.operation.name for one in find_ops("all")}
    ops = list(kinds.values())
    with scratch_folder() as folder:
        return started(write_scripts(folder, device, ops, _TOKENS))


def started(scripts: Sequence[Path], start_s: float = START_S) -> CheckResult:
    """Start scripts side by side, and judge whether each is ready within `start_s`."""
    failed = list(_failures(scripts, start_s))
    if not failed:
        return CheckResult(CHECK, Status.OK, f"{', '.join(one.stem for one in scripts)} start")
    return CheckResult(
        CHECK,
        Status.FAULT,
        "; ".join(failed),
        cost="these operations, and others that import the same, are not measured",
        remedy="install what is missing for this Python",
    )


def _failures(scripts: Sequence[Path], start_s: float) -> Iterator[str]:
    with ExitStack() as stack:
        clients = []
        for script in scripts:
            command = [sys.executable, "-P", str(script), "--serve"]
            clients.append(stack.enter_context(ScriptClient(command, start_s)))
        for script, client in zip(scripts, clients, strict=True):
            try:
                client.start(start_s)
            except ProcessEnded as end:
                yield f"{script.stem} does not start: {end}"


def write_scripts(folder: Path, device: str, ops: Sequence[str], tokens: int) -> list[Path]:
    """Write a run of one size of some operations into `folder`; return their isolated scripts."""
    loaded = tuple(find_ops(",".join(ops)))
    resolved = ResolvedRun(
        run_id="doctor",
        device=device,
        collectors=(CollectorName.CPU,),
        preset=load_preset("small" if device == "cpu" else "mixtral-8x7b"),
        ops=loaded,
        batch_sizes=(tokens,),
        power_reason="the check takes times alone",
    )
    plan = make_plan(RunOptions(sampling="all"), resolved)
    cache_bytes = last_level_cache_bytes() if device == "cpu" else None
    write_run(Run(folder), plan, rendered_files(plan, resolved.preset, loaded, cache_bytes))
    return [Run(folder).script(op) for op in ops]
