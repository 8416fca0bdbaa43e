"""Before a sweep: who has the device, whether it is quiet, and how long that is waited for."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from moeprof.pipeline.measure.quiet import Patience, await_quiet, own_device, tell
from moeprof.profiler.lock import LOCK_DIR, SweepRunning, device_lock
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Surroundings
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.pipeline.conftest import Listener

QUIET = Surroundings(cores=2, other_cores=0.1, load_average=0.4)
BUSY = Surroundings(cores=2, other_cores=1.9, load_average=6.9)
LAPTOP = Surroundings(cores=8, other_cores=0.1, governors=("powersave",))
TOLD = "other processes on 1.9 of 2 cores (load 6.9)"


class Seeing:
    """A watch that sees one thing after the other, and the last again and again."""

    def __init__(self, *seen: Surroundings | None) -> None:
        self.seen = list(seen)

    def begin(self, processes: Collection[int] = ()) -> Callable[[], Surroundings | None]:
        return lambda: self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOCK_DIR, str(tmp_path))


def told(seen: Surroundings | None, *, hint: bool = True) -> tuple[list[str], list[str]]:
    listener = Listener()
    tell(seen, listener, hint=hint)
    return listener.notices, listener.warnings


def test_a_quiet_machine_is_told_in_one_line() -> None:
    assert told(QUIET) == (["quiet: other processes on 0.1 of 2 cores; load 0.4"], [])


def test_a_busy_machine_is_a_warning_with_a_way_out() -> None:
    sentence = f"not quiet: {TOLD}: times will be in doubt, and points are flagged"
    assert told(BUSY) == ([], [f"{sentence}; --wait 10m waits for quiet"])
    assert told(BUSY, hint=False) == ([], [sentence])


def test_what_is_not_known_is_not_told() -> None:
    assert told(None) == ([], [])
    assert told(Surroundings()) == ([], [])


def test_a_standing_condition_is_told_beside_and_waits_for_nothing(listener: Listener) -> None:
    notices, warnings = told(LAPTOP)
    assert [one.partition(":")[0] for one in notices] == ["quiet", "machine"]
    assert warnings == []
    assert await_quiet(Seeing(LAPTOP), Patience(600.0, listener, FakeClock())) is LAPTOP


def test_without_patience_one_look_is_enough(listener: Listener) -> None:
    assert await_quiet(Seeing(BUSY, QUIET), Patience(None, listener, FakeClock())) is BUSY
    assert listener.notices == []


def test_quiet_is_waited_for_and_the_wait_is_told(listener: Listener) -> None:
    clock = FakeClock()
    assert await_quiet(Seeing(*[BUSY] * 50, QUIET), Patience(600.0, listener, clock)) is QUIET
    first, second = listener.notices  # one a minute
    assert first == f"waiting 600 s at most: {TOLD}"
    assert second == f"waiting 540 s at most: {TOLD}"
    assert 100 <= clock.monotonic_ns() / 1e9 < 130


def test_a_machine_that_stays_busy_is_measured_in_the_end(listener: Listener) -> None:
    clock = FakeClock()
    assert await_quiet(Seeing(BUSY), Patience(600.0, listener, clock)) is BUSY
    assert clock.monotonic_ns() / 1e9 == pytest.approx(600, abs=1)


def test_a_free_device_is_locked_in_the_block(listener: Listener) -> None:
    with own_device(None, "mine", listener, RunOptions()) as own:
        assert own.locks
        with pytest.raises(SweepRunning, match="run mine"), device_lock(None, "other"):
            pass
    with device_lock(None, "other"):
        pass


def test_a_second_sweep_is_refused_with_the_run_that_has_the_device(listener: Listener) -> None:
    with (
        device_lock(None, "theirs"),
        pytest.raises(SweepRunning, match="run theirs, pid") as refused,
        own_device(None, "mine", listener, RunOptions()),
    ):
        pass
    assert "--wait" in refused.value.hint
    assert "--force" in refused.value.hint


def test_a_sweep_that_is_waited_for_gives_its_device_up(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's sweep ends while this one sleeps."""
    theirs = device_lock(None, "theirs")
    theirs.__enter__()
    clock = FakeClock()

    def sleep_until(time_ns: int) -> None:
        theirs.__exit__(None, None, None)
        monkeypatch.undo()

    monkeypatch.setattr(clock, "sleep_until", sleep_until)
    with own_device(None, "mine", listener, RunOptions(wait_s=60.0), clock) as own:
        assert own.locks
    assert "another sweep is measuring" in listener.notices[0]
    assert "run theirs" in listener.notices[0]


def test_a_sweep_that_goes_on_for_longer_is_refused_in_the_end(listener: Listener) -> None:
    clock, options = FakeClock(), RunOptions(wait_s=60.0)
    with (
        device_lock(None, "theirs"),
        pytest.raises(SweepRunning) as refused,
        own_device(None, "mine", listener, options, clock),
    ):
        pass
    assert "--wait" not in refused.value.hint  # that was tried
    assert "--force" in refused.value.hint
    assert clock.monotonic_ns() / 1e9 == pytest.approx(60, abs=1)


def test_force_measures_beside_the_other_and_everything_says_so(listener: Listener) -> None:
    with (
        device_lock(None, "theirs"),
        own_device(None, "mine", listener, RunOptions(force=True)) as own,
    ):
        assert own.locks == ()
        seen = own.watch.begin()()
    assert seen is not None
    assert seen.beside_sweep
    assert "run theirs" in listener.warnings[0]
    assert "every point is flagged" in listener.warnings[0]


def test_force_alone_on_a_device_is_a_sweep_like_any_other(listener: Listener) -> None:
    with own_device(None, "mine", listener, RunOptions(force=True)) as own:
        assert own.locks
        seen = own.watch.begin()()
    assert seen is not None
    assert not seen.beside_sweep
    assert listener.warnings == []


def test_a_folder_of_locks_that_is_none_is_refused_at_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither time nor force makes up for it."""
    monkeypatch.setenv(LOCK_DIR, "/nowhere/at/all")
    options = RunOptions(wait_s=60.0, force=True)
    with (
        pytest.raises(BadInput, match="/nowhere/at/all"),
        own_device(None, "mine", listener, options, FakeClock()),
    ):
        pass
    assert listener.notices == []
