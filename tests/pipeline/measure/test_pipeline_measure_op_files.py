"""Whatever a user's file does when it is executed, it costs one sentence within a limit."""

from pathlib import Path

import pytest

from moeprof.pipeline.measure.op_files import load_ops, load_ops_of_file
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.test_scenarios_catalogue import SOURCE

NEGATE = SOURCE.format(name="negate")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my_op.py"


def test_a_good_file_gives_its_operations(path: Path) -> None:
    path.write_text(NEGATE)
    (by_word,) = load_ops(f" {path}")
    (by_path,) = load_ops_of_file(path)
    assert by_word.operation.name == by_path.operation.name == "negate"
    assert by_word.source == by_path.source == str(path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(0)", "ends its process with exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "ends its process by SIGKILL"),
        ("input()", "does not run: EOFError"),
        ("import os; os.close(2); 1 / 0", "ends its process"),
    ],
)
def test_a_file_that_ends_its_process_or_raises_is_refused(
    path: Path, code: str, said: str
) -> None:
    path.write_text(NEGATE + code)
    with pytest.raises(BadInput, match=f"{path} {said}") as refused:
        load_ops(str(path))
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_file_that_never_comes_back_is_refused_within_the_limit(path: Path) -> None:
    path.write_text("while True: pass")
    with pytest.raises(BadInput, match=r"does not come back within 0\.2 s"):
        load_ops(str(path), trial_s=0.2)


def test_a_count_of_flops_that_ends_the_process_is_found_by_the_trial(path: Path) -> None:
    path.write_text(NEGATE.replace("tokens * preset.ffn,", "__import__('os')._exit(3),", 1))
    with pytest.raises(BadInput, match="ends its process with exit code 3"):
        load_ops(str(path))


def test_names_alone_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert [one.operation.name for one in load_ops("relu,topk")] == ["relu", "topk"]


@pytest.mark.parametrize(("alone", "executed"), [(True, 1), (False, 2)])
def test_a_process_made_for_a_file_executes_it_without_a_trial(
    path: Path, alone: bool, executed: int
) -> None:
    count = path.with_name("count")
    path.write_text(f"with open({str(count)!r}, 'a') as file:\n    file.write('.')\n{NEGATE}")
    load_ops(str(path), alone=alone)
    assert len(count.read_text()) == executed
