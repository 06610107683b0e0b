"""`smallrtc-lab demo`: JupyterLab on a copy of the tutorial notebooks, the first one open."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .desk import has_display, is_root
from .notebooks import copy_notebooks, notebooks_source

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_to", "run"]

SETTINGS = Path(__file__).with_name("jupyter")  # a configuration directory, as Jupyter looks for them
FIRST = "00-quickstart.ipynb"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARD = ("", "*", "0.0.0.0", "::")


def add_to(subcommands: Subcommands) -> None:
    """Add `demo` and its options to the command line."""
    demo = subcommands.add_parser(
        "demo",
        help="open the tutorial notebooks in JupyterLab",
        description="Copies the tutorial notebooks to a directory and opens them in JupyterLab.",
    )
    demo.add_argument(
        "--directory",
        type=Path,
        default=Path("smallrtc-lab-demo"),
        help="where the notebooks go; files that are there already stay as they are (default: ./%(default)s)",
    )
    demo.add_argument("--port", type=int, default=8888, help="first port to try (default: %(default)s)")
    demo.add_argument("--ip", default="localhost", help="address to listen on (default: %(default)s)")
    demo.add_argument("--no-browser", action="store_true", help="only print the address")
    demo.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy, start and serve until Ctrl-C; 1, with a sentence, when something is missing."""
    if importlib.util.find_spec("jupyterlab") is None:
        print('JupyterLab is not installed here. Install it with:  pip install "smallrtc-lab[demo]"')
        return 1
    directory: Path = arguments.directory.expanduser().resolve()
    try:
        kept = copy_notebooks(notebooks_source(), directory)
    except OSError as error:
        print(f"Cannot copy the notebooks: {error}. Another place can be named with --directory.")
        return 1
    print(f"Notebooks: {directory}")
    for name in kept:
        print(f"  kept your {name}, which differs from the one of this version")
    serve(arguments, directory)
    return 0


def serve(arguments: argparse.Namespace, directory: Path) -> None:
    """Run JupyterLab in this process until it is stopped, so that its kernels have this very Python."""
    from jupyterlab.labapp import LabApp

    # JupyterLab asks about news unless its settings answer; a person's own settings still come before these defaults.
    given = os.environ.get("JUPYTER_CONFIG_PATH", "")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [given, str(SETTINGS)]))
    opens_browser = has_display() and not arguments.no_browser
    server = LabApp.initialize_server(argv=jupyter_options(arguments, directory, opens_browser))
    # Jupyter prints no address with a token it was given, so it is said here, as plainly as can be.
    print(invitation(address(server), server.ip, opens_browser), flush=True)
    server.start()
    print("Stopped.")


def jupyter_options(arguments: argparse.Namespace, directory: Path, opens_browser: bool) -> list[str]:
    first = f"/tree/{FIRST}" if (directory / FIRST).exists() else ""
    return [
        f"--ServerApp.root_dir={directory}",
        f"--ServerApp.ip={arguments.ip}",
        f"--ServerApp.port={arguments.port}",
        f"--ServerApp.open_browser={opens_browser}",
        f"--ServerApp.allow_root={is_root()}",
        "--ServerApp.answer_yes=True",  # one Ctrl-C ends it, without a question
        "--ServerApp.jpserver_extensions=smallrtc_lab.server=True",
        f"--IdentityProvider.token={secrets.token_hex(24)}",
        f"--LabApp.default_url=/lab{first}",
        "--Application.log_level=WARN",
    ]


def address(server: Any) -> str:
    """The address to open, with the token; localhost for every address that means this machine."""
    host = "localhost" if server.ip in LOOPBACK + WILDCARD else server.ip
    scheme = "https" if server.certfile else "http"
    return f"{scheme}://{host}:{server.port}{server.default_url}?token={server.identity_provider.token}"


def invitation(url: str, ip: str, opens_browser: bool) -> str:
    """What the person reads while the server runs."""
    lines = [
        "",
        "JupyterLab opens in your browser. If it does not, open"
        if opens_browser
        else "Open in your browser:",
        f"  {url}",
        "Then run the first cell (Shift+Enter) and click Start. Ctrl-C here stops everything.",
    ]
    if ip not in LOOPBACK:
        lines.append("Browsers open a camera only on localhost or https addresses.")
    return "\n".join([*lines, ""])
