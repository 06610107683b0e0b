"""``lab.replay``: a lab's functions on exactly these pictures and samples, the same result every time.

Each function runs on the thread on which it runs live, one item after the other in the order of time over all
functions, with one value for each of its controls; nothing is dropped. What comes live meanwhile is not delivered.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from smallrtc_lab.errors import ClosedError, SmallRTCError
from smallrtc_lab.frames import AudioClip, VideoClip, VideoFrame

from .access import Access
from .callbacks import Callback, ReplayFailure
from .cell import progress
from .numbers import positive
from .options import checks_keywords, whole
from .processors import AudioObserver, AudioProcessor, VideoProcessor
from .registrations import Registrations
from .replay_feed import EngineFeed
from .replay_result import Failure, Replay, joined_pictures, joined_sound

if TYPE_CHECKING:
    from smallrtc_lab.media.feeds import Step
    from smallrtc_lab.media.material import Material
    from smallrtc_lab.media.take import Take

__all__ = ["Replaying"]

_MOST_BYTES = 2**30  # of one function's pictures

Source: TypeAlias = "Take | VideoClip | AudioClip | npt.NDArray[Any] | str | Path"


@checks_keywords
class Replaying:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _access: Access
    _callbacks: Registrations

    def replay(
        self,
        source: Source | None = None,
        *,
        frame_rate: float = 30.0,
        samples: npt.NDArray[Any] | AudioClip | None = None,
        sample_rate: int = 48000,
        speed: float | None = None,
    ) -> Replay:
        """Run the registered functions on a take, a file, clips or arrays; blocks, with a progress bar.

        ``source`` is a :class:`Take` (or its file), any video or sound file, a ``VideoClip``, an ``AudioClip``,
        pictures (n, H, W, 3) RGB or (n, H, W) uint8 at ``frame_rate``, or sound (n,) or (n, channels) at
        ``sample_rate``; ``samples`` is sound beside pictures. No camera, browser or server is needed, and paused
        functions stay so. ``speed`` None is as fast as can be. With 1.0, real time, the lab is live: plots, ``last``
        and recordings see it, too; raises :class:`EngineError` where it is live already.

        >>> lab.replay("clip.mp4").results["motion"]
        >>> lab.replay(np.zeros((30, 48, 64, 3), np.uint8), frame_rate=30).video.images.shape
        (30, 48, 64, 3)
        """
        if self._access.closed:
            raise ClosedError("this lab was closed; make a new Lab()")
        speed = None if speed is None else positive("speed (None: as fast as can be)", speed)
        frame_rate, sample_rate = positive("frame_rate", frame_rate), whole("sample_rate", sample_rate)
        material = _material(source, frame_rate, samples, sample_rate)
        with _alone(self._callbacks):
            return self._replayed(material, speed)

    def _replayed(self, material: Material, speed: float | None) -> Replay:
        callbacks = [callback for callback in self._callbacks.all() if callback.runs]
        players = [_player(one, material, self._access) for one in callbacks if _has_part(one, material)]
        feed = EngineFeed(material, self._access) if speed == 1.0 else contextlib.nullcontext()
        with feed as engine, _held(callbacks), progress("replaying") as show:
            for step in _paced(material, speed, show):
                if engine is not None:
                    engine.take(step)
                for player in players:
                    player.take(step)
            for player in players:
                player.finish()
        return _result(players)


def _material(source: Any, frame_rate: float, samples: Any, sample_rate: int) -> Material:
    from smallrtc_lab.media.material import of_arrays, of_file, of_take
    from smallrtc_lab.media.take import Take
    from smallrtc_lab.media.take_file import is_take

    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        source = Take.load(path) if is_take(path) else path
    if isinstance(source, (Take, Path)):
        if samples is not None:
            raise TypeError("samples go with pictures: a take or a file brings its own sound")
        return of_file(source) if isinstance(source, Path) else of_take(source)
    if not isinstance(source, (AudioClip, VideoClip, np.ndarray, type(None))):
        raise TypeError(
            f"what is replayed is a Take, a file, a clip or an array, not {type(source).__name__}"
        )
    if isinstance(source, AudioClip) or (isinstance(source, np.ndarray) and source.ndim < 3):
        if samples is not None:
            raise TypeError("there is sound twice: source and samples")
        source, samples = None, source
    if source is None and samples is None:
        raise TypeError("there is nothing to replay: give a take, a file, a clip or an array")
    return of_arrays(source, frame_rate, samples, sample_rate)


def _has_part(callback: Callback, material: Material) -> bool:
    """Whether there is anything for this function in the material."""
    if callback.kind == "audio":
        return material.sound is not None
    return callback.asked.get("source", "camera") in material.pictures


class _Player:
    """One function, its items and what came of them."""

    def __init__(self, callback: Callback, material: Material, access: Access) -> None:
        self.callback = callback
        self.results: list[Any] = []
        self.times_s: list[float] = []
        self.failures: list[Failure] = []
        self.returned: list[tuple[Any, Any]] = []  # of a processor: an item, and what stands in its place
        self._controls = callback.controls.snapshot()

    def take(self, step: Step) -> None:
        """What came, if it is for this function."""
        raise NotImplementedError

    def finish(self) -> None:
        """Nothing more comes."""

    def _call(self, item: Any) -> None:
        time_s = item.time_s if isinstance(item, VideoFrame) else item.start_s
        original = self._original(item)  # before the function may write into it
        result = checked = None
        try:
            result, checked = self.callback.replayed(item, self._controls)
        except ReplayFailure as failure:
            self.failures.append(Failure(time_s, failure.args[0]))
        self.results.append(result)
        self.times_s.append(time_s)
        if self.callback.processes:
            self._keep(item, original if checked is None else checked)

    def _keep(self, item: Any, result: Any) -> None:
        self.returned.append((item, result))

    def _original(self, item: Any) -> Any:
        return None


class _VideoPlayer(_Player):
    def __init__(self, callback: Callback, material: Material, access: Access) -> None:
        from smallrtc_lab.media.feeds import PictureFeed

        super().__init__(callback, material, access)
        self._bytes = 0
        self._feed = PictureFeed(callback.asked, material, access.publish_picture)

    def take(self, step: Step) -> None:
        if step.source == self._feed.source:
            frame = self._feed.take(step.what)  # type: ignore[arg-type]
            if frame is not None:
                self._call(frame)

    def _original(self, item: Any) -> Any:
        return item.image.copy() if self.callback.processes else None

    def _keep(self, item: Any, result: Any) -> None:
        self._bytes += result.nbytes
        if self._bytes > _MOST_BYTES:
            raise ValueError(
                f"the pictures that {self.callback.name} returned take more than {_MOST_BYTES / 1e9:.0f} GB: replay a "
                "part, as in take.between(a, b), or smaller pictures, as in on_video(size=(320, 240))"
            )
        self.returned.append((item.time_s, result))  # without the picture that came


class _SoundPlayer(_Player):
    def __init__(self, callback: Callback, material: Material, access: Access) -> None:
        from smallrtc_lab.media.feeds import SoundFeed

        super().__init__(callback, material, access)
        self._feed = SoundFeed(callback.asked, material, access.publish_sound)
        self._hop = callback.asked["hop"]

    def take(self, step: Step) -> None:
        if step.source == "sound":
            for clip in self._feed.take(step.what):  # type: ignore[arg-type]
                self._call(clip)

    def finish(self) -> None:
        for clip in self._feed.rest():
            self._call(clip)

    def _original(self, item: Any) -> Any:
        return item.samples[-self._hop :].copy() if self.callback.processes else None


def _player(callback: Callback, material: Material, access: Access) -> _Player:
    kind = _SoundPlayer if isinstance(callback, AudioObserver) else _VideoPlayer
    return kind(callback, material, access)


@contextlib.contextmanager
def _alone(callbacks: Registrations) -> Iterator[None]:
    """Raises :class:`SmallRTCError` while another replay of this lab runs: it has paused what this one would call."""
    if not callbacks.replaying.acquire(blocking=False):
        raise SmallRTCError("this lab replays something already: wait for its end, or interrupt it")
    try:
        yield
    finally:
        callbacks.replaying.release()


@contextlib.contextmanager
def _held(callbacks: list[Callback]) -> Iterator[None]:
    """No function gets anything live meanwhile."""
    for callback in callbacks:
        callback.pause()
    try:
        yield
    finally:
        for callback in callbacks:
            try:
                callback.resume()
            except ClosedError:
                pass  # the lab is gone, and its functions with it
            except SmallRTCError as error:
                callback.say(f"{callback.name} is paused since a replay ({error}): {callback.name}.resume()")


def _paced(material: Material, speed: float | None, show: Callable[[float], None]) -> Iterator[Step]:
    """What comes, in order, each when it is due."""
    from smallrtc_lab.media.feeds import steps

    begun_s, never = time.monotonic(), threading.Event()
    for step in steps(material):
        passed_s = step.time_s - material.start_s
        if speed is not None:
            never.wait(max(0.0, begun_s + passed_s / speed - time.monotonic()))
        yield step
        show(passed_s / material.duration_s if material.duration_s else 1.0)


def _result(players: list[_Player]) -> Replay:
    replay = Replay()
    video, audio = None, None
    for player in players:
        name = _free_name(player.callback.name, replay.results)
        replay.results[name] = player.results
        replay.times_s[name] = np.array(player.times_s)
        if player.failures:
            replay.errors[name] = player.failures
        if isinstance(player.callback, VideoProcessor):
            colours = "bgr" if player.callback.asked["format"] == "bgr" else "rgb"
            source = player.callback.asked["source"]
            video = joined_pictures(player.returned, colours, source)  # type: ignore[arg-type]
        elif isinstance(player.callback, AudioProcessor):
            audio = joined_sound(player.returned)
    return Replay(replay.results, replay.times_s, replay.errors, video, audio)


def _free_name(name: str, taken: dict[str, Any]) -> str:
    names = [name, *(f"{name} {number}" for number in range(2, len(taken) + 2))]
    return next(one for one in names if one not in taken)
