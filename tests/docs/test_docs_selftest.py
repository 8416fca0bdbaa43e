"""docs/selftest.md: its tables name every step with its time, and every claim with its limit."""

import re
from pathlib import Path

import pytest

from moeprof.kernels.checking.cases import gpu_cases
from moeprof.pipeline.selftest.claims import STATEMENTS, Statement
from moeprof.pipeline.selftest.schedule import STEPS, Step
from moeprof.pipeline.selftest.selftest import BUDGET_S

TEXT = (Path(__file__).parents[2] / "docs" / "selftest.md").read_text()
ROWS = {row.split("|")[1].strip(" `"): row for row in TEXT.splitlines() if row.startswith("| ")}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_step_has_its_time(step: Step) -> None:
    assert ROWS[step.name].endswith(f"| {step.share * BUDGET_S:.0f} s |")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one.claim)
def test_each_claim_has_its_limit(statement: Statement) -> None:
    measured = ROWS[statement.claim].split("|")[2]
    if statement.on != "cpu":  # it is the other one at other sizes
        sign = "≥" if statement.at_least else "≤"
        limits = re.findall(rf"(?:{sign} |: )(\d+)", measured)
        assert f"{statement.limit:g}" in limits


def test_no_claim_is_there_that_is_none() -> None:
    table = TEXT.partition("| claim |")[2].partition("\n\n")[0]
    claims = [row.split("|")[1].strip() for row in table.splitlines()[2:]]
    assert claims == ["every step ends by itself", *(one.claim for one in STATEMENTS)]


def test_the_number_of_cases_is_that_of_the_kernels() -> None:
    assert f"{len(gpu_cases())} cases" in TEXT
