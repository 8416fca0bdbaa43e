"""The kernels that compute an expert in a cost model, where none are named."""

from collections.abc import Sequence
from typing import Final

from ...costmodel.model import KernelCostModel
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes
from ...store.text.listed import listed
from .grouped import BALANCED
from .kind import ExpertKind

_BEFORE, _AFTER = "permute", "unpermute"
# The kernels of one expert: gated, with two matrices, and as vidur names them.
_CHAINS: Final = (
    ("w13", "act_mul", "w2"),
    ("fc1", "gelu", "fc2"),
    ("mlp_up_proj", "mlp_act", "mlp_down_proj"),
)


def known_kind(model: KernelCostModel) -> ExpertKind:
    """The kernels of the layer of gated experts, or the one grouped kernel, or single kernels.

    Raises BadInput where the model has none of these, or several grouped kernels.
    """
    measured = {curve.curve for curve in model.curves}
    for layer in model.file.layers:
        ops = _routed_parts(layer, measured)
        if ops:
            return ExpertKind(tuple(ops))
    grouped = [one.surface for one in model.file.surfaces]
    grouped += [one.curve for one in model.curves if one.op in BALANCED]
    if len(grouped) > 1:
        raise _name_them(f"several could compute the experts: {listed(grouped)}")
    if grouped:
        return ExpertKind((grouped[0],))
    known = {curve.op for curve in model.curves}
    for chain in _CHAINS:
        if known.issuperset(chain):
            return ExpertKind(chain)
    raise _name_them(f"no kernels of experts are known in it; it has {listed(sorted(known))}")


def _routed_parts(layer: LayerSizes, measured: set[str]) -> Sequence[str]:
    """The layer's own kernels between permute and unpermute; none where one was not measured."""
    ops = [part.op for part in layer.own_parts]
    if not {_BEFORE, _AFTER} <= set(ops):
        return ()
    parts = layer.own_parts[ops.index(_BEFORE) + 1 : ops.index(_AFTER)]
    return [part.op for part in parts] if all(part.curve in measured for part in parts) else ()


def _name_them(why: str) -> BadInput:
    return BadInput(
        f"which kernels of the model compute an expert is not clear: {why}",
        hint="name them by operation or curve: --experts 8:fc1+gelu+fc2",
    )
