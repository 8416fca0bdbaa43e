import pytest

from moeprof.store.percent import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0123, "1.23"), (-0.5, "-50.00"), (-0.000001, "0.00"), (0.0, "0.00"), (12.3, "1,230")],
)
def test_a_share_has_two_decimals_below_one_hundred_percent_and_no_unit(
    share: float, text: str
) -> None:
    assert percent(share) == text


def test_decimals_and_sign_can_be_chosen() -> None:
    assert percent(12.3, decimals=0) == "1,230"
    assert percent(0.01, sign="+") == "+1.00"
    assert percent(-0.01, sign="+") == "-1.00"
