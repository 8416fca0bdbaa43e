"""Every error says which exit code it means."""

from pathlib import Path

import pytest

from moeprof.store.errors import (
    BadInput,
    CannotMeasure,
    MoeprofError,
    check_type,
    naming,
    path_argument,
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


@pytest.mark.parametrize(
    ("value", "known"), [(None, (str,)), (True, (int,)), (1, (bool,)), ("1", (int, float))]
)
def test_an_argument_of_another_type_is_refused_by_its_name(
    value: object, known: tuple[type, ...]
) -> None:
    with pytest.raises(BadInput, match=r"^count is ") as caught:
        check_type("count", value, *known)
    assert caught.value.hint.startswith("it must be of type")


@pytest.mark.parametrize("value", [None, 5, b"a", "a\0b"])
def test_what_is_no_path_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match=r"^run is "):
        path_argument("run", value)


@pytest.mark.parametrize("value", ["a/b", Path("a/b")])
def test_a_path_is_given_as_such(value: str | Path) -> None:
    assert path_argument("run", value) == Path("a/b")
