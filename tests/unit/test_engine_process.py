"""The engine as a real child process: it answers, it ends, and how it ended is told."""

from __future__ import annotations

import os
import queue
import signal

from smallrtc_lab.engine.process import EngineProcess
from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import Header


class Child:
    """An engine with what it said."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Header] = queue.Queue()
        self.ends: queue.Queue[ProtocolError | None] = queue.Queue()
        self.engine = EngineProcess(lambda header, payload: self.messages.put(header), self.ends.put)

    def ask(self, method: str) -> Header:
        """Call it and wait for the reply."""
        self.engine.writer.send({"type": "call", "id": 1, "method": method, "args": {}})
        while (header := self.messages.get(timeout=60))["type"] != "reply":
            pass
        return header


def test_it_answers_and_ends_in_order() -> None:
    """A call is answered; stop() closes its input, which is how it ends by itself, with nothing to say."""
    child = Child()
    assert child.ask("no_such_method")["error"]["message"]
    assert child.engine.lived_s > 0
    assert child.engine.last_words() == ""
    child.engine.stop()
    assert child.engine.popen.returncode == 0
    assert child.ends.get(timeout=60) is None


def test_how_it_ended_is_told_with_its_last_words() -> None:
    """Killed: the end of its pipe is told, the signal named, and what it wrote to standard error quoted."""
    child = Child()
    child.ask("no_such_method")
    os.write(child.engine._stderr.fileno(), b"Fatal Python error: it hurts\n")
    os.kill(child.engine.popen.pid, signal.SIGKILL)
    assert child.ends.get(timeout=60) is None
    said = child.engine.describe_end(None)
    assert said.startswith("The media engine ended unexpectedly (signal 9).")
    assert said.endswith("Its last words:\nFatal Python error: it hurts")
    child.engine.release()


def test_one_that_speaks_nonsense_is_killed() -> None:
    """A process that keeps no protocol is ended, and the fault named instead of the signal."""
    child = Child()
    said = child.engine.describe_end(ProtocolError("a header that is no JSON"))
    assert "(a header that is no JSON)" in said
    assert child.engine.popen.returncode == -signal.SIGKILL
    child.engine.release()
