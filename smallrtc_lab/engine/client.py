"""The kernel's half of the bridge: starts the engine, calls it, hands its deliveries to who subscribed.

Thread-safe. Calls block the calling thread only; events and deliveries arrive on the reader's thread, whose
handlers must be quick and hand real work to a thread of their own. An engine that crashes is started again (see
:mod:`.restarts`), and every session is asked to open itself anew.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from smallrtc_lab import errors
from smallrtc_lab.errors import EngineCrashed, EngineError, EngineTimeout, ProtocolError
from smallrtc_lab.framing import Header
from smallrtc_lab.sctp import sctp_chunk_bytes

from .arena import SlotRef
from .pending import Answer, PendingCalls
from .process import EngineProcess
from .restarts import Restart, Restarts

__all__ = ["Delivery", "EngineClient", "Restart", "SessionHandler"]

logger = logging.getLogger("smallrtc_lab.engine")

Delivery = Callable[[Header, bytes], None]


class SessionHandler(Protocol):
    """What a session's owner in the kernel is told: events on the reader's thread, lost and back on others."""

    def engine_event(self, name: str, header: Header) -> None:
        """Something happened in the session. Bytes that came with it are ``header["payload"]``."""

    def engine_lost(self, reason: str, restart: Restart) -> None:
        """The engine has crashed; ``restart`` says what follows."""

    def engine_back(self) -> None:
        """A new engine runs: open the session and its subscriptions again."""


class EngineClient:
    """The engine as the kernel sees it. ``link`` holds the arguments of the engine's ``link`` call, or None."""

    def __init__(self, link: dict[str, Any] | None = None) -> None:
        self.link_state = "none" if link is None else "dialling"
        self.link_reason = ""
        self._link = link
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._calls = PendingCalls()
        self._numbers = itertools.count(1)
        self._sessions: dict[str, SessionHandler] = {}
        self._subscriptions: dict[int, tuple[str, Delivery]] = {}
        self._restarts = Restarts()
        self._reviving = threading.RLock()  # held while sessions are told of an end, or open themselves anew
        self._wait_no_longer = threading.Event()
        self._process: EngineProcess | None = None

    @property
    def pid(self) -> int | None:
        """The engine's process id, None when it does not run."""
        process = self._process
        return None if process is None else process.popen.pid

    def ensure_started(self) -> None:
        """Start the engine when it does not run; returns before it is ready, calls wait for it.

        Raises ``ValueError`` for a setting in the environment with which it could not make a connection.
        """
        self._require_own_process()
        sctp_chunk_bytes(os.environ)
        with self._lock:
            if self._process is not None:
                return
            process = EngineProcess(self._received, lambda problem: self._ended(process, problem))
            self._process = process
            atexit.unregister(self.stop)
            atexit.register(self.stop)
            if self._link is not None:
                self.submit("link", **self._link)

    def revive(self) -> None:
        """Start an engine that crashed without waiting any longer; returns when every session is open there.

        Nothing to do while one runs. Never called on the reader's thread, for it waits for answers.
        """
        with self._reviving:
            with self._lock:
                handlers = list(self._sessions.values())
                if self._process is not None or not handlers:
                    return
                self._wait_no_longer.set()
            self.ensure_started()
            for handler in handlers:
                try:
                    handler.engine_back()
                except errors.SmallRTCError as error:  # that lab was closed, or this engine ended as well
                    logger.error("a lab could not go on with the new engine: %s", error)

    def stop(self) -> None:
        """End the engine; sessions still open are gone."""
        if os.getpid() != self._pid:  # a forked child exits: the engine is not its own
            return
        with self._lock:
            process, self._process = self._process, None
            self._subscriptions.clear()
        if process is not None:
            process.stop()
        self._calls.fail_all(EngineError("the engine was stopped"))
        atexit.unregister(self.stop)

    # Sessions

    def attach(self, session_id: str, handler: SessionHandler) -> None:
        """Send this session's events to ``handler``; starts the engine, and raises as :meth:`ensure_started`.

        An engine that had crashed is started for all sessions.
        """
        self.revive()
        with self._lock:
            self._sessions[session_id] = handler
        try:
            self.ensure_started()
        except BaseException:
            self.detach(session_id)
            raise

    def adopt(self, session_id: str, handler: SessionHandler) -> None:
        """Send the events of a session that the engine has made itself; also on the reader's thread."""
        with self._lock:
            self._sessions[session_id] = handler

    def detach(self, session_id: str) -> None:
        """Forget a session; with the last one the engine ends."""
        with self._lock:
            self._sessions.pop(session_id, None)
            gone = [n for n, (owner, _) in self._subscriptions.items() if owner == session_id]
            for number in gone:
                del self._subscriptions[number]
            last = not self._sessions
        if last:
            self._wait_no_longer.set()
            self.stop()

    # Calls

    def submit(self, method: str, *, payload: bytes = b"", **args: Any) -> Future[Answer]:
        """Call the engine without waiting; the future has the result and its payload, or raises."""
        self._require_own_process()
        with self._lock:
            process = self._process
            number = next(self._numbers)
            future = self._calls.begin(number)
        if process is None:
            self._calls.fail(number, EngineError("the engine does not run; lab.start() starts it again"))
            return future
        message = {"type": "call", "id": number, "method": method, "args": args}
        try:
            sent = process.writer.send(message, payload)
        except (ProtocolError, TypeError, ValueError):  # what JSON cannot hold, or too much of it
            self._calls.forget(number)
            raise
        if not sent:
            self._calls.fail(number, EngineError("the engine does not read; restart the kernel"))
        return future

    def call(
        self, method: str, *, payload: bytes = b"", timeout_s: float = 10.0, **args: Any
    ) -> tuple[Any, bytes]:
        """Call the engine and wait for the answer.

        Raises what the engine raised, :class:`EngineTimeout`, or :class:`EngineCrashed`.
        """
        try:
            return self.submit(method, payload=payload, **args).result(timeout_s)
        except FutureTimeout:
            raise EngineTimeout(
                f"the engine did not answer {method!r} within {timeout_s:g} s; is this machine overloaded?"
            ) from None

    # Subscriptions

    def subscribe(self, session_id: str, kind: str, delivery: Delivery, **request: Any) -> int:
        """Ask for pictures (``kind`` "video") or sound ("audio"); ``delivery`` runs on the reader's thread."""
        with self._lock:
            number = next(self._numbers)
            self._subscriptions[number] = (session_id, delivery)
        try:
            self.call(f"subscribe_{kind}", session=session_id, number=number, **request)
        except errors.SmallRTCError:
            with self._lock:
                self._subscriptions.pop(number, None)
            raise
        return number

    def is_subscribed(self, number: int) -> bool:
        """Whether what a subscription delivered is still wanted, and its engine still there."""
        return number in self._subscriptions

    def unsubscribe(self, session_id: str, number: int, after: Callable[[], object] = lambda: None) -> None:
        """No more deliveries; ``after`` is called when the last one has been handed over.

        Safe to call twice, and after the engine has ended.
        """
        with self._lock:
            known = self._subscriptions.pop(number, None)
        if known is None or self._process is None or os.getpid() != self._pid:
            after()
            return
        # The reader's thread that settles this call hands over all deliveries that came before.
        answer = self.submit("unsubscribe", session=session_id, number=number)
        answer.add_done_callback(lambda _: after())

    def send(self, header: Header, payload: bytes | memoryview = b"") -> None:
        """A message that needs no answer: ``done`` and ``result``."""
        process = self._process
        if process is not None:
            process.writer.send(header, payload)

    def picture(self, header: Header) -> npt.NDArray[np.uint8]:
        """A private, writable copy of the picture a delivery or reply points to.

        Raises :class:`EngineError` when the engine that wrote it has gone.
        """
        process = self._process
        if process is None:
            raise EngineError("the engine has ended")
        try:
            view = process.attachments.view(SlotRef.from_json(header["slot"]))
        except FileNotFoundError:
            raise EngineCrashed("the engine of this picture has ended; read a new one") from None
        size = (header["height"], header["width"])
        shape = size if header["format"] == "gray" else (*size, 3)
        return np.frombuffer(view, np.uint8).reshape(shape).copy()

    def free(self, header: Header) -> None:
        """The picture of a reply or delivery was read: its slot is the engine's again."""
        self.send({"type": "free", "slot": header["slot"]})

    def lend(self, picture: npt.NDArray[np.uint8]) -> SlotRef | None:
        """Write a picture into shared memory for the engine; None when it has not given enough slots back."""
        process = self._process
        if process is None:
            return None
        slot = process.pool.acquire(picture.nbytes)
        if slot is None:
            return None
        ref, memory = slot
        np.frombuffer(memory, np.uint8).reshape(picture.shape)[...] = picture
        return ref

    # The reader's thread

    def _received(self, header: Header, payload: bytes) -> None:
        kind = header["type"]
        if kind == "deliver":
            known = self._subscriptions.get(header["subscription"])
            if known is not None:
                known[1](header, payload)
            elif "slot" in header:
                self.free(header)
        elif kind == "reply":
            self._calls.answered(header, payload)
        elif kind == "event":
            self._event({**header, "payload": payload} if payload else header)
        elif kind == "free":
            process = self._process
            if process is not None:
                process.pool.release(SlotRef.from_json(header["slot"]))
        elif kind == "log":
            logger.log(header["level"], "%s", header["text"])

    def _event(self, header: Header) -> None:
        if header["name"] == "link":
            self.link_state, self.link_reason = header["state"], header["reason"]
            handlers = list(self._sessions.values())
        else:
            handlers = [h for h in [self._sessions.get(header["session"])] if h is not None]
        for handler in handlers:
            try:
                handler.engine_event(header["name"], header)
            except Exception:  # border: one session's handler must not end the reader for all
                logger.exception("the event %s could not be handled", header["name"])

    def _require_own_process(self) -> None:
        if os.getpid() != self._pid:  # the pipes were inherited, their threads were not
            raise EngineError("this process was forked from the kernel: use the lab in the kernel itself")

    def _ended(self, process: EngineProcess, problem: ProtocolError | None) -> None:
        if self._process is process:  # else it was asked to end
            restart = threading.Thread(
                target=self._crashed, args=(process, problem), name="smallrtc-restart", daemon=True
            )
            restart.start()

    def _crashed(self, process: EngineProcess, problem: ProtocolError | None) -> None:
        with self._lock:
            if self._process is not process:
                return
            self._process = None
            wait_no_longer = self._wait_no_longer = threading.Event()
        reason = process.describe_end(problem)
        process.release()
        restart = self._restarts.crashed(process.lived_s)
        logger.error("%s %s", reason, restart.next_step)
        self._calls.fail_all(EngineCrashed(f"{reason} {restart.next_step}"))
        self._subscriptions.clear()
        with self._reviving:  # whoever still opens itself in the engine that has ended is told afterwards
            for handler in list(self._sessions.values()):
                handler.engine_lost(reason, restart)
        if restart.delay_s is not None:
            wait_no_longer.wait(restart.delay_s)
            self.revive()
