"""`moeprof profile`: what it refuses, what it writes, and how it goes on after a stop."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.pipeline.measure import resolve
from moeprof.profiler.lock import device_lock
from moeprof.store.errors import CannotMeasure
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.cli.command_line import Moeprof, Result

QUICK = (
    "--ops",
    "relu",
    "--device",
    "cpu",
    "--batch-sizes",
    "1,2,4",
    "--sampling",
    "all",
    "--no-power",
)
OPS_PAGE = Path(__file__).parents[3] / "docs" / "ops.md"


@pytest.fixture(scope="module")
def example() -> str:
    """Give the operation that docs/ops.md shows."""
    return OPS_PAGE.read_text().partition("```python\n")[2].partition("```")[0]


def _only_run(store: Path) -> Run:
    (folder,) = store.iterdir()
    return Run(folder)


def _served(run: Run) -> dict[str, int]:
    """Number of timed repeats by operation: two of each size, and more where they disagree."""
    served: Counter[str] = Counter()
    for _, recording in run.recordings():
        served[recording.op] += len(recording.served)
    return dict(served)


def _recordings(run: Run) -> dict[Path, int]:
    """When each recording of a run was written."""
    return {path: path.stat().st_mtime_ns for path in run.folder.glob("raw/*/*/recording.json")}


@pytest.mark.parametrize(
    ("words", "named", "way_out"),
    [
        ("--ops topkk", "'topkk'", "did you mean topk?"),
        ("--ops relu,relu", "relu twice", ""),
        ("--ops nowhere.py", "nowhere.py does not exist", "Python file"),
        ("--batch-sizes 1..x", "'1..x'", "1..512"),
        ("--batch-sizes 8..1", "'8..1'", "1..8"),
        ("--batch-sizes 0", "'0'", "1..512"),
        ("--preset=", "no preset ''", "mixtral-8x7b"),
        ("--preset huge", "'huge'", "mixtral-8x7b"),
        ("--scenario nowhere.toml", "nowhere.toml", ""),
        ("--preset small --scenario mine.toml", "--preset and --scenario", "one of them"),
        ("--device cuda:99", "'cuda:99' is not there", "--device cpu"),
        ("--device tpu", "'tpu'", "cuda:N"),
        ("--collector stopwatch", "'stopwatch'", "cpu"),
        ("--device cpu --collector cpu,cpu", "'cpu,cpu'", "one of them"),
        ("--points -3", "--points is -3", ""),
        ("--threads 0", "--threads is 0", ""),
        ("--budget soon", "'soon'", "3m"),
        ("--device cpu --lock-clocks 1500", "--lock-clocks is for a GPU", ""),
        ("--device cpu --power-limits 400,700", "--power-limits is for a GPU", ""),
        ("--power-limits low", "--power-limits is 'low'", ""),
        ("--point-timeout -1s", "'-1s'", "3m"),
        ("--no-power --thermal-step", "--no-power and --thermal-step", "one of them"),
        ("--thermal-step --budget 5m", "--budget is 300 s, and the thermal step alone", "more"),
        ("some/run", "some/run was named without --resume", "some/run --resume"),
        ("--resume --dry-run", "--resume and --dry-run", "one of them"),
        ("some/run --resume", "some/run is not a run", "the latest"),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_writes_nothing(
    moeprof: Moeprof,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    named: str,
    way_out: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = moeprof("profile", *words.split(), "--store", tmp_path / "store")
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert named in sentence
    assert way_out in result.hint
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_preset_file_that_is_no_preset_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text("hidden = [")
    result = moeprof("profile", "--scenario", preset, "--device", "cpu", "--store", tmp_path / "s")
    assert result.exit_code == 2
    assert result.errors[0].startswith(f"{preset} is not TOML")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("collector", ["nsys", "ncu", "kineto"])
def test_a_collector_that_does_not_work_here_is_exit_3(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = moeprof(
        "profile", "--device", "cpu", "--collector", collector, "--store", tmp_path / "store"
    )
    assert (result.exit_code, result.stdout) == (3, "")
    (sentence,) = result.errors
    assert sentence.startswith(f"the {collector} collector does not work here: ")
    assert "moeprof doctor" in result.hint
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_the_budget_leaves_out(moeprof: Moeprof) -> None:
    words = ("profile", "--dry-run", "--device", "cpu", "--ops", "all")
    left_out = "left out: all sizes would take"
    assert left_out in moeprof(*words, "--budget", "5s").stderr
    assert left_out not in moeprof(*words).stderr


def test_a_dry_run_writes_nothing(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = moeprof("profile", "--dry-run", "--device", "cpu")
    assert result.exit_code == 0
    assert result.stdout.startswith("Plan: adaptive sampling, up to 24 sizes per operation")
    assert "nothing was measured" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_has_room_for_two_presets_in_80_columns(moeprof: Moeprof) -> None:
    presets = ("--preset", "deepseek-v3,llama-3.1-8b", "--tensor-parallel", "8")
    result = moeprof("profile", "--dry-run", "--device", "cpu", "--ops", "layer", *presets)
    rank = "(one rank of tensor parallel 8, expert parallel 1)"
    assert f"device: cpu; preset: deepseek-v3 {rank}, llama-3.1-8b {rank}\n" in result.stderr
    assert " w13-4096x1792-bf16-cold " in result.stdout
    assert "w13_4096x1792" not in result.stdout


def test_a_dry_run_gives_the_plan_as_json(moeprof: Moeprof, tmp_path: Path) -> None:
    words = ("--dry-run", "--json", "--points", "5", "--budget", "7s", "--store", tmp_path / "s")
    result = moeprof("profile", *QUICK, *words)
    assert result.exit_code == 0
    plan = result.data["plan"]
    assert [op["first"] for op in plan["ops"]] == [[1, 2, 4]]
    assert (plan["device"], plan["collectors"], plan["points_per_op"]) == ("cpu", ["cpu"], 5)
    assert 0 < result.data["estimate_s"] <= plan["budget_s"] == 7
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_where_energy_comes_from_and_how_long_it_takes(
    moeprof: Moeprof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "check_sensors", lambda provenance: "RAPL")
    result = moeprof("profile", "--dry-run", "--device", "cpu")
    assert "energy: RAPL" in result.stderr
    assert "power: up to 22 sizes of each operation, 2 times: " in result.stderr
    data = moeprof("profile", "--dry-run", "--device", "cpu", "--json").data
    assert data["plan"]["power"] == {"anchors": 22, "blocks": 2, "spare_blocks": 1}
    assert 0 < data["estimate_power_s"] < data["estimate_s"]


def test_a_dry_run_says_how_long_the_thermal_step_takes(moeprof: Moeprof) -> None:
    words = ("profile", "--dry-run", *QUICK[:-1], "--thermal-step")
    assert "thermal step: 300 s of the estimate" in moeprof(*words).stderr
    data = moeprof(*words, "--json").data
    assert data["plan"]["thermal_step"] is True
    assert data["estimate_step_s"] == 300 < data["estimate_s"]


def test_a_thermal_step_is_added_to_a_finished_run_and_a_reason_where_it_fails(
    moeprof: Moeprof, built_run: Path
) -> None:
    """Processors have no temperature here, whether or not they have a RAPL."""
    before, served = Run(built_run).model_path.read_bytes(), _served(Run(built_run))
    result = moeprof("profile", built_run, "--resume", "--thermal-step", "--json")
    assert result.exit_code == 0
    assert [(op["op"], op["measured"], op["recalled"]) for op in result.data["ops"][:2]] == [
        ("relu", 0, served["relu"]),
        ("topk", 0, served["topk"]),
    ]
    step = result.data["ops"][2]
    assert (step["collector"], step["measured"], len(step["failures"])) == ("thermal", 0, 1)
    assert "no heat: the thermal step failed: " in result.stderr
    assert Run(built_run).plan().thermal_step

    built = moeprof("build-model", built_run)
    assert built.exit_code == 0
    assert "no heat: the thermal step failed: " in built.stderr
    assert Run(built_run).model_path.read_bytes() != before
    assert "no heat: the thermal step failed: " in moeprof("show", built_run).stderr


def test_a_budget_without_room_for_the_step_changes_no_plan(
    moeprof: Moeprof, recorded_run: Path
) -> None:
    result = moeprof("profile", recorded_run, "--resume", "--thermal-step", "--budget", "2m")
    assert result.exit_code == 2
    assert not Run(recorded_run).plan().thermal_step


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "RAPL is unavailable: there is none"),
        ("--no-power", resolve.SWITCHED_OFF),
    ],
)
def test_without_power_the_plan_says_why(
    moeprof: Moeprof, monkeypatch: pytest.MonkeyPatch, words: str, reason: str
) -> None:
    def refuse(provenance: object) -> str:
        raise CannotMeasure("RAPL is unavailable: there is none")

    monkeypatch.setattr(resolve, "check_sensors", refuse)
    result = moeprof("profile", "--dry-run", "--json", "--device", "cpu", *words.split())
    assert f"energy: unavailable: {reason}" in result.stderr
    assert (result.data["plan"]["power"], result.data["plan"]["power_reason"]) == (None, reason)


def test_every_point_of_a_run_without_power_says_why(recorded_run: Path, moeprof: Moeprof) -> None:
    assert moeprof("parse", recorded_run).exit_code == 0
    points = read_table(Run(recorded_run).table("points"), "points")
    assert points["energy_reason"].unique().to_pylist() == [resolve.SWITCHED_OFF]


def test_a_run_is_not_resumed_with_other_clocks(recorded_run: Path, moeprof: Moeprof) -> None:
    result = moeprof("profile", recorded_run, "--resume", "--lock-clocks", "1500")
    assert result.exit_code == 2
    assert "--lock-clocks is '1500', and the run was planned otherwise" in result.errors[0]


def test_a_run_is_resumed_at_its_own_setting_alone(recorded_run: Path, moeprof: Moeprof) -> None:
    result = moeprof("profile", recorded_run, "--resume", "--power-limits", "400,500")
    assert result.exit_code == 2
    assert "--resume goes on with one run, and 2 settings were given" in result.errors[0]


def test_a_run_is_printed_as_json_and_nothing_else_on_stdout(profiled: tuple[Path, Result]) -> None:
    store, result = profiled
    assert result.exit_code == 0
    assert result.data["run"] == str(_only_run(store).folder)
    assert [op["op"] for op in result.data["ops"]] == ["relu", "topk"]
    served = _served(_only_run(store))
    for op in result.data["ops"]:
        assert (op["collector"], op["measured"]) == ("cpu", served[op["op"]])
        assert op["measured"] >= 2 * 24  # each size twice: of the fit, held out, calibrating
        assert op["recalled"] == 0
        assert (op["failures"], op["unmeasured"]) == ([], [])
    assert "device: cpu; preset: small" in result.stderr


def test_a_run_holds_its_plan_scripts_preset_and_recordings(profiled: tuple[Path, Result]) -> None:
    run = _only_run(profiled[0])
    assert [op.op for op in run.plan().ops] == ["relu", "topk"]
    assert run.plan().run_id == run.folder.name
    assert run.preset_path.is_file()
    assert json.loads(run.provenance_path.read_text())["device"] == "cpu"
    assert "relu-b{tokens}-" in run.script("relu").read_text()
    timings = [timing for _, recording in run.recordings() for timing in recording.served]
    assert all(min(one.calls_ns) > 0 for one in timings)


def test_a_finished_run_is_resumed_without_measuring_again(
    moeprof: Moeprof, recorded_run: Path
) -> None:
    before, served = _recordings(Run(recorded_run)), _served(Run(recorded_run))
    result = moeprof("profile", recorded_run, "--resume", "--json")
    assert result.exit_code == 0
    assert {op["op"]: op["recalled"] for op in result.data["ops"]} == served
    assert all(op["measured"] == 0 for op in result.data["ops"])
    assert _recordings(Run(recorded_run)) == before


def test_the_latest_run_is_resumed_by_default(moeprof: Moeprof, recorded_run: Path) -> None:
    result = moeprof("profile", "--resume", "--json", "--store", recorded_run.parent)
    assert result.exit_code == 0
    assert result.data["run"] == str(recorded_run)


def test_a_resume_measures_only_what_is_missing(moeprof: Moeprof, recorded_run: Path) -> None:
    run = Run(recorded_run)
    lost = sorted(_recordings(run))[::16]
    for path in lost:
        shutil.rmtree(path.parent)
    kept = _recordings(run)
    result = moeprof("profile", recorded_run, "--resume", "--json")
    assert result.exit_code == 0
    after = _recordings(run)
    assert {path: after[path] for path in kept} == kept
    assert sum(op["measured"] for op in result.data["ops"]) == len(after) - len(kept)
    assert set(after) >= {*kept, *lost}


def test_a_budget_that_is_too_small_is_exit_4_and_a_resume_finishes(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    short = moeprof("profile", *QUICK, "--budget", "1ms", "--json", "--store", tmp_path)
    assert short.exit_code == 4
    assert "the budget was spent" in short.stderr
    (left,) = (op["unmeasured"] for op in short.data["ops"])
    assert left
    run = _only_run(tmp_path)
    assert f"moeprof profile {run.folder} --resume" in short.stderr

    rest = moeprof("profile", run.folder, "--resume", "--json")
    assert rest.exit_code == 0
    (op,) = rest.data["ops"]
    assert (op["recalled"], op["unmeasured"]) == (3 - len(left), [])
    assert op["measured"] + op["recalled"] == _served(run)["relu"] >= 2 * 3


MARKED = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


def test_nothing_of_a_foreign_run_is_executed_without_a_word(
    moeprof: Moeprof, recorded_run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = Run(recorded_run)
    shutil.rmtree(next(run.folder.glob("raw/cpu/*")))  # so that there is something to measure
    script = run.script("relu")
    script.write_text(script.read_text().replace("import argparse", f"{MARKED}import argparse"))
    ran = script.with_name("ran")

    refused = moeprof("profile", run.folder, "--resume")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "executes its scripts/relu.py, scripts/topk.py" in refused.errors[0]
    assert "--trust" in refused.hint
    provenance = run.provenance_path.read_text()
    run.provenance_path.write_text(provenance.replace('"host_hash": "', '"host_hash": "other'))
    elsewhere = moeprof("profile", run.folder, "--resume", "--trust")
    assert "one run holds one machine" in elsewhere.errors[0]
    run.provenance_path.write_text(provenance)
    assert not ran.exists()

    trusted = moeprof("profile", run.folder, "--resume", "--trust", "--json")
    assert trusted.exit_code == 0
    assert ran.exists()
    assert moeprof("profile", run.folder, "--resume").exit_code == 0  # these files are known now


def test_a_device_that_another_sweep_measures_is_refused_and_no_run_is_begun(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    with device_lock(None, "theirs"):
        result = moeprof("profile", *QUICK, "--store", tmp_path / "store")
    assert result.exit_code == 2
    assert "run theirs, pid" in result.errors[0]
    assert not (tmp_path / "store").exists()


@pytest.mark.usefixtures("quickly")
def test_a_forced_sweep_measures_beside_the_other_and_all_its_points_are_flagged(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with device_lock(None, "theirs"):
        result = moeprof("profile", *QUICK, "--force", "--store", store)
    assert result.exit_code == 0
    assert "another sweep is measuring" in result.stderr
    assert "run theirs, pid" in result.stderr
    run = _only_run(store)
    assert f"not quiet during {_served(run)['relu']} repeats" in result.stderr
    assert "theirs" not in run.plan_path.read_text()
    assert moeprof("parse", run.folder).exit_code == 0
    marks = read_table(run.table("points"), "points")["marks"].to_pylist()
    assert str(marks).count("repeat 0: another sweep on the same device") == 3


def test_a_sweep_that_is_waited_for_in_vain_is_refused(moeprof: Moeprof, tmp_path: Path) -> None:
    with device_lock(None, "theirs"):
        result = moeprof("profile", *QUICK, "--wait", "10ms", "--store", tmp_path / "store")
    assert result.exit_code == 2
    assert "run theirs, pid" in result.errors[0]
    assert "--wait" not in result.hint
    assert not (tmp_path / "store").exists()


def test_what_is_no_time_to_wait_is_refused(moeprof: Moeprof) -> None:
    result = moeprof("profile", *QUICK, "--wait", "soon")
    assert (result.exit_code, result.errors) == (2, ["'soon' is no duration"])


def test_a_dry_run_tells_the_state_of_the_machine(moeprof: Moeprof) -> None:
    result = moeprof("profile", "--dry-run", "--json", *QUICK)
    assert "quiet: load 0.0" in result.stderr
    assert result.data["surroundings"]["load_average"] == 0


def test_what_an_op_file_prints_is_not_data(moeprof: Moeprof, tmp_path: Path, example: str) -> None:
    source = tmp_path / "prints.py"
    source.write_text(f"{example}\nprint('{{}}')\n")
    result = moeprof("profile", "--dry-run", "--json", "--ops", source, "--device", "cpu")
    assert result.exit_code == 0
    assert result.data["plan"]["ops"]
    assert "{}" in result.stderr


@pytest.mark.parametrize("store", ["", "a-typo"])
def test_resume_begins_no_run_where_there_is_none(
    moeprof: Moeprof, tmp_path: Path, store: str
) -> None:
    result = moeprof("profile", "--resume", *QUICK, "--store", tmp_path / store)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors == [f"there is no run in {tmp_path / store}"]
    assert f"moeprof profile --store {tmp_path / store}" in result.hint
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_which_everything_fails_is_exit_3(
    moeprof: Moeprof, tmp_path: Path, example: str
) -> None:
    source = tmp_path / "broken.py"
    source.write_text(
        example.replace("torch.nn.functional.silu(gate) * up", "gate / up[-1, -1, 0]")
    )
    store = tmp_path / "store"
    result = moeprof("profile", "--ops", source, *QUICK[2:], "--json", "--store", store)
    assert result.exit_code == 3
    (op,) = result.data["ops"]
    assert (op["measured"], len(op["failures"])) == (0, 3)
    assert "IndexError" in result.stderr
    assert result.errors == ["nothing was measured"]


def test_another_schema_of_the_plan_is_refused(moeprof: Moeprof, recorded_run: Path) -> None:
    plan = recorded_run / "plan.json"
    plan.write_text(plan.read_text().replace(Plan.SCHEMA, "moeprof.plan/9.0"))
    result = moeprof("profile", recorded_run, "--resume")
    assert result.exit_code == 2
    assert result.errors == [f"{plan} is moeprof.plan/9.0, and this moeprof knows {Plan.SCHEMA}"]


def test_an_operation_of_ones_own_is_measured_resumed_and_looked_up(
    moeprof: Moeprof, tmp_path: Path, example: str
) -> None:
    source = tmp_path / "my_op.py"
    source.write_text(example)
    store = tmp_path / "store"
    result = moeprof("profile", "--ops", source, *QUICK[2:], "--json", "--store", store)
    assert result.exit_code == 0
    run = _only_run(store)
    served = _served(run)
    assert {op["op"]: op["measured"] for op in result.data["ops"]} == served
    assert served["silu_and_mul"] >= 2 * 3
    assert (run.folder / "ops" / "silu_and_mul.py").read_text() == example

    source.unlink()  # the run holds a copy
    again = moeprof("profile", run.folder, "--resume", "--json")
    assert (again.exit_code, again.data["ops"][0]["recalled"]) == (0, served["silu_and_mul"])
    assert moeprof("build-model", run.folder).exit_code == 0
    cost = moeprof("cost", run.folder, "silu_and_mul", "--batch-size", "3", "--json")
    assert cost.data["latency_us"] > 0


def test_a_full_disk_leaves_no_half_written_run(
    moeprof: Moeprof, fill_disk: Callable[..., None], tmp_path: Path
) -> None:
    fill_disk()
    result = moeprof("profile", *QUICK, "--store", tmp_path)
    assert result.exit_code == 2
    assert "no space left on device" in result.errors[0]
    assert "--store" in result.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_during_a_sweep_leaves_a_run_to_go_on_with(
    moeprof: Moeprof,
    fill_disk: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    fill_disk(6)  # script, preset.toml, plan.json, trust.hmac, provenance.json, one recording
    result = moeprof("profile", *QUICK, "--store", tmp_path)
    assert result.exit_code == 2
    assert "no space left on device" in result.errors[0]
    run = _only_run(tmp_path)
    assert len(run.recordings()) == 1
    assert not [path for path in run.folder.rglob("*") if path.is_file() and path.name[0] == "."]

    monkeypatch.undo()
    rest = moeprof("profile", run.folder, "--resume", "--json")
    assert rest.exit_code == 0
    (op,) = rest.data["ops"]
    assert (op["measured"], op["recalled"]) == (_served(run)["relu"] - 1, 1)


@pytest.mark.usefixtures("read_only_disk")
def test_a_read_only_store_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("profile", *QUICK, "--store", tmp_path / "store")
    assert result.exit_code == 2
    assert "read-only file system" in result.errors[0]
    assert "--store" in result.hint


def test_a_store_below_a_file_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = moeprof("profile", *QUICK, "--store", tmp_path / "file" / "store")
    assert result.exit_code == 2
    assert "not a directory" in result.errors[0]
    assert result.hint


def test_an_option_that_says_other_than_the_plan_is_refused_on_resume(
    moeprof: Moeprof, recorded_run: Path
) -> None:
    result = moeprof("profile", recorded_run, "--resume", "--ops", "fc1")
    assert result.exit_code == 2
    assert "--ops is 'fc1', and the run was planned otherwise" in result.stderr
    assert moeprof("profile", recorded_run, "--resume", "--ops", "relu,topk").exit_code == 0


def test_too_few_sizes_for_a_verdict_are_reported(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("profile", "--dry-run", "--batch-sizes", "pow2:1..512", "--store", tmp_path)
    assert "2 of 10 sizes of fc1 are held out, and `moeprof validate` needs 6" in result.stderr


def test_operations_of_other_ranges_are_resumed_by_the_range_that_was_asked_for(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    """Many active experts leave out the smallest sizes: no operation alone has all of them."""
    asked = ("--ops", "experts", "--batch-sizes", "1..16", "--points", "2", "--no-power")
    begun = moeprof("profile", *asked, "--budget", "1ms", "--json", "--store", tmp_path)
    assert begun.exit_code == 4
    run = _only_run(tmp_path)
    assert len({op.domain for op in run.plan().ops}) > 1
    same = moeprof("profile", run.folder, "--resume", *asked[2:4], "--budget", "1ms")
    other = moeprof("profile", run.folder, "--resume", "--batch-sizes", "1..8", "--budget", "1ms")
    assert (same.exit_code, other.exit_code) == (4, 2)
