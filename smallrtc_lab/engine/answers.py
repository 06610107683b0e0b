"""Requests of pages and of clients from outside, and the engine's answers, good or bad."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from smallrtc_lab.errors import RequestError

from .hall import Hall
from .session import Session

__all__ = ["Answer", "answer_to"]

logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """An HTTP status and the body of JSON; ``content`` are the bytes of a picture or sound."""

    status: int
    body: dict[str, Any]
    content: bytes = b""


async def answer_to(session: Session | Hall | None, method: str, body: dict[str, Any]) -> Answer:
    """Do what is asked; whatever goes wrong is an answer as well. None is a session that has ended."""
    try:
        if session is None:
            raise RequestError(404, "unknown-session", "This session has ended. Run the cell again.")
        return await _serve(session, method, body)
    except RequestError as error:
        return Answer(error.status, error.to_json())
    except Exception:  # border: the person at the page gets an answer, the log gets the traceback
        logger.exception("request %s failed", method)
        said = {"message": "The engine failed on this request; its log says why.", "reason": "engine-error"}
        return Answer(500, said)


async def _serve(session: Session | Hall, method: str, body: dict[str, Any]) -> Answer:
    reception = session if isinstance(session, Hall) else session.reception
    if method == "offer":
        return Answer(200, await reception.offer(body))
    if method == "patch":
        return Answer(200, await reception.patch(body))
    if method == "picture" and isinstance(session, Session):
        item = session.shelf.get(str(body.get("name")))
        if item is None:
            raise RequestError(404, "unknown-picture", "This picture was not saved and is gone.")
        return Answer(200, {"content_type": item[0]}, item[1])
    if method == "recording" and isinstance(session, Session):
        return Answer(200, *await session.recordings.piece(body))
    raise RequestError(400, "unknown-method", f"the engine knows no request {method!r}")
