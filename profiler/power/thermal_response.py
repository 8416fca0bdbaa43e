"""A step in power, recorded for the poles of heat: idle, under the hottest load, idle again.

The sensors are recorded throughout, by the meter of the power pass. A load of the isolated script
ends by itself after some seconds and is asked for again: what the gap costs is in the power that
was measured, and heat knows no other.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from ...device.nvml import TEMP_GPU
from ...energy.per_launch import POWER_LOG, metered_loads
from ...energy.power_log import read_power_log
from ...energy.thermal_samples import NO_TEMPERATURE, why_unusable
from ...scenarios.plan import RESPONSE_S
from ...scenarios.script import LOAD_S
from ...store.errors import CannotMeasure
from ...store.recording import CollectorName, Failure, Load, Recording
from ..process import LineServer, ProcessEnded
from ..worker import FINISH_S, START_S, Job, Tool, record
from .power_pass import Held
from .sensor_recorder import SCHEMA
from .sensors import OpenRecorder, SensorRecorder

UNIT: Final = "step"
_LOOK_S: Final = 0.5  # between two reports of how far it is
_LOAD: Final = TypeAdapter(Load)


class _Refused(Exception):
    """The script answered that it cannot run a load, or the sensors that they feel no heat."""


@dataclass(slots=True)
class Step:
    """One recording of a step, at one size of an operation.

    `on_time` is told the seconds that have passed.
    """

    job: Job
    tokens: int
    meter: OpenRecorder
    on_time: Callable[[int], None]
    exit_code: int | None = None
    started_utc_ns: int = field(default_factory=time.time_ns)
    _begin_s: float = field(default_factory=time.monotonic)
    _loads: list[Load] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        """The process that bears the load."""
        return self.job.script("--serve")

    def record(self) -> Recording:
        """Take the step, which lasts `RESPONSE_S`; what goes wrong is its failure."""
        folder = self.job.run.unit(CollectorName.THERMAL, UNIT)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = folder / POWER_LOG
        try:
            self._take(log)
            reason = why_unusable(read_power_log(log))
        except CannotMeasure as refusal:
            reason = refusal.message
        except (ProcessEnded, _Refused) as end:
            reason = str(end)
        key = self.job.schedule.scenario_of(self.tokens).key
        failures = [] if reason is None else [Failure(key, 0, reason)]
        return record(
            self,
            [*self._loads, *failures],
            collector=CollectorName.THERMAL,
            unit=UNIT,
            tool=Tool(*SCHEMA.split("/")),
            files=[POWER_LOG] if log.exists() else [],
        )

    def _take(self, log: Path) -> None:
        """Raise CannotMeasure without sensors, and ProcessEnded or _Refused where a load fails."""
        idle_s, hot_s, cool_s = RESPONSE_S
        with (
            self.meter(self.job.provenance, log) as metering,
            LineServer(self.command) as server,
        ):
            server.answer(START_S)
            if not _feels_heat(metering):
                raise _Refused(NO_TEMPERATURE)
            self._begin_s = time.monotonic()
            self._wait(idle_s)
            while time.monotonic() < self._begin_s + idle_s + hot_s:
                self._loads.append(self._load(server, idle_s + hot_s))
            self._wait(idle_s + hot_s + cool_s)
            self.exit_code = server.finish(FINISH_S)

    def _load(self, server: LineServer, until_s: float) -> Load:
        """Bear one load for as long as the script does, and not beyond `until_s`."""
        timeout_s = self.job.plan.point_timeout_s
        _answered(server.ask(f"load {self.tokens} 0", timeout_s))
        self._wait(min(until_s, time.monotonic() - self._begin_s + LOAD_S))
        return _LOAD.validate_python(_answered(server.ask("stop", timeout_s)))

    def _wait(self, until_s: float) -> None:
        """Wait until so long after the step began."""
        end_s = self._begin_s + until_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.on_time(int(time.monotonic() - self._begin_s))
            time.sleep(min(left_s, _LOOK_S))


def _feels_heat(metering: SensorRecorder) -> bool:
    return any(row[2] == TEMP_GPU and row[3] == 0 for row in metering.rows())


def _answered(line: str) -> Mapping[str, object]:
    answer: dict[str, object] = json.loads(line)
    if "error" in answer:
        raise _Refused(answer["error"])
    return answer


def finished_response(held: Held) -> Recording | None:
    """The recording of a step that a run holds; None where it has none, or one that failed."""
    steps = (one for _, one in held if one.collector == CollectorName.THERMAL and not one.failures)
    return next(steps, None)


def hottest(jobs: Sequence[Job], held: Held) -> tuple[Job, int] | None:
    """The operation and size of the load that takes most power; None where nothing was timed.

    That is the load of the run's power pass with the highest power. Where no power was measured,
    the largest size that was timed of the operation with most arithmetic: a matrix product.
    """
    timed = {job.op_plan.op: job for job in jobs if job.schedule.fitted_sizes}
    loads = [
        (folder, one)
        for folder, one in held
        if one.collector == CollectorName.POWER and one.op in timed
    ]
    measured = [
        (metered.cost.power_w.value, one.op, one.scenarios[0].tokens)
        for folder, one in loads
        for metered in metered_loads(folder, one)[0]
        if metered.cost.power_w.value is not None and metered.load.kind == "operation"
    ]
    if measured:
        _, op, tokens = max(measured)
        return timed[op], tokens
    largest = [(job, job.schedule.fitted_sizes[-1]) for job in timed.values()]
    return max(largest, key=lambda one: one[0].schedule.scenario_of(one[1]).flops, default=None)
