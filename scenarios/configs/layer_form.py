"""How a layer picks its experts and what a gated expert does, from a config.json.

No size follows from either, so what a file does not say is taken as usual. Many families have their
router in the code alone: families.py.
"""

from typing import Any

from ...store.errors import BadInput
from ..preset import BY_GROUP
from .families import BIASED, CLIPPED, NOT_RENORMALISED, SIGMOID, family, told_of_gate
from .model_config import ModelConfig


def layer_form(config: ModelConfig, *, dense: bool = False) -> tuple[dict[str, Any], list[str]]:
    """router, groups, kept_groups and activation as a preset has them, and sentences about them.

    None where all are as usual: softmax over the largest logits, and silu with a gate. With `dense`
    there is an activation alone.
    """
    groups, kept = _groups(config)
    router = "topk" if dense else _router(config, groups)
    form: dict[str, Any] = {"router": router, "activation": _activation(config)}
    if router in BY_GROUP:
        form |= {"groups": groups, "kept_groups": kept}
    other = _other_activation(config)
    gate = [told] if (told := told_of_gate(config)) else []
    if (router, form["activation"], other) == ("topk", "silu", None):
        return form, gate
    within = f" in {kept} of {groups} groups" if form.get("groups", 1) > 1 else ""
    picked = "the layer is" if dense else f"experts are picked by {router}{within}, and"
    taken = f", in place of {other}, which no operation has" if other else ""
    return form, [f"{picked} activated by {form['activation']}{taken}", *gate]


def _router(config: ModelConfig, groups: int) -> str:
    kind, scoring = family(config), config.value("scoring")
    said = config.value("routing_bias")
    biased = config.value("topk_method") == "noaux_tc" or said is True
    if scoring != "softmax" and (biased or (kind in BIASED and said is not False)):
        return "topk_biased"
    if scoring == "sigmoid" or (kind in SIGMOID | BIASED and scoring != "softmax"):
        return "topk_sigmoid"
    if groups > 1:
        return "topk_grouped"
    sums_to_1 = config.value("renormalise")
    unless_said = sums_to_1 is None and kind in NOT_RENORMALISED
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
    if family(config) in CLIPPED or config.keys_of("clip_limit"):
        return "clipped"
    return "gelu" if str(config.value("activation")).startswith("gelu") else "silu"


def _other_activation(config: ModelConfig) -> str | None:
    """The activation that a file names, where it is none of the three; all of gelu are one."""
    named = config.value("activation")
    known = named in (None, "silu", "swish", "swiglu") or str(named).startswith("gelu")
    return None if known else f"{named!r:.40}"
