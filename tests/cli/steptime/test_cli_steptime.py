"""`moeprof steptime fit`, `predict` and `validate`, read in a terminal and by a program."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder

ASKED = ("--model", "mixtral-8x7b", "--gpu", "H200", "--batch", "1,16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of public rows."""
    return public_folder(tmp_path_factory.mktemp("public"))


@pytest.fixture
def model(moeprof: Moeprof, folder: Path) -> Path:
    """The model of its rows, built once."""
    out = folder / "step_time_model.json"
    if not out.exists():
        assert moeprof("steptime", "fit", folder, "--out", out).exit_code == 0
    return out


def test_a_fit_says_how_well_each_form_predicts(
    moeprof: Moeprof, folder: Path, tmp_path: Path
) -> None:
    result = moeprof("steptime", "fit", folder, "--out", tmp_path / "m.json")
    assert result.exit_code == 0
    assert "mean steps: 36 rows of 6 configurations" in result.stderr
    assert "J/token" in result.stdout
    for form in ("physics", "srfa", "blackbox"):
        assert form in result.stdout
    assert "m.json" in result.stderr
    assert "no fit of steps that decode alone: 0 rows" in " ".join(result.stderr.split())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_target_and_a_method_are_chosen(moeprof: Moeprof, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.json"
    words = ("--target", "energy", "--method", "blackbox", "--out", out)
    assert moeprof("steptime", "fit", folder, *words).exit_code == 0
    assert '"method": "blackbox"' in out.read_text()
    refused = moeprof("steptime", "fit", folder, "--target", "decode", "--out", tmp_path / "n.json")
    assert refused.exit_code == 2
    assert "too few for a fit of decode steps" in " ".join(refused.stderr.split())
    assert not (tmp_path / "n.json").exists()


def test_a_prediction_is_shown_with_its_interval_and_energy(moeprof: Moeprof, model: Path) -> None:
    result = moeprof("steptime", "predict", model, *ASKED)
    assert result.exit_code == 0
    assert "mixtral-8x7b on 1 x H200" in result.stdout
    assert "J/token" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_program_gets_parts_that_add_up(moeprof: Moeprof, model: Path) -> None:
    found = moeprof("steptime", "predict", model, *ASKED, "--json").data
    first, second = found["steps"]
    assert found["schema"].startswith("moeprof.predicted_steps/")
    assert (found["model"], found["gpu"], found["engine"]) == ("mixtral-8x7b", "H200", "vllm")
    assert (first["batch"], second["batch"]) == (1, 16)
    assert sum(first["parts_us"].values()) == pytest.approx(first["step_us"])
    assert second["j_per_token"] < first["j_per_token"]
    assert (first["unseen"], first["beyond"]) == ([], second["beyond"])


def test_what_no_row_had_is_warned_of(moeprof: Moeprof, model: Path) -> None:
    asked = ("--model", "llama-3-8b", "--gpu", "A100-40GB", "--batch", "4096", "--engine", "new")
    told = " ".join(moeprof("steptime", "predict", model, *asked).stderr.split())
    assert "no row of mean steps had the GPU A100-40GB" in told
    assert "no row of mean steps had the engine new" in told
    assert "beyond the rows:" in told


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--model", "gpt-9"), "gpt-9"),
        (("--gpu", "TPUv5"), "TPUv5"),
        (("--precision", "fp3"), "fp3"),
        (("--tp", "3"), "32 heads"),
        (("--batch", "8,0"), "batch is 0, and must be 1 to"),
        (("--batch", "a"), "--batch is 'a'"),
        (("--batch", "1,8,8"), "--batch has 8 twice"),
        (("--tp", "2,2"), "--tp has 2 twice"),
        (("--prefix-hit", "0.5"), "steps that decode alone compute no prompts"),
        (("--prompt", "0"), "prompt is 0, and must be 1 to"),
        (("--output", "0"), "output is 0, and must be 1 to"),
        (("--engine", " "), "--engine is empty"),
    ],
)
def test_what_cannot_be_is_refused(
    moeprof: Moeprof, model: Path, words: tuple[str, str], named: str
) -> None:
    result = moeprof("steptime", "predict", model, *ASKED, *words)
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.split())


