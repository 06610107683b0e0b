"""The contract of a transport, on every way it can be connected, against a bare aiortc peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from support.knownmedia import tone_of
from support.speech import RATE_HZ, say
from support.transports import MAKERS, Maker

from smallrtc_lab.errors import ClosedError, StreamTimeout
from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.media.resample import resample, to_int16
from smallrtc_lab.media.timecode import TIMECODE_HEIGHT, decode_timecode, encode_timecode
from smallrtc_lab.params import TransportParams, VADParams

PATIENCE_S = 60.0
BOTH = {
    "audio_in_enabled": True,
    "audio_out_enabled": True,
    "video_in_enabled": True,
    "video_out_enabled": True,
}


WAYS = [pytest.param(name, marks=[pytest.mark.soak] if name == "relayed" else []) for name in MAKERS]


@pytest.fixture(params=WAYS)
def make_transport(request: pytest.FixtureRequest, wire: Any) -> Callable[..., Any]:
    """Make a connected pair: ``async with make_transport(TransportParams(...), audio=..., video=...) as pair``."""
    maker: Maker = MAKERS[request.param]
    return lambda params, prepare=None, **sections: maker(wire, params, prepare, **sections)


async def soon(awaitable: Awaitable[Any]) -> Any:
    """The result, if it comes within a minute, which on any machine is for ever."""
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def first(stream: Any) -> Any:
    return await soon(anext(aiter(stream)))


def coded_camera(wire: Any) -> Any:
    """A camera whose pictures carry the number of their own frame as a time code."""

    class CodedCamera(wire.Camera):  # type: ignore[misc, name-defined]
        async def recv(self) -> Any:
            encode_timecode(self.image, self.shown + 1)
            return await super().recv()

    return CodedCamera(wire.picture())


def below_code(image: np.ndarray) -> np.ndarray:
    return image[round(image.shape[0] * TIMECODE_HEIGHT) + 2 :].astype(int)


async def heard(track: MediaStreamTrack, seconds: float = 1.0) -> np.ndarray:
    """(n, 2) float of so much sound of a browser's track."""
    pieces = [(await soon(track.recv())).to_ndarray().reshape(-1, 2) for _ in range(round(seconds * 50))]
    return np.concatenate(pieces) / 32768


