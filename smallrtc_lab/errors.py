"""What can go wrong, as one tree.

    SmallRTCError
    ├── NotLiveError              nothing is streaming yet; says what to do
    ├── StreamTimeout             a stream stayed silent longer than asked (also a TimeoutError)
    ├── ConnectionFailed          the browser and the engine found no way to each other
    ├── EngineError               the media process
    │   ├── EngineCrashed         it ended although nobody asked it to
    │   └── EngineTimeout         it did not answer in time (also a TimeoutError)
    ├── ClosedError               the lab, connection or stream was closed before
    ├── ProtocolError             a message that does not follow the protocol
    ├── RequestError              a signaling request refused: HTTP status, code, sentence
    ├── MediaFileError            a file of pictures or sound that cannot be read
    └── BotFileError              a file or object from which no bot could be taken

Every message is one plain sentence that names the next step.
"""

from __future__ import annotations

__all__ = [
    "BotFileError",
    "ClosedError",
    "ConnectionFailed",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "MediaFileError",
    "NotLiveError",
    "ProtocolError",
    "RequestError",
    "SmallRTCError",
    "StreamTimeout",
]


class SmallRTCError(Exception):
    """The root of everything this package raises on purpose."""


class NotLiveError(SmallRTCError):
    """Something was read before anything was live."""

    def __init__(self, message: str = "click Start, or call lab.wait_live()") -> None:
        super().__init__(message)


class StreamTimeout(SmallRTCError, TimeoutError):
    """No frame or chunk came within the time asked for."""


class ConnectionFailed(SmallRTCError):
    """No connection could be made, or it was lost and did not come back."""


class EngineError(SmallRTCError):
    """The media process could not do what it was asked."""


class EngineCrashed(EngineError):
    """The media process ended although nobody asked it to."""


class EngineTimeout(EngineError, TimeoutError):
    """The media process did not answer in time."""


class ClosedError(SmallRTCError):
    """The object was closed before; make a new one."""


class ProtocolError(SmallRTCError):
    """A message that does not follow the protocol; the sentence says where it went wrong."""


class RequestError(SmallRTCError):
    """A signaling request that is refused.

    ``status`` is the HTTP status, ``code`` a stable kebab-case word for programs, and the
    message a sentence for people. The npm client takes every 4xx as final and retries 5xx.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self.args[0])

    def to_json(self) -> dict[str, str]:
        """The body of the HTTP answer, in the shape Jupyter's own API errors have."""
        return {"message": self.message, "reason": self.code}


class MediaFileError(SmallRTCError):
    """A file of pictures or sound that cannot be read; the sentence names it and says why."""


class BotFileError(SmallRTCError):
    """A file or object from which no bot could be taken; the message ends with the traceback where there is one."""
