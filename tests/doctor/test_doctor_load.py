"""The load runs by itself until it is let go."""

import json
import sys

from moeprof.doctor.sensor_probe import LOAD
from moeprof.profiler.process.line_process import LineProcess


def test_it_computes_from_its_answer_to_the_end_of_its_input() -> None:
    with LineProcess([sys.executable, "-P", str(LOAD), "cpu"]) as load:
        assert json.loads(load.answer(600)) == {"uuid": None}
        assert load.finish(20) == 0
