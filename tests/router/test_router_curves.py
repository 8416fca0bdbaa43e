import numpy as np

from moeprof.router.curves import Curves


def test_each_curve_is_read_at_a_load_of_its_own() -> None:
    loads = np.array([0.0, 1.0, 4.0])
    curves = Curves(loads, np.array([[0.0, 5.0, 8.0]] * 5))
    assert curves.at(np.array([0.0, 0.5, 1.0, 2.0, 4.0])).tolist() == [0, 2.5, 5, 6, 8]
