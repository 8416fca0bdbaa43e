"""A simulated GPU that serves a layer: what controllers are tried on before they meet a real one.

Simulated: experts whose true energies differ from those of the cost model; arrivals in steps with
ripple and noise; shares that drift; heat as a sum of poles; leakage; another process on the GPU;
ambient temperature; a power sensor that averages over 1 s, or an energy counter, with a lag; a
temperature in whole degC; readings that are lost, frozen or jump. Not simulated: clocks, the power
limit of the driver, and a queue: tokens that must wait leave the scene.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from math import exp, floor, sin
from typing import Final, Literal

import numpy as np

from ..stats.arrays import Float64
from ..store.cost_model import Pole
from ..store.errors import BadInput
from .control.controller import Telemetry
from .control.served_layer import ServedLayer, kl_nats, tilted

_AVERAGED_S: Final = 1.0  # what the power field of NVML averages over, on most GPUs since Ampere
_LEAKS_FROM_C: Final = 50.0
_OF_JUMPS: Final = 0.1  # share of a jumping sensor's readings that are wrong

Steps = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class SensorFault:
    """From `from_s` to `until_s` the GPU's readings are lost, frozen, or a tenth of them jump."""

    kind: Literal["lost", "frozen", "jumping"]
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens: each of the steps is (from which s, value), the first of them at 0 s.

    `cotenant_w` is the power of another process. Arrivals ripple by `ripple` over 19 s and carry
    `noise` at each tick; log shares drift by about `drift` within some minutes.
    """

    arrivals_per_s: Steps
    ambient_c: Steps = ((0.0, 30.0),)
    cotenant_w: Steps = ((0.0, 0.0),)
    seconds: float = 600.0
    tick_s: float = 0.1
    ripple: float = 0.05
    noise: float = 0.03
    drift: float = 0.0
    faults: tuple[SensorFault, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.tick_s <= self.seconds:
            raise BadInput(f"a scene of {self.seconds} s has no tick of {self.tick_s} s")
        for steps in (self.arrivals_per_s, self.ambient_c, self.cotenant_w):
            times = [at_s for at_s, _ in steps]
            if not times or times[0] != 0 or times != sorted(times):
                raise BadInput(f"steps of a scene begin at {times} s, and must ascend from 0 s")

    @property
    def ticks(self) -> int:
        """Number of ticks."""
        return round(self.seconds / self.tick_s)


@dataclass(frozen=True, slots=True)
class Gpu:
    """How the simulated GPU differs from the cost model, how it heats, and how it is read.

    True energies are those of the model times `gain`, times a factor of each expert within
    1 - `mismatch` to 1 + `mismatch`. `response`: the shares follow the bias times this factor.
    """

    gain: float = 1.1
    mismatch: float = 0.2
    response: float = 1.0
    poles: tuple[Pole, ...] = (Pole(3.0, 0.045), Pole(60.0, 0.035))
    leakage_w_per_c: float = 0.6
    first_temp_c: float = 45.0
    sensor: Literal["average", "counter"] = "average"
    sensor_noise_w: float = 3.0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What really was in one tick, beside what was read."""

    power_w: float
    temp_c: float
    kl_nats: float
    arrived_per_s: float


@dataclass(slots=True)
class _Heat:
    """Temperature above ambient as a sum of poles; ambient itself passes the slowest of them."""

    poles: tuple[Pole, ...]
    ambient_c: float
    rises_c: list[float] = field(default_factory=list)

    def start(self, temp_c: float) -> None:
        whole = sum(pole.r_c_per_w for pole in self.poles)
        rise_c = temp_c - self.ambient_c
        self.rises_c = [rise_c * pole.r_c_per_w / whole for pole in self.poles]

    @property
    def temp_c(self) -> float:
        return self.ambient_c + sum(self.rises_c)

    def step(self, power_w: float, ambient_c: float, tick_s: float) -> None:
        for at, pole in enumerate(self.poles):
            kept = exp(-tick_s / pole.tau_s)
            self.rises_c[at] = kept * self.rises_c[at] + (1 - kept) * pole.r_c_per_w * power_w
        slowest_s = max(pole.tau_s for pole in self.poles)
        self.ambient_c += (1 - exp(-tick_s / slowest_s)) * (ambient_c - self.ambient_c)


@dataclass(frozen=True, slots=True, eq=False)
class _Routed:
    """Shares under a bias, the true energy of a token in J, and KL to what there is without it."""

    bias: Float64
    shares: Float64
    energy_j: float
    kl_nats: float


