"""The mixed replay of a run: its operations in turns, while the sensors are recorded."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from ...energy.mixed_workload import REPLAY_FILE
from ...energy.per_launch import POWER_LOG
from ...scenarios.mixed_workload import MIXED_WORKLOAD_S, NAME
from ...store.document import write_document
from ...store.errors import CannotMeasure
from ...store.mixed_workload import MixedWorkload
from ...store.provenance import Provenance
from ...store.recording import CollectorName, Recording, sha256_of
from ...store.run import Run
from ..process import LineServer, ProcessEnded
from .sensor_recorder import SCHEMA
from .sensors import OpenRecorder

PREPARE_S: Final = 600.0  # every operation at every size, with its kernels to be compiled
_ANSWER: Final = TypeAdapter(MixedWorkload)


def record_mixed_workload(run: Run, provenance: Provenance, meter: OpenRecorder) -> Recording:
    """Run the mixed replay of a run, whose script is there; keep and return its recording.

    A replay that breaks off leaves a recording without files, whose warnings say why.
    """
    folder = run.unit(CollectorName.MIXED_WORKLOAD, NAME)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started_utc_ns = time.time_ns()
    files: list[str] = []
    warnings: list[str] = []
    try:
        with LineServer([sys.executable, str(run.script(NAME)), "--serve"]) as server:
            server.answer(PREPARE_S)
            with meter(provenance, folder / POWER_LOG):
                answer = json.loads(server.ask("replay", 2 * MIXED_WORKLOAD_S + 60))
        write_document(folder / REPLAY_FILE, _ANSWER.validate_python(answer))
        files += [POWER_LOG, REPLAY_FILE]
    except (ProcessEnded, CannotMeasure) as end:
        warnings.append(f"the mixed replay broke off: {end}")
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
    tool, version = SCHEMA.split("/")
    folder = run.unit(CollectorName.MIXED_WORKLOAD, NAME)
    return Recording(
        unit=NAME,
        op=NAME,
        collector=CollectorName.MIXED_WORKLOAD,
        tool=tool,
        tool_version=version,
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
