"""A run folder: the files that the stages read and write.

The layout:

    RUN/plan.json  preset.toml  presets/<n>.toml  provenance.json  scripts/<op>.py  ops/<op>.py
        trust.hmac  by which its user's moeprof knows the scripts and op files (scenarios/trust.py)
        sweep.lock  held while anything measures into the run
        raw/<collector>/<unit>/recording.json and raw files beside it; of a trace also
            tables/<name>.parquet, kept by the sweep that checked it (store/tables/kept.py)
        damaged/<collector>/<unit>.<number>/  what --resume set aside and measured anew
        logs/<op>.<number>.log: the end of what a process printed
        tables/<name>.parquet
        kernel_cost_model.json  validation.json  report.html
        validations/  verdicts that a later one took the place of (store/verdicts/history.py)
        nvml/…  a run of its own, in which `validate --against nvml` measured
"""

import errno
import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .disk.exchange import NOT_EMPTY
from .disk.sync import make_folder, sync_file, sync_folder
from .disk.temporary import PREFIX
from .document import read_document, write_document
from .errors import BadInput
from .files import cannot_write, folders_in, has_file, has_folder
from .plan import Plan
from .provenance import Provenance
from .recorded.held import Held, Recordings, read_recordings
from .recorded.sources import sources_sha256
from .recorded.units import RECORDING_FILE
from .recording import Recording

