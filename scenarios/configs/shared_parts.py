"""The shared experts of a layer, from a config.json.

Their size is not needed to measure experts: a contradiction leaves it out, with the reason.
"""

from ...store.errors import BadInput
from .families import shared_width
from .model_config import ModelConfig


def shared_ffn(config: ModelConfig, ffn: int) -> tuple[int | None, str | None]:
    """The inner width of all shared experts together, and why there is none where some are named.

    Without a width of their own they have that of a routed expert, `ffn`; a family whose code alone
    has one (families.py) names its width by another key.
    """
    try:
        count, width = config.size("shared_experts"), config.size("shared_intermediate_size")
    except BadInput as refusal:
        return None, f"the shared experts are left out: {refusal.message}"
    if count is None and width is None:
        field, _ = shared_width(config)
        return (config.size(field) if field else None), None
    if config.keys_of("latent_size"):
        return None, (
            "the shared experts are left out: they work on the model's width, and the experts on a"
            " latent width: one preset holds the experts' width"
        )
    if count is None or width is None or count == 1 or width == count * ffn:
        return (count or 1) * ffn if width is None else width, None
    return None, (
        f"the shared experts are left out: {count} of width {width}, and whether that is of each or"
        " of all the file does not say"
    )