async def until_heard(track: MediaStreamTrack, wanted: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Listen until the last half second is as wanted."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        sound = await heard(track, 0.5)
        if wanted(sound):
            return sound
    pytest.fail("the sound never was as wanted")


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def sine(hz: float, seconds: float, rate: int, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


class Voice(MediaStreamTrack):
    """Silence, a spoken sentence, and silence again, at the pace of a microphone."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        pause = np.zeros(RATE_HZ, np.float32)
        spoken = np.concatenate((pause, say("Good morning, can everybody hear me?", "en-us"), pause))
        samples = to_int16(resample(spoken, RATE_HZ, 48_000, 2))
        self._frames = [samples[n : n + 960] for n in range(0, len(samples) - 960, 960)]
        self._begin_s: float | None = None
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        self._begin_s = self._begin_s or time.monotonic()
        await asyncio.sleep(max(0.0, self._begin_s + self._sent / 50 - time.monotonic()))
        samples = self._frames[min(self._sent, len(self._frames) - 1)]
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._sent * 960, Fraction(1, 48_000)
        self._sent += 1
        return frame


async def drain(track: MediaStreamTrack) -> None:
    """Read a browser's track until it ends, as a page does."""
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        pass


async def test_an_echo_is_two_loops(make_transport: Any, wire: Any) -> None:
    """What input yields output takes: picture, time code and tone come back, and both loops end with the client."""
    ended: list[str] = []

    def echo(transport: Any) -> None:
        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport: Any, client: Any) -> None:
            async def pictures() -> None:
                async for frame in transport.input().video_frames("camera"):
                    await transport.output().write_video_frame(frame)
                ended.append("pictures")

            async def sounds() -> None:
                async for clip in transport.input().audio_frames():
                    await transport.output().write_audio_frame(clip)
                ended.append("sounds")

            await asyncio.gather(pictures(), sounds())
            ended.append("both")

        transport.input()

    params = TransportParams(**BOTH, audio_in_sample_rate=24_000)
    async with make_transport(params, echo, audio=wire.Tone(), video=coded_camera(wire)) as pair:
        sound = await until_heard(
            pair.browser.tracks[0], lambda sound: tone_of(sound[:, 0], 48_000)[1] > 0.45
        )
        hz, amplitude = tone_of(sound[:, 0], 48_000)
        codes, images = [], []
        for _ in range(15):
            images.append((await soon(pair.browser.tracks[1].recv())).to_ndarray(format="rgb24"))
            codes.append(decode_timecode(images[-1]))
        errors = [float(np.abs(below_code(i) - below_code(wire.picture())).mean()) for i in images]
        print(
            f"{hz:.1f} Hz, amplitude {amplitude:.3f}; codes {codes}; mean errors {min(errors):.2f}..{max(errors):.2f}"
        )
        assert hz == pytest.approx(wire.TONE_HZ, abs=2)
        assert amplitude == pytest.approx(0.5, rel=0.1)
        read = [code for code in codes if code is not None]
        assert len(read) > 10
        assert read == sorted(read)
        assert read[-1] > read[0]
        assert min(errors) < 5
        await pair.browser.close()
        await wire.until(lambda: "both" in ended, PATIENCE_S)
    assert sorted(ended) == ["both", "pictures", "sounds"]


async def test_events_of_a_client_that_comes_and_leaves(make_transport: Any, wire: Any, caplog: Any) -> None:
    """Coming, leaving and messages with their sender are told once, in order; a handler that fails is shown."""
    told: list[tuple[Any, ...]] = []

    def prepare(transport: Any) -> None:
        @transport.event_handler("on_client_connected")
        def broken(transport: Any, client: Any) -> None:
            raise LookupError("on purpose")

        @transport.event_handler("on_client_connected")
        async def connected(transport: Any, client: Any) -> None:
            await asyncio.sleep(0)
            told.append(("connected", transport.get_client_id(client)))

        @transport.event_handler("on_client_disconnected")
        def disconnected(transport: Any, client: Any) -> None:
            told.append(("disconnected", transport.get_client_id(client)))

        @transport.event_handler("on_app_message")
        async def message(transport: Any, message: Any, sender: str) -> None:
            told.append((message, sender))

        with pytest.raises(
            ValueError, match=r"'on_client_connected'.*'on_app_message'.*'on_user_started_speaking'"
        ):
            transport.event_handler("on_client_conected")

    async with make_transport(TransportParams(), prepare, audio="recvonly") as pair:
        await asyncio.sleep(0.2)
        assert told == []  # neither input nor output was used yet
        pair.browser.channel.send('{"n": 1}')
        messages = pair.transport.input().messages()
        assert await first(messages) == {"n": 1}
        pair.browser.channel.send("[2]")
        assert await first(messages) == [2]
        assert await pair.transport.output().send_message({"back": True})
        await wire.until(lambda: {"back": True} in pair.browser.messages, PATIENCE_S)
        pc_id = pair.connection.pc_id
        await pair.browser.close()
        await wire.until(lambda: ("disconnected", pc_id) in told, PATIENCE_S)
        with pytest.raises(StopAsyncIteration):
            await first(messages)
        assert messages.end_reason == "the client has left"
        assert await pair.transport.send_message("too late") is False
    # Events of different names do not wait for each other's handlers; each of one name comes in order.
    assert sorted(told, key=str) == sorted(
        [("connected", pc_id), ({"n": 1}, pc_id), ([2], pc_id), ("disconnected", pc_id)], key=str
    )
    assert told.index(({"n": 1}, pc_id)) < told.index(([2], pc_id)) < told.index(("disconnected", pc_id))
    assert "LookupError: on purpose" in caplog.text


async def test_closing_on_this_side_tells_the_client_and_leaves_nothing(
    make_transport: Any, wire: Any
) -> None:
    """close() says peerLeft, ends readers and writers, tells no on_client_disconnected, and leaves no task behind."""
    told: list[str] = []
    before = asyncio.all_tasks()

    def prepare(transport: Any) -> None:
        transport.add_event_handler("on_client_disconnected", lambda *_: told.append("disconnected"))

    params = TransportParams(**BOTH)
    async with make_transport(params, prepare, audio=wire.Tone(), video=wire.Camera()) as pair:
        pictures, sounds = pair.transport.input().video_frames(), pair.transport.input().audio_frames()
        await first(pictures)
        await first(sounds)
        output = pair.transport.output()
        writing = asyncio.create_task(output.write_audio_frame(np.zeros(48_000 * 60, np.int16)))
        waiting = asyncio.create_task(first(pair.transport.input().messages()))
        await asyncio.sleep(0.1)
        await soon(pair.transport.close())
        assert await soon(writing) is False
        with pytest.raises(StopAsyncIteration):
            await waiting
        for stream in (pictures, sounds, pair.transport.input().video_frames()):
            with pytest.raises(StopAsyncIteration):
                await first(stream)
            assert stream.end_reason == "closed on this side"
        for write in (output.write_audio_frame(np.zeros(10)), output.write_video_frame(wire.picture())):
            with pytest.raises(ClosedError):
                await write
        left = {"type": "signalling", "message": {"type": "peerLeft"}}
        await wire.until(lambda: left in pair.browser.messages, PATIENCE_S)
    assert told == []
    await wire.until(lambda: asyncio.all_tasks() <= before, PATIENCE_S)


async def test_a_handler_may_close_and_a_hanging_one_is_ended(make_transport: Any, wire: Any) -> None:
    """A handler can close its transport; one that never returns is cancelled by that."""
    closed, cancelled = asyncio.Event(), asyncio.Event()

    def prepare(transport: Any) -> None:
        @transport.event_handler("on_client_connected")
        async def hang(transport: Any, client: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        @transport.event_handler("on_app_message")
        async def close(transport: Any, message: Any, sender: str) -> None:
            await transport.close()
            closed.set()

        transport.input()

    async with make_transport(TransportParams(), prepare, audio="recvonly") as pair:
        pair.browser.channel.send('"close"')
        await soon(closed.wait())
        assert cancelled.is_set()


@pytest.mark.parametrize(
    ("rate", "channels", "block_ms"), [(8_000, 1, 20), (16_000, 2, 10), (44_100, 1, 20), (48_000, 2, 10)]
)
async def test_sound_comes_in_as_asked(
    make_transport: Any, wire: Any, rate: int, channels: int, block_ms: int
) -> None:
    """Sound has the rate, channels and block length asked for, and its own pitch, level and times."""
    params = TransportParams(audio_in_enabled=True, audio_in_sample_rate=rate, audio_in_channels=channels)
    async with make_transport(params, audio=wire.Tone()) as pair:
        clips: list[AudioClip] = []
        async for clip in pair.transport.input().audio_frames(block_ms=block_ms, timeout_s=PATIENCE_S):
            clips.append(clip)
            if len(clips) * block_ms >= 1500:
                break
    assert {clip.samples.shape for clip in clips} == {(rate * block_ms // 1000, channels)}
    assert {clip.sample_rate for clip in clips} == {rate}
    assert all(clip.samples.flags.owndata or clip.samples.base is None for clip in clips)
    steps = np.diff([clip.start_s for clip in clips])
    hz, amplitude = tone_of(np.concatenate([clip.mono for clip in clips[len(clips) // 3 :]]), rate)
    print(f"{hz:.1f} Hz, amplitude {amplitude:.3f}, steps {steps.min():.4f}..{steps.max():.4f} s")
    assert hz == pytest.approx(wire.TONE_HZ, abs=2)
    assert amplitude == pytest.approx(0.5, rel=0.1)
    # Times may glide by a tenth of a packet, and jump over a marked gap only.
    whole = [step for step, clip in zip(steps, clips[1:], strict=True) if not clip.gaps]
    assert len(whole) > len(steps) // 2
    assert whole == pytest.approx([block_ms / 1000] * len(whole), abs=0.0025)


async def test_sound_of_every_kind_goes_out(make_transport: Any, wire: Any) -> None:
    """Arrays and clips of many rates, types, shapes and lengths are heard one after the other at their own pitch."""
    params = TransportParams(audio_out_enabled=True, audio_out_sample_rate=16_000, audio_out_channels=2)
    async with make_transport(params, audio="recvonly") as pair:
        output, track = pair.transport.output(), pair.browser.tracks[0]
        kinds: list[tuple[float, Any]] = [
            (500, np.rint(sine(500, 1, 16_000) * 32768).astype(np.int16)),
            (600, AudioClip(sine(600, 1, 8_000).astype(np.float32)[:, None], 8_000)),
            (700, AudioClip(np.repeat(sine(700, 1, 24_000)[:, None], 2, 1).astype(np.float32), 24_000)),
            (800, AudioClip(sine(800, 1.5, 44_100).astype(np.float32)[:, None], 44_100)),
        ]
        for hz, sound in kinds:
            writing = asyncio.create_task(output.write_audio_frame(sound))
            got = await until_heard(track, lambda s, hz=hz: abs(tone_of(s[:, 0], 48_000)[0] - hz) < 3)
            assert await soon(writing) is True
            print(f"{hz} Hz: heard {tone_of(got[:, 0], 48_000)}")
        # In pieces of an odd length, the same tone has no holes.
        whole = sine(1000, 2, 16_000)
        writing = asyncio.create_task(_in_pieces(output, whole, 333))
        await until_heard(track, lambda s: tone_of(s[:, 1], 48_000) == pytest.approx((1000, 0.5), rel=0.02))
        await soon(writing)
        await soon(output.drain())
        assert output.waiting_s == 0


async def _in_pieces(output: Any, samples: np.ndarray, length: int) -> None:
    for begin in range(0, len(samples), length):
        assert await output.write_audio_frame(samples[begin : begin + length])


async def test_left_and_right_stay_apart(make_transport: Any, wire: Any) -> None:
    """Stereo goes out as stereo: one channel's tone is not in the other."""
    stereo = np.stack([sine(500, 3, 48_000), np.zeros(48_000 * 3)], axis=1)
    params = TransportParams(audio_out_enabled=True, audio_out_channels=2)
    async with make_transport(params, audio="recvonly") as pair:
        writing = asyncio.create_task(pair.transport.output().write_audio_frame(stereo))
        got = await until_heard(pair.browser.tracks[0], lambda s: tone_of(s[:, 0], 48_000)[1] > 0.45)
        print(f"left {level(got[:, 0]):.3f}, right {level(got[:, 1]):.4f}")
        assert level(got[:, 1]) < 0.05 * level(got[:, 0])
        writing.cancel()


async def test_writing_waits_for_room_and_clear_silences_at_once(make_transport: Any, wire: Any) -> None:
    """The writer of a minute of sound waits; clear() ends that at once, and what is written then is heard."""
    params = TransportParams(audio_out_enabled=True)
    async with make_transport(params, audio="recvonly") as pair:
        output, track = pair.transport.output(), pair.browser.tracks[0]
        writing = asyncio.create_task(output.write_audio_frame(sine(440, 60, 48_000)))
        await until_heard(track, lambda s: tone_of(s[:, 0], 48_000)[1] > 0.4)
        assert not writing.done()
        assert 0 < output.waiting_s < 0.2
        dropped_s = output.clear()
        assert await soon(writing) is False
        assert output.waiting_s == 0
        print(f"{dropped_s:.3f} s were cleared")
        await until_heard(track, lambda s: level(s) < 0.01)
        assert output.stats()["audio_cleared_s"] == pytest.approx(dropped_s, abs=1e-3)
        writing = asyncio.create_task(output.write_audio_frame(sine(880, 2, 48_000)))
        await until_heard(track, lambda s: abs(tone_of(s[:, 0], 48_000)[0] - 880) < 3)
        assert await soon(writing) is True


async def test_silence_is_sent_or_not(make_transport: Any, wire: Any) -> None:
    """While nothing is written silence is sent, or nothing; what is written next is heard either way."""
    for silence in (True, False):
        params = TransportParams(audio_out_enabled=True, audio_out_auto_silence=silence)
        async with make_transport(params, audio="recvonly") as pair:
            output, track = pair.transport.output(), pair.browser.tracks[0]
            assert await soon(output.write_audio_frame(sine(440, 0.5, 48_000)))
            await soon(track.recv())
            await soon(output.drain())
            got = asyncio.create_task(heard(track))
            if silence:
                assert level((await soon(got))[-9_600:]) < 0.01
            else:
                done, _ = await asyncio.wait({got}, timeout=1.5)
                assert not done
                got.cancel()
            writing = asyncio.create_task(output.write_audio_frame(sine(600, 1.5, 48_000)))
            await until_heard(track, lambda s: abs(tone_of(s[:, 0], 48_000)[0] - 600) < 3)
            await soon(writing)


async def test_who_takes_no_sound_is_told_of(make_transport: Any, wire: Any) -> None:
    """Writing sound to a client whose offer has none ends in StreamTimeout, after the time of the params."""
    params = TransportParams(audio_out_enabled=True, audio_out_write_timeout_secs=0.3)
    async with make_transport(params, video="recvonly") as pair:
        with pytest.raises(StreamTimeout, match=r"no sound for 0\.3 s"):
            await soon(pair.transport.output().write_audio_frame(np.zeros(48_000)))


async def test_slow_readers_lose_what_is_old_and_know_it(make_transport: Any, wire: Any) -> None:
    """A busy reader gets the newest picture and the last half second of sound, with a marked gap."""
    params = TransportParams(audio_in_enabled=True, video_in_enabled=True)
    async with make_transport(params, audio=wire.Tone(), video=coded_camera(wire)) as pair:
        source = pair.transport.input()
        slow_picture, slow_sound = source.video_frames(), source.audio_frames()
        before = await first(slow_picture)
        await first(slow_sound)
        fast: list[VideoFrame] = []
        async for frame in source.video_frames():
            fast.append(frame)
            if len(fast) >= 45 and slow_sound.dropped:
                break
        clip, frame = await first(slow_sound), await first(slow_picture)
        print(f"dropped: {slow_picture.dropped} pictures, {slow_sound.dropped} blocks; gap {clip.gaps}")
        assert slow_picture.dropped > 0
        assert frame.sequence > before.sequence + 1
        assert frame.time_s > before.time_s
        assert clip.gaps
        assert clip.gaps[0].start_s + clip.gaps[0].duration_s == pytest.approx(clip.start_s)
        assert [one.sequence for one in fast] == sorted({one.sequence for one in fast})


async def test_pictures_come_at_a_lower_rate_when_asked(make_transport: Any, wire: Any) -> None:
    """capture_participant_video and max_rate_hz keep pictures apart; formats are as asked."""
    async with make_transport(TransportParams(video_in_enabled=True), video=wire.Camera()) as pair:
        await pair.transport.capture_participant_video(framerate=5, video_source="camera")
        gray = pair.transport.input().video_frames(format="gray")
        frames = [await first(gray) for _ in range(4)]
        gaps_s = np.diff([frame.time_s for frame in frames])
        print(f"gaps {gaps_s}")
        assert min(gaps_s) > 0.12
        assert frames[0].image.shape == (240, 320)
        faster = await first(pair.transport.input().video_frames(format="bgr", max_rate_hz=20))
        assert np.abs(faster.rgb.astype(int) - wire.picture().astype(int)).mean() < 5
        with pytest.raises(ValueError, match='"camera" or "screen"'):
            pair.transport.input().video_frames("webcam")


async def test_a_shared_screen_is_a_source_of_its_own(make_transport: Any, wire: Any) -> None:
    """The screen's pictures are read beside the camera's, by either of its names."""
    shared = 255 - wire.picture()
    params = TransportParams(video_in_enabled=True)
    sections = {"audio": wire.Tone(), "video": wire.Camera(), "screen": wire.Camera(shared)}
    async with make_transport(params, **sections) as pair:
        await pair.transport.capture_participant_video(None, 10, "screenVideo")
        camera = await first(pair.transport.input().video_frames("camera"))
        for name in ("screen", "screenVideo"):
            screen = await first(pair.transport.input().video_frames(name))
            assert screen.source == "screen"
            assert np.abs(screen.image.astype(int) - shared.astype(int)).mean() < 5
        assert camera.source == "camera"
        assert np.abs(camera.image.astype(int) - wire.picture().astype(int)).mean() < 5


async def test_pictures_go_out_in_every_form(make_transport: Any, wire: Any) -> None:
    """Arrays and frames of any colour order are seen right, in the size asked for; a still one goes on."""
    params = TransportParams(
        video_out_enabled=True, video_out_width=160, video_out_height=120, video_out_color_format="BGR"
    )
    async with make_transport(params, audio="recvonly", video="recvonly") as pair:
        output, track = pair.transport.output(), pair.browser.tracks[1]
        picture = wire.picture()
        small = wire.picture(160, 120).astype(int)
        for written in (picture[:, :, ::-1], VideoFrame(picture, format="rgb")):
            for _ in range(5):
                assert await output.write_video_frame(written)
            seen = (await soon(track.recv())).to_ndarray(format="rgb24")
            assert seen.shape == (120, 160, 3)
            assert np.abs(seen.astype(int) - small).mean() < 6
        again = [(await soon(track.recv())).pts for _ in range(8)]  # nothing is written any more
        assert again == sorted(set(again))
        with pytest.raises(TypeError, match="multiply by 255"):
            await output.write_video_frame(picture / 255)


async def test_pictures_are_written_at_their_pace(make_transport: Any, wire: Any) -> None:
    """A writer that could write thousands waits its turn; live pictures are sent once each."""
    params = TransportParams(video_out_enabled=True, video_out_is_live=True, video_out_framerate=20)
    async with make_transport(params, audio="recvonly", video="recvonly") as pair:
        output = pair.transport.output()
        watching = asyncio.create_task(drain(pair.browser.tracks[1]))
        begin_s = time.monotonic()
        for _ in range(20):
            await output.write_video_frame(wire.picture())
        took_s = time.monotonic() - begin_s
        await asyncio.sleep(0.5)
        stats = output.stats()
        print(f"20 pictures in {took_s:.2f} s: {stats}")
        assert took_s > 0.8
        assert stats["video_sent"] + stats["video_dropped"] == 20
        watching.cancel()


async def test_many_messages_wait_for_room(make_transport: Any, wire: Any) -> None:
    """Far more than the channel holds is sent as fast as the client takes it: nothing is lost, nothing out of order."""
    count, filling = 120, "x" * 10_000
    async with make_transport(TransportParams(), audio="recvonly") as pair:
        begin_s = time.monotonic()
        for number in range(count):
            assert await pair.transport.send_message({"n": number, "filling": filling})
        await wire.until(lambda: len(pair.browser.messages) >= count, PATIENCE_S)
        print(f"{count * 10_000 / 1e6 / (time.monotonic() - begin_s):.1f} MB/s")
        assert [message["n"] for message in pair.browser.messages] == list(range(count))
        assert pair.transport.output().stats()["messages_dropped"] == 0


async def test_speech_is_told_of(make_transport: Any, wire: Any) -> None:
    """With vad a sentence of the client's is one start and one stop, in that order, with times of the session."""
    told: list[tuple[str, float]] = []
    stopped = asyncio.Event()

    def prepare(transport: Any) -> None:
        @transport.event_handler("on_user_started_speaking")
        async def started(transport: Any, event: Any) -> None:
            told.append((event.kind, event.time_s))
            assert transport.input().speaking

        @transport.event_handler("on_user_stopped_speaking")
        def ceased(transport: Any, event: Any) -> None:
            told.append((event.kind, event.time_s))
            stopped.set()

        transport.input()

    params = TransportParams(audio_in_enabled=True, vad=VADParams(stop_secs=0.4))
    async with make_transport(params, prepare, audio=Voice()) as pair:
        await soon(stopped.wait())
        print(told)
        assert [kind for kind, _ in told] == ["started", "stopped"]
        assert 0.5 < told[1][1] - told[0][1] < 5
        assert told[1][1] < pair.transport.clock.now_s()


async def test_what_is_switched_off_says_so(make_transport: Any, wire: Any) -> None:
    """Reading or writing what the params do not enable names the parameter; listening can wait for its own call."""
    async with make_transport(TransportParams(), audio="recvonly") as pair:
        source, output = pair.transport.input(), pair.transport.output()
        for use in (source.audio_frames, source.video_frames):
            with pytest.raises(RuntimeError, match=r"TransportParams\(\w+_in_enabled=True\)"):
                use()
        for write, thing in (
            (output.write_audio_frame, np.zeros(9)),
            (output.write_video_frame, wire.picture()),
        ):
            with pytest.raises(RuntimeError, match=r"TransportParams\(\w+_out_enabled=True\)"):
                await write(thing)
    params = TransportParams(audio_in_enabled=True, audio_in_stream_on_start=False)
    async with make_transport(params, audio=wire.Tone()) as pair:
        sounds = pair.transport.input().audio_frames(timeout_s=0.5)
        with pytest.raises(StreamTimeout, match="no sound came"):
            await first(sounds)
        await pair.transport.capture_participant_audio()
        assert len(await first(pair.transport.input().audio_frames(timeout_s=PATIENCE_S))) == 960
