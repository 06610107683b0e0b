"""Events by name, with handlers that may be plain functions or coroutine functions.

    emitter = EventEmitter(("connected", "closed"))

    @emitter.event_handler("connected")
    async def on_connected(connection): ...

    await emitter.emit("connected", connection)

The handlers of one event run one after the other, in the order they were registered. One that raises never
stops the others or the emitter: its traceback is logged and handed to ``on_handler_error``.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

__all__ = ["EventEmitter", "EventHandler", "HandlerErrorHook"]

logger = logging.getLogger(__name__)

EventHandler: TypeAlias = Callable[..., Any]
HandlerErrorHook: TypeAlias = Callable[[str, EventHandler, Exception], None]
H = TypeVar("H", bound=EventHandler)


class EventEmitter:
    """Keeps the handlers of a fixed set of event names and calls them in order."""

    def __init__(self, names: Iterable[str]) -> None:
        self._handlers: dict[str, list[EventHandler]] = {name: [] for name in names}
        self.on_handler_error: HandlerErrorHook | None = None

    @property
    def event_names(self) -> tuple[str, ...]:
        """The names that handlers can be registered for."""
        return tuple(self._handlers)

    def event_handler(self, name: str) -> Callable[[H], H]:
        """Decorator that registers a handler for ``name``; raises ``ValueError`` for an unknown name."""
        handlers = self._of(name)

        def register(handler: H) -> H:
            handlers.append(handler)
            return handler

        return register

    def add_event_handler(self, name: str, handler: EventHandler) -> None:
        """Register ``handler`` for ``name``; raises ``ValueError`` for an unknown name."""
        self._of(name).append(handler)

    def remove(self, name: str, handler: EventHandler) -> None:
        """Forget one registration of ``handler``; one that is not registered is no error."""
        handlers = self._of(name)
        if handler in handlers:
            handlers.remove(handler)

    async def emit(self, name: str, *args: Any) -> None:
        """Call every handler of ``name`` with ``args``, in order, awaiting those that are coroutines."""
        for handler in tuple(self._of(name)):
            await self._call(name, handler, args)

    async def _call(self, name: str, handler: EventHandler, args: tuple[Any, ...]) -> None:
        try:
            result = handler(*args)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            logger.exception("handler %s of event %r failed", _name_of(handler), name)
            if self.on_handler_error is not None:
                self.on_handler_error(name, handler, error)

    def _of(self, name: str) -> list[EventHandler]:
        handlers = self._handlers.get(name)
        if handlers is None:
            known = ", ".join(repr(known) for known in self._handlers)
            raise ValueError(f"no event {name!r}; there are {known}")
        return handlers


def _name_of(handler: EventHandler) -> str:
    return getattr(handler, "__qualname__", repr(handler))
