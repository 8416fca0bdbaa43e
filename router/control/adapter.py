"""The neural adapter of the design documents, differentiated through the cost model: an experiment.

Features of the experts attend to each other and to the state of the hardware; a bias per expert
comes out. As the documents have it the loss is made of measured numbers, which reach no weight
(docs/theory.md). Here power, temperature and latency are those that the cost model predicts for the
bias, and what was measured enters as an offset. It is slower than the model-reference controller,
changes routing more and ripples more: off by default.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ...store.cost_model import Pole
from ...store.errors import BadInput
from .controller import Decision, Targets, Telemetry
from .observers.heat import ASSUMED_POLES
from .power_model import PowerModel

_WIDTH: Final = 32
_HEADS: Final = 4
_FIRST_RESTART: Final = 100  # ticks
_STEEPEST: Final = 1e3  # norm of a gradient, at most
_LONGER: Final = 2  # each time to the next restart, times the one before


@dataclass(frozen=True, slots=True)
class AdapterWeights:
    """Weights of the terms of the loss, and the rate of learning.

    `w_power`, `w_temp` and `w_lat` are those of max(0, value / target - 1)^2, `w_thr` that of the
    throughput bonus; `lam` that of the mean of b^2, `lam_u` that of the mean of softplus(b), which
    has no minimum at b = 0 and is off. Raises BadInput for a weight below 0.
    """

    w_power: float = 15.0
    w_temp: float = 20.0
    w_lat: float = 15.0
    w_thr: float = 1.0
    lam: float = 1e-2
    lam_u: float = 0.0
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name} is {getattr(self, name)}, and must be 0 or more")


class TTHAAdapter:
    """Learns a bias per expert while it routes; one step of AdamW each tick.

    `seed` draws the weights. The first bias is 0 throughout. Without a reading of power
    a tick changes nothing; without the rate of arrivals, that which the power is enough for counts.
    """

    def __init__(
        self,
        model: PowerModel,
        targets: Targets,
        poles: Sequence[Pole] | None = None,
        weights: AdapterWeights | None = None,
        seed: int = 0,
    ) -> None:
        self._model, self._targets = model, targets
        self._weights = AdapterWeights() if weights is None else weights
        self._c_per_w = sum(pole.r_c_per_w for pole in poles or ASSUMED_POLES)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = _Network()
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self._weights.learning_rate
        )
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
            self._optimizer, T_0=_FIRST_RESTART, T_mult=_LONGER
        )
        self._predicted = _Predicted(model)
        self._features = self._predicted.features()
        self._bias = torch.zeros(model.layer.costs.experts)
        self._first_per_s: float | None = None
        self._latency_ratio = 1.0
        self._decision = Decision(model.bias(0.0))

    def tick(self, telemetry: Telemetry) -> Decision:
        """Take one step down the loss, and give the bias after it."""
        if telemetry.power_w is None:
            return self._decision
        if telemetry.tokens_per_s is None:
            dynamic_w = max(0.0, telemetry.power_w - self._model.idle_w)
            token_j = max(float(self._predicted.energy_j(self._bias)), 1e-30)
            telemetry = replace(telemetry, tokens_per_s=dynamic_w / token_j)
        state = self._state(telemetry)
        terms = self._terms(self.network(self._features, state), telemetry)
        self._optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        if not torch.nn.utils.clip_grad_norm_(self.network.parameters(), _STEEPEST).isfinite():
            return self._decision  # one such step would leave no weight finite
        self._optimizer.step()
        self._schedule.step()
        with torch.no_grad():
            bias = self.network(self._features, state)
            self._bias = bias - bias.mean()
        logged = {f"adapter_{name}": float(term.detach()) for name, term in terms.items()}
        self._decision = Decision(self._bias.double().numpy(), terms=logged)
        return self._decision

    def _state(self, telemetry: Telemetry) -> Tensor:
        """Power, temperature and arrivals relative to their targets, or to the first rate [4]."""
        rate_per_s = telemetry.tokens_per_s or 0.0
        self._first_per_s = self._first_per_s or rate_per_s or None
        relative = [
            _relative(telemetry.power_w, self._targets.power_w),
            _relative(telemetry.temp_c, self._targets.temp_c),
            _relative(rate_per_s, self._first_per_s),
            1.0,
        ]
        return torch.tensor(relative)

    def _terms(self, bias: Tensor, telemetry: Telemetry) -> dict[str, Tensor]:
        """The weighted terms of the loss at a bias [experts], by the names of their weights."""
        weights, targets = self._weights, self._targets
        rate_per_s, measured_w = telemetry.tokens_per_s or 0.0, telemetry.power_w or 0.0
        rise_w = rate_per_s * (
            self._predicted.energy_j(bias) - self._predicted.energy_j(self._bias)
        )
        terms = {"lam": weights.lam * (bias - bias.mean()).square().mean()}
        if weights.lam_u:
            terms["lam_u"] = weights.lam_u * softplus(bias).mean()
        if targets.power_w is not None:
            terms["w_power"] = weights.w_power * _over(measured_w + rise_w, targets.power_w)
        if targets.temp_c is not None and telemetry.temp_c is not None:
            temp_c = telemetry.temp_c + self._c_per_w * rise_w
            terms["w_temp"] = weights.w_temp * _over(temp_c, targets.temp_c)
        latency_s = self._latency_s(bias, telemetry)
        if targets.latency_s is not None:
            terms["w_lat"] = weights.w_lat * _over(latency_s, targets.latency_s)
        if targets.tokens_per_s is not None:
            most_per_s = self._model.layer.tokens / latency_s
            terms["w_thr"] = -weights.w_thr * (most_per_s / targets.tokens_per_s).clamp(max=1.0)
        return terms

    def _latency_s(self, bias: Tensor, telemetry: Telemetry) -> Tensor:
        if telemetry.latency_s:
            self._latency_ratio = telemetry.latency_s / float(self._predicted.latency_s(self._bias))
        return self._predicted.latency_s(bias) * self._latency_ratio


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.experts, self.hardware = nn.Linear(3, _WIDTH), nn.Linear(4, _WIDTH)
        self.attention = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(_WIDTH)
        self.out = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, 1))
        last = self.out[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, state: Tensor) -> Tensor:
        """Bias [experts] from features [experts, 3] and the state of the hardware [4]."""
        experts = self.experts(features)[None]
        seen = torch.cat([experts, self.hardware(state)[None, None]], dim=1)
        attended, _ = self.attention(experts, seen, seen, need_weights=False)
        bias: Tensor = self.out(self.norm(experts + attended))[0, :, 0]
        return bias


class _Predicted:
    """Energy and latency of the cost model as functions of a bias that torch differentiates."""

    def __init__(self, model: PowerModel) -> None:
        layer, costs = model.layer, model.layer.costs
        self._layer, self._direction = layer, model.bias(-1.0)
        self._log_shares = torch.from_numpy(layer.shares).float().log()
        self._loads = torch.from_numpy(costs.loads).float()
        self._energy_j = torch.from_numpy(costs.energy_j).float()
        self._latency_s = torch.from_numpy(costs.latency_s).float()
        self._gpu_of = torch.from_numpy(costs.gpu_of)

    def features(self) -> Tensor:
        """What an assignment of each expert costs beside the others, its share, and 1 [N, 3]."""
        direction = torch.from_numpy(self._direction).float()
        scaled = direction / direction.abs().max().clamp(min=1e-30)
        return torch.stack([scaled, self._log_shares, torch.ones_like(scaled)], dim=1)

    def energy_j(self, bias: Tensor) -> Tensor:
        """Energy of a token above idle, in J."""
        per_token = self._layer.layers / self._layer.tokens
        return self._at_loads(self._energy_j, bias).sum() * per_token

    def latency_s(self, bias: Tensor) -> Tensor:
        """Latency of a pass, in s: that of the slowest GPU."""
        of_expert = self._at_loads(self._latency_s, bias)
        of_gpu = of_expert.new_zeros(self._layer.costs.gpus)
        return of_gpu.index_add(0, self._gpu_of, of_expert).max() * self._layer.layers

    def _at_loads(self, table: Tensor, bias: Tensor) -> Tensor:
        assignments = self._layer.tokens * self._layer.top_k
        asked = torch.softmax(self._log_shares + bias, dim=0) * assignments
        found = torch.searchsorted(self._loads, asked.detach(), right=True) - 1
        left = found.clamp(0, len(self._loads) - 2)[:, None]
        start, end = table.gather(1, left)[:, 0], table.gather(1, left + 1)[:, 0]
        first = self._loads[left[:, 0]]
        width = self._loads[left[:, 0] + 1] - first
        return start + (asked - first) / width * (end - start)


def _over(value: Tensor, target: float) -> Tensor:
    return torch.relu(value / target - 1).square()


def _relative(value: float | None, target: float | None) -> float:
    return 0.0 if value is None or target is None else value / target - 1
