"""Reading a text file that the user names."""

from pathlib import Path

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.text_file import read_text


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
