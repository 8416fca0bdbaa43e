import numpy as np
import pytest

from moeprof.router.control.controller import Decision, Telemetry
from moeprof.router.control.history import History, Tick
from moeprof.store.errors import BadInput


def tick(at_s: float, **terms: float) -> Tick:
    return Tick(Telemetry(at_s, 300.0), Decision(np.zeros(2), 0.0, 0.0, terms), "controlled")


def test_the_newest_ticks_are_kept() -> None:
    history = History(2)
    for at in range(4):
        history.add(tick(float(at)))
    assert len(history) == 2
    assert history.columns()["at_s"].tolist() == [2.0, 3.0]
    assert history.biases().shape == (2, 2)


def test_a_tick_without_a_number_has_none() -> None:
    history = History(9)
    history.add(tick(0.0))
    history.add(tick(1.0, ttha_power_loss=0.5))
    columns = history.columns()
    assert np.isnan(columns["ttha_power_loss"]).tolist() == [True, False]
    assert "temp_c" not in columns


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="a history of 0 ticks"):
        History(0)
