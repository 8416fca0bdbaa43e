"""What a plan is asked for, and the experts that it is of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...costmodel.model import KernelCostModel
from ...router.kinds.kind import ExpertKind
from ...router.kinds.known import known_kind
from ...store.errors import BadInput, shortened

_MOST_EXPERTS: Final = 1024
_MOST_TOKENS: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuery:
    """What to plan for: a batch of `tokens` tokens on `gpus` GPUs.

    `experts` is a number, or numbers with the kernels that compute them, "8:fc1+gelu+fc2,8:gemm";
    None, as `top_k`, is that of the layer in the model. `routing` is uniform, zipf:SKEW or the path
    of a file of recorded counts. `kl_price_j` is what a nat of change may cost, in J,
    and in s where energy is unknown. `step` is a file of steps of the whole model, as
    `moeprof steptime predict --json` prints them.
    """

    tokens: int
    experts: str | None = None
    top_k: int | None = None
    gpus: int = 1
    routing: str = "uniform"
    power_cap_w: float | None = None
    temp_limit_c: float | None = None
    kl_price_j: float | None = None
    allow_estimates: bool = False
    step: Path | None = None


def check_sizes(query: PlanQuery) -> None:
    """Raise BadInput for a batch or a number of GPUs that is none."""
    if not 1 <= query.tokens <= _MOST_TOKENS:
        raise BadInput(f"--tokens is {query.tokens}, and must lie in 1..{_MOST_TOKENS}")
    if query.gpus < 1:
        raise BadInput(f"--gpus is {query.gpus}, and must be 1 or more")


def kinds_of(model: KernelCostModel, query: PlanQuery) -> list[ExpertKind]:
    """The kind of each expert.

    Raises BadInput where neither the query nor the model says how many there are, for a layer of
    which the model has one rank alone, and for words that are none.
    """
    if query.experts is None:
        ranks = [layer for layer in model.file.layers if layer.ranks > 1]
        if ranks:
            raise BadInput(
                "--experts is missing: the model is of one rank of expert parallelism, which holds"
                f" {ranks[0].held_experts} of {ranks[0].experts} experts",
                hint=f"--experts {ranks[0].experts}, and for a plan --gpus {ranks[0].ranks}",
            )
        held = {layer.held_experts for layer in model.file.layers}
        if len(held) != 1:
            raise BadInput(
                "--experts is missing: the model's layers do not say how many there are"
                if not held
                else f"--experts is missing: the model's layers have {sorted(held)}",
                hint="--experts 128, or --experts 64:fc1+gelu+fc2,64:dequant_linear+gelu+fc2",
            )
        return [known_kind(model)] * held.pop()
    kinds: list[ExpertKind] = []
    for words in query.experts.split(","):
        number, _, ops = words.partition(":")
        kind = ExpertKind(tuple(ops.split("+"))) if ops else known_kind(model)
        kinds += [kind] * _number(number, query.experts)
    if len(kinds) > _MOST_EXPERTS:
        raise BadInput(f"--experts makes {len(kinds)}, and must make at most {_MOST_EXPERTS}")
    return kinds


def _number(word: str, whole: str) -> int:
    if not (word.isascii() and word.isdigit() and 1 <= int(word[:5]) <= _MOST_EXPERTS):
        raise BadInput(
            f"--experts is {shortened(repr(whole))}, and {shortened(repr(word))} is no number from"
            f" 1 to {_MOST_EXPERTS}",
            hint="write 128, or numbers with kernels: 64:fc1+gelu+fc2,64:dequant_linear+gelu+fc2",
        )
    return int(word)


def top_k_of(model: KernelCostModel, query: PlanQuery) -> int:
    """The experts of a token. Raises BadInput where neither query nor model says it."""
    if query.top_k is not None:
        return query.top_k
    known = {layer.top_k for layer in model.file.layers}
    if len(known) != 1:
        raise BadInput(
            "--top-k is missing: the model's layers do not say how many experts a token goes to",
            hint="--top-k 8",
        )
    return known.pop()
