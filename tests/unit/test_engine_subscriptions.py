"""Pictures by credit: newest wins, dropped is counted, no slot is lost."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
import pytest
from support.kernelend import KernelEnd

from smallrtc_lab.engine import subscriptions
from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.subscriptions import TimedFrame, VideoRequest, VideoSubscription
from smallrtc_lab.media.convert import from_picture


class Owner:
    """Says whether pictures may be saved."""

    shareable = False


def timed(number: int, width: int = 64, height: int = 48, level: int = 100) -> TimedFrame:
    """A gray frame, 30 a second."""
    picture = np.full((height, width, 3), level, np.uint8)
    return TimedFrame(from_picture(picture), number, number / 30, 100 + number / 30)


def subscribe(kernel: KernelEnd, executor: ThreadPoolExecutor, **request: Any) -> VideoSubscription:
    """Subscription number 5."""
    return VideoSubscription(5, VideoRequest(**request), kernel.bridge, executor, Owner())


def free_slots(kernel: KernelEnd, size: int = 64 * 48 * 3) -> int:
    """How many slots the engine could still take; takes them."""
    count = 0
    while kernel.bridge.pool.acquire(size) is not None:
        count += 1
    return count


async def test_a_picture_is_delivered_with_everything_about_it(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """A delivery names its slot, size, format, place in the stream, times and whether it may be saved."""
    subscription = subscribe(kernel, executor, format="bgr")
    subscription.offer(timed(3, level=200))
    header, payload = await kernel.next("deliver")
    picture = kernel.picture(header)
    slot = header.pop("slot")
    assert header == {
        "type": "deliver",
        "subscription": 5,
        "width": 64,
        "height": 48,
        "format": "bgr",
        "sequence": 3,
        "time_s": 0.1,
        "time_kind": "arrival",
        "decoded_s": 100.1,
        "dropped": 0,
        "shareable": False,
    }
    assert (len(slot), payload) == (3, b"")
    assert picture.shape == (48, 64, 3)
    assert abs(float(picture.mean()) - 200) < 2
    await subscription.close()


async def test_without_credit_the_newest_wins(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """While the kernel works on one frame the others replace each other and are counted."""
    subscription = subscribe(kernel, executor)
    for number in range(3):
        subscription.offer(timed(number))
    first, _ = await kernel.next("deliver")
    for number in range(3, 10):
        subscription.offer(timed(number))
    assert await kernel.nothing("deliver")
    subscription.done()
    second, _ = await kernel.next("deliver")
    assert (first["sequence"], second["sequence"]) == (2, 9)
    assert second["dropped"] == subscription.dropped == 8
    assert subscription.delivered == 2
    await subscription.close()


async def test_a_deep_subscription_keeps_every_frame(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """With credits and depth for a grab nothing is dropped although the kernel is slow."""
    subscription = subscribe(kernel, executor, depth=16, credits=2)
    for number in range(10):
        subscription.offer(timed(number))
    seen = []
    for _ in range(10):
        header, _ = await kernel.next("deliver")
        seen.append(header["sequence"])
        kernel.bridge.pool.release(SlotRef.from_json(header["slot"]))
        subscription.done()
    assert seen == list(range(10))
    assert subscription.dropped == 0
    await subscription.close()


async def test_sizes_stay_those_of_the_first_frame(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """Whatever WebRTC scales to, one subscription's pictures have one size; native ones follow."""
    kept = subscribe(kernel, executor, credits=9, depth=9)
    native = subscribe(kernel, executor, credits=9, depth=9, native=True)
    asked = subscribe(kernel, executor, credits=9, depth=9, size=(20, 10), format="gray")
    sizes: dict[str, list[tuple[int, int]]] = {}
    for name, subscription in (("kept", kept), ("native", native), ("asked", asked)):
        sizes[name] = []
        for number, (width, height) in enumerate([(64, 48), (32, 24), (64, 48)]):
            subscription.offer(timed(number, width, height))
            header, _ = await kernel.next("deliver")
            assert kernel.picture(header).shape[:2] == (header["height"], header["width"])
            kernel.bridge.pool.release(SlotRef.from_json(header["slot"]))
            sizes[name].append((header["width"], header["height"]))
        await subscription.close()
    assert sizes == {
        "kept": [(64, 48)] * 3,
        "native": [(64, 48), (32, 24), (64, 48)],
        "asked": [(20, 10)] * 3,
    }


