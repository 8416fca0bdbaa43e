"""Quotas of control groups of both versions, on a synthetic tree."""

from pathlib import Path

import pytest

from moeprof.device.cpu_quota import quota_cores, quota_stops


class Groups:
    """The file that names a process's groups, and the tree of groups."""

    def __init__(self, folder: Path, membership: str) -> None:
        self.membership = folder / "cgroup"
        self.membership.write_text(membership)
        self.root = folder / "fs"
        self.root.mkdir()

    def write(self, group: str, **files: str) -> None:
        folder = self.root / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"cpu.{name}").write_text(f"{text}\n")

    @property
    def cores(self) -> float | None:
        return quota_cores(self.membership, self.root)

    @property
    def stops(self) -> int | None:
        return quota_stops(self.membership, self.root)


def stat(stops: int) -> str:
    return f"usage_usec 5\nnr_periods 9\nnr_throttled {stops}\nthrottled_usec 7"


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert quota_cores(tmp_path / "cgroup", tmp_path) is None
    assert quota_stops(tmp_path / "cgroup", tmp_path) is None


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/\n")
    groups.write("", max="150000 100000", stat=stat(3))
    assert (groups.cores, groups.stops) == (1.5, 3)


def test_the_path_of_a_host_that_is_not_there_stands_for_the_root(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/docker/abc\n")
    groups.write("", max="50000 100000")
    assert groups.cores == 0.5


def test_the_least_of_the_group_and_its_parents_binds(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/pod/container\n")
    groups.write("pod", max="80000 100000", stat=stat(1))
    groups.write("pod/container", max="200000 100000", stat=stat(2))
    assert (groups.cores, groups.stops) == (0.8, 3)


def test_max_is_no_limit(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0::/user.slice\n")
    groups.write("user.slice", max="max 100000", stat=stat(0))
    assert (groups.cores, groups.stops) == (None, 0)


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
def test_version_1_has_a_tree_of_its_own(tmp_path: Path, mount: str) -> None:
    groups = Groups(tmp_path, "5:memory:/m\n4:cpu,cpuacct:/job\n0::/\n")
    groups.write(f"{mount}/job", cfs_quota_us="25000", cfs_period_us="100000", stat=stat(4))
    groups.write(mount, cfs_quota_us="-1", cfs_period_us="100000", stat=stat(0))
    assert (groups.cores, groups.stops) == (0.25, 4)
