"""`smallrtc-lab doctor`: what of an installation works, without a notebook."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from smallrtc_lab.lab.diagnosis import Diagnosis

from .examine import Facts, examine, judge

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_to", "run"]


def add_to(subcommands: Subcommands) -> None:
    """Add `doctor` and its options to the command line."""
    command = subcommands.add_parser(
        "doctor",
        help="say what works here and what does not",
        description="Examines this installation: versions, Jupyter's extension, the network, STUN and TURN, and a real "
        "connection on this machine. Ends with 1 when something is broken. In a notebook, lab.diagnose() sees more.",
    )
    command.add_argument(
        "--report", action="store_true", help="without host names and addresses, to be sent to somebody"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, print, and say by the exit code whether something is broken."""
    facts: Facts = examine()
    verdict, advice = judge(facts)
    diagnosis = Diagnosis(verdict, advice, tuple(facts.rows), facts.broken)
    print(diagnosis.report() if arguments.report else diagnosis)
    return 1 if facts.broken else 0
