"""How a layer picks its experts and what a gated expert does, from a config.json.

No size follows from either, so what a file does not say is taken as usual. Many families have their
router in the code alone; sources are the models in transformers 5 (modeling_<name>.py).
"""

from typing import Any, Final

from ...store.errors import BadInput
from ..preset import BY_GROUP
from .model_config import ModelConfig

# Families that rank by the sigmoid of a logit and a bias: e_score_correction_bias in their code.
_BIASED: Final = frozenset({
    "deepseek_v3", "deepseek_v32", "kimi_k2", "kimi_linear", "glm4_moe", "glm4_moe_lite",
    "glm4v_moe", "glm4v_moe_text", "glm_moe_dsa", "dots1", "exaone_moe", "minimax_m2",
    "mimo_v2_flash", "solar_open",
})  # fmt: skip
_SIGMOID: Final = frozenset({"llama4", "llama4_text"})
# Families whose weights do not sum to 1 unless the file says so.
_NOT_RENORMALISED: Final = frozenset({"olmoe", "flex_olmo", "qwen2_moe", "deepseek_v2", "doge"})
_CLIPPED: Final = frozenset({"gpt_oss"})


def layer_form(config: ModelConfig) -> tuple[dict[str, Any], str | None]:
    """router, groups, kept_groups and activation as a preset has them, and a sentence about them.

    The sentence is None where all are as usual: softmax over the largest logits, and silu.
    """
    groups, kept = _groups(config)
    router = _router(config, groups)
    form: dict[str, Any] = {"router": router, "activation": _activation(config)}
    if router in BY_GROUP:
        form |= {"groups": groups, "kept_groups": kept}
    other = _other_activation(config)
    if (router, form["activation"], other) == ("topk", "silu", None):
        return form, None
    picked = f" in {kept} of {groups} groups" if form.get("groups", 1) > 1 else ""
    taken = f", in place of {other}, which no operation has" if other else ""
    activated = f"activated by {form['activation']}{taken}"
    return form, f"experts are picked by {router}{picked}, and {activated}"


def _kind(config: ModelConfig) -> str:
    return str(config.value("model_type"))


def _router(config: ModelConfig, groups: int) -> str:
    kind, scoring = _kind(config), config.value("scoring")
    biased = config.value("topk_method") == "noaux_tc" or config.value("routing_bias") is True
    if scoring != "softmax" and (biased or kind in _BIASED):
        return "topk_biased"
    if scoring == "sigmoid" or kind in _SIGMOID:
        return "topk_sigmoid"
    if groups > 1:
        return "topk_grouped"
    sums_to_1 = config.value("renormalise")
    unless_said = sums_to_1 is None and kind in _NOT_RENORMALISED
    return "topk_softmax" if sums_to_1 is False or unless_said else "topk"


def _groups(config: ModelConfig) -> tuple[int, int]:
    """Groups of experts, and those that a token's picks lie in; 1 and 1 where they cannot be."""
    try:
        groups, kept = config.size("groups") or 1, config.size("kept_groups") or 1
        experts, top_k = config.size("experts") or 1, config.size("top_k") or 1
    except BadInput:
        return 1, 1
    fits = experts % groups == 0 and kept <= groups and top_k <= experts // groups * kept
    return (groups, kept) if fits else (1, 1)


def _activation(config: ModelConfig) -> str:
    if _kind(config) in _CLIPPED or config.keys_of("clip_limit"):
        return "clipped"
    return "gelu" if str(config.value("activation")).startswith("gelu") else "silu"


def _other_activation(config: ModelConfig) -> str | None:
    """The activation that a file names, where it is none of the three; all of gelu are one."""
    named = config.value("activation")
    known = named in (None, "silu", "swish", "swiglu") or str(named).startswith("gelu")
    return None if known else f"{named!r:.40}"
