"""What the engine tells of a lab's session, and where it goes."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.engine.client import Restart, SessionHandler
from smallrtc_lab.framing import Header

from .access import Access
from .comm import PageComm
from .messages import MessageHandlers
from .plots import Plots
from .recording import LabRecordings
from .registrations import Registrations
from .sending_list import Playbacks

__all__ = ["SessionEvents"]


class SessionEvents:
    """A session's handler, see :class:`~smallrtc_lab.engine.client.SessionHandler`.

    On the reader's thread, but for ``engine_back``: what takes long is handed on.
    """

    def __init__(
        self, access: Access, options: dict[str, Any], callbacks: Registrations, messages: MessageHandlers
    ) -> None:
        self._access = access
        self._mirror = access.mirror
        self._options = options
        self._callbacks = callbacks
        self._messages = messages
        self.plots: Plots | None = None
        self.playbacks: Playbacks | None = None
        self.pages: PageComm | None = None  # those that no server extension leads here
        self.recordings: LabRecordings | None = None
        self.follower: SessionHandler | None = None  # a program that follows the session's connections

    def engine_event(self, name: str, header: Header) -> None:
        """Something happened in this lab's session."""
        handler = getattr(self, f"_on_{name}", None)
        if handler is not None:
            handler(header)
        if self.follower is not None:
            self.follower.engine_event(name, header)

    def engine_lost(self, reason: str, restart: Restart) -> None:
        """The engine crashed; it comes back by itself, unless it did so too often."""
        error = {"code": "engine-crashed", "message": reason, "next_step": restart.next_step}
        self._mirror.update(state="reconnecting" if restart.at_once else "failed", route=None, error=error)
        if self.pages is not None:
            self.pages.tell_all("absent")
        if self.recordings is not None:
            self.recordings.engine_lost()
        if self.follower is not None:
            self.follower.engine_lost(reason, restart)

    def engine_back(self) -> None:
        """A new engine runs: open the session and its callbacks there again."""
        self._access.call("open_session", options=self._options)
        self._callbacks.reopen()
        if self.recordings is not None:
            self.recordings.reopen()
        if self.plots is not None:
            self.plots.reopen()
        if self.playbacks is not None:
            self.playbacks.reopen()
        self._mirror.update(state="idle", error=None)
        if self.pages is not None:
            self.pages.tell_all("here")
        if self.follower is not None:
            self.follower.engine_back()

    def _on_to_page(self, header: Header) -> None:
        if self.pages is not None:
            self.pages.tell(header["page"], header["message"])

    def _on_state(self, header: Header) -> None:
        self._mirror.update(**{k: header[k] for k in ("state", "error", "route")})

    def _on_figures(self, header: Header) -> None:
        self._mirror.update(fps=header["fps"], level_db=header["level_db"])
        self._messages.watch_stuck()  # twice a second while anything is live: no clock of its own is needed

    def _on_playback(self, header: Header) -> None:
        if self.playbacks is not None:
            self.playbacks.event(header)

    def _on_listening(self, header: Header) -> None:
        self._mirror.listening = header["listening"]

    def _on_settings(self, header: Header) -> None:
        self._mirror.settings = header["settings"]

    def _on_message(self, header: Header) -> None:
        self._messages.received(header["message"])

    def _on_problem(self, header: Header) -> None:
        problem = header["problem"]
        self._mirror.problems[problem["code"]] = problem

    def _on_plot_frozen(self, header: Header) -> None:
        if self.plots is not None:
            self.plots.engine_event(header)

    _on_plot_draw = _on_to_view = _on_plot_frozen

    def _on_recording(self, header: Header) -> None:
        if self.recordings is not None:
            self.recordings.engine_event(header)

    def _on_control(self, header: Header) -> None:
        self._callbacks.control(header["callback"], header["control"], header["value"])

    def _on_stuck(self, header: Header) -> None:
        self._callbacks.stuck(header["subscription"], header["seconds"])
