"""`moeprof show`: a model's curves, errors and origin."""

import re
from dataclasses import replace
from pathlib import Path

from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.store.cost_model import CostModelFile, Pole
from moeprof.store.document import read_document, write_document
from moeprof.store.run import Run
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.layer.gated_models import gated_file


def test_a_curve_is_drawn_in_one_line_with_its_errors(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("show", built_run)
    _, heads, *rows = result.stdout.splitlines()
    assert result.exit_code == 0
    assert heads.split()[:7] == ["curve", "batch", "sizes", "latency", "us", "to", "us"]
    ops = [curve.op for curve in read_document(Run(built_run).model_path, CostModelFile).curves]
    assert [row.split()[0] for row in rows] == ops
    assert all(set(row.split()[2]) <= set("▁▂▃▄▅▆▇█") for row in rows)


def test_the_origin_and_what_is_missing_are_reported(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("show", built_run).stderr
    model = read_document(Run(built_run).model_path, CostModelFile)
    assert model.provenance.device_name in result
    assert model.points_sha256[:12] in result
    assert "no energy: " in result
    assert "no heat: " in result


def test_a_rise_that_is_a_lower_bound_says_so(
    moeprof: Moeprof, built_run: Path, tmp_path: Path
) -> None:
    short = ThermalModel((Pole(300.0, 0.05),), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)
    model = read_document(Run(built_run).model_path, CostModelFile)
    write_document(tmp_path / "model.json", with_thermal(model, short, 500, "simulated"))
    result = moeprof("show", tmp_path / "model.json")
    assert result.exit_code == 0
    words = " ".join(result.stderr.split())
    assert "heat: 0.05 K for each W above idle, by simulated; a lower bound" in words
    assert "poles: 0.05 K/W in 300 s; fitted to 500 readings within 0.3 K" in words


def test_a_layer_is_shown_by_its_parts_their_sum_and_itself_as_measured(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    path = tmp_path / "layer.json"
    write_document(path, with_checksum(gated_file("uniform", without=["permute"])))
    result = moeprof("show", path)
    _, _, table = result.stdout.partition("Layer 8x4 (tiny, 16 experts, top-2, float32), uniform")
    cells = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()[1:]]
    rows = {name: values for name, *values in cells}
    assert rows["us at batch size"] == ["1", "4", "8", "32", "128"]
    assert list(rows)[1:5] == ["gate", "topk", "w13_grouped", "act_mul"]
    assert rows["difference, fitted"] == ["-"] * 5
    assert rows["layer, incomplete"] == rows["sum"]
    assert {len(values) for values in rows.values()} == {5}
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "without permute: not among the operations" in result.stderr
    assert "no difference of a whole layer is added: " in result.stderr


def test_a_curve_with_a_long_name_takes_two_lines_of_80_columns(
    moeprof: Moeprof, built_run: Path, tmp_path: Path
) -> None:
    model = read_document(Run(built_run).model_path, CostModelFile)
    names = ("moe_balanced-2048x768-bf16-e128-k8-cold", "moe_balanced-4096x14336-bf16-e8-k2-cold")
    curves = tuple(
        replace(one, op="moe_balanced", curve=name, fit="step")
        for one, name in zip(model.curves, names, strict=False)
    )
    write_document(tmp_path / "model.json", with_checksum(replace(model, curves=curves)))
    result = moeprof("show", tmp_path / "model.json")
    _, _, *rows = result.stdout.splitlines()
    lines = [row.split()[0] for row in rows]
    assert tuple(map("".join, zip(lines[::2], lines[1::2], strict=True))) == names
    assert max(map(len, rows)) <= 80
    assert f"fitted with steps of row tiles: {names[0]}" in " ".join(result.stderr.split())


def test_the_whole_model_is_json(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("show", built_run, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.data["sha256"] == read_document(Run(built_run).model_path, CostModelFile).sha256


def test_a_model_that_is_not_there_is_named(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("show", tmp_path / "nowhere.json")
    assert result.exit_code == 2
    assert "nowhere.json does not exist" in result.stderr


def test_sizes_that_no_repeat_confirms_are_told_in_one_sentence_for_all_curves(
    moeprof: Moeprof, built_run: Path, tmp_path: Path
) -> None:
    model = read_document(Run(built_run).model_path, CostModelFile)
    curves = tuple(replace(one, unconfirmed_tokens=one.knots_tokens[:2]) for one in model.curves)
    write_document(tmp_path / "model.json", with_checksum(replace(model, curves=curves)))
    said = " ".join(moeprof("show", tmp_path / "model.json").stderr.split())
    assert said.count("unconfirmed, no two measurements agree: relu at 2 of ") == 1
    assert "topk at 2 of " in said
