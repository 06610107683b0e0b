"""The widget of a Lab in a cell: where it stands, what it says, its pictures, and what the page holds open."""

from __future__ import annotations

import time
from typing import Any

from playwright.async_api import Locator

from .notebookpage import NotebookPage, Tone, measure_tone

__all__ = ["WATCH_MEDIA", "LabView", "audible", "device_requests", "live_tracks", "video_frames_sent"]
__all__ += ["wait_audible", "wait_live_tracks"]

# Runs before any other script of the page: remembers each track that was captured and whatever may be heard.
WATCH_MEDIA = """(() => {
  const seen = (window.smallrtcSeen = { requests: [], tracks: [], players: new Set(), outputs: new Set(), peers: [] })
  for (const name of ['getUserMedia', 'getDisplayMedia']) {
    const original = navigator.mediaDevices?.[name]
    if (!original) continue
    navigator.mediaDevices[name] = async function (...given) {
      seen.requests.push(name)
      const stream = await original.apply(this, given)
      seen.tracks.push(...stream.getTracks())
      return stream
    }
  }
  const { play } = HTMLMediaElement.prototype
  HTMLMediaElement.prototype.play = function () {
    seen.players.add(this)
    return play.call(this)
  }
  const { connect } = AudioNode.prototype
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) seen.outputs.add(this)
    return connect.call(this, to, ...rest)
  }
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given)
      seen.peers.push(this)
    }
  }
})()"""

LIVE_TRACKS = "smallrtcSeen.tracks.filter(track => track.readyState === 'live').length"
AUDIBLE = """smallrtcSeen.outputs.size + [...smallrtcSeen.players].filter(player => !player.muted && !player.paused &&
  player.volume > 0 && player.srcObject?.getAudioTracks().some(track => track.readyState === 'live')).length"""
FRAMES_SENT = """(async () => {
  const reports = [...(await smallrtcSeen.peers.at(-1).getStats()).values()]
  return reports.filter(one => one.type === 'outbound-rtp' && one.kind === 'video')
    .reduce((sum, one) => sum + (one.framesSent ?? 0), 0)
})()"""
HEARD = """root => {
  const audio = document.createElement('audio')
  audio.muted = true
  audio.srcObject = root.lab.heard
  root.append(audio)
}"""
COLLECT = """root => {
  root.got = []
  root.addEventListener('smallrtc-message', event => root.got.push(event.detail))
}"""


async def live_tracks(notebook: NotebookPage) -> int:
    """How many tracks of cameras, microphones and screens are live in the page."""
    return int(await notebook.evaluate_quietly(LIVE_TRACKS))


async def wait_live_tracks(notebook: NotebookPage, count: int) -> None:
    """Wait until so many are live. TimeoutError else."""
    await notebook.wait_true(f"{LIVE_TRACKS} === {count}")


async def device_requests(notebook: NotebookPage) -> list[str]:
    """The names of the calls that asked for a device since the page was loaded."""
    return list(await notebook.evaluate_quietly("smallrtcSeen.requests"))


async def audible(notebook: NotebookPage) -> int:
    """How many media elements and audio graphs could be heard by the person in front of the page."""
    return int(await notebook.evaluate_quietly(AUDIBLE))


async def wait_audible(notebook: NotebookPage, count: int) -> None:
    """Wait until so many could be heard. TimeoutError else."""
    await notebook.wait_true(f"({AUDIBLE}) === {count}")


async def video_frames_sent(notebook: NotebookPage) -> int:
    """How many pictures the page's newest connection has sent, by the browser's own count."""
    return int(await notebook.evaluate_quietly(FRAMES_SENT))


class LabView:
    """One view of a Lab: the `nth` widget in cell `index`."""

    def __init__(self, notebook: NotebookPage, index: int, nth: int = 0) -> None:
        self.notebook = notebook
        self.root = notebook.widget(index).nth(nth)
        self.camera = self.root.get_by_label("Camera", exact=True).and_(notebook.page.locator("video"))
        self.returned = self.root.locator('video[aria-label="From Python"]')
        self.screen = self.root.locator('video[aria-label="Screen"]')
        self.panels = self.root.locator(".srl-panel")

    async def state(self) -> str | None:
        """`idle`, `asking`, `connecting`, `live`, `reconnecting` or `failed`."""
        return await self.root.get_attribute("data-state")

    async def wait_state(self, state: str, timeout_s: float = 60.0) -> float:
        """Wait until the page is in this state; the seconds that took. TimeoutError else."""
        begun = time.monotonic()
        await self._wait(f'[data-state="{state}"]', timeout_s)
        return time.monotonic() - begun

    async def wait_link(self, link: str, timeout_s: float = 60.0) -> None:
        """Wait until the page stands so with the engine: `open`, `absent`, `lost`."""
        await self._wait(f'[data-link="{link}"]', timeout_s)

    async def start(self) -> float:
        """Click Start once the engine is there, wait until it is live; the seconds from the click on."""
        await self.wait_link("open")
        begun = time.monotonic()
        await self.press("Start")
        await self.wait_state("live")
        return time.monotonic() - begun

    async def press(self, name: str, timeout_s: float = 60.0) -> None:
        """Click the button of this accessible name."""
        await self.button(name).click(timeout=timeout_s * 1000)

    def button(self, name: str) -> Locator:
        """The button of this accessible name."""
        return self.root.get_by_role("button", name=name, exact=True)

    async def status(self) -> str:
        """The status line."""
        return (await self.root.locator(".srl-status-text").text_content() or "").replace("\u00a0", " ")

    async def spoken(self) -> str:
        """What a screen reader is told."""
        return await self.root.locator('[aria-live="polite"]').text_content() or ""

    async def problems(self) -> list[str]:
        """The texts of all panels."""
        return [text.replace("\u00a0", " ") for text in await self.panels.all_inner_texts()]

    async def wait_problem(self, text: str, timeout_s: float = 60.0) -> str:
        """Wait for a panel that says this; its whole text."""
        panel = self.panels.filter(has_text=text).first
        await panel.wait_for(timeout=timeout_s * 1000)
        return await panel.inner_text()

    async def send(self, *messages: Any) -> None:
        """Send messages to Python, as other code of the page would."""
        await self.root.evaluate(
            "(root, messages) => { for (const one of messages) root.lab.send(one) }", list(messages)
        )

    async def collect_messages(self) -> None:
        """Keep what Python sends from now on, for `messages()`."""
        await self.root.evaluate(COLLECT)

    async def messages(self) -> list[Any]:
        """What Python sent."""
        return list(await self.root.evaluate("root => root.got"))

    async def hear(self) -> Tone:
        """Measure what *Listen* plays. AssertionError while it plays nothing."""
        assert await self.root.evaluate("root => root.lab.heard !== null"), "nothing is heard"
        await self.root.locator("> audio").evaluate_all("all => all.forEach(audio => audio.remove())")
        await self.root.evaluate(HEARD)
        return await measure_tone(self.root.locator("> audio"))

    async def _wait(self, selector: str, timeout_s: float) -> None:
        wanted = self.root.and_(self.notebook.page.locator(selector))
        await wanted.wait_for(state="attached", timeout=timeout_s * 1000)
