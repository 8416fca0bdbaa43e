"""Flags are compared by code; their sentences are what a table holds."""

from moeprof.store.flag import Flag, FlagCode


def test_the_codes_of_flags_are_distinct_words() -> None:
    assert len({code.value for code in FlagCode}) == len(FlagCode)
    assert all(code.value == code.name.lower() for code in FlagCode)


def test_a_flag_is_its_code_and_its_sentence() -> None:
    code, sentence = Flag(FlagCode.WIDE_SPREAD, "spread 23 % > 20 %")
    assert (code, sentence) == ("wide_spread", "spread 23 % > 20 %")
