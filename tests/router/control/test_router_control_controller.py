import pytest

from moeprof.router.control.controller import Targets
from moeprof.store.errors import BadInput


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_target_is_a_positive_number(limit: float) -> None:
    with pytest.raises(BadInput, match="the target temp_c"):
        Targets(power_w=390.0, temp_c=limit)
