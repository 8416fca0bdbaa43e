"""The losses of a tick: how far what was read is from the targets, relative to each target."""

from .controller import Targets, Telemetry


def losses(targets: Targets, telemetry: Telemetry) -> dict[str, float]:
    """Losses by their names in the design documents; one is left out where it was not measured.

    The first three are max(0, value / target - 1)^2. The bonus is throughput / target, 1 at most:
    one without a target would be flat at every rate of today's GPUs (docs/theory.md).
    """
    limits = (
        ("ttha_power_loss", telemetry.power_w, targets.power_w),
        ("ttha_temp_loss", telemetry.temp_c, targets.temp_c),
        ("ttha_latency_penalty", telemetry.latency_s, targets.latency_s),
    )
    found = {
        name: max(0.0, value / target - 1) ** 2
        for name, value, target in limits
        if value is not None and target is not None
    }
    if telemetry.tokens_per_s is not None and targets.tokens_per_s is not None:
        bonus = min(1.0, telemetry.tokens_per_s / targets.tokens_per_s)
        found["ttha_throughput_bonus"] = bonus
    return found
