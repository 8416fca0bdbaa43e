"""SGLang's adapter for packed weights against stand-ins with the signatures of both versions."""

from dataclasses import replace

import pytest

from moeprof.scenarios.engines.sglang_packed import OPERATION
from moeprof.tests.scenarios.engines.sglang_package import VERSIONS, install_sglang
from moeprof.tests.scenarios.engines.stand_ins import LAYER, assert_computes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("activation", ["silu", "gelu"])
@pytest.mark.parametrize("bits", [4, 8])
def test_sglang_computes_the_routed_experts_on_packed_weights(
    monkeypatch: pytest.MonkeyPatch, version: str, activation: str, bits: int
) -> None:
    install_sglang(monkeypatch, version)
    assert_computes(OPERATION, replace(LAYER, activation=activation, weight_bits=bits))
