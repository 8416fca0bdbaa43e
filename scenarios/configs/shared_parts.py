"""What a layer has beside its routed experts: shared experts and attention, from a config.json.

No size here is needed to measure experts, so a contradiction leaves it out, with the reason.
"""

from ...store.errors import BadInput
from .model_config import ModelConfig

_LATENT = "and the experts on a latent width: one preset holds the experts' width"


def shared_ffn(config: ModelConfig, ffn: int) -> tuple[int | None, str | None]:
    """The inner width of all shared experts together, and why there is none where some are named.

    Without a width of their own they have that of a routed expert, `ffn`.
    """
    try:
        count, width = config.size("shared_experts"), config.size("shared_intermediate_size")
    except BadInput as refusal:
        return None, f"the shared experts are left out: {refusal.message}"
    if count is None and width is None:
        return None, None
    if config.keys_of("latent_size"):
        return None, f"the shared experts are left out: they work on the model's width, {_LATENT}"
    if count is None or width is None or count == 1 or width == count * ffn:
        return (count or 1) * ffn if width is None else width, None
    return None, (
        f"the shared experts are left out: {count} of width {width}, and whether that is of each or"
        " of all the file does not say"
    )


def attention_heads(config: ModelConfig) -> tuple[dict[str, int], str | None]:
    """heads, kv_heads and head_dim as a preset has them; without them the reason, if any is named.

    Without kv_heads each head has its own keys and values; without head_dim the heads share the
    model's width.
    """
    try:
        if not (heads := config.size("heads")):
            return {}, None
        kv_heads = config.size("kv_heads") or heads
        hidden = config.size("hidden_size", "other_hidden_size") or 0
        head_dim = config.size("head_dim") or (0 if hidden % heads else hidden // heads)
    except BadInput as refusal:
        return {}, f"attention is left out: {refusal.message}"
    if config.keys_of("latent_attention"):
        return {}, "attention is left out: it is latent (MLA), whose products have other sizes"
    if config.keys_of("latent_size"):
        return {}, f"attention is left out: it works on the model's width, {_LATENT}"
    if not head_dim or heads % kv_heads:
        return {}, (
            f"attention is left out: {heads} heads, {kv_heads} of keys and values, on a width of"
            f" {hidden} contradict each other"
        )
    return {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}, None
