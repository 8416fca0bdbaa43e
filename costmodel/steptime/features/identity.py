"""Which models are one: those whose steps read, compute and send the same."""

from collections.abc import Iterable
from math import isclose
from typing import Final

from ....store.serving.whole_model import WholeModel
from .attention import kv_values_per_token
from .parameters import attention_parameters, dense_parameters, expert_parameters

# Tables of models leave out indexers and gates of attention (6 and 8 % of it in GLM-5 and Qwen3.5),
# and vocabularies are padded. Other counts are equal or not.
_TOLERANCES: Final = {"parameters of attention": 0.1, "vocabulary": 0.1}


def differing_sizes(one: WholeModel, other: WholeModel) -> tuple[str, ...]:
    """What the steps of two models differ in, with both values; () where they are one model."""
    ours, theirs = _counted(one), _counted(other)
    return tuple(
        f"{what} {ours[what]:,} and {theirs[what]:,}"
        for what in ours
        if not isclose(ours[what], theirs[what], rel_tol=_TOLERANCES.get(what, 0.0))
    )


def same_model(asked: WholeModel, known: Iterable[WholeModel]) -> WholeModel | None:
    """The known model of the same sizes; of several that of the same name, else vocabulary."""

    def distance(model: WholeModel) -> tuple[bool, int]:
        other_name = model.name.casefold() != asked.name.casefold()
        return other_name, abs(model.vocabulary - asked.vocabulary)

    same = (model for model in known if not differing_sizes(asked, model))
    return min(same, key=distance, default=None)


def _counted(model: WholeModel) -> dict[str, int]:
    experts = model.experts
    return {
        "layers": model.layers,
        "width": model.hidden_size,
        "parameters of attention": attention_parameters(model),
        "parameters of dense layers": dense_parameters(model),
        "experts": 0 if experts is None else experts.count,
        "experts per token": 0 if experts is None else experts.top_k,
        "parameters of an expert": expert_parameters(model),
        "layers with experts": model.moe_layers,
        "layers of full attention": model.full_layers,
        "values cached by a layer": kv_values_per_token(model),
        "window": model.window_tokens if model.window_layers else 0,
        "tokens of sparse attention": model.sparse_tokens,
        "layers with a state": model.state_layers,
        "vocabulary": model.vocabulary,
    }
