"""Processes that are asked line by line."""

import os
import sys
from pathlib import Path

import pytest

from moeprof.profiler.process.line_process import LineProcess, ProcessEnded, kill

ECHO = "import sys\nfor line in sys.stdin: print('{' + line.strip() + '}', flush=True)"


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_each_line_is_answered() -> None:
    with LineProcess(python(ECHO)) as server:
        assert [server.ask(word, 30).strip() for word in ("1", "2")] == ["{1}", "{2}"]
        assert server.finish(30) == 0


def test_output_that_is_no_answer_is_passed_over() -> None:
    with LineProcess(python("print('a library says hello'); print('{}')")) as server:
        assert server.answer(30) == "{}\n"


def test_no_answer_in_time() -> None:
    with (
        LineProcess(python("import time; time.sleep(60)")) as server,
        pytest.raises(ProcessEnded, match=r"no answer within 0\.05 s"),
    ):
        server.answer(0.05)


def test_an_exit_is_reported_with_the_end_of_stderr() -> None:
    dies = "import sys; sys.stderr.write('out of memory'); sys.exit(7)"
    with (
        LineProcess(python(dies)) as server,
        pytest.raises(ProcessEnded, match="exit code 7: out of memory"),
    ):
        server.ask("1", 30)


def test_a_signal_is_reported_by_name() -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    with LineProcess(python(dies)) as server, pytest.raises(ProcessEnded, match="SIGSEGV"):
        server.answer(30)


def test_leaving_ends_the_child() -> None:
    with LineProcess(
        python("import os, time; print('{%d}' % os.getpid(), flush=True); time.sleep(60)")
    ) as server:
        pid = int(server.answer(30).strip("{}\n"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_killing_a_process_that_is_gone_is_no_error() -> None:
    with LineProcess(python("import os; print('{%d}' % os.getpid(), flush=True)")) as server:
        pid = int(server.answer(30).strip("{}\n"))
    kill(pid)


def test_kept_descriptors_stay_open_in_the_child(tmp_path: Path) -> None:
    with (tmp_path / "kept").open("w") as kept:
        fd = kept.fileno()
        child = f"import os; os.write({fd}, b'mine'); print('{{}}', flush=True)"
        with LineProcess(python(child), kept_fds=[fd]) as server:
            server.answer(30)
    assert (tmp_path / "kept").read_text() == "mine"
