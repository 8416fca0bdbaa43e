from moeprof.router.control.observers.confirmed import Confirmed


def test_a_far_reading_is_doubted_until_three_agree() -> None:
    confirmed = Confirmed(3)
    assert [confirmed.judge(error, 5.0) for error in (9.0, 9.0, 9.0, 9.0, 1.0)] == [
        "doubted", "doubted", "step", "doubted", "expected",
    ]  # fmt: skip


def test_readings_on_both_sides_are_no_step() -> None:
    confirmed = Confirmed(2)
    assert {confirmed.judge(error, 5.0) for error in (9.0, -9.0, 9.0, -9.0)} == {"doubted"}


def test_an_expected_reading_ends_the_row() -> None:
    confirmed = Confirmed(2)
    assert [confirmed.judge(error, 5.0) for error in (9.0, 0.0, 9.0)][-1] == "doubted"
