"""What a session says of the sound it got, over a real connection that loses packets, stalls and is heard back."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.rtp import is_rtcp

from smallrtc_lab.engine.inbound import AUDIO_RATE, AudioInbound
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.resample import resample, to_float

N = 960
SWEEP_S = 4.0
SWEEP_HZ = (40.0, 19_000.0)


def lossy(browser, lost: set[int]) -> list[int]:
    """Lose the sound packets of these numbers each time they are sent; the numbers that left, lost ones included."""
    sender = next(t.sender for t in browser.pc.getTransceivers() if t.kind == "audio")
    transport, ssrc, sent = sender.transport, sender._ssrc.to_bytes(4, "big"), []
    send = transport._send_rtp
    numbers: dict[bytes, int] = {}  # by the sequence number on the wire, which a packet sent again has, too

    async def send_most(data: bytes) -> None:
        if is_rtcp(data) or data[8:12] != ssrc:
            await send(data)
            return
        if data[2:4] not in numbers:
            numbers[data[2:4]] = len(numbers)
            sent.append(numbers[data[2:4]])
        if numbers[data[2:4]] not in lost:
            await send(data)

    transport._send_rtp = send_most
    return sent


async def test_lost_packets_are_gaps_at_their_place(wire) -> None:
    """Of a tone of which packets are lost, just those stretches are marked; the sound around them is whole."""
    lost = {60, 61, 62, 90, 130}
    async with wire.linked(audio=wire.Tone()) as (browser, connection):
        stream = AudioInbound(SessionClock(time.monotonic()))
        positions: list[int] = []
        stream.on_samples = lambda samples, position: positions.append(position)
        stream.follow(connection.audio_input_track())
        await stream.wait_flowing()
        begin, sent = stream.ring.end, lossy(browser, lost)
        await wire.until(lambda: len(sent) > 170 and stream.ring.end - begin > 165 * N, timeout_s=60)
        samples, gaps = stream.ring.read(begin, 165 * N)
        loss = stream.loss
        await stream.disconnect()
    found = [((gap.position - begin) / N, gap.length / N) for gap in gaps]
    print(f"lost {sorted(lost)}: gaps (packet, packets) {found}, loss {loss:.3f}")
    assert [length for _, length in found] == [3, 1, 1]
    assert [at - found[0][0] for at, _ in found] == [0, 30, 70]
    assert found[0][0] == pytest.approx(
        60, abs=6
    )  # the first packets after the count began were on their way
    heard = np.ones(len(samples), bool)
    for gap in gaps:
        at = gap.position - begin
        assert not samples[at : at + gap.length].any(), "what is missing is zero"
        heard[max(0, at - N) : at + gap.length + 2 * N] = False  # Opus needs a moment after a loss
    blocks = samples[: len(samples) // 480 * 480, 0].reshape(-1, 480).astype(float)
    levels = np.sqrt((blocks**2).mean(axis=1))[heard[: len(blocks) * 480].reshape(-1, 480).all(axis=1)]
    assert levels.min() > 0.7 * np.median(levels)


class Dam:
    """Holds everything back between ``close`` and ``open``, then lets it go at once: as a socket's buffer does."""

    def __init__(self, browser) -> None:
        transport = browser.pc.getTransceivers()[0].sender.transport
        self._send, self._held, self.closed = transport._send_rtp, [], False
        transport._send_rtp = self._pass

    async def _pass(self, data: bytes) -> None:
        if self.closed:
            self._held.append(data)
        else:
            await self._send(data)

    async def open(self) -> None:
        while self._held:
            await self._send(self._held.pop(0))
        self.closed = False


