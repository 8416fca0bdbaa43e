"""Columns beyond the rows of a fit are named, with how far they are."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.known.beyond import beyond_rows, domain_of
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.known.one_fit import FIT


def test_what_is_beyond_is_told_for_each_step() -> None:
    domain = {"kv": (100.0, 400.0), "logits": (0.0, 0.0)}
    columns = {"kv": np.asarray([50.0, 99.5, 400.0, 800.0]), "logits": np.asarray([0, 0, 0, 1.0])}
    assert beyond_rows(domain, columns) == ({"kv": 0.5}, {}, {}, {"kv": 2.0, "logits": None})


def test_prompts_of_steps_that_decode_alone_end_where_those_of_mean_steps_do() -> None:
    mean = replace(FIT, domain={"kv": (1.0, 2.0), "prefill_sent": (4.0, 9.0)})
    decode = replace(FIT, domain={"kv": (3.0, 4.0), "prefill_sent": (0.0, 0.0)})
    file = StepTimeFile(
        steps={"mean": mean, "decode": decode}, absent={}, models=(), gpus=(), power=None,
        refused={}, left_out={}, files={}, fingerprints="",
    )  # fmt: skip
    assert domain_of(file, "decode") == {"kv": (3.0, 4.0), "prefill_sent": (0.0, 9.0)}
    assert domain_of(file, "mean") == mean.domain
    assert domain_of(replace(file, steps={"decode": decode}), "decode") == decode.domain
