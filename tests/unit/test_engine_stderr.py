"""The engine's standard error: bounded, its end kept."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile

from smallrtc_lab.engine.stderr import keep_short, trim


def test_only_the_end_of_a_long_file_is_kept() -> None:
    """A file beyond the limit shrinks to its last bytes; what a child with the same descriptor writes follows them."""
    with tempfile.TemporaryFile() as file:
        os.write(file.fileno(), b"first" + b"x" * 100)
        assert not trim(file.fileno(), limit=200, kept=10)
        child = "import os; os.write(2, b'y' * 1000 + b'before')"
        subprocess.run([sys.executable, "-c", child], stderr=file, check=True)
        assert trim(file.fileno(), limit=200, kept=10)
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'after')"], stderr=file, check=True)
        file.seek(0)
        assert file.read() == b"yyyybeforeafter"


async def test_what_is_no_file_is_left_alone() -> None:
    """A terminal or a pipe as standard error is not touched, and nothing goes on for it."""
    reading, writing = os.pipe()
    async with asyncio.timeout(30):
        await keep_short(writing)
    os.close(reading)
    os.close(writing)
