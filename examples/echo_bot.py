"""A bot that gives everything back: picture, sound and messages.

smallrtc-lab run echo_bot.py
"""

from __future__ import annotations

import asyncio

from smallrtc_lab import RunnerArguments, SmallWebRTCTransport, TransportParams

PARAMS = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True
)


async def bot(runner_args: RunnerArguments) -> None:
    """Called once for each client; it is over when the client leaves."""
    transport = SmallWebRTCTransport(runner_args.webrtc_connection, PARAMS)
    received, sent = transport.input(), transport.output()

    async def sound() -> None:
        async for frame in received.audio_frames():
            await sent.write_audio_frame(frame)

    async def pictures() -> None:
        async for frame in received.video_frames("camera"):
            await sent.write_video_frame(frame)

    async def messages() -> None:
        async for message in received.messages():
            await sent.send_message({"you said": message})

    await asyncio.gather(sound(), pictures(), messages())
