"""What a supervisor reads of processes."""

import os
import signal
import subprocess
import sys
import time

from moeprof.profiler.process.supervisor import descendants, members, state

SLEEP = "import os, time; os.fork(); print(flush=True); time.sleep(600)"


def test_children_and_their_children_are_found_with_their_groups() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEP], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            child.stdout.readline()
            family = descendants(os.getpid())
            assert family[child.pid] == child.pid
            (grandchild,) = descendants(child.pid)
            assert family[grandchild] == child.pid
            assert members(child.pid) == [grandchild]
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def test_a_stopped_process_is_seen_to_be_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        try:
            child.send_signal(signal.SIGSTOP)
            end_s = time.monotonic() + 30
            while state(child.pid) != "T" and time.monotonic() < end_s:
                time.sleep(0.01)
            assert state(child.pid) == "T"
        finally:
            child.kill()


def test_a_process_that_is_not_there_has_no_state() -> None:
    assert state(2**22 + 1) == ""
