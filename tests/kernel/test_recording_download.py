"""A recording outside the notebook's folder, through the Jupyter server."""

from __future__ import annotations

from pathlib import Path

import httpx
from support.jupyter import JupyterServer
from support.kernel import Kernel


async def test_a_recording_can_be_downloaded(
    jupyter: JupyterServer, served_kernel: Kernel, tmp_path: Path
) -> None:
    """The link under the cell gives the whole file, with its name, to who is logged in and to nobody else."""
    path = tmp_path / "ours.ogg"
    await served_kernel.execute(
        "import time\nfrom smallrtc_lab import Lab\nlab = Lab(name='downloaded')\nlab.simulate()\nlab.wait_live(60)\n"
        f"with lab.record({str(path)!r}) as recording:\n    while recording.duration_s < 1.5: time.sleep(0.1)",
        timeout_s=90,
    )
    await served_kernel.wait_value("lab.stats()['engine']['linked']", timeout_s=60)
    address = await served_kernel.value("recording._owner.address(recording._number, 0)")
    assert address in await served_kernel.value("recording._repr_html_()")
    url = jupyter.url.rstrip("/") + address
    replies = []
    for headers in (jupyter.headers, {}):  # a client each, for the first is given a cookie
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            replies.append(await client.get(url, headers=headers))
    reply, stranger = replies
    assert reply.content == path.read_bytes()
    assert "ours.ogg" in reply.headers["content-disposition"]
    assert stranger.status_code == 403
    await served_kernel.execute("lab.close()")
