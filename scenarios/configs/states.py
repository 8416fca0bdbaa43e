"""Layers that keep a state of fixed size, from a config.json: their weights, FLOPs and states.

Per value of a state that is updated by each token, FLOPs are: 1 of decay, 2 of a product that is
added, 2 of reading; the delta rule reads it once more, 2. Sizes of states are those of vLLM at
02d7108 (model_executor/layers/mamba/mamba_utils.py), weights those of modeling_<name>.py in
transformers 5.24.
"""

from collections.abc import Callable
from typing import Any, Final

from ...store.errors import BadInput
from ...store.serving.whole_model import StateLayers
from .families import family
from .model_config import ModelConfig

_VALUE_BYTES: Final = 2  # a value of a state in the model's own type
_FLOAT32_BYTES: Final = 4
_STATE_TYPES: Final = ("mamba_ssm_cache_dtype", "mamba_ssm_dtype")
_UPDATE: Final = 5  # FLOPs per value of a state and token
_DELTA_UPDATE: Final = 7
STATES: Final = ("linear_attention", "mamba", "conv", "hybrid")


def state_layers(config: ModelConfig, hidden: int, kinds: list[str]) -> StateLayers | None:
    """The layers with a state among those of `kinds`; None where there are none.

    Raises BadInput where their kind is not known, and where a size is missing.
    """
    count = sum(kind in STATES for kind in kinds)
    if not count:
        return None
    kind = next((name for name, (applies, _) in _COUNTED.items() if applies(config, kinds)), None)
    if kind is None:
        raise BadInput(
            f"{config.path} has {count} layers of {next(one for one in kinds if one in STATES)},"
            f" of a kind that is not counted ({family(config)})",
            hint="describe the model in Python: moeprof.store.serving.whole_model.StateLayers",
        )
    parameters, flops, state_bytes = _COUNTED[kind][1](config, hidden)
    return StateLayers(kind, count, parameters, flops, state_bytes)


Counts = tuple[int, int, int]


def _gated_delta_net(config: ModelConfig, hidden: int) -> Counts:
    """Gated delta rule (Qwen3-Next): Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464."""
    value_heads = _size(config, "linear_num_value_heads")
    keys = _size(config, "linear_num_key_heads") * _size(config, "linear_key_head_dim")
    values = value_heads * _size(config, "linear_value_head_dim")
    kernel, convolved = _size(config, "linear_conv_kernel_dim"), 2 * keys + values
    inward = hidden * (2 * keys + 2 * values + 2 * value_heads)
    state = values * _size(config, "linear_key_head_dim")
    return _counts(
        config, inward + values * hidden, state, (convolved, kernel), update=_DELTA_UPDATE
    )


def _kimi_delta_attention(config: ModelConfig, hidden: int) -> Counts:
    """Delta rule with a decay for each channel: Kimi Linear 2025, arXiv 2510.26692."""
    sizes = config.section.get("linear_attn_config") or config.section
    heads = _inner(config, sizes, "linear_num_heads", "num_heads")
    head_dim = _inner(config, sizes, "linear_head_dim", "head_dim")
    kernel = _inner(config, sizes, "linear_conv_kernel_dim", "short_conv_kernel_size")
    width = heads * head_dim
    gates = 2 * (hidden * head_dim + head_dim * width)
    weights = 4 * hidden * width + gates + hidden * heads
    return _counts(
        config, weights, width * head_dim, (3 * width, kernel), update=_DELTA_UPDATE,
        value_bytes=_FLOAT32_BYTES,
    )  # fmt: skip


