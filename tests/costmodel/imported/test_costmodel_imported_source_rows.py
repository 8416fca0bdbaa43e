"""The origin of imported rows has the digest of each file."""

from pathlib import Path

import pytest

from moeprof.costmodel.imported.source_rows import origin_of
from moeprof.store.errors import BadInput


def test_the_origin_has_the_digest_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    origin = origin_of("maker/tables", "abc", "MIT", [tmp_path / "a.csv"])
    assert list(origin.files) == ["a.csv"]
    assert len(origin.files["a.csv"]) == 64


@pytest.mark.parametrize("name", ["two\nlines", "not\udcffutf8"])
def test_a_path_that_a_model_cannot_keep_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is not printable"):
        origin_of("maker/tables", "abc", "MIT", [tmp_path / name / "a.csv"])
