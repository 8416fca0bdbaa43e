"""A whole language model by its sizes: what a step of its decoding reads, computes and sends."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from ..errors import BadInput

_LARGEST: Final = 10**13  # parameters of one part; larger ones are another unit, or a slip


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Sizes of multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1).

    A token leaves `kv_rank` + `rope_dim` values in the cache, for all heads together. `query_rank`
    is 0 where queries are projected at once.
    """

    kv_rank: int
    query_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int


@dataclass(frozen=True, slots=True)
class SparseIndex:
    """The indexer of sparse attention (DeepSeek-V3.2): `heads` queries of `head_dim` per token.

    `layers` have one, and leave one key of `head_dim` bytes and a scale for each token; the others
    read what the one before them chose (GLM-5.2).
    """

    heads: int
    head_dim: int
    layers: int


@dataclass(frozen=True, slots=True)
class StateLayers:
    """Layers that keep a state of fixed size per request, and no cache that grows.

    `kind` names them: linear attention, a state space, a short convolution. Per layer, a token is
    multiplied with `parameters`, and takes `flops` beside those to update the state and read from
    it. A step that decodes reads and writes `state_bytes` of each request and layer once; None
    where they are not known.
    """

    kind: str
    layers: int
    parameters: int
    flops: int = 0
    state_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Experts:
    """Routed experts: `top_k` of `count` per token, each of `intermediate_size`.

    They are in `layers` layers. `shared_intermediate_size` is the width of the experts that every
    token goes to, together; 0 for none. Routed experts work on a projection to `latent_size` where
    that is above 0 (Nemotron 3 Super), else on the model's width.
    """

    count: int
    top_k: int
    intermediate_size: int
    layers: int
    shared_intermediate_size: int = 0
    latent_size: int = 0


@dataclass(frozen=True, slots=True)
class StoredFormats:
    """How a checkpoint stores its weights, by part.

    Formats are "bf16", "fp8", "nvfp4", "nvfp4a16" (weights of NVFP4, activations of 16 bits),
    "mxfp4" and "int4". `dense` are dense feed-forward networks and shared experts, `experts` the
    routed ones: those of `dense` where a model has none. `group_size` weights of int4 share a
    scale, 0 for whole rows, None for others; `zero_points` says that one of 4 bits is beside it.
    `states` are layers with a state, None for the format of `attention`, and a share
    `states_in_bf16` of them is left as it was.
    `head` is the output head; the embedding stays in bf16.
    """

    attention: str
    dense: str
    experts: str
    group_size: int | None = None
    head: str = "bf16"
    states: str | None = None
    states_in_bf16: float = 0.0
    zero_points: bool = False


@dataclass(frozen=True, slots=True)
class WholeModel:
    """Sizes of a model as its config.json states them.

    Of its `layers`, `full_layers` attend to the whole context and `states` keep a state; a layer
    may do both (Falcon-H1). Those that do neither attend to `window_tokens`: the last ones, or with
    `chunked` those since the last multiple (Llama 4). Each layer has a feed-forward network or
    routed experts as well, or with `ffn_apart` layers are one part alone (Nemotron-H).
    `sparse_tokens` bounds the tokens that a full layer reads (DeepSeek sparse attention), 0 for no
    bound; `index` chooses them. `output_gate` says that queries come with a gate of their size,
    `query_rank` that they are projected by way of so many values. `ffn_matrices` is 3 for a gated
    feed-forward network, else 2. `tied` says that the head shares its weights with the embedding.
    `max_context_tokens` is the longest request that engines accept, None where it is not known.
    `stored` says how the published checkpoint stores its weights, None where its file does not.
    Raises BadInput for sizes that contradict each other.
    """

    name: str
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    vocabulary: int
    full_layers: int
    window_tokens: int = 0
    sparse_tokens: int = 0
    ffn_matrices: int = 3
    tied: bool = False
    experts: Experts | None = None
    latent: LatentAttention | None = None
    states: StateLayers | None = None
    index: SparseIndex | None = None
    chunked: bool = False
    output_gate: bool = False
    query_rank: int = 0
    ffn_apart: bool = False
    max_context_tokens: int | None = None
    stored: StoredFormats | None = None

    def __post_init__(self) -> None:
        """Refuse sizes of which no model can be made."""
        for name, size in _sizes(self):
            if not 0 <= size <= _LARGEST:
                raise self._refusal(f"{name} {size:.4g}")
        if not (self.layers and self.hidden_size and self.vocabulary):
            raise self._refusal("no layers, or layers or a vocabulary without a size")
        if self.experts is not None and not 1 <= self.experts.top_k <= self.experts.count:
            raise self._refusal(f"{self.experts.top_k} of {self.experts.count} experts per token")
        if self.moe_layers > self.layers:
            raise self._refusal(f"experts in {self.moe_layers} of {self.layers} layers")
        if not 0 <= self.full_layers <= self.layers:
            raise self._refusal(f"full attention in {self.full_layers} of {self.layers} layers")
        if not 0 <= self.state_layers <= self.layers:
            raise self._refusal(f"a state in {self.state_layers} of {self.layers} layers")
        bound = self.window_tokens or self.ffn_apart
        if self.full_layers + self.state_layers < self.layers and not bound:
            raise self._refusal("layers that attend to a part of the context, and not to which")
        if self.dense_layers < 0:
            raise self._refusal(f"more parts than its {self.layers} layers")
        if self.attention_layers and not (self.heads and self.kv_heads and self.head_dim):
            raise self._refusal("attention without heads, or heads without a size")

    def _refusal(self, has: str) -> BadInput:
        return BadInput(f"the model {self.name} has {has}", hint="correct its sizes")

    @property
    def moe_layers(self) -> int:
        """Layers with routed experts."""
        return 0 if self.experts is None else self.experts.layers

    @property
    def state_layers(self) -> int:
        """Layers with a state of fixed size."""
        return 0 if self.states is None else self.states.layers

    @property
    def window_layers(self) -> int:
        """Layers that attend to a part of the context."""
        others = self.layers - self.full_layers - self.state_layers
        return max(0, others) if self.window_tokens else 0

    @property
    def attention_layers(self) -> int:
        """Layers with attention, whole or of a part."""
        return self.full_layers + self.window_layers

    @property
    def dense_layers(self) -> int:
        """Layers with a dense feed-forward network."""
        apart = self.attention_layers + self.state_layers if self.ffn_apart else 0
        return self.layers - self.moe_layers - apart

    @property
    def parts(self) -> int:
        """Attentions, states, networks and experts: each ends in a sum over GPUs that split it."""
        return self.attention_layers + self.state_layers + self.dense_layers + self.moe_layers


def _sizes(part: Any) -> Iterator[tuple[str, int]]:
    """Every size of a model and of its parts, by name."""
    for field in fields(part):
        value = getattr(part, field.name)
        if is_dataclass(value):
            yield from _sizes(value)
        elif type(value) is int:
            yield field.name, value
