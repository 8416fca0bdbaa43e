"""The files of a run: rendered for a new one, copied for a validation, the plan last."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.scenarios.catalogue import LoadedOp, find_ops
from moeprof.scenarios.preset import load_preset, read_preset
from moeprof.scenarios.run_files import begin_run, copied_files, rendered_files, write_run
from moeprof.scenarios.trust import NoKey, check_trusted
from moeprof.store.errors import BadInput
from moeprof.store.run import Run
from moeprof.tests.builders import plan_run

SMALL = load_preset("small")


def keyed(why: NoKey) -> None:
    raise AssertionError(why)


@pytest.fixture
def ops(tmp_path: Path) -> list[LoadedOp]:
    """An operation of the catalogue, and one that a user's file is said to define."""
    source = tmp_path / "my_op.py"
    source.write_text("# mine")
    relu, topk = find_ops("relu,topk")
    return [relu, replace(topk, source=str(source))]


def test_a_run_holds_its_scripts_sources_preset_and_plan(
    tmp_path: Path, ops: list[LoadedOp]
) -> None:
    plan, run = plan_run(ops, (1, 2), SMALL), Run(tmp_path / "run")
    write_run(run, plan, rendered_files(plan, SMALL, ops, cache_bytes=1 << 20))
    assert run.plan() == plan
    assert read_preset(run.preset_path) == SMALL
    assert "torch.relu" in run.script("relu").read_text()
    assert (run.folder / "ops" / "topk.py").read_text() == "# mine"
    assert not (run.folder / "ops" / "relu.py").exists()


def test_copies_are_the_same_bytes_for_the_operations_that_are_left(
    tmp_path: Path, ops: list[LoadedOp]
) -> None:
    plan, own, other = plan_run(ops, (1, 2), SMALL), Run(tmp_path / "own"), Run(tmp_path / "other")
    write_run(own, plan, rendered_files(plan, SMALL, ops, cache_bytes=None))
    fewer = replace(plan, ops=plan.ops[1:])
    write_run(other, fewer, copied_files(own, fewer))
    for path in (path for path in other.folder.rglob("*") if path.is_file()):
        name = path.relative_to(other.folder)
        if path != other.plan_path:
            assert path.read_bytes() == (own.folder / name).read_bytes()
    assert not other.script("relu").exists()


def test_a_folder_that_cannot_be_written_is_no_run(tmp_path: Path, ops: list[LoadedOp]) -> None:
    plan, run = plan_run(ops, (1, 2), SMALL), Run(tmp_path / "run")
    files = rendered_files(plan, SMALL, ops, cache_bytes=None)
    run.folder.mkdir()
    (run.folder / "ops").write_text("a file where a folder is needed")
    with pytest.raises(BadInput, match="cannot write"):
        write_run(run, plan, files)
    assert not run.plan_path.exists()


def test_a_new_run_takes_the_next_free_name_as_a_whole(tmp_path: Path, ops: list[LoadedOp]) -> None:
    plan, store = plan_run(ops, (1, 2), SMALL), tmp_path / "new" / "store"
    files = rendered_files(plan, SMALL, ops, cache_bytes=None)
    (store / "a").mkdir(parents=True)  # empty, as a killed process may leave it
    (store / "a-2").mkdir()
    (store / "a-2" / "notes").touch()
    (store / "a-3").touch()
    names = []
    for _ in range(3):
        run = begin_run(store, "a", lambda name: replace(plan, run_id=name), files, keyed)
        assert run.plan().run_id == run.folder.name
        check_trusted(run, run.plan(), trust=False)  # it is signed before it gets its name
        names.append(run.folder.name)
    assert names == ["a", "a-4", "a-5"]
    assert {path.name for path in store.iterdir()} == {"a", "a-2", "a-3", "a-4", "a-5"}


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path: Path, ops: list[LoadedOp]) -> None:
    plan = plan_run(ops, (1, 2), SMALL)
    files = rendered_files(plan, SMALL, ops, cache_bytes=None)
    twice = replace(files, sources={"ops": b"", "ops/topk.py": b""})  # a file and its folder
    with pytest.raises(BadInput, match="cannot write"):
        begin_run(tmp_path, "a", lambda name: plan, twice, keyed)
    assert list(tmp_path.glob("*")) == [tmp_path / "my_op.py"]
    with pytest.raises(BadInput, match="runs go into a folder"):
        begin_run(tmp_path / "my_op.py", "a", lambda name: plan, files, keyed)
