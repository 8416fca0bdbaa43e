"""A run whose recordings hold made-up times: 10 us and 1 us per token, exactly."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.scenarios.catalogue import OPERATIONS
from moeprof.scenarios.preset import Preset, load_preset, to_toml
from moeprof.store.document import write_document
from moeprof.store.files import write_whole
from moeprof.store.plan import OpPlan
from moeprof.store.recording import PointTiming
from moeprof.store.run import Run
from moeprof.store.scenario import Scenario
from moeprof.tests.builders import make_plan, make_provenance, make_recording

SIZES = tuple(range(1, 33))
HELD_OUT = SIZES[2:30:4]


def write_linear_run(
    folder: Path, name: str = "gelu", slower: int = 1, preset: Preset | None = None
) -> Run:
    """Write a run of one operation on a CPU that is recorded, and not parsed.

    Its calls take `slower` times `latency_us`. `preset` is "small" where it is None.
    """
    run, preset = Run(folder), preset or load_preset("small")
    operation = OPERATIONS[name]
    scenarios = [operation.scenario(preset, tokens, "float32", "cold") for tokens in SIZES]
    op = OpPlan(name, scenarios[0].curve, SIZES, _without(HELD_OUT), HELD_OUT)
    write_whole(run.preset_path, to_toml(preset))
    write_document(run.provenance_path, make_provenance())
    timings = [_timing(one, repeat, slower) for one in scenarios for repeat in _repeats(one.tokens)]
    run.keep(make_recording(timings, op=name, unit=f"{name}.0", scenarios=tuple(scenarios)))
    write_document(run.plan_path, replace(make_plan(), run_id=folder.name, ops=(op,)))
    return run


def latency_us(tokens: int) -> float:
    return 10.0 + tokens


def _without(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in SIZES if size not in sizes)


def _repeats(tokens: int) -> range:
    return range(2 if tokens in HELD_OUT else 1)


def _timing(scenario: Scenario, repeat: int, slower: int) -> PointTiming:
    call_ns = round(1000 * slower * latency_us(scenario.tokens)) + repeat  # repeats differ by 1 ns
    return PointTiming(scenario.key, repeat, 20, (call_ns,) * 20, 0, 1)


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    """Give a run that is only recorded."""
    return write_linear_run(tmp_path / "recorded")


class Listener:
    """A RunProgress that keeps what it receives."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.warnings: list[str] = []
        self.points: list[tuple[str, int]] = []
        self.ended_after: int | None = None

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        self.points.append((op, tokens))

    def end(self, done: int, total: int) -> None:
        self.ended_after = done


@pytest.fixture
def listener() -> Listener:
    return Listener()
