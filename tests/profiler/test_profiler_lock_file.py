"""The file of a lock: the flock alone counts, and no file in its place shuts anybody out."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from moeprof.profiler.lock_file import Held, LockFile
from moeprof.store.errors import BadInput
from moeprof.tests.elsewhere import ANOTHER_USER, as_another_user, needs_root

HOLDER = "run mine"


@pytest.fixture
def path() -> Iterator[Path]:
    """Give a lock in a folder that every user may write to; pytest's own are one user's."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder) / "one.lock"


def take(path: Path, *, shared: bool = True) -> None:
    with LockFile(path, shared).held("run other"):
        pass


def test_a_lock_that_is_held_is_refused_by_who_holds_it(path: Path) -> None:
    with LockFile(path, shared=True).held(HOLDER), pytest.raises(Held) as refused:
        take(path)
    assert re.fullmatch(
        rf"run mine, pid {os.getpid()} on \S+, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        str(refused.value),
    )


def test_a_lock_is_free_after_its_block_and_says_nothing(path: Path) -> None:
    for _ in range(2):
        take(path)
    assert path.read_bytes() == b""


def test_a_file_left_behind_is_no_lock(path: Path) -> None:
    """A process that was killed leaves the text; the kernel has let go of the flock."""
    path.write_text("moeprof run gone, pid 1 on host, since 2020-01-01 00:00:00 UTC\n")
    take(path)


def test_the_lock_lives_as_long_as_a_process_that_inherited_it(path: Path) -> None:
    sleeper = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with LockFile(path, shared=True).held(HOLDER) as descriptor:
        child = subprocess.Popen(sleeper, stdin=subprocess.PIPE, pass_fds=[descriptor])
    with child:
        with pytest.raises(Held):
            take(path)
        child.send_signal(signal.SIGKILL)
    take(path)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o777])
def test_no_umask_shuts_another_user_out(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        take(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_may_only_be_read_is_locked_as_well(path: Path) -> None:
    path.touch(mode=0o444)
    with LockFile(path, shared=True).held(HOLDER), pytest.raises(Held):
        take(path)


def test_a_file_that_is_removed_meanwhile_is_made_again(path: Path) -> None:
    with LockFile(path, shared=True).held(HOLDER):
        path.unlink()
    take(path)
    assert path.exists()


@needs_root
def test_two_users_exclude_each_other_and_neither_is_shut_out(path: Path) -> None:
    take(path)  # the file is root's
    with as_another_user(), LockFile(path, shared=True).held(HOLDER):
        pass
    path.unlink()
    with as_another_user():
        take(path)
    assert path.stat().st_uid == ANOTHER_USER
    with LockFile(path, shared=True).held(HOLDER), as_another_user(), pytest.raises(Held):
        take(path)


def make_link(path: Path) -> None:
    path.with_name("target").write_bytes(b"")
    path.symlink_to("target")


def make_other_file(path: Path) -> None:
    path.write_text("a thesis")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a pipe"),
        (make_link, "a link"),
        (make_other_file, "a file of something else"),
    ],
)
def test_what_is_no_lock_is_refused_by_its_kind_and_left_as_it_is(
    path: Path, make: Callable[[Path], None], kind: str
) -> None:
    make(path)
    before = path.lstat()
    with pytest.raises(BadInput, match=f"{kind} is in its place") as refused:
        take(path)
    assert str(path) in refused.value.message
    assert refused.value.hint
    assert path.lstat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("shared", [True, False])
def test_a_folder_that_cannot_hold_it_is_refused(path: Path, shared: bool) -> None:
    path.write_text("")
    with pytest.raises(BadInput, match="cannot take the lock") as refused:
        take(path / "lock", shared=shared)
    assert refused.value.hint


@needs_root
@pytest.mark.parametrize("shared", [True, False])
def test_a_folder_that_may_not_be_written_is_refused(path: Path, shared: bool) -> None:
    path.parent.chmod(0o755)
    with as_another_user(), pytest.raises(BadInput, match="permission denied"):
        take(path, shared=shared)


@needs_root
def test_a_run_that_may_only_be_read_is_refused(path: Path) -> None:
    path.touch(mode=0o644)
    with as_another_user(), pytest.raises(BadInput, match="permission denied"):
        take(path, shared=False)


def test_a_text_that_cannot_be_written_takes_no_lock_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with LockFile(path, shared=True).held(HOLDER), pytest.raises(Held, match=r"^$"):
        take(path)
