"""A run folder: the files that the stages read and write.

The layout:

    RUN/plan.json  preset.toml  provenance.json  scripts/<op>.py  ops/<op>.py
        trust.hmac  by which its user's moeprof knows the scripts and op files (scenarios/trust.py)
        sweep.lock  held while anything measures into the run
        raw/<collector>/<unit>/recording.json and raw files beside it
        tables/<name>.parquet
        kernel_cost_model.json  validation.json  report.html
        nvml/…  a run of its own, in which `validate --against nvml` measured
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import isdir, isfile
from pathlib import Path

from .document import read_document, write_document
from .errors import BadInput, shortened
from .files import cannot_write
from .plan import Plan
from .recording import Recording

DEFAULT_STORE = Path("artifacts/runs")

Recordings = Sequence[tuple[Path, Recording]]  # each with its folder


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
        """`preset.toml`, the dimensions that were measured."""
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

    def unit(self, collector: str, unit: str) -> Path:
        """Folder of one recording."""
        return self.folder / "raw" / collector / unit

    def table(self, name: str) -> Path:
        """Parquet file of a table that store/tables/schemas.py declares."""
        from .tables.schemas import SCHEMAS  # pyarrow, which a look-up does not need

        assert name in SCHEMAS, name
        return self.folder / "tables" / f"{name}.parquet"

    def plan(self) -> Plan:
        """Read the plan. Raises BadInput where this is no run."""
        return read_document(self.plan_path, Plan)

    def recordings(self) -> list[tuple[Path, Recording]]:
        """Each recording with its folder, in order of the path.

        Raises BadInput for one that cannot be read, or that speaks of a scenario that it does not
        describe.
        """
        paths = sorted(self.folder.glob("raw/*/*/recording.json"))
        recordings = [(path.parent, read_document(path, Recording)) for path in paths]
        for path, (_, recording) in zip(paths, recordings, strict=True):
            _check_described(path, recording)
        return recordings

    def keep(self, recording: Recording) -> None:
        """Write a recording beside its raw files, which must be complete."""
        path = self.unit(recording.collector, recording.unit) / "recording.json"
        write_document(path, recording)


def _check_described(path: Path, recording: Recording) -> None:
    """Raise BadInput where a recording times, loads or fails a scenario that it does not hold."""
    described = {scenario.key for scenario in recording.scenarios}
    keys = {one.scenario_key for one in recording.served}
    keys |= {one.scenario_key for one in recording.failures}
    keys |= {one.scenario_key for one in recording.loads if one.scenario_key is not None}
    for key in sorted(keys):
        if key not in described:
            raise BadInput(
                f"{path} speaks of the scenario {shortened(key)!r} without describing it",
                hint=Recording.WAY_OUT,
            )


def open_run(folder: Path) -> Run:
    """Open an existing run. Raises BadInput where `folder` is none."""
    run = Run(folder)
    if not isfile(run.plan_path):  # False too for a path that is too long
        raise BadInput(
            f"{folder} is not a run: it has no plan.json",
            hint="name a folder that `moeprof profile` wrote, or leave it out for the latest",
        )
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

    Raises BadInput where the run has no model.
    """
    if not isdir(path):
        return path
    model = Run(path).model_path
    if not isfile(model):
        raise BadInput(
            f"there is no {model.name} in {path}", hint=f"make one: moeprof build-model {path}"
        )
    return model


def claim_run(store: Path, name: str) -> Run:
    """Make the folder of a new run, called `name` or, where that is taken, `name-2` and so on.

    Two processes at the same time get different folders. Raises BadInput where the
    folder cannot be made.
    """
    for number in itertools.count(1):
        folder = store / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not store.is_dir():
                raise BadInput(f"--store {store} is a file, and runs go into a folder") from None
            continue
        except OSError as error:
            raise cannot_write(folder, error) from error
        return Run(folder)
    raise AssertionError("itertools.count ends")


def latest_run(store: Path) -> Run:
    """Open the newest run of a store. Raises BadInput where there is none."""
    plans = list(store.glob("*/plan.json"))
    if not plans:
        raise BadInput(
            f"there is no run in {store}",
            hint=f"make one: moeprof profile --store {store}; or name the --store that holds runs",
        )
    return Run(max(plans, key=lambda path: (path.stat().st_mtime_ns, path)).parent)


def latest_model(store: Path) -> Path:
    """Path of the newest `kernel_cost_model.json` of a store. Raises BadInput without one."""
    models = list(store.glob("*/kernel_cost_model.json"))
    if not models:
        raise BadInput(
            f"there is no kernel_cost_model.json in {store}",
            hint=f"make one: moeprof build-model --store {store}; or name the --store that has it",
        )
    return max(models, key=lambda path: (path.stat().st_mtime_ns, path))
