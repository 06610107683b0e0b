"""`smallrtc-lab demo`: JupyterLab on a copy of the tutorial notebooks, the first one open."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .certificate import CertificateFiles
from .desk import has_display, is_root
from .notebooks import copy_notebooks, notebooks_source
from .quiet import hush, say

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
    demo.add_argument("--ip", help="address to listen on (default: localhost; with https every address)")
    https = demo.add_mutually_exclusive_group()
    https.add_argument(
        "--self-signed",
        action="store_true",
        help="serve https with a certificate of this machine's own, for browsers on other computers",
    )
    https.add_argument("--certfile", type=Path, help="serve https with this certificate")
    demo.add_argument("--keyfile", type=Path, help="the key of --certfile, when it is in another file")
    demo.add_argument("--no-browser", action="store_true", help="only print the address")
    demo.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy, start and serve until Ctrl-C; 1, with a sentence, when something is missing."""
    if importlib.util.find_spec("jupyterlab") is None:
        print('JupyterLab is not installed here. Install it with:  pip install "smallrtc-lab[demo]"')
        return 1
    directory: Path = arguments.directory.expanduser().resolve()
    try:
        certificate = certificate_files(arguments)
    except OSError as error:
        print(f"No https without its certificate: {error}.")
        return 1
    arguments.ip = arguments.ip or ("0.0.0.0" if certificate else "localhost")
    try:
        kept = copy_notebooks(notebooks_source(), directory)
    except OSError as error:
        print(f"Cannot copy the notebooks: {error}. Another place can be named with --directory.")
        return 1
    print(f"Notebooks: {directory}")
    for name in kept:
        print(f"  kept your {name}, which differs from the one of this version")
    serve(arguments, directory, certificate)
    return 0


def certificate_files(arguments: argparse.Namespace) -> CertificateFiles | None:
    """What to serve https with, None for http; OSError when it cannot be read or made."""
    if arguments.self_signed:
        from jupyter_core.paths import jupyter_data_dir

        from .certificate import machine_names, self_signed

        return self_signed(Path(jupyter_data_dir()) / "smallrtc-lab", machine_names())
    if arguments.certfile is None:
        return None
    for file in filter(None, (arguments.certfile, arguments.keyfile)):
        file.open("rb").close()
    return CertificateFiles(arguments.certfile, arguments.keyfile)


def serve(arguments: argparse.Namespace, directory: Path, certificate: CertificateFiles | None) -> None:
    """Run JupyterLab in this process until it is stopped, so that its kernels have this very Python."""
    from jupyterlab.labapp import LabApp

    # JupyterLab asks about news unless its settings answer; a person's own settings still come before these defaults.
    given = os.environ.get("JUPYTER_CONFIG_PATH", "")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [given, str(SETTINGS)]))
    opens_browser = has_display() and not arguments.no_browser
    options = jupyter_options(arguments, directory, opens_browser) + https_options(certificate)
    server = LabApp.initialize_server(argv=options)
    hush(server.log)
    # Jupyter leaves Ctrl-C without a terminal to Python's exception, which a request in the making swallows.
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    # Jupyter prints no address with a token it was given, so it is said here, as plainly as can be.
    say(invitation(address(server), server.ip, opens_browser))
    if arguments.self_signed:
        say(others(server))
    server.start()
    say("Stopped.")


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


def https_options(certificate: CertificateFiles | None) -> list[str]:
    if certificate is None:
        return []
    key = [f"--ServerApp.keyfile={certificate.key}"] if certificate.key else []
    return [f"--ServerApp.certfile={certificate.certificate}", *key]


def others(server: Any) -> str:
    """The addresses for browsers on other computers, and the warning that they will show."""
    from .certificate import machine_names

    known = [name for name in machine_names() if name not in (*LOOPBACK, "localhost.localdomain")]
    hosts = known if server.ip in WILDCARD else [server.ip]
    token = server.identity_provider.token
    lines = [
        f"  https://{f'[{host}]' if ':' in host else host}:{server.port}/lab?token={token}" for host in hosts
    ]
    warning = "Each browser warns once that nobody has signed the certificate: it is this machine's own."
    return "\n".join(["From other computers:", *lines, warning, ""])


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
    if ip not in LOOPBACK and not url.startswith("https:"):
        lines.append("Browsers on other computers open a camera on https addresses only: add --self-signed.")
    return "\n".join([*lines, ""])
