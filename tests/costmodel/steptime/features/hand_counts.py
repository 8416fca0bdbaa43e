"""Models whose FLOPs and bytes are written out by hand in the tests of columns."""

from typing import Final

from moeprof.store.serving.whole_model import Experts, StateLayers, WholeModel

# Qwen2-57B-A14B: grouped heads, experts, and a shared expert that every token goes to.
QWEN2_57B: Final = WholeModel(
    "qwen2-57b-a14b", 28, 3584, 28, 4, 128, 0, 151936, full_layers=28,
    experts=Experts(64, 8, 2560, layers=28, shared_intermediate_size=20480),
)  # fmt: skip
# Mistral 7B v0.1: every layer attends to the last 4096 tokens.
MISTRAL_7B: Final = WholeModel(
    "mistral-7b-v0.1", 32, 4096, 32, 8, 128, 14336, 32000, full_layers=0, window_tokens=4096
)
# Llama 4 Scout: three of four layers attend within chunks of 8192.
SCOUT: Final = WholeModel(
    "llama-4-scout", 48, 5120, 40, 8, 128, 16384, 202048, full_layers=12, window_tokens=8192,
    chunked=True, experts=Experts(16, 1, 8192, layers=48, shared_intermediate_size=8192),
)  # fmt: skip
# Qwen3-Next-80B-A3B: 36 layers of a gated delta net, 12 of attention with a gate.
QWEN3_NEXT: Final = WholeModel(
    "qwen3-next-80b-a3b", 48, 2048, 16, 2, 256, 0, 151936, full_layers=12, output_gate=True,
    experts=Experts(512, 10, 512, layers=48, shared_intermediate_size=512),
    states=StateLayers("gated delta net", 36, 33_718_272, 3_735_552, 1_097_728),
)  # fmt: skip
# Nemotron-H-56B: 54 layers of Mamba 2, 54 of a network without a gate, 10 of attention.
NEMOTRON_H: Final = WholeModel(
    "nemotron-h-56b", 118, 8192, 64, 8, 128, 32768, 131072, full_layers=10, ffn_matrices=2,
    states=StateLayers("mamba 2", 54, 438_386_688, 21_135_360, 8_511_488), ffn_apart=True,
)  # fmt: skip
