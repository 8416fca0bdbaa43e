"""How large a compressed file may become."""

from pathlib import Path

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.tables.unpacking import VARIABLE, check_unpacked, most_unpacked_bytes

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 1 MiB."""
    path = tmp_path / "t.gz"
    path.write_bytes(bytes(MIB))
    return path


def test_a_file_may_become_large_by_its_size(file: Path) -> None:
    assert most_unpacked_bytes(file) == 256 * MIB
    with file.open("r+b") as larger:
        larger.truncate(5 * MIB)  # without blocks on the disk
    assert most_unpacked_bytes(file) == 500 * MIB
    with file.open("r+b") as larger:
        larger.truncate(1024 * MIB)
    assert most_unpacked_bytes(file) == 16 * 1024 * MIB


def test_the_environment_sets_another_limit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0.5")
    assert most_unpacked_bytes(file) == 512 * MIB


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "2GB", " "])
def test_a_limit_is_a_number_above_0(
    file: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(BadInput, match=VARIABLE) as caught:
        most_unpacked_bytes(file)
    assert caught.value.hint


def test_the_refusal_names_the_variable(file: Path) -> None:
    check_unpacked(file, 7, 7)
    with pytest.raises(BadInput, match=r"t\.gz unpacks to more than 300 MiB, from 1\.0") as caught:
        check_unpacked(file, 300 * MIB + 1, 300 * MIB)
    assert VARIABLE in caught.value.hint
