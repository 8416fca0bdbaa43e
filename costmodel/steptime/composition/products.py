"""The matrix products that one GPU of a deployment computes in each step, beside routed experts.

Not among them are the head, the router, indexers, layers with a state, and the products that a
latent cache is absorbed by: the physics fit prices what they compute.
"""

from dataclasses import dataclass

from ..features.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Product:
    """y [tokens, outputs] = x [tokens, inputs] times weights, in `layers` layers of one GPU.

    `op` and `shape` name it in a model that moeprof measured (docs/ops.md); `arithmetic` is the
    type that it is computed in.
    """

    layers: int
    outputs: int
    inputs: int
    op: str
    shape: tuple[int, ...]
    arithmetic: str


def products_of(served: Deployment) -> tuple[Product, ...]:
    """The products of a deployment; heads and widths are split over its tp GPUs."""
    model = served.model
    attention = _grouped_heads if model.latent is None else _latent
    shared = 0 if model.experts is None else model.experts.shared_intermediate_size
    return (
        *(attention(served, model.attention_layers) if model.attention_layers else ()),
        *_feed_forward(served, model.dense_layers, model.intermediate_size),
        *_feed_forward(served, model.moe_layers, shared),
    )


def _grouped_heads(served: Deployment, layers: int) -> tuple[Product, ...]:
    """Queries, their gate, keys and values at once; queries by their rank where they have one."""
    model, tp, kind = served.model, served.tp, served.precision.attention_type
    size, width, rank = model.hidden_size, model.head_dim, model.query_rank
    heads, kv_heads = model.heads // tp, max(1, model.kv_heads // tp)
    queries, keys = heads * width * (2 if model.output_gate else 1), 2 * kv_heads * width
    if rank:
        before = [
            Product(layers, rank + keys, size, "q_a", (size, rank), kind),
            Product(layers, queries, rank, "q_b", (rank, queries), kind),
        ]
    else:
        shape = (size, queries // width, kv_heads, width)
        before = [Product(layers, queries + keys, size, "qkv", shape, kind)]
    after = Product(layers, size, heads * width, "o_proj", (heads, width, size), kind)
    return (*before, after)


def _latent(served: Deployment, layers: int) -> tuple[Product, ...]:
    """Of latent attention: queries by their own rank where they have one; heads alone are split."""
    model, latent = served.model, served.model.latent
    assert latent is not None
    size, kind, heads = model.hidden_size, served.precision.attention_type, model.heads // served.tp
    nope, rope, rank = latent.nope_dim, latent.rope_dim, latent.query_rank
    width = heads * (nope + rope)
    if rank:
        queries = [
            Product(layers, rank, size, "q_a", (size, rank), kind),
            Product(layers, width, rank, "q_b", (rank, heads, nope, rope), kind),
        ]
    else:
        queries = [Product(layers, width, size, "q_proj", (size, heads, nope, rope), kind)]
    cached, values = latent.kv_rank + rope, heads * latent.value_dim
    return (
        *queries,
        Product(layers, cached, size, "kv_a", (size, latent.kv_rank, rope), kind),
        Product(layers, size, values, "o_proj", (heads, latent.value_dim, size), kind),
    )


def _feed_forward(served: Deployment, layers: int, width: int) -> tuple[Product, ...]:
    if not layers or not width:
        return ()
    model, kind = served.model, served.precision.ffn_type
    size, share = model.hidden_size, _split(width, served.tp)
    up = (model.ffn_matrices - 1) * share
    first, second = ("w13", "w2") if model.ffn_matrices == 3 else ("fc1", "fc2")
    return (
        Product(layers, up, size, first, (size, share), kind),
        Product(layers, size, share, second, (share, size), kind),
    )


def _split(width: int, ways: int) -> int:
    return -(-width // ways)
