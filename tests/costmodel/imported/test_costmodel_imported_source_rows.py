"""The origin of imported rows has the digest of each file."""

from pathlib import Path

from moeprof.costmodel.imported.source_rows import origin_of


def test_the_origin_has_the_digest_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    origin = origin_of("maker/tables", "abc", "MIT", [tmp_path / "a.csv"])
    assert list(origin.files) == ["a.csv"]
    assert len(origin.files["a.csv"]) == 64
