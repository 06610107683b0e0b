"""Read-only traits that are true at any moment, and whose observers run on the kernel's main loop."""

from __future__ import annotations

from typing import Any

import traitlets

__all__ = ["Mirrored"]


class Mirrored(traitlets.TraitType[Any, Any]):
    """A trait whose value lives in the lab's mirror of its session.

    It is read from there, so that it is right also while a cell keeps the main loop busy; the page has the same
    value from its own side of the session, so nothing of it ever travels through the comm.
    """

    allow_none = True

    def __init__(self, help: str) -> None:
        super().__init__(None, allow_none=True, read_only=True, help=help)
        self.tag(sync=True)

    def get(self, obj: Any, cls: Any = None) -> Any:
        """The value now."""
        return obj.mirror[self.name]
