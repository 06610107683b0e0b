"""A room over WebRTC in an aiohttp program: everybody sees the teacher and hears all the others, but not themselves.

    pip install smallrtc-lab aiohttp
    python room.py --port 7860 --max-clients 20

The teacher is whose camera has been here longest; when that one leaves, the next is. The picture is encoded once,
however many watch, and the sound is added up once, however many talk. Clients are SmallWebRTC clients with the address
`/api/offer`; the `name` in their `requestData` is shown in the list at `/room`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from smallrtc_lab import AudioMixer, Broadcast, ClosedError, RequestError
from smallrtc_lab.rtc import (
    BroadcastTrack,
    InputTrack,
    Section,
    SmallWebRTCConnection,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
    Voice,
)


@dataclass
class Person:
    """One client: what it gives, and what it sees."""

    connection: SmallWebRTCConnection
    voice: Voice
    screen: BroadcastTrack
    camera: InputTrack | None = None


class Room:
    """Who is here, longest first, and who is seen."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.mixer = AudioMixer()
        self.people: list[Person] = []
        self.teacher: Person | None = None
        self.showing: asyncio.Task[None] | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def meet(self, connection: SmallWebRTCConnection) -> None:
        """Called for each new client, before it gets its answer, so that no event is missed."""
        person = Person(connection, self.mixer.join(connection.pc_id), self.broadcast.video_track())
        self.people.append(person)
        connection.replace_audio_track(person.voice.others())
        connection.replace_video_track(person.screen)

        @connection.event_handler("track-started")
        def listen_and_look(connection: SmallWebRTCConnection, track: InputTrack) -> None:
            if track.section is Section.AUDIO:
                self.start(person.voice.follow(track))
            elif track.section is Section.CAMERA:
                person.camera = track
                self.choose_teacher()

        connection.call_when_closed(lambda connection: self.leave(person))
        await connection.connect()

    def leave(self, person: Person) -> None:
        """As soon as a client's connection begins to close."""
        self.people.remove(person)
        person.voice.leave()
        self.choose_teacher()

    def choose_teacher(self) -> None:
        """Show the camera that has been here longest."""
        teacher = next((person for person in self.people if person.camera is not None), None)
        if teacher is self.teacher:
            return
        self.teacher = teacher
        if self.showing is not None:
            self.showing.cancel()
        if teacher is not None and teacher.camera is not None:
            teacher.screen.stop()  # nobody needs to see themselves by way of a server
            self.showing = self.start(self.broadcast.follow(teacher.camera))

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def close(self) -> None:
        self.broadcast.close()
        self.mixer.close()
        for task in self.tasks:
            task.cancel()


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:  # 429 when the room is full: the status, a sentence and a word for programs
        return web.json_response(error.to_json(), status=error.status)
    except ClosedError as error:
        return web.json_response({"message": str(error), "reason": "closed"}, status=503)


def make_app(handler: SmallWebRTCRequestHandler, room: Room) -> web.Application:
    async def offer(request: web.Request) -> web.Response:
        asked = SmallWebRTCRequest.from_json(await request.read())
        return web.json_response(await handler.handle_web_request(asked, room.meet))

    async def candidates(request: web.Request) -> web.Response:
        await handler.handle_patch_request(SmallWebRTCPatchRequest.from_json(await request.read()))
        return web.json_response({"status": "success"})

    async def who_is_here(request: web.Request) -> web.Response:
        teacher = room.teacher and room.teacher.connection.pc_id
        people = [
            {
                "name": who.name,
                "state": who.state,
                "here_s": round(who.here_s),
                "teacher": who.pc_id == teacher,
            }
            for who in handler.clients
        ]
        return web.json_response(
            {"people": people, "broadcast": room.broadcast.stats(), "mixer": room.mixer.stats()}
        )

    async def close(app: web.Application) -> None:
        await handler.close()  # every client is told
        room.close()

    app = web.Application(middlewares=[refuse])
    app.router.add_post("/api/offer", offer)
    app.router.add_patch("/api/offer", candidates)
    app.router.add_get("/room", who_is_here)
    app.on_shutdown.append(close)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A room over WebRTC, with aiohttp.")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--max-clients", type=int, default=20, help="who comes then is told that the room is full"
    )
    parser.add_argument("--ice-servers", nargs="*", default=[], help="URLs of STUN servers; none by default")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)

    async def app() -> web.Application:
        handler = SmallWebRTCRequestHandler(arguments.ice_servers, max_connections=arguments.max_clients)
        return make_app(handler, Room())

    web.run_app(app(), host="127.0.0.1", port=arguments.port)
