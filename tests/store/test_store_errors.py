"""Every error says which exit code it means."""

from pathlib import Path

import pytest

from moeprof.store.errors import (
    BadInput,
    CannotMeasure,
    MoeprofError,
    naming,
    shortened,
    unknown_schema,
)


def test_exit_codes() -> None:
    assert (MoeprofError.exit_code, BadInput.exit_code, CannotMeasure.exit_code) == (129, 2, 3)


def test_an_error_carries_its_message_and_the_way_out() -> None:
    error = BadInput("it is 0, and it must be positive", hint="give 1")
    assert isinstance(error, MoeprofError)
    assert (str(error), error.message) == ("it is 0, and it must be positive",) * 2
    assert error.hint == "give 1"
    assert BadInput("it is 0").hint == ""


def test_an_unknown_schema_is_refused_with_both_numbers_and_the_way_out() -> None:
    error = unknown_schema(Path("a.json"), "plan/2.0", "plan/1.4", way_out="make it anew")
    assert error.message == "a.json is plan/2.0, and this moeprof knows plan/1.4"
    assert error.hint == "make it anew"


def test_a_refusal_names_the_file_once_and_has_a_hint() -> None:
    with pytest.raises(BadInput) as caught, naming("a.json", hint="make it anew"):
        raise BadInput("it is 0")
    assert (str(caught.value), caught.value.hint) == ("a.json: it is 0", "make it anew")
    with pytest.raises(BadInput) as caught, naming("a.json", hint="make it anew"):
        raise BadInput("a.json is empty", hint="write it")
    assert (caught.value.message, caught.value.hint) == ("a.json is empty", "write it")


def test_a_long_text_is_cut() -> None:
    assert shortened("x" * 80) == "x" * 80
    assert shortened("x" * 81) == "x" * 77 + "..."
