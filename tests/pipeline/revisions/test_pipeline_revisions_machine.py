"""The fingerprint of a machine."""

from moeprof.device.cpu import host_hash
from moeprof.pipeline.revisions.machine import fingerprint


def test_a_machine_is_the_same_twice_and_names_no_host() -> None:
    assert fingerprint() == fingerprint()
    assert fingerprint().startswith(f"{host_hash()} ")
