"""A file that is added to: what fails is taken back, and there is one writer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from moeprof.router.metrics.appended import AppendedFile
from moeprof.store.errors import BadInput
from moeprof.tests.router.forked import fork
from moeprof.tests.router.metrics.small_disk import small_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def file(path: Path) -> Iterator[AppendedFile]:
    opened = AppendedFile(path)
    yield opened
    opened.close()


def test_additions_follow_each_other_also_after_it_was_closed(path: Path) -> None:
    for word in (b"one ", b"two ", b"three"):
        file = AppendedFile(path)
        file.add(word)
        file.close()
    assert path.read_bytes() == b"one two three"


def test_an_addition_that_the_disk_refuses_is_taken_back(path: Path, file: AppendedFile) -> None:
    file.add(b"whole\n")
    with small_files(100), pytest.raises(OSError, match="large"):
        file.add(b"x" * 1000)
    assert path.read_bytes() == b"whole\n"
    file.add(b"again\n")
    assert path.read_bytes() == b"whole\nagain\n"


def test_a_second_writer_is_refused_by_name(path: Path, file: AppendedFile) -> None:
    with pytest.raises(BadInput, match=f"{path} is being written by another logger"):
        AppendedFile(path)
    file.cut(0)


def test_a_file_that_was_moved_is_not_at_its_path(path: Path, file: AppendedFile) -> None:
    assert file.is_at_path()
    path.rename(path.with_name("rotated"))
    assert not file.is_at_path()
    path.touch()
    assert not file.is_at_path()


def test_a_removed_file_locks_nobody_out(path: Path) -> None:
    first = AppendedFile(path)
    first.remove()
    second = AppendedFile(path)
    first.close()
    second.add(b"x")
    second.close()
    assert path.read_bytes() == b"x"


def test_a_pipe_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(BadInput, match="not a regular file"):
        AppendedFile(path)


def test_a_closed_file_is_free_also_where_a_child_has_it_open(path: Path) -> None:
    file = AppendedFile(path)
    wait, go = os.pipe()
    child = fork()
    if not child:
        os.close(go)
        os.read(wait, 1)
        os._exit(0)
    file.close()
    AppendedFile(path).close()
    os.close(go)
    os.close(wait)
    os.waitpid(child, 0)
