"""`moeprof cost`: one look-up."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.seal import sealed
from moeprof.store.document import write_document
from moeprof.store.run import Run
from moeprof.tests.cli.command_line import Moeprof


def test_the_model_is_named_by_its_run_its_file_or_left_out(
    moeprof: Moeprof, built_run: Path
) -> None:
    asked = ("--batch-size", "20", "--json")
    by_run = moeprof("cost", built_run, "relu", *asked)
    by_file = moeprof("cost", Run(built_run).model_path, "relu", *asked)
    latest = moeprof("cost", "relu", *asked, "--store", built_run.parent)
    assert by_run.exit_code == 0
    assert by_run.data == by_file.data == latest.data


def test_a_look_up_is_json_alone_on_stdout(moeprof: Moeprof, built_run: Path) -> None:
    told = moeprof("cost", built_run, "relu", "--batch-size", "64", "--json")
    assert (told.exit_code, told.stderr) == (0, "")
    cost = told.data
    assert (cost["op"], cost["tokens"], cost["measured"]) == ("relu", 64, True)
    assert cost["latency_us"] > 0
    assert (cost["energy_mj"], cost["energy_source"]) == (None, "unavailable")
    assert cost["energy_reason"]


def test_a_look_up_is_a_table_for_a_person(moeprof: Moeprof, built_run: Path) -> None:
    told = moeprof("cost", built_run, "topk", "--batch-size", "64")
    title, _, *rows = told.stdout.splitlines()
    assert (told.exit_code, title) == (0, "topk at batch size 64 (measured, wall time)")
    words = [row.split() for row in rows]
    assert [row[0] for row in words] == ["latency", "energy", "temperature"]
    assert words[1] == ["energy", "-", "-", "-", "mJ"]
    assert "energy: unavailable: " in told.stderr


def test_the_verdict_on_the_operation_stands_beside_its_cost(
    moeprof: Moeprof, built_run: Path
) -> None:
    asked = ("cost", built_run, "relu", "--batch-size", "7")
    assert "validated" not in moeprof(*asked).stderr
    verdict = moeprof("validate", built_run, "--json").data
    (curve,) = (one for one in verdict["curves"] if one["op"] == "relu")
    assert f"validated: {curve['outcome']} against holdout, median error" in moeprof(*asked).stderr


def test_a_point_in_doubt_is_told(moeprof: Moeprof, built_run: Path) -> None:
    path = Run(built_run).model_path
    model = KernelCostModel.load(path).file
    curves = tuple(replace(one, doubtful_tokens=one.knots_tokens[:1]) for one in model.curves)
    write_document(path, sealed(replace(model, curves=curves)))
    first = str(curves[0].knots_tokens[0])
    told = moeprof("cost", path, curves[0].op, "--batch-size", first)
    assert "is in doubt" in told.stderr
    assert moeprof("cost", path, curves[0].op, "--batch-size", first, "--json").data["doubtful"]


def test_a_curve_is_named_whole_too(moeprof: Moeprof, built_run: Path) -> None:
    curve = Run(built_run).plan().ops[0].curve
    short = moeprof("cost", built_run, "relu", "--batch-size", "7", "--json").data
    whole = moeprof("cost", built_run, curve, "--batch-size", "7", "--json").data
    assert whole["latency_us"] == short["latency_us"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("relux --batch-size 4", "relux"),
        ("relu --batch-size 100000", "at batch size 100000 cannot be told"),
        ("relu --batch-size 0", "0"),
        ("relu --batch-size -5", "-5"),
        ("relu --batch-size 4 --breakdown --memory-pressure 0.5", "as it was measured"),
        ("relu --batch-size 4 --memory-pressure 1.5", "1.5"),
        ("RUN relu too --batch-size 4", "'too' is one word too many"),
        ("nowhere.json relu --batch-size 4", "nowhere.json"),
        ("relu --batch-size 4 --store nowhere", "nowhere"),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    moeprof: Moeprof,
    built_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    named = [built_run if word == "RUN" else word for word in words.split()]
    store = () if "--store" in words else ("--store", built_run.parent)
    told = moeprof("cost", *named, *store)
    assert (told.exit_code, told.stdout) == (2, "")
    (sentence,) = told.errors
    assert says in sentence
