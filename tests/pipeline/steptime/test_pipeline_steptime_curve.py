"""A sweep over splits has the points of each, and says which split is left out and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.curve import predicted_steps, sweep
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.predict import Asked, EngineSettings, predict
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.serving.own_forms import OwnForm, OwnForms
from moeprof.store.serving.predicted_steps import PredictedSteps
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json")
    return folder / "m.json"


ASKED = Asked(
    model="mixtral-8x7b",
    gpu="H100",
    precision="bf16",
    engine="vllm",
    tp=1,
    ep=1,
    dp=1,
    batches=(1, 4, 16, 64),
    prompt_tokens=1000,
    output_tokens=500,
)


def test_splits_that_fit_are_predicted_and_the_others_are_told(path: Path) -> None:
    found = sweep(path, ASKED, (1, 2, 4, 4))
    assert found.curve.splits == ("tp2", "tp4")
    assert len(found.curve.points) == 8
    assert found.left_out["tp1"].startswith("mixtral-8x7b in bf16 does not fit")
    assert found.curve.remarks[0].startswith("tp1 is left out: mixtral-8x7b in bf16 does not fit")
    alone = predict(path, replace(ASKED, tp=2))
    points = [one for one in found.curve.points if one.split == "tp2"]
    assert [one.ms_per_token * 1e3 for one in points] == pytest.approx(alone.steps.step_us)
    assert points[0].gpus == 2
    assert "mixtral-8x7b on H100, bf16, vllm" in found.curve.served


def test_a_program_gets_each_split_and_batch_with_the_front(path: Path) -> None:
    swept = sweep(path, ASKED, (1, 2, 4))
    found = predicted_steps(swept)
    first, *_ = rows = found.steps
    assert [(row.tp, row.batch) for row in rows[:2]] == [(2, 1), (2, 4)]
    assert len(rows) == 8
    assert [row.on_front for row in rows] == [one.on_front for one in swept.curve.points]
    assert first.low_us is not None
    assert first.low_us < first.step_us
    assert first.tokens_per_s == pytest.approx(1e6 / first.step_us)
    assert (found.gpu, found.output_tokens, list(found.left_out)) == ("H100", 500, ["tp1"])


def test_what_a_program_gets_is_read_again(path: Path, tmp_path: Path) -> None:
    routed = replace(ASKED, active_experts="7", batches=(16, 64))
    found = predicted_steps(sweep(path, routed, (2,)))
    write_document(tmp_path / "steps.json", found)
    assert read_document(tmp_path / "steps.json", PredictedSteps) == found
    assert [one.routing is None for one in found.steps] == [False, False]


def test_batches_beyond_what_runs_are_one_point_and_say_what_bounds_them(path: Path) -> None:
    bounded = replace(ASKED, settings=EngineSettings(max_num_seqs=8), batches=(1, 16, 64))
    found = sweep(path, bounded, (2,))
    assert [one.batch for one in found.curve.points] == [1, 8]
    assert "tp2 runs 8 requests at most, bounded by --max-num-seqs" in found.curve.remarks
    assert [row.on_front for row in predicted_steps(found).steps] == [True, True, True]


def test_the_origin_names_the_file_its_rows_and_its_errors(path: Path) -> None:
    facts = dict(sweep(path, ASKED, (2,)).curve.origin)
    assert facts["model of steps"] == "m.json"
    assert facts["measured rows"] == "36 of 6 configurations"
    assert facts["rows with power"] == "36"
    assert facts["median error of J/token"].endswith(" %")


def test_what_moves_the_points_is_told(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("batch,step_us\n4,20000\n")
    moved = replace(ASKED, own=own, active_experts="8", batches=(16, 64))
    remarks = sweep(path, moved, (2,)).curve.remarks
    assert any(
        one.startswith("steps are ") and one.endswith(" by a step of one's own in own.csv")
        for one in remarks
    )
    assert "the experts that a routing policy activates count: 8" in remarks


def test_doubts_of_some_splits_name_them(path: Path) -> None:
    """On eight GPUs weights are fewer than in any row; no row had the engine."""
    remarks = sweep(path, replace(ASKED, engine="new"), (2, 8)).curve.remarks
    assert "no row of mean steps had the engine new: the answer is extrapolated" in remarks
    beyond = [one for one in remarks if "beyond the rows" in one]
    assert any(one.startswith("tp8: beyond the rows") for one in beyond)
    assert all(one.startswith("tp") for one in beyond)


def test_where_no_split_can_be_served_the_first_refusal_is_told(path: Path) -> None:
    with pytest.raises(BadInput, match="does not fit on 1 x H100"):
        sweep(path, ASKED, (1,))
    with pytest.raises(BadInput, match="no model 'gpt-9'"):
        sweep(path, replace(ASKED, model="gpt-9"), (1, 2))


def test_own_steps_are_of_one_split(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("batch,step_us\n4,20000\n")
    with pytest.raises(BadInput, match="has steps of one split"):
        sweep(path, replace(ASKED, own=own), (2, 4))


def test_a_split_with_rows_that_count_is_told(path: Path, tmp_path: Path) -> None:
    """A line that moves nothing, of eight rows of mixtral-8x7b on two H100."""
    file = read_document(path, StepTimeFile)
    line = OwnForm(
        form="line",
        coefficients=(0.0,) * 4,
        domain=((1.0, 64.0), (500.0, 2000.0), (1.0, 4.0)),
        errors={},
        log_error=0.05,
        rows=8,
    )
    key = "mixtral-8x7b | H100 | tp2 ep1 dp1 | bf16 | vllm"
    own = OwnForms({key: line}, {"90": 2.0}, {})
    known = tmp_path / "known.json"
    mean = replace(file.steps["mean"], own=own)
    write_document(known, replace(file, steps={"mean": mean}))
    assert "tp2 has 8 rows of its own, which count" in sweep(known, ASKED, (2, 4)).facts
    assert not any("rows of its own" in one for one in sweep(path, ASKED, (2, 4)).facts)
    unlike = "steps of tp2 are by rows of its own and those of tp4 by the fit of all rows"
    assert any(one.startswith(unlike) for one in sweep(known, ASKED, (2, 4)).doubts)
    for alike in (sweep(known, ASKED, (2,)), sweep(path, ASKED, (2, 4))):
        assert not any("by the fit of all rows" in one for one in alike.doubts)
