"""Result files are read as records, whatever their form, and values are checked where asked for."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.results.record import records_of
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import record


def test_a_packed_file_has_the_records_of_the_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "r.json", tmp_path / "r.json.gz"
    plain.write_text('{"a": 1}')
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [(one.name, one.data) for one in records_of(packed)] == [
        (one.name, one.data) for one in records_of(plain)
    ]
    packed.write_bytes(packed.read_bytes()[:-6])
    with pytest.raises(BadInput, match=r"r\.json\.gz"):
        records_of(packed)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"a": 1}', [""]),
        ('[{"a": 1}, {"a": 2}]', [", entry 1", ", entry 2"]),
        ('{"a": 1}\n\n{"a": 2}\n', [", line 1", ", line 3"]),
        ('\ufeff{"a": 1}', [""]),
    ],
)
def test_an_object_an_array_and_an_object_a_line(
    tmp_path: Path, text: str, places: list[str]
) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    found = records_of(path)
    assert [one.place for one in found] == places
    assert [one.data["a"] for one in found] == list(range(1, len(places) + 1))


def test_records_are_named_by_the_content_of_their_file(tmp_path: Path) -> None:
    one, copy, other = tmp_path / "1.json", tmp_path / "2.json", tmp_path / "3.json"
    for path, value in ((one, 1), (copy, 1), (other, 2)):
        path.write_text(json.dumps([{"a": value}, {"a": value}]))
    names = [[found.name for found in records_of(path)] for path in (one, copy, other)]
    assert names[0] == names[1]
    assert len({*names[0], *names[2]}) == 4


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "holds no result"),
        ("[]", "holds no result"),
        ("[1]", "entry 1 is no JSON object"),
        ("3", "is no JSON object"),
        ('{"a": 1}\n{"a":', "line 2 is no JSON"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 100_000, "is no JSON"),
        ("backend,duration\nvllm,3\n", "line 1 is no JSON"),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=named):
        records_of(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(b"PAR1\xff\xfe")
    with pytest.raises(BadInput, match="no UTF-8 text"):
        records_of(path)


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3.0), (2.5, 2.5), ("4", 4.0), (None, None), (float("nan"), None), (0, 0.0)],
)
def test_a_number_may_stand_as_text_or_be_missing(value: Any, number: float | None) -> None:
    assert record({"a": value}).number("a") == number
    assert record({}).number("a") is None
    assert record({"a": value}).above_0("a") == (number or None)


@pytest.mark.parametrize("value", [True, "many", -1, float("inf"), [1], 10**400])
def test_a_value_that_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match=r"result\.json: a is .* must be a number"):
        record({"a": value}).number("a")


def test_whole_numbers_texts_and_flags() -> None:
    some = record({"tp": "4", "part": 1.5, "none": 0, "name": "x", "on": "true", "off": False})
    assert (some.whole("tp"), some.whole("missing")) == (4, None)
    assert (some.text("name"), some.text("missing")) == ("x", None)
    assert (some.flag("on"), some.flag("off"), some.flag("missing")) == (True, False, False)
    for key in ("part", "none"):
        with pytest.raises(BadInput, match="whole number"):
            some.whole(key)
    with pytest.raises(BadInput, match="must be a text"):
        some.text("part")
