"""The text of a trace: packed or not, in any encoding of Unicode."""

import codecs
import gzip
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from moeprof.parsers.kineto.text import place, text_blocks
from moeprof.parsers.messages import Refusal
from moeprof.store.errors import BadInput
from moeprof.store.tables.unpacking import VARIABLE

# Without the time: each process that collects the tests gives them the same names.
gzipped = partial(gzip.compress, mtime=0)

TEXT = '{"name": "日本"}\n'


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        gzipped(TEXT.encode()),
        gzipped(TEXT[:8].encode()) + gzipped(TEXT[8:].encode()),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        gzipped(TEXT.encode("utf-16")),
    ],
    ids=["utf8", "gzip", "two-gzips", "bom", "utf16", "utf16-be-bom", "utf16-le", "utf16-be",
         "utf32", "utf16-gzip"],
)  # fmt: skip
def test_every_encoding_gives_the_same_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(data)
    assert b"".join(text_blocks(path)).lstrip() == TEXT.encode()


def test_a_place_has_byte_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(b"ab\ncd\n")
    assert place(path, 0) == "byte 0 (line 1, column 1)"
    assert place(path, 4) == "byte 4 (line 2, column 2)"
    assert place(path, 6) == "byte 6 (line 3, column 1)"


def test_a_byte_order_mark_counts_in_a_place(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(codecs.BOM_UTF8 + b"{")
    assert b"".join(text_blocks(path)).index(b"{") == 3


def test_a_place_in_a_packed_or_recoded_file_says_what_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for data in (gzipped(b"{\n} "), "{\n} ".encode("utf-16")):
        path.write_bytes(data)
        assert place(path, 2) == "unpacked UTF-8 byte 2 (line 2, column 1)"


def test_half_a_character_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes('{"a"'.encode("utf-16") + b"\x3a")
    assert b"".join(text_blocks(path)) == b'{"a"'


def test_a_place_beyond_the_first_block(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(b"x" * 1_500_000 + b"\n" + b"y" * 2_000_000)
    assert place(path, 3_000_000) == "byte 3000000 (line 2, column 1500000)"


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda data: data[:-12], "it is cut short after 99083 good bytes"),
        (lambda data: data[:-5] + b"\0" + data[-4:], "after 100000 good bytes"),
        (lambda data: data + b"more", "Not a gzipped file"),
        (lambda data: data[:12] + b"\xff" * 40, "after 0 good bytes"),
    ],
)
def test_a_damaged_gzip_is_named_with_what_was_good(
    tmp_path: Path, damage: object, cause: str
) -> None:
    assert callable(damage)
    path = tmp_path / "t.json.gz"
    path.write_bytes(damage(gzipped(b"0123456789" * 10_000)))
    with pytest.raises(BadInput, match=Refusal.NOT_GZIP) as raised:
        list(text_blocks(path))
    assert cause in raised.value.message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=Refusal.MISSING):
        list(text_blocks(tmp_path / "none"))
    with pytest.raises(BadInput, match="cannot read"):
        list(text_blocks(tmp_path))


def _packed(folder: Path, parts: Iterable[bytes]) -> Path:
    path = folder / "t.json.gz"
    with gzip.open(path, "wb") as file:
        file.writelines(parts)
    return path


def test_a_gzip_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _packed(tmp_path, [b"{", b" " * 2**21])
    assert sum(map(len, text_blocks(path))) == 2**21 + 1
    monkeypatch.setenv(VARIABLE, str(1 / 1024))
    with pytest.raises(BadInput, match="unpacks to more than 1 MiB"):
        next(text_blocks(path))  # before any of it is used
    path.write_bytes(path.read_bytes() + gzipped(b"end"))  # which says that it is small
    with pytest.raises(BadInput, match="unpacks to more than 1 MiB"):
        list(text_blocks(path))
