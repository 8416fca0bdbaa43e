"""Sizes of models as their config.json states them, with the parameters that their code makes.

The parameters are those that transformers 5.24 counts of each on the meta device
(`AutoModelForCausalLM.from_config`), without layers for multi-token prediction: what is tested is
that the same sizes are counted alike. Sizes are those of files on Hugging Face as aiconfigurator
095f58a keeps them, of the defaults of a configuration class, or were written down without the file
at hand (Granite-4-H-small, LFM2, Gemma-3-12B, Hunyuan-A13B, dots.llm1, MiniMax-Text-01, BLOOM, the
head_dim of GLM-4.5-Air), so that they can differ from what is published.
"""

from typing import Any, Final

Published = tuple[dict[str, Any], int]

QWEN3_NEXT: Final[Published] = (
    {  # Qwen3-Next-80B-A3B, Qwen3NextConfig
        "model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48,
        "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
        "full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
        "intermediate_size": 5632, "moe_intermediate_size": 512, "num_experts": 512,
        "num_experts_per_tok": 10, "shared_expert_intermediate_size": 512, "vocab_size": 151936,
        "max_position_embeddings": 262144, "tie_word_embeddings": False, "decoder_sparse_step": 1,
    },
    79_674_391_296,
)  # fmt: skip
KIMI_LINEAR: Final[Published] = (
    {  # Kimi-Linear-48B-A3B, KimiLinearConfig with the file's own keys
        "model_type": "kimi_linear", "hidden_size": 2304, "intermediate_size": 9216,
        "moe_intermediate_size": 1024, "num_hidden_layers": 27, "num_attention_heads": 32,
        "num_key_value_heads": 32, "kv_lora_rank": 512, "q_lora_rank": None,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "num_experts": 256,
        "num_experts_per_token": 8, "num_shared_experts": 1, "first_k_dense_replace": 1,
        "linear_attn_config": {
            "full_attn_layers": [4, 8, 12, 16, 20, 24], "head_dim": 128, "num_heads": 32,
            "kda_layers": [n for n in range(1, 28) if n % 4 or n == 28],
            "short_conv_kernel_size": 4,
        },
        "model_max_length": 1048576, "vocab_size": 163840, "tie_word_embeddings": False,
    },
    49_133_074_464,
)  # fmt: skip
MINIMAX_01: Final[Published] = (
    {  # MiniMaxConfig with the kinds of layers as the published files state them
        "model_type": "minimax", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "attn_type_list": [0, 1] * 16, "num_local_experts": 8, "num_experts_per_tok": 2,
        "vocab_size": 32000, "tie_word_embeddings": False, "max_position_embeddings": 131072,
    },
    47_373_946_880,
)  # fmt: skip
NEMOTRON_H_56B: Final[Published] = (
    {
        "model_type": "nemotron_h", "hidden_size": 8192, "intermediate_size": 32768,
        "attention_head_dim": 128, "num_attention_heads": 64, "num_key_value_heads": 8,
        "num_hidden_layers": 118, "mamba_head_dim": 64, "mamba_num_heads": 256, "n_groups": 8,
        "ssm_state_size": 256, "conv_kernel": 4, "vocab_size": 131072,
        "tie_word_embeddings": False, "max_position_embeddings": 8192, "sliding_window": None,
        "hybrid_override_pattern": "M-M-M-M*-" + "M-M-M-M-M*-" * 9 + "M-M-M-M-M-",
    },
    56_324_350_464,
)  # fmt: skip
NEMOTRON_3_NANO: Final[Published] = (
    {
        "model_type": "nemotron_h", "hidden_size": 2688, "intermediate_size": 1856,
        "moe_intermediate_size": 1856, "moe_shared_expert_intermediate_size": 3712,
        "n_routed_experts": 128, "n_shared_experts": 1, "num_experts_per_tok": 6,
        "head_dim": 128, "num_attention_heads": 32, "num_key_value_heads": 2,
        "num_hidden_layers": 52, "mamba_head_dim": 64, "mamba_num_heads": 64, "n_groups": 8,
        "ssm_state_size": 128, "conv_kernel": 4, "mamba_ssm_cache_dtype": "float32",
        "vocab_size": 131072, "tie_word_embeddings": False, "max_position_embeddings": 262144,
        "hybrid_override_pattern": "MEMEM*" + "EMEMEM*" * 4 + "EMEMEMEM*" + "EMEMEMEME",
    },
    31_577_937_344,
)  # fmt: skip
FALCON_H1: Final[Published] = (
    {  # FalconH1Config
        "model_type": "falcon_h1", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "mamba_d_ssm": 1024, "mamba_n_heads": 128, "mamba_d_head": "auto", "mamba_n_groups": 1,
        "mamba_d_state": 256, "mamba_d_conv": 4, "mamba_expand": 2, "vocab_size": 128000,
        "tie_word_embeddings": False, "max_position_embeddings": 8192,
    },
    8_514_961_408,
)  # fmt: skip
JAMBA: Final[Published] = (
    {  # Jamba-v0.1, JambaConfig
        "model_type": "jamba", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "attn_layer_period": 8, "attn_layer_offset": 4, "expert_layer_period": 2,
        "expert_layer_offset": 1, "num_experts": 16, "num_experts_per_tok": 2,
        "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256,
        "vocab_size": 65536, "tie_word_embeddings": False, "max_position_embeddings": 262144,
    },
    51_570_323_328,
)  # fmt: skip
GLM_4_5_AIR: Final[Published] = (
    {  # Glm4MoeConfig, with the width of heads that the published file has
        "model_type": "glm4_moe", "hidden_size": 4096, "intermediate_size": 10944,
        "num_hidden_layers": 46, "num_attention_heads": 96, "num_key_value_heads": 8,
        "head_dim": 128, "moe_intermediate_size": 1408, "n_routed_experts": 128,
        "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 1,
        "vocab_size": 151552, "tie_word_embeddings": False, "max_position_embeddings": 131072,
    },
    106_851_586_048,
)  # fmt: skip
ERNIE_4_5_21B: Final[Published] = (
    {  # ERNIE-4.5-21B-A3B, Ernie4_5_MoeConfig
        "model_type": "ernie4_5_moe", "hidden_size": 2560, "intermediate_size": 12288,
        "num_hidden_layers": 28, "num_attention_heads": 20, "num_key_value_heads": 4,
        "moe_intermediate_size": 1536, "moe_k": 6, "moe_num_experts": 64,
        "moe_num_shared_experts": 2, "moe_layer_start_index": 1, "moe_layer_end_index": -1,
        "moe_layer_interval": 1, "vocab_size": 103424, "max_position_embeddings": 131072,
    },
    21_825_437_888,
)  # fmt: skip
LLAMA_4_MAVERICK: Final[Published] = (
    {
        "model_type": "llama4", "tie_word_embeddings": False,
        "text_config": {
            "model_type": "llama4_text", "hidden_size": 5120, "intermediate_size": 8192,
            "intermediate_size_mlp": 16384, "num_hidden_layers": 48, "num_attention_heads": 40,
            "num_key_value_heads": 8, "head_dim": 128, "attention_chunk_size": 8192,
            "num_local_experts": 128, "num_experts_per_tok": 1, "interleave_moe_layer_step": 2,
            "no_rope_layers": [], "vocab_size": 202048, "max_position_embeddings": 1048576,
        },
    },
    400_711_848_960,
)  # fmt: skip
DEEPSEEK_V3_2: Final[Published] = (
    {
        "model_type": "deepseek_v32", "hidden_size": 7168, "intermediate_size": 18432,
        "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
        "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1,
        "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
        "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
        "v_head_dim": 128, "index_n_heads": 64, "index_head_dim": 128, "index_topk": 2048,
        "vocab_size": 129280, "tie_word_embeddings": False, "max_position_embeddings": 163840,
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
    },
    671_877_929_216,
)  # fmt: skip
GPT_OSS_120B: Final[Published] = (
    {
        "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
        "num_hidden_layers": 36, "num_attention_heads": 64, "num_key_value_heads": 8,
        "head_dim": 64, "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 18, "vocab_size": 201088,
        "tie_word_embeddings": False, "max_position_embeddings": 131072,
        "rope_scaling": {
            "rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096,
        },
    },
    116_829_156_672,
)  # fmt: skip
GRANITE_4_H_SMALL: Final[Published] = (
    {
        "model_type": "granitemoehybrid", "hidden_size": 4096, "intermediate_size": 768,
        "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8,
        "num_local_experts": 72, "num_experts_per_tok": 10, "shared_intermediate_size": 1536,
        "layer_types": ["attention" if n in (5, 15, 25, 35) else "mamba" for n in range(40)],
        "mamba_n_heads": 128, "mamba_d_head": 64, "mamba_n_groups": 1, "mamba_d_state": 128,
        "mamba_d_conv": 4, "mamba_expand": 2, "vocab_size": 100352, "tie_word_embeddings": True,
        "max_position_embeddings": 131072,
    },
    32_207_337_984,
)  # fmt: skip
LFM2_1_2B: Final[Published] = (
    {
        "model_type": "lfm2", "hidden_size": 2048, "block_ff_dim": 12288,
        "block_auto_adjust_ff_dim": True, "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": 256, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "conv_L_cache": 3, "full_attn_idxs": [2, 5, 8, 10, 12, 14],
        "vocab_size": 65536, "tie_embedding": True, "max_position_embeddings": 128000,
    },
    1_170_340_608,
)  # fmt: skip
GEMMA_3_12B: Final[Published] = (
    {  # the rest is in Gemma3TextConfig alone
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360,
            "num_attention_heads": 16, "num_hidden_layers": 48, "num_key_value_heads": 8,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024,
        },
    },
    11_766_034_176,
)  # fmt: skip
HUNYUAN_A13B: Final[Published] = (
    {
        "model_type": "hunyuan_v1_moe", "hidden_size": 4096, "intermediate_size": 3072,
        "moe_intermediate_size": [3072] * 32, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "num_experts": 64, "moe_topk": [8] * 32,
        "num_shared_expert": [1] * 32, "vocab_size": 128167, "tie_word_embeddings": True,
        "use_cla": False, "max_position_embeddings": 32768,
    },
    80_393_183_232,
)  # fmt: skip
DOTS_1: Final[Published] = (
    {
        "model_type": "dots1", "hidden_size": 4096, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "num_hidden_layers": 62, "num_attention_heads": 32,
        "num_key_value_heads": 32, "head_dim": 128, "n_routed_experts": 128,
        "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "vocab_size": 152064, "tie_word_embeddings": False, "max_position_embeddings": 32768,
    },
    142_774_373_888,
)  # fmt: skip
BLOOM_176B: Final[Published] = (
    {"model_type": "bloom", "n_layer": 70, "n_head": 112, "n_embed": 14336, "vocab_size": 250880},
    176_247_271_424,
)
FALCON_7B: Final[Published] = (
    {  # FalconConfig: one key and value for all heads
        "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
        "num_attention_heads": 71, "num_kv_heads": 71, "multi_query": True,
        "new_decoder_architecture": False, "vocab_size": 65024,
    },
    6_921_720_704,
)  # fmt: skip
MINIMAX_TEXT_01: Final[Published] = (
    {
        "model_type": "minimax_text_01", "hidden_size": 6144, "intermediate_size": 9216,
        "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
        "head_dim": 128, "num_local_experts": 32, "num_experts_per_tok": 2,
        "shared_intermediate_size": 0, "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1] * 10,
        "vocab_size": 200064, "tie_word_embeddings": False, "max_position_embeddings": 10240000,
    },
    456_089_655_296,
)  # fmt: skip
PUBLISHED: Final = {
    "qwen3-next-80b-a3b": QWEN3_NEXT,
    "kimi-linear-48b-a3b": KIMI_LINEAR,
    "minimax": MINIMAX_01,
    "minimax-text-01": MINIMAX_TEXT_01,
    "nemotron-h-56b": NEMOTRON_H_56B,
    "nemotron-3-nano-30b-a3b": NEMOTRON_3_NANO,
    "falcon-h1": FALCON_H1,
    "jamba-v0.1": JAMBA,
    "glm-4.5-air": GLM_4_5_AIR,
    "ernie-4.5-21b-a3b": ERNIE_4_5_21B,
    "llama-4-maverick": LLAMA_4_MAVERICK,
    "deepseek-v3.2": DEEPSEEK_V3_2,
    "gpt-oss-120b": GPT_OSS_120B,
    "granite-4.0-h-small": GRANITE_4_H_SMALL,
    "lfm2-1.2b": LFM2_1_2B,
    "gemma-3-12b": GEMMA_3_12B,
    "hunyuan-a13b": HUNYUAN_A13B,
    "dots.llm1": DOTS_1,
    "bloom-176b": BLOOM_176B,
    "falcon-7b": FALCON_7B,
}
