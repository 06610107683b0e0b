"""DecoderQueue and the keyframe test it relies on."""

from __future__ import annotations

import threading
import time

from smallrtc_lab.rtc.decoder_queue import DecoderQueue
from smallrtc_lab.rtc.keyframes import is_keyframe


def test_an_overfull_video_queue_drops_until_a_keyframe():
    """After the first drop nothing that depends on it is queued, until a keyframe comes and there is room."""
    queue = DecoderQueue(video=True, limit=3)
    for n in range(5):
        queue.put(n, keyframe=n == 0)
    assert (queue.qsize(), queue.dropped, queue.wants_keyframe) == (3, 2, True)
    assert queue.get() == 0
    queue.put("delta", keyframe=False)
    assert (queue.qsize(), queue.dropped) == (2, 3)
    queue.put("key", keyframe=True)
    queue.put("no room for it", keyframe=True)
    assert queue.wants_keyframe
    assert [queue.get() for _ in range(3)] == [1, 2, "key"]
    queue.put("next key", keyframe=True)
    assert not queue.wants_keyframe


def test_pictures_that_come_at_once_wait_but_not_for_long():
    """A burst is taken whole; a decoder that does not get on with it loses what comes later, up to a keyframe."""
    queue = DecoderQueue(video=True, limit=60, late_s=0.05)
    for n in range(20):
        queue.put(n, keyframe=n == 0)
    assert (queue.qsize(), queue.dropped) == (20, 0)
    time.sleep(0.1)
    queue.put("late", keyframe=False)
    assert (queue.dropped, queue.wants_keyframe) == (1, True)
    assert [queue.get() for _ in range(20)] == list(range(20))
    queue.put("key", keyframe=True)
    assert (queue.get(), queue.wants_keyframe) == ("key", False)


def test_an_overfull_audio_queue_drops_the_oldest():
    """Sound needs no keyframe: the newest second stays."""
    queue = DecoderQueue(video=False, limit=3)
    for n in range(5):
        queue.put(n)
    assert queue.dropped == 2
    assert [queue.get() for _ in range(3)] == [2, 3, 4]


def test_the_end_comes_before_what_waits():
    """A decoder that is told to end decodes nothing that waited, and nothing is queued afterwards."""
    queue, got = DecoderQueue(video=True, limit=8), []
    for n in range(8):
        queue.put(n)
    queue.put(None)
    queue.put("late")
    thread = threading.Thread(target=lambda: got.append(queue.get()))
    thread.start()
    thread.join(2)
    assert got == [None]
    assert queue.qsize() == 0


def test_keyframes_are_recognised():
    """VP8's frame tag and H.264's IDR or parameter sets mark a picture that needs no other."""
    assert is_keyframe("VP8", b"\x50\x00")
    assert not is_keyframe("VP8", b"\x51\x00")
    assert not is_keyframe("VP8", b"")
    assert is_keyframe("H264", b"\0\0\0\1\x67abc\0\0\0\1\x65xyz")
    assert is_keyframe("H264", b"\0\0\1\x65")
    assert not is_keyframe("H264", b"\0\0\0\1\x41abc\0\0\1")
    assert is_keyframe("opus", b"")
