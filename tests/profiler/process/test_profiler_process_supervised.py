"""A supervised command ends with moeprof, and takes with it all that it started."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from moeprof.profiler.process.supervised import Supervised
from moeprof.tests.profiler.process.gone import is_gone

LOOP = "while True: pass"
ROOT = Path(__file__).resolve().parents[3]
# Starts a command that loops beside a child that has left its session, and tells their ids.
PARENT = """
import os, signal, sys, tempfile, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
from moeprof.profiler.process.supervised import Supervised
child = "import os, sys; pid = os.fork() or os.setsid() or os.getpid();" \\
    "os.write(int(sys.argv[1]), b'%d ' % os.getpid())\\nwhile True: pass"
to_read, to_write = os.pipe()
with Supervised([sys.executable, "-c", child, str(to_write)], kept_fds=[to_write]) as command:
    text = b""
    while text.count(b" ") < 2:
        text += os.read(to_read, 100)
    print(command.pid, text.decode(), flush=True)
    WHAT_HAPPENS
"""


# Finds moeprof by sys.path alone, and starts a command that imports it.
BY_SYS_PATH = """
import sys
sys.path.insert(0, {folder!r})
from moeprof.profiler.process.run import run
child = "import moeprof.kernels; print(moeprof.__file__)"
print(run([sys.executable, "-P", "-c", child], timeout_s=60).stdout, end="")
"""


def test_a_command_imports_the_moeprof_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "moeprof").symlink_to(ROOT)
    program = BY_SYS_PATH.format(folder=str(tmp_path))
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=bare, cwd="/", capture_output=True, text=True
    )
    assert done.stdout.strip() == str(tmp_path / "moeprof" / "__init__.py"), done.stderr


def command(text: str) -> Supervised:
    return Supervised([sys.executable, "-c", text])


def test_a_supervisor_that_is_stopped_again_and_again_is_not_waited_for() -> None:
    stops = "import os, signal, time\nwhile True: os.kill(os.getppid(), signal.SIGSTOP)"
    with command(stops) as child:
        assert child.exit_code(600) is None
    assert is_gone(child.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_with_moeprof_killed_nothing_is_left(number: signal.Signals) -> None:
    text = PARENT.replace("WHAT_HAPPENS", "time.sleep(600)")
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(number)
    assert len(pids) == 3
    assert all(map(is_gone, pids))


def test_with_the_supervisor_killed_nothing_is_left() -> None:
    text = PARENT.replace("WHAT_HAPPENS", "os.kill(command.pid, signal.SIGKILL)")
    ended = subprocess.run([sys.executable, "-c", text], stdout=subprocess.PIPE, check=True)
    assert all(is_gone(int(pid)) for pid in ended.stdout.split())


def test_a_supervisor_that_the_command_stopped_goes_on() -> None:
    with command("import os, signal; os.kill(os.getppid(), signal.SIGSTOP); os._exit(4)") as child:
        assert child.exit_code(30) == 4


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 11)", -11),
        ("import os; os.kill(0, 9)", -9),
        ("import os; os.fork() or os.setsid(); os._exit(5)", 5),
    ],
)
def test_it_ends_as_the_command_ended(text: str, code: int) -> None:
    with command(text) as child:
        assert child.exit_code(30) == code


def test_a_command_that_is_not_there_is_an_error() -> None:
    with Supervised(["no-such-command"]) as child, pytest.raises(OSError, match="no-such-command"):
        child.exit_code(30)


def test_it_does_not_wait_for_ever() -> None:
    with command(LOOP) as child:
        assert child.exit_code(0.05) is None
        pid = child.pid
    assert is_gone(pid)


def test_the_command_has_signals_as_a_shell_gives_them() -> None:
    shows = (
        "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL,"
        " sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    )
    with command(shows) as child:
        assert child.exit_code(30) == 0
        assert child.stdout is not None
        assert child.stdout.read() == b"True []\n"


def test_with_a_log_its_input_is_a_pipe() -> None:
    with tempfile.TemporaryFile() as log:
        shows = [sys.executable, "-c", "print(input())"]
        with Supervised(shows, log=log) as child:
            assert child.stdin is not None
            os.write(child.stdin.fileno(), b"hello\n")
            assert child.exit_code(30) == 0
        log.seek(0)
        assert log.read() == b"hello\n"
