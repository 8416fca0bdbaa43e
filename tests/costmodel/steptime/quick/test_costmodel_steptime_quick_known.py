"""A known configuration's steps in a simulator are those of the vectorised prediction."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.engine.offload import offload_us
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.simulator import Batch, Simulator, single_steps_of
from moeprof.store.serving.own_forms import OwnForm, OwnForms
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

OFFLOADED = EngineSettings(cpu_offload_bytes=4e9)
SERVED = (served(LLAMA_3_8B), served(MIXTRAL_8X7B, "H200"))
DOMAIN = ((2.0, 40.0), (300.0, 5000.0), (0.0, 20.0))


@pytest.fixture(scope="module")
def file() -> StepTimeFile:
    """A model of sixteen deployments, in which two have a line and a blackbox of their own."""
    found = build_step_time(timed_rows(rows_of(*many_deployments(), sizes=4)), Refused(64, {}), {})
    line = OwnForm(
        form="line", coefficients=(0.3, 0.1, -0.05, 0.02), domain=DOMAIN, errors={},
        log_error=0.1, rows=9,
    )  # fmt: skip
    blackbox = replace(line, form="blackbox", coefficients=(9000.0, 3.0, 120.0))
    forms = {SERVED[0].configuration: line, SERVED[1].configuration: blackbox}
    own = OwnForms(forms, {"90": 2.0}, {})
    return replace(found, steps={"mean": replace(found.steps["mean"], own=own)})


@pytest.fixture(scope="module")
def simulators(file: StepTimeFile) -> list[Simulator]:
    """One for each deployment, as it is and with weights offloaded."""
    return [Simulator.of(file, one, of) for one in SERVED for of in (EngineSettings(), OFFLOADED)]


@settings(deadline=None)
@given(
    at=st.integers(0, 3),
    contexts=st.lists(st.integers(1, 20_000), min_size=1, max_size=80),
    chunks=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 2048)), max_size=2),
)
def test_a_call_gives_what_the_prediction_gives(
    file: StepTimeFile,
    simulators: list[Simulator],
    at: int,
    contexts: list[int],
    chunks: list[tuple[int, int]],
) -> None:
    simulator, batch = simulators[at], Batch.of(contexts, chunks)
    assert simulator.is_quick
    steps, one = batch.steps(), SERVED[at // 2]
    single = single_steps_of(file, one, prompts=batch.prefill_tokens > 0)
    assert single.known is not None
    exact = single.step_us(as_rows(one, steps))
    exact += offload_us(one, steps, OFFLOADED) if at % 2 else 0.0
    assert simulator.step_us(batch) == pytest.approx(exact[0], rel=1e-9)


def test_prompts_alone_have_a_step_too(simulators: list[Simulator]) -> None:
    for simulator in simulators:
        assert np.isfinite(simulator.step_us(Batch.of([], [(0, 500)])))
