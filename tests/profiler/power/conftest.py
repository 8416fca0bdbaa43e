"""A run whose isolated script only claims to run its loads."""

from pathlib import Path

import pytest

from moeprof.store.document import write_document
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.tests.profiler.power.virtual_power import a_script


@pytest.fixture
def run(tmp_path: Path, plan: Plan) -> Run:
    """Give a run of the plan that the test file defines."""
    run = Run(tmp_path / "run")
    run.script("gelu").parent.mkdir(parents=True)
    run.script("gelu").write_text(a_script())
    write_document(run.plan_path, plan)
    return run
