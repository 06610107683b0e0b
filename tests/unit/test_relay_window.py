"""Flow control of a relayed picture: the law, and a slow path in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from support.slowpath import SlowPath, VirtualTime

from smallrtc_lab.relay.bitrate import BitrateControl
from smallrtc_lab.relay.window import SendWindow

SOUND_BYTES = 160 + 60  # 64 kbit/s of Opus in 20 ms, and what packets and frames cost


class Sender:
    """Camera, encoder and microphone at one end of a path, whoever acknowledges at the other."""

    def __init__(self, time: VirtualTime, path: SlowPath, back: SlowPath, *, frame_rate: float = 15) -> None:
        self.window = SendWindow()
        self.control = BitrateControl()
        self.delays: list[tuple[float, float]] = []  # of pictures: (when sent, s)
        self.sound_delays: list[tuple[float, float]] = []
        self._time, self._path, self._back = time, path, back
        self._interval_s = 1 / frame_rate
        self._chance = random.Random(5)
        self._frames = 0
        time.at(0.0, self._picture)
        time.at(0.0, self._sound)

    def _picture(self) -> None:
        now_s = self._time.now_s
        self._time.at(now_s + self._interval_s, self._picture)
        if not self.window.has_room(now_s):
            return
        share = 4.0 if self._frames % 150 == 0 else self._chance.uniform(0.6, 1.4)
        self._frames += 1
        size = round(share * self.control.target_bps * self._interval_s / 8) + 60
        sequence = self.window.sent(now_s, size)
        self._path.send(size, lambda: self._arrived(sequence, now_s))

    def _arrived(self, sequence: int, sent_s: float) -> None:
        self.delays.append((sent_s, self._time.now_s - sent_s))
        self._back.send(40, lambda: self._reported(sequence))

    def _reported(self, sequence: int) -> None:
        now_s = self._time.now_s
        told = self.window.acknowledge(sequence, now_s)
        if told is not None:
            self.control.acknowledged(told, now_s)

    def _sound(self) -> None:
        now_s = self._time.now_s
        self._time.at(now_s + 0.02, self._sound)
        self._path.send(SOUND_BYTES, lambda: self.sound_delays.append((now_s, self._time.now_s - now_s)))


def sender_on(rate_bps: float, way_s: float, **options: float) -> tuple[VirtualTime, SlowPath, Sender]:
    time = VirtualTime()
    path = SlowPath(time, rate_bps, way_s)
    return time, path, Sender(time, path, SlowPath(time, 10e6, way_s), **options)


def worst(delays: list[tuple[float, float]], start_s: float, end_s: float, quantile: float = 0.95) -> float:
    return float(np.quantile([delay for sent, delay in delays if start_s <= sent < end_s], quantile))


def test_at_most_three_pictures_are_on_their_way() -> None:
    """Where nothing is acknowledged, three go out at once and the next ones only within a quarter of a second."""
    window = SendWindow()
    for number in range(20):
        if window.has_room(number / 30):
            window.sent(number / 30, 1000)
    assert window.in_flight == 8  # those of the first 250 ms
    assert window.refused == 12
    assert not window.has_room(60.0)
    window.acknowledge(8, 60.1)
    assert window.in_flight == 0
    assert window.has_room(60.2)


def test_a_report_tells_the_round_trip_and_what_is_new_only_once() -> None:
    """The least round trip is the way's; what is longer is a queue; an old report is no news."""
    window = SendWindow()
    first, second = window.sent(0.0, 500), window.sent(0.1, 700)
    told = window.acknowledge(first, 0.05)
    assert told is not None
    assert (told.rtt_s, told.queued_s, told.freed_bytes) == (0.05, 0.0, 500)
    assert window.acknowledge(first, 0.06) is None
    told = window.acknowledge(second, 0.3)
    assert told is not None
    assert told.queued_s == pytest.approx(0.15)


def test_a_way_that_is_long_by_itself_still_carries_every_picture() -> None:
    """400 ms of round trip and no queue: a fixed window would let through three pictures in that time."""
    time, _, sender = sender_on(20e6, 0.2, frame_rate=30)
    time.run(20.0)
    late = [delay for sent, delay in sender.delays if sent > 10]
    assert len(late) > 0.95 * 9 * 30
    assert max(late) < 0.25


@pytest.mark.parametrize("frame_rate", [15, 30])
def test_a_megabit_carries_a_picture_with_a_bounded_delay_for_ten_minutes(frame_rate: float) -> None:
    """1 Mbit/s and 100 ms of round trip: the delay stays below 350 ms, does not grow, and the path is used."""
    time, _, sender = sender_on(1e6, 0.05, frame_rate=frame_rate)
    time.run(600.0)
    early, late = worst(sender.delays, 5, 60), worst(sender.delays, 540, 600)
    print(f"p95 {early * 1000:.0f} then {late * 1000:.0f} ms, {len(sender.delays) / 600:.1f} pictures/s")
    assert early < 0.35
    assert late < 0.35
    assert worst(sender.delays, 5, 600, 1.0) < 0.7
    assert worst(sender.sound_delays, 5, 600) < 0.35
    assert len(sender.delays) > 0.8 * 600 * frame_rate
    assert 450_000 < sender.control.target_bps < 1.25e6


def change_rate(path: SlowPath, rate_bps: float) -> Callable[[], None]:
    def change() -> None:
        path.rate_bps = rate_bps

    return change


def test_a_path_that_becomes_slow_is_followed_within_seconds() -> None:
    """From 5 to 0.5 Mbit/s and back: the bitrate falls below the path's, the delay comes down, and it climbs again."""
    time, path, sender = sender_on(5e6, 0.02, frame_rate=30)
    time.run(30.0)
    fast_bps = sender.control.target_bps
    time.at(30.0, change_rate(path, 0.5e6))
    time.run(60.0)
    slow_bps = sender.control.target_bps
    assert slow_bps < 0.5e6
    assert worst(sender.delays, 40, 60) < 0.5
    time.at(60.0, change_rate(path, 5e6))
    time.run(120.0)
    assert sender.control.target_bps > 0.8 * fast_bps > slow_bps


def test_a_stall_costs_pictures_and_no_delay_afterwards() -> None:
    """A proxy that stands still for two seconds: what is captured meanwhile is dropped before it is encoded."""
    time, path, sender = sender_on(5e6, 0.02, frame_rate=30)
    time.at(10.0, lambda: path.stall(12.0))
    time.run(20.0)
    sent = [when for when, _ in sender.delays if 10 <= when < 12]
    assert len(sent) <= 10
    assert sender.window.refused >= 45
    assert worst(sender.delays, 12.5, 20, 1.0) < 0.1
