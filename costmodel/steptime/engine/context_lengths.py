"""The longest request that models of the public tables take, which their sizes do not tell.

Each is max_position_embeddings of the published config.json, or what its scaled positions reach;
where several checkpoints share a name, the longest of them (Llama 3 and 3.1; Qwen3 MoE of 2507).
A length that an engine reaches by scaling positions on request is none (131,072 of Qwen3-8B).
DeepSeek, GLM, gpt-oss, Kimi, Llama 3 and 4, MiniMax, Mixtral and Qwen3 have those of the files that
aiconfigurator publishes (at 095f58a, model_configs/).
"""

from typing import Final

_K: Final = 1024
_TOKENS: Final = {
    "bloom-176b": 2 * _K,
    "codegemma-2b": 8 * _K,
    "codegemma-7b": 8 * _K,
    "codellama-7b": 16 * _K,
    "codellama-13b": 16 * _K,
    "codellama-34b": 16 * _K,
    "codellama-70b": 16 * _K,
    "deepseek-v3": 160 * _K,
    "gemma-2-2b": 8 * _K,
    "gemma-2-9b": 8 * _K,
    "gemma-2-27b": 8 * _K,
    "gemma-3-12b": 128 * _K,
    "gemma-3-27b": 128 * _K,
    "glm-5": 198 * _K,
    "gpt-oss-20b": 128 * _K,
    "gpt-oss-120b": 128 * _K,
    "kimi-k2.5": 256 * _K,
    "llama-2-7b": 4 * _K,
    "llama-2-70b": 4 * _K,
    "llama-3-8b": 128 * _K,
    "llama-3-70b": 128 * _K,
    "llama-3-405b": 128 * _K,
    "llama-4-scout": 10240 * _K,
    "llama-4-maverick": 1024 * _K,
    "minimax-m2.5": 192 * _K,
    "mistral-7b": 32 * _K,
    "mistral-large": 128 * _K,
    "mistral-nemo": 1000 * _K,
    "mixtral-8x7b": 32 * _K,
    "mixtral-8x22b": 64 * _K,
    "phi-3-medium": 128 * _K,
    "phi-3-mini": 128 * _K,
    "qwen2-7b": 128 * _K,
    "qwen2-72b": 128 * _K,
    "qwen3-8b": 40 * _K,
    "qwen3-14b": 40 * _K,
    "qwen3-32b": 40 * _K,
    "qwen3-30b-a3b": 256 * _K,
    "qwen3-235b-a22b": 256 * _K,
    "qwen3-coder-480b-a35b": 256 * _K,
    "qwen3.5-397b-a17b": 256 * _K,
    "starcoder2-3b": 16 * _K,
    "starcoder2-7b": 16 * _K,
    "starcoder2-15b": 16 * _K,
}


def published_context_tokens(model: str) -> int | None:
    """Tokens of prompt and output together; None for a model that is in no public table."""
    return _TOKENS.get(model)
