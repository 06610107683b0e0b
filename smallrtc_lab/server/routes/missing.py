"""Everything else below ``smallrtc/``: a JSON answer where Jupyter would give its HTML page."""

from __future__ import annotations

from tornado.web import HTTPError, authenticated

from .base import JsonRoute

__all__ = ["Missing"]


class Missing(JsonRoute):
    """404 for whatever is asked."""

    @authenticated
    async def get(self) -> None:
        """Nothing."""
        raise HTTPError(404)

    @authenticated
    async def post(self) -> None:
        """Nothing."""
        raise HTTPError(404)

    @authenticated
    async def patch(self) -> None:
        """Nothing."""
        raise HTTPError(404)
