"""A bot served by a kernel: its media in a real engine, its code on a thread here, its clients from outside."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.served import ServedBot
from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc.transport import SmallWebRTCTransport
from smallrtc_lab.server.proof import link_proof

DEADLINE_S = 30.0
TONE_HZ = 440.0
EVERYTHING = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True
)


class Camera(MediaStreamTrack):
    """A picture of one colour, 15 a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / 15)
        image = np.full((120, 160, 3), (200, 60, 30), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90000)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A steady sine of half scale."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sample = 0
        self._start_s = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(0.0, self._start_s + self._sample / 48000 - time.monotonic()))
        times_s = (self._sample + np.arange(960)) / 48000
        samples = np.rint(np.sin(2 * np.pi * TONE_HZ * times_s) * 16384).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sample, Fraction(1, 48000)
        self._sample += 960
        return frame


class Client:
    """A client from outside: it starts, joins, sends picture, tone and messages, and keeps what comes back."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.pc = RTCPeerConnection()
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.pc.on("track", lambda track: self.tracks.update({track.kind: track}))
        self.pc.addTransceiver(Tone(), direction="sendrecv")
        self.pc.addTransceiver(Camera(), direction="sendrecv")
        self.channel = self.pc.createDataChannel("chat")
        self.messages: list[Any] = []
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))

    async def join(self, session: str | None = None, body: Any = None) -> Any:
        if session is None:
            session = (await self.server.ask("POST", "start", {"body": body})).json()["sessionId"]
        await self.pc.setLocalDescription(await self.pc.createOffer())
        reply = await self.server.offer(session, sdp=self.pc.localDescription.sdp)
        if reply.status_code == 200:
            answer = reply.json()
            await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            await until(lambda: self.channel.readyState == "open")
        return reply

    async def picture(self, wanted: Callable[[np.ndarray], bool]) -> None:
        """Wait for a picture like that."""
        async with asyncio.timeout(DEADLINE_S):
            while not wanted((await self.tracks["video"].recv()).to_ndarray(format="rgb24")):  # type: ignore[union-attr]
                pass

    async def tone_hz(self) -> float:
        """The strongest frequency of half a second of sound, once there is any."""
        heard: list[np.ndarray] = []
        async with asyncio.timeout(DEADLINE_S):
            while sum(map(len, heard)) < 24000:
                samples = (await self.tracks["audio"].recv()).to_ndarray()[0, ::2].astype(float)  # type: ignore[union-attr]
                heard = [*heard, samples] if np.abs(samples).max() > 3000 else []
        signal = np.concatenate(heard)
        spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
        return float(np.argmax(spectrum) * 48000 / len(signal))


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.02)


def bot_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("smallrtc bot")}


@asynccontextmanager
async def serving(
    server: Any, bot: Any, *, name: str = "echo", **options: Any
) -> AsyncIterator[tuple[ServedBot, list[str]]]:
    """Serve as a kernel does; the engine and all threads are gone afterwards."""
    kernel = await server.idle_kernel()
    proof = link_proof(kernel, server.key(kernel))
    link = {"server": server.extension.address.url, "kernel_id": kernel, "proof": proof, "certificate": None}
    reports: list[str] = []
    before = bot_threads()
    client = EngineClient(link)
    served = ServedBot(client, name, bot, reports.append, options={"mode": "multiple"} | options)
    await asyncio.to_thread(served.open)
    try:
        sessions = server.extension.broker._sessions
        await until(
            lambda: served.refusal or any(one.served and one.link.kernel_id == kernel for one in sessions)
        )
        yield served, reports
    finally:
        await asyncio.to_thread(served.close)
        assert client.pid is None
        assert bot_threads() <= before


async def echo(runner_args: RunnerArguments) -> None:
    """Two loops: what comes in goes out; messages too, with what the client brought."""
    transport = SmallWebRTCTransport(runner_args.webrtc_connection, EVERYTHING)

    @transport.event_handler("on_app_message")
    async def got(transport: SmallWebRTCTransport, message: Any, sender: str) -> None:
        await transport.send_message({"echo": message, "from": sender, "body": runner_args.body})

    async def pictures() -> None:
        async for frame in transport.input().video_frames("camera"):
            await transport.output().write_video_frame(255 - frame.image)

    async def sound() -> None:
        async for clip in transport.input().audio_frames():
            await transport.output().write_audio_frame(clip)

    await asyncio.gather(pictures(), sound())


async def test_an_echo_of_picture_sound_and_messages(server: Any) -> None:
    """All three cross engine and bridge both ways, and when the client leaves its bot ends by itself."""
    async with serving(server, echo) as (served, reports):
        client = Client(server)
        assert (await client.join(body={"room": 7})).status_code == 200
        client.channel.send(json.dumps("hello"))
        await until(lambda: client.messages)
        (who,) = served.clients
        assert client.messages == [{"echo": "hello", "from": who.pc_id, "body": {"room": 7}}]
        assert abs(time.time() - who.since_s) < DEADLINE_S
        inverted = np.array((55, 195, 225))
        await client.picture(lambda image: bool(np.abs(image.mean((0, 1)) - inverted).max() < 12))
        assert abs(await client.tone_hz() - TONE_HZ) < 5
        await client.pc.close()
        await until(lambda: not served.clients)
        assert reports == []


async def test_two_clients_a_failing_bot_and_a_busy_one(server: Any) -> None:
    """Each client has a bot of its own: one that raises is told and reported, one that blocks harms no other."""
    free = threading.Event()

    async def bot(runner_args: RunnerArguments) -> None:
        connection, here = runner_args.webrtc_connection, asyncio.Event()
        connection.event_handler("connected")(lambda _: here.set())
        await connection.connect()
        await here.wait()
        connection.send_app_message("welcome")
        if runner_args.body == "block":
            free.wait(DEADLINE_S)
        if runner_args.body == "fail":
            raise LookupError("no such voice")
        await asyncio.sleep(3600)

    async with serving(server, bot) as (served, reports):
        clients = {body: Client(server) for body in ("block", "fail", "stay")}
        for body, client in clients.items():
            assert (await client.join(body=body)).status_code == 200
            await until(lambda client=client: client.messages)
        await until(lambda: reports)
        assert "LookupError: no such voice" in reports[0]
        failed = clients["fail"]
        await until(lambda: failed.messages[-1] == {"type": "signalling", "message": {"type": "peerLeft"}})
        assert len(served.clients) == 2
        free.set()
    stays = clients["stay"]
    await until(lambda: stays.messages[-1] == {"type": "signalling", "message": {"type": "peerLeft"}})
    for client in clients.values():
        await client.pc.close()


async def test_single_mode_limits_and_taken_names(server: Any) -> None:
    """A second client is refused where one is allowed, and a name that another kernel serves is reported."""
    async with serving(server, echo, mode="single") as (_, reports):
        first, second = Client(server), Client(server)
        assert (await first.join("echo")).status_code == 200
        refused = await second.join("echo")
        assert (refused.status_code, refused.json()["reason"]) == (400, "busy")
        async with serving(server, echo) as (other, others):
            assert other.refusal is not None
            assert "another kernel" in others[0].lower()
        assert reports == []
        for client in (first, second):
            await client.pc.close()
