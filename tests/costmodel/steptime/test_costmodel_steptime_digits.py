"""Values keep ten digits."""

from moeprof.costmodel.steptime.digits import rounded, rounded_terms


def test_digits_beyond_the_tenth_are_left_out() -> None:
    assert rounded(1.23456789012345) == 1.23456789
    assert rounded(1.23456789012345e-7) == 1.23456789e-7


def test_terms_are_in_the_order_of_their_names() -> None:
    assert list(rounded_terms({"b": 1.0, "a": 2.0}).items()) == [("a", 2.0), ("b", 1.0)]
