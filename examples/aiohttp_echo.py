"""An echo over WebRTC in an aiohttp program: every picture, sound and message of a client goes back to it.

    pip install smallrtc-lab aiohttp
    python aiohttp_echo.py --port 7860

Then `python client.py http://127.0.0.1:7860`, or any SmallWebRTC client with the address `/api/offer`.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from aiortc import MediaStreamTrack

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc import (
    InputTrack,
    Section,
    SmallWebRTCConnection,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)


class Echo(MediaStreamTrack):
    """What comes in one track, to be sent in another."""

    def __init__(self, source: InputTrack) -> None:
        super().__init__()
        self.kind = source.kind
        self.source = source

    async def recv(self) -> Any:
        return await self.source.recv()


async def meet(connection: SmallWebRTCConnection) -> None:
    """Called for each new client, before it gets its answer, so that no event is missed."""

    @connection.event_handler("track-started")
    def send_back(connection: SmallWebRTCConnection, track: InputTrack) -> None:
        if track.section is Section.AUDIO:
            connection.replace_audio_track(Echo(track))
        elif track.section is Section.CAMERA:
            connection.replace_video_track(Echo(track))

    @connection.event_handler("app-message")
    def answer(connection: SmallWebRTCConnection, message: Any) -> None:
        connection.send_app_message({"you said": message})

    await connection.connect()


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:
        return web.json_response(error.to_json(), status=error.status)


def make_app(handler: SmallWebRTCRequestHandler) -> web.Application:
    async def offer(request: web.Request) -> web.Response:
        answer = await handler.handle_web_request(SmallWebRTCRequest.from_json(await request.read()), meet)
        return web.json_response(answer)

    async def candidates(request: web.Request) -> web.Response:
        await handler.handle_patch_request(SmallWebRTCPatchRequest.from_json(await request.read()))
        return web.json_response({"status": "success"})

    async def close(app: web.Application) -> None:
        await handler.close()  # every client is told

    app = web.Application(middlewares=[refuse])
    app.router.add_post("/api/offer", offer)
    app.router.add_patch("/api/offer", candidates)
    app.on_shutdown.append(close)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An echo over WebRTC, with aiohttp.")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--ice-servers", nargs="*", default=[], help="URLs of STUN servers; none by default")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    app = make_app(SmallWebRTCRequestHandler(arguments.ice_servers))
    web.run_app(app, host="127.0.0.1", port=arguments.port)
