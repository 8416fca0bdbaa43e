"""The command line, one tiny run that its own commands made, and disks that refuse."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moeprof.store.disk.temporary import PREFIX
from moeprof.tests.cli.command_line import Moeprof, Result, run_moeprof
from moeprof.tests.conftest import quick_points
from moeprof.tests.instant_scripts import instant_scripts


@pytest.fixture(autouse=True)
def _quickly(quickly: None) -> Iterator[None]:
    """Let scripts answer at once; those of files time each size for a moment, and none again."""
    with instant_scripts():
        yield


@pytest.fixture(scope="session")
def moeprof() -> Moeprof:
    """Give the function that runs one command: `moeprof("cost", "fc1")`."""
    return lambda *words: run_moeprof(words)


@pytest.fixture(scope="session")
def profiled(tmp_path_factory: pytest.TempPathFactory, moeprof: Moeprof) -> tuple[Path, Result]:
    """Give a store with one run of two operations, and what `profile --json` said. Only read it."""
    store = tmp_path_factory.mktemp("profiled")
    words = "--json --ops relu,topk --batch-sizes 1..64 --points 8 --seed 5 --device cpu --no-power"
    with quick_points(), instant_scripts():
        return store, moeprof("profile", *words.split(), "--store", store)


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, moeprof: Moeprof, profiled: tuple[Path, Result]
) -> tuple[Path, Result]:
    """Give the store with tables and a model, and what `build-model --json` said. Only read it."""
    store = tmp_path_factory.mktemp("built")
    shutil.copytree(profiled[0], store, dirs_exist_ok=True)
    return store, moeprof("build-model", "--json", "--store", store)


@pytest.fixture
def recorded_run(tmp_path: Path, profiled: tuple[Path, Result]) -> Path:
    """Give a run of one's own, in a store of its own, that was only recorded."""
    shutil.copytree(profiled[0], tmp_path / "recorded")
    return next((tmp_path / "recorded").iterdir())


@pytest.fixture
def built_run(tmp_path: Path, built: tuple[Path, Result]) -> Path:
    """Give a run of one's own, in a store of its own, with its tables and model."""
    shutil.copytree(built[0], tmp_path / "built")
    return next((tmp_path / "built").iterdir())


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that lets the disk be full after so many more files written whole."""

    def fill(files: int = 0) -> None:
        written = iter(range(files))
        sync = os.fsync

        def sync_or_refuse(descriptor: int) -> None:
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            is_whole = path.is_file() and PREFIX in str(path)
            if is_whole and next(written, None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(descriptor)

        monkeypatch.setattr("os.fsync", sync_or_refuse)

    return fill


@pytest.fixture
def read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the making of every folder find the disk read-only."""

    def refuse(path: Path, *rest: object, **more: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
