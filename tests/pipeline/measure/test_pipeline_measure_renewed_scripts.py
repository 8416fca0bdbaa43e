"""Scripts of a run that speak an older protocol are generated anew before they run."""

import re
from pathlib import Path

import pytest

from moeprof.pipeline.measure.renewed_scripts import renew_scripts
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.mixed_workload import NAME, render_mixed_workload
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.run_files import rendered_files, write_run
from moeprof.scenarios.trust import check_trusted
from moeprof.store.run import Run
from moeprof.tests.builders import plan_run

PRESET = load_preset("small")
PLAN = plan_run("relu,topk", (1, 2, 4), PRESET)
CACHE_BYTES = 1 << 20


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of this version."""
    write_run(Run(tmp_path), PLAN, rendered_files(PLAN, PRESET, find_ops("relu,topk"), CACHE_BYTES))
    Run(tmp_path).script(NAME).write_text(render_mixed_workload(PLAN))
    return Run(tmp_path)


def renewed(run: Run) -> list[str]:
    said: list[str] = []
    renew_scripts(run, PLAN, CACHE_BYTES, said.append)
    return said


def test_scripts_of_this_version_stay_as_they_are(run: Run) -> None:
    run.script("relu").write_text(run.script("relu").read_text() + "# touched\n")
    assert renewed(run) == []
    assert run.script("relu").read_text().endswith("# touched\n")


@pytest.mark.parametrize("line", ["", "PROTOCOL = 1\n"], ids=["no number", "a lower number"])
@pytest.mark.parametrize("name", ["relu", NAME])
def test_an_older_one_is_made_anew_signed_and_named(run: Run, name: str, line: str) -> None:
    new = run.script(name).read_text()
    run.script(name).write_text(re.sub("PROTOCOL = [0-9]+.*\n", line, new))
    (said,) = renewed(run)
    assert said.endswith(f"the scripts {name}")
    assert run.script(name).read_text() == new
    check_trusted(run, PLAN, trust=False)
