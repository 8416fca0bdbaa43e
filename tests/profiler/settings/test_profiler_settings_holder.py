"""A GPU's settings are changed, and put back as they were."""

from pathlib import Path

import pytest

from moeprof.profiler.settings.holder import hold
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.settings.gpu_state import set_to

STEADY = [(0, 480e3, 40.0, 1755, 0), (10, 480e3, 40.0, 1755, 0)]
UNTOUCHED = (1755, 700_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The file of what root has set."""
    return tmp_path / "set"


def refuse_to_be_called() -> None:
    raise AssertionError("the settings were not changed, and are held all the same")


@pytest.mark.parametrize(
    ("clock_mhz", "limit_w", "meanwhile"),
    [
        (1200, None, (1200, 700_000)),
        (None, 400, (1755, 400_000)),
        (1200, 400, (1200, 400_000)),
    ],
)
def test_settings_are_held_until_told_and_put_back(
    simulate: fake.Simulate,
    root: Path,
    clock_mhz: int | None,
    limit_w: int | None,
    meanwhile: tuple[int, int],
) -> None:
    seen: list[object] = []
    with simulate(STEADY, root=root):
        hold(fake.UUID, clock_mhz, limit_w, lambda: seen.append(set_to()))
        assert seen == [meanwhile]
        assert set_to() == UNTOUCHED


def test_a_limit_that_was_set_before_comes_back(simulate: fake.Simulate, root: Path) -> None:
    root.write_text("0 500000\n")
    with simulate(STEADY, root=root):
        hold(fake.UUID, None, 400, lambda: None)
        assert set_to() == (1755, 500_000)


def test_a_clock_that_the_gpu_lacks_leaves_the_limit_as_it_was(
    simulate: fake.Simulate, root: Path
) -> None:
    with simulate(STEADY, root=root):
        with pytest.raises(BadInput, match="no SM clock of 5000 MHz"):
            hold(fake.UUID, 5000, 400, refuse_to_be_called)
        assert set_to() == UNTOUCHED


def test_a_limit_that_the_gpu_lacks_is_refused_with_those_that_it_has(
    simulate: fake.Simulate, root: Path
) -> None:
    with simulate(STEADY, root=root), pytest.raises(BadInput, match="no power limit of 900 W") as e:
        hold(fake.UUID, None, 900, refuse_to_be_called)
    assert e.value.hint == "it takes 200 to 700 W"


@pytest.mark.parametrize(
    ("settings", "option"), [((1200, None), "--lock-clocks"), ((None, 400), "--power-limits")]
)
def test_without_permission_it_says_so_and_changes_nothing(
    simulate: fake.Simulate, settings: tuple[int | None, int | None], option: str
) -> None:
    with simulate(STEADY):
        with pytest.raises(CannotMeasure, match="cannot be") as caught:
            hold(fake.UUID, *settings, refuse_to_be_called)
        assert caught.value.hint == f"run as root, or measure without {option}"
        assert set_to() == UNTOUCHED


def test_a_gpu_that_is_lost_meanwhile_is_no_error(simulate: fake.Simulate, root: Path) -> None:
    def lose() -> None:
        clock.set_ns(5_000_000_000)

    with simulate(STEADY, root=root, errors="nvmlDevice=15@4") as clock:
        hold(fake.UUID, 1200, 400, lose)
