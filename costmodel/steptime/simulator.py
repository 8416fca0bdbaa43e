"""Step and queue times for a simulator of serving: a few microseconds a call, and no arrays.

    simulator = Simulator.of(file, served)
    simulator.step_us(Batch(decoding=32, context_tokens=1500.0))
    simulator.queue_us(Request(prompt_tokens=512), QueueState(waiting=3, kv_ratio=0.8))
    simulator.token_us(context_tokens=700)

What it says of steps that decode alone is what `predict_steps` says of them (quick/). One
that holds prompts takes so much longer as the fit tells of prompts: in its rows these came with a
share of the steps, so that for single ones that is an assumption, unless rows of single steps were
fitted. It never takes less than the same step without prompts, nor with fewer tokens of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from ...store.errors import BadInput
from ...store.serving.own_forms import OwnForm
from ...store.serving.step_time_model import StepTimeFile
from .engine.memory import memory_of
from .engine.offload import offload_us
from .engine.settings import EngineSettings
from .features.cache_types import BF16_BYTES, kv_value_bytes
from .features.deployment import Deployment
from .features.steps import Array, Steps
from .known.target import single_target_of
from .prediction.asked_rows import as_rows
from .prediction.from_file import step_model_of
from .queue.delays import Delays, QueueState, Request
from .quick.closed_form import Predict, QuickForm
from .quick.known import QuickKnown, QuickShorter
from .quick.srfa import QuickSrfa
from .rows.serving_rows import ServingRows
from .srfa.form import Srfa
from .step_model import StepModel

__all__ = ["Batch", "QueueState", "Request", "Simulator"]

Quick = QuickForm | QuickSrfa | QuickKnown | QuickShorter
_MOST_RUNNING: Final = 2048  # requests of the table; beyond, or for another form, arrays answer
_MOST_TOKENS: Final = 1e9
# Settings that bound what the steps of a Batch hold.
_OF_REQUESTS: Final = ("max_num_batched_tokens", "max_num_seqs", "max_model_len", "prefix_hit")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of the whole instance works on.

    `decoding` requests decode a token each, at a mean context of `context_tokens`. `prefill_tokens`
    of prompts are computed, each of which attends to `attended_tokens` in the mean: half of its
    length for a prompt that is computed whole.
    """

    decoding: int
    context_tokens: float = 0.0
    prefill_tokens: int = 0
    attended_tokens: float = 0.0

    @classmethod
    def of(cls, contexts: Sequence[int], chunks: Sequence[tuple[int, int]] = ()) -> Self:
        """From the context of each request that decodes, and the chunks of prompts.

        A chunk is the tokens that its prompt has in the cache already, and those computed now.
        """
        computed = sum(tokens for _, tokens in chunks)
        pairs = sum(tokens * (cached + tokens / 2) for cached, tokens in chunks)
        mean = sum(contexts) / len(contexts) if contexts else 0.0
        return cls(len(contexts), mean, computed, pairs / computed if computed else 0.0)

    def steps(self) -> Steps:
        """The same for the vectorised prediction."""
        values = (
            self.decoding,
            self.context_tokens,
            self.prefill_tokens,
            2 * self.attended_tokens,
            self.prefill_tokens > 0,
        )
        return Steps(*(np.asarray([float(value)]) for value in values))


