"""`python -m smallrtc_lab` is the command `smallrtc-lab`."""

from __future__ import annotations

import sys

from smallrtc_lab.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
