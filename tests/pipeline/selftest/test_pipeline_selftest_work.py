"""What a step tells while it runs."""

import time
from pathlib import Path

from moeprof.pipeline.selftest.work import Message, Work


def test_each_report_is_a_message(tmp_path: Path) -> None:
    told: list[Message] = []
    work = Work(tmp_path, time.monotonic() + 60, told.append)
    work.found({"device": "cpu"})
    work.notice("device: cpu")
    work.warning("busy")
    work.point("cpu", "fc1", 4, 1, 9)
    work.end(9, 9)
    assert told == [
        {"facts": {"device": "cpu"}},
        {"notice": "device: cpu"},
        {"warning": "busy"},
        {"point": ["cpu", "fc1", 4, 1, 9]},
        {"end": [9, 9]},
    ]


def test_it_knows_its_end_and_where_runs_go(tmp_path: Path) -> None:
    work = Work(tmp_path, time.monotonic() - 1, print)
    assert work.left_s() <= -1
    assert work.runs == tmp_path / "runs"
