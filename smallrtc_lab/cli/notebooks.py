"""The tutorial notebooks: where they lie, and a copy of them that never overwrites a person's work."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

__all__ = ["copy_notebooks", "notebooks_source"]

PACKAGE = Path(__file__).resolve().parents[1]


def notebooks_source() -> Path:
    """The directory with the notebooks: in the package once it is installed, beside it in a checkout.

    FileNotFoundError when neither is there.
    """
    for place in (PACKAGE / "notebooks", PACKAGE.parent / "notebooks"):
        if place.is_dir():
            return place
    raise FileNotFoundError("the tutorial notebooks are missing from this installation")


def copy_notebooks(source: Path, target: Path) -> list[str]:
    """Copy every file that `target` does not have yet; the names of those there that differ, and were kept.

    OSError when `target` cannot be written.
    """
    kept = []
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.rglob("*")):
        name = file.relative_to(source)
        if not file.is_file() or any(part.startswith((".", "__")) for part in name.parts):
            continue
        if not (target / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / name)
        elif not filecmp.cmp(file, target / name, shallow=False):
            kept.append(str(name))
    return kept
