"""How many processors this process may use: what its affinity and, on Linux, its control groups allow.

A container sees every processor of its machine; how much of them it may use stands in its control group and those
above it, and the smallest quota counts. Sources: ``cpu.max`` and ``cpu.stat`` in the kernel's
admin-guide/cgroup-v2.rst, ``cpu.cfs_quota_us`` in scheduler/sched-bwc.rst, ``cpuacct.usage`` in
admin-guide/cgroup-v1/cpuacct.rst, the files of /proc in proc(5) and cgroups(7). Elsewhere there are none of these
files, and only the affinity counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["ControlGroup", "Usage", "allowed_processors", "codec_threads", "control_groups", "own_processors"]

ROOT = Path("/")


class Usage(NamedTuple):
    """What a control group has used: seconds of processors, and in how many of its periods its quota was used up."""

    used_s: float | None  # where it is told
    periods: int
    throttled: int


@dataclass(frozen=True)
class ControlGroup:
    """One group whose processes share a quota; ``accounting`` is the folder that has its usage, if there is one."""

    folder: Path
    accounting: Path | None

    @property
    def quota(self) -> float | None:
        """In processors; None without one."""
        words = _read(self.folder / "cpu.max").split()
        if not words:
            words = [_read(self.folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        try:
            quota, period = (int(word) for word in words)
        except ValueError:  # "max", or no such file
            return None
        return quota / period if quota > 0 and period > 0 else None

    def usage(self) -> Usage | None:
        """What was used until now; None where nothing is told."""
        told = dict(line.split()[:2] for line in _read(self.folder / "cpu.stat").splitlines())
        nanoseconds = "" if self.accounting is None else _read(self.accounting / "cpuacct.usage").strip()
        used_s = None
        if "usage_usec" in told:
            used_s = int(told["usage_usec"]) / 1e6
        elif nanoseconds:
            used_s = int(nanoseconds) / 1e9
        elif not told:
            return None
        return Usage(used_s, int(told.get("nr_periods", 0)), int(told.get("nr_throttled", 0)))


class _Mount(NamedTuple):
    """A mounted hierarchy: which of its groups is seen ``at`` which folder."""

    group: PurePosixPath
    at: Path
    controllers: frozenset[str]  # empty for version 2, which has all in one


def own_processors() -> frozenset[int] | None:
    """The numbers of those this process may run on; None where a system has no such restriction."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return None


def control_groups(root: Path = ROOT) -> list[ControlGroup]:
    """The groups this process is in, its own first, whether they have a quota or not; none but on Linux."""
    mounts = list(_mounts(root))
    own = dict(_own_groups(root))
    for controller in ("cpu", ""):
        folders = _folders(mounts, own, controller)
        if folders:
            usage = folders if not controller else _folders(mounts, own, "cpuacct")
            return [
                ControlGroup(folder, _same(folder, folders[-1], usage) if usage else folder)
                for folder in folders
            ]
    return []


def allowed_processors(groups: Sequence[ControlGroup] | None = None) -> float:
    """How many processors may be used at the same time, 0.5 for example; by these ``groups``, else by our own."""
    own = own_processors()
    here = float(len(own) if own else os.cpu_count() or 1)
    ours = control_groups() if groups is None else groups
    quotas = [quota for group in ours if (quota := group.quota) is not None]
    return min([here, *quotas])


def codec_threads(most: int = 16) -> int:
    """How many threads a codec may have: more than there are processors to use only get in each other's way."""
    return max(1, min(most, int(allowed_processors())))


def _own_groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """Each controller's group, and that of version 2 under the empty name."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, PurePosixPath(path)


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        if not after.startswith("cgroup"):
            continue
        _, _, _, group, at, *_ = before.split()
        kind, _, options = after.split(" ", 2)
        controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
        yield _Mount(PurePosixPath(group), root / at.replace("\\040", " ").lstrip("/"), controllers)


def _folders(mounts: list[_Mount], own: dict[str, PurePosixPath], controller: str) -> list[Path]:
    """The folders of a controller's groups, from our own up to the highest that is seen here."""
    group = own.get(controller)
    for mount in mounts:
        fits = controller in mount.controllers if controller else not mount.controllers
        if group is None or not fits:
            continue
        inside = group.relative_to(mount.group) if group.is_relative_to(mount.group) else PurePosixPath()
        folder = mount.at / inside
        if (
            ".." in inside.parts or not folder.is_dir()
        ):  # named from outside of this container: its own is on top
            folder = mount.at
        return [folder, *(above for above in folder.parents if above.is_relative_to(mount.at))]
    return []


def _same(folder: Path, top: Path, others: list[Path]) -> Path | None:
    """The same group in another hierarchy; None when we are in another one there."""
    wanted = others[-1] / folder.relative_to(top)
    return wanted if wanted in others else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # no Linux, or not for us to read
        return ""