def test_a_file_of_another_major_is_refused(moeprof: Moeprof, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "a.json"
    other.write_text(model.read_text().replace("step_time_model/2.2", "step_time_model/9.0"))
    result = moeprof("steptime", "predict", other, *ASKED)
    assert result.exit_code == 2
    assert "9.0" in result.stderr


def test_the_cache_and_what_bounds_the_requests_are_told(moeprof: Moeprof, model: Path) -> None:
    asked = ("--model", "llama-3-8b", "--gpu", "H100", "--batch", "8,4096")
    told = " ".join(moeprof("steptime", "predict", model, *asked, "--output", "500").stderr.split())
    assert "16.1 of weights" in told
    assert "28,182 blocks of 16 tokens: 356 requests fit" in told
    assert "run, bounded by the cache; a request is preempted" in told
    assert "counted, but in no row: preemptions" in told


def test_parts_stand_beside_each_other_in_80_columns(moeprof: Moeprof, model: Path) -> None:
    asked = ("--model", "llama-3-8b", "--gpu", "H100", "--batch", "1,2,4,8,16,32,64,256")
    result = moeprof("steptime", "predict", model, *asked, "--output", "500", "--parts")
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("us of each part") for line in lines) == 2
    assert sum(line.split()[:1] == ["step"] for line in lines) == 2
    assert "experts" not in result.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--prefix-hit", "nan"), "prefix-hit is nan"),
        (("--prefix-hit", "40"), "prefix-hit is 40"),
        (("--cpu-offload-bytes", "-1"), "cpu-offload-bytes is -1"),
        (("--cpu-offload-bytes", "1e12"), "the weights on a GPU have"),
        (("--max-num-seqs", "0"), "max-num-seqs is 0"),
        (("--max-model-len", "100"), "beyond max-model-len 100"),
        (("--num-gpu-blocks", "3"), "more than the cache of 3 blocks"),
        (("--gpu", "T4"), "does not fit on 1 x T4"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    moeprof: Moeprof, model: Path, words: tuple[str, str], named: str
) -> None:
    result = moeprof("steptime", "predict", model, *ASKED, *words)
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.split())
    assert "hint:" in result.stderr


def test_a_sweep_over_splits_is_drawn_and_written_as_a_page(
    moeprof: Moeprof, model: Path, tmp_path: Path
) -> None:
    page = tmp_path / "curve.html"
    asked = ("--model", "mixtral-8x7b", "--gpu", "H100", "--batch", "1,4,16,64", "--output", "500")
    result = moeprof("steptime", "predict", model, *asked, "--tp", "1,2,4", "--report", page)
    assert result.exit_code == 0
    assert "tp1 is left out" in " ".join(result.stderr.split())
    assert "J/token (up) against ms/token (right)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "predicted" in page.read_text()
    found = moeprof("steptime", "predict", model, *asked, "--tp", "1,2,4", "--json").data
    assert {row["tp"] for row in found["steps"]} == {2, 4}
    assert "does not fit on 1 x H100" in found["left_out"]["tp1"]


def test_few_points_are_not_drawn(moeprof: Moeprof, model: Path) -> None:
    assert "against" not in moeprof("steptime", "predict", model, *ASKED).stdout


def test_few_points_of_several_splits_are_listed_and_the_others_told(
    moeprof: Moeprof, model: Path
) -> None:
    result = moeprof("steptime", "predict", model, *ASKED[:-1], "16", "--tp", "1,2,3")
    assert "mixtral-8x7b on 1 x H200" in result.stdout
    assert "mixtral-8x7b on 2 x H200" in result.stdout
    assert "tp3 is left out: 3 GPUs cannot share the 32 heads" in " ".join(result.stderr.split())


def test_arithmetic_that_a_gpu_lacks_is_told(moeprof: Moeprof, model: Path) -> None:
    result = moeprof("steptime", "predict", model, *ASKED, "--precision", "nvfp4")
    assert "H200 has no fp4 units: what is stored so is computed in bf16" in " ".join(
        result.stderr.split()
    )


def test_a_page_takes_the_place_of_no_file_that_the_command_reads(
    moeprof: Moeprof, model: Path
) -> None:
    before = model.read_bytes()
    result = moeprof("steptime", "predict", model, *ASKED, "--report", model)
    assert result.exit_code == 2
    assert "the page would take its place" in " ".join(result.stderr.split())
    assert model.read_bytes() == before
