"""Every error says which exit code it means."""

from moeprof.store.errors import BadInput, CannotMeasure, MoeprofError


def test_exit_codes() -> None:
    assert (MoeprofError.exit_code, BadInput.exit_code, CannotMeasure.exit_code) == (129, 2, 3)


def test_an_error_carries_its_message_and_the_way_out() -> None:
    error = BadInput("it is 0, and it must be positive", hint="give 1")
    assert isinstance(error, MoeprofError)
    assert (str(error), error.message) == ("it is 0, and it must be positive",) * 2
    assert error.hint == "give 1"
    assert BadInput("it is 0").hint == ""
