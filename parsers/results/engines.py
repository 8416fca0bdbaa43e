"""The serving engine that a benchmark's client names, and its version in the name of an image."""

import re
from typing import Final

# What clients call their backends. One that speaks a protocol of many servers names no engine.
_ENGINES: Final = {
    "vllm": "vllm",
    "sglang": "sglang",
    "trt": "trtllm",
    "trtllm": "trtllm",
    "tensorrt-llm": "trtllm",
    "lmdeploy": "lmdeploy",
    "tgi": "tgi",
    "deepspeed-mii": "deepspeed",
    "llama.cpp": "llamacpp",
    "atom": "atom",
    "tilert": "tilert",
}
_PROTOCOLS: Final = ("-chat", "-completions", "-native", "-oai", "-pooling")
_VERSION: Final = re.compile(r"[:-]v?(\d+\.\d+[\w.]*)")


def engine_of(backend: str | None) -> str | None:
    """The engine of a client's backend ("sglang-oai-chat"); None where it names none ("openai")."""
    name = (backend or "").lower()
    while any(name.endswith(end) for end in _PROTOCOLS):
        name = name.rsplit("-", 1)[0]
    return _ENGINES.get(name)


def version_of_image(image: str | None) -> str | None:
    """The version in a container image's tag ("vllm/vllm-openai:v0.13.0"); None where none is."""
    found = _VERSION.search((image or "").rsplit("/", 1)[-1])
    return found[1] if found else None
