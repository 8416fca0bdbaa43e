"""Events are cut out of the text one by one; damage is named with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.kineto.elements import Elements
from moeprof.parsers.kineto.repair import MORE
from moeprof.parsers.messages import Refusal
from moeprof.store.errors import BadInput

BLOCK_BYTES = 1 << 20


def _read(path: Path, text: str | bytes) -> tuple[Elements, list[Any]]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    elements = Elements(path)
    return elements, [json.loads(element.text) for element in elements]


def test_the_outline_holds_what_stands_before_and_after_the_events(tmp_path: Path) -> None:
    text = '{"a": [{"b": "["}], "traceEvents" : [ {"x": 1},\n{"y": [{}]} ] , "base": 1.50, "z": 2}'
    elements, found = _read(tmp_path / "t.json", text)
    assert found == [{"x": 1}, {"y": [{}]}]
    outline = {"a": [{"b": "["}], "traceEvents": [], "base": "1.50", "z": 2}
    assert elements.outline == outline


def test_an_element_is_where_it_says(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('\n{"traceEvents": [{"x": 1}, {"y": "}\\"{"}]}')
    data = path.read_bytes()
    for element in Elements(path):
        assert data[element.byte : element.byte + len(element.text)] == element.text


@pytest.mark.parametrize("size", [BLOCK_BYTES - 30, BLOCK_BYTES, 3 * BLOCK_BYTES])
def test_an_event_may_lie_across_blocks(tmp_path: Path, size: int) -> None:
    events = [{"x": 1}, {"long": '"}]' * (size // 4)}, {"x": 2}]
    _, found = _read(tmp_path / "t.json", json.dumps({"traceEvents": events, "z": 1}))
    assert found == events


def test_the_list_may_close_in_another_block(tmp_path: Path) -> None:
    _, found = _read(
        tmp_path / "t.json", '{"traceEvents": [{"x": 1}' + " " * BLOCK_BYTES + "," + '{"x": 2}\n]}'
    )
    assert found == [{"x": 1}, {"x": 2}]


@settings(max_examples=50, deadline=None)
@given(
    events=st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text()))),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_any_events_come_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[dict[str, Any]],
    indent: int | None,
    ascii_only: bool,
) -> None:
    text = json.dumps({"traceEvents": events}, indent=indent, ensure_ascii=ascii_only)
    path = tmp_path_factory.mktemp("elements") / "t.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = [
        json.loads(element.text.decode("utf-8", "surrogatepass")) for element in Elements(path)
    ]
    assert found == events


@pytest.mark.parametrize(
    ("body", "found", "others"),
    [
        ("", 0, 0),
        (" \n", 0, 0),
        ('{}, null, "}{", 1.5, {}', 2, 3),
        ('null, {}, [1, {"x": 2}]', 1, 2),
        ("0, {}, 0", 1, 2),
        ("1,", 0, 1),
        ("true", 0, 1),
    ],
)
def test_elements_that_are_no_objects_are_counted(
    tmp_path: Path, body: str, found: int, others: int
) -> None:
    elements, objects = _read(tmp_path / "t.json", f'{{"traceEvents": [{body}]}}')
    assert (len(objects), elements.not_objects) == (found, others)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"traceEvents": [{"na', "ends at byte 21 (line 1, column 22)"),
        (b'{"traceEvents": [{"name": "a"},\n', "ends at byte 32 (line 2, column 1)"),
        (b'{"traceEvents": [{"name": "a"}]', "ends at byte 31"),
        (b'{"traceEvents": [{"name": "a"}], "tr', "ends at byte 36"),
        (b'{"schemaVersion": 1, "dev', "ends at byte 25"),
    ],
)  # fmt: skip
def test_a_trace_that_is_cut_short_is_named_with_its_end(
    tmp_path: Path, text: bytes, place: str
) -> None:
    with pytest.raises(BadInput, match=Refusal.NOT_JSON) as raised:
        _read(tmp_path / "t.json", text)
    assert "cut short" in raised.value.message
    assert place in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"traceEvents": [{"x": 1}\n{"y": 2}]}', "byte 25 (line 1, column 26): no comma"),
        (b'{"traceEvents": [{"x": 1},\n{"y": "a"b", "z": 1}, {}]}', "byte 36 (line 2, column 10)"),
        (b'{"traceEvents": [{"x": 1}}', "byte 25"),
        (b'{"a" 1, "traceEvents": [{"x": 1}]}', "byte 5"),
        (b'{"traceEvents": [{"x": 1}], "a" 1}', "byte 32"),
        (b'{"traceEvents": []}\n{"traceEvents": []}', "byte 20 (line 2, column 1)"),
        (b"hello", "byte 0"),
    ],
)  # fmt: skip
def test_a_trace_that_is_broken_is_named_with_the_place(
    tmp_path: Path, text: bytes, place: str
) -> None:
    with pytest.raises(BadInput, match=Refusal.NOT_JSON) as raised:
        _read(tmp_path / "t.json", text)
    assert "cut short" not in raised.value.message
    assert f"broken at {place}" in raised.value.message


def test_several_documents_in_one_file_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=MORE) as raised:
        _read(tmp_path / "t.json", '{"traceEvents": []}\n' * 3)
    assert "one trace per file" in raised.value.hint


def test_a_break_far_from_the_end_is_found_before_all_is_read(tmp_path: Path) -> None:
    event = b'{"name": "a", "cat": "cpu_op"},\n'
    text = b'{"traceEvents": [' + b'{"name": "a,\n' + event * (5 * BLOCK_BYTES // 8) + b"{}]}"
    with pytest.raises(BadInput, match=r"broken at byte 32 \(line 2, column 3\)"):
        _read(tmp_path / "t.json", text)


@pytest.mark.parametrize(
    "text",
    ['{"events": []}', '{"traceEvents": null}', '{"a": {"traceEvents": [{}]}}', '[{"ph": "X"}]',
     '{"traceEvents": [{}], "traceEvents": [{}]}', '{"a": "\\"traceEvents\\": ["}'],
)  # fmt: skip
def test_other_json_is_no_trace(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=Refusal.NOT_KINETO):
        _read(tmp_path / "t.json", text)


@pytest.mark.parametrize(
    "begin", [b'{"a": "', b'{"traceEvents": [{"name": "', b'{"traceEvents": [], "a": "']
)
def test_no_event_and_no_other_part_is_held_beyond_16_mib(tmp_path: Path, begin: bytes) -> None:
    path = tmp_path / "t.json"
    with path.open("wb") as file:
        file.write(begin)
        file.writelines(b"a" * 2**20 for _ in range(20))
    with pytest.raises(BadInput, match=Refusal.TOO_LARGE):
        list(Elements(path))


def test_brackets_of_a_part_larger_than_a_block_are_told_from_those_in_strings(
    tmp_path: Path,
) -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = [deep, '[{"']
    event = {"a": [deep] * 400, "b": {"c": ['\\"]'] * (BLOCK_BYTES // 4)}}
    _, found = _read(tmp_path / "t.json", json.dumps({"traceEvents": [event, {"x": 1}]}))
    assert found == [event, {"x": 1}]


def test_brackets_that_nothing_closes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nested too deep"):
        _read(tmp_path / "t.json", '{"traceEvents": [' + "[" * 3 * BLOCK_BYTES)


def test_the_list_is_the_member_of_that_name_and_not_another_list(tmp_path: Path) -> None:
    text = '{"a": [[]], "b": ["traceEvents"], "c": "traceEvents: [", "traceEvents" : [{"x": 1}]}'
    _, found = _read(tmp_path / "t.json", text)
    assert found == [{"x": 1}]
