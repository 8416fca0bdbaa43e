"""One process at a time measures a device, and one works on a run."""

from pathlib import Path
from uuid import uuid4

import pytest

from moeprof.device import cpu
from moeprof.profiler.lock import LOCK_DIR, device_lock, lock_folder, run_lock
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu
from moeprof.store.run import Run

MIG = "MIG-a65afc88-50b5-5ccf-b0a8-f93b3247ae9e"


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of locks of one test alone."""
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setenv(LOCK_DIR, str(folder))
    return folder


def a_gpu() -> Gpu:
    return Gpu(0, "NVIDIA Test", f"GPU-{uuid4()}", None, None, None, None, None, None, None)


def pin(monkeypatch: pytest.MonkeyPatch, *cores: int) -> None:
    monkeypatch.setattr(cpu, "cores", lambda: cores)


def take(gpu: Gpu | None) -> None:
    with device_lock(gpu, "other"):
        pass


def test_a_second_sweep_on_the_same_gpu_is_refused_by_the_run_that_has_it() -> None:
    here = a_gpu()
    with (
        device_lock(here, "mine"),
        pytest.raises(BadInput, match=r"measuring NVIDIA Test GPU-.*: run mine, pid") as refused,
    ):
        take(here)
    assert "--device" in refused.value.hint
    take(here)


def test_sweeps_on_two_gpus_go_on_side_by_side() -> None:
    with device_lock(a_gpu(), "mine"):
        take(a_gpu())


def test_a_mig_device_is_locked_by_its_own_uuid(
    locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", MIG)
    whole_gpu = a_gpu()
    take(whole_gpu)
    assert [path.name for path in locks.iterdir()] == [f"moeprof-{MIG.replace('MIG', 'GPU')}.lock"]
    with device_lock(whole_gpu, "mine"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", MIG.replace("a65", "b65"))
        take(whole_gpu)


def test_the_cores_of_a_cpu_are_locked_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, 0, 1)
    with device_lock(None, "mine"):
        for others in [(1, 2), (0,), (0, 1, 2, 3)]:
            pin(monkeypatch, *others)
            with pytest.raises(BadInput, match=r"measuring core [01]: run mine") as refused:
                take(None)
            assert "taskset" in refused.value.hint
        pin(monkeypatch, 2, 3)
        take(None)


def test_a_refused_process_holds_no_core_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, 1)
    with device_lock(None, "mine"):
        pin(monkeypatch, 0, 1)
        with pytest.raises(BadInput):
            take(None)
        pin(monkeypatch, 0)
        take(None)


def test_a_second_sweep_of_the_same_run_is_refused(tmp_path: Path) -> None:
    with (
        run_lock(Run(tmp_path)),
        pytest.raises(BadInput, match="another sweep is measuring"),
        run_lock(Run(tmp_path)),
    ):
        pass


def test_the_descriptors_of_all_locks_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, 0, 1, 2)
    with device_lock(None, "mine") as descriptors:
        assert len(set(descriptors)) == 3


def test_the_folder_is_one_for_all_users_whatever_tmpdir_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv(LOCK_DIR, "")
    assert lock_folder() == Path("/tmp")
    monkeypatch.delenv(LOCK_DIR)
    assert lock_folder() == Path("/tmp")


@pytest.mark.parametrize("named", ["locks", "/nowhere/at/all", "/dev/null"])
def test_a_folder_that_is_none_is_refused_and_not_made(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """A folder that was made by mistake would be a lock that nobody else sees."""
    monkeypatch.setenv(LOCK_DIR, named)
    with pytest.raises(BadInput, match=named) as refused:
        take(None)
    assert refused.value.hint
    assert not Path(named).is_dir()
