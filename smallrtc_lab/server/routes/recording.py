"""A file that a lab recorded, for who downloads it: read by the engine, for it may be on another machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tornado.web import authenticated

from smallrtc_lab.errors import RequestError

from .base import JsonRoute

__all__ = ["RecordingFile"]

_PIECE_BYTES = 512 * 1024  # small enough that nothing else on the link waits long behind one
_CONTENT_TYPES = {
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}


class RecordingFile(JsonRoute):
    """``GET`` file ``index`` of recording ``number``, as long as it was when this was asked."""

    @authenticated
    async def get(self, session_id: str, number: str, index: str) -> None:
        """The file, piece by piece; the browser takes the next when it has the one before."""
        if not (number.isdecimal() and index.isdecimal() and len(number) + len(index) < 12):
            raise RequestError(404, "unknown-recording", "There is no such recording.")
        asked = {"number": int(number), "index": int(index)}
        sent, size = 0, None
        while size is None or sent < size:
            piece = await self.broker.request(
                session_id, "recording", {**asked, "offset": sent, "count": _PIECE_BYTES}
            )
            if size is None:
                if piece.status != 200:
                    self.set_status(piece.status)
                    self.finish(piece.body)
                    return
                size = self._begin(piece.body)
            if piece.status != 200 or not piece.payload:
                break  # the file has gone: the length that was told shows that something is missing
            self.write(piece.payload[: size - sent])
            sent += len(piece.payload)
            await self.flush()
        self.finish()

    def _begin(self, body: dict[str, Any]) -> int:
        name, size = body.get("name"), body.get("size")
        if not isinstance(name, str) or not isinstance(size, int):
            raise RequestError(502, "bad-reply", "The engine's answer is no piece of a recording.")
        suffix = name.rpartition(".")[2].lower()
        self.set_header("Content-Type", _CONTENT_TYPES.get(suffix, "application/octet-stream"))
        self.set_header("Content-Length", str(size))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        return size