async def test_with_every_slot_at_the_kernel_frames_are_dropped_and_it_goes_on(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """Starved of slots a subscription counts and waits for nobody; a returned slot is used at once."""
    subscription = subscribe(kernel, executor)
    taken = [kernel.bridge.pool.acquire(64 * 48 * 3) for _ in range(8)]
    subscription.offer(timed(0))
    assert await kernel.nothing("deliver")
    assert subscription.dropped == 1
    assert taken[0] is not None
    kernel.bridge.pool.release(taken[0][0])
    subscription.offer(timed(1))
    header, _ = await kernel.next("deliver")
    assert (header["sequence"], header["dropped"]) == (1, 1)
    await subscription.close()


async def test_closing_in_mid_conversion_loses_no_slot(
    kernel: KernelEnd, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slot is free again once the thread that writes into it has ended, and not before."""
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    convert = subscriptions.to_picture

    def slow(*args: Any, **options: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(30)
        return convert(*args, **options)

    monkeypatch.setattr(subscriptions, "to_picture", slow)
    monkeypatch.setattr(subscriptions, "INLINE_BYTES", 0)
    subscription = subscribe(kernel, executor)
    subscription.offer(timed(0))
    await asyncio.wait_for(begun.wait(), 30)
    await subscription.close()
    assert free_slots(kernel) == 7
    go_on.set()
    await asyncio.to_thread(executor.shutdown)
    await asyncio.sleep(0.01)
    assert free_slots(kernel) == 1


async def test_a_picture_that_cannot_be_converted_ends_nothing(
    kernel: KernelEnd,
    executor: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault of one picture is logged once and counted, its slot is free, and the next one is delivered."""
    convert, faults = subscriptions.to_picture, [OSError("swscale"), OSError("swscale")]

    def fail(*args: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return convert(*args, **options)

    monkeypatch.setattr(subscriptions, "to_picture", fail)
    subscription = subscribe(kernel, executor)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            subscription.offer(timed(number))
            await asyncio.sleep(0.05)
    header, _ = await kernel.next("deliver")
    assert (header["sequence"], header["dropped"]) == (2, 2)
    assert caplog.text.count("could not be converted") == 1
    await subscription.close()
    assert free_slots(kernel) == 7


async def test_how_long_the_kernel_keeps_an_item_is_known(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """An unanswered delivery has a time, an answered one the answer's; one answer too many does no harm."""
    subscription = subscribe(kernel, executor)
    assert subscription.oldest_s is None
    before_s = time.monotonic()
    subscription.offer(timed(0))
    await kernel.next("deliver")
    assert subscription.oldest_s is not None
    assert before_s < subscription.oldest_s < time.monotonic()
    assert subscription.answered_s == 0
    subscription.done()
    assert subscription.oldest_s is None
    assert before_s < subscription.answered_s < time.monotonic()
    subscription.done()
    await subscription.close()


async def test_av_frames_are_what_is_converted(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """A decoder's planar frame with padded lines becomes a packed picture."""
    picture = np.zeros((50, 70, 3), np.uint8)
    picture[:, 35:] = 255
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    subscription = subscribe(kernel, executor, format="gray")
    subscription.offer(TimedFrame(frame, 0, 0.0, 0.0))
    header, _ = await kernel.next("deliver")
    seen = kernel.picture(header)
    assert seen.shape == (50, 70)
    assert seen[:, :34].max() < 3
    assert seen[:, 37:].min() > 252
    await subscription.close()