@pytest.mark.parametrize("stall_s", [1.5, 3.0])
async def test_a_stall_is_no_gap(wire, stall_s: float) -> None:
    """What waited for seconds, for this process or the network stood still, has its place: no gap, and its time."""
    async with wire.linked(audio=wire.Tone()) as (browser, connection):
        stream, dam = AudioInbound(SessionClock(time.monotonic())), Dam(browser)
        stream.follow(connection.audio_input_track())
        await stream.wait_flowing()
        await asyncio.sleep(1)
        before, dam.closed = stream.ring.end, True
        await asyncio.sleep(stall_s)
        stood_still = stream.ring.end - before
        await dam.open()
        await wire.until(lambda: stream.ring.end - before > (stall_s + 1) * AUDIO_RATE, timeout_s=60)
        _, gaps = stream.ring.read(before, stream.ring.end - before)
        late_s = stream._clock.now_s() - stream.axis.time_s(stream.ring.end)
        await stream.disconnect()
    print(f"stalled {stall_s} s: gaps {gaps}, newest sound {late_s * 1000:.0f} ms old")
    assert stood_still < 10 * N
    assert gaps == ()
    assert -0.1 < late_s < 2


class Sweep(MediaStreamTrack):
    """Half a second of silence, a sine of a quarter of full scale whose frequency climbs evenly, silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        times_s = np.arange(round(SWEEP_S * AUDIO_RATE)) / AUDIO_RATE
        low_hz, high_hz = SWEEP_HZ
        turns = low_hz * times_s + (high_hz - low_hz) * times_s**2 / (2 * SWEEP_S)
        silence = np.zeros(AUDIO_RATE // 2)
        self.sound = np.concatenate([silence, 0.25 * np.sin(2 * np.pi * turns), silence, silence])
        self._number, self._start_s = -1, time.monotonic()

    async def recv(self) -> av.AudioFrame:
        self._number += 1
        at = self._number * N
        await asyncio.sleep(max(0.0, self._start_s + at / AUDIO_RATE - time.monotonic()))
        piece = np.zeros(N)
        piece[: len(self.sound[at : at + N])] = self.sound[at : at + N]
        stereo = np.repeat(np.rint(32767 * piece).astype(np.int16), 2)[None, :]
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, at, Fraction(1, AUDIO_RATE)
        return frame


def bands_db(sound, rate: int, edges_hz) -> np.ndarray:
    """The energy in each band, dB."""
    power = np.abs(np.fft.rfft(sound)) ** 2 / rate**2
    hz = np.fft.rfftfreq(len(sound), 1 / rate)
    return 10 * np.log10([power[(hz >= low) & (hz < high)].sum() for low, high in pairwise(edges_hz)])


async def test_a_sweep_through_the_whole_chain_is_the_sweep(wire) -> None:
    """Opus, network, ring and resamplers leave a sweep its level: within 1 dB to 10 kHz, at 48 and at 16 kHz."""
    source = Sweep()
    async with wire.linked(audio=source) as (_, connection):
        stream = AudioInbound(SessionClock(time.monotonic()))
        stream.follow(connection.audio_input_track())
        await stream.wait_flowing()
        begin = stream.ring.end
        await wire.until(lambda: stream.ring.end - begin > len(source.sound), timeout_s=60)
        heard = to_float(stream.ring.last(30).samples)
        gaps = stream.ring.last(30).gaps
        await stream.disconnect()
    assert gaps == ()
    edges_hz = np.array([60, 125, 250, 500, 1000, 2000, 4000, 7000, 10_000, 15_000, 18_500])
    sent_db = bands_db(source.sound, AUDIO_RATE, edges_hz)
    gain_db = bands_db(heard[:, 0], AUDIO_RATE, edges_hz) - sent_db
    slow_db = bands_db(resample(heard, AUDIO_RATE, 16000, 1)[:, 0], 16000, edges_hz[:8]) - sent_db[:7]
    for low, high, one_db in zip(edges_hz, edges_hz[1:], gain_db, strict=False):
        print(f"{low:6} to {high:6} Hz: {one_db:+.2f} dB")
    print(f"at 16 kHz: {np.round(slow_db, 2)} dB")
    assert np.abs(gain_db[:8]).max() < 1
    assert np.abs(slow_db).max() < 1
