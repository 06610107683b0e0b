"""``lab.diagnose()``."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.errors import ClosedError

from .access import Access
from .diagnosis import Diagnosis
from .facts import find_facts
from .options import checks_keywords
from .probes import rows_of
from .verdict import judge

__all__ = ["Diagnosing"]


@checks_keywords
class Diagnosing:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _access: Access
    _options: dict[str, Any]

    def diagnose(self) -> Diagnosis:
        """Why nothing connects, or how it does: everything on the way from Python to the browser is tried.

        Takes a few seconds, 15 at most. It opens no device, and what fails is in the table instead of raised.
        Raises :class:`ClosedError` for a lab that was closed.

        >>> lab.diagnose()
        Live: media go directly.
        → Nothing to do.
        """
        kinds = {"camera": "video", "microphone": "audio"}
        wants = tuple(name for name, kind in kinds.items() if self._options.get(kind) is not False)
        if self._access.closed:
            raise ClosedError("this lab was closed; make a new Lab()")
        facts = find_facts(self._access, wants, webrtc=self._options.get("webrtc", True))
        said = judge(facts)
        return Diagnosis(said.verdict, said.advice, rows_of(facts), said.broken)
