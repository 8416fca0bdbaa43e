"""What the machine is, and what `moeprof doctor` finds on it."""

from dataclasses import asdict
from functools import partial

import msgspec

from ....device.identity import choose_device
from ....doctor.check_result import Status
from ....doctor.examine import Probes, checks
from ....doctor.sensor_probe import probe_under_load
from ....energy.power_log import POWER_LOG
from ...measure.resolve import describe_here
from ..results import Facts
from ..work import Work


def examine_machine(work: Work) -> Facts:
    """Describe the device, then make doctor's checks; each is told when it is made."""
    device = choose_device(None)
    provenance = describe_here(device, threads=1)
    facts: Facts = {
        "device": device,
        "device_name": provenance.device_name,
        "provenance": msgspec.to_builtins(provenance),
        "checks": [],
    }
    log = work.folder / "doctor" / POWER_LOG
    probes = Probes(sensors=partial(probe_under_load, log=log))
    for check in checks(work.folder, device=device, probes=probes):
        facts["checks"].append(asdict(check))
        work.found(facts)
        if check.status is Status.WARNING:
            work.warning(f"{check.check}: {check.evidence}")
    return facts | {"ended": True}
