"""Files are written whole and renamed into place, or left as they were; what is read is text."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.files import (
    cannot_write,
    check_writable,
    read_bytes,
    read_text,
    refuse_lfs_pointer,
    replacing,
    write_whole,
)


def refuse_writes(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let every write end as the operating system would end it with this error number."""

    def refuse(path: Path, data: bytes) -> int:
        path.touch()  # a full disk leaves an empty or a partial file
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)


def test_writes_text_as_utf8_and_makes_the_folder(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.txt", "µs\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"\xc2\xb5s\n"


def test_replaces_a_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with suppress(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "complaint", "way_out"),
    [
        (errno.ENOSPC, "no space left on device", "free some space"),
        (errno.EROFS, "read-only file system", "you may write to"),
        (errno.EACCES, "permission denied", "you may write to"),
    ],
)
def test_a_refused_write_names_the_file_the_reason_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, complaint: str, way_out: str
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    refuse_writes(monkeypatch, number)
    with pytest.raises(BadInput) as caught:
        write_whole(path, "new")
    assert str(path) in caught.value.message
    assert complaint in caught.value.message
    assert way_out in caught.value.hint
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_at_fsync_is_reported_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="no space left"):
        write_whole(tmp_path / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput) as caught:
        write_whole(tmp_path / "file" / "a.txt", "text")
    assert "cannot write" in caught.value.message


def test_an_error_without_a_number_is_still_one_sentence(tmp_path: Path) -> None:
    error = cannot_write(tmp_path / "a", OSError("Strange"))
    assert error.message.endswith(": strange")
    assert "--out" in error.hint


def test_a_utf8_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("µs\nkWh\n", encoding="utf-8")
    assert read_text(path) == "µs\nkWh\n"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_is_missing_or_no_text_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_text(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("path", [Path("/"), Path()])
def test_a_folder_is_not_written_as_a_file(path: Path) -> None:
    with pytest.raises(BadInput, match="is a directory") as caught:
        write_whole(path, "text")
    assert caught.value.hint == "name a file, not a folder"


def test_a_pipe_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for use in (read_text, read_bytes, refuse_lfs_pointer, lambda path: write_whole(path, "")):
        with pytest.raises(BadInput, match="pipe is not a regular file"):
            use(pipe)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_text_that_utf_8_cannot_hold_is_refused_and_quoted_in_part(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        write_whole(tmp_path / "a.json", "x" * 5000 + "\udcff")
    assert len(caught.value.message) < len(str(tmp_path)) + 120
    assert list(tmp_path.iterdir()) == []


def test_a_file_larger_than_any_of_its_kind_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_bytes(b"x" * 11)
    assert read_bytes(path, 11) == b"x" * 11
    with pytest.raises(BadInput, match="has 11 bytes, and at most 10"):
        read_text(path, 10)


def test_whether_a_file_could_be_written_is_known_before_and_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder" / "a.json")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    refused = [tmp_path, tmp_path / "file" / "a.json"]
    if os.geteuid():
        refused.append(locked / "a.json")
    for path in refused:
        with pytest.raises(BadInput, match="cannot write"):
            check_writable(path)
