"""Parameters of a whole model, counted from its sizes: norms and biases are left out."""

from ....store.serving.whole_model import WholeModel


def attention_parameters(model: WholeModel) -> int:
    """Parameters of the projections around attention, of all layers."""
    full = model.full_layers if model.linear_parameters else model.layers
    linear = (model.layers - full) * model.linear_parameters
    return full * _projections(model) + linear


def _projections(model: WholeModel) -> int:
    """Parameters of one layer's projections: queries, keys, values, output."""
    size, latent = model.hidden_size, model.latent
    if latent is None:
        return size * model.head_dim * (2 * model.heads + 2 * model.kv_heads)
    per_query = model.heads * (latent.nope_dim + latent.rope_dim)
    rank = latent.query_rank
    queries = rank * (size + per_query) if rank else size * per_query
    compressed = size * (latent.kv_rank + latent.rope_dim)
    expanded = latent.kv_rank * model.heads * (latent.nope_dim + latent.value_dim)
    return queries + compressed + expanded + model.heads * latent.value_dim * size


def dense_parameters(model: WholeModel) -> int:
    """Parameters that every token uses beside attention and head: dense FFN, shared, router."""
    per_width = model.ffn_matrices * model.hidden_size
    dense = (model.layers - model.moe_layers) * per_width * model.intermediate_size
    if (experts := model.experts) is None:
        return dense
    router = model.hidden_size * experts.count
    return dense + experts.layers * (per_width * experts.shared_intermediate_size + router)


def expert_parameters(model: WholeModel) -> int:
    """Parameters of one routed expert of one layer; 0 for a model without."""
    if model.experts is None:
        return 0
    return model.ffn_matrices * model.hidden_size * model.experts.intermediate_size


def head_parameters(model: WholeModel) -> int:
    """Parameters of the output head, as many as those of the embedding."""
    return model.vocabulary * model.hidden_size


def total_parameters(model: WholeModel) -> int:
    """All parameters but norms and biases: within 0.5 % of what is published."""
    routed = 0 if model.experts is None else model.experts.layers * model.experts.count
    embeddings = head_parameters(model) * (1 if model.tied else 2)
    every = attention_parameters(model) + dense_parameters(model) + embeddings
    return every + routed * expert_parameters(model)
