"""`import moeprof.router` loads what is used, when it is used."""

import subprocess
import sys

import pytest

import moeprof.router

HEAVY = {"torch", "triton", "pandas", "scipy", "pyarrow", "pynvml"}


def test_every_listed_name_is_there_and_others_are_not() -> None:
    for name in moeprof.router.__all__:
        assert getattr(moeprof.router, name) is not None
    with pytest.raises(AttributeError, match="route_all"):
        getattr(moeprof.router, "route_all")  # noqa: B009


def test_importing_the_room_loads_nothing_heavy() -> None:
    script = "import sys, moeprof.router; print(*{n.partition('.')[0] for n in sys.modules})"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert set(ended.stdout.split()) & HEAVY == set()
