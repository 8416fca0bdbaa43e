"""The log of a recording: a file that cannot be written is refused."""

from pathlib import Path

import pytest

from moeprof.profiler.power.sensor_log import write_log
from moeprof.store.errors import BadInput


def test_a_log_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot write"):
        write_log(tmp_path / "file" / "log.csv", {}, [])
