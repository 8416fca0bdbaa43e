"""All targets, and how many cases each gets. A new file of targets is listed here."""

from collections.abc import Mapping, Sequence

from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.targets import (
    comparing,
    imports,
    models,
    power,
    presets,
    runs,
    serving,
    serving_traces,
    step_inputs,
    steptime,
    traces,
)

FILES = (
    traces, imports, presets, models, runs, power, comparing, serving, steptime, serving_traces,
    step_inputs,
)  # fmt: skip
TARGETS: tuple[Target, ...] = tuple(target for file in FILES for target in file.TARGETS)


def shares(cases: int, targets: Sequence[Target] = TARGETS) -> Mapping[str, int]:
    """Number of cases by target: at least `cases` together, by the targets' shares."""
    total = sum(target.share for target in targets)
    return {target.name: -(-cases * target.share // total) for target in targets}
