"""Parameters of a whole model, counted from its sizes: norms and biases are left out."""

from ....store.serving.whole_model import WholeModel


def attention_parameters(model: WholeModel) -> int:
    """Parameters of attention, its indexers and layers with a state, of all layers."""
    states = 0 if model.states is None else model.states.layers * model.states.parameters
    return model.attention_layers * _projections(model) + _indexers(model) + states


def _projections(model: WholeModel) -> int:
    """Parameters of one layer's projections: queries, keys, values, output, gate."""
    size, latent = model.hidden_size, model.latent
    if latent is None:
        per_head = model.heads * model.head_dim
        rank = model.query_rank
        queries = rank * (size + per_head) if rank else size * per_head
        gate = size * per_head if model.output_gate else 0
        return queries + gate + size * (2 * model.kv_heads * model.head_dim + per_head)
    per_query = model.heads * (latent.nope_dim + latent.rope_dim)
    rank = latent.query_rank
    queries = rank * (size + per_query) if rank else size * per_query
    compressed = size * (latent.kv_rank + latent.rope_dim)
    expanded = latent.kv_rank * model.heads * (latent.nope_dim + latent.value_dim)
    results = model.heads * latent.value_dim * size
    return queries + compressed + expanded + (2 if model.output_gate else 1) * results


def _indexers(model: WholeModel) -> int:
    """Queries from the latent ones, one key, and a weight of each head (DeepSeek-V3.2)."""
    if (index := model.index) is None:
        return 0
    rank = model.hidden_size if model.latent is None else model.latent.query_rank
    queries = rank * index.heads * index.head_dim
    return index.layers * (queries + model.hidden_size * (index.head_dim + index.heads))


def dense_parameters(model: WholeModel) -> int:
    """Parameters that every token uses beside attention and head: dense FFN, shared, router."""
    size, per_width = model.hidden_size, model.ffn_matrices * model.hidden_size
    dense = model.dense_layers * per_width * model.intermediate_size
    if (experts := model.experts) is None:
        return dense
    to_latent = 2 * size * experts.latent_size
    shared = per_width * experts.shared_intermediate_size
    return dense + experts.layers * (shared + size * experts.count + to_latent)


def expert_parameters(model: WholeModel) -> int:
    """Parameters of one routed expert of one layer; 0 for a model without."""
    if (experts := model.experts) is None:
        return 0
    width = experts.latent_size or model.hidden_size
    return model.ffn_matrices * width * experts.intermediate_size


def head_parameters(model: WholeModel) -> int:
    """Parameters of the output head, as many as those of the embedding."""
    return model.vocabulary * model.hidden_size


def total_parameters(model: WholeModel) -> int:
    """All parameters but norms and biases: within 0.5 % of what is published."""
    routed = 0 if model.experts is None else model.experts.layers * model.experts.count
    embeddings = head_parameters(model) * (1 if model.tied else 2)
    every = attention_parameters(model) + dense_parameters(model) + embeddings
    return every + routed * expert_parameters(model)
