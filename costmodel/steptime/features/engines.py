"""The one name of a serving engine, however it is spelled."""

import re
from typing import Final

_OTHER_NAMES: Final = {"trt": "trtllm", "tensorrtllm": "trtllm", "tensorrt": "trtllm"}
_KNOWN: Final = ("vllm", "sglang", "trtllm")


def engine_name(words: str) -> str:
    """Make vllm of "vLLM" and trtllm of "TensorRT-LLM"; other names lose their capitals."""
    lower = words.strip().casefold()
    reduced = re.sub("[^a-z0-9]", "", lower)
    name = _OTHER_NAMES.get(reduced, reduced)
    return name if name in _KNOWN else lower
