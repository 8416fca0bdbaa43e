"""`moeprof cost`: one look-up."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.cli.render import number
from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import SurfaceModel
from moeprof.store.document import write_document
from moeprof.store.run import Run
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.layer.gated_models import LAYER, PARTS, gated_file


@pytest.fixture
def layer_model(built_run: Path, tmp_path: Path) -> Path:
    """Give a model with all kernels of a layer: those of the experts have the times of relu."""
    file = KernelCostModel.load(Run(built_run).model_path).file
    relu, topk = file.curves
    experts = [
        replace(relu, op=op, curve=f"{op}-fp32-cold", shape=shape)
        for op, shape in (("fc1", (512, 1024)), ("gelu", (1024,)), ("fc2", (1024, 512)))
    ]
    path = tmp_path / "layer.json"
    write_document(path, with_checksum(replace(file, curves=(*experts, topk))))
    return path


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
    result = moeprof("cost", built_run, "relu", "--batch-size", "64", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    cost = result.data
    assert (cost["op"], cost["tokens"]) == ("relu", 64)
    assert cost["measured"] != cost["measured_once"]  # as this machine repeats itself
    assert cost["latency_us"] > 0
    assert (cost["energy_mj"], cost["energy_source"]) == (None, "unavailable")
    assert cost["energy_reason"]


def test_a_look_up_is_a_table_for_a_person(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("cost", built_run, "topk", "--batch-size", "64")
    title, _, *rows = result.stdout.splitlines()
    assert result.exit_code == 0
    assert re.fullmatch(r"topk at batch size 64 \((measured|unconfirmed), wall time\)", title)
    words = [row.split() for row in rows]
    assert [row[0] for row in words] == ["latency", "energy", "temperature"]
    assert words[1] == ["energy", "-", "-", "-", "mJ"]
    assert "energy: unavailable: " in result.stderr


def test_the_verdict_on_the_operation_stands_beside_its_cost(
    moeprof: Moeprof, built_run: Path
) -> None:
    asked = ("cost", built_run, "relu", "--batch-size", "7")
    assert "validated" not in moeprof(*asked).stderr
    assert moeprof(*asked, "--json").data["validations"] == []
    verdict = moeprof("validate", built_run, "--json").data
    (curve,) = (one for one in verdict["curves"] if one["op"] == "relu")
    (band,) = (one for one in curve["bands"] if one["last"] == 8)
    said = " ".join(moeprof(*asked).stderr.split())
    assert f"validated at sizes from 1 to 8: {band['outcome']} against holdout on 20" in said
    assert "(limit 6 %), worst " in said
    (field,) = moeprof(*asked, "--json").data["validations"]
    assert (field["outcome"], field["n"]) == (band["outcome"], band["n"])
    assert field["validated_utc"] == verdict["validated_utc"]


@pytest.mark.parametrize("more", ["--batch-size 100", "--batch-size 7 --shape 512x4"])
def test_a_cost_that_was_not_measured_has_no_verdict(
    moeprof: Moeprof, built_run: Path, more: str
) -> None:
    moeprof("validate", built_run)
    result = moeprof("cost", built_run, "relu", *more.split())
    assert "validated" not in result.stderr


def test_a_shape_is_named_by_its_sizes(moeprof: Moeprof, layer_model: Path) -> None:
    asked = ("cost", layer_model, "fc1", "--batch-size", "7")
    named = moeprof(*asked, "--shape", "512x1024", "--json")
    assert named.data == moeprof(*asked, "--json").data
    near = moeprof(*asked, "--shape", "512x2048")
    assert near.stdout.startswith("fc1 512x2048 at batch size 7 (transferred, wall time)\n")


def test_a_layer_is_shown_in_all_by_token_by_assignment_and_by_kernel(
    moeprof: Moeprof, layer_model: Path
) -> None:
    asked = ("layer", "--batch-size", "32", "--top-k", "2", "--active-experts", "6")
    result = moeprof("cost", layer_model, *asked)
    assert result.exit_code == 0
    title, *_ = result.stdout.splitlines()
    assert title == "Layer at batch size 32, 64 assignments to 6 experts"
    kernels = result.stdout.partition("Its parts, one after the other\n")[2].splitlines()[1:]
    rows = [row.split()[:3] for row in kernels]
    expected = [[op, *call] for op in ("fc1", "gelu", "fc2") for call in (("11", "4"), ("10", "2"))]
    assert rows == [["topk", "32", "1"], *expected]
    assert "energy: unavailable: topk: " in result.stderr
    assert "without gate; permute; unpermute; shared expert" in result.stderr

    assert moeprof("cost", layer_model, *asked, "--top-k", "1").exit_code == 2

    data = moeprof("cost", layer_model, *asked, "--json").data
    assert data["latency_us_lo"] < data["latency_us"] < data["latency_us_hi"]
    assert data["latency_us_per_token"] == pytest.approx(data["latency_us"] / 32)
    assert data["latency_us_per_assignment"] == pytest.approx(data["latency_us"] / 64)
    assert (data["energy_mj_per_token"], data["energy_mj_per_assignment"]) == (None, None)
    assert len(data["parts"]) == 7
    parts_us = sum(part["calls"] * part["cost"]["latency_us"] for part in data["parts"])
    assert data["latency_us"] == pytest.approx(parts_us)


def test_a_layer_of_gated_experts_is_shown_with_its_difference_and_its_unit(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    path = tmp_path / "gated.json"
    write_document(path, with_checksum(gated_file("uniform", without=["topk", "moe_layer"])))
    lacking = moeprof("cost", path, "layer", "--batch-size", "8")
    assert "without topk: not among the operations" in lacking.stderr
    assert "no difference of a whole layer is added: it was fitted" in lacking.stderr

    write_document(path, with_checksum(gated_file("uniform")))
    result = moeprof("cost", path, "layer", "--batch-size", "8")
    title, *_ = result.stdout.splitlines()
    assert title == "Layer at batch size 8, 16 assignments to 10.5 experts (uniform)"
    parts = result.stdout.partition("Its parts, one after the other\n")[2].splitlines()[1:]
    assert [row.split()[0] for row in parts] == [*PARTS, "difference"]
    assert "3 us between two parts, and 10 % less of the sum; fitted at 8 sizes" in result.stderr
    assert "measured as one unit (moe_layer): " in result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80

    data = moeprof("cost", path, "layer", "--batch-size", "8", "--json").data
    assert data["latency_us"] == pytest.approx(data["sum_us"] + data["difference_us"])
    assert data["difference"]["n"] == 8
    assert data["unit"]["op"] == "moe_layer"
    assert data["is_as_measured"]
    assert data["latency_us"] == data["unit"]["latency_us"]
    assert data["by_parts_us"] == pytest.approx(0.9 * data["sum_us"] + 3 * 6)

    other = moeprof("cost", path, "layer", "--batch-size", "8", "--routing", "zipf:2")
    assert other.stdout.startswith("Layer at batch size 8, 16 assignments to ")
    assert "experts (zipf:2, estimated)" in other.stdout


def test_the_exchanges_of_a_rank_are_shown(moeprof: Moeprof, tmp_path: Path) -> None:
    path = tmp_path / "rank.json"
    write_document(
        path, with_checksum(gated_file("uniform", layer=replace(LAYER, local_experts=4)))
    )
    asked = ("cost", path, "layer", "--batch-size", "64")
    assert "without all-to-all, dispatch: no bandwidth is stated" in moeprof(*asked).stderr
    shown = moeprof(*asked, "--link-gb-per-s", "1").stdout
    assert shown.count("all-to-all") == 2
    assert moeprof(*asked, "--link-gb-per-s", "0").exit_code == 2


def test_a_link_of_one_device_is_said_to_carry_nothing(moeprof: Moeprof, tmp_path: Path) -> None:
    path = tmp_path / "whole.json"
    write_document(path, with_checksum(gated_file("uniform")))
    for more in ((), ("--best", "tokens-per-second")):
        result = moeprof("cost", path, "layer", "--batch-size", "8", "--link-gb-per-s", "9", *more)
        assert "nothing goes over a link: one device holds the whole layer" in result.stderr


def test_an_operation_that_is_called_layer_is_meant_where_there_is_one(
    moeprof: Moeprof, built_run: Path
) -> None:
    path = Run(built_run).model_path
    file = KernelCostModel.load(path).file
    own = replace(file.curves[0], op="layer", curve="layer-1024-fp32-cold")
    write_document(path, with_checksum(replace(file, curves=(own,))))
    assert moeprof("cost", path, "layer", "--batch-size", "7", "--json").data["op"] == "layer"


def test_a_breakdown_shows_the_interval_of_what_it_takes_apart(
    moeprof: Moeprof, built_run: Path
) -> None:
    asked = ("cost", built_run, "topk", "--batch-size", "7", "--breakdown")
    cost = moeprof(*asked, "--json").data["cost"]
    _, _, latency, *parts = moeprof(*asked).stdout.splitlines()
    ends = [number(cost[name]) for name in ("latency_us", "latency_us_lo", "latency_us_hi")]
    assert latency.split() == ["latency", *ends, "us"]
    assert [row.split()[0] for row in parts[:4]] == ["memory,", "compute,", "launch", "beyond"]


def test_what_is_known_over_active_experts_is_not_taken_apart(
    moeprof: Moeprof, built_run: Path
) -> None:
    path = Run(built_run).model_path
    file = KernelCostModel.load(path).file
    error = file.curves[0].error
    surface = SurfaceModel(
        surface="experts-512x1024-fp32-e16-k2-cold",
        op="experts",
        shape=(512, 1024),
        dtype="float32",
        weight_bits=4,
        group_size=64,
        l2="cold",
        regime="burst",
        experts=16,
        top_k=2,
        tile_rows=16,
        coefficients_us=(1.0, 2.0, 0.5, 0.1),
        knots_tokens=(8, 8, 16),
        knots_experts=(2, 8, 8),
        latency_us=(10.0, 20.0, 25.0),
        half_width_95=0.1,
        latency_half_95=(0.1, 0.1, 0.1),
        error=error,
        latency_source="wall",
        energy_reason="no meter",
    )
    write_document(path, with_checksum(replace(file, surfaces=(surface,))))
    result = moeprof("cost", path, "experts", "--batch-size", "8", "--breakdown")
    assert result.exit_code == 2
    assert result.errors[0].startswith("what experts is made of is not known")
    assert "--active-experts N" in result.hint
    assert "relu, topk" in result.hint
    again = moeprof("cost", path, "experts", "--batch-size", "8", "--active-experts", "8", "--json")
    assert again.data["latency_us"] == pytest.approx(20.0)


def test_a_flagged_point_is_reported(moeprof: Moeprof, built_run: Path) -> None:
    path = Run(built_run).model_path
    model = KernelCostModel.load(path).file
    curves = tuple(replace(one, doubtful_tokens=one.knots_tokens[:1]) for one in model.curves)
    write_document(path, with_checksum(replace(model, curves=curves)))
    first = str(curves[0].knots_tokens[0])
    result = moeprof("cost", path, curves[0].op, "--batch-size", first)
    assert f"is flagged: `moeprof report {built_run}` says why" in result.stderr
    assert moeprof("cost", path, curves[0].op, "--batch-size", first, "--json").data["doubtful"]


def test_a_curve_is_named_whole_too(moeprof: Moeprof, built_run: Path) -> None:
    curve = Run(built_run).plan().ops[0].curve
    short = moeprof("cost", built_run, "relu", "--batch-size", "7", "--json").data
    whole = moeprof("cost", built_run, curve, "--batch-size", "7", "--json").data
    assert whole["latency_us"] == short["latency_us"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("relu --batch-size 4 --shape 16,16", "'16,16' is no shape"),
        ("relu --batch-size 4 --shape x", "'x' is no shape"),
        (f"relu --batch-size 4 --shape {'9' * 5000}", "9... is no shape"),
        ("relu --batch-size 4 --shape 0", "a size of the shape is 0"),
        (f"relu --batch-size 4 --shape {2**31}", "a size of the shape is 2147483648"),
        ("relu --batch-size 4 --top-k 2", "--top-k is for a layer, and relu is one operation"),
        ("layer --batch-size 4", "a layer needs --top-k and --active-experts"),
        ("layer --batch-size 4 --top-k 2 --active-experts 4", "no operation 'fc1'"),
        ("layer --batch-size 4 --top-k 2 --active-experts 4 --breakdown", "sum of its kernels"),
        ("relu --batch-size 4 --breakdown --allow-estimates", "as it was measured"),
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
def test_bad_input_is_refused_in_one_sentence(
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
    result = moeprof("cost", *named, *store)
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert says in sentence
