"""A session's subscriptions, and the one processor of each kind among them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np
from aiortc import MediaStreamTrack

from smallrtc_lab.errors import EngineError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.blocks import BlockCutter

from .bridge import Bridge
from .inbound import AUDIO_CHANNELS, AUDIO_RATE
from .outlets import Kind, Outlets
from .playing.stage import Stage
from .returns import AudioReturn, VideoReturn
from .sound_subscription import AudioSubscription
from .stages import Delivered, Stages, median
from .stuck import running_s
from .subscriptions import Subscription, VideoRequest, VideoSubscription

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Processing"]

STUCK_S = 3.0


class Processing:
    """Who gets which pictures and sounds, and whose results go back to the browser."""

    def __init__(self, session: Session, bridge: Bridge, executor: Executor) -> None:
        self.video_return = VideoReturn(bridge, executor)
        self.audio_return = AudioReturn(session.audio)
        self.outlets = Outlets(bridge, executor)
        self.stage = Stage(session.session_id, bridge, executor, self._stage_changed)
        self.stages = Stages()  # of all functions on pictures
        self.finished: list[Callable[[Delivered, float, float], None]] = []  # each gets what stages gets
        self._session = session
        self._bridge = bridge
        self._executor = executor
        self._videos: dict[int, VideoSubscription] = {}
        self._audios: dict[int, AudioSubscription] = {}
        self._told: dict[str, Any] = {"video": None, "audio": None}
        self._stuck: dict[int, str] = {}  # number → name of the function that has not returned
        session.video["camera"].on_frame = self._on_frame

    def subscribe_video(self, number: int, source: str, *, processor: Header | None, **request: Any) -> None:
        """Deliver pictures of a source; as ``processor`` their results are what the browser sees."""
        stream = self._session.video.get(source)
        if stream is None:
            raise EngineError(f"no source {source!r}; there are {', '.join(self._session.video)}")
        if request.get("size") is not None:
            request["size"] = tuple(request["size"])
        subscription = VideoSubscription(
            number, VideoRequest(**request), self._bridge, self._executor, self._session
        )
        subscription.worker = _worker("video", subscription, processor)
        self._videos[number] = stream.subscriptions[number] = subscription
        if processor is not None:
            self.video_return.use(subscription)
            self.tell(video={**processor, "state": "running"})

    def subscribe_audio(
        self,
        number: int,
        *,
        block: int,
        hop: int | None = None,
        sample_rate: int,
        channels: int,
        credits: int,
        processor: Header | None,
        label: str | None = None,
    ) -> None:
        """Deliver sound in blocks; as ``processor`` their results are what can be listened to."""
        cutter = BlockCutter(
            in_rate=AUDIO_RATE,
            in_channels=AUDIO_CHANNELS,
            out_rate=sample_rate,
            out_channels=channels,
            block=block,
            hop=hop,
        )
        subscription = AudioSubscription(
            number,
            cutter,
            self._bridge,
            self._session,
            credits=credits,
            label=label,
            axis=self._session.audio.axis,
        )
        subscription.worker = _worker("audio", subscription, processor)
        self._audios[number] = self._session.audio.subscriptions[number] = subscription
        if processor is not None:
            self.audio_return.use(subscription)
            self.tell(audio={**processor, "state": "running"})

    async def unsubscribe(self, number: int) -> None:
        """Deliver no more to this subscription."""
        for stream in self._session.video.values():
            stream.subscriptions.pop(number, None)
        self._session.audio.subscriptions.pop(number, None)
        video, audio = self._videos.pop(number, None), self._audios.pop(number, None)
        if video is not None:
            await video.close()
            if self.video_return.processor is video:
                self.video_return.use(None)
                self.tell(video=None)
        if audio is not None:
            await audio.close()
            if self.audio_return.processor is audio:
                self.audio_return.use(None)
                self.tell(audio=None)

    def done(self, header: Header) -> Coroutine[Any, Any, None] | None:
        """The kernel is finished with an item: its credit is free.

        The result of the processor of pictures, if it is one, goes back by what is returned, to be run on the loop.
        """
        number = header["subscription"]
        video, audio = self._videos.get(number), self._audios.get(number)
        if video is not None:
            # Before its credit is free: the next frame is not the one this is the result of.
            shown = self.video_return.result(header) if self.video_return.processor is video else None
            item = video.done(header.get("began_s"), header.get("ran_s", 0.0))
            if item is not None:
                for told in (self.stages.finished, *self.finished):
                    told(item, header["began_s"], header["ran_s"])
            if shown is not None:
                return self._return_picture(header, shown)
        elif audio is not None:
            audio.done(header.get("began_s"), header.get("ran_s", 0.0))
            if self.audio_return.processor is audio:
                self._update_state("audio", header)
        self._bridge.free_result(header)  # another processor's turn has come meanwhile
        return None

    async def _return_picture(self, header: Header, shown: Coroutine[Any, Any, None]) -> None:
        await shown
        if not self.video_return.is_late:
            self._update_state("video", header)

    def audio_result(self, header: Header, payload: bytes) -> None:
        """A processed block of sound, or word that there is none."""
        audio = self._audios.get(header["subscription"])
        if audio is None or self.audio_return.processor is not audio:
            return
        if payload:
            samples = np.frombuffer(payload, np.float32).reshape(-1, header["channels"])
            self.audio_return.result(samples, header["sample_rate"], header["start_s"])
        else:
            self.audio_return.passed(header["start_s"], audio.hop_s)

    def new_track(self, kind: Kind) -> MediaStreamTrack:
        """What a new connection sends: a program's own, where there is one, else what callbacks return.

        A picture that is shown takes the place of both, sound that is played is laid over them.
        """
        if kind == "video":
            shown = self.stage.pictures.new_track()
            return shown or self.outlets.new_picture_track() or self.video_return.new_track()
        over = self.stage.sound.over
        track = self.outlets.new_sound_track(over) or self.audio_return.new_track(over)
        self.stage.sound.follow(track)
        return track

    def outlet(self, kind: Kind, on: bool) -> None:
        """A program sends this kind by itself from now on, or no longer."""
        self.outlets.use(kind, on)
        self.tell()

    def tell(self, **kinds: Any) -> None:
        """Tell the pages whose results they see and hear."""
        self._told |= kinds
        told = {**self._told, **self.outlets.told}
        for kind, stands in self.stage.told.items():
            if kind == "video" or told[kind] is None:  # played sound is heard over a processor's, not for it
                told[kind] = stands
        self._session.pages.tell({"type": "processors", **told}, standing=True)

    def _stage_changed(self, kind: Kind) -> None:
        """Another picture is shown, or sound played, than before, or none."""
        if kind == "video":
            self._session.flow.renew_outputs("video")
        self.tell()

    def _on_frame(self, timed: Any) -> None:
        self.video_return.on_frame(timed)
        if self.video_return.is_late:
            self._set_state("video", "late")

    def _update_state(self, kind: str, header: Header) -> None:
        self._set_state(kind, "failed" if header.get("failed") else "running")

    def _set_state(self, kind: str, state: str) -> None:
        told = self._told[kind]
        if told is not None and told["state"] != state:
            self.tell(**{kind: {**told, "state": state}})

    def watch_stuck(self) -> None:
        """Say which functions have not returned for long, and when they have."""
        everything = self._everything()
        running = {n: s for n, s in running_s(everything.values()).items() if s > STUCK_S}
        for number in [n for n in self._stuck if n not in running]:
            self._tell_stuck(number, self._stuck.pop(number), 0.0)  # it has, or was replaced or removed
        for number, seconds in running.items():
            self._stuck[number] = everything[number].label or "a function"
            self._tell_stuck(number, self._stuck[number], seconds)

    def _tell_stuck(self, number: int, name: str, seconds: float) -> None:
        self._bridge.event(
            self._session.session_id, "stuck", droppable=True, subscription=number, seconds=round(seconds)
        )
        if not seconds:
            self._session.clear_problem(f"stuck-{name}")
            return
        returns = (self.video_return.processor, self.audio_return.processor)
        processes = any(one is not None and one.number == number for one in returns)
        meanwhile = (
            "what it would change passes unprocessed" if processes else "observers of its kind wait for it"
        )
        self._session.problem(
            f"stuck-{name}",
            f"{name} has not returned for {seconds:.0f} s; {meanwhile}.",
            "If the kernel is busy, wait. If it never returns, mend it and run its cell again.",
        )

    def _everything(self) -> dict[int, Subscription]:
        return {**self._videos, **self._audios}

    def take_delays_ms(self) -> list[float | None]:
        """Capture → function of each function on pictures, the median since the last call; None without a picture."""
        return [median(one.stages.delay.take()) for one in self._videos.values() if one.worker is not None]

    def dropped(self) -> int:
        """Pictures and blocks that no subscriber had time for."""
        return sum(s.dropped for s in (*self._videos.values(), *self._audios.values()))

    def stats(self) -> Header:
        """Counters by subscription, and what came late."""
        return {
            "subscriptions": {
                str(n): {
                    "name": s.label,
                    "delivered": s.delivered,
                    "dropped": s.dropped,
                    "delays": s.stages.summary(),
                }
                for n, s in self._everything().items()
            },
            "video_late": self.video_return.late,
            "audio_late_s": round(self.audio_return.late_s, 3),
            "sent": self.outlets.stats(),
            "shown": self.stage.stats(),
        }

    async def close(self) -> None:
        """End all subscriptions, and what is played."""
        await self.stage.close()
        for number in [*self._videos, *self._audios]:
            await self.unsubscribe(number)


def _worker(kind: str, subscription: Subscription, processor: Header | None) -> str | None:
    """Which functions run one after the other in the kernel: the processor of a kind, and all its observers."""
    if subscription.label is None:
        return None
    return f"{kind} observers" if processor is None else f"{kind} processor"
