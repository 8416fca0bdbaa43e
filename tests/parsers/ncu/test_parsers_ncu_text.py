"""The bytes of a page, as shells and editors write them."""

import codecs
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.ncu.counters import read_ncu
from moeprof.parsers.ncu.text import decoded, read_page_text
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.ncu.raw_page import TIME, page

PAGE = page([{TIME: "8736"}])


@pytest.mark.parametrize(
    "data",
    [
        PAGE.encode("utf-8-sig"),
        PAGE.encode("utf-16"),
        codecs.BOM_UTF16_BE + PAGE.encode("utf-16-be"),
        PAGE.encode("utf-16-le"),
        PAGE.encode("utf-16-be"),
        PAGE.encode("utf-16") + b"\n",
    ],
    ids=["bom", "powershell", "utf-16-be", "no mark", "be without mark", "odd length"],
)
def test_a_page_is_read_in_any_unicode(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(data)
    counters = read_ncu(path)
    assert counters.table["duration_ns"].to_pylist() == [8736]


def test_bytes_that_are_not_utf_8_are_read_as_latin_1_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(PAGE.replace("gemm", "k\u00efrn\u0085").encode("latin-1"))
    counters = read_ncu(path)
    assert counters.table["kernel"].to_pylist() == ["k\u00efrn\u0085(int, float)"]
    assert counters.warnings == (f"p.csv: 2 {TraceWarning.READ_AS_LATIN_1}",)


def test_utf_8_stays_beside_foreign_bytes() -> None:
    assert decoded("8\u202f736 k\u00ef".encode() + b"\xef") == ("8\u202f736 k\u00ef\u00ef", 1)


def test_a_missing_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=Refusal.MISSING):
        read_page_text(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot read"):
        read_page_text(tmp_path)
