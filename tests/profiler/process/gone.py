"""Whether a process has ended."""

import os
import time


def is_gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ends within some seconds."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
