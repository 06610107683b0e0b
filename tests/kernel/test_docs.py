"""The examples of the documentation, run as the cells of one notebook."""

from __future__ import annotations

import re
from pathlib import Path

from support.kernel import Kernel

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


async def test_every_example_runs(kernel: Kernel) -> None:
    """From top to bottom, with a simulated browser: each cell is green, and no function had an error."""
    examples = re.findall(r"^```python\n(.*?)^```", API, re.DOTALL | re.MULTILINE)
    assert len(examples) > 5
    for code in examples:
        if "smallrtc_lab.labs()" in code:  # the functions get a moment before everything is closed
            ask = "len(lab._callbacks.all()) == 4 and all(one.stats['calls'] for one in lab._callbacks.all())"
            await kernel.wait_value(ask, timeout_s=60)
            assert await kernel.value("[one.errors for one in lab._callbacks.all()]") == [{}] * 4
        await kernel.execute(code, timeout_s=60)
    assert await kernel.value("smallrtc_lab.labs()") == []
