"""Find operations: moeprof's own, those of installed packages, and those in a user's file."""

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from ..store.errors import BadInput, shortened
from .engines.registry import (
    NO_ABSENCES,
    Absences,
    engine_operation,
    left_out,
    operations_here,
)
from .engines.registry import OPERATIONS as ENGINE_OPERATIONS
from .op_file import read_op_file
from .operation import Operation
from .ops import dequant_linear, dequant_unpack, experts, fc1, fc2, gelu, relu, topk
from .ops.attention import absorbed, attention, latent, projections
from .ops.layer import (
    act_mul,
    gate,
    moe_layer,
    moe_layer_packed,
    packed,
    permute,
    routed_experts,
    routers,
    shared_expert,
    unpermute,
    w2,
    w13,
)
from .preset import Preset, load_preset

CATALOGUE: Final = tuple(
    module.OPERATION for module in (fc1, fc2, gelu, relu, dequant_unpack, dequant_linear, topk)
)
_LAYER: Final = (
    gate.OPERATION, *routers.OPERATIONS, permute.OPERATION, w13.W13, w13.W13_GROUPED,
    *act_mul.OPERATIONS.values(), w2.W2, w2.W2_GROUPED, packed.W13, packed.W2, packed.SHARED,
    unpermute.OPERATION, shared_expert.OPERATION, routed_experts.PLAIN, routed_experts.PACKED,
    moe_layer.OPERATION, moe_layer_packed.OPERATION,
)  # fmt: skip
_ATTENTION: Final = (
    projections.QKV, attention.PREFILL, attention.DECODE, projections.O_PROJ, projections.Q_A,
    projections.Q_B, projections.Q_PROJ, projections.KV_A, projections.KV_B, latent.PREFILL,
    absorbed.QUERIES, latent.DECODE, absorbed.VALUES,
)  # fmt: skip


def is_dense(preset: Preset) -> bool:
    """Whether every token goes to the one expert, so that there is nothing to route."""
    return preset.experts == 1


def unit_operation(preset: Preset) -> Operation | None:
    """The layer as one operation; None for one rank of several, and for a dense layer."""
    if preset.local_experts is not None or is_dense(preset):
        return None
    return moe_layer.OPERATION if preset.weight_format is None else moe_layer_packed.OPERATION


def layer_of(preset: Preset) -> tuple[Operation, ...]:
    """The operations of a layer as the preset has it, and of a whole one the layer as a unit.

    Experts are packed where the preset names a format for their weights. A dense layer routes no
    token: it has neither a router nor rows to bring to experts and back.
    """
    packs = preset.weight_format is not None
    up, down = (w13.W13, w2.W2) if is_dense(preset) else (w13.W13_GROUPED, w2.W2_GROUPED)
    experts_of = (packed.W13, packed.W2) if packs else (
        up, act_mul.OPERATIONS[preset.activation], down,
    )  # fmt: skip
    to_experts = (gate.OPERATION, moe_layer.ROUTERS[preset.router], permute.OPERATION)
    if not is_dense(preset):
        experts_of = (*to_experts, *experts_of, unpermute.OPERATION)
    shared = packed.SHARED if packs else shared_expert.OPERATION
    unit = unit_operation(preset)
    return (
        *experts_of, *(() if preset.shared_ffn is None else (shared,)),
        *(() if unit is None else (unit,)),
    )  # fmt: skip


def attention_of(preset: Preset) -> tuple[Operation, ...]:
    """The operations of attention as the preset has it: of heads of keys, or latent (MLA).

    Raises BadInput for a preset that names no attention.
    """
    if preset.heads is None:
        raise BadInput(
            f"--ops step measures attention too, and the preset {preset.name} names none",
            hint="--ops layer measures what it names; of a config.json `moeprof scenario --from`"
            " says why attention is left out",
        )
    if preset.kv_lora_rank is None:
        return projections.QKV, attention.PREFILL, attention.DECODE, projections.O_PROJ
    direct = preset.q_lora_rank is None
    return (
        *((projections.Q_PROJ,) if direct else (projections.Q_A, projections.Q_B)),
        projections.KV_A, projections.KV_B, latent.PREFILL, absorbed.QUERIES, latent.DECODE,
        absorbed.VALUES, projections.O_PROJ,
    )  # fmt: skip


def engines_of(preset: Preset, absent: Absences) -> tuple[Operation, ...]:
    """Our routed experts, and other engines' that can be measured here, as the preset has them."""
    return (routed_experts.PLAIN, routed_experts.PACKED, *operations_here(preset, absent))


