"""`smallrtc-lab run bot.py`: serves `async def bot(runner_args)` to browsers, with a web page, without notebooks."""

from __future__ import annotations

import argparse
import importlib.util
import json
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .demo import LOOPBACK, WILDCARD, certificate_files, https_options
from .desk import has_display, is_root, listening_problem
from .quiet import hush, say

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_to", "run"]

PAGE = "/client/"
TEMPLATES = Path(__file__).with_name("templates")


def add_to(subcommands: Subcommands) -> None:
    """Add `run` and its options to the command line."""
    command = subcommands.add_parser(
        "run",
        help="serve a bot to browsers and other WebRTC clients",
        description="Serves `async def bot(runner_args)` of a Python file, with a web page to meet it. Every client "
        "gets a bot of its own, and its media comes straight to it, by WebRTC.",
        epilog="Example:  smallrtc-lab run echo_bot.py --reload",
    )
    command.add_argument("bot", type=Path, help="a Python file with `async def bot(runner_args)`")
    _add_work(command.add_argument_group("while you write the bot"))
    _add_clients(command.add_argument_group("who may come"))
    _add_network(command.add_argument_group("network"))
    command.set_defaults(run=run)


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--reload", action="store_true", help="start the bot anew when a Python file beside it changes"
    )
    group.add_argument("--no-browser", action="store_true", help="only print the address, do not open it")


def _add_clients(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--token", help="what a client must know (default: a new one every time)")
    group.add_argument("--single", action="store_true", help="one client at a time")
    group.add_argument(
        "--max-connections", type=int, metavar="N", help="how many clients at once (default: 4)"
    )
    group.add_argument("--allow-origin", metavar="ORIGIN", help="let web pages of this origin connect, too")


def _add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", help="address to listen on (default: localhost; with https every address)")
    group.add_argument("--port", type=int, default=7860, help="port (default: %(default)s)")
    https = group.add_mutually_exclusive_group()
    https.add_argument(
        "--self-signed",
        action="store_true",
        help="https with this machine's own certificate: browsers on other computers open a camera on nothing less",
    )
    https.add_argument("--certfile", type=Path, help="https with this certificate")
    group.add_argument("--keyfile", type=Path, help="the key of --certfile, when it is in another file")
    group.add_argument(
        "--ice-servers",
        nargs="+",
        metavar="URL",
        help='STUN and TURN servers: URLs, or JSON objects with "urls", "username" and "credential"',
    )
    group.add_argument(
        "--esp32", action="store_true", help="answers that microcontrollers understand; needs --host"
    )


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
    taken = listening_problem("" if arguments.host in WILDCARD else arguments.host, arguments.port)
    if taken is not None:
        print(taken)
        return 1
    return serve(arguments, options)


def problem_with(arguments: argparse.Namespace) -> str | None:
    """What forbids to start at all, as a sentence."""
    if not arguments.bot.is_file():
        return f"There is no file {arguments.bot}."
    if arguments.max_connections is not None and arguments.max_connections < 1:
        return "--max-connections must be at least 1."
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
        "ServerApp.terminals_enabled": False,
        "ServerApp.extra_template_paths": TEMPLATES,  # a login page that speaks of this command
        "PasswordIdentityProvider.allow_password_change": False,  # it would be that of the person's own Jupyter
        "IdentityProvider.token": arguments.token,
        "BotRunner.at_root": True,
        "BotRunner.bot_file": arguments.bot.resolve(),
        "BotRunner.mode": "single" if arguments.single else "multiple",
        "BotRunner.reload": arguments.reload,
        "Application.log_level": "WARN",
    }
    if arguments.max_connections is not None:
        options["BotRunner.max_connections"] = arguments.max_connections
    if arguments.allow_origin:
        options["ServerApp.allow_origin"] = arguments.allow_origin
    if arguments.esp32:
        options["BotRunner.esp32_host"] = arguments.host
    if arguments.ice_servers:
        options["BotRunner.ice_servers"] = json.dumps(ice_servers(arguments.ice_servers))
    given = [f"--{name}={value}" for name, value in options.items()]
    return given + https_options(arguments.certificate)


def ice_servers(texts: list[str]) -> list[Any]:
    """Each of them a URL, or a JSON object; ValueError when one is neither. No error quotes a credential."""
    from smallrtc_lab.ice import normalise_ice_servers

    try:
        servers = [json.loads(text) if text.lstrip().startswith("{") else {"urls": [text]} for text in texts]
        return list(normalise_ice_servers(servers))
    except json.JSONDecodeError as error:
        raise ValueError(f"an object of --ice-servers is no JSON ({error})") from None
    except TypeError as error:
        raise ValueError(str(error)) from None


def serve(arguments: argparse.Namespace, options: list[str]) -> int:
    """Run the server in this process until it is stopped."""
    say(f"Starting {arguments.bot.name} …")
    from jupyter_server.serverapp import ServerApp

    class BotServer(ServerApp):  # type: ignore[misc]
        """A Jupyter server without notebooks: a client's token opens no file, kernel or terminal."""

        name = "smallrtc-lab"
        default_services = ("auth",)

    server = BotServer.instance()
    server.initialize(argv=options, find_extensions=False)
    hush(server.log)
    # Jupyter leaves Ctrl-C without a terminal to Python's exception, which a request in the making swallows.
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    runner = server.extension_manager.extension_points["smallrtc_lab"].app
    runner.greeting = invitation(arguments, server.port)
    server.start()
    say("Stopped.")
    code: int = runner.exit_code
    return code


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
