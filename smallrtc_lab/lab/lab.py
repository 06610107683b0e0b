"""The Lab: one cell, one click, and the browser's camera and microphone are arrays in Python."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Literal

import anywidget
import traitlets

from smallrtc_lab.engine.client import Restart
from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.framing import Header

from .access import Access
from .audio import AudioStream, audio_request
from .callbacks import AudioObserver, AudioProcessor, Callback, VideoObserver, VideoProcessor
from .cell import on_main_loop
from .messages import MessageHandlers
from .mirror import Mirror
from .options import (
    AudioOption,
    VideoOption,
    audio_constraints,
    check_keywords,
    simulation,
    video_constraints,
)
from .registry import registry
from .traits import Mirrored
from .values import Values
from .video import VideoStream, video_request
from .worker import Worker

__all__ = ["Lab"]

_STATIC = pathlib.Path(__file__).parent.parent / "static"
_CLOSE_TIMEOUT_S = 3.0
_STILL = "<p><em>Live audio and video: run this notebook in Jupyter with smallrtc-lab to start them.</em></p>"
_AUDIO_CREDITS = 16  # a cell whose C code keeps the GIL leaves a callback few turns: let it use them


class Lab(anywidget.AnyWidget):  # type: ignore[misc]
    """Live audio and video between a browser and this notebook.

    ``audio`` is ``"raw"`` (what the microphone gives), ``"speech"`` (echo cancellation and the like), False, or a
    dict of constraints; ``video`` is True, False or a dict such as ``dict(width=1280, height=720, frame_rate=30)``;
    ``screen`` offers screen sharing. A lab is known by ``name``, or by its cell: running the cell again
    replaces it. ``fallback="test-signal"`` gives a visitor without a camera a test picture. Pictures and sounds
    are not saved with the notebook unless ``save_pictures``.

    >>> lab = Lab()
    >>> lab
    >>> lab.wait_live()
    >>> lab.video.latest().image.shape
    (480, 640, 3)
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"
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
        **widget_options: Any,
    ) -> None:
        known = ("audio", "video", "screen", "name", "fallback", "save_pictures")
        check_keywords((k for k in widget_options if not self.has_trait(k)), known, "Lab()")
        if fallback not in (None, "test-signal"):
            raise ValueError(f'fallback is None or "test-signal", not {fallback!r}')
        self.mirror = Mirror(self._mirror_changed)
        options = {
            "audio": audio_constraints(audio),
            "video": video_constraints(video),
            "screen": bool(screen),
            "fallback": fallback,
        }
        session_id = secrets.token_urlsafe(16)
        identity = registry.identity(name)
        self._access = Access(registry.client(), session_id, self.mirror)
        self._opened_with = {**options, "save_pictures": bool(save_pictures)}
        self._workers: dict[str, Worker] = {}
        self._processors: dict[str, Callback] = {}
        self._observers: list[Callback] = []
        self._messages = MessageHandlers(self._access)
        self.audio = AudioStream(self._access)
        self.video = VideoStream(self._access, "camera")
        self.screen = VideoStream(self._access, "screen")
        self.values = Values(self._access)
        self._access.client.attach(
            session_id, self
        )  # before an old lab goes, with which the engine would end
        self._access.submit("open_session", options=self._opened_with)
        registry.add(identity, self)
        try:
            super().__init__(_session=session_id, _options=options, **widget_options)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        kinds = [k for k in ("audio", "video", "screen") if self._options.get(k)]
        parts = [self.state, *([self.route] if self.route else []), " and ".join(kinds) or "receive only"]
        return f"Lab({', '.join(parts)})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """As every widget, and a still sentence for places without a kernel: an export, a preview, a diff."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is not None:
            bundle[0]["text/html"] = _STILL
        return bundle

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
        if not self._access.closed:
            for callback in self._callbacks():
                callback.remove()
            self.values.close()
            with contextlib.suppress(SmallRTCError):  # an engine that has gone already has closed it
                self._access.call("close_session", timeout_s=_CLOSE_TIMEOUT_S)
            self._access.closed = True
            registry.discard(self)
            self._access.client.detach(self._access.session_id)
            for worker in (*self._workers.values(), self._messages.worker):
                worker.close()
            self.mirror.update(state="closed", route=None)
        super().close()

    def wait_live(self, timeout_s: float = 60.0) -> None:
        """Block until the first picture and sound have come.

        Raises :class:`StreamTimeout` after ``timeout_s`` seconds, :class:`ConnectionFailed` when it cannot be.
        """
        self.mirror.wait_live(timeout_s)

    async def live(self, timeout_s: float = 60.0) -> None:
        """As :meth:`wait_live`, to be awaited."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        undo = self.mirror.watch(lambda _: loop.call_soon_threadsafe(changed.set))
        try:
            async with asyncio.timeout(timeout_s):
                while not self.mirror.outcome(self.state):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            from smallrtc_lab.errors import StreamTimeout

            raise StreamTimeout(self.mirror.too_late(timeout_s)) from None
        finally:
            undo()

    def simulate(
        self, video: str | None = "bars", audio: str | None = "tone", *, seed: int = 0, **options: Any
    ) -> None:
        """No camera: a browser of our own sends synthetic pictures and sound through real WebRTC.

        ``video`` is "bars", "pattern", "timecode" or "noise" (with ``width``, ``height``, ``frame_rate``), ``audio`` is
        "tone" (with ``hz``, ``amplitude``), "chirp", "noise", "speech" or "silence"; None leaves a kind out.

        >>> lab.simulate(video="bars", audio="tone", hz=440)
        """
        sources = simulation(video, audio, seed, options)
        self._access.revive()
        self._access.call("simulate", timeout_s=20.0, video=sources["video"], audio=sources["audio"])

    # Callbacks

    def on_video(
        self,
        function: Callable[..., Any] | None = None,
        *,
        format: PixelFormat = "rgb",
        size: tuple[int, int] | Literal["native"] | None = None,
        controls: Mapping[str, Any] | None = None,
    ) -> Any:
        """Decorator: the one video processor. What it returns is seen in the browser.

        >>> @lab.on_video(format="bgr", controls=dict(k=(1, 51, 2)))
        ... def effect(frame, k):
        ...     return cv2.blur(frame.image, (k, k))
        """
        request = video_request(format, size)
        return self._register(
            function, VideoProcessor, "video", controls=controls, source="camera", **request
        )

    def on_audio(
        self,
        function: Callable[..., Any] | None = None,
        *,
        block: int | None = None,
        sample_rate: int = 48000,
        channels: int = 1,
        controls: Mapping[str, Any] | None = None,
    ) -> Any:
        """Decorator: the one audio processor. What it returns can be listened to.

        >>> @lab.on_audio(block=960, sample_rate=16000)
        ... def gain(chunk):
        ...     return chunk.samples * 0.5
        """
        request = audio_request(block, sample_rate, channels)
        return self._register(
            function, AudioProcessor, "audio", controls=controls, credits=_AUDIO_CREDITS, **request
        )

    def watch_video(
        self,
        function: Callable[..., Any] | None = None,
        *,
        max_rate_hz: float | None = None,
        source: Literal["camera", "screen"] = "camera",
        format: PixelFormat = "rgb",
        size: tuple[int, int] | Literal["native"] | None = None,
    ) -> Any:
        """Decorator: an observer of pictures, any number of them; nothing is sent back.

        >>> @lab.watch_video(max_rate_hz=5)
        ... def motion(frame): ...
        """
        request = video_request(format, size) | {"source": source, "max_rate_hz": max_rate_hz}
        return self._register(function, VideoObserver, "video observers", **request)

    def watch_audio(
        self,
        function: Callable[..., Any] | None = None,
        *,
        block: int | None = None,
        sample_rate: int = 48000,
        channels: int = 1,
    ) -> Any:
        """Decorator: an observer of sound, any number of them; nothing is sent back."""
        request = audio_request(block, sample_rate, channels)
        return self._register(function, AudioObserver, "audio observers", credits=_AUDIO_CREDITS, **request)

    def on_message(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Decorator: called with each message of the browser, in order.

        >>> @lab.on_message
        ... def got(message): ...
        """
        return self._messages.add(function)

    def send_message(self, message: Any) -> None:
        """Send JSON to the browser; before there is one, up to 50 messages wait for it."""
        self._access.call("send_message", message=message)

    # Figures

    def stats(self) -> dict[str, Any]:
        """What is counted, now: rates, losses, drops by place, the connection's figures."""
        stats: dict[str, Any] = self._access.call("stats")
        return stats

    # Inside

    def _callbacks(self) -> list[Callback]:
        return [*self._processors.values(), *self._observers]

    def _register(
        self, function: Callable[..., Any] | None, kind: type[Callback], place: str, **request: Any
    ) -> Any:
        if function is None:
            return lambda f: self._register(f, kind, place, **request)
        if not callable(function):
            raise TypeError(f"a callback is a function, not {type(function).__name__}")
        plain = function.function if isinstance(function, Callback) else function
        if place not in self._workers:
            self._workers[place] = Worker(f"smallrtc {place}", log=self._access.log)
        callback = kind(plain, self._access, self._workers[place], **request)
        self._replace(callback, place)
        callback.on_remove = self._forget
        registry.switch_interval.acquire()
        return callback

    def _replace(self, callback: Callback, place: str) -> None:
        """Start the new one before the old one ends: what the browser sees never pauses."""
        old = self._processors.get(place) if callback.processes else self._observer(callback.name)
        if old is not None and old.name == callback.name:
            callback.fallback = old.last_good
        callback.resume()
        if old is not None:
            old.remove()
        if callback.processes:
            self._processors[place] = callback
        else:
            self._observers.append(callback)

    def _observer(self, name: str) -> Callback | None:
        return next((o for o in self._observers if o.name == name), None)

    def _forget(self, callback: Callback) -> None:
        """A callback was removed."""
        registry.switch_interval.release()
        if callback in self._observers:
            self._observers.remove(callback)
        for place in [p for p, processor in self._processors.items() if processor is callback]:
            del self._processors[place]

    def _should_send_property(self, key: str, value: Any) -> bool:
        return not isinstance(self.traits().get(key), Mirrored) and super()._should_send_property(key, value)

    def _mirror_changed(self, name: str, old: Any, new: Any) -> None:
        change = traitlets.Bunch(name=name, old=old, new=new, owner=self, type="change")
        on_main_loop(lambda: self.notify_change(change))

    # What the engine tells; on the reader's thread

    def engine_event(self, name: str, header: Header) -> None:
        """Something happened in this lab's session."""
        handler = getattr(self, f"_engine_{name}", None)
        if handler is not None:
            handler(header)

    def engine_lost(self, reason: str, restart: Restart) -> None:
        """The engine crashed; it comes back by itself, unless it did so too often."""
        error = {"code": "engine-crashed", "message": reason, "next_step": restart.next_step}
        self.mirror.update(state="reconnecting" if restart.at_once else "failed", route=None, error=error)

    def engine_back(self) -> None:
        """A new engine runs: open the session and its callbacks there again."""
        self._access.call("open_session", options=self._opened_with)
        for callback in self._callbacks():
            callback.reopen()
        self.mirror.update(state="idle", error=None)

    def _engine_state(self, header: Header) -> None:
        self.mirror.update(**{k: header[k] for k in ("state", "error", "route")})

    def _engine_figures(self, header: Header) -> None:
        self.mirror.update(fps=header["fps"], level_db=header["level_db"])

    def _engine_settings(self, header: Header) -> None:
        self.mirror.settings = header["settings"]

    def _engine_message(self, header: Header) -> None:
        self._messages.received(header["message"])

    def _engine_problem(self, header: Header) -> None:
        problem = header["problem"]
        self.mirror.problems[problem["code"]] = problem

    def _engine_control(self, header: Header) -> None:
        for callback in self._processors.values():
            if callback.name == header["callback"]:
                callback.controls.set(header["control"], header["value"])

    def _engine_stuck(self, header: Header) -> None:
        for callback in self._callbacks():
            callback.stuck(header["subscription"], header["seconds"])
