"""The folders below raw/ that may hold a recording."""

from pathlib import Path

from moeprof.store.disk.temporary import PREFIX
from moeprof.store.recorded.units import RECORDING_FILE, may_hold, recorded_units


def test_units_are_listed_in_order_without_files_and_what_is_not_finished(tmp_path: Path) -> None:
    for unit in ("b/2", "a/1", "a/3", f"a/{PREFIX}x"):
        (tmp_path / unit).mkdir(parents=True)
        (tmp_path / unit / RECORDING_FILE).touch()
    (tmp_path / "a" / "unfinished").mkdir()
    (tmp_path / "a" / "file").touch()
    (tmp_path / "file").touch()
    assert recorded_units(tmp_path) == [tmp_path / unit for unit in ("a/1", "a/3", "b/2")]
    assert recorded_units(tmp_path / "none") == []


def test_what_leads_nowhere_may_hold_one(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("/none/such")
    assert may_hold(tmp_path / "loop")
    assert may_hold(tmp_path / "gone")
    assert not may_hold(tmp_path / "none")
