"""A lab's access to its session in the engine: calls, subscriptions, and frames made from deliveries."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from smallrtc_lab.engine.client import Delivery, EngineClient
from smallrtc_lab.errors import ClosedError, NotLiveError, SmallRTCError
from smallrtc_lab.frames import AudioClip, Gap, VideoFrame
from smallrtc_lab.framing import Header

from .mirror import Mirror
from .prints import LogPane

__all__ = ["Access"]

_JPEG_QUALITY = 90
# What is said when a lab is live and this has not come.
_NOTHING_YET = (
    "the lab is live, but nothing of that has come yet: is it one of the devices that this lab asks for?"
)
_MISSING = {
    "screen": "no screen is shared: make the lab with Lab(screen=True) and share one in the page",
    "camera": "no picture of the camera has come: does this lab ask for one, and is it switched on?",
}


class Access:
    """One session of one engine. Thread-safe."""

    def __init__(self, client: EngineClient, session_id: str, mirror: Mirror) -> None:
        self.client = client
        self.session_id = session_id
        self.mirror = mirror
        self.closed = False
        self.log = LogPane(lambda line: self.submit("log", text=line))

    @property
    def has_server(self) -> bool:
        """Whether a Jupyter server with our extension started this kernel: pages may reach the engine by it."""
        return self.client.link_state != "none"

    def revive(self) -> None:
        """See :meth:`EngineClient.revive`; nothing for a lab that was closed."""
        if not self.closed:
            self.client.revive()

    def call(self, method: str, *, payload: bytes = b"", timeout_s: float = 10.0, **args: Any) -> Any:
        """Call the engine for this session; the result without its payload."""
        return self.call_with_payload(method, payload=payload, timeout_s=timeout_s, **args)[0]

    def call_with_payload(
        self, method: str, *, payload: bytes = b"", timeout_s: float = 10.0, **args: Any
    ) -> tuple[Any, bytes]:
        """Call the engine for this session; the result and its payload."""
        self._require_open()
        try:
            return self.client.call(
                method, payload=payload, timeout_s=timeout_s, session=self.session_id, **args
            )
        except NotLiveError:
            if self.mirror["state"] != "live":
                raise
            raise NotLiveError(_MISSING.get(args.get("source", ""), _NOTHING_YET)) from None

    def ask(self, method: str, **args: Any) -> Future[Any]:
        """Call the engine for this session; a future of the result and its payload."""
        self._require_open()
        return self.client.submit(method, session=self.session_id, **args)

    def submit(self, method: str, **args: Any) -> None:
        """Call without waiting; whether it worked is seen elsewhere (state, problems)."""
        if not self.closed:
            self.client.submit(method, session=self.session_id, **args)

    def subscribe(self, kind: str, delivery: Delivery, **request: Any) -> int:
        """See :meth:`EngineClient.subscribe`."""
        self._require_open()
        return self.client.subscribe(self.session_id, kind, delivery, **request)

    def unsubscribe(self, number: int, after: Callable[[], object] = lambda: None) -> None:
        """See :meth:`EngineClient.unsubscribe`."""
        self.client.unsubscribe(self.session_id, number, after)

    def done(self, number: int, header: Header | None = None, **result: Any) -> None:
        """An item of a subscription is finished; its slot, when it has one, is free again."""
        if header is not None and "slot" in header:
            self.client.free(header)
        message = {"type": "done", "session": self.session_id, "subscription": number, **result}
        self.client.send(message)

    def frame(self, header: Header, source: str) -> VideoFrame:
        """The delivered picture, private to whoever gets it."""
        return VideoFrame(
            image=self.client.picture(header),
            time_s=header["time_s"],
            time_kind=header["time_kind"],
            source=source,  # type: ignore[arg-type]
            sequence=header["sequence"],
            format=header["format"],
            shareable=header["shareable"],
            _publish=self.publish_picture,
        )

    def clip(self, header: Header, payload: bytes) -> AudioClip:
        """The delivered sound."""
        samples = np.frombuffer(payload, np.float32).reshape(-1, header["channels"]).copy()
        shift_s = header["shift_s"]
        return AudioClip(
            samples=samples,
            sample_rate=header["sample_rate"],
            start_s=header["start_s"] + shift_s,
            gaps=tuple(Gap(start + shift_s, duration) for start, duration in header["gaps"]),
            time_kind=header["time_kind"],
            shareable=header["shareable"],
            _publish=self.publish_sound,
            _shift_s=shift_s,
        )

    def _require_open(self) -> None:
        if self.closed:
            raise ClosedError("this lab was closed; make a new Lab()")

    def publish_picture(self, frame: VideoFrame) -> str:
        """Markup that shows a picture, which is not saved with the notebook."""
        from PIL import Image

        buffer = io.BytesIO()
        picture = Image.fromarray(frame.image if frame.format == "gray" else frame.rgb)
        picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        return self._publish("image/jpeg", buffer.getvalue(), repr(frame), _img)

    def publish_png(self, content: bytes, text: str) -> str:
        """As :meth:`publish_picture`, of a PNG file."""
        return self._publish("image/png", content, text, _img)

    def publish_sound(self, clip: AudioClip) -> str:
        """Markup with a player of a sound, which is not saved with the notebook."""
        return self._publish("audio/wav", clip.to_wav(), repr(clip), _audio)

    def _publish(
        self, content_type: str, content: bytes, text: str, markup: Callable[[str, str], str]
    ) -> str:
        """Markup that shows something from the engine's memory: the notebook is saved without it."""
        label = html.escape(text)
        try:
            path = self.call("shelve", payload=content, content_type=content_type)
        except SmallRTCError as error:
            return f"<i>{label}: not shown ({html.escape(str(error))})</i>"
        if path is None:
            return f"<i>{label}: not shown, for it would be saved with the notebook (save_pictures=True)</i>"
        return markup(html.escape(path), label)


def _img(path: str, label: str) -> str:
    return f'<img src="{path}" alt="{label}: not saved with the notebook" style="max-width:100%">'


def _audio(path: str, label: str) -> str:
    return f'<audio controls src="{path}"></audio><br><small>{label}, not saved with the notebook</small>'
