"""The thermal response: temperature while the power goes from idle to full load and back to idle.

Its recording gives the poles of the thermal model. The sensors are recorded throughout, as in the
power pass. A load of the isolated script ends by itself after some seconds and is begun again; the
short gaps between loads lower the measured power and the temperature alike, so the fit needs no
correction for them.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ...device.findings import passing
from ...device.nvml import TEMP_GPU
from ...energy.per_launch import metered_loads
from ...energy.power_log import POWER_LOG, read_power_log
from ...energy.thermal_samples import NO_TEMPERATURE, why_unusable
from ...scenarios.plan import RESPONSE_S
from ...scenarios.script import LOAD_S
from ...store.errors import CannotMeasure
from ...store.recorded.held import Recordings
from ...store.recording import CollectorName, Failure, Load, Recording
from ..host_clock import monotonic_s, sleep_s
from ..job import Job
from ..log_file import new_log
from ..process.line_process import ProcessEnded
from ..record import Unit, record
from ..script_client import Refused, ScriptClient
from .sensors import LOG_TOOL, OpenRecorder, RecordedRows

UNIT: Final = "step"
_REPORT_S: Final = 0.5  # between two calls of `on_time`
_FIRST_READINGS_S: Final = 1.0  # after the start of a recorder every sensor has been read by then


class _NoTemperature(Exception):
    """The sensors give no temperature."""


@dataclass(slots=True)
class ThermalResponse:
    """One recording of the thermal response to the load at one size of an operation.

    `on_time` is called with the seconds that have passed.
    """

    job: Job
    tokens: int
    open_recorder: OpenRecorder
    on_time: Callable[[int], None]
    exit_code: int | None = None
    started_utc_ns: int = field(init=False)
    _begin_s: float = field(init=False)
    _loads: list[Load] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started_utc_ns = self.job.clock.epoch_ns()
        self._begin_s = self._now_s()

    @property
    def command(self) -> list[str]:
        """Command that was run."""
        return self.job.script("--serve")

    def record(self) -> Recording:
        """Record the response, which takes `RESPONSE_S`; an error is recorded as its failure."""
        folder = self.job.run.unit(CollectorName.THERMAL, UNIT)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = folder / POWER_LOG
        try:
            self._run(log)
            reason = why_unusable(read_power_log(log))
        except CannotMeasure as refusal:
            reason = refusal.message
        except (ProcessEnded, Refused, _NoTemperature) as end:
            reason = str(end)
        key = self.job.schedule.scenario_of(self.tokens).key
        failures = [] if reason is None else [Failure(key, 0, reason)]
        unit = Unit(CollectorName.THERMAL, UNIT, [POWER_LOG] if log.exists() else [])
        return record(self, [*self._loads, *failures], unit, LOG_TOOL, self._warnings())

    def _run(self, log: Path) -> None:
        """Idle, load, idle again.

        Raises CannotMeasure without sensors, _NoTemperature without temperature, and ProcessEnded
        or Refused where a load fails.
        """
        idle_s, hot_s, cool_s = RESPONSE_S
        with (
            self.open_recorder(self.job.provenance, log) as recorder,
            ScriptClient(
                self.command,
                self.job.plan.point_timeout_s,
                self.job.kept_fds,
                new_log(self.job.run, self.job.op_plan.op),
            ) as script,
        ):
            script.start()
            self._begin_s = self._now_s()
            self._wait(_FIRST_READINGS_S)
            if not _has_temperature(recorder):
                raise _NoTemperature(NO_TEMPERATURE)
            self._wait(idle_s)
            while self._now_s() < self._begin_s + idle_s + hot_s:
                self._loads.append(self._hold(script, recorder, idle_s + hot_s))
            self._wait(idle_s + hot_s + cool_s)
            self.exit_code = script.finish()

    def _hold(self, script: ScriptClient, recorder: RecordedRows, until_s: float) -> Load:
        """Hold one load for `LOAD_S`, but at most until `until_s` seconds of the recording."""
        key = self.job.schedule.scenario_of(self.tokens).key
        script.begin_load(self.tokens, 0, key)
        look = self.job.watch.begin((*script.processes, *recorder.processes))
        self._wait(min(until_s, self._now_s() - self._begin_s + LOAD_S))
        seen = look()
        return replace(script.stop(), surroundings=seen)

    def _warnings(self) -> list[str]:
        """Say how many loads were disturbed, and by what first."""
        found = [words for load in self._loads if (words := passing(load.surroundings))]
        if not found:
            return []
        return [
            f"the machine was not quiet during {len(found)} of {len(self._loads)} loads of the"
            f" thermal step: {found[0][0].sentence}"
        ]

    def _wait(self, until_s: float) -> None:
        """Wait until `until_s` seconds have passed since the recording began."""
        end_s = self._begin_s + until_s
        while (left_s := end_s - self._now_s()) > 0:
            self.on_time(int(self._now_s() - self._begin_s))
            sleep_s(self.job.clock, min(left_s, _REPORT_S))

    def _now_s(self) -> float:
        return monotonic_s(self.job.clock)


def _has_temperature(recorder: RecordedRows) -> bool:
    return any(row[2] == TEMP_GPU and row[3] == 0 for row in recorder.rows())


def finished_response(held: Recordings) -> Recording | None:
    """The thermal response that a run holds; None where it has none, or one that failed."""
    responses = (one for _, one in held if one.collector == CollectorName.THERMAL)
    return next((one for one in responses if not one.failures), None)


def hottest(jobs: Sequence[Job], held: Recordings) -> tuple[Job, int] | None:
    """Operation and size of the load that takes most power; None where nothing was timed.

    That is the load of the run's power pass with the highest power. Where no power was measured,
    the largest timed size of the operation that has most arithmetic there.
    """
    timed = {job.op_plan.op: job for job in jobs if job.schedule.fitted_sizes}
    measured = [
        (metered.cost.power_w.value, one.op, one.scenarios[0].tokens)
        for folder, one in held
        if one.collector == CollectorName.POWER and one.op in timed
        for metered in metered_loads(folder, one)[0]
        if metered.cost.power_w.value is not None and metered.load.kind == "operation"
    ]
    if measured:
        _, op, tokens = max(measured)
        return timed[op], tokens
    largest = [(job, job.schedule.fitted_sizes[-1]) for job in timed.values()]
    return max(largest, key=lambda one: one[0].schedule.scenario_of(one[1]).flops, default=None)
