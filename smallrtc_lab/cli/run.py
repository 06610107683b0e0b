"""`smallrtc-lab run bot.py`: serves `async def bot(runner_args)` to browsers, with a web page, without notebooks."""

from __future__ import annotations

import argparse
import importlib.util
import json
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .demo import LOOPBACK, WILDCARD, certificate_files, farewell, https_options
from .desk import has_display, is_root

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_to", "run"]

PAGE = "/client/"


def add_to(subcommands: Subcommands) -> None:
    """Add `run` and its options to the command line."""
    command = subcommands.add_parser(
        "run",
        help="serve a bot to browsers and other WebRTC clients",
        description="Serves the file's `async def bot(runner_args)` with a web page to meet it.",
    )
    command.add_argument("bot", type=Path, help="a Python file with `async def bot(runner_args)`")
    command.add_argument("--host", help="address to listen on (default: localhost; with https every address)")
    command.add_argument("--port", type=int, default=7860, help="port (default: %(default)s)")
    command.add_argument("--token", help="what a client must know (default: a new one every time)")
    command.add_argument("--no-browser", action="store_true", help="only print the address")
    command.add_argument("--reload", action="store_true", help="start the bot anew when its file changes")
    command.add_argument("--single", action="store_true", help="one client at a time")
    command.add_argument("--max-connections", type=int, metavar="N", help="how many clients at once")
    command.add_argument(
        "--ice-servers",
        nargs="+",
        metavar="URL",
        help='STUN and TURN servers: URLs, or JSON objects with "urls", "username" and "credential"',
    )
    command.add_argument("--esp32", action="store_true", help="answers for microcontrollers; needs --host")
    command.add_argument("--allow-origin", metavar="ORIGIN", help="let pages of this origin connect, too")
    https = command.add_mutually_exclusive_group()
    https.add_argument("--self-signed", action="store_true", help="https with this machine's own certificate")
    https.add_argument("--certfile", type=Path, help="https with this certificate")
    command.add_argument("--keyfile", type=Path, help="the key of --certfile, when it is in another file")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 1, with a sentence, when something is missing."""
    problem = problem_with(arguments)
    if problem is not None:
        print(problem)
        return 1
    try:
        arguments.certificate = certificate_files(arguments)
        options = server_options(arguments)
    except (OSError, ValueError) as error:
        print(f"This cannot be served: {error}.")
        return 1
    return serve(arguments, options)


def problem_with(arguments: argparse.Namespace) -> str | None:
    """What forbids to start at all, as a sentence."""
    if not arguments.bot.is_file():
        return f"There is no file {arguments.bot}."
    if arguments.esp32 and arguments.host in (None, *LOOPBACK, *WILDCARD):
        return "--esp32 needs --host with this machine's address in the microcontroller's network."
    if arguments.reload and importlib.util.find_spec("watchfiles") is None:
        return 'watchfiles is not installed here. Install it with:  pip install "smallrtc-lab[reload]"'
    return None


def server_options(arguments: argparse.Namespace) -> list[str]:
    """The command line of the Jupyter server inside; ValueError when an ICE server is none."""
    arguments.host = arguments.host or ("0.0.0.0" if arguments.certificate else "localhost")
    arguments.token = arguments.token or secrets.token_hex(24)
    options = {
        "ServerApp.jpserver_extensions": "smallrtc_lab.cli.runner=True",
        "ServerApp.ip": arguments.host,
        "ServerApp.port": arguments.port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": has_display() and not arguments.no_browser,
        "ServerApp.default_url": PAGE,
        "ServerApp.allow_root": is_root(),
        "ServerApp.answer_yes": True,
        "ServerApp.allow_origin": arguments.allow_origin or "",
        "ServerApp.terminals_enabled": False,
        "IdentityProvider.token": arguments.token,
        "BotRunner.at_root": True,
        "BotRunner.bot_file": arguments.bot.resolve(),
        "BotRunner.mode": "single" if arguments.single else "multiple",
        "BotRunner.reload": arguments.reload,
        "Application.log_level": "WARN",
    }
    if arguments.max_connections is not None:
        options["BotRunner.max_connections"] = arguments.max_connections
    if arguments.esp32:
        options["BotRunner.esp32_host"] = arguments.host
    if arguments.ice_servers:
        options["BotRunner.ice_servers"] = json.dumps(ice_servers(arguments.ice_servers))
    given = [f"--{name}={value}" for name, value in options.items()]
    return given + https_options(arguments.certificate)


def ice_servers(texts: list[str]) -> list[Any]:
    """Each of them a URL, or a JSON object; ValueError when one is neither."""
    from smallrtc_lab.ice import normalise_ice_servers

    servers = [json.loads(text) if text.lstrip().startswith("{") else {"urls": [text]} for text in texts]
    try:
        return list(normalise_ice_servers(servers))
    except TypeError as error:
        raise ValueError(str(error)) from None


def serve(arguments: argparse.Namespace, options: list[str]) -> int:
    """Run the server in this process until it is stopped."""
    from jupyter_server.serverapp import ServerApp

    class BotServer(ServerApp):  # type: ignore[misc]
        """A Jupyter server without notebooks: a client's token opens no file, kernel or terminal."""

        name = "smallrtc-lab"
        default_services = ("auth",)

    server = BotServer.instance()
    server.initialize(argv=options, find_extensions=False)
    # Jupyter leaves Ctrl-C without a terminal to Python's exception, which a request in the making swallows.
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    print(invitation(arguments, server.port), flush=True)
    server.start()
    farewell()
    return 0


def invitation(arguments: argparse.Namespace, port: int) -> str:
    """What the person reads while the server runs."""
    host = "localhost" if arguments.host in LOOPBACK + WILDCARD else arguments.host
    scheme = "https" if arguments.certificate else "http"
    url = f"{scheme}://{host}:{port}"
    return "\n".join(
        [
            "",
            f"Meet the bot at  {url}{PAGE}?token={arguments.token}",
            f"Other clients: POST {url}/start with the header  Authorization: token {arguments.token}",
            "Ctrl-C here stops everything.",
            "",
        ]
    )
