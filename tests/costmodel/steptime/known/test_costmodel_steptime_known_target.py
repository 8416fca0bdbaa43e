"""Steps that decode alone have the fit that knows the deployment."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.known.target import (
    is_bounded,
    single_target_of,
    target_of,
    unknown_to_own_fit,
)
from moeprof.store.serving.step_time_model import PhysicsTerms, StepFit, StepTimeFile, Target
from moeprof.tests.costmodel.steptime.known.one_fit import FIT
from moeprof.tests.costmodel.steptime.whole_models import decode_steps, mixed_steps, served

ALONE, MIXED = decode_steps([8.0]), mixed_steps([8.0])
WIDER = replace(FIT, engines=("trtllm", "vllm"), gpus=("B200", "H100", "H200"))

PHYSICS = PhysicsTerms({}, {"trtllm": {}, "vllm": {}}, {})


def file_of(**steps: StepFit) -> StepTimeFile:
    """A file of these fits."""
    kinds: dict[Target, StepFit] = {}
    if "mean" in steps:
        kinds["mean"] = steps["mean"]
    if "decode" in steps:
        kinds["decode"] = steps["decode"]
    return StepTimeFile(
        steps=kinds, absent={}, models=(), gpus=(), power=None, refused={}, left_out={}, files={},
        fingerprints="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gpu", "engine", "target"),
    [
        ("H100", "vllm", "decode"),
        ("L40S", "new", "decode"),
        ("H100", "trtllm", "mean"),
        ("B200", "vllm", "mean"),
    ],
)
def test_steps_that_decode_alone_have_the_fit_with_more_of_the_deployment(
    gpu: str, engine: str, target: Target
) -> None:
    file = file_of(mean=WIDER, decode=FIT)
    assert target_of(file, served(gpu=gpu, engine=engine), ALONE) == target


def test_the_engine_counts_before_the_gpu() -> None:
    """Mean steps have the engine and not the GPU, those that decode alone the GPU and not it."""
    file = file_of(mean=replace(FIT, engines=("trtllm",)), decode=replace(WIDER, engines=("vllm",)))
    asked = served(gpu="B200", engine="trtllm")
    assert target_of(file, asked, ALONE) == "mean"
    assert unknown_to_own_fit(file, "mean", asked, ALONE) == ("engine trtllm",)


def test_no_choice_is_left_with_prompts_or_one_fit() -> None:
    asked = served(gpu="B200", engine="trtllm")
    both = file_of(mean=FIT, decode=WIDER)
    assert target_of(both, asked, MIXED) == "mean"
    assert unknown_to_own_fit(both, "mean", asked, MIXED) == ()
    assert unknown_to_own_fit(both, "decode", asked, MIXED) == ("engine trtllm", "GPU B200")
    assert target_of(file_of(mean=WIDER), asked, ALONE) == "mean"
    assert target_of(file_of(decode=FIT), asked, ALONE) == "decode"


def test_what_makes_mean_steps_predict_is_named() -> None:
    file, asked = file_of(mean=WIDER, decode=FIT), served(gpu="B200", engine="trtllm")
    told = unknown_to_own_fit(file, "mean", asked, ALONE)
    assert told == ("engine trtllm", "GPU B200")
    assert unknown_to_own_fit(file, "decode", served(), ALONE) == ()


@pytest.mark.parametrize(
    ("engine", "target"), [("trtllm", "decode"), ("vllm", "mean"), ("new", "mean")]
)
def test_mean_steps_of_what_decode_steps_alone_have_are_told_by_their_physics(
    engine: str, target: Target
) -> None:
    """It has what prompts take from mean steps; another form knows no prompts."""
    file = file_of(mean=FIT, decode=replace(WIDER, physics=PHYSICS))
    assert target_of(file, served(engine=engine), MIXED) == target
    other = file_of(mean=FIT, decode=WIDER)
    assert target_of(other, served(engine=engine), MIXED) == "mean"


def test_single_steps_have_one_fit_with_and_without_prompts() -> None:
    fits = (replace(FIT, physics=PHYSICS), replace(FIT, physics=PHYSICS))
    file, asked = file_of(mean=fits[0], decode=fits[1]), served()
    assert [single_target_of(file, asked, prompts=one) for one in (False, True)] == ["decode"] * 2
    wider = file_of(mean=replace(WIDER, physics=PHYSICS), decode=fits[1])
    asked = served(engine="trtllm")
    assert [single_target_of(wider, asked, prompts=one) for one in (False, True)] == ["mean"] * 2


def test_another_form_tells_prompts_of_single_steps_by_mean_steps() -> None:
    file, asked = file_of(mean=FIT, decode=FIT), served()
    told = [single_target_of(file, asked, prompts=one) for one in (False, True)]
    assert told == ["decode", "mean"]


def test_mean_steps_bound_decode_steps_where_they_know_the_deployment_as_well() -> None:
    mean, decode = replace(WIDER, physics=PHYSICS), replace(FIT, physics=PHYSICS)
    assert is_bounded(file_of(mean=mean, decode=decode), served())
    assert not is_bounded(file_of(mean=decode, decode=mean), served(engine="trtllm"))
    assert not is_bounded(file_of(mean=mean, decode=FIT), served())
    assert not is_bounded(file_of(decode=decode), served())
