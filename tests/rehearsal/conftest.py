"""One rehearsal for all tests of this folder: each takes a machine of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moeprof.tests.rehearsal.machine import Machine
from moeprof.tests.rehearsal.preset import write_preset
from moeprof.tests.rehearsal.rehearsal import Rehearsal, rehearsal


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory, fake_library: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal"), fake_library) as stage:
        yield stage


@pytest.fixture
def stage(_begun: Rehearsal) -> Rehearsal:
    """Give the rehearsal on a GPU without faults, and without tools beside it."""
    _begun.set_machine(Machine())
    _begun.put_on_path()
    return _begun


@pytest.fixture
def profile(tmp_path: Path) -> tuple[object, ...]:
    """Give the words of a short sweep on the GPU, into a store of the test's own."""
    sizes = "--batch-sizes 1..64 --points 8 --seed 3 --device cuda:0".split()
    return "profile", *sizes, "--scenario", write_preset(tmp_path), "--store", tmp_path / "runs"
