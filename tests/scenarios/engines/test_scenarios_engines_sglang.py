"""SGLang's adapter against stand-ins with the signatures of 0.5.5 and 0.5.23."""

from dataclasses import replace

import pytest
import torch

from moeprof.scenarios.engines.sglang import OPERATION, started
from moeprof.tests.scenarios.engines.sglang_package import VERSIONS, install_sglang
from moeprof.tests.scenarios.engines.stand_ins import LAYER, assert_computes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("activation", ["silu", "gelu", "clipped"])
def test_sglang_computes_the_routed_experts(
    monkeypatch: pytest.MonkeyPatch, version: str, activation: str
) -> None:
    install_sglang(monkeypatch, version)
    assert_computes(OPERATION, replace(LAYER, activation=activation))


def test_a_process_begins_once_with_a_dummy_model_and_one_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = install_sglang(monkeypatch, "0.5.23")
    started.cache_clear()
    for _ in range(2):
        started(torch.device("cuda:3"))
    arguments, ranks, groups = told
    assert arguments == {"model_path": "dummy"}
    assert (ranks["world_size"], ranks["rank"], ranks["local_rank"]) == (1, 0, 3)
    assert groups == {}
