"""Signals that ask for an end: each becomes an interrupt, so that every block is left well.

Ctrl-C ends with 130 and SIGTERM with 143, as a shell counts them. A SIGHUP, of a closed terminal,
ends with 143 too: 129, as a shell would count it, says that moeprof itself failed.
"""

import signal
import time
from types import FrameType
from typing import Final

_EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
_REPEATED_S: Final = 2.0  # a closing terminal sends several signals, and one is enough


class Interrupted(KeyboardInterrupt):
    """A signal asked for an end.

    A class of its own: Python ends by SIGINT, whatever the exit code, after a bare
    KeyboardInterrupt in a text that it executed, as dataclasses do (run_eval_code_obj of CPython).
    """


class Ending:
    """The signals that one process received; `exit_code` is that of the last, None without any."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self._at_s = float("-inf")

    def heed(self) -> None:
        """Let every signal raise Interrupted; one that is ignored stays so, as by nohup."""
        for number in _EXIT_CODES:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._interrupt)

    def ignore(self) -> None:
        """Ignore every signal from now on: the process is about to end."""
        for number in _EXIT_CODES:
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if now_s - self._at_s > _REPEATED_S:
            self._at_s, self.exit_code = now_s, _EXIT_CODES[signal.Signals(number)]
            raise Interrupted
