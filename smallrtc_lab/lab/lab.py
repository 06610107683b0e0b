"""The Lab: one cell, one click, and the browser's camera and microphone are arrays in Python."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import anywidget
import traitlets

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.params import TransportParams
from smallrtc_lab.sctp import sctp_chunk_bytes

from .access import Access
from .audio import AudioStream
from .cell import on_main_loop
from .comm import PageComm
from .credentials import CredentialFeed
from .decorators import Decorators
from .diagnosing import Diagnosing
from .front_end import front_end, with_still
from .home import still_sentence
from .keeping import LastSeconds, keep_seconds
from .messages import MessageHandlers
from .mirror import Mirror
from .options import (
    AudioOption,
    VideoOption,
    audio_constraints,
    check_keywords,
    checks_keywords,
    delay_limit,
    own_ice_servers,
    video_constraints,
)
from .plots import Plots
from .programs import Programs
from .recording import LabRecordings
from .recording_methods import RecordingMethods
from .registrations import Registrations
from .registry import registry
from .replay import Replaying
from .sending import Quality, Sending, page_bps, quality_bps
from .sending_list import Playbacks
from .session import SessionEvents
from .simulation import Simulation
from .statistics import Statistics
from .traits import Mirrored
from .values import Values
from .video import VideoStream

if TYPE_CHECKING:
    from smallrtc_lab.bots.labtransport import LabTransport

__all__ = ["Lab"]

_CLOSE_TIMEOUT_S = 3.0
_STILL = "Live audio and video: run this notebook in Jupyter with smallrtc-lab to start them."


@checks_keywords
class Lab(
    Decorators,
    Diagnosing,
    LastSeconds,
    RecordingMethods,
    Replaying,
    Sending,
    Simulation,
    Statistics,
    anywidget.AnyWidget,  # type: ignore[misc]
):
    """Live audio and video between a browser and this notebook.

    ``audio`` is ``"raw"`` (what the microphone gives), ``"speech"`` (echo cancellation and the like), False, or a
    dict of constraints; ``video`` is True, False or a dict such as ``dict(width=1280, height=720, frame_rate=30)``;
    ``screen`` offers screen sharing. A lab is known by ``name``, or by its cell: running the cell again
    replaces it. ``fallback="test-signal"`` gives a visitor without a camera a test picture. Pictures and sounds
    are not saved with the notebook unless ``save_pictures``; the last ``keep_s`` seconds are kept in memory for
    ``last``. ``ice_servers`` are the STUN and TURN servers: a list of
    URLs, or of ``IceServer`` objects or dicts with ``urls``, ``username``, ``credential``; without it those of the
    Jupyter server count, and ``[]`` means none; short-lived credentials come from a source of :mod:`smallrtc_lab.turn`
    or a function of yours. They are kept out of the widget's state, and so of the notebook's file.
    ``quality`` is how many bits a second pictures may take, both ways: ``"low"``, ``"medium"``, ``"high"`` or a number;
    ``video=dict(bitrate_bps=…)`` is the page's own. ``params`` are those of ``lab.transport``; devices for which
    they have no input are not asked for. ``webrtc=False`` tries no WebRTC: media go through Jupyter, as they would
    where a network lets nothing else through.

    With ``max_delay_s`` work is shed to hold that delay from camera to function: plots are drawn more rarely, then
    smaller and fewer pictures are asked of the browser. The widget and ``lab.stats()["budget"]`` say so.

    >>> lab = Lab()
    >>> lab
    >>> lab.wait_live()
    >>> lab.video.latest().image.shape
    (480, 640, 3)
    """

    _esm = front_end("widget.js")
    _css = front_end("widget.css")
    _session = traitlets.Unicode().tag(sync=True)
    _options = traitlets.Dict().tag(sync=True)

    state = Mirrored("idle, asking, connecting, live, reconnecting, failed or closed")
    route = Mirrored("direct, turn, relay or comm: the way media takes; None before it flows")
    error = Mirrored("what went wrong as a dict of code, message and next_step, or None")
    level_db = Mirrored("level of the microphone in dBFS, None while silent or off")
    fps = Mirrored("pictures a second that arrive from the camera")

    def __init__(
        self,
        audio: AudioOption = "raw",
        video: VideoOption = True,
        *,
        screen: bool = False,
        name: str | None = None,
        fallback: Literal["test-signal"] | None = None,
        save_pictures: bool = False,
        keep_s: float = 30.0,
        max_delay_s: float | None = None,
        ice_servers: Iterable[Any] | Callable[[], Any] | None = None,
        params: TransportParams | None = None,
        quality: Quality | None = None,
        webrtc: bool = True,
        **widget_options: Any,
    ) -> None:
        known = (
            *("audio", "video", "screen", "name", "fallback"),
            *("save_pictures", "keep_s", "max_delay_s", "ice_servers", "params", "quality", "webrtc"),
        )
        check_keywords((k for k in widget_options if not self.has_trait(k)), known, "Lab()")
        if fallback not in (None, "test-signal"):
            raise ValueError(f'fallback is None or "test-signal", not {fallback!r}')
        self.mirror = Mirror(self._mirror_changed)
        options = {
            "audio": audio_constraints(audio if params is None or params.audio_in_enabled else False),
            "video": video_constraints(video if params is None or params.video_in_enabled else False),
            "screen": bool(screen),
            "fallback": fallback,
            "video_bitrate_bps": page_bps(video, quality),
            "webrtc": bool(webrtc),
        }
        opened_with = {
            **options,
            **own_ice_servers(ice_servers),
            "save_pictures": bool(save_pictures),
            "keep_s": keep_seconds(keep_s),
            "quality_bps": quality_bps(quality),
            "max_delay_s": delay_limit(max_delay_s),
        }
        sctp_chunk_bytes(os.environ)  # a setting that cannot be is said before anything is made
        session_id = secrets.token_urlsafe(16)
        identity = registry.identity(name)
        self._access = Access(registry.client(), session_id, self.mirror)
        options["by_comm"] = self.mirror.by_comm = not self._access.has_server
        self._callbacks = Registrations(self._access)
        self._messages = MessageHandlers(self._access)
        self.audio = AudioStream(self._access)
        self.video = VideoStream(self._access, "camera")
        self.screen = VideoStream(self._access, "screen")
        self.values = Values(self._access)
        self.plot = Plots(self._access)
        events = SessionEvents(self._access, opened_with, self._callbacks, self._messages)
        events.plots = self.plot
        self._playbacks = events.playbacks = Playbacks(self._access)
        self._recordings = events.recordings = LabRecordings(self._access)
        self._programs = Programs(self._access, events, params)
        self._access.client.attach(session_id, events)  # before an old lab ends, and the engine with the last
        self._access.submit("open_session", options=opened_with)
        self._feed = CredentialFeed(ice_servers, self._access, opened_with) if callable(ice_servers) else None
        registry.add(identity, self)
        try:
            super().__init__(_session=session_id, _options=options, **widget_options)
            events.pages = PageComm(self._access, self.send)
            self.on_msg(events.pages.received)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        kinds = [k for k in ("audio", "video", "screen") if self._options.get(k)]
        parts = [self.state, *([self.route] if self.route else []), " and ".join(kinds) or "receive only"]
        return f"Lab({', '.join(parts)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """As every widget, and a still sentence for places without a kernel: an export, a preview, a diff."""
        return with_still(super()._repr_mimebundle_(**options), still_sentence(_STILL, self._access))

    def __enter__(self) -> Lab:
        from IPython.display import display

        display(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Life

    def start(self) -> None:
        """Start in every page that shows this lab and whose user clicked Start before; else the page asks for it.

        An engine that crashed too often to come back by itself is started once more.
        """
        self._access.revive()
        self._access.call("start")

    def stop(self) -> None:
        """Devices and connection off; the lab stays and can be started again."""
        self._access.call("stop")

    def close(self) -> None:
        """Everything off and gone: devices, connection, threads; with the last lab the engine too.

        Safe to call twice.
        """
        if "_access" in vars(self) and not self._access.closed:  # none was made when an option was wrong
            if self._feed is not None:
                self._feed.close()
            self._recordings.close()
            self._callbacks.remove_all()
            self._playbacks.close()
            self.plot.close()
            self.values.close()
            with contextlib.suppress(SmallRTCError):  # an engine that has gone already has closed it
                self._access.call("close_session", timeout_s=_CLOSE_TIMEOUT_S)
            self._access.closed = True
            registry.discard(self)
            self._access.client.detach(self._access.session_id)
            self._callbacks.close()
            self._messages.worker.close()
            self._programs.close()
            self.mirror.update(state="closed", route=None)
        super().close()

    def wait_live(self, timeout_s: float = 60.0) -> None:
        """Block until the first picture and sound have come.

        Raises :class:`StreamTimeout` after ``timeout_s`` seconds, :class:`ConnectionFailed` when it cannot be.

        >>> lab.wait_live()
        """
        self.mirror.wait_live(timeout_s)

    async def live(self, timeout_s: float = 60.0) -> None:
        """As :meth:`wait_live`, to be awaited.

        >>> await lab.live()
        """
        await self.mirror.live(timeout_s)

    # Programs, messages and figures

    @property
    def transport(self) -> LabTransport:
        """This Lab as a :class:`SmallWebRTCTransport`: events, input and output, by ``params``, on this cell's loop.

        Browsers come and go: ``on_client_connected`` and ``on_client_disconnected`` tell of each. What is written
        to its output takes the place of what callbacks return.

        >>> @lab.transport.event_handler("on_app_message")
        ... async def got(transport, message, sender):
        ...     await transport.send_message({"echo": message})
        >>> async for frame in lab.transport.input().video_frames("camera"):
        ...     await lab.transport.output().write_video_frame(255 - frame.image)
        """
        return self._programs.transport

    def send_message(self, message: Any) -> None:
        """Send JSON to the browser; before there is one, up to 50 messages wait for it.

        >>> lab.send_message({"hello": "browser"})
        """
        self._access.call("send_message", message=message)

    # Inside

    def _should_send_property(self, key: str, value: Any) -> bool:
        return not isinstance(self.traits().get(key), Mirrored) and super()._should_send_property(key, value)

    def _mirror_changed(self, name: str, old: Any, new: Any) -> None:
        change = traitlets.Bunch(name=name, old=old, new=new, owner=self, type="change")
        on_main_loop(lambda: self.notify_change(change))
