"""One page by a relay and by WebRTC, in turns and beside each other: to Python it is one client."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from support.ladderpage import DirectPage
from support.relaypage import RelayPage
from support.relayplace import Place
from support.waiting import until

PICTURES = {"name": "bars", "width": 160, "height": 120, "frame_rate": 15}
TONE = {"name": "tone"}


def times_of(place: Place) -> list[float]:
    """The session times of the camera's pictures, as they come."""
    times: list[float] = []
    place.session.video["camera"].watchers.append(lambda epoch, timed: times.append(timed.time_s))
    return times


async def climbs(place: Place, page: RelayPage, **sources: Any) -> DirectPage:
    """The page's WebRTC gets through and carries."""
    direct = DirectPage(page, sources.get("video", PICTURES), sources.get("audio", TONE))
    await direct.connect(place.session.reception.offer)
    await until(lambda: place.session.flow.route == "direct")
    direct.speak()
    return direct


async def test_webrtc_takes_over_from_the_relay_and_the_relay_from_webrtc(place: Place) -> None:
    """Pictures go on, the state is live all the time, messages come once and in order, and the client is the same."""
    page = await place.live()
    session, events, heard, times = (
        place.session,
        place.record_events(),
        place.record_messages(),
        times_of(place),
    )
    states = {session.flow.state}
    session.update = lambda: states.add(session.flow.state)  # type: ignore[method-assign]
    relayed = session.flow.connection
    said, speaks, enough = 0, page, False

    async def talk() -> None:
        nonlocal said
        while not enough:
            speaks.say(said)
            await session.flow.send_message(said)
            said += 1
            await asyncio.sleep(0.02)

    talking = asyncio.get_running_loop().create_task(talk())
    direct = await climbs(place, page)
    assert direct.answer["conversation"] is True
    await until(lambda: session.video["camera"].latest.frame.width == 160)  # type: ignore[union-attr]
    await until(lambda: page.closed is not None)
    assert relayed is not None
    direct.cut = True  # nothing says so, as where a path is cut
    speaks = again = await place.live(key="k2", goes_on=page)
    again.speak()
    await until(lambda: session.flow.route == "relay")
    await until(lambda: session.video["camera"].latest.frame.width == 320)  # type: ignore[union-attr]
    enough = True
    await talking
    await until(lambda: len(heard) == said and len(again.messages) == said)
    assert heard == again.messages == list(range(said))
    assert states == {"live"}
    assert [what for what, _ in events] == ["moved", "moved"]
    assert all(b > a for a, b in pairwise(times))
    print(f"longest gap between pictures {max(b - a for a, b in pairwise(times)):.2f} s (goal 1 s)")
    await direct.close()


async def test_messages_come_once_and_in_order_whatever_is_cut(place: Place) -> None:
    """Ways that come, are lost with what was on them, and take over from each other at random moments."""
    chance = random.Random(6)
    key, page = "k1", await place.live()
    heard, said = place.record_messages(), 0
    direct: DirectPage | None = None

    async def talk(count: int) -> None:
        nonlocal said
        for _ in range(count):
            page.say(said)
            await place.session.flow.send_message(said)
            said += 1
            if chance.random() < 0.3:
                await asyncio.sleep(0.01 * chance.random())

    for number in range(2, 10):
        await talk(chance.randrange(5, 40))
        if direct is None and chance.random() < 0.6:
            direct = await climbs(place, page, audio=None)
            continue
        way: Any = place if direct is None else direct
        way.cut = True
        await talk(chance.randrange(10))
        await page.stop()
        place.sockets.closed(key)
        place.cut = False
        key = f"k{number}"
        page = await place.live(key=key, goes_on=page)
        if direct is not None:
            await direct.close()
            direct = None
    await until(lambda: len(heard) == said and len(page.messages) == said)
    assert heard == page.messages == list(range(said))
    if direct is not None:
        await direct.close()


async def test_a_try_that_finds_nothing_is_given_up_without_a_word(place: Place) -> None:
    """The relay goes on, nobody is told, and the next try takes the place of the one before."""
    page = await place.live()
    session, events = place.session, place.record_events()
    relayed = session.flow.connection

    async def unanswered(body: dict[str, Any]) -> dict[str, Any]:
        await session.reception.offer(body)
        raise ConnectionError("the answer is lost")

    for _ in range(2):
        direct = DirectPage(page, PICTURES, None)
        try:
            await direct.connect(unanswered)
        except ConnectionError:
            await direct.close()
    assert session.flow.connection is relayed
    assert session.flow.state == "live"
    assert events == []
    last = await climbs(place, page)
    assert [what for what, _ in events] == ["moved"]
    await last.close()


async def test_recordings_plots_and_the_past_go_on_through_every_change(place: Place, tmp_path: Path) -> None:
    """A file that plays, a plot that moves, and a take with growing times hold relay, WebRTC and relay again."""
    page, session = await place.live(), place.session
    drawn: list[float] = []

    def show(plot: str, key: str, message: dict[str, Any], picture: bytes) -> None:
        if message["type"] == "picture":
            drawn.append(time.monotonic())
            session.plotting.received(key, {"type": "ack", "n": message["n"]})

    session.plotting.send = show  # type: ignore[method-assign,assignment]
    session.plotting.create("w", "waveform", {})
    session.plotting.opened("w", "p")
    hello = {"type": "hello", "version": 1, "page": "p", "theme": "light", "visible": True}
    session.plotting.received("p", {**hello, "width": 300, "height": 150, "ratio": 1})
    began_s = session.clock.now_s()
    session.recordings.start(1, tmp_path / "call.webm", tmp_path, "received")
    camera = session.video["camera"]
    moments: list[float] = []

    async def some() -> None:
        page.say(len(moments))
        count, drawings = camera.received, len(drawn)
        await until(lambda: camera.received > count + 12 and len(drawn) > drawings + 3)
        moments.append(session.clock.now_s())

    await some()
    direct = await climbs(place, page, video=PICTURES | {"width": 320, "height": 240})
    await some()
    direct.cut = True
    page = await place.live(key="k2", goes_on=page)
    await some()
    await session.recordings.stop(1)
    took_s = session.clock.now_s() - began_s
    take = session.keeping.take(60.0, shareable=True)
    assert take.video is not None
    assert take.audio is not None
    assert all(b > a for a, b in pairwise(take.video.times_s))
    for begin_s, end_s in pairwise([began_s, *moments]):
        assert ((take.video.times_s > begin_s) & (take.video.times_s < end_s)).sum() > 5
    assert [message.message for message in take.messages] == [0, 1, 2]
    [path] = tmp_path.glob("*.webm")
    with av.open(path) as container:
        kinds = {"video": 0, "audio": 0}
        for packet in container.demux():
            kinds[packet.stream.type] += len(packet.decode())
        assert container.duration is not None
        duration_s = container.duration / av.time_base
    print(
        f"{duration_s:.2f} of {took_s:.2f} s, {kinds}; longest gap {np.diff(take.video.times_s).max():.2f} s"
    )
    assert 0.5 * took_s < duration_s < 1.5 * took_s + 1
    assert kinds["video"] > 25
    assert kinds["audio"] > 50
    await direct.close()
