"""The archive: what is in it, how large it becomes, and that it opens elsewhere."""

import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.pipeline.build import build_model
from moeprof.pipeline.selftest.archive import hint, pack
from moeprof.report.page import write_report
from moeprof.store.run import latest_run
from moeprof.tests.pipeline.conftest import write_linear_run

KIB = 1 << 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of a selftest whose sweep has a model, and files that must stay there."""
    folder = tmp_path / "selftest-1"
    run = write_linear_run(folder / "runs" / "run")
    build_model(run.folder)
    for name in ("selftest.json", "results/doctor.json", "logs/doctor.log", "idle/power.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    unit = run.unit("kineto", "gelu.0")
    unit.mkdir(parents=True)
    for name in ("trace.json.gz", "trace.scrubbed.json.gz", "report.nsys-rep"):
        (unit / name).write_text("{}")
    for name in ("trust.hmac", "sweep.lock"):
        (run.folder / name).write_text("private")
    return folder


def names_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as tar:
        return set(tar.getnames())


def test_it_holds_what_was_found_and_nothing_that_is_not_shareable(folder: Path) -> None:
    archive = folder.with_name("selftest-1.tar.gz")
    assert pack(folder, archive) == ()
    names = names_in(archive)
    for name in ("selftest.json", "results/doctor.json", "logs/doctor.log", "idle/power.csv"):
        assert f"selftest-1/{name}" in names
    assert "selftest-1/runs/run/raw/kineto/gelu.0/trace.scrubbed.json.gz" in names
    private = ("/trace.json.gz", "report.nsys-rep", "trust.hmac", "sweep.lock")
    assert [name for name in names if name.endswith(private)] == []


def test_no_member_names_an_owner_or_a_time(folder: Path) -> None:
    archive = folder.with_name("selftest-1.tar.gz")
    pack(folder, archive)
    with tarfile.open(archive) as tar:
        assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in tar} == {
            (0, 0, "", "", 0)
        }


def test_its_run_can_be_reported_elsewhere(folder: Path, tmp_path: Path) -> None:
    archive = folder.with_name("selftest-1.tar.gz")
    pack(folder, archive)
    assert hint(archive) == ("tar xzf selftest-1.tar.gz && moeprof report --store selftest-1/runs")
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(tmp_path / "elsewhere")
    run = latest_run(tmp_path / "elsewhere" / "selftest-1" / "runs")
    page = write_report(run)
    assert page.warnings == ()
    assert "gelu" in page.path.read_text()


@given(sizes=st.lists(st.integers(0, 300 * KIB), min_size=1, max_size=6), most=st.integers(64, 400))
def test_it_is_never_larger_than_it_may_be(
    sizes: list[int], most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("packed") / "selftest-1"
    (folder / "results").mkdir(parents=True)
    draw = random.Random(0)  # what cannot be packed any further
    for number, size in enumerate(sizes):
        (folder / "results" / f"{number}.json").write_bytes(draw.randbytes(size))
    archive = folder.with_name("selftest-1.tar.gz")
    left_out = pack(folder, archive, most * KIB)
    assert archive.stat().st_size <= most * KIB
    assert len(names_in(archive)) + len(left_out) == len(sizes)


def test_small_files_go_before_large_ones(tmp_path: Path) -> None:
    folder = tmp_path / "selftest-1"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "a.json").write_bytes(bytes(200 * KIB))
    (folder / "results" / "b.json").write_bytes(bytes(KIB))
    assert pack(folder, tmp_path / "selftest-1.tar.gz", 64 * KIB) == ("results/a.json",)
