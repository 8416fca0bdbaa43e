"""Predictions have parts that add up, energy, intervals, and flags for what no row had."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moeprof.costmodel.steptime.best_method import METHODS
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.prediction.from_file import found_score
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.store.document import read_document, write_document
from moeprof.store.serving.step_time_model import Method, StepTimeFile
from moeprof.tests.costmodel.steptime.prediction.sixteen import file_of_sixteen
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    many_deployments,
    mixed_steps,
    rows_of,
    served,
    timed_rows,
)

ROOT = Path(__file__).parents[4]
STEPS = mixed_steps([1.0, 4.0, 8.0])


@pytest.fixture(scope="module")
def file() -> StepTimeFile:
    """A model of sixteen deployments."""
    return file_of_sixteen()


def test_a_file_that_was_read_predicts_the_same(file: StepTimeFile, tmp_path: Path) -> None:
    write_document(tmp_path / "step_time_model.json", file)
    again = read_document(tmp_path / "step_time_model.json", StepTimeFile)
    assert again == file
    first, second = (predict_steps(one, served(), STEPS) for one in (file, again))
    assert (first.step_us == second.step_us).all()


def test_energy_is_power_times_time_over_tokens(file: StepTimeFile) -> None:
    found = predict_steps(file, served(MIXTRAL_8X7B, "H200"), STEPS)
    assert found.power_w is not None
    assert found.j_per_token is not None
    assert found.power_w == pytest.approx([420] * 3, rel=0.1)
    assert found.j_per_token * found.tokens_per_s == pytest.approx(found.power_w)


def test_what_no_row_had_is_named(file: StepTimeFile) -> None:
    known = predict_steps(file, served(), STEPS)
    assert (known.unseen, known.beyond) == ((), ({}, {}, {}))
    other = replace(LLAMA_3_8B, name="another")
    found = predict_steps(file, served(other, "L40S", engine="new"), decode_steps([4096.0]))
    assert found.unseen == ("model another", "GPU L40S", "engine new")
    assert "kv" in found.beyond[0]
    assert found.low_us is not None
    assert found.high_us is not None
    assert found.low_us[0] < found.step_us[0] < found.high_us[0]


def test_what_lies_beyond_the_rows_is_told_by_how_much(file: StepTimeFile) -> None:
    """Rows ran 8 requests at most, of 1000 tokens; none was in two groups."""
    far = predict_steps(file, served(), decode_steps([80.0])).beyond[0]
    assert far["requests"] == pytest.approx(10)
    parted = served(MIXTRAL_8X7B, "H100", split=Split(ep=2, dp=2))
    assert predict_steps(file, parted, STEPS).beyond[0]["all_to_all"] is None


def test_what_lies_below_the_rows_is_told_by_how_much(file: StepTimeFile) -> None:
    """Below the smallest is a share of it, 0 where a step has none; within 1 % is not beyond."""
    fit = file.steps["mean"]
    kv_us = float(columns_of(as_rows(served(), STEPS))["kv"][0])
    narrow = fit.domain | {"kv": (10 * kv_us, 1e9), "all_to_all": (1.0, 2.0)}
    near = fit.domain | {"kv": (1.005 * kv_us, 1e9)}
    low, close = (
        predict_steps(replace(file, steps={"mean": replace(fit, domain=one)}), served(), STEPS)
        for one in (narrow, near)
    )
    assert low.beyond[0] == {"kv": pytest.approx(0.1), "all_to_all": 0}
    assert close.beyond[0] == {}


def test_a_gpu_without_rows_of_power_is_named(file: StepTimeFile) -> None:
    assert file.power is not None
    others = {name: one for name, one in file.power.by_gpu.items() if name != "H100"}
    without = replace(file, power=replace(file.power, by_gpu=others))
    assert predict_steps(without, served(), STEPS).unseen == ("power of the GPU H100",)
    assert predict_steps(replace(file, power=None), served(), STEPS).power_w is None


def test_an_added_part_makes_the_step_longer_and_the_gpu_idle(file: StepTimeFile) -> None:
    plain = predict_steps(file, served(), STEPS)
    offloaded = EngineSettings(cpu_offload_bytes=8e9)
    added = predict_steps(file, served(), STEPS, settings=offloaded)
    assert added.step_us == pytest.approx(plain.step_us + added.parts_us["offload"])
    assert (added.parts_us["offload"] > plain.step_us).all()
    assert sum(added.parts_us.values()) == pytest.approx(added.step_us)
    assert added.j_per_token is not None
    assert plain.j_per_token is not None
    assert (added.j_per_token > plain.j_per_token).all()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_predicts_by_parts_that_add_up(method: Method) -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    file = build_step_time(rows, Refused(64, {}), {}, "mean", method)
    found = predict_steps(file, served(), STEPS)
    assert sum(found.parts_us.values()) == pytest.approx(found.step_us)
    assert found_score(file, "mean") == file.steps["mean"].scores[method]


def test_steps_that_decode_alone_have_a_fit_of_their_own() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    rows = replace(rows, decode_us=0.5 * rows.step_us)
    both = build_step_time(rows, Refused(64, {}), {})
    one = build_step_time(rows, Refused(64, {}), {}, "mean")
    alone = decode_steps([1.0, 4.0, 8.0])
    own, other = (predict_steps(file, served(), alone) for file in (both, one))
    assert (own.target, other.target) == ("decode", "mean")
    assert own.step_us == pytest.approx(0.5 * other.step_us, rel=0.12)
    assert predict_steps(both, served(), STEPS).target == "mean"


def test_mean_steps_predict_what_steps_that_decode_alone_have_no_row_of() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    engine = np.asarray([one.engine for one in rows.deployments])[rows.which]
    one = build_step_time(rows, Refused(64, {}), {}, "mean")
    in_vllm = np.where(engine == "vllm", 0.5 * rows.step_us, np.nan)
    both = build_step_time(replace(rows, decode_us=in_vllm), Refused(64, {}), {})
    alone, sglang = decode_steps([1.0, 4.0, 8.0]), served(MIXTRAL_8X7B, "H200", engine="sglang")
    found = predict_steps(both, sglang, alone)
    assert (found.target, found.not_in_own_fit) == ("mean", ("engine sglang",))
    assert found.step_us == pytest.approx(predict_steps(one, sglang, alone).step_us)
    assert predict_steps(both, served(), alone).not_in_own_fit == ()


LOOK_UP = """
import json, sys
from pathlib import Path
import numpy as np
from moeprof.store.document import read_document
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.deployment import Split, deployment
from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.prediction.predict import predict_steps
file = read_document(Path(sys.argv[1]), StepTimeFile)
served = deployment(file.models[0], "H100", "bf16", "vllm", Split())
found = predict_steps(file, served, Steps.decode(np.ones(1), np.ones(1)))
names = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps([float(found.step_us[0]), names]))
"""


def test_a_prediction_loads_numpy_alone(file: StepTimeFile, tmp_path: Path) -> None:
    write_document(tmp_path / "a.json", file)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".path")}
    command = [sys.executable, "-c", LOOK_UP, str(tmp_path / "a.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    step_us, loaded = json.loads(done.stdout)
    assert step_us > 0
    assert set(loaded).isdisjoint({"pandas", "pyarrow", "scipy", "torch"})
