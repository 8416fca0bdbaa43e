"""How the files of models spell what a preset is made of: one concept, one tuple of keys.

Sources: the configuration classes in transformers 5
(src/transformers/models/<name>/configuration_<name>.py), and the config.json files of the models
that bring their own code.
"""

from typing import Final

KEYS: Final = {
    "model_type": ("model_type",),
    "architectures": ("architectures",),
    "model_name": ("_name_or_path",),
    "hidden_size": (
        "hidden_size",  # nearly all
        "d_model",  # DBRX, Switch, NLLB-MoE
        "n_embd",  # Phixtral, GPT-2
        "n_embed",  # BLOOM
    ),
    "latent_size": (
        # The experts work on a projection of the hidden state to this width.
        "moe_latent_size",  # Nemotron-H
        "routed_expert_hidden_size",  # Kimi K3
        "moe_hidden_size",  # Muse Spark
    ),
    "expert_intermediate_size": (
        "moe_intermediate_size",  # DeepSeek, Qwen, GLM, Kimi, Hunyuan, ERNIE 4.5, Gemma 4, Grok-2
        "expert_intermediate_size",
        "expert_ffn_hidden_size",  # LongCat-Flash
        "moe_ffn_hidden_size",  # SmallThinker, Megatron
        "expert_hidden_dim",  # Mistral's own format
    ),
    "intermediate_size": (
        "intermediate_size",  # Mixtral, Llama 4, gpt-oss, Granite, OLMoE, PhiMoE, Jamba, Grok-1
        "ffn_hidden_size",  # DBRX, Yuan 2.0
        "d_ff",  # Switch
        "encoder_ffn_dim",  # NLLB-MoE
        "decoder_ffn_dim",  # NLLB-MoE
        "n_inner",  # Phixtral, GPT-2
        "ffn_dim",  # OPT
    ),
    # Spellings of other things too, which count where the usual ones are absent.
    "other_hidden_size": ("dim",),  # Mistral's own format
    "other_intermediate_size": ("hidden_dim",),  # Mistral's own format
    "experts": (
        "num_local_experts",  # Mixtral, Llama 4, gpt-oss, Granite, PhiMoE, MiniMax, Arctic, JetMoE
        "num_experts",  # Qwen, OLMoE, Jamba, Hunyuan, Ling, Gemma 4, Grok-1, Switch, NLLB-MoE
        "n_routed_experts",  # DeepSeek, GLM-4.5, Kimi K2, dots1, LongCat-Flash, Nemotron-H
        "moe_num_experts",  # ERNIE 4.5, Aria, Step3, DBRX, Yuan 2.0
        "moe_num_primary_experts",  # SmallThinker
        "num_routed_experts",
        "num_moe_experts",  # Megatron
        "n_experts",
    ),
    "top_k": (
        "num_experts_per_tok",  # nearly all
        "experts_per_token",  # gpt-oss
        "num_experts_per_token",  # Kimi Linear, Ling hybrid
        "num_selected_experts",  # Grok-1
        "moe_topk",  # Hunyuan, Aria, LongCat-Flash
        "moe_top_k",  # DBRX, Step3, Yuan 2.0
        "moe_k",  # ERNIE 4.5
        "top_k_experts",  # Gemma 4
        "moe_num_active_primary_experts",  # SmallThinker
        "moe_router_topk",  # Megatron
        "n_experts_per_tok",
    ),
    "shared_experts": (
        "n_shared_experts",  # DeepSeek, GLM-4.5, Kimi K2
        "num_shared_experts",  # Ling, Cohere, AFMoE, EXAONE
        "num_shared_expert",  # Hunyuan
        "moe_num_shared_experts",  # ERNIE 4.5, Aria
    ),
    "shared_intermediate_size": (
        "shared_expert_intermediate_size",  # Qwen2-MoE, Qwen3-Next
        "shared_experts_intermediate_size",
        "shared_intermediate_size",  # Granite, MiniMax-Text
        "moe_shared_expert_intermediate_size",  # Nemotron-H, Ling
        "share_expert_dim",  # Step3
    ),
    "zero_experts": ("zero_expert_num",),  # LongCat-Flash: experts that copy their input
    "heads": ("num_attention_heads", "n_heads", "n_head"),
    "kv_heads": (
        "num_key_value_heads",  # nearly all
        "kv_n_heads",  # DBRX
        "n_kv_heads",  # Mistral's own format
        "num_attention_groups",  # Step3
        "num_query_groups",  # Megatron
        "num_kv_heads",  # Falcon
    ),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),  # the last: Megatron
    # Latent attention (MLA): DeepSeek, Kimi, GLM-5, LongCat-Flash, Mistral, MiniCPM3
    "q_lora_rank": ("q_lora_rank",),
    "kv_lora_rank": ("kv_lora_rank",),
    "qk_nope_head_dim": ("qk_nope_head_dim",),
    "qk_rope_head_dim": ("qk_rope_head_dim", "qk_pos_emb_head_dim"),  # the second: Megatron
    "v_head_dim": ("v_head_dim",),
    "scoring": (
        "scoring_func",  # DeepSeek, Kimi K2, MiniMax-M2
        "score_function",  # Ling
        "score_func",  # AFMoE
        "moe_router_activation_func",  # Kimi Linear
        "expert_selection_fn",  # Cohere
    ),
    "topk_method": ("topk_method",),
    "routing_bias": (
        "use_routing_bias",  # MiniMax-M2
        "moe_router_enable_expert_bias",  # Ling
        "use_expert_bias",  # LFM2
    ),
    "renormalise": ("norm_topk_prob", "moe_renormalize"),
    "groups": ("n_group", "num_expert_group"),  # DeepSeek, GLM-4.5; Kimi Linear
    "kept_groups": ("topk_group",),
    "activation": (
        "moe_hidden_act",
        "hidden_act",  # nearly all
        "hidden_activation",  # Gemma
        "mlp_hidden_act",  # Nemotron-H
        "activation_function",  # JetMoE, NLLB-MoE, GPT-2
        "dense_act_fn",  # Switch
        "activation",  # Falcon
    ),
    "clip_limit": ("swiglu_limit",),  # gpt-oss
    "layers": ("num_hidden_layers", "n_layers", "num_layers", "n_layer"),
    "tied": ("tie_word_embeddings", "tie_embedding"),  # the second: LFM2
    "dtype": ("dtype", "torch_dtype"),
    "quantization": ("quantization_config", "compression_config"),
    "expert_dtype": ("expert_dtype",),  # DeepSeek-V4, whose experts have 4 bits beside fp8
}
# A family whose code fixes the number of experts per token, so that its config has no key for it.
TOP_K_OF_TYPE: Final = {
    "switch_transformers": 1,  # Fedus, Zoph and Shazeer 2021, section 2.1
    "nllb-moe": 2,  # NllbMoeTop2Router in transformers
}
# Keys that switch the experts of a family off.
SWITCHES: Final = ("enable_moe_block", "is_moe")  # Gemma 4; Doge
# Where a multimodal model has its language model, in the order tried.
LANGUAGE_MODELS: Final = (
    "text_config",  # Llama 4, Gemma 4, Qwen3-VL, GLM-4.5V, Kimi-VL
    "language_config",  # DeepSeek-VL2
    "llm_config",  # InternVL, Ming
    "thinker_config.text_config",  # Qwen3-Omni, whose talker has experts of its own
)
# Names of parts of a file that are no language model.
NO_LANGUAGE: Final = "vision|visual|vit|audio|speech|image|talker|code2wav|draft"
# Parts of one language model: DBRX twice; Yuan 2.0; Mistral's own format.
PARTS: Final = ("ffn_config", "attn_config", "moe_config", "moe")
# Fields that a file may state once for all its parts.
OUTER_FIELDS: Final = (
    "model_type", "architectures", "model_name", "dtype", "quantization", "expert_dtype", "tied",
)  # fmt: skip