DEFAULT_STORE = Path("artifacts/runs")
# Folders of a run in which files are written, replaced and removed.
_FOLDERS = ("raw", "tables", "damaged", "logs", "scripts", "ops", "presets", "validations")


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder. Paths are given whether or not the file is there yet."""

    folder: Path

    @property
    def plan_path(self) -> Path:
        """`plan.json`, the first file of a run."""
        return self.folder / "plan.json"

    @property
    def preset_path(self) -> Path:
        """`preset.toml`, the sizes that were measured; of several layers those of the first."""
        return self.folder / "preset.toml"

    @property
    def provenance_path(self) -> Path:
        """`provenance.json`."""
        return self.folder / "provenance.json"

    @property
    def model_path(self) -> Path:
        """`kernel_cost_model.json`."""
        return self.folder / "kernel_cost_model.json"

    @property
    def validation_path(self) -> Path:
        """`validation.json`, the last verdict on the model."""
        return self.folder / "validation.json"

    @property
    def report_path(self) -> Path:
        """`report.html`."""
        return self.folder / "report.html"

    def script(self, op: str) -> Path:
        """Isolated script of an operation."""
        return self.folder / "scripts" / f"{op}.py"

    def log(self, process: str) -> Path:
        """Log of a process: the end of what it printed."""
        return self.folder / "logs" / f"{process}.log"

    def unit(self, collector: str, unit: str) -> Path:
        """Folder of one recording."""
        return self.folder / "raw" / collector / unit

    @property
    def tables(self) -> Path:
        """Folder of the tables."""
        return self.folder / "tables"

    def table(self, name: str) -> Path:
        """Parquet file of a table that store/tables/schemas.py declares."""
        from .tables.schemas import SCHEMAS  # pyarrow, which a look-up does not need

        assert name in SCHEMAS, name
        return self.tables / f"{name}.parquet"

    def check_confined(self) -> None:
        """Raise BadInput where a folder of the run is a link out of it.

        A run may come from anyone, and what is written into it must not change other files.
        """
        inside = os.path.realpath(self.folder)
        for folder in (*map(self.folder.joinpath, _FOLDERS), *self.folder.glob("raw/*")):
            target = os.path.realpath(folder)
            if not Path(target).is_relative_to(inside):
                raise BadInput(
                    f"{folder} leads out of the run, to {target}",
                    hint="put the folder itself there, or remove the link",
                )

    def plan(self) -> Plan:
        """Read the plan. Raises BadInput where this is no run."""
        return read_document(self.plan_path, Plan)

    def held(self, *, raw_files: bool = False) -> Held:
        """Read the recordings, and what is left out of them because it is damaged.

        With `raw_files` the sha256 of each raw file is checked, at about 2 GB/s.
        """
        return read_recordings(self.folder / "raw", raw_files=raw_files)

    def recordings(self) -> Recordings:
        """Each sound recording with its folder, in order of the path."""
        return self.held().recordings

    def sources_sha256(self) -> str:
        """Digest of the plan and of every recording: tables and models are made from them."""
        return sources_sha256(self.folder)

    def keep(self, recording: Recording) -> None:
        """Write a recording beside its raw files, which must be complete.

        They are on the disk before it. Raises BadInput where that fails.
        """
        unit = self.unit(recording.collector, recording.unit)
        for name in recording.files:
            try:
                sync_file(unit / name)
            except OSError as error:
                raise cannot_write(unit / name, error) from error
        write_document(unit / RECORDING_FILE, recording)

    def set_aside(self, unit: Path) -> Path:
        """Move the folder of a damaged recording out of `raw/`, so that it is measured anew.

        Return where it lies now. Raises BadInput where it cannot be moved.
        """
        kept = self.folder / "damaged" / unit.parent.name
        target = next(
            path
            for number in itertools.count(1)
            if not os.path.lexists(path := kept / f"{unit.name}.{number}")
        )
        try:
            make_folder(kept)
            unit.rename(target)
            sync_folder(kept)
            sync_folder(unit.parent)
        except OSError as error:
            raise cannot_write(unit, error) from error
        return target


def open_run(folder: Path) -> Run:
    """Open an existing run. Raises BadInput where `folder` is none, or leads out of itself."""
    run = Run(folder)
    if not has_file(run.plan_path):
        raise BadInput(
            f"{folder} is not a run: it has no plan.json",
            hint="name a folder that `moeprof profile` wrote, or leave it out for the latest",
        )
    run.check_confined()
    return run


def find_run(folder: Path | None, store: Path) -> Run:
    """Open the named run, or the newest of a store. Raises BadInput where there is none."""
    return latest_run(store) if folder is None else open_run(folder)


def find_model(path: Path | None, store: Path) -> Path:
    """Find the model named by its file or its run's folder, or the newest of a store.

    Raises BadInput where there is none.
    """
    return latest_model(store) if path is None else model_file(path)


def model_file(path: Path) -> Path:
    """Give the model's file where `path` is the folder of its run; else `path` itself.

    Raises BadInput where the folder has no model.
    """
    if not has_folder(path):
        return path
    run = Run(path)
    if not has_file(run.model_path):
        is_run = has_file(run.plan_path)
        hint = f"make one: moeprof build-model {path}" if is_run else "name a run or a model's file"
        raise BadInput(f"there is no {run.model_path.name} in {path}", hint=hint)
    return run.model_path


def take_name(staged: Path, folder: Path) -> bool:
    """Let a finished folder become the run `folder`; False where that name is taken.

    rename(2) takes a name that is free or that of an empty folder, in one step: of two processes at
    the same time one gets it. Raises OSError where it fails for another reason.
    """
    try:
        staged.rename(folder)
    except OSError as error:
        if error.errno not in {*NOT_EMPTY, errno.ENOTDIR}:
            raise
        return False
    sync_folder(folder.parent)
    return True


def latest_run(store: Path) -> Run:
    """Open the run of a store that began last. Raises BadInput where there is none."""
    plans = _with_file(store, "plan.json")
    if not plans:
        raise BadInput(
            f"there is no run in {store}",
            hint=f"make one: moeprof profile --store {store}; or name the --store that holds runs",
        )
    return open_run(max(plans, key=_began).parent)


def latest_model(store: Path) -> Path:
    """Path of the `kernel_cost_model.json` of the run that began last. Raises BadInput without one.

    An import counts as a run that began when its model was written.
    """
    models = _with_file(store, "kernel_cost_model.json")
    if not models:
        raise BadInput(
            f"there is no kernel_cost_model.json in {store}",
            hint=f"make one: moeprof build-model --store {store}; or name the --store that has it",
        )
    return max(models, key=_began)


def _with_file(store: Path, name: str) -> list[Path]:
    """The files of a name in the runs of a store; not in folders that are being written.

    Runs of others that may not be read are passed over. Raises BadInput where that leaves none, or
    where the store itself may not be read.
    """
    found: list[Path] = []
    refused: BadInput | None = None
    for folder in folders_in(store):
        try:
            if not folder.name.startswith(PREFIX) and has_file(folder / name):
                found.append(folder / name)
        except BadInput as refusal:
            refused = refusal
    if refused is not None and not found:
        raise refused
    return found


def _began(path: Path) -> tuple[str, int, Path]:
    """When the run of a file began, as its provenance says, so that a copy is as old as its source.

    Without provenance it is the time of the file; that also decides between two of one second.
    """
    time_ns = path.stat().st_mtime_ns
    try:
        utc = read_document(Run(path.parent).provenance_path, Provenance).utc
        began = datetime.fromisoformat(utc).astimezone(UTC)
    except (BadInput, ValueError, OverflowError):
        began = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return began.isoformat(timespec="seconds"), time_ns, path
