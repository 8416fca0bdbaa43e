"""The files that a sweep reads from its run folder: the plan, the preset, the isolated scripts."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..store.disk.sync import make_folder
from ..store.disk.temporary import temporary_folder
from ..store.document import write_document
from ..store.errors import BadInput
from ..store.files import cannot_write, write_whole
from ..store.plan import Plan
from ..store.run import Run, take_name
from .catalogue import LoadedOp
from .preset import Preset, to_toml
from .script import render_script
from .trust import NoKey, op_file, sign


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Contents of the files of a run that stand beside `plan.json`.

    `scripts` by the name of the script: an operation's, or the mixed workload's. `sources` holds
    copies of the user's op files, by their path in the run folder. `preset` is TOML, and `presets`
    those of further layers, by their path too.
    """

    scripts: Mapping[str, bytes]
    sources: Mapping[str, bytes]
    preset: bytes
    presets: Mapping[str, bytes] = field(default_factory=dict)


def rendered_files(
    plan: Plan, preset: Preset, ops: Sequence[LoadedOp], cache_bytes: int | None
) -> RunFiles:
    """Render the files of a new run; `ops` are those of the plan, in its order.

    `cache_bytes` is the device's last-level cache, None where it is unknown.
    """
    pairs = list(zip(ops, plan.ops, strict=True))
    return RunFiles(
        scripts={
            op_plan.op: render_script(
                loaded.operation, loaded.preset or preset, plan, op_plan, cache_bytes
            ).encode()
            for loaded, op_plan in pairs
        },
        sources={
            op_plan.source: Path(loaded.source).read_bytes()
            for loaded, op_plan in pairs
            if loaded.source is not None and op_plan.source is not None
        },
        preset=to_toml(preset).encode(),
        presets={
            op_plan.preset: to_toml(loaded.preset).encode()
            for loaded, op_plan in pairs
            if loaded.preset is not None and op_plan.preset is not None
        },
    )


def copied_files(run: Run, plan: Plan) -> RunFiles:
    """Copy the files of `run` that a plan of the same operations needs."""
    return RunFiles(
        scripts={op.op: run.script(op.op).read_bytes() for op in plan.ops},
        sources={
            op.source: path.read_bytes()
            for op in plan.ops
            if op.source is not None and (path := op_file(run, op)) is not None
        },
        preset=run.preset_path.read_bytes(),
        presets={
            op.preset: (run.folder / op.preset).read_bytes()
            for op in plan.ops
            if op.preset is not None
        },
    )


def write_run(run: Run, plan: Plan, files: RunFiles) -> None:
    """Write everything that a sweep reads into the folder of `run`.

    `plan.json` is written last: a folder without it is no run. Raises BadInput where a file cannot
    be written.
    """
    _write_files(run, files)
    write_document(run.plan_path, plan)


def begin_run(
    store: Path,
    name: str,
    plan_called: Callable[[str], Plan],
    files: RunFiles,
    no_key: Callable[[NoKey], None],
) -> Run:
    """Write a new run of a store, called `name` or, where that is taken, `name-2` and so on.

    It is written aside, signed, and gets its name when it is whole; what a killed process leaves of
    it is removed by the next. `plan_called` gives the plan by the run's name; `no_key` is told
    where the user has no key to sign with. Raises BadInput where it cannot be written.
    """
    if store.exists() and not store.is_dir():
        raise BadInput(
            f"{store} is a file, and runs go into a folder", hint="name a folder with --store"
        )
    try:
        make_folder(store)
        with temporary_folder(store) as staged:
            draft = Run(staged)
            _write_files(draft, files)
            try:
                sign(draft, plan_called(name))
            except NoKey as why:
                no_key(why)
            for number in itertools.count(1):
                folder = store / (name if number == 1 else f"{name}-{number}")
                write_document(draft.plan_path, plan_called(folder.name))
                if take_name(staged, folder):
                    return Run(folder)
    except OSError as error:
        raise cannot_write(store / name, error) from error
    raise AssertionError("itertools.count ends")


def _write_files(run: Run, files: RunFiles) -> None:
    for name, script in files.scripts.items():
        write_whole(run.script(name), script)
    for path, text in (*files.sources.items(), *files.presets.items()):
        write_whole(run.folder / path, text)
    write_whole(run.preset_path, files.preset)
