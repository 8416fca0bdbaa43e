"""What no key of a config.json says: the code of a model's family alone, by its model_type.

Read in modeling_<name>.py of transformers 5.24, that of Arctic in vLLM; of families that are in
neither, in the code that models bring. A family's language model may be called <name>_text.
"""

from typing import Any, Final

from .model_config import ModelConfig

# Routers that rank by the sigmoid of a logit and a bias: e_score_correction_bias, expert_bias.
BIASED: Final = frozenset({
    "deepseek_v3", "deepseek_v32", "kimi_k2", "kimi_linear", "glm4_moe", "glm4_moe_lite",
    "glm4v_moe", "glm_moe_dsa", "glm5_next", "dots1", "dots3_note", "exaone_moe", "minimax_m2",
    "minimax_m3_vl", "mimo_v2_flash", "solar_open", "nemotron_h", "afmoe", "axk1", "axk2",
    "bailing_hybrid", "beam", "hy_v3", "hy_v4", "hy_v4_vl", "kolibri1", "laguna", "lfm2_moe",
    "muse_spark", "step3p5",
})  # fmt: skip
SIGMOID: Final = frozenset({"llama4", "flint"})
# Softmax over all experts, of which the picks do not sum to 1 unless the file says so.
NOT_RENORMALISED: Final = frozenset({
    "olmoe", "flex_olmo", "qwen2_moe", "deepseek_v2", "deepseek_ocr2", "unlimited_ocr", "doge",
    "jamba", "longcat_flash", "phimoe", "switch_transformers", "zaya",
})  # fmt: skip
CLIPPED: Final = frozenset({"gpt_oss"})
# Feed-forward networks of two matrices, without a gate; the last three are of experts.
UNGATED: Final = frozenset({
    "apertus", "apertus1p5", "arcee", "biogpt", "bloom", "codegen", "falcon", "fuyu", "gpt2",
    "gpt_bigcode", "gpt_neox", "gptj", "jais2", "nanochat", "nemotron", "opt", "persimmon", "phi",
    "starcoder2", "nemotron_h", "nllb-moe", "switch_transformers",
})  # fmt: skip
# Families whose head shares the embedding's weights unless their files say otherwise.
TIED: Final = frozenset({
    "bloom", "cohere", "cohere2", "cohere2_moe", "ernie4_5", "ernie4_5_moe", "falcon", "gemma",
    "gemma2", "gemma3", "gemma3n", "gemma4", "gpt2", "gpt_bigcode", "jetmoe", "lfm2", "lfm2_moe",
    "lfm3", "minicpm3", "mpt", "opt", "smollm3", "starcoder2", "zamba", "zamba2", "zaya",
})  # fmt: skip
# Families whose networks are four times as wide as the model unless their files say otherwise.
FOUR_TIMES_WIDE: Final = frozenset({"bloom", "codegen", "falcon", "gpt2", "gpt_bigcode", "gptj"})
# Families that no key gives away, with what is not counted of them.
UNCOUNTED: Final = {
    "axk2": "has gates from queries of a low rank",
    "git": "has an encoder beside",
    "hrm": "runs its layers several times",
    "jetmoe": "has experts of attention",
    "minimax_m3": "is sparse by blocks",
    "minimax_m3_vl": "is sparse by blocks",
    "moshi": "has another decoder beside",
    "zamba": "shares its weights between layers",
    "zamba2": "shares its weights between layers",
}
# Families that read a text at once, and decode none.
ENCODERS: Final = frozenset({
    "bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie",
    "megatron-bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
# Families whose queries come with a gate of their size, which multiplies what attention gives.
GATED_ATTENTION: Final = frozenset(
    {"afmoe", "beam", "hy_v4", "qwen3_5", "qwen3_5_moe", "qwen3_next"}
)
# What the configuration class of a family has where a published file leaves it out.
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "bamba": {"attn_layer_indices": []},
    "falcon": {"max_position_embeddings": 2048},
    "gemma2": {"sliding_window_pattern": 2},
    "gemma3": {
        "vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "sliding_window_pattern": 6, "max_position_embeddings": 131072,
    },
    "gpt_oss": {"sliding_window_pattern": 2},
    "qwen2": {"use_sliding_window": False},
    "qwen2_moe": {"use_sliding_window": False},
    "qwen3": {"use_sliding_window": False},
    "qwen3_moe": {"use_sliding_window": False},
}  # fmt: skip
# Families that add an MLP which every token goes to; the field that has its width.
_SHARED: Final = {
    "llama4": "intermediate_size",
    "hunyuan_v1_moe": "intermediate_size",
    "gemma4": "intermediate_size",  # beside experts of moe_intermediate_size
    "diffusion_gemma": "intermediate_size",
    "arctic": "hidden_size",
}


def family(config: ModelConfig) -> str:
    """The model_type of a file, without the ending of a language model that is part of another."""
    return str(config.value("model_type")).removesuffix("_text")


def shared_width(config: ModelConfig) -> tuple[str | None, str]:
    """The field with the width of a shared expert that has no key of its own, and who says so.

    The field is None where there is none.
    """
    if config.section.get("residual_moe") is True:  # Grok, in SGLang
        return "intermediate_size", "as residual_moe says"
    return _SHARED.get(family(config)), f"as the code of {family(config)} alone says"


def told_of_gate(config: ModelConfig) -> str | None:
    """What the operations of a layer count too much for a family without a gate; else None."""
    if family(config) not in UNGATED:
        return None
    return (
        f"{family(config)} has no gate, and --ops layer measures one: 3 matrices of hidden and ffn"
        " (w13, w2), of which the model has 2; fc1, gelu, relu and fc2 measure an expert without"
    )