class Plant:
    """A seeded GPU in a scene: `step` routes one tick, and gives the telemetry and the truth."""

    def __init__(self, layer: ServedLayer, scene: Scene, gpu: Gpu, seed: int) -> None:
        draw = np.random.default_rng(seed)
        experts = layer.costs.experts
        self.layer, self.scene, self.gpu = layer, scene, gpu
        self._factors = gpu.gain * (1 + gpu.mismatch * draw.uniform(-1, 1, experts))
        self._arrival_noise = draw.normal(0, scene.noise, scene.ticks).tolist()
        self._sensor_noise = draw.normal(0, gpu.sensor_noise_w, scene.ticks).tolist()
        self._jumps = np.where(
            draw.random(scene.ticks) < _OF_JUMPS, draw.uniform(0, 3, scene.ticks), 1.0
        ).tolist()
        self._phases = draw.uniform(0, 2 * np.pi, experts)
        self._periods_s = draw.uniform(120, 400, experts)
        self._heat = _Heat(gpu.poles, scene.ambient_c[0][1])
        self._heat.start(gpu.first_temp_c)
        averaged = max(1, round(_AVERAGED_S / scene.tick_s)) if gpu.sensor == "average" else 1
        self._window: deque[float] = deque(maxlen=averaged)
        lag = round(gpu.lag_s / scene.tick_s)
        self._readings: deque[tuple[float, float]] = deque(maxlen=lag + 1)
        self._last = Telemetry(at_s=0.0)
        self._routed: _Routed | None = None
        self._tick = 0

    def step(self, bias: Float64, deferred_share: float = 0.0) -> tuple[Telemetry, Truth]:
        """Serve one tick under a bias [experts], and defer a share of the arriving tokens."""
        scene, at_s = self.scene, self._tick * self.scene.tick_s
        noise = 1 + scene.ripple * sin(at_s / 3) + self._arrival_noise[self._tick]
        arrived_per_s = max(0.0, _at(scene.arrivals_per_s, at_s) * noise)
        routed = self._route(bias, at_s)
        power_w = self.layer.costs.idle_power_w + _at(scene.cotenant_w, at_s)
        power_w += arrived_per_s * (1 - deferred_share) * routed.energy_j
        power_w += self.gpu.leakage_w_per_c * max(0.0, self._heat.temp_c - _LEAKS_FROM_C)
        self._heat.step(power_w, _at(scene.ambient_c, at_s), scene.tick_s)
        truth = Truth(power_w, self._heat.temp_c, routed.kl_nats, arrived_per_s)
        telemetry = self._read(truth, routed.shares, at_s + scene.tick_s)
        self._tick += 1
        return telemetry, truth

    def _route(self, bias: Float64, at_s: float) -> "_Routed":
        """What a bias makes of the shares at a time; the last one is kept while nothing changes."""
        scene, top_k = self.scene, self.layer.top_k
        if scene.drift == 0 and self._routed is not None and self._routed.bias is bias:
            return self._routed
        baseline = self.layer.shares
        if scene.drift:
            waves = scene.drift * np.sin(2 * np.pi * at_s / self._periods_s + self._phases)
            baseline = tilted(baseline, waves, top_k)
        shares = tilted(baseline, self.gpu.response * bias, top_k)
        energy_j = float(self.layer.energy_per_token_j(shares, self._factors))
        self._routed = _Routed(bias, shares, energy_j, float(kl_nats(shares, baseline)))
        return self._routed

    def _read(self, truth: Truth, shares: Float64, at_s: float) -> Telemetry:
        """What the sensors say at the end of a tick."""
        self._window.append(truth.power_w)
        power_w = sum(self._window) / len(self._window) + self._sensor_noise[self._tick]
        self._readings.append((power_w, float(floor(truth.temp_c))))
        power_w, temp_c = self._readings[0]
        latency_s = float(self.layer.latency_s(shares))
        telemetry = Telemetry(at_s, power_w, temp_c, truth.arrived_per_s, latency_s, shares)
        self._last = self._faulty(telemetry)
        return self._last

    def _faulty(self, telemetry: Telemetry) -> Telemetry:
        """The telemetry under the fault of its time, if there is one."""
        at_s = telemetry.at_s
        kind = next((f.kind for f in self.scene.faults if f.from_s <= at_s < f.until_s), None)
        if kind == "lost":
            return replace(telemetry, power_w=None, temp_c=None)
        if kind == "frozen":
            return replace(telemetry, power_w=self._last.power_w, temp_c=self._last.temp_c)
        if kind == "jumping" and telemetry.power_w is not None and telemetry.temp_c is not None:
            power_w = telemetry.power_w * self._jumps[self._tick]
            return replace(
                telemetry, power_w=power_w, temp_c=telemetry.temp_c * self._jumps[-1 - self._tick]
            )
        return telemetry


def _at(steps: Steps, at_s: float) -> float:
    """Value of the last step that has begun."""
    value = steps[0][1]
    for from_s, next_value in steps:
        if from_s > at_s:
            break
        value = next_value
    return value
