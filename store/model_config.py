"""A published model's `config.json`, as Hugging Face's transformers writes it.

This is the one reader of such files. Models name the same size by different keys; KEYS lists them,
and a new field needs one line there and one in ModelConfig.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from .errors import BadInput
from .files import read_text

# Keys of config.json by field of ModelConfig; the first key with a value counts.
KEYS: Final = {
    "model_type": ("model_type",),
    "architectures": ("architectures",),
    "hidden_size": ("hidden_size",),
    "intermediate_size": ("intermediate_size",),
    "expert_intermediate_size": ("moe_intermediate_size",),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "top_k": ("num_experts_per_tok", "experts_per_token"),
    "shared_experts": ("n_shared_experts", "num_shared_experts"),
    "layers": ("num_hidden_layers",),
    "attention_heads": ("num_attention_heads",),
    "key_value_heads": ("num_key_value_heads",),
    "head_dimension": ("head_dim",),
    "vocabulary_size": ("vocab_size",),
    "dtype": ("dtype", "torch_dtype"),
    "quantization": ("quantization_config",),
}
# A multimodal model has its sizes in text_config; these keys may stand beside it alone.
_OUTER_FIELDS: Final = ("model_type", "architectures", "dtype")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The fields of a config.json that moeprof uses.

    A field is None if the file lacks it, or has null, 0 or an empty value there: a config writes 0
    experts for a dense model. Other values are as in the file, and their types are not checked:
    whoever needs a size checks it. `intermediate_size` is the inner width of a dense layer, or of
    an expert where the model has no `expert_intermediate_size`. `quantization` is the object as it
    stands.
    """

    model_type: Any = None
    architectures: Any = None
    hidden_size: Any = None
    intermediate_size: Any = None
    expert_intermediate_size: Any = None
    experts: Any = None
    top_k: Any = None
    shared_experts: Any = None
    layers: Any = None
    attention_heads: Any = None
    key_value_heads: Any = None
    head_dimension: Any = None
    vocabulary_size: Any = None
    dtype: Any = None
    quantization: Any = None

    def size(self, *names: str) -> Any:
        """Return the first of these fields that the file has, or None."""
        return next((value for name in names if (value := getattr(self, name)) is not None), None)


def read_model_config(path: Path) -> ModelConfig:
    """Read a config.json.

    The sizes of a multimodal model come from its text_config, unless experts are named outside it.
    Raises BadInput if the file cannot be read, is not JSON or holds no object.
    """
    try:
        config = json.loads(read_text(path))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadInput(f"{path} is no config.json of a model: it holds no object")
    config = _text_model(config)
    return ModelConfig(**{field.name: _first(config, field.name) for field in fields(ModelConfig)})


def keys_of(*names: str) -> list[str]:
    """Keys of config.json that stand for these fields of ModelConfig, in the order tried."""
    return [key for name in names for key in KEYS[name]]


def _text_model(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that describes the language model."""
    nested = config.get("text_config")
    if not isinstance(nested, dict) or _first(config, "experts") is not None:
        return config
    outer = {key: config.get(key) for key in keys_of(*_OUTER_FIELDS)}
    return outer | {key: value for key, value in nested.items() if value is not None}


def _first(config: dict[str, Any], name: str) -> Any:
    return next((config[key] for key in KEYS[name] if config.get(key)), None)
