"""An engine has one name, however it is spelled."""

import pytest

from moeprof.costmodel.steptime.features.engines import engine_name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("vLLM", "vllm"),
        ("vllm-v0", "vllm-v0"),
        ("SGLang", "sglang"),
        ("TRT-LLM", "trtllm"),
        ("TensorRT-LLM", "trtllm"),
        ("tensorrt_llm", "trtllm"),
        ("trtllm-2024", "trtllm-2024"),
        ("LMDeploy", "lmdeploy"),
    ],
)
def test_an_engine_has_one_name(words: str, name: str) -> None:
    assert engine_name(words) == name
