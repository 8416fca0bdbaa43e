"""Gated experts by ours, torch's grouped product and transformers, on one CPU in one run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from moeprof.kernels.dispatch import permute, unpermute
from moeprof.kernels.gated import act_mul, gated_experts
from moeprof.scenarios.expert_loads import choices
from moeprof.scenarios.preset import Preset

CALLS = 40


@dataclass(frozen=True)
class PeerTime:
    """The fast quarter of the calls of one implementation, in us; None with the reason."""

    preset: str
    tokens: int
    peer: str
    latency_us: float | None
    reason: str = ""


@dataclass(frozen=True)
class _Problem:
    """Tokens that go to experts, and the weights of these."""

    x: torch.Tensor  # [tokens, hidden]
    ids: torch.Tensor  # [tokens, top_k]
    shares: torch.Tensor  # [tokens, top_k]
    w13: torch.Tensor  # [experts, 2 ffn, hidden]
    w2: torch.Tensor  # [experts, hidden, ffn]


def peers_of(preset: Preset, tokens: int, seed: int) -> Iterator[PeerTime]:
    """Time permute, experts and unpermute by each implementation, in turns.

    Raises AssertionError where one gives another result than ours.
    """
    problem = _problem(preset, tokens, seed)
    runs: dict[str, Callable[[], torch.Tensor]] = {
        "ours": lambda: _ours(problem),
        "torch._grouped_mm": lambda: _by_grouped_mm(problem),
    }
    try:
        runs |= _transformers(problem)
    except (ImportError, AttributeError) as error:
        yield PeerTime(
            preset.name, tokens, "transformers", None, f"not installed, or other: {error}"
        )
    expected = runs["ours"]()
    for name, run in runs.items():
        torch.testing.assert_close(run(), expected, rtol=2e-4, atol=2e-3, msg=name)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(CALLS):
        for name, run in runs.items():
            began_ns = time.thread_time_ns()
            run()
            times[name].append((time.thread_time_ns() - began_ns) / 1e3)
    for name, found in times.items():
        yield PeerTime(preset.name, tokens, name, float(np.quantile(found[CALLS // 4 :], 0.25)))


def _problem(preset: Preset, tokens: int, seed: int) -> _Problem:
    generator = torch.Generator().manual_seed(seed)

    def take(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    ids = choices(preset.routing, tokens, preset.experts, preset.top_k)
    return _Problem(
        x=take(tokens, preset.hidden),
        ids=torch.from_numpy(ids),
        shares=torch.softmax(take(tokens, preset.top_k), dim=1),
        w13=take(preset.experts, 2 * preset.ffn, preset.hidden) / preset.hidden**0.5,
        w2=take(preset.experts, preset.hidden, preset.ffn) / preset.ffn**0.5,
    )


def _ours(one: _Problem) -> torch.Tensor:
    rows, ends, order = permute(one.x, one.ids, len(one.w13))
    return unpermute(gated_experts(rows, ends, one.w13, one.w2, "silu"), order, one.shares)


def _by_grouped_mm(one: _Problem) -> torch.Tensor:
    """The same by torch's private operator, as engines call it on a GPU."""
    rows, ends, order = permute(one.x, one.ids, len(one.w13))
    inner = act_mul(torch._grouped_mm(rows, one.w13.transpose(1, 2), offs=ends), "silu")
    return unpermute(torch._grouped_mm(inner, one.w2.transpose(1, 2), offs=ends), order, one.shares)


def _transformers(one: _Problem) -> dict[str, Callable[[], torch.Tensor]]:
    """MixtralExperts of transformers 5: expert by expert, and by its grouped product."""
    from transformers.models.mixtral import modeling_mixtral

    experts, hidden, ffn = one.w2.shape
    runs: dict[str, Callable[[], torch.Tensor]] = {}
    for kind in ("eager", "grouped_mm"):
        config = modeling_mixtral.MixtralConfig(
            hidden_size=hidden, intermediate_size=ffn, num_local_experts=experts,
            num_experts_per_tok=one.ids.shape[1], experts_implementation=kind,
        )  # fmt: skip
        layer = modeling_mixtral.MixtralExperts(config).requires_grad_(False)
        layer.gate_up_proj.data, layer.down_proj.data = one.w13, one.w2
        runs[f"transformers, {kind}"] = partial(layer, one.x, one.ids, one.shares)
    return runs
