"""What a fit has rows of, and on which GPUs."""

from dataclasses import replace

from moeprof.costmodel.steptime.known.asked import asked_of
from moeprof.store.serving.step_time_model import PhysicsTerms
from moeprof.tests.costmodel.steptime.known.one_fit import FIT
from moeprof.tests.costmodel.steptime.whole_models import served


def test_a_kind_without_rows_is_not_known() -> None:
    told = {one.kind: one.is_known for one in asked_of(FIT, served(gpu="L40S", engine="new"))}
    assert told == {"model": True, "GPU": False, "engine": False, "precision": True}


def test_an_engine_with_rows_on_other_vendors_gpus_alone_is_unseen() -> None:
    terms = PhysicsTerms(
        {},
        {"trtllm": {}, "vllm": {}},
        {},
        by_vendor={"AMD": {}, "sglang on AMD": {}, "vllm on AMD": {}},
    )
    fit = replace(FIT, method="physics", physics=terms, engines=("sglang", "trtllm", "vllm"))
    unseen = [
        one.name
        for gpu in ("H100", "MI300X")
        for engine in (*fit.engines, "new")
        for one in asked_of(fit, served(gpu=gpu, engine=engine))
        if one.kind == "engine" and not one.is_known
    ]
    assert unseen == ["sglang on NVIDIA", "new", "trtllm on AMD", "new"]
    simpler = replace(fit, physics=None)
    engines = [one for one in asked_of(simpler, served(engine="sglang")) if one.kind == "engine"]
    assert engines[0].is_known
