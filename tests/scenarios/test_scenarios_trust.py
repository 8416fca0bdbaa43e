"""Only the files that this user's moeprof wrote are executed without a word."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.script import PROTOCOL
from moeprof.scenarios.trust import TRUST_FILE, NoKey, check_trusted, op_file, sign
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.files import write_whole
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.tests.builders import make_op_plan, make_plan
from moeprof.tests.elsewhere import as_another_user, needs_root

PLAN = make_plan(ops=(make_op_plan(op="mine", source="ops/mine.py"), make_op_plan(op="relu")))
NOT_MINE = "executes its scripts/mine.py, ops/mine.py, scripts/relu.py"


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's user keeps the key, which is not made yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "moeprof" / "trust.key"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    for path in (run.script("mine"), run.folder / "ops" / "mine.py", run.script("relu")):
        write_whole(path, f"PROTOCOL = {PROTOCOL}\n")
    return run


@pytest.fixture
def signed(run: Run) -> Run:
    sign(run, PLAN)
    return run


def test_a_run_of_ones_own_is_trusted_wherever_it_lies(signed: Run, tmp_path: Path) -> None:
    check_trusted(signed, PLAN, trust=False)
    signed.folder.rename(tmp_path / "elsewhere")
    check_trusted(Run(tmp_path / "elsewhere"), PLAN, trust=False)


def test_the_key_is_this_users_alone(signed: Run, key: Path) -> None:
    assert (len(key.read_bytes()), key.stat().st_mode & 0o777) == (32, 0o600)
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert list(key.parent.iterdir()) == [key]


def test_a_run_without_a_digest_names_what_would_be_executed(run: Run) -> None:
    with pytest.raises(BadInput, match=NOT_MINE) as refused:
        check_trusted(run, PLAN, trust=False)
    assert "--trust" in refused.value.hint


def test_scripts_of_an_older_protocol_are_generated_anew_and_need_no_trust(run: Run) -> None:
    plan = replace(PLAN, ops=PLAN.ops[1:])
    write_whole(run.script("relu"), "import os\n")
    check_trusted(run, plan, trust=False)


def test_an_op_file_needs_trust_whatever_its_script_is(run: Run) -> None:
    for name in ("mine", "relu"):
        write_whole(run.script(name), "import os\n")
    with pytest.raises(BadInput, match=r"ops/mine\.py"):
        check_trusted(run, PLAN, trust=False)


def change_script(run: Run) -> Plan:
    write_whole(run.script("relu"), f"PROTOCOL = {PROTOCOL}\nimport os\n")
    return PLAN


def change_op_file(run: Run) -> Plan:
    write_whole(run.folder / "ops" / "mine.py", "import os\n")
    return PLAN


def remove_script(run: Run) -> Plan:
    run.script("relu").unlink()
    return PLAN


def add_operation(run: Run) -> Plan:
    write_whole(run.script("gelu"), "import os\n")
    return replace(PLAN, ops=(*PLAN.ops, make_op_plan(op="gelu")))


def add_source(run: Run) -> Plan:
    write_whole(run.folder / "ops" / "relu.py", "import os\n")
    return replace(PLAN, ops=(PLAN.ops[0], replace(PLAN.ops[1], source="ops/relu.py")))


def add_mixed_workload(run: Run) -> Plan:
    write_whole(run.script("mixed-replay"), "import os\n")
    return PLAN


def exchange_scripts(run: Run) -> Plan:
    write_whole(run.script("relu"), "other\n")
    sign(run, PLAN)
    write_whole(run.script("relu"), "pass\n")
    write_whole(run.script("mine"), "other\n")
    return PLAN


def change_digest(run: Run) -> Plan:
    write_whole(run.folder / TRUST_FILE, "0" * 64)
    return PLAN


@pytest.mark.parametrize(
    "tamper",
    [
        change_script,
        change_op_file,
        remove_script,
        add_operation,
        add_source,
        add_mixed_workload,
        exchange_scripts,
        change_digest,
    ],
)
def test_a_run_that_was_changed_is_not_trusted(signed: Run, tamper: Callable[[Run], Plan]) -> None:
    plan = tamper(signed)
    with pytest.raises(BadInput, match="is not of your key and these files"):
        check_trusted(signed, plan, trust=False)
    check_trusted(signed, plan, trust=True)
    check_trusted(signed, plan, trust=False)  # these files were trusted, and are known now


def test_another_users_digest_is_not_trusted(signed: Run, key: Path) -> None:
    key.unlink()
    with pytest.raises(BadInput, match=r"there is no key .*no such file"):
        check_trusted(signed, PLAN, trust=False)
    sign(Run(signed.folder.parent / "other"), PLAN)
    with pytest.raises(BadInput, match="is not of your key"):
        check_trusted(signed, PLAN, trust=False)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_key_that_is_none_signs_and_trusts_nothing(
    signed: Run, key: Path, content: bytes
) -> None:
    key.write_bytes(content)
    with pytest.raises(BadInput, match="is not of 32 bytes"):
        check_trusted(signed, PLAN, trust=False)
    with pytest.raises(NoKey):
        sign(signed, PLAN)
    check_trusted(signed, PLAN, trust=True)


def test_a_key_that_others_may_read_is_none(signed: Run, key: Path) -> None:
    key.chmod(0o640)
    with pytest.raises(BadInput, match="is not yours alone"):
        check_trusted(signed, PLAN, trust=False)


@needs_root
def test_a_key_of_another_user_is_none(signed: Run, key: Path) -> None:
    os.chown(key, 65534, 65534)
    with pytest.raises(BadInput, match="is not yours alone"):
        check_trusted(signed, PLAN, trust=False)


@needs_root
def test_without_a_folder_for_the_key_there_is_none(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_another_user(), pytest.raises(NoKey, match="permission denied"):
        sign(run, PLAN)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "relative")
    with pytest.raises(NoKey, match="no home folder"):
        sign(run, PLAN)


def test_an_op_file_that_leads_out_of_the_run_is_refused_even_if_trusted(signed: Run) -> None:
    path = signed.folder / "ops" / "mine.py"
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="leads out of the run, to /etc/passwd"):
        check_trusted(signed, PLAN, trust=True)
    with pytest.raises(BadInput, match="leads out of the run"):
        op_file(signed, PLAN.ops[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "../mine.py"},
        {"source": "/tmp/mine.py"},
        {"source": "ops/../../mine.py"},
        {"source": "ops/sub/mine.py"},
        {"op": "../mine"},
        {"op": "/tmp/mine.py"},
        {"op": "mine.py"},
        {"op": "relu,/tmp/mine.py"},
    ],
)
def test_a_plan_whose_names_lead_out_of_the_run_is_not_read(
    run: Run, changes: dict[str, Any]
) -> None:
    write_document(run.plan_path, replace(PLAN, ops=(replace(PLAN.ops[0], **changes),)))
    with pytest.raises(BadInput, match=r"ops\.0"):
        read_document(run.plan_path, Plan)
