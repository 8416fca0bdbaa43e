"""Two folders change their names in one step."""

import ctypes
from pathlib import Path

import pytest

from moeprof.store.disk.exchange import exchange


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    return tmp_path / "one", tmp_path / "other"


def test_two_folders_change_their_names(pair: tuple[Path, Path]) -> None:
    one, other = pair
    if not exchange(one, other):
        pytest.skip("this file system cannot exchange two names")
    assert (one / "other").exists()
    assert (other / "one").exists()


def test_a_folder_that_is_not_there_is_an_error(pair: tuple[Path, Path]) -> None:
    if not exchange(*pair):
        pytest.skip("this file system cannot exchange two names")
    with pytest.raises(FileNotFoundError):
        exchange(pair[0], pair[0].with_name("none"))


def test_a_system_without_the_call_is_told_apart(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: object())
    assert not exchange(*pair)
    assert (pair[0] / "one").exists()
