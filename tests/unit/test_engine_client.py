"""The kernel's half of the bridge, with a real engine beside it."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.engine.restarts import Restart
from smallrtc_lab.errors import EngineCrashed, EngineError, EngineTimeout, NotLiveError
from smallrtc_lab.framing import Header

WAIT_S = 60.0
OPTIONS: dict[str, Any] = {"channels": 1, "credits": 4, "processor": None}


class Owner:
    """A session's owner, and what it was told, in order."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()

    def engine_event(self, name: str, header: Header) -> None:
        self.told.put((name, header))

    def engine_lost(self, reason: str, restart: Restart) -> None:
        self.told.put(("lost", reason))

    def engine_back(self) -> None:
        self.told.put(("back", None))

    def next(self, *names: str) -> Any:
        """What comes with the next of these names."""
        while True:
            name, what = self.told.get(timeout=WAIT_S)
            if name in names:
                return what


@pytest.fixture
def client() -> Iterator[EngineClient]:
    """An engine's client without a server, ended afterwards."""
    client = EngineClient()
    yield client
    client.stop()
    assert client.pid is None


def opened(client: EngineClient) -> Owner:
    """A session that is open in the engine."""
    owner = Owner()
    client.attach("s", owner)
    client.call("open_session", timeout_s=WAIT_S, session="s", options={})
    return owner


def test_the_engine_lives_from_the_first_session_to_the_last(client: EngineClient) -> None:
    """It starts with a session, answers with results and errors, and has ended when the last one is detached."""
    future = client.submit("stats", session="s")
    with pytest.raises(EngineError, match="does not run"):
        future.result(0)
    opened(client)
    pid = client.pid
    client.attach("other", Owner())
    assert client.pid == pid
    stats, payload = client.call("stats", timeout_s=WAIT_S, session="s")
    assert (stats["state"], payload) == ("idle", b"")
    with pytest.raises(NotLiveError, match="this lab was closed"):
        client.call("stats", timeout_s=WAIT_S, session="nobody's")
    with pytest.raises(TypeError):
        client.submit("log", session="s", text=object())
    client.detach("s")
    assert client.pid == pid
    client.detach("other")
    assert client.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_an_engine_that_stands_still_is_said(client: EngineClient) -> None:
    """A call without its answer ends after its time; when the engine goes on, so do the calls."""
    opened(client)
    os.kill(client.pid or 0, signal.SIGSTOP)
    with pytest.raises(EngineTimeout, match="did not answer 'stats' within"):
        client.call("stats", timeout_s=0.2, session="s")
    os.kill(client.pid or 0, signal.SIGCONT)
    assert client.call("stats", timeout_s=WAIT_S, session="s")[0]["state"] == "idle"


def test_a_crash_is_told_to_calls_and_owners_and_a_new_engine_comes(client: EngineClient) -> None:
    """Whoever waits gets the reason, the owner hears of loss and return, and the new engine knows nothing yet."""
    owner = opened(client)
    before = client.pid
    os.kill(before or 0, signal.SIGSTOP)
    waiting = client.submit("stats", session="s")
    os.kill(before or 0, signal.SIGKILL)
    with pytest.raises(EngineCrashed, match="signal 9"):
        waiting.result(WAIT_S)
    assert "signal 9" in owner.next("lost")
    owner.next("back")
    assert client.pid not in (None, before)
    client.call("open_session", timeout_s=WAIT_S, session="s", options={})


def test_subscriptions_end_with_their_session(client: EngineClient) -> None:
    """A refused one is none, an ended one runs its last step once, and detaching forgets the rest."""
    opened(client)
    with pytest.raises(NotLiveError):
        client.subscribe("nobody's", "video", lambda header, payload: None)
    number = client.subscribe(
        "s", "audio", lambda header, payload: None, block=960, sample_rate=48000, **OPTIONS
    )
    assert client.is_subscribed(number)
    after: queue.Queue[int] = queue.Queue()
    for _ in range(2):
        client.unsubscribe("s", number, lambda: after.put(number))
    assert [after.get(timeout=WAIT_S) for _ in range(2)] == [number] * 2
    assert not client.is_subscribed(number)
