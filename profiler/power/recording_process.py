"""The process that records a device's sensors, apart from moeprof's own threads.

    python -P -m moeprof.profiler.power.recording_process FILE MOEPROF_PID

A reading is late whenever another thread holds the interpreter: beside a thread that computes in
pure Python a recorder in a thread lost a third of the edges (benchmarks/energy.py). This process
has one thread. FILE is the number of an open file that takes the readings as lines of the power
log, at the latest a tick after they were made. Requests come on stdin, a line each; each is
answered with a line of JSON on the socket of profiler/process/line_process.py:

    (start)          {"ready": true}
    record DEVICE    {"header": …} when the sensors are open, or {"refused": …, "hint": …}
    stop             {"rows": N}   all N readings are in the file
    (end of stdin)   it ends
"""

import json
import os
import select
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from ...store.errors import CannotMeasure
from ..host_clock import SYSTEM_CLOCK
from ..process.line_process import ANSWERS_FD
from .device_sensors import OpenSensors, device_sensors
from .sensor_log import log_lines
from .sensor_reader import SensorReader

MODULE: Final = "moeprof.profiler.power.recording_process"


def serve(
    requests: TextIO,
    answer: Callable[[dict[str, Any]], None],
    file: int,
    moeprof_pid: int,
    open_sensors: OpenSensors = device_sensors,
) -> None:
    """Answer every request until there are no more; `file` takes the readings."""
    answer({"ready": True})
    for request in iter(requests.readline, ""):
        _, device = request.split()
        try:
            with open_sensors(device, moeprof_pid) as (header, sensors):
                answer({"header": header})
                rows = _record(SensorReader(sensors, SYSTEM_CLOCK), requests, file)
        except CannotMeasure as refusal:
            answer({"refused": refusal.message, "hint": refusal.hint})
            continue
        requests.readline()
        answer({"rows": rows})


def _record(reader: SensorReader, requests: TextIO, file: int) -> int:
    """Record until the next request comes; return the number of readings."""
    written = 0

    def write_new_rows() -> None:
        nonlocal written
        os.write(file, log_lines(reader.rows[written:]).encode())
        written = len(reader.rows)

    def is_asked() -> bool:
        write_new_rows()
        return bool(select.select([requests], [], [], 0)[0])

    reader.record(is_asked)
    write_new_rows()
    return written


def _answer(body: dict[str, Any]) -> None:
    os.write(int(os.environ[ANSWERS_FD]), json.dumps(body).encode() + b"\n")


if __name__ == "__main__":
    serve(sys.stdin, _answer, int(sys.argv[1]), int(sys.argv[2]))
