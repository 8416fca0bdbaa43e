"""A whole language model by its sizes: what a step of its decoding reads, computes and sends."""

from dataclasses import dataclass

from ..errors import BadInput


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
class Experts:
    """Routed experts: `top_k` of `count` per token, each of `intermediate_size`.

    They are in `layers` layers. `shared_intermediate_size` is the width of the experts that every
    token goes to, together; 0 for none.
    """

    count: int
    top_k: int
    intermediate_size: int
    layers: int
    shared_intermediate_size: int = 0


@dataclass(frozen=True, slots=True)
class WholeModel:
    """Sizes of a model as its config.json states them.

    `full_layers` of its `layers` attend to the whole context; the others to a window of
    `window_tokens`, or by linear attention of `linear_parameters` per layer where the window is 0.
    `sparse_tokens` bounds the tokens that a full layer reads (DeepSeek sparse attention), 0 for no
    bound. `ffn_matrices` is 3 for a gated feed-forward network, else 2. `tied` says that the head
    shares its weights with the embedding. `max_context_tokens` bounds prompt and output of a
    request together; None where nothing says. Raises BadInput for sizes that contradict each other.
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
    linear_parameters: int = 0
    sparse_tokens: int = 0
    ffn_matrices: int = 3
    tied: bool = False
    experts: Experts | None = None
    latent: LatentAttention | None = None
    max_context_tokens: int | None = None

    def __post_init__(self) -> None:
        """Refuse sizes of which no model can be made."""
        if self.experts is not None and not 1 <= self.experts.top_k <= self.experts.count:
            raise self._refusal(f"{self.experts.top_k} of {self.experts.count} experts per token")
        if self.moe_layers > self.layers:
            raise self._refusal(f"experts in {self.moe_layers} of {self.layers} layers")
        if not 0 <= self.full_layers <= self.layers:
            raise self._refusal(f"full attention in {self.full_layers} of {self.layers} layers")
        if self.full_layers < self.layers and not (self.window_tokens or self.linear_parameters):
            raise self._refusal("layers that attend to a part of the context, and not to which")

    def _refusal(self, has: str) -> BadInput:
        return BadInput(f"the model {self.name} has {has}", hint="correct its sizes")

    @property
    def moe_layers(self) -> int:
        """Layers with routed experts."""
        return 0 if self.experts is None else self.experts.layers

    @property
    def other_layers(self) -> int:
        """Layers with a window or with linear attention."""
        return self.layers - self.full_layers
