"""Kernels come from a cost model's file or its run, and others are refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.kernel_model import kernels_of
from moeprof.pipeline.steptime.predict import Asked, predict
from moeprof.store.errors import BadInput
from moeprof.store.recording import sha256_of
from moeprof.tests.costmodel.steptime.composition.kernel_folder import kernel_file, kernel_folder

REFERENCE = Path(__file__).parents[3] / "artifacts" / "reference" / "cpu-small"


def test_a_file_and_its_folder_are_the_same_kernels(tmp_path: Path) -> None:
    path = kernel_file(tmp_path)
    for given in (path, tmp_path):
        found = kernels_of(given)
        assert (found.device, found.sha256) == ("NVIDIA H200", sha256_of(path))


def test_a_model_of_a_cpu_is_refused() -> None:
    with pytest.raises(BadInput, match=r"cpu-small.*the kernel model: the GPU .* is unknown"):
        kernels_of(REFERENCE)


def test_a_prediction_blends_the_kernels_of_its_fit(tmp_path: Path) -> None:
    out, kernels = tmp_path / "m.json", kernel_file(tmp_path)
    file = fit_steps(kernel_folder(tmp_path), out, "mean", "physics", kernels)
    asked = Asked("llama-3-8b", "H200", "bf16", "vllm", 1, 1, 1, (1, 32), 800, 400)
    found = predict(out, replace(asked, kernel_model=kernels)).steps
    fit = file.steps["mean"].kernels
    assert fit is not None
    assert found.kernel_weight == fit.known.weight
    plain = predict(out, asked).steps.step_us
    same = found.step_us == pytest.approx(plain, rel=1e-9)
    assert same == (fit.known.weight == 0)
    assert sum(found.parts_us.values()) == pytest.approx(found.step_us)
    alone = predict(out, replace(asked, output_tokens=None, kernel_model=kernels)).steps
    assert alone.kernel_weight == fit.known.weight
    with pytest.raises(BadInput, match="is of NVIDIA H200, and the steps are of H100"):
        predict(out, replace(asked, gpu="H100", kernel_model=kernels))


def test_a_model_of_steps_that_was_fitted_without_kernels_is_refused(tmp_path: Path) -> None:
    out, kernels = tmp_path / "m.json", kernel_file(tmp_path)
    fit_steps(kernel_folder(tmp_path), out, "mean", "physics")
    asked = Asked("llama-3-8b", "H200", "bf16", "vllm", 1, 1, 1, (1,), 800, 400)
    with pytest.raises(BadInput, match="fitted without kernels") as caught:
        predict(out, replace(asked, kernel_model=kernels))
    assert "--kernel-model" in caught.value.hint
