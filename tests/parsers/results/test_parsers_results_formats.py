"""A format is known by the fields of its records, whatever the name of the file."""

from pathlib import Path

import pytest

from moeprof.parsers.results.formats import FORMATS, read_results
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import ALL_FORMATS, VLLM_SERVE, record, written


@pytest.mark.parametrize("at", range(len(ALL_FORMATS)))
def test_each_format_is_told_from_the_others(tmp_path: Path, at: int) -> None:
    one = record(ALL_FORMATS[at])
    assert next(form for form in FORMATS if form.recognises(one)) is FORMATS[at]
    rows = read_results(written(tmp_path / "r.txt", ALL_FORMATS[at]))
    assert rows
    assert len({row.row_id for row in rows}) == len(rows)


def test_every_format_has_a_sample() -> None:
    assert len(ALL_FORMATS) == len(FORMATS)


def test_lines_of_a_file_are_rows_of_their_own(tmp_path: Path) -> None:
    rows = read_results(written(tmp_path / "r.json", [VLLM_SERVE, VLLM_SERVE]))
    assert len({row.row_id for row in rows}) == 2


def test_an_unknown_record_is_refused_by_its_fields(tmp_path: Path) -> None:
    path = written(tmp_path / "r.json", [VLLM_SERVE, {"speed": 3, "colour": "red"}])
    with pytest.raises(BadInput, match="entry 2 is of no known format; its fields: speed, colour"):
        read_results(path)
