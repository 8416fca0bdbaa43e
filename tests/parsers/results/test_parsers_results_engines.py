"""A client's backend names an engine, or speaks a protocol of many."""

import pytest

from moeprof.parsers.results.engines import engine_of, version_of_image


@pytest.mark.parametrize(
    ("backend", "engine"),
    [
        ("vllm", "vllm"),
        ("vllm-chat", "vllm"),
        ("sglang-oai-chat", "sglang"),
        ("sglang-native", "sglang"),
        ("trt", "trtllm"),
        ("tensorrt-llm", "trtllm"),
        ("openai", None),
        ("openai-chat", None),
        (None, None),
    ],
)
def test_engines_by_backend(backend: str | None, engine: str | None) -> None:
    assert engine_of(backend) == engine


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("vllm/vllm-openai:v0.13.0", "0.13.0"),
        ("lmsysorg/sglang:v0.5.6.post1-rocm700-mi35x", "0.5.6.post1"),
        ("nvcr.io#nvidia/tensorrt-llm/release:1.2.0rc2", "1.2.0rc2"),
        ("vllm/vllm-openai:latest", None),
        (None, None),
    ],
)
def test_versions_by_image(image: str | None, version: str | None) -> None:
    assert version_of_image(image) == version
