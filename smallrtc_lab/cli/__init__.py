"""The command `smallrtc-lab`: one subcommand a module.

Each module has `add_to(subcommands)`, which names its options, and `run(arguments)`, which returns the exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import smallrtc_lab
from smallrtc_lab.sctp import sctp_chunk_bytes

from . import demo, doctor, run, turn

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: this process's own); the exit code."""
    arguments = parser().parse_args(argv)
    try:
        sctp_chunk_bytes(os.environ)  # what this starts inherits it, and would fail at the first connection
    except ValueError as error:
        sys.exit(f"smallrtc-lab: {error}")
    code: int = arguments.run(arguments)
    return code


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="smallrtc-lab", description="Live audio and video in Jupyter notebooks."
    )
    made.add_argument("--version", action="version", version=f"smallrtc-lab {smallrtc_lab.__version__}")
    commands = made.add_subparsers(required=True, metavar="command")
    demo.add_to(commands)
    run.add_to(commands)
    turn.add_to(commands)
    doctor.add_to(commands)
    return made
