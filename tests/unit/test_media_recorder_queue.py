"""The queue in front of a thread that writes."""

from __future__ import annotations

import threading
import time

from smallrtc_lab.media.recorder_queue import BatchQueue


def test_it_is_bounded_and_says_so() -> None:
    """What does not fit is refused, and what was taken counts as waiting until it is done."""
    queue: BatchQueue[int] = BatchQueue(3, batch=2, patience_s=0.01)
    assert [queue.put(n) for n in range(5)] == [True, True, True, False, False]
    assert queue.take() == [0, 1, 2]
    assert queue.waiting == 3
    assert not queue.put(5)
    for _ in range(3):
        queue.done()
    assert queue.waiting == 0
    assert queue.take() == []


def test_few_items_come_after_the_patience() -> None:
    """Less than a batch does not wait for more for ever."""
    queue: BatchQueue[int] = BatchQueue(10, batch=5, patience_s=0.2)
    queue.put(1)
    begun_s = time.monotonic()
    assert queue.take() == [1]
    assert time.monotonic() - begun_s >= 0.15


def test_a_batch_comes_at_once_and_so_does_anything_in_a_hurry() -> None:
    """Neither waits for the patience of a minute."""
    queue: BatchQueue[int] = BatchQueue(10, batch=2, patience_s=60.0)
    taken: list[int] = []
    thread = threading.Thread(target=lambda: taken.extend(queue.take()))
    thread.start()
    queue.put(1)
    queue.put(2)
    thread.join(30)
    assert taken[:1] == [1]
    queue.hurry()
    assert 2 in taken + queue.take()
