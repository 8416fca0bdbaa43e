"""Folders are made with all their parents, each of whose names is brought to the disk."""

import os
import stat
from pathlib import Path

import pytest

from moeprof.store.disk.sync import make_folder, sync_file, sync_folder


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give the list of what was synced, in order."""
    paths: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: paths.append(Path(os.readlink(f"/proc/self/fd/{number}")))
    )
    return paths


def test_the_folder_of_each_new_name_is_synced(tmp_path: Path, synced: list[Path]) -> None:
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert set(synced) == {tmp_path, tmp_path / "a"}
    synced.clear()
    make_folder(tmp_path / "a" / "b")
    assert synced == []


def test_files_and_folders_are_synced(tmp_path: Path, synced: list[Path]) -> None:
    (tmp_path / "x").touch()
    sync_file(tmp_path / "x")
    sync_folder(tmp_path)
    assert synced == [tmp_path / "x", tmp_path]
    assert stat.S_ISDIR(synced[1].stat().st_mode)


@pytest.mark.parametrize(("number", "is_error"), [(22, False), (95, False), (5, True)])
def test_a_file_system_that_cannot_sync_a_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_error: bool
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    if is_error:
        with pytest.raises(OSError, match="error"):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)
