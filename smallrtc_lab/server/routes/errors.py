"""Errors as JSON ``{"message", "reason"}``, whoever raised them."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from smallrtc_lab.errors import RequestError

__all__ = ["JsonErrors"]

# Status: code and sentence, for what Jupyter and tornado raise. Their own texts may quote what was sent.
_SENTENCES = {
    400: ("malformed", "The request makes no sense."),
    403: ("forbidden", "This is not allowed."),
    404: ("not-found", "There is nothing here."),
    405: ("method-not-allowed", "This address does not take that method."),
    500: ("server-error", "The server made a mistake; its log says more."),
}
_LOGIN = ("login-required", "Log in to this Jupyter server first.")
_XSRF = ("xsrf", "The XSRF token is missing or wrong: send the value of the _xsrf cookie as X-XSRFToken.")


class JsonErrors(JupyterHandler):  # type: ignore[misc]
    """A handler whose error answers are JSON, also those of authentication, XSRF and unknown methods."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the sentence and code that belong to the exception."""
        error = kwargs.get("exc_info", (None, None))[1]
        self.set_header("Content-Type", "application/json")
        # tornado has dropped them with what was answered so far; without them a page of another origin that may
        # ask here takes every refusal for a broken network, and tries again.
        self.set_cors_headers()
        self.finish(json.dumps(self.error_body(status_code, error)))

    def error_body(self, status_code: int, error: Any) -> dict[str, str]:
        """``message`` and ``reason`` of an exception."""
        return error.to_json() if isinstance(error, RequestError) else self._explained(status_code, error)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """A :class:`RequestError` knows its status."""
        error = kwargs.get("exc_info", (None, None))[1]
        super().send_error(error.status if isinstance(error, RequestError) else status_code, **kwargs)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refused request is no fault of the server and gets one line; the rest is logged as ever."""
        if isinstance(value, RequestError):
            self.log.info("%s %s: %d %s", self.request.method, self.request.path, value.status, value.code)
        else:
            super().log_exception(typ, value, tb)

    def get_login_url(self) -> str:
        """Nobody is sent to the login page from here: a program asked."""
        raise HTTPError(403)

    def _explained(self, status_code: int, error: Any) -> dict[str, str]:
        code, sentence = _SENTENCES.get(status_code, (f"http-{status_code}", "The request was refused."))
        if status_code == 403 and not getattr(self, "_jupyter_current_user", None):
            code, sentence = _LOGIN
        elif status_code == 403 and "xsrf" in str(getattr(error, "log_message", "")).lower():
            code, sentence = _XSRF
        return {"message": sentence, "reason": code}
