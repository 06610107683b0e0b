"""What `smallrtc-lab doctor` looks at. Each probe gives rows and never raises; each has a deadline."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import smallrtc_lab
from smallrtc_lab.ice import ice_servers_from_environment
from smallrtc_lab.lab.diagnosis import Finding, Row
from smallrtc_lab.lab.probes import ice_row, udp_row
from smallrtc_lab.places import find_place

__all__ = ["Facts", "examine", "judge"]

EXTENSION = "smallrtc_lab.server"
PACKAGES = ("aiortc", "aioice", "av", "anywidget", "ipywidgets", "jupyter-server", "numpy")
OPTIONAL = ("jupyterlab", "notebook", "pipecat-ai")
LIVE_S = 30.0
SERVER_S = 3.0


@dataclass
class Facts:
    """The rows so far, and for each that is bad what to do, the first one first."""

    rows: list[Row] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether something needs mending."""
        return bool(self.troubles)

    def good(self, probe: str, result: str, ms: float | None = None) -> None:
        """It works."""
        self.rows.append(Row(probe, result, ms, Finding.GOOD))

    def note(self, probe: str, result: str) -> None:
        """It is so, and nothing is wrong with it."""
        self.rows.append(Row(probe, result))

    def bad(self, probe: str, result: str, advice: str, ms: float | None = None) -> None:
        """It is broken, and this mends it."""
        self.rows.append(Row(probe, result, ms, Finding.BAD))
        self.troubles.append((f"{probe}: {result}.", advice))


def examine() -> Facts:
    """Everything, in the order from Python to the browser."""
    facts = Facts()
    probes: tuple[Callable[[Facts], None], ...] = (
        _python,
        _front_end,
        _extension,
        _servers,
        _network,
        _media,
        _coturn,
        _browser,
    )
    for probe in probes:
        probe(facts)
    return facts


def judge(facts: Facts) -> tuple[str, str]:
    """A sentence and the one thing to do."""
    if not facts.troubles:
        return (
            "Everything that can be seen from a terminal works.",
            "In a notebook, lab.diagnose() sees the browser, too.",
        )
    (sentence, advice), more = facts.troubles[0], len(facts.troubles) - 1
    others = f" {more} more {'thing is' if more == 1 else 'things are'} broken." if more else ""
    return sentence + others, advice


