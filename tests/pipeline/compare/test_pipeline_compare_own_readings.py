"""One reading of operations in a file: what its process prints, and what is read of that."""

import json

import pytest

from moeprof.pipeline.compare.own_readings import Value, command, values_of

ONE = {
    "metric": "latency", "unit": "us", "op": "fc1", "curve": "fc1-fp32", "tokens": 8, "value": 1.5,
}  # fmt: skip


def test_what_was_printed_is_read() -> None:
    assert values_of(json.dumps([ONE])) == [Value("latency", "us", "fc1", "fc1-fp32", 8, 1.5)]


@pytest.mark.parametrize(
    "text", ["", "words", "{}", json.dumps([ONE | {"value": 0}]), json.dumps([{"value": 1.0}])]
)
def test_what_is_no_reading_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        values_of(text)


def test_the_command_names_files_and_sizes() -> None:
    assert command("ops/a.py", "1,8")[1:] == (
        "-m", "moeprof.pipeline.compare.own_readings", "ops/a.py", "1,8",
    )  # fmt: skip