def _lightning_attention(config: ModelConfig, hidden: int) -> Counts:
    """Linear attention with an output gate: MiniMax-01 2025, arXiv 2501.08313, section 2.2."""
    heads, head_dim = config.size("heads") or 0, config.size("head_dim") or 0
    width = heads * (head_dim or hidden // heads)
    return _counts(config, 5 * hidden * width, width * (width // heads))


def _mamba_2(config: ModelConfig, hidden: int) -> Counts:
    """State space of heads: Dao and Gu 2024, arXiv 2405.21060."""
    heads = _size(config, "mamba_num_heads", "mamba_n_heads")
    if config.section.get("mamba_d_ssm"):  # Falcon-H1
        width = _size(config, "mamba_d_ssm")
    elif config.section.get("mamba_d_head") == "auto":  # Bamba
        width = _size(config, "mamba_expand") * hidden
    else:
        width = heads * _size(config, "mamba_head_dim", "mamba_d_head")
    groups = _size(config, "n_groups", "mamba_n_groups")
    values = _size(config, "ssm_state_size", "mamba_d_state")
    kernel = _size(config, "conv_kernel", "mamba_d_conv")
    convolved = width + 2 * groups * values
    weights = hidden * (width + convolved + heads) + width * hidden
    return _counts(config, weights, width * values, (convolved, kernel))


def _mamba_1(config: ModelConfig, hidden: int) -> Counts:
    """State space of channels: Gu and Dao 2023, arXiv 2312.00752."""
    width, values = _size(config, "mamba_expand") * hidden, _size(config, "mamba_d_state")
    rank, kernel = _size(config, "mamba_dt_rank"), _size(config, "mamba_d_conv")
    weights = 2 * hidden * width + width * (rank + 2 * values) + rank * width + width * hidden
    return _counts(config, weights, width * values, (width, kernel))


def _short_convolution(config: ModelConfig, hidden: int) -> Counts:
    """A gated convolution over the last tokens: LFM2."""
    return _counts(config, 4 * hidden * hidden, 0, (hidden, _size(config, "conv_L_cache")))


def _counts(
    config: ModelConfig,
    weights: int,
    state: int,
    convolution: tuple[int, int] = (0, 1),
    *,
    update: int = _UPDATE,
    value_bytes: int | None = None,
) -> Counts:
    """Parameters, FLOPs and bytes of a layer with a state of so many values.

    `convolution` has its channels, and the tokens that it spans; it keeps those before the last.
    """
    channels, kernel = convolution
    said = next((config.section[key] for key in _STATE_TYPES if config.section.get(key)), None)
    own = _FLOAT32_BYTES if said == "float32" else _VALUE_BYTES
    kept = channels * (kernel - 1) * _VALUE_BYTES
    return (
        weights + channels * kernel,
        update * state + 2 * channels * kernel,
        state * (value_bytes or own) + kept,
    )


def _size(config: ModelConfig, *keys: str) -> int:
    """The size under the first of these keys that the file has."""
    return _inner(config, config.section, *keys)


def _inner(config: ModelConfig, section: Any, *keys: str) -> int:
    found = next((section[key] for key in keys if section.get(key) is not None), None)
    if type(found) is not int or not 1 <= found <= 1 << 20:
        raise BadInput(
            f"{config.path}: {' or '.join(keys)} is {found!r:.60}, and must be a whole number"
            f" from 1 to {1 << 20}",
            hint="add it to the file",
        )
    return found


def _has(*keys: str) -> Callable[[ModelConfig, list[str]], bool]:
    return lambda config, _: all(config.section.get(key) for key in keys)


# Kind of layer: whether a file has it, and how it is counted. The first that applies counts.
_COUNTED: Final[
    dict[str, tuple[Callable[[ModelConfig, list[str]], bool], Callable[[ModelConfig, int], Counts]]]
] = {
    "gated delta net": (_has("linear_num_value_heads"), _gated_delta_net),
    "Kimi delta attention": (
        lambda config, _: family(config) == "kimi_linear", _kimi_delta_attention,
    ),
    "lightning attention": (
        lambda config, _: family(config).startswith("minimax"), _lightning_attention,
    ),
    "mamba 2": (
        lambda config, _: any(
            config.section.get(key) for key in ("mamba_num_heads", "mamba_n_heads")
        ),
        _mamba_2,
    ),
    "mamba 1": (_has("mamba_d_state", "mamba_dt_rank"), _mamba_1),
    "short convolution": (_has("conv_L_cache"), _short_convolution),
}  # fmt: skip
