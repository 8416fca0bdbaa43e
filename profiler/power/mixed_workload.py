"""Records the mixed workload of a run: its operations in turns, while the sensors are recorded."""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...energy.mixed_workload import MIXED_WORKLOAD_FILE
from ...energy.power_log import POWER_LOG
from ...scenarios.mixed_workload import MIXED_WORKLOAD_S, NAME
from ...store.document import write_document
from ...store.errors import CannotMeasure
from ...store.provenance import Provenance
from ...store.recording import CollectorName, Recording, sha256_of
from ...store.run import Run
from ..log_file import new_log
from ..process.line_process import ProcessEnded
from ..script_client import Refused, ScriptClient
from ..watch import NO_WATCH, Watch
from .sensors import LOG_TOOL, OpenRecorder

PREPARE_S: Final = 600.0  # every operation at every size, with its kernels to be compiled
_ANSWER_S: Final = 2 * MIXED_WORKLOAD_S + 60
BROKE_OFF: Final = "the mixed workload broke off"


def record_mixed_workload(
    run: Run,
    provenance: Provenance,
    open_recorder: OpenRecorder,
    kept_fds: Sequence[int] = (),
    watch: Watch = NO_WATCH,
) -> Recording:
    """Run the mixed workload of a run, whose script is there; keep and return its recording.

    The descriptors `kept_fds` (of locks) stay open in its process; `watch` sees what goes on
    beside. One that breaks off leaves a recording without files, whose warnings say why.
    """
    folder = run.unit(CollectorName.MIXED_WORKLOAD, NAME)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started_utc_ns = time.time_ns()
    files: list[str] = []
    warnings: list[str] = []
    try:
        command = [sys.executable, "-P", str(run.script(NAME).absolute()), "--serve"]
        with ScriptClient(command, _ANSWER_S, kept_fds, new_log(run, NAME)) as script:
            script.start(PREPARE_S)
            with open_recorder(provenance, folder / POWER_LOG) as recorder:
                look = watch.begin((*script.processes, *recorder.processes))
                workload = script.run_mixed_workload()
                seen = look()
        write_document(folder / MIXED_WORKLOAD_FILE, replace(workload, surroundings=seen))
        files += [POWER_LOG, MIXED_WORKLOAD_FILE]
    except (ProcessEnded, Refused, CannotMeasure) as end:
        warnings.append(f"{BROKE_OFF}: {end}")
    recording = _recording(run, provenance, started_utc_ns, files, warnings)
    run.keep(recording)
    return recording


def _recording(
    run: Run,
    provenance: Provenance,
    started_utc_ns: int,
    files: Sequence[str],
    warnings: Sequence[str],
) -> Recording:
    folder = run.unit(CollectorName.MIXED_WORKLOAD, NAME)
    return Recording(
        unit=NAME,
        op=NAME,
        collector=CollectorName.MIXED_WORKLOAD,
        tool=LOG_TOOL.name,
        tool_version=LOG_TOOL.version,
        command=("python", f"scripts/{NAME}.py", "--serve"),
        exit_code=None,
        started_utc_ns=started_utc_ns,
        ended_utc_ns=time.time_ns(),
        scenarios=(),
        served=(),
        failures=(),
        warnings=tuple(warnings),
        files={name: sha256_of(folder / name) for name in files},
        provenance=provenance,
    )
