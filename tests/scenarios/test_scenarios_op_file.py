"""A user's file: what it may be, and how it is executed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.scenarios.op_file import REFUSED, TRIED, read_op_file, try_op_file
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.test_scenarios_catalogue import SOURCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my_op.py"


def write(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is not a regular file"),
        (link_to_itself, "does not exist"),
        (write(b"#" * (1 << 20) + b"#"), "is larger than 1 MiB"),
        (write(b'x = "\xff"'), "does not run: SyntaxError"),
        (write(b"x\0y"), "does not run: (SyntaxError|ValueError)"),  # before Python 3.11.4
        (write(b"(" * 10_000), "does not run: SyntaxError"),
        (write(b""), "defines no Operation"),
    ],
)
def test_what_is_no_file_of_code_is_refused(
    path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(path)
    with pytest.raises(BadInput, match=f"{path} {said}") as refused:
        read_op_file(path)
    assert refused.value.hint


def test_an_error_whose_message_fails_is_named_by_its_type(path: Path) -> None:
    path.write_text("class Odd(Exception):\n    def __str__(self): 1 / 0\nraise Odd")
    with pytest.raises(BadInput, match=r"does not run: Odd$"):
        read_op_file(path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("class Odd(BaseException): pass\nraise Odd('one\\ntwo')", "Odd: one"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import there_is_no_such_module", "ModuleNotFoundError"),
    ],
)
def test_what_a_file_raises_is_said_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], code: str, said: str
) -> None:
    path.write_text(code)
    assert try_op_file(path) == REFUSED
    message, hint = capsys.readouterr().err.splitlines()[-2:]
    assert message.startswith(f"{path} does not run: {said}")
    assert hint


def test_bytecode_beside_the_file_is_not_executed(path: Path) -> None:
    """Python itself would take it for that of the file: it is marked as never to be checked."""
    path.write_text(SOURCE.format(name="negate"))
    other = path.with_name("other.py")
    other.write_text("raise SystemExit('foreign')")
    from importlib.util import cache_from_source
    from py_compile import PycInvalidationMode, compile

    mode = PycInvalidationMode.UNCHECKED_HASH
    compile(str(other), cache_from_source(str(path)), invalidation_mode=mode)
    assert [operation.name for operation in read_op_file(path)] == ["negate"]


def test_a_trial_says_whether_it_ended_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(SOURCE.format(name="negate"))
    assert try_op_file(path) == TRIED
    path.write_text("print('out'); import sys; sys.stderr.write('err'); 1 / 0")
    assert try_op_file(path) == REFUSED
    *_, message, hint = capsys.readouterr().err.splitlines()
    assert message == f"{path} does not run: ZeroDivisionError: division by zero"
    assert str(path) in hint
    assert "moeprof_user" in " ".join(sys.modules)
