"""A session whose browser is at the other end of a relay socket, played by a page without a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from support.knownmedia import tone_of
from support.relayplace import Place
from support.waiting import until

from smallrtc_lab.media.convert import from_picture, to_picture
from smallrtc_lab.media.resample import to_float
from smallrtc_lab.media.synthetic import video_source
from smallrtc_lab.relay.packets import Control, Media, MessageText, Report, pack
from smallrtc_lab.rtc.client import ClientConnection, ClientTrack, MessageRoom, TimedTrack
from smallrtc_lab.rtc.state import EndReason
from smallrtc_lab.rtc.tracks import OutputVideoTrack


def colours_are_those_of_the_bars(image: np.ndarray) -> bool:
    expected = video_source("bars", image.shape[1], image.shape[0], 15).picture(0)
    return float(np.abs(image.astype(float) - expected).mean()) < 12


async def test_pictures_and_sound_come_as_through_webrtc(place: Place) -> None:
    """Right colours, right tone, times of capture on the session's clock, encoded packets for taps, route relay."""
    tapped: list[Any] = []
    place.session.video["camera"].taps.append(tapped.append)
    await place.live()
    camera, audio = place.session.video["camera"], place.session.audio
    assert place.session.flow.route == "relay"
    await until(
        lambda: camera.received > 20 and audio.received > 120 and camera.latest.time_kind == "capture"
    )
    assert camera.latest is not None
    assert colours_are_those_of_the_bars(to_picture(camera.latest.frame, "rgb"))
    samples, *_ = audio.ring.last(0.5)
    hz, amplitude = tone_of(to_float(samples)[:, 0], 48_000)
    assert abs(hz - 700) < 3
    assert amplitude > 0.05
    assert audio.loss < 0.01
    now_s = place.session.clock.now_s()
    assert now_s - 5 < camera.latest.time_s <= now_s
    assert tapped[0].packet.keyframe
    assert tapped[0].packet.codec == "VP8"
    stats = await place.session.flow.stats()
    assert stats["route"] == "relay"
    assert stats["rtt_ms"] is None  # nothing was sent yet
    assert stats["video"]["frames_received"] > 20


async def test_what_python_sends_is_seen_and_heard(place: Place) -> None:
    """A returned picture keeps its colours; one whose acknowledgements do not come is dropped before it is encoded."""
    page = await place.live()
    picture = video_source("bars", 320, 240, 15).picture(0)
    track = OutputVideoTrack()
    connection = place.session.flow.connection
    assert connection is not None
    connection.replace_video_track(track)

    async def show() -> None:
        for number in range(100_000):
            track.put(from_picture(picture, "rgb"), number / 30)
            await asyncio.sleep(1 / 30)

    showing = asyncio.get_running_loop().create_task(show())
    await until(lambda: page.pictures_came > 20)
    assert colours_are_those_of_the_bars(page.pictures[-1])
    page.silent = True
    before = (await connection.stats())["video"]
    while (await connection.stats())["video"]["frames_unsent"] < before["frames_unsent"] + 20:
        await asyncio.sleep(0.05)
    sent = (await connection.stats())["video"]["frames_sent"] - before["frames_sent"]
    print("sent into the silence:", sent)
    assert sent <= 15
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)


async def test_messages_come_once_and_in_order_both_ways(place: Place) -> None:
    """Also those that were said before there was a page."""
    await place.session.flow.send_message("early")
    page = await place.live()
    heard: list[Any] = []
    place.session.message = lambda message, sender: heard.append(message)  # type: ignore[method-assign]
    for number in range(60):
        page.say(number)
        await place.session.flow.send_message(number)
    page.send(MessageText(60, "59"))  # again: a proxy that repeats
    await until(lambda: len(heard) == 60 and len(page.messages) == 61)
    assert heard == list(range(60))
    assert page.messages == ["early", *range(60)]


async def test_a_page_without_codecs_sends_pictures_and_samples(place: Place) -> None:
    """JPEG and PCM give the same arrays, and the same comes back."""
    page = await place.live(codecs=False)
    camera, audio = place.session.video["camera"], place.session.audio
    await until(lambda: camera.received > 5 and audio.received > 50)
    assert camera.latest is not None
    assert colours_are_those_of_the_bars(to_picture(camera.latest.frame, "rgb"))
    hz, _ = tone_of(to_float(audio.ring.last(0.3)[0])[:, 0], 48_000)
    assert abs(hz - 700) < 5
    connection = place.session.flow.connection
    assert connection is not None
    track = OutputVideoTrack()
    connection.replace_video_track(track)
    track.put(camera.latest.frame, 0.0)
    await until(lambda: page.pictures_came == 1)
    assert colours_are_those_of_the_bars(page.pictures[-1])


