"""What the kernel may call in the engine, by subject: each group of calls is a class of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, ClassVar

from smallrtc_lab.framing import Header

from .bridge import Bridge

if TYPE_CHECKING:
    from .session import Session

__all__ = ["CallGroup", "EngineServices"]


class EngineServices:
    """What a group of calls may use of the engine.

    ``session(name)`` raises :class:`NotLiveError` for a lab that was closed, ``find(name)`` gives None;
    ``to_server(header, payload)`` sends on the link, and does nothing without one.
    """

    def __init__(
        self,
        session: Callable[[str], Session],
        find: Callable[[str], Session | None],
        bridge: Bridge,
        executor: Executor,
        to_server: Callable[[Header, bytes], None],
    ) -> None:
        self.session = session
        self.find = find
        self.bridge = bridge
        self.executor = executor
        self.to_server = to_server


class CallGroup:
    """Methods named ``call_…`` are called by name, on the engine's loop, with the arguments of the call.

    Each is a coroutine function; it returns what JSON can hold, or that and a payload of bytes. Those in
    ``with_payload`` get the call's own as the keyword ``payload``.
    """

    with_payload: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, engine: EngineServices) -> None:
        self.engine = engine

    def find(self, method: str) -> Callable[..., Any] | None:
        """The call of that name, if it is one of this group's."""
        return getattr(self, f"call_{method}", None)
