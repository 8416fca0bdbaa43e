"""`moeprof route plan`, read in a terminal of 80 columns and by a program."""

from pathlib import Path

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.store.document import write_document
from moeprof.store.run import Run
from moeprof.tests.builders import make_plan
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.layer.gated_models import gated_file
from moeprof.tests.router.expert_models import chain_file

MIXED = ("--experts", "4:fc1+gelu+fc2,4:dequant_linear+gelu+fc2", "--top-k", 2)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    write_document(path, with_checksum(chain_file()))
    return path


def test_a_plan_is_told_with_verdict_certificate_and_what_it_saves(
    moeprof: Moeprof, model: Path
) -> None:
    result = moeprof("route", "plan", model, "--tokens", 128, *MIXED, "--power-cap", 100)
    assert result.exit_code == 0
    assert "128 tokens to 2 of 8 experts each, on 1 GPU" in result.stdout
    assert "dequant_linear+gelu+fc2" in result.stdout
    told = " ".join(result.stderr.split())
    assert "regime: balance: fixed charges" in told
    assert "verdict: paced: one pass every" in told
    assert "no batch size does without waiting" in told
    assert "certificate: no loads are better by more than" in told
    assert "mJ a pass with idle power, for" in told
    assert max(map(len, result.stdout.splitlines())) <= 80
    sentences = result.stderr.splitlines()[1:]  # after the path of the model
    assert max(map(len, sentences)) <= 80


def test_decode_and_identical_experts_are_certified_in_their_own_words(
    moeprof: Moeprof, model: Path, tmp_path: Path
) -> None:
    decode = moeprof("route", "plan", model, "--tokens", 4, *MIXED)
    assert "no set of experts to read is better by more than" in " ".join(decode.stderr.split())
    path = tmp_path / "time.json"
    write_document(path, with_checksum(chain_file(None)))
    timed = moeprof("route", "plan", path, "--tokens", 64, *MIXED)
    told = " ".join(timed.stderr.split())
    assert "by latency alone, because energy is unknown: fc1: this machine has no" in told
    assert "us a pass, for" in told
    assert "us: energy is unknown, so --kl-price is in s" in told
    assert "mJ" not in timed.stdout


def test_a_measured_layers_kernels_stand_on_one_line(moeprof: Moeprof, tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    write_document(path, with_checksum(gated_file("uniform")))
    result = moeprof("route", "plan", path, "--tokens", 1)
    assert result.stdout.startswith("1 token to 2 of 16 experts each")
    assert "w13_grouped+act_mul+w2_grouped" in result.stdout


def test_a_program_gets_all_of_it(moeprof: Moeprof, model: Path) -> None:
    data = moeprof("route", "plan", model, "--tokens", 128, *MIXED, "--json").data
    assert (data["model"], data["verdict"], data["experts"]) == (str(model), "slack", 8)
    assert {"own", "planned", "gap", "kl_nats", "reasons", "kinds", "safe_tokens"} <= data.keys()


def test_a_model_that_may_be_older_than_its_run_is_told(moeprof: Moeprof, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    write_document(run.model_path, with_checksum(chain_file()))
    write_document(run.plan_path, make_plan())
    result = moeprof("route", "plan", run.folder, "--tokens", 16, *MIXED)
    assert "warning: " in result.stderr
    assert "did not note from which recordings: moeprof build-model" in result.stderr


def test_a_refusal_names_the_option(moeprof: Moeprof, model: Path) -> None:
    result = moeprof("route", "plan", model, "--tokens", 0, *MIXED)
    assert (result.exit_code, result.errors) == (
        2, ["--tokens is 0, and must lie in 1..1048576"],
    )  # fmt: skip
