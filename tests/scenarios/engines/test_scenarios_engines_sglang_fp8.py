"""SGLang's adapter for fp8 weights against stand-ins with the signatures of both versions."""

from dataclasses import replace

import pytest

from moeprof.scenarios.engines.sglang_fp8 import OPERATION
from moeprof.tests.scenarios.engines.sglang_package import VERSIONS, install_sglang
from moeprof.tests.scenarios.engines.stand_ins import IN_BLOCKS, assert_computes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("activation", ["silu", "gelu"])
def test_sglang_computes_the_routed_experts_on_fp8_weights(
    monkeypatch: pytest.MonkeyPatch, version: str, activation: str
) -> None:
    install_sglang(monkeypatch, version)
    assert_computes(OPERATION, replace(IN_BLOCKS, activation=activation))