OPERATIONS: Final = {
    one.name: one for one in (*CATALOGUE, *experts.OPERATIONS, *_LAYER, *_ATTENTION)
}
_ENGINES: Final = "engines"
SETS: Final[dict[str, Callable[[Preset, Absences], tuple[Operation, ...]]]] = {
    "all": lambda preset, absent: CATALOGUE,
    "experts": lambda preset, absent: experts.OPERATIONS,
    "layer": lambda preset, absent: layer_of(preset),
    "step": lambda preset, absent: (*layer_of(preset), *attention_of(preset)),
    _ENGINES: engines_of,
}
ENTRY_POINTS: Final = "moeprof.ops"
_FILE: Final = ".py"


@dataclass(frozen=True, slots=True)
class LoadedOp:
    """An operation, and the path of the user's file that defines it; None if it is installed.

    `preset` is the layer whose sizes it is measured at, None for the run's first one. `alias` is
    its name in a run that measures it at several sizes.
    """

    operation: Operation
    source: str | None = None
    preset: Preset | None = None
    alias: str | None = None

    @property
    def name(self) -> str:
        """Its name in the run: that of its script, its recordings and its log."""
        return self.alias or self.operation.name


def find_ops(
    words: str, preset: Preset | None = None, absent: Absences = NO_ABSENCES
) -> list[LoadedOp]:
    """Resolve a comma-separated list of sets, names and Python files to operations.

    The set "all" is the catalogue of seven, "experts" the grouped experts at three numbers of
    active experts, "layer" a layer as `preset` has it, or the preset small where none is given, and
    "step" adds its attention. "engines" is our routed experts beside other engines' that are
    installed here and not `absent`. An operation of two sets is taken once. A name is that of any
    operation of moeprof or of an entry point of an installed package in the group `moeprof.ops`. A
    file is executed, and every module-level Operation in it is taken. Raises BadInput for an
    unknown name, that of an engine whose package is not here in a known version, a file that fails
    or defines no operation, and a name that occurs twice.
    """
    found: list[LoadedOp] = []
    for word in words.split(","):
        new = _find(word.strip(), preset or load_preset("small"), absent)
        found += [one for one in new if word.strip() not in SETS or one not in found]
    names = [each.operation.name for each in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"--ops {words!r} names the operation {twice[0]} twice")
    return found


def takes_engines(words: str) -> bool:
    """Whether a list as `find_ops` takes it names the set "engines"."""
    return _ENGINES in (word.strip() for word in words.split(","))


def left_out_of(words: str, layers: Sequence[Preset], absent: Absences) -> list[str]:
    """A sentence for each operation that the set "engines" among `words` leaves out here."""
    return [*left_out(layers, absent)] if takes_engines(words) else []


def op_paths(words: str) -> list[Path]:
    """Paths of the Python files in a list as `find_ops` takes it."""
    return [_absolute(word.strip()) for word in words.split(",") if word.strip().endswith(_FILE)]


def load_op_file(path: Path) -> list[LoadedOp]:
    """Execute one Python file, as `read_op_file` does; give its operations with its path."""
    return [LoadedOp(operation, str(path)) for operation in read_op_file(path)]


def _absolute(path: str) -> Path:
    return Path(os.path.realpath(path))  # `resolve` of a Path raises for a loop of links


def _find(word: str, preset: Preset, absent: Absences) -> list[LoadedOp]:
    if word in SETS:
        return [LoadedOp(operation) for operation in SETS[word](preset, absent)]
    if word.endswith(_FILE):
        return load_op_file(_absolute(word))
    if word in OPERATIONS:
        return [LoadedOp(OPERATIONS[word])]
    if word in ENGINE_OPERATIONS:
        return [LoadedOp(engine_operation(word, absent))]
    installed = metadata.entry_points(group=ENTRY_POINTS)
    if word in installed.names:
        return [LoadedOp(_loaded(installed[word]))]
    known = [*OPERATIONS, *ENGINE_OPERATIONS, *sorted(installed.names), *SETS]
    near = difflib.get_close_matches(word, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise BadInput(
        f"there is no operation {shortened(word)!r}",
        hint=f"{meant}there are {', '.join(known)}, and a Python file of your own",
    )


def _loaded(entry: metadata.EntryPoint) -> Operation:
    try:
        operation = entry.load()
    except (Exception, SystemExit) as error:
        raise BadInput(f"the installed operation {entry.name} does not load: {error}") from error
    if not isinstance(operation, Operation):
        raise BadInput(f"the entry point {entry.value} is no Operation")
    if operation.name != entry.name:
        raise BadInput(
            f"the entry point {entry.name!r} gives an operation called {operation.name!r}",
            hint="give the entry point the operation's name",
        )
    return operation
