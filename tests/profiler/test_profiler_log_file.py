"""Logs of a run: a file per process, without what tells where it ran."""

from pathlib import Path

from moeprof.profiler.log_file import end_log, new_log
from moeprof.store.run import Run


def test_each_process_has_its_own(tmp_path: Path) -> None:
    first = new_log(Run(tmp_path), "gelu")
    first.write_text("hello\n")
    second = new_log(Run(tmp_path), "gelu")
    assert (first.name, second.name) == ("gelu.0.log", "gelu.1.log")


def test_an_empty_one_is_removed(tmp_path: Path) -> None:
    log = new_log(Run(tmp_path), "gelu")
    log.touch()
    end_log(log)
    assert not log.exists()


def test_paths_of_the_machine_are_shortened(tmp_path: Path) -> None:
    log = new_log(Run(tmp_path), "gelu")
    log.write_bytes(b'  File "/home/ann/ops/op.py", line 3\nand \xff more\n')
    end_log(log)
    assert log.read_text() == '  File "op.py", line 3\nand \ufffd more\n'
