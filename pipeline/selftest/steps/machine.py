"""What the machine is, and what `moeprof doctor` finds on it."""

from dataclasses import asdict

import msgspec

from ....device.identity import choose_device
from ...doctor import examine
from ...measure.resolve import describe_here
from ..results import Facts
from ..work import Work


def examine_machine(work: Work) -> Facts:
    """Describe the device, then make doctor's checks."""
    device = choose_device(None)
    provenance = describe_here(device, threads=1)
    facts = {
        "device": device,
        "device_name": provenance.device_name,
        "provenance": msgspec.to_builtins(provenance),
    }
    work.found(facts)
    return facts | {"checks": [asdict(check) for check in examine(work.folder).checks]}
