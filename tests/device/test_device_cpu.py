"""What Linux says of the processor."""

from pathlib import Path

import pytest

from moeprof.device.cpu import cpu_count, cpu_name, host_hash, last_level_cache_bytes


def cache(folder: Path, index: int, size: str) -> None:
    path = folder / f"index{index}" / "size"
    path.parent.mkdir(parents=True)
    path.write_text(f"{size}\n")


def test_the_largest_cache_is_the_last_level(tmp_path: Path) -> None:
    for index, size in enumerate(("32K", "1024K", "32M")):
        cache(tmp_path, index, size)
    assert last_level_cache_bytes(tmp_path) == 32 << 20


@pytest.mark.parametrize("size", ["", "large", "12X"])
def test_a_size_that_is_none_is_not_guessed(tmp_path: Path, size: str) -> None:
    cache(tmp_path, 0, size or " ")
    assert last_level_cache_bytes(tmp_path) is None


def test_no_caches_known(tmp_path: Path) -> None:
    assert last_level_cache_bytes(tmp_path / "nothing") is None


def test_this_processor_has_a_name_and_a_count() -> None:
    assert cpu_name()
    assert cpu_count() >= 1


def test_the_host_is_hashed_and_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "secret-host")
    one = host_hash()
    monkeypatch.setattr("platform.node", lambda: "other-host")
    assert one != host_hash()
    assert len(one) == 12
    assert "secret" not in one