@dataclass(frozen=True, slots=True)
class Simulator:
    """One deployment; `is_quick` says whether steps come from a closed form or from arrays.

    `queue` are the delays of the file, None where it has none.
    """

    served: Deployment
    is_quick: bool
    queue: Delays | None
    _decode: Quick = field(repr=False)
    _mixed: Quick = field(repr=False)
    _arrays: dict[bool, Predict] = field(repr=False)

    @classmethod
    def of(
        cls,
        file: StepTimeFile,
        served: Deployment,
        settings: EngineSettings | None = None,
        version: str = "",
    ) -> Self:
        """Prepare the forms, in some 50 ms. `version` is that of the engine.

        Raises BadInput where the file has no fit of mean steps, where the model does not fit, for a
        type of the cache that is not the deployment's, and for bounds of requests and tokens, which
        are the simulator's own to keep.
        """
        settings = EngineSettings() if settings is None else settings
        _check(served, settings)
        memory_of(served, settings)
        models = [single_steps_of(file, served, prompts=prompts) for prompts in (False, True)]
        forms = [_Form(one, served, settings, version) for one in models]
        decode, mixed = (one.quick() for one in forms)
        arrays: dict[bool, Predict] = {False: forms[0].step_us, True: forms[1].step_us}
        quick = decode.agrees(arrays[False]) and mixed.agrees(arrays[True])
        queue = None if file.queue is None else Delays.of(file.queue, served)
        return cls(served, quick, queue, decode, mixed, arrays)

    def step_us(self, batch: Batch) -> float:
        """The time of one step. Raises BadInput for sizes below 0, or not finite."""
        running, prefill = batch.decoding, batch.prefill_tokens
        context, attended = batch.context_tokens, batch.attended_tokens
        is_a_step = (
            0 <= running <= _MOST_TOKENS
            and 0 <= context <= _MOST_TOKENS
            and 0 <= prefill <= _MOST_TOKENS
            and 0 <= attended <= _MOST_TOKENS
        )
        if not is_a_step:
            raise BadInput(f"{batch} is no step", hint=f"give sizes of 0 to {_MOST_TOKENS:g}")
        if not (running or prefill):
            return 0.0
        if not self.is_quick or running > _MOST_RUNNING:
            return float(self._arrays[prefill > 0](batch.steps())[0])
        form = self._mixed if prefill else self._decode
        return form.step_us(running, context, prefill, 2 * attended)

    def queue_us(self, request: Request, state: QueueState) -> float:
        """From the arrival of a request to its scheduling.

        Raises BadInput where the file has no such delay, and for sizes below 0 or not finite.
        """
        return self._delays().queue_us(request, state)

    def token_us(self, context_tokens: float) -> float:
        """Between two tokens of a request of this context; it holds the step.

        Raises BadInput where the file has no such delay, and for a size below 0 or not finite.
        """
        return self._delays().token_us(context_tokens)

    def _delays(self) -> Delays:
        """The delays. Raises BadInput where there are none."""
        return Delays.of(None, self.served) if self.queue is None else self.queue


def _check(served: Deployment, settings: EngineSettings) -> None:
    """Refuse settings that steps of given work do not depend on."""
    if kv_value_bytes(settings.kv_cache_dtype) not in (BF16_BYTES, served.kv_value_bytes):
        raise BadInput(
            f"kv-cache-dtype is {settings.kv_cache_dtype}, and the cache of the deployment has"
            f" {served.kv_value_bytes:g} bytes a value",
            hint="give the type of the cache to deployment(..., kv_cache_dtype=...)",
        )
    free = EngineSettings()
    for name in _OF_REQUESTS:
        if (value := getattr(settings, name)) != getattr(free, name):
            raise BadInput(
                f"{name} is {value:g}, and a Simulator is asked for single steps, whatever bounds"
                " their requests",
                hint="leave it out here, and let your simulator keep the bound",
            )


def single_steps_of(file: StepTimeFile, served: Deployment, *, prompts: bool) -> StepModel:
    """What predicts single steps of a deployment, with or without `prompts`.

    Raises BadInput where the file has no fit of them.
    """
    target = single_target_of(file, served, prompts=prompts)
    return step_model_of(file, target).of_single_steps()


@dataclass(frozen=True, slots=True)
class _Form:
    """Steps of one deployment by one fit; us."""

    model: StepModel
    served: Deployment
    settings: EngineSettings
    version: str

    def step_us(self, steps: Steps) -> Array:
        return self.model.step_us(self._rows(steps)) + self._added_us(steps)

    def quick(self) -> Quick:
        """The same in closed form."""
        if (bound := self.model.bound) is not None:
            free = replace(self, model=replace(self.model, bound=None)).quick()
            if not bound.holds(self.served):
                return free
            return QuickShorter(free, replace(self, model=bound.model).quick(), _MOST_RUNNING)
        if (own := self._own()) is not None:
            # An own form is beside the step of an engine of no known version.
            pooled = replace(
                self, model=self.model.pooled(), settings=EngineSettings(), version=""
            ).quick()
            assert not isinstance(pooled, QuickKnown | QuickShorter)
            added = None
            if self.settings.cpu_offload_bytes:
                added = QuickForm.of(self._added_us, self.served, _MOST_RUNNING)
            return QuickKnown(pooled, own, added, _MOST_RUNNING)
        form = self.model.form
        if isinstance(form, Srfa):
            parts = (form, self._rows, self._added_us, self.served, _MOST_RUNNING)
            return QuickSrfa.of(*parts)
        return QuickForm.of(self.step_us, self.served, _MOST_RUNNING)

    def _own(self) -> OwnForm | None:
        """The form that moves the steps of the configuration; None: none does."""
        if self.model.known is None:
            return None
        own = self.model.known.of(self.served.configuration, self.version)
        return None if own is None or own.is_pooled else own

    def _rows(self, steps: Steps) -> ServingRows:
        return as_rows(self.served, steps, self.version)

    def _added_us(self, steps: Steps) -> Array:
        return offload_us(self.served, steps, self.settings)
