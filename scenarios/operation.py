"""An operation: what is timed, on which inputs, and its theoretical FLOPs and bytes.

docs/ops.md shows how to write one.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ..store.errors import BadInput
from ..store.scenario import L2, Scenario
from .preset import OPTIONAL_SIZES, Preset

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SIZES = ("hidden", "ffn", "experts", "top_k", *OPTIONAL_SIZES, "context", "groups", "kept_groups")
_WEIGHTS = ("weight_bits", "group_size")
_FIELDS = (*_WEIGHTS, "experts", "top_k")
_WORDS = ("router", "activation", "routing")
_VARIANTS = ("weight_format", *_WORDS)


class InputFactory(Protocol):
    """Returns random data, in the scenario's dtype unless `dtype` is given.

    Floating-point data is standard normal, integers are random bits. With `draw`, the data are what
    it makes of a vector of standard normal numbers in float32, once in a process: a vector of
    `dtype`, repeated as often as needed. Calls with equal `draw` share it.
    """

    def __call__(
        self,
        shape: tuple[int, ...],
        dtype: torch.dtype | None = None,
        draw: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return a contiguous tensor of `shape` on the device under test."""
        ...


Take = InputFactory  # former name, which existing operation files import


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, to be measured over batch sizes.

    `make_inputs(take, tokens, ...)` returns the arguments of `run` as a tuple; `take` is an
    InputFactory, and further arguments are named after the sizes that it needs: those of `shape`,
    weight_bits, group_size, active_experts, and the words of `variant`. A size
    that not every preset has may have a default, and is then left out of the shape too.
    `run(*inputs)` is timed. Both must be written with `def`, because the isolated script contains
    their source; `imports` are the import lines that they need there besides `import torch`.

    `reference(*inputs)`, if given, computes the same as `run` in the dtype of its inputs.
    `flops(tokens, preset)` is the arithmetic of one call. `bytes_moved(tokens, preset,
    dtype_bytes)` counts each operand once, in bytes.

    `shape` lists the sizes of a preset (hidden, ffn, experts, top_k, shared_ffn, those of
    attention, context, groups, kept_groups) that form the scenario's shape. `fields` lists the
    other fields (weight_bits, group_size, experts, top_k) that identify the scenario, and `variant`
    the words (weight_format, router, activation, routing).

    `active_experts(preset)`, for an operation that routes, is the number of experts that get a
    token. Operations that differ in that number alone share a `surface`, and are fitted together
    under that name.

    Raises BadInput for a name that is no slug, for a `make_inputs` or `run` not written with `def`,
    and for an unknown size or field.
    """

    name: str
    make_inputs: Callable[..., tuple[Any, ...]]
    run: Callable[..., object]
    flops: Callable[[int, Preset], int]
    bytes_moved: Callable[[int, Preset, int], int]
    reference: Callable[..., object] | None = None
    shape: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    active_experts: Callable[[Preset], int] | None = None
    surface: str | None = None

    def __post_init__(self) -> None:
        for name in (self.name, self.surface or self.name):
            if not _NAME.fullmatch(name):
                raise BadInput(
                    f"{name!r} is no name for an operation",
                    hint="use a-z, 0-9 and underscores, a letter first",
                )
        for what in ("make_inputs", "run"):
            function = getattr(self, what)
            if not inspect.isfunction(function) or function.__name__ == "<lambda>":
                raise BadInput(
                    f"{what} of {self.name} is no function made by def",
                    hint="write it out: the isolated script holds its text",
                )
        self._check_sizes()

    def _check_sizes(self) -> None:
        routed = () if self.active_experts is None else ("active_experts",)
        arguments = (*_SIZES, *_WEIGHTS, *routed, *_VARIANTS)
        checked = (
            ("shape", self.shape, _SIZES),
            ("fields", self.fields, _FIELDS),
            ("variant", self.variant, _VARIANTS),
            ("make_inputs", self._arguments(), arguments),
        )
        for what, given, known in checked:
            for size in given:
                if size not in known:
                    raise BadInput(
                        f"{what} of {self.name} names {size!r}", hint=f"known: {', '.join(known)}"
                    )

    def sizes(self, preset: Preset) -> dict[str, Any]:
        """The sizes and words that `make_inputs` has as arguments, by name."""
        known = {name: getattr(preset, name) for name in (*_SIZES, *_WEIGHTS, *_WORDS)}
        known["weight_format"] = preset.packed_format
        self._check_known(preset, self._arguments())
        if self.active_experts is not None:
            known["active_experts"] = self._count("active_experts", preset)
        return {size: known[size] for size in self._arguments() if known[size] is not None}

    def possible(self, preset: Preset, batch_sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Those of `batch_sizes` whose tokens can reach all active experts.

        Raises BadInput if there is none.
        """
        if self.active_experts is None:
            return batch_sizes
        active = self._count("active_experts", preset)
        enough = tuple(size for size in batch_sizes if size * preset.top_k >= active)
        if not enough:
            raise BadInput(
                f"{self.name} has {active} active experts, and {batch_sizes[-1]} tokens to"
                f" {preset.top_k} each reach no more than {batch_sizes[-1] * preset.top_k}",
                hint=f"measure at least {-(-active // preset.top_k)} tokens",
            )
        return enough

    def scenario(self, preset: Preset, tokens: int, dtype: str, l2: L2) -> Scenario:
        """Describe this operation at one batch size.

        Raises BadInput if `flops`, `bytes_moved` or `active_experts` raises, or returns no whole
        number of 64 bits from 0 on, and for a size of the shape that the preset does not name.
        """
        self._check_known(preset, self.shape)
        active = None if self.active_experts is None else self._count("active_experts", preset)
        dtype_bytes = getattr(torch, dtype).itemsize
        return Scenario(
            op=self.surface or self.name,
            tokens=tokens,
            shape=tuple(size for name in self.shape if (size := getattr(preset, name)) is not None),
            dtype=dtype,
            flops=self._count("flops", tokens, preset),
            bytes_moved=self._count("bytes_moved", tokens, preset, dtype_bytes),
            active_experts=active,
            l2=l2,
            variant=".".join(filter(None, (preset.variants[word] for word in self.variant)))
            or None,
            **{field: preset.identity[field] for field in self.fields},
        )

    def _check_known(self, preset: Preset, sizes: tuple[str, ...]) -> None:
        """Raise BadInput for one of these sizes that the preset does not name.

        An operation can do without one for which `make_inputs` has a default.
        """
        parameters = inspect.signature(self.make_inputs).parameters
        for size in sizes:
            spare = size in parameters and parameters[size].default is not inspect.Parameter.empty
            if not spare and size in OPTIONAL_SIZES and getattr(preset, size) is None:
                latent = size in ("kv_heads", "head_dim") and preset.kv_lora_rank is not None
                raise BadInput(
                    f"{self.name} needs {size}, and the preset {preset.name} names none",
                    hint="its attention is latent (MLA): `--ops step` has the operations of it"
                    if latent
                    else f"leave {self.name} out, or write {size} into a TOML of your own",
                )

    def _arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.make_inputs).parameters)[2:]

    def _count(self, what: str, *arguments: Any) -> int:
        try:
            number = getattr(self, what)(*arguments)
        except BadInput:
            raise
        except (Exception, SystemExit) as error:  # a user's function may raise anything
            where = "" if what == "active_experts" else f" at {arguments[0]} tokens"
            raise BadInput(f"{what} of {self.name} fails{where}: {error!r}") from error
        if type(number) is not int or number.bit_length() > 63:
            shown = "more than 64 bits" if type(number) is int else repr(number)
            raise BadInput(f"{what} of {self.name} gives {shown}, and not a whole number")
        if number < 0:
            raise BadInput(f"{what} of {self.name} gives {number}, and not a whole number from 0")
        return number
