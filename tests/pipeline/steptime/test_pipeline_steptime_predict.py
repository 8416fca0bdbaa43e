"""Batches, prompts and outputs become mean steps, or steps that decode alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.doubts import doubts
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.predict import Asked, EngineSettings, predict
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import Method
from moeprof.tests.costmodel.steptime.public_folder import public_folder

ASKED = Asked("llama-3-8b", "H100", "bf16", "vllm", 1, 1, 1, (1, 32), 800, 400)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json")
    return folder / "m.json"


def test_requests_that_generate_bring_prefills(path: Path) -> None:
    mean, alone = (predict(path, one).steps for one in (ASKED, replace(ASKED, output_tokens=None)))
    assert mean.parts_us["prefill"].sum() > 0
    assert alone.parts_us["prefill"].tolist() == [0, 0]
    assert mean.step_us[1] == pytest.approx(9000 + 200 * 32, rel=0.15)


def own_config(folder: Path, **change: object) -> Path:
    """The config.json of a model of Llama 3 8B's sizes, but for `change`."""
    sizes = {
        "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    }  # fmt: skip
    config = folder / "own-8b" / "config.json"
    config.parent.mkdir(exist_ok=True)
    config.write_text(json.dumps(sizes | change))
    return config


def test_a_model_that_no_row_had_comes_from_its_config(path: Path, tmp_path: Path) -> None:
    wider = own_config(tmp_path, intermediate_size=15360)
    own, known = (predict(path, one).steps for one in (replace(ASKED, model=str(wider)), ASKED))
    assert own.unseen == ("model own-8b",)
    assert predict(path, replace(ASKED, model=str(wider.parent))).steps.unseen == own.unseen
    assert own.step_us == pytest.approx(known.step_us, rel=0.2)


def test_a_config_of_the_sizes_of_a_known_model_is_that_model(path: Path, tmp_path: Path) -> None:
    found = predict(path, replace(ASKED, model=str(own_config(tmp_path).parent)))
    assert found.steps.unseen == ()
    assert found.steps.step_us.tolist() == predict(path, ASKED).steps.step_us.tolist()
    assert found.notes == ("own-8b has the sizes of llama-3-8b, and counts as that",)


def test_the_precision_is_that_of_the_config_unless_another_is_given(
    path: Path, tmp_path: Path
) -> None:
    config = own_config(tmp_path, quantization_config={"quant_method": "fp8"})
    own, other, same = (
        predict(path, replace(ASKED, model=str(config), precision=precision))
        for precision in (None, "bf16", "FP8")
    )
    names = [one.memory.served.precision_name for one in (own, other, same)]
    assert names == ["fp8", "bf16", "fp8"]
    assert [len(one.notes) for one in (own, other, same)] == [2, 2, 1]  # the first: the sizes
    assert predict(path, replace(ASKED, precision=None)).memory.served.precision_name == "bf16"


def test_a_cache_in_fp8_holds_more_requests_and_is_in_no_row(path: Path) -> None:
    narrow = predict(path, replace(ASKED, settings=EngineSettings(kv_cache_dtype="fp8")))
    assert narrow.not_in_rows == ("a cache in fp8",)
    assert narrow.schedule.fitting == pytest.approx(
        2 * predict(path, ASKED).schedule.fitting, abs=1
    )


def test_own_steps_move_the_prediction(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("batch,step_us\n1,18000\n16,24000\n")
    plain, moved = (predict(path, one).steps.step_us for one in (ASKED, replace(ASKED, own=own)))
    assert moved[1] > 1.1 * plain[1]
    assert (moved > plain).all()


def test_own_steps_are_taken_under_the_same_settings(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("batch,step_us\n32,18000\n")
    bounded = replace(ASKED, own=own, settings=EngineSettings(max_num_seqs=4))
    found = predict(path, bounded)
    assert found.schedule.steps.running.tolist() == [1, 4]
    assert found.notes == (
        "own.csv: of 32 requests 4 run, bounded by max-num-seqs: the step counts as one of these",
    )
    assert found.steps.step_us[1] > predict(path, replace(bounded, own=None)).steps.step_us[1]


def test_offloaded_weights_are_a_part_of_their_own(path: Path) -> None:
    """Half of 16.06 GB: half of the 15.01 GB of a step over 64 in place of 3350 GB/s."""
    settings = EngineSettings(cpu_offload_bytes=8.03e9)
    found = predict(path, replace(ASKED, settings=settings, output_tokens=None))
    assert found.steps.parts_us["offload"] == pytest.approx([115_000] * 2, rel=0.01)
    assert found.not_in_rows == ("weights in the memory of the CPU",)
    assert predict(path, ASKED).steps.parts_us["offload"].tolist() == [0, 0]


def test_what_no_row_could_tell_is_named(path: Path) -> None:
    settings = EngineSettings(max_num_batched_tokens=512, prefix_hit=0.5, num_gpu_blocks=500)
    found = predict(path, replace(ASKED, settings=settings))
    assert found.not_in_rows == ("chunks of prompts", "prefix hits", "preemptions")
    assert list(doubts(found))[-1].endswith("chunks of prompts, prefix hits, preemptions")


@pytest.mark.parametrize("form", ["srfa", "blackbox"])
def test_a_form_whose_parts_are_none_says_so(path: Path, tmp_path: Path, form: Method) -> None:
    told = list(doubts(predict(path, ASKED)))
    fit_steps(path.parent, tmp_path / "m.json", method=form)
    found = predict(tmp_path / "m.json", ASKED)
    assert found.steps.method == form
    assert form in next(doubts(found)).lower()
    assert not any("predicts" in one for one in told)


def test_a_request_beyond_the_published_length_is_refused(path: Path) -> None:
    with pytest.raises(BadInput, match=r"200000 tokens is beyond the 131072 .* llama-3-8b"):
        predict(path, replace(ASKED, prompt_tokens=200_000, output_tokens=None))


def test_a_model_that_does_not_fit_is_refused(path: Path) -> None:
    with pytest.raises(BadInput, match="does not fit on 1 x T4"):
        predict(path, replace(ASKED, gpu="T4"))


def test_prefix_hits_of_steps_that_decode_alone_are_refused(path: Path) -> None:
    asked = replace(ASKED, output_tokens=None, settings=EngineSettings(prefix_hit=0.5))
    with pytest.raises(BadInput, match="compute no prompts") as refusal:
        predict(path, asked)
    assert "--output" in refusal.value.hint


def test_what_lies_beyond_the_rows_is_told_by_its_farthest_step(path: Path) -> None:
    """No row decoded alone, or in two groups; 32 requests were the most."""
    far = replace(ASKED, batches=(64, 320, 1))
    parted = replace(ASKED, model="mixtral-8x7b", gpu="B200", dp=2, ep=2)
    alone = replace(ASKED, output_tokens=None)
    told = [" ".join(doubts(predict(path, one))) for one in (far, parted, alone)]
    assert "requests (10 times their largest)" in told[0]
    assert "all_to_all (no row had any)" in told[1]
    assert "prefill_layers (every row had some)" in told[2]
