"""Keeping credentials fresh: asked at once, again before they expire, and soon again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from smallrtc_lab.ice import IceServerJson

from .credentials import Credentials, CredentialsError, read_answer

__all__ = ["Follower", "where_of"]

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
_AGAIN_S = (5.0, 10.0, 20.0, 40.0, 60.0)
# A computer that sleeps stops the loop's clock and not that of the credentials: the longest nap between two looks.
_LONGEST_NAP_S = 60.0


class Follower:
    """Asks one source for as long as :meth:`run` runs, and hands on what it gives.

    ``source`` is anything that can be called without arguments, sync or async. ``got(ice_servers)`` and
    ``failed(sentence)`` are called on the loop; a sentence holds no secret. A sync source runs in a thread of its own,
    one call at a time.
    """

    def __init__(
        self,
        source: Callable[[], Any],
        *,
        got: Callable[[list[IceServerJson]], None],
        failed: Callable[[str], None],
        answer_s: float = ANSWER_S,
    ) -> None:
        self._source = source
        self._got = got
        self._failed = failed
        self._answer_s = answer_s
        self._thread: threading.Thread | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        failures = 0
        while True:
            try:
                credentials = await self.ask()
            except CredentialsError as error:
                self._failed(str(error))
                wait_s = _AGAIN_S[min(failures, len(_AGAIN_S) - 1)]
                failures += 1
            else:
                self._got(credentials.ice_servers)
                wait_s = credentials.refresh_in_s(time.time())
                failures = 0
            await _until(time.time() + wait_s)

    async def ask(self) -> Credentials:
        """Ask once; raises :class:`CredentialsError` for whatever goes wrong, after the deadline at the latest."""
        try:
            async with asyncio.timeout(self._answer_s):
                return read_answer(await self._call())
        except TimeoutError:
            raise CredentialsError(f"no answer within {self._answer_s:g} s") from None
        except CredentialsError:
            raise
        except Exception as error:  # noqa: BLE001 - border: told, but for its text, which may quote a password
            raise CredentialsError(_described(error)) from None

    async def _call(self) -> Any:
        call = getattr(self._source, "__call__", self._source)  # noqa: B004 - an object's own, to see whether it is async
        if inspect.iscoroutinefunction(self._source) or inspect.iscoroutinefunction(call):
            return await self._source()
        if self._thread is not None and self._thread.is_alive():
            raise CredentialsError("the function that gives them has not returned since it was last called")
        answer = await self._in_thread(self._source)
        return await answer if inspect.isawaitable(answer) else answer

    def _in_thread(self, function: Callable[[], Any]) -> Awaitable[Any]:
        """Call it in a daemon thread: one that never returns keeps no process from ending."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def run() -> None:
            result, failure = None, None
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 - handed on to who asked
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(settle, result, failure)

        self._thread = threading.Thread(target=run, name="smallrtc turn source", daemon=True)
        self._thread.start()
        return future


def where_of(source: Callable[[], Any]) -> str:
    """Words for a source: its own, or the name of a function."""
    return str(getattr(source, "where", None) or f"{getattr(source, '__name__', 'the function')}()")


async def _until(time_s: float) -> None:
    while (left_s := time_s - time.time()) > 0:  # noqa: ASYNC110 - a wait by another clock than the loop's
        await asyncio.sleep(min(left_s, _LONGEST_NAP_S))


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at line {frames[-1].lineno} of {frames[-1].name}()" if frames else ""
    return f"{type(error).__name__}{place}; call it in a cell to see more"