async def test_a_page_that_says_goodbye_has_left(place: Place) -> None:
    """Nothing of it is left at once, and what was received stays readable; another one may come."""
    page = await place.live()
    first = place.session.flow.connection
    assert first is not None
    await page.stop()
    page.send(Control({"type": "bye"}))
    await until(lambda: place.session.flow.connection is None)
    assert first.end_reason is EndReason.LEFT
    assert place.session.video["camera"].latest is not None
    await place.live(key="k2", conversation="another")
    assert place.session.flow.connection is not first


async def test_a_socket_that_is_lost_leaves_some_time_for_another_one(place: Place) -> None:
    """The page's next socket takes its place as the same client; where none comes the client is lost."""
    page = await place.live()
    events = place.record_events()
    await page.stop()
    place.sockets.closed("k1")
    await until(lambda: place.session.flow.state == "reconnecting")
    again = await place.live(key="k2", goes_on=page)
    assert [what for what, _ in events] == ["disconnected", "connected"]
    assert place.session.flow.route == "relay"
    await again.stop()
    place.sockets.closed("k2")
    await until(lambda: place.session.flow.connection is None)
    assert events[-1] == ("closed", {"reason": "lost"})


async def test_a_page_that_falls_silent_is_noticed(place: Place) -> None:
    """Within seconds, and before the socket itself knows; it may come back."""
    page = await place.live()
    place.cut = True
    await until(lambda: place.session.flow.state == "reconnecting")
    place.cut = False
    await until(lambda: place.session.flow.state == "live")
    assert page.closed is None


async def test_who_follows_no_rule_is_closed_with_a_sentence(place: Place) -> None:
    """Junk, media before hello, another version, a stream that was not announced: 4400, and no exception."""
    strangers = {
        "junk": b"\xff" * 10,
        "early": pack(MessageText(1, "1")),
        "version": pack(Control({"type": "hello", "version": 99})),
    }
    for key, content in strangers.items():
        page = place.page(key)
        place.sockets.received(key, content)
        assert page.closed is not None
        assert page.closed[0] == 4400
        assert len(page.closed[1]) > 10
    page = await place.live()
    await page.stop()
    place.sockets.received("k1", pack(Media(2, 2, True, 1, 0, 0.0, b"x")))  # type: ignore[arg-type]
    assert page.closed is not None
    assert page.closed[0] == 4400
    await until(lambda: place.session.flow.connection is None)


async def test_pictures_that_cannot_be_decoded_bring_a_keyframe(place: Place) -> None:
    """The page is asked for one, once a second, and the picture goes on with it."""
    page = await place.live()
    camera = place.session.video["camera"]
    await until(lambda: camera.received > 5)
    asked: list[Report] = []
    want = page.keyframes.want
    page.keyframes.want = lambda: (asked.append(Report(1, 0)), want())[1]  # type: ignore[arg-type,func-returns-value,method-assign]
    sequence = page.window.sent(0.0, 3)
    page.send(Media(1, 2, False, sequence, 10**9, 0.0, b"\x10\x02\x00"))  # type: ignore[arg-type]
    await until(lambda: len(asked) > 0)
    received = camera.received
    await until(lambda: camera.received > received + 5)


async def test_what_another_page_has_opened_is_not_taken(place: Place) -> None:
    """A second page's relay is refused with the sentence an offer would get."""
    pages = place.session.pages
    pages.opened("server-key")
    pages.received("server-key", {"type": "hello", "version": 1, "page": "p1", "visible": True})
    pages.received("server-key", {"type": "status", "state": "live", "error": None})
    await place.live()
    other = place.page("k2", name="p2")
    other.hello()
    await until(lambda: other.closed is not None)
    assert other.closed is not None
    assert other.closed[0] == 4403
    assert other.closed[1].startswith("live-elsewhere")
    assert place.session.flow.state == "live"


async def test_to_a_transport_it_is_just_another_connection(place: Place) -> None:
    """Connection and tracks have every member that `rtc/client.py` asks for."""
    await place.live()
    connection = place.session.flow.connection
    assert isinstance(connection, ClientConnection)
    assert isinstance(connection, MessageRoom)
    assert connection.screen_video_input_track() is None
    for track in (connection.audio_input_track(), connection.video_input_track()):
        assert isinstance(track, ClientTrack)
        assert isinstance(track, TimedTrack)
        assert track.is_enabled()


async def test_no_message_is_lost_or_repeated_when_the_socket_breaks(place: Place) -> None:
    """What was under way in either direction goes over the page's next socket, in its place in the order."""
    page = await place.live()
    heard: list[Any] = []
    place.session.message = lambda message, sender: heard.append(message)  # type: ignore[method-assign]
    for number in range(40):
        place.cut = number >= 20
        page.say(number)
        await place.session.flow.send_message(number)
        await asyncio.sleep(0)
    await page.stop()
    place.sockets.closed("k1")
    await until(lambda: place.session.flow.state == "reconnecting")
    await place.session.flow.send_message("between")
    place.cut = False
    again = place.page("k2", goes_on=page)
    again.hello()
    await until(lambda: len(heard) == 40 and len(again.messages) == 41)
    assert heard == list(range(40))
    assert again.messages == [*range(40), "between"]
