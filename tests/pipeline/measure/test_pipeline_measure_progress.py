"""Warnings are reported when they are found, and kept for the result."""

from moeprof.pipeline.measure.progress import SILENT, Warnings
from moeprof.tests.pipeline.conftest import Listener


def test_each_warning_is_reported_at_once_and_kept(listener: Listener) -> None:
    warnings = Warnings(listener)
    warnings.add(["first", "second"])
    assert listener.warnings == ["first", "second"]
    warnings.add([])
    warnings.add(["third"])
    assert warnings.texts == tuple(listener.warnings) == ("first", "second", "third")


def test_silence_keeps_the_warnings() -> None:
    warnings = Warnings(SILENT)
    warnings.add(["first"])
    assert warnings.texts == ("first",)
