"""What a killed process leaves is removed; what another process holds is not."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moeprof.store.disk.temporary import (
    PREFIX,
    remove_abandoned,
    remove_abandoned_below,
    temporary_file,
    temporary_folder,
)

# Holds a temporary file and a folder until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from moeprof.store.disk.temporary import temporary_file, temporary_folder

folder = Path(sys.argv[1])
with temporary_file(folder), temporary_folder(folder) as made:
    (made / "x").touch()
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / ".path")}
    command = [sys.executable, "-c", HOLDER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_what_was_renamed_stays_and_the_rest_is_removed(tmp_path: Path) -> None:
    with temporary_file(tmp_path) as one, temporary_file(tmp_path) as other:
        assert one.name.startswith(PREFIX)
        one.rename(tmp_path / "kept")
        assert other.exists()
    with temporary_folder(tmp_path) as folder:
        (folder / "x").touch()
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]


def test_only_what_nobody_holds_is_removed(tmp_path: Path) -> None:
    user = tmp_path / ".other"
    user.touch()
    with holder(tmp_path) as process:
        remove_abandoned(tmp_path)
        assert len(list(tmp_path.iterdir())) == 3
        process.kill()
        process.wait()
        remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [user]


def test_folders_within_are_cleaned_too(tmp_path: Path) -> None:
    left = tmp_path / "a" / "b" / f"{PREFIX}left"
    left.mkdir(parents=True)
    (left / "x").touch()
    remove_abandoned_below(tmp_path)
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "b"]


def test_without_locks_only_what_is_a_day_old_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    new, old = tmp_path / f"{PREFIX}new", tmp_path / f"{PREFIX}old"
    new.touch()
    old.touch()
    os.utime(old, (1000, 1000))
    with temporary_file(tmp_path) as mine:
        assert {mine, new} == set(tmp_path.iterdir())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(target)
    remove_abandoned(tmp_path)
    assert target.exists()
