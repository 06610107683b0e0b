"""What a container may use of its machine's processors, as its files say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smallrtc_lab.processors.quota import Usage, allowed_processors, codec_threads, control_groups

V2_MOUNT = "29 23 0:26 {root} {at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "33 31 0:30 {root} {at} rw,nosuid - cgroup cgroup rw,{controllers}\n"


class Host:
    """The files of a machine, under a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/self/mountinfo", "22 1 0:21 / / rw - ext4 /dev/vda rw\n")

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.read_text() + text if path.endswith("mountinfo") and file.exists() else text)

    def mount(self, line: str, **words: str) -> None:
        self.write("proc/self/mountinfo", line.format(**words))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """With 64 processors, all of which this process may run on."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return Host(tmp_path)


def test_without_control_groups_the_affinity_counts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """All processors, or those that a process was tied to; as on every system but Linux."""
    assert allowed_processors(control_groups(host.root)) == 64
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5})
    assert allowed_processors(control_groups(host.root)) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert allowed_processors(control_groups(host.root)) == os.cpu_count()


def test_a_container_sees_its_own_group_on_top(host: Host) -> None:
    """Version 2 with a namespace of its own: the quota of a pod is in the root of what is mounted."""
    host.write("proc/self/cgroup", "0::/\n")
    host.mount(V2_MOUNT, root="/", at="/sys/fs/cgroup")
    host.write("sys/fs/cgroup/cpu.max", "100000 100000\n")
    host.write("sys/fs/cgroup/cpu.stat", "usage_usec 2500000\nnr_periods 40\nnr_throttled 3\n")
    (group,) = control_groups(host.root)
    assert group.quota == 1.0
    assert group.usage() == Usage(2.5, 40, 3)
    assert allowed_processors(control_groups(host.root)) == 1.0


def test_the_smallest_quota_of_all_groups_above_counts(host: Host) -> None:
    """A service in a slice: its own quota, one above it, and none at the top."""
    host.write("proc/self/cgroup", "0::/jupyter.slice/lab.service\n")
    host.mount(V2_MOUNT, root="/", at="/sys/fs/cgroup")
    host.write("sys/fs/cgroup/cpu.stat", "usage_usec 1\n")
    host.write("sys/fs/cgroup/jupyter.slice/cpu.max", "50000 100000\n")
    host.write("sys/fs/cgroup/jupyter.slice/lab.service/cpu.max", "max 100000\n")
    assert [group.quota for group in control_groups(host.root)] == [None, 0.5, None]
    assert allowed_processors(control_groups(host.root)) == 0.5


def test_version_1_has_quota_and_usage_in_two_hierarchies(host: Host) -> None:
    """And a version 2 beside it that has no processors in it."""
    host.write("proc/self/cgroup", "5:cpuacct:/pod/own\n4:cpu:/pod\n0::/init.scope\n")
    host.mount(V1_MOUNT, root="/", at="/sys/fs/cgroup/cpu", controllers="cpu")
    host.mount(V1_MOUNT, root="/", at="/sys/fs/cgroup/cpuacct", controllers="cpuacct")
    host.mount(V2_MOUNT, root="/", at="/sys/fs/cgroup/unified")
    host.write("sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us", "150000\n")
    host.write("sys/fs/cgroup/cpu/pod/cpu.cfs_period_us", "100000\n")
    host.write("sys/fs/cgroup/cpu/pod/cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 9\n")
    host.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    host.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    host.write("sys/fs/cgroup/cpuacct/pod/own/cpuacct.usage", "5\n")
    host.write("sys/fs/cgroup/cpuacct/pod/cpuacct.usage", "3000000000\n")
    own, top = control_groups(host.root)
    assert own.quota == 1.5
    assert own.usage() == Usage(3.0, 7, 2)
    assert top.quota is None
    assert allowed_processors(control_groups(host.root)) == 1.5


def test_the_usage_of_another_group_is_not_ours(host: Host) -> None:
    """A process may be in a group with a quota, and in none of those that count."""
    host.write("proc/self/cgroup", "5:cpuacct:/\n4:cpu:/pod\n")
    host.mount(V1_MOUNT, root="/", at="/sys/fs/cgroup/cpu", controllers="cpu")
    host.mount(V1_MOUNT, root="/", at="/sys/fs/cgroup/cpuacct", controllers="cpuacct")
    host.write("sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us", "50000\n")
    host.write("sys/fs/cgroup/cpu/pod/cpu.cfs_period_us", "100000\n")
    host.write("sys/fs/cgroup/cpu/pod/cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 9\n")
    host.write("sys/fs/cgroup/cpuacct/cpuacct.usage", "999000000000\n")
    own = control_groups(host.root)[0]
    assert (own.quota, own.usage()) == (0.5, Usage(None, 7, 2))


def test_a_group_named_from_outside_is_found_on_top(host: Host) -> None:
    """Docker with version 1 mounts the container's own group, and names it by the host's path."""
    host.write("proc/self/cgroup", "4:cpu,cpuacct:/docker/1234\n")
    host.mount(V1_MOUNT, root="/docker/1234", at="/sys/fs/cgroup/cpu,cpuacct", controllers="cpu,cpuacct")
    host.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n")
    host.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    host.write("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1000000000\n")
    host.write("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 0\n")
    (group,) = control_groups(host.root)
    assert (group.quota, group.usage()) == (2.0, Usage(1.0, 0, 0))
    host.write("proc/self/cgroup", "4:cpu,cpuacct:/../../elsewhere\n")
    assert allowed_processors(control_groups(host.root)) == 2.0


def test_files_that_make_no_sense_limit_nothing(host: Host) -> None:
    """Nor are they an error."""
    host.write("proc/self/cgroup", "0::/\n")
    host.mount(V2_MOUNT, root="/", at="/sys/fs/cgroup")
    host.write("sys/fs/cgroup/cpu.max", "much\n")
    (group,) = control_groups(host.root)
    assert (group.quota, group.usage()) == (None, None)
    assert allowed_processors(control_groups(host.root)) == 64


def test_a_codec_has_no_more_threads_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at least, and no more than it asks for."""
    monkeypatch.setattr("smallrtc_lab.processors.quota.allowed_processors", lambda: 0.5)
    assert codec_threads() == 1
    monkeypatch.setattr("smallrtc_lab.processors.quota.allowed_processors", lambda: 3.5)
    assert (codec_threads(), codec_threads(2)) == (3, 2)
