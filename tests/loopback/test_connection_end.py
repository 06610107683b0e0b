"""How a SmallWebRTCConnection ends, with a bare aiortc peer at the other side: who is told, and what stays."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.rtc import (
    EndReason,
    OutputTracks,
    OutputVideoTrack,
    SmallWebRTCConnection,
)


async def test_lost_pings_mean_disconnected_then_closed(wire):
    """Three seconds without a ping are a disconnect, three more the end."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.opened()
        browser.ping(0.2)
        await asyncio.sleep(0.5)
        browser.stop_pings()
        stopped_s = time.monotonic()
        await wire.until(lambda: "disconnected" in log.names)
        assert 2.5 < time.monotonic() - stopped_s < 15
        assert not connection.is_connected()
        await wire.until(lambda: "closed" in log.names)
        assert 5.0 < time.monotonic() - stopped_s < 30
        assert connection.end_reason is EndReason.LOST


async def test_a_page_that_closes_is_noticed_at_once(wire):
    """When the page closes its side, disconnected and closed follow within a second."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.close()
        await wire.until(lambda: "closed" in log.names, 30)
        assert log.names[-2:] == ["disconnected", "closed"] or "disconnected" in log.names
        assert connection.end_reason is EndReason.LEFT


async def test_the_page_is_told_before_this_side_leaves(wire):
    """disconnect() sends peerLeft before anything is closed."""
    connection = SmallWebRTCConnection([], loopback=True)
    browser = wire.Browser(audio=wire.Tone())
    await wire.link(browser, connection)
    await browser.opened()
    connection.ask_to_renegotiate()
    connection.ask_to_renegotiate()
    await connection.disconnect()
    await wire.until(lambda: len(browser.messages) == 2)
    assert [message["message"]["type"] for message in browser.messages] == ["renegotiate", "peerLeft"]
    await browser.close()


async def test_last_words_arrive_before_this_side_leaves(wire):
    """What is said to a client the moment it is connected arrives, although this side leaves at once."""
    connection, browser = SmallWebRTCConnection([], loopback=True), wire.Browser(audio="sendrecv")

    @connection.event_handler("connected")
    async def bye(connection):
        connection.send_app_message("sorry, no room")
        await connection.disconnect()

    await connection.initialize(await browser.offer(), "offer")
    await connection.connect()
    await browser.accept(connection.get_answer())
    await wire.until(lambda: len(browser.messages) == 2)
    assert browser.messages[0] == "sorry, no room"
    assert browser.messages[1]["message"] == {"type": "peerLeft"}
    await browser.close()


async def test_a_client_that_never_connects_is_closed(wire):
    """Without a connection in time there is a closed event, and the reason is kept."""
    connection = SmallWebRTCConnection([], 0.3, loopback=True)
    log = wire.Log(connection)
    browser = wire.Browser(audio=wire.Tone())
    await connection.initialize(await browser.offer(), "offer")
    await wire.until(lambda: "closed" in log.names, 30)
    assert connection.end_reason is EndReason.TIMEOUT
    with pytest.raises(ClosedError):
        await connection.renegotiate("v=0", "offer")
    await browser.close()


async def test_closing_leaves_no_task_and_no_thread(wire):
    """After both ends closed there are as many tasks and decoder threads as before."""
    tasks, threads = len(asyncio.all_tasks()), {t.name for t in threading.enumerate()}
    for _ in range(2):
        video = OutputVideoTrack()
        connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
        async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()):
            await asyncio.wait_for(connection.video_input_track().recv(), 30)
        assert video.readyState == "ended"
    await wire.until(lambda: len(asyncio.all_tasks()) == tasks, 30)
    left = {t.name for t in threading.enumerate()} - threads
    assert not [name for name in left if "decoder" in name], left


async def test_a_handler_may_disconnect_its_own_connection(wire):
    """disconnect() from within an event handler does not wait for itself."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)

    @connection.event_handler("app-message")
    async def leave(connection, message):
        await connection.disconnect()

    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.opened()
        browser.channel.send('"leave"')
        await wire.until(lambda: "closed" in log.names, 30)


async def test_a_reader_is_woken_when_the_connection_ends(wire):
    """A recv() that waits while everything is closed ends with MediaStreamError."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio="inactive", video=wire.Camera(frame_rate=1)):
        track = connection.video_input_track()
        await track.recv()
        waiting = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0)
        await connection.disconnect()
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(waiting, 30)
    assert track.readyState == "ended"
    assert log.names[-2:] == ["track-ended", "closed"]
