"""What the page's client meets: everything comes back, the picture inverted, and what is switched is told."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab import SmallWebRTCTransport, TransportParams

EVERYTHING = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True
)


def rtvi(kind: str, value: Any, number: str = "1") -> dict[str, Any]:
    """A message as Pipecat's clients read them."""
    return {"label": "rtvi-ai", "type": kind, "id": number, "data": value}


async def bot(runner_args: Any) -> None:
    """One client."""
    connection = runner_args.webrtc_connection
    transport = SmallWebRTCTransport(connection, EVERYTHING)

    @transport.event_handler("on_app_message")
    async def got(transport: Any, message: Any, sender: str) -> None:
        if message["type"] == "client-ready":
            await transport.send_message(rtvi("bot-ready", {"version": "1.0.0"}, message["id"]))
        elif message["data"]["t"] == "renegotiate":
            connection.ask_to_renegotiate()
        else:
            told = {"t": message["data"]["t"], "d": [message["data"]["d"], runner_args.body, sender]}
            await transport.send_message(rtvi("server-response", told, message["id"]))

    @connection.event_handler("track-status")
    async def switched(connection: Any, section: Any, enabled: bool) -> None:
        await transport.send_message(rtvi("server-message", {"switched": [int(section), enabled]}))

    await asyncio.gather(camera(transport), screen(transport), sound(transport))


async def camera(transport: Any) -> None:
    """The camera, inverted."""
    async for frame in transport.input().video_frames("camera"):
        await transport.output().write_video_frame(255 - frame.image)


async def screen(transport: Any) -> None:
    """The colour of a shared screen, in words."""
    async for frame in transport.input().video_frames("screen"):
        colour = [int(part) for part in frame.image.mean((0, 1))]
        await transport.send_message(rtvi("server-message", {"screen": colour}))


async def sound(transport: Any) -> None:
    """The microphone."""
    async for clip in transport.input().audio_frames():
        await transport.output().write_audio_frame(clip)
