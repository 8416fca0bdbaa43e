"""The document that a selftest leaves."""

from dataclasses import replace
from pathlib import Path

from moeprof.pipeline.selftest.claims import judge
from moeprof.pipeline.selftest.results import Claim, ClaimOutcome, Selftest
from moeprof.store.document import read_document, write_document
from moeprof.tests.pipeline.selftest.made_up import ended_steps, gpu_facts

STEPS = tuple(ended_steps(idle="the log at /home/ann/x.log is cut"))
FOUND = Selftest(
    utc="2026-11-30T10:00:00+00:00",
    version="0.1.0",
    budget_s=480.0,
    device="cuda:0",
    device_name="NVIDIA H200",
    ended=True,
    steps=STEPS,
    claims=judge(STEPS, gpu_facts(), "cuda:0"),
    left_out=("runs/a/raw/kineto/fc1.0/trace.scrubbed.json.gz",),
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_document(tmp_path / "selftest.json", FOUND)
    assert read_document(tmp_path / "selftest.json", Selftest) == FOUND


def test_no_path_of_the_machine_is_in_its_reasons() -> None:
    assert FOUND.steps[-1].reason == "the log at x.log is cut"
    claim = Claim("c", "s", ClaimOutcome.FAIL, 1.0, "", 0.0, False, "see /home/ann/x.log")
    assert claim.reason == "see x.log"


def test_one_claim_that_does_not_hold_is_a_fail_of_all() -> None:
    assert FOUND.has_fail
    held = tuple(one for one in FOUND.claims if one.outcome is not ClaimOutcome.FAIL)
    assert not replace(FOUND, claims=held).has_fail
