"""Processes that are asked line by line."""

import sys
from pathlib import Path

import pytest

from moeprof.profiler.process.line_process import LineProcess, ProcessEnded
from moeprof.tests.profiler.answering import ANSWER
from moeprof.tests.profiler.process.gone import is_gone

ECHO = "for line in sys.stdin: answer(int(line))"
SLEEP = "time.sleep(600)"


def python(text: str) -> list[str]:
    return [sys.executable, "-c", ANSWER + text]


def test_each_line_is_answered() -> None:
    with LineProcess(python(ECHO)) as server:
        assert [server.ask(word, 30) for word in ("1", "2")] == ["1", "2"]
        assert server.finish(30) == 0


@pytest.mark.parametrize(
    "prints",
    [
        "print('{}', flush=True)",
        "os.write(1, b'{}\\n'); os.write(2, b'{}\\n')",
        "os.write(1, bytes(100_000))",
    ],
    ids=["an object", "on both outputs", "no newline"],
)
def test_what_is_printed_is_no_answer(prints: str) -> None:
    with LineProcess(python(f"{prints}; answer(7)")) as server:
        assert server.answer(30) == "7"


def test_no_answer_in_time() -> None:
    with (
        LineProcess(python(SLEEP)) as server,
        pytest.raises(ProcessEnded, match=r"no answer within 0\.05 s"),
    ):
        server.answer(0.05)


def test_a_stopped_process_is_said_to_be_stopped() -> None:
    stops = "import signal; answer(1); os.kill(os.getpid(), signal.SIGSTOP)"
    with LineProcess(python(stops)) as server:
        server.answer(30)
        with pytest.raises(ProcessEnded, match="it is stopped"):
            server.ask("1", 0.2)


def test_an_exit_is_reported_with_the_end_of_what_was_printed() -> None:
    dies = "sys.stderr.write('out of memory'); sys.exit(7)"
    with (
        LineProcess(python(dies)) as server,
        pytest.raises(ProcessEnded, match="exit code 7: out of memory"),
    ):
        server.ask("1", 30)


@pytest.mark.parametrize(("number", "name"), [(11, "SIGSEGV"), (6, "SIGABRT"), (40, "signal 40")])
def test_a_signal_is_reported_by_name(number: int, name: str) -> None:
    dies = f"os.kill(os.getpid(), {number})"
    with LineProcess(python(dies)) as server, pytest.raises(ProcessEnded, match=name):
        server.answer(30)


def test_a_command_that_does_not_exist() -> None:
    with (
        LineProcess(["no-such-command"]) as server,
        pytest.raises(ProcessEnded, match=r"cannot be started.*no-such-command"),
    ):
        server.answer(30)


def test_a_child_that_holds_every_descriptor_keeps_nobody_waiting() -> None:
    leaves = "answer(os.getpid())\nif os.fork(): os.abort()\ntime.sleep(600)"
    with LineProcess(python(leaves)) as server:
        server.answer(30)
        with pytest.raises(ProcessEnded, match="SIGABRT"):
            server.ask("1", 30)


def test_an_answer_of_a_forked_copy_is_passed_over() -> None:
    forks = "answer(1)\nif not os.fork(): answer(2)\nelse: os.wait(); answer(3)"
    with LineProcess(python(forks)) as server:
        assert [server.answer(30) for _ in range(2)] == ["1", "3"]


def test_what_was_not_asked_is_refused() -> None:
    both = "os.write(int(os.environ['MOEPROF_ANSWERS_FD']), b'1\\n2\\n'); sys.stdin.readline()"
    with LineProcess(python(both)) as server:
        server.answer(30)
        with pytest.raises(ProcessEnded, match="not asked: '2"):
            server.ask("1", 30)


def test_an_answer_without_end_is_given_up() -> None:
    endless = 'fd = int(os.environ["MOEPROF_ANSWERS_FD"])\nwhile True: os.write(fd, bytes(1 << 16))'
    with LineProcess(python(endless)) as server, pytest.raises(ProcessEnded, match="MiB"):
        server.answer(30)


def test_a_flood_of_output_leaves_a_small_log_with_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    prints = "for n in range(200): os.write(1, b'x' * 65_000 + b'\\n')\n"
    floods = prints + "print('the end'); sys.exit(3)"
    with LineProcess(python(floods), log=log) as server:
        with pytest.raises(ProcessEnded, match=r"exit code 3: .*the end"):
            server.answer(30)
    assert log.stat().st_size <= 1 << 16


def test_leaving_ends_the_child_and_what_has_left_its_session() -> None:
    escapes = "pid = os.fork()\nif not pid: os.setsid()\nelse: answer(pid)\ntime.sleep(600)"
    with LineProcess(python(escapes)) as server:
        pid = int(server.answer(30))
    assert is_gone(pid)


def test_only_the_process_that_answers_is_ended() -> None:
    fds = "pass_fds=[int(os.environ['MOEPROF_ANSWERS_FD'])]"
    script = python(f"answer(1); {SLEEP}")
    tool = f"import subprocess; subprocess.run({script!r}, {fds}); sys.exit(5)"
    with LineProcess(python(tool)) as server:
        server.answer(30)
        server.end_speaker()
        assert server.finish(30) == 5


def test_the_end_of_a_process_that_stopped_its_supervisor_is_seen_at_once() -> None:
    stops = f"import signal; answer(1); os.kill(os.getppid(), signal.SIGSTOP); {SLEEP}"
    with LineProcess(python(stops)) as server:
        server.answer(30)
        with pytest.raises(ProcessEnded, match="no answer within"):
            server.ask("1", 0.2)
        server.end_speaker()
        with pytest.raises(ProcessEnded, match="SIGKILL"):
            server.answer(30)


def test_kept_descriptors_stay_open_in_the_child(tmp_path: Path) -> None:
    with (tmp_path / "kept").open("w") as kept:
        fd = kept.fileno()
        with LineProcess(python(f"os.write({fd}, b'mine'); answer(1)"), kept_fds=[fd]) as server:
            server.answer(30)
    assert (tmp_path / "kept").read_text() == "mine"