def _python(facts: Facts) -> None:
    facts.note("place", find_place().name)
    version = platform.python_version()
    facts.good("Python", f"{version} on {platform.system()} {platform.machine()}")
    facts.good("smallrtc-lab", smallrtc_lab.__version__)
    for name in (*PACKAGES, *OPTIONAL):
        try:
            facts.good(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            if name in PACKAGES:
                facts.bad(name, "is not installed", f"pip install {name}")
            else:
                facts.note(name, "is not installed")


def _front_end(facts: Facts) -> None:
    static = os.path.join(os.path.dirname(smallrtc_lab.__file__), "static", "widget.js")
    if os.path.exists(static):
        facts.good("front end", "is built")
    else:
        facts.bad("front end", "is not built", "node js/build.mjs, in the checkout after npm ci in js/")


def _extension(facts: Facts) -> None:
    """Whether Jupyter's configuration enables the server extension, in the order in which Jupyter reads it."""
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    enabled = ExtensionConfigManager(read_config_path=jupyter_config_path()).get_jpserver_extensions()
    if enabled.get(EXTENSION):
        facts.good("server extension", "is enabled")
    else:
        facts.bad(
            "server extension",
            "is not enabled in this environment's Jupyter",
            f"jupyter server extension enable {EXTENSION}, then restart Jupyter.",
        )


def _servers(facts: Facts) -> None:
    """Each Jupyter server that runs here: does it have the extension?"""
    from jupyter_server.serverapp import list_running_servers

    servers: list[dict[str, Any]] = list(list_running_servers())
    if not servers:
        facts.note("Jupyter", "no server of yours runs now")
    for server in servers:
        url = str(server["url"])
        began_s = time.monotonic()
        status, answer = _ask(url + "smallrtc/", str(server.get("token", "")))
        ms = (time.monotonic() - began_s) * 1000
        # The extension answers what it does not know in JSON, Jupyter itself with a page.
        if status == 404 and answer is not None:
            facts.good("Jupyter", f"{url} has the extension", ms)
        elif status is None:
            facts.note("Jupyter", f"{url} does not answer")
        else:
            advice = "Install smallrtc-lab where that Jupyter runs, and restart it."
            facts.bad("Jupyter", f"{url} runs without the extension", advice, ms)


def _ask(url: str, token: str) -> tuple[int | None, Any]:
    """Status and JSON of a GET; None for either that is not there. A server's own certificate is taken as it is."""
    if not url.startswith(("http://", "https://")):
        return None, None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = (
        False,
        ssl.CERT_NONE,
    )  # it is this machine's, and nothing is sent but its token
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(request, timeout=SERVER_S) as response:
            return int(response.status), None
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, json.loads(error.read(65536))
            except ValueError:
                return error.code, None
    except OSError:
        return None, None


def _network(facts: Facts) -> None:
    from smallrtc_lab.rtc.connection import to_ice_servers
    from smallrtc_lab.rtc.ice_check import check_ice_servers
    from smallrtc_lab.rtc.udp_check import check_udp

    try:
        named = ice_servers_from_environment(os.environ)
    except ValueError as error:
        facts.bad("STUN and TURN", str(error), "Correct that variable.")
        named = []

    async def both() -> Any:
        return await asyncio.gather(check_udp(), check_ice_servers(to_ice_servers(named)))

    udp, ice = asyncio.run(both())
    _add(
        facts,
        udp_row([{"works": one.works, "ms": one.took_ms} for one in udp]),
        "Let this machine's firewall pass it.",
    )
    for one in ice:
        check = {"url": one.url, "finding": one.finding.value, "detail": one.detail, "ms": one.took_ms}
        _add(facts, ice_row(check), "Correct SMALLRTC_LAB_ICE_SERVERS, or ask whoever runs that server.")
    if not named:
        facts.note("STUN and TURN", "the environment names no server")


def _add(facts: Facts, row: Row, advice: str) -> None:
    facts.rows.append(row)
    if row.finding is Finding.BAD:
        facts.troubles.append((f"{row.probe}: {row.result}.", advice))


def _media(facts: Facts) -> None:
    """A simulated browser, through real WebRTC and a media process of its own, as a notebook would have it."""
    from smallrtc_lab import Lab, SmallRTCError

    began_s = time.monotonic()
    lab = None
    try:
        lab = Lab(name="smallrtc-lab doctor")
        lab.simulate()
        lab.wait_live(LIVE_S)
        facts.good("media process", "a simulated browser is live", (time.monotonic() - began_s) * 1000)
    except (SmallRTCError, OSError, ValueError) as error:
        result = str(error).split("\n")[0].rstrip(".")
        facts.bad("media process", result, "Try again; if it stays so, report it with this table.")
    finally:
        if lab is not None:
            lab.close()


def _coturn(facts: Facts) -> None:
    from smallrtc_lab.turn.local import LocalTurn, state_file

    local = LocalTurn(state_file())
    local.look()
    if local.servers:
        facts.good("smallrtc-lab turn", f"runs: {local.servers[0]['urls'][0]}")
    elif shutil.which("turnserver"):
        facts.note("smallrtc-lab turn", "does not run; coturn is installed")
    else:
        facts.note("smallrtc-lab turn", "coturn is not installed; only forwarded ports need it")


def _browser(facts: Facts) -> None:
    known = ("google-chrome", "chromium", "chromium-browser", "microsoft-edge", "firefox")
    found = [name for name in known if shutil.which(name)]
    if sys.platform.startswith("linux"):
        facts.note(
            "browser", f"{found[0]} is here" if found else "none is here: open the page from another computer"
        )
