"""Debian's Firefox without a window, driven over WebDriver BiDi (W3C), with its own fake camera and microphone.

Its fake camera is a moving picture of changing colour, its fake microphone a steady tone. Web Audio stands still in
Firefox on a machine without a sound card: PulseAudio plays one that swallows everything. Nothing here counts as a
gesture of the person but `click`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from .processes import ProcessFamily

__all__ = ["PREFERENCES", "Firefox", "FirefoxPage", "firefox_path"]

PREFERENCES: dict[str, Any] = {
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
ANSWER_WITHIN_S = 60.0


def firefox_path() -> str:
    """The installed Firefox. AssertionError that says what to install when there is none."""
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    assert found, "no Firefox found: install Debian's package firefox-esr"
    return found


async def start_sound_card(socket: Path, environment: dict[str, str]) -> asyncio.subprocess.Process:
    """PulseAudio of this test's own, with one sink that plays nothing. AssertionError when it is not installed."""
    assert shutil.which("pulseaudio"), "no PulseAudio found: install Debian's package pulseaudio"
    modules = [
        "-L",
        "module-null-sink",
        "-L",
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
    ]
    return await asyncio.create_subprocess_exec(
        "pulseaudio",
        "-n",
        "--daemonize=no",
        "--exit-idle-time=-1",
        *modules,
        env=environment | {"XDG_RUNTIME_DIR": str(socket.parent)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


class Firefox:
    """One running Firefox with a profile of its own in `directory`. `accept` grants camera and microphone unasked.

    `enter` is the command that runs it in another network namespace, to whose `port` the test must have made a way.
    """

    def __init__(
        self, directory: Path, *, accept: bool = True, enter: tuple[str, ...] = (), port: int = 0
    ) -> None:
        self.enter = enter
        self.port = port
        self.profile = directory / "profile"
        self.family = ProcessFamily(directory / "home")
        self.log: list[str] = []
        self.preferences = PREFERENCES | {"media.navigator.permission.disabled": accept}
        self._process: asyncio.subprocess.Process | None = None
        self._sound: asyncio.subprocess.Process | None = None
        self._socket: ClientConnection | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ids = itertools.count(1)

    async def start(self) -> Firefox:
        """Start it and open a session."""
        self.profile.mkdir(parents=True)
        self.family.home.mkdir(exist_ok=True)
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in self.preferences.items()]
        (self.profile / "user.js").write_text("\n".join(lines))
        pulse = self.family.home / "pulse.sock"
        environment = self.family.environment({"PULSE_SERVER": f"unix:{pulse}"})
        self._sound = await start_sound_card(pulse, environment)
        options = [
            "--headless",
            "--no-remote",
            "--profile",
            str(self.profile),
            "--remote-debugging-port",
            str(self.port),
        ]
        self._process = await asyncio.create_subprocess_exec(
            *self.enter,
            firefox_path(),
            *options,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(ANSWER_WITHIN_S):
            address = await self._address()
        self._tasks.append(asyncio.create_task(self._drain()))
        self._socket = await connect(f"{address}/session", max_size=None, proxy=None)
        self._tasks.append(asyncio.create_task(self._listen()))
        await self.call("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        return self

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol; AssertionError with the browser's words when it refuses."""
        assert self._socket is not None
        number = next(self._ids)
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        async with asyncio.timeout(ANSWER_WITHIN_S):
            said = await answer
        assert said["type"] == "success", f"{method}: {said.get('message')}"
        return dict(said["result"])

    async def open(self, url: str, *, width: int = 1280, height: int = 1000) -> FirefoxPage:
        """A new tab at this address."""
        context = (await self.call("browsingContext.create", type="tab"))["context"]
        size = {"width": width, "height": height}
        await self.call("browsingContext.setViewport", context=context, viewport=size)
        await self.call("browsingContext.navigate", context=context, url=url, wait="complete")
        return FirefoxPage(self, context)

    async def close(self) -> None:
        """End it; nothing of it may be left."""
        if self._process is None:
            return
        with contextlib.suppress(AssertionError, TimeoutError):
            await self.call("browser.close")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 30)
        if self._socket is not None:
            await self._socket.close()
        if self._sound is not None:
            self._sound.terminate()
            await self._sound.wait()
        left = await asyncio.to_thread(self.family.end, 20.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert left == [], f"processes outlived Firefox: {left}"

    async def _address(self) -> str:
        assert self._process is not None
        assert self._process.stderr is not None
        while line := (await self._process.stderr.readline()).decode(errors="replace"):
            self.log.append(line)
            if found := LISTENING.search(line):
                return found.group(1)
        raise AssertionError(f"Firefox did not start: {''.join(self.log)}")

    async def _drain(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self.log = [*self.log[-500:], line.decode(errors="replace")]

    async def _listen(self) -> None:
        assert self._socket is not None
        async for text in self._socket:
            said = json.loads(text)
            answer = self._answers.pop(said.get("id") or 0, None)
            if answer is not None and not answer.done():
                answer.set_result(said)


class FirefoxPage:
    """One tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self.browser = browser
        self.context = context

    async def evaluate(self, expression: str, *, gesture: bool = False) -> Any:
        """The value of a JavaScript expression, awaited; AssertionError when it throws."""
        wrapped = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        said = await self.browser.call(
            "script.evaluate",
            expression=wrapped,
            target={"context": self.context},
            awaitPromise=True,
            userActivation=gesture,
        )
        assert said["type"] == "success", said["exceptionDetails"]["text"]
        return json.loads(said["result"]["value"])

    async def wait_true(self, expression: str, timeout_s: float = 60.0) -> float:
        """Ask ten times a second until an expression is true; the seconds that took. TimeoutError else."""
        begun = time.monotonic()
        while await self.evaluate(expression) is not True:
            if time.monotonic() > begun + timeout_s:
                raise TimeoutError(f"after {timeout_s} s not true in the page: {expression}")
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    async def click(self, element: str) -> None:
        """Click the middle of the element that a JavaScript expression gives, as a hand does."""
        where = f"""(element => {{
          element.scrollIntoView({{ block: 'center' }})
          const {{ left, top, width, height }} = element.getBoundingClientRect()
          return [Math.round(left + width / 2), Math.round(top + height / 2)]
        }})({element})"""
        x, y = await self.evaluate(where)
        steps = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        await self.browser.call("input.performActions", context=self.context, actions=[mouse])

    async def screenshot(self, path: Path) -> None:
        """Save a picture of the page."""
        said = await self.browser.call("browsingContext.captureScreenshot", context=self.context)
        path.write_bytes(base64.b64decode(said["data"]))
