"""How a model is split over GPUs, and which splits engines can make."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ....device.peaks import GpuSheet
from ....store.errors import BadInput
from ....store.serving.whole_model import WholeModel


@dataclass(frozen=True, slots=True)
class Split:
    """Tensor parallel, expert parallel and data parallel GPUs: see Deployment."""

    tp: int = 1
    ep: int = 1
    dp: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of the instance."""
        return self.tp * self.dp


def check_split(model: WholeModel, sheet: GpuSheet, split: Split) -> None:
    """Raise BadInput for a split that engines refuse, or that leaves the links of the GPU."""
    if min(split.tp, split.ep, split.dp) < 1:
        raise BadInput(
            f"tp {split.tp}, ep {split.ep} and dp {split.dp} must be 1 or more",
            hint="leave out what is not split",
        )
    if not shares_heads(model, split.tp):
        raise BadInput(
            f"{split.tp} GPUs cannot share the {_heads(model)} of {model.name} evenly",
            hint=f"give --tp {_listed(tensor_splits(model, sheet.exchanging_gpus))}",
        )
    _check_experts(model, split)
    joined, most = exchanging_gpus(model, split), sheet.exchanging_gpus
    if joined > most:
        raise BadInput(
            f"{joined} {sheet.name} exchange what each computes, and {most} at most are joined by"
            " their links or in one machine: the network between nodes is not counted",
            hint=f"give a split of {most} GPUs at most",
        )


def exchanging_gpus(model: WholeModel, split: Split) -> int:
    """GPUs that exchange what they compute: groups of a model without experts do not."""
    return split.tp if model.experts is None else split.gpus


def _check_experts(model: WholeModel, split: Split) -> None:
    if split.ep == 1:
        return
    if (experts := model.experts) is None:
        raise BadInput(
            f"{model.name} has no experts to spread over {split.ep} GPUs", hint="leave out --ep"
        )
    if split.gpus % split.ep or split.ep > experts.count:
        raise BadInput(
            f"the {experts.count} experts of {model.name} cannot be spread over {split.ep} parts of"
            f" {split.gpus} GPUs",
            hint=f"give --ep {_listed(_divisors(split.gpus, experts.count))}",
        )


def tensor_splits(model: WholeModel, most: int) -> Iterator[int]:
    """Numbers of GPUs up to `most` that can split each layer."""
    return (tp for tp in range(1, most + 1) if shares_heads(model, tp))


def most_tensor_gpus(model: WholeModel, sheet: GpuSheet, dp: int) -> int:
    """GPUs that can split a layer; groups of a model without experts exchange nothing."""
    return sheet.exchanging_gpus if model.experts is None else sheet.exchanging_gpus // dp


def shares_heads(model: WholeModel, tp: int) -> bool:
    """Whether each of `tp` GPUs gets as many heads as the others.

    Key and value heads are dealt out, or each is repeated on as many GPUs; a latent cache has none.
    """
    if model.attention_layers == 0:
        return True
    pairs = 1 if model.latent is not None else model.kv_heads
    return model.heads % tp == 0 and (pairs % tp == 0 or tp % pairs == 0)


def _heads(model: WholeModel) -> str:
    if model.latent is not None or model.kv_heads == model.heads:
        return f"{model.heads} heads"
    return f"{model.heads} heads and {model.kv_heads} heads of keys and values"


def _divisors(gpus: int, most: int) -> Iterator[int]:
    return (ep for ep in range(1, min(gpus, most) + 1) if gpus % ep == 0)


def _listed(numbers: Iterable[int]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last
