"""An echo over WebRTC in a FastAPI program: every picture, sound and message of a client goes back to it.

    pip install smallrtc-lab fastapi uvicorn
    python fastapi_echo.py --port 7860

Then `python client.py http://127.0.0.1:7860`, or any SmallWebRTC client with the address `/api/offer`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from aiortc import MediaStreamTrack
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

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


def make_app(handler: SmallWebRTCRequestHandler) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await handler.close()  # every client is told

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/offer")
    async def offer(request: Request) -> dict[str, str]:
        return await handler.handle_web_request(SmallWebRTCRequest.from_json(await request.body()), meet)

    @app.patch("/api/offer")
    async def candidates(request: Request) -> dict[str, str]:
        await handler.handle_patch_request(SmallWebRTCPatchRequest.from_json(await request.body()))
        return {"status": "success"}

    @app.exception_handler(RequestError)
    async def refuse(request: Request, error: RequestError) -> JSONResponse:
        return JSONResponse(error.to_json(), error.status)

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An echo over WebRTC, with FastAPI.")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--ice-servers", nargs="*", default=[], help="URLs of STUN servers; none by default")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    uvicorn.run(make_app(SmallWebRTCRequestHandler(arguments.ice_servers)), port=arguments.port)
