"""The longest request that a model's config.json allows, as engines derive it."""

from collections.abc import Mapping
from typing import Any, Final

from .families import family
from .model_config import ModelConfig

# The smallest of these counts (vLLM at 0052a5b, vllm/config/model.py, _get_and_verify_max_len).
_LENGTHS: Final = (
    "max_position_embeddings",
    "n_positions",  # GPT-2
    "max_seq_len",  # MPT
    "seq_length",  # ChatGLM
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
_STATED: Final = "model_max_length"  # Command R's, which counts before all others
# Kinds of scaled positions whose files state the length that is reached.
_REACHED: Final = ("default", "su", "longrope", "llama3", "mrope")
_LONGEST: Final = 1e12
_ROPE: Final = ("rope_parameters", "rope_scaling")  # transformers 5, and before


def max_context_tokens(config: ModelConfig) -> int | None:
    """Tokens of prompt and output together; None where the file has no such key.

    Positions that are scaled by a factor reach that much further: from the length before scaling
    with YaRN, else from the one that the file states. Gemma 3's states what is reached.
    """
    section = config.section
    lengths = [section[key] for key in _LENGTHS if _is_length(section.get(key))]
    if _is_length(section.get(_STATED)):
        lengths = [section[_STATED]]
    if not lengths:
        return None
    length = min(lengths)
    if family(config) == "gemma3":
        return int(length)
    factor = 1.0
    for rope in _scalings(section):
        kind = rope.get("rope_type", rope.get("type"))
        if kind in _REACHED or not _is_length(rope.get("factor")):
            continue
        factor = rope["factor"]
        before = rope.get("original_max_position_embeddings")
        if kind == "yarn" and _is_length(before):
            length = before
    return int(length * factor)


def _scalings(section: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How positions are scaled: once for all layers, or by kind of layer."""
    found = next((one for key in _ROPE if isinstance(one := section.get(key), dict)), {})
    by_kind = [one for one in found.values() if isinstance(one, dict)]
    return by_kind or [found]


def _is_length(value: Any) -> bool:
    return type(value) in (int, float) and 1 <= value <= _LONGEST
