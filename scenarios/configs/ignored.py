"""Why a preset ignores fields of a config.json: every field that it does not use, by its reason."""

import re
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from .layers import KEYS_OF_LAYERS
from .model_config import MAY_BE_0, ModelConfig
from .spellings import KEYS

_EMPTY: Final = "as they are empty"
_UNKNOWN: Final = "moeprof does not know them"
# Reasons with the names that each is for; the first that fits a key counts.
_REASONS: Final = (
    (
        "names, vocabulary and text, of no layer",
        "vocab|token_id|token_index|tokenizer|embed|bos_|eos_|id2label|label2id|architectures"
        "|model_type|_name_or_path|auto_map|version|placeholder|beam|ngram|penalty"
        "|task|sample|bad_words|suppress|min_length|prefix|early_stop|invalid|typical"
        "|^(temperature|top_[kp])$",
    ),
    (
        "attention and positions, of which a preset has the heads and their widths",
        "attn|attention|lora_rank|qk_|head|rope|rotary|sliding|window|index|kv_|mla|swa|position"
        "|max_(seq|length)|model_max|qkv|compress|hybrid_layer",
    ),
    (
        "the choice of experts, of which a preset has a router and groups",
        "^n_group$|expert_group|topk|scor|rout|gat(e|ing)|jitter|capacity|balanc|expert_bias|select"
        "|renormalize|norm_min|aux",
    ),
    ("other kinds of layers", "mamba|ssm|conv|linear|time_step|chunk|_type|mtp|nextn|n_groups"),
    ("widths and kinds of layers without experts", "intermediate|inner|ffn|mlp|d_ff|hidden_dim"),
    ("the number of layers: a preset is one", "layers?$|^n_layer"),
    (
        "no size: activation, norms, scales, training and running",
        "act|eps|norm|init|drop|scal|bias|loss|cache|alpha|limit|multiplier|coef|train|tie_|mup"
        "|return|output|use_|is_|dtype|torchscript|ep_size|prun|_fp32|factor",
    ),
)


def ignored_fields(config: ModelConfig, used: Collection[str]) -> tuple[str, ...]:
    """A sentence for each reason, with the fields that are ignored for it; `used` are not."""
    empty = {key for key, value in config.section.items() if value in (None, "", [], {})}
    empty |= {key for field in MAY_BE_0 for key in KEYS[field] if config.section.get(key) == 0}
    of_reason: defaultdict[str, set[str]] = defaultdict(set)
    for key in (*config.section, *config.others):
        if key not in used:
            of_reason[_EMPTY if key in empty else _reason(key)].add(key)
    return tuple(f"ignored, {why}: {', '.join(sorted(keys))}" for why, keys in of_reason.items())


def _reason(key: str) -> str:
    name = key.rpartition(".")[2]
    if name in KEYS_OF_LAYERS:
        return "which layers have experts: a preset is one of them"
    if name.endswith("_config"):
        return "another part of the model"
    return next((why for why, names in _REASONS if re.search(names, name)), _UNKNOWN)
