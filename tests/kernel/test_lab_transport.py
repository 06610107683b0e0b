"""`lab.transport` in a notebook: events, input and output of a Lab whose browsers come and go."""

from __future__ import annotations

import numpy as np
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.outside import COLOUR, PEER_LEFT, TONE_HZ, Client, until

BEGIN = """
import asyncio
from smallrtc_lab import Lab, TransportParams
lab = Lab()
told = []
transport = lab.transport
clip_times, frame_times = [], []

@transport.event_handler("on_client_connected")
async def connected(transport, client):
    told.append(["connected", transport.get_client_id(client)])
    print("connected", len(told))

@transport.event_handler("on_client_disconnected")
async def disconnected(transport, client):
    told.append(["disconnected", transport.get_client_id(client)])

@transport.event_handler("on_app_message")
async def got(transport, message, sender):
    await transport.send_message({"echo": message, "from": sender})

async def pictures():
    async for frame in transport.input().video_frames("camera"):
        frame_times.append(frame.time_s)
        await transport.output().write_video_frame(255 - frame.image)

async def sound():
    async for clip in transport.input().audio_frames():
        clip_times.append(clip.start_s)
        await transport.output().write_audio_frame(clip)

tasks = [asyncio.create_task(work()) for work in (pictures, sound)]
"""


async def meet(jupyter: JupyterServer, session: str) -> Client:
    client = Client(f"{jupyter.url}smallrtc/", jupyter.token)
    assert (await client.join(session)).status_code == 200
    client.say("hello")
    await until(lambda: client.messages)
    return client


async def test_a_labs_transport_meets_one_browser_after_another(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """The same two loops serve every browser that comes; each is told of, times are the Lab's, closing ends all.

    What a handler prints stands under its cell.
    """
    begin = await served_kernel.execute(BEGIN, timeout_s=60)
    session = await served_kernel.value("lab._session")
    inverted = 255 - np.array(COLOUR)
    for number in range(2):
        client = await meet(jupyter, session)
        pc_id = client.messages[0]["from"]
        assert client.messages[0] == {"echo": "hello", "from": pc_id}
        await client.picture(lambda image: bool(np.abs(image.mean((0, 1)) - inverted).max() < 12))
        assert abs(await client.tone_hz() - TONE_HZ) < 5
        if number == 0:
            await client.close()
            await served_kernel.wait_value("len(told)", lambda count: count == 2)
        assert (await served_kernel.value("told"))[2 * number] == ["connected", pc_id]
    offsets = await served_kernel.value(
        "[lab.stats()['time_s'] - frame_times[-1], lab.stats()['time_s'] - clip_times[-1]]"
    )
    print(f"seconds since the last picture and sound, by the Lab's clock: {offsets}")
    assert all(-0.5 < offset < 30 for offset in offsets)
    latest = await served_kernel.value("lab.video.latest().time_s - frame_times[-1]")
    assert abs(latest) < 30
    await begin.wait_for(lambda cell: cell.stdout == "connected 1\nconnected 3\n")
    await served_kernel.execute("lab.close()")
    await until(lambda: client.messages[-1] == PEER_LEFT)
    await served_kernel.wait_value("[task.done() for task in tasks]", all)
    await client.close()
    assert await served_kernel.value("[t[0] for t in told]") == ["connected", "disconnected", "connected"]


async def test_params_decide_which_devices_are_asked_for(served_kernel: Kernel) -> None:
    """A Lab with params asks for no device that they have no input for; outside a loop the error says where to be."""
    await served_kernel.execute(
        "from smallrtc_lab import Lab, TransportParams\n"
        "ears = Lab(params=TransportParams(audio_in_enabled=True, audio_in_sample_rate=16000))\n"
        "import threading\nsaid = []\n"
        "def ask():\n    try:\n        ears.transport\n"
        "    except Exception as error:\n        said.append(str(error))\n"
        "thread = threading.Thread(target=ask); thread.start(); thread.join()",
        timeout_s=60,
    )
    assert await served_kernel.value("[ears._options[k] is not False for k in ('audio', 'video')]") == [
        True,
        False,
    ]
    assert "for asyncio" in (await served_kernel.value("said"))[0]
    assert await served_kernel.value("ears.transport.params.audio_in_sample_rate") == 16000
